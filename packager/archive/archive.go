// Package archive reads the listing and the entries of ZIP, TAR and 7z files
// that other people made, without unpacking them to disk: names in UTF-8 or
// GBK, limits on everything that a hostile archive can blow up. It is a
// library for the steps collect (which copies entries into a case) and inspect
// (which lists and tests them).
package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Format names an archive format.
type Format string

const (
	None   Format = ""
	ZIP    Format = "zip"
	TAR    Format = "tar"
	TARGZ  Format = "tar.gz"
	GZIP   Format = "gz" // one compressed file that is not a TAR
	SevenZ Format = "7z"
	RAR    Format = "rar" // recognised, not read: there is no free reader that we trust
)

// Errors that Walk returns, to be tested with errors.Is.
var (
	ErrCorrupt   = errors.New("archive is damaged")
	ErrEncrypted = errors.New("archive is encrypted")
	ErrBomb      = errors.New("archive unpacks to more than the limits allow")
	ErrFormat    = errors.New("archive format is not read")
)

// Limits bound what an archive may cost. A field of 0 takes the default.
type Limits struct {
	Entries int   // at most so many entries; default 250,000
	Bytes   int64 // uncompressed bytes in all; default 1 TiB
	// Ratio is the greatest uncompressed size per byte of the archive; it is
	// looked at only above RatioFrom bytes. Default 200 above 256 MiB: exports
	// of text reach 20 to 60, Deflate ends at 1032.
	Ratio     float64
	RatioFrom int64
}

func (l Limits) withDefaults() Limits {
	if l.Entries == 0 {
		l.Entries = 250_000
	}
	if l.Bytes == 0 {
		l.Bytes = 1 << 40
	}
	if l.Ratio == 0 {
		l.Ratio = 200
	}
	if l.RatioFrom == 0 {
		l.RatioFrom = 256 << 20
	}
	return l
}

// bomb reports whether out uncompressed bytes from an archive of size bytes
// are more than the limits allow.
func (l Limits) bomb(out, size int64) bool {
	return out > l.Bytes || out > l.RatioFrom && float64(out) > l.Ratio*float64(size)
}

// Entry is one member of an archive.
type Entry struct {
	Name      string // decoded, slash-separated, NFC; as the archive says it, so possibly unsafe
	Raw       string // the bytes of the name
	Bytes     int64  // uncompressed, as declared; -1: not known before it is read
	ModTime   time.Time
	Mode      fs.FileMode
	Dir       bool
	Link      bool // symbolic or hard link, or a special file
	Encrypted bool
}

// Unsafe reports whether the name would leave the folder that the archive is
// unpacked into, or the entry is a link.
func (e Entry) Unsafe() bool { return e.Link || !safeName(e.Name) }

// Visit is called for each entry in the order of the archive. read gives the
// entry's content and is valid during the call only; it is nil for folders,
// links and encrypted entries. Reading to its end checks the CRC where the
// format has one, and answers a mismatch with ErrCorrupt. An error that Visit
// returns ends the walk and is returned by it.
type Visit func(e Entry, read func() (io.ReadCloser, error)) error

// Detect tells the format by the first bytes of a file; 512 are enough. A gzip
// file is answered with GZIP: what is in it shows only when it is read.
func Detect(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")), bytes.HasPrefix(head, []byte("PK\x07\x08")):
		return ZIP
	case bytes.HasPrefix(head, []byte("7z\xbc\xaf\x27\x1c")):
		return SevenZ
	case bytes.HasPrefix(head, []byte("Rar!\x1a\x07")):
		return RAR
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 8}):
		return GZIP
	case isTAR(head):
		return TAR
	}
	return None
}

// Walk visits every entry of an archive of the given size. It returns the
// format that it read, which for a gzip file is TARGZ or GZIP.
func Walk(ctx context.Context, r io.ReaderAt, size int64, limits Limits, visit Visit) (Format, error) {
	head := make([]byte, 512)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return None, err
	}
	format := Detect(head[:n])
	w := &walk{ctx: ctx, r: r, size: size, limits: limits.withDefaults(), visit: visit}
	switch format {
	case ZIP:
		return ZIP, w.zip()
	case TAR:
		return TAR, w.tar(io.NewSectionReader(r, 0, size))
	case GZIP:
		return w.gzip()
	case SevenZ:
		return SevenZ, w.sevenZip()
	}
	return format, fmt.Errorf("%w: %q", ErrFormat, format)
}

type walk struct {
	ctx     context.Context
	r       io.ReaderAt
	size    int64
	limits  Limits
	visit   Visit
	entries int
	out     int64 // uncompressed bytes read so far
}

// admit counts an entry and refuses it when there are too many.
func (w *walk) admit() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.entries++; w.entries > w.limits.Entries {
		return fmt.Errorf("%w: more than %d entries", ErrBomb, w.limits.Entries)
	}
	return nil
}

// metered counts what is really unpacked, because a declared size can lie.
type metered struct {
	io.Reader
	w *walk
}

func (m metered) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.w.out += int64(n)
	if m.w.limits.bomb(m.w.out, m.w.size) {
		return n, fmt.Errorf("%w: more than %d bytes from %d", ErrBomb, m.w.out, m.w.size)
	}
	if cerr := m.w.ctx.Err(); cerr != nil {
		return n, cerr
	}
	return n, err
}

// own reports whether an error is one of ours, or the caller's, and must not
// be relabelled as damage.
func own(err error) bool {
	return errors.Is(err, ErrBomb) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrEncrypted) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func corrupt(err error) error {
	if err == nil || err == io.EOF || own(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// checked relabels the errors of a decoder as damage.
type checked struct{ io.Reader }

func (c checked) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	return n, corrupt(err)
}
