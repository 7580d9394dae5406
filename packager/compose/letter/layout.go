package letter

import (
	"strings"

	"dossier/packager/compose/typeface"
)

// The page after GB/T 9704-2012, 5.2: A4, 37 mm above and 28 mm left of a type
// area of 156 × 225 mm with 22 lines of 28 characters. All lengths in points
// from the upper left corner.
const (
	mm         = 72 / 25.4
	pageW      = 210 * mm
	pageH      = 297 * mm
	left       = 28 * mm
	top        = 37 * mm
	areaW      = 156 * mm
	areaH      = 225 * mm
	bottom     = top + areaH
	bodySize   = areaW / 28 // 三号, 16 pt by name: 28 characters fill the line
	titleSize  = 22.0       // 二号
	rowSize    = 14.0       // 四号
	pitch      = areaH / 22
	footSize   = 14.0 // 四号: page number
	footDepth  = 7*mm + footSize
	signLength = 9 * bodySize
)

// pitches are the line feeds that are tried, the standard one first. Section
// 7.3.5.4 of the standard asks for a closer setting where the seal would stand
// on a page without text.
var pitches = []float64{pitch, 28, 27, 26, 25, 24.5}

// piece is one line of print.
type piece struct {
	x, width float64 // width > 0: spread the line to it
	size     float64
	bold     bool
	grey     bool
	text     string
}

// rule is a thin line. Its y is from the top of the line it belongs to.
type rule struct {
	x1, x2, y float64
	dark      bool
}

// line is a strip of the page that is not divided.
type line struct {
	height, base float64 // base: of the print below its top
	pieces       []piece
	rules        []rule
	keep         bool // stands on the page of the line after it
	body         bool // text that a seal may stand under
}

// sheet is one page.
type sheet struct {
	lines []placed
}

type placed struct {
	line
	y float64
}

type setter struct {
	faces [2]*typeface.Face // regular, bold
	pitch float64
	lines []line
}

// set lays a letter out on pages.
func set(faces [2]*typeface.Face, blocks []block) []sheet {
	var best []sheet
	for _, p := range pitches {
		s := &setter{faces: faces, pitch: p}
		s.blocks(blocks)
		pages := paginate(s.lines)
		if best == nil || len(pages) < len(best) {
			best = pages
		}
		if len(pages) == 1 {
			break
		}
	}
	return best
}

func (s *setter) blocks(blocks []block) {
	for i, b := range blocks {
		last := i+1 == len(blocks) || blocks[i+1].kind != b.kind
		first := i == 0 || blocks[i-1].kind != b.kind
		switch b.kind {
		case title:
			s.title(b.text, last)
		case heading:
			s.text(b.text, 2*bodySize, true, true)
		case addressee:
			s.text(b.text, 0, false, false)
		case row:
			s.row(b, first, last, labelWidth(s.faces[0], blocks, i))
		case enclosure:
			n, of := position(blocks, i)
			s.enclosure(b.text, n, of)
		case signLine, dateLine:
			s.sign(b, first)
		case sealBlock:
			s.seal(b.text)
		default:
			s.text(b.text, 2*bodySize, false, false)
		}
	}
}

// position says which of a run of blocks of one kind the i-th is.
func position(blocks []block, i int) (n, of int) {
	from, to := i, i
	for from > 0 && blocks[from-1].kind == blocks[i].kind {
		from--
	}
	for to+1 < len(blocks) && blocks[to+1].kind == blocks[i].kind {
		to++
	}
	return i - from + 1, to - from + 1
}

func (s *setter) face(bold bool) *typeface.Face {
	if bold {
		return s.faces[1]
	}
	return s.faces[0]
}

func (s *setter) add(l line) { s.lines = append(s.lines, l) }

// gap is white space; it disappears at the top of a page.
func (s *setter) gap(h float64) { s.add(line{height: h, keep: true}) }

func base(pitch, size float64) float64 { return pitch/2 + 0.36*size }

