// Package local is the directory store: [storage.Store] on one disk.
//
// An object is written to a temporary file, its digest compared, fsynced, and
// given its name with link(2), which creates and never replaces; then the
// folder is fsynced, and every folder that was made on the way. So a reader
// sees whole objects only, and what Create returned survives kill -9 and the
// loss of power. Folders are 0700, files 0600.
//
// On a file system without hard links (exFAT, some network shares) the name is
// given by rename under a lock file: other dossier processes on the same
// machine still never replace an object, but that rests on the lock, not on
// the file system. [Store.Probe] says which of the two holds.
//
// Local files can be changed by whoever owns the disk: retention here would be
// no promise, so it is refused.
package local

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"dossier/storage"
	"dossier/storage/internal/filelock"
)

// tempDir holds files that have no name yet, and the lock.
const tempDir = ".tmp"

// Store is a directory store. Close it to release the directory.
type Store struct {
	dir  string // absolute
	root *os.Root

	mu     sync.Mutex
	synced map[string]bool // folders known to be on the disk, with their names

	// link is os.Root.Link; tests replace it to play a file system without.
	link func(oldname, newname string) error
}

// Open opens the directory store at dir and makes the directory if need be.
func Open(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fail("open", "", dir, err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fail("open", "", abs, err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fail("open", "", abs, err)
	}
	s := &Store{dir: abs, root: root, synced: map[string]bool{}, link: root.Link}
	if err := s.makeDir(tempDir); err != nil {
		root.Close()
		return nil, fail("open", "", abs, err)
	}
	return s, nil
}

// Close releases the directory.
func (s *Store) Close() error { return s.root.Close() }

// URL is file:///dir.
func (s *Store) URL() string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(s.dir)}).String()
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, c storage.Content, opts storage.CreateOptions) (storage.Object, error) {
	if err := storage.CheckKey(key); err != nil {
		return storage.Object{}, err
	}
	if !opts.Retention.IsZero() {
		return storage.Object{}, &storage.Error{Code: storage.NoLock, Op: "create", Key: key}
	}
	o, err := s.create(ctx, key, c, opts)
	if err != nil {
		return storage.Object{}, fail("create", key, s.dir, err)
	}
	if opts.Progress != nil && o.Existed {
		opts.Progress(c.Bytes)
	}
	return o, nil
}

func (s *Store) create(ctx context.Context, key string, c storage.Content, opts storage.CreateOptions) (storage.Object, error) {
	name := filepath.FromSlash(key)
	if _, err := s.root.Lstat(name); err == nil {
		return s.existing(ctx, key, c)
	}
	if err := s.makeDir(path.Dir(key)); err != nil {
		return storage.Object{}, err
	}
	temp, err := s.writeTemp(ctx, c, opts.Progress)
	if err != nil {
		return storage.Object{}, err
	}
	defer s.root.Remove(temp)

	err = s.link(temp, name)
	if noLinks(err) {
		err = s.renameLocked(temp, name)
	}
	if errors.Is(err, fs.ErrExist) {
		return s.existing(ctx, key, c)
	}
	if err != nil {
		return storage.Object{}, err
	}
	if err := s.syncDir(path.Dir(key)); err != nil {
		return storage.Object{}, err
	}
	return s.stored(key, c, false)
}

// stored describes the object just made or found.
func (s *Store) stored(key string, c storage.Content, existed bool) (storage.Object, error) {
	o, err := s.stat(key)
	o.SHA256, o.Existed = c.SHA256, existed
	return o, err
}

