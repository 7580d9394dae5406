package compose

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
)

// cover answers, on one page: who asks, for which account, what is asked, when
// things happen, and what the signature is worth.
func (b *book) cover() {
	c, rs, cs := b.c, b.rules(), b.plan.Report.Case
	b.addPage(a4Short, a4Long)
	c.fill(0, 0, c.w, 6, accent)
	x := marginX
	kind := b.t("cover.kind")
	if b.plan.Draft {
		kind = b.t("cover.kind_draft")
	}
	kind = joinDot(kind, b.label())
	c.text(x, 62, kind, label.in(accent))
	c.textRight(b.right(), 62, b.plan.BundleID, label)
	y := c.para(x, 84, b.measure(), b.in(rs.Name), display)
	y = c.para(x, y, b.measure(), b.in(rs.Application), style{18, 28, false, ink})
	c.hline(x, b.right(), y+10, 1.2, accent)
	y += 26

	rows := [][2]string{
		{"cover.to", rs.Operator},
		{"cover.account", b.bracketed(cs.Account.Name, cs.Account.ID)},
		{"cover.account_type", b.in(rs.AccountType)},
		{"cover.applicant", cs.Applicant.Name},
		{"cover.uscc", cs.Applicant.USCC},
		{"cover.legal_rep", cs.Applicant.LegalRepresentative.Name},
	}
	if cs.Agent != nil {
		rows = append(rows, [2]string{"cover.agent", b.bracketed(cs.Agent.Name, cs.Agent.Phone)})
	}
	if cs.Employee != nil {
		rows = append(rows, [2]string{"cover.employee", cs.Employee.Name})
	}
	if cs.Holder != nil {
		rows = append(rows, [2]string{"cover.holder", cs.Holder.Name})
	}
	if r := b.plan.Revision; r != nil {
		rows = append(rows, [2]string{"cover.replaces", b.bracketed(r.Bundle, b.date(r.Day))})
	}
	rows = append(rows,
		[2]string{"cover.reason", cs.Reason},
		[2]string{"cover.day", b.date(rs.Day)},
		[2]string{"cover.content", b.t("cover.content_value", "items", strconv.Itoa(len(b.plan.Items)),
			"backups", strconv.Itoa(len(b.plan.Backups)), "pages", strconv.Itoa(b.allPages()))},
		[2]string{"cover.volume", b.volumeContent()})
	for _, r := range rows {
		if r[1] == "" {
			continue
		}
		c.text(x, y+baseline(body), b.t(r[0]), quiet)
		st := body
		if r[0] == "cover.applicant" || r[0] == "cover.account" {
			st = strong
		}
		y = c.para(x+coverColumn, y, b.measure()-coverColumn, r[1], st) + 3
	}
	y = b.coverVerdict(y)

	foot := b.coverFoot()
	if b.no == 1 {
		b.timeline(y+14, foot-16)
	}
}

// volumeContent says what of the bundle is in this volume.
func (b *book) volumeContent() string {
	if b.whole() || len(b.items) == 0 {
		return ""
	}
	return b.t("cover.volume_value", "no", strconv.Itoa(b.no), "of", strconv.Itoa(len(b.set)), "pages", strconv.Itoa(b.total),
		"from", strconv.Itoa(b.items[0].No), "to", strconv.Itoa(b.items[len(b.items)-1].No))
}

// coverColumn is where the values on the cover begin, right of the margin.
const coverColumn = 132.0