// title is set in the middle; lines of it are of even length (梯形 or 菱形 in
// the standard: no single character left over).
func (s *setter) title(text string, last bool) {
	f := s.faces[1]
	const lead = titleSize * 1.55
	lines := f.Lines(text, areaW/titleSize)
	if n := len(lines); n > 1 {
		lines = f.Lines(text, f.Width(text)/float64(n)+1)
	}
	for _, t := range lines {
		w := f.Width(t) * titleSize
		s.add(line{height: lead, base: base(lead, titleSize), keep: true, pieces: []piece{{x: (areaW - w) / 2, size: titleSize, bold: true, text: t}}})
	}
	if last {
		s.gap(s.pitch * 0.8)
	}
}

// text sets a paragraph; its first line is indented, the others are flush and
// spread to the full measure.
func (s *setter) text(t string, indent float64, bold, keep bool) {
	f := s.face(bold)
	pad := strings.Repeat("　", int(indent/bodySize))
	lines := f.Lines(pad+t, areaW/bodySize)
	for i, l := range lines {
		p := piece{size: bodySize, bold: bold, text: l}
		if i == 0 {
			p.x, p.text = indent, strings.TrimPrefix(l, pad)
		}
		if i < len(lines)-1 {
			p.width = areaW - p.x
		}
		// A paragraph leaves no single line at the foot or the head of a page.
		k := keep || len(lines) > 1 && (i == 0 || i == len(lines)-2)
		s.add(line{height: s.pitch, base: base(s.pitch, bodySize), pieces: []piece{p}, keep: k, body: true})
	}
}

func labelWidth(f *typeface.Face, blocks []block, i int) float64 {
	for i > 0 && blocks[i-1].kind == row {
		i--
	}
	w := 0.0
	for ; i < len(blocks) && blocks[i].kind == row; i++ {
		w = max(w, f.Width(blocks[i].label))
	}
	return min(w+1.6, 14) * rowSize
}

// row is a row of a table between thin rules.
func (s *setter) row(b block, first, last bool, label float64) {
	f := s.faces[0]
	if first {
		s.gap(5)
	}
	const pad = 0.5 * rowSize
	rowPitch := 0.86 * s.pitch
	lines := f.Lines(b.text, (areaW-label-2*pad)/rowSize)
	for i, t := range lines {
		l := line{height: rowPitch, base: base(rowPitch, rowSize), keep: i < len(lines)-1, body: true}
		if i > 0 {
			l.height, l.base = rowPitch-4, l.base-4
		}
		l.pieces = []piece{{x: label + pad, size: rowSize, text: t}}
		if i == 0 {
			l.pieces = append(l.pieces, piece{x: pad, size: rowSize, grey: true, text: b.label})
			l.rules = append(l.rules, rule{x1: 0, x2: areaW, y: 0, dark: first})
			l.keep = l.keep || first
		}
		if i == len(lines)-1 && last {
			l.rules = append(l.rules, rule{x1: 0, x2: areaW, y: l.height, dark: true})
		}
		s.add(l)
	}
	if last {
		s.gap(7)
	}
}

// enclosure is one of the list that begins with 附件, two characters in, an
// empty line under the text; what runs over stands under the name.
func (s *setter) enclosure(t string, n, of int) {
	f := s.faces[0]
	lead := s.pitch * 0.9
	if n == 1 {
		s.gap(s.pitch * 0.6)
	}
	number := ""
	x := 5 * bodySize
	if of > 1 {
		number = itoa(n) + ". "
		x += f.Width("00. ") * bodySize
	}
	for i, l := range f.Lines(t, (areaW-x)/bodySize) {
		ln := line{height: lead, base: base(lead, bodySize), body: true, keep: n == 1}
		if i == 0 && n == 1 {
			ln.pieces = append(ln.pieces, piece{x: 2 * bodySize, size: bodySize, text: "附件："})
		}
		if i == 0 && number != "" {
			ln.pieces = append(ln.pieces, piece{x: 5 * bodySize, size: bodySize, text: number})
		}
		ln.pieces = append(ln.pieces, piece{x: x, size: bodySize, text: l})
		s.add(ln)
	}
}

