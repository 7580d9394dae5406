// Package typeface measures and breaks text in one weight of the embedded font
// and gives the outlines of characters that gofpdf cannot set.
package typeface

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Face is one weight of the embedded font: which characters it has, how wide
// they are, and their outlines for those that gofpdf cannot set (it knows the
// first 65,536 characters only, and names such as 王𬍛 lie beyond). It is for
// one goroutine.
type Face struct {
	Data  []byte // the font file, TrueType
	font  *sfnt.Font
	buf   sfnt.Buffer
	em    fixed.Int26_6
	units float64
	cache map[rune]Glyph
}

// Glyph is one character of a face.
type Glyph struct {
	Index sfnt.GlyphIndex // 0: the font does not have it
	Width float64         // in em
}

// New reads a font.
func New(data []byte) (*Face, error) {
	f, err := sfnt.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("embedded font: %w", err)
	}
	n := f.UnitsPerEm()
	return &Face{Data: data, font: f, em: fixed.I(int(n)), units: float64(n), cache: map[rune]Glyph{}}, nil
}

// Glyph returns the glyph of r; what is missing is as wide as a box for it.
func (f *Face) Glyph(r rune) Glyph {
	if g, ok := f.cache[r]; ok {
		return g
	}
	g := Glyph{Width: 1} // a box as wide as a Chinese character stands for what is missing
	if i, err := f.font.GlyphIndex(&f.buf, r); err == nil && i != 0 {
		if adv, err := f.font.GlyphAdvance(&f.buf, i, f.em, font.HintingNone); err == nil {
			g = Glyph{i, float64(adv) / 64 / f.units}
		}
	}
	f.cache[r] = g
	return g
}

// Sets reports whether gofpdf can set r from the font.
func (f *Face) Sets(r rune) bool { return r < 0x10000 && f.Glyph(r).Index != 0 }

// Width returns the width of s in em.
func (f *Face) Width(s string) (w float64) {
	for _, r := range s {
		w += f.Glyph(r).Width
	}
	return w
}

// Clean makes s fit for one line of print: valid UTF-8 without control and
// direction characters.
func Clean(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r == 0xa0:
			return ' '
		case r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0,
			r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f,
			r == 0xfeff, r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100 && r <= 0xe01ef:
			return -1
		}
		return r
	}, s)
}

// Characters that must not begin or end a line (GB/T 15834, 5.1).
const (
	notFirst = "，。、；：？！）》」』】〕〉”’…—·％℃,.;:?!)]}%"
	notLast  = "（《「『【〔〈“‘([{"
)

// Lines breaks s into lines of at most width em: between any two Chinese
// characters, at blanks between words, never before a closing or after an
// opening mark. A word wider than a line is divided.
func (f *Face) Lines(s string, width float64) []string {
	var lines []string
	for _, para := range strings.Split(s, "\n") {
		for _, l := range f.breakPara(Clean(para), width) {
			lines = append(lines, strings.TrimRight(l, " "))
		}
	}
	return lines
}

// Ragged is Lines for text that is not justified: the last line of a paragraph
// is no orphan of one or two characters where the line before can spare some.
func (f *Face) Ragged(s string, width float64) []string {
	const orphan, enough = 2.1, 3.0 // em
	var lines []string
	for _, para := range strings.Split(s, "\n") {
		broken := f.breakPara(Clean(para), width)
		if n := len(broken); n > 1 && f.Width(broken[n-1]) <= orphan {
			over := units(broken[n-2])
			rest := broken[n-1]
			for len(over) > 4 && f.Width(rest) < enough {
				rest, over = over[len(over)-1]+rest, over[:len(over)-1]
			}
			if f.Width(rest) <= width {
				broken[n-2], broken[n-1] = strings.Join(over, ""), rest
			}
		}
		for _, l := range broken {
			lines = append(lines, strings.TrimRight(l, " "))
		}
	}
	return lines
}

