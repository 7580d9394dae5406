package check

import (
	"strconv"
	"strings"

	"dossier/packager"
	"dossier/packager/identity"
)

// soon is how many days before its end a card is warned of: agents of WeChat
// Pay speak of three months.
const soon = 90

// person is a natural person of the case with the papers that show who they
// are.
type person struct {
	*packager.Person
	role   string // legal_rep, agent, employee, holder: the first part of the ids of their papers
	field  string // in case.yaml
	result identity.Result
}

func persons(k *packager.Case) []person {
	var out []person
	add := func(p *packager.Person, role, field string) {
		if p != nil && *p != (packager.Person{}) {
			out = append(out, person{Person: p, role: role, field: field})
		}
	}
	add(&k.Applicant.LegalRepresentative, "legal_rep", "applicant.legal_representative")
	add(k.Agent, "agent", "agent")
	add(k.Employee, "employee", "employee")
	add(k.Holder, "holder", "holder")
	return out
}

func (p person) portrait() string { return p.role + "_id_portrait" }
func (p person) emblem() string   { return p.role + "_id_emblem" }
func (p person) passport() string { return p.role + "_passport" }

// numberPaper and termPaper are the papers that show the number and the term
// of validity: on an ID card the number is on the portrait side, the term on
// the emblem side.
func (p person) numberPaper() string {
	if p.IDType == string(identity.KindPassport) {
		return p.passport()
	}
	return p.portrait()
}

func (p person) termPaper() string {
	if p.IDType == string(identity.KindPassport) {
		return p.passport()
	}
	return p.emblem()
}

// shown names a person in a message.
func (p person) shown() string {
	if p.Name != "" {
		return p.Name
	}
	return p.field
}

// roleOf returns whose paper an id means: the role, or "".
func roleOf(id string) string {
	for _, role := range []string{"legal_rep", "agent", "employee", "holder"} {
		if strings.HasPrefix(id, role+"_") {
			return role
		}
	}
	switch id {
	case "labour_contract", "leaving_certificate", "employment_certificate":
		return "employee"
	}
	return ""
}

func (c *checker) person(role string) (person, bool) {
	for _, p := range c.persons {
		if p.role == role {
			return p, true
		}
	}
	return person{}, false
}

// samePerson reports whether two entries of the case are the same human being:
// by number where both have one, else by name.
func samePerson(a, b *packager.Person, day packager.Day) bool {
	if a.IDNumber != "" && b.IDNumber != "" {
		return identity.IDNumber(a.IDType, a.IDNumber, day).Long == identity.IDNumber(b.IDType, b.IDNumber, day).Long
	}
	return a.Name != "" && identity.ComparePerson(a.Name, b.Name).Likeness == identity.Same
}

// people judges numbers, terms of validity and contacts of every person.
func (c *checker) people() {
	for i := range c.persons {
		p := &c.persons[i]
		c.idNumber(p)
		c.validity(p)
		c.phone(p.Phone, p.field+".phone")
		c.email(p.Email, p.field+".email")
		c.sides(p)
	}
	c.phone(c.kase.Account.BoundPhone, "account.bound_phone")
	c.email(c.kase.Account.BoundEmail, "account.bound_email")
	legal, hasLegal := c.person("legal_rep")
	agent, hasAgent := c.person("agent")
	if hasLegal && hasAgent && samePerson(legal.Person, agent.Person, c.day) {
		c.say(packager.Finding{Code: "AGENT_IS_LEGAL_REPRESENTATIVE", Severity: packager.Info,
			Pos: c.pos("agent"), Args: packager.Args{"person": agent.shown()}})
	}
}

// idFinding starts a finding about a person's document; it stands under the
// paper that shows what is wrong.
func (c *checker) idFinding(code string, sev packager.Severity, p *person, paper, field string, args packager.Args) packager.Finding {
	if args == nil {
		args = packager.Args{}
	}
	args["person"], args["number"] = p.shown(), identity.Mask(p.IDNumber)
	f := c.about(code, sev, paper, args)
	if pos := c.pos(p.field + "." + field); pos != (packager.Position{}) {
		f.Pos = pos
	}
	return f
}