const handDate = "　　　年　　月　　日"

// sign is a line to sign on, or for a date by hand.
func (s *setter) sign(b block, first bool) {
	if first {
		s.gap(s.pitch * 0.7)
	}
	f := s.faces[0]
	label := strings.TrimRight(b.text, "：:")
	if b.kind == dateLine {
		if label == "" {
			label = "日期"
		}
		s.add(line{height: s.pitch * 1.25, base: base(s.pitch*1.25, bodySize), keep: true,
			pieces: []piece{{x: 2 * bodySize, size: bodySize, text: label + "：" + handDate}}})
		return
	}
	x := 2*bodySize + f.Width(label+"：")*bodySize
	h := s.pitch * 1.3
	s.add(line{height: h, base: base(h, bodySize), keep: true,
		pieces: []piece{{x: 2 * bodySize, size: bodySize, text: label + "："}},
		rules:  []rule{{x1: x, x2: min(x+signLength, areaW), y: base(h, bodySize) + 3, dark: true}}})
}

// seal is the name of who seals, room for the seal over name and date, and the
// date to be written by hand (7.3.5.1: the seal stands in the middle over name
// and date). A seal is 40 to 45 mm wide.
func (s *setter) seal(name string) {
	f := s.faces[0]
	const markSize = 10.5
	w := max(f.Width(name), f.Width(handDate)) * bodySize
	room := min(2*bodySize, max(0, areaW-w)) // two characters free at the right
	mid := areaW - room - w/2
	if f.Width(name)*bodySize > areaW {
		mid = areaW / 2
	}
	centred := func(t string, size float64, grey bool) piece {
		return piece{x: mid - f.Width(t)*size/2, size: size, grey: grey, text: t}
	}
	lead := max(s.pitch, 28)
	s.gap(lead * 0.9)
	for _, t := range f.Lines(name, areaW/bodySize) {
		s.add(line{height: lead, base: base(lead, bodySize), keep: true, pieces: []piece{centred(t, bodySize, false)}})
	}
	s.add(line{height: lead, base: base(lead, markSize), keep: true, pieces: []piece{centred("（盖章处）", markSize, true)}})
	s.add(line{height: lead, base: base(lead, bodySize), pieces: []piece{centred(handDate, bodySize, false)}})
	s.add(line{height: lead * 0.4})
}

// paginate divides the lines into pages. Lines that keep together move as one;
// a page never begins with a signature without at least two lines of text
// above it.
func paginate(lines []line) []sheet {
	for len(lines) > 0 && lines[len(lines)-1].blank() {
		lines = lines[:len(lines)-1]
	}
	var pages []sheet
	for from := 0; from < len(lines); {
		to, h := from, 0.0
		for to < len(lines) && h+lines[to].height <= areaH+0.01 {
			h += lines[to].height
			to++
		}
		if to < len(lines) {
			to = breakAt(lines, from, to)
		}
		var sh sheet
		y := top
		for _, l := range lines[from:to] {
			if l.blank() && len(sh.lines) == 0 {
				continue
			}
			sh.lines = append(sh.lines, placed{l, y})
			y += l.height
		}
		pages = append(pages, sh)
		from = to
	}
	return pages
}

// breakAt is the last place from which the next page may begin.
func breakAt(lines []line, from, to int) int {
	at := to
	for at > from && lines[at-1].keep {
		at--
	}
	n := 0
	for _, l := range lines[at:] {
		if l.body {
			n++
		}
	}
	for k := at; n < 2 && k > from; k-- { // signatures nearly alone: text goes with them
		if lines[k-1].body {
			n++
			at = k - 1
		}
	}
	if at == from { // a block higher than a page
		return to
	}
	return at
}

func (l line) blank() bool { return len(l.pieces) == 0 && len(l.rules) == 0 }
