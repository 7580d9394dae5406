package compose

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"dossier/packager"
)

// matrix is a PDF transformation [a b c d e f] (ISO 32000-1, 8.3.3).
type matrix [6]float64

func (m matrix) apply(x, y float64) (float64, float64) {
	return m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]
}

// rect is a rectangle in PDF space, x0 ≤ x1 and y0 ≤ y1.
type rect struct{ x0, y0, x1, y1 float64 }

func (r rect) w() float64 { return r.x1 - r.x0 }
func (r rect) h() float64 { return r.y1 - r.y0 }

func (r rect) through(m matrix) rect {
	ax, ay := m.apply(r.x0, r.y0)
	bx, by := m.apply(r.x1, r.y1)
	cx, cy := m.apply(r.x0, r.y1)
	dx, dy := m.apply(r.x1, r.y0)
	return rect{min(ax, bx, cx, dx), min(ay, by, cy, dy), max(ax, bx, cx, dx), max(ay, by, cy, dy)}
}

func (r rect) and(s rect) (rect, bool) {
	t := rect{max(r.x0, s.x0), max(r.y0, s.y0), min(r.x1, s.x1), min(r.y1, s.y1)}
	return t, t.x1-t.x0 > 0.5 && t.y1-t.y0 > 0.5
}

// sourcePage is one page of a material PDF, written into the bundle as a form
// XObject in its own coordinates.
type sourcePage struct {
	form   types.IndirectRef
	box    rect    // what of the page is shown: its crop box
	rotate int     // 0, 90, 180, 270 clockwise
	unit   float64 // points in one unit of user space
	links  []sourceLink
}

// upright returns the size in points as a reader shows the page.
func (p *sourcePage) upright() (w, h float64) {
	w, h = p.box.w()*p.unit, p.box.h()*p.unit
	if p.rotate%180 != 0 {
		w, h = h, w
	}
	return w, h
}

// place returns the matrix that shows the page upright with its lower left
// corner at x, y, scaled by s.
func (p *sourcePage) place(x, y, s float64) matrix {
	s *= p.unit
	b := p.box
	switch p.rotate {
	case 90:
		return matrix{0, -s, s, 0, x - s*b.y0, y + s*b.x1}
	case 180:
		return matrix{-s, 0, 0, -s, x + s*b.x1, y + s*b.y1}
	case 270:
		return matrix{0, s, -s, 0, x + s*b.y1, y - s*b.x0}
	}
	return matrix{s, 0, 0, s, x - s*b.x0, y - s*b.y0}
}

// target is a place in a material PDF: a page and a point in its coordinates.
type target struct {
	page int // 0-based
	x, y float64
}

type sourceLink struct {
	at  rect
	to  *target
	uri string // or ""
}

type sourceMark struct {
	title string
	to    *target
	kids  []sourceMark
}

// source is what a material PDF gave to the bundle.
type source struct {
	pages   []*sourcePage
	marks   []sourceMark
	reduced int // pictures that were resampled
}

// importer copies objects from one PDF into the bundle under new numbers.
type importer struct {
	x     *model.XRefTable
	out   *pdfOut
	refs  map[int]types.IndirectRef
	pages map[int]int // object number of a page → its index
	todo  []int
	// dpi bounds the resolution of pictures (0: as they are), on pages whose
	// longest side is so many inches; reduced counts what was done.
	dpi     int
	longest float64
	reduced int
}

// readPDF reads a PDF without judging it: what the reader can follow is good
// enough to be shown. The objects are read from r later, too.
func readPDF(c context.Context, r io.ReadSeeker, password packager.Secret) (ctx *model.Context, err error) {
	defer func() {
		if p := recover(); p != nil { // hostile bytes must not end the program
			err = fmt.Errorf("reading the PDF: %v", p)
		}
	}()
	conf := model.NewDefaultConfiguration()
	conf.ValidationMode = model.ValidationRelaxed
	conf.Offline = true
	conf.UserPW, conf.OwnerPW = password.Reveal(), password.Reveal()
	return pdfcpu.ReadWithContext(c, r, conf)
}

