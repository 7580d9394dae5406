package compose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// annotations draws what is laid over a page (stamps, seals, filled-in form
// fields, visible signatures) into the page, so that nothing of it is lost or
// left alive: form fields of two papers cannot collide, and no broken
// signature remains. Links stay links.
func (im *importer) annotations(p pageNode, sp *sourcePage, dests map[string]types.Object) {
	xobjects := types.Dict{}
	var content strings.Builder
	for _, o := range im.array(p.Dict["Annots"]) {
		a := im.dict(o)
		at, ok := im.rect(a["Rect"])
		if a == nil || !ok {
			continue
		}
		switch im.name(a["Subtype"]) {
		case "Link":
			if l, ok := im.link(a, at, dests); ok {
				sp.links = append(sp.links, l)
			}
			continue
		case "Popup":
			continue
		}
		flags, _ := im.number(a["F"])
		const hidden, noView = 1 << 1, 1 << 5
		if int(flags)&(hidden|noView) != 0 {
			continue
		}
		ref, m, ok := im.appearance(a, at)
		if !ok {
			continue
		}
		name := fmt.Sprintf("N%d", len(xobjects))
		xobjects[name] = ref
		fmt.Fprintf(&content, "q %s cm /%s Do Q\n", matrixString(m), name)
	}
	if len(xobjects) == 0 {
		return
	}
	xobjects["P"] = sp.form
	d := im.formDict(sp.box)
	d["Resources"] = types.Dict{"XObject": xobjects}
	sp.form = im.out.addFlate(d, []byte("/P Do\n"+content.String()))
}

// appearance returns the normal appearance of an annotation and the matrix
// that lays it into its rectangle (ISO 32000-1, 12.5.5, algorithm 8.1).
func (im *importer) appearance(a types.Dict, at rect) (types.Object, matrix, bool) {
	n := im.dict(a["AP"])["N"]
	if d, ok := im.deref(n).(types.Dict); ok { // one stream for each state
		n = d[im.name(a["AS"])]
	}
	sd, ok := im.deref(n).(types.StreamDict)
	if !ok {
		return nil, matrix{}, false
	}
	box, ok := im.rect(sd.Dict["BBox"])
	if !ok || box.w() == 0 || box.h() == 0 {
		return nil, matrix{}, false
	}
	m := matrix{1, 0, 0, 1, 0, 0}
	if v := im.array(sd.Dict["Matrix"]); len(v) == 6 {
		for i := range m {
			m[i], _ = im.number(v[i])
		}
	}
	b := box.through(m)
	if b.w() == 0 || b.h() == 0 {
		return nil, matrix{}, false
	}
	sx, sy := at.w()/b.w(), at.h()/b.h()
	fit := matrix{sx, 0, 0, sy, at.x0 - sx*b.x0, at.y0 - sy*b.y0}
	if _, isRef := n.(types.IndirectRef); !isRef {
		return nil, matrix{}, false // a stream is always an indirect object
	}
	return im.copy(n), fit, true
}

func matrixString(m matrix) string {
	var b []byte
	for i, v := range m {
		if i > 0 {
			b = append(b, ' ')
		}
		b = appendNumber(b, v)
	}
	return string(b)
}

// link reads a link that leads to a page of the same file or to the web. Any
// other action (JavaScript, starting programs, sending forms) is left behind.
func (im *importer) link(a types.Dict, at rect, dests map[string]types.Object) (sourceLink, bool) {
	l := sourceLink{at: at}
	if t := im.target(a["Dest"], dests); t != nil {
		l.to = t
		return l, true
	}
	act := im.dict(a["A"])
	switch im.name(act["S"]) {
	case "GoTo":
		l.to = im.target(act["D"], dests)
	case "URI":
		u := im.text(act["URI"])
		if s := strings.ToLower(u); strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "mailto:") {
			l.uri = u
		}
	}
	return l, l.to != nil || l.uri != ""
}

