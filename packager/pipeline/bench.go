package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/lockedfile"

	"dossier/packager"
	"dossier/packager/audit"
	"dossier/packager/sign"
)

// Names in the out folder.
const (
	bundleStem   = "bundle" // bundle.pdf; in volumes bundle-1of3.pdf and so on
	draftStem    = "draft"
	workbookName = "audit.xlsx"
	eventsName   = "events.jsonl"
	manifestName = "manifest.json"
	receiptName  = "receipt.json"
	pagesName    = "pages"
)

// StateDir is the folder inside a case where dossier keeps what it must
// remember between runs: the audit log, the journal of the store, the lock.
const StateDir = ".dossier"

// Paths are where things were put; "" for what was not made.
type Paths struct {
	PDF      string   `json:"pdf"`             // the first one of several
	Parts    []string `json:"parts,omitempty"` // all of several PDFs, in order
	Audit    string   `json:"audit"`
	Events   string   `json:"events"`
	Manifest string   `json:"manifest"`
	Receipt  string   `json:"receipt"`
	Pages    string   `json:"pages"`
}

// bench is where one build works: a folder inside the out folder that
// disappears at the end, so that nothing half-made ever has a final name.
type bench struct {
	out    string
	madeIt bool // the out folder did not exist before
	dir    string
	state  string
	unlock func()
	log    *audit.Log
	key    *sign.Key
	unmask bool
}

// newState takes the case for this process alone and opens its log.
func newState(caseDir string, p *Pipeline) (_ *bench, err error) {
	b := &bench{state: filepath.Join(caseDir, StateDir)}
	defer func() {
		if err != nil {
			b.clear()
			err = folderFault(err, "STATE_UNWRITABLE", caseDir)
		}
	}()
	if err := os.MkdirAll(b.state, 0o700); err != nil {
		return nil, err
	}
	if b.unlock, err = lockedfile.MutexAt(filepath.Join(b.state, "lock")).Lock(); err != nil {
		return nil, err
	}
	if err := sweep(b.state); err != nil {
		return nil, err
	}
	if b.log, err = audit.Open(filepath.Join(b.state, eventsName), p.Actor, p.Now); err != nil {
		return nil, err
	}
	return b, p.seal(b)
}

// seal has the events of a log sealed: with the key that signs, or, where
// nothing is signed, with the key that signed last, if that is at hand. Another
// key has no say about the case.
func (p *Pipeline) seal(b *bench) error {
	signer := ""
	if err := b.log.Events(func(e packager.Event) error {
		if e.What == "signed" {
			signer = e.Data["certificate"]
		}
		return nil
	}); err != nil {
		return err
	}
	atHand := sync.OnceValue(func() *sign.Key {
		if signer == "" || p.KeyAtHand == nil {
			return nil
		}
		if key := p.KeyAtHand(); key != nil && key.Fingerprint() == signer {
			return key
		}
		return nil
	})
	b.log.SealWith(func(content []byte) ([]byte, error) {
		key := b.key
		if key == nil {
			key = atHand()
		}
		if key == nil {
			return nil, nil
		}
		return sign.SealCMS(key, bytes.NewReader(content), p.Now())
	})
	return nil
}

func newBench(o Order, p *Pipeline) (_ *bench, err error) {
	b, err := newState(o.Case.Dir, p)
	if err != nil {
		return nil, err
	}
	b.out, b.unmask = o.Out, o.Unmask
	defer func() {
		if err != nil {
			b.clear()
			err = diskFault(err, o.Out)
		}
	}()
	if _, err := os.Stat(b.out); errors.Is(err, fs.ErrNotExist) {
		b.madeIt = true
	}
	if err := os.MkdirAll(b.out, 0o700); err != nil {
		return nil, err
	}
	if rel, err := filepath.Rel(o.Case.Dir, b.out); err == nil && filepath.IsLocal(rel) {
		if err := sweep(b.out); err != nil {
			return nil, err
		}
	}
	b.dir, err = os.MkdirTemp(b.out, ".making-*")
	return b, err
}

// sweep removes what a process that was killed has left half-made in a folder
// of the case; whoever holds the case's lock is the only one at work there.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".making-") {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// clear removes the bench, and the out folder if it was made for nothing.
func (b *bench) clear() {
	if b.dir != "" {
		os.RemoveAll(b.dir)
	}
	if b.madeIt {
		os.Remove(b.out) // only if empty
	}
	if b.unlock != nil {
		b.unlock()
	}
}

