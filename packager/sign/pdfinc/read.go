package pdfinc

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrEncrypted is returned for a document with an /Encrypt dictionary.
var ErrEncrypted = errors.New("pdf: the document is encrypted")

const (
	maxObject   = 8_388_607 // ISO 32000-1 Annex C.2
	maxSections = 10_000    // cross-reference sections, that is revisions
	maxValue    = 32 << 20  // bytes of one object without stream data
	maxDecoded  = 64 << 20  // bytes of one decoded object or cross-reference stream
	maxEncoded  = 64 << 20
	maxPages    = 1_000_000
)

// File is an open PDF.
type File struct {
	r        io.ReaderAt
	Size     int64
	Trailer  Dict  // of the newest revision
	Prev     int64 // offset of its cross-reference section
	Stream   bool  // that section is a cross-reference stream
	Version  [2]int
	next     int // first object number that is free
	sections []section
	objstms  map[int]*objectStream
}

// section is one cross-reference section. Tables are not loaded: an entry has
// 20 bytes and is read where it stands.
type section struct {
	subs   []subsection
	data   []byte // decoded stream; nil for a table
	w      [3]int
	hidden *section // the /XRefStm of a hybrid file
}

type subsection struct {
	first, count int
	at           int64 // offset in the file (table) or in data (stream)
}

// entry says where an object is.
type entry struct {
	kind   byte  // 'f' free, 'n' at an offset, 'c' in an object stream
	offset int64 // 'n'
	gen    int   // 'n'
	stream int   // 'c': object number of the object stream
	index  int   // 'c'
}

// Open reads the header, the trailer and the list of cross-reference sections.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, Size: size, objstms: map[int]*objectStream{}}
	if err := f.header(); err != nil {
		return nil, err
	}
	start, err := f.startxref()
	if err != nil {
		return nil, err
	}
	f.Prev = start
	if err := f.chain(start); err != nil {
		return nil, err
	}
	if f.Trailer.Get("Encrypt") != nil {
		return nil, ErrEncrypted
	}
	cat, _, err := f.Catalog()
	if err != nil {
		return nil, err
	}
	if v, ok := ParseName(cat.Get("Version")); ok {
		var maj, min int
		if n, _ := fmt.Sscanf(v, "%d.%d", &maj, &min); n == 2 && (maj > f.Version[0] || maj == f.Version[0] && min > f.Version[1]) {
			f.Version = [2]int{maj, min}
		}
	}
	return f, nil
}

func (f *File) header() error {
	b, err := f.bytes(0, 16)
	if err != nil {
		return err
	}
	if n, _ := fmt.Sscanf(string(b), "%%PDF-%d.%d", &f.Version[0], &f.Version[1]); n != 2 {
		return errors.New("pdf: does not begin with %PDF-")
	}
	return nil
}

func (f *File) startxref() (int64, error) {
	const window = 2048
	from := max(0, f.Size-window)
	b, err := f.bytes(from, window)
	if err != nil {
		return 0, err
	}
	i := bytes.LastIndex(b, []byte("startxref"))
	if i < 0 {
		return 0, errors.New("pdf: no startxref at the end")
	}
	l := &lexer{b: b, i: i + len("startxref"), whole: true}
	return l.integer()
}

