package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"dossier/packager"
	"dossier/packager/audit"
	"dossier/packager/casefile"
	"dossier/packager/identity"
	"dossier/storage"
)

// note appends an event to the audit log; without a log (a mere check) it does
// nothing.
func (p *Pipeline) note(log *audit.Log, e packager.Event) error {
	if log == nil {
		return nil
	}
	e.Tool = p.Tool
	_, err := log.Append(e)
	return err
}

// collected names case.yaml as it was read a moment ago, and every file.
func collected(c *packager.Collection) (packager.Event, error) {
	in := map[string]string{}
	text, err := os.ReadFile(filepath.Join(c.Case.Dir, casefile.Name))
	if err != nil {
		return packager.Event{}, err
	}
	in[casefile.Name] = digest(text)
	for _, m := range c.Materials {
		if m.SHA256 != "" {
			in[identity.MaskKnown(m.Path, c.Case.Numbers()...)] = m.SHA256
		}
	}
	return packager.Event{
		What: "collected", Case: c.Case.ID, Rules: c.Rules.Digest, Inputs: in,
		Data: map[string]string{"platform": c.Rules.Platform, "rules_revision": c.Rules.Revision},
	}, nil
}

// noteOf appends the event that make returns; without a log it is not made.
func (p *Pipeline) noteOf(log *audit.Log, make func() (packager.Event, error)) error {
	if log == nil {
		return nil
	}
	e, err := make()
	if err != nil {
		return err
	}
	return p.note(log, e)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// checked has the digest of what was found: canonical JSON of a list of
// packager.ManifestNote, in the order of the workbook.
func checked(r *packager.Report) (packager.Event, error) {
	n := map[packager.Severity]int{}
	data := map[string]string{"day": r.Rules.Day.String(), "complete": fmt.Sprint(r.Complete())}
	notes := []packager.ManifestNote{}
	for _, f := range r.Findings {
		n[f.Severity]++
		notes = append(notes, packager.ManifestNote{Code: f.Code, Severity: f.Severity, Requirement: f.Requirement, Material: f.Material})
	}
	found, err := audit.Canonical(notes)
	for s, k := range n {
		data[string(s)] = fmt.Sprint(k)
	}
	return packager.Event{What: "checked", Case: r.Case.ID, Rules: r.Rules.Digest, Data: data, Output: map[string]string{"findings": digest(found)}}, err
}

// overridden says which blocker a person let pass, and why; who it was stands
// in every event.
func overridden(r *packager.Report, f packager.Finding) packager.Event {
	data := map[string]string{"code": f.Code, "reason": f.Accepted}
	if f.Requirement != "" {
		data["requirement"] = f.Requirement
	}
	if f.Material != "" {
		data["material"] = f.Material
	}
	return packager.Event{What: "overridden", Case: r.Case.ID, Rules: r.Rules.Digest, Data: data}
}

func composed(b *packager.Bundle) packager.Event {
	out := map[string]string{manifestName: digest(b.Manifest)}
	pages := 0
	for _, v := range b.Volumes() {
		out[v.FileName("composed")] = v.SHA256
		pages += v.Pages
	}
	return packager.Event{
		What: "composed", Case: b.Plan.Report.Case.ID, Rules: b.Plan.Report.Rules.Digest, Output: out,
		Data: map[string]string{"bundle": b.Plan.BundleID, "pages": fmt.Sprint(pages), "draft": fmt.Sprint(b.Plan.Draft)},
	}
}

// pdfs are the PDFs of a bundle with their digests.
func pdfs(r packager.BundleRef) map[string]string {
	out := map[string]string{}
	for _, p := range r.Files(bundleStem) {
		out[p.Name] = p.SHA256
	}
	return out
}

func signedEvent(s *packager.SignedBundle) packager.Event {
	return packager.Event{
		What: "signed", Case: s.Plan.Report.Case.ID,
		Output: pdfs(s.Ref(bundleStem)),
		Data: map[string]string{
			"bundle": s.Plan.BundleID, "level": s.Signature.Level, "signer": s.Signature.Signer,
			"certificate": s.Signature.SHA256Fingerprint,
		},
	}
}

// timestamped is nil of a signature without a timestamp.
func timestamped(s *packager.SignedBundle) *packager.Event {
	if s.Signature.Timestamp == nil {
		return nil
	}
	return &packager.Event{
		What: "timestamped", Case: s.Plan.Report.Case.ID,
		Output: pdfs(s.Ref(bundleStem)),
		Data:   map[string]string{"level": s.Signature.Level, "time": *s.Signature.Timestamp},
	}
}

func verified(s *packager.SignedBundle, v *packager.Verdict) packager.Event {
	return packager.Event{
		What: "verified", Case: s.Plan.Report.Case.ID,
		Inputs: pdfs(s.Ref(bundleStem)),
		Data:   map[string]string{"ok": fmt.Sprint(v.OK), "checks": fmt.Sprint(len(v.Checks))},
	}
}

// verifiedAgain is what verify found later: which bundle it was, by its
// manifest, and what does not hold.
func verifiedAgain(v *packager.Verdict) packager.Event {
	var m packager.Manifest
	e := packager.Event{What: "verified", Data: map[string]string{"ok": fmt.Sprint(v.OK), "checks": fmt.Sprint(len(v.Checks))}}
	if json.Unmarshal(v.Manifest, &m) == nil {
		e.Case, e.Rules, e.Data["bundle"] = m.Case, m.Rules.Digest, m.Bundle
		e.Inputs = map[string]string{manifestName: digest(v.Manifest)}
	}
	var bad []string
	for _, c := range v.Checks {
		if !c.OK {
			bad = append(bad, c.Code+" "+c.Target)
		}
	}
	if len(bad) > 0 {
		e.Data["failed"] = strings.Join(bad[:min(len(bad), 20)], "; ")
	}
	return e
}

func stored(r *packager.Receipt, t pendingTerms, done storage.Published) packager.Event {
	data := map[string]string{"store": r.Store, "number": fmt.Sprint(r.Number), "objects": fmt.Sprint(len(r.Objects) + len(r.Files))}
	if t.sealed() {
		data["sealed_for"] = strings.Join(t.Recipients, " ")
		if t.Passphrase {
			data["sealed_for"] = "passphrase"
		}
	}
	if len(done.Taken) > 0 {
		data["taken_by_others"] = listOf(done.Taken)
	}
	if len(done.Beside) > 0 {
		data["beside"] = strings.Join(done.Beside, " ")
	}
	if t.SSE != "" {
		data["sse"] = t.SSE
	}
	if !t.Retention.Until.IsZero() {
		data["retained"] = string(t.Retention.Mode) + " " + t.Retention.Until.Format(time.DateOnly)
	}
	if t.Retention.LegalHold {
		data["legal_hold"] = "true"
	}
	return packager.Event{
		What: "stored", Case: r.Case, Rules: r.Rules.Digest,
		Inputs: pdfs(r.Bundle), Data: data,
	}
}

// superseded says which bundle the one just stored takes the place of, and why.
func superseded(r *packager.Receipt, reason string) packager.Event {
	return packager.Event{
		What: "superseded", Case: r.Case,
		Data: map[string]string{"bundle": r.Supersedes, "by": r.Bundle.ID, "reason": reason},
	}
}

// withFindings adds what composing has found out, for the reader.
func withFindings(r *packager.Report, more []packager.Finding) *packager.Report {
	if len(more) == 0 {
		return r
	}
	out := *r
	out.Findings = slices.Concat(r.Findings, more)
	slices.SortStableFunc(out.Findings, func(a, b packager.Finding) int { return a.Severity.Rank() - b.Severity.Rank() })
	return &out
}

// firstPages finds the picture of the first page of each material; the name of
// a page picture begins with the material's number.
func firstPages(l *packager.Plan, pages []packager.File) map[string]string {
	byNumber := map[int]string{}
	for _, f := range pages {
		number, _, _ := strings.Cut(filepath.Base(f.Path), "-")
		no, err := strconv.Atoi(number)
		if _, had := byNumber[no]; err == nil && !had {
			byNumber[no] = f.Path
		}
	}
	out := map[string]string{}
	for _, it := range l.Items {
		if path, ok := byNumber[it.No]; ok {
			out[it.File.Path] = path
		}
	}
	return out
}

// incomplete is the end of a case with blockers: exit 3.
func incomplete(r *packager.Report) error {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == packager.Block {
			n++
		}
	}
	return &packager.Fault{Class: packager.ClassIncomplete, Code: "CASE_INCOMPLETE", Args: packager.Args{"n": fmt.Sprint(n)}}
}

// refused is what verify says of a bundle that we have just made.
func refused(v *packager.Verdict) error {
	args := packager.Args{}
	for _, c := range v.Checks {
		if !c.OK {
			args["check"] = c.Name + " " + c.Target
			break
		}
	}
	return &packager.Fault{Class: packager.ClassVerification, Code: "VERIFY_REFUSED", Args: args}
}
