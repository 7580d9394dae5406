package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"

	"dossier/packager"
	"dossier/packager/yamldoc"
)

// Calendar counts working days after the State Council's holiday table.
type Calendar interface {
	// AddWorkingDays returns the nth working day after day, day itself not
	// counted. exact is false when the count ran into a year without a table.
	AddWorkingDays(day packager.Day, n int) (end packager.Day, exact bool)
}

// For brings the case's rule pack to bear on the case, as filed on day. What
// comes out depends on nothing but the arguments.
//
// A rule applies when its lists of applications, account types and special
// cases fit and its `when` is true. A `when` that cannot be told, because the
// case does not state a fact that it reads, lets the rule apply with the
// severity of an unknown outcome: nothing is dropped because somebody left a
// line empty. A pack that wants the opposite says so: has(facts.x) && facts.x.
//
// A requirement's Severity is that of its finding when it is not met. A rule
// of grade C or M never blocks; its Confidence tells the reader why.
//
// Errors are packager.Diagnostics (the case states what the pack does not
// have; a condition of the pack fails) and a Fault PLATFORM_UNKNOWN.
func (l *Library) For(c *packager.Case, day packager.Day, cal Calendar) (*packager.RuleSet, error) {
	p, err := l.packOf(c)
	if err != nil {
		return nil, err
	}
	facts, found := p.validate(c)
	if err := yamldoc.Sorted(found); err != nil {
		return nil, err
	}
	r := &resolver{p: p, c: c, day: day, cal: cal, facts: facts, accountType: p.accountType(c)}
	r.values = r.vars()
	rs := r.ruleSet()
	if err := yamldoc.Sorted(r.found); err != nil {
		return nil, err
	}
	return rs, nil
}

// resolver works on one case.
type resolver struct {
	p           *loaded
	c           *packager.Case
	day         packager.Day
	cal         Calendar
	accountType string
	facts       map[string]any
	values      map[string]any
	found       packager.Diagnostics // conditions that failed to run

	applied map[string]bool // ids of rules that apply
}

func (r *resolver) ruleSet() *packager.RuleSet {
	p := r.p
	rs := &packager.RuleSet{
		Platform: p.ID, Name: p.Name, Operator: p.Operator, Channel: p.Channel,
		Revision: p.Revision, Digest: p.digest, Unconfirmed: p.Unconfirmed, Day: r.day,
		Catalogue: map[string]packager.MaterialSpec{}, Watermark: p.Watermark, Limits: p.limits(),
	}
	if rs.Watermark == "" {
		rs.Watermark = packager.WatermarkOn
	}
	for _, a := range p.Applications {
		if a.ID == r.c.Application {
			rs.Application = a.Name
		}
	}
	for _, t := range p.AccountTypes {
		if t.ID == r.accountType {
			rs.AccountType = t.Name
		}
	}
	for id, m := range p.specs {
		rs.Catalogue[id] = m.spec()
	}
	for _, a := range p.Absolute {
		rs.Absolute = append(rs.Absolute, packager.Absolute(a))
	}
	r.applied = map[string]bool{}
	var m merger
	for i := range p.Rules {
		r.rule(i, &m, rs)
	}
	rs.Requirements = m.list()
	rs.Doubts = r.doubts()
	rs.Timeline = r.timeline()
	return rs
}

// rule adds what one rule asks for.
func (r *resolver) rule(i int, m *merger, rs *packager.RuleSet) {
	rule := &r.p.Rules[i]
	path := "rules." + strconv.Itoa(i)
	applies, certain := r.applies(path, rule.Applications, rule.AccountTypes, rule.SpecialCases, rule.When)
	if !applies {
		return
	}
	r.applied[rule.ID] = true
	out := r.p.rule(rule)
	asked := r.asked(path, rule, certain)
	if len(asked) == 0 {
		rs.Notes = append(rs.Notes, out)
		return
	}
	for _, req := range asked {
		req.Rules = []packager.Rule{out}
		m.add(req)
	}
}

