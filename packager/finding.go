package packager

import (
	"fmt"
	"strings"
)

// Severity says what a finding does to the case.
type Severity string

const (
	Block Severity = "block" // the case is incomplete: no signed bundle, exit 3
	Warn  Severity = "warn"
	Info  Severity = "info"
)

// Rank orders severities, the most urgent first: 0 for Block.
func (s Severity) Rank() int {
	switch s {
	case Block:
		return 0
	case Warn:
		return 1
	}
	return 2
}

// Position is a place in a text file. Line and Column count from 1, in
// characters; 0 means unknown.
type Position struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Args are the values that a message of the catalog is filled with. They hold
// no identity number that is not masked.
type Args map[string]string

// Finding is one verdict about a case. It carries a code and values, never
// prose: packager/i18n says it in the reader's language.
type Finding struct {
	Code        string // UPPER_SNAKE; every code stands in templates/locales
	Severity    Severity
	Requirement string // requirement id, or ""
	Material    string // path of the material relative to the case folder, or ""
	Rules       []string
	Pos         Position
	Args        Args
	// Seen is what a paper shows where the case says something else; nil where a
	// finding is not about that.
	Seen *Seen
	// Accepted is why a person lets a blocker pass, in their words; such a
	// finding is a warning. "" when nobody did. AcceptedBy is who.
	Accepted   string
	AcceptedBy string
}

// Seen holds two versions of one particular side by side. Identity numbers are
// masked.
type Seen struct {
	Field      string // as in packager.Field
	Stated     string // by the case
	Read       string // on the paper
	By         string // user, text, qr, ocr
	Confidence float64
	Page       int   // of the material, from 1; 0 where By is user
	Zone       *Zone // where it stands on the page; nil where that is not known
}

// Acceptance is a person's decision to let blockers pass: every blocking
// finding of Code, and where Requirement is not "" only those about it.
type Acceptance struct {
	Code        string
	Requirement string // or ""
	Reason      string // in the person's words; it is printed in the bundle
	By          string // who decides
}

// Class groups errors by what the caller can do about them; the exit-code
// table of the command line follows it.
type Class string

const (
	ClassUnexpected   Class = "unexpected"   // exit 1: a bug
	ClassIncomplete   Class = "incomplete"   // exit 3
	ClassConfig       Class = "config"       // exit 4: case file, rule pack, configuration
	ClassSigning      Class = "signing"      // exit 5
	ClassStore        Class = "store"        // exit 6
	ClassVerification Class = "verification" // exit 7
	ClassUsage        Class = "usage"        // exit 64
	ClassCancelled    Class = "cancelled"    // exit 130
)

// Fault is an error that the program expects to meet and can explain: a code
// of the catalog with its values, and the cause. An error that is no Fault is
// a bug (or a cancelled context).
type Fault struct {
	Class Class
	Code  string
	Args  Args
	Err   error // cause, or nil
}

func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Code)
	for _, k := range sortedKeys(f.Args) {
		fmt.Fprintf(&b, " %s=%q", k, f.Args[k])
	}
	if f.Err != nil {
		b.WriteString(": ")
		b.WriteString(f.Err.Error())
	}
	return b.String()
}

func (f *Fault) Unwrap() error { return f.Err }

// Diagnostic is one mistake in a text file that a user wrote: a case file, a
// rule pack, the configuration.
type Diagnostic struct {
	Code       string
	Pos        Position
	Path       string // dotted path of the field, "applicant.uscc"
	Line       string // the line itself, without its end
	Args       Args
	Suggestion string // the nearest known word, or ""
}

// Diagnostics is the error that readers of text files return: every mistake
// at once, in the order of the file. Its class is ClassConfig.
type Diagnostics []Diagnostic

func (d Diagnostics) Error() string {
	lines := make([]string, len(d))
	for i, x := range d {
		lines[i] = fmt.Sprintf("%s: %s", x.Pos, x.Code)
	}
	return strings.Join(lines, "\n")
}
