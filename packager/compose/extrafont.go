package compose

import (
	"bytes"
	"fmt"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// extraFont holds the characters that gofpdf cannot set: those above U+FFFF
// and those that the embedded font does not have. They become Type 3 fonts
// (ISO 32000-1, 9.6.5) with a ToUnicode map, so that a rare name can be
// searched and copied like any other. A character without a glyph is a box
// with its code point in it.
type extraFont struct {
	faces [2]*face
	chars []extraChar
}

type extraChar struct {
	r    rune
	bold bool
}

const perFont = 255 // a Type 3 font has one-byte codes; the last one is the measure

// code returns the resource name of the font and the code for r.
func (e *extraFont) code(r rune, bold bool) (string, int) {
	c := extraChar{r, bold}
	n := len(e.chars)
	for i, have := range e.chars {
		if have == c {
			n = i
		}
	}
	if n == len(e.chars) {
		e.chars = append(e.chars, c)
	}
	return fmt.Sprintf("X%d", n/perFont), n % perFont
}

// write adds the fonts to a font resource dictionary.
func (e *extraFont) write(o *pdfOut, fonts types.Dict) {
	for from := 0; from < len(e.chars); from += perFont {
		chars := e.chars[from:min(from+perFont, len(e.chars))]
		fonts[fmt.Sprintf("X%d", from/perFont)] = e.font(o, chars)
	}
}

func (e *extraFont) font(o *pdfOut, chars []extraChar) types.IndirectRef {
	procs := types.Dict{}
	names := types.Array{types.Integer(0)}
	var widths types.Array
	for i, c := range chars {
		name := fmt.Sprintf("g%d", i)
		f := e.faces[0]
		if c.bold {
			f = e.faces[1]
		}
		g := f.Glyph(c.r)
		w := g.Width * 1000
		var path string
		if g.Index != 0 {
			path = f.Outline(g.Index, 0, 0, 1000) + "f"
		} else {
			path = e.faces[0].Box(c.r)
		}
		procs[name] = o.addFlate(types.Dict{}, fmt.Appendf(nil, "%.0f 0 0 -288 1000 1160 d1\n%s", w, path))
		names = append(names, types.Name(name))
		widths = append(widths, types.Float(w))
	}
	// Readers that put words together (poppler) learn the size of a Type 3 font
	// from the width of its m, which is taken to be 0.6 of it.
	procs["m"] = o.addFlate(types.Dict{}, []byte("600 0 0 0 0 0 d1"))
	names = append(names, types.Name("m"))
	widths = append(widths, types.Float(600))
	return o.add(types.Dict{
		"Type": types.Name("Font"), "Subtype": types.Name("Type3"), "FontBBox": numbers(0, -288, 1000, 1160),
		"FontMatrix": numbers(0.001, 0, 0, 0.001, 0, 0), "CharProcs": procs, "Resources": types.Dict{},
		"Encoding":  types.Dict{"Type": types.Name("Encoding"), "Differences": names},
		"FirstChar": types.Integer(0), "LastChar": types.Integer(len(chars)), "Widths": widths,
		"ToUnicode": o.addFlate(types.Dict{}, unicodeMap(chars)),
	})
}

func unicodeMap(chars []extraChar) []byte {
	var b bytes.Buffer
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n" +
		"/CMapName /Dossier-Extra def\n/CMapType 2 def\n1 begincodespacerange\n<00> <ff>\nendcodespacerange\n")
	for from := 0; from < len(chars); from += 100 { // at most 100 in a block
		part := chars[from:min(from+100, len(chars))]
		fmt.Fprintf(&b, "%d beginbfchar\n", len(part))
		for i, c := range part {
			fmt.Fprintf(&b, "<%02x> <", from+i)
			for _, u := range utf16.Encode([]rune{c.r}) {
				fmt.Fprintf(&b, "%04x", u)
			}
			b.WriteString(">\n")
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend")
	return b.Bytes()
}
