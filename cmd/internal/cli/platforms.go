package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/packager"
)

func (c *command) platformsCommand() *cobra.Command {
	list := func(*cobra.Command, []string) error { return c.withApp(c.listPlatforms) }
	cmd := &cobra.Command{
		Use:   "platforms",
		Short: c.ui.Text("help.platforms"),
		Args:  knownCommand,
		RunE:  list,
	}
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: c.ui.Text("help.platforms.list"), Args: exactArgs(0), RunE: list},
		&cobra.Command{
			Use: "show ID", Short: c.ui.Text("help.platforms.show"), Args: exactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return c.withApp(func(a *app.App) error { return c.showPlatform(a, args[0]) })
			},
		},
		&cobra.Command{
			Use: "lint PATH", Short: c.ui.Text("help.platforms.lint"), Args: exactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return c.withApp(func(a *app.App) error { return c.lintPack(a, args[0]) })
			},
		},
	)
	return cmd
}

func (c *command) withApp(do func(*app.App) error) error {
	a, err := c.open("")
	if err != nil {
		return err
	}
	return do(a)
}

func (c *command) listPlatforms(a *app.App) error {
	type platform struct {
		ID           string        `json:"id"`
		Name         packager.Text `json:"name"`
		Revision     string        `json:"revision"`
		Applications []string      `json:"applications"`
		AccountTypes []string      `json:"account_types"`
		Rules        int           `json:"rules"`
		Unconfirmed  bool          `json:"unconfirmed"`
	}
	var all []platform
	var rows [][]string
	for _, id := range a.Rules.IDs() {
		p, err := a.Rules.Pack(id)
		if err != nil {
			return err
		}
		one := platform{ID: id, Name: p.Name, Revision: p.Revision, Rules: len(p.Rules), Unconfirmed: p.Unconfirmed}
		for _, x := range p.Applications {
			one.Applications = append(one.Applications, x.ID)
		}
		for _, x := range p.AccountTypes {
			one.AccountTypes = append(one.AccountTypes, x.ID)
		}
		all = append(all, one)
		note := ""
		if p.Unconfirmed {
			note = c.ui.Text("platforms.unconfirmed")
		}
		rows = append(rows, []string{id, p.Name.In(c.ui.P.Lang), strings.Join(one.Applications, " "), p.Revision, note})
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "platforms": all})
	}
	c.ui.Rows(rows)
	return nil
}

func (c *command) lintPack(a *app.App, path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return &packager.Fault{Class: packager.ClassConfig, Code: "LINT_UNREADABLE", Args: packager.Args{"file": path}, Err: err}
	}
	if err := a.Rules.Lint(path, b); err != nil {
		return err
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "file": path, "ok": true})
	}
	c.ui.Line("%s %s", c.ui.Mark(packager.StateOK), c.ui.Text("platforms.lint.ok", "file", path))
	return nil
}
