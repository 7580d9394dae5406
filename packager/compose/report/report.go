// Package report prints a plain report: a title, sections, lines with a mark,
// page numbers. What it says comes from the caller.
package report

import (
	"io"
	"strings"
	"time"

	"github.com/jung-kurt/gofpdf"

	"dossier/packager/compose/typeface"
)

// Report is what is printed.
type Report struct {
	Title    string
	Intro    string
	Sections []Section
	// Foot writes the foot of page n of all.
	Foot func(n, all int) string
	// Made is the time that the file states as that of its making.
	Made time.Time
}

// Section is a heading with its lines.
type Section struct {
	Title string
	Lines []Line
}

// Line is one paragraph. Good and Bad give it a mark; a Label stands before it
// in a column of its own.
type Line struct {
	Good, Bad bool
	Label     string
	Text      string
	Next      string // set below, smaller
}

// Printer prints reports with one font in two weights (TrueType).
type Printer struct{ Regular, Bold []byte }

// A4, in points.
const (
	pageW, pageH = 595.28, 841.89
	margin       = 54
	body, lead   = 9.5, 14
	labelW       = 92
)

// Print writes the report as a PDF of A4 pages. The same report gives the same
// bytes.
func (p *Printer) Print(w io.Writer, r *Report) error {
	regular, err := typeface.New(p.Regular)
	if err != nil {
		return err
	}
	bold, err := typeface.New(p.Bold)
	if err != nil {
		return err
	}
	// The first run counts the pages that the second one prints.
	count := &sheet{regular: regular, bold: bold}
	count.lay(r, 0)
	s := &sheet{regular: regular, bold: bold, pdf: open(p, r)}
	s.lay(r, count.n)
	return s.pdf.Output(w)
}

func open(p *Printer, r *Report) *gofpdf.Fpdf {
	f := gofpdf.NewCustom(&gofpdf.InitType{UnitStr: "pt", Size: gofpdf.SizeType{Wd: pageW, Ht: pageH}})
	f.SetAutoPageBreak(false, 0)
	f.SetMargins(0, 0, 0)
	f.SetCatalogSort(true)
	f.SetCreationDate(r.Made)
	f.SetModificationDate(r.Made)
	f.SetTitle(r.Title, true)
	f.SetCreator("dossier", true)
	f.AddUTF8FontFromBytes("sc", "", p.Regular)
	f.AddUTF8FontFromBytes("sc", "B", p.Bold)
	return f
}

// sheet lays lines on pages; without a pdf it only counts.
type sheet struct {
	regular, bold *typeface.Face
	pdf           *gofpdf.Fpdf
	y             float64
	n, all        int
	foot          func(n, all int) string
}

func (s *sheet) lay(r *Report, all int) {
	s.all, s.foot = all, r.Foot
	s.page()
	s.paragraph(s.bold, "B", 17, margin, r.Title, [3]int{20, 20, 20})
	s.y += 4
	s.paragraph(s.regular, "", body, margin, r.Intro, grey)
	for _, sec := range r.Sections {
		s.y += 10
		s.need(3 * lead)
		s.paragraph(s.bold, "B", 11.5, margin, sec.Title, [3]int{20, 20, 20})
		s.y += 2
		for _, l := range sec.Lines {
			s.line(l)
		}
	}
}

var (
	grey  = [3]int{110, 110, 110}
	black = [3]int{20, 20, 20}
	green = [3]int{0, 120, 60}
	red   = [3]int{190, 20, 20}
)

func (s *sheet) page() {
	s.n++
	s.y = margin
	if s.pdf == nil {
		return
	}
	s.pdf.AddPage()
	if s.foot != nil {
		s.text(s.regular, "", 8, margin, pageH-32, s.foot(s.n, s.all), grey)
	}
}

func (s *sheet) need(h float64) {
	if s.y+h > pageH-margin {
		s.page()
	}
}

func (s *sheet) line(l Line) {
	s.need(lead)
	x := float64(margin + 14)
	switch {
	case l.Good:
		s.text(s.bold, "B", body, margin, s.y+body, "√", green)
	case l.Bad:
		s.text(s.bold, "B", body, margin, s.y+body, "×", red)
	case l.Label != "":
		s.text(s.regular, "", body, margin, s.y+body, l.Label, grey)
		x = margin + labelW
	}
	colour := black
	if l.Bad {
		colour = red
	}
	s.paragraph(s.regular, "", body, x, l.Text, colour)
	if l.Next != "" {
		s.paragraph(s.regular, "", 8.5, x, "→ "+l.Next, grey)
	}
}

// paragraph sets text from x to the right margin and moves below it.
func (s *sheet) paragraph(f *typeface.Face, weight string, size, x float64, text string, colour [3]int) {
	for _, l := range f.Lines(typeface.Clean(text), (pageW-margin-x)/size) {
		s.need(size * 1.4)
		s.text(f, weight, size, x, s.y+size, l, colour)
		s.y += size * 1.45
	}
}

// text sets one line with its base at y. Characters that gofpdf cannot set are
// drawn.
func (s *sheet) text(f *typeface.Face, weight string, size, x, y float64, text string, colour [3]int) {
	if s.pdf == nil {
		return
	}
	s.pdf.SetFont("sc", weight, size)
	s.pdf.SetTextColor(colour[0], colour[1], colour[2])
	s.pdf.SetFillColor(colour[0], colour[1], colour[2])
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			s.pdf.Text(x, y, run.String())
			x += f.Width(run.String()) * size
			run.Reset()
		}
	}
	for _, r := range typeface.Clean(text) {
		if f.Sets(r) {
			run.WriteRune(r)
			continue
		}
		flush()
		g := f.Glyph(r)
		if g.Index != 0 {
			s.pdf.RawWriteStr(f.Outline(g.Index, x, pageH-y, size))
		} else {
			s.box(x, y, g.Width*size, size)
		}
		x += g.Width * size
	}
	flush()
}

// box stands for a character that the font does not have.
func (s *sheet) box(x, y, w, size float64) {
	s.pdf.SetDrawColor(grey[0], grey[1], grey[2])
	s.pdf.SetLineWidth(0.5)
	s.pdf.Rect(x+0.1*w, y-0.8*size, 0.8*w, 0.8*size, "D")
}
