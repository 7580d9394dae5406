package packager

import "cmp"

// Text is a text in both languages of the program. Chinese comes first.
type Text struct {
	ZH string `yaml:"zh" json:"zh"`
	EN string `yaml:"en" json:"en"`
}

// In returns the text in lang ("zh" or "en"), or the other one where that is
// missing.
func (t Text) In(lang string) string {
	if lang == "en" && t.EN != "" || t.ZH == "" {
		return t.EN
	}
	return t.ZH
}

// Kind says what a rule is about.
type Kind string

const (
	KindMaterial     Kind = "material"     // 材料: papers to hand in
	KindPrecondition Kind = "precondition" // 前置条件: must hold before filing
	KindBackup       Kind = "backup"       // 备份: data that will be destroyed
	KindDeclaration  Kind = "declaration"  // 声明: something to say, accept or announce
	KindDeadline     Kind = "deadline"     // 期限: reviews, freezes, waits
	KindStep         Kind = "step"         // 步骤
	KindWithdrawal   Kind = "withdrawal"   // 撤回
	KindFee          Kind = "fee"          // 费用
	KindLegal        Kind = "legal"        // 法律
	KindRejection    Kind = "rejection"    // 驳回原因与申诉渠道
	KindAlternative  Kind = "alternative"  // 替代方案
	KindAftermath    Kind = "aftermath"    // 善后
)

// Confidence grades the evidence for a rule, as the packs' sources allow:
//
//	S  stated in one published article only; not confirmed
//	A  seen in a first-party page or a statute, or proved by computation
//	B  two or more third-party pages agree
//	C  one third-party page
//	M  general knowledge, not looked up
//
// A rule of grade C or M never blocks.
type Confidence string

// MayBlock reports whether a rule of this grade may stop a bundle.
func (c Confidence) MayBlock() bool { return c == "S" || c == "A" || c == "B" }

// SourceRef is where a rule comes from.
type SourceRef struct {
	ID        string // id in the pack's list of sources
	At        string // place in it: "L53", "art. 16"
	Title     string
	Publisher string
	URL       string // or ""
}

// Rule is one row of a pack, with its provenance.
type Rule struct {
	ID            string // WE-M1
	Kind          Kind
	Severity      Severity // after the grade has been applied: C and M warn at most
	Title         Text
	Detail        Text // more to say: places, menus, limits
	Next          Text // what to do when it does not hold
	Sources       []SourceRef
	Confidence    Confidence
	ConflictsWith []string // ids of rules and doubts
	LastChecked   Day
}

// Outcome is what the case itself says about a requirement.
type Outcome string

const (
	Holds   Outcome = "holds"
	Fails   Outcome = "fails"
	Unknown Outcome = "unknown" // the case does not say
)

// Requirement is one thing that the pack asks of this very case; rules whose
// condition does not hold are not among them. Several rules may ask for the
// same thing: the strictest severity wins and all are kept as provenance.
type Requirement struct {
	ID       string // business_licence, auto_renewal_off, articles
	Kind     Kind   // material, precondition, backup or declaration
	Severity Severity
	Title    Text
	Next     Text
	Rules    []Rule

	// Material: one of AnyOf (ids of the catalogue) answers it, each in at
	// least Min files (sub-accounts: one authorisation per administrator).
	AnyOf []string
	Min   int

	// Precondition, declaration: what the case says, and which facts it
	// would have to state. EvidenceFor are the facts that need a file.
	Outcome  Outcome
	Facts    []string
	Evidence Severity // severity of missing evidence; "" when none is asked for
	// IfUnknown is the severity of an Unknown outcome, as packager/rules
	// resolves it: the rule's if_unknown, else warn for block rules and info
	// for the rest. Empty is read so, too.
	IfUnknown Severity

	// Backup: limits of the export; 0 means no limit.
	MaxAgeDays   int // exported at most this many days before filing
	MaxItems     int // items a batch (one file)
	WindowDays   int // the platform keeps only so many days of it
	MediaAllowed []string
}

