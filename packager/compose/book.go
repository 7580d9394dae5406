package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
	"dossier/packager/i18n"
)

// book lays out the pages of a bundle, or of one of its volumes. It runs twice over the same plan: the
// first run finds out on which page everything stands, the second prints it.
type book struct {
	plan   *packager.Plan
	papers string // digest of them, for the seam mark
	say    *i18n.Printer
	assets *assets
	items  []packager.Item // those in this volume
	no     int             // of the volume, from 1
	set    []*book         // all volumes
	c      *canvas
	known  map[string]span // where things stand, from the run before
	now    map[string]span
	order  []string // the names of now in the order of the pages
	total  int      // number of pages, from the run before
	stamp  packager.StampPlace
	placed []packager.Placed
	pads   map[string]float64       // how much room the rows of a part's tables have
	pad    float64                  // in the part that is drawn now
	later  []packager.TimelineEntry // what did not fit on the cover
}

// span is a range of pages.
type span struct{ from, to int }

func (b *book) t(key string, kv ...string) string {
	args := packager.Args{}
	for i := 0; i+1 < len(kv); i += 2 {
		args[kv[i]] = kv[i+1]
	}
	return b.say.Text("compose."+key, args)
}

func (b *book) in(t packager.Text) string { return t.In(b.say.Lang) }

func (b *book) rules() *packager.RuleSet { return b.plan.Report.Rules }

// lay draws the whole bundle on c.
func (b *book) lay(c *canvas) {
	b.c, b.now, b.order, b.placed, b.pad = c, map[string]span{}, nil, nil, cellPad
	b.part("cover", b.cover)
	if b.no == 1 {
		b.part("review", b.compact("review", b.review))
		if b.plan.Revision != nil {
			b.part("changes", b.changes)
		}
	}
	b.part("index", b.compact("index", b.index))
	for i := range b.items {
		b.part(itemName(b.items[i].No), func() { b.material(&b.items[i]) })
	}
	if b.no == len(b.set) {
		for i := range b.plan.Gaps {
			b.part(gapName(i), func() { b.gap(i) })
		}
		if len(b.plan.Backups) > 0 {
			b.part("backup", b.compact("backup", b.backups))
		}
	}
	b.part("signature", b.closing)
	b.endPage()
}

func itemName(no int) string { return "item" + strconv.Itoa(no) }
func gapName(i int) string   { return "gap" + strconv.Itoa(i) }

// part draws one part of the bundle, which begins on a new page.
func (b *book) part(name string, draw func()) {
	from := b.c.page() + 1
	draw()
	b.now[name] = span{from: from, to: b.c.page()}
	b.order = append(b.order, name)
}

// compact gives the rows of a part's tables less room where that saves a page,
// which would hold a few rows only. It is settled once, when the numbers of the
// pages are known for the first time.
func (b *book) compact(name string, draw func()) func() {
	return func() {
		if _, settled := b.pads[name]; !settled && len(b.known) > 0 {
			if b.pads == nil {
				b.pads = map[string]float64{}
			}
			b.pads[name] = cellPad
			for _, pad := range []float64{cellPad - 1, cellPad - 2, cellPad - 3} {
				if b.measured(draw, pad) < b.measured(draw, cellPad) {
					b.pads[name] = pad
					break
				}
			}
		}
		if pad, ok := b.pads[name]; ok {
			b.pad = pad
		}
		draw()
		b.pad = cellPad
	}
}

// measured is how many pages a part takes with so much room in the rows.
func (b *book) measured(draw func(), pad float64) int {
	c, stamp := b.c, b.stamp
	b.c, b.pad = newCanvas(c.faces, true), pad
	draw()
	n := b.c.page()
	b.c, b.pad, b.stamp = c, cellPad, stamp
	return n
}

// pageOf is the page of this volume where a part begins; 0: it is in another.
func (b *book) pageOf(name string) int { return b.known[name].from }

