package packager

// Case is one application by one applicant about one account on one platform,
// as the applicant states it in case.yaml. Paths are slash-separated and
// relative to Dir, and never leave it.
type Case struct {
	Dir string // absolute path of the case folder
	// ID names the case in the store and in every output: ASCII, without a
	// name or a number of a person in it. case.yaml may set it; else it is
	// derived from platform, application and a digest of account and USCC.
	ID           string
	Version      int
	Platform     string
	Application  string // close (default), open, migrate
	AccountType  string
	SpecialCases []string
	Account      Account
	Applicant    Applicant
	Agent        *Person // who files, if not the legal representative
	Employee     *Person // whose account it is (Douyin)
	Holder       *Person // the holder of a personal account
	Reason       string
	Materials    map[string][]string // material id → paths
	Papers       map[string]Paper    // material id → what the user reads on the paper
	Facts        map[string]Fact
	Backups      []Backup
	Consent      []Consent
	Retention    Retention
	// Pos says where in case.yaml a field stands, by its dotted path
	// ("applicant.uscc", "materials.business_licence").
	Pos map[string]Position
	// Text is case.yaml as it was read, to show lines of it in diagnostics. It
	// holds identity numbers.
	Text []byte
}

// Numbers are the identity numbers of the case's persons, as stated.
func (c *Case) Numbers() []string {
	var out []string
	for _, p := range []*Person{&c.Applicant.LegalRepresentative, c.Agent, c.Employee, c.Holder} {
		if p != nil && p.IDNumber != "" {
			out = append(out, p.IDNumber)
		}
	}
	return out
}

// Account is the account that the application is about.
type Account struct {
	ID         string // UID, 原始ID, 抖音号 …
	Name       string
	BoundPhone string
	BoundEmail string
	Followers  *int64 // nil: not stated
}

// Applicant is the legal entity (or person) that applies.
type Applicant struct {
	Name                string
	USCC                string // unified social credit code, GB 32100-2015
	LegalRepresentative Person
}

// Person is a natural person named in a case. Its numbers are sensitive
// personal information (PIPL art. 28): they are printed only in the bundle and
// never in a log, a name of a file, a key of the store or an error.
type Person struct {
	Name         string
	IDNumber     string // GB 11643-1999, or the number of another document
	IDType       string // "" or "id_card", "passport", "hk_macau_permit", "taiwan_permit", "residence_permit", "permanent_resident_card"
	IDValidFrom  Day
	IDValidUntil Day  // zero: not stated
	IDLongTerm   bool // 长期
	Phone        string
	Email        string
}

// Paper is what the user reads on one paper and writes down so that it can be
// compared: all fields are optional, and an absent one is never a mistake.
type Paper struct {
	Dated               Day
	Undated             bool // the user says that the paper bears no date (case.yaml: dated: none)
	Sealed              *bool
	Signed              *bool
	Addressee           string
	AccountID           string
	Name                string // name of the entity or person on the paper
	USCC                string
	LegalRepresentative string
	Agent               string
	IDNumber            string
	ValidFrom           Day
	ValidUntil          Day
	LongTerm            bool
}

// Fact is a statement with a date and, where the pack asks for it, evidence.
type Fact struct {
	Value    any // bool, int64, float64, string, Day, or []any of these
	On       Day
	Evidence []string
}

// Backup is a set of exports of the account's data that answers one backup
// requirement. The content stays out of the bundle.
type Backup struct {
	Requirement string
	Files       []string
	ExportedOn  Day
	Items       *int64 // records, articles, messages …; nil: not stated
	FromDay     Day    // first day that the data covers
	ToDay       Day    // last day
}

// Consent is one person's separate consent to the use of their papers
// (PIPL art. 29). It is kept by the applicant and not put into the bundle.
type Consent struct {
	Person   string
	On       Day
	Evidence []string
}

// Retention is how long personal materials are kept in the store (PIPL art.
// 19).
type Retention struct {
	Days        int // after the case is completed; 0: not stated
	CompletedOn Day // zero: not stated
}
