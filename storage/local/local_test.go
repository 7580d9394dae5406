package local_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"dossier/storage"
	"dossier/storage/local"
	"dossier/storage/storagetest"
)

func open(t testing.TB) storagetest.Full { return openAt(t, t.TempDir()) }

func openAt(t testing.TB, dir string) *local.Store {
	t.Helper()
	s, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSuite(t *testing.T) { storagetest.Run(t, open) }

// Where there are no hard links, the same promises hold by a lock.
func TestSuiteWithoutLinks(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) storagetest.Full {
		s := openAt(t, t.TempDir())
		local.WithoutLinks(s)
		return s
	})
	s := openAt(t, t.TempDir())
	local.WithoutLinks(s)
	c, err := s.Probe(t.Context())
	if err != nil || len(c.Notes) != 1 {
		t.Errorf("the probe does not say that there are no links: %+v, %v", c, err)
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := openAt(t, dir)
	if _, err := s.Create(t.Context(), "v1/cases/a/1/bundle.pdf", storage.FromBytes([]byte("x")), storage.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRetentionIsNotPromised(t *testing.T) {
	s := openAt(t, t.TempDir())
	_, err := s.Create(t.Context(), "v1/x", storage.FromBytes(nil), storage.CreateOptions{Retention: storage.Retention{LegalHold: true}})
	if storage.CodeOf(err) != storage.NoLock {
		t.Errorf("Create: %v", err)
	}
	if _, err := s.Stat(t.Context(), "v1/x"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("something was stored: %v", err)
	}
}

// A link in the store that leads out of it is not followed.
func TestLinksOutOfTheStore(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, dir)
	if _, err := s.Create(t.Context(), "v1/x", storage.FromBytes(nil), storage.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "v1", "link")); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Open(t.Context(), "v1/link", storage.Range{}); err == nil {
		r.Close()
		t.Error("followed")
	}
	if _, err := s.Create(t.Context(), "v1/link", storage.FromBytes([]byte("new")), storage.CreateOptions{}); err == nil {
		t.Error("written through")
	}
	if b, _ := os.ReadFile(outside); !bytes.Equal(b, []byte("secret")) {
		t.Errorf("outside is now %q", b)
	}
}
