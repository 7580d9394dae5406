package rules

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"

	"dossier/packager"
	"dossier/packager/yamldoc"
)

// Lint checks the text of a rule pack, or of a catalogue when the file is
// called materials.yaml, as far as can be done without a case: schema,
// conditions, and every id that one part of the pack uses and another has to
// have. name is what positions call the file. Its error is
// packager.Diagnostics with every mistake.
func (l *Library) Lint(name string, b []byte) error {
	doc, err := yamldoc.Parse(name, b)
	if err != nil {
		return err
	}
	if path.Base(strings.ReplaceAll(name, `\`, "/")) == catalogueFile {
		return lintCatalogue(doc)
	}
	schema, err := packSchema()
	if err != nil {
		return err
	}
	var p Pack
	found := schema.Check(doc, p)
	found = merged(found, doc.Decode(&p))
	pack := &loaded{Pack: &p, name: name, doc: doc, specs: map[string]MaterialSpec{}}
	for _, m := range l.materials(&p) {
		pack.specs[m.ID] = m
	}
	return yamldoc.Sorted(merged(found, l.lint(pack)))
}

func lintCatalogue(doc *yamldoc.Doc) error {
	schema, err := catalogueSchema()
	if err != nil {
		return err
	}
	var c catalogue
	found := schema.Check(doc, c)
	found = merged(found, doc.Decode(&c))
	lint := linter{p: &loaded{doc: doc}}
	unique(&lint, "materials", c.Materials, func(m MaterialSpec) string { return m.ID })
	return yamldoc.Sorted(merged(found, lint.found))
}

// merged adds what is found at places where nothing was wrong before.
func merged(have, more packager.Diagnostics) packager.Diagnostics {
	for _, d := range more {
		if !slices.ContainsFunc(have, func(h packager.Diagnostic) bool { return h.Pos == d.Pos }) {
			have = append(have, d)
		}
	}
	return have
}

// lint checks what the schema cannot.
func (l *Library) lint(p *loaded) packager.Diagnostics {
	x := &linter{p: p,
		applications: ids(p.Applications, func(a Application) string { return a.ID }),
		accountTypes: ids(p.AccountTypes, func(o Option) string { return o.ID }),
		specialCases: ids(p.SpecialCases, func(o Option) string { return o.ID }),
		facts:        ids(p.Facts, func(f FactSpec) string { return f.ID }),
		sources:      ids(p.Sources, func(s Source) string { return s.ID }),
		materials:    sortedKeys(p.specs),
		rules:        ids(p.Rules, func(r Rule) string { return r.ID }),
		doubts:       ids(p.Doubts, func(d Doubt) string { return d.ID }),
		entries:      ids(p.Timeline, func(e TimelineEntry) string { return e.ID }),
	}
	x.samples()
	x.ids()
	x.day("revision", p.Revision)
	x.options()
	for i := range p.Rules {
		x.rule("rules."+strconv.Itoa(i), &p.Rules[i])
	}
	x.requirements()
	for i := range p.Doubts {
		x.doubt("doubts."+strconv.Itoa(i), &p.Doubts[i])
	}
	for i := range p.Timeline {
		x.entry("timeline."+strconv.Itoa(i), &p.Timeline[i])
	}
	x.cycles()
	return x.found
}

type linter struct {
	p     *loaded
	found packager.Diagnostics
	// The words of the pack.
	applications, accountTypes, specialCases, facts, sources []string
	materials, rules, doubts, entries                        []string
	sample                                                   map[string]any
}

func (x *linter) report(code, path string, args packager.Args, suggestion string) {
	x.found = append(x.found, x.p.doc.Diagnostic(code, path, args, suggestion))
}

// known reports a word that is none of those the pack has.
func (x *linter) known(code, path, word string, words []string) {
	if !slices.Contains(words, word) {
		x.report(code, path, packager.Args{"got": yamldoc.Display(word), "known": strings.Join(union(words), ", ")}, yamldoc.Nearest(word, words))
	}
}

func (x *linter) each(code, path string, list, words []string) {
	for i, word := range list {
		x.known(code, path+"."+strconv.Itoa(i), word, words)
	}
}

func unique[T any](x *linter, path string, list []T, id func(T) string) {
	first := map[string]int{}
	for i, item := range list {
		at := path + "." + strconv.Itoa(i) + ".id"
		if line, twice := first[id(item)]; twice && id(item) != "" {
			x.report("RULE_DUPLICATE_ID", at, packager.Args{"id": id(item), "line": strconv.Itoa(line)}, "")
		} else {
			first[id(item)] = x.p.doc.Pos(at).Line
		}
	}
}

func (x *linter) ids() {
	p := x.p
	if folder := path.Base(path.Dir(p.name)); path.Base(p.name) == packFile && folder != "." && folder != "/" && folder != p.ID {
		x.report("RULE_ID_FOLDER", "id", packager.Args{"id": p.ID, "folder": folder}, folder)
	}
	unique(x, "applications", p.Applications, func(a Application) string { return a.ID })
	unique(x, "account_types", p.AccountTypes, func(o Option) string { return o.ID })
	unique(x, "special_cases", p.SpecialCases, func(o Option) string { return o.ID })
	unique(x, "facts", p.Facts, func(f FactSpec) string { return f.ID })
	unique(x, "sources", p.Sources, func(s Source) string { return s.ID })
	unique(x, "materials", p.Materials, func(m MaterialSpec) string { return m.ID })
	unique(x, "rules", p.Rules, func(r Rule) string { return r.ID })
	unique(x, "doubts", p.Doubts, func(d Doubt) string { return d.ID })
}

func (x *linter) day(path, s string) {
	if s == "" || !x.p.doc.Has(path) {
		return
	}
	if _, err := packager.ParseDay(s); err != nil {
		x.report("YAML_DAY", path, packager.Args{"got": s}, "")
	}
}

func (x *linter) options() {
	for i, a := range x.p.Applications {
		x.each("RULE_ACCOUNT_TYPE_UNKNOWN", "applications."+strconv.Itoa(i)+".account_types", a.AccountTypes, x.accountTypes)
	}
	for field, list := range map[string][]Option{"account_types": x.p.AccountTypes, "special_cases": x.p.SpecialCases} {
		for i, o := range list {
			at := field + "." + strconv.Itoa(i)
			x.each("RULE_APPLICATION_UNKNOWN", at+".applications", o.Applications, x.applications)
			x.each("RULE_ACCOUNT_TYPE_UNKNOWN", at+".account_types", o.AccountTypes, x.accountTypes)
		}
	}
	for i, f := range x.p.Facts {
		if f.Type == "choice" && len(f.Values) == 0 {
			x.report("RULE_CHOICE_VALUES", "facts."+strconv.Itoa(i), packager.Args{"fact": f.ID}, "")
		}
	}
	for i, s := range x.p.Sources {
		x.day("sources."+strconv.Itoa(i)+".published", s.Published)
	}
}

// scope checks the fields that say when a row applies.
func (x *linter) scope(at string, applications, types, cases []string, when string) {
	x.each("RULE_APPLICATION_UNKNOWN", at+".applications", applications, x.applications)
	x.each("RULE_ACCOUNT_TYPE_UNKNOWN", at+".account_types", types, x.accountTypes)
	x.each("RULE_SPECIAL_CASE_UNKNOWN", at+".special_cases", cases, x.specialCases)
	x.cel(at+".when", when, cel.BoolType)
}

func (x *linter) refs(at string, refs []SourceRef) {
	for i, ref := range refs {
		x.known("RULE_SOURCE_UNKNOWN", at+"."+strconv.Itoa(i)+".ref", ref.Ref, x.sources)
	}
}

func (x *linter) rule(at string, r *Rule) {
	x.scope(at, r.Applications, r.AccountTypes, r.SpecialCases, r.When)
	x.refs(at+".sources", r.Sources)
	x.each("RULE_RULE_UNKNOWN", at+".conflicts_with", r.Conflicts, slices.Concat(x.rules, x.doubts))
	x.each("RULE_MATERIAL_UNKNOWN", at+".needs", r.Needs, x.materials)
	x.each("RULE_MATERIAL_UNKNOWN", at+".any_of", r.AnyOf, x.materials)
	x.each("RULE_FACT_UNKNOWN", at+".facts", r.Facts, x.facts)
	x.cel(at+".check", r.Check, cel.BoolType)
	x.cel(at+".min", r.Min, cel.IntType)
	x.day(at+".last_checked", r.LastChecked)
	x.kind(at, r)
}

// fields are those that belong to some kinds only.
var fields = map[string][]packager.Kind{
	"needs": {packager.KindMaterial}, "any_of": {packager.KindMaterial}, "min": {packager.KindMaterial},
	"check":        {packager.KindPrecondition, packager.KindDeclaration},
	"facts":        {packager.KindMaterial, packager.KindPrecondition, packager.KindDeclaration},
	"evidence":     {packager.KindPrecondition, packager.KindDeclaration},
	"max_age_days": {packager.KindBackup}, "max_items": {packager.KindBackup},
	"window_days": {packager.KindBackup}, "media": {packager.KindBackup},
	"requirement": {packager.KindMaterial, packager.KindPrecondition, packager.KindDeclaration, packager.KindBackup},
	"if_unknown":  {packager.KindMaterial, packager.KindPrecondition, packager.KindDeclaration, packager.KindBackup},
}

func (x *linter) kind(at string, r *Rule) {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if x.p.doc.Has(at+"."+field) && !slices.Contains(fields[field], r.Kind) {
			x.found = append(x.found, x.p.doc.DiagnosticKey("RULE_FIELD_KIND", at+"."+field,
				packager.Args{"field": field, "kind": string(r.Kind)}, ""))
		}
	}
	asks := r.Kind == packager.KindBackup || r.Check != "" || len(r.Needs)+len(r.AnyOf) > 0
	if !asks && r.Severity == packager.Block {
		x.report("RULE_ASKS_NOTHING", at+".severity", packager.Args{"rule": r.ID, "kind": string(r.Kind)}, "info")
	}
	if r.Kind == packager.KindMaterial && r.Requirement != "" && len(r.AnyOf) == 0 {
		x.report("RULE_REQUIREMENT_UNUSED", at+".requirement", packager.Args{"rule": r.ID}, "")
	}
	if r.Evidence != "" && len(r.Facts)+len(x.p.reads(r.Check)) == 0 {
		x.report("RULE_EVIDENCE_FACT", at+".evidence", packager.Args{"rule": r.ID}, "")
	}
}

// requirements checks that rules which ask for the same thing, and can do so
// of the same case, mean the same.
func (x *linter) requirements() {
	type asker struct {
		rule  *Rule
		anyOf []string
	}
	seen := map[string][]asker{}
	meet := func(at, id string, now asker) {
		for _, have := range seen[id] {
			switch {
			case have.rule.Kind != now.rule.Kind:
				x.report("RULE_REQUIREMENT_KIND", at, packager.Args{"requirement": id, "rule": have.rule.ID, "kind": string(have.rule.Kind)}, "")
				return
			case !apart(have.rule, now.rule) && !sameSet(have.anyOf, now.anyOf):
				x.report("RULE_REQUIREMENT_DIFFERS", at, packager.Args{"requirement": id, "rule": have.rule.ID}, "")
				return
			}
		}
		seen[id] = append(seen[id], now)
	}
	for i := range x.p.Rules {
		r, at := &x.p.Rules[i], "rules."+strconv.Itoa(i)
		for j, id := range r.Needs {
			if r.Kind != packager.KindMaterial {
				break
			}
			meet(at+".needs."+strconv.Itoa(j), id, asker{r, []string{id}})
		}
		if len(r.AnyOf) > 0 || r.Kind == packager.KindBackup || r.Check != "" {
			meet(at+".requirement", r.requirement(), asker{r, r.AnyOf})
		}
	}
	known := slices.Concat(sortedKeys(seen), x.materials) // a finding about a paper that nobody asks for is under its own id
	for i, a := range x.p.Absolute {
		if a.Requirement != "" {
			x.known("RULE_REQUIREMENT_UNKNOWN", "absolute."+strconv.Itoa(i)+".requirement", a.Requirement, known)
		}
	}
}

// apart reports whether two rules can never apply to the same case, as far as
// their lists tell.
func apart(a, b *Rule) bool {
	disjoint := func(x, y []string) bool {
		return len(x) > 0 && len(y) > 0 && !slices.ContainsFunc(x, func(s string) bool { return slices.Contains(y, s) })
	}
	return disjoint(a.Applications, b.Applications) || disjoint(a.AccountTypes, b.AccountTypes)
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func (x *linter) doubt(at string, d *Doubt) {
	x.each("RULE_RULE_UNKNOWN", at+".rules", d.Rules, x.rules)
	x.cel(at+".when", d.When, cel.BoolType)
	x.known("RULE_READING_UNKNOWN", at+".default", d.Default, ids(d.Readings, func(r Reading) string { return r.ID }))
	unique(x, at+".readings", d.Readings, func(r Reading) string { return r.ID })
	for i, r := range d.Readings {
		x.refs(at+".readings."+strconv.Itoa(i)+".sources", r.Sources)
	}
	x.day(at+".last_checked", d.LastChecked)
}

func (x *linter) entry(at string, e *TimelineEntry) {
	x.scope(at, e.Applications, e.AccountTypes, e.SpecialCases, e.When)
	x.each("RULE_RULE_UNKNOWN", at+".rules", e.Rules, x.rules)
	if id, isFact := strings.CutPrefix(e.From, "fact:"); isFact {
		x.known("RULE_FACT_UNKNOWN", at+".from", id, x.facts)
		if i := slices.Index(x.facts, id); i >= 0 && x.p.Facts[i].Type != "date" {
			x.report("RULE_TIMELINE_FACT", at+".from", packager.Args{"fact": id, "type": x.p.Facts[i].Type}, "")
		}
	} else if e.From != "filing" {
		known := append([]string{"filing"}, union(x.entries)...)
		x.known("RULE_TIMELINE_FROM", at+".from", e.From, known)
	}
	shortest, ok := parseSpan(e.Min)
	longest, ok2 := parseSpan(e.Max)
	if ok && ok2 && shortest.unit == longest.unit && longest.n < shortest.n {
		x.report("RULE_SPAN_ORDER", at+".max", packager.Args{"min": e.Min, "max": e.Max}, "")
	}
}

// cycles reports timeline entries that wait for themselves.
func (x *linter) cycles() {
	next := map[string][]string{}
	for _, e := range x.p.Timeline {
		next[e.ID] = append(next[e.ID], e.From)
	}
	var reaches func(from, to string, seen map[string]bool) bool
	reaches = func(from, to string, seen map[string]bool) bool {
		if seen[from] {
			return false
		}
		seen[from] = true
		return slices.ContainsFunc(next[from], func(n string) bool { return n == to || reaches(n, to, seen) })
	}
	for i, e := range x.p.Timeline {
		if reaches(e.ID, e.ID, map[string]bool{}) {
			x.report("RULE_TIMELINE_CYCLE", "timeline."+strconv.Itoa(i)+".from", packager.Args{"id": e.ID, "from": e.From}, "")
		}
	}
}

// cel checks an expression: that it compiles, that the words in it are the
// pack's, and, by running it on a case in which everything is stated, that its
// types fit.
func (x *linter) cel(at, text string, want *cel.Type) {
	if text == "" {
		return
	}
	c, wrong, err := x.p.programs.get(text, want)
	if err != nil {
		x.report("RULE_CEL", at, packager.Args{"detail": err.Error()}, "")
		return
	}
	before := len(x.found)
	for i, d := range x.p.celDiagnostics(at, wrong) {
		d.Suggestion = x.suggest(text, wrong[i])
		x.found = append(x.found, d)
	}
	for _, w := range c.words {
		x.word(at, w)
	}
	if len(x.found) > before {
		return
	}
	v, known, err := c.eval(x.sample)
	switch {
	case err != nil:
		x.report("RULE_CEL", at, packager.Args{"detail": err.Error()}, "")
	case known && !fits(v, want):
		x.report("RULE_CEL_TYPE", at, packager.Args{"want": want.String()}, "")
	}
}

func fits(v any, want *cel.Type) bool {
	_, isBool := v.(bool)
	_, isInt := v.(int64)
	return want == cel.BoolType && isBool || want == cel.IntType && isInt
}

// word checks a word that an expression names.
func (x *linter) word(at string, w celWord) {
	code, known := "RULE_FACT_UNKNOWN", x.facts
	switch w.of {
	case "special_cases":
		code, known = "RULE_SPECIAL_CASE_UNKNOWN", x.specialCases
	case "account_type":
		code, known = "RULE_ACCOUNT_TYPE_UNKNOWN", x.accountTypes
	case "application":
		code, known = "RULE_APPLICATION_UNKNOWN", x.applications
	case "platform":
		code, known = "RULE_PLATFORM_OTHER", []string{x.p.ID}
	case "facts":
	default: // a value of a fact
		i := slices.Index(x.facts, w.of)
		if i < 0 || len(x.p.Facts[i].Values) == 0 {
			return
		}
		code, known = "RULE_FACT_VALUE_UNKNOWN", x.p.Facts[i].Values
	}
	if slices.Contains(known, w.word) {
		return
	}
	d := x.p.doc.Diagnostic(code, at, packager.Args{"got": w.word, "known": strings.Join(known, ", ")}, yamldoc.Nearest(w.word, known))
	d.Pos = x.p.doc.Inside(at, w.line, w.column)
	d.Line = x.p.doc.Line(d.Pos.Line)
	x.found = append(x.found, d)
}

func (p *loaded) celDiagnostics(at string, wrong []celError) packager.Diagnostics {
	var all packager.Diagnostics
	for _, w := range wrong {
		d := p.doc.Diagnostic("RULE_CEL", at, packager.Args{"detail": w.message}, "")
		d.Pos = p.doc.Inside(at, w.line, w.column)
		d.Line = p.doc.Line(d.Pos.Line)
		all = append(all, d)
	}
	return all
}

var celIdent = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)`)

// celFunctions are those that packs are likely to call.
var celFunctions = []string{"days_since", "days_until", "days_between", "day", "case_is", "has", "size", "startsWith", "endsWith", "contains", "matches", "exists", "all", "filter", "map"}

// suggest returns the known word that is nearest to the one at which the
// compiler stopped.
func (x *linter) suggest(text string, w celError) string {
	lines := strings.Split(text, "\n")
	if w.line < 1 || w.line > len(lines) {
		return ""
	}
	r := []rune(lines[w.line-1])
	m := celIdent.FindStringSubmatch(string(r[min(w.column, len(r)):]))
	if m == nil {
		return ""
	}
	known := slices.Concat(sortedKeys(variables), celFunctions)
	for _, f := range structs {
		known = append(known, sortedKeys(f)...)
	}
	if slices.Contains(known, m[1]) {
		return ""
	}
	return yamldoc.Nearest(m[1], known)
}

// samples makes a case in which everything is stated.
func (x *linter) samples() {
	day := packager.Day{Year: 2026, Month: 1, Dom: 2}
	one := int64(1)
	person := packager.Person{IDValidFrom: day, IDValidUntil: day}
	r := &resolver{
		p: x.p, day: day, facts: map[string]any{},
		c: &packager.Case{
			Account: packager.Account{Followers: &one}, Applicant: packager.Applicant{LegalRepresentative: person},
			Agent: &person, Employee: &person, Holder: &person,
		},
	}
	for _, f := range x.p.Facts {
		value := append(slices.Clone(f.Values), "")[0]
		r.facts[f.ID] = map[string]any{
			"bool": true, "int": one, "number": 1.0, "date": day.Time(),
			"text": value, "choice": value, "list": []any{value},
		}[f.Type]
	}
	x.sample = r.vars()
}
