package plan

import (
	"slices"

	"dossier/packager"
)

// revise numbers the items as in the bundle that is replaced, and notes what
// has changed since: a reviewer who has seen the first one finds everything
// under the number that they know.
func revise(p *packager.Plan, prev *Previous) {
	m := prev.Manifest
	day, err := packager.ParseDay(m.Day)
	if err != nil {
		day = packager.Day{} // the manifest is of another time: the day is not stated
	}
	p.Revision = &packager.Revision{Bundle: m.Bundle, Day: day, Reason: prev.Reason}
	next := 1
	for _, old := range m.Materials {
		next = max(next, old.No+1)
	}
	was, taken := counterparts(p.Items, m.Materials)
	for i := range p.Items {
		it := &p.Items[i]
		change := packager.Change{Title: it.Title, After: it.File.SHA256}
		switch old := was[i]; {
		case old == nil:
			it.No = next
			next++
			change.What = "added"
		default:
			it.No = old.No
			change.What, change.Before = "replaced", old.SHA256
			if old.SHA256 == it.File.SHA256 {
				continue
			}
		}
		change.Item = it.No
		p.Revision.Changes = append(p.Revision.Changes, change)
	}
	for _, old := range m.Materials {
		if !taken[old.No] {
			p.Revision.Changes = append(p.Revision.Changes, packager.Change{
				What: "removed", Item: old.No, Title: packager.Text{ZH: old.Title, EN: old.Title}, Before: old.SHA256,
			})
		}
	}
	slices.SortStableFunc(p.Revision.Changes, func(a, b packager.Change) int { return a.Item - b.Item })
}

// counterparts finds for each item the one that it was: the same bytes, else
// the same path, else the same requirements. The better sign goes first over
// all items, so that a new file does not take the place of one that is still
// there.
func counterparts(items []packager.Item, old []packager.ManifestItem) (was []*packager.ManifestItem, taken map[int]bool) {
	was, taken = make([]*packager.ManifestItem, len(items)), map[int]bool{}
	for _, same := range []func(packager.Item, packager.ManifestItem) bool{
		func(it packager.Item, o packager.ManifestItem) bool { return o.SHA256 == it.File.SHA256 },
		func(it packager.Item, o packager.ManifestItem) bool { return o.Path == it.File.Path },
		func(it packager.Item, o packager.ManifestItem) bool {
			return len(o.Requirements) > 0 && slices.Equal(o.Requirements, it.Requirements)
		},
	} {
		for i, it := range items {
			for k := range old {
				if was[i] == nil && !taken[old[k].No] && same(it, old[k]) {
					was[i], taken[old[k].No] = &old[k], true
				}
			}
		}
	}
	return was, taken
}
