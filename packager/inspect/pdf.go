package inspect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/fault"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"dossier/packager"
	"dossier/packager/pdfium"
)

func init() { api.DisableConfigDir() }

// pdf finds out what a PDF is like. pdfcpu reads it; what pdfcpu refuses,
// pdfium is asked to open.
func (x *Inspector) pdf(ctx context.Context, r io.ReaderAt, size int64, w want, f *facts) {
	info := &packager.PDFInfo{}
	f.PDF = info
	if size > x.opt.Limits.PDFBytes {
		f.fatal("FILE_TOO_LARGE", packager.Args{"limit": megabytes(x.opt.Limits.PDFBytes)})
		return
	}
	cost := min(2*size, x.opt.Limits.Memory)
	if x.memory.Acquire(ctx, cost) != nil {
		return
	}
	defer x.memory.Release(cost)

	pages, err := parsePDF(ctx, io.NewSectionReader(r, 0, size), w.Password, info)
	if w.Password != "" && (err != nil || pages == 0) {
		pages, err = x.parseUnlocked(ctx, r, size, w.Password, info)
	}
	switch {
	case err == nil && pages > 0:
		f.Pages = pages
	case err == nil: // truly none, or a page tree that pdfcpu cannot follow
		if n, err := x.repair(ctx, r, size, info, errors.New("no pages")); err == nil && n > 0 {
			f.Pages, info.Repaired = n, true
			f.note("PDF_REPAIRED", packager.Args{"pages": strconv.Itoa(n)})
		}
	case errors.Is(err, pdfcpu.ErrWrongPassword), errors.Is(err, pdfium.ErrPassword):
		info.Encrypted = true
		f.fatal("PDF_ENCRYPTED", nil)
		return
	case errors.Is(err, errBomb):
		f.fatal("PDF_BOMB", nil)
		return
	case ctx.Err() != nil:
		return
	default:
		f.Pages, err = x.repair(ctx, r, size, info, err)
		if errors.Is(err, pdfium.ErrPassword) {
			info.Encrypted = true
			f.fatal("PDF_ENCRYPTED", nil)
			return
		}
		if errors.Is(err, errBomb) {
			f.fatal("PDF_BOMB", nil)
			return
		}
		if err != nil {
			f.fatal("PDF_DAMAGED", packager.Args{"reason": brief(err.Error())})
			return
		}
		info.Repaired = true
		f.note("PDF_REPAIRED", packager.Args{"pages": strconv.Itoa(f.Pages)})
	}
	if f.Pages == 0 {
		f.fatal("PDF_NO_PAGES", nil)
		return
	}
	notePDF(info, f)
	x.readPDF(ctx, r, size, w, f)
}

// notePDF says what is worth knowing about a PDF that can be shown.
func notePDF(info *packager.PDFInfo, f *facts) {
	if info.EmptyPassword {
		f.note("PDF_OPENED_WITH_EMPTY_PASSWORD", nil)
	}
	if info.JavaScript || info.Launch {
		what := []string{}
		if info.JavaScript {
			what = append(what, "JavaScript")
		}
		if info.Launch {
			what = append(what, "Launch")
		}
		f.note("PDF_ACTIVE_CONTENT", packager.Args{"what": strings.Join(what, ", ")})
	}
	if info.Signatures > 0 {
		f.note("PDF_SIGNED", packager.Args{"signatures": strconv.Itoa(info.Signatures)})
	}
	if info.XFA {
		f.note("PDF_XFA", nil)
	}
	if len(info.Attachments) > 0 {
		f.note("PDF_ATTACHMENTS", packager.Args{"names": brief(strings.Join(info.Attachments, ", "))})
	}
}

// signatures asks for the state of a PDF's signatures and says which of them
// does not speak for the paper as it is.
func (x *Inspector) signatures(ctx context.Context, path string, f *facts) {
	if x.opt.Signatures == nil || f.PDF.Signatures == 0 {
		return
	}
	signed, err := x.opt.Signatures(ctx, path)
	if err != nil {
		return // the file cannot be read: that has been said
	}
	f.PDF.Signed = signed
	for _, s := range signed {
		args := packager.Args{"signer": cmp.Or(s.Signer, s.Field, "?"), "state": string(s.State)}
		switch s.State {
		case packager.SignatureAltered, packager.SignatureBroken, packager.SignatureVoid:
			f.note("PDF_SIGNATURE_LOST", args)
		case packager.SignatureUnclear:
			f.note("PDF_SIGNATURE_UNCLEAR", args)
		}
	}
}

