package cli

import (
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/packager"
	"dossier/packager/compose/report"
	"dossier/packager/verify"
	"dossier/templates"
)

func (c *command) verifyCommand() *cobra.Command {
	var all bool
	var file string
	cmd := &cobra.Command{
		Use:   "verify PATH|URL",
		Short: c.ui.Text("help.verify"),
		Long:  c.ui.Text("help.verify.long"),
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.open(placeOf(args[0]))
			if err != nil {
				return err
			}
			opt := verify.Options{Now: c.Now()}
			if opt.Roots, err = a.Roots(a.Config.Trust); err != nil {
				return err
			}
			if c.flags.Store != "" {
				if opt.Store, err = a.Source(cmd.Context()); err != nil {
					return err
				}
			}
			v, err := a.Verify(cmd.Context(), args[0], opt)
			if err != nil {
				return err
			}
			if err := a.NoteVerified(args[0], v); err != nil {
				c.ui.Note("verify.not_noted", "why", errorCode(err))
			}
			if file != "" {
				if err := c.printReport(v, args[0], file); err != nil {
					return err
				}
			}
			return c.showVerdict(v, args[0], all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, c.ui.Text("flag.all"))
	cmd.Flags().StringArrayVar(&c.flags.Trust, "trust", nil, c.ui.Text("flag.trust"))
	cmd.Flags().StringVar(&file, "report", "", c.ui.Text("flag.report"))
	c.storeFlags(cmd)
	c.identityFlags(cmd)
	return cmd
}

// placeOf is where the settings for something to verify are looked for: beside
// it or above it, or where the program runs when it lies in a store.
func placeOf(target string) string {
	if _, err := os.Stat(target); err != nil {
		return ""
	}
	return target
}

type verdictJSON struct {
	Version    int             `json:"version"`
	Target     string          `json:"target"`
	OK         bool            `json:"ok"`
	Signatures []signatureJSON `json:"signatures"`
	Revisions  []revisionJSON  `json:"revisions"`
	Checks     []checkLineJSON `json:"checks"`
}

type signatureJSON struct {
	Field             string            `json:"field"`
	Kind              string            `json:"kind"`
	Level             string            `json:"level"`
	Signer            string            `json:"signer"`
	SHA256Fingerprint string            `json:"sha256_fingerprint"`
	Algorithm         string            `json:"algorithm"`
	Trust             string            `json:"trust"`
	Time              string            `json:"time,omitempty"`
	TimeSource        string            `json:"time_source,omitempty"`
	TSA               string            `json:"tsa,omitempty"`
	TSATrust          string            `json:"tsa_trust,omitempty"`
	Claimed           string            `json:"claimed,omitempty"`
	Reason            string            `json:"reason,omitempty"`
	Permits           int               `json:"permits,omitempty"`
	Covers            int64             `json:"covers"`
	Chain             []certificateJSON `json:"chain"`
}

type certificateJSON struct {
	Subject           string `json:"subject"`
	Issuer            string `json:"issuer"`
	Serial            string `json:"serial"`
	SHA256Fingerprint string `json:"sha256_fingerprint"`
	NotBefore         string `json:"not_before"`
	NotAfter          string `json:"not_after"`
	Revocation        string `json:"revocation"`
	Source            string `json:"source,omitempty"`
	At                string `json:"at,omitempty"`
}

type revisionJSON struct {
	Number  int          `json:"number"`
	From    int64        `json:"from"`
	To      int64        `json:"to"`
	Changes []changeJSON `json:"changes"`
}

type changeJSON struct {
	Kind    string `json:"kind"`
	Where   string `json:"where"`
	Page    int    `json:"page,omitempty"`
	Allowed bool   `json:"allowed"`
}

type checkLineJSON struct {
	Name    string        `json:"name"`
	OK      bool          `json:"ok"`
	Code    string        `json:"code"`
	Cause   string        `json:"cause,omitempty"`
	Target  string        `json:"target"`
	Args    packager.Args `json:"args,omitempty"`
	Message string        `json:"message"`
	Next    string        `json:"next,omitempty"`
}

func (c *command) verdictDocument(v *packager.Verdict, target string) verdictJSON {
	doc := verdictJSON{Version: 1, Target: target, OK: v.OK, Signatures: []signatureJSON{}, Revisions: []revisionJSON{}}
	for _, s := range v.Signatures {
		chain := []certificateJSON{}
		for _, k := range s.Chain {
			chain = append(chain, certificateJSON(k))
		}
		doc.Signatures = append(doc.Signatures, signatureJSON{
			s.Field, s.Kind, s.Level, s.Signer, s.SHA256Fingerprint, s.Algorithm, s.Trust, s.Time, s.TimeSource,
			s.TSA, s.TSATrust, s.Claimed, s.Reason, s.Permits, s.Covers, chain,
		})
	}
	for _, r := range v.Revisions {
		changes := []changeJSON{}
		for _, k := range r.Changes {
			changes = append(changes, changeJSON(k))
		}
		doc.Revisions = append(doc.Revisions, revisionJSON{r.Number, r.From, r.To, changes})
	}
	for _, k := range v.Checks {
		m, next := verify.Say(c.ui.P, k)
		if k.OK {
			next = ""
		}
		doc.Checks = append(doc.Checks, checkLineJSON{k.Name, k.OK, k.Code, k.Cause, k.Target, k.Args, m, next})
	}
	return doc
}

// showVerdict says one line and who signed when; with all, everything. What
// does not hold is always said.
func (c *command) showVerdict(v *packager.Verdict, target string, all bool) error {
	var err error
	if !v.OK {
		err = said(packager.ClassVerification)
	}
	if c.flags.JSON {
		if e := c.ui.Document(c.verdictDocument(v, target)); e != nil {
			return e
		}
		return err
	}
	if all {
		for _, s := range verify.Explain(c.ui.P, v, target) {
			c.ui.Line("%s", s.Title)
			c.verdictLines(s.Lines)
			c.ui.Line("")
		}
		return err
	}
	summary := verify.Summary(c.ui.P, v, target)
	c.ui.Line("%s %s", c.mark(summary[0].Mark), summary[0].Text)
	holds := 0
	for _, k := range v.Checks {
		if k.OK {
			holds++
			continue
		}
		m, next := verify.Say(c.ui.P, k)
		c.verdictLines([]verify.Line{{Mark: verify.MarkBad, Text: k.Target + ": " + m, Next: next}})
	}
	c.verdictLines(summary[1:])
	if holds > 0 {
		c.ui.Line("  %s", c.ui.Text("verify.more", "n", itoa(holds)))
	}
	return err
}

func (c *command) verdictLines(lines []verify.Line) {
	for _, l := range lines {
		switch {
		case l.Label != "":
			c.ui.Line("  %s: %s", l.Label, l.Text)
		case l.Mark == verify.MarkNote:
			c.ui.Line("  %s", l.Text)
		default:
			c.ui.Line("  %s %s", c.mark(l.Mark), l.Text)
		}
		if l.Mark == verify.MarkBad && l.Next != "" {
			c.ui.Line("      → %s", l.Next)
		}
	}
}

func (c *command) mark(m string) string {
	if m == verify.MarkBad {
		return c.ui.Mark(packager.Block)
	}
	return c.ui.Mark(packager.StateOK)
}

// printReport writes the explanation as a PDF; the file appears whole or not
// at all.
func (c *command) printReport(v *packager.Verdict, target, file string) error {
	now := c.Now()
	r := &report.Report{
		Title: c.ui.Text("verify.report.title"),
		Intro: c.ui.Text("verify.report.made", "tool", app.Version(), "at", now.In(packager.Shanghai).Format("2006-01-02 15:04:05 -07:00"), "target", target),
		Foot:  func(n, all int) string { return c.ui.Text("verify.report.page", "n", itoa(n), "of", itoa(all)) },
		Made:  now,
	}
	for _, s := range verify.Explain(c.ui.P, v, target) {
		sec := report.Section{Title: s.Title}
		for _, l := range s.Lines {
			line := report.Line{Good: l.Mark == verify.MarkOK, Bad: l.Mark == verify.MarkBad, Label: l.Label, Text: l.Text}
			if line.Bad {
				line.Next = l.Next
			}
			sec.Lines = append(sec.Lines, line)
		}
		r.Sections = append(r.Sections, sec)
	}
	printer := &report.Printer{Regular: templates.Regular, Bold: templates.Bold}
	if err := writeWhole(file, func(w io.Writer) error { return printer.Print(w, r) }); err != nil {
		return &packager.Fault{Class: packager.ClassUsage, Code: "REPORT_UNWRITABLE", Args: packager.Args{"file": file}, Err: err}
	}
	if !c.flags.JSON {
		c.ui.Note("verify.report.saved", "file", file)
	}
	return nil
}

// isCaseFolder reports whether dir holds a case.yaml.
func isCaseFolder(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "case.yaml"))
	return err == nil
}
