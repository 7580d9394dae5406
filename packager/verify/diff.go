package verify

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
)

// Kinds of changes. Those that a later revision may make to a signed file are
// allowed; everything else would show another document under the same
// signature (shadow attacks: hide, replace, hide and replace).
const (
	changeSignature  = "signature"  // a further signature with its field
	changeTimestamp  = "timestamp"  // a document timestamp
	changeField      = "field"      // an empty, invisible signature field
	changeDSS        = "dss"        // certificates, OCSP answers, CRLs
	changeMetadata   = "metadata"   // XMP, modification date
	changeContent    = "content"    // what a page shows
	changeFont       = "font"       // a font of a page
	changeAnnotation = "annotation" // something over a page
	changeOverlay    = "overlay"    // a further signature that is seen where no field was prepared for it
	changeAttachment = "attachment"
	changeForm       = "form"    // a field's value or look
	changeCatalog    = "catalog" // the root of the document
	changePage       = "page"    // pages added, removed, swapped, resized
	changeOther      = "other"
)

var allowed = map[string]bool{changeSignature: true, changeTimestamp: true, changeField: true, changeDSS: true, changeMetadata: true}

// spot is a place in the document's tree.
type spot struct {
	last *step
	kind string // what a change here is
	page int
}

// step leads from one place to the next; the way there is written out only
// when there is something to say.
type step struct {
	from  *step
	key   name
	index int // of an array's element; -1: key
	depth int
}

func from(key name, kind string) spot { return spot{last: &step{key: key, index: -1}, kind: kind} }

func (s spot) in(key name) spot { return s.to(key, -1) }

func (s spot) item(i int) spot { return s.to("", i) }

func (s spot) to(key name, index int) spot {
	s.last = &step{from: s.last, key: key, index: index, depth: s.depth() + 1}
	return s
}

func (s spot) depth() int {
	if s.last == nil {
		return 0
	}
	return s.last.depth
}

// maxSteps are written of a long way, those nearest to the place.
const maxSteps = 24

func (s spot) path() string {
	var steps []*step
	for at := s.last; at != nil && len(steps) < maxSteps; at = at.from {
		steps = append(steps, at)
	}
	var b strings.Builder
	if s.depth() >= maxSteps {
		b.WriteString("…")
	}
	for _, at := range slices.Backward(steps) {
		switch {
		case at.index >= 0:
			b.WriteString("[" + strconv.Itoa(at.index) + "]")
		case at.from == nil:
			b.WriteString(string(at.key))
		default:
			b.WriteString("/" + string(at.key))
		}
	}
	return b.String()
}

func (s spot) as(kind string) spot {
	s.kind = kind
	return s
}

type pair struct {
	old, new any
	at       spot
}

// differ compares two revisions of a file, walking both from their trailers at
// once. Everything that can be reached is compared, so that an object that
// nobody refers to cannot matter and one that is referred to cannot be missed.
type differ struct {
	old, new *document
	seen     map[[2]int]bool
	queue    []pair
	pages    map[int]int  // object number → page, in old
	widgets  map[int]bool // annotations that new signature fields bring
	signing  map[int]bool // fields that were empty and are signed now
	changes  []packager.RevisionChange
	said     map[packager.RevisionChange]bool
	renamed  int
	full     bool // there is more to compare than a sound file has
}

// compareRevisions says what new changed about old.
func compareRevisions(old, new *document) ([]packager.RevisionChange, error) {
	d := &differ{old: old, new: new, seen: map[[2]int]bool{}, pages: map[int]int{}, widgets: map[int]bool{}, signing: map[int]bool{}, said: map[packager.RevisionChange]bool{}}
	if err := d.trailers(); err != nil {
		return nil, err
	}
	for len(d.queue) > 0 {
		if d.full {
			return nil, because("pdf.large")
		}
		p := d.queue[0]
		d.queue = d.queue[1:]
		if err := d.compare(p.old, p.new, p.at); err != nil {
			return nil, err
		}
	}
	return d.changes, nil
}

