package heif

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

const (
	metaBytes = 4 << 20
	exifBytes = 1 << 20
	tileBytes = 64 << 20
	mostTiles = 2048
	longest   = 65_535
)

// file is what the meta box of a file says.
type file struct {
	r       io.ReaderAt
	size    int64
	primary uint32
	types   map[uint32]string   // item → type
	places  map[uint32]place    // item → where its data are
	props   []property          // of the property container, counted from 1
	has     map[uint32][]int    // item → its properties
	refs    map[uint32][]uint32 // derived image → its sources (dimg)
	idat    []byte
	grid    *grid
	turn    turn
}

type place struct {
	inMeta bool // in the idat box (construction method 1)
	at, n  int64
	parts  int
}

type property struct {
	name string
	body []byte
}

type grid struct {
	columns, width, height int
	tiles                  []uint32
}

// parse reads the meta box of a file. What makes no sense is left out; the
// error is ErrFormat when no primary picture is left.
func parse(r io.ReaderAt, size int64) (*file, error) {
	f := &file{r: r, size: size, types: map[uint32]string{}, places: map[uint32]place{}, has: map[uint32][]int{}, refs: map[uint32][]uint32{}}
	for at := int64(0); at+8 <= size; {
		name, body, next := header(r, at, size)
		if next <= at {
			break
		}
		if name == "meta" {
			b := make([]byte, min(next-body, metaBytes))
			if n, _ := r.ReadAt(b, body); n < len(b) {
				return nil, ErrFormat
			}
			if len(b) > 4 {
				f.meta(b[4:]) // a full box: version and flags come first
			}
			break
		}
		at = next
	}
	if w, h := f.extent(f.primary); w <= 0 || h <= 0 || w > longest || h > longest {
		return nil, fmt.Errorf("%w: primary item %d of %d × %d", ErrFormat, f.primary, w, h)
	}
	f.grid = f.readGrid()
	for _, p := range f.of(f.primary) {
		switch {
		case p.name == "irot" && len(p.body) >= 1:
			f.turn = f.turn.rotate(int(p.body[0] & 3))
		case p.name == "imir" && len(p.body) >= 1:
			f.turn = f.turn.flip(p.body[0]&1 == 0)
		}
	}
	return f, nil
}

func (f *file) info() Info {
	w, h := f.extent(f.primary)
	unit := int64(w) * int64(h)
	if f.grid != nil {
		w, h = f.grid.width, f.grid.height
		tw, th := f.extent(f.grid.tiles[0])
		unit = int64(tw) * int64(th)
	}
	w, h = f.turn.size(w, h)
	return Info{Width: w, Height: h, Tiled: f.grid != nil, EXIF: f.exif(), unit: unit}
}

// header reads the header of the box at a place: its name, where its body
// begins and where the next box is (at, when it makes no sense).
func header(r io.ReaderAt, at, size int64) (name string, body, next int64) {
	var b [16]byte
	n, _ := r.ReadAt(b[:], at)
	if n < 8 {
		return "", at, at
	}
	length, head := int64(binary.BigEndian.Uint32(b[:])), int64(8)
	switch {
	case length == 1 && n == 16:
		length, head = int64(binary.BigEndian.Uint64(b[8:])), 16
	case length == 0:
		length = size - at
	}
	if length < head || length > size-at {
		return "", at, at
	}
	return string(b[4:8]), at + head, at + length
}

// boxes calls visit for each box in b.
func boxes(b []byte, visit func(name string, body []byte)) {
	for len(b) >= 8 {
		n, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		switch {
		case n == 1 && len(b) >= 16:
			n, head = binary.BigEndian.Uint64(b[8:]), 16
		case n == 0:
			n = uint64(len(b))
		}
		if n < head || n > uint64(len(b)) {
			return
		}
		visit(string(b[4:8]), b[head:n])
		b = b[n:]
	}
}

func (f *file) meta(b []byte) {
	boxes(b, func(name string, body []byte) {
		switch name {
		case "pitm":
			c := cursor{b: body}
			f.primary = uint32(c.sized(c.full() > 0))
		case "iinf":
			f.iinf(body)
		case "iloc":
			f.iloc(body)
		case "iref":
			f.iref(body)
		case "idat":
			f.idat = body
		case "iprp":
			boxes(body, func(name string, body []byte) {
				switch name {
				case "ipco":
					boxes(body, func(name string, body []byte) { f.props = append(f.props, property{name, body}) })
				case "ipma":
					f.ipma(body)
				}
			})
		}
	})
}

