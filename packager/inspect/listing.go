package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
	"dossier/packager/archive"
)

const (
	namesKept   = 50       // names of a listing that are kept for the reader
	nestedBytes = 32 << 20 // of an archive inside an archive that is looked into
	nestedDepth = 3
)

// archive lists an archive and tests every CRC, without unpacking it to disk.
func (x *Inspector) archive(ctx context.Context, r io.ReaderAt, size int64, f *facts) {
	a := &packager.Archive{}
	f.Archive = a
	l := &listing{ctx: ctx, x: x, a: a}
	format, err := archive.Walk(ctx, r, size, x.opt.Limits.Archive, l.entry)
	a.Format = string(format)
	if format == archive.TARGZ {
		f.Exts = append(slices.Clone(f.Exts), "tar")
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return
	case errors.Is(err, archive.ErrBomb):
		f.fatal("ARCHIVE_BOMB", packager.Args{"reason": brief(err.Error())})
		return
	case errors.Is(err, archive.ErrEncrypted):
		a.Encrypted = true
	case errors.Is(err, archive.ErrFormat):
		f.note("ARCHIVE_NOT_TESTED", packager.Args{"format": a.Format})
		return
	default:
		a.Corrupt = true
		f.fatal("ARCHIVE_CORRUPT", packager.Args{"reason": brief(err.Error()), "files": strconv.Itoa(a.Files)})
		return
	}
	a.Items = l.items()
	a.FirstDay, a.LastDay = l.rows.first, l.rows.last
	l.note(f)
}

// listing gathers what is in an archive.
type listing struct {
	ctx      context.Context
	x        *Inspector
	a        *packager.Archive
	depth    int
	closed   int // archives inside that were not looked into
	untested int // entries packed by a method that is not read

	documents, contents int // pages of an export; those that only list the others
	tables              int
	rows                count
}

// entry takes in one member of the archive.
func (l *listing) entry(e archive.Entry, read func() (io.ReadCloser, error)) error {
	if archive.Litter(e.Name) {
		return nil
	}
	a := l.a
	a.Entries++
	if len(a.Names) < namesKept {
		a.Names = append(a.Names, e.Name)
	}
	if e.Unsafe() && len(a.Unsafe) < namesKept {
		a.Unsafe = append(a.Unsafe, e.Name)
	}
	a.Encrypted = a.Encrypted || e.Encrypted
	if e.Dir {
		return nil
	}
	a.Files++
	if !e.ModTime.IsZero() {
		if a.First.IsZero() || e.ModTime.Before(a.First) {
			a.First = e.ModTime.UTC()
		}
		if e.ModTime.After(a.Last) {
			a.Last = e.ModTime.UTC()
		}
	}
	if read == nil {
		a.Bytes += max(0, e.Bytes)
		return nil
	}
	n, err := l.test(e, read)
	if errors.Is(err, archive.ErrFormat) {
		l.untested++
		n, err = max(0, e.Bytes), nil
	}
	a.Bytes += n
	return err
}

// test reads an entry to its end, which checks its CRC, and counts what is in
// it on the way.
func (l *listing) test(e archive.Entry, read func() (io.ReadCloser, error)) (int64, error) {
	rc, err := read()
	if err != nil {
		return 0, err
	}
	defer rc.Close()
	r := &counted{r: rc}
	switch ext := strings.ToLower(path.Ext(e.Name)); ext {
	case ".html", ".htm", ".pdf":
		l.documents++
		if name := strings.ToLower(e.Name); name == "index"+ext || name == "目录"+ext {
			l.contents++
		}
	case ".csv", ".json", ".jsonl":
		if l.tables++; l.tables == 1 {
			if ext == ".csv" {
				l.rows, err = csvRows(r)
			} else {
				l.rows, err = jsonItems(r)
			}
			if err != nil {
				l.tables = 2 // not counted
			}
		}
	case ".zip", ".7z", ".tar", ".gz", ".tgz":
		if err := l.nested(e, r); err != nil {
			return r.n, fmt.Errorf("%s: %w", brief(e.Name), err)
		}
	case ".rar":
		l.closed++
	}
	_, err = io.Copy(io.Discard, r)
	return r.n, err
}

