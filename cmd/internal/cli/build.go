package cli

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/cmd/internal/ui"
	"dossier/packager"
	"dossier/packager/pipeline"
)

func (c *command) buildCommand() *cobra.Command {
	var out, supersedes, maxSize string
	var draft, all, unmask bool
	var accept, reasons []string // the first reason is that of --supersedes, if it is given; then one for each --accept
	cmd := &cobra.Command{
		Use:   "build CASE",
		Short: c.ui.Text("help.build"),
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.open(args[0])
			if err != nil {
				return err
			}
			order, err := a.Order(args[0], out, draft)
			if err != nil {
				return err
			}
			if order.MaxBytes, err = sizeOf(maxSize); err != nil {
				return err
			}
			if supersedes != "" {
				if len(reasons) == 0 {
					return usage("SUPERSEDES_NO_REASON")
				}
				if order.Replaces, err = a.Previous(cmd.Context(), supersedes, reasons[0]); err != nil {
					return err
				}
				reasons = reasons[1:]
			}
			if order.Accept, err = acceptances(accept, reasons); err != nil {
				return err
			}
			order.Unmask = unmask
			observe, end := c.observe(a.Config)
			a.AskPDF = true
			p, err := a.Pipeline(observe)
			if err != nil {
				end()
				return err
			}
			defer p.Close()
			res, err := p.Build(cmd.Context(), order)
			end()
			return c.showBuild(a, res, err, all)
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", c.ui.Text("flag.out"))
	f.BoolVar(&draft, "draft", false, c.ui.Text("flag.draft"))
	f.BoolVar(&all, "all", false, c.ui.Text("flag.all"))
	f.StringVar(&supersedes, "supersedes", "", c.ui.Text("flag.supersedes"))
	f.StringArrayVar(&accept, "accept", nil, c.ui.Text("flag.accept"))
	f.BoolVar(&unmask, "unmask", false, c.ui.Text("flag.unmask"))
	f.StringArrayVar(&reasons, "reason", nil, c.ui.Text("flag.reason"))
	f.StringVar(&c.flags.BundleLang, "bundle-lang", "", c.ui.Text("flag.bundle-lang"))
	f.StringVar(&maxSize, "max-size", "", c.ui.Text("flag.max-size"))
	c.storeFlags(cmd)
	c.termFlags(cmd)
	c.keyFlags(cmd)
	f.StringVar(&c.flags.Name, "name", "", c.ui.Text("flag.name"))
	c.readerFlags(cmd)
	return cmd
}

// sizeOf reads 10MB: a number and a unit; 1 MB is 1,000,000 bytes.
func sizeOf(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	digits := strings.TrimRight(strings.ToUpper(strings.TrimSpace(s)), "BKMG ")
	unit, ok := map[string]float64{"": 1, "B": 1, "K": 1e3, "KB": 1e3, "M": 1e6, "MB": 1e6, "G": 1e9, "GB": 1e9}[strings.TrimSpace(strings.ToUpper(s)[len(digits):])]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !ok || n*unit < 1 {
		return 0, usage("USAGE_SIZE", "value", s)
	}
	return int64(n * unit), nil
}

func (c *command) keyFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.flags.Key, "key", "", c.ui.Text("flag.key"))
	f.StringVar(&c.flags.Level, "level", "", c.ui.Text("flag.level"))
	f.IntVar(&c.flags.Certify, "certify", 0, c.ui.Text("flag.certify"))
	f.BoolVar(&c.flags.PSS, "pss", false, c.ui.Text("flag.pss"))
	f.BoolVar(&c.flags.AcceptLower, "accept-lower", false, c.ui.Text("flag.accept-lower"))
	f.StringArrayVar(&c.flags.TSA, "tsa", nil, c.ui.Text("flag.tsa"))
	f.StringArrayVar(&c.flags.Trust, "trust", nil, c.ui.Text("flag.trust"))
}

// buildJSON is the one document of build --json; contract.md in the project's
// specification fixes the names.
type buildJSON struct {
	Version   int                 `json:"version"`
	Case      string              `json:"case"`
	Platform  string              `json:"platform"`
	Complete  bool                `json:"complete"`
	Draft     bool                `json:"draft,omitempty"`
	Outputs   pipeline.Paths      `json:"outputs"`
	Bundle    *packager.BundleRef `json:"bundle"`
	Signature *packager.Signature `json:"signature"`
	Store     *storeJSON          `json:"store"`
	Findings  []ui.FindingJSON    `json:"findings"`
	Error     string              `json:"error,omitempty"` // code, when something after check failed
}

