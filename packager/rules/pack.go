// Package rules reads rule packs and brings them to bear on a case: YAML with
// a JSON Schema and CEL conditions in, a packager.RuleSet out.
package rules

import "dossier/packager"

// Pack is one platform's rules.yaml. Field order here is the order that packs
// are written in.
type Pack struct {
	Version      int                    `yaml:"version" json:"version"`   // 1
	ID           string                 `yaml:"id" json:"id"`             // wechat_oa
	Revision     string                 `yaml:"revision" json:"revision"` // YYYY-MM-DD
	Name         packager.Text          `yaml:"name" json:"name"`
	Operator     string                 `yaml:"operator" json:"operator"` // full name of the company that letters are addressed to
	Channel      packager.Text          `yaml:"channel" json:"channel"`   // where and how the papers are handed in
	Unconfirmed  bool                   `yaml:"unconfirmed,omitempty" json:"unconfirmed,omitempty"`
	Applications []Application          `yaml:"applications" json:"applications"`
	AccountTypes []Option               `yaml:"account_types" json:"account_types"`
	SpecialCases []Option               `yaml:"special_cases,omitempty" json:"special_cases,omitempty"`
	Facts        []FactSpec             `yaml:"facts,omitempty" json:"facts,omitempty"`
	Sources      []Source               `yaml:"sources" json:"sources"`
	Materials    []MaterialSpec         `yaml:"materials,omitempty" json:"materials,omitempty"` // added to, or laid over, the shared catalogue
	Rules        []Rule                 `yaml:"rules" json:"rules"`
	Doubts       []Doubt                `yaml:"doubts,omitempty" json:"doubts,omitempty"`
	Timeline     []TimelineEntry        `yaml:"timeline,omitempty" json:"timeline,omitempty"`
	Watermark    packager.WatermarkMode `yaml:"watermark,omitempty" json:"watermark,omitempty"` // on (default), off, both
	Quality      packager.Quality       `yaml:"quality,omitempty" json:"quality,omitzero"`      // over the shared catalogue's
	Limits       Limits                 `yaml:"limits,omitempty" json:"limits,omitzero"`
	Absolute     []Absolute             `yaml:"absolute,omitempty" json:"absolute,omitempty"`
}

// Absolute is a blocker that nobody may let pass with --accept, beyond those
// that packager/check never lets pass.
type Absolute struct {
	Code        string        `yaml:"code" json:"code"`                                   // of the finding: PRECONDITION_FAILS
	Requirement string        `yaml:"requirement,omitempty" json:"requirement,omitempty"` // absent: whatever it is about
	Why         packager.Text `yaml:"why" json:"why"`
}

// Application is a kind of application that the platform has.
type Application struct {
	ID           string        `yaml:"id" json:"id"` // close, open, migrate
	Name         packager.Text `yaml:"name" json:"name"`
	AccountTypes []string      `yaml:"account_types,omitempty" json:"account_types,omitempty"` // empty: all
}

// Option is an account type or a special case.
type Option struct {
	ID           string        `yaml:"id" json:"id"`
	Name         packager.Text `yaml:"name" json:"name"`
	Hint         packager.Text `yaml:"hint,omitempty" json:"hint,omitzero"` // when to choose it
	Applications []string      `yaml:"applications,omitempty" json:"applications,omitempty"`
	AccountTypes []string      `yaml:"account_types,omitempty" json:"account_types,omitempty"` // special cases: where they make sense
}

// FactSpec is a fact that the pack's rules ask for, under facts: in case.yaml.
type FactSpec struct {
	ID     string        `yaml:"id" json:"id"`
	Type   string        `yaml:"type" json:"type"` // bool, int, number, date, text, choice, list
	Values []string      `yaml:"values,omitempty" json:"values,omitempty"`
	Unit   string        `yaml:"unit,omitempty" json:"unit,omitempty"`  // yuan, days, followers
	Ask    packager.Text `yaml:"ask" json:"ask"`                        // the question
	Where  packager.Text `yaml:"where,omitempty" json:"where,omitzero"` // where the user finds the answer
}