// breakPara leaves the blanks at the ends of lines, for what is moved down.
func (f *Face) breakPara(s string, width float64) []string {
	var lines []string
	var line string
	var used float64
	for _, u := range units(s) {
		w := f.Width(u)
		bare := strings.TrimRight(u, " ")
		if used+f.Width(bare) <= width+1e-6 {
			line, used = line+u, used+w
			continue
		}
		if line != "" {
			lines = append(lines, line)
			u = strings.TrimLeft(u, " ")
			w = f.Width(u)
		}
		for f.Width(strings.TrimRight(u, " ")) > width { // a word that is wider than the line
			n, sum := 0, 0.0
			for i, r := range u {
				if sum += f.Glyph(r).Width; sum > width && i > 0 {
					break
				}
				n = i + utf8.RuneLen(r)
			}
			if n >= len(u) {
				break
			}
			lines = append(lines, u[:n])
			u = u[n:]
			w = f.Width(u)
		}
		line, used = u, w
	}
	if line = strings.TrimRight(line, " "); line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

// units divides s into the pieces that are kept on one line: Latin words with
// the blanks after them, single Chinese characters with the marks that cling
// to them.
func units(s string) []string {
	var out []string
	var cur strings.Builder
	var before, prev rune // the last two
	for _, r := range s {
		// A number stays with what it counts: 第 60 天, 3 个月.
		counts := prev == ' ' && (before == '第' || before >= '0' && before <= '9' && wide(r))
		if cur.Len() > 0 && !counts && mayBreak(prev, r) {
			out = append(out, cur.String())
			cur.Reset()
		}
		cur.WriteRune(r)
		before, prev = prev, r
	}
	if cur.Len() > 0 {
		out = append(out, cur.String())
	}
	return out
}

func mayBreak(a, b rune) bool {
	switch {
	case b == ' ', b == '·', strings.ContainsRune(notFirst, b) && !(a == ' '), strings.ContainsRune(notLast, a):
		return false
	case a == ' ':
		return true
	case a == '/' || a == '-' || a == '_' || a == '\\' || a == '@' || a == '?' || a == '&' || a == '=':
		return true
	}
	return wide(a) || wide(b)
}

// wide reports whether r is a character of Chinese text.
func wide(r rune) bool {
	return r >= 0x2e80 && r < 0xa000 || r >= 0xac00 && r < 0xd7b0 || r >= 0xf900 && r < 0xfb00 || r >= 0xfe30 && r < 0xfe50 || r >= 0xff00 && r < 0xfff0 || r >= 0x20000
}

// Box is the path of a box with the hexadecimal code point in it.
func (f *Face) Box(r rune) string {
	var b strings.Builder
	// The frame is the area between two rectangles of opposite direction.
	b.WriteString("60 -100 880 940 re 100 -60 m 100 800 l 900 800 l 900 -60 l h ")
	code := fmt.Sprintf("%04X", r)
	half := (len(code) + 1) / 2
	for row, part := range []string{code[:half], code[half:]} {
		const size = 380
		x := 500 - f.Width(part)*size/2
		for _, ch := range part {
			g := f.Glyph(ch)
			b.WriteString(f.Outline(g.Index, x, 430-400*float64(row), size))
			x += g.Width * size
		}
	}
	return b.String() + "f"
}

// Segments calls each with the pieces of the outline of a glyph: its points in
// em from the origin of the glyph, y pointing down.
func (f *Face) Segments(i sfnt.GlyphIndex, each func(op sfnt.SegmentOp, xy [3][2]float64)) {
	segs, err := f.font.LoadGlyph(&f.buf, i, f.em, nil)
	if err != nil {
		return
	}
	for _, s := range segs {
		var xy [3][2]float64
		for k, p := range s.Args {
			xy[k] = [2]float64{float64(p.X) / 64 / f.units, float64(p.Y) / 64 / f.units}
		}
		each(s.Op, xy)
	}
}

// Outline returns the path of a glyph in PDF operators, scaled to size and
// with its origin at x, y.
func (f *Face) Outline(i sfnt.GlyphIndex, x, y, size float64) string {
	segs, err := f.font.LoadGlyph(&f.buf, i, f.em, nil)
	if err != nil {
		return ""
	}
	k := size / f.units / 64
	at := func(p fixed.Point26_6) (float64, float64) { return x + k*float64(p.X), y - k*float64(p.Y) }
	var b strings.Builder
	var cx, cy float64
	for n, s := range segs {
		x1, y1 := at(s.Args[0])
		x2, y2 := at(s.Args[1])
		x3, y3 := at(s.Args[2])
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if n > 0 {
				b.WriteString("h ")
			}
			fmt.Fprintf(&b, "%.1f %.1f m ", x1, y1)
			cx, cy = x1, y1
		case sfnt.SegmentOpLineTo:
			fmt.Fprintf(&b, "%.1f %.1f l ", x1, y1)
			cx, cy = x1, y1
		case sfnt.SegmentOpQuadTo: // PDF has cubic curves only
			fmt.Fprintf(&b, "%.1f %.1f %.1f %.1f %.1f %.1f c ", cx+2*(x1-cx)/3, cy+2*(y1-cy)/3, x2+2*(x1-x2)/3, y2+2*(y1-y2)/3, x2, y2)
			cx, cy = x2, y2
		case sfnt.SegmentOpCubeTo:
			fmt.Fprintf(&b, "%.1f %.1f %.1f %.1f %.1f %.1f c ", x1, y1, x2, y2, x3, y3)
			cx, cy = x3, y3
		}
	}
	if len(segs) > 0 {
		b.WriteString("h ")
	}
	return b.String()
}
