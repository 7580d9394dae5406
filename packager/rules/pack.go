// Package rules reads rule packs and brings them to bear on a case: YAML with
// a JSON Schema and CEL conditions in, a packager.RuleSet out.
package rules

import "dossier/packager"

// Pack is one platform's rules.yaml. Field order here is the order that packs
// are written in.
type Pack struct {
	Version      int                    `yaml:"version"`  // 1
	ID           string                 `yaml:"id"`       // wechat_oa
	Revision     string                 `yaml:"revision"` // YYYY-MM-DD
	Name         packager.Text          `yaml:"name"`
	Operator     string                 `yaml:"operator"` // full name of the company that letters are addressed to
	Channel      packager.Text          `yaml:"channel"`  // where and how the papers are handed in
	Unconfirmed  bool                   `yaml:"unconfirmed,omitempty"`
	Applications []Application          `yaml:"applications"`
	AccountTypes []Option               `yaml:"account_types"`
	SpecialCases []Option               `yaml:"special_cases,omitempty"`
	Facts        []FactSpec             `yaml:"facts,omitempty"`
	Sources      []Source               `yaml:"sources"`
	Materials    []MaterialSpec         `yaml:"materials,omitempty"` // added to, or laid over, the shared catalogue
	Rules        []Rule                 `yaml:"rules"`
	Doubts       []Doubt                `yaml:"doubts,omitempty"`
	Timeline     []TimelineEntry        `yaml:"timeline,omitempty"`
	Watermark    packager.WatermarkMode `yaml:"watermark,omitempty"` // on (default), off, both
	Limits       Limits                 `yaml:"limits,omitempty"`
	Absolute     []Absolute             `yaml:"absolute,omitempty"`
}

// Absolute is a blocker that nobody may let pass with --accept, beyond those
// that packager/check never lets pass.
type Absolute struct {
	Code        string        `yaml:"code"`                  // of the finding: PRECONDITION_FAILS
	Requirement string        `yaml:"requirement,omitempty"` // absent: whatever it is about
	Why         packager.Text `yaml:"why"`
}

// Application is a kind of application that the platform has.
type Application struct {
	ID           string        `yaml:"id"` // close, open, migrate
	Name         packager.Text `yaml:"name"`
	AccountTypes []string      `yaml:"account_types,omitempty"` // empty: all
}

// Option is an account type or a special case.
type Option struct {
	ID           string        `yaml:"id"`
	Name         packager.Text `yaml:"name"`
	Hint         packager.Text `yaml:"hint,omitempty"` // when to choose it
	Applications []string      `yaml:"applications,omitempty"`
	AccountTypes []string      `yaml:"account_types,omitempty"` // special cases: where they make sense
}

// FactSpec is a fact that the pack's rules ask for, under facts: in case.yaml.
type FactSpec struct {
	ID     string        `yaml:"id"`
	Type   string        `yaml:"type"` // bool, int, number, date, text, choice, list
	Values []string      `yaml:"values,omitempty"`
	Unit   string        `yaml:"unit,omitempty"`  // yuan, days, followers
	Ask    packager.Text `yaml:"ask"`             // the question
	Where  packager.Text `yaml:"where,omitempty"` // where the user finds the answer
}

// Source is an article, a page or a statute.
type Source struct {
	ID        string `yaml:"id"` // seed-000, p-vshouce
	Title     string `yaml:"title"`
	Publisher string `yaml:"publisher,omitempty"`
	URL       string `yaml:"url,omitempty"`
	Published string `yaml:"published,omitempty"` // YYYY-MM-DD where known
	Note      string `yaml:"note,omitempty"`
}

// SourceRef points into Sources.
type SourceRef struct {
	Ref string `yaml:"ref"`
	At  string `yaml:"at,omitempty"` // L53, art. 16
}

