package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"dossier/packager"
	"dossier/packager/pdfium"
)

// leaf is one page of a material as it will be shown: a picture or a page of a
// PDF, already written into the bundle's file as an XObject.
type leaf struct {
	asset int // index in assets.refs
	w, h  float64
	pic   *picture    // without its bytes
	page  *sourcePage // or a page of a PDF
}

// place returns the matrix that shows the leaf upright with its lower left
// corner at x, y in the given width (PDF space).
func (l *leaf) place(x, y, width float64) matrix {
	s := width / l.w
	if l.page != nil {
		return l.page.place(x, y, s)
	}
	return upright(l.pic.orientation, x, y, width, l.h*s)
}

// upright maps the unit square of an image XObject to the box at x, y, turned
// and mirrored as the EXIF orientation says (CIPA DC-008, 4.6.4, tag 274).
func upright(orientation int, x, y, w, h float64) matrix {
	switch orientation {
	case 2:
		return matrix{-w, 0, 0, h, x + w, y}
	case 3:
		return matrix{-w, 0, 0, -h, x + w, y + h}
	case 4:
		return matrix{w, 0, 0, -h, x, y + h}
	case 5:
		return matrix{0, -h, -w, 0, x + w, y + h}
	case 6:
		return matrix{0, -h, w, 0, x, y + h}
	case 7:
		return matrix{0, h, w, 0, x, y}
	case 8:
		return matrix{0, h, -w, 0, x + w, y}
	}
	return matrix{w, 0, 0, h, x, y}
}

// shown is what became of one material.
type shown struct {
	leaves   []leaf
	pdf      bool
	marks    []sourceMark
	locked   bool   // it was opened with its password
	office   bool   // its pages were made by LibreOffice
	signed   bool   // its own signatures cannot be checked in the bundle
	attached string // name of the attachment, when the file itself is kept too
	dpi      int    // its pictures were resampled to this resolution; 0: not
	why      string // code of the reason why it is not shown, or ""
	bytes    int64  // that it takes in the file
}

// assets are the materials of a bundle, written into its file.
type assets struct {
	out      *pdfOut
	refs     []types.IndirectRef
	weights  []int64        // about how many bytes each takes
	items    map[int]*shown // by number of the item
	files    []attachment
	layers   layers
	profiles map[string]types.IndirectRef
	findings []packager.Finding
	engine   *pdfium.Engine // for PDFs that are damaged
	tempDir  string
	dpi      int // pictures are resampled to this resolution; 0: as they are
}

// attachment is an embedded file (ISO 32000-1, 7.11.4).
type attachment struct {
	name string
	spec types.IndirectRef
}

func (a *assets) of(no int) *shown {
	if s := a.items[no]; s != nil {
		return s
	}
	return &shown{}
}

// prefetched is the result of decoding one picture file ahead of its turn.
type prefetched struct {
	pics    []*picture
	reduced bool // resampled
	err     error
}

func (a *assets) prefetch(ctx context.Context, f packager.Inspected) (r prefetched) {
	defer func() {
		if p := recover(); p != nil { // hostile bytes must not end the program
			r = prefetched{err: pictureFault(f, fmt.Errorf("decoding the picture: %v", p))}
		}
	}()
	pics, err := loadPictures(ctx, f)
	r = prefetched{pics: pics, err: err}
	for _, p := range pics {
		less, err := p.resample(a.dpi)
		if err != nil {
			return prefetched{err: pictureFault(f, err)}
		}
		r.reduced = r.reduced || less
		p.decode = nil
	}
	return r
}

