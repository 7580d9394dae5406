package cli

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dossier/packager"
	"dossier/packager/pipeline"
)

func (c *command) batchCommand() *cobra.Command {
	var checkOnly bool
	cmd := &cobra.Command{
		Use:   "batch DIR",
		Short: c.ui.Text("help.batch"),
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := caseFolders(args[0])
			if err != nil {
				return err
			}
			if len(dirs) == 0 {
				return &packager.Fault{Class: packager.ClassUsage, Code: "BATCH_NONE", Args: packager.Args{"dir": args[0]}}
			}
			return c.runBatch(cmd.Context(), dirs, checkOnly)
		},
	}
	cmd.Flags().BoolVar(&checkOnly, "check", false, c.ui.Text("flag.check-only"))
	c.storeFlags(cmd)
	c.keyFlags(cmd)
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
	Block    int            `json:"block"`
	Warn     int            `json:"warn"`
	Bundle   string         `json:"bundle,omitempty"`
	Outputs  pipeline.Paths `json:"outputs"`
}

// runBatch builds one case after the other; each uses all cores by itself. A
// case that fails does not stop the others.
func (c *command) runBatch(ctx context.Context, dirs []string, checkOnly bool) error {
	lines := make([]batchLine, 0, len(dirs))
	var worst error
	for _, dir := range dirs {
		line, err := c.batchOne(ctx, dir, checkOnly)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		lines = append(lines, line)
		worst = worse(worst, err)
		if !c.flags.JSON {
			c.batchLine(line, err)
		}
	}
	if c.flags.JSON {
		if err := c.ui.Document(map[string]any{"version": 1, "cases": lines}); err != nil {
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
	return sayNothing(worst)
}

func (c *command) batchOne(ctx context.Context, dir string, checkOnly bool) (line batchLine, err error) {
	line.Dir = dir
	defer func() {
		line.Exit, line.Error = exitCode(err), errorCode(err)
	}()
	a, err := c.open(dir)
	if err != nil {
		return line, err
	}
	order, err := a.Order(dir, "", false)
	if err != nil {
		return line, err
	}
	observe, end := c.observe(a.Config)
	defer end()
	p, err := a.Pipeline(observe)
	if err != nil {
		return line, err
	}
	line.Case = order.Case.ID
	res := &pipeline.Result{}
	if checkOnly {
		res.Report, err = p.Check(ctx, order.Case, order.Day)
	} else {
		res, err = p.Build(ctx, order)
	}
	if r := res.Report; r != nil {
		line.Complete = r.Complete()
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
	return line, err
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
	c.ui.Line("%s %s  %s", c.ui.Mark(state), l.Dir, c.ui.Faint(c.ui.Text("batch.line",
		"block", itoa(l.Block), "warn", itoa(l.Warn), "bundle", l.Bundle)))
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
