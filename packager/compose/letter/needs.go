package letter

import (
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
)

// instance is one copy of a wording: for everybody, for a person, or for the
// n-th of several.
type instance struct {
	suffix string
	person *person
	needed bool
}

// person is somebody whose papers are asked for.
type person struct {
	role string // prefix of the ids of their papers
	name packager.Text
	who  packager.Person
}

// people are the persons of a case, the one who files first.
func people(c *packager.Case) []person {
	var out []person
	add := func(role string, name packager.Text, p *packager.Person) {
		if p != nil && p.Name != "" && !slices.ContainsFunc(out, func(o person) bool { return o.who.Name == p.Name && o.who.IDNumber == p.IDNumber }) {
			out = append(out, person{role, name, *p})
		}
	}
	add("agent", packager.Text{ZH: "经办人", EN: "agent"}, c.Agent)
	add("holder", packager.Text{ZH: "账号持有人", EN: "holder"}, c.Holder)
	add("legal_rep", packager.Text{ZH: "法定代表人", EN: "legal representative"}, &c.Applicant.LegalRepresentative)
	add("employee", packager.Text{ZH: "员工", EN: "employee"}, c.Employee)
	return out
}

// ofEmployee are papers about an employee whose ids do not say so.
var ofEmployee = []string{"labour_contract", "leaving_certificate", "employment_certificate", "employee_agreement"}

func (p *person) paper(id string) bool {
	return strings.HasPrefix(id, p.role+"_id_") || id == p.role+"_passport" || p.role == "employee" && slices.Contains(ofEmployee, id)
}

// papers are the titles of what the case asks of a person.
func (p *person) papers(rs *packager.RuleSet) []string {
	var out []string
	for _, r := range rs.Requirements {
		for _, id := range r.AnyOf {
			if p.paper(id) {
				name := bare(rs.Catalogue[id].Name.ZH)
				if name == "" {
					name = r.Title.ZH
				}
				if !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// requirement returns the strictest requirement that a paper answers.
func requirement(rs *packager.RuleSet, id string) *packager.Requirement {
	var best *packager.Requirement
	for i := range rs.Requirements {
		r := &rs.Requirements[i]
		if (r.ID == id || slices.Contains(r.AnyOf, id)) && (best == nil || r.Severity.Rank() < best.Severity.Rank()) {
			best = r
		}
	}
	return best
}

// instances says which copies of the wording the case can be given.
func (w *wording) instances(c *packager.Case, rs *packager.RuleSet) []instance {
	r := requirement(rs, w.answers)
	switch w.each {
	case eachPerson:
		// Who files brings their own papers; everybody else whose papers are
		// inside gives a separate consent (PIPL art. 29).
		var out []instance
		for i, p := range people(c) {
			asked := len(p.papers(rs)) > 0
			out = append(out, instance{suffix: "-" + p.role, person: &p, needed: asked && i > 0})
		}
		return out
	case eachAdministrator:
		n := 1
		if r != nil {
			n = max(1, r.Min)
		}
		var out []instance
		for i := range min(n, 200) {
			out = append(out, instance{suffix: "-" + strconv.Itoa(i+1), needed: r != nil})
		}
		return out
	}
	// Where one of several papers will do, the first is drafted.
	return []instance{{needed: r != nil && (r.ID == w.answers || len(r.AnyOf) == 0 || r.AnyOf[0] == w.answers)}}
}
