package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dossier/cmd/internal/app"
	"dossier/cmd/internal/ui"
	"dossier/packager"
	"dossier/packager/pipeline"
	"dossier/storage"
	"dossier/storage/seal"
	"dossier/storage/upkeep"
)

func (c *command) storeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: c.ui.Text("help.store"), Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	sub := func(use, key string, args cobra.PositionalArgs, run func(context.Context, *app.App, []string) error) *cobra.Command {
		s := &cobra.Command{Use: use, Short: c.ui.Text(key), Args: args, RunE: func(cmd *cobra.Command, args []string) error {
			return c.withApp(func(a *app.App) error { return run(cmd.Context(), a, args) })
		}}
		c.storeFlags(s)
		return s
	}
	var days int
	var remove bool
	gc := sub("gc", "help.store.gc", exactArgs(0), func(ctx context.Context, a *app.App, _ []string) error {
		return c.collectGarbage(ctx, a, time.Duration(days)*24*time.Hour, remove)
	})
	gc.Flags().IntVar(&days, "older", 7, c.ui.Text("flag.older"))
	gc.Flags().BoolVar(&remove, "remove", false, c.ui.Text("flag.remove"))
	check := sub("check [CASE]", "help.store.check", rangeArgs(0, 1), c.checkStore)
	c.identityFlags(check)
	cmd.AddCommand(
		sub("ls [CASE]", "help.store.ls", rangeArgs(0, 1), c.listStore),
		sub("show CASE", "help.store.show", exactArgs(1), c.showStored),
		check, gc, c.expireCommand(), c.rewrapCommand(), c.keygenCommand(),
	)
	return cmd
}

