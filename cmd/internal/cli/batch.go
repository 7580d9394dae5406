package cli

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/cmd/internal/ui"
	"dossier/packager"
	"dossier/packager/audit"
	"dossier/packager/pipeline"
)

func (c *command) batchCommand() *cobra.Command {
	var checkOnly bool
	var report string
	cmd := &cobra.Command{
		Use:   "batch DIR",
		Short: c.ui.Text("help.batch"),
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if report != "" && !strings.EqualFold(filepath.Ext(report), ".xlsx") {
				return usage("USAGE_BATCH_REPORT", "file", report)
			}
			dirs, err := caseFolders(args[0])
			if err != nil {
				return err
			}
			if len(dirs) == 0 {
				return &packager.Fault{Class: packager.ClassUsage, Code: "BATCH_NONE", Args: packager.Args{"dir": args[0]}}
			}
			return c.runBatch(cmd.Context(), dirs, checkOnly, report)
		},
	}
	cmd.Flags().BoolVar(&checkOnly, "check", false, c.ui.Text("flag.check-only"))
	cmd.Flags().StringVar(&report, "report", "", c.ui.Text("flag.batch-report"))
	c.storeFlags(cmd)
	c.termFlags(cmd)
	c.keyFlags(cmd)
	c.readerFlags(cmd)
	cmd.Flags().StringVar(&c.flags.Name, "name", "", c.ui.Text("flag.name"))
	return cmd
}

// caseFolders finds every folder with a case.yaml below dir, dir itself
// included, in order of path. A case inside a case is not looked for.
func caseFolders(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return &packager.Fault{Class: packager.ClassUsage, Code: "BATCH_UNREADABLE", Args: packager.Args{"dir": path}, Err: err}
		}
		if !d.IsDir() {
			return nil
		}
		if path != dir && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if isCaseFolder(path) {
			found = append(found, path)
			return filepath.SkipDir
		}
		return nil
	})
	return found, err
}

// batchLine is the outcome of one case.
type batchLine struct {
	Dir      string         `json:"dir"`
	Case     string         `json:"case,omitempty"`
	Exit     int            `json:"exit"`
	Error    string         `json:"error,omitempty"`
	Complete bool           `json:"complete"`
	Checked  bool           `json:"-"` // there is a report
	Block    int            `json:"block"`
	Warn     int            `json:"warn"`
	Bundle   string         `json:"bundle,omitempty"`
	Outputs  pipeline.Paths `json:"outputs"`
}

// runBatch builds one case after the other; each uses all cores by itself. A
// case that fails does not stop the others. report is the workbook to write,
// or "".
func (c *command) runBatch(ctx context.Context, dirs []string, checkOnly bool, report string) error {
	lines := make([]batchLine, 0, len(dirs))
	var outcomes []audit.Outcome
	var worst error
	for _, dir := range dirs {
		line, res, err := c.batchOne(ctx, dir, checkOnly)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		lines = append(lines, line)
		if report != "" {
			outcomes = append(outcomes, c.outcome(dir, res, err))
		}
		worst = worse(worst, err)
		if !c.flags.JSON {
			c.batchLine(line, err)
		}
	}
	if report != "" {
		if err := c.batchReport(report, outcomes); err != nil {
			return err
		}
	}
	if c.flags.JSON {
		doc := map[string]any{"version": 1, "cases": lines}
		if report != "" {
			doc["report"] = report
		}
		if err := c.ui.Document(doc); err != nil {
			return err
		}
		return sayNothing(worst)
	}
	done := 0
	for _, l := range lines {
		if l.Exit == exitOK {
			done++
		}
	}
	c.ui.Line("")
	c.ui.Say("batch.sum", "done", itoa(done), "all", itoa(len(lines)))
	if report != "" {
		c.ui.Say("batch.report", "path", report)
	}
	return sayNothing(worst)
}

