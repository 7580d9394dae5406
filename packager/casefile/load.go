package casefile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"dossier/packager"
	"dossier/packager/yamldoc"
)

// Load reads the case in the folder dir: its case.yaml, and whether every file
// that it names is there. What the files hold is not looked at.
//
// Errors are packager.Diagnostics for mistakes in the text and a
// packager.Fault of ClassConfig for a folder without a readable case.yaml.
func Load(dir string) (*packager.Case, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b, err := read(abs)
	if err != nil {
		return nil, err
	}
	c, doc, found, err := parse(Name, b)
	if err != nil {
		return nil, err
	}
	c.Dir = abs
	l := loader{doc: doc, dir: abs, found: found}
	if l.real, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, fault("CASE_UNREADABLE", abs, err)
	}
	l.check(c)
	if err := yamldoc.Sorted(l.found); err != nil {
		return nil, err
	}
	return c, nil
}

func fault(code, where string, err error) error {
	return &packager.Fault{Class: packager.ClassConfig, Code: code, Args: packager.Args{"path": where}, Err: err}
}

func read(dir string) ([]byte, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault("CASE_NO_FOLDER", dir, nil)
	case err != nil:
		return nil, fault("CASE_UNREADABLE", dir, err)
	case !info.IsDir():
		return nil, fault("CASE_NOT_FOLDER", dir, nil)
	}
	name := filepath.Join(dir, Name)
	info, err = os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, noFile(dir)
	case err != nil:
		return nil, fault("CASE_UNREADABLE", name, err)
	case !info.Mode().IsRegular():
		return nil, fault("CASE_NOT_REGULAR", name, nil)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fault("CASE_UNREADABLE", name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, yamldoc.MaxBytes+1))
	if err != nil {
		return nil, fault("CASE_UNREADABLE", name, err)
	}
	return b, nil
}

// misnamed are the names that editors and people give to case.yaml.
var misnamed = []string{"case.yml", "case.yaml.txt", "case.yml.txt", "case.txt", "case.json"}

func noFile(dir string) error {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		for _, m := range append(misnamed, Name) {
			if strings.EqualFold(e.Name(), m) {
				f := fault("CASE_FILE_NAME", dir, nil).(*packager.Fault)
				f.Args["found"] = e.Name()
				return f
			}
		}
	}
	return fault("CASE_NO_FILE", dir, nil)
}

// loader looks for the files that a case names.
type loader struct {
	doc   *yamldoc.Doc
	dir   string // the case folder
	real  string // the same without symbolic links
	found packager.Diagnostics
}

func (l *loader) check(c *packager.Case) {
	for id, list := range c.Materials {
		l.files("materials."+id, list)
	}
	for id, f := range c.Facts {
		l.files("facts."+id+".evidence", f.Evidence)
	}
	for i, b := range c.Backups {
		l.files("backups."+strconv.Itoa(i)+".files", b.Files)
	}
	for i, k := range c.Consent {
		l.files("consent."+strconv.Itoa(i)+".evidence", k.Evidence)
	}
}

// files looks for each file of a list. A name that is on the disk in another
// Unicode form (macOS stores é as e and an accent) is taken as it is there.
func (l *loader) files(field string, list []string) {
	for i, p := range list {
		at := field
		if item := field + "." + strconv.Itoa(i); l.doc.Has(item) {
			at = item
		}
		if code, suggestion := l.file(&list[i]); code != "" {
			l.found = append(l.found, l.doc.Diagnostic(code, at, packager.Args{"file": p}, suggestion))
		}
	}
}

func (l *loader) file(p *string) (code, suggestion string) {
	full := filepath.Join(l.dir, filepath.FromSlash(*p))
	real, err := filepath.EvalSymlinks(full)
	if errors.Is(err, fs.ErrNotExist) {
		if other := l.otherForm(*p); other != "" {
			*p = other
			return l.file(p)
		}
		return "CASE_FILE_MISSING", l.similar(*p)
	}
	if err != nil {
		return "CASE_FILE_UNREADABLE", ""
	}
	if real != l.real && !strings.HasPrefix(real, l.real+string(filepath.Separator)) {
		return "CASE_LINK_OUTSIDE", ""
	}
	info, err := os.Stat(real)
	switch {
	case err != nil:
		return "CASE_FILE_UNREADABLE", ""
	case info.IsDir():
		return "CASE_PATH_FOLDER", ""
	case !info.Mode().IsRegular():
		return "CASE_FILE_KIND", ""
	}
	return "", ""
}

// otherForm returns the path with every part as the disk spells it, when the
// two differ in their Unicode form alone.
func (l *loader) otherForm(p string) string {
	var at string
	for part := range strings.SplitSeq(p, "/") {
		match := ""
		for _, name := range l.names(at) {
			if norm.NFC.String(name) == norm.NFC.String(part) {
				match = name
				break
			}
		}
		if match == "" {
			return ""
		}
		at = path.Join(at, match)
	}
	if at == p {
		return ""
	}
	return at
}

// similar returns the path of a file with a similar name in the same folder.
func (l *loader) similar(p string) string {
	folder := path.Dir(p)
	near := yamldoc.Nearest(path.Base(p), l.names(folder))
	if near == "" {
		return ""
	}
	return path.Join(folder, near)
}

func (l *loader) names(folder string) []string {
	entries, err := os.ReadDir(filepath.Join(l.dir, filepath.FromSlash(folder)))
	if err != nil {
		return nil
	}
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = e.Name()
	}
	return all
}