// Source is an article, a page or a statute.
type Source struct {
	ID        string `yaml:"id" json:"id"` // seed-000, p-vshouce
	Title     string `yaml:"title" json:"title"`
	Publisher string `yaml:"publisher,omitempty" json:"publisher,omitempty"`
	URL       string `yaml:"url,omitempty" json:"url,omitempty"`
	Published string `yaml:"published,omitempty" json:"published,omitempty"` // YYYY-MM-DD where known
	Note      string `yaml:"note,omitempty" json:"note,omitempty"`
}

// SourceRef points into Sources.
type SourceRef struct {
	Ref string `yaml:"ref" json:"ref"`
	At  string `yaml:"at,omitempty" json:"at,omitempty"` // L53, art. 16
}

// Rule is one row. It applies when the application, the account type and the
// special case fit (an empty list fits all; of special_cases one is enough)
// and the CEL condition `when` holds.
type Rule struct {
	ID           string              `yaml:"id" json:"id"` // WE-M1; unique in the pack
	Kind         packager.Kind       `yaml:"kind" json:"kind"`
	Severity     packager.Severity   `yaml:"severity" json:"severity"` // block, warn, info
	Applications []string            `yaml:"applications,omitempty" json:"applications,omitempty"`
	AccountTypes []string            `yaml:"account_types,omitempty" json:"account_types,omitempty"`
	SpecialCases []string            `yaml:"special_cases,omitempty" json:"special_cases,omitempty"`
	When         string              `yaml:"when,omitempty" json:"when,omitempty"`
	WhenText     packager.Text       `yaml:"when_text,omitempty" json:"when_text,omitzero"` // When in words, for the reader
	Title        packager.Text       `yaml:"title" json:"title"`
	Detail       packager.Text       `yaml:"detail,omitempty" json:"detail,omitzero"`
	Next         packager.Text       `yaml:"next,omitempty" json:"next,omitzero"`
	Sources      []SourceRef         `yaml:"sources" json:"sources"`
	Confidence   packager.Confidence `yaml:"confidence" json:"confidence"`
	Conflicts    []string            `yaml:"conflicts_with,omitempty" json:"conflicts_with,omitempty"`
	LastChecked  string              `yaml:"last_checked" json:"last_checked"` // YYYY-MM-DD

	// kind: material. `needs` asks for each of the papers; `any_of` for one of
	// them, under the requirement id `requirement`.
	Needs       []string `yaml:"needs,omitempty" json:"needs,omitempty"`
	AnyOf       []string `yaml:"any_of,omitempty" json:"any_of,omitempty"`
	Requirement string   `yaml:"requirement,omitempty" json:"requirement,omitempty"` // also the requirement id of the other kinds; default: the rule's id in lower case with _ for -
	Min         string   `yaml:"min,omitempty" json:"min,omitempty"`                 // CEL int: at least so many files; default 1

	// kind: precondition, declaration. Check is CEL and true when it holds; it
	// is unknown when it needs a fact that the case does not state. Facts are
	// those it reads; Evidence is the severity of a missing evidence file.
	Check    string            `yaml:"check,omitempty" json:"check,omitempty"`
	Facts    []string          `yaml:"facts,omitempty" json:"facts,omitempty"`
	Evidence packager.Severity `yaml:"evidence,omitempty" json:"evidence,omitempty"`
	// IfUnknown is the severity when the case does not say: default warn for
	// block rules, info for the rest.
	IfUnknown packager.Severity `yaml:"if_unknown,omitempty" json:"if_unknown,omitempty"`

	// kind: backup.
	MaxAgeDays int      `yaml:"max_age_days,omitempty" json:"max_age_days,omitempty"`
	MaxItems   int      `yaml:"max_items,omitempty" json:"max_items,omitempty"`
	WindowDays int      `yaml:"window_days,omitempty" json:"window_days,omitempty"`
	Media      []string `yaml:"media,omitempty" json:"media,omitempty"` // pdf, html, csv, xlsx, zip, json, jpg, mp4 …
}