func optional(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

type publicationJSON struct {
	Case     string           `json:"case"`
	Number   int              `json:"number"`
	Complete bool             `json:"complete"`
	Stored   time.Time        `json:"stored"`
	Bytes    int64            `json:"bytes"`
	Sealed   bool             `json:"sealed"`
	Expired  *time.Time       `json:"expired,omitempty"`
	Files    []storage.Stored `json:"files,omitempty"`
	Objects  []storage.Stored `json:"objects,omitempty"`
	Error    string           `json:"error,omitempty"`
}

func asJSON(p upkeep.Publication) publicationJSON {
	j := publicationJSON{Case: p.Case, Number: p.Number, Complete: p.Receipt != "" && p.Err == nil, Stored: p.Modified, Bytes: p.Bytes, Sealed: isSealed(p), Files: p.Files, Objects: p.Objects}
	if !p.Expired.IsZero() {
		j.Expired = &p.Expired
	}
	if p.Err != nil {
		j.Error = string(storage.CodeOf(p.Err))
	}
	return j
}

func (c *command) listStore(ctx context.Context, a *app.App, args []string) error {
	store, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	pubs, err := upkeep.List(ctx, store, optional(args))
	if err != nil {
		return pipeline.StoreFault(err)
	}
	if c.flags.JSON {
		list := []publicationJSON{}
		for _, p := range pubs {
			j := asJSON(p)
			j.Files, j.Objects = nil, nil
			list = append(list, j)
		}
		return c.ui.Document(map[string]any{"version": 1, "publications": list})
	}
	if len(pubs) == 0 {
		c.ui.Say("store.empty", "url", a.Config.Store)
	}
	var rows [][]string
	for _, p := range pubs {
		rows = append(rows, []string{
			c.ui.Mark(publicationState(p)), p.Case, itoa(p.Number), p.Modified.In(packager.Shanghai).Format("2006-01-02 15:04"),
			ui.Bytes(p.Bytes), c.ui.Text("store.count", "n", itoa(len(p.Files)+len(p.Objects))), c.publicationNote(p),
		})
	}
	c.ui.Rows(rows)
	return nil
}

func publicationState(p upkeep.Publication) packager.Severity {
	switch {
	case p.Err != nil:
		return packager.Block
	case p.Receipt == "":
		return packager.Warn
	}
	return packager.StateOK
}

func isSealed(p upkeep.Publication) bool {
	return slices.ContainsFunc(p.Files, func(o storage.Stored) bool { return o.Sealed != nil })
}

func (c *command) publicationNote(p upkeep.Publication) string {
	switch {
	case p.Err != nil:
		return c.ui.Text("store.damaged")
	case p.Receipt == "":
		return c.ui.Text("store.incomplete")
	case !p.Expired.IsZero():
		return c.ui.Text("store.expired", "day", packager.DayOf(p.Expired).String())
	case isSealed(p):
		return c.ui.Text("store.sealed")
	}
	return ""
}

func (c *command) showStored(ctx context.Context, a *app.App, args []string) error {
	store, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	pubs, err := upkeep.List(ctx, store, args[0])
	if err != nil {
		return pipeline.StoreFault(err)
	}
	if len(pubs) == 0 {
		return &packager.Fault{Class: packager.ClassUsage, Code: "STORE_NO_CASE", Args: packager.Args{"case": args[0]}}
	}
	if c.flags.JSON {
		list := []publicationJSON{}
		for _, p := range pubs {
			list = append(list, asJSON(p))
		}
		return c.ui.Document(map[string]any{"version": 1, "publications": list})
	}
	for _, p := range pubs {
		c.ui.Line("%s %s  %s  %s", c.ui.Mark(publicationState(p)), c.ui.Strong(p.Case), c.ui.Text("store.number", "n", itoa(p.Number)),
			p.Modified.In(packager.Shanghai).Format("2006-01-02 15:04"))
		if note := c.publicationNote(p); note != "" {
			c.ui.Line("  %s", note)
		}
		lock, err := c.lockOf(ctx, store, p)
		if err != nil {
			return pipeline.StoreFault(err)
		}
		if lock != "" {
			c.ui.Line("  %s", lock)
		}
		for _, o := range slices.Concat(p.Files, p.Objects) {
			sum, size := o.Plain()
			note := ""
			switch {
			case slices.Contains(p.Gone, o.Key):
				note = c.ui.Text("store.object.gone")
			case slices.Contains(p.Shredded, o.Key):
				note = c.ui.Text("store.object.shredded")
			case o.Sealed != nil:
				note = c.ui.Text("store.sealed")
			}
			if o.Version != "" {
				note = strings.Join(nonEmpty(note, c.ui.Text("store.version", "version", o.Version)), " · ")
			}
			c.ui.Hanging(c.ui.Out, "   "+ui.Pad(ui.Bytes(size), 8)+"  "+c.ui.Faint(sum[:12])+"  ", o.Name, note)
		}
	}
	return nil
}

// lockOf says how long the store keeps a publication from being deleted: as
// the store itself says of the receipt, which is kept no longer than the rest.
func (c *command) lockOf(ctx context.Context, store storage.Store, p upkeep.Publication) (string, error) {
	if p.Receipt == "" {
		return "", nil
	}
	o, err := store.Stat(ctx, p.Receipt)
	if err != nil {
		return "", err
	}
	var parts []string
	if r := o.Retention; !r.Until.IsZero() {
		parts = append(parts, c.ui.Text("store.lock."+strings.ToLower(string(r.Mode)), "until", r.Until.In(packager.Shanghai).Format("2006-01-02 15:04")))
	}
	if o.Retention.LegalHold {
		parts = append(parts, c.ui.Text("store.lock.hold"))
	}
	return strings.Join(parts, c.ui.Text("list.comma")), nil
}

// upkeepObserver shows the progress of a step, counted in bytes or in objects.
func (c *command) upkeepObserver(a *app.App, step packager.Step, unit string) (upkeep.Observer, func()) {
	observe, end := c.observe(a.Config)
	observe.Notify(packager.Progress{Step: step, Kind: "start"})
	return func(done, total int64, item string) {
		observe.Notify(packager.Progress{Step: step, Kind: "advance", Item: item, Done: done, Total: total, Unit: unit})
	}, end
}

// The steps of upkeep, for progress.
const (
	stepCheck packager.Step = "store_check"
	stepPull  packager.Step = "pull"
	stepGC    packager.Step = "gc"
)

// unsealer opens what is sealed with the identities of the settings; nil
// without any.
func unsealer(a *app.App, store storage.Publisher) (upkeep.Unsealer, error) {
	ids, err := a.Identities()
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return seal.NewOpener(store, ids), nil
}

func (c *command) checkStore(ctx context.Context, a *app.App, args []string) error {
	store, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	unseal, err := unsealer(a, store)
	if err != nil {
		return err
	}
	observe, end := c.upkeepObserver(a, stepCheck, "bytes")
	report, err := upkeep.Check(ctx, store, optional(args), upkeep.CheckOptions{Observe: observe, Unseal: unseal})
	end()
	if err != nil {
		return pipeline.StoreFault(err)
	}
	var verdict error
	if len(report.Problems) > 0 {
		verdict = said(packager.ClassVerification)
	}
	if c.flags.JSON {
		if err := c.ui.Document(map[string]any{
			"version": 1, "publications": report.Publications, "incomplete": report.Incomplete,
			"objects": report.Objects, "bytes": report.Bytes, "problems": problemsJSON(report.Problems),
			"sealed": report.Sealed, "opened": report.Opened, "gone": report.Gone,
		}); err != nil {
			return err
		}
		return verdict
	}
	state := packager.StateOK
	if verdict != nil {
		state = packager.Block
	}
	c.ui.Line("%s %s", c.ui.Mark(state), c.ui.Text("store.checked", "publications", itoa(report.Publications),
		"objects", itoa(report.Objects), "size", ui.Bytes(report.Bytes), "problems", itoa(len(report.Problems))))
	c.storeProblems(report.Problems)
	if n := report.Sealed - report.Opened; n > 0 && unseal == nil {
		c.storeNote("store.checked.sealed", "n", itoa(n))
	} else if report.Opened > 0 {
		c.storeNote("store.checked.opened", "n", itoa(report.Opened))
	}
	if report.Gone > 0 {
		c.storeNote("store.checked.gone", "n", itoa(report.Gone))
	}
	if report.Incomplete > 0 {
		c.storeNote("store.checked.incomplete", "n", itoa(report.Incomplete))
	}
	return verdict
}

// storeNote adds something to the line above it.
func (c *command) storeNote(key string, pairs ...string) {
	c.ui.Hanging(c.ui.Out, "  ", c.ui.Text(key, pairs...), "")
}

type problemJSON struct {
	Receipt string `json:"receipt"`
	Key     string `json:"key"`
	Name    string `json:"name"`
	Code    string `json:"code"`
}

func problemsJSON(problems []upkeep.Problem) []problemJSON {
	out := []problemJSON{}
	for _, p := range problems {
		out = append(out, problemJSON{p.Receipt, p.Key, p.Name, string(p.Code)})
	}
	return out
}

func (c *command) storeProblems(problems []upkeep.Problem) {
	for _, p := range problems {
		c.ui.Line("  %s %s  %s", c.ui.Mark(packager.Block), cmpOr(p.Name, c.ui.Text("build.receipt")), c.ui.Text("problem."+string(p.Code)))
		c.ui.Line("    %s", c.ui.Faint(p.Key))
	}
}

// collectGarbage shows what would be removed; only with remove it goes.
func (c *command) collectGarbage(ctx context.Context, a *app.App, age time.Duration, remove bool) error {
	store, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	keeper, ok := store.(upkeep.Keeper)
	if !ok {
		return &packager.Fault{Class: packager.ClassStore, Code: "STORE_UNSUPPORTED", Args: packager.Args{"op": "gc"}}
	}
	if !remove {
		found, err := upkeep.FindGarbage(ctx, keeper, c.Now(), age)
		if err != nil {
			return pipeline.StoreFault(err)
		}
		return c.showGarbage(found, nil, false, "store.gc.found")
	}
	observe, end := c.upkeepObserver(a, stepGC, "items")
	done, err := upkeep.RemoveGarbage(ctx, keeper, c.Now, age, observe)
	end()
	if err != nil {
		return pipeline.StoreFault(err)
	}
	return c.showGarbage(done.Removed, done.Retained, done.More, "store.gc.removed")
}

func (c *command) showGarbage(list, retained []upkeep.Garbage, more bool, key string) error {
	var total int64
	for _, g := range list {
		total += max(0, g.Bytes)
	}
	if c.flags.JSON {
		type garbage struct {
			Key   string    `json:"key"`
			Why   string    `json:"why"`
			Bytes int64     `json:"bytes"`
			Since time.Time `json:"since"`
		}
		asList := func(in []upkeep.Garbage) []garbage {
			out := []garbage{}
			for _, g := range in {
				out = append(out, garbage{g.Key, string(g.Why), g.Bytes, g.Since})
			}
			return out
		}
		return c.ui.Document(map[string]any{
			"version": 1, "removed": key == "store.gc.removed", "garbage": asList(list), "retained": asList(retained), "more": more,
		})
	}
	for _, g := range list {
		c.ui.Line("  %s  %s", g.Key, c.ui.Faint(c.ui.Text("store.gc."+string(g.Why))))
	}
	if len(list) == 0 {
		key = "store.gc.nothing"
	}
	c.ui.Hanging(c.ui.Out, "", c.ui.Text(key, "n", itoa(len(list)), "size", ui.Bytes(total)), "")
	if len(retained) > 0 {
		c.ui.Say("store.gc.retained", "n", itoa(len(retained)))
	}
	if more {
		c.ui.Say("store.gc.more")
	}
	return nil
}

func (c *command) pullCommand() *cobra.Command {
	var sealed bool
	cmd := &cobra.Command{
		Use:   "pull URL DIR",
		Short: c.ui.Text("help.pull"),
		Args:  exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withApp(func(a *app.App) error { return c.pull(cmd.Context(), a, args[0], args[1], sealed) })
		},
	}
	cmd.Flags().BoolVar(&sealed, "sealed", false, c.ui.Text("flag.sealed"))
	c.storeFlags(cmd)
	c.identityFlags(cmd)
	return cmd
}

