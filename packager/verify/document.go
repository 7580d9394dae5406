package verify

import (
	"bytes"
	"compress/zlib"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"strconv"
)

// document is a PDF file, or its beginning up to the end of a revision, read by
// its cross-references, newest first.
type document struct {
	*file
	size    int64
	trailer dict
	// sections are the cross-reference sections from the newest to the
	// oldest: one for each revision (two for a hybrid file).
	sections []*section
}

// file is what the states of one file share: what was read once, and how much
// has been read in all. What a hostile file can cost is bounded over all its
// states together.
type file struct {
	r        io.ReaderAt
	sections map[int64]*section
	streams  map[streamKey][]byte
	objStms  map[streamKey]*objStm
	crls     map[streamKey]*x509.RevocationList
	crlBytes int64 // of them, in DER
	entries  int   // objects that sections and object streams list
	decoded  int64 // bytes of structure streams
	work     int64 // bytes read as objects, and a little for each time
}

// place is where an object is: at an offset, or in an object stream.
type place struct {
	off      int64
	gen      int32
	inStream int32 // number of the object stream, 0 for none
	free     bool
}

type section struct {
	off, end int64 // end: what was read of it lies before
	isTable  bool
	trailer  dict
	objects  map[int]place
}

// Bounds on hostile files.
const (
	maxSections = 1024
	maxObjects  = 8 << 20
	maxEntries  = 2 << 20
	maxDecoded  = 128 << 20
	maxWork     = 2 << 30
	perObject   = 512     // work beside the bytes
	maxNodes    = 1 << 16 // of the tree of fields or of names
)

// spend counts work; a file that asks for too much is refused.
func (f *file) spend(n int64) error {
	if f.work += n + perObject; f.work > maxWork {
		return because("pdf.large")
	}
	return nil
}

// list counts the objects of a section or an object stream.
func (f *file) list(n int) error {
	if f.entries += n; f.entries > maxEntries {
		return because("pdf.large")
	}
	return nil
}

func at(off int64) string { return strconv.FormatInt(off, 10) }

func itoa(n int) string { return strconv.Itoa(n) }

// openDocument reads the cross-references of a file. It repairs nothing: a
// signed file that has to be repaired is not the file that was signed.
func openDocument(r io.ReaderAt, size int64) (*document, error) {
	f := &file{
		r: r, sections: map[int64]*section{}, streams: map[streamKey][]byte{}, objStms: map[streamKey]*objStm{},
		crls: map[streamKey]*x509.RevocationList{},
	}
	head := make([]byte, 5)
	if _, err := r.ReadAt(head, 0); err != nil || string(head) != "%PDF-" {
		return nil, because("pdf.header")
	}
	return f.open(size)
}

// open reads the cross-references of the first size bytes.
func (f *file) open(size int64) (*document, error) {
	d := &document{file: f, size: size}
	start, err := d.startxref()
	if err != nil {
		return nil, err
	}
	seen, hybrids := map[int64]bool{}, map[int64]bool{}
	for queue := []int64{start}; len(queue) > 0; {
		off := queue[0]
		queue = queue[1:]
		if seen[off] {
			return nil, because("pdf.circle")
		}
		seen[off] = true
		if len(d.sections) == maxSections {
			return nil, because("pdf.revisions", "n", itoa(maxSections))
		}
		s, err := d.section(off)
		if err != nil {
			return nil, err
		}
		d.sections = append(d.sections, s)
		if d.trailer == nil {
			d.trailer = s.trailer
		}
		// Readers that take another trailer for the newest would open another
		// document.
		if root, given := s.trailer["Root"]; given && root != d.trailer["Root"] {
			return nil, because("pdf.catalogs")
		}
		if s.trailer["Encrypt"] != nil {
			return nil, because("pdf.encrypted")
		}
		// A hybrid file's stream is looked up before the older revision.
		if hybrid, ok := s.trailer["XRefStm"].(int64); ok {
			queue = append(queue, hybrid)
			hybrids[hybrid] = true
		}
		if prev, ok := s.trailer["Prev"]; ok && !hybrids[off] {
			p, ok := prev.(int64)
			if !ok {
				return nil, because("pdf.xref", "at", at(off))
			}
			queue = append(queue, p)
		}
	}
	return d, nil
}

