package letter

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/jung-kurt/gofpdf"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"

	"dossier/packager"
	"dossier/packager/compose/typeface"
)

// Press prints letters.
type Press struct {
	Regular, Bold []byte // Noto Sans SC as TrueType
}

func itoa(n int) string { return strconv.Itoa(n) }

// Print writes the letter as a PDF and returns the number of its pages. The
// same letter on the same day gives the same bytes.
func (p *Press) Print(w io.Writer, d *Draft, day packager.Day) (pages int, err error) {
	var faces [2]*typeface.Face
	for i, data := range [][]byte{p.Regular, p.Bold} {
		if faces[i], err = typeface.New(data); err != nil {
			return 0, err
		}
	}
	sheets := set(faces, d.blocks)
	sealed := false
	for _, b := range d.blocks {
		sealed = sealed || b.kind == sealBlock
	}
	c := newCanvas(faces, d.Title(), day)
	for i, s := range sheets {
		c.pdf.AddPage()
		for _, l := range s.lines {
			c.line(l)
		}
		if err := c.foot(d, i+1, len(sheets)); err != nil {
			return 0, err
		}
		if sealed && len(sheets) > 1 {
			c.straddle(len(sheets))
		}
	}
	return len(sheets), c.pdf.Output(w)
}

type canvas struct {
	pdf   *gofpdf.Fpdf
	faces [2]*typeface.Face
}

func newCanvas(faces [2]*typeface.Face, name string, day packager.Day) *canvas {
	f := gofpdf.NewCustom(&gofpdf.InitType{UnitStr: "pt", Size: gofpdf.SizeType{Wd: pageW, Ht: pageH}})
	f.SetAutoPageBreak(false, 0)
	f.SetMargins(0, 0, 0)
	f.SetCatalogSort(true)
	f.SetCreationDate(day.Time())
	f.SetModificationDate(day.Time())
	f.SetTitle(name, true)
	f.SetCreator("dossier", true)
	f.SetDisplayMode("fullpage", "single")
	f.AddUTF8FontFromBytes("sc", "", faces[0].Data)
	f.AddUTF8FontFromBytes("sc", "B", faces[1].Data)
	return &canvas{f, faces}
}

const (
	black = 0x14
	grey  = 0x6e
	hair  = 0xb4
)

func (c *canvas) line(l placed) {
	for _, r := range l.rules {
		g, w := hair, 0.5
		if r.dark {
			g, w = black, 0.7
		}
		c.pdf.SetDrawColor(g, g, g)
		c.pdf.SetLineWidth(w)
		c.pdf.Line(left+r.x1, l.y+r.y, left+r.x2, l.y+r.y)
	}
	for _, p := range l.pieces {
		g := black
		if p.grey {
			g = grey
		}
		c.text(left+p.x, l.y+l.base, p, g)
	}
}

// text sets a line of print, spread to p.width where that is given.
func (c *canvas) text(x, y float64, p piece, g int) {
	f, weight := c.faces[0], ""
	if p.bold {
		f, weight = c.faces[1], "B"
	}
	runes := []rune(typeface.Clean(p.text))
	space := 0.0
	if rest := p.width - f.Width(string(runes))*p.size; p.width > 0 && len(runes) > 1 && rest > 0 && rest < 3*p.size {
		space = rest / float64(len(runes)-1)
	}
	c.pdf.SetFont("sc", weight, p.size)
	c.pdf.SetFillColor(g, g, g)
	c.pdf.SetTextColor(g, g, g)
	if space > 0 {
		c.pdf.RawWriteStr(fmt.Sprintf("%.4f Tc", space))
		defer c.pdf.RawWriteStr("0 Tc")
	}
	var run strings.Builder
	start := x
	flush := func() {
		if run.Len() > 0 {
			c.pdf.Text(start, y, run.String())
			run.Reset()
		}
	}
	for _, r := range runes {
		gl := f.Glyph(r)
		if f.Sets(r) {
			if run.Len() == 0 {
				start = x
			}
			run.WriteRune(r)
		} else {
			flush()
			c.outline(f, r, x, y, p.size)
		}
		x += gl.Width*p.size + space
	}
	flush()
}