// iinf lists the items and their types (14496-12, 8.11.6).
func (f *file) iinf(b []byte) {
	c := cursor{b: b}
	c.sized(c.full() > 0)
	boxes(c.b, func(name string, body []byte) {
		c := cursor{b: body}
		v := c.full()
		if name != "infe" || v < 2 {
			return
		}
		id := uint32(c.sized(v > 2))
		c.uint(2) // protection
		if t := c.bytes(4); t != nil {
			f.types[id] = string(t)
		}
	})
}

// iloc says where the items are (8.11.3). Of several extents only the number
// is kept: such items are not read.
func (f *file) iloc(b []byte) {
	c := cursor{b: b}
	v := c.full()
	sizes := c.uint(2)
	offsetSize, lengthSize, baseSize, indexSize := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	for n := c.sized(v == 2); n > 0 && c.ok(); n-- {
		id, method := uint32(c.sized(v == 2)), uint64(0)
		if v > 0 {
			method = c.uint(2) & 15
		}
		c.uint(2) // data reference
		base := c.uint(baseSize)
		p := place{inMeta: method == 1}
		for k, extents := uint64(0), c.uint(2); k < extents && c.ok(); k++ {
			if v > 0 {
				c.uint(indexSize)
			}
			at, length := base+c.uint(offsetSize), c.uint(lengthSize)
			if k == 0 {
				p.at, p.n = int64(at), int64(length)
			}
			p.parts++
		}
		if c.ok() && method < 2 {
			f.places[id] = p
		}
	}
}

// iref holds what a grid is made of (8.11.12).
func (f *file) iref(b []byte) {
	c := cursor{b: b}
	v := c.full()
	boxes(c.b, func(name string, body []byte) {
		if name != "dimg" {
			return
		}
		c := cursor{b: body}
		from := uint32(c.sized(v > 0))
		for n := c.uint(2); n > 0 && c.ok(); n-- {
			if to := uint32(c.sized(v > 0)); c.ok() {
				f.refs[from] = append(f.refs[from], to)
			}
		}
	})
}

// ipma says which properties an item has (23008-12, 9.3).
func (f *file) ipma(b []byte) {
	c := cursor{b: b}
	head := c.uint(4)
	wide := head&1 == 1 // flags
	for n := c.uint(4); n > 0 && c.ok(); n-- {
		id := uint32(c.sized(head>>24 > 0))
		for k := c.uint(1); k > 0 && c.ok(); k-- {
			var i uint64
			if wide {
				i = c.uint(2) & 0x7fff
			} else {
				i = c.uint(1) & 0x7f
			}
			if c.ok() {
				f.has[id] = append(f.has[id], int(i))
			}
		}
	}
}

// of returns the properties of an item, in their order.
func (f *file) of(id uint32) []property {
	var out []property
	for _, i := range f.has[id] {
		if i >= 1 && i <= len(f.props) {
			out = append(out, f.props[i-1])
		}
	}
	return out
}

// extent returns the size of an item as its ispe property says (6.5.3).
func (f *file) extent(id uint32) (w, h int) {
	for _, p := range f.of(id) {
		if p.name == "ispe" && len(p.body) >= 12 {
			return int(binary.BigEndian.Uint32(p.body[4:])), int(binary.BigEndian.Uint32(p.body[8:]))
		}
	}
	return 0, 0
}

// readGrid returns the primary item as a grid of HEVC tiles of one size, or
// nil if it is something else, which libheif decodes as a whole.
func (f *file) readGrid() *grid {
	if f.types[f.primary] != "grid" {
		return nil
	}
	b, err := f.data(f.primary)
	if err != nil {
		return nil
	}
	c := cursor{b: b}
	c.uint(1)
	wide := c.uint(1)&1 == 1
	rows, columns := int(c.uint(1))+1, int(c.uint(1))+1
	g := &grid{columns: columns, tiles: f.refs[f.primary]}
	if wide {
		g.width, g.height = int(c.uint(4)), int(c.uint(4))
	} else {
		g.width, g.height = int(c.uint(2)), int(c.uint(2))
	}
	if !c.ok() || len(g.tiles) != rows*columns || len(g.tiles) > mostTiles || g.width < 1 || g.height < 1 || g.width > longest || g.height > longest {
		return nil
	}
	tw, th := f.extent(g.tiles[0])
	if tw < 16 || th < 16 || tw*columns < g.width || th*rows < g.height || tw*(columns-1) >= g.width || th*(rows-1) >= g.height {
		return nil
	}
	for _, id := range g.tiles {
		if w, h := f.extent(id); w != tw || h != th || f.types[id] != "hvc1" || f.property(id, "hvcC") == nil {
			return nil
		}
	}
	if slices.ContainsFunc(f.of(f.primary), func(p property) bool { return p.name == "clap" }) {
		return nil
	}
	return g
}