// startxref finds the offset that the last lines of the file name.
func (d *document) startxref() (int64, error) {
	n := min(d.size, 2048)
	tail := make([]byte, n)
	if _, err := d.r.ReadAt(tail, d.size-n); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	i := bytes.LastIndex(tail, []byte("startxref"))
	if i < 0 {
		return 0, because("pdf.startxref")
	}
	rest := tail[i:]
	if !bytes.Contains(rest, []byte("%%EOF")) {
		return 0, because("pdf.cut")
	}
	l := newLexer(bytes.NewReader(rest), int64(len(rest)), int64(len("startxref")))
	off, err := l.object(0)
	if v, ok := off.(int64); err == nil && ok && v > 0 && v < d.size {
		return v, nil
	}
	return 0, because("pdf.startxref")
}

// place returns where an object is, by the newest section that lists it.
func (d *document) place(num int) (place, bool) {
	for _, s := range d.sections {
		if p, ok := s.objects[num]; ok {
			return p, true
		}
	}
	return place{}, false
}

// section reads a section, or takes it as another state of the file has read
// it, when all of it lies within this one.
func (d *document) section(off int64) (*section, error) {
	if s, ok := d.file.sections[off]; ok && s.end <= d.size {
		return s, nil
	}
	s, err := d.readSection(off)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.list(len(s.objects)), d.spend(s.end-off)); err != nil {
		return nil, err
	}
	d.file.sections[off] = s
	return s, nil
}

func (d *document) readSection(off int64) (*section, error) {
	l := newLexer(d.r, d.size, off)
	first, err := l.object(0)
	if err != nil {
		return nil, because("pdf.xref", "at", at(off))
	}
	if first == keyword("xref") {
		return d.table(l, off)
	}
	if _, ok := first.(int64); !ok {
		return nil, because("pdf.xref", "at", at(off))
	}
	o, _, err := d.indirectAt(off)
	if err != nil {
		return nil, err
	}
	s, ok := o.(*stream)
	if !ok || s.dict["Type"] != name("XRef") {
		return nil, because("pdf.xref", "at", at(off))
	}
	return d.xrefStream(s, off)
}

// table reads a classic table (7.5.4) after its keyword.
func (d *document) table(l *lexer, off int64) (*section, error) {
	s := &section{off: off, isTable: true, objects: map[int]place{}}
	for {
		o, err := l.object(0)
		if err != nil {
			return nil, because("pdf.xref", "at", at(off))
		}
		if o == keyword("trailer") {
			break
		}
		first, ok1 := o.(int64)
		c, err := l.object(0)
		count, ok2 := c.(int64)
		if err != nil || !ok1 || !ok2 || first < 0 || count < 0 || first > maxObjects || count > maxObjects {
			return nil, because("pdf.xref", "at", at(off))
		}
		for i := range count {
			p, err := tableEntry(l)
			if err != nil {
				return nil, because("pdf.xref", "at", at(off))
			}
			if !s.put(int(first+i), p) {
				return nil, because("pdf.xref", "at", at(off))
			}
			if len(s.objects) > maxEntries {
				return nil, because("pdf.large")
			}
		}
	}
	t, err := l.object(0)
	trailer, ok := t.(dict)
	if err != nil || !ok {
		return nil, because("pdf.xref", "at", at(off))
	}
	s.trailer, s.end = trailer, l.pos
	return s, nil
}

// put keeps a place; an object that stands twice in a section is refused.
func (s *section) put(n int, p place) bool {
	_, twice := s.objects[n]
	s.objects[n] = p
	return !twice
}

func tableEntry(l *lexer) (place, error) {
	// "0000000016 00000 n": three words, and never a reference.
	l.skipSpace()
	o, err1 := l.word()
	l.skipSpace()
	g, err2 := l.word()
	l.skipSpace()
	k, err3 := l.word()
	if err := errors.Join(err1, err2, err3); err != nil {
		return place{}, err
	}
	off, ok1 := parseInt(o)
	gen, ok2 := parseInt(g)
	if !ok1 || !ok2 || k != "n" && k != "f" {
		return place{}, errSyntax(l.pos)
	}
	return place{off: off, gen: int32(min(max(gen, 0), 65536)), free: k == "f"}, nil
}

