package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/cmd/internal/ui"
	"dossier/packager"
	"dossier/packager/pipeline"
)

// expireCommand ends the storage of personal materials. It shows what would be
// done; only with --yes it is done.
func (c *command) expireCommand() *cobra.Command {
	var q pipeline.ExpireQuery
	var yes, dry bool
	cmd := &cobra.Command{
		Use:   "expire [CASE]",
		Short: c.ui.Text("help.store.expire"),
		Long:  c.ui.Text("help.store.expire.long"),
		Args:  rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case yes && dry:
				return usage("EXPIRE_BOTH")
			case q.Now && len(args) == 0:
				return usage("EXPIRE_NOW")
			case q.Days < 0 || cmd.Flags().Changed("days") && q.Days == 0:
				return usage("EXPIRE_DAYS")
			}
			return c.expire(cmd.Context(), optional(args), q, yes)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&yes, "yes", false, c.ui.Text("flag.expire-yes"))
	f.BoolVar(&dry, "dry-run", false, c.ui.Text("flag.dry-run"))
	f.IntVar(&q.Days, "days", 0, c.ui.Text("flag.expire-days"))
	f.BoolVar(&q.Now, "now", false, c.ui.Text("flag.expire-now"))
	f.BoolVar(&q.Backups, "backups", false, c.ui.Text("flag.expire-backups"))
	f.StringVar(&q.Reason, "reason", "", c.ui.Text("flag.expire-reason"))
	f.StringVar(&c.flags.Key, "key", "", c.ui.Text("flag.key"))
	f.StringVar(&c.flags.Name, "name", "", c.ui.Text("flag.name"))
	c.storeFlags(cmd)
	return cmd
}

func (c *command) expire(ctx context.Context, arg string, q pipeline.ExpireQuery, yes bool) error {
	dir := ""
	if arg != "" && isCaseFolder(arg) {
		dir = arg
	}
	a, err := c.open(dir)
	if err != nil {
		return err
	}
	if q.Case, q.ID, err = c.caseFolderOrID(a, arg); err != nil {
		return err
	}
	if q.Day, err = a.Day(); err != nil {
		return err
	}
	q.Reason = cmpOr(q.Reason, c.ui.Text("expire.reason"))
	p, err := a.Pipeline(nil)
	if err != nil {
		return err
	}
	defer p.Close()
	terms, err := p.ListTerms(ctx, q)
	if err != nil {
		return err
	}
	if arg != "" && len(terms) == 0 {
		return &packager.Fault{Class: packager.ClassUsage, Code: "STORE_NO_CASE", Args: packager.Args{"case": arg}}
	}
	done := map[string]bool{}
	var failed error
	if yes {
		for _, t := range terms {
			if !due(t) {
				continue
			}
			if _, err := p.Expire(ctx, t, q); err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			done[t.Case] = true
		}
	}
	if c.flags.JSON {
		if err := c.ui.Document(map[string]any{"version": 1, "dry_run": !yes, "cases": termsJSON(terms, done)}); err != nil {
			return err
		}
		return failed
	}
	c.showTerms(a, terms, done, yes)
	return failed
}

// due reports whether something is to be done now: the time was stated and is
// over, or the user says --now.
func due(t pipeline.Term) bool { return t.Over && t.Stated && !t.Ended }

type termJSON struct {
	Case    string   `json:"case"`
	Since   string   `json:"since"`
	By      string   `json:"since_is"` // completed, filed, stored
	Days    int      `json:"days"`
	Stated  bool     `json:"stated"`
	Until   string   `json:"until"`
	Over    bool     `json:"over"`
	Expired bool     `json:"expired"` // by this run or an earlier one
	Objects int      `json:"objects"`
	Bytes   int64    `json:"bytes"`
	Locked  int      `json:"locked"`
	Keys    []string `json:"keys"`
}

func termsJSON(terms []pipeline.Term, done map[string]bool) []termJSON {
	out := []termJSON{}
	for _, t := range terms {
		keys := []string{}
		for _, e := range t.Plans {
			keys = append(append(keys, e.Removed...), e.Shredded...)
		}
		out = append(out, termJSON{t.Case, t.Since.String(), t.By, t.Days, t.Stated, t.Until.String(), t.Over, t.Ended || done[t.Case], t.Objects, t.Bytes, t.Locked, keys})
	}
	return out
}

// outcomeOf says what is done, or would be, with the objects of a case: removed
// or, where a lock keeps them, shredded.
func (c *command) outcomeOf(t pipeline.Term, key string) string {
	if key != "expire.done" && key != "expire.over" || t.Shredded == 0 {
		return c.ui.Text(key, "n", itoa(t.Objects), "size", ui.Bytes(t.Bytes))
	}
	shredded := c.ui.Text(key+".shredded", "n", itoa(t.Shredded))
	if t.Shredded == t.Objects {
		return shredded
	}
	return c.ui.Text(key+".some", "n", itoa(t.Objects-t.Shredded)) + c.ui.Text("list.comma") + shredded
}

func (c *command) showTerms(a *app.App, terms []pipeline.Term, done map[string]bool, yes bool) {
	if len(terms) == 0 {
		c.ui.Say("store.empty", "url", a.Config.Store)
		return
	}
	waiting, unstated := 0, false
	var rows [][]string
	for _, t := range terms {
		state, key := packager.Info, "expire.running"
		switch {
		case done[t.Case]:
			state, key = packager.StateOK, "expire.done"
		case t.Ended:
			state, key = packager.StateOK, "expire.ended"
		case !t.Stated:
			state, key, unstated = packager.Info, "expire.unstated", true
			if t.Over {
				state, key = packager.Warn, "expire.unstated.over"
			}
		case t.Over:
			state, key = packager.Warn, "expire.over"
			waiting++
		}
		rows = append(rows, []string{c.ui.Mark(state), t.Case, c.ui.Text("expire.since."+t.By, "day", t.Since.String()),
			c.ui.Text("expire.until", "days", itoa(t.Days), "until", t.Until.String()),
			c.outcomeOf(t, key)})
	}
	c.ui.Rows(rows)
	for _, t := range terms {
		if t.OtherKey && (done[t.Case] || due(t)) {
			c.ui.Hanging(c.ui.Out, "  "+c.ui.Mark(packager.Warn)+" ", c.ui.Text("expire.other_key", "case", t.Case), "")
		}
		if t.Locked > 0 && due(t) {
			c.ui.Hanging(c.ui.Out, "  "+c.ui.Mark(packager.Warn)+" ", c.ui.Text("expire.locked", "case", t.Case, "n", itoa(t.Locked)), "")
		}
	}
	switch {
	case len(done) > 0:
		c.closing("expire.kept")
	case waiting > 0 && !yes:
		c.closing("expire.dry", "n", itoa(waiting))
	case unstated:
		c.closing("expire.suggest", "days", itoa(pipeline.SuggestedDays))
	}
}

// closing is what stands below a table.
func (c *command) closing(key string, pairs ...string) {
	c.ui.Line("")
	c.ui.Hanging(c.ui.Out, "", c.ui.Text(key, pairs...), "")
}
