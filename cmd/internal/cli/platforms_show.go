package cli

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dossier/cmd/internal/app"
	"dossier/cmd/internal/ui"
	"dossier/packager"
	"dossier/packager/rules"
)

// kinds is the order in which a person wants to read a pack: what is needed,
// what must hold, what to save, how it goes, how long, what can go wrong.
var kinds = []packager.Kind{
	packager.KindMaterial, packager.KindPrecondition, packager.KindBackup, packager.KindDeclaration,
	packager.KindStep, packager.KindDeadline, packager.KindWithdrawal, packager.KindFee,
	packager.KindRejection, packager.KindAftermath, packager.KindAlternative, packager.KindLegal,
}

func (c *command) showPlatform(a *app.App, id string) error {
	p, err := a.Rules.Pack(id)
	if err != nil {
		return err
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "pack": p})
	}
	s := packPage{c: c, p: p, lang: c.ui.P.Lang, sources: map[string]int{}, names: map[string]string{}}
	if c.OutTTY {
		s.columns = min(c.Width, 100) // longer lines are hard to read
	}
	s.show()
	return nil
}

// packPage writes one pack for a person to read.
type packPage struct {
	c       *command
	p       *rules.Pack
	lang    string
	columns int               // of the terminal; 0: lines as long as they are
	sources map[string]int    // source id → its number on the page
	names   map[string]string // id of an application, account type, special case → name
}

func (s *packPage) show() {
	for i, src := range s.p.Sources {
		s.sources[src.ID] = i + 1
	}
	for _, o := range slices.Concat(s.p.AccountTypes, s.p.SpecialCases) {
		s.names[o.ID] = o.Name.In(s.lang)
	}
	for _, a := range s.p.Applications {
		s.names[a.ID] = a.Name.In(s.lang)
	}
	u := s.c.ui
	u.Line("%s  %s", u.Strong(s.p.Name.In(s.lang)), s.p.ID)
	s.text(0, u.Text("platforms.head", "revision", s.p.Revision, "operator", s.p.Operator))
	if ch := s.p.Channel.In(s.lang); ch != "" {
		s.text(0, u.Text("show.channel", "channel", ch))
	}
	if s.p.Unconfirmed {
		s.item(u.Mark(packager.Warn), 0, u.Text("platforms.unconfirmed.long"))
	}
	s.sure()
	if len(s.p.Applications) > 1 {
		s.text(0, u.Text("show.default", "application", s.p.Applications[0].Name.In(s.lang)))
	}
	s.options("platforms.account_types", s.p.AccountTypes)
	s.options("platforms.special_cases", s.p.SpecialCases)
	for _, k := range kinds {
		s.kind(k)
		if k == packager.KindDeadline {
			s.timeline()
		}
	}
	s.doubts()
	s.head("platforms.sources")
	for i, src := range s.p.Sources {
		s.item("["+strconv.Itoa(i+1)+"]", 2, sourceLine(src))
	}
	u.Line("")
	s.text(0, u.Text("show.legend"))
	s.text(0, u.Text("platforms.grades"))
}

// sure counts how well the rules are supported.
func (s *packPage) sure() {
	n := map[packager.Confidence]int{}
	for _, r := range s.p.Rules {
		n[r.Confidence]++
	}
	var parts []string
	for _, g := range []packager.Confidence{"A", "B", "S", "C", "M"} {
		if n[g] > 0 {
			parts = append(parts, s.c.ui.Text("show.grade."+string(g), "n", strconv.Itoa(n[g])))
		}
	}
	s.text(0, s.c.ui.Text("show.sure", "n", strconv.Itoa(len(s.p.Rules)), "list", strings.Join(parts, s.c.ui.Text("list.and")), "doubts", strconv.Itoa(len(s.p.Doubts))))
}

func (s *packPage) head(key string) {
	s.c.ui.Line("")
	s.c.ui.Line("%s", s.c.ui.Strong(s.c.ui.Text(key)))
}

// text writes a paragraph, indented and wrapped.
func (s *packPage) text(indent int, t string) {
	s.styled(indent, t, func(x string) string { return x })
}

func (s *packPage) faint(indent int, t string) { s.styled(indent, t, s.c.ui.Faint) }

