package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/bodgit/sevenzip"
)

func (w *walk) sevenZip() error {
	var z *sevenzip.Reader
	err := fenced(func() (err error) {
		z, err = sevenzip.NewReader(w.r, w.size)
		return err
	})
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
			var rc io.ReadCloser
			err := fenced(func() (err error) {
				rc, err = f.Open()
				return err
			})
			if err != nil {
				return nil, sevenZipError(err)
			}
			r := sevenZipReader{rc}
			return readCloser{metered{r, w}, r}, nil
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

// sevenZipReader names the errors of the decoder and holds its panics.
type sevenZipReader struct{ io.ReadCloser }

func (s sevenZipReader) Read(p []byte) (n int, err error) {
	err = fenced(func() (err error) {
		n, err = s.ReadCloser.Read(p)
		return err
	})
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, sevenZipError(err)
}

func (s sevenZipReader) Close() error { return fenced(s.ReadCloser.Close) }

// fenced turns a panic of the decoder into an error: its methods are many and
// seldom used.
func fenced(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, r)
		}
	}()
	return f()
}
