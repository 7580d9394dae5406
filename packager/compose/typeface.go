package compose

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// face is one weight of the embedded font: which characters it has, how wide
// they are, and their outlines for those that gofpdf cannot set (it knows the
// first 65,536 characters only, and names such as 王𬍛 lie beyond).
type face struct {
	data  []byte
	font  *sfnt.Font
	buf   sfnt.Buffer
	em    fixed.Int26_6
	units float64
	cache map[rune]glyph
}

type glyph struct {
	index sfnt.GlyphIndex // 0: the font does not have it
	width float64         // in em
}

func newFace(data []byte) (*face, error) {
	f, err := sfnt.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("embedded font: %w", err)
	}
	n := f.UnitsPerEm()
	return &face{data: data, font: f, em: fixed.I(int(n)), units: float64(n), cache: map[rune]glyph{}}, nil
}

func (f *face) glyph(r rune) glyph {
	if g, ok := f.cache[r]; ok {
		return g
	}
	g := glyph{width: 1} // a box as wide as a Chinese character stands for what is missing
	if i, err := f.font.GlyphIndex(&f.buf, r); err == nil && i != 0 {
		if adv, err := f.font.GlyphAdvance(&f.buf, i, f.em, font.HintingNone); err == nil {
			g = glyph{i, float64(adv) / 64 / f.units}
		}
	}
	f.cache[r] = g
	return g
}

// set reports whether gofpdf can set r from the font.
func (f *face) set(r rune) bool { return r < 0x10000 && f.glyph(r).index != 0 }

// width returns the width of s in em.
func (f *face) width(s string) (w float64) {
	for _, r := range s {
		w += f.glyph(r).width
	}
	return w
}

// clean makes s fit for one line of print: valid UTF-8 without control and
// direction characters.
func clean(s string) string {
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

// breakLines breaks s into lines of at most width em: between any two Chinese
// characters, at blanks between words, never before a closing or after an
// opening mark. A word wider than a line is divided.
func (f *face) breakLines(s string, width float64) []string {
	var lines []string
	for _, para := range strings.Split(s, "\n") {
		lines = append(lines, f.breakPara(clean(para), width)...)
	}
	return lines
}

func (f *face) breakPara(s string, width float64) []string {
	var lines []string
	var line string
	var used float64
	for _, u := range units(s) {
		w := f.width(u)
		bare := strings.TrimRight(u, " ")
		if used+f.width(bare) <= width+1e-6 {
			line, used = line+u, used+w
			continue
		}
		if line != "" {
			lines = append(lines, strings.TrimRight(line, " "))
			line, used = "", 0
			u = strings.TrimLeft(u, " ")
			w = f.width(u)
		}
		for f.width(strings.TrimRight(u, " ")) > width { // a word that is wider than the line
			n, sum := 0, 0.0
			for i, r := range u {
				if sum += f.glyph(r).width; sum > width && i > 0 {
					break
				}
				n = i + utf8.RuneLen(r)
			}
			if n >= len(u) {
				break
			}
			lines = append(lines, u[:n])
			u = u[n:]
			w = f.width(u)
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
	var prev rune
	for _, r := range s {
		if cur.Len() > 0 && mayBreak(prev, r) {
			out = append(out, cur.String())
			cur.Reset()
		}
		cur.WriteRune(r)
		prev = r
	}
	if cur.Len() > 0 {
		out = append(out, cur.String())
	}
	return out
}

func mayBreak(a, b rune) bool {
	switch {
	case b == ' ', strings.ContainsRune(notFirst, b) && !(a == ' '), strings.ContainsRune(notLast, a):
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
