package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/packager"
	"dossier/packager/pipeline"
	"dossier/packager/sign"
)

// signCommand adds a signature to what was made before, or lifts the one that
// is there: a case is stored anew, a PDF is written to --out.
func (c *command) signCommand() *cobra.Command {
	var out, reason string
	var extend bool
	cmd := &cobra.Command{
		Use:   "sign CASE|PDF (--key KEY | --extend --level B-T|B-LT|B-LTA)",
		Short: c.ui.Text("help.sign"),
		Long:  c.ui.Text("help.sign.long"),
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !extend && c.flags.Key == "" {
				return usage("USAGE_SIGN")
			}
			st, err := os.Stat(args[0])
			if err == nil && !st.IsDir() {
				return c.withApp(func(a *app.App) error {
					if extend {
						return c.extendPDF(cmd.Context(), a, args[0], out)
					}
					return c.signPDF(cmd.Context(), a, args[0], out, reason)
				})
			}
			return c.growCase(cmd.Context(), args[0], out, extend, reason)
		},
	}
	cmd.Flags().BoolVar(&extend, "extend", false, c.ui.Text("flag.extend"))
	cmd.Flags().StringVar(&out, "out", "", c.ui.Text("flag.sign-out"))
	cmd.Flags().StringVar(&reason, "reason", "", c.ui.Text("flag.sign-reason"))
	cmd.Flags().StringVar(&c.flags.Name, "name", "", c.ui.Text("flag.name"))
	c.storeFlags(cmd)
	c.termFlags(cmd)
	c.keyFlags(cmd)
	return cmd
}

// signPDF signs any PDF. The signature is not seen on a page.
func (c *command) signPDF(ctx context.Context, a *app.App, path, out, reason string) error {
	if out == "" {
		return usage("USAGE_NEED", "flag", "--out", "list", "PDF")
	}
	key, err := a.Key(ctx)
	if err != nil {
		return err
	}
	timestamps, err := a.Timestamps()
	if err != nil {
		return err
	}
	made, err := sign.Sign(ctx, &packager.Bundle{Path: path}, key, sign.Options{
		Out: out, Now: c.Now(), Level: a.Config.Level, PSS: a.Config.PSS, Certify: a.Config.Certify, Reason: reason,
		Timestamps: timestamps, AcceptLower: a.Config.AcceptLower,
	})
	if err != nil {
		return err
	}
	return c.signedPDF("sign.signed", packager.File{Path: made.Path, SHA256: made.SHA256, Bytes: made.Bytes}, made.Signature)
}

func (c *command) signedPDF(key string, f packager.File, s packager.Signature) error {
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "pdf": f.Path, "sha256": f.SHA256, "bytes": f.Bytes, "signature": s})
	}
	c.ui.Line("%s %s", c.ui.Mark(packager.StateOK), c.ui.Text(key, "level", s.Level, "signer", s.Signer, "path", f.Path))
	return nil
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
	return c.signedPDF("sign.extended", made.File, made.Signature)
}

func (c *command) growCase(ctx context.Context, dir, out string, extend bool, reason string) error {
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
	said := "sign.signed"
	var receipt *packager.Receipt
	var paths pipeline.Paths
	if extend {
		said = "sign.extended"
		receipt, paths, err = p.Extend(ctx, order.Case, order.Out)
	} else {
		receipt, paths, err = p.Sign(ctx, order.Case, order.Out, reason)
	}
	end()
	if err != nil {
		return err
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "case": receipt.Case, "outputs": paths, "signature": receipt.Signature, "store": storeDocument(receipt)})
	}
	c.ui.Line("%s %s", c.ui.Mark(packager.StateOK), c.ui.Text(said, "level", receipt.Signature.Level, "signer", receipt.Signature.Signer, "path", paths.PDF))
	c.ui.Line("  %s", a.CaseURL(receipt))
	return nil
}