// load writes materials into the file, in order. Pictures are
// read and, where they must be, decoded by several workers ahead of their
// turn; no more of them than workers are in memory.
func (a *assets) load(ctx context.Context, items []packager.Item, workers int, obs packager.Observer) error {
	results := make([]chan prefetched, len(items))
	slots := make(chan struct{}, workers)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for i := range results {
		results[i] = make(chan prefetched, 1)
	}
	go func() {
		for i, it := range items {
			if !showsPicture(it.File) {
				continue
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			go func() {
				results[i] <- a.prefetch(ctx, it.File)
			}()
		}
	}()
	for i := range items {
		it := &items[i]
		obs.Notify(packager.Progress{Step: packager.StepCompose, Kind: "advance", Item: it.File.Path, Done: int64(i), Total: int64(len(items)), Unit: "items"})
		var err error
		begin := a.out.off
		switch {
		case showsPicture(it.File):
			var r prefetched
			select {
			case r = <-results[i]:
			case <-ctx.Done():
				return ctx.Err()
			}
			err = a.pictures(it, r)
			<-slots
		case showsPages(it.File):
			err = a.document(ctx, it)
		default:
			err = a.instead(it, "COMPOSE_NOT_SHOWN")
		}
		if err == nil {
			err = errors.Join(ctx.Err(), a.out.err)
		}
		if err != nil {
			return err
		}
		a.of(it.No).bytes = a.out.off - begin
	}
	return nil
}

func showsPicture(f packager.Inspected) bool {
	return f.Form == packager.FormPicture && f.Unusable == ""
}

// showsPages reports whether a file is shown as the pages of a PDF: its own, or
// those of a PDF made of it.
func showsPages(f packager.Inspected) bool {
	return (f.Form == packager.FormPDF || f.Shown != "") && f.Unusable == ""
}

func (a *assets) pictures(it *packager.Item, r prefetched) error {
	var fault *packager.Fault
	if errors.As(r.err, &fault) && fault.Code == "COMPOSE_PICTURE_BROKEN" {
		return a.instead(it, fault.Code)
	}
	if r.err != nil {
		return r.err
	}
	s := &shown{}
	for _, p := range r.pics {
		ref := p.write(a.out, a.profiles)
		w, h := p.upright()
		size := *p
		size.body, size.icc, size.dict = nil, nil, nil
		s.leaves = append(s.leaves, leaf{asset: a.keep(ref, p.size()), w: float64(w), h: float64(h), pic: &size})
	}
	a.items[it.No] = s
	if r.reduced {
		a.resampled(it, s)
	}
	return nil
}

// resampled notes that pictures of a material were reduced.
func (a *assets) resampled(it *packager.Item, s *shown) {
	s.dpi = a.dpi
	a.findings = append(a.findings, packager.Finding{Code: "COMPOSE_RESAMPLED", Severity: packager.Info, Material: it.File.Path,
		Args: packager.Args{"path": it.File.Path, "dpi": strconv.Itoa(a.dpi), "before": byteSize(it.File.Bytes)}})
}

func (a *assets) keep(ref types.IndirectRef, weight int64) int {
	a.refs, a.weights = append(a.refs, ref), append(a.weights, weight)
	return len(a.refs) - 1
}

// document writes the pages of a PDF: as they are, if pdfcpu can follow the
// file; else as pdfium writes it anew; else as pictures of its pages. A file
// that says more than its pages do (it is signed, or locked, or no PDF at all)
// is attached, too.
func (a *assets) document(ctx context.Context, it *packager.Item) error {
	if err := unchanged(it.File.Path, it.File.Abs, it.File.SHA256); err != nil {
		return err
	}
	path := it.File.Abs
	if it.File.Shown != "" {
		path = it.File.Shown
		if err := unchanged(it.File.Path, path, it.File.ShownSHA256); err != nil {
			return err
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_UNREADABLE", Args: packager.Args{"path": it.File.Path}, Err: err}
	}
	defer file.Close()
	src, err := a.importFrom(ctx, file, it.File.Password)
	if err != nil && a.out.err == nil {
		src, err = a.repaired(ctx, it, file)
	}
	switch {
	case a.out.err != nil:
		return a.out.err
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return a.instead(it, "COMPOSE_PDF_BROKEN")
	}
	s := &shown{pdf: true, marks: src.marks, locked: it.File.Password != "", office: it.File.Shown != ""}
	for _, p := range src.pages {
		w, h := p.upright()
		s.leaves = append(s.leaves, leaf{asset: a.keep(p.form, it.File.Bytes/int64(len(src.pages))), w: w, h: h, page: p})
	}
	a.items[it.No] = s
	if src.reduced > 0 {
		a.resampled(it, s)
	}
	if n := it.File.Pages; n > 0 && n != len(s.leaves) {
		a.findings = append(a.findings, packager.Finding{Code: "COMPOSE_PAGES_DIFFER", Severity: packager.Warn, Material: it.File.Path,
			Args: packager.Args{"path": it.File.Path, "want": strconv.Itoa(n), "got": strconv.Itoa(len(s.leaves))}})
	}
	s.signed = it.File.PDF != nil && it.File.PDF.Signatures > 0
	if s.signed || s.locked || s.office {
		s.attached, err = a.attachFile(it)
	}
	return err
}

func (a *assets) importFrom(c context.Context, r io.ReadSeeker, password packager.Secret) (*source, error) {
	ctx, err := readPDF(c, r, password)
	if err != nil {
		return nil, err
	}
	return importPDF(ctx, a.out, &a.layers, a.dpi)
}

// repaired brings in a PDF that pdfcpu refuses.
func (a *assets) repaired(ctx context.Context, it *packager.Item, file *os.File) (*source, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	doc, err := a.engine.OpenLocked(ctx, file, info.Size(), it.File.Password.Reveal())
	if err != nil {
		return nil, err
	}
	defer doc.Close()
	locked := it.File.Password != ""
	if src, err := a.rewritten(ctx, doc, locked); err == nil || a.out.err != nil {
		if !locked { // else the password was all that was in the way
			a.note("COMPOSE_PDF_REPAIRED", packager.Info, it)
		}
		return src, err
	}
	src, err := a.rastered(doc)
	if err == nil {
		a.note("COMPOSE_PDF_RASTERED", packager.Warn, it)
	}
	return src, err
}

func (a *assets) note(code string, s packager.Severity, it *packager.Item) {
	a.findings = append(a.findings, packager.Finding{Code: code, Severity: s, Material: it.File.Path, Args: packager.Args{"path": it.File.Path}})
}

// rewritten lets pdfium write the file anew and reads that. What was locked is
// not any more: it stays in memory.
func (a *assets) rewritten(ctx context.Context, doc *pdfium.Document, locked bool) (*source, error) {
	var anew bytes.Buffer
	var w io.Writer = &anew
	var tmp *os.File
	if !locked { // it may be large
		var err error
		if tmp, err = os.CreateTemp(a.tempDir, "dossier-*.pdf"); err != nil {
			return nil, err
		}
		defer os.Remove(tmp.Name())
		defer tmp.Close()
		w = tmp
	}
	if err := doc.Save(w); err != nil {
		return nil, err
	}
	var r io.ReadSeeker = tmp
	if locked {
		r = bytes.NewReader(anew.Bytes())
	}
	src, err := a.importFrom(ctx, r, "")
	if err == nil && len(src.pages) != doc.Pages() {
		err = errors.New("pages were lost in writing the PDF anew")
	}
	return src, err
}

// rastered shows the pages of a PDF as pictures; its text and links are lost.
func (a *assets) rastered(doc *pdfium.Document) (*source, error) {
	src := &source{}
	for i := range doc.Pages() {
		m, err := doc.Render(i, documentDPI)
		if err != nil {
			return nil, err
		}
		w, h, err := doc.Size(i)
		if err != nil {
			return nil, err
		}
		pics, err := photo(m, nil)
		if err != nil {
			return nil, err
		}
		// A form of the page's size, so that it is a page like any other.
		d := types.Dict{"Type": types.Name("XObject"), "Subtype": types.Name("Form"), "BBox": numbers(0, 0, w, h),
			"Resources": types.Dict{"XObject": types.Dict{"P": pics[0].write(a.out, a.profiles)}}}
		form := a.out.addFlate(d, fmt.Appendf(nil, "%.3f 0 0 %.3f 0 0 cm /P Do", w, h))
		src.pages = append(src.pages, &sourcePage{form: form, box: rect{0, 0, w, h}, unit: 1})
	}
	return src, nil
}

// instead keeps a file that cannot be shown as an attachment. A picture may
// hold the place where it was taken, which must not reach the bundle: it is
// named and not attached.
func (a *assets) instead(it *packager.Item, code string) error {
	s := &shown{why: code}
	a.items[it.No] = s
	if it.File.Unusable == "" { // else inspect has said so
		a.note(code, packager.Warn, it)
	}
	if it.File.Form == packager.FormPicture {
		return nil
	}
	var err error
	s.attached, err = a.attachFile(it)
	return err
}

// unchanged makes sure that a file, which belongs to the material at path, is
// still the one that was inspected; with no digest, only that it is there.
func unchanged(path, abs, sum string) error {
	file, err := os.Open(abs)
	if err != nil {
		return &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_UNREADABLE", Args: packager.Args{"path": path}, Err: err}
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_UNREADABLE", Args: packager.Args{"path": path}, Err: err}
	}
	if sum != "" && hex.EncodeToString(h.Sum(nil)) != sum {
		return &packager.Fault{Class: packager.ClassIncomplete, Code: "COMPOSE_MATERIAL_CHANGED", Args: packager.Args{"path": path}}
	}
	return nil
}

func (a *assets) attachFile(it *packager.Item) (string, error) {
	f, err := os.Open(it.File.Abs)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("%02d-%s", it.No, filepath.Base(it.File.Path))
	a.attach(name, it.Title.In("zh"), it.File.Media, f, info.Size())
	return name, a.out.err
}

func (a *assets) attach(name, desc, media string, r io.Reader, n int64) {
	file := a.out.alloc()
	a.out.stream(file, types.Dict{
		"Type": types.Name("EmbeddedFile"), "Subtype": types.Name(media),
		"Params": types.Dict{"Size": types.Integer(n)},
	}, r, n)
	spec := a.out.add(types.Dict{
		"Type": types.Name("Filespec"), "F": asciiName(name), "UF": textString(name), "Desc": textString(desc),
		"EF": types.Dict{"F": file, "UF": file},
	})
	a.files = append(a.files, attachment{name, spec})
}

// asciiName is the name of an attachment for readers that do not know UF.
func asciiName(s string) types.StringLiteral {
	b := []byte(s)
	for i, c := range b {
		if c < 0x21 || c > 0x7e || c == '(' || c == ')' || c == '\\' || c == '/' {
			b[i] = '_'
		}
	}
	return types.StringLiteral(b)
}
