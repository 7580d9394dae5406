// Package pdfium runs the PDF engine of Chromium as WebAssembly: it reads
// files that the rest of the program wrote or that people brought, gives their
// text, links and bookmarks, renders pages, and writes a damaged file anew. It
// shares no code with what writes our PDFs, so it can judge them.
package pdfium

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	api "github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
)

// ErrPassword says that a file needs a password, or another one than it got.
var ErrPassword = errors.New("the PDF needs a password")

// Options of an engine.
type Options struct {
	CacheDir string // keeps the compiled engine between runs; "": nowhere
	Workers  int    // documents open at once, each in an instance of its own; at least 1
	Memory   int64  // bytes that one instance may take; 0: 1 GiB
}

// Engine starts when it is first needed: that takes one to three seconds, and
// about 50 ms when the compiled engine is in the cache.
type Engine struct {
	opt  Options
	mu   sync.Mutex
	pool api.Pool
	open int // documents
	gone bool
}

// New returns an engine. Close ends it.
func New(opt Options) *Engine {
	opt.Workers = max(opt.Workers, 1)
	if opt.Memory == 0 {
		opt.Memory = 1 << 30
	}
	return &Engine{opt: opt}
}

// start returns the pool, for one more document.
func (e *Engine) start() (_ api.Pool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer func() {
		if err == nil {
			e.open++
		}
	}()
	if e.gone {
		return nil, errors.New("the PDF engine is closed")
	}
	if e.pool != nil {
		return e.pool, nil
	}
	conf := wazero.NewRuntimeConfig().WithMemoryLimitPages(uint32(e.opt.Memory >> 16)).WithCloseOnContextDone(true)
	if e.opt.CacheDir != "" { // a cache that cannot be made costs time, nothing else
		dir := filepath.Join(e.opt.CacheDir, "wasm")
		if os.MkdirAll(dir, 0o700) == nil {
			if c, err := wazero.NewCompilationCacheWithDir(dir); err == nil {
				conf = conf.WithCompilationCache(c)
			}
		}
	}
	pool, err := webassembly.Init(webassembly.Config{
		MaxTotal: e.opt.Workers, RuntimeConfig: conf, FSConfig: wazero.NewFSConfig(), Stdout: io.Discard, Stderr: io.Discard,
	})
	if err != nil {
		return nil, err
	}
	e.pool = pool
	return pool, nil
}

// Close ends the engine and frees its memory.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = true
	if e.pool == nil {
		return nil
	}
	err := e.pool.Close()
	e.pool = nil
	return err
}

// Rest frees the memory of the engine when no document is open; the next Open
// starts it again. What lies about gets back to the system at once: an engine
// at work takes as much as everything else in the program, and the collector
// would let what is done with stand beside what comes next.
func (e *Engine) Rest() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open > 0 {
		return nil
	}
	var err error
	if e.pool != nil {
		err = e.pool.Close()
		e.pool = nil
	}
	debug.FreeOSMemory()
	return err
}

// Document is an open PDF. It holds one instance of the engine until it is
// closed, and is for one goroutine.
type Document struct {
	of     *Engine
	engine api.Pdfium
	ref    references.FPDF_DOCUMENT
	r      io.ReadSeeker
	size   int64
	stop   func() bool
	pages  int

	password string
}

// Open opens a PDF of size bytes with the empty password. The file is read as
// it is needed and not loaded as a whole. When ctx ends, the instance is
// killed and every call returns an error.
func (e *Engine) Open(ctx context.Context, r io.ReadSeeker, size int64) (*Document, error) {
	return e.OpenLocked(ctx, r, size, "")
}