func (c *checker) idNumber(p *person) {
	if p.IDNumber == "" {
		return
	}
	p.result = identity.IDNumber(p.IDType, p.IDNumber, c.day)
	r := p.result
	args := func() packager.Args {
		return packager.Args{"length": strconv.Itoa(len([]rune(r.Normal))), "field": p.field + ".id_number"}
	}
	blocked := false
	for _, x := range r.Problems {
		a := args()
		a["reason"], a["at"] = x.Code, strconv.Itoa(x.At)
		switch {
		case x.Severity == packager.Block:
			if !blocked {
				c.say(c.idFinding("ID_NUMBER_INVALID", packager.Block, p, p.numberPaper(), "id_number", a))
			}
			blocked = true
			if x.Code == identity.ProblemBirth {
				c.say(c.idFinding("ID_BIRTH_DATE_IMPOSSIBLE", packager.Block, p, p.numberPaper(), "id_number", a))
			}
		case x.Code == identity.ProblemOldForm:
			c.say(c.idFinding("ID_OLD_FORM", packager.Warn, p, p.numberPaper(), "id_number", a))
		case x.Code == identity.ProblemIDType:
			a["id_type"] = p.IDType
			c.say(c.idFinding("ID_TYPE_UNKNOWN", packager.Warn, p, p.numberPaper(), "id_type", a))
		default:
			c.say(c.idFinding("ID_NUMBER_UNUSUAL", packager.Warn, p, p.numberPaper(), "id_number", a))
		}
	}
	if blocked {
		for _, h := range r.Hints {
			if h.Want != "" {
				a := args()
				a["at"], a["got"], a["want"] = strconv.Itoa(h.At), h.Got, h.Want
				c.say(c.idFinding("ID_NUMBER_HINT", packager.Info, p, p.numberPaper(), "id_number", a))
			}
		}
		if r.Looks != "" {
			a := args()
			a["id_type"] = string(r.Looks)
			c.say(c.idFinding("ID_TYPE_HINT", packager.Info, p, p.numberPaper(), "id_type", a))
		}
	}
	if p.role == "legal_rep" && !r.Birth.IsZero() && identity.Age(r.Birth, c.day) < 18 {
		c.say(c.idFinding("LEGAL_REPRESENTATIVE_MINOR", packager.Warn, p, p.numberPaper(), "id_number", args()))
	}
}

// validity judges the term of a person's document. What the user states may
// block; what only a machine read warns.
func (c *checker) validity(p *person) {
	t, read := c.term(p), c.readUntil(p)
	severity := packager.Block
	switch {
	case !t.stated():
		t.until, severity = read, packager.Warn
	case !c.wanted(p):
		severity = packager.Warn
	}
	args := func() packager.Args {
		return packager.Args{"date": t.until.String(), "days": strconv.Itoa(c.day.DaysUntil(t.until)), "read": read.String()}
	}
	switch {
	case t.until.IsZero():
	case t.until.Before(c.day):
		c.say(c.idFinding("ID_EXPIRED", severity, p, p.termPaper(), "id_valid_until", args()))
	case c.day.DaysUntil(t.until) <= soon:
		c.say(c.idFinding("ID_EXPIRES_SOON", packager.Warn, p, p.termPaper(), "id_valid_until", args()))
	}
	if !t.until.IsZero() && !read.IsZero() && read != t.until {
		c.say(c.idFinding("ID_TERM_DIFFERS", packager.Warn, p, p.termPaper(), "id_valid_until", args()))
	}
	if p.result.Kind != identity.KindIDCard {
		return // the law gives terms for citizens' cards only
	}
	for _, x := range identity.Term(p.result.Birth, t.from, t.until, t.long, c.day) {
		a := args()
		a["reason"] = x.Code
		c.say(c.idFinding("ID_TERM_UNUSUAL", packager.Warn, p, p.termPaper(), "id_valid_until", a))
	}
}

// term is a term of validity; long is 长期.
type term struct {
	from, until packager.Day
	long        bool
}

func (t term) stated() bool { return t.long || !t.until.IsZero() }

// term returns the term of a document as the user states it, of the person or
// of the paper.
func (c *checker) term(p *person) term {
	t := term{p.IDValidFrom, p.IDValidUntil, p.IDLongTerm}
	for _, id := range []string{p.emblem(), p.portrait(), p.passport()} {
		if x := c.kase.Papers[id]; !t.stated() {
			t = term{x.ValidFrom, x.ValidUntil, x.LongTerm}
		}
	}
	return t
}

// wanted reports whether a person's document is asked for or brought.
func (c *checker) wanted(p *person) bool {
	for _, id := range []string{p.portrait(), p.emblem(), p.passport()} {
		if c.asking[id] != nil || len(c.placed[id]) > 0 {
			return true
		}
	}
	return false
}

// readUntil is the end of validity that a machine read from the document.
func (c *checker) readUntil(p *person) packager.Day {
	for _, id := range []string{p.emblem(), p.portrait(), p.passport()} {
		if d := c.readDay(id, "valid_until"); !d.IsZero() {
			return d
		}
	}
	return packager.Day{}
}