// asked returns the requirements that a rule makes; a rule that asks for
// nothing that could be handed in or judged is a note.
func (r *resolver) asked(path string, rule *Rule, certain bool) []packager.Requirement {
	unknown := rule.unknown()
	base := packager.Requirement{
		Kind: rule.Kind, Severity: rule.grade(rule.Severity), Title: rule.Title, Next: rule.Next,
		IfUnknown: unknown,
	}
	if !certain {
		base.Severity, base.Outcome = unknown, packager.Unknown
		base.Facts = r.p.reads(rule.When)
	}
	switch rule.Kind {
	case packager.KindMaterial:
		return r.papers(path, rule, base)
	case packager.KindBackup:
		base.ID = rule.requirement()
		base.MaxAgeDays, base.MaxItems, base.WindowDays = rule.MaxAgeDays, rule.MaxItems, rule.WindowDays
		base.MediaAllowed = rule.Media
		return []packager.Requirement{base}
	case packager.KindPrecondition, packager.KindDeclaration:
		if rule.Check == "" {
			return nil
		}
		base.ID = rule.requirement()
		base.Evidence = rule.evidence()
		base.Facts = union(base.Facts, rule.Facts, r.p.reads(rule.Check))
		holds, known := r.bool(path+".check", rule.Check)
		switch {
		case known && holds:
			base.Outcome = packager.Holds
			base.Severity = rule.grade(rule.Severity)
		case !known:
			base.Outcome, base.Severity = packager.Unknown, unknown
		case certain:
			base.Outcome = packager.Fails
		}
		return []packager.Requirement{base}
	}
	return nil
}

func (r *resolver) papers(path string, rule *Rule, base packager.Requirement) []packager.Requirement {
	base.Min = 1
	if rule.Min != "" {
		n, known := r.int(path+".min", rule.Min)
		switch {
		case known:
			base.Min = n
		default:
			base.Facts = union(base.Facts, r.p.reads(rule.Min))
		}
	}
	if base.Min < 1 {
		return nil
	}
	var all []packager.Requirement
	for _, id := range rule.Needs {
		one := base
		one.ID, one.AnyOf = id, []string{id}
		if len(rule.Needs) > 1 {
			one.Title = r.p.specs[id].Name
		}
		all = append(all, one)
	}
	if len(rule.AnyOf) > 0 {
		base.ID, base.AnyOf = rule.requirement(), rule.AnyOf
		all = append(all, base)
	}
	return all
}

// applies reports whether a row fits the case; certain is false when its
// condition cannot be told.
func (r *resolver) applies(path string, applications, types, cases []string, when string) (applies, certain bool) {
	fits := func(list []string, word string) bool { return len(list) == 0 || slices.Contains(list, word) }
	if !fits(applications, r.c.Application) || !fits(types, r.accountType) {
		return false, true
	}
	if len(cases) > 0 && !slices.ContainsFunc(r.c.SpecialCases, func(s string) bool { return slices.Contains(cases, s) }) {
		return false, true
	}
	if when == "" {
		return true, true
	}
	holds, known := r.bool(path+".when", when)
	return holds || !known, known
}

func (r *resolver) bool(path, text string) (value, known bool) {
	v, known := r.value(path, text, cel.BoolType)
	if !known {
		return false, false
	}
	b, ok := v.(bool)
	if !ok {
		r.failed(path, fmt.Sprintf("the expression gives %T; bool is wanted", v))
	}
	return b, ok
}

func (r *resolver) int(path, text string) (value int, known bool) {
	v, known := r.value(path, text, cel.IntType)
	if !known {
		return 0, false
	}
	i, ok := v.(int64)
	if !ok {
		r.failed(path, fmt.Sprintf("the expression gives %T; int is wanted", v))
	}
	return int(i), ok
}

func (r *resolver) value(path, text string, want *cel.Type) (value any, known bool) {
	c, wrong, err := r.p.programs.get(text, want)
	switch {
	case err != nil:
		r.failed(path, err.Error())
	case len(wrong) > 0:
		r.found = append(r.found, r.p.celDiagnostics(path, wrong)...)
	default:
		v, known, err := c.eval(r.values)
		if err != nil {
			r.failed(path, err.Error())
		}
		return v, known && err == nil
	}
	return nil, false
}