// Bounds on hostile files.
const (
	maxPairs   = 2 << 20  // waiting to be compared
	maxRenamed = 64 << 10 // objects under another number than before: there can be as many pairs of them as objects squared
)

// maxChanges bounds a report about a file that was made anew.
const maxChanges = 64

func (d *differ) say(at spot) {
	c := packager.RevisionChange{Kind: at.kind, Where: at.path(), Page: at.page, Allowed: allowed[at.kind]}
	// The first place of a kind on a page is enough.
	key := c
	if !c.Allowed {
		key.Where = ""
	}
	if d.said[key] || len(d.changes) >= maxChanges && c.Allowed {
		return
	}
	d.said[key] = true
	d.changes = append(d.changes, c)
}

// later puts a pair into the queue; objects that were met before are not
// compared again, but for a field that is being signed, whose places count.
func (d *differ) later(old, new any, at spot) {
	if o, ok := old.(ref); ok {
		if n, ok := new.(ref); ok {
			key := [2]int{o.num, n.num}
			if d.seen[key] {
				return
			}
			if o.num != n.num {
				d.renamed++
			}
			if o.num != n.num || !d.signing[o.num] {
				d.seen[key] = true
			}
		}
	}
	d.queue = append(d.queue, pair{old, new, at})
	d.full = d.full || len(d.queue) > maxPairs || d.renamed > maxRenamed
}

// structural are the trailer's keys that describe the file and not the document.
var structural = []name{"Size", "Prev", "XRefStm", "W", "Index", "Type", "Filter", "DecodeParms", "Length", "ID", "Info", "Root"}

func (d *differ) trailers() error {
	old, new := d.old.trailer, d.new.trailer
	for _, k := range keysOf(old, new) {
		if !slices.Contains(structural, k) {
			d.later(old[k], new[k], from("Trailer", changeOther).in(k))
		}
	}
	if err := d.info(old["Info"], new["Info"]); err != nil {
		return err
	}
	oldRoot, err := d.old.getDict(old["Root"])
	if err != nil {
		return err
	}
	newRoot, err := d.new.getDict(new["Root"])
	if err != nil {
		return err
	}
	if oldRoot == nil || newRoot == nil || old["Root"] != new["Root"] {
		d.say(from("Root", changeCatalog))
		return nil
	}
	return d.catalog(oldRoot, newRoot)
}

