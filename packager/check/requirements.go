package check

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"dossier/packager"
	"dossier/packager/identity"
)

// requirements judges every requirement of the rule set by its kind.
func (c *checker) requirements() {
	for i := range c.rs.Requirements {
		r := &c.rs.Requirements[i]
		switch r.Kind {
		case packager.KindMaterial:
			c.material(r)
		case packager.KindBackup:
			c.backup(r)
		default:
			c.statement(r)
		}
	}
	c.unusable()
}

// finding starts a finding about a requirement, under the pack's title.
func finding(code string, sev packager.Severity, r *packager.Requirement, args packager.Args) packager.Finding {
	return packager.Finding{
		Code: code, Severity: sev, Requirement: r.ID, Rules: ruleIDs(r.Rules), Args: titled(args, r.Title),
	}
}

// unmet is a finding about a requirement that is not met at all: what to do is
// the pack's to say.
func unmet(code string, sev packager.Severity, r *packager.Requirement, args packager.Args) packager.Finding {
	f := finding(code, sev, r, args)
	if r.Next != (packager.Text{}) {
		f.Args["next_zh"], f.Args["next_en"] = r.Next.In("zh"), r.Next.In("en")
	}
	return f
}

// material looks for one of the papers that answer r, in as many files as it
// asks for. A file that cannot be used counts as brought: what is wrong with
// it is said of the file.
func (c *checker) material(r *packager.Requirement) {
	want := max(1, r.Min)
	best := answer{}
	brought := 0
	for _, id := range r.AnyOf {
		var usable int
		for _, f := range c.placed[id] {
			if !slices.Contains(best.paths, f.Path) {
				best.paths = append(best.paths, f.Path)
			}
			if f.Unusable == "" {
				usable++
			}
		}
		brought = max(brought, len(c.placed[id]))
		best.satisfied = best.satisfied || usable >= want
	}
	c.met[r.ID] = best
	if brought >= want {
		return
	}
	code := "MATERIAL_MISSING"
	if brought > 0 {
		code = "MATERIAL_TOO_FEW"
	}
	f := unmet(code, r.Severity, r, packager.Args{"have": strconv.Itoa(brought), "want": strconv.Itoa(want)})
	f.Args["accepted_zh"], f.Args["accepted_en"] = c.names(r.AnyOf, "zh", "或"), c.names(r.AnyOf, "en", " or ")
	if len(best.paths) > 0 {
		f.Material = best.paths[0]
	}
	f.Pos = c.pos("materials")
	c.say(f)
}

// names joins the names of papers.
func (c *checker) names(ids []string, lang, or string) string {
	var out []string
	for _, id := range ids {
		n := id
		if m, ok := c.rs.Catalogue[id]; ok && m.Name.In(lang) != "" {
			n = m.Name.In(lang)
		}
		out = append(out, n)
	}
	return strings.Join(out, or)
}

// statement judges a precondition or a declaration by what the case says.
func (c *checker) statement(r *packager.Requirement) {
	evidence := c.evidence(r)
	c.met[r.ID] = answer{satisfied: r.Outcome == packager.Holds, paths: evidence}
	args := packager.Args{"facts": factNames(r.Facts), "stated": c.stated(r.Facts)}
	at := packager.Position{}
	if len(r.Facts) > 0 {
		at = c.pos("facts." + r.Facts[0])
	}
	switch r.Outcome {
	case packager.Fails:
		f := unmet("PRECONDITION_FAILS", r.Severity, r, args)
		f.Pos = at
		c.say(f)
	case packager.Unknown, "":
		f := unmet("PRECONDITION_UNKNOWN", ifUnknown(r), r, args)
		f.Pos = at
		c.say(f)
	case packager.Holds:
		if r.Evidence != "" && len(evidence) == 0 {
			f := finding("EVIDENCE_MISSING", r.Evidence, r, args)
			f.Pos = at
			c.say(f)
		}
	}
	for _, id := range r.Facts {
		if on := c.kase.Facts[id].On; !on.IsZero() && on.After(c.day) {
			f := finding(codeFactInFuture, packager.Warn, r, packager.Args{"fact": id, "date": on.String(), "day": c.day.String()})
			f.Pos = c.pos("facts." + id + ".on")
			c.say(f)
		}
	}
}

