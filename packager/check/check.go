// Package check is the third step: it holds what was collected and inspected
// against the rule set and says everything that is missing, wrong or doubtful,
// all at once. It is pure: the same inspection gives the same report.
//
// Three principles:
//
//   - What the case does not state is never a blocker: a case with no more than
//     the minimum, and with the files that are asked for, passes.
//   - What a machine read alone warns. It blocks only where a check digit
//     proves the reading.
//   - How a paper is made (sealed, signed, dated) counts as much as the rule
//     that asks for the paper: what is only advised never blocks.
package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"dossier/packager"
)

// Check judges an inspection. Findings come the most urgent first: by
// severity, then in the order of the checks below, each in pack order.
func Check(in *packager.Inspection) *packager.Report {
	c := newChecker(in)

	c.requirements()
	c.applicant()
	c.people()
	c.licence()
	c.papers()
	c.letters()
	c.agreement()
	c.duplicates()
	c.pictures()
	c.consent()
	c.provenance()
	c.fileNames()

	findings := c.ordered()
	c.hide(findings)
	return &packager.Report{
		Case:         in.Case,
		Rules:        in.Rules,
		Files:        in.Files,
		Letters:      in.Letters,
		Requirements: c.verdicts(findings),
		Findings:     findings,
		Agreement:    c.rows,
		Unread:       c.unread(),
	}
}

// checker holds what the checks share while one inspection is judged.
type checker struct {
	in   *packager.Inspection
	kase *packager.Case
	rs   *packager.RuleSet
	day  packager.Day

	placed  map[string][]*packager.Inspected // material id → files, in order of path
	asking  map[string]*packager.Requirement // material id → the strictest requirement that names it
	persons []person
	met     map[string]answer // requirement id → what answers it
	found   []packager.Finding
	rows    []packager.Agreement
	hidden  bool // a file has an identity number in its name
}

// answer is what the case brings for a requirement.
type answer struct {
	satisfied bool
	paths     []string
}

func newChecker(in *packager.Inspection) *checker {
	c := &checker{
		in: in, kase: in.Case, rs: in.Rules, day: in.Rules.Day,
		placed: map[string][]*packager.Inspected{},
		asking: map[string]*packager.Requirement{},
		met:    map[string]answer{},
	}
	for i := range in.Files {
		f := &in.Files[i]
		if f.Role != packager.RoleMaterial {
			continue
		}
		for _, id := range f.IDs {
			c.placed[id] = append(c.placed[id], f)
		}
	}
	for i := range in.Rules.Requirements {
		r := &in.Rules.Requirements[i]
		for _, id := range r.AnyOf {
			if old := c.asking[id]; old == nil || r.Severity.Rank() < old.Severity.Rank() {
				c.asking[id] = r
			}
		}
	}
	c.persons = persons(in.Case)
	return c
}

// say adds a finding. Args that the caller leaves out of the finding are made.
func (c *checker) say(f packager.Finding) {
	if f.Args == nil {
		f.Args = packager.Args{}
	}
	c.found = append(c.found, f)
}

// about starts a finding about a paper: the requirement that asks for it, or
// else its own id, its first file, and the rules behind it.
func (c *checker) about(code string, sev packager.Severity, id string, args packager.Args) packager.Finding {
	f := packager.Finding{Code: code, Severity: sev, Requirement: id, Args: args}
	if r := c.asking[id]; r != nil {
		f.Requirement, f.Rules = r.ID, ruleIDs(r.Rules)
	}
	if files := c.placed[id]; len(files) > 0 {
		f.Material = files[0].Path
	}
	f.Pos = c.pos("materials." + id)
	return f
}

// formal is the severity of a slip in how a paper is made: it blocks only
// where the paper is a must.
func (c *checker) formal(id string, sev packager.Severity) packager.Severity {
	if r := c.asking[id]; r != nil && r.Severity == packager.Block {
		return sev
	}
	return milder(sev, packager.Warn)
}

func milder(a, b packager.Severity) packager.Severity {
	if a.Rank() >= b.Rank() {
		return a
	}
	return b
}

func stricter(a, b packager.Severity) packager.Severity {
	if a.Rank() <= b.Rank() {
		return a
	}
	return b
}

// pos returns where a field, or the nearest one above it, stands in case.yaml.
func (c *checker) pos(field string) packager.Position {
	for field != "" {
		if p, ok := c.kase.Pos[field]; ok {
			return p
		}
		i := strings.LastIndexByte(field, '.')
		if i < 0 {
			break
		}
		field = field[:i]
	}
	return packager.Position{}
}

// ordered joins what the earlier steps found with what was found here, without
// repetitions, the most urgent first.
func (c *checker) ordered() []packager.Finding {
	var out []packager.Finding
	for _, f := range append(c.inherited(), c.found...) {
		if !slices.ContainsFunc(out, func(o packager.Finding) bool { return same(o, f) }) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b packager.Finding) int { return cmp.Compare(a.Severity.Rank(), b.Severity.Rank()) })
	return out
}

// same reports whether two findings say the same. A date that is wrong is one
// mistake, however many requirements read the fact.
func same(a, b packager.Finding) bool {
	return a.Code == b.Code && (a.Requirement == b.Requirement || a.Code == codeFactInFuture) && a.Material == b.Material &&
		a.Pos == b.Pos && maps.Equal(a.Args, b.Args)
}

