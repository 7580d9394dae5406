package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"dossier/packager"
	"dossier/packager/pipeline"
)

func (c *command) pushCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "push CASE",
		Short: c.ui.Text("help.push"),
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.open(args[0])
			if err != nil {
				return err
			}
			order, err := a.Order(args[0], "", false)
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
			receipt, paths, err := p.Push(cmd.Context(), order.Case)
			end()
			if err != nil {
				return err
			}
			if c.flags.JSON {
				return c.ui.Document(struct {
					Version int            `json:"version"`
					Case    string         `json:"case"`
					Outputs pipeline.Paths `json:"outputs"`
					Store   *storeJSON     `json:"store"`
				}{1, receipt.Case, paths, storeDocument(receipt)})
			}
			c.ui.Line("%s %s", c.ui.Mark(packager.StateOK), c.ui.Text("push.done", "url", a.CaseURL(receipt), "n", fmt.Sprint(len(receipt.Objects)+len(receipt.Files))))
			c.ui.Line("  %s", paths.Receipt)
			if note := c.termsNote(a, receipt); note != "" {
				c.ui.Line("  %s", note)
			}
			return nil
		},
	}
	c.storeFlags(cmd)
	c.termFlags(cmd)
	c.keyFlags(cmd)
	return cmd
}

func storeDocument(r *packager.Receipt) *storeJSON {
	return &storeJSON{r.Store, r.Number, append(append([]packager.StoredObject{}, r.Objects...), r.Files...)}
}
