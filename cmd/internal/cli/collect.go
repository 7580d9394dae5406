package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/ui"
	"dossier/packager"
	"dossier/packager/collect"
	"dossier/packager/identity"
)

func (c *command) collectCommand() *cobra.Command {
	var backups bool
	cmd := &cobra.Command{
		Use:   "collect CASE SOURCE...",
		Short: c.ui.Text("help.collect"),
		Args:  rangeArgs(2, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.open(args[0])
			if err != nil {
				return err
			}
			order, err := a.Order(args[0], "", false)
			if err != nil {
				return err
			}
			ruleSet, err := a.Rules.For(order.Case, order.Day, a.Calendar)
			if err != nil {
				return err
			}
			observe, end := c.observe(a.Config)
			a.AskPDF = true
			p, err := a.Pipeline(observe)
			if err != nil {
				end()
				return err
			}
			defer p.Close()
			opt := collect.ImportOptions{Remote: a.Remote(), Observe: observe,
				Recognise: func(ctx context.Context, file string) (id, word string) {
					return p.Inspector.Recognise(ctx, file, order.Case, ruleSet)
				},
			}
			if backups {
				opt.As = packager.RoleBackup
			}
			if c.ui.Ask {
				opt.Ask = func(file string, candidates []collect.Candidate) string {
					end()
					return c.askWhich(file, candidates, ruleSet)
				}
			}
			report, err := p.Import(cmd.Context(), order.Case, ruleSet, args[1:], opt)
			end()
			if err != nil {
				return err
			}
			return c.showImport(report, ruleSet, args[0])
		},
	}
	cmd.Flags().BoolVar(&backups, "backup", false, c.ui.Text("flag.backup"))
	c.storeFlags(cmd)
	c.readerFlags(cmd)
	return cmd
}

// askWhich lets a person choose between the papers that a file may be.
func (c *command) askWhich(file string, candidates []collect.Candidate, rs *packager.RuleSet) string {
	fmt.Fprintln(c.Err, c.ui.Text("collect.which", "file", file))
	for i, k := range candidates {
		fmt.Fprintf(c.Err, "  %d  %s  %s\n", i+1, c.nameOf(k.ID, rs), c.ui.Faint(k.ID))
	}
	answer, err := c.prompt(c.ui.Text("collect.number"))
	if err != nil {
		return ""
	}
	for i, k := range candidates {
		if answer == itoa(i+1) || answer == k.ID {
			return k.ID
		}
	}
	return ""
}

// nameOf is the title of a paper or a requirement.
func (c *command) nameOf(id string, rs *packager.RuleSet) string {
	if m, ok := rs.Catalogue[id]; ok {
		return m.Name.In(c.ui.P.Lang)
	}
	for _, q := range rs.Requirements {
		if q.ID == id {
			return q.Title.In(c.ui.P.Lang)
		}
	}
	return id
}

type importedJSON struct {
	Source     string   `json:"source"`
	Path       string   `json:"path"`
	ID         string   `json:"id,omitempty"`
	By         string   `json:"by,omitempty"`
	Word       string   `json:"word,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
	SHA256     string   `json:"sha256"`
	Bytes      int64    `json:"bytes"`
}

func importedList(list []collect.Imported) []importedJSON {
	out := make([]importedJSON, 0, len(list))
	for _, i := range list {
		j := importedJSON{identity.MaskIDs(i.Source), i.Path, i.ID, i.Matched.By, i.Matched.Word, nil, i.SHA256, i.Bytes}
		for _, k := range i.Candidates {
			j.Candidates = append(j.Candidates, k.ID)
		}
		out = append(out, j)
	}
	return out
}

func (c *command) showImport(r *collect.ImportReport, rs *packager.RuleSet, dir string) error {
	var err error
	if slices.ContainsFunc(r.Findings, func(f packager.Finding) bool { return f.Severity == packager.Block }) {
		err = said(packager.ClassIncomplete) // a source that was named is not in the case
	}
	if c.flags.JSON {
		if e := c.ui.Document(struct {
			Version    int              `json:"version"`
			Placed     []importedJSON   `json:"placed"`
			Ambiguous  []importedJSON   `json:"ambiguous"`
			Unplaced   []importedJSON   `json:"unplaced"`
			Duplicates []importedJSON   `json:"duplicates"`
			Findings   []ui.FindingJSON `json:"findings"`
		}{1, importedList(r.Placed), importedList(r.Ambiguous), importedList(r.Unplaced), importedList(r.Duplicates), c.ui.FindingsJSON(r.Findings, nil)}); e != nil {
			return e
		}
		return err
	}
	section := func(key string, list []collect.Imported, what func(collect.Imported) string) {
		if len(list) == 0 {
			return
		}
		c.ui.Line("%s", c.ui.Strong(c.ui.Text(key, "n", itoa(len(list)))))
		var rows [][]string
		for _, i := range list {
			rows = append(rows, []string{" ", i.Path, what(i), c.ui.Faint(identity.MaskIDs(i.Source))})
		}
		c.ui.Rows(rows)
	}
	section("collect.placed", r.Placed, func(i collect.Imported) string {
		return c.nameOf(i.ID, rs) + " " + c.ui.Faint(c.ui.Text("collect.by."+i.Matched.By, "word", i.Matched.Word))
	})
	section("collect.ambiguous", r.Ambiguous, func(i collect.Imported) string {
		var names []string
		for _, k := range i.Candidates {
			names = append(names, c.nameOf(k.ID, rs))
		}
		return strings.Join(names, " / ")
	})
	section("collect.unplaced", r.Unplaced, func(collect.Imported) string { return "" })
	section("collect.duplicates", r.Duplicates, func(collect.Imported) string { return "" })
	c.ui.Findings(r.Findings, nil, true)
	c.ui.Line("")
	c.ui.Say("collect.next", "case", dir)
	return err
}
