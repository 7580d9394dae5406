package cli

import (
	"runtime"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
)

func (c *command) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: c.ui.Text("help.version"),
		Args:  exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			if c.flags.JSON {
				return c.ui.Document(map[string]any{
					"version": 1, "dossier": app.Version(), "go": runtime.Version(),
					"os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			c.ui.Say("version.line", "version", app.Version(), "go", runtime.Version(), "os", runtime.GOOS, "arch", runtime.GOARCH)
			return nil
		},
	}
}
