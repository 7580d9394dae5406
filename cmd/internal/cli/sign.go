package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/packager"
	"dossier/packager/sign"
)

// signCommand lifts the signature of what was signed before: a case is stored
// anew, a PDF is written to --out.
func (c *command) signCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "sign CASE|PDF --extend --level B-T|B-LT|B-LTA",
		Short: c.ui.Text("help.sign"),
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := os.Stat(args[0])
			if err == nil && !st.IsDir() {
				return c.withApp(func(a *app.App) error { return c.extendPDF(cmd.Context(), a, args[0], out) })
			}
			return c.extendCase(cmd.Context(), args[0], out)
		},
	}
	cmd.Flags().Bool("extend", true, c.ui.Text("flag.extend"))
	cmd.Flags().StringVar(&out, "out", "", c.ui.Text("flag.sign-out"))
	c.storeFlags(cmd)
	c.keyFlags(cmd)
	return cmd
}

func (c *command) extendPDF(ctx context.Context, a *app.App, path, out string) error {
	if out == "" {
		return usage("USAGE_NEED", "flag", "--out", "list", "PDF")
	}
	timestamps, err := a.Timestamps()
	if err != nil {
		return err
	}
	made, err := sign.Extend(ctx, path, sign.Extension{Out: out, Now: c.Now(), Level: a.Config.Level, Timestamps: timestamps})
	if err != nil {
		return err
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "pdf": made.Path, "sha256": made.SHA256, "bytes": made.Bytes, "signature": made.Signature})
	}
	c.ui.Line("%s %s", c.ui.Mark(packager.StateOK), c.ui.Text("sign.extended", "level", made.Signature.Level, "path", made.Path))
	return nil
}

func (c *command) extendCase(ctx context.Context, dir, out string) error {
	a, err := c.open(dir)
	if err != nil {
		return err
	}
	order, err := a.Order(dir, out, false)
	if err != nil {
		return err
	}
	observe, end := c.observe(a.Config)
	p, err := a.Pipeline(observe)
	if err != nil {
		end()
		return err
	}
	defer p.Close()
	receipt, paths, err := p.Extend(ctx, order.Case, order.Out)
	end()
	if err != nil {
		return err
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "case": receipt.Case, "outputs": paths, "signature": receipt.Signature, "store": storeDocument(receipt)})
	}
	c.ui.Line("%s %s", c.ui.Mark(packager.StateOK), c.ui.Text("sign.extended", "level", receipt.Signature.Level, "path", paths.PDF))
	c.ui.Line("  %s", a.CaseURL(receipt))
	return nil
}