// MaterialSpec is one kind of paper; see packager.MaterialSpec.
type MaterialSpec struct {
	ID            string        `yaml:"id" json:"id"`
	Name          packager.Text `yaml:"name" json:"name"`
	Part          string        `yaml:"part" json:"part"`
	Order         int           `yaml:"order" json:"order"`
	Match         []string      `yaml:"match,omitempty" json:"match,omitempty"`
	Exclude       []string      `yaml:"exclude,omitempty" json:"exclude,omitempty"`
	Personal      bool          `yaml:"personal,omitempty" json:"personal,omitempty"`
	Watermark     bool          `yaml:"watermark,omitempty" json:"watermark,omitempty"`
	Clear         []Zone        `yaml:"clear,omitempty" json:"clear,omitempty"`
	Sealed        bool          `yaml:"sealed,omitempty" json:"sealed,omitempty"`
	Signed        bool          `yaml:"signed,omitempty" json:"signed,omitempty"`
	Dated         bool          `yaml:"dated,omitempty" json:"dated,omitempty"`
	MaxAgeDays    int           `yaml:"max_age_days,omitempty" json:"max_age_days,omitempty"`
	MinShortSide  int           `yaml:"min_short_side,omitempty" json:"min_short_side,omitempty"`
	WarnShortSide int           `yaml:"warn_short_side,omitempty" json:"warn_short_side,omitempty"`
	MinDPI        int           `yaml:"min_dpi,omitempty" json:"min_dpi,omitempty"`
	WarnDPI       int           `yaml:"warn_dpi,omitempty" json:"warn_dpi,omitempty"`

	Quality packager.Quality `yaml:"quality,omitempty" json:"quality,omitzero"` // over the pack's
}

// Zone is [x, y, w, h] in fractions of an upright picture from the top left.
type Zone struct {
	Name string     `yaml:"name" json:"name"` // name, number, portrait
	At   [4]float64 `yaml:"at,flow" json:"at"`
}

// Doubt is a contradiction between sources.
type Doubt struct {
	ID          string        `yaml:"id" json:"id"` // D-OA-P1
	Rules       []string      `yaml:"rules" json:"rules"`
	When        string        `yaml:"when,omitempty" json:"when,omitempty"`
	Title       packager.Text `yaml:"title" json:"title"`
	Readings    []Reading     `yaml:"readings" json:"readings"`
	Default     string        `yaml:"default" json:"default"` // id of a reading
	Why         packager.Text `yaml:"why" json:"why"`
	LastChecked string        `yaml:"last_checked" json:"last_checked"`
}

// Reading is one side of a doubt.
type Reading struct {
	ID         string              `yaml:"id" json:"id"`
	Text       packager.Text       `yaml:"text" json:"text"`
	Sources    []SourceRef         `yaml:"sources,omitempty" json:"sources,omitempty"`
	Confidence packager.Confidence `yaml:"confidence" json:"confidence"`
}

// TimelineEntry is a span on the timeline. Its start is `from`: filing (the
// day of the case), fact:<id> (a date fact), or the id of another entry (its
// end; earliest end with earliest, latest with latest). Its length is between
// min and max, each a number with a unit: wd (working day, State Council
// table), d (calendar day), mo, h (24h is a day), min.
type TimelineEntry struct {
	ID           string        `yaml:"id" json:"id"`
	Kind         string        `yaml:"kind" json:"kind"` // earliest, review, freeze, withdraw_by, must_not, released, watch, deadline
	Applications []string      `yaml:"applications,omitempty" json:"applications,omitempty"`
	AccountTypes []string      `yaml:"account_types,omitempty" json:"account_types,omitempty"`
	SpecialCases []string      `yaml:"special_cases,omitempty" json:"special_cases,omitempty"`
	When         string        `yaml:"when,omitempty" json:"when,omitempty"`
	WhenText     packager.Text `yaml:"when_text,omitempty" json:"when_text,omitzero"`
	Rules        []string      `yaml:"rules,omitempty" json:"rules,omitempty"`
	Title        packager.Text `yaml:"title" json:"title"`
	Note         packager.Text `yaml:"note,omitempty" json:"note,omitzero"`
	From         string        `yaml:"from" json:"from"`
	Min          string        `yaml:"min" json:"min"`
	Max          string        `yaml:"max,omitempty" json:"max,omitempty"` // absent: same as min; "open": no upper bound
}

// Limits of what the platform takes.
type Limits struct {
	Picture      string   `yaml:"picture,omitempty" json:"picture,omitempty"` // "2MB", "5MB": 1 MB = 1,000,000 bytes
	PDF          string   `yaml:"pdf,omitempty" json:"pdf,omitempty"`
	PictureTypes []string `yaml:"picture_types,omitempty" json:"picture_types,omitempty"`
}
