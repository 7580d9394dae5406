package check

import (
	"slices"
	"strings"

	"dossier/packager"
	"dossier/packager/identity"
)

// reading is one paper's version of a particular.
type reading struct {
	id, path, value, by string
	proven              bool
	certain             float64
	name                string // of the field
	page                int
	zone                *packager.Zone
}

// particular is a thing that has to be the same on every paper.
type particular struct {
	field   string // name of the row
	code    string // of the finding
	stated  string
	read    []reading
	compare func(a, b string) identity.Comparison
	hidden  bool // an identity number: masked in what is said
}

// agreement compares the particulars of the case with every paper.
func (c *checker) agreement() {
	k := c.kase
	c.agree(particular{field: "name", code: "NAME_DIFFERS", stated: k.Applicant.Name, compare: identity.CompareEntity,
		read: c.readings("name", func(p packager.Paper) string { return p.Name }, c.namesEntity)})
	c.agree(particular{field: "uscc", code: "USCC_DIFFERS", stated: k.Applicant.USCC, compare: exact(identity.USCC),
		read: c.readings("uscc", func(p packager.Paper) string { return p.USCC }, c.namesEntity)})
	c.agree(particular{field: "legal_representative", code: "LEGAL_REPRESENTATIVE_DIFFERS", stated: k.Applicant.LegalRepresentative.Name, compare: identity.ComparePerson,
		read: append(
			c.readings("legal_representative", func(p packager.Paper) string { return p.LegalRepresentative }, func(id string) bool { return roleOf(id) == "" }),
			c.readings("name", func(p packager.Paper) string { return p.Name }, func(id string) bool { return roleOf(id) == "legal_rep" })...)})
	c.agree(particular{field: "account_id", code: "ACCOUNT_DIFFERS", stated: k.Account.ID, compare: compareAccount,
		read: c.readings("account_id", func(p packager.Paper) string { return p.AccountID }, func(string) bool { return true })})
	c.agents()
	for i := range c.persons {
		c.personPapers(&c.persons[i])
	}
}

// namesEntity reports whether the name and the code on a paper are the
// applicant's: its licence, its letters, an authorisation under its seal (one
// that a person gives names the person).
func (c *checker) namesEntity(id string) bool {
	switch spec := c.rs.Catalogue[id]; spec.Part {
	case "letter", "licence":
		return true
	case "authorisation":
		return spec.Sealed
	}
	return false
}

// agents compares who files with the authorisation and the agent's card.
func (c *checker) agents() {
	read := append(
		c.readings("agent", func(p packager.Paper) string { return p.Agent }, func(id string) bool { return roleOf(id) == "" }),
		c.readings("name", func(p packager.Paper) string { return p.Name }, func(id string) bool { return roleOf(id) == "agent" })...)
	stated := c.kase.Applicant.LegalRepresentative.Name // files, if there is no agent
	if c.kase.Agent != nil {
		stated = c.kase.Agent.Name
	}
	c.agree(particular{field: "agent", code: "AGENT_DIFFERS", stated: stated, compare: identity.ComparePerson, read: read})
}

// personPapers compares a person's papers with what the case says: numbers,
// and the names of those who have no row of their own.
func (c *checker) personPapers(p *person) {
	own := func(id string) bool { return roleOf(id) == p.role }
	if p.IDNumber != "" {
		c.agree(particular{code: "ID_NUMBER_DIFFERS", stated: p.IDNumber, hidden: true,
			compare: exact(func(s string) identity.Result { return identity.IDNumber(p.IDType, s, c.day) }),
			read: slices.DeleteFunc(c.readings("id_number", func(x packager.Paper) string { return x.IDNumber }, own),
				func(r reading) bool { return r.by != "user" && !card(r.id) })}) // a contract holds the numbers of others, too
	}
	if p.role == "employee" || p.role == "holder" {
		c.agree(particular{code: "PERSON_DIFFERS", stated: p.Name, compare: func(a, b string) identity.Comparison {
			// A labour contract and a leaving certificate name the employer, too.
			if n := identity.CompareEntity(c.kase.Applicant.Name, b); n.Likeness == identity.Same {
				return n
			}
			return identity.ComparePerson(a, b)
		}, read: c.readings("name", func(x packager.Paper) string { return x.Name }, own)})
	}
}

// card reports whether an id is a person's document.
func card(id string) bool { return strings.Contains(id, "_id_") || strings.HasSuffix(id, "_passport") }

