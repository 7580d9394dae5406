package stamp

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/image/font/sfnt"
)

var be = binary.BigEndian

// geta is drawn for a character that the font does not have: the mark that
// Chinese and Japanese typesetters use in its place. The text behind it stays
// the true character.
const geta = '〓'

// face is a TrueType font (tables head, hhea, maxp, hmtx, loca, glyf) cut down
// to the characters of one stamp. Each character has its own glyph id,
// counted from 1; 0 is .notdef.
type face struct {
	full   *sfnt.Font
	buf    sfnt.Buffer
	tables map[string][]byte
	long   bool // loca has 32-bit offsets
	unit   int  // per em
	ascent int  // font units
	descnt int
	box    [4]int
	old    []uint16 // new glyph id → glyph id of the full font
	runes  []rune   // new glyph id → character; 0 for parts of composites
	ids    map[rune]uint16
}

func openFace(data []byte) (*face, error) {
	full, err := sfnt.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("stamp: font: %w", err)
	}
	f := &face{full: full, tables: map[string][]byte{}, old: []uint16{0}, runes: []rune{0}, ids: map[rune]uint16{}}
	n := int(be.Uint16(data[4:])) // sfnt.Parse has read the table directory
	for i := range n {
		rec := data[12+16*i:]
		off, length := uint64(be.Uint32(rec[8:])), uint64(be.Uint32(rec[12:]))
		if off+length > uint64(len(data)) {
			return nil, errors.New("stamp: the font is cut off")
		}
		f.tables[string(rec[:4])] = data[off : off+length]
	}
	for tag, least := range map[string]int{"head": 54, "hhea": 36, "maxp": 6, "hmtx": 4, "loca": 4, "glyf": 1} {
		if len(f.tables[tag]) < least {
			return nil, fmt.Errorf("stamp: the font has no TrueType table %q", tag)
		}
	}
	head, hhea := f.tables["head"], f.tables["hhea"]
	f.unit, f.long = int(be.Uint16(head[18:])), be.Uint16(head[50:]) == 1
	for i := range f.box {
		f.box[i] = int(int16(be.Uint16(head[36+2*i:])))
	}
	f.ascent, f.descnt = int(int16(be.Uint16(hhea[4:]))), int(int16(be.Uint16(hhea[6:])))
	return f, nil
}

// glyph returns the id of a character in the cut-down font.
func (f *face) glyph(r rune) (uint16, error) {
	if id, ok := f.ids[r]; ok {
		return id, nil
	}
	g, err := f.full.GlyphIndex(&f.buf, r)
	if err == nil && g == 0 {
		g, err = f.full.GlyphIndex(&f.buf, geta)
	}
	if err != nil {
		return 0, fmt.Errorf("stamp: font: %w", err)
	}
	id := f.add(uint16(g), r)
	f.ids[r] = id
	return id, nil
}

func (f *face) add(old uint16, r rune) uint16 {
	f.old, f.runes = append(f.old, old), append(f.runes, r)
	return uint16(len(f.old) - 1)
}

// advance returns the width of a glyph in thousandths of the font size.
func (f *face) advance(id uint16) int {
	w, _ := f.metric(f.old[id])
	return (w*1000 + f.unit/2) / f.unit
}

func (f *face) metric(old uint16) (advance, bearing int) {
	hmtx, n := f.tables["hmtx"], int(be.Uint16(f.tables["hhea"][34:]))
	i, g := int(old), int(old)
	if i >= n {
		i = n - 1
	}
	if i < 0 || 4*i+4 > len(hmtx) {
		return 0, 0
	}
	advance, bearing = int(be.Uint16(hmtx[4*i:])), int(int16(be.Uint16(hmtx[4*i+2:])))
	if at := 4*n + 2*(g-n); g >= n && at+2 <= len(hmtx) {
		bearing = int(int16(be.Uint16(hmtx[at:])))
	}
	return advance, bearing
}

// outline returns the glyf entry of a glyph of the full font.
func (f *face) outline(old uint16) ([]byte, error) {
	loca, glyf, g := f.tables["loca"], f.tables["glyf"], int(old)
	var from, to int
	switch {
	case f.long && 4*g+8 <= len(loca):
		from, to = int(be.Uint32(loca[4*g:])), int(be.Uint32(loca[4*g+4:]))
	case !f.long && 2*g+4 <= len(loca):
		from, to = 2*int(be.Uint16(loca[2*g:])), 2*int(be.Uint16(loca[2*g+2:]))
	default:
		return nil, errors.New("stamp: the font's loca table is too short")
	}
	if from > to || to > len(glyf) {
		return nil, errors.New("stamp: the font's loca table is damaged")
	}
	return glyf[from:to], nil
}

