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
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

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

// Compose writes the bundle of p to the file out; where the size limit asks for
// parts, to out-1of3.pdf and so on (packager.VolumeName). Every file appears
// whole or not at all.
func (k *Composer) Compose(ctx context.Context, p *packager.Plan, out string, obs packager.Observer) (*packager.Bundle, error) {
	obs.Notify(packager.Progress{Step: packager.StepCompose, Kind: "start", Total: int64(len(p.Items)), Unit: "items"})
	defer k.engine.Rest() // what it keeps would lie beside what comes next
	volumes, err := k.fit(ctx, p, filepath.Dir(out), obs)
	defer discard(volumes) // nothing after the release
	if err != nil {
		return nil, err
	}
	stem := strings.TrimSuffix(out, ".pdf")
	for _, v := range volumes {
		if err := v.release(v.bundle.FileName(stem)); err != nil {
			return nil, writeFault(err)
		}
	}
	obs.Notify(packager.Progress{Step: packager.StepCompose, Kind: "done", Done: int64(len(p.Items)), Total: int64(len(p.Items)), Unit: "items"})
	return first(volumes), nil
}

func writeFault(err error) error {
	return &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_WRITE", Err: err}
}

// write makes the bundle in volumes, each with its share of the items, with
// pictures of at most dpi (0: as they are).
func (k *Composer) write(ctx context.Context, p *packager.Plan, shares [][]packager.Item, dir string, dpi int, obs packager.Observer) (volumes []*volume, err error) {
	defer func() {
		if err != nil {
			discard(volumes)
			volumes = nil
		}
	}()
	var books []*book
	papers := papersDigest(p)
	for _, items := range shares {
		v, err := newVolume(dir)
		if err != nil {
			return volumes, writeFault(err)
		}
		volumes = append(volumes, v)
		v.assets = &assets{out: newPDFOut(v.file), items: map[int]*shown{}, profiles: map[string]types.IndirectRef{}, engine: k.engine, tempDir: k.opt.TempDir, dpi: dpi}
		if err := v.assets.load(ctx, items, k.opt.Workers, obs); err != nil {
			return volumes, err
		}
		v.book = &book{plan: p, papers: papers, say: k.opt.Printer, assets: v.assets, items: items, no: len(volumes)}
		books = append(books, v.book)
	}
	faces, err := k.layout(books)
	if err != nil {
		return volumes, err
	}
	list, err := manifest(p, volumes)
	if err != nil {
		return volumes, err
	}
	for _, v := range volumes {
		b := v.book
		if err := b.print(faces); err != nil {
			return volumes, err
		}
		v.bundle = &packager.Bundle{Plan: p, No: b.no, Of: len(volumes), Pages: b.total, Stamp: b.stamp, Map: b.ranges(), Placed: b.placed, Findings: v.assets.findings, Manifest: list}
		if err := k.assemble(b, v.assets, v.bundle); err != nil {
			return volumes, err
		}
		b.c.pdf = nil // drawn; the fonts in it are large
		v.bundle.SHA256, v.bundle.Bytes = hex.EncodeToString(v.assets.out.sum.Sum(nil)), v.assets.out.off
	}
	return volumes, nil
}

// layout lays the volumes out, which name pages of each other, until every page
// number that would be printed is the one that comes out (twice, as a rule;
// once more where a number takes another line).
func (k *Composer) layout(books []*book) (faces [2]*face, err error) {
	for i, data := range [][]byte{k.opt.Regular, k.opt.Bold} {
		if faces[i], err = typeface.New(data); err != nil {
			return faces, err
		}
	}
	for _, b := range books {
		b.set, b.known = books, map[string]span{}
		b.total = 999 // as wide as a page number is likely to be
	}
	for range 6 {
		settled := true
		for _, b := range books {
			b.lay(newCanvas(faces, true))
		}
		for _, b := range books {
			settled = settled && maps.Equal(b.known, b.now) && b.total == b.c.page()
			b.known, b.total = b.now, b.c.page()
		}
		if settled {
			return faces, nil
		}
	}
	return faces, errors.New("the page numbers do not settle")
}

// print draws the volume that was laid out.
func (b *book) print(faces [2]*face) error {
	b.lay(newCanvas(faces, false))
	if err := b.c.pdf.Error(); err != nil {
		return fmt.Errorf("drawing pages: %w", err)
	}
	if !maps.Equal(b.known, b.now) || b.total != b.c.page() {
		return errors.New("the printed pages are not those that were laid out")
	}
	return nil
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

// fileID is the identifier of the file of a bundle, or of one of its volumes.
func fileID(bundle string) []byte {
	sum := sha256.Sum256([]byte("dossier bundle " + bundle))
	return sum[:16]
}
