package compose

import (
	"strconv"

	"dossier/packager"
)

// backups is the backup sheet: what was exported, with digests; the content
// stays out.
func (b *book) backups() {
	head := b.t("backup.title")
	b.newPage(false, head)
	y := b.title(head, b.t("backup.note"))
	t := b.table(y, true, head, column{title: b.t("backup.what")}, column{title: b.t("backup.size"), w: 62, right: true},
		column{title: b.t("backup.items"), w: 62, right: true}, column{title: b.t("backup.exported"), w: 66, right: true})
	for _, l := range b.plan.Backups {
		items := "—"
		if l.Items != nil {
			items = strconv.FormatInt(*l.Items, 10)
		}
		day := l.ExportedOn.String()
		if day == "" {
			day = "—"
		}
		t.row(
			b.stack(t.cols[0].w, para{b.in(l.Title), strong, 0}, para{baseName(l.File.Path), small, 0}, para{l.File.SHA256, code, 0}),
			txt(byteSize(l.File.Bytes), body), txt(items, body), txt(day, body))
	}
}

// The room for the visible stamp of the signature, in points.
const stampW, stampH = 260.0, 92.0

// closing is the page with the signature.
func (b *book) closing() {
	head := b.t("closing.title")
	b.newPage(false, head)
	c := b.c
	y := b.title(head, "")
	cs := b.plan.Report.Case
	y = c.para(marginX, y, b.measure(), b.t("closing.statement", "applicant", cs.Applicant.Name, "items", strconv.Itoa(len(b.plan.Items)), "bundle", b.plan.BundleID), body)
	if !b.whole() {
		y = c.para(marginX, y, b.measure(), b.t("closing.volume", "no", strconv.Itoa(b.no), "of", strconv.Itoa(len(b.set))), body)
	}
	y += 14
	if b.plan.Draft {
		c.para(marginX, y, b.measure(), b.t("closing.draft"), strong)
		b.stamp = packager.StampPlace{}
		return
	}
	x := b.right() - stampW
	c.text(marginX, y+baseline(section), b.t("closing.signature"), section)
	c.para(marginX, y+section.lead+6, x-marginX-24, b.t("closing.signature_note"), note)
	c.frame(x, y, stampW, stampH, 0.5, hair)
	b.stamp = packager.StampPlace{Page: c.page(), X: x, Y: c.h - y - stampH, W: stampW, H: stampH}
	y += stampH + 30
	for _, k := range []string{"means", "check", "attached", "seam", "rules"} {
		y = c.para(marginX, y, b.measure(), b.t("closing."+k+"_head"), section) + 2
		y = c.para(marginX, y, b.measure(), b.t("closing."+k, "bundle", b.plan.BundleID, "revision", b.rules().Revision, "digest", b.rules().Digest, "tool", b.plan.Tool), body) + 14
	}
	b.closingTimeline(y)
}

// closingTimeline prints what did not fit on the cover.
func (b *book) closingTimeline(y float64) {
	if len(b.later) == 0 {
		return
	}
	h := section.lead + 6
	for _, e := range b.later {
		h += b.spanHeight(e, true)
	}
	if y+h > b.bottom() {
		b.newPage(false, b.t("closing.title"))
		y = bodyTop
	}
	y = b.c.para(marginX, y, b.measure(), b.t("closing.timeline_head"), section) + 6
	b.spans(y, b.later, true)
}