// ifUnknown is the severity of a statement that the case does not make.
func ifUnknown(r *packager.Requirement) packager.Severity {
	switch {
	case r.IfUnknown != "":
		return milder(r.IfUnknown, r.Severity)
	case r.Severity == packager.Block:
		return packager.Warn
	}
	return packager.Info
}

// evidence returns the files that stand for the facts of a requirement.
func (c *checker) evidence(r *packager.Requirement) []string {
	var paths []string
	for i := range c.in.Files {
		f := &c.in.Files[i]
		named := slices.ContainsFunc(r.Facts, func(id string) bool {
			return slices.Contains(c.kase.Facts[id].Evidence, f.Path) || f.Role == packager.RoleEvidence && slices.Contains(f.IDs, id)
		}) || f.Role == packager.RoleEvidence && slices.Contains(f.IDs, r.ID)
		if named && !slices.Contains(paths, f.Path) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

func factNames(ids []string) string {
	if len(ids) == 0 {
		return "case.yaml"
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = "facts." + id
	}
	return strings.Join(names, ", ")
}

// stated writes down the facts as the case has them: "balance_yuan: 0.02".
func (c *checker) stated(ids []string) string {
	var out []string
	for _, id := range ids {
		f, ok := c.kase.Facts[id]
		if !ok {
			continue
		}
		out = append(out, id+": "+identity.MaskIDs(value(f.Value)))
	}
	if len(out) == 0 {
		return "—"
	}
	return strings.Join(out, ", ")
}

func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "?"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = value(x)
		}
		return strings.Join(parts, ", ")
	case time.Time:
		return packager.DayOf(v).String()
	}
	return fmt.Sprint(v)
}

// provenance says which rules are unconfirmed and where sources disagree, so
// that nobody takes the tool's word for the platform's.
func (c *checker) provenance() {
	if c.rs.Unconfirmed {
		c.say(packager.Finding{Code: "RULE_PACK_UNCONFIRMED", Severity: packager.Warn, Args: packager.Args{
			"platform": c.rs.Platform, "title_zh": c.rs.Name.In("zh"), "title_en": c.rs.Name.In("en"), "revision": c.rs.Revision,
		}})
	}
	for _, r := range c.rs.Requirements {
		grade := best(r.Rules)
		if grade == "" || grade.MayBlock() {
			continue
		}
		f := finding(codeRuleUnconfirmed, packager.Info, &r, packager.Args{"rules": strings.Join(ruleIDs(r.Rules), ", "), "grade": string(grade)})
		c.say(f)
	}
	for _, d := range c.rs.Doubts {
		args := titled(packager.Args{"doubt": d.ID, "rules": strings.Join(d.Rules, ", ")}, d.Title)
		for _, r := range d.Readings {
			if r.ID == d.Default {
				args["reading_zh"], args["reading_en"] = r.Text.In("zh"), r.Text.In("en")
			}
		}
		args["why_zh"], args["why_en"] = d.Why.In("zh"), d.Why.In("en")
		c.say(packager.Finding{Code: codeSourcesDisagree, Severity: packager.Info, Rules: slices.Clone(d.Rules), Args: args})
	}
}

const (
	codeFactInFuture    = "FACT_IN_FUTURE"
	codeRuleUnconfirmed = "RULE_UNCONFIRMED"
	codeSourcesDisagree = "SOURCES_DISAGREE"
)

// best is the strongest evidence among the rules that ask for the same thing.
func best(rules []packager.Rule) packager.Confidence {
	strength := map[packager.Confidence]int{"A": 5, "B": 4, "S": 3, "C": 2, "M": 1}
	grades := map[packager.Confidence]bool{}
	for _, r := range rules {
		grades[r.Confidence] = true
	}
	if len(grades) == 0 {
		return ""
	}
	return slices.MaxFunc(slices.Sorted(maps.Keys(grades)), func(a, b packager.Confidence) int { return strength[a] - strength[b] })
}
