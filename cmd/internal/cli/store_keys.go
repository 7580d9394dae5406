package cli

import (
	"context"
	"path/filepath"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/packager"
	"dossier/packager/pipeline"
	"dossier/storage/seal"
)

// keygenCommand makes an age identity, for those who have no age-keygen.
func (c *command) keygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen FILE",
		Short: c.ui.Text("help.store.keygen"),
		Args:  exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.withApp(func(*app.App) error { return c.keygen(args[0]) })
		},
	}
}

func (c *command) keygen(file string) error {
	text, recipient, err := seal.NewIdentity()
	if err != nil {
		return err
	}
	if err := writeNew(file, []byte(text)); err != nil {
		return &packager.Fault{Class: packager.ClassUsage, Code: "IDENTITY_UNWRITABLE", Args: packager.Args{"file": file}, Err: err}
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "file": file, "recipient": recipient})
	}
	c.ui.Line("%s", recipient)
	c.ui.Note("store.keygen.made", "file", file)
	return nil
}

// rewrapCommand changes who can open what is stored.
func (c *command) rewrapCommand() *cobra.Command {
	var fresh bool
	cmd := &cobra.Command{
		Use:   "rewrap [CASE]",
		Short: c.ui.Text("help.store.rewrap"),
		Long:  c.ui.Text("help.store.rewrap.long"),
		Args:  rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withApp(func(a *app.App) error { return c.rewrap(cmd.Context(), a, optional(args), fresh) })
		},
	}
	c.storeFlags(cmd)
	c.recipientFlags(cmd)
	c.identityFlags(cmd)
	cmd.Flags().BoolVar(&fresh, "new-passphrase", false, c.ui.Text("flag.new-passphrase"))
	return cmd
}

func (c *command) rewrap(ctx context.Context, a *app.App, caseID string, fresh bool) error {
	to, err := c.newRecipients(a, fresh)
	if err != nil {
		return err
	}
	ids, err := a.Identities()
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return usage("REWRAP_NO_IDENTITY")
	}
	where, err := a.Store(a.Config.Store)
	if err != nil {
		return err
	}
	store, err := where.Keeper(ctx)
	if err != nil {
		return err
	}
	cases, err := seal.KeyCases(ctx, store)
	if err != nil {
		return pipeline.StoreFault(err)
	}
	if caseID != "" {
		cases = []string{filepath.Base(caseID)}
	}
	type rewrapped struct {
		Case string `json:"case"`
		Keys int    `json:"keys"`
	}
	done := []rewrapped{}
	keys := 0
	for _, id := range cases {
		n, err := seal.Rewrap(ctx, store, id, ids, to)
		if err != nil {
			return pipeline.StoreFault(err)
		}
		if n > 0 {
			done, keys = append(done, rewrapped{id, n}), keys+n
		}
	}
	if caseID != "" && keys == 0 {
		return &packager.Fault{Class: packager.ClassUsage, Code: "REWRAP_NOTHING", Args: packager.Args{"case": caseID}}
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "cases": done})
	}
	for _, d := range done {
		c.ui.Line("  %s  %s", d.Case, c.ui.Text("store.rewrap.keys", "n", itoa(d.Keys)))
	}
	c.ui.Line("%s %s", c.ui.Mark(packager.StateOK), c.ui.Text("store.rewrapped", "cases", itoa(len(done)), "n", itoa(keys)))
	if len(done) > 0 {
		c.storeNote("store.rewrapped.note")
	}
	return nil
}

// newRecipients are who can open afterwards: the recipients given, or a new
// passphrase.
func (c *command) newRecipients(a *app.App, fresh bool) ([]age.Recipient, error) {
	to, err := a.Recipients()
	if err != nil {
		return nil, err
	}
	switch {
	case fresh && len(c.flags.Recipients)+len(c.flags.RecipientFiles) > 0:
		return nil, usage("SEAL_BOTH")
	case fresh:
		secret, err := a.NewPassphrase()
		if err != nil {
			return nil, err
		}
		r, _, err := seal.ForPassphrase(secret)
		return []age.Recipient{r}, pipeline.StoreFault(err)
	case len(to) == 0:
		return nil, usage("REWRAP_NO_RECIPIENT")
	}
	return to, nil
}

// caseFolderOrID takes an argument that is the folder of a case, or the id of
// one in the store.
func (c *command) caseFolderOrID(a *app.App, arg string) (k *packager.Case, id string, err error) {
	if arg == "" {
		return nil, "", nil
	}
	if isCaseFolder(arg) {
		order, err := a.Order(arg, "", false)
		return order.Case, "", err
	}
	return nil, arg, nil
}