// coverVerdict says in one line whether everything is here.
func (b *book) coverVerdict(y float64) float64 {
	total, n := b.count()
	worst := packager.StateOK
	key := "cover.verdict_ok"
	switch {
	case n[packager.Block]+n[packager.Warn]+b.accepted() == 0 && n[packager.Info] > 0:
		key = "cover.verdict_info"
	case n[packager.Block] > 0:
		worst, key = packager.Block, "cover.verdict_block"
	case b.accepted() > 0:
		worst, key = packager.Warn, "cover.verdict_accepted"
	case n[packager.Warn] > 0:
		worst, key = packager.Warn, "cover.verdict_warn"
	}
	x := marginX + coverColumn
	b.c.text(marginX, y+baseline(body), b.t("cover.verdict"), quiet)
	b.sign(x, y+body.lead/2, worst)
	end := b.c.text(x+14, y+baseline(body), b.t(key, "total", strconv.Itoa(total), "ok", strconv.Itoa(n[packager.StateOK]), "n", strconv.Itoa(b.accepted()),
		"info", strconv.Itoa(n[packager.Info]), "warn", strconv.Itoa(n[packager.Warn]), "block", strconv.Itoa(n[packager.Block])), strong)
	see := b.t("cover.verdict_see", "at", b.at("review", true))
	if b.pageOf("review") == 0 {
		b.c.text(end+10, y+baseline(body), see, body)
		return y + body.lead
	}
	b.c.text(end+10, y+baseline(body), see, body.in(accent))
	b.c.goTo(end+10, y, b.c.width(see, body), body.lead, b.pageOf("review"), 0)
	return y + body.lead
}

// count counts the requirements by state.
func (b *book) count() (total int, by map[packager.Severity]int) {
	by = map[packager.Severity]int{}
	for _, q := range b.plan.Report.Requirements {
		by[state(q)]++
	}
	return len(b.plan.Report.Requirements), by
}

// date writes a day as a sentence has it.
func (b *book) date(d packager.Day) string {
	if b.say.Lang == "zh" {
		return d.Chinese()
	}
	return d.String()
}

func (b *book) bracketed(s, in string) string {
	switch {
	case in == "":
		return s
	case s == "":
		return in
	}
	return b.t("bracketed", "what", s, "in", in)
}

func joinDot(parts ...string) string {
	parts = slices.DeleteFunc(slices.Clone(parts), func(s string) bool { return s == "" })
	return strings.Join(parts, " · ")
}

// coverFoot draws, up from the lower edge, the rule pack and its doubts and
// what the signature proves; it returns where that begins.
func (b *book) coverFoot() float64 {
	c, rs := b.c, b.rules()
	c.textRight(b.right(), c.h-footGap, b.pageNumber(c.page()), micro.in(ink))
	digest := rs.Digest
	if len(digest) > 16 {
		digest = digest[:16]
	}
	c.text(marginX, c.h-footGap, c.fit(b.t("cover.rules", "platform", rs.Platform, "revision", rs.Revision, "digest", digest, "tool", b.plan.Tool), micro, b.measure()-80), micro)
	c.hline(marginX, b.right(), c.h-footGap-12, 0.5, hair)

	col := (b.measure() - 24) / 2
	inner := col - 24
	yes, no := b.t("cover.proves"), b.t("cover.proves_not")
	doubt := b.doubtText()
	h := 24 + label.lead + 4 + max(c.paraHeight(yes, small, inner), c.paraHeight(no, small, inner))
	hd := 0.0
	if doubt != "" {
		hd = 20 + label.lead + 4 + c.paraHeight(doubt, small, b.measure()-24)
	}
	y := c.h - footGap - 26 - h - hd
	if hd > 0 {
		y -= 12
	}
	top := y
	c.fill(marginX, y, b.measure(), h, tint)
	for i, s := range []struct{ head, text string }{{b.t("cover.proves_head"), yes}, {b.t("cover.proves_not_head"), no}} {
		x := marginX + float64(i)*(col+24) + 12
		c.text(x, y+12+baseline(label), s.head, label.in(accent))
		c.para(x, y+12+label.lead+4, inner, s.text, small)
	}
	if hd > 0 {
		y += h + 12
		c.frame(marginX, y, b.measure(), hd, 0.5, grey)
		c.text(marginX+12, y+10+baseline(label), b.t("cover.unverified_head"), label.in(ink))
		c.para(marginX+12, y+10+label.lead+4, b.measure()-24, doubt, small)
	}
	return top
}

