// Command examples makes the pictures, scans and archives of the worked
// examples under templates/examples. They are fictional through and through:
// no emblem, no guilloche, a grey silhouette for a face, seals that say that
// they are none, and 测试样本 SPECIMEN across every paper. The case.yaml files
// beside them are written by hand.
//
//	go run ./cmd/internal/examples [-out templates/examples] [case …]
//
// The same program on the same kind of processor gives the same bytes. HEIC
// photos need heif-enc (Debian: libheif-examples); where it is not installed,
// those that are there stay as they are.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

func main() {
	out := flag.String("out", filepath.Join("templates", "examples"), "folder of the examples")
	flag.Parse()
	if err := run(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "examples:", err)
		os.Exit(1)
	}
}

// file is one file of a case: its path in the case folder and how it is made.
type file struct {
	path string
	make func() ([]byte, error)
}

// run makes the named cases, or all, and removes what an earlier run made and
// this one does not.
func run(out string, names []string) error {
	for _, c := range cases() {
		if len(names) > 0 && !slices.Contains(names, c.name) {
			continue
		}
		dir := filepath.Join(out, c.name)
		if err := makeCase(dir, c.files); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Println(dir)
	}
	return nil
}

func makeCase(dir string, files []file) error {
	var wg sync.WaitGroup
	errs := make([]error, len(files))
	limit := make(chan struct{}, 2)
	for i, f := range files {
		wg.Add(1)
		go func() {
			defer wg.Done()
			limit <- struct{}{}
			defer func() { <-limit }()
			errs[i] = makeFile(filepath.Join(dir, filepath.FromSlash(f.path)), f.make)
		}()
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return removeOthers(dir, files)
}

func makeFile(path string, make func() ([]byte, error)) error {
	b, err := make()
	if errors.Is(err, errNoEncoder) {
		if _, statErr := os.Stat(path); statErr == nil {
			fmt.Println("heif-enc is not installed: kept", path)
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

func removeOthers(dir string, files []file) error {
	for _, sub := range []string{"materials", "backups"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			name := filepath.ToSlash(rel)
			if slices.ContainsFunc(files, func(f file) bool { return f.path == name }) {
				return nil
			}
			return os.Remove(path)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

var errNoEncoder = errors.New("heif-enc is not installed")

// encodeHEIC turns a JPEG into what an iPhone stores, with the libheif of the
// machine.
func encodeHEIC(jpg []byte) ([]byte, error) {
	program, err := exec.LookPath("heif-enc")
	if err != nil {
		return nil, errNoEncoder
	}
	dir, err := os.MkdirTemp("", "examples-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	from, to := filepath.Join(dir, "photo.jpg"), filepath.Join(dir, "photo.heic")
	if err := os.WriteFile(from, jpg, 0o600); err != nil {
		return nil, err
	}
	if out, err := exec.Command(program, "-q", "45", "-o", to, from).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("heif-enc: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return os.ReadFile(to)
}
