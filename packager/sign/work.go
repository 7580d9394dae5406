package sign

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"dossier/packager"
	"dossier/packager/sign/pdfinc"
	"dossier/packager/sign/stamp"
)

// firstReserve is the room for a signature or token in bytes. A B-B signature
// takes 1.8 to 2.3 KB, B-T under 5 KB; a chain that needs more gets it.
const (
	firstReserve = 16 << 10
	maxReserve   = 1 << 20
)

// work is a PDF that grows revision by revision in a temporary file.
type work struct {
	ctx  context.Context
	f    *os.File
	size int64
	sum  hash.Hash // SHA-256 of all that is written
	out  string    // for messages
}

// produce copies the PDF at path, lets build append to it and gives the result
// the name out. want is the hex SHA-256 that the PDF should have, or "". The
// whole is read once and never held in memory.
func produce(ctx context.Context, path, want, out string, observe packager.Observer, build func(*work) error) (*packager.File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fault("SIGN_READ", packager.Args{"file": path}, err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, fault("SIGN_READ", packager.Args{"file": path}, err)
	}
	if _, err := pdfinc.Open(in, info.Size()); err != nil {
		return nil, pdfFault(path, err) // before a long copy
	}
	made := &packager.File{Path: out}
	err = replaceFile(out, info.Mode().Perm(), func(f *os.File) error {
		w := &work{ctx: ctx, f: f, size: info.Size(), out: out}
		if w.sum, err = copyHashed(ctx, f, in, w.size, observe); err != nil {
			return err
		}
		if want != "" && hex.EncodeToString(w.sum.Sum(nil)) != want {
			return fault("SIGN_INPUT_CHANGED", packager.Args{"file": path}, nil)
		}
		in.Close() // out may be the same file, and Windows does not replace an open one
		if err := build(w); err != nil {
			return err
		}
		made.SHA256, made.Bytes = hex.EncodeToString(w.sum.Sum(nil)), w.size
		return ctx.Err()
	})
	if err != nil {
		return nil, explain(ctx, out, err)
	}
	return made, nil
}

// open reads the file as it is now.
func (w *work) open() (*pdfinc.File, error) {
	doc, err := pdfinc.Open(w.f, w.size)
	if err != nil {
		return nil, pdfFault(w.out, err)
	}
	return doc, nil
}

// write appends a revision.
func (w *work) write(tail []byte) error {
	if _, err := w.f.Write(tail); err != nil {
		return err
	}
	w.sum.Write(tail)
	w.size += int64(len(tail))
	return nil
}

// appendSigned appends a revision with a signature. add puts the objects in,
// with room for reserve bytes; sign returns the signature for a digest. What
// does not fit is made again with more room.
func (w *work) appendSigned(add func(doc *pdfinc.File, u *pdfinc.Update, id []byte, reserve int) error, sign func([sha256.Size]byte) ([]byte, error)) error {
	doc, err := w.open()
	if err != nil {
		return err
	}
	id := w.sum.Sum(nil)
	for reserve := firstReserve; reserve <= maxReserve; reserve *= 2 {
		u := doc.NewUpdate()
		if err := add(doc, u, id, reserve); err != nil {
			return pdfFault(w.out, err)
		}
		tail, err := u.Tail(id)
		if err != nil {
			return pdfFault(w.out, err)
		}
		digest, err := w.digestWith(tail)
		if err != nil {
			return err
		}
		der, err := sign(digest)
		if err != nil {
			return err
		}
		if err = tail.Fill(der); err == nil {
			return w.write(tail.Bytes)
		}
		if !errors.Is(err, pdfinc.ErrReserve) {
			return err
		}
	}
	return fault("SIGN_CMS_TOO_LARGE", nil, nil)
}

// digestWith returns the SHA-256 over the file and the covered parts of tail.
func (w *work) digestWith(tail *pdfinc.Tail) (sum [sha256.Size]byte, err error) {
	h, err := w.sum.(hash.Cloner).Clone()
	if err != nil {
		return sum, err
	}
	before, after := tail.Signed()
	h.Write(before)
	h.Write(after)
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// copyHashed copies size bytes of in to w and returns the running SHA-256. Each
// piece is hashed while it is written.
func copyHashed(ctx context.Context, w io.Writer, in io.ReaderAt, size int64, observe packager.Observer) (hash.Hash, error) {
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := in.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if n == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		hashed := make(chan struct{})
		go func() {
			h.Write(buf[:n])
			close(hashed)
		}()
		_, err = w.Write(buf[:n])
		<-hashed
		if err != nil {
			return nil, err
		}
		off += int64(n)
		observe.Notify(packager.Progress{Step: packager.StepSign, Kind: "advance", Done: off, Total: size, Unit: "bytes"})
	}
	return h, nil
}

// replaceFile writes a file beside path, makes sure that it is on disk and
// gives it the name path.
func replaceFile(path string, mode os.FileMode, write func(*os.File) error) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".dossier-sign-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if err = write(tmp); err != nil {
		return err
	}
	if err = tmp.Chmod(mode); err != nil {
		return err
	}
	if err = tmp.Sync(); err != nil {
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a new name last. Windows does not have it and does not need it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// explain turns what stopped the writing into a Fault, unless it is one or
// the user cancelled.
func explain(ctx context.Context, path string, err error) error {
	var f *packager.Fault
	if errors.As(err, &f) {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault("SIGN_WRITE", packager.Args{"file": path}, err)
}

// pdfFault says what is wrong with a PDF.
func pdfFault(path string, err error) error {
	var f *packager.Fault
	args := packager.Args{"file": path}
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, pdfinc.ErrEncrypted):
		return fault("SIGN_PDF_ENCRYPTED", args, nil)
	case errors.Is(err, pdfinc.ErrTooLarge):
		return fault("SIGN_PDF_TOO_LARGE", args, nil)
	case errors.Is(err, stamp.ErrTooLong):
		return fault("SIGN_STAMP_TOO_LONG", nil, nil)
	}
	return fault("SIGN_PDF_UNREADABLE", args, err)
}