// doubtText says how sure the rules are that the case was judged by.
func (b *book) doubtText() string {
	rs := b.rules()
	weak := map[string]bool{}
	for _, q := range b.plan.Report.Requirements {
		for _, r := range q.Rules {
			if r.Confidence != "A" {
				weak[r.ID] = true
			}
		}
	}
	var parts []string
	if rs.Unconfirmed {
		parts = append(parts, b.t("cover.unconfirmed"))
	}
	if len(weak) > 0 {
		parts = append(parts, b.t("cover.weak_rules", "count", strconv.Itoa(len(weak))))
	}
	if len(rs.Doubts) > 0 {
		parts = append(parts, b.t("cover.doubts", "count", strconv.Itoa(len(rs.Doubts))))
	}
	return strings.Join(parts, "")
}

// timeline prints the spans of the way ahead between y and limit: with their
// notes if there is room, else without. What still does not fit is left for
// the signature page.
func (b *book) timeline(y, limit float64) float64 {
	c, list := b.c, slices.Clone(b.rules().Timeline)
	slices.SortStableFunc(list, func(x, y packager.TimelineEntry) int { return cmp.Compare(ends(x).String(), ends(y).String()) })
	b.later = nil
	if len(list) == 0 {
		return y
	}
	if y+section.lead+6+2*small.lead > limit {
		b.later = list
		return y
	}
	y = c.para(marginX, y, b.measure(), b.t("cover.timeline"), section) + 6
	sum := func(list []packager.TimelineEntry, notes bool) (h float64) {
		for _, e := range list {
			h += b.spanHeight(e, notes)
		}
		return h
	}
	notes := y+sum(list, true) <= limit
	n := len(list)
	if !notes {
		for n > 0 && y+sum(list[:n], false) > limit-note.lead {
			n--
		}
		if y+sum(list, false) <= limit {
			n = len(list)
		}
	}
	y = b.spans(y, list[:n], notes)
	if n < len(list) {
		b.later = list[n:]
		c.text(marginX+coverColumn, y+baseline(note), b.t("cover.timeline_more", "count", strconv.Itoa(len(b.later)), "at", b.at("signature", true)), note)
		y += note.lead
	}
	return y
}

// ends is the day by which a span is put in order: its earliest end.
func ends(e packager.TimelineEntry) packager.Day {
	if e.Earliest.IsZero() {
		return e.From
	}
	return e.Earliest
}

func (b *book) spanHeight(e packager.TimelineEntry, notes bool) float64 {
	w := b.measure() - coverColumn
	h := b.c.paraHeight(b.in(e.Title), small, w) + 5
	if n := b.in(e.Note); notes && n != "" {
		h += b.c.paraHeight(n, note, w)
	}
	return h
}

// spans draws the spans as a line with a knot for each: a solid one where
// something must be done or must not.
func (b *book) spans(y float64, list []packager.TimelineEntry, notes bool) float64 {
	c := b.c
	x := marginX + coverColumn
	dx := x - 10
	var prev float64
	for i, e := range list {
		mid := y + small.lead/2
		if i > 0 {
			c.vline(dx, prev+3.4, mid-3.4, 0.6, hair)
		}
		prev = mid
		c.pdf.SetDrawColor(accent.r, accent.g, accent.b)
		c.pdf.SetFillColor(accent.r, accent.g, accent.b)
		c.pdf.SetLineWidth(0.8)
		if e.Kind == "deadline" || e.Kind == "withdraw_by" || e.Kind == "must_not" {
			c.pdf.Circle(dx, mid, 2.6, "F")
		} else {
			c.pdf.Circle(dx, mid, 2.3, "D")
		}
		c.text(marginX, y+baseline(small), b.dates(e), small)
		w := b.measure() - coverColumn
		end := c.para(x, y, w, b.in(e.Title), small)
		if n := b.in(e.Note); notes && n != "" {
			c.para(x, end, w, n, note)
		}
		y += b.spanHeight(e, notes)
	}
	return y
}

