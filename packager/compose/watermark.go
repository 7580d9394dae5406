package compose

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"dossier/packager"
	"dossier/packager/i18n"
)

// watermark is the purpose of a copy, written across it again and again and
// nowhere over name, number or portrait. It is drawn into the bundle and, the
// same, onto the page pictures.
type watermark struct {
	w, h  float64 // of the page of the material, points
	lines []string
	clear [][4]float64 // zones left free: x, y from the upper left corner, width, height
	style style
}

const (
	watermarkAngle = 30.0 // degrees, rising
	watermarkAlpha = 0.26
)

// newWatermark returns the watermark of page i (from 0) of an item of so many
// pages, shown w × h points large, or nil where the paper carries none.
func newWatermark(p *packager.Plan, say *i18n.Printer, it *packager.Item, i, pages int, w, h float64) *watermark {
	rules := p.Report.Rules
	if rules.Watermark == packager.WatermarkOff || !marked(rules, it) {
		return nil
	}
	size := min(max(min(w, h)/26, 7), 15)
	m := &watermark{w: w, h: h, style: style{size, size * 1.5, false, rgb{70, 74, 80}}, lines: []string{
		purpose(p.Report, say),
		p.Report.Case.Applicant.Name + "  " + rules.Day.String(),
	}}
	const rim = 0.008 // of the size: a hand's breadth of air round a zone
	for _, z := range clearZones(rules, it, i, pages, w > h) {
		m.clear = append(m.clear, [4]float64{(z.X - rim) * w, (z.Y - rim) * h, (z.W + 2*rim) * w, (z.H + 2*rim) * h})
	}
	return m
}

// purpose says, in Chinese, what a copy may be used for.
func purpose(r *packager.Report, say *i18n.Printer) string {
	key := "other"
	switch r.Case.Application {
	case "close", "open", "migrate":
		key = r.Case.Application
	}
	application, _, _ := strings.Cut(r.Rules.Application.In("zh"), "（")
	return say.Text("compose.watermark."+key, packager.Args{"platform": r.Rules.Name.In("zh"), "application": application})
}

// clearZones are the zones of page i of an item that a watermark must not
// touch. A file that shows two cards (both sides of an ID on one copy) has the
// zones of both, in the halves of the page.
func clearZones(rules *packager.RuleSet, it *packager.Item, i, pages int, wide bool) []packager.Zone {
	var sets [][]packager.Zone
	for _, id := range it.File.IDs {
		if spec, ok := rules.Catalogue[id]; ok && spec.Watermark {
			sets = append(sets, spec.Clear)
		}
	}
	var out []packager.Zone
	switch {
	case len(sets) == 1:
		out = append(out, sets[0]...)
	case len(sets) > 1 && pages == len(sets):
		out = append(out, sets[i]...)
	default:
		n := float64(len(sets))
		for k, set := range sets {
			for _, z := range set {
				if wide {
					z.X, z.W = (float64(k)+z.X)/n, z.W/n
				} else {
					z.Y, z.H = (float64(k)+z.Y)/n, z.H/n
				}
				out = append(out, z)
			}
		}
	}
	for _, f := range it.File.Fields {
		if f.Zone == nil || f.Page > 0 && f.Page != i+1 {
			continue
		}
		if f.Name == "name" || f.Name == "id_number" || f.Name == "uscc" {
			out = append(out, *f.Zone)
		}
	}
	return out
}

// marked reports whether the copies of an item state their purpose.
func marked(rules *packager.RuleSet, it *packager.Item) bool {
	return slices.ContainsFunc(it.File.IDs, func(id string) bool { return rules.Catalogue[id].Watermark })
}

// tiles calls put with the place of each repetition: the upper left corner of
// its lines, whose widest is width wide, seen from the middle of the page in a
// system that is turned by the angle; y points down.
func (m *watermark) tiles(width float64, put func(x, y float64)) {
	stepX, stepY := width+2.5*m.style.size, float64(len(m.lines))*m.style.lead+3.2*m.style.size
	reach := math.Hypot(m.w, m.h)/2 + stepX
	row := 0
	for y := -reach; y < reach; y += stepY {
		shift := 0.0
		if row%2 == 1 {
			shift = stepX / 2
		}
		row++
		for x := -reach + shift; x < reach; x += stepX {
			// Only tiles that touch the area: turn the middle of the tile.
			px, py := turned(x+width/2, y+stepY/2)
			if math.Abs(px) <= m.w/2+width/2 && math.Abs(py) <= m.h/2+width/2 {
				put(x, y)
			}
		}
	}
}

// turned turns a point by the angle of the watermark, anticlockwise as it is
// seen on the page; y points down.
func turned(x, y float64) (float64, float64) {
	sin, cos := math.Sincos(watermarkAngle * math.Pi / 180)
	return x*cos + y*sin, -x*sin + y*cos
}

// watermark draws m on a page of a material whose upper left corner is x, y.
func (c *canvas) watermark(m *watermark, x, y float64) {
	// gofpdf does not know that Q brings the old font and colour back: both are
	// set before q and not changed until after Q.
	c.text(x, y, "", m.style)
	var b strings.Builder
	fmt.Fprintf(&b, "q %.2f %.2f %.2f %.2f re W n ", x, c.h-y-m.h, m.w, m.h)
	for _, z := range m.clear { // each cuts a hole: even-odd with the whole area
		fmt.Fprintf(&b, "%.2f %.2f %.2f %.2f re %.2f %.2f %.2f %.2f re W* n ", x, c.h-y-m.h, m.w, m.h, x+z[0], c.h-y-z[1]-z[3], z[2], z[3])
	}
	c.pdf.RawWriteStr(b.String())
	c.pdf.SetAlpha(watermarkAlpha, "Normal")
	width := 0.0
	for _, l := range m.lines {
		width = max(width, c.width(l, m.style))
	}
	cx, cy := x+m.w/2, y+m.h/2
	c.tiling = true
	c.pdf.TransformBegin()
	c.pdf.TransformRotate(watermarkAngle, cx, cy)
	m.tiles(width, func(tx, ty float64) {
		for i, l := range m.lines {
			c.text(cx+tx, cy+ty+float64(i)*m.style.lead+baseline(m.style), l, m.style)
		}
	})
	c.tiling = false
	c.pdf.TransformEnd()
	c.pdf.SetAlpha(1, "Normal")
	c.pdf.RawWriteStr("Q")
}
