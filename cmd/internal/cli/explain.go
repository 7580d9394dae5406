package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"dossier/cmd/internal/app"
	"dossier/cmd/internal/config"
	"dossier/cmd/internal/ui"
	"dossier/packager"
	"dossier/packager/identity"
)

// codeSaid is the code of a Fault whose words the command has written itself.
const codeSaid = "SAID"

func said(class packager.Class) error { return &packager.Fault{Class: class, Code: codeSaid} }

// explain says an error: what, where, what to do next. With --json it is the
// one document on Out, too; with --progress json it is a line of JSON on Err,
// where words would be in a program's way.
func (c *command) explain(err error) {
	if err == nil {
		return
	}
	if f, ok := errors.AsType[*packager.Fault](err); ok && f.Code == codeSaid {
		return
	}
	if c.flags.JSON && !c.ui.Documented {
		if err := c.ui.Document(c.errorDocument(err)); err != nil {
			fmt.Fprintln(c.Err, err)
		}
	}
	if c.progressJSON() {
		c.explainLine(err)
		return
	}
	if ds, ok := errors.AsType[packager.Diagnostics](err); ok {
		c.ui.Diagnostics(ds)
		return
	}
	f := faultOf(err)
	c.fault(f.Code, f.Args, f.Err)
}

// faultOf is the Fault that an error is, or is told as.
func faultOf(err error) *packager.Fault {
	if errors.Is(err, context.Canceled) {
		return &packager.Fault{Class: packager.ClassCancelled, Code: "CANCELLED"}
	}
	if f, ok := errors.AsType[*packager.Fault](err); ok {
		return f
	}
	return &packager.Fault{Code: "UNEXPECTED", Args: packager.Args{"error": err.Error(), "version": app.Version()}}
}

// progressJSON reports whether Err is read by a program. It is asked before
// the settings are read, too.
func (c *command) progressJSON() bool {
	return cmpOr(c.flags.Progress, config.Getenv(c.Env, "DOSSIER_PROGRESS")) == ui.ProgressJSON
}

// errorJSON is an error as a program reads it.
type errorJSON struct {
	Version     int              `json:"version"`
	Error       string           `json:"error"` // code
	Exit        int              `json:"exit"`
	Message     string           `json:"message,omitempty"`
	Next        string           `json:"next,omitempty"`
	Args        packager.Args    `json:"args,omitempty"`
	Diagnostics []diagnosticJSON `json:"diagnostics,omitempty"`
}

type diagnosticJSON struct {
	Code       string            `json:"code"`
	Position   packager.Position `json:"position"`
	Path       string            `json:"path,omitempty"`
	Line       string            `json:"line,omitempty"`
	Suggestion string            `json:"suggestion,omitempty"`
	Message    string            `json:"message"`
	Next       string            `json:"next,omitempty"`
}

// errorDocument tells an error with every identity number masked: it may end
// in a log.
func (c *command) errorDocument(err error) errorJSON {
	doc := errorJSON{Version: 1, Exit: exitCode(err)}
	if ds, ok := errors.AsType[packager.Diagnostics](err); ok {
		doc.Error = "CONFIG_INVALID"
		for _, d := range ds {
			m, n := c.ui.P.Say(d.Code, ui.DiagnosticArgs(d))
			doc.Diagnostics = append(doc.Diagnostics, diagnosticJSON{
				d.Code, d.Pos, identity.MaskIDs(d.Path), d.Line, identity.MaskIDs(d.Suggestion), m, n,
			})
		}
		return doc
	}
	f := faultOf(err)
	doc.Error, doc.Args = f.Code, masked(f.Args)
	doc.Message, doc.Next = c.ui.P.Say(f.Code, doc.Args)
	return doc
}

// explainLine writes the error as the last line of --progress json.
func (c *command) explainLine(err error) {
	line, err := json.Marshal(struct {
		errorJSON
		At   string `json:"at"`
		Kind string `json:"kind"`
	}{c.errorDocument(err), c.Now().UTC().Format(ui.ProgressTime), "error"})
	if err == nil { // strings and numbers: cannot fail
		fmt.Fprintf(c.Err, "%s\n", line)
	}
}

// tell says what the user must know though nothing failed. It is no result, so
// it goes to Err; with --progress json it is a line of its kind.
func (c *command) tell(code string, args packager.Args) {
	args = masked(args)
	message, next := c.ui.P.Say(code, args)
	if c.progressJSON() {
		line, err := json.Marshal(map[string]any{
			"version": 1, "at": c.Now().UTC().Format(ui.ProgressTime), "kind": "notice",
			"code": code, "args": args, "message": message, "next": next,
		})
		if err == nil { // strings and numbers: cannot fail
			fmt.Fprintf(c.Err, "%s\n", line)
		}
		return
	}
	if c.clear != nil {
		c.clear()
	}
	c.ui.Hanging(c.Err, ui.Paint(c.ui.ErrColor, ui.Yellow, "!")+" ", message, "")
	if next != "" {
		c.ui.Hanging(c.Err, "  → ", next, "")
	}
}

func masked(args packager.Args) packager.Args {
	args = maps.Clone(args)
	for k, v := range args {
		args[k] = identity.MaskIDs(v)
	}
	return args
}

// fault says a code, its cause, and what to do next.
func (c *command) fault(code string, args packager.Args, cause error) {
	message, next := c.ui.P.Say(code, masked(args))
	c.ui.Hanging(c.Err, ui.Paint(c.ui.ErrColor, ui.Red, "✗")+" ", message, "")
	if cause != nil {
		if inner, ok := errors.AsType[*packager.Fault](cause); ok {
			m, n := c.ui.P.Say(inner.Code, masked(inner.Args))
			fmt.Fprintf(c.Err, "  %s\n", m)
			next = cmpOr(n, next)
		} else if why := identity.MaskIDs(cause.Error()); !strings.Contains(message, why) {
			fmt.Fprintf(c.Err, "  %s\n", why)
		}
	}
	if next != "" {
		c.ui.Hanging(c.Err, "  → ", next, "")
	}
}
