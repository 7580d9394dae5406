package casefile

import "dossier/packager"

// file is case.yaml as it is written; see templates/schema/case.schema.json.
type file struct {
	Version      int             `yaml:"version"`
	ID           string          `yaml:"id"`
	Platform     string          `yaml:"platform"`
	Application  string          `yaml:"application"`
	AccountType  string          `yaml:"account_type"`
	SpecialCases []string        `yaml:"special_cases"`
	Account      account         `yaml:"account"`
	Applicant    applicant       `yaml:"applicant"`
	Agent        *person         `yaml:"agent"`
	Employee     *person         `yaml:"employee"`
	Holder       *person         `yaml:"holder"`
	Reason       string          `yaml:"reason"`
	Materials    map[string]list `yaml:"materials"`
	Papers       map[string]form `yaml:"papers"`
	Facts        map[string]any  `yaml:"facts"`
	Backups      []backup        `yaml:"backups"`
	Consent      []consent       `yaml:"consent"`
	Retention    retention       `yaml:"retention"`
}

type retention struct {
	Days        int          `yaml:"days"`
	CompletedOn packager.Day `yaml:"completed_on"`
}

type list = []string

type account struct {
	ID         string `yaml:"id"`
	Name       string `yaml:"name"`
	BoundPhone string `yaml:"bound_phone"`
	BoundEmail string `yaml:"bound_email"`
	Followers  *int64 `yaml:"followers"`
}

type applicant struct {
	Name                string `yaml:"name"`
	USCC                string `yaml:"uscc"`
	LegalRepresentative person `yaml:"legal_representative"`
}

type person struct {
	Name         string       `yaml:"name"`
	IDNumber     string       `yaml:"id_number"`
	IDType       string       `yaml:"id_type"`
	IDValidFrom  packager.Day `yaml:"id_valid_from"`
	IDValidUntil until        `yaml:"id_valid_until"`
	Phone        string       `yaml:"phone"`
	Email        string       `yaml:"email"`
}

func (p person) person() packager.Person {
	return packager.Person{
		Name: p.Name, IDNumber: p.IDNumber, IDType: p.IDType,
		IDValidFrom: p.IDValidFrom, IDValidUntil: p.IDValidUntil.day, IDLongTerm: p.IDValidUntil.longTerm,
		Phone: p.Phone, Email: p.Email,
	}
}

// pointer is nil for a person of whom nothing is stated: `agent: {}`.
func (p *person) pointer() *packager.Person {
	if p == nil || *p == (person{}) {
		return nil
	}
	v := p.person()
	return &v
}

// form is what the user reads on a paper.
type form struct {
	Dated               dated        `yaml:"dated"`
	Sealed              *bool        `yaml:"sealed"`
	Signed              *bool        `yaml:"signed"`
	Addressee           string       `yaml:"addressee"`
	AccountID           string       `yaml:"account_id"`
	Name                string       `yaml:"name"`
	USCC                string       `yaml:"uscc"`
	LegalRepresentative string       `yaml:"legal_representative"`
	Agent               string       `yaml:"agent"`
	IDNumber            string       `yaml:"id_number"`
	ValidFrom           packager.Day `yaml:"valid_from"`
	ValidUntil          until        `yaml:"valid_until"`
}

func (f form) paper() packager.Paper {
	return packager.Paper{
		Dated: f.Dated.day, Undated: f.Dated.none, Sealed: f.Sealed, Signed: f.Signed, Addressee: f.Addressee,
		AccountID: f.AccountID, Name: f.Name, USCC: f.USCC,
		LegalRepresentative: f.LegalRepresentative, Agent: f.Agent, IDNumber: f.IDNumber,
		ValidFrom: f.ValidFrom, ValidUntil: f.ValidUntil.day, LongTerm: f.ValidUntil.longTerm,
	}
}

type backup struct {
	Requirement string       `yaml:"requirement"`
	Files       list         `yaml:"files"`
	ExportedOn  packager.Day `yaml:"exported_on"`
	Items       *int64       `yaml:"items"`
	FromDay     packager.Day `yaml:"from_day"`
	ToDay       packager.Day `yaml:"to_day"`
}

type consent struct {
	Person   string       `yaml:"person"`
	On       packager.Day `yaml:"on"`
	Evidence list         `yaml:"evidence"`
}

// until is the end of a validity: a day, or for ever.
type until struct {
	day      packager.Day
	longTerm bool
}

func (u *until) UnmarshalText(b []byte) error {
	if s := string(b); s == "长期" || s == "long_term" {
		u.longTerm = true
		return nil
	}
	return u.day.UnmarshalText(b)
}

// dated is the date of a paper, or the word that it bears none.
type dated struct {
	day  packager.Day
	none bool
}

func (d *dated) UnmarshalText(b []byte) error {
	if string(b) == "none" {
		d.none = true
		return nil
	}
	return d.day.UnmarshalText(b)
}
