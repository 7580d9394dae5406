package app

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dossier/packager"
	"dossier/packager/casefile"
	"dossier/packager/pipeline"
	"dossier/packager/verify"
	"dossier/storage"
	"dossier/storage/seal"
)

// Roots reads the certificates that the user trusts: files in PEM or DER and
// folders of them, or the word "system". None given is a nil pool.
func (a *App) Roots(paths []string) (*x509.CertPool, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for _, p := range paths {
		if p == "system" {
			sys, err := x509.SystemCertPool()
			if err != nil {
				return nil, err
			}
			pool = sys
		}
	}
	for _, p := range paths {
		if p == "system" {
			continue
		}
		if err := addRoots(pool, p); err != nil {
			return nil, &packager.Fault{Class: packager.ClassConfig, Code: "TRUST_UNREADABLE", Args: packager.Args{"file": p}, Err: err}
		}
	}
	return pool, nil
}

func addRoots(pool *x509.CertPool, path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !st.IsDir() {
		return addRoot(pool, path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".pem", ".crt", ".cer", ".der":
			found = true
			if err := addRoot(pool, filepath.Join(path, e.Name())); err != nil {
				return err
			}
		}
	}
	if !found {
		return errors.New("no .pem, .crt, .cer or .der file in " + path)
	}
	return nil
}

func addRoot(pool *x509.CertPool, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if pool.AppendCertsFromPEM(b) {
		return nil
	}
	c, err := x509.ParseCertificate(b)
	if err != nil {
		return errors.New("no certificate in PEM or DER in " + file)
	}
	pool.AddCert(c)
	return nil
}

// Verify checks what target names: a PDF, an out folder, a case folder (its
// out), or a publication in a store (URL of the receipt, of its folder, or of
// the store with the case's id).
func (a *App) Verify(ctx context.Context, target string, o verify.Options) (*packager.Verdict, error) {
	if strings.Contains(target, "://") {
		return a.verifyStored(ctx, target, o)
	}
	st, err := os.Stat(target)
	if err != nil {
		return nil, &packager.Fault{Class: packager.ClassUsage, Code: "VERIFY_NO_TARGET", Args: packager.Args{"target": target}, Err: err}
	}
	if !st.IsDir() {
		if strings.HasPrefix(filepath.Base(target), "receipt") {
			target = filepath.Dir(target)
		} else {
			v, err := verify.PDF(ctx, target, o)
			if err != nil && ctx.Err() == nil {
				var why *fs.PathError // else it is no regular file
				f := &packager.Fault{Class: packager.ClassVerification, Code: "VERIFY_UNREADABLE", Args: packager.Args{"target": target}}
				if errors.As(err, &why) {
					f.Err = why
				}
				return nil, f
			}
			return v, err
		}
	}
	if _, err := os.Stat(filepath.Join(target, casefile.Name)); err == nil {
		return verify.Folder(ctx, filepath.Join(target, "out"), target, o)
	}
	// A publication inside a directory store has its blobs elsewhere.
	if root, key, ok := insideLocalStore(target); ok {
		return a.verifyStored(ctx, "file://"+filepath.ToSlash(filepath.Join(root, filepath.FromSlash(key))), o)
	}
	caseDir := filepath.Dir(filepath.Clean(target))
	if abs, err := filepath.Abs(target); err == nil {
		caseDir = filepath.Dir(abs)
	}
	if _, err := os.Stat(filepath.Join(caseDir, casefile.Name)); err != nil {
		caseDir = ""
	}
	return verify.Folder(ctx, target, caseDir, o)
}

// NoteVerified notes a verdict about a case folder in the log of the case; of
// anything else there is no log.
func (a *App) NoteVerified(target string, v *packager.Verdict) error {
	if _, err := os.Stat(filepath.Join(target, casefile.Name)); err != nil {
		return nil
	}
	p := &pipeline.Pipeline{Actor: a.Actor(), Now: a.Now, Tool: Version(), KeyAtHand: a.KeyAtHand}
	return p.MarkVerified(target, v)
}

// insideLocalStore takes the path of a publication in a directory store apart.
func insideLocalStore(path string) (root, key string, ok bool) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", "", false
	}
	slash := filepath.ToSlash(abs)
	i := strings.LastIndex(slash, "/v1/cases/")
	if i < 0 {
		return "", "", false
	}
	return filepath.FromSlash(slash[:i]), slash[i+1:], true
}

func (a *App) verifyStored(ctx context.Context, target string, o verify.Options) (*packager.Verdict, error) {
	store, key, err := a.Locate(ctx, target)
	if err != nil {
		return nil, err
	}
	src, err := a.reader(store)
	if err != nil {
		return nil, err
	}
	return verify.Stored(ctx, src, key, o)
}

// Source is the store of the settings, for verify to look into.
func (a *App) Source(ctx context.Context) (verify.Source, error) {
	store, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	return a.reader(store)
}

// reader is a store for verify, with the identities of the settings.
func (a *App) reader(store storage.Publisher) (verify.Source, error) {
	ids, err := a.Identities()
	if err != nil {
		return nil, err
	}
	return source{store, seal.NewOpener(store, ids)}, nil
}

// OpenStore opens the store of the settings.
func (a *App) OpenStore(ctx context.Context) (storage.Publisher, error) {
	where, err := a.Store(a.Config.Store)
	if err != nil {
		return nil, err
	}
	store, err := where.Open(ctx)
	return store, pipeline.StoreFault(err)
}

// Locate opens the store that a URL points into and finds the receipt that it
// means: …/v1/cases/<case>/<n>/receipt.json, …/<n>/, or …/<case>/ for the
// newest one.
func (a *App) Locate(ctx context.Context, target string) (storage.Publisher, string, error) {
	base, rest, found := strings.Cut(target, "/v1/cases/")
	if !found {
		return nil, "", &packager.Fault{Class: packager.ClassUsage, Code: "STORED_URL_INVALID", Args: packager.Args{"url": target}}
	}
	where, err := a.Store(base)
	if err != nil {
		return nil, "", err
	}
	store, err := where.Open(ctx)
	if err != nil {
		return nil, "", pipeline.StoreFault(err)
	}
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	receipts, err := pipeline.Receipts(ctx, store, parts[0])
	if err != nil {
		return nil, "", err
	}
	prefix := "v1/cases/" + strings.Join(parts, "/")
	for i := len(receipts) - 1; i >= 0; i-- {
		if receipts[i] == prefix || strings.HasPrefix(receipts[i], prefix+"/") {
			return store, receipts[i], nil
		}
	}
	return nil, "", &packager.Fault{Class: packager.ClassVerification, Code: "STORED_NO_RECEIPT", Args: packager.Args{"url": target}}
}

// source reads a store for verify, in the standard library's words.
type source struct {
	storage.Store
	opener *seal.Opener
}

func (s source) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	r, err := s.Store.Open(ctx, key, storage.Range{})
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fs.ErrNotExist
	}
	return r, pipeline.StoreFault(err)
}

// Unseal implements verify.Unsealer.
func (s source) Unseal(ctx context.Context, o packager.StoredObject, r io.Reader) (io.Reader, error) {
	plain, err := s.opener.Unseal(ctx, storage.Stored{Key: o.Key, Sealed: (*storage.Sealed)(o.Sealed)}, r)
	switch storage.CodeOf(err) {
	case storage.NoIdentity:
		return nil, verify.ErrNoIdentity
	case storage.Shredded:
		return nil, verify.ErrShredded
	}
	return plain, pipeline.StoreFault(err)
}