func keysOf(a, b dict) []name {
	all := map[name]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// info lets the date of the change and the changing program be stated.
func (d *differ) info(old, new any) error {
	o, err := d.old.getDict(old)
	if err != nil {
		return err
	}
	n, err := d.new.getDict(new)
	if err != nil {
		return err
	}
	for _, k := range keysOf(o, n) {
		at := from("Info", changeOther).in(k)
		if k != "ModDate" && k != "Producer" {
			d.later(o[k], n[k], at)
		} else if changed, err := d.differs(o[k], n[k]); err != nil || changed {
			d.say(at.as(changeMetadata))
		}
	}
	return nil
}

// differs compares two trees on the side, without saying what is different.
func (d *differ) differs(old, new any) (bool, error) {
	side := &differ{old: d.old, new: d.new, seen: map[[2]int]bool{}, said: map[packager.RevisionChange]bool{}}
	side.later(old, new, spot{kind: changeOther})
	for len(side.queue) > 0 && len(side.changes) == 0 {
		if side.full {
			return false, because("pdf.large")
		}
		p := side.queue[0]
		side.queue = side.queue[1:]
		if err := side.compare(p.old, p.new, p.at); err != nil {
			return false, err
		}
	}
	return len(side.changes) > 0, nil
}

func (d *differ) catalog(old, new dict) error {
	root := from("Root", changeCatalog)
	if err := d.old.numberPages(old["Pages"], d.pages); err != nil {
		return err
	}
	// Fields first: they say which annotations are new signatures'.
	if err := d.form(old["AcroForm"], new["AcroForm"], root.in("AcroForm").as(changeForm)); err != nil {
		return err
	}
	for _, k := range keysOf(old, new) {
		at := root.in(k)
		switch k {
		case "AcroForm":
		case "DSS":
			if err := d.tolerated(old[k], new[k], at.as(changeDSS), d.isDSS); err != nil {
				return err
			}
		case "Metadata":
			if err := d.tolerated(old[k], new[k], at.as(changeMetadata), nil); err != nil {
				return err
			}
		case "Extensions":
			if err := d.tolerated(old[k], new[k], at.as(changeMetadata), d.isExtensions); err != nil {
				return err
			}
		case "Version":
			if _, isName := new[k].(name); old[k] != new[k] && isName {
				at.kind = changeMetadata
			}
			if old[k] != new[k] {
				d.say(at)
			}
		case "Pages":
			d.later(old[k], new[k], at.as(changePage))
		case "Names", "AF":
			d.later(old[k], new[k], at.as(changeAttachment))
		default:
			d.later(old[k], new[k], at)
		}
	}
	return nil
}

// tolerated says an allowed change, if there is one and its new form is right.
func (d *differ) tolerated(old, new any, at spot, right func(any) (bool, error)) error {
	changed, err := d.differs(old, new)
	if err != nil || !changed {
		return err
	}
	if right != nil {
		ok, err := right(new)
		if err != nil {
			return err
		}
		if !ok {
			at.kind = changeOther
		}
	}
	d.say(at)
	return nil
}

// isDSS reports whether a document security store has nothing but what belongs
// there.
func (d *differ) isDSS(o any) (bool, error) {
	m, err := d.new.getDict(o)
	if err != nil || m == nil {
		return false, err
	}
	for k := range m {
		if !slices.Contains([]name{"Type", "Certs", "CRLs", "OCSPs", "VRI"}, k) {
			return false, nil
		}
	}
	return true, nil
}

// isExtensions reports whether the developer extensions (7.12) are names and
// numbers.
func (d *differ) isExtensions(o any) (bool, error) {
	m, err := d.new.getDict(o)
	if err != nil || m == nil {
		return false, err
	}
	for _, v := range m {
		v, err := d.new.get(v)
		if err != nil {
			return false, err
		}
		list, isList := v.(array)
		if !isList {
			list = array{v}
		}
		for _, e := range list {
			x, err := d.new.get(e)
			if err != nil {
				return false, err
			}
			switch x := x.(type) {
			case name:
			case dict:
				for _, y := range x {
					switch y.(type) {
					case dict, array, ref:
						return false, nil
					}
				}
			default:
				return false, nil
			}
		}
	}
	return true, nil
}

// numberPages walks the page tree.
func (d *document) numberPages(o any, out map[int]int) error {
	seen := map[int]bool{}
	var walk func(o any, depth int) error
	walk = func(o any, depth int) error {
		r, ok := o.(ref)
		if depth > maxDepth || ok && seen[r.num] {
			return because("pdf.circle")
		}
		seen[r.num] = seen[r.num] || ok
		node, err := d.getDict(o)
		if err != nil || node == nil {
			return err
		}
		if node["Type"] == name("Page") {
			out[r.num] = len(out) + 1
			return nil
		}
		kids, err := d.getArray(node["Kids"])
		if err != nil {
			return err
		}
		for _, k := range kids {
			if err := walk(k, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(o, 0)
}

// form compares AcroForm: fields may be added at the end, when they are
// signatures, and SigFlags may say that there are some.
func (d *differ) form(old, new any, at spot) error {
	o, err := d.old.getDict(old)
	if err != nil {
		return err
	}
	n, err := d.new.getDict(new)
	if err != nil {
		return err
	}
	if o != nil && n == nil {
		d.say(at)
		return nil
	}
	for _, k := range keysOf(o, n) {
		switch k {
		case "Fields":
			if err := d.fields(o[k], n[k], at.in(k)); err != nil {
				return err
			}
		case "SigFlags":
			if f, ok := n[k].(int64); !ok || f&^3 != 0 {
				d.say(at.in(k))
			}
		case "DR":
			if err := d.resources(o[k], n[k], at.in(k)); err != nil {
				return err
			}
		default:
			d.later(o[k], n[k], at.in(k))
		}
	}
	return nil
}

// resources lets resources for text fields be added to the form: a name that
// was not there before changes no field.
func (d *differ) resources(old, new any, at spot) error {
	o, err := d.old.getDict(old)
	if err != nil {
		return err
	}
	n, err := d.new.getDict(new)
	if err != nil {
		return err
	}
	for _, category := range keysOf(o, n) {
		x, err := d.old.getDict(o[category])
		if err != nil {
			d.later(o[category], n[category], at.in(category))
			continue
		}
		y, err := d.new.getDict(n[category])
		if err != nil {
			d.later(o[category], n[category], at.in(category))
			continue
		}
		for k, v := range x {
			d.later(v, y[k], at.in(category).in(k))
		}
	}
	return nil
}

func (d *differ) fields(old, new any, at spot) error {
	o, err := d.old.getArray(old)
	if err != nil {
		return err
	}
	n, err := d.new.getArray(new)
	if err != nil {
		return err
	}
	if len(n) < len(o) {
		d.say(at)
		return nil
	}
	for i := range o {
		if err := d.field(o[i], n[i], at.item(i)); err != nil {
			return err
		}
	}
	for i := len(o); i < len(n); i++ {
		if err := d.newField(n[i], at.item(i)); err != nil {
			return err
		}
	}
	return nil
}

// field compares one field; a signature field that was empty may be signed.
func (d *differ) field(old, new any, at spot) error {
	if at.depth() > 4*maxDepth {
		return because("pdf.fields")
	}
	o, err := d.old.getDict(old)
	if err != nil {
		return err
	}
	n, err := d.new.getDict(new)
	if err != nil {
		return err
	}
	if ro, ok := old.(ref); ok {
		if rn, ok := new.(ref); !ok || rn.num != ro.num {
			d.say(at)
			return nil
		}
		if _, isParent := o["Kids"]; isParent {
			d.seen[[2]int{ro.num, ro.num}] = true
		}
	}
	if _, isParent := o["Kids"]; isParent && o["FT"] != name("Sig") {
		for _, k := range keysOf(o, n) {
			if k == "Kids" {
				err = d.fields(o[k], n[k], at.in(k))
			} else {
				d.later(o[k], n[k], at.in(k))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if o["FT"] != name("Sig") || o["V"] != nil || n["V"] == nil {
		d.later(old, new, at)
		return nil
	}
	if r, ok := old.(ref); ok {
		d.signing[r.num] = true
	}
	for _, k := range keysOf(o, n) {
		switch k {
		case "V", "AP", "AS", "M", "MK", "F":
		default:
			d.later(o[k], n[k], at.in(k))
		}
	}
	return d.signed(n, at)
}

// signed says which kind of signature a field got.
func (d *differ) signed(field dict, at spot) error {
	v, err := d.new.getDict(field["V"])
	if err != nil {
		return err
	}
	title, _ := field["T"].(text)
	at.last = &step{key: name(readable(title.b)), index: -1}
	switch {
	case v["SubFilter"] == name("ETSI.RFC3161"):
		d.say(at.as(changeTimestamp))
	case v["SubFilter"] != nil:
		d.say(at.as(changeSignature))
	default:
		d.say(at)
	}
	return nil
}

// newField lets a signature's field be added that is not seen. The look of one
// that is would be content which the signers before never saw and which may
// cover what they signed ("sneaky signature"); a field that they prepared may be
// signed visibly.
func (d *differ) newField(o any, at spot) error {
	f, err := d.new.getDict(o)
	if err != nil {
		return err
	}
	r, isRef := o.(ref)
	if !isRef || f["FT"] != name("Sig") || hasAction(f) {
		d.say(at)
		return nil
	}
	if f["Subtype"] == name("Widget") {
		d.widgets[r.num] = true
	}
	kids, err := d.new.getArray(f["Kids"])
	if err != nil {
		return err
	}
	for _, k := range kids {
		w, err := d.new.getDict(k)
		if err != nil {
			return err
		}
		kr, ok := k.(ref)
		if !ok || w["Subtype"] != name("Widget") || w["Parent"] != nil && w["Parent"] != o || hasAction(w) {
			d.say(at)
			return nil
		}
		d.widgets[kr.num] = true
	}
	if f["V"] != nil {
		if p, ok := f["P"].(ref); ok {
			at.page = d.pages[p.num]
		}
		seen, err := d.isSeen(append(array{o}, kids...))
		if err != nil {
			return err
		}
		if seen {
			d.say(at.as(changeOverlay))
		}
		return d.signed(f, at)
	}
	if f["AP"] != nil || len(kids) > 0 {
		d.say(at)
		return nil
	}
	d.say(at.as(changeField))
	return nil
}

// isSeen reports whether one of the widgets has a look and takes up room, or may
// do so.
func (d *differ) isSeen(widgets array) (bool, error) {
	for _, o := range widgets {
		w, err := d.new.getDict(o)
		if err != nil {
			return false, err
		}
		if w["AP"] == nil && w["MK"] == nil {
			continue
		}
		rect, err := d.new.getArray(w["Rect"])
		if err != nil {
			return false, err
		}
		if len(rect) != 4 {
			return true, nil
		}
		var at [4]any
		for i, v := range rect {
			if at[i], err = d.new.get(v); err != nil {
				return false, err
			}
		}
		if at[0] != at[2] && at[1] != at[3] {
			return true, nil
		}
	}
	return false, nil
}

func hasAction(f dict) bool { return f["A"] != nil || f["AA"] != nil }

// compare compares two objects and puts what they refer to into the queue.
func (d *differ) compare(old, new any, at spot) error {
	ro, isRefO := old.(ref)
	rn, isRefN := new.(ref)
	same := false // stored in the same place: only what it refers to can differ
	if isRefO && isRefN {
		if d.signing[ro.num] && ro.num == rn.num {
			if !at.ofField() {
				d.say(at)
			}
			return nil
		}
		same = ro == rn && d.samePlace(ro.num)
	}
	o, err := d.old.get(old)
	if err != nil {
		return err
	}
	n, err := d.new.get(new)
	if err != nil {
		return err
	}
	switch o := o.(type) {
	case dict:
		if n, ok := n.(dict); ok {
			if o["Type"] == name("Page") && n["Type"] == name("Page") && ro.num != rn.num {
				d.say(at.as(changePage)) // another page stands here
				return nil
			}
			d.page(o, ro, &at)
			return d.dicts(o, n, at)
		}
	case *stream:
		if n, ok := n.(*stream); ok {
			// A length of its own may have changed under a stream that did not.
			if length, apart := o.dict["Length"].(ref); !same || apart && !d.samePlace(length.num) {
				if equal, err := d.sameData(o, n); err != nil {
					return err
				} else if !equal {
					d.say(at)
					return nil
				}
			}
			o, n := maps.Clone(o.dict), maps.Clone(n.dict)
			delete(o, "Length")
			delete(n, "Length")
			return d.dicts(o, n, at)
		}
	case array:
		if n, ok := n.(array); ok && len(n) == len(o) {
			for i := range o {
				d.child(o[i], n[i], at.item(i))
			}
			return nil
		}
	case text:
		if n, ok := n.(text); ok && bytes.Equal(o.b, n.b) {
			return nil
		}
	default:
		if _, isMap := n.(dict); !isMap && !isList(n) && o == n {
			return nil
		}
	}
	d.say(at)
	return nil
}

// ofField reports whether a field belongs where it was met: a field that is
// also something else would be changed there too.
func (s spot) ofField() bool {
	at := s.last
	for at != nil && at.index >= 0 {
		at = at.from
	}
	return at != nil && slices.Contains([]name{"Annots", "Fields", "Kids", "Parent", "Obj"}, at.key)
}

func isList(o any) bool { _, ok := o.(array); return ok }

// child compares scalars at once: they are the most, and a queue of them is
// memory for nothing.
func (d *differ) child(old, new any, at spot) {
	switch old.(type) {
	case int64, float64, name, bool, keyword:
		if old == new {
			return
		}
	case nil:
		if new == nil {
			return
		}
	}
	d.later(old, new, at)
}

func (d *differ) samePlace(num int) bool {
	o, ok1 := d.old.place(num)
	n, ok2 := d.new.place(num)
	if o.inStream != 0 && o == n {
		return d.samePlace(int(o.inStream))
	}
	return ok1 == ok2 && o == n
}

// page puts the page's number into the place, when o is one.
func (d *differ) page(o dict, r ref, at *spot) {
	if o["Type"] == name("Page") {
		at.kind, at.page = changePage, d.pages[r.num]
	}
}

func (d *differ) dicts(o, n dict, at spot) error {
	isPage := o["Type"] == name("Page")
	for _, k := range keysOf(o, n) {
		if isPage && k == "Annots" {
			if err := d.annots(o[k], n[k], at.in(k).as(changeAnnotation)); err != nil {
				return err
			}
			continue
		}
		d.child(o[k], n[k], at.in(k).as(kindBelow(at.kind, k)))
	}
	return nil
}

// kindBelow names what a key of a page leads to.
func kindBelow(kind string, k name) string {
	switch {
	case k == "Font" && (kind == changePage || kind == changeContent):
		return changeFont
	case kind == changePage && slices.Contains([]name{"Contents", "Resources", "XObject"}, k):
		return changeContent
	}
	return kind
}

// annots lets the widgets of new signatures stand behind what was there.
func (d *differ) annots(old, new any, at spot) error {
	o, err := d.old.getArray(old)
	if err != nil {
		return err
	}
	n, err := d.new.getArray(new)
	if err != nil {
		return err
	}
	if len(n) < len(o) {
		d.say(at)
		return nil
	}
	for i := range o {
		d.child(o[i], n[i], at.item(i))
	}
	for i := len(o); i < len(n); i++ {
		if r, ok := n[i].(ref); !ok || !d.widgets[r.num] {
			d.say(at.item(i))
		}
	}
	return nil
}

// sameData compares the stored bytes of two streams.
func (d *differ) sameData(o, n *stream) (bool, error) {
	a, err := d.old.raw(o)
	if err != nil {
		return false, err
	}
	b, err := d.new.raw(n)
	if err != nil {
		return false, err
	}
	if a.Size() != b.Size() {
		return false, nil
	}
	if err := d.old.spend(a.Size()); err != nil {
		return false, err
	}
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		i, errA := io.ReadFull(a, x)
		j, _ := io.ReadFull(b, y)
		if !bytes.Equal(x[:i], y[:j]) {
			return false, nil
		}
		if errA != nil {
			return true, nil
		}
	}
}

// readable is a text string of a PDF as UTF-8 without control characters.
func readable(b []byte) string {
	s := string(b)
	if bytes.HasPrefix(b, []byte{0xFE, 0xFF}) {
		var out []rune
		for i := 2; i+1 < len(b); i += 2 {
			out = append(out, rune(b[i])<<8|rune(b[i+1]))
		}
		s = string(out)
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