// inherited returns the findings of collect and inspect. They do not know what
// the rules make of a file: an unusable one blocks only where a blocking
// requirement waits for it.
func (c *checker) inherited() []packager.Finding {
	out := slices.Clone(c.in.Findings)
	for i := range out {
		f := &out[i]
		if f.Material == "" {
			continue
		}
		worst, unusable := packager.Info, false
		for j := range c.in.Files {
			file := &c.in.Files[j]
			if file.Path == f.Material && file.Unusable == f.Code {
				unusable = true
				worst = stricter(worst, c.weight(file))
			}
		}
		if unusable {
			f.Severity = worst
		}
		if r := c.asking[f.Requirement]; r != nil {
			f.Requirement, f.Rules = r.ID, ruleIDs(r.Rules)
		}
	}
	return out
}

// weight says how much it matters that a file can be used.
func (c *checker) weight(f *packager.Inspected) packager.Severity {
	switch f.Role {
	case packager.RoleUnplaced:
		return packager.Info
	case packager.RoleConsent:
		return packager.Warn
	}
	sev := packager.Warn
	for i := range c.rs.Requirements {
		r := &c.rs.Requirements[i]
		for _, id := range f.IDs {
			switch {
			case f.Role == packager.RoleMaterial && slices.Contains(r.AnyOf, id),
				f.Role == packager.RoleBackup && r.Kind == packager.KindBackup && r.ID == id:
				sev = stricter(sev, r.Severity)
			case f.Role == packager.RoleEvidence && r.Evidence != "" && (r.ID == id || slices.Contains(r.Facts, id)):
				sev = stricter(sev, r.Evidence)
			}
		}
	}
	return sev
}

// unusable reports files whose content cannot be shown and of which no earlier
// step has said so.
func (c *checker) unusable() {
	for i := range c.in.Files {
		f := &c.in.Files[i]
		if f.Unusable == "" || slices.ContainsFunc(c.in.Findings, func(x packager.Finding) bool {
			return x.Code == f.Unusable && x.Material == f.Path
		}) {
			continue
		}
		id := ""
		if len(f.IDs) > 0 {
			id = f.IDs[0]
		}
		x := c.about("MATERIAL_UNUSABLE", c.weight(f), id, packager.Args{"path": f.Path, "reason": f.Unusable})
		x.Material = f.Path
		c.say(x)
	}
}

// worstOf is the worst severity of the findings about each requirement. Doubts
// about the rule itself do not count against the case.
func worstOf(findings []packager.Finding) map[string]packager.Severity {
	worst := map[string]packager.Severity{}
	for _, f := range findings {
		if f.Requirement == "" || f.Code == codeRuleUnconfirmed || f.Code == codeSourcesDisagree {
			continue
		}
		if old, ok := worst[f.Requirement]; !ok || f.Severity.Rank() < old.Rank() {
			worst[f.Requirement] = f.Severity
		}
	}
	return worst
}

// verdicts says of each requirement whether it is met.
func (c *checker) verdicts(findings []packager.Finding) []packager.RequirementVerdict {
	worst := worstOf(findings)
	out := make([]packager.RequirementVerdict, 0, len(c.rs.Requirements))
	for _, r := range c.rs.Requirements {
		a := c.met[r.ID]
		v := packager.RequirementVerdict{Requirement: r, Satisfied: a.satisfied, State: packager.StateOK, Materials: a.paths}
		if s, ok := worst[r.ID]; ok && (s != packager.Info || !a.satisfied) {
			v.State = s
		}
		if v.State == packager.Block {
			v.Satisfied = false
		}
		out = append(out, v)
	}
	return out
}

func ruleIDs(rules []packager.Rule) []string {
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID
	}
	return ids
}

// titled adds the pack's title in both languages, as {title_zh} and {title_en}.
func titled(args packager.Args, title packager.Text) packager.Args {
	if args == nil {
		args = packager.Args{}
	}
	args["title_zh"], args["title_en"] = title.In("zh"), title.In("en")
	return args
}

// paperArgs adds a paper's name in both languages, as {paper_zh} and {paper_en}.
func (c *checker) paperArgs(id string, args packager.Args) packager.Args {
	if args == nil {
		args = packager.Args{}
	}
	name := packager.Text{ZH: id, EN: id}
	if m, ok := c.rs.Catalogue[id]; ok && m.Name != (packager.Text{}) {
		name = m.Name
	}
	args["paper_zh"], args["paper_en"] = name.In("zh"), name.In("en")
	return args
}

// placedIDs are the ids of all papers that have a file or of which the user
// writes down what they say, in the order of the bundle.
func (c *checker) placedIDs() []string {
	ids := map[string]bool{}
	for id := range c.placed {
		ids[id] = true
	}
	for id := range c.kase.Papers {
		ids[id] = true
	}
	return slices.SortedFunc(maps.Keys(ids), func(a, b string) int {
		x, y := c.rs.Catalogue[a], c.rs.Catalogue[b]
		return cmp.Or(cmp.Compare(part(x.Part), part(y.Part)), cmp.Compare(x.Order, y.Order), cmp.Compare(a, b))
	})
}

// part is the place of a part in the bundle; unknown ones come last.
func part(p string) int {
	parts := []string{"letter", "authorisation", "licence", "identity", "ownership", "settlement", "special"}
	if i := slices.Index(parts, p); i >= 0 {
		return i
	}
	return len(parts)
}