// program writes the cut-down font as a TrueType file (ISO 32000-1 §9.9).
func (f *face) program() ([]byte, error) {
	parts := map[uint16]uint16{} // glyph of the full font → new id, for composites
	var glyf, loca, hmtx []byte
	for id := 0; id < len(f.old); id++ { // grows while composites add their parts
		if id > 0xFFFF {
			return nil, errors.New("stamp: too many characters")
		}
		loca = be.AppendUint32(loca, uint32(len(glyf)))
		src, err := f.outline(f.old[id])
		if err != nil {
			return nil, err
		}
		out := append([]byte(nil), src...)
		if err := f.renumber(out, parts); err != nil {
			return nil, err
		}
		glyf = append(glyf, out...)
		for len(glyf)%4 != 0 {
			glyf = append(glyf, 0)
		}
		adv, lsb := f.metric(f.old[id])
		hmtx = be.AppendUint16(be.AppendUint16(hmtx, uint16(adv)), uint16(int16(lsb)))
	}
	loca = be.AppendUint32(loca, uint32(len(glyf)))
	head, hhea, maxp := clone(f.tables["head"]), clone(f.tables["hhea"]), clone(f.tables["maxp"])
	be.PutUint32(head[8:], 0)  // checkSumAdjustment
	be.PutUint16(head[50:], 1) // indexToLocFormat
	be.PutUint16(hhea[34:], uint16(len(f.old)))
	be.PutUint16(maxp[4:], uint16(len(f.old)))
	tables := []table{{"cvt ", f.tables["cvt "]}, {"fpgm", f.tables["fpgm"]}, {"glyf", glyf}, {"head", head}, {"hhea", hhea},
		{"hmtx", hmtx}, {"loca", loca}, {"maxp", maxp}, {"prep", f.tables["prep"]}}
	return assemble(tables), nil
}

// renumber points the parts of a composite glyph to their new ids.
func (f *face) renumber(g []byte, parts map[uint16]uint16) error {
	if len(g) < 10 || int16(be.Uint16(g)) >= 0 {
		return nil
	}
	const argsAreWords, haveScale, more, haveXY, have2x2 = 0x1, 0x8, 0x20, 0x40, 0x80
	for at := 10; ; {
		if at+4 > len(g) {
			return errors.New("stamp: a composite glyph is damaged")
		}
		flags, old := be.Uint16(g[at:]), be.Uint16(g[at+2:])
		id, ok := parts[old]
		if !ok {
			id = f.add(old, 0)
			parts[old] = id
		}
		be.PutUint16(g[at+2:], id)
		at += 6
		if flags&argsAreWords != 0 {
			at += 2
		}
		switch {
		case flags&haveScale != 0:
			at += 2
		case flags&haveXY != 0:
			at += 4
		case flags&have2x2 != 0:
			at += 8
		}
		if flags&more == 0 {
			return nil
		}
	}
}

type table struct {
	tag  string
	data []byte
}

// assemble writes an sfnt file; the tables are in order of their tags.
func assemble(tables []table) []byte {
	var present []table
	for _, t := range tables {
		if len(t.data) > 0 {
			present = append(present, t)
		}
	}
	n := len(present)
	sel := 0
	for 2<<sel <= n {
		sel++
	}
	out := be.AppendUint32(nil, 0x00010000)
	for _, v := range []int{n, 16 << sel, sel, 16*n - 16<<sel} {
		out = be.AppendUint16(out, uint16(v))
	}
	var body []byte
	headAt := 0
	for _, t := range present {
		at := 12 + 16*n + len(body)
		if t.tag == "head" {
			headAt = at
		}
		out = append(out, t.tag...)
		out = be.AppendUint32(out, checksum(t.data))
		out = be.AppendUint32(out, uint32(at))
		out = be.AppendUint32(out, uint32(len(t.data)))
		body = append(body, t.data...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	out = append(out, body...)
	be.PutUint32(out[headAt+8:], 0xB1B0AFBA-checksum(out))
	return out
}

func checksum(b []byte) uint32 {
	var sum uint32
	for len(b) >= 4 {
		sum += be.Uint32(b)
		b = b[4:]
	}
	var last [4]byte
	copy(last[:], b)
	return sum + be.Uint32(last[:])
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }
