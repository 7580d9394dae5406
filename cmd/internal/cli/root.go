// Package cli is the command line: one file a command, thin. What a command
// does is in packager/pipeline and storage; what it says is in templates/locales.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dossier/cmd/internal/app"
	"dossier/cmd/internal/config"
	"dossier/cmd/internal/ui"
	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/templates"
)

// Streams is the process as the commands see it.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Env      []string
	Now      func() time.Time
	// InTTY, OutTTY and ErrTTY say whether a person is at the other end.
	InTTY, OutTTY, ErrTTY bool
	Width                 int // columns of the terminal
}

// Process returns the streams of this process.
func Process() Streams {
	isTTY := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		width = 80
	}
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Environ(), Now: time.Now,
		InTTY: isTTY(os.Stdin), OutTTY: isTTY(os.Stdout), ErrTTY: isTTY(os.Stderr), Width: width,
	}
}

// command is what every command works with, made before it runs.
type command struct {
	Streams
	flags   config.Flags
	catalog *i18n.Catalog
	ui      *ui.UI
}

// Main runs the program and returns its exit code.
func Main(args []string, s Streams) int {
	// The first Ctrl-C cancels and lets every step tidy up; a second one ends
	// the process at once, as people expect.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	catalog, err := i18n.Load(templates.FS, "locales")
	if err != nil {
		fmt.Fprintln(s.Err, err)
		return exitUnexpected
	}
	c := &command{Streams: s, catalog: catalog}
	c.ui = c.newUI(language(args, s.Env), slices.Contains(args, "--json"))
	root := c.root()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err = root.ExecuteContext(ctx)
	if ctx.Err() != nil && err != nil {
		err = context.Canceled
	}
	c.explain(err)
	return exitCode(err)
}

// language is known before the flags are read, since help and usage errors are
// in it too: --lang, DOSSIER_LANG, LC_ALL, LANG, else Chinese.
func language(args, env []string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--lang="); ok {
			return v
		}
		if a == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
	}
	for _, name := range []string{"DOSSIER_LANG", "LC_ALL", "LANG"} {
		v := config.Getenv(env, name)
		switch {
		case strings.HasPrefix(v, "zh"):
			return "zh"
		case strings.HasPrefix(v, "en"):
			return "en"
		}
	}
	return "zh"
}

func (c *command) newUI(lang string, asJSON bool) *ui.UI {
	colour := config.Getenv(c.Env, "NO_COLOR") == "" && config.Getenv(c.Env, "TERM") != "dumb"
	return &ui.UI{
		Out: c.Out, Err: c.Err, In: c.In, P: c.catalog.Printer(lang), JSON: asJSON,
		Ask:      c.InTTY && c.ErrTTY,
		OutColor: colour && c.OutTTY, ErrColor: colour && c.ErrTTY,
		OutColumns: columns(c.OutTTY, c.Width), ErrColumns: columns(c.ErrTTY, c.Width),
	}
}

// columns is how wide lines may be: 0, as long as they are, but on a terminal.
func columns(tty bool, width int) int {
	if !tty {
		return 0
	}
	return width
}

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "dossier",
		Short:         c.ui.Text("help.dossier"),
		Long:          c.ui.Text("help.dossier.long"),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := root.PersistentFlags()
	f.BoolVar(&c.flags.JSON, "json", false, c.ui.Text("flag.json"))
	f.StringVar(&c.flags.Progress, "progress", "", c.ui.Text("flag.progress"))
	f.StringVar(&c.flags.Lang, "lang", "", c.ui.Text("flag.lang"))
	f.StringVar(&c.flags.At, "at", "", c.ui.Text("flag.at"))
	f.StringArrayVar(&c.flags.Rules, "rules", nil, c.ui.Text("flag.rules"))
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("USAGE_FLAG", "why", err.Error()) })
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetHelpTemplate(c.ui.Text("help.template"))
	root.SetUsageTemplate(c.ui.Text("usage.template"))
	root.AddCommand(
		c.initCommand(), c.collectCommand(), c.checkCommand(), c.draftCommand(), c.buildCommand(), c.verifyCommand(),
		c.pushCommand(), c.handoffCommand(), c.statusCommand(), c.batchCommand(), c.platformsCommand(), c.keysCommand(), c.doctorCommand(), c.versionCommand(),
		c.pullCommand(), c.storeCommand(), c.signCommand(),
	)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	localiseHelp(root, c.ui)
	return root
}

// localiseHelp says cobra's own words in the reader's language.
func localiseHelp(root *cobra.Command, u *ui.UI) {
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		cmd.InitDefaultHelpFlag()
		if h := cmd.Flags().Lookup("help"); h != nil {
			h.Usage = u.Text("flag.help")
		}
		switch cmd.Name() {
		case "help", "completion":
			cmd.Short = u.Text("help." + cmd.Name())
		}
	}
}

// usage is a mistake in the command line: exit 64.
func usage(code string, pairs ...string) error {
	a := packager.Args{}
	for i := 0; i+1 < len(pairs); i += 2 {
		a[pairs[i]] = pairs[i+1]
	}
	return &packager.Fault{Class: packager.ClassUsage, Code: code, Args: a}
}