// outline draws a character that gofpdf cannot set: those above U+FFFF and
// those that the font does not have. An invisible blank under ActualText
// (ISO 32000-1, 14.9.4) lets it be searched and copied.
func (c *canvas) outline(f *typeface.Face, r rune, x, y, size float64) {
	var hex strings.Builder
	for _, u := range utf16.Encode([]rune{r}) {
		fmt.Fprintf(&hex, "%04X", u)
	}
	c.pdf.RawWriteStr("/Span <</ActualText <FEFF" + hex.String() + ">>> BDC")
	c.pdf.SetTextRenderingMode(3)
	c.pdf.Text(x, y, "口")
	c.pdf.SetTextRenderingMode(0)
	path := ""
	if g := f.Glyph(r); g.Index != 0 {
		path = f.Outline(g.Index, 0, 0, 1000) + "f"
	} else {
		path = f.Box(r)
	}
	k := size / 1000
	c.pdf.RawWriteStr(fmt.Sprintf("q %.5f 0 0 %.5f %.2f %.2f cm %s Q", k, k, x, pageH-y, path))
	c.pdf.RawWriteStr("EMC")
}

// foot prints the page number (7.5 of the standard: — 1 —, 7 mm under the type
// area, outside) and, on the other side, the QR code.
func (c *canvas) foot(d *Draft, page, pages int) error {
	number := "— " + itoa(page) + " —"
	w := c.faces[0].Width(number) * footSize
	x := left + areaW - w - footSize // odd pages: right, one character free
	odd := page%2 == 1
	if !odd {
		x = left + footSize
	}
	c.text(x, bottom+footDepth, piece{size: footSize, text: number}, black)

	code, err := encode(d.mark(page, pages))
	if err != nil {
		return err
	}
	side := min(26*mm, max(20*mm, float64(code.GetWidth())*0.5*mm))
	qx, qy := left, bottom+6*mm
	if !odd {
		qx = left + areaW - side
	}
	c.qr(code, qx, qy, side)
	note := []string{d.Name.ZH, "案件 " + d.caseID, "文本 " + d.Digest + " · 第 " + itoa(page) + "/" + itoa(pages) + " 页", "识别码：请勿遮挡、涂改，扫描时留在画面内"}
	const noteSize, lead = 6.5, 9.0
	for i, t := range note {
		p := piece{size: noteSize, text: t}
		nx := qx + side + 6
		if !odd {
			nx = qx - 6 - c.faces[0].Width(t)*noteSize
		}
		c.text(nx, qy+side-lead*float64(len(note)-1-i)-2, p, grey)
	}
	return nil
}

// encode makes the QR code (ISO/IEC 18004, level M).
func encode(s string) (*gozxing.BitMatrix, error) {
	hints := map[gozxing.EncodeHintType]any{
		gozxing.EncodeHintType_ERROR_CORRECTION: decoder.ErrorCorrectionLevel_M,
		gozxing.EncodeHintType_MARGIN:           0,
	}
	m, err := qrcode.NewQRCodeWriter().Encode(s, gozxing.BarcodeFormat_QR_CODE, 0, 0, hints)
	if err != nil {
		return nil, fmt.Errorf("QR code of %d bytes: %w", len(s), err)
	}
	return m, nil
}

// qr draws the modules as one path, row by row, so that no hairlines show
// between them.
func (c *canvas) qr(m *gozxing.BitMatrix, x, y, side float64) {
	var b bytes.Buffer
	k := side / float64(m.GetWidth())
	fmt.Fprintf(&b, "q 0 g %.5f 0 0 %.5f %.3f %.3f cm ", k, k, x, pageH-y-side)
	n := m.GetHeight()
	for row := range n {
		for from := 0; from < m.GetWidth(); from++ {
			to := from
			for to < m.GetWidth() && m.Get(to, row) {
				to++
			}
			if to > from {
				fmt.Fprintf(&b, "%d %d %d 1 re ", from, n-1-row, to-from)
				from = to
			}
		}
	}
	b.WriteString("f Q")
	c.pdf.RawWriteStr(b.String())
}

// straddle marks the edge that the pages are laid open at, one over the other,
// to be sealed across (骑缝章).
func (c *canvas) straddle(pages int) {
	const size = 8.0
	t := "骑缝章处（共 " + itoa(pages) + " 页）"
	w := c.faces[0].Width(t) * size
	x, y := pageW-7*mm, pageH/2
	c.pdf.SetDrawColor(hair, hair, hair)
	c.pdf.SetLineWidth(0.5)
	c.pdf.TransformBegin()
	c.pdf.TransformRotate(90, x, y)
	c.text(x-w/2, y, piece{size: size, text: t}, grey)
	c.pdf.TransformEnd()
	for _, dy := range []float64{-1, 1} {
		from := y + dy*(w/2+6)
		c.pdf.Line(x-size*0.36, from, x-size*0.36, math.Round(from+dy*40))
	}
}
