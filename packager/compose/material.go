package compose

import (
	"strconv"
	"strings"

	"dossier/packager"
)

// pixelsPerInch is the coarsest print of a picture: one with few pixels stays
// small on the page instead of being blown up.
const pixelsPerInch = 150

// material prints one material: each of its pages upright on a page of its
// own, the first under the heading with its number.
func (b *book) material(it *packager.Item) {
	s := b.assets.of(it.No)
	if len(s.leaves) == 0 {
		b.replaced(it, s)
		return
	}
	for i := range s.leaves {
		b.leaf(it, s, i)
	}
}

func (b *book) leaf(it *packager.Item, s *shown, i int) {
	l := &s.leaves[i]
	var x, y, w, h, scale float64
	landscape := false
	top := [2]float64{b.leafTop(it, s, i, a4Short), b.leafTop(it, s, i, a4Long)}
	area := func(pw, ph, top float64) float64 { return l.scale(pw-2*marginX, ph-bodyGap-top) }
	up, across := area(a4Short, a4Long, top[0]), area(a4Long, a4Short, top[1])
	if across > up*1.12 {
		landscape = true
	}
	b.newPage(landscape, b.leafHeader(it, s, i))
	if i == 0 {
		b.itemHeading(it, s)
	}
	c := b.c
	y = top[0]
	if landscape {
		y = top[1]
	}
	scale = l.scale(b.measure(), b.bottom()-y)
	w, h = l.w*scale, l.h*scale
	x = marginX + (b.measure()-w)/2
	if l.page == nil { // a picture that leaves room stands a little above the middle
		y += (b.bottom() - y - h) * 0.4
	} else {
		y += (b.bottom() - y - h) * 0.5
	}
	m := l.place(x, c.h-y-h, w)
	c.put(l, m)
	place := packager.Placed{Item: it.No, Leaf: i + 1, Page: c.page(), X: x, Y: c.h - y - h, W: w, H: h}
	if l.pic != nil {
		place.Pixels = int(l.w)
	}
	if mark := newWatermark(b.plan, b.say, it, i, len(s.leaves), w, h); mark != nil {
		place.Marked = true
		c.watermark(mark, x, y)
	}
	b.placed = append(b.placed, place)
	c.frame(x, y, w, h, 0.4, hair)
	if l.page != nil {
		b.sourceLinks(it, l.page, m)
	}
}

// scale is the factor that fits the leaf into w × h points without enlarging
// it beyond its resolution.
func (l *leaf) scale(w, h float64) float64 {
	s := min(w/l.w, h/l.h)
	if l.page != nil {
		return min(s, 1)
	}
	return min(s, 72.0/pixelsPerInch)
}

// leafTop is where the area for a leaf begins on a page of width w.
func (b *book) leafTop(it *packager.Item, s *shown, i int, w float64) float64 {
	if i > 0 {
		return bodyTop - 8
	}
	t := bodyTop + float64(len(b.headingLines(it, w)))*heading.lead + micro.lead + 18
	return t + b.originalHeight(it, s, w-2*marginX)
}

func (b *book) leafHeader(it *packager.Item, s *shown, i int) string {
	head := b.t("item.header", "no", strconv.Itoa(it.No), "title", b.in(it.Title)) + b.changed(it.No)
	if len(s.leaves) > 1 {
		head += b.t("item.part", "n", strconv.Itoa(i+1), "of", strconv.Itoa(len(s.leaves)))
	}
	return head
}

// headingLines divides the title of a material into at most two lines on a
// page of width w.
func (b *book) headingLines(it *packager.Item, w float64) []string {
	c := b.c
	width := w - 2*marginX - b.numberWidth(it)
	lines := c.lines(b.in(it.Title)+b.changed(it.No), heading, width)
	if len(lines) > 2 {
		last := []rune(lines[1])
		for len(last) > 0 && c.width(string(last)+"…", heading) > width {
			last = last[:len(last)-1]
		}
		lines = []string{lines[0], string(last) + "…"}
	}
	return lines
}

func (b *book) itemNumber(it *packager.Item) string { return b.t("item.no", "no", strconv.Itoa(it.No)) }

func (b *book) numberWidth(it *packager.Item) float64 {
	return b.c.width(b.itemNumber(it), heading) + 12
}

// itemHeading sets number, title, and what the file is; it returns the y below.
func (b *book) itemHeading(it *packager.Item, s *shown) float64 {
	c := b.c
	y := bodyTop
	c.text(marginX, y+baseline(heading), b.itemNumber(it), heading.in(accent))
	for _, l := range b.headingLines(it, c.w) {
		c.text(marginX+b.numberWidth(it), y+baseline(heading), l, heading)
		y += heading.lead
	}
	y += 2
	facts := []string{baseName(it.File.Path), byteSize(it.File.Bytes), "SHA-256 " + short(it.File.SHA256)}
	if ids := b.ruleIDs(it); len(ids) > 0 {
		facts = append(facts, b.t("item.rules", "rules", strings.Join(ids, " ")))
	}
	if s.dpi > 0 {
		facts = append(facts, b.t("item.resampled", "dpi", strconv.Itoa(s.dpi)))
	}
	c.text(marginX, y+baseline(micro), c.fit(strings.Join(facts, "  ·  "), micro, b.measure()), micro)
	y += micro.lead + 4
	c.hline(marginX, b.right(), y, 0.8, accent)
	return b.original(it, s, y)
}