// pages writes the page or the range of pages of a part, for a column.
func (b *book) pages(name string) string {
	s, volume := b.find(name)
	pages := strconv.Itoa(s.from)
	if s.to > s.from {
		pages = fmt.Sprintf("%d–%d", s.from, s.to)
	}
	if b.whole() {
		return pages
	}
	return b.t("volume_pages", "no", strconv.Itoa(volume), "pages", pages)
}

// at writes where a part is, for a sentence: its pages, or where it begins.
func (b *book) at(name string, begin bool) string {
	s, volume := b.find(name)
	key, pages := "at", strconv.Itoa(s.from)
	if s.to > s.from && !begin {
		key, pages = "at_pages", fmt.Sprintf("%d–%d", s.from, s.to)
	}
	if volume != b.no {
		key += "_volume"
	}
	return b.t(key, "no", strconv.Itoa(volume), "pages", pages)
}

// newPage starts a page with header and footer. Title names what is on it.
func (b *book) newPage(landscape bool, title string) {
	w, h := a4Short, a4Long
	if landscape {
		w, h = h, w
	}
	b.addPage(w, h)
	b.header(title)
	b.footer()
}

func (b *book) addPage(w, h float64) {
	b.endPage()
	b.c.addPage(w, h)
}

// endPage puts on a page what lies over everything else on it.
func (b *book) endPage() {
	switch {
	case b.c.page() == 0:
	case b.plan.Draft:
		b.draftMark()
	default:
		b.seam()
	}
}

// seam prints the seam mark (骑缝) up the right edge: the number of the bundle,
// the digest of its papers and the page. A page that was swapped or put in from
// elsewhere is seen in the printed bundle, too. It is text and no seal.
func (b *book) seam() {
	c := b.c
	s := b.t("seam", "bundle", b.plan.BundleID, "digest", b.papers, "page", b.pageNumber(c.page()))
	x, y := c.w-seamX, (c.h+c.width(s, seam))/2
	c.pdf.TransformBegin()
	c.pdf.TransformRotate(90, x, y)
	c.text(x, y, s, seam)
	c.pdf.TransformEnd()
}

