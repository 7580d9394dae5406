package inspect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"dossier/packager"
)

const (
	officeTime  = 90 * time.Second
	officeBytes = 50 << 20
)

// office turns office files into PDF with LibreOffice, one at a time, each
// with a profile of its own that is thrown away.
type office struct {
	path string // of the program, or "" for none
	dir  string // where the PDFs are kept, mode 0700
	mu   sync.Mutex
}

func newOffice(opt Options) *office {
	o := &office{path: opt.Office, dir: opt.OfficeDir}
	if o.path == "auto" {
		o.path = ""
		for _, name := range []string{"soffice", "libreoffice"} {
			if p, err := exec.LookPath(name); err == nil {
				o.path = p
				break
			}
		}
	}
	return o
}

func (o *office) available() bool { return o.path != "" && o.dir != "" }

// kept is where the PDF made from a content stands.
func (o *office) kept(sum string) string {
	h := sha256.Sum256(fmt.Appendf(nil, "dossier office %d %s", version, sum))
	return filepath.Join(o.dir, hex.EncodeToString(h[:16])+".pdf")
}

// shown makes a PDF of an office file and records where it is.
func (x *Inspector) shown(ctx context.Context, r io.ReaderAt, size int64, k kind, f *facts) {
	if !x.office.available() || size > officeBytes {
		return
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, 0, size)); err != nil {
		return
	}
	to := x.office.kept(hex.EncodeToString(h.Sum(nil)))
	if _, err := os.Stat(to); err != nil {
		if err := x.office.convert(ctx, io.NewSectionReader(r, 0, size), k, to); err != nil {
			f.note("OFFICE_NOT_CONVERTED", packager.Args{"reason": brief(err.Error())})
			return
		}
	}
	p, err := os.Open(to)
	if err != nil {
		return
	}
	defer p.Close()
	info := &packager.PDFInfo{}
	pages, err := parsePDF(ctx, p, info)
	if err != nil || pages == 0 {
		return
	}
	f.Shown, f.Pages = to, pages
	f.note("OFFICE_CONVERTED", packager.Args{"pages": fmt.Sprint(pages)})
}

// convert runs LibreOffice. Macros and links stay off: those are the defaults
// of a fresh profile without a window.
func (o *office) convert(ctx context.Context, r io.Reader, k kind, to string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, officeTime)
	defer cancel()
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(o.dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	in := filepath.Join(tmp, "in."+k.exts[0])
	w, err := os.OpenFile(in, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	profile := "file://" + filepath.ToSlash(filepath.Join(tmp, "profile"))
	cmd := exec.CommandContext(ctx, o.path, "-env:UserInstallation="+profile, "--headless", "--norestore", "--convert-to", "pdf", "--outdir", tmp, in)
	cmd.Env = passed(os.Environ())
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("LibreOffice: %w %s", err, strings.TrimSpace(string(out)))
	}
	made := filepath.Join(tmp, "in.pdf")
	if err := os.Chmod(made, 0o600); err != nil {
		return fmt.Errorf("LibreOffice made no PDF: %s", strings.TrimSpace(string(out)))
	}
	return os.Rename(made, to)
}