// dates writes the end of a span, the earliest and the latest where they
// differ.
func (b *book) dates(e packager.TimelineEntry) string {
	s := ends(e).String()
	switch {
	case e.Earliest.IsZero():
	case e.Latest.IsZero():
		s = b.t("date.from", "day", s)
	case e.Latest != e.Earliest:
		s += " – " + e.Latest.String()
	}
	if e.Approximate {
		s = b.t("date.about", "day", s)
	}
	return s
}

var kindOrder = []packager.Kind{packager.KindMaterial, packager.KindPrecondition, packager.KindDeclaration, packager.KindBackup}

// review is the reviewer's sheet: rule, verdict, page of the proof.
func (b *book) review() {
	head := b.t("review.title")
	b.newPage(false, head)
	reqs := b.plan.Report.Requirements
	total, count := b.count()
	y := b.title(head, b.t("review.summary", "total", strconv.Itoa(total),
		"ok", strconv.Itoa(count[packager.StateOK]), "warn", strconv.Itoa(count[packager.Warn]),
		"block", strconv.Itoa(count[packager.Block]), "info", strconv.Itoa(count[packager.Info])))
	t := b.table(y, true, head, column{title: b.t("review.ids"), w: 46}, column{title: b.t("review.rule")}, column{title: b.t("review.verdict"), w: 54}, column{title: b.t("review.proof"), w: proofWidth})
	for _, k := range kindOrder {
		first := true
		for _, q := range reqs {
			if q.Kind != k {
				continue
			}
			row := b.reviewRow(t, q)
			if first {
				t.group(b.t("kind."+string(k)), t.height(row))
				first = false
			}
			t.row(row...)
		}
	}
	b.acceptedElsewhere(t)
	b.agreement(t.y+26, head)
}

// acceptedElsewhere adds what was let pass about nothing that has a row: a
// blocker never leaves the sheet without the reason.
func (b *book) acceptedElsewhere(t *table) {
	first := true
	for _, f := range b.plan.Report.Findings {
		if f.Accepted == "" || slices.ContainsFunc(b.plan.Report.Requirements, func(q packager.RequirementVerdict) bool {
			return q.ID == f.Requirement && slices.Contains(kindOrder, q.Kind)
		}) {
			continue
		}
		msg, _ := b.say.Finding(f)
		row := []cell{
			{},
			b.stack(t.cols[1].w, para{msg, note.in(ink), 0}, para{b.t("review.accepted", "reason", f.Accepted), note.in(accent), 0}),
			{high: body.lead, draw: func(x, y, _ float64) { b.verdict(x, y, packager.Warn) }},
			txt(f.Code, micro),
		}
		if first {
			t.group(b.t("review.accepted_other"), t.height(row))
			first = false
		}
		t.row(row...)
	}
}

// accepted counts the blockers that the applicant lets pass with a statement.
func (b *book) accepted() (n int) {
	for _, f := range b.plan.Report.Findings {
		if f.Accepted != "" {
			n++
		}
	}
	return n
}

// state is the state that the sheet shows: a requirement about which there is
// nothing to say and that is not met is still not met.
func state(q packager.RequirementVerdict) packager.Severity {
	if q.State == "" {
		if q.Satisfied {
			return packager.StateOK
		}
		return q.Severity
	}
	return q.State
}

func (b *book) reviewRow(t *table, q packager.RequirementVerdict) []cell {
	var rules []para
	for _, r := range q.Rules {
		st := ids
		if len(rules) > 0 {
			st = micro
		}
		rules = append(rules, para{r.ID, st, 0})
	}
	st := state(q)
	what := []para{{b.in(q.Title), body, 0}}
	for _, f := range b.plan.Report.Findings {
		if f.Requirement != q.ID || f.Severity == packager.Info {
			continue
		}
		if f.Code == "PRECONDITION_UNKNOWN" && f.Accepted == "" && !b.plan.Draft { // the proof says so; the rest is for the applicant
			continue
		}
		msg, _ := b.say.Finding(f)
		what = append(what, para{msg, note.in(ink), 0})
		if f.Accepted != "" {
			what = append(what, para{b.t("review.accepted", "reason", f.Accepted), note.in(accent), 0})
		}
	}
	return []cell{
		b.stack(t.cols[0].w, rules...),
		b.stack(t.cols[1].w, what...),
		{high: body.lead, draw: func(x, y, _ float64) { b.verdict(x, y, st) }},
		b.stack(t.cols[3].w, b.proof(q)...),
	}
}