func importPDF(ctx *model.Context, out *pdfOut, oc *layers, dpi int) (s *source, err error) {
	im := &importer{x: ctx.XRefTable, out: out, refs: map[int]types.IndirectRef{}, pages: map[int]int{}, dpi: dpi}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading the PDF: %v", p)
		}
		if err != nil {
			im.abandon()
		}
	}()
	tree, err := im.pageTree()
	if err != nil {
		return nil, err
	}
	if len(tree) == 0 {
		return nil, fmt.Errorf("the PDF has no pages")
	}
	root, err := ctx.Catalog()
	if err != nil {
		return nil, err
	}
	dests := im.namedDests(root)
	s = &source{}
	for i, p := range tree {
		sp, err := im.page(p, dests)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", i+1, err)
		}
		s.pages = append(s.pages, sp)
		im.longest = max(im.longest, sp.box.w()*sp.unit/72, sp.box.h()*sp.unit/72)
	}
	s.marks = im.outline(root, dests)
	if err := im.drain(); err != nil { // first: it shows which layers are used
		return nil, err
	}
	oc.merge(im, root)
	err = im.drain()
	s.reduced = im.reduced
	return s, err
}

// pageNode is a page with what it inherits (ISO 32000-1, 7.7.3.4).
type pageNode struct {
	types.Dict
	resources types.Object
	media     types.Object
	crop      types.Object
	rotate    types.Object
}

func (im *importer) pageTree() ([]pageNode, error) {
	root, err := im.x.Catalog()
	if err != nil {
		return nil, err
	}
	var out []pageNode
	seen := map[int]bool{}
	var walk func(o types.Object, inherited pageNode, depth int)
	walk = func(o types.Object, in pageNode, depth int) {
		ref, isRef := o.(types.IndirectRef)
		if isRef {
			if seen[int(ref.ObjectNumber)] {
				return
			}
			seen[int(ref.ObjectNumber)] = true
		}
		d := im.dict(o)
		if d == nil || depth > 60 {
			return
		}
		in.Dict = d
		for _, v := range []struct {
			key string
			to  *types.Object
		}{{"Resources", &in.resources}, {"MediaBox", &in.media}, {"CropBox", &in.crop}, {"Rotate", &in.rotate}} {
			if o, ok := d[v.key]; ok && o != nil {
				*v.to = o
			}
		}
		if kids := im.array(d["Kids"]); kids != nil {
			for _, k := range kids {
				walk(k, in, depth+1)
			}
			return
		}
		if isRef {
			im.pages[int(ref.ObjectNumber)] = len(out)
		}
		out = append(out, in)
	}
	walk(root["Pages"], pageNode{}, 0)
	return out, nil
}

func (im *importer) deref(o types.Object) types.Object {
	for range 20 { // a reference to a reference is against the standard, but met
		if _, ok := o.(types.IndirectRef); !ok {
			return o
		}
		v, err := im.x.Dereference(o)
		if err != nil {
			return nil
		}
		o = v
	}
	return nil
}

func (im *importer) dict(o types.Object) types.Dict {
	switch v := im.deref(o).(type) {
	case types.Dict:
		return v
	case types.StreamDict:
		return v.Dict
	}
	return nil
}

func (im *importer) array(o types.Object) types.Array {
	a, _ := im.deref(o).(types.Array)
	return a
}

func (im *importer) name(o types.Object) string {
	n, _ := im.deref(o).(types.Name)
	return string(n)
}

func (im *importer) number(o types.Object) (float64, bool) {
	switch v := im.deref(o).(type) {
	case types.Integer:
		return float64(v), true
	case types.Float:
		return float64(v), true
	}
	return 0, false
}

func (im *importer) rect(o types.Object) (rect, bool) {
	a := im.array(o)
	if len(a) < 4 {
		return rect{}, false
	}
	var f [4]float64
	for i := range f {
		v, ok := im.number(a[i])
		if !ok || math.IsNaN(v) || math.Abs(v) > 1e7 {
			return rect{}, false
		}
		f[i] = v
	}
	return rect{min(f[0], f[2]), min(f[1], f[3]), max(f[0], f[2]), max(f[1], f[3])}, true
}

// text reads a text string.
func (im *importer) text(o types.Object) string {
	s, err := im.x.DereferenceText(o)
	if err != nil {
		return ""
	}
	return s
}

