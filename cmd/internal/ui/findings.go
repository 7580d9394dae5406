package ui

import (
	"fmt"
	"math"
	"strings"

	"dossier/packager"
	"dossier/packager/identity"
)

// FindingJSON is a finding as the JSON of check and build shows it. Message
// and Next are in the language asked for; Code is what a program reads.
type FindingJSON struct {
	Code        string             `json:"code"`
	Severity    packager.Severity  `json:"severity"`
	Requirement string             `json:"requirement"` // "": not about one
	Material    string             `json:"material"`    // path, identity numbers masked; "": not about one
	Rules       []string           `json:"rules,omitempty"`
	Position    *packager.Position `json:"position,omitempty"`
	Message     string             `json:"message"`
	Next        string             `json:"next"`
	Accepted    string             `json:"accepted,omitempty"` // why this blocker was let pass
	Seen        *SeenJSON          `json:"seen,omitempty"`     // what a paper shows where the case says something else
}

// SeenJSON holds two versions of one particular side by side; identity numbers
// are masked. Zone is [x, y, w, h] in fractions of the upright page from the top
// left corner.
type SeenJSON struct {
	Field      string      `json:"field"`
	Stated     string      `json:"stated"`
	Read       string      `json:"read"`
	By         string      `json:"by"` // user, text, qr, ocr
	Confidence float64     `json:"confidence"`
	Page       int         `json:"page,omitempty"`
	Zone       *[4]float64 `json:"zone,omitempty"`
	Crop       string      `json:"crop,omitempty"` // file with the picture of the place, by --crops
}

func seenJSON(s *packager.Seen, crop string) *SeenJSON {
	if s == nil {
		return nil
	}
	j := &SeenJSON{Field: s.Field, Stated: identity.MaskIDs(s.Stated), Read: identity.MaskIDs(s.Read), By: s.By, Confidence: math.Round(100*s.Confidence) / 100, Page: s.Page, Crop: crop}
	if z := s.Zone; z != nil {
		j.Zone = &[4]float64{z.X, z.Y, z.W, z.H}
	}
	return j
}

