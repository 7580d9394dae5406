package cli

import (
	"time"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/cmd/internal/config"
	"dossier/packager"
	"dossier/packager/sign/keys"
)

func (c *command) keysCommand() *cobra.Command {
	list := func(*cobra.Command, []string) error { return c.withApp(c.listKeys) }
	cmd := &cobra.Command{Use: "keys", Short: c.ui.Text("help.keys"), Args: knownCommand, RunE: list}
	var lock bool
	named := func(use, key string, do func(a *app.App, args []string) error, n int) *cobra.Command {
		return &cobra.Command{Use: use, Short: c.ui.Text(key), Args: exactArgs(n), RunE: func(_ *cobra.Command, args []string) error {
			return c.withApp(func(a *app.App) error { return do(a, args) })
		}}
	}
	create := named("new NAME", "help.keys.new", func(a *app.App, args []string) error {
		pass, err := c.newPassphrase(a, lock)
		if err != nil {
			return err
		}
		_, err = keys.New(a.KeyDir(), args[0], c.Now(), a.KeySubject(), pass)
		return c.shownKey(a, args[0], err)
	}, 1)
	create.Flags().StringVar(&c.flags.Name, "name", "", c.ui.Text("flag.key-name"))
	bring := named("import NAME FILE", "help.keys.import", func(a *app.App, args []string) error {
		key, err := keys.Open(a.KeyDir(), args[1], a.Passphrase)
		if err != nil {
			return err
		}
		pass, err := c.newPassphrase(a, lock)
		if err != nil {
			return err
		}
		_, err = keys.Import(a.KeyDir(), args[0], key, pass)
		return c.shownKey(a, args[0], err)
	}, 2)
	for _, x := range []*cobra.Command{create, bring} {
		x.Flags().BoolVar(&lock, "passphrase", false, c.ui.Text("flag.passphrase"))
	}
	var yes bool
	remove := named("rm NAME", "help.keys.rm", func(a *app.App, args []string) error { return c.removeKey(a, args[0], yes) }, 1)
	remove.Flags().BoolVar(&yes, "yes", false, c.ui.Text("flag.yes"))
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: c.ui.Text("help.keys.list"), Args: exactArgs(0), RunE: list},
		named("show NAME", "help.keys.show", func(a *app.App, args []string) error { return c.shownKey(a, args[0], nil) }, 1),
		create, bring, remove,
	)
	return cmd
}

// newPassphrase gets the passphrase that a key is to be locked with: from
// DOSSIER_KEY_NEW_PASSPHRASE, else twice from the terminal.
func (c *command) newPassphrase(a *app.App, lock bool) (string, error) {
	if !lock {
		return "", nil
	}
	if v, ok := config.Lookup(c.Env, "DOSSIER_KEY_NEW_PASSPHRASE"); ok {
		return notEmpty(v)
	}
	if a.Ask == nil {
		return "", usage("KEY_NEW_PASSPHRASE")
	}
	secret, err := a.AskTwice("ask.passphrase.new")
	if err != nil {
		return "", err
	}
	return notEmpty(secret)
}

// notEmpty refuses the empty passphrase: who asked for a locked key would get
// an open one.
func notEmpty(passphrase string) (string, error) {
	if passphrase == "" {
		return "", usage("KEY_PASSPHRASE_EMPTY")
	}
	return passphrase, nil
}

func (c *command) listKeys(a *app.App) error {
	list, err := keys.List(a.KeyDir())
	if c.flags.JSON {
		if e := c.ui.Document(map[string]any{"version": 1, "keys": list}); e != nil {
			return e
		}
		return err
	}
	if len(list) == 0 && err == nil {
		c.ui.Say("keys.none", "dir", a.KeyDir())
	}
	var rows [][]string
	for _, k := range list {
		note := ""
		if k.Locked {
			note = c.ui.Text("keys.locked")
		}
		rows = append(rows, []string{k.Name, k.Subject, k.Algorithm, k.NotAfter.Format(time.DateOnly), k.Fingerprint[:16] + "…", note})
	}
	c.ui.Rows(rows)
	return err
}

func (c *command) shownKey(a *app.App, name string, err error) error {
	if err != nil {
		return err
	}
	k, err := keys.Show(a.KeyDir(), name)
	if err != nil {
		return err
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "key": k})
	}
	yes := func(b bool) string { return c.ui.Text(map[bool]string{true: "yes", false: "no"}[b]) }
	rows := [][]string{
		{c.ui.Text("keys.name"), k.Name}, {c.ui.Text("keys.subject"), k.Subject}, {c.ui.Text("keys.issuer"), k.Issuer},
		{c.ui.Text("keys.algorithm"), k.Algorithm},
		{c.ui.Text("keys.valid"), k.NotBefore.Format(time.DateOnly) + " – " + k.NotAfter.Format(time.DateOnly)},
		{"SHA-256", k.Fingerprint}, {c.ui.Text("keys.has_passphrase"), yes(k.Locked)}, {c.ui.Text("keys.file"), k.Path},
	}
	c.ui.Rows(rows)
	if k.SelfSigned {
		c.ui.Line("%s %s", c.ui.Mark(packager.Info), c.ui.Text("build.selfsigned"))
	}
	if k.Exposed {
		c.ui.Line("%s %s", c.ui.Mark(packager.Warn), c.ui.Text("keys.exposed"))
	}
	return nil
}

func (c *command) removeKey(a *app.App, name string, yes bool) error {
	k, err := keys.Show(a.KeyDir(), name)
	if err != nil {
		return err
	}
	if !yes {
		if !c.ui.Ask {
			return usage("USAGE_NEED_YES", "flag", "--yes")
		}
		answer, err := c.prompt(c.ui.Text("ask.keys.rm", "name", name, "subject", k.Subject))
		if err != nil {
			return err
		}
		if answer != name {
			c.ui.Say("keys.kept", "name", name)
			return nil
		}
	}
	if err := keys.Remove(a.KeyDir(), name); err != nil {
		return err
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "removed": name})
	}
	c.ui.Say("keys.removed", "name", name)
	return nil
}
