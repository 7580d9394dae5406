// Package pipeline is the way of a case through the program, on one screen.
// Read Build first: each step takes what the step before it returned.
package pipeline

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"dossier/packager"
	"dossier/packager/audit"
	"dossier/packager/check"
	"dossier/packager/collect"
	"dossier/packager/compose"
	"dossier/packager/compose/letter"
	"dossier/packager/i18n"
	"dossier/packager/inspect"
	"dossier/packager/plan"
	"dossier/packager/rules"
	"dossier/packager/sign"
	"dossier/packager/verify"
)

// Pipeline holds what the steps work with. The composition root fills it.
type Pipeline struct {
	Rules     *rules.Library
	Calendar  rules.Calendar
	Inspector *inspect.Inspector
	Composer  *compose.Composer
	Letters   *letter.Library // wordings; nil: letters are neither drafted nor known again
	Press     *letter.Press
	Key       func(context.Context) (*sign.Key, error) // asked only when there is something to sign
	KeyAtHand func() *sign.Key                         // the same if it opens without being made or asked for, else nil; seals later events
	Signing   sign.Options                             // level, reason, font; the rest is the pipeline's
	Store     Store                                    // opened only when there is something to store
	// RetentionDays is for cases that do not state their own; 0: not stated.
	RetentionDays int
	Words         *i18n.Printer // of the workbook
	Paper         *i18n.Printer // of the stamp, in the language of the bundle
	Actor         audit.Actor
	Now           func() time.Time
	Tool          string // version of dossier
	Observe       packager.Observer
	// Tell says what the user must know though nothing failed; nil is silent.
	Tell func(code string, args packager.Args)
}

// Close ends the engines of inspector and composer.
func (p *Pipeline) Close() error { return errors.Join(p.Inspector.Close(), p.Composer.Close()) }

// Order is what is asked of one build.
type Order struct {
	Case  *packager.Case
	Day   packager.Day // the day of filing
	Out   string       // folder for what is made
	Draft bool         // unsigned, marked, with a page for each gap; never stored
	// Accept lets blockers pass for reasons that are printed and logged; By is
	// filled in from the Actor.
	Accept []packager.Acceptance
	Unmask bool // identity numbers in the workbook in full; an event says so
	// MaxBytes is the largest size of the PDF; 0 takes the platform's limit.
	MaxBytes int64
	// Replaces is the bundle that was refused, with the reason; nil for a
	// first one.
	Replaces *plan.Previous
}

// Result is how far a case came. Fields after the step that ended the way are
// nil.
type Result struct {
	Report  *packager.Report
	Plan    *packager.Plan
	Bundle  *packager.Bundle // also a draft, which goes no further
	Record  *packager.Record
	Receipt *packager.Receipt
	Paths   Paths
}

// Build takes a case from its folder to its receipt. An incomplete case ends
// after check with a Fault of ClassIncomplete, and the Result says why. When
// the store fails, everything made stays in the out folder for Push.
func (p *Pipeline) Build(ctx context.Context, o Order) (*Result, error) {
	res := &Result{}
	bench, err := newBench(o, p)
	if err != nil {
		return res, err
	}
	defer bench.clear()

	report, err := p.check(ctx, o, bench.log)
	if err != nil {
		return res, err
	}
	res.Report = report
	if !report.Complete() && !o.Draft {
		return res, incomplete(report)
	}

	layout := p.plan(report, o)
	res.Plan = layout
	bundle, err := p.compose(ctx, layout, bench)
	if err != nil {
		return res, err
	}
	res.Bundle = bundle
	res.Report = withFindings(report, bundle.Findings)
	if o.Draft {
		res.Paths, err = bench.releaseDraft(bundle)
		if err == nil && !report.Complete() {
			err = incomplete(report)
		}
		return res, err
	}

	pages, err := p.pages(ctx, bundle, bench)
	if err != nil {
		return res, err
	}
	signed, err := p.sign(ctx, bundle, bench)
	if err != nil {
		return res, err
	}
	verdict, err := p.verify(ctx, signed, bench)
	if err != nil {
		return res, err
	}
	record, err := p.audit(ctx, signed, verdict, pages, bench)
	if err != nil {
		return res, err
	}
	record, err = bench.release(record, pages)
	if err != nil {
		return res, err
	}
	res.Record = record

	res.Receipt, err = p.store(ctx, record, pages, bench)
	res.Paths = pathsIn(o.Out)
	return res, err
}

// Check is the first half of the way: it makes nothing and writes no log.
func (p *Pipeline) Check(ctx context.Context, c *packager.Case, day packager.Day, accept ...packager.Acceptance) (*packager.Report, error) {
	return p.check(ctx, Order{Case: c, Day: day, Accept: accept}, nil)
}