// nested looks into an archive inside the archive, if it is small and not too
// deep.
func (l *listing) nested(e archive.Entry, r io.Reader) error {
	if e.Bytes > nestedBytes || l.depth+1 >= nestedDepth || l.x.memory.Acquire(l.ctx, nestedBytes) != nil {
		l.closed++
		return nil
	}
	defer l.x.memory.Release(nestedBytes)
	b, err := io.ReadAll(io.LimitReader(r, nestedBytes+1))
	if err != nil {
		return err
	}
	if len(b) > nestedBytes {
		l.closed++
		return nil
	}
	in := &listing{ctx: l.ctx, x: l.x, a: &packager.Archive{}, depth: l.depth + 1}
	_, err = archive.Walk(l.ctx, bytes.NewReader(b), int64(len(b)), l.x.opt.Limits.Archive, in.entry)
	l.closed += in.closed
	l.untested += in.untested
	l.a.Encrypted = l.a.Encrypted || in.a.Encrypted || errors.Is(err, archive.ErrEncrypted)
	if errors.Is(err, archive.ErrEncrypted) || errors.Is(err, archive.ErrFormat) {
		return nil
	}
	return err
}

// items is how many records or pages the archive holds: the rows of its only
// table, or else its documents; nil when neither is plain.
func (l *listing) items() *int64 {
	n := int64(l.documents)
	switch {
	case l.tables == 1 && l.documents == 0:
		n = l.rows.items
	case l.tables > 0 || l.documents == 0 || l.a.Encrypted:
		return nil
	case l.contents < l.documents:
		n -= int64(l.contents)
	}
	return &n
}

func (l *listing) note(f *facts) {
	a := l.a
	switch {
	case a.Encrypted:
		f.note("ARCHIVE_ENCRYPTED", nil)
	case a.Entries == 0:
		f.fatal("ARCHIVE_EMPTY", nil)
	case a.Files == 0:
		f.fatal("ARCHIVE_ONLY_FOLDERS", packager.Args{"folders": strconv.Itoa(a.Entries)})
	}
	if len(a.Unsafe) > 0 {
		f.note("ARCHIVE_UNSAFE_PATH", packager.Args{"names": brief(strings.Join(a.Unsafe, ", "))})
	}
	if l.closed > 0 {
		f.note("ARCHIVE_NESTED", packager.Args{"archives": strconv.Itoa(l.closed)})
	}
	if l.untested > 0 {
		f.note("ARCHIVE_NOT_TESTED", packager.Args{"format": a.Format})
	}
}

// counted counts the bytes that go by.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bomb reports whether a document that is a ZIP inside declares more than the
// limits allow, and says so. Other files are none.
func bomb(ctx context.Context, r io.ReaderAt, size int64, limits archive.Limits, f *facts) bool {
	_, err := archive.Walk(ctx, r, size, limits, func(archive.Entry, func() (io.ReadCloser, error)) error { return nil })
	if !errors.Is(err, archive.ErrBomb) {
		return false
	}
	f.fatal("ARCHIVE_BOMB", packager.Args{"reason": brief(err.Error())})
	return true
}

// zipKind tells a plain ZIP from an office file or an OFD, which are ZIPs too.
func zipKind(ctx context.Context, r io.ReaderAt, size int64) kind {
	switch archive.Contents(ctx, r, size) {
	case archive.Word:
		return kindDOCX
	case archive.Excel:
		return kindXLSX
	case archive.PowerPoint:
		return kindPPTX
	case archive.OpenDocument:
		return kindODF
	case archive.OFD:
		return kindOFD
	case archive.IWork:
		return kindIWork
	}
	return kindZIP
}