func (f *file) property(id uint32, name string) []byte {
	for _, p := range f.of(id) {
		if p.name == name {
			return p.body
		}
	}
	return nil
}

// data returns the bytes of an item.
func (f *file) data(id uint32) ([]byte, error) {
	p, ok := f.places[id]
	if !ok || p.parts != 1 || p.at < 0 || p.n < 0 {
		return nil, fmt.Errorf("%w: item %d", ErrFormat, id)
	}
	if p.inMeta {
		if p.at > int64(len(f.idat)) || p.n > int64(len(f.idat))-p.at {
			return nil, fmt.Errorf("%w: item %d", ErrFormat, id)
		}
		return f.idat[p.at : p.at+p.n], nil
	}
	if p.n > tileBytes {
		return nil, fmt.Errorf("%w: item %d of %d bytes", ErrFormat, id, p.n)
	}
	if p.at > f.size || p.n > f.size-p.at {
		return nil, fmt.Errorf("item %d: %w", id, io.ErrUnexpectedEOF)
	}
	b := make([]byte, p.n)
	if _, err := f.r.ReadAt(b, p.at); err != nil {
		return nil, fmt.Errorf("item %d: %w", id, err)
	}
	return b, nil
}

// exif returns the TIFF block of the EXIF item (23008-12, A.2.1).
func (f *file) exif() []byte {
	for id, t := range f.types {
		if t != "Exif" || f.places[id].n > exifBytes {
			continue
		}
		b, err := f.data(id)
		if err != nil || len(b) < 4 {
			continue
		}
		if skip := uint64(binary.BigEndian.Uint32(b)); skip < uint64(len(b)-4) {
			return b[4+skip:]
		}
	}
	return nil
}

// wrap makes a file of its own of one tile.
func (f *file) wrap(id uint32, data []byte) []byte {
	w, h := f.extent(id)
	be := binary.BigEndian
	box := func(name string, parts ...[]byte) []byte {
		n := 8
		for _, p := range parts {
			n += len(p)
		}
		b := be.AppendUint32(make([]byte, 0, n), uint32(n))
		return append(append(b, name...), slices.Concat(parts...)...)
	}
	num := func(size int, v uint32) []byte {
		b := be.AppendUint32(nil, v)
		return b[4-size:]
	}
	full := func(v, flags byte) []byte { return []byte{v, 0, 0, flags} }
	meta := func(at uint32) []byte {
		return box("meta", full(0, 0),
			box("hdlr", full(0, 0), num(4, 0), []byte("pict"), make([]byte, 13)),
			box("pitm", full(0, 0), num(2, 1)),
			box("iloc", full(0, 0), num(2, 0x4400), num(2, 1), num(2, 1), num(2, 0), num(2, 1), num(4, at), num(4, uint32(len(data)))),
			box("iinf", full(0, 0), num(2, 1), box("infe", full(2, 0), num(2, 1), num(2, 0), []byte("hvc1"), []byte{0})),
			box("iprp",
				box("ipco", box("hvcC", f.property(id, "hvcC")), box("ispe", full(0, 0), num(4, uint32(w)), num(4, uint32(h)))),
				box("ipma", full(0, 0), num(4, 1), num(2, 1), num(1, 2), num(1, 0x81), num(1, 2))))
	}
	ftyp := box("ftyp", []byte("heic"), num(4, 0), []byte("mif1heic"))
	at := len(ftyp) + len(meta(0)) + 8
	return slices.Concat(ftyp, meta(uint32(at)), box("mdat", data))
}

// cursor reads big-endian numbers; after the end it gives zeros and is not ok.
type cursor struct {
	b    []byte
	over bool
}

func (c *cursor) ok() bool { return !c.over }

func (c *cursor) bytes(n int) []byte {
	if n > len(c.b) {
		c.over, c.b = true, nil
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) uint(n int) uint64 {
	var v uint64
	for _, x := range c.bytes(n) {
		v = v<<8 | uint64(x)
	}
	return v
}

// full reads the version of a full box, and passes over its flags.
func (c *cursor) full() uint64 { return c.uint(4) >> 24 }

// sized reads an item id, of 16 bits or, in later versions of a box, of 32.
func (c *cursor) sized(wide bool) uint64 {
	if wide {
		return c.uint(4)
	}
	return c.uint(2)
}