// outcome is a case's row in the workbook. That a case has gaps is told by its
// findings; what else stopped it, in words.
func (c *command) outcome(dir string, res *pipeline.Result, err error) audit.Outcome {
	o := audit.Outcome{Dir: absolute(dir), Report: res.Report, Record: res.Record}
	if code := exitCode(err); code == exitOK || code == exitIncomplete {
		return o
	}
	o.Err = err.Error()
	if f, ok := errors.AsType[*packager.Fault](err); ok {
		o.Err, _ = c.ui.P.Say(f.Code, f.Args)
	} else if ds, ok := errors.AsType[packager.Diagnostics](err); ok && len(ds) > 0 {
		message, _ := c.ui.P.Say(ds[0].Code, ui.DiagnosticArgs(ds[0]))
		o.Err = ds[0].Pos.String() + ": " + message
	}
	return o
}

func (c *command) batchReport(path string, outcomes []audit.Outcome) error {
	a, err := c.open("")
	if err != nil {
		return err
	}
	day, err := a.Day()
	if err != nil {
		return err
	}
	_, err = audit.WriteBatch(absolute(path), day, app.Version(), outcomes, c.ui.P)
	return err
}

// absolute is a path that the workbook's links can be made from.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func (c *command) batchOne(ctx context.Context, dir string, checkOnly bool) (line batchLine, res *pipeline.Result, err error) {
	line.Dir, res = dir, &pipeline.Result{}
	defer func() {
		line.Exit, line.Error = exitCode(err), errorCode(err)
	}()
	a, err := c.open(dir)
	if err != nil {
		return line, res, err
	}
	order, err := a.Order(dir, "", false)
	if err != nil {
		return line, res, err
	}
	observe, end := c.observe(a.Config)
	defer end()
	a.AskPDF = true
	p, err := a.Pipeline(observe)
	if err != nil {
		return line, res, err
	}
	defer p.Close()
	line.Case = order.Case.ID
	if checkOnly {
		res.Report, err = p.Check(ctx, order.Case, order.Day)
	} else {
		res, err = p.Build(ctx, order)
	}
	if r := res.Report; r != nil {
		line.Complete, line.Checked = r.Complete(), true
		for _, f := range r.Findings {
			switch f.Severity {
			case packager.Block:
				line.Block++
			case packager.Warn:
				line.Warn++
			}
		}
		if checkOnly && err == nil && !line.Complete {
			err = said(packager.ClassIncomplete)
		}
	}
	if res.Bundle != nil {
		line.Bundle = res.Bundle.Plan.BundleID
	}
	line.Outputs = res.Paths
	return line, res, err
}

// errorCode is the code of an error in a document for programs, "" for none.
func errorCode(err error) string {
	f, isFault := errors.AsType[*packager.Fault](err)
	switch {
	case err == nil:
		return ""
	case isFault:
		return f.Code
	case exitCode(err) == exitUnexpected:
		return "UNEXPECTED"
	}
	return "CONFIG_INVALID"
}

func (c *command) batchLine(l batchLine, err error) {
	state := packager.StateOK
	switch {
	case l.Exit != exitOK:
		state = packager.Block
	case l.Warn > 0:
		state = packager.Warn
	}
	what := c.ui.Text("batch.stopped") // before anything could be checked
	if l.Checked {
		what = c.ui.Text("batch.line", "block", itoa(l.Block), "warn", itoa(l.Warn))
	}
	c.ui.Line("%s %s  %s", c.ui.Mark(state), l.Dir, c.ui.Faint(strings.Join(nonEmpty(what, l.Bundle), " · ")))
	if l.Exit != exitOK && l.Exit != exitIncomplete {
		c.explain(err)
	}
}

// gravity orders exit codes from the one that asks for most attention down.
var gravity = []int{exitUnexpected, exitVerification, exitSigning, exitStore, exitConfig, exitIncomplete, exitUsage}

func worse(a, b error) error {
	switch {
	case b == nil:
		return a
	case a == nil:
		return b
	case slices.Index(gravity, exitCode(b)) < slices.Index(gravity, exitCode(a)):
		return b
	}
	return a
}

// sayNothing keeps the exit code of an error that was said already.
func sayNothing(err error) error {
	if err == nil {
		return nil
	}
	for class, code := range exitOf {
		if code == exitCode(err) {
			return said(class)
		}
	}
	return said(packager.ClassUnexpected)
}