// knownCommand refuses a word that is no command, with the nearest one.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usage("USAGE_COMMAND_NEAR", "name", args[0], "near", strings.Join(near, ", "))
	}
	return usage("USAGE_COMMAND", "name", args[0])
}

// exactArgs takes n arguments, or says what the command wants.
func exactArgs(n int) cobra.PositionalArgs { return rangeArgs(n, n) }

func rangeArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usage("USAGE_ARGS", "use", cmd.UseLine())
		}
		return nil
	}
}

// open builds the program for a case folder ("" for none), after the flags
// have been read.
func (c *command) open(dir string) (*app.App, error) {
	cfg, err := config.Load(c.flags, c.Env, dir)
	if err != nil {
		return nil, err
	}
	c.ui = c.newUI(cmpOr(cfg.Lang, c.ui.P.Lang), c.flags.JSON)
	a, err := app.New(cfg, c.catalog, c.ui.P, c.Now)
	if err == nil && c.ui.Ask {
		a.Ask = c.secret
	}
	return a, err
}

// secret asks for a secret without showing it.
func (c *command) secret(question string) (string, error) {
	f, ok := c.In.(*os.File)
	if !ok {
		return c.ui.Prompt(question)
	}
	fmt.Fprint(c.Err, question)
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(c.Err)
	return string(b), err
}

func itoa(n int) string { return strconv.Itoa(n) }

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// observe starts progress in the mode asked for.
func (c *command) observe(cfg *config.Config) (packager.Observer, func()) {
	mode := cfg.Progress
	if mode == "" || mode == ui.ProgressAuto {
		mode = ui.ProgressPlain
		if c.ErrTTY {
			mode = ui.ProgressTTY
		}
	}
	return c.ui.Progress(mode, c.Width, c.Now)
}

// explain says an error on Err: what, where, what to do next.
func (c *command) explain(err error) {
	if err == nil {
		return
	}
	if c.flags.JSON {
		c.explainJSON(err) // and on Err in words, for the log
	}
	if ds, ok := errors.AsType[packager.Diagnostics](err); ok {
		c.ui.Diagnostics(ds)
		return
	}
	if errors.Is(err, context.Canceled) {
		c.fault("CANCELLED", nil, nil)
		return
	}
	if f, ok := errors.AsType[*packager.Fault](err); ok {
		if f.Code != codeSaid {
			c.fault(f.Code, f.Args, f.Err)
		}
		return
	}
	c.fault("UNEXPECTED", packager.Args{"error": err.Error(), "version": app.Version()}, nil)
}

// explainJSON gives a program the error as the one document on Out.
func (c *command) explainJSON(err error) {
	type diagnostic struct {
		Code       string            `json:"code"`
		Position   packager.Position `json:"position"`
		Path       string            `json:"path,omitempty"`
		Line       string            `json:"line,omitempty"`
		Suggestion string            `json:"suggestion,omitempty"`
		Message    string            `json:"message"`
	}
	doc := struct {
		Version     int           `json:"version"`
		Error       string        `json:"error"`
		Exit        int           `json:"exit"`
		Message     string        `json:"message,omitempty"`
		Next        string        `json:"next,omitempty"`
		Args        packager.Args `json:"args,omitempty"`
		Diagnostics []diagnostic  `json:"diagnostics,omitempty"`
	}{Version: 1, Error: "UNEXPECTED", Exit: exitCode(err)}
	if ds, ok := errors.AsType[packager.Diagnostics](err); ok {
		doc.Error = "CONFIG_INVALID"
		for _, d := range ds {
			m, _ := c.ui.P.Say(d.Code, ui.DiagnosticArgs(d))
			doc.Diagnostics = append(doc.Diagnostics, diagnostic{d.Code, d.Pos, d.Path, d.Line, d.Suggestion, m})
		}
	} else if f, ok := errors.AsType[*packager.Fault](err); ok {
		if f.Code == codeSaid {
			return
		}
		doc.Error, doc.Args = f.Code, f.Args
		doc.Message, doc.Next = c.ui.P.Say(f.Code, f.Args)
	} else if errors.Is(err, context.Canceled) {
		doc.Error = "CANCELLED"
	}
	if err := c.ui.Document(doc); err != nil {
		fmt.Fprintln(c.Err, err)
	}
}

// codeSaid is the code of a Fault whose words the command has written itself.
const codeSaid = "SAID"

func said(class packager.Class) error { return &packager.Fault{Class: class, Code: codeSaid} }

func (c *command) fault(code string, args packager.Args, cause error) {
	message, next := c.ui.P.Say(code, args)
	c.ui.Hanging(c.Err, ui.Paint(c.ui.ErrColor, ui.Red, "✗")+" ", message, "")
	if cause != nil {
		if inner, ok := errors.AsType[*packager.Fault](cause); ok {
			m, n := c.ui.P.Say(inner.Code, inner.Args)
			fmt.Fprintf(c.Err, "  %s\n", m)
			next = cmpOr(n, next)
		} else if !strings.Contains(message, cause.Error()) {
			fmt.Fprintf(c.Err, "  %s\n", cause)
		}
	}
	if next != "" {
		c.ui.Hanging(c.Err, "  → ", next, "")
	}
}
