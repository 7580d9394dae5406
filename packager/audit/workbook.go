package audit

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/packager/identity"
)

// source is what the workbook is made of.
type source struct {
	sb      *packager.SignedBundle
	verdict *packager.Verdict
	log     *Log
	stored  []packager.StoredObject
	printer *i18n.Printer
	opts    Options
}

// sheetIDs are the sheets in their order.
var sheetIDs = []string{"summary", "requirements", "materials", "findings", "agreement", "events", "signature", "stored", "timeline", "backups"}

func writeWorkbook(ctx context.Context, w io.Writer, src source, dir string) error {
	mask := identity.MaskIDs
	if src.opts.Unmask {
		mask = func(s string) string { return s }
	}
	header := src.printer.Text("audit.header", packager.Args{"bundle": src.sb.Plan.BundleID})
	b, err := newBook(src.printer, mask, header, dir)
	if err != nil {
		return err
	}
	defer b.f.Close()
	v := newView(src, b)
	if err := b.reserve(sheetIDs...); err != nil {
		return err
	}
	if err := src.log.Events(func(e packager.Event) error {
		at, err := time.Parse(time.RFC3339, e.At)
		v.last = at
		return err
	}); err != nil {
		return err
	}
	at := v.last
	if at.IsZero() {
		at = v.report.Rules.Day.Time()
	}
	if err := b.properties(header, v.report.Rules.Name.In(b.p.Lang), v.plan.BundleID, v.plan.Tool, at); err != nil {
		return err
	}
	pictures, err := v.thumbnails(ctx)
	if err != nil {
		return err
	}
	for _, write := range []func() error{
		v.summary, v.requirements, func() error { return v.materials(pictures) }, v.findings, v.agreement,
		v.events, v.signature, v.objects, v.timeline, v.backups,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := write(); err != nil {
			return err
		}
	}
	return b.save(w, dir)
}

// view is the source, looked up in the ways that the sheets need.
type view struct {
	*book
	source
	plan   *packager.Plan
	report *packager.Report
	last   time.Time // of the last event

	files       []packager.Inspected         // in the order of their sheet
	requirement map[string]int               // id → row of its sheet
	material    map[string]int               // path → row of its sheet
	object      map[string]int               // path → row of the stored objects
	pages       map[string]place             // path → pages of the bundle
	worst       map[string]packager.Severity // path → worst finding about it
	titles      map[string]string            // requirement id → title
	asked       map[string][]string          // path → requirements that it answers
}

func newView(src source, b *book) *view {
	v := &view{
		book: b, source: src, plan: src.sb.Plan, report: src.sb.Plan.Report,
		requirement: map[string]int{}, material: map[string]int{}, object: map[string]int{},
		pages: map[string]place{}, worst: map[string]packager.Severity{}, titles: map[string]string{}, asked: map[string][]string{},
	}
	const first = 2 // row behind the heads
	for i, r := range v.report.Requirements {
		v.requirement[r.ID], v.titles[r.ID] = i+first, r.Title.In(b.p.Lang)
	}
	v.files = inOrder(v.plan.Items, v.report.Files)
	for i, f := range v.files {
		v.material[f.Path] = i + first
	}
	for i, o := range src.stored {
		v.object[o.Name] = i + first
	}
	ranges := map[int]place{}
	for _, volume := range src.sb.Volumes() {
		for _, r := range volume.Map {
			if r.Item > 0 {
				ranges[r.Item] = place{r, volume}
			}
		}
	}
	for _, it := range v.plan.Items {
		v.asked[it.File.Path] = appendNew(v.asked[it.File.Path], it.Requirements...)
		if r, ok := ranges[it.No]; ok {
			v.pages[it.File.Path] = r
		}
	}
	for _, f := range v.report.Findings {
		if s, ok := v.worst[f.Material]; !ok || f.Severity.Rank() < s.Rank() {
			v.worst[f.Material] = f.Severity
		}
	}
	return v
}

// place is where a material is in the bundle.
type place struct {
	packager.PageRange
	volume *packager.SignedBundle
}

// pdf is the reference to a volume.
func (v *view) pdf(volume *packager.SignedBundle) string {
	return reference(volume.FileName(v.opts.Bundle))
}

// pageWords names pages, with the volume where there are several.
func (v *view) pageWords(p place) string {
	words := strconv.Itoa(p.From)
	if p.To > p.From {
		words = fmt.Sprintf("%d–%d", p.From, p.To)
	}
	if p.volume.Of <= 1 {
		return words
	}
	return v.p.Text("audit.volume_pages", packager.Args{"no": strconv.Itoa(p.volume.No), "pages": words})
}

// inOrder puts the files of the bundle first, by their number, so that the row
// of a file tells its number in the bundle; the others follow by path.
func inOrder(items []packager.Item, files []packager.Inspected) []packager.Inspected {
	out, placed := make([]packager.Inspected, 0, len(files)), map[string]bool{}
	for _, it := range items {
		if !placed[it.File.Path] {
			placed[it.File.Path] = true
			out = append(out, it.File)
		}
	}
	for _, f := range files {
		if !placed[f.Path] {
			out = append(out, f)
		}
	}
	return out
}

// say is a text of the catalog.
func (v *view) say(key string) string { return v.p.Text("audit."+key, nil) }

// light is a state with its sign and its word.
func (v *view) light(s packager.Severity) cell {
	if s == "" {
		s = packager.StateOK
	}
	return cell{kind: kindState, text: v.say("state." + string(s)), state: s}
}

// toRequirement links to a requirement's row.
func (v *view) toRequirement(c cell, id string) cell {
	if row, ok := v.requirement[id]; ok {
		return c.to(v.cell("requirements", "C", row))
	}
	return c
}

func (v *view) toMaterial(c cell, path string) cell {
	if row, ok := v.material[path]; ok {
		return c.to(v.cell("materials", "C", row))
	}
	return c
}

// manyFiles is where links to files end: the writer of spreadsheets looks
// through all of them for each, and a reader of so many rows does not click.
// The links between the sheets stay.
const manyFiles = 2000

// toFile links to a file, relative to where the workbook will stand.
func (v *view) toFile(c cell, abs string) cell {
	if len(v.report.Files) > manyFiles {
		return c
	}
	rel, err := filepath.Rel(v.opts.Final, abs)
	if err != nil || abs == "" {
		return c
	}
	return c.toFile(reference(filepath.ToSlash(rel)))
}

// toPage links to a page of a volume.
func (v *view) toPage(c cell, volume *packager.SignedBundle, page int) cell {
	if len(v.report.Files) > manyFiles {
		return c
	}
	return c.toFile(v.pdf(volume) + "#page=" + strconv.Itoa(page))
}

// reference makes a relative URI reference of a path (RFC 3986 §4.2): what
// has a meaning in a reference is escaped, letters of any script stay, as
// spreadsheets write them.
func reference(path string) string {
	var b strings.Builder
	for _, r := range path {
		if r > 0x7f || r == '/' {
			b.WriteRune(r)
			continue
		}
		b.WriteString(url.PathEscape(string(r)))
	}
	return b.String()
}
