package compose

import (
	"fmt"
	"strings"

	"github.com/jung-kurt/gofpdf"

	"dossier/packager/pdfium"
)

// A4 in points, and the type area on it. Coordinates on the canvas are points
// from the upper left corner.
const (
	a4Short, a4Long = 595.28, 841.89

	marginX   = 56.0 // left and right
	headY     = 34.0 // baseline of the header
	headRuleY = 41.0
	bodyTop   = 66.0
	footGap   = 30.0 // baseline of the footer above the lower edge
	bodyGap   = 56.0 // the type area ends above the lower edge
	seamX     = 22.0 // baseline of the seam mark, from the right edge
)

type rgb struct{ r, g, b int }

// One accent colour; the rest are greys. Everything stays readable when it is
// printed in black and white: verdicts differ in shape and word, not in hue.
var (
	ink    = rgb{28, 30, 33}
	accent = rgb{24, 60, 104}
	grey   = rgb{104, 110, 119}
	hair   = rgb{203, 208, 214}
	tint   = rgb{243, 245, 248}
	white  = rgb{255, 255, 255}
)

// style is a size of type with its line feed, both in points.
type style struct {
	size, lead float64
	bold       bool
	color      rgb
}

// The typographic system: nothing is set in any other style.
var (
	display = style{27, 38, true, ink}
	heading = style{16, 24, true, ink}
	section = style{10.5, 16, true, accent}
	body    = style{9.5, 15, false, ink}
	strong  = style{9.5, 15, true, ink}
	quiet   = style{9.5, 15, false, grey}
	aside   = style{8.5, 15, false, ink} // beside body in a row of a table
	small   = style{8, 12, false, ink}
	note    = style{8, 12, false, grey}
	label   = style{8, 12, true, grey}
	micro   = style{7, 10, false, grey}
	ids     = style{7, 15, false, grey} // rule ids, beside body
	code    = style{7, 10, false, ink}
	seam    = style{5.5, 8, false, grey}
)

func (s style) in(c rgb) style { s.color = c; return s }

// jump is a link on a page of the canvas: to a page of the bundle (at a height
// from its top) or to an address.
type jump struct {
	x, y, w, h float64
	page       int
	top        float64
	uri        string
}

// sheet is one page as the canvas drew it.
type sheet struct {
	w, h  float64
	jumps []jump
	uses  map[string]int // name of an XObject on the page → asset
	shows []pdfium.Figure
	chars map[rune]int // what is printed, and how often; not the watermark
}

// canvas draws the pages of a bundle with gofpdf and remembers what gofpdf
// does not know: links by page number and the pictures and paper pages that
// are put in by name and written later.
type canvas struct {
	pdf    *gofpdf.Fpdf
	faces  [2]*face // regular, bold
	blank  bool
	extra  *extraFont
	used   [2]map[rune]bool // set from the regular and the bold face
	tiling bool             // what is set now is a watermark and may be cut off
	sheets []*sheet
	w, h   float64 // of the present page
}

// newCanvas returns an empty canvas. A blank one measures and breaks pages and
// prints no text: gofpdf takes longer to read the fonts than to print with them.
func newCanvas(faces [2]*face, blank bool) *canvas {
	p := gofpdf.NewCustom(&gofpdf.InitType{UnitStr: "pt", Size: gofpdf.SizeType{Wd: a4Short, Ht: a4Long}})
	p.SetAutoPageBreak(false, 0)
	p.SetMargins(0, 0, 0)
	p.SetCatalogSort(true)
	if !blank {
		p.AddUTF8FontFromBytes("sc", "", faces[0].Data)
		p.AddUTF8FontFromBytes("sc", "B", faces[1].Data)
	}
	return &canvas{pdf: p, faces: faces, blank: blank, extra: &extraFont{faces: faces}, used: [2]map[rune]bool{{}, {}}}
}

func (c *canvas) addPage(w, h float64) {
	c.pdf.AddPageFormat("P", gofpdf.SizeType{Wd: w, Ht: h})
	c.w, c.h = w, h
	c.sheets = append(c.sheets, &sheet{w: w, h: h, uses: map[string]int{}, chars: map[rune]int{}})
}

func (c *canvas) page() int { return len(c.sheets) }

func (c *canvas) sheet() *sheet { return c.sheets[len(c.sheets)-1] }

func (c *canvas) face(s style) *face { return c.faces[weightIndex(s)] }

func weightIndex(s style) int {
	if s.bold {
		return 1
	}
	return 0
}

func (c *canvas) width(s string, st style) float64 { return c.face(st).Width(clean(s)) * st.size }

func (c *canvas) lines(s string, st style, w float64) []string {
	return c.face(st).Ragged(s, w/st.size)
}

