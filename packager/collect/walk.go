package collect

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"dossier/packager"
	"dossier/packager/archive"
)

// walk finds every regular file under materials/ and backups/. os.Root keeps
// every path inside the case folder, links included.
func (s *search) walk(ctx context.Context) error {
	for _, dir := range []string{MaterialsDir, BackupsDir} {
		if _, err := s.root.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil && s.isLink(dir) {
			s.find("FILE_OUTSIDE_CASE", packager.Block, dir, "", packager.Position{}, nil)
			continue
		}
		err := fs.WalkDir(s.root.FS(), dir, func(raw string, d fs.DirEntry, err error) error {
			if cerr := ctx.Err(); cerr != nil {
				return cerr
			}
			if err != nil {
				s.find("FILE_UNREADABLE", packager.Warn, shown(raw), "", packager.Position{}, packager.Args{"reason": reason(err)})
				if d != nil && d.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			if archive.Litter(raw) || strings.HasPrefix(path.Base(raw), tempPrefix) {
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			if !d.IsDir() {
				s.meet(raw)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// meet takes note of a file that the walk found.
func (s *search) meet(raw string) {
	p := shown(raw)
	stat, code := s.look(raw)
	if code != "" {
		s.find(code, packager.Warn, p, "", packager.Position{}, nil)
		return
	}
	if stat.IsDir() {
		return // a link to a folder of the case: its files are met under their own path
	}
	if !utf8.ValidString(raw) {
		s.find("FILE_NAME_ENCODING", packager.Info, p, "", packager.Position{}, nil)
	}
	for s.files[p] != nil { // two names on disk that are the same text
		p = path.Join(path.Dir(p), "~"+path.Base(p))
	}
	s.files[p] = &file{path: p, raw: raw, stat: stat}
}

// look returns what a path is, following links inside the case; code says why
// it cannot be used.
func (s *search) look(raw string) (stat os.FileInfo, code string) {
	stat, err := s.root.Stat(raw)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "FILE_MISSING"
	case err != nil && s.isLink(raw):
		return nil, "FILE_OUTSIDE_CASE"
	case err != nil:
		return nil, "FILE_UNREADABLE"
	case !stat.IsDir() && !stat.Mode().IsRegular():
		return nil, "FILE_SPECIAL"
	}
	return stat, ""
}

// isLink reports whether the path, or a folder on the way to it, is a link.
func (s *search) isLink(raw string) bool {
	for p := raw; p != "." && p != "/"; p = path.Dir(p) {
		if st, err := s.root.Lstat(p); err == nil && st.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// shown is a path as it is written in findings and in the bundle.
func shown(raw string) string { return archive.DecodeName(raw) }

// reason names the cause of a failure without the path, which the finding has.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return err.Error()
}
