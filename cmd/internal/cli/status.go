package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/ui"
	"dossier/packager"
	"dossier/packager/pipeline"
	"dossier/packager/timeline"
)

type statusOptions struct {
	filed, ics, out string
}

func (c *command) statusCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status [CASE...]",
		Short: c.ui.Text("help.status"),
		Args:  rangeArgs(0, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := statusFolders(args)
			if err != nil {
				return err
			}
			if o.filed != "" && (len(args) != 1 || len(dirs) != 1) {
				return usage("STATUS_FILED_ONE")
			}
			return c.runStatus(cmd.Context(), dirs, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.filed, "filed", "", c.ui.Text("flag.filed"))
	f.StringVar(&o.ics, "ics", "", c.ui.Text("flag.ics"))
	f.StringVar(&o.out, "out", "", c.ui.Text("flag.out"))
	c.readerFlags(cmd)
	return cmd
}

// statusFolders are the case folders named, or those below the current one.
// A named folder that is no case stands for the cases below it.
func statusFolders(args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var all []string
	for _, dir := range args {
		if isCaseFolder(dir) {
			all = append(all, dir)
			continue
		}
		below, err := caseFolders(dir)
		if err != nil {
			return nil, err
		}
		if len(below) == 0 {
			return nil, &packager.Fault{Class: packager.ClassUsage, Code: "BATCH_NONE", Args: packager.Args{"dir": dir}}
		}
		all = append(all, below...)
	}
	return all, nil
}

// caseStatus is what status knows of one case.
type caseStatus struct {
	dir      string
	kase     *packager.Case
	rules    *packager.RuleSet // resolved for the day of filing
	today    packager.Day
	standing *pipeline.Standing
	report   *packager.Report // of a draft
	blockers int
	letters  []pipeline.LetterStatus // printed, not yet back
	err      error
}

func (s *caseStatus) filed() bool { return !s.standing.Filed.IsZero() }

func (c *command) runStatus(ctx context.Context, dirs []string, o statusOptions) error {
	all := make([]*caseStatus, 0, len(dirs))
	var worst error
	for _, dir := range dirs {
		s, err := c.statusOf(ctx, dir, o)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if len(dirs) == 1 {
				return err
			}
			s = &caseStatus{dir: dir, err: err}
			worst = worse(worst, err)
		}
		all = append(all, s)
	}
	if o.ics != "" {
		if err := c.writeCalendar(all, o.ics); err != nil {
			return err
		}
	}
	switch {
	case o.ics == "-": // stdout is the calendar
	case c.flags.JSON:
		if err := c.ui.Document(map[string]any{"version": 1, "day": dayOfAll(all), "cases": c.statusDocuments(all)}); err != nil {
			return err
		}
	default:
		c.showStatus(all)
		if o.ics != "" {
			c.ui.Line("")
			c.ui.Line("%s %s", c.ui.Mark(packager.StateOK), c.ui.Text("status.ics", "file", o.ics))
		}
	}
	return sayNothing(worst)
}

func dayOfAll(all []*caseStatus) string {
	for _, s := range all {
		if s.err == nil {
			return s.today.String()
		}
	}
	return ""
}

// statusOf reads one case; what is not built yet is checked.
func (c *command) statusOf(ctx context.Context, dir string, o statusOptions) (*caseStatus, error) {
	a, err := c.open(dir)
	if err != nil {
		return nil, err
	}
	order, err := a.Order(dir, o.out, false)
	if err != nil {
		return nil, err
	}
	if a.Config.Progress == "" && !c.ErrTTY {
		a.Config.Progress = ui.ProgressNone // a glance, not a log
	}
	observe, end := c.observe(a.Config)
	defer end()
	p, err := a.Pipeline(observe)
	if err != nil {
		return nil, err
	}
	s := &caseStatus{dir: dir, kase: order.Case, today: order.Day}
	if o.filed != "" {
		if err := c.markFiled(p, order, o.filed); err != nil {
			return nil, err
		}
	}
	if s.standing, err = p.Standing(order.Case, order.Out); err != nil {
		return nil, err
	}
	day := order.Day
	if s.filed() {
		day = s.standing.Filed
	}
	if s.rules, err = a.Rules.For(order.Case, day, a.Calendar); err != nil {
		return nil, err
	}
	if s.standing.Stage != pipeline.StageDraft {
		return s, nil
	}
	s.report, err = p.Check(ctx, order.Case, order.Day)
	if err != nil {
		return nil, err
	}
	for _, f := range s.report.Findings {
		if f.Severity == packager.Block {
			s.blockers++
		}
	}
	for _, l := range pipeline.Letters(s.report) {
		if l.State == pipeline.LetterOut || l.State == pipeline.LetterStale {
			s.letters = append(s.letters, l)
		}
	}
	return s, nil
}