// target follows a destination, named or explicit (ISO 32000-1, 12.3.2).
func (im *importer) target(o types.Object, dests map[string]types.Object) *target {
	v := im.deref(o)
	switch s := v.(type) {
	case types.Name:
		v = im.deref(dests[string(s)])
	case types.StringLiteral, types.HexLiteral:
		v = im.deref(dests[im.text(s)])
	}
	if d, ok := v.(types.Dict); ok {
		v = im.deref(d["D"])
	}
	a, ok := v.(types.Array)
	if !ok || len(a) == 0 {
		return nil
	}
	t := &target{page: -1}
	switch p := a[0].(type) {
	case types.IndirectRef:
		if i, ok := im.pages[int(p.ObjectNumber)]; ok {
			t.page = i
		}
	case types.Integer:
		t.page = int(p)
	}
	if t.page < 0 || t.page >= len(im.pages) {
		return nil
	}
	t.x, t.y = -1e9, 1e9 // the corner of the page, where nothing else is said
	num := func(i int, to *float64) {
		if i < len(a) {
			if v, ok := im.number(a[i]); ok {
				*to = v
			}
		}
	}
	if len(a) > 1 {
		switch im.name(a[1]) {
		case "XYZ":
			num(2, &t.x)
			num(3, &t.y)
		case "FitH", "FitBH":
			num(2, &t.y)
		case "FitR":
			num(2, &t.x)
			num(5, &t.y)
		}
	}
	return t
}

// namedDests collects the named destinations of both kinds.
func (im *importer) namedDests(root types.Dict) map[string]types.Object {
	out := map[string]types.Object{}
	maps.Copy(out, im.dict(root["Dests"]))
	seen := map[int]bool{}
	var walk func(o types.Object, depth int)
	walk = func(o types.Object, depth int) {
		if r, ok := o.(types.IndirectRef); ok {
			if seen[int(r.ObjectNumber)] {
				return
			}
			seen[int(r.ObjectNumber)] = true
		}
		d := im.dict(o)
		if d == nil || depth > 40 {
			return
		}
		names := im.array(d["Names"])
		for i := 0; i+1 < len(names); i += 2 {
			out[im.text(names[i])] = names[i+1]
		}
		for _, k := range im.array(d["Kids"]) {
			walk(k, depth+1)
		}
	}
	walk(im.dict(root["Names"])["Dests"], 0)
	return out
}

// outline reads the bookmarks.
func (im *importer) outline(root types.Dict, dests map[string]types.Object) []sourceMark {
	seen := map[int]bool{}
	var level func(o types.Object, depth int) []sourceMark
	level = func(o types.Object, depth int) []sourceMark {
		var out []sourceMark
		for o != nil && depth < 30 {
			r, ok := o.(types.IndirectRef)
			if !ok || seen[int(r.ObjectNumber)] {
				break
			}
			seen[int(r.ObjectNumber)] = true
			d := im.dict(r)
			if d == nil {
				break
			}
			m := sourceMark{title: strings.TrimSpace(im.text(d["Title"])), kids: level(d["First"], depth+1)}
			if m.to = im.target(d["Dest"], dests); m.to == nil {
				if act := im.dict(d["A"]); im.name(act["S"]) == "GoTo" {
					m.to = im.target(act["D"], dests)
				}
			}
			if m.title != "" && (m.to != nil || len(m.kids) > 0) {
				out = append(out, m)
			}
			o = d["Next"]
		}
		return out
	}
	return level(im.dict(root["Outlines"])["First"], 0)
}

// layers gathers the optional content (layers) of every material, so that
// what is hidden in a paper stays hidden in the bundle (ISO 32000-1, 8.11).
type layers struct{ all, off types.Array }

func (l *layers) merge(im *importer, root types.Dict) {
	props := im.dict(root["OCProperties"])
	d := im.dict(props["D"])
	off := map[int]bool{}
	if im.name(d["BaseState"]) == "OFF" {
		for _, o := range im.array(props["OCGs"]) {
			if r, ok := o.(types.IndirectRef); ok {
				off[int(r.ObjectNumber)] = true
			}
		}
		for _, o := range im.array(d["ON"]) {
			if r, ok := o.(types.IndirectRef); ok {
				delete(off, int(r.ObjectNumber))
			}
		}
	}
	for _, o := range im.array(d["OFF"]) {
		if r, ok := o.(types.IndirectRef); ok {
			off[int(r.ObjectNumber)] = true
		}
	}
	for _, o := range im.array(props["OCGs"]) {
		r, ok := o.(types.IndirectRef)
		if !ok {
			continue
		}
		if _, used := im.refs[int(r.ObjectNumber)]; !used && !off[int(r.ObjectNumber)] {
			continue
		}
		c := im.copy(r)
		if slices.Contains(l.all, c) {
			continue
		}
		l.all = append(l.all, c)
		if off[int(r.ObjectNumber)] {
			l.off = append(l.off, c)
		}
	}
}

func (l *layers) properties() types.Object {
	if len(l.all) == 0 {
		return nil
	}
	return types.Dict{"OCGs": l.all, "D": types.Dict{"OFF": l.off, "Order": types.Array{}}}
}