// sides says that one side of a card is missing where no requirement says so
// in earnest, and that the sides stand under each other's names.
func (c *checker) sides(p *person) {
	if p.IDType == string(identity.KindPassport) {
		return
	}
	front, back := c.placed[p.portrait()], c.placed[p.emblem()]
	if len(front) == 1 && len(back) == 0 && !c.demanded(p.emblem()) && front[0].Pages <= 1 {
		c.say(c.about("ID_SIDE_MISSING", packager.Warn, p.portrait(), c.paperArgs(p.emblem(), packager.Args{"person": p.shown()})))
	}
	if len(back) == 1 && len(front) == 0 && !c.demanded(p.portrait()) && back[0].Pages <= 1 {
		c.say(c.about("ID_SIDE_MISSING", packager.Warn, p.emblem(), c.paperArgs(p.portrait(), packager.Args{"person": p.shown()})))
	}
	if len(front) == 1 && len(back) == 1 && front[0].Path != back[0].Path &&
		has(front[0], "valid_until") && !has(front[0], "id_number") && has(back[0], "id_number") && !has(back[0], "valid_until") {
		c.say(c.about("ID_SIDES_SWAPPED", packager.Warn, p.portrait(), packager.Args{
			"person": p.shown(), "portrait": back[0].Path, "emblem": front[0].Path}))
	}
}

// demanded reports whether the lack of a paper is more than information.
func (c *checker) demanded(id string) bool {
	r := c.asking[id]
	return r != nil && r.Severity != packager.Info
}

func has(f *packager.Inspected, field string) bool {
	for _, x := range f.Fields {
		if x.Name == field {
			return true
		}
	}
	return false
}

func (c *checker) phone(s, field string) {
	if s == "" {
		return
	}
	r := identity.Mobile(s)
	code := ""
	switch {
	case !r.OK():
		code = "PHONE_INVALID"
	case r.Has(identity.ProblemVirtual):
		code = "PHONE_VIRTUAL"
	default:
		return
	}
	c.say(packager.Finding{Code: code, Severity: packager.Warn, Pos: c.pos(field),
		Args: packager.Args{"field": field, "phone": identity.MaskPhone(s)}})
}

func (c *checker) email(s, field string) {
	if s != "" && !identity.Email(s).OK() {
		c.say(packager.Finding{Code: "EMAIL_INVALID", Severity: packager.Warn, Pos: c.pos(field),
			Args: packager.Args{"field": field, "email": s}})
	}
}

// consent asks for the separate consent (PIPL art. 29) of each person whose
// papers are inside. Who files brings their own papers and needs none: the
// agent if there is one, else the holder of a personal account, else the legal
// representative. Everybody else gives their papers to the one who files.
func (c *checker) consent() {
	filer, known := c.filer()
	for i := range c.persons {
		p := &c.persons[i]
		if known && samePerson(p.Person, filer.Person, c.day) {
			continue
		}
		id := c.personalPaper(p)
		if id == "" || c.askedOfSamePerson(i) {
			continue
		}
		consent, given := c.consentOf(p)
		args := packager.Args{"person": p.shown(), "date": consent.On.String()}
		switch {
		case !given:
			f := c.about("CONSENT_MISSING", packager.Warn, id, args)
			if r := c.consentRequirement(p); r != nil {
				f.Severity, f.Requirement, f.Rules = r.Severity, r.ID, ruleIDs(r.Rules)
			}
			f.Pos = c.pos("consent")
			c.say(f)
		case !consent.On.IsZero() && consent.On.After(c.day):
			f := c.about("CONSENT_IN_FUTURE", packager.Warn, id, args)
			f.Pos = c.pos("consent")
			c.say(f)
		case len(consent.Evidence) == 0:
			f := c.about("CONSENT_WITHOUT_EVIDENCE", packager.Info, id, args)
			f.Pos = c.pos("consent")
			c.say(f)
		}
	}
}

func (c *checker) filer() (person, bool) {
	for _, role := range []string{"agent", "holder", "legal_rep"} {
		if p, ok := c.person(role); ok {
			return p, true
		}
	}
	return person{}, false
}

// personalPaper returns the id of a paper of the person that is among the
// materials, "" if there is none.
func (c *checker) personalPaper(p *person) string {
	for _, id := range c.placedIDs() {
		if roleOf(id) == p.role && len(c.placed[id]) > 0 && (c.rs.Catalogue[id].Personal || card(id)) {
			return id
		}
	}
	return ""
}

// askedOfSamePerson reports whether an earlier person of the list is the same.
func (c *checker) askedOfSamePerson(i int) bool {
	for j := range i {
		if samePerson(c.persons[j].Person, c.persons[i].Person, c.day) && c.personalPaper(&c.persons[j]) != "" {
			return true
		}
	}
	return false
}

func (c *checker) consentOf(p *person) (packager.Consent, bool) {
	for _, k := range c.kase.Consent {
		if identity.ComparePerson(k.Person, p.Name).Likeness == identity.Same {
			return k, true
		}
	}
	return packager.Consent{}, false
}

// consentRequirement is the pack's own word on consent: a requirement with the
// id consent, or for one role (employee_consent).
func (c *checker) consentRequirement(p *person) *packager.Requirement {
	for i := range c.rs.Requirements {
		if r := &c.rs.Requirements[i]; r.ID == "consent" || r.ID == p.role+"_consent" {
			return r
		}
	}
	return nil
}