// OpenLocked is Open with a password: the one that opens the file, or its
// owner's.
func (e *Engine) OpenLocked(ctx context.Context, r io.ReadSeeker, size int64, password string) (*Document, error) {
	pool, err := e.start()
	if err != nil {
		return nil, err
	}
	engine, err := pool.GetInstanceWithContext(ctx)
	if err != nil {
		e.ended()
		return nil, err
	}
	d := &Document{of: e, engine: engine, r: r, size: size, password: password}
	d.stop = context.AfterFunc(ctx, func() { _ = engine.Kill() })
	if err := d.load(); err != nil {
		d.Close()
		return nil, err
	}
	n, err := engine.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: d.ref})
	if err != nil {
		d.Close()
		return nil, err
	}
	d.pages = n.PageCount
	return d, nil
}

func (e *Engine) ended() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open--
}

func (d *Document) load() error {
	res, err := d.engine.OpenDocument(&requests.OpenDocument{FileReader: d.r, FileReaderSize: d.size, Password: &d.password})
	switch {
	case err == nil:
		d.ref = res.Document
		return nil
	case errors.Is(err, pdfiumerrors.ErrPassword), strings.Contains(err.Error(), "password"):
		return ErrPassword
	}
	return err
}

// Forget frees what the engine keeps of the pages that it has seen: it holds
// the data of every picture until the document is closed. Call it now and then
// on the way through a large file.
func (d *Document) Forget() error {
	if _, err := d.engine.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: d.ref}); err != nil {
		return err
	}
	return d.load()
}

// Close gives the instance back. It may be called once.
func (d *Document) Close() {
	defer d.of.ended()
	if d.stop() { // else it has been killed
		_ = d.engine.Close()
	}
}

// Pages returns the number of pages.
func (d *Document) Pages() int { return d.pages }

func (d *Document) page(i int) requests.Page {
	return requests.Page{ByIndex: &requests.PageByIndex{Document: d.ref, Index: i}}
}

// Text returns the text of page i, counted from 0.
func (d *Document) Text(i int) (string, error) {
	t, err := d.engine.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: d.page(i)})
	if err != nil {
		return "", err
	}
	defer func() { _, _ = d.engine.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: t.TextPage}) }()
	n, err := d.engine.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: t.TextPage})
	if err != nil || n.Count <= 0 {
		return "", err
	}
	text, err := d.engine.FPDFText_GetText(&requests.FPDFText_GetText{TextPage: t.TextPage, Count: n.Count})
	if err != nil {
		return "", err
	}
	return text.Text, nil
}

// Label returns the label of page i.
func (d *Document) Label(i int) (string, error) {
	res, err := d.engine.FPDF_GetPageLabel(&requests.FPDF_GetPageLabel{Document: d.ref, Page: i})
	if err != nil {
		return "", err
	}
	return res.Label, nil
}

// Link is a link annotation: its rectangle in points from the lower left
// corner, and the page it leads to (counted from 0; -1: not to a page).
type Link struct {
	X0, Y0, X1, Y1 float64
	Page           int
}

// Links returns the links of page i.
func (d *Document) Links(i int) ([]Link, error) {
	var out []Link
	for pos := 0; ; {
		next, err := d.engine.FPDFLink_Enumerate(&requests.FPDFLink_Enumerate{Page: d.page(i), StartPos: pos})
		if err != nil {
			return nil, err
		}
		if next.Link == nil {
			return out, nil
		}
		pos = *next.NextStartPos
		l := Link{Page: -1}
		r, err := d.engine.FPDFLink_GetAnnotRect(&requests.FPDFLink_GetAnnotRect{Link: *next.Link})
		if err != nil {
			return nil, err
		}
		if r.Rect != nil {
			l.X0, l.Y0, l.X1, l.Y1 = float64(r.Rect.Left), float64(r.Rect.Bottom), float64(r.Rect.Right), float64(r.Rect.Top)
		}
		dest, err := d.engine.FPDFLink_GetDest(&requests.FPDFLink_GetDest{Document: d.ref, Link: *next.Link})
		if err != nil {
			return nil, err
		}
		if dest.Dest != nil {
			p, err := d.engine.FPDFDest_GetDestPageIndex(&requests.FPDFDest_GetDestPageIndex{Document: d.ref, Dest: *dest.Dest})
			if err != nil {
				return nil, err
			}
			l.Page = p.Index
		}
		out = append(out, l)
	}
}