// xrefStream reads a cross-reference stream (7.5.8).
func (d *document) xrefStream(st *stream, off int64) (*section, error) {
	bad := because("pdf.xref", "at", at(off))
	// Its own values stand in it (7.5.8.2): what it says must not depend on what
	// other revisions say.
	for _, k := range []name{"Length", "Filter", "DecodeParms", "W", "Index", "Size"} {
		if _, elsewhere := st.dict[k].(ref); elsewhere {
			return nil, bad
		}
	}
	s := &section{off: off, trailer: st.dict, objects: map[int]place{}}
	data, err := d.decode(st)
	if err != nil {
		return nil, err
	}
	raw, err := d.raw(st)
	if err != nil {
		return nil, err
	}
	s.end = st.off + raw.Size() + int64(len("\nendstream"))
	w, ok := ints(st.dict["W"])
	if !ok || len(w) != 3 || slices.ContainsFunc(w, func(n int64) bool { return n < 0 || n > 8 }) {
		return nil, bad
	}
	size, ok := st.dict["Size"].(int64)
	if !ok || size < 0 || size > maxObjects {
		return nil, bad
	}
	index := []int64{0, size}
	if v, given := st.dict["Index"]; given {
		if index, ok = ints(v); !ok || len(index)%2 != 0 {
			return nil, bad
		}
	}
	field := func(b []byte) (v int64) {
		for _, c := range b {
			v = v<<8 | int64(c)
		}
		return v
	}
	width := int(w[0] + w[1] + w[2])
	for i := 0; i < len(index); i += 2 {
		first, count := index[i], index[i+1]
		if first < 0 || count < 0 || first > maxObjects || count > maxObjects || int64(len(data)) < count*int64(width) {
			return nil, bad
		}
		for n := range count {
			e := data[:width]
			data = data[width:]
			kind := int64(1)
			if w[0] > 0 {
				kind = field(e[:w[0]])
			}
			b, c := field(e[w[0]:w[0]+w[1]]), field(e[w[0]+w[1]:])
			p := place{free: true}
			switch kind {
			case 0:
			case 1:
				p = place{off: b, gen: int32(min(max(c, 0), 65536))}
			case 2:
				if b < 0 || b > maxObjects {
					return nil, bad
				}
				p = place{inStream: int32(b)}
			default:
				continue // 7.5.8.3: as if it were not there
			}
			if !s.put(int(first+n), p) {
				return nil, bad
			}
			if len(s.objects) > maxEntries {
				return nil, because("pdf.large")
			}
		}
	}
	return s, nil
}

func ints(o any) ([]int64, bool) {
	a, ok := o.(array)
	if !ok {
		return nil, false
	}
	out := make([]int64, len(a))
	for i, v := range a {
		if out[i], ok = v.(int64); !ok {
			return nil, false
		}
	}
	return out, true
}

// indirectAt reads "n g obj … endobj" at an offset.
func (d *document) indirectAt(off int64) (any, ref, error) {
	bad := because("pdf.object", "at", at(off))
	if off <= 0 || off >= d.size {
		return nil, ref{}, bad
	}
	l := newLexer(d.r, d.size, off)
	n, ok1 := l.smallNumber()
	g, ok2 := l.smallNumber()
	k, err := l.object(0)
	if !ok1 || !ok2 || err != nil || k != keyword("obj") {
		return nil, ref{}, bad
	}
	o, err := l.object(0)
	if err := d.spend(l.pos - off); err != nil {
		return nil, ref{}, err
	}
	if err != nil {
		return nil, ref{}, bad
	}
	id := ref{n, g}
	if dc, ok := o.(dict); ok {
		l.skipSpace()
		back := l.pos
		if w, err := l.word(); err == nil && w == "stream" {
			if c, ok := l.peek(); ok && c == '\r' {
				l.pos++
			}
			if c, ok := l.peek(); ok && c == '\n' {
				l.pos++
			}
			return &stream{dict: dc, off: l.pos}, id, nil
		}
		l.pos = back
	}
	return o, id, nil
}

func (l *lexer) smallNumber() (int, bool) {
	l.skipSpace()
	w, err := l.word()
	if err != nil {
		return 0, false
	}
	n, ok := parseInt(w)
	return int(n), ok && n >= 0 && n <= maxObjects
}

