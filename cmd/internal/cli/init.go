package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/packager"
	"dossier/packager/rules"
)

func (c *command) initCommand() *cobra.Command {
	var platform, accountType, application string
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: c.ui.Text("help.init"),
		Args:  exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			a, err := c.open(args[0])
			if err != nil {
				return err
			}
			choice, err := c.choose(a, platform, application, accountType)
			if err != nil {
				return err
			}
			return c.makeCase(a, args[0], choice)
		},
	}
	f := cmd.Flags()
	f.StringVar(&platform, "platform", "", c.ui.Text("flag.platform"))
	f.StringVar(&accountType, "account-type", "", c.ui.Text("flag.account-type"))
	f.StringVar(&application, "application", "", c.ui.Text("flag.application"))
	return cmd
}

// choice is what a new case is about.
type choice struct {
	pack        *rules.Pack
	application string
	accountType string
}

// choose takes what the flags say, and asks for the rest on a terminal.
func (c *command) choose(a *app.App, platform, application, accountType string) (choice, error) {
	var err error
	if platform, err = c.pick("platform", platform, a.Rules.IDs()); err != nil {
		return choice{}, err
	}
	pack, err := a.Rules.Pack(platform)
	if err != nil {
		return choice{}, err
	}
	ch := choice{pack: pack}
	var apps, types []string
	for _, o := range pack.Applications {
		apps = append(apps, o.ID)
	}
	if application == "" {
		application = apps[0] // close, wherever a platform has it
	}
	if ch.application, err = c.pick("application", application, apps); err != nil {
		return ch, err
	}
	for _, t := range pack.AccountTypes {
		if len(t.Applications) == 0 || slices.Contains(t.Applications, ch.application) {
			types = append(types, t.ID)
		}
	}
	if accountType == "" && len(types) == 1 {
		accountType = types[0]
	}
	ch.accountType, err = c.pick("account-type", accountType, types)
	return ch, err
}

// pick holds a value against what is known; an empty one is asked for on a
// terminal, and is wrong usage elsewhere.
func (c *command) pick(flag, value string, known []string) (string, error) {
	list := strings.Join(known, ", ")
	if value == "" {
		if !c.ui.Ask {
			return "", usage("USAGE_NEED", "flag", "--"+flag, "list", list)
		}
		answer, err := c.prompt(c.ui.Text("ask."+flag, "list", list))
		if err != nil {
			return "", err
		}
		value = answer
	}
	if !slices.Contains(known, value) {
		if flag == "platform" {
			return value, nil // the library knows the nearest name
		}
		return "", usage("USAGE_VALUE", "flag", "--"+flag, "value", value, "list", list)
	}
	return value, nil
}

func (c *command) makeCase(a *app.App, dir string, ch choice) error {
	file := filepath.Join(dir, "case.yaml")
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return caseDirFault(dir, err)
		}
		return &packager.Fault{Class: packager.ClassUsage, Code: "CASE_EXISTS", Args: packager.Args{"dir": dir}}
	}
	text, err := a.Rules.Skeleton(ch.pack.ID, ch.application, ch.accountType)
	if err != nil {
		return err
	}
	for _, sub := range []string{"materials", "backups", "letters"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return caseDirFault(dir, err)
		}
	}
	if err := writeNew(file, text); err != nil {
		return caseDirFault(dir, err)
	}
	list := filepath.Join(dir, c.ui.Text("init.checklist.file"))
	if err := writeNew(list, c.checklist(ch)); err != nil && !errors.Is(err, fs.ErrExist) {
		return caseDirFault(dir, err)
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{
			"version": 1, "dir": dir, "file": file, "checklist": list, "platform": ch.pack.ID,
			"application": ch.application, "account_type": ch.accountType,
		})
	}
	c.ui.Say("case.made", "dir", dir)
	c.ui.Say("case.next", "file", file, "dir", dir)
	return nil
}

// writeNew writes a file that is not there yet; one that appeared meanwhile is
// not overwritten.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// checklist is the pack as a list to tick off on paper: what is needed, what
// must hold, what to save, in this order.
func (c *command) checklist(ch choice) []byte {
	var b strings.Builder
	lang := c.ui.P.Lang
	fmt.Fprintf(&b, "# %s\n", c.ui.Text("init.checklist.title", "platform", ch.pack.Name.In(lang)))
	for _, k := range kinds[:5] { // material, precondition, backup, declaration, step
		first := true
		for _, r := range ch.pack.Rules {
			if r.Kind != k || !mayConcern(r, ch) {
				continue
			}
			if first {
				fmt.Fprintf(&b, "\n## %s\n\n", c.ui.Text("kind."+string(k)))
				first = false
			}
			fmt.Fprintf(&b, "- [ ] %s", r.Title.In(lang))
			if r.When != "" || len(r.SpecialCases) > 0 {
				b.WriteString(c.ui.Text("init.checklist.if"))
			}
			fmt.Fprintf(&b, "（%s）\n", r.ID)
			if d := strings.TrimSpace(r.Detail.In(lang)); d != "" {
				fmt.Fprintf(&b, "      %s\n", strings.ReplaceAll(d, "\n", "\n      "))
			}
		}
	}
	return []byte(b.String())
}

// mayConcern reports whether a rule can apply to such a case; special cases
// and conditions are only known when case.yaml is filled in.
func mayConcern(r rules.Rule, ch choice) bool {
	fits := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	return fits(r.Applications, ch.application) && fits(r.AccountTypes, ch.accountType)
}

func caseDirFault(dir string, err error) error {
	return &packager.Fault{Class: packager.ClassConfig, Code: "CASE_DIR", Args: packager.Args{"dir": dir}, Err: fmt.Errorf("%w", err)}
}