// existing compares what is under key with c. The writer that put it there may
// have been killed before it was safe, so it is made safe here.
func (s *Store) existing(ctx context.Context, key string, c storage.Content) (storage.Object, error) {
	f, err := s.root.Open(filepath.FromSlash(key))
	if err != nil {
		return storage.Object{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := storage.Copy(ctx, h, f)
	if err != nil {
		return storage.Object{}, err
	}
	if n != c.Bytes || hex.EncodeToString(h.Sum(nil)) != c.SHA256 {
		return storage.Object{}, &storage.Error{Code: storage.Conflict, Op: "create", Key: key}
	}
	if err := f.Sync(); err != nil {
		return storage.Object{}, err
	}
	if err := s.makeDir(path.Dir(key)); err != nil {
		return storage.Object{}, err
	}
	if err := s.syncDir(path.Dir(key)); err != nil {
		return storage.Object{}, err
	}
	return s.stored(key, c, true)
}

// writeTemp copies c into a new temporary file, compares its digest, and
// makes it safe. The caller removes the file.
func (s *Store) writeTemp(ctx context.Context, c storage.Content, progress func(int64)) (_ string, err error) {
	src, err := c.Source()
	if err != nil {
		return "", err
	}
	defer src.Close()

	temp := filepath.Join(tempDir, rand.Text())
	f, err := s.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			s.root.Remove(temp)
		}
	}()

	h := sha256.New()
	// One byte more than promised shows a file that has grown.
	in := &source{r: io.NewSectionReader(src, 0, c.Bytes+1), c: c, progress: progress}
	n, err := storage.Copy(ctx, io.MultiWriter(f, h), in)
	if err != nil {
		return "", err
	}
	if n != c.Bytes || hex.EncodeToString(h.Sum(nil)) != c.SHA256 {
		return "", c.Changed()
	}
	return temp, f.Sync()
}

// source tells the errors of reading from those of writing, and counts.
type source struct {
	r        io.Reader
	c        storage.Content
	progress func(int64)
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.progress != nil && n > 0 {
		s.progress(int64(n))
	}
	if err != nil && err != io.EOF {
		err = s.c.ReadFailed(err)
	}
	return n, err
}