// readings collects what papers say: the user's reading first, then the
// machine's, in the order of the bundle.
func (c *checker) readings(field string, of func(packager.Paper) string, want func(id string) bool) []reading {
	var out []reading
	for _, id := range c.placedIDs() {
		if !want(id) {
			continue
		}
		files := c.placed[id]
		if v := of(c.kase.Papers[id]); v != "" {
			r := reading{id: id, value: v, by: "user", certain: 1, name: field}
			if len(files) > 0 {
				r.path = files[0].Path
			}
			out = append(out, r)
		}
		for _, f := range files {
			for _, x := range f.Fields {
				if x.Name == field && x.Value != "" {
					out = append(out, readingOf(id, f.Path, x))
				}
			}
		}
	}
	return out
}

func readingOf(id, path string, x packager.Field) reading {
	return reading{id, path, x.Value, x.By, x.Proven, x.Confidence, x.Name, x.Page, x.Zone}
}

// seen puts a reading beside what the case says.
func (r reading) seen(stated, read string) *packager.Seen {
	return &packager.Seen{Field: r.name, Stated: stated, Read: read, By: r.by, Confidence: r.certain, Page: r.page, Zone: r.zone}
}

// surely is the confidence from which on a machine's reading is worth a
// warning.
const surely = 0.6

// agree makes the row of a particular and says where a paper differs. The
// user's own reading blocks, and a machine's that is proven; an unproven one
// warns, and one that is not even sure stands in the row alone.
func (c *checker) agree(p particular) {
	if p.stated == "" {
		return
	}
	row := packager.Agreement{Field: p.field, Stated: p.stated}
	for _, r := range p.read {
		cmp := p.compare(p.stated, r.value)
		if cmp.Likeness == identity.Same {
			row.Read = enter(row.Read, r, packager.StateOK)
			continue
		}
		if c.agreesElsewhere(p, r) {
			continue
		}
		sev, certain := severityOf(r, cmp)
		if !certain {
			row.Read = enter(row.Read, r, packager.Info)
			continue
		}
		row.Read = enter(row.Read, r, packager.Warn)
		switch {
		case p.code == "USCC_DIFFERS" && slices.Contains(licenceIDs, r.id):
			continue // licence has said so
		case p.code == "AGENT_DIFFERS", p.code == "USCC_DIFFERS" && r.by != "user": // a letter may name others
			sev = packager.Warn
		}
		stated, read := p.stated, r.value
		if p.hidden {
			stated, read = identity.Mask(stated), identity.Mask(read)
		}
		f := c.about(p.code, sev, r.id, c.paperArgs(r.id, packager.Args{
			"stated": stated, "read": read, "by": r.by, "reason": string(cmp.Reason)}))
		f.Seen = r.seen(stated, read)
		if r.path != "" {
			f.Material = r.path
		}
		if r.by == "user" {
			f.Pos = c.pos("papers." + r.id + "." + p.field)
		}
		c.say(f)
	}
	if p.field != "" {
		c.rows = append(c.rows, row)
	}
}

// enter puts a reading into a row; readings of one paper that say the same
// are one cell.
func enter(row []packager.AgreementCell, r reading, s packager.Severity) []packager.AgreementCell {
	for i, o := range row {
		if o.Material == r.path && o.State == s && (s == packager.StateOK || o.Value == r.value) {
			if !slices.Contains(o.By, r.by) {
				row[i].By = append(o.By, r.by)
			}
			return row
		}
	}
	return append(row, packager.AgreementCell{Material: r.path, Value: r.value, By: []string{r.by}, State: s})
}

func severityOf(r reading, cmp identity.Comparison) (sev packager.Severity, certain bool) {
	switch {
	case cmp.Likeness == identity.Similar:
		return packager.Warn, r.by == "user" || r.certain >= surely
	case r.by == "user", r.proven:
		return packager.Block, true
	}
	return packager.Warn, r.certain >= surely
}

// agreesElsewhere reports whether the same file has the stated value, too, by
// another reading: then the machine misread one of them.
func (c *checker) agreesElsewhere(p particular, r reading) bool {
	return r.by != "user" && slices.ContainsFunc(p.read, func(o reading) bool {
		return o.id == r.id && (o.path == r.path || o.by == "user") && p.compare(p.stated, o.value).Likeness == identity.Same
	})
}

// exact compares two numbers by their normal form.
func exact(judge func(string) identity.Result) func(a, b string) identity.Comparison {
	return func(a, b string) identity.Comparison {
		if judge(a).Long == judge(b).Long {
			return identity.Comparison{Likeness: identity.Same}
		}
		return identity.Comparison{Likeness: identity.Different}
	}
}

// compareAccount compares account ids: blanks, width and case aside; some
// platforms' ids do tell case apart, so that case alone is similar.
func compareAccount(a, b string) identity.Comparison {
	a, b = identity.Plain(a), identity.Plain(b)
	switch {
	case a == b:
		return identity.Comparison{Likeness: identity.Same}
	case strings.EqualFold(a, b):
		return identity.Comparison{Likeness: identity.Similar, Reason: identity.ReasonCase}
	}
	return identity.Comparison{Likeness: identity.Different}
}