// get follows references until it meets an object that is none.
func (d *document) get(o any) (any, error) {
	for range 32 {
		r, ok := o.(ref)
		if !ok {
			return o, nil
		}
		var err error
		if o, err = d.load(r); err != nil {
			return nil, err
		}
	}
	return nil, because("pdf.circle")
}

func (d *document) load(r ref) (any, error) {
	p, ok := d.place(r.num)
	if !ok || p.free {
		return nil, nil // a missing object is null (7.3.10)
	}
	if p.inStream != 0 {
		return d.fromStream(int(p.inStream), r.num)
	}
	o, id, err := d.indirectAt(p.off)
	if err != nil {
		return nil, err
	}
	if id.num != r.num {
		return nil, because("pdf.misplaced", "got", itoa(id.num), "want", itoa(r.num))
	}
	return o, nil
}

// getDict is get for a dictionary; null gives nil.
func (d *document) getDict(o any) (dict, error) {
	v, err := d.get(o)
	if err != nil || v == nil {
		return nil, err
	}
	switch v := v.(type) {
	case dict:
		return v, nil
	case *stream:
		return v.dict, nil
	}
	return nil, because("pdf.kind", "want", "dictionary")
}

func (d *document) getArray(o any) (array, error) {
	v, err := d.get(o)
	if err != nil || v == nil {
		return nil, err
	}
	a, ok := v.(array)
	if !ok {
		return nil, because("pdf.kind", "want", "array")
	}
	return a, nil
}

// objStm is an object stream (7.5.7), decoded.
type objStm struct {
	data    []byte
	offsets map[int]int64
}

func (d *document) fromStream(num, want int) (any, error) {
	s, err := d.objStm(num)
	if err != nil {
		return nil, err
	}
	off, ok := s.offsets[want]
	if !ok {
		return nil, because("pdf.objstm", "n", itoa(num))
	}
	l := newLexer(bytes.NewReader(s.data), int64(len(s.data)), off)
	o, err := l.object(0)
	if err := d.spend(l.pos - off); err != nil {
		return nil, err
	}
	return o, err
}

// objStm reads the object stream with a number.
func (d *document) objStm(num int) (*objStm, error) {
	bad := because("pdf.objstm", "n", itoa(num))
	p, ok := d.place(num)
	if !ok || p.free || p.inStream != 0 {
		return nil, bad
	}
	o, id, err := d.indirectAt(p.off)
	if err != nil {
		return nil, err
	}
	st, ok := o.(*stream)
	if !ok || id.num != num || st.dict["Type"] != name("ObjStm") {
		return nil, bad
	}
	key, err := d.streamKey(st)
	if err != nil {
		return nil, err
	}
	if s, ok := d.objStms[key]; ok {
		return s, nil
	}
	data, err := d.decode(st)
	if err != nil {
		return nil, err
	}
	n, ok1 := st.dict["N"].(int64)
	first, ok2 := st.dict["First"].(int64)
	if !ok1 || !ok2 || n < 0 || n > maxObjects || first < 0 || first > int64(len(data)) {
		return nil, bad
	}
	if err := d.list(int(n)); err != nil {
		return nil, err
	}
	s := &objStm{data: data, offsets: map[int]int64{}}
	l := newLexer(bytes.NewReader(data), first, 0)
	for range n {
		k, ok1 := l.smallNumber()
		off, ok2 := l.smallNumber()
		if !ok1 || !ok2 || first+int64(off) > int64(len(data)) {
			return nil, bad
		}
		if _, twice := s.offsets[k]; twice {
			return nil, bad
		}
		s.offsets[k] = first + int64(off)
	}
	d.objStms[key] = s
	return s, nil
}

// raw returns the bytes of a stream as they are stored.
func (d *document) raw(s *stream) (*io.SectionReader, error) {
	v, err := d.get(s.dict["Length"])
	if err != nil {
		return nil, err
	}
	n, ok := v.(int64)
	if !ok || n < 0 || n > d.size-s.off {
		return nil, because("pdf.length", "at", at(s.off))
	}
	// A length that ends elsewhere than the keyword says shows different data
	// to readers that search for the keyword.
	l := newLexer(d.r, d.size, s.off+n)
	l.skipSpace()
	w, err := l.word()
	if err := d.spend(l.pos - s.off - n); err != nil {
		return nil, err
	}
	if err != nil || w != "endstream" {
		return nil, because("pdf.length", "at", at(s.off))
	}
	return io.NewSectionReader(d.r, s.off, n), nil
}

