package audit

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"dossier/packager"
)

// The columns of the summary: a margin, the name of a part or a particular,
// state, number, words, a margin. A value takes the three before the last.
var summaryWidths = []float64{2, 24, 16, 14, 60, 2}

const valueWidth = 16 + 14 + 60

// summary is the first sheet: a light for each part, then what the case is.
func (v *view) summary() error {
	name := v.names["summary"]
	if err := v.setUp(name, v.overall(), "A1:F40", 1, 1); err != nil {
		return err
	}
	sw, err := v.f.NewStreamWriter(name)
	if err != nil {
		return err
	}
	s := &sheet{book: v.book, sw: sw, name: name}
	for i, w := range summaryWidths {
		if err := sw.SetColWidth(i+1, i+1, w); err != nil {
			return err
		}
		s.columns = append(s.columns, column{width: w})
	}
	if err := sw.SetPanes(&excelize.Panes{Freeze: true, YSplit: 2, TopLeftCell: "A3", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	if err := v.summaryRows(s); err != nil {
		return err
	}
	return sw.Flush()
}

func (v *view) summaryRows(s *sheet) error {
	band := cell{kind: kindFrozen}
	title := []cell{band, {kind: kindTitle, text: v.say("title")}, band, band, band, band}
	under := []cell{band, {kind: kindFrozen, text: v.plan.BundleID + "　" + v.report.Rules.Name.In(v.p.Lang) + "　" + v.report.Rules.Application.In(v.p.Lang)}, band, band, band, band}
	if err := s.writeAt(1, title, 38); err != nil {
		return err
	}
	if err := s.writeAt(1, under, 22); err != nil {
		return err
	}
	if err := s.writeAt(1, nil, 10); err != nil {
		return err
	}
	if err := s.band("sum.part", "sum.state", "sum.number", "sum.what"); err != nil {
		return err
	}
	for _, part := range v.parts() {
		if err := s.wide(part); err != nil {
			return err
		}
		if light := part[1]; light.formula != "" {
			if err := s.alarm(s.name, fmt.Sprintf("C%d", s.row), light.text); err != nil {
				return err
			}
		}
	}
	if err := s.writeAt(1, nil, 12); err != nil {
		return err
	}
	if err := s.particulars(v.facts()); err != nil {
		return err
	}
	if err := s.writeAt(1, nil, 8); err != nil {
		return err
	}
	return s.spread(cell{kind: kindNote, text: v.say("note")})
}

// band is the head of a block of the summary.
func (s *sheet) band(keys ...string) error {
	row := make([]cell, len(keys))
	for i, k := range keys {
		row[i] = cell{kind: kindHead, text: s.p.Text("audit."+k, nil)}
	}
	return s.writeAt(2, row, 24)
}

// wide writes a row of the summary from column B on.
func (s *sheet) wide(row []cell) error {
	padded := append([]cell{{kind: kindNote}}, row...)
	return s.writeAt(2, row, max(22, s.heightOf(padded)))
}

// particulars writes names with their values, the value over three columns.
func (s *sheet) particulars(rows [][2]cell) error {
	for _, r := range rows {
		height := max(21, heightOf(s.shown(r[1]), valueWidth))
		if err := s.writeAt(2, []cell{r[0], r[1], {}, {}}, height); err != nil {
			return err
		}
		if err := s.sw.MergeCell(fmt.Sprintf("C%d", s.row), fmt.Sprintf("E%d", s.row)); err != nil {
			return err
		}
	}
	return nil
}

// spread writes one text over the width of the summary.
func (s *sheet) spread(c cell) error {
	if err := s.writeAt(2, []cell{c, {kind: c.kind}, {kind: c.kind}, {kind: c.kind}}, 48); err != nil {
		return err
	}
	return s.sw.MergeCell(fmt.Sprintf("B%d", s.row), fmt.Sprintf("E%d", s.row))
}

// overall is the state of the whole case.
func (v *view) overall() packager.Severity {
	return worst(v.state("requirements"), v.state("findings"), v.state("signature"))
}

// state is that of one part: the worst of what it holds.
func (v *view) state(part string) packager.Severity {
	s := []packager.Severity{packager.StateOK}
	switch part {
	case "requirements":
		for _, r := range v.report.Requirements {
			s = append(s, r.State)
		}
	case "backups":
		for _, r := range v.report.Requirements {
			if r.Kind == packager.KindBackup {
				s = append(s, r.State)
			}
		}
	case "findings", "materials":
		for _, f := range v.report.Findings {
			if part == "findings" || f.Material != "" {
				s = append(s, f.Severity)
			}
		}
	case "agreement":
		for _, a := range v.report.Agreement {
			for _, c := range a.Read {
				s = append(s, c.State)
			}
		}
	case "signature":
		if v.verdict == nil || !v.verdict.OK {
			return packager.Block
		}
	case "stored", "timeline":
		return packager.Info
	}
	return worst(s...)
}

// worst returns the most urgent of some states; information is no worry.
func worst(states ...packager.Severity) packager.Severity {
	out := packager.StateOK
	for _, s := range states {
		if s == packager.Block || s == packager.Warn && out != packager.Block {
			out = s
		}
	}
	return out
}

func (v *view) checks() []packager.VerifyCheck {
	if v.verdict == nil {
		return nil
	}
	return v.verdict.Checks
}

// parts are the rows of the first block: a light for each sheet.
func (v *view) parts() [][]cell {
	met, n := 0, map[packager.Severity]int{}
	for _, r := range v.report.Requirements {
		if r.Satisfied {
			met++
		}
	}
	for _, f := range v.report.Findings {
		n[f.Severity]++
	}
	var bytes int64
	for _, f := range v.report.Files {
		bytes += f.Bytes
	}
	latest := ""
	for _, e := range v.report.Rules.Timeline {
		latest = max(latest, e.Latest.String())
	}
	rows := []struct {
		sheet string
		count int
		args  packager.Args
	}{
		{"requirements", len(v.report.Requirements), packager.Args{"met": strconv.Itoa(met)}},
		{"materials", len(v.report.Files), packager.Args{"mb": fmt.Sprintf("%.1f", float64(bytes)/1e6), "in": strconv.Itoa(len(v.plan.Items))}},
		{"findings", len(v.report.Findings), packager.Args{"block": strconv.Itoa(n[packager.Block]), "warn": strconv.Itoa(n[packager.Warn]), "info": strconv.Itoa(n[packager.Info])}},
		{"agreement", len(v.report.Agreement), nil},
		{"events", v.log.Len(), packager.Args{"head": v.log.Head()[:16]}},
		{"signature", len(v.checks()), packager.Args{"level": v.sb.Signature.Level}},
		{"stored", len(v.stored), nil},
		{"timeline", len(v.report.Rules.Timeline), packager.Args{"latest": latest}},
		{"backups", len(v.plan.Backups), nil},
	}
	out := make([][]cell, len(rows))
	for i, r := range rows {
		light := v.light(v.state(r.sheet))
		if r.sheet == "events" && r.count > 0 {
			light.formula = v.chainFormula(light.text)
		}
		out[i] = []cell{text(v.names[r.sheet]).to(v.place(r.sheet, "A1")), light, count(r.count), text(v.p.Text("audit.part."+r.sheet, r.args))}
	}
	return out
}

// chainFormula is ok when every event of the sheet holds.
func (v *view) chainFormula(ok string) string {
	column := v.place("events", fmt.Sprintf("$%[1]s$2:$%[1]s$%[2]d", eventHolds, v.log.Len()+1))
	return fmt.Sprintf(`IF(COUNTIF(%s,"%s")=%d,"%s","%s")`, column, holds, v.log.Len(), ok, v.say("state.block"))
}

// facts are the rows of the second block: what the case is.
func (v *view) facts() [][2]cell {
	c, r := v.report.Case, v.report.Rules
	rep := c.Applicant.LegalRepresentative
	rows := [][2]cell{
		{label(v.say("fact.platform")), text(r.Name.In(v.p.Lang))},
		{label(v.say("fact.application")), text(strings.TrimSpace(r.Application.In(v.p.Lang) + "　" + r.AccountType.In(v.p.Lang)))},
		{label(v.say("fact.account")), text(strings.TrimSpace(c.Account.Name + "　" + c.Account.ID))},
		{label(v.say("fact.applicant")), text(c.Applicant.Name)},
		{label(v.say("fact.uscc")), mono(c.Applicant.USCC)},
	}
	for _, person := range []struct {
		key string
		who *packager.Person
	}{{"legal_representative", &rep}, {"agent", c.Agent}, {"employee", c.Employee}, {"holder", c.Holder}} {
		if person.who != nil && person.who.Name != "" {
			rows = append(rows, [2]cell{label(v.say("fact." + person.key)), text(strings.TrimSpace(person.who.Name + "　" + person.who.IDNumber))})
		}
	}
	rows = append(rows,
		[2]cell{label(v.say("fact.day")), day(r.Day).atLeft()},
		[2]cell{label(v.say("fact.made")), moment(v.last).atLeft()},
		[2]cell{label(v.say("fact.bundle")), mono(v.plan.BundleID)},
	)
	for _, volume := range v.sb.Volumes() {
		size := packager.Args{"pages": strconv.Itoa(volume.Pages), "bytes": strconv.FormatInt(volume.Bytes, 10)}
		rows = append(rows,
			[2]cell{label(v.say("fact.pages")), text(v.p.Text("audit.pages", size)).toFile(v.pdf(volume))},
			[2]cell{label(v.say("fact.sha256")), mono(volume.SHA256)},
		)
	}
	return append(rows,
		[2]cell{label(v.say("fact.rules")), text(r.Platform + "　" + r.Revision)},
		[2]cell{label(v.say("fact.rules_digest")), mono(r.Digest)},
		[2]cell{label(v.say("fact.head")), mono(v.log.Head())},
		[2]cell{label(v.say("fact.tool")), text("dossier " + v.plan.Tool)},
	)
}