func (s *packPage) styled(indent int, t string, style func(string) string) {
	for _, line := range s.wrap(t, indent) {
		s.c.ui.Line("%s%s", strings.Repeat(" ", indent), style(line))
	}
}

// item writes a paragraph that hangs on a mark.
func (s *packPage) item(mark string, indent int, t string) {
	hang := indent + ui.Width(stripped(mark)) + 1
	for i, line := range s.wrap(t, hang) {
		if i == 0 {
			s.c.ui.Line("%s%s %s", strings.Repeat(" ", indent), mark, line)
		} else {
			s.c.ui.Line("%s%s", strings.Repeat(" ", hang), line)
		}
	}
}

func (s *packPage) wrap(t string, indent int) []string {
	if s.columns == 0 {
		return ui.Wrap(t, 0)
	}
	return ui.Wrap(t, max(20, s.columns-indent))
}

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

func stripped(s string) string { return colour.ReplaceAllString(s, "") }

func (s *packPage) options(key string, list []rules.Option) {
	if len(list) == 0 {
		return
	}
	s.head(key)
	widest := 0
	for _, o := range list {
		widest = max(widest, ui.Width(o.Name.In(s.lang)))
	}
	for _, o := range list {
		s.c.ui.Line("  %s  %s", ui.Pad(o.Name.In(s.lang), widest), s.c.ui.Faint(o.ID))
		if h := o.Hint.In(s.lang); h != "" {
			s.faint(4, h)
		}
	}
}