// Figure is a picture or a form XObject as a page shows it.
type Figure struct {
	Matrix        [6]float64 // from its space to the page (ISO 32000-1, 8.3.3)
	Width, Height int        // pixels of a picture; 0 for a form
}

// Figures returns the first n pictures and forms that page i shows.
func (d *Document) Figures(i, n int) ([]Figure, error) {
	count, err := d.engine.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: d.page(i)})
	if err != nil {
		return nil, err
	}
	var out []Figure
	for k := 0; k < count.Count && len(out) < n; k++ {
		o, kind, err := d.object(i, k)
		if err != nil {
			return nil, err
		}
		if kind != enums.FPDF_PAGEOBJ_IMAGE && kind != enums.FPDF_PAGEOBJ_FORM {
			continue
		}
		var f Figure
		m, err := d.engine.FPDFPageObj_GetMatrix(&requests.FPDFPageObj_GetMatrix{PageObject: o})
		if err != nil {
			return nil, err
		}
		for j, v := range []float32{m.Matrix.A, m.Matrix.B, m.Matrix.C, m.Matrix.D, m.Matrix.E, m.Matrix.F} {
			f.Matrix[j] = float64(v)
		}
		if kind == enums.FPDF_PAGEOBJ_IMAGE {
			size, err := d.engine.FPDFImageObj_GetImagePixelSize(&requests.FPDFImageObj_GetImagePixelSize{ImageObject: o})
			if err != nil {
				return nil, err
			}
			f.Width, f.Height = int(size.Width), int(size.Height)
		}
		out = append(out, f)
	}
	return out, nil
}

// object returns an object of page i, and its kind.
func (d *Document) object(i, index int) (references.FPDF_PAGEOBJECT, enums.FPDF_PAGEOBJ, error) {
	o, err := d.engine.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: d.page(i), Index: index})
	if err != nil {
		return "", 0, err
	}
	kind, err := d.engine.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: o.PageObject})
	if err != nil {
		return "", 0, err
	}
	return o.PageObject, kind.Type, nil
}

// Bookmark is one entry of the outline; Page counts from 0 and is -1 where it
// leads to no page.
type Bookmark struct {
	Title string
	Page  int
	Kids  []Bookmark
}

// Bookmarks returns the outline. (FPDFBookmark_GetDest of the binding calls
// another function of the engine, so the outline is read as a whole.)
func (d *Document) Bookmarks() ([]Bookmark, error) {
	res, err := d.engine.GetBookmarks(&requests.GetBookmarks{Document: d.ref})
	if err != nil {
		return nil, err
	}
	return bookmarks(res.Bookmarks), nil
}

func bookmarks(in []responses.GetBookmarksBookmark) []Bookmark {
	var out []Bookmark
	for _, b := range in {
		m := Bookmark{Title: b.Title, Page: -1, Kids: bookmarks(b.Children)}
		if b.DestInfo != nil {
			m.Page = b.DestInfo.PageIndex
		} else if b.ActionInfo != nil && b.ActionInfo.DestInfo != nil {
			m.Page = b.ActionInfo.DestInfo.PageIndex
		}
		out = append(out, m)
	}
	return out
}

// Attachments returns the names of the embedded files and the bytes of the one
// called want, if it is there.
func (d *Document) Attachments(want string) (names []string, content []byte, err error) {
	n, err := d.engine.FPDFDoc_GetAttachmentCount(&requests.FPDFDoc_GetAttachmentCount{Document: d.ref})
	if err != nil {
		return nil, nil, err
	}
	for i := range n.AttachmentCount {
		a, err := d.engine.FPDFDoc_GetAttachment(&requests.FPDFDoc_GetAttachment{Document: d.ref, Index: i})
		if err != nil {
			return nil, nil, err
		}
		name, err := d.engine.FPDFAttachment_GetName(&requests.FPDFAttachment_GetName{Attachment: a.Attachment})
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name.Name)
		if name.Name != want {
			continue
		}
		f, err := d.engine.FPDFAttachment_GetFile(&requests.FPDFAttachment_GetFile{Attachment: a.Attachment})
		if err != nil {
			return nil, nil, err
		}
		content = f.Contents
	}
	return names, content, nil
}

