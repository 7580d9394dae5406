package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/packager"
)

// storeFlags say where the store is and how it is spoken to.
func (c *command) storeFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.flags.Store, "store", "", c.ui.Text("flag.store"))
	c.serverFlags(cmd)
}

// serverFlags say how a store is spoken to that is known.
func (c *command) serverFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.flags.StoreProfile, "store-profile", "", c.ui.Text("flag.store-profile"))
	f.StringVar(&c.flags.SSE, "sse", "", c.ui.Text("flag.sse"))
	f.StringVar(&c.flags.SSEKeyFile, "sse-c-key-file", "", c.ui.Text("flag.sse-c-key-file"))
}

// identityFlags say how what is encrypted is opened.
func (c *command) identityFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&c.flags.Identities, "identity", nil, c.ui.Text("flag.identity"))
	f.BoolVar(&c.flags.Passphrase, "passphrase", false, c.ui.Text("flag.store-passphrase"))
	f.StringVar(&c.flags.PassphraseFile, "passphrase-file", "", c.ui.Text("flag.passphrase-file"))
}

// recipientFlags say for whom personal data is encrypted.
func (c *command) recipientFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&c.flags.Recipients, "recipient", nil, c.ui.Text("flag.recipient"))
	f.StringArrayVar(&c.flags.RecipientFiles, "recipients-file", nil, c.ui.Text("flag.recipients-file"))
}

// termFlags are those of commands that store: who can read it later, and who
// can delete it.
func (c *command) termFlags(cmd *cobra.Command) {
	c.recipientFlags(cmd)
	c.identityFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&c.flags.Retain, "retain", "", c.ui.Text("flag.retain"))
	f.BoolVar(&c.flags.LegalHold, "legal-hold", false, c.ui.Text("flag.legal-hold"))
}

// termsNote says on which terms a publication is stored: encrypted or not,
// where that matters.
func (c *command) termsNote(a *app.App, r *packager.Receipt) string {
	switch {
	case slices.ContainsFunc(r.Files, func(o packager.StoredObject) bool { return o.Sealed != nil }):
		return c.ui.Text("build.sealed")
	case strings.HasPrefix(r.Store, "s3://") && !slices.Contains(a.Config.Recipients, "none"):
		return c.ui.Text("build.clear", "host", r.Store)
	}
	return ""
}
