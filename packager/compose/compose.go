// Package compose makes the bundle of a plan: one PDF with cover, reviewer's
// sheet, index, every material under its number, the backup sheet and a page
// for the signature, with bookmarks, links, metadata and the manifest.
//
// gofpdf draws the tool's own pages; pdfcpu reads what gofpdf drew and the
// PDFs among the materials; everything is written in one pass into one PDF
// 1.7 file with a classic cross-reference table. The same plan gives the same
// bytes: dates come from the plan's day, the file identifier from the bundle's
// number, and there is no time of the making in it.
package compose

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"dossier/packager"
	"dossier/packager/compose/typeface"
	"dossier/packager/i18n"
	"dossier/packager/pdfium"
)

// Options are what a Composer needs.
type Options struct {
	Regular, Bold []byte        // Noto Sans SC as TrueType
	Printer       *i18n.Printer // language of the tool's own pages
	TempDir       string        // for scratch files; "" is the system's
	CacheDir      string        // keeps the compiled PDF engine between runs; "": nowhere
	Workers       int           // pictures decoded at once; 0: one for each processor
}

// Composer makes bundles. It may be used by several goroutines; Close ends
// what it holds.
type Composer struct {
	opt    Options
	engine *pdfium.Engine
}

// New returns a Composer.
func New(o Options) *Composer {
	api.DisableConfigDir() // pdfcpu must not make folders in the user's home
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return &Composer{o, pdfium.New(pdfium.Options{CacheDir: o.CacheDir, Workers: o.Workers})}
}

// Close ends the PDF engine.
func (k *Composer) Close() error { return k.engine.Close() }

// Compose writes the bundle of p to the file out, which appears whole or not
// at all.
func (k *Composer) Compose(ctx context.Context, p *packager.Plan, out string, obs packager.Observer) (*packager.Bundle, error) {
	tmp, err := os.CreateTemp(filepath.Dir(out), ".dossier-*.pdf")
	if err != nil {
		return nil, writeFault(err)
	}
	defer func() { // a no-op after the rename
		tmp.Close()
		os.Remove(tmp.Name())
	}()
	obs.Notify(packager.Progress{Step: packager.StepCompose, Kind: "start", Total: int64(len(p.Items)), Unit: "items"})
	defer k.engine.Rest() // what it keeps would lie beside what comes next
	b, err := k.fit(ctx, p, tmp, obs)
	if err != nil {
		return nil, err
	}
	if err := tmp.Sync(); err != nil {
		return nil, writeFault(err)
	}
	if err := tmp.Close(); err != nil {
		return nil, writeFault(err)
	}
	if err := os.Chmod(tmp.Name(), 0o600); err != nil {
		return nil, writeFault(err)
	}
	if err := os.Rename(tmp.Name(), out); err != nil {
		return nil, writeFault(err)
	}
	b.Path = out
	obs.Notify(packager.Progress{Step: packager.StepCompose, Kind: "done", Done: int64(len(p.Items)), Total: int64(len(p.Items)), Unit: "items"})
	return b, nil
}

func writeFault(err error) error {
	return &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_WRITE", Err: err}
}

// write makes the bundle in f, with pictures of at most dpi (0: as they are).
func (k *Composer) write(ctx context.Context, p *packager.Plan, f *os.File, dpi int, obs packager.Observer) (*packager.Bundle, *book, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, nil, writeFault(err)
	}
	if err := f.Truncate(0); err != nil {
		return nil, nil, writeFault(err)
	}
	out := newPDFOut(f)
	a := &assets{out: out, items: map[int]*shown{}, profiles: map[string]types.IndirectRef{}, engine: k.engine, tempDir: k.opt.TempDir, dpi: dpi}
	if err := a.load(ctx, p, k.opt.Workers, obs); err != nil {
		return nil, nil, err
	}
	bk, err := k.layout(p, a)
	if err != nil {
		return nil, nil, err
	}
	b := &packager.Bundle{Plan: p, Pages: bk.total, Stamp: bk.stamp, Map: bk.ranges(), Placed: bk.placed, Findings: a.findings}
	if b.Manifest, err = manifest(p, b); err != nil {
		return nil, nil, err
	}
	if err := k.assemble(bk, a, b); err != nil {
		return nil, nil, err
	}
	b.SHA256, b.Bytes = hex.EncodeToString(out.sum.Sum(nil)), out.off
	return b, bk, nil
}

// layout lays the bundle out until every page number that would be printed is
// the one that comes out (twice, as a rule; once more where a number takes
// another line), and then prints it.
func (k *Composer) layout(p *packager.Plan, a *assets) (*book, error) {
	var faces [2]*face
	for i, data := range [][]byte{k.opt.Regular, k.opt.Bold} {
		f, err := typeface.New(data)
		if err != nil {
			return nil, err
		}
		faces[i] = f
	}
	b := &book{plan: p, say: k.opt.Printer, assets: a, known: map[string]span{}}
	b.total = 999 // as wide as a page number is likely to be
	for range 5 {
		b.lay(newCanvas(faces, true))
		if !maps.Equal(b.known, b.now) || b.total != b.c.page() {
			b.known, b.total = b.now, b.c.page()
			continue
		}
		b.lay(newCanvas(faces, false))
		if err := b.c.pdf.Error(); err != nil {
			return nil, fmt.Errorf("drawing pages: %w", err)
		}
		return b, nil
	}
	return nil, errors.New("the page numbers do not settle")
}

// ranges is the page map of the bundle.
func (b *book) ranges() []packager.PageRange {
	var out []packager.PageRange
	for _, name := range b.order {
		s := b.now[name]
		r := packager.PageRange{Name: name, From: s.from, To: s.to}
		if i := slices.IndexFunc(b.plan.Items, func(it packager.Item) bool { return itemName(it.No) == name }); i >= 0 {
			r.Item, r.Name = b.plan.Items[i].No, ""
		}
		out = append(out, r)
	}
	return out
}

func fileID(bundle string) []byte {
	sum := sha256.Sum256([]byte("dossier bundle " + bundle))
	return sum[:16]
}