func (c *command) pull(ctx context.Context, a *app.App, url, dir string, sealed bool) error {
	store, receipt, err := a.Locate(ctx, url)
	if err != nil {
		return err
	}
	opts := upkeep.PullOptions{Day: c.Now(), Software: "dossier " + app.Version()}
	if !sealed {
		ids, err := a.Identities()
		if err != nil {
			return err
		}
		opts.Unseal = seal.NewOpener(store, ids)
	}
	var end func()
	opts.Observe, end = c.upkeepObserver(a, stepPull, "bytes")
	bag, err := upkeep.Pull(ctx, store, receipt, dir, opts)
	end()
	if damage, ok := errors.AsType[*upkeep.Damage](err); ok {
		return c.pullDamaged(damage)
	}
	if err != nil {
		return pipeline.StoreFault(err)
	}
	if c.flags.JSON {
		return c.ui.Document(map[string]any{"version": 1, "dir": bag.Dir, "files": bag.Files, "bytes": bag.Bytes, "gone": bag.Gone})
	}
	c.ui.Line("%s %s", c.ui.Mark(packager.StateOK), c.ui.Text("pull.done", "dir", bag.Dir, "n", itoa(bag.Files), "size", ui.Bytes(bag.Bytes)))
	if bag.Gone > 0 {
		c.storeNote("pull.gone", "n", itoa(bag.Gone))
	}
	return nil
}

func (c *command) pullDamaged(damage *upkeep.Damage) error {
	if c.flags.JSON {
		if err := c.ui.Document(map[string]any{"version": 1, "problems": problemsJSON(damage.Problems)}); err != nil {
			return err
		}
		return said(packager.ClassVerification)
	}
	c.ui.Hanging(c.ui.Out, c.ui.Mark(packager.Block)+" ", c.ui.Text("pull.damaged", "n", itoa(len(damage.Problems))), "")
	c.storeProblems(damage.Problems)
	return said(packager.ClassVerification)
}