func (c *command) markFiled(p *pipeline.Pipeline, order pipeline.Order, text string) error {
	day, err := packager.ParseDay(text)
	if err != nil {
		return usage("STATUS_FILED_DAY", "value", text)
	}
	if today := packager.DayOf(c.Now()); day.After(today) && day.After(order.Day) {
		return usage("STATUS_FILED_FUTURE", "value", text, "day", order.Day.String())
	}
	return p.MarkFiled(order.Case, day)
}

// state is the state of a case in words.
func (c *command) stateOf(s *caseStatus) string {
	st := s.standing
	n := itoa(st.Number)
	switch st.Stage {
	case pipeline.StageBuilt:
		return c.ui.Text("status.built", "case", s.dir)
	case pipeline.StageStored:
		return c.ui.Text("status.stored", "n", n, "day", st.StoredOn.String())
	case pipeline.StageHandedOff:
		return c.ui.Text("status.handed_off", "n", n, "day", st.HandedOff.String())
	case pipeline.StageFiled:
		return c.ui.Text("status.filed", "day", st.Filed.String())
	}
	if s.blockers > 0 {
		return c.ui.Text("status.incomplete", "n", itoa(s.blockers))
	}
	return c.ui.Text("status.complete", "case", s.dir)
}

func (s *caseStatus) mark() packager.Severity {
	switch {
	case s.standing.Stage == pipeline.StageDraft && s.blockers > 0:
		return packager.Block
	case s.standing.Stage == pipeline.StageBuilt:
		return packager.Warn
	case s.standing.Stage == pipeline.StageDraft:
		return packager.Info
	}
	return packager.StateOK
}

// showStatus writes a block for one case, two lines for each of several.
func (c *command) showStatus(all []*caseStatus) {
	approximate := false
	for i, s := range all {
		if s.err != nil {
			c.ui.Line("%s %s", c.ui.Mark(packager.Block), s.dir)
			c.explain(s.err)
			continue
		}
		if i > 0 {
			c.ui.Line("")
		}
		c.statusHead(s)
		c.statusTimeline(s, len(all) > 1)
		approximate = approximate || timeline.Approximate(s.rules.Timeline)
	}
	if approximate {
		c.ui.Line("")
		c.ui.Line("%s", c.ui.Text("status.approximate"))
	}
}

func (c *command) statusHead(s *caseStatus) {
	lang := c.ui.P.Lang
	c.ui.Line("%s %s  %s", c.ui.Mark(s.mark()), c.ui.Strong(s.dir), c.stateOf(s))
	c.ui.Line("  %s", strings.Join(nonEmpty(s.rules.Name.In(lang), s.rules.Application.In(lang), accountOf(s.kase)), " · "))
	if s.standing.Bundle != "" {
		c.ui.Line("  %s", c.ui.Text("status.bundle", "bundle", s.standing.Bundle))
	}
	for _, l := range s.letters {
		c.ui.Line("  %s %s", c.ui.Mark(packager.Warn), c.ui.Text("status.letter."+string(l.State),
			"letter", l.Letter.Name.In(lang), "day", packager.DayOf(l.Drafted.On).String(), "file", l.Drafted.Path))
	}
}

func accountOf(k *packager.Case) string {
	return strings.Join(nonEmpty(k.Account.Name, k.Account.ID), " ")
}

