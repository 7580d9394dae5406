package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/bodgit/sevenzip"
)

func (w *walk) sevenZip() error {
	z, err := sevenzip.NewReader(w.r, w.size)
	if err != nil {
		return sevenZipError(err)
	}
	var declared uint64
	for _, f := range z.File {
		if declared += f.UncompressedSize; declared > 1<<62 || w.limits.bomb(int64(declared), w.size) {
			return fmt.Errorf("%w: %d bytes from %d", ErrBomb, declared, w.size)
		}
	}
	for _, f := range z.File {
		if err := w.admit(); err != nil {
			return err
		}
		mode := f.Mode()
		e := Entry{
			Name:    DecodeName(f.Name),
			Raw:     f.Name,
			Bytes:   int64(f.UncompressedSize),
			ModTime: f.Modified,
			Mode:    mode,
			Dir:     mode.IsDir(),
			Link:    mode.Type()&^fs.ModeDir != 0,
		}
		read := func() (io.ReadCloser, error) {
			rc, err := f.Open()
			if err != nil {
				return nil, sevenZipError(err)
			}
			return readCloser{metered{sevenZipReader{rc}, w}, rc}, nil
		}
		if e.Dir || e.Link {
			read = nil
		}
		if err := w.visit(e, read); err != nil {
			return err
		}
	}
	return nil
}

// sevenZipError tells encryption from damage.
func sevenZipError(err error) error {
	var r *sevenzip.ReadError
	if errors.As(err, &r) && r.Encrypted {
		return fmt.Errorf("%w: %w", ErrEncrypted, err)
	}
	return corrupt(err)
}

type sevenZipReader struct{ io.Reader }

func (s sevenZipReader) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, sevenZipError(err)
}
