// Package stamp draws the visible part of a signature: lines of text in a thin
// frame, as a form XObject with a cut-down embedded font, so that the text can
// be selected and searched. It never draws a seal or a picture.
package stamp

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"dossier/packager/sign/pdfinc"
)

// Sizes of the text in points: the largest that fits is taken.
const (
	maxSize = 10.0
	minSize = 4.0
	leading = 1.3 // line height in font sizes
	margin  = 5.0 // points between frame and text
)

// ErrTooLong is returned when the text does not fit at the smallest size.
var ErrTooLong = errors.New("stamp: the text does not fit into the rectangle")

// Form adds the stamp to the update and returns the form XObject. The box is
// width × height points in the page's own coordinates; rotate is the page's
// clockwise rotation, against which the text is turned so that it is upright
// when shown.
func Form(u *pdfinc.Update, font []byte, lines []string, width, height float64, rotate int) (pdfinc.Ref, error) {
	f, err := openFace(font)
	if err != nil {
		return pdfinc.Ref{}, err
	}
	matrix := "[1 0 0 1 0 0]"
	switch rotate {
	case 90:
		matrix, width, height = "[0 1 -1 0 0 0]", height, width
	case 180:
		matrix = "[-1 0 0 -1 0 0]"
	case 270:
		matrix, width, height = "[0 -1 1 0 0 0]", height, width
	}
	size, set, err := fit(f, lines, width-2*margin, height-2*margin)
	if err != nil {
		return pdfinc.Ref{}, err
	}
	fontRef, err := f.embed(u)
	if err != nil {
		return pdfinc.Ref{}, err
	}
	var c strings.Builder
	fmt.Fprintf(&c, "q 0.35 G 0.5 w 0.5 0.5 %s %s re S Q\n", num(width-1), num(height-1))
	fmt.Fprintf(&c, "BT /F1 %s Tf 0.1 g %s TL %s %s Td\n", num(size), num(size*leading),
		num(margin), num(height-margin-size*float64(f.ascent)/float64(f.ascent-f.descnt)*leading))
	for _, line := range set {
		fmt.Fprintf(&c, "<%s> Tj T*\n", line)
	}
	c.WriteString("ET")
	d := pdfinc.Dict{}.With("Type", "/XObject").With("Subtype", "/Form").
		With("BBox", fmt.Sprintf("[0 0 %s %s]", num(width), num(height))).With("Matrix", matrix).
		With("Resources", fmt.Sprintf("<</Font<</F1 %v>>>>", fontRef))
	return u.AddStream(d, []byte(c.String())), nil
}

// fit breaks the lines at the largest size at which they fit, and returns them
// as hexadecimal strings of glyph ids.
func fit(f *face, lines []string, width, height float64) (float64, []string, error) {
	for size := maxSize; size >= minSize; size -= 0.25 {
		set, err := breakLines(f, lines, width*1000/size)
		if err != nil {
			return 0, nil, err
		}
		if set != nil && float64(len(set))*size*leading <= height {
			return size, set, nil
		}
	}
	return 0, nil, ErrTooLong
}

// breakLines returns nil when a single character is wider than width, which is
// in thousandths of the font size. A line breaks between any two characters,
// as Chinese does, but not inside of a word if the word began in its second half.
func breakLines(f *face, lines []string, width float64) ([]string, error) {
	var out []string
	for _, line := range lines {
		var ids []uint16
		var chars []rune
		used, space := 0.0, 0 // space: where the line may break instead
		flush := func(n int) {
			out = append(out, hexIDs(ids[:n]))
			ids, chars = ids[n:], chars[n:]
			used, space = 0, 0
			for _, id := range ids {
				used += float64(f.advance(id))
			}
		}
		for _, r := range line {
			if r < ' ' {
				r = ' '
			}
			id, err := f.glyph(r)
			if err != nil {
				return nil, err
			}
			w := float64(f.advance(id))
			if w > width {
				return nil, nil
			}
			for used+w > width {
				n := len(ids)
				if space > n/2 && latin(r) {
					n = space
				}
				flush(n)
			}
			ids, chars, used = append(ids, id), append(chars, r), used+w
			if !latin(r) {
				space = len(ids)
			}
		}
		flush(len(ids))
	}
	return out, nil
}

func latin(r rune) bool { return r > ' ' && r < 0x2E80 }

func hexIDs(ids []uint16) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, "%04X", id)
	}
	return b.String()
}

// embed adds the font as a Type 0 font with Identity-H and a ToUnicode map.
func (f *face) embed(u *pdfinc.Update) (pdfinc.Ref, error) {
	program, err := f.program()
	if err != nil {
		return pdfinc.Ref{}, err
	}
	const name = "/DOSSIE+StampFont" // a subset tag is six capital letters
	em := func(v int) int { return v * 1000 / f.unit }
	file := u.AddStream(pdfinc.Dict{}.With("Length1", fmt.Sprint(len(program))), program)
	desc := u.Add(fmt.Sprintf("<</Type/FontDescriptor/FontName%s/Flags 4/FontBBox[%d %d %d %d]/ItalicAngle 0/Ascent %d/Descent %d/CapHeight %d/StemV 80/FontFile2 %v>>",
		name, em(f.box[0]), em(f.box[1]), em(f.box[2]), em(f.box[3]), em(f.ascent), em(f.descnt), em(f.ascent), file))
	var w strings.Builder
	for id := range f.old {
		fmt.Fprintf(&w, "%d ", f.advance(uint16(id)))
	}
	cid := u.Add(fmt.Sprintf("<</Type/Font/Subtype/CIDFontType2/BaseFont%s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor %v/DW 1000/W[0[%s]]/CIDToGIDMap/Identity>>",
		name, desc, strings.TrimSpace(w.String())))
	unicode := u.AddStream(nil, []byte(f.toUnicode()))
	return u.Add(fmt.Sprintf("<</Type/Font/Subtype/Type0/BaseFont%s/Encoding/Identity-H/DescendantFonts[%v]/ToUnicode %v>>", name, cid, unicode)), nil
}

// toUnicode writes the CMap of ISO 32000-1 §9.10.3.
func (f *face) toUnicode() string {
	var b strings.Builder
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	var rows []string
	for id, r := range f.runes {
		if r != 0 {
			row := fmt.Sprintf("<%04X> <", id)
			for _, x := range utf16.Encode([]rune{r}) {
				row += fmt.Sprintf("%04X", x)
			}
			rows = append(rows, row+">\n")
		}
	}
	for len(rows) > 0 { // a block has 100 rows at most
		n := min(100, len(rows))
		fmt.Fprintf(&b, "%d beginbfchar\n%sendbfchar\n", n, strings.Join(rows[:n], ""))
		rows = rows[n:]
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return b.String()
}

// num writes a number with at most two digits after the point.
func num(v float64) string {
	s := fmt.Sprintf("%.2f", v)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