// parsePDF fills in info and returns the number of pages.
func parsePDF(ctx context.Context, r io.ReadSeeker, password string, info *packager.PDFInfo) (pages int, err error) {
	defer fault.Catch(&err)
	conf := model.NewDefaultConfiguration()
	conf.UserPW, conf.OwnerPW = password, password
	conf.Cmd = model.LISTINFO
	conf.ValidationMode = model.ValidationRelaxed
	conf.Offline = true
	conf.Limits.MaxStreamBytes = 256 << 20
	conf.Limits.MaxDecodeBytes = 64 << 20
	conf.Limits.MaxObjectCount = 2_000_000
	conf.Limits.MaxXRefEntries = 2_000_000
	conf.Limits.MaxObjectStreamCount = 200_000
	pc, err := pdfcpu.ReadWithContext(ctx, r, conf)
	if err != nil {
		return 0, err
	}
	if err := checkStreams(ctx, pc); err != nil {
		return 0, err
	}
	info.Version = pc.XRefTable.Version().String()
	info.EmptyPassword = pc.E != nil && password == ""
	if err := survey(ctx, pc, info); err != nil {
		return 0, err
	}
	return countPages(pc)
}

// countPages counts the leaves of the page tree: what /Count says may be wrong
// (ISO 32000-1, 7.7.3).
func countPages(pc *model.Context) (int, error) {
	root, err := pc.Catalog()
	if err != nil {
		return 0, err
	}
	n := 0
	seen := map[types.IndirectRef]bool{}
	var walk func(o types.Object, depth int) error
	walk = func(o types.Object, depth int) error {
		if r, ok := o.(types.IndirectRef); ok {
			if seen[r] {
				return nil
			}
			seen[r] = true
		}
		d, err := pc.DereferenceDict(o)
		if err != nil || d == nil || depth > deepest {
			return err
		}
		if kids, err := pc.DereferenceArray(d["Kids"]); err == nil && kids != nil {
			for _, k := range kids {
				if err := walk(k, depth+1); err != nil {
					return err
				}
			}
			return nil
		}
		if name(pc, d["Type"]) != "Pages" {
			n++
		}
		return nil
	}
	return n, walk(root["Pages"], 0)
}

// survey looks at every object for what a bundle cannot carry over: actions,
// forms, signatures, attachments (ISO 32000-1: 12.6.4, 12.7, 12.8, 7.11.4).
func survey(ctx context.Context, pc *model.Context, info *packager.PDFInfo) error {
	for number, n := range pc.Table {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n == nil || n.Free {
			continue
		}
		o := n.Object
		if _, ok := o.(types.LazyObjectStreamObject); ok { // parsed when it is asked for
			o, _ = pc.Dereference(*types.NewIndirectRef(number, 0)) // one broken object says nothing about the others
		}
		switch o := o.(type) {
		case types.Dict:
			surveyDict(pc, o, info, 0)
		case types.StreamDict:
			surveyDict(pc, o.Dict, info, 0)
		case types.Array:
			surveyArray(pc, o, info, 0)
		}
	}
	slices.Sort(info.Attachments)
	info.Attachments = slices.Compact(info.Attachments)
	return nil
}

// deepest bounds the nesting of direct objects.
const deepest = 50

func surveyDict(pc *model.Context, d types.Dict, info *packager.PDFInfo, depth int) {
	if depth > deepest {
		return
	}
	if s := name(pc, d["S"]); s == "JavaScript" {
		info.JavaScript = true
	} else if s == "Launch" {
		info.Launch = true
	}
	if _, ok := d["JavaScript"]; ok { // the name tree of scripts that run at opening
		info.JavaScript = true
	}
	if name(pc, d["Type"]) == "Font" {
		info.Fonts = true
	}
	if _, ok := d["XFA"]; ok {
		info.XFA = true
	}
	if ft := name(pc, d["FT"]); ft == "Sig" && d["V"] != nil {
		info.Signatures++
	} else if ft != "" {
		info.FormFields++
	}
	if name(pc, d["Type"]) == "Filespec" || d["EF"] != nil {
		info.Attachments = append(info.Attachments, fileName(pc, d))
	}
	for _, v := range d {
		switch v := v.(type) {
		case types.Dict:
			surveyDict(pc, v, info, depth+1)
		case types.Array:
			surveyArray(pc, v, info, depth+1)
		}
	}
}