type storeJSON struct {
	URL     string                  `json:"url"`
	Number  int                     `json:"number"`
	Objects []packager.StoredObject `json:"objects"`
}

func (c *command) showBuild(a *app.App, res *pipeline.Result, err error, all bool) error {
	if res == nil || res.Report == nil {
		return err
	}
	if c.flags.JSON {
		if e := c.ui.Document(c.buildDocument(res, err)); e != nil {
			return e
		}
		return err
	}
	c.reportHead(res.Report)
	c.ui.Findings(res.Report.Findings, nil, all)
	if res.Bundle == nil || res.Paths.PDF == "" {
		c.ui.Line("")
		return err
	}
	c.ui.Line("")
	c.showOutputs(a, res)
	return err
}

func (c *command) showOutputs(a *app.App, res *pipeline.Result) {
	b := res.Bundle
	head, pages, size := "build.done", 0, int64(0)
	if b.Plan.Draft {
		head = "build.draft"
		for _, v := range b.Volumes() {
			pages, size = pages+v.Pages, size+v.Bytes
		}
	} else {
		for _, v := range res.Record.Volumes() {
			pages, size = pages+v.Pages, size+v.Bytes
		}
	}
	c.ui.Line("%s %s", c.ui.Mark(packager.StateOK), c.ui.Text(head,
		"id", b.Plan.BundleID, "pages", fmt.Sprint(pages), "size", ui.Bytes(size)))
	rows := [][]string{{"", c.ui.Text("build.pdf"), res.Paths.PDF}}
	for _, part := range res.Paths.Parts[min(1, len(res.Paths.Parts)):] {
		rows = append(rows, []string{"", "", part})
	}
	for _, r := range []struct{ key, path string }{
		{"build.audit", res.Paths.Audit}, {"build.manifest", res.Paths.Manifest},
		{"build.pages", res.Paths.Pages}, {"build.receipt", res.Paths.Receipt},
	} {
		if r.path != "" {
			rows = append(rows, []string{"", c.ui.Text(r.key), r.path})
		}
	}
	if res.Receipt != nil {
		objects := storeDocument(res.Receipt).Objects
		var total int64
		for _, o := range objects {
			total += o.Bytes
		}
		rows = append(rows,
			[]string{"", c.ui.Text("build.store"), a.CaseURL(res.Receipt)},
			[]string{"", "", c.ui.Text("build.objects", "n", fmt.Sprint(len(objects)), "size", ui.Bytes(total))})
		if note := c.termsNote(a, res.Receipt); note != "" {
			rows = append(rows, []string{"", "", note})
		}
	}
	if res.Record != nil {
		s := res.Record.Signature
		rows = append(rows, []string{"", c.ui.Text("build.signature"), "PAdES " + s.Level + " · " + s.Signer + " · SHA-256 " + s.SHA256Fingerprint[:16] + "…"})
	}
	c.ui.Rows(rows)
	if res.Receipt != nil {
		c.ui.Line("")
		c.ui.Say("build.verify", "path", filepath.Dir(res.Paths.PDF))
	}
}

func (c *command) buildDocument(res *pipeline.Result, err error) buildJSON {
	r := res.Report
	d := buildJSON{
		Version: 1, Case: r.Case.ID, Platform: r.Case.Platform, Complete: r.Complete(),
		Outputs: res.Paths, Findings: c.ui.FindingsJSON(r.Findings, nil),
	}
	if b := res.Bundle; b != nil {
		d.Draft = b.Plan.Draft
		d.Bundle = &packager.BundleRef{ID: b.Plan.BundleID, SHA256: b.SHA256, Pages: b.Pages, Bytes: b.Bytes}
	}
	if rec := res.Record; rec != nil {
		ref := rec.Ref("bundle")
		d.Bundle = &ref
		d.Signature = &rec.Signature
	}
	if rc := res.Receipt; rc != nil {
		d.Store = storeDocument(rc)
	}
	if err != nil && exitCode(err) != exitIncomplete {
		d.Error = faultOf(err).Code
	}
	return d
}
