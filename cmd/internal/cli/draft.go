package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dossier/packager"
	"dossier/packager/collect"
	"dossier/packager/compose/letter"
	"dossier/packager/pipeline"
	"dossier/templates"
)

func (c *command) draftCommand() *cobra.Command {
	var export string
	cmd := &cobra.Command{
		Use:   "draft CASE [LETTER...]",
		Short: c.ui.Text("help.draft"),
		Long:  c.ui.Text("help.draft.long"),
		Args: func(cmd *cobra.Command, args []string) error {
			if export != "" {
				return exactArgs(0)(cmd, args)
			}
			return rangeArgs(1, -1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if export != "" {
				return c.exportWordings(export)
			}
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
			letters, err := p.Draft(cmd.Context(), order.Case, order.Day, args[1:])
			end()
			if err != nil {
				return err
			}
			return c.showDrafted(letters, args[0])
		},
	}
	cmd.Flags().StringVar(&c.flags.Templates, "templates", "", c.ui.Text("flag.templates"))
	cmd.Flags().StringVar(&export, "export", "", c.ui.Text("flag.export"))
	c.readerFlags(cmd)
	return cmd
}

type letterJSON struct {
	ID       string               `json:"id"`
	Name     packager.Text        `json:"name"`
	Title    string               `json:"title"`
	Answers  string               `json:"answers"`
	State    pipeline.LetterState `json:"state"`
	Made     bool                 `json:"made"`
	Path     string               `json:"path,omitempty"`
	Pages    int                  `json:"pages,omitempty"`
	Digest   string               `json:"digest"`
	Wording  string               `json:"wording"`
	Returned []string             `json:"returned,omitempty"`
}

func (c *command) showDrafted(letters []pipeline.Drafted, dir string) error {
	if c.flags.JSON {
		out := make([]letterJSON, 0, len(letters))
		for _, l := range letters {
			out = append(out, letterJSON{
				ID: l.Letter.ID, Name: l.Letter.Name, Title: l.Title, Answers: l.Letter.Answers, State: l.State, Made: l.Made,
				Path: l.File, Pages: l.Pages, Digest: l.Letter.Digest, Wording: l.Letter.Wording, Returned: l.Returned,
			})
		}
		return c.ui.Document(map[string]any{"version": 1, "letters": out})
	}
	out := false
	for _, l := range letters {
		path := filepath.Join(dir, filepath.FromSlash(l.File))
		switch {
		case l.Made:
			c.ui.Say("draft.made", "path", path, "pages", itoa(l.Pages))
		case l.State == pipeline.LetterReturned:
			c.ui.Say("draft.returned", "letter", l.Letter.Name.In(c.ui.P.Lang), "files", strings.Join(l.Returned, ", "))
		default:
			c.ui.Say("draft.kept", "path", path)
		}
		out = out || l.State == pipeline.LetterOut
	}
	if len(letters) == 0 {
		c.ui.Say("draft.none")
	}
	if out {
		c.ui.Line("")
		c.ui.Say("draft.next", "dir", filepath.Join(dir, collect.MaterialsDir)+string(filepath.Separator), "case", dir)
		c.ui.Say("draft.blank")
	}
	return nil
}

// exportWordings writes the built-in wordings into a folder and overwrites
// nothing.
func (c *command) exportWordings(dir string) error {
	sub, err := fs.Sub(templates.FS, letter.Dir)
	if err != nil {
		return err
	}
	names, err := fs.Glob(sub, "*")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &packager.Fault{Class: packager.ClassConfig, Code: "LETTER_EXPORT_WRITE", Args: packager.Args{"dir": dir}, Err: err}
	}
	for _, name := range names {
		text, err := fs.ReadFile(sub, name)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, name)
		switch err := writeNew(file, text); {
		case errors.Is(err, fs.ErrExist):
			return &packager.Fault{Class: packager.ClassUsage, Code: "LETTER_EXPORT_EXISTS", Args: packager.Args{"file": file}}
		case err != nil:
			return &packager.Fault{Class: packager.ClassConfig, Code: "LETTER_EXPORT_WRITE", Args: packager.Args{"dir": dir}, Err: err}
		}
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "dir": dir, "files": names})
	}
	c.ui.Say("draft.exported", "dir", dir, "n", itoa(len(names)-1))
	return nil
}