// Size returns the size of page i in points, as a reader shows it.
func (d *Document) Size(i int) (w, h float64, err error) {
	res, err := d.engine.GetPageSize(&requests.GetPageSize{Page: d.page(i)})
	if err != nil {
		return 0, 0, err
	}
	return res.Width, res.Height, nil
}

// scanObjects bounds how many objects of a page ScanDPI looks at: a scan has few.
const scanObjects = 3000

// ScanDPI returns the resolution of the largest picture on page i, in pixels an
// inch, if the page is a scan: that picture takes half of it at least, and no
// text is to be seen beside it. 0 for any other page.
func (d *Document) ScanDPI(i int) (float64, error) {
	w, h, err := d.Size(i)
	if err != nil {
		return 0, err
	}
	n, err := d.engine.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: d.page(i)})
	if err != nil || n.Count > scanObjects {
		return 0, err
	}
	var largest, dpi float64
	for k := range n.Count {
		o, kind, err := d.object(i, k)
		if err != nil {
			return 0, err
		}
		switch kind {
		case enums.FPDF_PAGEOBJ_TEXT:
			mode, err := d.engine.FPDFTextObj_GetTextRenderMode(&requests.FPDFTextObj_GetTextRenderMode{PageObject: o})
			if err != nil || mode.TextRenderMode != enums.FPDF_TEXTRENDERMODE_INVISIBLE { // what a scanner has read is
				return 0, err
			}
		case enums.FPDF_PAGEOBJ_IMAGE:
			px, err := d.engine.FPDFImageObj_GetImagePixelSize(&requests.FPDFImageObj_GetImagePixelSize{ImageObject: o})
			if err != nil {
				continue
			}
			b, err := d.engine.FPDFPageObj_GetBounds(&requests.FPDFPageObj_GetBounds{PageObject: o})
			if err != nil {
				continue
			}
			area := float64(b.Right-b.Left) * float64(b.Top-b.Bottom)
			if area > largest {
				largest, dpi = area, 72*math.Sqrt(float64(px.Width)*float64(px.Height)/area)
			}
		}
	}
	if largest < w*h/2 {
		return 0, nil
	}
	return dpi, nil
}

// Render draws page i at dpi pixels an inch on white, with its annotations.
// The picture is the caller's.
func (d *Document) Render(i, dpi int) (*image.RGBA, error) {
	var out *image.RGBA
	err := d.View(i, dpi, func(m *image.RGBA) error {
		out = image.NewRGBA(m.Rect)
		copy(out.Pix, m.Pix)
		return nil
	})
	return out, err
}

// View renders as Render does and shows the picture to look without a copy: it
// lies in the memory of the engine and is gone when look returns. The document
// must not be used meanwhile.
func (d *Document) View(i, dpi int, look func(*image.RGBA) error) error {
	res, err := d.engine.RenderPageInDPI(&requests.RenderPageInDPI{Page: d.page(i), DPI: dpi, RenderFlags: enums.FPDF_RENDER_FLAG_ANNOT})
	if err != nil {
		return err
	}
	defer res.Cleanup()
	return look(res.Result.Image)
}

// Save writes the document anew, without encryption: a damaged file comes out
// with a sound structure.
func (d *Document) Save(w io.Writer) error {
	_, err := d.engine.FPDF_SaveAsCopy(&requests.FPDF_SaveAsCopy{Document: d.ref, FileWriter: w, Flags: requests.SaveFlagRemoveSecurity})
	if err != nil {
		return fmt.Errorf("writing the PDF anew: %w", err)
	}
	return nil
}