func surveyArray(pc *model.Context, a types.Array, info *packager.PDFInfo, depth int) {
	if depth > deepest {
		return
	}
	for _, v := range a {
		switch v := v.(type) {
		case types.Dict:
			surveyDict(pc, v, info, depth+1)
		case types.Array:
			surveyArray(pc, v, info, depth+1)
		}
	}
}

func name(pc *model.Context, o types.Object) string {
	if r, ok := o.(types.IndirectRef); ok {
		o, _ = pc.Dereference(r)
	}
	n, _ := o.(types.Name)
	return string(n)
}

func fileName(pc *model.Context, d types.Dict) string {
	for _, k := range []string{"UF", "F"} {
		o := d[k]
		if r, ok := o.(types.IndirectRef); ok {
			o, _ = pc.Dereference(r)
		}
		switch s := o.(type) {
		case types.StringLiteral:
			if t, err := types.StringLiteralToString(s); err == nil {
				return t
			}
		case types.HexLiteral:
			if t, err := types.HexLiteralToString(s); err == nil {
				return t
			}
		}
	}
	return "?"
}

// repairedBytes is the size of a damaged file up to which what pdfium makes of
// it is looked at as a sound one is.
const repairedBytes = 50 << 20

// repair asks pdfium whether it can open what pdfcpu refused with cause.
func (x *Inspector) repair(ctx context.Context, r io.ReaderAt, size int64, info *packager.PDFInfo, cause error) (pages int, err error) {
	b := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), b); err != nil {
		return 0, err
	}
	scanRaw(b, info)
	doc, err := x.pdfium.Open(ctx, bytes.NewReader(b), size)
	if errors.Is(err, pdfium.ErrPassword) {
		return 0, err
	}
	if err != nil {
		return 0, cause
	}
	defer doc.Close()
	anew := &capped{left: 2*size + 1<<20}
	if size <= repairedBytes && doc.Save(anew) == nil {
		sound := *info
		if _, err := parsePDF(ctx, bytes.NewReader(anew.Bytes()), "", &sound); errors.Is(err, errBomb) {
			return 0, err
		} else if err == nil {
			sound.Version, sound.Signatures = info.Version, info.Signatures // of the file itself
			*info = sound
		}
	}
	return doc.Pages(), nil
}

// parseUnlocked has pdfium take the password off, in memory, and parses what
// comes out: pdfcpu has its own idea of passwords that are not ASCII.
func (x *Inspector) parseUnlocked(ctx context.Context, r io.ReaderAt, size int64, password string, info *packager.PDFInfo) (pages int, err error) {
	doc, err := x.pdfium.OpenLocked(ctx, io.NewSectionReader(r, 0, size), size, password)
	if err != nil {
		return 0, err
	}
	defer doc.Close()
	var open bytes.Buffer
	if err := doc.Save(&open); err != nil {
		return 0, err
	}
	pages, err = parsePDF(ctx, bytes.NewReader(open.Bytes()), "", info)
	if errors.Is(err, errBomb) {
		return 0, err
	}
	if err != nil || pages == 0 {
		scanRaw(open.Bytes(), info)
		return doc.Pages(), nil
	}
	return pages, nil
}

// capped is a buffer that takes no more than so many bytes.
type capped struct {
	bytes.Buffer
	left int64
}

func (c *capped) Write(p []byte) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, io.ErrShortWrite
	}
	return c.Buffer.Write(p)
}

// scanRaw looks for what survey would have found, in the bytes as they are:
// what is inside compressed object streams is not seen.
func scanRaw(b []byte, info *packager.PDFInfo) {
	has := func(s string) bool { return bytes.Contains(b, []byte(s)) }
	info.JavaScript = has("/JavaScript")
	info.Launch = has("/Launch")
	info.XFA = has("/XFA")
	info.Signatures = bytes.Count(b, []byte("/ByteRange"))
	if i := bytes.Index(b, []byte("%PDF-")); i >= 0 && i+8 <= len(b) {
		info.Version = string(b[i+5 : i+8])
	}
}

func megabytes(n int64) string { return strconv.FormatInt(n>>20, 10) + " MB" }
