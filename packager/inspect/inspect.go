// Package inspect is the second step: it says what each file really is and how
// good it is. It measures and lists; what is good enough is for check and the
// rule packs to say.
//
// Files come from strangers. Each parser runs behind a limit on size, time and
// memory and a panic fence; what goes wrong with one file becomes a finding
// about it, and the run goes on.
package inspect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"dossier/packager"
	"dossier/packager/archive"
	"dossier/packager/pdfium"
)

// Options configure an Inspector. The zero value works: no cache, all cores,
// default limits, Tesseract where the PATH has it.
type Options struct {
	// CacheDir keeps what was found out, by content. The records are sealed
	// with a key that only the file's own bytes give, since they may hold what
	// was read from a card; the folder is made with mode 0700. "" keeps nothing.
	CacheDir string
	// EngineCacheDir keeps the compilation of the PDF engine, which takes seconds;
	// it may be shared with other users of the engine. "" is CacheDir.
	EngineCacheDir string
	Workers        int // files at a time; 0: GOMAXPROCS
	// Tesseract is the path of the program that reads pictures; "" looks for
	// it in the PATH, "off" reads none.
	Tesseract string
	// Office is the path of LibreOffice, which makes PDFs of office files; "auto"
	// looks for it in the PATH, "" makes none. The PDFs are kept in OfficeDir
	// (default: CacheDir/office), by content, with mode 0600; Inspected.Shown
	// names them.
	Office    string
	OfficeDir string
	// Passwords is asked about encrypted PDFs; nil opens none.
	Passwords Passwords `json:"-"`
	// Helper is a command that calls Serve. With it, files are parsed in a
	// process of its own, which is killed when it hangs or grows too big; nil
	// parses in this process, where a time-out leaves the parser behind and
	// nothing holds against a stack that overflows.
	Helper []string
	Limits Limits
	// Signatures says what state the signatures of a PDF are in; nil: nobody
	// looks. It runs behind the same fence as the parsers.
	Signatures SignatureReader `json:"-"`
}

// Passwords gives the next password to try on an encrypted PDF, of which so
// many were wrong, and false when there is none left. It is asked about one
// file at a time. Abs, SHA256 and, for a file of the case, Path of the material
// are known.
type Passwords func(m packager.Material, wrong int) (packager.Secret, bool)

// SignatureReader reads the signatures of the PDF at path. Another room knows
// how: a step does not call a step.
type SignatureReader func(ctx context.Context, path string) ([]packager.MaterialSignature, error)

// Limits bound what one file may cost. A field of 0 takes the default.
type Limits struct {
	PictureBytes  int64         // file size of a picture that is decoded; default 200 MiB
	PicturePixels int64         // width × height; default 120 million
	PDFBytes      int64         // file size of a PDF that is parsed; default 300 MiB
	Memory        int64         // bytes that all decoders may hold at once, as estimated; default 320 MiB
	Time          time.Duration // for one file, besides a second for each 20 MiB; default 60 s
	Process       int64         // bytes that the helper may hold; default 400 MiB
	Archive       archive.Limits
}

func (l Limits) withDefaults() Limits {
	def := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.PictureBytes, 200<<20)
	def(&l.PicturePixels, 120_000_000)
	def(&l.PDFBytes, 300<<20)
	def(&l.Memory, 320<<20)
	def(&l.Process, 400<<20)
	if l.Time == 0 {
		l.Time = time.Minute
	}
	return l
}

// Inspector inspects files. It may be used for several collections, one after
// the other or at once; Close ends what it holds.
type Inspector struct {
	opt    Options
	memory *semaphore.Weighted
	pdfium *pdfium.Engine
	ocr    *tesseract
	office *office
	helper *helper      // or nil
	busy   atomic.Int64 // collections that are being inspected
}

// New returns an Inspector.
func New(opt Options) *Inspector {
	opt.Limits = opt.Limits.withDefaults()
	if opt.EngineCacheDir == "" {
		opt.EngineCacheDir = opt.CacheDir
	}
	if opt.OfficeDir == "" && opt.CacheDir != "" {
		opt.OfficeDir = filepath.Join(opt.CacheDir, "office")
	}
	if opt.Workers <= 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	x := &Inspector{
		opt:    opt,
		memory: semaphore.NewWeighted(opt.Limits.Memory),
		pdfium: pdfium.New(pdfium.Options{CacheDir: opt.EngineCacheDir, Memory: 256 << 20}),
		ocr:    newTesseract(opt.Tesseract),
		office: newOffice(opt),
	}
	if len(opt.Helper) > 0 {
		child := opt
		child.CacheDir = "" // the parent keeps the records
		x.helper = &helper{argv: opt.Helper, opt: child}
	}
	return x
}

// Close ends the PDF engine and the helper, if they were started.
func (x *Inspector) Close() error {
	x.helper.dismiss()
	return x.pdfium.Close()
}

// rest gives back what the engines hold, once nobody inspects any more: the
// next steps need the memory.
func (x *Inspector) rest() {
	if x.busy.Add(-1) > 0 {
		return
	}
	x.helper.dismiss()
	_ = x.pdfium.Rest()
}