// text sets one line with its baseline at y and returns where it ends.
func (c *canvas) text(x, y float64, s string, st style) float64 {
	f := c.face(st)
	if c.blank {
		return x + c.width(s, st)
	}
	weight := ""
	if st.bold {
		weight = "B"
	}
	c.pdf.SetFont("sc", weight, st.size)
	c.pdf.SetFillColor(st.color.r, st.color.g, st.color.b)
	c.pdf.SetTextColor(st.color.r, st.color.g, st.color.b)
	var run strings.Builder
	start := x
	flush := func() {
		if run.Len() > 0 {
			c.pdf.Text(start, y, run.String())
			run.Reset()
		}
	}
	for _, r := range clean(s) {
		w := f.Glyph(r).Width * st.size
		if !c.tiling {
			c.sheet().chars[r]++
		}
		if f.Sets(r) {
			c.used[weightIndex(st)][r] = true
			if run.Len() == 0 {
				start = x
			}
			run.WriteRune(r)
		} else {
			flush()
			c.drawRune(r, x, y, st)
		}
		x += w
	}
	flush()
	return x
}

// drawRune sets a character that gofpdf cannot set, from a font of our own.
func (c *canvas) drawRune(r rune, x, y float64, st style) {
	font, code := c.extra.code(r, st.bold)
	c.pdf.RawWriteStr(fmt.Sprintf("q %.3f %.3f %.3f rg BT /%s %.2f Tf %.2f %.2f Td <%02x> Tj ET Q",
		float64(st.color.r)/255, float64(st.color.g)/255, float64(st.color.b)/255, font, st.size, x, c.h-y, code))
}

func (c *canvas) textRight(x, y float64, s string, st style) { c.text(x-c.width(s, st), y, s, st) }

func (c *canvas) textCenter(x, y float64, s string, st style) {
	c.text(x-c.width(s, st)/2, y, s, st)
}

// fit shortens s with … so that it is at most w wide.
func (c *canvas) fit(s string, st style, w float64) string {
	s = clean(s)
	if c.width(s, st) <= w {
		return s
	}
	rs := []rune(s)
	for len(rs) > 0 && c.width(string(rs)+"…", st) > w {
		rs = rs[:len(rs)-1]
	}
	return string(rs) + "…"
}

// para sets s in lines of width w from the top y and returns the y below.
func (c *canvas) para(x, y, w float64, s string, st style) float64 {
	for _, l := range c.lines(s, st, w) {
		c.text(x, y+baseline(st), l, st)
		y += st.lead
	}
	return y
}

// baseline is the distance from the top of a line to its baseline. It depends
// on the line feed alone, so that cells of a row stand on one line whatever
// their size.
func baseline(st style) float64 { return 0.73 * st.lead }

func (c *canvas) paraHeight(s string, st style, w float64) float64 {
	return float64(len(c.lines(s, st, w))) * st.lead
}

func (c *canvas) hline(x1, x2, y, weight float64, col rgb) {
	c.pdf.SetDrawColor(col.r, col.g, col.b)
	c.pdf.SetLineWidth(weight)
	c.pdf.Line(x1, y, x2, y)
}

func (c *canvas) vline(x, y1, y2, weight float64, col rgb) {
	c.pdf.SetDrawColor(col.r, col.g, col.b)
	c.pdf.SetLineWidth(weight)
	c.pdf.Line(x, y1, x, y2)
}

func (c *canvas) fill(x, y, w, h float64, col rgb) {
	c.pdf.SetFillColor(col.r, col.g, col.b)
	c.pdf.Rect(x, y, w, h, "F")
}

func (c *canvas) frame(x, y, w, h, weight float64, col rgb) {
	c.pdf.SetDrawColor(col.r, col.g, col.b)
	c.pdf.SetLineWidth(weight)
	c.pdf.Rect(x, y, w, h, "D")
}

func (c *canvas) poly(col rgb, fill bool, weight float64, xy ...float64) {
	pts := make([]gofpdf.PointType, len(xy)/2)
	for i := range pts {
		pts[i] = gofpdf.PointType{X: xy[2*i], Y: xy[2*i+1]}
	}
	c.pdf.SetDrawColor(col.r, col.g, col.b)
	c.pdf.SetFillColor(col.r, col.g, col.b)
	c.pdf.SetLineWidth(weight)
	if fill {
		c.pdf.Polygon(pts, "F")
		return
	}
	for i := 1; i < len(pts); i++ {
		c.pdf.Line(pts[i-1].X, pts[i-1].Y, pts[i].X, pts[i].Y)
	}
}

// goTo makes a rectangle a link to a page; page 0 is not known yet.
func (c *canvas) goTo(x, y, w, h float64, page int, top float64) {
	c.sheet().jumps = append(c.sheet().jumps, jump{x, y, w, h, page, top, ""})
}

// put shows the XObject of a leaf: m maps its space to the page (PDF space).
func (c *canvas) put(l *leaf, m matrix) {
	name := fmt.Sprintf("M%d", l.asset)
	c.sheet().uses[name] = l.asset
	f := pdfium.Figure{Matrix: m}
	if l.pic != nil {
		f.Width, f.Height = l.pic.width, l.pic.height
	}
	c.sheet().shows = append(c.sheet().shows, f)
	c.pdf.RawWriteStr(fmt.Sprintf("q %s cm /%s Do Q", matrixString(m), name))
}