// bytes reads up to n bytes at off.
func (f *File) bytes(off int64, n int) ([]byte, error) {
	if off < 0 || off > f.Size {
		return nil, fmt.Errorf("pdf: offset %d is outside of the file", off)
	}
	b := make([]byte, min(int64(n), f.Size-off))
	if _, err := f.r.ReadAt(b, off); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// window calls parse with a growing piece of the file at off until it does not
// ask for more.
func (f *File) window(off int64, parse func(*lexer) error) error {
	for n := 4 << 10; ; n *= 4 {
		b, err := f.bytes(off, n)
		if err != nil {
			return err
		}
		whole := off+int64(len(b)) == f.Size
		err = parse(&lexer{b: b, whole: whole})
		if !errors.Is(err, errShort) || whole {
			return err
		}
		if n >= maxValue {
			return errors.New("pdf: an object is too large")
		}
	}
}

func (f *File) chain(start int64) error {
	seen := map[int64]bool{}
	for off := start; ; {
		if seen[off] || len(seen) >= maxSections {
			return errors.New("pdf: the cross-reference sections run in a circle")
		}
		seen[off] = true
		sec, trailer, err := f.section(off)
		if err != nil {
			return err
		}
		if f.Trailer == nil {
			f.Trailer, f.Stream = trailer, sec.data != nil
			size, err := ParseInt(trailer.Get("Size"))
			if err != nil || size > maxObject {
				return errors.New("pdf: the trailer has no /Size")
			}
			f.next = int(size)
		}
		if src := trailer.Get("XRefStm"); src != nil && sec.data == nil {
			at, err := ParseInt(src)
			if err != nil {
				return errors.New("pdf: /XRefStm is not a number")
			}
			hidden, _, err := f.section(at)
			if err != nil {
				return err
			}
			sec.hidden = &hidden
		}
		f.sections = append(f.sections, sec)
		src := trailer.Get("Prev")
		if src == nil {
			return nil
		}
		if off, err = ParseInt(src); err != nil {
			return errors.New("pdf: /Prev is not a number")
		}
	}
}

func (f *File) section(off int64) (section, Dict, error) {
	b, err := f.bytes(off, 4)
	if err != nil {
		return section{}, nil, err
	}
	if string(b) == "xref" {
		return f.table(off)
	}
	return f.xrefStream(off)
}

// table walks over the heads of the subsections of a cross-reference table.
func (f *File) table(off int64) (section, Dict, error) {
	var sec section
	off += int64(len("xref"))
	for {
		var done bool
		var first, count, used int64
		var trailer Dict
		err := f.window(off, func(l *lexer) error {
			if err := l.space(); err != nil {
				return err
			}
			if bytes.HasPrefix(l.b[l.i:], []byte("trailer")) {
				l.i += len("trailer")
				if err := l.space(); err != nil {
					return err
				}
				from := l.i
				if _, err := l.value(0); err != nil {
					return err
				}
				var err error
				trailer, err = ParseDict(bytes.Clone(l.b[from:l.i]))
				done = true
				return err
			}
			var err error
			if first, err = l.integer(); err != nil {
				return err
			}
			if count, err = l.integer(); err != nil {
				return err
			}
			if err := l.space(); err != nil { // up to the first entry
				return err
			}
			used = int64(l.i)
			return nil
		})
		if err != nil {
			return section{}, nil, fmt.Errorf("pdf: cross-reference table: %w", err)
		}
		if done {
			return sec, trailer, nil
		}
		if first+count > maxObject+1 || len(sec.subs) >= maxObject {
			return section{}, nil, errors.New("pdf: the cross-reference table is too large")
		}
		if count == 0 {
			off += used
			continue
		}
		sec.subs = append(sec.subs, subsection{int(first), int(count), off + used})
		f.next = max(f.next, int(first+count))
		off += used + 20*count
	}
}

// xrefStream reads a cross-reference stream (ISO 32000-1 §7.5.8).
func (f *File) xrefStream(off int64) (section, Dict, error) {
	_, d, data, err := f.streamAt(off)
	if err != nil {
		return section{}, nil, fmt.Errorf("pdf: cross-reference stream: %w", err)
	}
	if t, _ := ParseName(d.Get("Type")); t != "XRef" {
		return section{}, nil, errors.New("pdf: no cross-reference section where startxref or /Prev points")
	}
	sec := section{data: data}
	if sec.data == nil {
		sec.data = []byte{}
	}
	w, err := ParseArray(d.Get("W"))
	if err != nil || len(w) != 3 {
		return section{}, nil, errors.New("pdf: cross-reference stream without /W")
	}
	width := 0
	for i := range w {
		n, err := ParseInt(w[i])
		if err != nil || n > 8 {
			return section{}, nil, errors.New("pdf: bad /W of a cross-reference stream")
		}
		sec.w[i] = int(n)
		width += int(n)
	}
	size, err := ParseInt(d.Get("Size"))
	if err != nil || size > maxObject+1 || width == 0 {
		return section{}, nil, errors.New("pdf: bad /Size of a cross-reference stream")
	}
	index := []int64{0, size}
	if src := d.Get("Index"); src != nil {
		items, err := ParseArray(src)
		if err != nil || len(items)%2 != 0 {
			return section{}, nil, errors.New("pdf: bad /Index of a cross-reference stream")
		}
		index = nil
		for _, it := range items {
			n, err := ParseInt(it)
			if err != nil || n > maxObject+1 {
				return section{}, nil, errors.New("pdf: bad /Index of a cross-reference stream")
			}
			index = append(index, n)
		}
	}
	var at int64
	for i := 0; i < len(index); i += 2 {
		first, count := index[i], index[i+1]
		if at+count*int64(width) > int64(len(data)) || first+count > maxObject+1 {
			return section{}, nil, errors.New("pdf: cross-reference stream is too short")
		}
		sec.subs = append(sec.subs, subsection{int(first), int(count), at})
		f.next = max(f.next, int(first+count))
		at += count * int64(width)
	}
	return sec, d, nil
}

// lookup finds an object in the newest section that names it.
func (f *File) lookup(num int) (entry, error) {
	for i := range f.sections {
		sec := &f.sections[i]
		e, ok, err := f.entryIn(sec, num)
		if err != nil {
			return entry{}, err
		}
		// In a hybrid file the table calls an object free that the stream has.
		if sec.hidden != nil && (!ok || e.kind == 'f') {
			h, found, err := f.entryIn(sec.hidden, num)
			if err != nil {
				return entry{}, err
			}
			if found {
				return h, nil
			}
		}
		if ok {
			return e, nil
		}
	}
	return entry{kind: 'f'}, nil
}

func (f *File) entryIn(sec *section, num int) (entry, bool, error) {
	for _, s := range sec.subs {
		if num < s.first || num >= s.first+s.count {
			continue
		}
		n := int64(num - s.first)
		if sec.data != nil {
			e, err := sec.streamEntry(s.at + n*int64(sec.w[0]+sec.w[1]+sec.w[2]))
			return e, true, err
		}
		b, err := f.bytes(s.at+20*n, 20)
		if err != nil {
			return entry{}, false, err
		}
		if len(b) < 18 || b[10] != ' ' || b[16] != ' ' || b[17] != 'n' && b[17] != 'f' {
			return entry{}, false, errors.New("pdf: bad entry in the cross-reference table")
		}
		off, err1 := parseUint(string(b[:10]))
		gen, err2 := parseUint(string(b[11:16]))
		if err1 != nil || err2 != nil {
			return entry{}, false, errors.New("pdf: bad entry in the cross-reference table")
		}
		return entry{kind: b[17], offset: off, gen: int(gen)}, true, nil
	}
	return entry{}, false, nil
}

func (sec *section) streamEntry(at int64) (entry, error) {
	field := func(i int) int64 {
		var v uint64
		for range sec.w[i] {
			v = v<<8 | uint64(sec.data[at])
			at++
		}
		return int64(v)
	}
	kind := int64(1) // when W[0] is 0
	if sec.w[0] > 0 {
		kind = field(0)
	}
	a, b := field(1), field(2)
	switch {
	case a < 0 || b < 0:
	case kind == 0:
		return entry{kind: 'f'}, nil
	case kind == 1 && b <= 65535:
		return entry{kind: 'n', offset: a, gen: int(b)}, nil
	case kind == 2 && a <= maxObject && b <= maxObject:
		return entry{kind: 'c', stream: int(a), index: int(b)}, nil
	}
	return entry{}, errors.New("pdf: bad entry in the cross-reference stream")
}

// Object returns the source text of an object without stream data; "null" for
// one that is not there.
func (f *File) Object(ref Ref) ([]byte, error) {
	e, err := f.lookup(ref.Num)
	if err != nil {
		return nil, err
	}
	switch {
	case e.kind == 'n' && e.gen == ref.Gen:
		got, v, err := f.objectAt(e.offset)
		if err != nil {
			return nil, err
		}
		if got != ref {
			return nil, fmt.Errorf("pdf: object %v is not where the cross-reference says", ref)
		}
		return v, nil
	case e.kind == 'c' && ref.Gen == 0:
		return f.compressed(e, ref.Num)
	}
	return []byte("null"), nil
}

// objectAt reads "n g obj" and the value after it.
func (f *File) objectAt(off int64) (Ref, []byte, error) {
	var ref Ref
	var value []byte
	err := f.window(off, func(l *lexer) error {
		r, from, err := objectHead(l)
		if err != nil {
			return err
		}
		if _, err := l.value(0); err != nil {
			return err
		}
		ref, value = r, bytes.Clone(l.b[from:l.i])
		return nil
	})
	return ref, value, err
}

func objectHead(l *lexer) (Ref, int, error) {
	num, err := l.integer()
	if err != nil {
		return Ref{}, 0, err
	}
	gen, err := l.integer()
	if err != nil {
		return Ref{}, 0, err
	}
	if num > maxObject || gen > 65535 {
		return Ref{}, 0, errSyntax
	}
	if err := l.keyword("obj"); err != nil {
		return Ref{}, 0, err
	}
	if err := l.space(); err != nil {
		return Ref{}, 0, err
	}
	return Ref{int(num), int(gen)}, l.i, nil
}

// streamAt reads and decodes the stream object at off.
func (f *File) streamAt(off int64) (Ref, Dict, []byte, error) {
	var ref Ref
	var d Dict
	var dataAt int64
	err := f.window(off, func(l *lexer) error {
		r, from, err := objectHead(l)
		if err != nil {
			return err
		}
		if _, err := l.value(0); err != nil {
			return err
		}
		if d, err = ParseDict(bytes.Clone(l.b[from:l.i])); err != nil {
			return err
		}
		if err := l.keyword("stream"); err != nil {
			return err
		}
		if l.i+2 > len(l.b) {
			return errShort
		}
		if l.b[l.i] == '\r' {
			l.i++
		}
		if l.b[l.i] != '\n' {
			return errSyntax
		}
		ref, dataAt = r, off+int64(l.i)+1
		return nil
	})
	if err != nil {
		return Ref{}, nil, nil, err
	}
	src := d.Get("Length")
	if lr, ok := ParseRef(src); ok {
		if f.Trailer == nil || lr == ref {
			return Ref{}, nil, nil, errors.New("pdf: the length of a cross-reference stream is not direct")
		}
		if src, err = f.Object(lr); err != nil {
			return Ref{}, nil, nil, err
		}
	}
	n, err := ParseInt(src)
	if err != nil || n > maxEncoded || dataAt+n > f.Size {
		return Ref{}, nil, nil, errors.New("pdf: bad /Length of a stream")
	}
	raw, err := f.bytes(dataAt, int(n))
	if err != nil {
		return Ref{}, nil, nil, err
	}
	data, err := f.decode(d, raw)
	return ref, d, data, err
}

// decode undoes the filters that cross-reference and object streams use.
func (f *File) decode(d Dict, raw []byte) ([]byte, error) {
	filter, parms := d.Get("Filter"), d.Get("DecodeParms")
	if list, err := ParseArray(filter); err == nil {
		if len(list) > 1 {
			return nil, errors.New("pdf: several filters on a cross-reference or object stream")
		}
		filter = nil
		if len(list) == 1 {
			filter = list[0]
		}
		if list, err := ParseArray(parms); err == nil && len(list) > 0 {
			parms = list[0]
		}
	}
	if filter == nil {
		return raw, nil
	}
	if name, _ := ParseName(filter); name != "FlateDecode" {
		return nil, fmt.Errorf("pdf: filter %s on a cross-reference or object stream", clip(string(filter)))
	}
	zr, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("pdf: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(zr, maxDecoded+1))
	if err != nil {
		return nil, fmt.Errorf("pdf: %w", err)
	}
	if len(data) > maxDecoded {
		return nil, errors.New("pdf: a stream is too large")
	}
	if p, err := ParseDict(parms); err == nil {
		return unpredict(data, p)
	}
	return data, nil
}

// unpredict undoes the PNG predictors (ISO 32000-1 §7.4.4.4).
func unpredict(data []byte, p Dict) ([]byte, error) {
	num := func(key string, def int64) int64 {
		if n, err := ParseInt(p.Get(key)); err == nil {
			return n
		}
		return def
	}
	predictor := num("Predictor", 1)
	if predictor == 1 {
		return data, nil
	}
	columns, colors, bits := num("Columns", 1), num("Colors", 1), num("BitsPerComponent", 8)
	if predictor < 10 || predictor > 15 || columns < 1 || columns > 1<<16 || colors < 1 || colors > 32 || bits != 8 {
		return nil, errors.New("pdf: predictor not known")
	}
	bpp := int(colors)
	row := int(columns) * bpp
	out := make([]byte, 0, len(data))
	prior := make([]byte, row)
	for len(data) > row {
		tag, line := data[0], data[1:1+row]
		data = data[1+row:]
		for i := range line {
			var left, up, upLeft byte
			up = prior[i]
			if i >= bpp {
				left, upLeft = line[i-bpp], prior[i-bpp]
			}
			switch tag {
			case 0:
			case 1:
				line[i] += left
			case 2:
				line[i] += up
			case 3:
				line[i] += byte((int(left) + int(up)) / 2)
			case 4:
				line[i] += paeth(left, up, upLeft)
			default:
				return nil, errors.New("pdf: predictor not known")
			}
		}
		out = append(out, line...)
		prior = line
	}
	return out, nil
}

func paeth(a, b, c byte) byte {
	p := int(a) + int(b) - int(c)
	abs := func(x int) int { return max(x, -x) }
	pa, pb, pc := abs(p-int(a)), abs(p-int(b)), abs(p-int(c))
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

// objectStream is a decoded object stream (ISO 32000-1 §7.5.7).
type objectStream struct {
	nums, offs []int
	data       []byte
}

func (f *File) compressed(e entry, num int) ([]byte, error) {
	s, ok := f.objstms[e.stream]
	if !ok {
		var err error
		if s, err = f.objectStream(e.stream); err != nil {
			return nil, err
		}
		if len(f.objstms) >= 4 { // flat memory: a few are enough for one walk
			clear(f.objstms)
		}
		f.objstms[e.stream] = s
	}
	i := e.index
	if i >= len(s.nums) || s.nums[i] != num {
		if i = slices.Index(s.nums, num); i < 0 {
			return nil, fmt.Errorf("pdf: object %d is not in its object stream", num)
		}
	}
	l := &lexer{b: s.data, i: s.offs[i], whole: true}
	if err := l.space(); err != nil {
		return nil, err
	}
	from := l.i
	if _, err := l.value(0); err != nil {
		return nil, err
	}
	return s.data[from:l.i], nil
}

func (f *File) objectStream(num int) (*objectStream, error) {
	e, err := f.lookup(num)
	if err != nil {
		return nil, err
	}
	if e.kind != 'n' {
		return nil, fmt.Errorf("pdf: object stream %d is missing", num)
	}
	ref, d, data, err := f.streamAt(e.offset)
	if err != nil {
		return nil, err
	}
	t, _ := ParseName(d.Get("Type"))
	n, err1 := ParseInt(d.Get("N"))
	first, err2 := ParseInt(d.Get("First"))
	if ref.Num != num || t != "ObjStm" || err1 != nil || err2 != nil || first > int64(len(data)) || n > int64(len(data)) {
		return nil, fmt.Errorf("pdf: object stream %d is damaged", num)
	}
	s := &objectStream{data: data}
	l := &lexer{b: data[:first], whole: true}
	for range n {
		a, err1 := l.integer()
		b, err2 := l.integer()
		if err1 != nil || err2 != nil || a > maxObject || b > int64(len(data))-first {
			return nil, fmt.Errorf("pdf: object stream %d is damaged", num)
		}
		s.nums, s.offs = append(s.nums, int(a)), append(s.offs, int(first+b))
	}
	return s, nil
}

// Resolve follows a reference to its object; other values come back as they are.
func (f *File) Resolve(src []byte) ([]byte, error) { return resolve(src, f.Object) }

func resolve(src []byte, object func(Ref) ([]byte, error)) ([]byte, error) {
	for range 32 {
		ref, ok := ParseRef(src)
		if !ok {
			return src, nil
		}
		var err error
		if src, err = object(ref); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("pdf: references run in a circle")
}

// Dict resolves src to a dictionary.
func (f *File) Dict(src []byte) (Dict, error) {
	v, err := f.Resolve(src)
	if err != nil {
		return nil, err
	}
	return ParseDict(v)
}

// Catalog returns the document catalog.
func (f *File) Catalog() (Dict, Ref, error) {
	ref, ok := ParseRef(f.Trailer.Get("Root"))
	if !ok {
		return nil, Ref{}, errors.New("pdf: the trailer has no /Root")
	}
	src, err := f.Object(ref)
	if err != nil {
		return nil, Ref{}, err
	}
	d, err := ParseDict(src)
	if err != nil {
		return nil, Ref{}, err
	}
	if t, _ := ParseName(d.Get("Type")); t != "Catalog" {
		return nil, Ref{}, errors.New("pdf: /Root is not a catalog")
	}
	return d, ref, nil
}

// Page is a page of the document.
type Page struct {
	Ref    Ref
	Dict   Dict
	Rotate int // 0, 90, 180, 270: clockwise, inherited if need be
}

// ErrNoPage is returned for a page number that the document does not have.
var ErrNoPage = errors.New("pdf: no such page")

// Page finds page n, counted from 1, by walking the page tree. /Count is not
// trusted.
func (f *File) Page(n int) (*Page, error) {
	cat, _, err := f.Catalog()
	if err != nil {
		return nil, err
	}
	root, ok := ParseRef(cat.Get("Pages"))
	if !ok {
		return nil, errors.New("pdf: the catalog has no /Pages")
	}
	w := pageWalk{f: f, left: n, seen: map[Ref]bool{}}
	p, err := w.find(root, 0, 0)
	if err == nil && p == nil {
		err = ErrNoPage
	}
	return p, err
}

type pageWalk struct {
	f    *File
	left int
	seen map[Ref]bool
}

func (w *pageWalk) find(ref Ref, rotate, depth int) (*Page, error) {
	if w.seen[ref] || depth > maxDepth || len(w.seen) > maxPages {
		return nil, errors.New("pdf: the page tree runs in a circle")
	}
	w.seen[ref] = true
	src, err := w.f.Object(ref)
	if err != nil {
		return nil, err
	}
	d, err := ParseDict(src)
	if err != nil {
		return nil, err
	}
	if v := d.Get("Rotate"); v != nil {
		if v, err = w.f.Resolve(v); err != nil {
			return nil, err
		}
		rotate = parseRotate(v)
	}
	kids := d.Get("Kids")
	if kids == nil {
		if w.left--; w.left == 0 {
			return &Page{ref, d, rotate}, nil
		}
		return nil, nil
	}
	if kids, err = w.f.Resolve(kids); err != nil {
		return nil, err
	}
	list, err := ParseArray(kids)
	if err != nil {
		return nil, err
	}
	for _, k := range list {
		kid, ok := ParseRef(k)
		if !ok {
			return nil, errors.New("pdf: a page is not an indirect object")
		}
		if p, err := w.find(kid, rotate, depth+1); p != nil || err != nil {
			return p, err
		}
	}
	return nil, nil
}

// parseRotate reads a multiple of 90, which may be negative.
func parseRotate(src []byte) int {
	var n int
	if _, err := fmt.Sscanf(string(src), "%d", &n); err != nil || n%90 != 0 {
		return 0
	}
	return ((n % 360) + 360) % 360
}