// renameLocked gives temp its name where there are no hard links. rename
// replaces, so all processes take turns, and the name is looked at first.
func (s *Store) renameLocked(temp, name string) error {
	lock, err := s.root.OpenFile(filepath.Join(tempDir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	s.mu.Lock() // a file lock is one for the whole process
	defer s.mu.Unlock()
	if err := filelock.Lock(lock); err != nil {
		return err
	}
	if _, err := s.root.Lstat(name); err == nil {
		return fs.ErrExist
	}
	return s.root.Rename(temp, name)
}

// makeDir makes a folder below the root and makes its name safe, for every
// folder on the way. Each is synced once in the life of a Store: a process
// killed before us may have made it without.
func (s *Store) makeDir(dir string) error {
	if dir == "." {
		return nil
	}
	s.mu.Lock()
	done := s.synced[dir]
	s.mu.Unlock()
	if done {
		return nil
	}
	if err := s.makeDir(path.Dir(dir)); err != nil {
		return err
	}
	if err := s.root.Mkdir(filepath.FromSlash(dir), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := s.syncDir(path.Dir(dir)); err != nil {
		return err
	}
	s.mu.Lock()
	s.synced[dir] = true
	s.mu.Unlock()
	return nil
}

func (s *Store) syncDir(dir string) error {
	d, err := s.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return err
	}
	defer d.Close()
	return syncFolder(d)
}

// Open implements [storage.Store].
func (s *Store) Open(_ context.Context, key string, r storage.Range) (io.ReadCloser, error) {
	if err := storage.CheckKey(key); err != nil {
		return nil, err
	}
	f, err := s.root.Open(filepath.FromSlash(key))
	if err != nil {
		return nil, fail("open", key, s.dir, err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fail("open", key, s.dir, errors.Join(err, fs.ErrNotExist))
	}
	n := r.Bytes
	if n == 0 {
		n = 1<<63 - 1 - r.Offset
	}
	return &section{io.NewSectionReader(f, r.Offset, n), f}, nil
}

type section struct {
	io.Reader
	io.Closer
}

// Stat implements [storage.Store].
func (s *Store) Stat(_ context.Context, key string) (storage.Object, error) {
	if err := storage.CheckKey(key); err != nil {
		return storage.Object{}, err
	}
	o, err := s.stat(key)
	if err != nil {
		return storage.Object{}, fail("stat", key, s.dir, err)
	}
	return o, nil
}

func (s *Store) stat(key string) (storage.Object, error) {
	info, err := s.root.Lstat(filepath.FromSlash(key))
	if err != nil {
		return storage.Object{}, err
	}
	if !info.Mode().IsRegular() {
		return storage.Object{}, fs.ErrNotExist
	}
	return storage.Object{Key: key, Bytes: info.Size(), Modified: info.ModTime().UTC()}, nil
}

// List implements [storage.Lister].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		start := "."
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			start = prefix[:i]
		}
		keys, err := s.keys(ctx, start, prefix)
		if err != nil {
			yield(storage.Object{}, fail("list", prefix, s.dir, err))
			return
		}
		for _, key := range keys {
			o, err := s.stat(key)
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed meanwhile
			}
			if err != nil {
				yield(storage.Object{}, fail("list", key, s.dir, err))
				return
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

func (s *Store) keys(ctx context.Context, start, prefix string) ([]string, error) {
	var keys []string
	err := fs.WalkDir(s.root.FS(), start, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case d.IsDir() && name == tempDir:
			return fs.SkipDir
		case d.Type().IsRegular() && strings.HasPrefix(name, prefix) && storage.CheckKey(name) == nil:
			keys = append(keys, name)
		}
		return nil
	})
	slices.Sort(keys)
	return keys, err
}

// Remove implements [storage.Remover]. Folders that become empty stay.
func (s *Store) Remove(_ context.Context, key string) error {
	if err := storage.CheckKey(key); err != nil {
		return err
	}
	err := s.root.Remove(filepath.FromSlash(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.syncDir(path.Dir(key))
	}
	if err != nil {
		return fail("remove", key, s.dir, err)
	}
	return nil
}

// Leftovers implements [storage.Sweeper]: temporary files of killed writers,
// and of those still at work. Their age tells them apart.
func (s *Store) Leftovers(ctx context.Context) iter.Seq2[storage.Leftover, error] {
	return func(yield func(storage.Leftover, error) bool) {
		entries, err := fs.ReadDir(s.root.FS(), tempDir)
		if err != nil {
			yield(storage.Leftover{}, fail("leftovers", "", s.dir, err))
			return
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || e.Name() == "lock" {
				continue // gone meanwhile
			}
			if !yield(storage.Leftover{ID: e.Name(), Bytes: info.Size(), Since: info.ModTime().UTC()}, nil) {
				return
			}
		}
	}
}

// Discard implements [storage.Sweeper].
func (s *Store) Discard(_ context.Context, l storage.Leftover) error {
	if l.ID == "" || strings.ContainsAny(l.ID, `/\`) {
		return &storage.Error{Code: storage.BadKey, Op: "discard", Key: l.ID}
	}
	if err := s.root.Remove(filepath.Join(tempDir, l.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail("discard", "", s.dir, err)
	}
	return nil
}

// Probe implements [storage.Prober].
func (s *Store) Probe(context.Context) (storage.Capabilities, error) {
	c := storage.Capabilities{
		ExclusiveCreate: true, ExclusiveComplete: true,
		ReturnsSHA256: true, RefusesWrongSHA256: true, ChecksSignature: true,
		Multipart: true, Paging: true, AbortsUploads: true,
	}
	a, b := filepath.Join(tempDir, rand.Text()), filepath.Join(tempDir, rand.Text())
	f, err := s.root.OpenFile(a, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return c, fail("probe", "", s.dir, err)
	}
	defer s.root.Remove(a)
	if err := f.Close(); err != nil {
		return c, fail("probe", "", s.dir, err)
	}
	err = s.link(a, b)
	defer s.root.Remove(b)
	switch {
	case noLinks(err):
		c.Notes = append(c.Notes, "no hard links: names are given by rename under a lock")
	case err != nil:
		return c, fail("probe", "", s.dir, err)
	}
	return c, nil
}

// fail gives err the code that the user is to see.
func fail(op, key, place string, err error) error {
	code := storage.LocalIO
	switch {
	case storage.CodeOf(err) != "":
		return err
	case errors.Is(err, fs.ErrNotExist) && key != "":
		return &storage.Error{Code: storage.NotFound, Op: op, Key: key}
	case isFull(err):
		code = storage.Full
	case errors.Is(err, fs.ErrPermission):
		code = storage.NoPermission
	}
	return storage.Fail(code, op, key, err, map[string]string{"path": place})
}
