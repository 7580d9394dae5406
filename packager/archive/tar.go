package archive

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"strings"
)

// isTAR looks for the magic of POSIX (ustar) and old GNU headers, or, for a
// header of the oldest form, for a checksum that fits.
func isTAR(head []byte) bool {
	if len(head) < 512 {
		return false
	}
	if string(head[257:262]) == "ustar" {
		return true
	}
	if head[0] == 0 {
		return false
	}
	var stated, sum int64
	for _, c := range strings.Trim(string(head[148:156]), " \x00") {
		if c < '0' || c > '7' {
			return false
		}
		stated = stated<<3 | int64(c-'0')
	}
	for i, c := range head[:512] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int64(c)
	}
	return stated == sum
}

func (w *walk) tar(r io.Reader) error {
	t := tar.NewReader(metered{r, w})
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if errors.Is(err, tar.ErrInsecurePath) {
			err = nil
		}
		if err != nil {
			return corrupt(err)
		}
		if err := w.admit(); err != nil {
			return err
		}
		e := Entry{
			Name:    DecodeName(h.Name),
			Raw:     h.Name,
			Bytes:   h.Size,
			ModTime: h.ModTime,
			Mode:    h.FileInfo().Mode(),
			Dir:     h.Typeflag == tar.TypeDir,
			Link:    h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir,
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		read := func() (io.ReadCloser, error) { return io.NopCloser(checked{t}), nil }
		if e.Dir || e.Link {
			read = nil
		}
		if err := w.visit(e, read); err != nil {
			return err
		}
	}
}

// gzip reads a compressed TAR, or one compressed file, which it visits under
// the name in the gzip header ("" when there is none).
func (w *walk) gzip() (Format, error) {
	g, err := gzip.NewReader(io.NewSectionReader(w.r, 0, w.size))
	if err != nil {
		return GZIP, corrupt(err)
	}
	defer g.Close()
	b := bufio.NewReaderSize(checked{g}, 64<<10)
	head, err := b.Peek(512)
	if err != nil && err != io.EOF {
		return GZIP, err
	}
	if isTAR(head) {
		return TARGZ, w.tar(b)
	}
	if err := w.admit(); err != nil {
		return GZIP, err
	}
	e := Entry{Name: DecodeName(g.Name), Raw: g.Name, Bytes: -1, ModTime: g.ModTime}
	return GZIP, w.visit(e, func() (io.ReadCloser, error) {
		return io.NopCloser(metered{b, w}), nil
	})
}
