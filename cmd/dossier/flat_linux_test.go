package main

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"dossier/packager/sign/testpki"
)

// TestFlatMemory: the program signs and verifies a large PDF with less than
// 100 MB of resident memory, whichever cross-references it has. The size is
// 100 MB; with DOSSIER_BENCH_MB (1024 for 1 GiB) it is that, and openssl and
// pyHanko do the same to the same file beside it.
func TestFlatMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MB")
	}
	mb, err := strconv.ParseInt(os.Getenv("DOSSIER_BENCH_MB"), 10, 64)
	long := err == nil
	if !long {
		mb = 100
	}
	exe, pki, dir := testpki.Program(t), testpki.New(t, time.Now()), t.TempDir()
	id := pki.Signer(testpki.P256)
	p12, err := pkcs12.Modern.Encode(id.Key, id.Chain[0], id.Chain[1:], "x")
	if err != nil {
		t.Fatal(err)
	}
	key, root := filepath.Join(dir, "key.p12"), filepath.Join(dir, "root.pem")
	for path, b := range map[string][]byte{key: p12, root: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pki.Root.Raw}), filepath.Join(dir, "pass"): []byte("x")} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in, out := filepath.Join(dir, "in.pdf"), filepath.Join(dir, "out.pdf")
	for _, kind := range []string{"table", "stream"} {
		t.Run(kind, func(t *testing.T) {
			manyPages(t, in, mb, kind == "stream")
			run := func(name string, exit int, args ...string) (cpu time.Duration, peak int64) {
				t.Helper()
				cmd := exec.Command(args[0], args[1:]...)
				cmd.Env = append(home(t), "DOSSIER_KEY_PASSPHRASE=x")
				var said bytes.Buffer
				cmd.Stdout, cmd.Stderr = &said, &said
				start := time.Now()
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				watched := make(chan int64)
				go func() { watched <- testpki.Peak(cmd.Process.Pid) }()
				_ = cmd.Wait()
				cpu, peak = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), <-watched
				if cmd.ProcessState.ExitCode() != exit {
					t.Errorf("%s: %v\n%s", name, cmd.ProcessState, said.Bytes())
				}
				t.Logf("%s %d MB %s: %.2f s, %.2f s of CPU, %d MB resident", kind, mb, name, time.Since(start).Seconds(), cpu.Seconds(), peak/1e6)
				return cpu, peak
			}
			hash, _ := run("openssl dgst -sha256", 0, testpki.Judge(t, "openssl"), "dgst", "-sha256", in)
			compare := func(name string, cpu time.Duration, peak int64) {
				t.Helper()
				t.Logf("%s %s: %.2f times the CPU of openssl", kind, name, cpu.Seconds()/hash.Seconds())
				if peak > 100e6 {
					t.Errorf("%s: %d MB resident", name, peak/1e6)
				}
			}
			cpu, peak := run("sign", 0, exe, "sign", in, "--key", key, "--out", out)
			compare("sign", cpu, peak)
			// Nothing is attached, and that is the one thing that is missed.
			cpu, peak = run("verify", 7, exe, "verify", out, "--trust", root)
			compare("verify", cpu, peak)
			if !long {
				return
			}
			pyhanko, theirs := testpki.Judge(t, "pyhanko"), filepath.Join(dir, "theirs.pdf")
			run("pyHanko sign", 0, pyhanko, "sign", "addsig", "--field", "Sig1", "--use-pades", "pkcs12", "--passfile", filepath.Join(dir, "pass"), in, theirs, key)
			run("pyHanko validate", 0, pyhanko, "sign", "validate", "--trust", root, "--trust-replace", "--soft-revocation-check", out)
		})
	}
}

// manyPages writes a PDF of about mb MB: pages with a picture of 1 MB each, and
// a table or a stream of cross-references.
func manyPages(t *testing.T, path string, mb int64, stream bool) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	var n int64
	put := func(format string, a ...any) {
		k, err := fmt.Fprintf(w, format, a...)
		if err != nil {
			t.Fatal(err)
		}
		n += int64(k)
	}
	var at []int64
	object := func(format string, a ...any) {
		at = append(at, n)
		put("%d 0 obj\n"+format+"\nendobj\n", append([]any{len(at)}, a...)...)
	}
	put("%%PDF-1.7\n")
	object("<</Type/Catalog/Pages 2 0 R>>")
	var kids strings.Builder
	for i := range mb {
		fmt.Fprintf(&kids, "%d 0 R ", 3+2*i)
	}
	object("<</Type/Pages/Kids[%s]/Count %d/MediaBox[0 0 595 842]>>", kids.String(), mb)
	picture := strings.Repeat("picture data 0123456789abcdef.. ", 1<<15)
	for i := range mb {
		object("<</Type/Page/Parent 2 0 R/Resources<</XObject<</I %d 0 R>>>>>>", 4+2*i)
		object("<</Type/XObject/Subtype/Image/Width 1024/Height 1024/BitsPerComponent 8/ColorSpace/DeviceGray/Length %d>>\nstream\n%s\nendstream", len(picture), picture)
	}
	start := n
	if stream {
		rows := []byte{0, 0, 0, 0, 0, 0, 0, 0, 0}
		for _, off := range append(at, start) {
			rows = append(rows, 1, 0, 0, byte(off>>40), byte(off>>32), byte(off>>24), byte(off>>16), byte(off>>8), byte(off))
		}
		put("%d 0 obj\n<</Type/XRef/Size %d/W[1 8 0]/Root 1 0 R%s/Length %d>>\nstream\n", len(at)+1, len(at)+2, testpki.FileID, len(rows))
		if _, err := io.Copy(w, bytes.NewReader(rows)); err != nil {
			t.Fatal(err)
		}
		put("\nendstream\nendobj\n")
	} else {
		put("xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
		for _, off := range at {
			put("%010d 00000 n \n", off)
		}
		put("trailer\n<</Size %d/Root 1 0 R%s>>\n", len(at)+1, testpki.FileID)
	}
	put("startxref\n%d\n%%%%EOF\n", start)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