func nonEmpty(list ...string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// statusTimeline writes what comes next and what must not be done meanwhile,
// then, unless brief, every other day of the case.
func (c *command) statusTimeline(s *caseStatus, brief bool) {
	lang := c.ui.P.Lang
	var rows [][]string
	add := func(key, title string, e packager.TimelineEntry, day string) {
		rows = append(rows, []string{"", c.ui.Text(key), day, title})
		if note := e.Note.In(lang); note != "" && !brief {
			rows = append(rows, []string{"", "", "", note})
		}
	}
	if next, ok := timeline.Next(s.rules.Timeline, s.today, s.filed()); ok {
		day, title := timeline.Careful(next), next.Title.In(lang)
		if day != next.Earliest {
			title = c.ui.Text("status.at_latest", "title", title)
		}
		add("status.next", title, next, day.String()+c.daysLeft(s.today, day))
	}
	for _, e := range timeline.Meanwhile(s.rules.Timeline, s.today) {
		add("status.must_not", e.Title.In(lang), e, c.until(e))
	}
	if !brief {
		if !s.filed() && len(s.rules.Timeline) > 0 {
			c.ui.Line("  %s", c.ui.Faint(c.ui.Text("status.if_filed", "day", s.rules.Day.String())))
		}
		for _, kind := range []string{timeline.Earliest, timeline.Review, timeline.Freeze, timeline.WithdrawBy, timeline.Deadline, timeline.Released, timeline.Watch} {
			for _, e := range timeline.Of(s.rules.Timeline, kind) {
				add("audit.timeline."+kind, e.Title.In(lang), e, c.spanOf(e))
			}
		}
	}
	c.ui.Rows(c.fitted(rows))
	if !s.filed() && s.standing.Stage != pipeline.StageDraft && !brief {
		c.ui.Line("  %s", c.ui.Text("status.say_filed", "case", s.dir))
	}
}

// fitted wraps the last column to the terminal; a row without a label is a
// note, and faint.
func (c *command) fitted(rows [][]string) [][]string {
	room := 0 // elsewhere than on a terminal, lines are as long as they are
	if c.OutTTY {
		room = c.Width
		for col := range 3 {
			widest := 0
			for _, r := range rows {
				widest = max(widest, ui.Width(r[col]))
			}
			room -= widest + 2
		}
		room = max(room, 20)
	}
	var out [][]string
	for _, r := range rows {
		style := func(s string) string { return s }
		if r[1] == "" {
			style = c.ui.Faint
		}
		for i, line := range ui.Wrap(r[3], room) {
			if i > 0 {
				r = []string{"", "", "", ""}
			}
			out = append(out, []string{r[0], r[1], r[2], style(line)})
		}
	}
	return out
}

// until says from when to when something must be left alone.
func (c *command) until(e packager.TimelineEntry) string {
	if e.Latest.IsZero() {
		return c.ui.Text("status.from", "from", e.From.String())
	}
	return c.ui.Text("status.from_until", "from", e.From.String(), "to", e.Latest.String())
}

// spanOf says when an entry ends: a day, or between two.
func (c *command) spanOf(e packager.TimelineEntry) string {
	switch {
	case e.Latest.IsZero():
		return c.ui.Text("status.not_before", "day", e.Earliest.String())
	case e.Latest == e.Earliest:
		return e.Latest.String()
	}
	return c.ui.Text("status.between", "from", e.Earliest.String(), "to", e.Latest.String())
}

func (c *command) daysLeft(today, day packager.Day) string {
	n := today.DaysUntil(day)
	if n == 0 {
		return c.ui.Text("status.today")
	}
	return c.ui.Text("status.days_left", "n", itoa(n))
}

type statusJSON struct {
	Dir       string         `json:"dir"`
	Error     string         `json:"error,omitempty"`
	Exit      int            `json:"exit,omitempty"`
	Case      string         `json:"case,omitempty"`
	Platform  string         `json:"platform,omitempty"`
	App       string         `json:"application,omitempty"`
	Account   string         `json:"account,omitempty"`
	State     string         `json:"state,omitempty"` // draft, built, stored, handed_off, filed
	Complete  *bool          `json:"complete,omitempty"`
	Blockers  int            `json:"blockers"`
	Bundle    string         `json:"bundle,omitempty"`
	Number    int            `json:"number,omitempty"`
	StoredOn  string         `json:"stored_on,omitempty"`
	HandedOff string         `json:"handed_off_on,omitempty"`
	Filed     string         `json:"filed_on,omitempty"`
	CountFrom string         `json:"counted_from,omitempty"` // the day that the timeline counts from
	Letters   []letterOut    `json:"letters_out"`
	Next      *timelineJSON  `json:"next,omitempty"`
	MustNot   []timelineJSON `json:"must_not"`
	Timeline  []timelineJSON `json:"timeline"`
}

type letterOut struct {
	ID        string `json:"id"`
	State     string `json:"state"` // out, stale
	DraftedOn string `json:"drafted_on"`
	Path      string `json:"path"`
}

type timelineJSON struct {
	ID          string        `json:"id"`
	Kind        string        `json:"kind"`
	Title       packager.Text `json:"title"`
	Rules       []string      `json:"rules,omitempty"`
	From        string        `json:"from"`
	Earliest    string        `json:"earliest"`
	Latest      string        `json:"latest"` // "" when there is no upper bound
	Day         string        `json:"day"`    // the day to go by
	Approximate bool          `json:"approximate"`
}

func timelineDocument(e packager.TimelineEntry) timelineJSON {
	return timelineJSON{
		e.ID, e.Kind, e.Title, e.Rules, e.From.String(), e.Earliest.String(), e.Latest.String(),
		timeline.Careful(e).String(), e.Approximate,
	}
}

func timelineDocuments(es []packager.TimelineEntry) []timelineJSON {
	out := make([]timelineJSON, 0, len(es))
	for _, e := range es {
		out = append(out, timelineDocument(e))
	}
	return out
}

func (c *command) statusDocuments(all []*caseStatus) []statusJSON {
	out := make([]statusJSON, 0, len(all))
	for _, s := range all {
		if s.err != nil {
			out = append(out, statusJSON{Dir: s.dir, Error: errorCode(s.err), Exit: exitCode(s.err), Letters: []letterOut{}, MustNot: []timelineJSON{}, Timeline: []timelineJSON{}})
			continue
		}
		st := s.standing
		d := statusJSON{
			Dir: s.dir, Case: s.kase.ID, Platform: s.kase.Platform, App: s.kase.Application, Account: s.kase.Account.ID,
			State: string(st.Stage), Blockers: s.blockers, Bundle: st.Bundle, Number: st.Number,
			StoredOn: st.StoredOn.String(), HandedOff: st.HandedOff.String(), Filed: st.Filed.String(),
			CountFrom: s.rules.Day.String(), Letters: []letterOut{},
			MustNot:  timelineDocuments(timeline.Meanwhile(s.rules.Timeline, s.today)),
			Timeline: timelineDocuments(s.rules.Timeline),
		}
		for _, l := range s.letters {
			d.Letters = append(d.Letters, letterOut{l.Letter.ID, string(l.State), packager.DayOf(l.Drafted.On).String(), l.Drafted.Path})
		}
		if s.report != nil {
			complete := s.report.Complete()
			d.Complete = &complete
		}
		if next, ok := timeline.Next(s.rules.Timeline, s.today, s.filed()); ok {
			j := timelineDocument(next)
			d.Next = &j
		}
		out = append(out, d)
	}
	return out
}

// writeCalendar writes the timelines of all cases to a file, whole or not at
// all, or to Out.
func (c *command) writeCalendar(all []*caseStatus, file string) error {
	lang := c.ui.P.Lang
	words := timeline.Words{
		Lang: lang, Name: c.ui.Text("status.ics.name"), Kinds: map[string]string{},
		Approximate: c.ui.Text("status.approximate"), Open: c.ui.Text("status.ics.open"), Range: c.ui.P.Text("status.ics.range", nil),
	}
	for _, kind := range []string{
		timeline.Earliest, timeline.Review, timeline.Freeze, timeline.WithdrawBy, timeline.MustNot, timeline.Released, timeline.Watch, timeline.Deadline,
	} {
		words.Kinds[kind] = c.ui.Text("audit.timeline." + kind)
	}
	var cases []timeline.Case
	for _, s := range all {
		if s.err == nil {
			cases = append(cases, timeline.Case{
				ID: s.kase.ID, Title: strings.Join(nonEmpty(s.rules.Name.In(lang), s.kase.Account.Name), " · "), Entries: s.rules.Timeline,
			})
		}
	}
	write := func(w io.Writer) error { return timeline.WriteCalendar(w, cases, words, c.Now()) }
	if file == "-" {
		return write(c.Out)
	}
	if err := writeWhole(file, write); err != nil {
		return &packager.Fault{Class: packager.ClassConfig, Code: "OUT_UNWRITABLE", Args: packager.Args{"dir": filepath.Dir(file)}, Err: err}
	}
	return nil
}

// writeWhole makes a file whole or not at all.
func writeWhole(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".making-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = errors.Join(fill(f), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