// proof lists where a requirement is shown: the materials with their pages, or
// the applicant's own statement.
func (b *book) proof(q packager.RequirementVerdict) []para {
	var out []para
	for _, path := range q.Materials {
		if it := b.itemOf(path); it != nil {
			name := itemName(it.No)
			out = append(out, b.reference(b.itemReference(it, q), name))
		}
	}
	if q.Kind == packager.KindBackup && slices.ContainsFunc(b.plan.Backups, func(l packager.BackupLine) bool { return l.Requirement == q.ID }) {
		out = append(out, b.reference(b.t("review.backup", "at", b.at("backup", false)), "backup"))
	}
	for i, g := range b.plan.Gaps {
		if g.Requirement.ID == q.ID {
			out = append(out, b.reference(b.t("review.gap", "at", b.at(gapName(i), false)), gapName(i)))
		}
	}
	if len(out) > 0 {
		return out
	}
	if q.Kind == packager.KindPrecondition || q.Kind == packager.KindDeclaration {
		return []para{{b.stated(q), aside.in(grey), 0}}
	}
	return []para{{b.t("review.none"), aside.in(grey), 0}}
}

// itemReference names a material and its pages: with its title, shortened to
// two lines, unless that is the requirement's, which stands beside it.
func (b *book) itemReference(it *packager.Item, q packager.RequirementVerdict) string {
	no, at := strconv.Itoa(it.No), b.at(itemName(it.No), false)
	title := b.in(it.Title)
	if title == b.in(q.Title) {
		return b.t("review.item_same", "no", no, "at", at)
	}
	s := b.t("review.item", "no", no, "title", title, "at", at)
	for w := 2 * proofWidth; w > 0 && len(b.c.lines(s, aside, proofWidth)) > 2; w -= 2 * aside.size {
		s = b.t("review.item", "no", no, "title", b.c.fit(title, aside, w), "at", at)
	}
	return s
}

// proofWidth is the width of the column of proofs on the reviewer's sheet.
const proofWidth = 176.0

// reference is a line that leads to a part, if that is in this volume.
func (b *book) reference(s, name string) para {
	page := b.pageOf(name)
	if page == 0 {
		return para{s, aside, 0}
	}
	return para{s, aside.in(accent), page}
}

// stated says what the case states about the facts of a requirement.
func (b *book) stated(q packager.RequirementVerdict) string {
	day := packager.Day{}
	any := false
	for _, id := range q.Facts {
		if f, ok := b.plan.Report.Case.Facts[id]; ok {
			any = true
			if !f.On.IsZero() {
				day = f.On
			}
		}
	}
	switch {
	case !any && q.Outcome == packager.Unknown:
		return b.t("review.not_stated")
	case !day.IsZero():
		return b.t("review.stated_on", "day", day.String())
	}
	return b.t("review.stated")
}

// agreement is the cross-document table.
func (b *book) agreement(y float64, pageTitle string) {
	rows := b.plan.Report.Agreement
	if len(rows) == 0 {
		return
	}
	c := b.c
	cols := []column{{title: b.t("agreement.field"), w: 70}, {title: b.t("agreement.stated"), w: 138}, {title: b.t("agreement.read")}}
	cells := func(t *table, a packager.Agreement) []cell {
		return []cell{txt(b.t("field."+a.Field), aside.in(grey)), txt(a.Stated, body), b.readings(t.cols[2].w, a)}
	}
	// The heading stays with the head of the table and its first row.
	first := b.columns(cols...)
	said := b.t("agreement.note")
	if papers := b.unread(); papers != "" {
		said += b.t("agreement.unread", "papers", papers)
	}
	if y+section.lead+2+c.paraHeight(said, note, b.measure())+8+first.headHeight()+first.height(cells(first, rows[0])) > b.bottom() {
		b.newPage(false, pageTitle)
		c, y = b.c, bodyTop
	}
	c.text(marginX, y+baseline(section), b.t("agreement.title"), section)
	y = c.para(marginX, y+section.lead+2, b.measure(), said, note) + 8
	t := b.table(y, false, pageTitle, cols...)
	for _, a := range rows {
		t.row(cells(t, a)...)
	}
}

