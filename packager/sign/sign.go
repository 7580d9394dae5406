// Package sign signs a bundle to PAdES (ETSI EN 319 142-1) as an incremental
// update: the bytes that were composed stay as they are, the signature stands
// behind them, and nothing touches the file afterwards. It also seals receipts
// with the same form of CMS.
package sign

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"dossier/packager"
	"dossier/packager/sign/cms"
	"dossier/packager/sign/pdfinc"
	"dossier/packager/sign/stamp"
)

// The PAdES baseline levels.
const (
	LevelB = "B-B"
)

// Options says how to sign.
type Options struct {
	Out   string    // path of the signed PDF; replaced if it exists
	Now   time.Time // the claimed time of signing: /M, and what certificates are judged by
	Level string    // one of the Level constants; "" is LevelB
	PSS   bool      // RSASSA-PSS; not every reader knows it

	Reason   string // /Reason
	Location string // /Location
	Name     string // /Name; "" is the certificate's subject

	// Stamp is the text of the visible signature. Without lines, or with a
	// Bundle.Stamp of no size, the signature is invisible.
	Stamp       StampText
	FontRegular []byte // TrueType font that the stamp is drawn with

	AuditHead string // hash of the audit log's last event so far; for StampLines

	Progress packager.Observer
}

// StampText is what the stamp says.
type StampText struct {
	Lines []string
}

// firstReserve is the room for the CMS in bytes. A B-B signature takes 1.8 to
// 2.3 KB, B-T under 5 KB; a token or a chain that needs more gets it.
const (
	firstReserve = 16 << 10
	maxReserve   = 1 << 20
)

// Sign writes b with a signature to opt.Out. The file appears under that name
// complete and on disk, or not at all. An error that can be explained is a
// *packager.Fault of ClassSigning.
func Sign(ctx context.Context, b *packager.Bundle, key *Key, opt Options) (*packager.SignedBundle, error) {
	if opt.Level == "" {
		opt.Level = LevelB
	}
	if opt.Level != LevelB {
		return nil, fault("SIGN_LEVEL_UNKNOWN", packager.Args{"level": opt.Level}, nil)
	}
	if err := key.Check(opt.Now); err != nil {
		return nil, err
	}
	in, err := os.Open(b.Path)
	if err != nil {
		return nil, fault("SIGN_READ", packager.Args{"file": b.Path}, err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, fault("SIGN_READ", packager.Args{"file": b.Path}, err)
	}
	doc, err := pdfinc.Open(in, info.Size())
	if err != nil {
		return nil, pdfFault(b.Path, err)
	}
	out := *b
	out.Path = opt.Out
	err = replaceFile(opt.Out, info.Mode().Perm(), func(w io.Writer) error {
		body, err := copyHashed(ctx, w, in, info.Size(), opt.Progress)
		if err != nil {
			return err
		}
		digest := body.Sum(nil)
		if b.SHA256 != "" && hex.EncodeToString(digest) != b.SHA256 {
			return fault("SIGN_INPUT_CHANGED", packager.Args{"file": b.Path}, nil)
		}
		tail, err := signedTail(doc, body, key, b.Stamp, opt)
		if err != nil {
			return err
		}
		if _, err := w.Write(tail); err != nil {
			return err
		}
		body.Write(tail)
		out.SHA256, out.Bytes = hex.EncodeToString(body.Sum(nil)), info.Size()+int64(len(tail))
		return ctx.Err()
	})
	if err != nil {
		return nil, explain(ctx, opt.Out, err)
	}
	return &packager.SignedBundle{Bundle: out, Signature: packager.Signature{
		Level: opt.Level, Signer: key.SubjectName(), SHA256Fingerprint: key.Fingerprint(),
	}}, nil
}

// signedTail returns the revision with the signature. body is the running
// SHA-256 of the file before it; it is left as it is.
func signedTail(doc *pdfinc.File, body hash.Hash, key *Key, place packager.StampPlace, opt Options) ([]byte, error) {
	signer := cms.Signer{Key: key.Signer, Chain: key.Chain, PSS: opt.PSS}
	id := body.Sum(nil)
	for reserve := firstReserve; reserve <= maxReserve; reserve *= 2 {
		u := doc.NewUpdate()
		if err := addSignature(doc, u, key, place, opt, id, reserve); err != nil {
			return nil, pdfFault(opt.Out, err)
		}
		tail, err := u.Tail(id)
		if err != nil {
			return nil, pdfFault(opt.Out, err)
		}
		digest, err := digestWith(body, tail)
		if err != nil {
			return nil, err
		}
		der, err := signer.Sign(digest, nil)
		if err != nil {
			return nil, fault("SIGN_KEY_FAILED", packager.Args{"key": key.Source}, err)
		}
		err = tail.Fill(der)
		if err == nil {
			return tail.Bytes, nil
		}
		if !errors.Is(err, pdfinc.ErrReserve) {
			return nil, err
		}
	}
	return nil, fault("SIGN_CMS_TOO_LARGE", packager.Args{"key": key.Source}, nil)
}

// digestWith returns the SHA-256 over the file and the covered parts of tail.
func digestWith(body hash.Hash, tail *pdfinc.Tail) (sum [sha256.Size]byte, err error) {
	h, err := body.(hash.Cloner).Clone()
	if err != nil {
		return sum, err
	}
	before, after := tail.Signed()
	h.Write(before)
	h.Write(after)
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// copyHashed copies size bytes of in to w and returns the running SHA-256.
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
		h.Write(buf[:n])
		if _, err := w.Write(buf[:n]); err != nil {
			return nil, err
		}
		off += int64(n)
		observe.Notify(packager.Progress{Step: packager.StepSign, Kind: "advance", Done: off, Total: size, Unit: "bytes"})
	}
	return h, nil
}

// replaceFile writes a file beside path, makes sure that it is on disk and
// gives it the name path.
func replaceFile(path string, mode os.FileMode, write func(io.Writer) error) (err error) {
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

func syncDir(dir string) error {
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

// pdfDate writes a date as ISO 32000-1 §7.9.4 has it, in Asia/Shanghai.
func pdfDate(t time.Time) string {
	return fmt.Sprintf("(D:%s+08'00')", t.In(packager.Shanghai).Format("20060102150405"))
}
