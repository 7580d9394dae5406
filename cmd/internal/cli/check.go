package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/ui"
	"dossier/packager"
	"dossier/packager/identity"
)

func (c *command) checkCommand() *cobra.Command {
	var all bool
	var crops string
	var accept, reasons []string
	cmd := &cobra.Command{
		Use:   "check CASE",
		Short: c.ui.Text("help.check"),
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			accepted, err := acceptances(accept, reasons)
			if err != nil {
				return err
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
			a.AskPDF = true
			p, err := a.Pipeline(observe)
			if err != nil {
				end()
				return err
			}
			defer p.Close()
			report, err := p.Check(cmd.Context(), order.Case, order.Day, accepted...)
			var pictures []string
			if err == nil && crops != "" {
				pictures, err = p.Crops(cmd.Context(), report, crops)
			}
			end()
			if err != nil {
				return err
			}
			return c.showCheck(report, pictures, args[0], all)
		},
	}
	cmd.Flags().StringArrayVar(&accept, "accept", nil, c.ui.Text("flag.accept"))
	cmd.Flags().StringArrayVar(&reasons, "reason", nil, c.ui.Text("flag.reason"))
	cmd.Flags().StringVar(&crops, "crops", "", c.ui.Text("flag.crops"))
	cmd.Flags().BoolVar(&all, "all", false, c.ui.Text("flag.all"))
	c.readerFlags(cmd)
	return cmd
}

// readerFlags are how papers are read.
func (c *command) readerFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.flags.Tesseract, "tesseract", "", c.ui.Text("flag.tesseract"))
	f.StringVar(&c.flags.LibreOffice, "libreoffice", "", c.ui.Text("flag.libreoffice"))
	f.StringVar(&c.flags.PDFPasswords, "pdf-passwords", "", c.ui.Text("flag.pdf-passwords"))
}

type checkJSON struct {
	Version      int               `json:"version"`
	Case         string            `json:"case"`
	Platform     string            `json:"platform"`
	Day          string            `json:"day"`
	Complete     bool              `json:"complete"`
	Requirements []requirementJSON `json:"requirements"`
	Findings     []ui.FindingJSON  `json:"findings"`
	Unread       []string          `json:"unread"` // papers that no machine has read
}

type requirementJSON struct {
	ID         string              `json:"id"`
	Kind       packager.Kind       `json:"kind"`
	Severity   packager.Severity   `json:"severity"`
	Title      packager.Text       `json:"title"`
	Satisfied  bool                `json:"satisfied"`
	State      packager.Severity   `json:"state"`
	Materials  []string            `json:"materials"`
	Rules      []string            `json:"rules"`
	Source     []sourceJSON        `json:"source"`
	Confidence packager.Confidence `json:"confidence"`
}

type sourceJSON struct {
	Rule      string `json:"rule"`
	Title     string `json:"title"`
	Publisher string `json:"publisher,omitempty"`
	URL       string `json:"url,omitempty"`
	At        string `json:"at,omitempty"`
}

func requirementsJSON(vs []packager.RequirementVerdict) []requirementJSON {
	out := make([]requirementJSON, 0, len(vs))
	for _, v := range vs {
		j := requirementJSON{
			ID: v.ID, Kind: v.Kind, Severity: v.Severity, Title: v.Title,
			Satisfied: v.Satisfied, State: v.State, Materials: []string{}, Rules: []string{}, Source: []sourceJSON{},
		}
		for _, m := range v.Materials {
			j.Materials = append(j.Materials, identity.MaskIDs(m))
		}
		for _, r := range v.Rules {
			j.Rules = append(j.Rules, r.ID)
			if j.Confidence == "" {
				j.Confidence = r.Confidence
			}
			for _, s := range r.Sources {
				j.Source = append(j.Source, sourceJSON{r.ID, s.Title, s.Publisher, s.URL, s.At})
			}
		}
		out = append(out, j)
	}
	return out
}

func (c *command) showCheck(r *packager.Report, crops []string, dir string, all bool) error {
	var err error
	if !r.Complete() {
		err = said(packager.ClassIncomplete)
	}
	if c.flags.JSON {
		doc := checkJSON{
			Version: 1, Case: r.Case.ID, Platform: r.Case.Platform, Day: r.Rules.Day.String(),
			Complete: r.Complete(), Requirements: requirementsJSON(r.Requirements),
			Findings: c.ui.FindingsJSON(r.Findings, crops), Unread: []string{},
		}
		for _, path := range r.Unread {
			doc.Unread = append(doc.Unread, identity.MaskIDs(path))
		}
		if e := c.ui.Document(doc); e != nil {
			return e
		}
		return err
	}
	c.reportHead(r)
	c.requirements(r)
	if len(r.Unread) > 0 {
		c.ui.Line("")
		c.ui.Hanging(c.Out, "  "+c.ui.Mark(packager.Info)+" ", c.ui.Text("check.unread", "n", fmt.Sprint(len(r.Unread))), "")
	}
	c.ui.Findings(r.Findings, crops, all)
	c.ui.Line("")
	if r.Complete() {
		c.ui.Say("check.next.build", "case", dir)
	}
	return err
}

// reportHead writes what is judged and the sum of the verdicts.
func (c *command) reportHead(r *packager.Report) {
	lang := c.ui.P.Lang
	c.ui.Say("check.head", "platform", r.Rules.Name.In(lang), "application", r.Rules.Application.In(lang),
		"account_type", r.Rules.AccountType.In(lang), "day", r.Rules.Day.String())
	met := 0
	for _, q := range r.Requirements {
		if q.Satisfied {
			met++
		}
	}
	key, state := "check.complete", packager.StateOK
	if !r.Complete() {
		key, state = "check.incomplete", packager.Block
	}
	c.ui.Line("%s %s", c.ui.Mark(state), c.ui.Text(key, "ok", fmt.Sprint(met), "all", fmt.Sprint(len(r.Requirements))))
}

func (c *command) requirements(r *packager.Report) {
	c.ui.Line("")
	var rows [][]string
	for _, q := range r.Requirements {
		files := ""
		for i, m := range q.Materials {
			if i == 2 {
				files += fmt.Sprintf(" … (%d)", len(q.Materials))
				break
			}
			if i > 0 {
				files += ", "
			}
			files += identity.MaskIDs(m)
		}
		rows = append(rows, []string{" ", c.ui.Mark(q.State), q.Title.In(c.ui.P.Lang), files})
	}
	c.ui.Rows(rows)
}
