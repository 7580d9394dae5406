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
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"dossier/packager"
)

const (
	officeTime  = 2 * time.Minute // the first start after a boot takes half a minute
	officeBytes = 50 << 20
)

// office turns office files into PDF with LibreOffice, one at a time, each
// with a profile of its own that is thrown away.
type office struct {
	path string // of the program, or "" for none
	dir  string // where the PDFs are kept, mode 0700
	time time.Duration
	mu   sync.Mutex
}

func newOffice(opt Options) *office {
	o := &office{path: opt.Office, dir: opt.OfficeDir, time: officeTime}
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

// shown makes a PDF of an office file, looks at it as at any other, and says
// that its pages stand for the file. A native program that draws a document is
// not a parser of ours: it has a time limit of its own, outside the fence.
//
// What the pages look like depends on the version of LibreOffice and on the
// fonts of the machine, so that the same file need not give the same PDF
// elsewhere. Here it does: the PDF is kept, and its digest is recorded.
func (x *Inspector) shown(ctx context.Context, m packager.Material, f *facts, w want) *facts {
	broken := slices.ContainsFunc(f.Problems, func(p problem) bool { return p.Fatal })
	if !x.office.available() || broken || m.Bytes > officeBytes {
		return f
	}
	g := *f
	g.Problems = slices.Clone(f.Problems)
	pdf, err := x.office.pdf(ctx, m, f.Exts[0])
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		g.note("OFFICE_NOT_CONVERTED", packager.Args{"reason": cause(err)})
		return &g
	}
	seen := x.facts(ctx, pdf, w)
	switch {
	case seen == nil:
		return nil
	case seen.Pages == 0:
		g.note("OFFICE_NOT_CONVERTED", packager.Args{"reason": "0 pages"})
		return &g
	}
	g.Shown, g.ShownSum, g.Pages = pdf.Abs, pdf.SHA256, seen.Pages
	g.Fields, g.QR, g.ReadBy, g.Class, g.ClassWord = seen.Fields, seen.QR, seen.ReadBy, seen.Class, seen.ClassWord
	g.note("OFFICE_CONVERTED", packager.Args{"pages": strconv.Itoa(seen.Pages)})
	return &g
}

// pdf returns the PDF of an office file, made now or earlier.
func (o *office) pdf(ctx context.Context, m packager.Material, ext string) (packager.Material, error) {
	to := o.kept(m.SHA256)
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := os.Stat(to); err != nil {
		if err := o.convert(ctx, m.Abs, ext, to); err != nil {
			return packager.Material{}, err
		}
	}
	return stat(to)
}

// settings of the throw-away profile: no macros, and nothing fetched from
// elsewhere, however the document asks for it. The filters that read Word files
// fetch pictures without regard to BlockUntrustedRefererLinks; so whatever is
// fetched goes through a proxy at a port where nobody answers.
const settings = `<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableActiveContent" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetProxyType" oor:op="fuse"><value>2</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetHTTPProxyName" oor:op="fuse"><value>127.0.0.1</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetHTTPProxyPort" oor:op="fuse"><value>9</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetHTTPSProxyName" oor:op="fuse"><value>127.0.0.1</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetHTTPSProxyPort" oor:op="fuse"><value>9</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetNoProxy" oor:op="fuse"><value></value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>1</value></prop></item>
</oor:items>
`

// convert runs LibreOffice on a copy of the file, in a folder that is swept
// away with everything in it.
func (o *office) convert(ctx context.Context, from, ext, to string) error {
	ctx, cancel := context.WithTimeout(ctx, o.time)
	defer cancel()
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(o.dir, newPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	o.sweep(tmp)
	profile := filepath.Join(tmp, "profile")
	if err := os.MkdirAll(filepath.Join(profile, "user"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(profile, "user", "registrymodifications.xcu"), []byte(settings), 0o600); err != nil {
		return err
	}
	in := filepath.Join(tmp, "in."+ext)
	if err := copyTo(from, in); err != nil {
		return err
	}
	url := "file://" + filepath.ToSlash(profile)
	cmd := exec.CommandContext(ctx, o.path, "-env:UserInstallation="+url, "--headless", "--norestore", "--convert-to", "pdf", "--outdir", tmp, in)
	cmd.Env = passed(os.Environ())
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("LibreOffice: %w", ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("LibreOffice: %w %s", err, lastLine(out))
	}
	made := filepath.Join(tmp, "in.pdf")
	if err := os.Chmod(made, 0o600); err != nil {
		return fmt.Errorf("LibreOffice made no PDF: %s", lastLine(out))
	}
	return os.Rename(made, to)
}

// lastLine is where LibreOffice says what went wrong.
func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

const newPrefix = ".new-"

// sweep removes what a killed run left behind: folders so much older than one
// that was just made that nobody can be at work in them.
func (o *office) sweep(fresh string) {
	now, err := os.Stat(fresh)
	if err != nil {
		return
	}
	left, err := filepath.Glob(filepath.Join(o.dir, newPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		if st, err := os.Stat(dir); err == nil && now.ModTime().Sub(st.ModTime()) > 4*officeTime {
			_ = os.RemoveAll(dir)
		}
	}
}

func copyTo(from, to string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, io.LimitReader(r, officeBytes))
	return errors.Join(err, w.Close())
}