// unread names the materials that no machine has read, by their numbers.
func (b *book) unread() string {
	var names []string
	for _, it := range b.plan.Items {
		if slices.Contains(b.plan.Report.Unread, it.File.Path) {
			names = append(names, strconv.Itoa(it.No))
		}
	}
	return strings.Join(names, b.t("agreement.unread_and"))
}

// readings is the cell with each paper's version of a particular, a line each.
func (b *book) readings(w float64, a packager.Agreement) cell {
	if len(a.Read) == 0 {
		return txt(b.t("agreement.nothing"), aside.in(grey))
	}
	type line struct {
		lines []string
		page  int
		state packager.Severity
	}
	var ls []line
	high := 0.0
	for _, r := range a.Read {
		l := line{state: r.State}
		what, where := baseName(r.Material), ""
		if it := b.itemOf(r.Material); it != nil {
			l.page = b.pageOf(itemName(it.No))
			what = b.t("item.header", "no", strconv.Itoa(it.No), "title", b.in(it.Title))
			where = b.at(itemName(it.No), true)
		}
		key := map[packager.Severity]string{packager.StateOK: "agreement.same", packager.Warn: "agreement.differs", packager.Info: "agreement.unsure"}[r.State]
		by := make([]string, len(r.By))
		for i, s := range r.By {
			by[i] = b.t("by." + s)
		}
		tail := b.t(key, "at", where, "by", strings.Join(by, b.t("agreement.and")), "value", r.Value)
		// What does not fit a line goes without the brackets of its title, and
		// then with as much of the title as leaves room for two lines.
		if l.lines = b.c.lines(what+tail, aside, w-15); len(l.lines) > 1 {
			bare, _, _ := strings.Cut(strings.ReplaceAll(what, " (", "（"), "（")
			l.lines = b.c.lines(bare+tail, aside, w-15)
		}
		if len(l.lines) > 2 {
			what = b.c.fit(what, aside, max(w-15-b.c.width(tail, aside), 90))
			l.lines = b.c.lines(what+tail, aside, w-15)
		}
		high += float64(len(l.lines)) * aside.lead
		ls = append(ls, l)
	}
	return cell{high: high, draw: func(x, y, w float64) {
		for _, l := range ls {
			b.sign(x, y+aside.lead/2, l.state)
			top := y
			for _, s := range l.lines {
				b.c.text(x+15, y+baseline(aside), s, aside)
				y += aside.lead
			}
			if l.page > 0 {
				b.c.goTo(x, top, w, y-top, l.page, 0)
			}
		}
	}}
}

// changes says what is different from the bundle that this one replaces.
func (b *book) changes() {
	r := b.plan.Revision
	head := b.t("changes.title")
	b.newPage(false, head)
	y := b.title(head, b.t("changes.replaces", "bundle", r.Bundle, "day", b.date(r.Day)))
	y = b.c.para(marginX, y, b.measure(), b.t("changes.reason"), section) + 2
	y = b.c.para(marginX, y, b.measure(), r.Reason, body) + 18
	if len(r.Changes) == 0 {
		b.c.para(marginX, y, b.measure(), b.t("changes.none"), body)
		return
	}
	t := b.table(y, false, head, column{title: b.t("index.no"), w: 30}, column{title: b.t("index.name")},
		column{title: b.t("changes.what"), w: 64}, column{title: b.t("index.pages"), w: b.pagesWidth(), right: true})
	for _, ch := range r.Changes {
		var digests []para
		if ch.Before != "" {
			digests = append(digests, para{b.t("changes.before", "sha256", ch.Before), code, 0})
		}
		if ch.After != "" {
			digests = append(digests, para{b.t("changes.after", "sha256", ch.After), code, 0})
		}
		pages := cell{}
		if s, _ := b.find(itemName(ch.Item)); s.from > 0 {
			pages = b.pagesCell(itemName(ch.Item), strong)
		}
		t.row(txt(strconv.Itoa(ch.Item), strong), b.stack(t.cols[1].w, append([]para{{b.in(ch.Title), body, 0}}, digests...)...),
			txt(b.t("changes."+ch.What), strong), pages)
	}
}

