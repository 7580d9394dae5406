package collect

import (
	"cmp"
	"slices"

	"dossier/packager"
)

// merge makes one material of files with the same bytes in the same role. Two
// that stand for different requirements are left apart: the same picture for
// both sides of a card is a mistake that check must see.
func (s *search) merge() {
	type key struct {
		sum  string
		role packager.Role
	}
	first := map[key]*file{}
	for _, f := range s.preferred() {
		if f.failed || f.sum == "" || f.stat.Size() == 0 {
			continue
		}
		var kept []use
		for _, u := range f.uses {
			// an unplaced file adds nothing to one that has its place
			of := first[key{f.sum, u.role}]
			if u.role == packager.RoleUnplaced {
				of = s.twin(f, first[key{f.sum, packager.RoleMaterial}], first[key{f.sum, packager.RoleBackup}],
					first[key{f.sum, packager.RoleEvidence}], first[key{f.sum, packager.RoleConsent}], of)
			}
			switch {
			case of == nil:
				first[key{f.sum, u.role}] = f
				kept = append(kept, u)
			case u.role == packager.RoleUnplaced, of.covers(u):
				of.widen(u)
				s.find("FILE_DUPLICATE", packager.Info, f.path, "", packager.Position{}, packager.Args{"of": of.path})
			default:
				kept = append(kept, u)
			}
		}
		f.uses = kept
	}
}

func (s *search) twin(f *file, others ...*file) *file {
	for _, o := range others {
		if o != nil && o != f {
			return o
		}
	}
	return nil
}

// preferred orders files so that what case.yaml names comes first, then what
// was placed by name, then the rest; of these the shortest name first, since
// copies are called "… (1)".
func (s *search) preferred() []*file {
	out := s.ordered()
	weight := func(f *file) int {
		switch {
		case f.uses[0].match.By == byCase:
			return 0
		case f.uses[0].role != packager.RoleUnplaced:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b *file) int {
		return cmp.Or(weight(a)-weight(b), len(a.path)-len(b.path))
	})
	return out
}

// covers reports whether one of the two sets of ids holds the other.
func (f *file) covers(u use) bool {
	for _, v := range f.uses {
		if v.role == u.role {
			n := len(union(v.ids, u.ids))
			return n == max(len(v.ids), len(u.ids))
		}
	}
	return false
}

func (f *file) widen(u use) {
	for i, v := range f.uses {
		if v.role == u.role {
			f.uses[i].ids = union(v.ids, u.ids)
		}
	}
}
