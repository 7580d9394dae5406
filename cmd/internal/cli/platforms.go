package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/packager"
	"dossier/packager/rules"
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

// kinds is the order in which a person wants to read a pack: what is needed,
// what must hold, what to save, how it goes, how long, what can go wrong.
var kinds = []packager.Kind{
	packager.KindMaterial, packager.KindPrecondition, packager.KindBackup, packager.KindDeclaration,
	packager.KindStep, packager.KindDeadline, packager.KindWithdrawal, packager.KindFee,
	packager.KindRejection, packager.KindLegal, packager.KindAlternative, packager.KindAftermath,
}

func (c *command) showPlatform(a *app.App, id string) error {
	p, err := a.Rules.Pack(id)
	if err != nil {
		return err
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "pack": p})
	}
	lang := c.ui.P.Lang
	c.ui.Line("%s  %s", c.ui.Strong(p.Name.In(lang)), p.ID)
	c.ui.Line("%s", c.ui.Text("platforms.head", "revision", p.Revision, "operator", p.Operator))
	if ch := p.Channel.In(lang); ch != "" {
		c.ui.Line("%s", ch)
	}
	if p.Unconfirmed {
		c.ui.Line("%s %s", c.ui.Mark(packager.Warn), c.ui.Text("platforms.unconfirmed.long"))
	}
	options := func(key string, list []rules.Option) {
		if len(list) == 0 {
			return
		}
		c.ui.Line("")
		c.ui.Line("%s", c.ui.Strong(c.ui.Text(key)))
		var rows [][]string
		for _, o := range list {
			rows = append(rows, []string{" ", o.ID, o.Name.In(lang), o.Hint.In(lang)})
		}
		c.ui.Rows(rows)
	}
	options("platforms.account_types", p.AccountTypes)
	options("platforms.special_cases", p.SpecialCases)
	sources := map[string]rules.Source{}
	for _, s := range p.Sources {
		sources[s.ID] = s
	}
	for _, k := range kinds {
		c.showKind(p, k, sources)
	}
	c.showDoubts(p)
	c.ui.Line("")
	c.ui.Line("%s", c.ui.Strong(c.ui.Text("platforms.sources")))
	for _, s := range p.Sources {
		c.ui.Line("  %s", sourceLine(s))
	}
	c.ui.Line("")
	c.ui.Line("%s", c.ui.Text("platforms.grades"))
	return nil
}

func sourceLine(s rules.Source) string {
	line := s.ID + "  " + s.Title
	for _, part := range []string{s.Publisher, s.Published, s.URL} {
		if part != "" {
			line += " · " + part
		}
	}
	return line
}

func (c *command) showKind(p *rules.Pack, k packager.Kind, sources map[string]rules.Source) {
	lang := c.ui.P.Lang
	first := true
	for _, r := range p.Rules {
		if r.Kind != k {
			continue
		}
		if first {
			c.ui.Line("")
			c.ui.Line("%s", c.ui.Strong(c.ui.Text("kind."+string(k))))
			first = false
		}
		severity := r.Severity
		if severity == packager.Block && !r.Confidence.MayBlock() {
			severity = packager.Warn
		}
		c.ui.Line("  %s %s  %s", c.ui.Mark(severity), r.Title.In(lang), c.ui.Faint(c.provenance(r, sources)))
		if scope := c.scope(p, r); scope != "" {
			c.ui.Line("      %s", c.ui.Faint(scope))
		}
		if d := r.Detail.In(lang); d != "" {
			c.ui.Line("      %s", strings.ReplaceAll(strings.TrimSpace(d), "\n", "\n      "))
		}
	}
}

// provenance says how sure a rule is and where it is from.
func (c *command) provenance(r rules.Rule, sources map[string]rules.Source) string {
	parts := []string{r.ID, c.ui.Text("platforms.grade", "grade", string(r.Confidence))}
	for _, s := range r.Sources {
		at := s.Ref
		if s.At != "" {
			at += " " + s.At
		}
		parts = append(parts, at)
	}
	if len(r.Conflicts) > 0 {
		parts = append(parts, c.ui.Text("platforms.conflicts", "list", strings.Join(r.Conflicts, ", ")))
	}
	return strings.Join(parts, " · ")
}

// scope says when a rule applies, if not always.
func (c *command) scope(p *rules.Pack, r rules.Rule) string {
	names := map[string]string{}
	for _, o := range append(append([]rules.Option{}, p.AccountTypes...), p.SpecialCases...) {
		names[o.ID] = o.Name.In(c.ui.P.Lang)
	}
	for _, x := range p.Applications {
		names[x.ID] = x.Name.In(c.ui.P.Lang)
	}
	var parts []string
	for _, list := range [][]string{r.Applications, r.AccountTypes, r.SpecialCases} {
		var said []string
		for _, id := range list {
			if n := names[id]; n != "" {
				id = n
			}
			said = append(said, id)
		}
		if len(said) > 0 {
			parts = append(parts, strings.Join(said, " / "))
		}
	}
	if r.When != "" {
		parts = append(parts, r.When)
	}
	return strings.Join(parts, " · ")
}

func (c *command) showDoubts(p *rules.Pack) {
	lang := c.ui.P.Lang
	for i, d := range p.Doubts {
		if i == 0 {
			c.ui.Line("")
			c.ui.Line("%s", c.ui.Strong(c.ui.Text("platforms.doubts")))
		}
		c.ui.Line("  ? %s  %s", d.Title.In(lang), c.ui.Faint(d.ID+" · "+strings.Join(d.Rules, ", ")))
		for _, r := range d.Readings {
			mark := " "
			if r.ID == d.Default {
				mark = "→"
			}
			c.ui.Line("      %s %s  %s", mark, r.Text.In(lang), c.ui.Faint(c.ui.Text("platforms.grade", "grade", string(r.Confidence))))
		}
		c.ui.Line("      %s", d.Why.In(lang))
	}
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