// kind writes the rules of a kind: steps under their numbers, the others those
// that block first.
func (s *packPage) kind(k packager.Kind) {
	var list []rules.Rule
	for _, r := range s.p.Rules {
		if r.Kind == k {
			if r.Severity == packager.Block && !r.Confidence.MayBlock() {
				r.Severity = packager.Warn
			}
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		return
	}
	s.head("kind." + string(k))
	asked := k == packager.KindMaterial || k == packager.KindPrecondition || k == packager.KindBackup || k == packager.KindDeclaration
	if asked {
		slices.SortStableFunc(list, func(a, b rules.Rule) int { return a.Severity.Rank() - b.Severity.Rank() })
	}
	for i, r := range list {
		mark := "·"
		switch {
		case k == packager.KindStep:
			mark = strconv.Itoa(i+1) + "."
		case asked:
			mark = s.c.ui.Mark(r.Severity)
		}
		s.rule(mark, r, asked)
	}
}

func (s *packPage) rule(mark string, r rules.Rule, asked bool) {
	s.item(mark, 2, r.Title.In(s.lang))
	if scope := s.scope(r.Applications, r.AccountTypes, r.SpecialCases, r.When, r.WhenText); scope != "" {
		s.text(6, s.c.ui.Text("show.scope", "scope", scope))
	}
	if d := strings.TrimSpace(r.Detail.In(s.lang)); d != "" {
		s.text(6, d)
	}
	if n := r.Next.In(s.lang); n != "" && asked {
		s.item("→", 6, n)
	}
	s.faint(6, s.provenance(r))
}

// provenance says how sure a rule is, where it is from, and what speaks
// against it.
func (s *packPage) provenance(r rules.Rule) string {
	parts := []string{r.ID, s.c.ui.Text("platforms.grade", "grade", string(r.Confidence))}
	var from []string
	for _, src := range r.Sources {
		from = append(from, strings.TrimSpace("["+strconv.Itoa(s.sources[src.Ref])+"] "+src.At))
	}
	parts = append(parts, strings.Join(from, " "))
	var doubts, against []string
	for _, id := range r.Conflicts {
		if slices.ContainsFunc(s.p.Doubts, func(d rules.Doubt) bool { return d.ID == id }) {
			doubts = append(doubts, id)
		} else {
			against = append(against, id)
		}
	}
	if len(against) > 0 {
		parts = append(parts, s.c.ui.Text("platforms.conflicts", "list", strings.Join(against, ", ")))
	}
	if len(doubts) > 0 {
		parts = append(parts, s.c.ui.Text("show.doubt", "list", strings.Join(doubts, ", ")))
	}
	return strings.Join(parts, " · ")
}

// scope says when a row applies, "" for always. The first application of a
// pack, the one most come for, is not repeated; nor is what fits all.
func (s *packPage) scope(applications, types, cases []string, when string, inWords packager.Text) string {
	var parts []string
	if many := len(s.p.Applications) > 1; many && (len(applications) == 0 || len(applications) == len(s.p.Applications)) {
		parts = append(parts, s.c.ui.Text("show.scope.all"))
	} else if many && !slices.Equal(applications, []string{s.p.Applications[0].ID}) {
		parts = append(parts, s.named(applications))
	}
	if len(types) < len(s.p.AccountTypes) {
		parts = append(parts, s.named(types))
	}
	if len(cases) > 0 {
		parts = append(parts, s.c.ui.Text("show.scope.case", "list", s.named(cases)))
	}
	switch words := inWords.In(s.lang); {
	case words != "":
		parts = append(parts, words)
	case when != "":
		parts = append(parts, s.c.ui.Text("show.condition", "cel", when))
	}
	return strings.Join(nonEmpty(parts...), s.c.ui.Text("show.scope.and"))
}

func (s *packPage) named(ids []string) string {
	said := make([]string, len(ids))
	for i, id := range ids {
		said[i] = cmpOr(s.names[id], id)
	}
	return strings.Join(said, s.c.ui.Text("show.scope.or"))
}

// timeline writes the spans in order: from when, how long.
func (s *packPage) timeline() {
	if len(s.p.Timeline) == 0 {
		return
	}
	s.head("show.timeline")
	for _, e := range s.p.Timeline {
		kind, title := s.c.ui.Text("audit.timeline."+e.Kind), e.Title.In(s.lang)
		if !strings.HasPrefix(strings.ToLower(title), kind) {
			title = kind + s.c.ui.Text("show.colon") + title
		}
		s.item("·", 2, title)
		s.text(6, s.from(e.From)+s.length(e))
		if scope := s.scope(e.Applications, e.AccountTypes, e.SpecialCases, e.When, e.WhenText); scope != "" {
			s.text(6, s.c.ui.Text("show.scope", "scope", scope))
		}
		if n := e.Note.In(s.lang); n != "" {
			s.faint(6, n)
		}
	}
}

// from says what a span counts from.
func (s *packPage) from(from string) string {
	if from == "filing" {
		return s.c.ui.Text("show.from.filing")
	}
	if fact, ok := strings.CutPrefix(from, "fact:"); ok {
		return s.c.ui.Text("show.from.fact", "fact", fact)
	}
	title := from
	for _, e := range s.p.Timeline {
		if e.ID == from {
			title = s.c.ui.Text("audit.timeline." + e.Kind)
			break
		}
	}
	return s.c.ui.Text("show.from.entry", "title", title)
}

func (s *packPage) length(e rules.TimelineEntry) string {
	least := s.span(e.Min)
	switch {
	case e.Max == "open":
		return s.c.ui.Text("show.length.open", "least", least)
	case e.Max == "" || e.Max == e.Min:
		return least
	}
	return s.c.ui.Text("show.length.range", "least", least, "most", s.span(e.Max))
}

var spanForm = regexp.MustCompile(`^([0-9]+)(wd|d|mo|h|min)$`)

func (s *packPage) span(text string) string {
	m := spanForm.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	if m[1] == "0" {
		return s.c.ui.Text("show.span.0")
	}
	return s.c.ui.Text("show.span."+m[2], "n", m[1])
}

func (s *packPage) doubts() {
	for i, d := range s.p.Doubts {
		if i == 0 {
			s.head("platforms.doubts")
		}
		s.item("?", 2, d.Title.In(s.lang))
		for _, r := range d.Readings {
			mark := " "
			if r.ID == d.Default {
				mark = "→"
			}
			s.item(mark, 6, r.Text.In(s.lang)+s.c.ui.Text("show.reading", "grade", string(r.Confidence)))
		}
		s.text(6, s.c.ui.Text("show.why", "why", d.Why.In(s.lang)))
		s.faint(6, strings.Join(nonEmpty(d.ID, strings.Join(d.Rules, ", ")), " · "))
	}
}

func sourceLine(s rules.Source) string {
	return strings.Join(nonEmpty(s.Title, s.Publisher, s.Published, s.URL, s.Note), " · ")
}
