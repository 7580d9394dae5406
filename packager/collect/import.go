package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"dossier/packager"
	"dossier/packager/archive"
)

// ImportOptions say how files are brought in.
type ImportOptions struct {
	// Ask decides between several papers that a file's name may mean; it
	// returns one of their ids, or "" to leave the file unplaced. nil never
	// decides.
	Ask func(file string, candidates []Candidate) string
	// Recognise tells a paper by its content, for a file whose name says
	// nothing: the id, and what in the content says so; "" when it does not
	// know. nil knows nothing.
	Recognise func(ctx context.Context, file string) (id, word string)
	// As puts everything under one folder: RoleMaterial or RoleBackup. With
	// RoleBackup archives are kept whole. "" decides file by file.
	As packager.Role
	// Remote opens sources that are URLs ("s3://bucket/prefix").
	Remote  Remote
	Observe packager.Observer
	Limits  archive.Limits // of one archive
}

// Remote is a store that files are brought in from.
type Remote interface {
	// List returns what lies under a URL, which may name one object.
	List(ctx context.Context, url string) ([]RemoteFile, error)
	// Open reads an object that List returned.
	Open(ctx context.Context, f RemoteFile) (io.ReadCloser, error)
}

// RemoteFile is an object of a Remote.
type RemoteFile struct {
	URL     string
	Name    string // slash-separated, relative to the URL that was listed
	Bytes   int64
	ModTime time.Time
}

// ImportReport says what became of every file of the sources.
type ImportReport struct {
	Placed     []Imported // copied, and it is known what for
	Ambiguous  []Imported // copied; several papers fit, see Candidates
	Unplaced   []Imported // copied; nothing fits
	Duplicates []Imported // not copied: Path has the same bytes
	Findings   []packager.Finding
}

// Imported is one file that was brought in.
type Imported struct {
	Source     string // where it came from: "扫描.zip → 营业执照.jpg"
	Path       string // in the case
	ID         string // paper or backup, or ""; of a card with both sides, one of the two
	Matched    packager.Match
	Candidates []Candidate
	SHA256     string
	Bytes      int64
}

// byAsking says that the person decided.
const byAsking = "person"

// nesting bounds archives inside archives.
const nesting = 3

// Import copies files into a case: files and folders, and what is in archives
// (ZIP with names in UTF-8 or GBK, TAR, 7z; also nested), and objects of a
// Remote. It never moves or changes a source and never replaces a file of the
// case. Names are made safe; the same bytes are brought in once. An archive
// that is a backup itself is kept whole.
//
// Each file appears under its name when it is complete. What is wrong with a
// source is a finding, and the run goes on; the error is a cancelled context,
// or a case folder that cannot be written to.
func Import(ctx context.Context, c *packager.Case, rs *packager.RuleSet, sources []string, opt ImportOptions) (*ImportReport, error) {
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return nil, &packager.Fault{Class: packager.ClassConfig, Code: "CASE_FOLDER_UNREADABLE", Args: packager.Args{"path": c.Dir}, Err: err}
	}
	defer root.Close()
	in := &importer{
		root: root, opt: opt, report: &ImportReport{},
		materials: materialWords(rs), backups: backupWords(rs), asked: askedPapers(rs), catalogue: rs.Catalogue,
	}
	if err := in.known(ctx); err != nil {
		return nil, err
	}
	for _, s := range sources {
		if err := in.source(ctx, s); err != nil {
			return in.report, err
		}
	}
	return in.report, nil
}

type importer struct {
	root      *os.Root
	opt       ImportOptions
	report    *ImportReport
	materials []words
	backups   []words
	asked     map[string]bool
	catalogue map[string]packager.MaterialSpec
	sizes     map[int64][]string // size → paths of the case with that size
	sums      map[string]string  // digest → path of the case
	taken     map[string]bool    // folded paths of the case
	done      int64
}

// origin is one file on its way into the case.
type origin struct {
	source string // for the reader
	name   string // slash-separated, relative to the source that was given
	mod    time.Time
	open   func() (io.ReadCloser, error)
	depth  int // of archives that it was in
}

