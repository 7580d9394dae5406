package audit

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/packager/identity"
)

// BatchName is the name that the workbook of a batch usually has.
const BatchName = "batch.xlsx"

// Failed is the state of a case that could not be judged or finished.
const Failed packager.Severity = "failed"

// batchStates are the states of cases, as columns of the overview.
var batchStates = []packager.Severity{packager.StateOK, packager.Warn, packager.Block, Failed}

// Outcome is how far one case of a batch came.
type Outcome struct {
	Dir    string           // folder of the case
	Report *packager.Report // nil: the case could not be read
	Record *packager.Record // nil: no bundle was made
	Err    string           // what stopped it, in words; "" when nothing or only its gaps did
}

// state is the light of a case.
func (o Outcome) state() packager.Severity {
	if o.Err != "" || o.Report == nil {
		return Failed
	}
	var s []packager.Severity
	for _, f := range o.Report.Findings {
		s = append(s, f.Severity)
	}
	return worst(s...)
}

// platform names the case's platform.
func (o Outcome) platform(lang string) string {
	if o.Report == nil {
		return "—"
	}
	return o.Report.Rules.Name.In(lang)
}

// WriteBatch makes the workbook of a batch at path, whole or not at all: how
// many cases of each platform are in which state, as numbers and as a chart,
// and a row for each case with what keeps it from being complete.
func WriteBatch(path string, day packager.Day, tool string, cases []Outcome, p *i18n.Printer) (packager.File, error) {
	fill := func(w io.Writer) error { return writeBatch(w, path, day, tool, cases, p) }
	if err := writeFile(path, fill); err != nil {
		return packager.File{}, writeFault(path, err)
	}
	f, err := describe(path)
	if err != nil {
		return f, writeFault(path, err)
	}
	return f, nil
}

func writeBatch(w io.Writer, path string, day packager.Day, tool string, cases []Outcome, p *i18n.Printer) error {
	title := p.Text("audit.batch.title", packager.Args{"day": day.String()})
	b, err := newBook(p, identity.MaskIDs, title, filepath.Dir(path))
	if err != nil {
		return err
	}
	defer b.f.Close()
	if err := b.reserve("overview", "cases"); err != nil {
		return err
	}
	if err := b.properties(title, "", "", tool, day.Time()); err != nil {
		return err
	}
	batch := &batchView{b, day, cases, filepath.Dir(path)}
	if err := batch.overview(title); err != nil {
		return err
	}
	if err := batch.table(); err != nil {
		return err
	}
	return b.save(w, filepath.Dir(path))
}

type batchView struct {
	*book
	day   packager.Day
	cases []Outcome
	dir   string // that the workbook stands in
}

func (v *batchView) word(s packager.Severity) string {
	return v.p.Text("audit.state."+string(s), nil)
}

