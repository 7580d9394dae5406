package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Content is what is to be stored: bytes that can be read from any place as
// often as needed, and whose digest is known before any of them is sent.
type Content struct {
	Bytes  int64
	SHA256 string // hex, lower case
	// Parts are the hex SHA-256 of each [PartSize] bytes, the last part
	// shorter, taken together with SHA256 ([Hasher] does). They may be
	// missing: then they are computed while the content is sent, and the
	// whole once more.
	Parts []string
	// Open opens the bytes for reading; the caller closes them.
	Open func() (ReadAtCloser, error)
	// Name says in errors which file it is; it is never sent.
	Name string
}

// ReadAtCloser is an open Content.
type ReadAtCloser interface {
	io.ReaderAt
	io.Closer
}

// FromBytes is a Content in memory.
func FromBytes(b []byte) Content {
	sum := sha256.Sum256(b)
	return Content{
		Bytes:  int64(len(b)),
		SHA256: hex.EncodeToString(sum[:]),
		Open:   func() (ReadAtCloser, error) { return memory{bytes.NewReader(b)}, nil },
	}
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// FromFile is a Content on disk, whose size and digest the caller has taken.
func FromFile(path string, size int64, sha256Hex string) Content {
	return Content{
		Bytes:  size,
		SHA256: sha256Hex,
		Name:   filepath.Base(path),
		Open: func() (ReadAtCloser, error) {
			f, err := os.Open(path)
			if err != nil {
				// A nil *os.File in the interface would not be nil.
				return nil, err
			}
			return f, nil
		},
	}
}

// PartSize is the size of the parts in Content.Parts: 16 MiB.
const PartSize = 16 << 20

// Hasher takes the digests of a Content from its bytes, read once.
type Hasher struct {
	whole, part hash.Hash
	n           int64
	parts       []string
}

// NewHasher returns a Hasher that has read nothing.
func NewHasher() *Hasher { return &Hasher{whole: sha256.New(), part: sha256.New()} }

// Write takes the next bytes; it never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	total := len(p)
	h.whole.Write(p)
	for len(p) > 0 {
		k := min(len(p), int(PartSize-h.n%PartSize))
		h.part.Write(p[:k])
		h.n += int64(k)
		p = p[k:]
		if h.n%PartSize == 0 {
			h.endPart()
		}
	}
	return total, nil
}

func (h *Hasher) endPart() {
	h.parts = append(h.parts, hex.EncodeToString(h.part.Sum(nil)))
	h.part.Reset()
}

// Digests ends the reading.
func (h *Hasher) Digests() (size int64, sha256Hex string, parts []string) {
	if h.n%PartSize != 0 {
		h.endPart()
	}
	return h.n, hex.EncodeToString(h.whole.Sum(nil)), h.parts
}

// HashFile reads the file at path once and returns it as a Content.
func HashFile(ctx context.Context, path string) (Content, error) {
	f, err := os.Open(path)
	if err != nil {
		return Content{}, sourceError(filepath.Base(path), err)
	}
	defer f.Close()
	h := NewHasher()
	if _, err := Copy(ctx, h, f); err != nil {
		return Content{}, sourceError(filepath.Base(path), err)
	}
	n, sum, parts := h.Digests()
	c := FromFile(path, n, sum)
	c.Parts = parts
	return c, nil
}

// Source opens the content, with the error that callers are to see.
func (c Content) Source() (ReadAtCloser, error) {
	r, err := c.Open()
	if err != nil {
		return nil, sourceError(c.Name, err)
	}
	return r, nil
}

// Changed is the error for content that does not read as its digest says.
func (c Content) Changed() error {
	return &Error{Code: SourceChanged, Op: "read", Args: map[string]string{"name": c.Name}}
}

// ReadFailed is the error for content that cannot be read.
func (c Content) ReadFailed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return c.Changed() // shorter than it was
	}
	return sourceError(c.Name, err)
}

func sourceError(name string, err error) error {
	code := SourceRead
	if errors.Is(err, fs.ErrNotExist) {
		code = SourceChanged
	}
	return Fail(code, "read", "", err, map[string]string{"name": name})
}

// Copy copies until the end of src or of ctx.
func Copy(ctx context.Context, dst io.Writer, src io.Reader) (int64, error) {
	buf := make([]byte, 256<<10)
	var n int64
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		k, err := src.Read(buf)
		if k > 0 {
			if _, werr := dst.Write(buf[:k]); werr != nil {
				return n, werr
			}
			n += int64(k)
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// Verify reads the object under key and compares it with size and digest. The
// error is [NotFound], [Checksum], or that of reading.
func Verify(ctx context.Context, s Store, key string, size int64, sha256Hex string) error {
	r, err := s.Open(ctx, key, Range{})
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	n, err := Copy(ctx, h, r)
	if err != nil {
		return Fail(Unreachable, "verify", key, err, nil)
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != size || got != sha256Hex {
		return &Error{Code: Checksum, Op: "verify", Key: key, Args: map[string]string{"want": sha256Hex, "got": got}}
	}
	return nil
}

// ReadAll reads a small object whole; one of more than limit bytes is
// [Checksum] for it cannot be what was asked for.
func ReadAll(ctx context.Context, s Store, key string, limit int64) ([]byte, error) {
	r, err := s.Open(ctx, key, Range{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var b bytes.Buffer
	n, err := Copy(ctx, &b, io.LimitReader(r, limit+1))
	if err != nil {
		return nil, Fail(Unreachable, "open", key, err, nil)
	}
	if n > limit {
		return nil, &Error{Code: Checksum, Op: "open", Key: key, Args: map[string]string{"want": "small", "got": "large"}}
	}
	return b.Bytes(), nil
}