func (p *Pipeline) check(ctx context.Context, o Order, log *audit.Log) (*packager.Report, error) {
	ruleSet, err := p.Rules.For(o.Case, o.Day, p.Calendar)
	if err != nil {
		return nil, err
	}
	collection, err := collect.Collect(ctx, o.Case, ruleSet, p.Observe)
	if err != nil {
		return nil, err
	}
	if err := p.noteOf(log, func() (packager.Event, error) { return collected(collection) }); err != nil {
		return nil, err
	}
	inspection, err := p.Inspector.Inspect(ctx, collection, p.Observe)
	if err != nil {
		return nil, err
	}
	if inspection.Letters, err = p.letters(o.Case, ruleSet); err != nil {
		return nil, err
	}
	inspection = recognise(inspection)
	p.begin(packager.StepCheck)
	report := check.Check(inspection)
	if err := p.noteOf(log, func() (packager.Event, error) { return checked(report) }); err != nil {
		return nil, err
	}
	return p.accept(o, report, log)
}

// accept lets blockers pass, each with an event.
func (p *Pipeline) accept(o Order, r *packager.Report, log *audit.Log) (*packager.Report, error) {
	list := slices.Clone(o.Accept)
	for i := range list {
		list[i].By = p.Actor.String()
	}
	r, err := check.Accept(r, list)
	if err != nil {
		return nil, err
	}
	for _, f := range r.Findings {
		if f.Accepted == "" {
			continue
		}
		if err := p.note(log, overridden(r, f)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (p *Pipeline) plan(r *packager.Report, o Order) *packager.Plan {
	p.begin(packager.StepPlan)
	return plan.New(r, plan.Options{
		Tool: p.Tool, Draft: o.Draft, MaxBytes: cmp.Or(o.MaxBytes, r.Rules.Limits.PDFBytes), Replaces: o.Replaces,
	})
}

func (p *Pipeline) compose(ctx context.Context, l *packager.Plan, b *bench) (*packager.Bundle, error) {
	p.begin(packager.StepCompose)
	bundle, err := p.Composer.Compose(ctx, l, b.path("composed.pdf"), p.Observe)
	if err != nil {
		return nil, diskFault(err, b.out)
	}
	return bundle, p.note(b.log, composed(bundle))
}

// pages makes the pictures for platforms that take no PDF.
func (p *Pipeline) pages(ctx context.Context, bundle *packager.Bundle, b *bench) ([]packager.File, error) {
	files, err := p.Composer.Pages(ctx, bundle, b.path(pagesName), bundle.Plan.Report.Rules.Limits, p.Observe)
	return files, diskFault(err, b.out)
}

// sign signs every volume.
func (p *Pipeline) sign(ctx context.Context, bundle *packager.Bundle, b *bench) (*packager.SignedBundle, error) {
	p.begin(packager.StepSign)
	key, err := p.Key(ctx)
	if err != nil {
		return nil, err
	}
	b.key = key
	opt := p.Signing
	opt.Now, opt.AuditHead, opt.Progress = p.Now(), b.log.Head(), p.Observe
	opt.Stamp.Lines = sign.StampLines(p.Paper, key, opt)
	var signed []*packager.SignedBundle
	for _, volume := range bundle.Volumes() {
		opt.Out = b.path(volume.FileName(bundleStem))
		s, err := sign.Sign(ctx, volume, key, opt)
		if err != nil {
			return nil, diskFault(err, b.out)
		}
		signed = append(signed, s)
	}
	signed[0].Signed = signed[1:]
	if err := p.note(b.log, signedEvent(signed[0])); err != nil {
		return nil, err
	}
	if e := timestamped(signed[0]); e != nil {
		return signed[0], p.note(b.log, *e)
	}
	return signed[0], nil
}

// verify reads the signed files as a stranger would, before anybody relies on
// them.
func (p *Pipeline) verify(ctx context.Context, s *packager.SignedBundle, b *bench) (*packager.Verdict, error) {
	p.begin(packager.StepVerify)
	var paths []string
	for _, volume := range s.Volumes() {
		paths = append(paths, volume.Path)
	}
	verdict, err := verify.PDFs(ctx, paths, verify.Options{Now: p.Now(), Manifest: s.Manifest})
	if err != nil {
		return nil, err
	}
	if !verdict.OK {
		return nil, refused(verdict)
	}
	return verdict, p.note(b.log, verified(s, verdict))
}

func (p *Pipeline) audit(ctx context.Context, s *packager.SignedBundle, v *packager.Verdict, pages []packager.File, b *bench) (*packager.Record, error) {
	p.begin(packager.StepAudit)
	planned := storedFiles(s.Plan.Report.Files)
	if p.Store.Terms.Sealed() { // what a ciphertext is called is known when it is made
		for i := range planned {
			planned[i].Key = p.Words.Text("audit.sealed_key", nil)
		}
	}
	record, err := audit.Write(ctx, s, v, b.log, planned, b.dir, p.Words, audit.Options{
		Final: b.out, Bundle: bundleStem, Unmask: b.unmask, Pictures: firstPages(s.Plan, pages),
	})
	return record, diskFault(err, b.out)
}

func (p *Pipeline) begin(s packager.Step) {
	p.Observe.Notify(packager.Progress{Step: s, Kind: "start"})
}