// streamKey is what the data of a stream depends on.
type streamKey struct {
	off, length        int64
	filter             name // FlateDecode or none
	predictor, columns int64
}

// streamKey resolves how a stream is stored: unfiltered or Flate, with or
// without a PNG predictor (7.4.4.4). Those are all that structure streams use.
func (d *document) streamKey(s *stream) (streamKey, error) {
	bad := because("pdf.filter", "at", at(s.off))
	raw, err := d.raw(s)
	if err != nil {
		return streamKey{}, err
	}
	k := streamKey{off: s.off, length: raw.Size()}
	filter, err := d.get(s.dict["Filter"])
	if err != nil {
		return k, err
	}
	parms, err := d.get(s.dict["DecodeParms"])
	if err != nil {
		return k, err
	}
	if a, ok := filter.(array); ok {
		switch len(a) {
		case 0:
			filter = nil
		case 1:
			filter = a[0]
		default:
			return k, bad
		}
		if p, ok := parms.(array); ok && len(p) == 1 {
			if parms, err = d.get(p[0]); err != nil {
				return k, err
			}
		}
	}
	if filter == nil {
		return k, nil
	}
	if k.filter, _ = filter.(name); k.filter != "FlateDecode" {
		return k, bad
	}
	p, _ := parms.(dict)
	if k.predictor, _ = p["Predictor"].(int64); k.predictor < 2 {
		k.predictor = 0
		return k, nil
	}
	if k.columns, _ = p["Columns"].(int64); p["Columns"] == nil {
		k.columns = 1
	}
	colors, given := p["Colors"].(int64)
	bits, given8 := p["BitsPerComponent"].(int64)
	if given && colors != 1 || given8 && bits != 8 || k.predictor < 10 || k.columns < 1 || k.columns > 1<<16 {
		return k, bad
	}
	return k, nil
}

// decode returns the data of a stream. It is kept, so that it is decoded once
// for all states of the file, and must not be changed.
func (d *document) decode(s *stream) ([]byte, error) {
	k, err := d.streamKey(s)
	if err != nil {
		return nil, err
	}
	if data, ok := d.streams[k]; ok {
		return data, nil
	}
	unpacked := func() (io.Reader, error) {
		raw := io.NewSectionReader(d.r, k.off, k.length)
		if k.filter == "" {
			return raw, nil
		}
		return zlib.NewReader(raw)
	}
	// What it comes to is counted before anything is held.
	r, err := unpacked()
	var n int64
	if err == nil {
		n, err = io.Copy(io.Discard, io.LimitReader(r, maxDecoded-d.decoded+1))
	}
	if d.decoded += n; d.decoded > maxDecoded {
		return nil, because("pdf.large")
	}
	if err == nil {
		r, err = unpacked()
	}
	data := make([]byte, n)
	if err == nil {
		_, err = io.ReadFull(r, data)
	}
	if err == nil && k.predictor > 0 {
		data, err = unpredict(data, int(k.columns))
	}
	if err != nil {
		return nil, because("pdf.filter", "at", at(s.off))
	}
	d.streams[k] = data
	return data, nil
}

var errPredictor = errors.New("predictor")

// unpredict undoes the PNG predictors, in place.
func unpredict(data []byte, w int) ([]byte, error) {
	out := data[:0]
	prev := make([]byte, w)
	for len(data) > w {
		kind, row := data[0], data[1:w+1]
		data = data[w+1:]
		for i := range row {
			var left, corner byte
			up := prev[i]
			if i > 0 {
				left, corner = row[i-1], prev[i-1]
			}
			switch kind {
			case 0:
			case 1:
				row[i] += left
			case 2:
				row[i] += up
			case 3:
				row[i] += byte((int(left) + int(up)) / 2)
			case 4:
				row[i] += paeth(left, up, corner)
			default:
				return nil, errPredictor
			}
		}
		out = append(out, row...)
		prev = out[len(out)-w:]
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