func (im *importer) page(p pageNode, dests map[string]types.Object) (*sourcePage, error) {
	sp := &sourcePage{unit: 1}
	media, ok := im.rect(p.media)
	if !ok || media.w() < 1 || media.h() < 1 {
		media = rect{0, 0, 612, 792} // what readers take when it is missing
	}
	sp.box = media
	if crop, ok := im.rect(p.crop); ok {
		if both, ok := crop.and(media); ok {
			sp.box = both
		}
	}
	if r, ok := im.number(p.rotate); ok {
		sp.rotate = ((int(r)/90*90)%360 + 360) % 360
	}
	if u, ok := im.number(p.Dict["UserUnit"]); ok && u > 0 && u < 1000 {
		sp.unit = u
	}
	content, filter, err := im.content(p.Dict["Contents"])
	if err != nil {
		return nil, err
	}
	form := im.formDict(sp.box)
	form["Resources"] = types.Dict{}
	if r := im.dict(p.resources); r != nil {
		form["Resources"] = im.copy(p.resources)
	}
	if g := im.dict(p.Dict["Group"]); g != nil {
		form["Group"] = im.copy(g)
	}
	if filter {
		form["Filter"] = types.Name("FlateDecode")
		sp.form = im.out.addStream(form, content)
	} else {
		sp.form = im.out.addFlate(form, content)
	}
	im.annotations(p, sp, dests)
	return sp, nil
}

func (im *importer) formDict(box rect) types.Dict {
	return types.Dict{"Type": types.Name("XObject"), "Subtype": types.Name("Form"),
		"BBox": numbers(box.x0, box.y0, box.x1, box.y1)}
}

// content returns the content of a page, still compressed if it is a single
// stream with the usual filter. The parts of a divided content run together
// (ISO 32000-1, 7.8.2), which the parts of a form cannot.
func (im *importer) content(o types.Object) (b []byte, flate bool, err error) {
	var parts []types.StreamDict
	switch v := im.deref(o).(type) {
	case nil:
		return nil, false, nil
	case types.StreamDict:
		parts = []types.StreamDict{v}
	case types.Array:
		for _, e := range v {
			if sd, ok := im.deref(e).(types.StreamDict); ok {
				parts = append(parts, sd)
			}
		}
	}
	if len(parts) == 1 && parts[0].HasSoleFilterNamed("FlateDecode") && parts[0].FilterPipeline[0].DecodeParms == nil {
		return parts[0].Raw, true, nil
	}
	var all bytes.Buffer
	for _, sd := range parts {
		if err := sd.DecodeWithLimit(256 << 20); err != nil {
			return nil, false, err
		}
		if sd.Content == nil {
			sd.Content = sd.Raw
		}
		all.Write(sd.Content)
		all.WriteByte('\n')
	}
	return all.Bytes(), false, nil
}

// copy returns v with its references renumbered; what they point to is queued.
// References to pages become null: a form has no way back to a page.
func (im *importer) copy(v types.Object) types.Object {
	switch v := v.(type) {
	case types.IndirectRef:
		n := int(v.ObjectNumber)
		if _, isPage := im.pages[n]; isPage {
			return nil
		}
		r, ok := im.refs[n]
		if !ok {
			r = im.out.alloc()
			im.refs[n] = r
			im.todo = append(im.todo, n)
		}
		return r
	case types.Array:
		out := make(types.Array, len(v))
		for i, e := range v {
			out[i] = im.copy(e)
		}
		return out
	case types.Dict:
		out := make(types.Dict, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) { // numbers are given in this order
			switch k {
			case "StructParent", "StructParents", "PieceInfo", "Metadata", "LastModified":
				continue // meaningless outside its document, or its maker's business
			}
			out[k] = im.copy(v[k])
		}
		return out
	}
	return v
}

// drain writes everything that was queued.
func (im *importer) drain() error {
	for len(im.todo) > 0 {
		n := im.todo[0]
		im.todo = im.todo[1:]
		r := im.refs[n]
		switch v := im.deref(types.IndirectRef{ObjectNumber: types.Integer(n)}).(type) {
		case types.StreamDict:
			v, less := im.resampleImage(v, im.dpi, im.longest)
			if less {
				im.reduced++
			}
			d := im.copy(v.Dict).(types.Dict)
			im.out.stream(r, d, bytes.NewReader(v.Raw), int64(len(v.Raw)))
		default:
			im.out.put(r, im.copy(v))
		}
		if im.out.err != nil {
			return im.out.err
		}
	}
	return nil
}

// abandon writes null for every number that was reserved and will not be used.
func (im *importer) abandon() {
	for _, n := range slices.Sorted(maps.Keys(im.refs)) {
		if r := im.refs[n]; im.out.at[r.ObjectNumber] == 0 {
			im.out.put(r, nil)
		}
	}
}
