// Package casefile reads case.yaml, the file in which an applicant states a
// case. Every mistake comes back at once, as packager.Diagnostics; the form of
// the file is templates/schema/case.schema.json.
package casefile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"

	"dossier/packager"
	"dossier/packager/identity"
	"dossier/packager/yamldoc"
	"dossier/templates"
)

// Name is the name of the file in a case folder.
const Name = "case.yaml"

var schema = sync.OnceValues(func() (*yamldoc.Schema, error) {
	const name = "schema/case.schema.json"
	b, err := templates.FS.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return yamldoc.CompileSchema("case.schema.json", b)
})

// Parse reads the text of a case file. It checks everything that the text
// alone tells, and touches no file: see Load. name is what positions call the
// file. The case has no Dir.
func Parse(name string, b []byte) (*packager.Case, error) {
	c, _, found, err := parse(name, b)
	if err != nil {
		return nil, err
	}
	if err := yamldoc.Sorted(found); err != nil {
		return nil, err
	}
	return c, nil
}

// parse returns the case as far as it could be read, and what is wrong with it.
func parse(name string, b []byte) (*packager.Case, *yamldoc.Doc, packager.Diagnostics, error) {
	s, err := schema()
	if err != nil {
		return nil, nil, nil, err
	}
	doc, err := yamldoc.Parse(name, b)
	if err != nil {
		return nil, nil, nil, err
	}
	var f file
	r := reader{doc: doc}
	r.found = s.Check(doc, f)
	r.add(doc.Decode(&f))
	c := r.build(&f)
	c.Text = b
	return c, doc, r.found, nil
}

// reader turns the file's form into the case.
type reader struct {
	doc   *yamldoc.Doc
	found packager.Diagnostics
}

func (r *reader) build(f *file) *packager.Case {
	c := &packager.Case{
		ID:           f.ID,
		Version:      f.Version,
		Platform:     f.Platform,
		Application:  f.Application,
		AccountType:  f.AccountType,
		SpecialCases: f.SpecialCases,
		Account:      packager.Account(f.Account),
		Applicant: packager.Applicant{
			Name: f.Applicant.Name, USCC: f.Applicant.USCC,
			LegalRepresentative: f.Applicant.LegalRepresentative.person(),
		},
		Agent:     f.Agent.pointer(),
		Employee:  f.Employee.pointer(),
		Holder:    f.Holder.pointer(),
		Reason:    f.Reason,
		Materials: map[string][]string{},
		Papers:    map[string]packager.Paper{},
		Facts:     map[string]packager.Fact{},
		Retention: packager.Retention(f.Retention),
		Pos:       r.doc.Positions(),
	}
	if c.Application == "" {
		c.Application = "close"
	}
	for id, paths := range f.Materials {
		if len(paths) > 0 {
			c.Materials[id] = r.paths("materials."+id, paths)
		}
	}
	for id, p := range f.Papers {
		c.Papers[id] = p.paper()
	}
	for id, raw := range f.Facts {
		if fact, ok := r.fact("facts."+id, raw); ok {
			c.Facts[id] = fact
		}
	}
	for i, b := range f.Backups {
		c.Backups = append(c.Backups, packager.Backup{
			Requirement: b.Requirement,
			Files:       r.paths("backups."+strconv.Itoa(i)+".files", b.Files),
			ExportedOn:  b.ExportedOn, Items: b.Items, FromDay: b.FromDay, ToDay: b.ToDay,
		})
	}
	for i, k := range f.Consent {
		c.Consent = append(c.Consent, packager.Consent{
			Person: k.Person, On: k.On,
			Evidence: r.paths("consent."+strconv.Itoa(i)+".evidence", k.Evidence),
		})
	}
	if c.ID == "" {
		c.ID = deriveID(c)
	} else if identity.MaskKnown(c.ID, c.Numbers()...) != c.ID {
		// It names the case in the store, in links and in every output.
		r.report("CASE_ID_HAS_NUMBER", "id", nil, "")
	}
	return c
}

// fact reads a scalar, a list, or {value, on, evidence}. A fact without a
// value is not stated.
func (r *reader) fact(path string, raw any) (packager.Fact, bool) {
	m, long := raw.(map[string]any)
	if !long {
		v, ok := factValue(raw)
		return packager.Fact{Value: v}, ok
	}
	var f packager.Fact
	if s, ok := m["on"].(string); ok {
		day, err := packager.ParseDay(s)
		if err != nil {
			r.report("YAML_DAY", path+".on", packager.Args{"got": s}, "")
		}
		f.On = day
	}
	f.Evidence = r.paths(path+".evidence", texts(m["evidence"]))
	v, ok := factValue(m["value"])
	f.Value = v
	return f, ok || len(f.Evidence) > 0 || !f.On.IsZero()
}

// factValue makes days of texts that are days.
func factValue(raw any) (any, bool) {
	switch v := raw.(type) {
	case nil:
		return nil, false
	case string:
		if day, err := packager.ParseDay(v); err == nil {
			return day, true
		}
		return v, strings.TrimSpace(v) != ""
	case []any:
		list := make([]any, 0, len(v))
		for _, item := range v {
			if x, ok := factValue(item); ok {
				list = append(list, x)
			}
		}
		return list, true
	}
	return raw, true
}

func texts(raw any) []string {
	switch v := raw.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			s, _ := item.(string)
			all = append(all, s)
		}
		return all
	}
	return nil
}

// deriveID names a case that gives itself no name: platform, application and
// the first ten hex digits of the SHA-256 of the account id (else what else
// names the account), a line feed, and the USCC or else the holder's number.
func deriveID(c *packager.Case) string {
	account := cmp.Or(c.Account.ID, c.Account.BoundEmail, c.Account.BoundPhone, c.Account.Name)
	who := c.Applicant.USCC
	if who == "" && c.Holder != nil {
		who = c.Holder.IDNumber
	}
	sum := sha256.Sum256([]byte(account + "\n" + who))
	return word(c.Platform) + "-" + word(c.Application) + "-" + hex.EncodeToString(sum[:])[:10]
}

// word makes a part of an id of a text that nothing is known about yet.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, s)
	return cmp.Or(strings.Trim(s[:min(len(s), 20)], "-"), "x")
}

func (r *reader) report(code, path string, args packager.Args, suggestion string) {
	r.add(packager.Diagnostics{r.doc.Diagnostic(code, path, args, suggestion)})
}

// add takes up what is found at places where nothing is wrong yet: one mistake
// is told once, by the first gate that meets it.
func (r *reader) add(more packager.Diagnostics) {
	for _, d := range more {
		if !slices.ContainsFunc(r.found, func(have packager.Diagnostic) bool {
			return have.Pos == d.Pos && have.Pos.Line > 0
		}) {
			r.found = append(r.found, d)
		}
	}
}