// Inspect returns every file of the collection with what it is. The error is a
// cancelled context.
func (x *Inspector) Inspect(ctx context.Context, c *packager.Collection, obs packager.Observer) (*packager.Inspection, error) {
	x.busy.Add(1)
	defer x.rest()
	n := len(c.Materials)
	files := make([]packager.Inspected, n)
	found := make([][]packager.Finding, n)
	all := make([]*facts, n)
	var done atomic.Int64
	notify := func(kind, item string, add int64) {
		obs.Notify(packager.Progress{Step: packager.StepInspect, Kind: kind, Item: item, Done: done.Add(add), Total: int64(n), Unit: "items"})
	}
	notify("start", "", 0)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(x.opt.Workers)
	for i, m := range c.Materials {
		g.Go(func() error {
			f := x.facts(gctx, m, wants(m, c.Rules))
			if f != nil && f.Form == packager.FormOffice && m.Role.InBundle() {
				f = x.shown(gctx, m, f, wants(m, c.Rules))
			}
			if err := gctx.Err(); err != nil {
				return err
			}
			all[i] = f
			files[i], found[i] = judge(m, f)
			files[i].Fields = doubt(files[i].Fields, c.Case)
			notify("advance", m.Path, 1)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, m := range c.Materials { // one after the other: a person may be asked
		w := wants(m, c.Rules)
		if !all[i].locked() || !m.Role.InBundle() && !w.Text {
			continue
		}
		f, password := x.unlock(ctx, m, all[i], w)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all[i] = f
		files[i], found[i] = judge(m, f)
		files[i].Fields, files[i].Password = doubt(files[i].Fields, c.Case), password
	}
	notify("done", "", 0)
	placed := x.place(files, all, c)
	before := slices.DeleteFunc(slices.Clone(c.Findings), func(f packager.Finding) bool {
		return f.Code == "FILE_UNPLACED" && slices.ContainsFunc(placed, func(p packager.Finding) bool { return p.Material == f.Material })
	})
	return &packager.Inspection{
		Case: c.Case, Rules: c.Rules, Files: files,
		Findings: slices.Concat(before, placed, slices.Concat(found...)),
	}, nil
}

// want says what is looked for in a content beside its form.
type want struct {
	QR       bool
	Text     bool   // text layer, or OCR of a picture
	Password string `json:",omitempty"` // that opens a PDF; on its way to the helper only
}

// facts returns what is known about a file's content, from the cache or by
// looking.
func (x *Inspector) facts(ctx context.Context, m packager.Material, w want) *facts {
	if m.Bytes == 0 {
		return &facts{Media: "application/x-empty", Form: packager.FormOther}
	}
	key := cacheKey(m.SHA256, w, w.Text && x.ocr.available())
	if w.Password == "" {
		if f := x.load(key); f != nil {
			return f
		}
	}
	var f *facts
	if x.helper != nil {
		f = x.helper.look(ctx, m, w, x.timeFor(m.Bytes))
	}
	if ctx.Err() != nil {
		return nil
	}
	if f == nil {
		f = x.fenced(ctx, m, w)
	}
	switch {
	case unchanged(m) && !f.passing() && w.Password == "": // what is behind a password is never kept
		x.save(key, f)
	case !unchanged(m):
		f = &facts{Form: packager.FormOther, Media: kindOther.media}
		f.fatal("FILE_CHANGED", nil)
	}
	return f
}

// fenced looks at a file in this process.
func (x *Inspector) fenced(ctx context.Context, m packager.Material, w want) *facts {
	return fence(ctx, x.timeFor(m.Bytes), func(ctx context.Context) *facts { return x.look(ctx, m, w) })
}

// timeFor gives big files the time to be read.
func (x *Inspector) timeFor(size int64) time.Duration {
	return x.opt.Limits.Time + time.Duration(size/(20<<20))*time.Second
}

// stat describes a file that is not (yet) in the case, with its digest.
func stat(abs string) (packager.Material, error) {
	r, err := os.Open(abs)
	if err != nil {
		return packager.Material{}, err
	}
	defer r.Close()
	st, err := r.Stat()
	if err != nil {
		return packager.Material{}, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return packager.Material{}, err
	}
	return packager.Material{Abs: abs, Bytes: st.Size(), ModTime: st.ModTime(), SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

// unchanged reports whether a file is still the one that was hashed.
func unchanged(m packager.Material) bool {
	st, err := os.Stat(m.Abs)
	return err == nil && st.Size() == m.Bytes && st.ModTime().Equal(m.ModTime)
}

// look opens a file and finds out what it is.
func (x *Inspector) look(ctx context.Context, m packager.Material, w want) *facts {
	f := &facts{Media: kindOther.media, Form: packager.FormOther}
	r, err := os.Open(m.Abs)
	if err != nil {
		f.fatal("FILE_UNREADABLE", packager.Args{"reason": cause(err)})
		return f
	}
	defer r.Close()
	head := make([]byte, min(headBytes, m.Bytes))
	if _, err := r.ReadAt(head, 0); err != nil {
		f.fatal("FILE_UNREADABLE", packager.Args{"reason": cause(err)})
		return f
	}
	k := sniff(head)
	if k.media == kindZIP.media {
		k = zipKind(ctx, r, m.Bytes)
	}
	if k.media == kindOLE.media {
		k = compound(r, m.Bytes, f)
	}
	f.Media, f.Form, f.Exts = k.media, k.form, k.exts
	switch k.media {
	case kindDOCX.media, kindXLSX.media, kindPPTX.media, kindODF.media:
		officePackage(ctx, r, m.Bytes, f)
	}
	switch k.form {
	case packager.FormPicture:
		x.picture(ctx, r, m.Bytes, k, w, f)
	case packager.FormPDF:
		x.pdf(ctx, r, m.Bytes, w, f)
		if w.Password == "" { // their reader has none
			x.signatures(ctx, m.Abs, f)
		}
	case packager.FormArchive:
		x.archive(ctx, r, m.Bytes, f)
	case packager.FormOFD:
		bomb(ctx, r, m.Bytes, x.opt.Limits.Archive, f)
	case packager.FormOffice, packager.FormTable:
		if bomb(ctx, r, m.Bytes, x.opt.Limits.Archive, f) {
			break
		}
		x.table(ctx, r, m.Bytes, k, f)
	}
	return f
}