func (r *resolver) failed(path, detail string) {
	r.found = append(r.found, r.p.doc.Diagnostic("RULE_CEL_RUN", path, packager.Args{"detail": detail}, ""))
}

// grade lowers a severity to what the rule's evidence carries.
func (r *Rule) grade(s packager.Severity) packager.Severity {
	if s == packager.Block && !r.Confidence.MayBlock() {
		return packager.Warn
	}
	return s
}

// unknown is the severity when the case does not say.
func (r *Rule) unknown() packager.Severity {
	switch {
	case r.IfUnknown != "":
		return r.grade(r.IfUnknown)
	case r.grade(r.Severity) == packager.Block:
		return packager.Warn
	}
	return packager.Info
}

func (r *Rule) evidence() packager.Severity {
	if r.Evidence == "" {
		return ""
	}
	return r.grade(r.Evidence)
}

// requirement is the id of what the rule asks for: business data, not papers.
func (r *Rule) requirement() string {
	if r.Requirement != "" {
		return r.Requirement
	}
	return strings.ReplaceAll(strings.ToLower(r.ID), "-", "_")
}

// reads returns the facts that an expression reads.
func (p *loaded) reads(text string) []string {
	if text == "" {
		return nil
	}
	for _, want := range []*cel.Type{cel.BoolType, cel.IntType} {
		if c, wrong, err := p.programs.get(text, want); err == nil && len(wrong) == 0 {
			return c.facts
		}
	}
	return nil
}

func union(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		for _, s := range l {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// merger joins requirements of the same id, in the order of the first.
type merger struct {
	order []string
	byID  map[string]*packager.Requirement
}

func (m *merger) add(req packager.Requirement) {
	if m.byID == nil {
		m.byID = map[string]*packager.Requirement{}
	}
	have, ok := m.byID[req.ID]
	if !ok {
		m.order = append(m.order, req.ID)
		m.byID[req.ID] = &req
		return
	}
	merged := merge(*have, req)
	m.byID[req.ID] = &merged
}

func (m *merger) list() []packager.Requirement {
	var all []packager.Requirement
	for _, id := range m.order {
		all = append(all, *m.byID[id])
	}
	return all
}

// merge joins two rules' wishes for the same thing. The one that matters most
// gives outcome, severity and words: one that does not hold before one that
// does, then the stricter one, then the first.
func merge(a, b packager.Requirement) packager.Requirement {
	first, second := a, b
	if weight(b) < weight(a) {
		first, second = b, a
	}
	out := first
	out.Rules = append(slices.Clone(a.Rules), b.Rules...)
	out.AnyOf = union(a.AnyOf, b.AnyOf)
	out.Min = max(a.Min, b.Min)
	out.Facts = union(a.Facts, b.Facts)
	out.Evidence = stricter(first.Evidence, second.Evidence)
	out.IfUnknown = stricter(first.IfUnknown, second.IfUnknown)
	out.MaxAgeDays = least(a.MaxAgeDays, b.MaxAgeDays)
	out.MaxItems = least(a.MaxItems, b.MaxItems)
	out.WindowDays = least(a.WindowDays, b.WindowDays)
	out.MediaAllowed = allowed(a.MediaAllowed, b.MediaAllowed)
	return out
}

// weight orders requirements by what they do to the case: the least first.
func weight(r packager.Requirement) int {
	w := 10 * r.Severity.Rank()
	switch {
	case r.Outcome == packager.Holds:
		w += 100
	case r.Outcome == packager.Unknown:
		w++
	}
	return w
}

func stricter(a, b packager.Severity) packager.Severity {
	if a == "" || b != "" && b.Rank() < a.Rank() {
		return b
	}
	return a
}

func least(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// allowed returns the media that both allow; an empty list allows all.
func allowed(a, b []string) []string {
	if len(a) == 0 || len(b) == 0 {
		return append(slices.Clone(a), b...)
	}
	var both []string
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	if both == nil {
		return a
	}
	return both
}
