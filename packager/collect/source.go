package collect

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"dossier/packager"
	"dossier/packager/archive"
)

// source brings in one source: a URL, a folder or a file.
func (in *importer) source(ctx context.Context, s string) error {
	if strings.Contains(s, "://") {
		return in.remote(ctx, s)
	}
	st, err := os.Stat(s)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		in.find("SOURCE_MISSING", packager.Block, s, nil)
		return nil
	case err != nil:
		in.find("FILE_UNREADABLE", packager.Block, s, packager.Args{"reason": reason(err)})
		return nil
	case st.IsDir():
		return in.folder(ctx, s)
	case !st.Mode().IsRegular():
		in.find("FILE_SPECIAL", packager.Warn, s, nil)
		return nil
	}
	return in.take(ctx, origin{
		source: s, name: shown(filepath.Base(s)), mod: st.ModTime(),
		open: func() (io.ReadCloser, error) { return os.Open(s) },
	})
}

// folder brings in the files under a folder. os.Root keeps links inside it.
func (in *importer) folder(ctx context.Context, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		in.find("FILE_UNREADABLE", packager.Block, dir, packager.Args{"reason": reason(err)})
		return nil
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		where := filepath.Join(dir, filepath.FromSlash(p))
		if err != nil {
			in.find("FILE_UNREADABLE", packager.Warn, where, packager.Args{"reason": reason(err)})
			return nil
		}
		if archive.Litter(p) && p != "." {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		st, err := root.Stat(p) // follows links
		switch {
		case err != nil && d.Type()&fs.ModeSymlink != 0:
			in.find("FILE_OUTSIDE_SOURCE", packager.Warn, where, nil)
			return nil
		case err != nil:
			in.find("FILE_UNREADABLE", packager.Warn, where, packager.Args{"reason": reason(err)})
			return nil
		case st.IsDir():
			return nil // a link to a folder of the source: met under its own path
		case !st.Mode().IsRegular():
			in.find("FILE_SPECIAL", packager.Warn, where, nil)
			return nil
		}
		return in.take(ctx, origin{
			source: where, name: shown(p), mod: st.ModTime(),
			open: func() (io.ReadCloser, error) { return root.Open(p) },
		})
	})
}

// remote brings in the objects under a URL.
func (in *importer) remote(ctx context.Context, url string) error {
	if in.opt.Remote == nil {
		in.find("SOURCE_MISSING", packager.Block, url, nil)
		return nil
	}
	files, err := in.opt.Remote.List(ctx, url)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if f, ok := errors.AsType[*packager.Fault](err); ok { // it says itself what is wrong
			in.find(f.Code, packager.Block, url, f.Args)
			return nil
		}
		in.find("SOURCE_UNREACHABLE", packager.Block, url, packager.Args{"reason": err.Error()})
		return nil
	}
	if len(files) == 0 {
		in.find("SOURCE_MISSING", packager.Block, url, nil)
	}
	for _, f := range files {
		err := in.take(ctx, origin{
			source: f.URL, name: f.Name, mod: f.ModTime,
			open: func() (io.ReadCloser, error) { return in.opt.Remote.Open(ctx, f) },
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unpack brings in what is in a spooled file, if that is an archive to be
// unpacked: no document, no program, not nested too deep.
func (in *importer) unpack(ctx context.Context, o origin, temp string, size int64) (bool, error) {
	f, err := in.root.Open(temp)
	if err != nil {
		return false, unwritable(temp, err)
	}
	defer f.Close()
	head := make([]byte, min(512, size))
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return false, unwritable(temp, err)
	}
	switch archive.Detect(head) {
	case archive.None:
		return false, nil
	case archive.RAR:
		in.find("ARCHIVE_RAR", packager.Warn, o.source, nil)
		return true, nil
	case archive.ZIP:
		if archive.Contents(ctx, f, size) != archive.Plain {
			return false, nil
		}
	}
	if o.depth >= nesting {
		in.find("ARCHIVE_TOO_DEEP", packager.Warn, o.source, nil)
		return true, nil
	}
	n := 0
	format, err := archive.Walk(ctx, f, size, in.opt.Limits, func(e archive.Entry, read func() (io.ReadCloser, error)) error {
		n++
		return in.entry(ctx, o, e, read)
	})
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return true, ctx.Err()
	case errors.As(err, new(*packager.Fault)):
		return true, err
	default:
		in.find(importProblem(err), packager.Block, o.source, packager.Args{"reason": reason(err), "format": string(format), "files": strconv.Itoa(n)})
	}
	return true, nil
}

// entry brings in one member of an archive.
func (in *importer) entry(ctx context.Context, o origin, e archive.Entry, read func() (io.ReadCloser, error)) error {
	if e.Dir || archive.Litter(e.Name) {
		return nil
	}
	name := e.Name
	if name == "" { // gzip without a name inside
		name = strings.TrimSuffix(path.Base(o.name), path.Ext(o.name))
	}
	source := o.source + " → " + name
	switch {
	case e.Link:
		in.find("FILE_OUTSIDE_SOURCE", packager.Warn, source, nil)
		return nil
	case e.Encrypted:
		in.find("ARCHIVE_ENCRYPTED", packager.Warn, source, nil)
		return nil
	case e.Unsafe():
		in.find("ARCHIVE_UNSAFE_PATH", packager.Warn, o.source, packager.Args{"names": name})
	}
	// The folder of the archive says what its name says: 营业执照.zip → 1.jpg.
	stem := strings.TrimSuffix(path.Base(o.name), path.Ext(o.name))
	return in.take(ctx, origin{
		source: source, name: path.Join(path.Dir(o.name), stem, name), mod: e.ModTime, open: read, depth: o.depth + 1,
	})
}