// MaterialSpec describes one kind of paper: the catalogue shared by all packs
// and what a pack adds to it.
type MaterialSpec struct {
	ID       string
	Name     Text
	Part     string   // letter, authorisation, licence, identity, ownership, settlement, special: the parts of the bundle, in this order
	Order    int      // within the part
	Match    []string // words in a file's name that mean this paper; a longer word is a better match
	Exclude  []string // words that rule it out
	Personal bool     // holds sensitive personal information (PIPL art. 28)
	// Watermark says whether copies carry the purpose watermark, and Clear
	// which zones of an upright picture of the paper it must not touch.
	Watermark bool
	Clear     []Zone
	// Letter: the paper is to be sealed, signed, dated.
	Sealed, Signed, Dated bool
	MaxAgeDays            int // a letter older than this warns; 0: no limit
	// Thresholds of a picture; 0 means none.
	MinShortSide  int // pixels; below: block
	WarnShortSide int // pixels; below: warn
	// MinDPI and WarnDPI are for scans and photos, in pixels an inch at the size
	// on the page of the bundle; below: block, warn.
	MinDPI, WarnDPI int
	Quality         Quality
}

// Quality holds the thresholds of a picture of a paper, in the measures of
// Picture. 0 means none.
type Quality struct {
	Sharpness  float64 `yaml:"sharpness,omitempty" json:"sharpness,omitempty"`   // below: blurred
	Brightness float64 `yaml:"brightness,omitempty" json:"brightness,omitempty"` // below: dark
	Contrast   float64 `yaml:"contrast,omitempty" json:"contrast,omitempty"`     // below: pale
	Even       float64 `yaml:"even,omitempty" json:"even,omitempty"`             // contrast below: nothing is on it, whatever the light
	Glare      float64 `yaml:"glare,omitempty" json:"glare,omitempty"`           // burnt-out share above
	Skew       float64 `yaml:"skew,omitempty" json:"skew,omitempty"`             // degrees above
	Alike      int     `yaml:"alike,omitempty" json:"alike,omitempty"`           // bits in which the hashes of two pictures of one thing differ at most
}

// Over returns q with what it leaves open taken from below.
func (q Quality) Over(below Quality) Quality {
	return Quality{
		cmp.Or(q.Sharpness, below.Sharpness), cmp.Or(q.Brightness, below.Brightness), cmp.Or(q.Contrast, below.Contrast),
		cmp.Or(q.Even, below.Even), cmp.Or(q.Glare, below.Glare), cmp.Or(q.Skew, below.Skew), cmp.Or(q.Alike, below.Alike),
	}
}

// Zone is a rectangle of an upright page or picture in fractions of its width
// and height, from the top left corner.
type Zone struct {
	Name       string // name, number, portrait
	X, Y, W, H float64
}

// Doubt is a contradiction between sources, with the reading that the tool
// takes by default.
type Doubt struct {
	ID          string
	Rules       []string // ids of the rules it is about
	Title       Text
	Readings    []Reading
	Default     string // id of the reading taken
	Why         Text
	LastChecked Day
}

// Reading is one side of a doubt.
type Reading struct {
	ID         string
	Text       Text
	Sources    []SourceRef
	Confidence Confidence
}

// TimelineEntry is one span of the way from preparation to aftermath, with its
// earliest and latest end worked out for this case.
type TimelineEntry struct {
	ID       string
	Kind     string // earliest, review, freeze, withdraw_by, must_not, released, watch, deadline
	Title    Text
	Note     Text
	Rules    []string
	From     Day // start
	Earliest Day // earliest end
	Latest   Day // latest end; equal to Earliest when there is one value; zero when open
	// Approximate: a working-day count ran into a year without a holiday table.
	Approximate bool
}

// Limits are a platform's limits on what is handed in; 0 means none is known.
type Limits struct {
	PictureBytes int64
	PDFBytes     int64
	PictureTypes []string // jpg, png, bmp
}

// WatermarkMode says what a platform accepts.
type WatermarkMode string

const (
	WatermarkOn   WatermarkMode = "on"
	WatermarkOff  WatermarkMode = "off"
	WatermarkBoth WatermarkMode = "both"
)

// RuleSet is a rule pack brought to bear on one case on one day.
type RuleSet struct {
	Platform    string
	Name        Text // of the platform
	Application Text
	AccountType Text
	Operator    string // addressee of letters: the platform's company
	Channel     Text   // where the papers are handed in
	Revision    string
	Digest      string // SHA-256, hex, of the pack and the catalogue
	Unconfirmed bool
	Day         Day // the day of filing that everything is judged by

	Requirements []Requirement
	Notes        []Rule // every applicable rule of the other kinds, in pack order
	Doubts       []Doubt
	Timeline     []TimelineEntry
	Catalogue    map[string]MaterialSpec
	Watermark    WatermarkMode
	Limits       Limits
	Absolute     []Absolute
}

// Absolute is a blocker of this platform that nobody may let pass.
type Absolute struct {
	Code        string
	Requirement string // "": whatever it is about
	Why         Text
}