func short(digest string) string {
	if len(digest) > 16 {
		return digest[:16] + "…"
	}
	return digest
}

// ruleIDs names the rules that an item answers.
func (b *book) ruleIDs(it *packager.Item) []string {
	var ids []string
	seen := map[string]bool{}
	for _, q := range b.plan.Report.Requirements {
		for _, id := range it.Requirements {
			if q.ID != id {
				continue
			}
			for _, r := range q.Rules {
				if !seen[r.ID] {
					seen[r.ID] = true
					ids = append(ids, r.ID)
				}
			}
		}
	}
	return ids
}

// sourceLinks brings the links of a paper's page along.
func (b *book) sourceLinks(it *packager.Item, p *sourcePage, m matrix) {
	for _, l := range p.links {
		at, ok := l.at.and(p.box)
		if !ok {
			continue
		}
		r := at.through(m)
		j := jump{x: r.x0, y: b.c.h - r.y1, w: r.w(), h: r.h(), uri: l.uri}
		if l.to != nil {
			j.page = b.known[itemName(it.No)].from + l.to.page
		}
		b.c.sheet().jumps = append(b.c.sheet().jumps, j)
	}
}

// replaced prints the page that stands for a material that cannot be shown.
func (b *book) replaced(it *packager.Item, s *shown) {
	b.newPage(false, b.leafHeader(it, s, 0))
	c := b.c
	y := b.itemHeading(it, s) + 24
	msg, next := b.whyNot(it, s)
	lines := []para{{msg, strong, 0}}
	if s.attached != "" {
		lines = append(lines, para{b.t("item.attached", "name", s.attached), body, 0})
	} else if next != "" {
		lines = append(lines, para{next, body, 0})
	}
	lines = append(lines,
		para{b.t("item.file", "path", it.File.Path, "media", it.File.Media, "size", byteSize(it.File.Bytes)), note, 0},
		para{"SHA-256 " + it.File.SHA256, code, 0})
	box := b.stack(b.measure()-40, lines...)
	h := box.high + 40
	c.fill(marginX, y, b.measure(), h, tint)
	box.draw(marginX+20, y+20, b.measure()-40)
}

// whyNot says why a material is not shown: in the words of the finding that
// inspect made, where there is one.
func (b *book) whyNot(it *packager.Item, s *shown) (message, next string) {
	for _, f := range b.plan.Report.Findings {
		if f.Material == it.File.Path && f.Code == it.File.Unusable {
			return b.say.Finding(f)
		}
	}
	return b.say.Say(s.why, packager.Args{"path": it.File.Path})
}

// gap prints the page that stands in a draft for a missing paper.
func (b *book) gap(i int) {
	g := b.plan.Gaps[i]
	kind := "gap." + string(g.Requirement.Kind) // a paper is missing, or something else is
	b.newPage(false, b.t("gap.header", "title", b.in(g.Requirement.Title)))
	c := b.c
	y := b.title(b.t(kind), "")
	y = c.para(marginX, y, b.measure(), b.in(g.Requirement.Title), style{18, 27, true, ink}) + 14
	row := func(key, value string) {
		if value == "" {
			return
		}
		c.text(marginX, y+baseline(body), b.t(key), quiet)
		y = c.para(marginX+92, y, b.measure()-92, value, body) + 5
	}
	var ids, next []string
	for _, r := range g.Requirement.Rules {
		ids = append(ids, r.ID)
	}
	for _, f := range g.Findings {
		msg, n := b.say.Finding(f)
		row("gap.what", msg)
		if n != "" {
			next = append(next, n)
		}
	}
	if len(next) == 0 {
		next = []string{b.in(g.Requirement.Next)}
	}
	row("gap.next", strings.Join(next, "\n"))
	row("gap.who", b.responsible(g.Requirement))
	row("gap.by", b.date(b.rules().Day))
	row("gap.rules", strings.Join(ids, "  "))
	if g.Requirement.Kind != packager.KindMaterial {
		c.para(marginX, y+10, b.measure(), b.t("gap.gone"), note)
		return
	}
	y += 10
	h := b.bottom() - y
	c.pdf.SetDashPattern([]float64{4, 4}, 0)
	c.frame(marginX, y, b.measure(), h, 0.8, grey)
	c.pdf.SetDashPattern(nil, 0)
	c.textCenter(c.w/2, y+h/2, b.t("gap.place"), quiet)
}

// responsible names who has to bring a missing paper.
func (b *book) responsible(q packager.RequirementVerdict) string {
	cs := b.plan.Report.Case
	for _, id := range append([]string{q.ID}, q.AnyOf...) {
		switch {
		case strings.HasPrefix(id, "legal_rep"):
			return joinDot(b.t("cover.legal_rep"), cs.Applicant.LegalRepresentative.Name)
		case strings.HasPrefix(id, "agent") && cs.Agent != nil:
			return joinDot(b.t("cover.agent"), cs.Agent.Name)
		case (strings.HasPrefix(id, "employee") || strings.HasPrefix(id, "labour") || strings.HasPrefix(id, "leaving")) && cs.Employee != nil:
			return joinDot(b.t("cover.employee"), cs.Employee.Name)
		case strings.HasPrefix(id, "holder") && cs.Holder != nil:
			return joinDot(b.t("cover.holder"), cs.Holder.Name)
		}
	}
	if cs.Agent != nil {
		return joinDot(cs.Applicant.Name, cs.Agent.Name)
	}
	return cs.Applicant.Name
}