// changed is the mark of an item that the replaced bundle did not have so.
func (b *book) changed(no int) string {
	if b.plan.Revision == nil {
		return ""
	}
	for _, ch := range b.plan.Revision.Changes {
		if ch.Item == no && ch.What != "removed" {
			return b.t("changes.mark_" + ch.What)
		}
	}
	return ""
}

// index lists every part with its pages.
func (b *book) index() {
	head := b.t("index.title")
	b.newPage(false, head)
	y := b.title(head, b.t("index.note"))
	t := b.table(y, true, head, column{title: b.t("index.no"), w: 30}, column{title: b.t("index.name")},
		column{title: b.t("index.kind"), w: 74}, column{title: b.t("index.size"), w: 58, right: true}, column{title: b.t("index.pages"), w: b.pagesWidth(), right: true})
	own := func(name, title string) {
		t.row(cell{}, cell{text: title, st: body, page: b.pageOf(name)}, cell{}, cell{}, b.pagesCell(name, body))
	}
	own("review", b.t("review.title"))
	if b.plan.Revision != nil {
		own("changes", b.t("changes.title"))
	}
	part := ""
	for _, it := range b.plan.Items {
		row := b.indexRow(t, it)
		if it.Part != part {
			part = it.Part
			t.group(b.t("part."+part), t.height(row))
		}
		t.row(row...)
	}
	if len(b.plan.Gaps) > 0 {
		t.group(b.t("part.missing"), 30)
		for i, g := range b.plan.Gaps {
			own(gapName(i), b.in(g.Requirement.Title))
		}
	}
	t.group(b.t("part.end"), 30)
	if len(b.plan.Backups) > 0 {
		own("backup", b.t("backup.title"))
	}
	own("signature", b.t("closing.title"))
}

func (b *book) indexRow(t *table, it packager.Item) []cell {
	name := itemName(it.No)
	p := b.pageOf(name)
	return []cell{
		txt(strconv.Itoa(it.No), strong),
		b.stack(t.cols[1].w, para{b.in(it.Title) + b.changed(it.No), strong, p}, para{unless(baseName(it.File.Path), b.in(it.Title)), micro, p}),
		txt(b.formText(it), aside.in(grey)),
		{text: byteSize(it.File.Bytes), st: aside.in(grey)},
		b.pagesCell(name, strong),
	}
}

// pagesCell leads to a part, if that is in this volume.
func (b *book) pagesCell(name string, st style) cell {
	p := b.pageOf(name)
	if p > 0 {
		st = st.in(accent)
	}
	return cell{text: b.pages(name), st: st, page: p}
}

// pagesWidth is the width of a column of pages.
func (b *book) pagesWidth() float64 {
	if b.whole() {
		return 52
	}
	return 84
}

// unless returns s, or nothing where it only repeats other.
func unless(s, other string) string {
	if s == other {
		return ""
	}
	return s
}

// formText says what a material is: "PDF，3 页", "照片".
func (b *book) formText(it packager.Item) string {
	a := b.shown(it.No)
	switch {
	case a.attached != "":
		return b.t("form.attached")
	case a.pdf:
		return b.t("form.pdf", "pages", strconv.Itoa(len(a.leaves)))
	case len(a.leaves) > 1:
		return b.t("form.pictures", "pages", strconv.Itoa(len(a.leaves)))
	}
	return b.t("form.picture", "format", strings.ToUpper(strings.TrimPrefix(it.File.Media, "image/")))
}
