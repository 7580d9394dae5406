// Package cli is the command line: one file a command, thin. What a command
// does is in packager/pipeline and storage; what it says is in templates/locales.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
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
	"dossier/packager/identity"
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
	Width                 int      // columns of the terminal
	Fence                 []string // see app.App
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
		Fence: app.Fence(),
	}
}

// command is what every command works with, made before it runs.
type command struct {
	Streams
	flags   config.Flags
	catalog *i18n.Catalog
	ui      *ui.UI
	ctx     context.Context // ends with Ctrl-C, also while a person is asked
	clear   func()          // takes the line of progress away, or nil
}

// Main runs the program and returns its exit code.
func Main(args []string, s Streams) (code int) {
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
	c := &command{Streams: s, catalog: catalog, ctx: ctx}
	c.ui = c.newUI(language(args, s.Env), slices.Contains(args, "--json"))
	// A bug ends with 1, as promised, after every step has tidied up.
	defer func() {
		if p := recover(); p != nil {
			c.explain(fmt.Errorf("panic: %v", p))
			fmt.Fprintf(s.Err, "%s\n", identity.MaskIDs(string(debug.Stack())))
			code = exitUnexpected
		}
	}()
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
		v, ok := strings.CutPrefix(a, "--lang=")
		if a == "--lang" && i+1 < len(args) {
			v, ok = args[i+1], true
		}
		if ok && slices.Contains(i18n.Languages, v) {
			return v
		}
	}
	for _, name := range []string{"DOSSIER_LANG", "LC_ALL", "LANG"} {
		if l := config.Language(config.Getenv(env, name)); l != "" {
			return l
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
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if flag, value, list := c.flags.Invalid(); flag != "" {
				return usage("USAGE_VALUE", "flag", flag, "value", value, "list", list)
			}
			return nil
		},
	}
	f := root.PersistentFlags()
	f.BoolVar(&c.flags.JSON, "json", false, c.ui.Text("flag.json"))
	f.StringVar(&c.flags.Progress, "progress", "", c.ui.Text("flag.progress"))
	f.StringVar(&c.flags.Lang, "lang", "", c.ui.Text("flag.lang"))
	f.StringVar(&c.flags.At, "at", "", c.ui.Text("flag.at"))
	f.StringArrayVar(&c.flags.Rules, "rules", nil, c.ui.Text("flag.rules"))
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(flagError)
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
func localiseHelp(cmd *cobra.Command, u *ui.UI) {
	cmd.InitDefaultHelpFlag()
	cmd.Flags().Lookup("help").Usage = u.Text("flag.help")
	cmd.DisableFlagsInUseLine = true // the template says it in the reader's language
	switch cmd.Name() {
	case "help", "completion":
		cmd.Short = u.Text("help." + cmd.Name())
	}
	for _, sub := range cmd.Commands() {
		localiseHelp(sub, u)
	}
}

// open builds the program for a case folder, or "" for the folder where it
// runs, after the flags have been read.
func (c *command) open(dir string) (*app.App, error) {
	cfg, err := config.Load(c.flags, c.Env, dir)
	if err != nil {
		return nil, err
	}
	c.ui = c.newUI(cmpOr(cfg.Lang, c.ui.P.Lang), c.flags.JSON)
	a, err := app.New(cfg, c.catalog, c.ui.P, c.Now)
	if err != nil {
		return nil, err
	}
	a.Fence, a.Tell = c.Fence, c.tell
	if c.ui.Ask {
		a.Ask = c.secret
	}
	return a, nil
}

// secret asks for a secret without showing it. Ctrl-C ends the question and
// leaves the terminal as it was.
func (c *command) secret(question string) (string, error) {
	if c.clear != nil {
		c.clear()
	}
	f, ok := c.In.(*os.File)
	if !ok {
		return c.prompt(question)
	}
	before, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", err
	}
	fmt.Fprint(c.Err, question)
	text, err := c.await(func() (string, error) {
		b, err := term.ReadPassword(int(f.Fd()))
		return string(b), err
	})
	if c.ctx.Err() != nil {
		_ = term.Restore(int(f.Fd()), before)
	}
	fmt.Fprintln(c.Err)
	return text, err
}

// prompt asks for a line.
func (c *command) prompt(question string) (string, error) {
	return c.await(func() (string, error) { return c.ui.Prompt(question) })
}

// await waits for a person's answer, or for Ctrl-C.
func (c *command) await(read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.text, a.err
	case <-c.ctx.Done():
		return "", c.ctx.Err()
	}
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
	c.flags.Progress = mode
	observe, end := c.ui.Progress(mode, c.Width, c.Now)
	c.clear = end
	return observe, end
}
