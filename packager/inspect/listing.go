package inspect

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
	"dossier/packager/archive"
)

// namesKept is how many names of a listing are kept for the reader.
const namesKept = 50

// archive lists an archive and tests every CRC, without unpacking it to disk.
func (x *Inspector) archive(ctx context.Context, r io.ReaderAt, size int64, f *facts) {
	a := &packager.Archive{}
	f.Archive = a
	nested, untested := 0, 0
	format, err := archive.Walk(ctx, r, size, x.opt.Limits.Archive, func(e archive.Entry, read func() (io.ReadCloser, error)) error {
		if archive.Litter(e.Name) {
			return nil
		}
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
				a.First = e.ModTime
			}
			if e.ModTime.After(a.Last) {
				a.Last = e.ModTime
			}
		}
		if isArchiveName(e.Name) {
			nested++
		}
		n, err := test(read)
		if errors.Is(err, archive.ErrFormat) {
			untested++
			n, err = e.Bytes, nil
		}
		if read == nil {
			n = max(0, e.Bytes)
		}
		a.Bytes += n
		return err
	})
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
	noteArchive(a, nested, untested, f)
}

func noteArchive(a *packager.Archive, nested, untested int, f *facts) {
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
	if nested > 0 {
		f.note("ARCHIVE_NESTED", packager.Args{"archives": strconv.Itoa(nested)})
	}
	if untested > 0 {
		f.note("ARCHIVE_NOT_TESTED", packager.Args{"format": a.Format})
	}
}

// test reads an entry to its end, which checks its CRC.
func test(read func() (io.ReadCloser, error)) (int64, error) {
	if read == nil {
		return 0, nil
	}
	rc, err := read()
	if err != nil {
		return 0, err
	}
	defer rc.Close()
	return io.Copy(io.Discard, rc)
}

func isArchiveName(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".zip", ".7z", ".rar", ".tar", ".gz", ".tgz":
		return true
	}
	return false
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
	}
	return kindZIP
}