// FindingsJSON says findings for a program; crops are as in Pipeline.Crops, or
// nil.
func (u *UI) FindingsJSON(fs []packager.Finding, crops []string) []FindingJSON {
	out := make([]FindingJSON, 0, len(fs))
	for i, f := range fs {
		m, n := u.said(f)
		j := FindingJSON{f.Code, f.Severity, f.Requirement, identity.MaskIDs(f.Material), f.Rules, nil, m, n, f.Accepted, seenJSON(f.Seen, at(crops, i))}
		if f.Pos.Line > 0 {
			pos := f.Pos
			j.Position = &pos
		}
		out = append(out, j)
	}
	return out
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// said is a finding in words. A file may have an identity number in its name.
func (u *UI) said(f packager.Finding) (message, next string) {
	message, next = u.P.Finding(f)
	return identity.MaskIDs(message), identity.MaskIDs(next)
}

var marks = map[packager.Severity]struct {
	sign  string
	style Style
}{
	packager.Block:   {"✗", Red},
	packager.Warn:    {"!", Yellow},
	packager.Info:    {"·", Dim},
	packager.StateOK: {"✓", Green},
}

// Mark returns the sign of a severity or state, painted.
func (u *UI) Mark(s packager.Severity) string {
	m := marks[s]
	return u.paint(m.style, m.sign)
}

// Findings writes findings for a person, a headline for each severity. Infos
// are counted, and shown only when all is true. crops are as in Pipeline.Crops,
// or nil.
func (u *UI) Findings(fs []packager.Finding, crops []string, all bool) {
	for _, s := range []packager.Severity{packager.Block, packager.Warn, packager.Info} {
		var these []int
		for i, f := range fs {
			if f.Severity == s {
				these = append(these, i)
			}
		}
		if len(these) == 0 {
			continue
		}
		u.Line("")
		head := u.Text("findings."+string(s), "n", fmt.Sprint(len(these)))
		if s == packager.Info && !all {
			u.Line("%s", u.paint(Dim, head+u.Text("findings.info.hidden")))
			continue
		}
		u.Line("%s", u.paint(Bold, head))
		for _, i := range these {
			u.finding(fs[i], at(crops, i))
		}
	}
}

func (u *UI) finding(f packager.Finding, crop string) {
	message, next := u.said(f)
	where := []string{}
	if material := identity.MaskIDs(f.Material); material != "" && !strings.Contains(message, material) {
		where = append(where, material)
	}
	if f.Pos.Line > 0 {
		where = append(where, f.Pos.String())
	}
	where = append(where, f.Rules...)
	tail := f.Code
	if f.Severity == packager.Block && f.Requirement != "" {
		tail += ":" + f.Requirement // what --accept wants to know
	}
	if len(where) > 0 {
		tail += " · " + strings.Join(where, " · ")
	}
	if u.JSON {
		return
	}
	u.Hanging(u.Out, "  "+u.Mark(f.Severity)+" ", message, tail)
	if next != "" {
		u.Hanging(u.Out, "      → ", next, "")
	}
	u.seen(f, crop)
	if f.Accepted != "" {
		u.Hanging(u.Out, "      ", u.Text("findings.accepted", "reason", f.Accepted, "by", f.AcceptedBy), "")
	}
}

// seen sets the two versions of a particular under each other, so that the eye
// finds where they part.
func (u *UI) seen(f packager.Finding, crop string) {
	s := f.Seen
	if s == nil || s.By == "user" { // what the user read stands in the message, and in case.yaml
		return
	}
	where := u.Text("findings.seen.by_"+s.By, "percent", fmt.Sprintf("%.0f", 100*s.Confidence))
	if s.Page > 0 {
		where = u.Text("findings.seen.page", "page", fmt.Sprint(s.Page)) + " · " + where
	}
	u.Hanging(u.Out, "      "+u.Faint(u.Text("findings.seen.stated")), identity.MaskIDs(s.Stated), "")
	u.Hanging(u.Out, "      "+u.Faint(u.Text("findings.seen.read")), identity.MaskIDs(s.Read), where)
	if crop != "" {
		u.Hanging(u.Out, "      "+u.Faint(u.Text("findings.seen.crop")), crop, "")
	}
}

// Diagnostics writes the mistakes of a text file: what, where, the line, and
// the nearest known word.
func (u *UI) Diagnostics(ds packager.Diagnostics) {
	for _, d := range ds {
		message, next := u.P.Say(d.Code, DiagnosticArgs(d))
		if where := d.Pos.String(); where != "" {
			message = where + ": " + message
		}
		u.Hanging(u.Err, Paint(u.ErrColor, Red, "✗")+" ", message, "")
		if d.Line != "" && d.Pos.Line > 0 {
			no := fmt.Sprint(d.Pos.Line)
			fmt.Fprintf(u.Err, "  %s | %s\n", no, d.Line)
			if d.Pos.Column > 0 {
				fmt.Fprintf(u.Err, "  %s | %s%s\n", strings.Repeat(" ", len(no)), caretPad(d.Line, d.Pos.Column), Paint(u.ErrColor, Red, "^"))
			}
		}
		if d.Suggestion != "" {
			fmt.Fprintf(u.Err, "  → %s\n", u.Text("diagnostic.suggestion", "word", identity.MaskIDs(d.Suggestion)))
		}
		if next != "" {
			u.Hanging(u.Err, "  → ", next, "")
		}
	}
}

// DiagnosticArgs are the values that the message of a diagnostic is filled
// with, identity numbers masked.
func DiagnosticArgs(d packager.Diagnostic) packager.Args {
	a := packager.Args{"path": identity.MaskIDs(d.Path), "suggestion": identity.MaskIDs(d.Suggestion)}
	for k, v := range d.Args {
		a[k] = identity.MaskIDs(v)
	}
	return a
}

// caretPad is the blank that puts a caret under a column: tabs stay tabs, a
// Chinese character takes two columns.
func caretPad(line string, column int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i == column-1 {
			break
		}
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteString(Pad("", runeWidth(r)))
		}
	}
	return b.String()
}