// Rule is one row. It applies when the application, the account type and the
// special case fit (an empty list fits all; of special_cases one is enough)
// and the CEL condition `when` holds.
type Rule struct {
	ID           string              `yaml:"id"` // WE-M1; unique in the pack
	Kind         packager.Kind       `yaml:"kind"`
	Severity     packager.Severity   `yaml:"severity"` // block, warn, info
	Applications []string            `yaml:"applications,omitempty"`
	AccountTypes []string            `yaml:"account_types,omitempty"`
	SpecialCases []string            `yaml:"special_cases,omitempty"`
	When         string              `yaml:"when,omitempty"`
	WhenText     packager.Text       `yaml:"when_text,omitempty"` // When in words, for the reader
	Title        packager.Text       `yaml:"title"`
	Detail       packager.Text       `yaml:"detail,omitempty"`
	Next         packager.Text       `yaml:"next,omitempty"`
	Sources      []SourceRef         `yaml:"sources"`
	Confidence   packager.Confidence `yaml:"confidence"`
	Conflicts    []string            `yaml:"conflicts_with,omitempty"`
	LastChecked  string              `yaml:"last_checked"` // YYYY-MM-DD

	// kind: material. `needs` asks for each of the papers; `any_of` for one of
	// them, under the requirement id `requirement`.
	Needs       []string `yaml:"needs,omitempty"`
	AnyOf       []string `yaml:"any_of,omitempty"`
	Requirement string   `yaml:"requirement,omitempty"` // also the requirement id of the other kinds; default: the rule's id in lower case with _ for -
	Min         string   `yaml:"min,omitempty"`         // CEL int: at least so many files; default 1

	// kind: precondition, declaration. Check is CEL and true when it holds; it
	// is unknown when it needs a fact that the case does not state. Facts are
	// those it reads; Evidence is the severity of a missing evidence file.
	Check    string            `yaml:"check,omitempty"`
	Facts    []string          `yaml:"facts,omitempty"`
	Evidence packager.Severity `yaml:"evidence,omitempty"`
	// IfUnknown is the severity when the case does not say: default warn for
	// block rules, info for the rest.
	IfUnknown packager.Severity `yaml:"if_unknown,omitempty"`

	// kind: backup.
	MaxAgeDays int      `yaml:"max_age_days,omitempty"`
	MaxItems   int      `yaml:"max_items,omitempty"`
	WindowDays int      `yaml:"window_days,omitempty"`
	Media      []string `yaml:"media,omitempty"` // pdf, html, csv, xlsx, zip, json, jpg, mp4 …
}

// MaterialSpec is one kind of paper; see packager.MaterialSpec.
type MaterialSpec struct {
	ID            string        `yaml:"id"`
	Name          packager.Text `yaml:"name"`
	Part          string        `yaml:"part"`
	Order         int           `yaml:"order"`
	Match         []string      `yaml:"match,omitempty"`
	Exclude       []string      `yaml:"exclude,omitempty"`
	Personal      bool          `yaml:"personal,omitempty"`
	Watermark     bool          `yaml:"watermark,omitempty"`
	Clear         []Zone        `yaml:"clear,omitempty"`
	Sealed        bool          `yaml:"sealed,omitempty"`
	Signed        bool          `yaml:"signed,omitempty"`
	Dated         bool          `yaml:"dated,omitempty"`
	MaxAgeDays    int           `yaml:"max_age_days,omitempty"`
	MinShortSide  int           `yaml:"min_short_side,omitempty"`
	WarnShortSide int           `yaml:"warn_short_side,omitempty"`
}

// Zone is [x, y, w, h] in fractions of an upright picture from the top left.
type Zone struct {
	Name string     `yaml:"name"` // name, number, portrait
	At   [4]float64 `yaml:"at,flow"`
}

// Doubt is a contradiction between sources.
type Doubt struct {
	ID          string        `yaml:"id"` // D-OA-P1
	Rules       []string      `yaml:"rules"`
	When        string        `yaml:"when,omitempty"`
	Title       packager.Text `yaml:"title"`
	Readings    []Reading     `yaml:"readings"`
	Default     string        `yaml:"default"` // id of a reading
	Why         packager.Text `yaml:"why"`
	LastChecked string        `yaml:"last_checked"`
}

// Reading is one side of a doubt.
type Reading struct {
	ID         string              `yaml:"id"`
	Text       packager.Text       `yaml:"text"`
	Sources    []SourceRef         `yaml:"sources,omitempty"`
	Confidence packager.Confidence `yaml:"confidence"`
}

// TimelineEntry is a span on the timeline. Its start is `from`: filing (the
// day of the case), fact:<id> (a date fact), or the id of another entry (its
// end; earliest end with earliest, latest with latest). Its length is between
// min and max, each a number with a unit: wd (working day, State Council
// table), d (calendar day), mo, h (24h is a day), min.
type TimelineEntry struct {
	ID           string        `yaml:"id"`
	Kind         string        `yaml:"kind"` // earliest, review, freeze, withdraw_by, must_not, released, watch, deadline
	Applications []string      `yaml:"applications,omitempty"`
	AccountTypes []string      `yaml:"account_types,omitempty"`
	SpecialCases []string      `yaml:"special_cases,omitempty"`
	When         string        `yaml:"when,omitempty"`
	WhenText     packager.Text `yaml:"when_text,omitempty"`
	Rules        []string      `yaml:"rules,omitempty"`
	Title        packager.Text `yaml:"title"`
	Note         packager.Text `yaml:"note,omitempty"`
	From         string        `yaml:"from"`
	Min          string        `yaml:"min"`
	Max          string        `yaml:"max,omitempty"` // absent: same as min; "open": no upper bound
}

// Limits of what the platform takes.
type Limits struct {
	Picture      string   `yaml:"picture,omitempty"` // "2MB", "5MB": 1 MB = 1,000,000 bytes
	PDF          string   `yaml:"pdf,omitempty"`
	PictureTypes []string `yaml:"picture_types,omitempty"`
}