// papersDigest is the SHA-256 of the lines "SHA-256, two spaces, path" of the
// materials and then the backups, in the order of the manifest: what sha256sum
// prints of them.
func papersDigest(p *packager.Plan) string {
	h := sha256.New()
	for _, it := range p.Items {
		fmt.Fprintf(h, "%s  %s\n", it.File.SHA256, it.File.Path)
	}
	for _, l := range p.Backups {
		fmt.Fprintf(h, "%s  %s\n", l.File.SHA256, l.File.Path)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (b *book) header(title string) {
	c := b.c
	x2 := c.w - marginX
	c.text(marginX, headY, b.plan.BundleID, micro)
	c.textRight(x2, headY, c.fit(title, micro, c.w-2*marginX-150), micro.in(ink))
	c.hline(marginX, x2, headRuleY, 0.5, hair)
}

func (b *book) footer() {
	c := b.c
	y := c.h - footGap
	x2 := c.w - marginX
	c.hline(marginX, x2, y-12, 0.5, hair)
	left := b.in(b.rules().Name) + " · " + b.plan.Report.Case.Applicant.Name
	back := b.t("back_to_index")
	w := c.width(back, micro)
	num := b.pageNumber(c.page())
	nw := c.width(num, micro.in(ink))
	c.text(marginX, y, c.fit(left, micro, c.w-2*marginX-w-nw-40), micro)
	c.textRight(x2, y, num, micro.in(ink))
	if i := b.pageOf("index"); i != 0 && i != c.page() {
		x := x2 - nw - 16 - w
		c.text(x, y, back, micro.in(accent))
		c.goTo(x, y-8, w, 11, i, 0)
	}
}

// pageNumber is what is printed in the foot of a page.
func (b *book) pageNumber(page int) string {
	num := b.t("page_of", "page", strconv.Itoa(page), "pages", strconv.Itoa(b.total))
	if b.whole() {
		return num
	}
	return joinDot(b.label(), num)
}

// draftMark writes 草稿 across the page.
func (b *book) draftMark() {
	c := b.c
	word := b.t("draft.mark")
	st := style{120, 120, true, grey}
	c.text(0, 0, "", st)
	c.pdf.RawWriteStr("q")
	c.pdf.SetAlpha(0.2, "Normal")
	c.pdf.TransformBegin()
	c.pdf.TransformRotate(45, c.w/2, c.h/2)
	c.textCenter(c.w/2, c.h/2+42, word, st)
	c.pdf.TransformEnd()
	c.pdf.SetAlpha(1, "Normal")
	c.pdf.RawWriteStr("Q")
}

// bottom is where the type area of the present page ends.
func (b *book) bottom() float64 { return b.c.h - bodyGap }

func (b *book) right() float64 { return b.c.w - marginX }

func (b *book) measure() float64 { return b.c.w - 2*marginX }

// title sets the heading of one of the tool's own parts and returns the y
// below it.
func (b *book) title(s, sub string) float64 {
	y := b.c.para(marginX, bodyTop, b.measure(), s, heading)
	if sub != "" {
		y = b.c.para(marginX, y, b.measure(), sub, quiet)
	}
	b.c.hline(marginX, b.right(), y+6, 1.2, accent)
	return y + 6 + afterRule
}

// afterRule is the space between the rule under a title and the text below; a
// table that begins there takes the rule as its own.
const afterRule = 14.0

// verdict draws the sign of a state and the word for it, in a line of body
// type whose top is y.
func (b *book) verdict(x, y float64, s packager.Severity) {
	st := aside
	st.bold = s == packager.Warn || s == packager.Block
	b.sign(x, y+body.lead/2, s)
	b.c.text(x+14, y+baseline(st), b.t("state."+string(s)), st)
}

// sign: a ring with a tick (met), a solid triangle (attention), a solid square
// with a cross (missing), a ring with a dot (for information).
func (b *book) sign(x, y float64, s packager.Severity) {
	c := b.c
	const r = 4.2
	cx := x + r
	switch s {
	case packager.Block:
		c.fill(x, y-r, 2*r, 2*r, ink)
		c.pdf.SetDrawColor(255, 255, 255)
		c.pdf.SetLineWidth(1.1)
		c.pdf.Line(cx-2, y-2, cx+2, y+2)
		c.pdf.Line(cx-2, y+2, cx+2, y-2)
	case packager.Warn:
		c.poly(ink, true, 0, cx, y-r-0.4, cx+r+0.6, y+r-0.4, cx-r-0.6, y+r-0.4)
		c.fill(cx-0.55, y-1.9, 1.1, 3.1, white)
		c.fill(cx-0.55, y+1.9, 1.1, 1.1, white)
	case packager.Info:
		c.pdf.SetDrawColor(grey.r, grey.g, grey.b)
		c.pdf.SetFillColor(grey.r, grey.g, grey.b)
		c.pdf.SetLineWidth(0.8)
		c.pdf.Circle(cx, y, r-0.4, "D")
		c.pdf.Circle(cx, y, 1, "F")
	default:
		c.pdf.SetDrawColor(accent.r, accent.g, accent.b)
		c.pdf.SetLineWidth(0.9)
		c.pdf.Circle(cx, y, r-0.4, "D")
		c.poly(accent, false, 1.1, cx-1.9, y+0.1, cx-0.5, y+1.6, cx+2.1, y-1.6)
	}
}

// byteSize writes a size for people: 1 MB is 1,000,000 bytes.
func byteSize(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f KB", float64(n)/1e3)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}

func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// itemOf finds the item that holds a file.
func (b *book) itemOf(path string) *packager.Item {
	i := slices.IndexFunc(b.plan.Items, func(it packager.Item) bool { return it.File.Path == path })
	if i < 0 {
		return nil
	}
	return &b.plan.Items[i]
}
