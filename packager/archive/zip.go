package archive

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"
)

// zipDirectoryBytes bounds the central directory, which archive/zip keeps in
// memory: 46 bytes at least for each entry (APPNOTE.TXT 4.3.12).
const zipDirectoryBytes = 32 << 20

// directoryMeter refuses to feed archive/zip an endless central directory. It
// is switched off once the directory has been read.
type directoryMeter struct {
	io.ReaderAt
	left int64
	off  bool
}

func (d *directoryMeter) ReadAt(p []byte, at int64) (int, error) {
	if !d.off {
		if d.left -= int64(len(p)); d.left < 0 {
			return 0, fmt.Errorf("%w: directory over %d bytes", ErrBomb, zipDirectoryBytes)
		}
	}
	return d.ReaderAt.ReadAt(p, at)
}

func (w *walk) zip() error {
	meter := &directoryMeter{ReaderAt: w.r, left: zipDirectoryBytes}
	z, err := zip.NewReader(meter, w.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return corrupt(err)
	}
	meter.off = true
	var declared uint64
	for _, f := range z.File {
		if declared += f.UncompressedSize64; declared > 1<<62 || w.limits.bomb(int64(declared), w.size) {
			return fmt.Errorf("%w: %d bytes from %d", ErrBomb, declared, w.size)
		}
	}
	for _, f := range z.File {
		if err := w.admit(); err != nil {
			return err
		}
		e := zipEntry(f)
		read := w.zipReader(f)
		if e.Dir || e.Link || e.Encrypted {
			read = nil
		}
		if err := w.visit(e, read); err != nil {
			return err
		}
	}
	return nil
}

func zipEntry(f *zip.File) Entry {
	mode := f.Mode()
	name := zipName(f)
	return Entry{
		Name:      name,
		Raw:       f.Name,
		Bytes:     int64(f.UncompressedSize64),
		ModTime:   zipTime(f),
		Mode:      mode,
		Dir:       mode.IsDir() || strings.HasSuffix(name, "/"),
		Link:      mode.Type()&^fs.ModeDir != 0,
		Encrypted: f.Flags&1 != 0,
	}
}

// zipName decodes an entry's name: the Unicode Path field of Info-ZIP where it
// is given (0x7075, APPNOTE.TXT 4.6.9), else by its bytes. Windows tools write
// a backslash where the standard wants a slash.
func zipName(f *zip.File) string {
	name := f.Name
	if u := unicodePath(f.Extra); u != "" && f.NonUTF8 {
		name = u
	}
	name = DecodeName(name)
	if !strings.Contains(name, "/") {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	return name
}

func unicodePath(extra []byte) (name string) {
	fields(extra, func(id uint16, body []byte) {
		if id == 0x7075 && len(body) > 5 && body[0] == 1 && utf8.Valid(body[5:]) {
			name = string(body[5:])
		}
	})
	return name
}

// fields visits the extra fields of an entry (APPNOTE.TXT 4.5).
func fields(extra []byte, visit func(id uint16, body []byte)) {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			return
		}
		visit(id, extra[:n])
		extra = extra[n:]
	}
}

// zipTime is when an entry was modified. Without one of the later time fields
// (NTFS, Unix, Info-ZIP) it is the wall clock of who packed it, without a zone:
// here, China's.
func zipTime(f *zip.File) time.Time {
	zoned := f.Modified.IsZero()
	fields(f.Extra, func(id uint16, _ []byte) {
		zoned = zoned || id == 0x000a || id == 0x000d || id == 0x5455 || id == 0x5855
	})
	if zoned {
		return f.Modified.UTC()
	}
	return f.Modified.Add(-8 * time.Hour).UTC()
}

func (w *walk) zipReader(f *zip.File) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		rc, err := f.Open()
		if errors.Is(err, zip.ErrAlgorithm) {
			return nil, fmt.Errorf("%w: compression method %d", ErrFormat, f.Method)
		}
		if err != nil {
			return nil, corrupt(err)
		}
		return readCloser{metered{checked{rc}, w}, rc}, nil
	}
}

type readCloser struct {
	io.Reader
	io.Closer
}