// release puts the finished files under their final names. The old receipt
// goes first: a receipt never stands beside files that it does not describe.
func (b *bench) release(r *packager.Record, pages []packager.File) (*packager.Record, error) {
	done := *r
	done.Signed = nil
	if err := removeIfThere(filepath.Join(b.out, receiptName)); err != nil {
		return nil, diskFault(err, b.out)
	}
	old := append(pdfsIn(b.out, bundleStem), pdfsIn(b.out, draftStem)...)
	move := func(path *string, name string) error {
		to := filepath.Join(b.out, name)
		if err := os.Rename(*path, to); err != nil {
			return diskFault(err, b.out)
		}
		old = slices.DeleteFunc(old, func(was string) bool { return was == to })
		*path = to
		return nil
	}
	if err := move(&done.Path, r.FileName(bundleStem)); err != nil {
		return nil, err
	}
	for _, v := range r.Signed {
		v := *v
		if err := move(&v.Path, v.FileName(bundleStem)); err != nil {
			return nil, err
		}
		done.Signed = append(done.Signed, &v)
	}
	for _, m := range []struct {
		name string
		path *string
	}{
		{workbookName, &done.Workbook.Path},
		{eventsName, &done.Events.Path},
		{manifestName, &done.Manifest.Path},
	} {
		if err := move(m.path, m.name); err != nil {
			return nil, err
		}
	}
	if err := b.releasePages(pages); err != nil {
		return nil, diskFault(err, b.out)
	}
	for _, was := range old {
		if err := removeIfThere(was); err != nil {
			return nil, diskFault(err, b.out)
		}
	}
	return &done, diskFault(syncDir(b.out), b.out)
}

// pdfsIn are the PDFs of a stem in a folder, in order of the volumes.
func pdfsIn(dir, stem string) (paths []string) {
	entries, _ := os.ReadDir(dir) // no folder, no files
	no := map[string]int{}
	for _, e := range entries {
		var n, of int
		_, err := fmt.Sscanf(e.Name(), stem+"-%dof%d.pdf", &n, &of)
		if e.Name() == stem+".pdf" || err == nil && e.Name() == packager.VolumeName(stem, n, of) {
			path := filepath.Join(dir, e.Name())
			no[path], paths = n, append(paths, path)
		}
	}
	slices.SortStableFunc(paths, func(a, b string) int { return no[a] - no[b] })
	return paths
}

// releasePages replaces the folder of page pictures as a whole; the old one is
// moved onto the bench, where it ends.
func (b *bench) releasePages(pages []packager.File) error {
	to := filepath.Join(b.out, pagesName)
	if err := os.Rename(to, b.path("pages.old")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(pages) == 0 {
		return nil
	}
	if err := os.Rename(b.path(pagesName), to); err != nil {
		return err
	}
	for i := range pages {
		rel, err := filepath.Rel(b.path(pagesName), pages[i].Path)
		if err != nil {
			return err
		}
		pages[i].Path = filepath.Join(to, rel)
	}
	return nil
}

// releaseDraft puts a draft under its own name, beside whatever is there.
func (b *bench) releaseDraft(bundle *packager.Bundle) (Paths, error) {
	for _, was := range pdfsIn(b.out, draftStem) {
		if err := removeIfThere(was); err != nil {
			return Paths{}, diskFault(err, b.out)
		}
	}
	var made []string
	for _, v := range bundle.Volumes() {
		to := filepath.Join(b.out, v.FileName(draftStem))
		if err := os.Rename(v.Path, to); err != nil {
			return Paths{}, diskFault(err, b.out)
		}
		made = append(made, to)
	}
	return pdfPaths(made), diskFault(syncDir(b.out), b.out)
}

// pdfPaths names one PDF, or several with the first of them.
func pdfPaths(pdfs []string) Paths {
	switch len(pdfs) {
	case 0:
		return Paths{}
	case 1:
		return Paths{PDF: pdfs[0]}
	}
	return Paths{PDF: pdfs[0], Parts: pdfs}
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeFile writes a file whole or not at all, and does not return before it
// is on the disk.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".making-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// diskFault says what is wrong with the out folder.
func diskFault(err error, dir string) error { return folderFault(err, "OUT_UNWRITABLE", dir) }

// folderFault says what is wrong with a folder that is written to; an error
// that explains itself stays.
func folderFault(err error, unwritable, dir string) error {
	var fault *packager.Fault
	var path *fs.PathError
	var link *os.LinkError
	code := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		code = "DISK_FULL"
	case errors.As(err, &fault):
	case errors.As(err, &path), errors.As(err, &link):
		code = unwritable
	}
	if code == "" {
		return err
	}
	return &packager.Fault{Class: packager.ClassConfig, Code: code, Args: packager.Args{"dir": dir}, Err: err}
}
