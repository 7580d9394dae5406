package verify

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"dossier/packager"
	"dossier/packager/i18n"
)

// Marks of a line.
const (
	MarkOK   = "ok"
	MarkBad  = "bad"
	MarkNote = "" // a statement, neither good nor bad
)

// Line is one line of an explanation. A line with a label is a particular and
// its value.
type Line struct {
	Mark  string
	Label string
	Text  string
	Next  string // what to do, for a bad one
}

// Section is a part of an explanation.
type Section struct {
	Title string
	Lines []Line
}

// Summary is the answer for someone who is no expert: one line for the verdict
// and one for each thing that the verdict does not say by itself, which is who
// signed and when.
func Summary(p *i18n.Printer, v *packager.Verdict, target string) []Line {
	key, mark := "verify.ok", MarkOK
	switch {
	case !v.OK:
		key, mark = "verify.bad", MarkBad
		if isForeign(v) {
			key = "verify.foreign"
		} else if allBad(v, "VERIFY_NEEDS_IDENTITY") {
			key = "verify.closed"
		}
	case slices.ContainsFunc(v.Checks, func(k packager.VerifyCheck) bool { return k.Code == "VERIFY_EXPIRED" }):
		key = "verify.expired"
	}
	out := []Line{{Mark: mark, Text: p.Text(key, packager.Args{"target": target})}}
	for _, s := range v.Signatures {
		if s.Kind == "timestamp" || s.Trust == "" { // not judged: what is wrong with it is said
			continue
		}
		out = append(out, Line{Text: whenSigned(p, s)}, Line{Text: p.Text("verify.trust."+s.Trust, packager.Args{"signer": s.Signer})})
	}
	return out
}

// isForeign reports whether the only thing wrong is that the file has no
// manifest: a signed PDF of somebody else's.
func isForeign(v *packager.Verdict) bool {
	return allBad(v, "VERIFY_NO_MANIFEST") && len(v.Signatures) > 0
}

// allBad reports whether nothing but what code says does not hold.
func allBad(v *packager.Verdict, code string) bool {
	return !slices.ContainsFunc(v.Checks, func(k packager.VerifyCheck) bool { return !k.OK && k.Code != code })
}

func whenSigned(p *i18n.Printer, s packager.SignatureReport) string {
	args := packager.Args{"signer": s.Signer, "time": s.Time, "tsa": s.TSA, "level": s.Level}
	if s.Time == "" {
		return p.Text("verify.when.unproven", args)
	}
	return p.Text("verify.when."+s.TSATrust, args)
}

// Explain is everything, for someone who has to rely on it.
func Explain(p *i18n.Printer, v *packager.Verdict, target string) []Section {
	out := []Section{{p.Text("verify.part.verdict", nil), Summary(p, v, target)}}
	var bad []Line
	for _, k := range v.Checks {
		if !k.OK {
			bad = append(bad, lineOf(p, k))
		}
	}
	if len(bad) > 0 {
		out = append(out, Section{p.Text("verify.part.bad", nil), bad})
	}
	for _, s := range v.Signatures {
		out = append(out, explainSignature(p, s))
	}
	for _, r := range v.Revisions {
		out = append(out, explainRevision(p, r))
	}
	all := Section{Title: p.Text("verify.part.checks", packager.Args{"n": strconv.Itoa(len(v.Checks))})}
	for _, k := range v.Checks {
		if k.OK {
			all.Lines = append(all.Lines, lineOf(p, k))
		}
	}
	return append(out, all)
}

func lineOf(p *i18n.Printer, k packager.VerifyCheck) Line {
	m, next := Say(p, k)
	mark := MarkOK
	if !k.OK {
		mark = MarkBad
	}
	return Line{Mark: mark, Text: k.Target + ": " + m, Next: next}
}

// dateOf is a date of a PDF (ISO 32000-1 §7.9.4) for people; what is none is
// left as it is.
func dateOf(s string) string {
	t, err := time.Parse("D:20060102150405-07'00'", s)
	if err != nil {
		return s
	}
	return t.Format("2006-01-02 15:04:05 -07:00")
}

func explainSignature(p *i18n.Printer, s packager.SignatureReport) Section {
	out := Section{Title: p.Text("verify.part.signature", packager.Args{"field": s.Field})}
	add := func(label, text string) {
		if text != "" {
			out.Lines = append(out.Lines, Line{Label: p.Text("verify.label."+label, nil), Text: text})
		}
	}
	kind := p.Text("verify.kind."+s.Kind, packager.Args{"level": strconv.Itoa(s.Permits)})
	add("kind", kind)
	if s.Kind != "timestamp" {
		add("level", s.Level)
	}
	add("signer", s.Signer)
	add("fingerprint", s.SHA256Fingerprint)
	add("algorithm", s.Algorithm)
	add("covers", p.Text("verify.covers", packager.Args{"bytes": strconv.FormatInt(s.Covers, 10)}))
	when := s.Time
	if s.Kind != "timestamp" && s.Trust != "" {
		when = whenSigned(p, s)
	}
	add("when", when)
	add("claimed", dateOf(s.Claimed))
	add("reason", s.Reason)
	if s.Trust != "" {
		add("trust", p.Text("verify.trust."+s.Trust, packager.Args{"signer": s.Signer}))
	}
	for _, c := range s.Chain {
		text := p.Text("verify.certificate", packager.Args{
			"subject": c.Subject, "serial": c.Serial, "from": day(c.NotBefore), "until": day(c.NotAfter), "sha256": c.SHA256Fingerprint,
			"revocation": p.Text("verify.revocation."+c.Revocation, packager.Args{"source": c.Source, "at": c.At}),
		})
		add("certificate", text)
	}
	return out
}

func day(rfc3339 string) string {
	d, _, _ := strings.Cut(rfc3339, "T")
	return d
}

func explainRevision(p *i18n.Printer, r packager.RevisionReport) Section {
	out := Section{Title: p.Text("verify.part.revision", packager.Args{
		"n": strconv.Itoa(r.Number), "from": strconv.FormatInt(r.From, 10), "to": strconv.FormatInt(r.To, 10),
	})}
	for _, c := range r.Changes {
		mark := MarkOK
		if !c.Allowed {
			mark = MarkBad
		}
		args := packager.Args{"where": c.Where, "page": strconv.Itoa(c.Page)}
		out.Lines = append(out.Lines, Line{Mark: mark, Text: p.Text("verify.change."+c.Kind, args)})
	}
	if len(out.Lines) == 0 {
		out.Lines = []Line{{Text: p.Text("verify.change.none", nil)}}
	}
	return out
}