// table has a row for each case.
func (v *batchView) table() error {
	return v.book.table(table{
		id: "cases", tab: packager.Info, freeze: 3,
		columns: []column{
			{id: "no"}, {id: "state", width: 13}, {id: "case", widest: 34}, {id: "platform", widest: 26}, {id: "account", widest: 28}, {id: "applicant", widest: 34},
			{id: "blockers"}, {id: "warnings"}, {id: "first_gap", widest: 60}, {id: "bundle", widest: 26}, {id: "file_pages"}, {id: "latest", width: 13}, {id: "folder", widest: 50},
		},
		rows: func(emit func([]cell) error) error {
			for i, o := range v.cases {
				if err := emit(v.row(i+1, o)); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

func (v *batchView) row(no int, o Outcome) []cell {
	state := o.state()
	name, account, applicant, gap := filepath.Base(o.Dir), "", "", o.Err
	blockers, warnings := cell{kind: kindCount, empty: true}, cell{kind: kindCount, empty: true}
	latest := cell{kind: kindDay, empty: true}
	if r := o.Report; r != nil {
		name, account, applicant = r.Case.ID, r.Case.Account.Name+"　"+r.Case.Account.ID, r.Case.Applicant.Name
		n := map[packager.Severity]int{}
		for _, f := range r.Findings {
			n[f.Severity]++
			if message, _ := v.p.Finding(f); gap == "" && f.Severity == packager.Block {
				gap = message
			}
		}
		blockers, warnings = count(n[packager.Block]), count(n[packager.Warn])
		latest = day(lastDay(r.Rules.Timeline))
	}
	bundle, pages := cell{}, cell{kind: kindCount, empty: true}
	if r := o.Record; r != nil {
		all := 0
		for _, volume := range r.Volumes() {
			all += volume.Pages
		}
		bundle, pages = v.toFile(mono(r.Plan.BundleID), r.Path), count(all)
	}
	return []cell{
		count(no), {kind: kindState, text: v.word(state), state: state}, text(name), text(o.platform(v.p.Lang)), text(account), text(applicant),
		blockers, warnings, text(gap), bundle, pages, latest, v.toFile(text(v.folder(o.Dir)), o.Dir),
	}
}

func lastDay(spans []packager.TimelineEntry) packager.Day {
	var last packager.Day
	for _, e := range spans {
		if !e.Latest.IsZero() && (last.IsZero() || e.Latest.After(last)) {
			last = e.Latest
		}
	}
	return last
}

// folder is a case's folder as seen from the workbook.
func (v *batchView) folder(dir string) string {
	if rel, err := filepath.Rel(v.dir, dir); err == nil {
		return rel
	}
	return dir
}

func (v *batchView) toFile(c cell, path string) cell {
	rel, err := filepath.Rel(v.dir, path)
	if err != nil {
		return c
	}
	return c.toFile(reference(filepath.ToSlash(rel)))
}

// Layout of the overview: its heads stand in this row, platforms below.
const overviewHead = 4

// overview counts the states of each platform with formulas over the table of
// cases, and draws them as bars.
func (v *batchView) overview(title string) error {
	platforms := v.platforms()
	name := v.names["overview"]
	last := overviewHead + len(platforms) + 1
	if err := v.setUp(name, v.overall(), fmt.Sprintf("A1:H%d", last), 1, 1); err != nil {
		return err
	}
	sw, err := v.f.NewStreamWriter(name)
	if err != nil {
		return err
	}
	s := &sheet{book: v.book, sw: sw, name: name}
	for i, w := range []float64{2, 34, 14, 14, 14, 14, 14, 2} {
		if err := sw.SetColWidth(i+1, i+1, w); err != nil {
			return err
		}
		s.columns = append(s.columns, column{width: w})
	}
	if err := v.overviewRows(s, title, platforms); err != nil {
		return err
	}
	if err := v.chart(platforms); err != nil {
		return err
	}
	return sw.Flush()
}

func (v *batchView) platforms() []string {
	var names []string
	for _, o := range v.cases {
		names = appendNew(names, o.platform(v.p.Lang))
	}
	slices.Sort(names)
	return names
}

func (v *batchView) overall() packager.Severity {
	var s []packager.Severity
	for _, o := range v.cases {
		if s = append(s, o.state()); o.state() == Failed {
			return packager.Block
		}
	}
	return worst(s...)
}

func (v *batchView) overviewRows(s *sheet, title string, platforms []string) error {
	band := cell{kind: kindFrozen}
	if err := s.writeAt(1, []cell{band, {kind: kindTitle, text: title}, band, band, band, band, band, band}, 40); err != nil {
		return err
	}
	if err := s.writeAt(1, nil, 10); err != nil {
		return err
	}
	note := cell{kind: kindNote}
	if err := s.writeAt(2, []cell{{kind: kindNote, text: v.p.Text("audit.batch.note", nil)}, note, note, note, note, note}, 22); err != nil {
		return err
	}
	if err := s.sw.MergeCell(fmt.Sprintf("B%d", s.row), fmt.Sprintf("G%d", s.row)); err != nil {
		return err
	}
	heads := []cell{{kind: kindHead, text: v.p.Text("audit.col.platform", nil)}}
	for _, state := range batchStates {
		heads = append(heads, cell{kind: kindHead, text: v.word(state)})
	}
	heads = append(heads, cell{kind: kindHead, text: v.p.Text("audit.batch.all", nil)})
	if err := s.writeAt(2, heads, 26); err != nil {
		return err
	}
	for _, platform := range platforms {
		if err := s.writeAt(2, v.counts(s.row+1, platform), 24); err != nil {
			return err
		}
	}
	return s.writeAt(2, v.totals(len(platforms)), 24)
}

// counts is the row of one platform.
func (v *batchView) counts(row int, platform string) []cell {
	n := map[packager.Severity]int{}
	for _, o := range v.cases {
		if o.platform(v.p.Lang) == platform {
			n[o.state()]++
		}
	}
	last := len(v.cases) + 1
	column := func(c string) string { return v.place("cases", fmt.Sprintf("$%[1]s$2:$%[1]s$%[2]d", c, last)) }
	cells, all := []cell{text(platform)}, 0
	for i, state := range batchStates {
		c := count(n[state])
		c.formula = fmt.Sprintf("COUNTIFS(%s,$B%d,%s,%s$%d)", column("D"), row, column("B"), string(rune('C'+i)), overviewHead)
		if n[state] > 0 {
			c.state = state
		}
		cells = append(cells, c)
		all += n[state]
	}
	sum := count(all)
	sum.formula = fmt.Sprintf("SUM(C%[1]d:F%[1]d)", row)
	return append(cells, sum)
}

// totals is the row below all platforms.
func (v *batchView) totals(platforms int) []cell {
	n := map[packager.Severity]int{}
	for _, o := range v.cases {
		n[o.state()]++
	}
	cells := []cell{label(v.p.Text("audit.batch.all", nil))}
	for i := range len(batchStates) + 1 {
		value := len(v.cases)
		if i < len(batchStates) {
			value = n[batchStates[i]]
		}
		c := count(value)
		c.formula = fmt.Sprintf("SUM(%[1]c%[2]d:%[1]c%[3]d)", 'C'+i, overviewHead+1, overviewHead+platforms)
		cells = append(cells, c)
	}
	return cells
}

// chart draws a bar for each platform, made of the states of its cases.
func (v *batchView) chart(platforms []string) error {
	if len(platforms) == 0 {
		return nil
	}
	first, last := overviewHead+1, overviewHead+len(platforms)
	gap, overlap := uint(60), 100
	axis := excelize.Font{Family: fontName, Size: 10, Color: ink}
	chart := &excelize.Chart{
		Type: excelize.BarStacked, GapWidth: &gap, Overlap: &overlap,
		Dimension: excelize.ChartDimension{Width: 760, Height: uint(150 + 46*len(platforms))},
		Legend:    excelize.ChartLegend{Position: "bottom"},
		Title:     excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: v.p.Text("audit.batch.chart", nil)}}},
		XAxis:     excelize.ChartAxis{ReverseOrder: true, Font: axis},
		YAxis:     excelize.ChartAxis{MajorGridLines: true, MajorUnit: unit(len(v.cases)), Font: axis},
		Format:    excelize.GraphicOptions{Positioning: "oneCell"},
	}
	for i, state := range batchStates {
		column := string(rune('C' + i))
		chart.Series = append(chart.Series, excelize.ChartSeries{
			Name:       v.place("overview", fmt.Sprintf("$%s$%d", column, overviewHead)),
			Categories: v.place("overview", fmt.Sprintf("$B$%d:$B$%d", first, last)),
			Values:     v.place("overview", fmt.Sprintf("$%[1]s$%[2]d:$%[1]s$%[3]d", column, first, last)),
			Fill:       fill(paletteOf(state).bar),
		})
	}
	if err := v.f.AddChart(v.names["overview"], fmt.Sprintf("B%d", last+3), chart); err != nil {
		return err
	}
	v.tidyCharts()
	return nil
}

// misplaced are elements that excelize writes into bars at places where the
// schema has none (ECMA-376 part 1 §21.2.2.16 and §21.2.2.170). Both say no,
// which is what their absence says.
var misplaced = regexp.MustCompile(`<(invertIfNegative|smooth) val="0"></(invertIfNegative|smooth)>`)

func (v *batchView) tidyCharts() {
	v.f.Pkg.Range(func(name, part any) bool {
		if text, ok := part.([]byte); ok && strings.HasPrefix(name.(string), "xl/charts/") {
			v.f.Pkg.Store(name, misplaced.ReplaceAll(text, nil))
		}
		return true
	})
}

// unit keeps the marks of an axis whole and few.
func unit(cases int) float64 { return float64(max(1, (cases+9)/10)) }