// known takes note of what is already in the case.
func (in *importer) known(ctx context.Context) error {
	in.sizes, in.sums, in.taken = map[int64][]string{}, map[string]string{}, map[string]bool{}
	for _, dir := range []string{MaterialsDir, BackupsDir} {
		if err := in.root.MkdirAll(dir, 0o755); err != nil {
			return unwritable(dir, err)
		}
		err := fs.WalkDir(in.root.FS(), dir, func(p string, d fs.DirEntry, err error) error {
			if cerr := ctx.Err(); cerr != nil {
				return cerr
			}
			if err != nil {
				return nil // Collect will say so
			}
			in.taken[folded(p)] = true
			if st, err := d.Info(); err == nil && st.Mode().IsRegular() {
				in.sizes[st.Size()] = append(in.sizes[st.Size()], p)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func folded(p string) string { return strings.ToLower(archive.DecodeName(p)) }

func (in *importer) find(code string, sev packager.Severity, source string, args packager.Args) {
	a := packager.Args{"path": source}
	for k, v := range args {
		a[k] = v
	}
	in.report.Findings = append(in.report.Findings, packager.Finding{Code: code, Severity: sev, Args: a})
}

// take decides what a file is for and copies it, or brings in what is in it.
func (in *importer) take(ctx context.Context, o origin) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if archive.Litter(o.name) {
		return nil
	}
	dir, id, match, candidates := in.sort(o)
	temp, sum, n, err := in.spool(ctx, o)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, new(*packager.Fault)):
		return err
	default:
		in.find(importProblem(err), packager.Warn, o.source, packager.Args{"reason": reason(err)})
		return nil
	}
	defer in.root.Remove(temp)

	if dir != BackupsDir && in.opt.As != packager.RoleBackup {
		unpacked, err := in.unpack(ctx, o, temp, n)
		if unpacked || err != nil {
			return err
		}
	}
	if of := in.same(ctx, sum, n); of != "" {
		in.report.Duplicates = append(in.report.Duplicates, Imported{Source: o.source, Path: of, SHA256: sum, Bytes: n})
		return nil
	}
	if n == 0 {
		in.find("FILE_EMPTY", packager.Warn, o.source, nil)
		return nil
	}
	name := safePath(o.name)
	if id == "" && len(candidates) == 0 && dir == MaterialsDir && in.opt.Recognise != nil {
		if found, word := in.opt.Recognise(ctx, in.root.Name()+"/"+temp); found != "" {
			id, match = found, packager.Match{By: "content", Word: word}
			name = in.rename(name, id)
		}
	}
	if len(candidates) > 1 && in.opt.Ask != nil {
		if chosen := in.opt.Ask(o.source, candidates); hasID(candidates, chosen) {
			id, match, candidates = chosen, packager.Match{By: byAsking}, nil
			name = in.rename(name, id)
		}
		if err := ctx.Err(); err != nil { // Ctrl-C was the answer
			return err
		}
	}
	p, err := in.settle(temp, dir, name, o.mod)
	if err != nil {
		return err
	}
	in.sums[sum] = p
	got := Imported{Source: o.source, Path: p, ID: id, Matched: match, Candidates: candidates, SHA256: sum, Bytes: n}
	switch {
	case id != "":
		in.report.Placed = append(in.report.Placed, got)
	case len(candidates) > 1:
		in.report.Ambiguous = append(in.report.Ambiguous, got)
	default:
		in.report.Unplaced = append(in.report.Unplaced, got)
	}
	return nil
}

func hasID(cs []Candidate, id string) bool {
	return slices.ContainsFunc(cs, func(c Candidate) bool { return c.ID == id })
}

// sort says where a file goes and what its name means.
func (in *importer) sort(o origin) (dir, id string, match packager.Match, candidates []Candidate) {
	p := MaterialsDir + "/" + o.name // fit leaves the first folder out
	m, b := prefer(fit(p, in.materials), in.asked), fit(p, in.backups)
	dir = MaterialsDir
	switch {
	case in.opt.As == packager.RoleBackup:
		dir, m = BackupsDir, nil
	case in.opt.As == packager.RoleMaterial:
		b = nil
	case len(b) > 0 && (len(m) == 0 || len(fold(b[0].Word)) > len(fold(m[0].Word))):
		dir, m = BackupsDir, nil
	case len(m) == 0 && (looksLikeBackup(o.name) || exportTypes[strings.ToLower(path.Ext(o.name))]):
		dir = BackupsDir
	}
	fits := m
	if dir == BackupsDir {
		fits = b
	}
	if len(fits) == 1 || bothSides(fits) {
		return dir, fits[0].ID, packager.Match{By: byName, Word: fits[0].Word}, nil
	}
	return dir, "", packager.Match{}, fits
}

// looksLikeBackup reports whether a name says that the file is an export.
func looksLikeBackup(name string) bool {
	for _, w := range []string{"备份", "导出", "backup", "export"} {
		if contains(name, w) {
			return true
		}
	}
	return false
}

// exportTypes are the extensions of data, which no platform asks for as paper.
var exportTypes = map[string]bool{".csv": true, ".json": true, ".jsonl": true, ".html": true, ".htm": true, ".xml": true,
	".sql": true, ".db": true, ".mp4": true, ".mov": true, ".mp3": true, ".m4a": true, ".txt": true, ".tsv": true}

// rename puts a word before a name that makes Collect place the file under id:
// the paper's own name if that will do, which says no more than is known.
func (in *importer) rename(name, id string) string {
	spec := in.catalogue[id]
	words := append(slices.Clone(spec.Match), id)
	if plain := spec.Name.In("zh"); slices.Contains(spec.Match, plain) {
		words = slices.Insert(words, 0, plain)
	}
	for _, w := range words {
		to := path.Join(path.Dir(name), SafeName(w+"-"+path.Base(name)))
		if f := prefer(fit(MaterialsDir+"/"+to, in.materials), in.asked); len(f) == 1 && f[0].ID == id {
			return to
		}
	}
	return name
}

// spool copies a file into a temporary one inside the case and returns its
// name there, its digest and its size.
func (in *importer) spool(ctx context.Context, o origin) (temp, sum string, n int64, err error) {
	r, err := o.open()
	if err != nil {
		return "", "", 0, err
	}
	defer r.Close()
	temp, w, err := in.create()
	if err != nil {
		return "", "", 0, err
	}
	h := sha256.New()
	n, err = copyAll(ctx, io.MultiWriter(h, writer{w}), r, func(d int64) {
		in.done += d
		in.opt.Observe.Notify(packager.Progress{Step: packager.StepCollect, Kind: "advance", Item: o.source, Done: in.done, Unit: "bytes"})
	})
	if cerr := w.Close(); err == nil && cerr != nil {
		err = unwritable(temp, cerr)
	}
	if err != nil {
		_ = in.root.Remove(temp)
		return "", "", 0, err
	}
	return temp, hex.EncodeToString(h.Sum(nil)), n, nil
}

// writer marks the errors of writing, which end the run: the disk is full.
type writer struct{ w io.Writer }

func (w writer) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil {
		err = unwritable("", err)
	}
	return n, err
}

func unwritable(p string, err error) error {
	return &packager.Fault{Class: packager.ClassConfig, Code: "CASE_NOT_WRITABLE", Args: packager.Args{"path": p, "reason": reason(err)}, Err: err}
}

// create opens a new temporary file; its name is one that Collect passes over.
func (in *importer) create() (string, *os.File, error) {
	for i := range 10_000 {
		p := fmt.Sprintf("%s/%s%d", MaterialsDir, tempPrefix, i)
		f, err := in.root.OpenFile(p, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", nil, unwritable(p, err)
		}
		return p, f, nil
	}
	return "", nil, unwritable(MaterialsDir, errors.New("too many temporary files"))
}

// tempPrefix begins the names of files that are still being copied.
const tempPrefix = ".dossier-incoming-"

// same returns the path of a file of the case with these bytes, or "". Files
// of another size are not read.
func (in *importer) same(ctx context.Context, sum string, n int64) string {
	if p, ok := in.sums[sum]; ok {
		return p
	}
	for _, p := range in.sizes[n] {
		if s, err := in.hash(ctx, p); err == nil {
			in.sums[s] = p
		}
	}
	delete(in.sizes, n)
	return in.sums[sum]
}

func (in *importer) hash(ctx context.Context, p string) (string, error) {
	r, err := in.root.Open(p)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := copyAll(ctx, h, r, func(int64) {}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// settle gives a temporary file its name in the case, one that is free.
func (in *importer) settle(temp, dir, name string, mod time.Time) (string, error) {
	if err := in.root.MkdirAll(path.Join(dir, path.Dir(name)), 0o755); err != nil {
		name = shorten(strings.ReplaceAll(name, "/", "-"), nameBytes) // a file is in the way of a folder
	}
	if !mod.IsZero() {
		_ = in.root.Chtimes(temp, mod, mod) // a date that cannot be kept is no fault
	}
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	for i := 1; ; i++ {
		p := path.Join(dir, name)
		if i > 1 {
			p = path.Join(dir, fmt.Sprintf("%s-%d%s", stem, i, ext))
		}
		if in.taken[folded(p)] {
			continue
		}
		err := in.root.Link(temp, p) // creates, never replaces
		if errors.Is(err, fs.ErrExist) {
			in.taken[folded(p)] = true
			continue
		}
		if err != nil { // a file system without links
			err = in.root.Rename(temp, p)
		}
		if err != nil {
			return "", unwritable(p, err)
		}
		in.taken[folded(p)] = true
		return p, nil
	}
}

// importProblem names the code of what is wrong with a source.
func importProblem(err error) string {
	switch {
	case errors.Is(err, archive.ErrBomb):
		return "ARCHIVE_BOMB"
	case errors.Is(err, archive.ErrEncrypted):
		return "ARCHIVE_ENCRYPTED"
	case errors.Is(err, archive.ErrCorrupt):
		return "ARCHIVE_CORRUPT"
	case errors.Is(err, archive.ErrFormat):
		return "ARCHIVE_NOT_TESTED"
	case errors.Is(err, fs.ErrNotExist):
		return "SOURCE_MISSING"
	}
	return "FILE_UNREADABLE"
}
