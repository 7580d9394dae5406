package verify

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
)

// largePDF writes a signed file of about size bytes: pages with a picture of
// 1 MB each.
func largePDF(t testing.TB, size int64) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "large.pdf")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, h), 1<<20)
	var n int64
	put := func(format string, a ...any) {
		k, err := fmt.Fprintf(w, format, a...)
		if err != nil {
			t.Fatal(err)
		}
		n += int64(k)
	}
	pages := int(size >> 20)
	var at []int64
	object := func(format string, a ...any) {
		at = append(at, n)
		put("%d 0 obj\n", len(at))
		put(format, a...)
		put("\nendobj\n")
	}
	put("%%PDF-1.7\n")
	object("<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(manifest.json)3 0 R]>>>>>>")
	kids := strings.Builder{}
	for i := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", 5+2*i)
	}
	object("<</Type/Pages/Kids[%s]/Count %d/MediaBox[0 0 595 842]>>", kids.String(), pages)
	object("<</Type/Filespec/F(manifest.json)/EF<</F 4 0 R>>>>")
	object("<</Type/EmbeddedFile/Length %d>>\nstream\n%s\nendstream", len(sampleManifest), sampleManifest)
	block := strings.Repeat("picture data 0123456789abcdef.. ", 1<<15)
	for i := range pages {
		object("<</Type/Page/Parent 2 0 R/Resources<</XObject<</I %d 0 R>>>>>>", 6+2*i)
		object("<</Type/XObject/Subtype/Image/Width 1024/Height 1024/BitsPerComponent 8/ColorSpace/DeviceGray/Length %d>>\nstream\n%s\nendstream", len(block), block)
	}
	start := n
	put("xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, off := range at {
		put("%010d 00000 n \n", off)
	}
	put("trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, testpki.FileID, start)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	pki := testpki.New(t, now)
	b := &packager.Bundle{Path: path, SHA256: hex.EncodeToString(h.Sum(nil)), Bytes: n, Pages: pages}
	if _, err := sign.Sign(context.Background(), b, testKey(pki, testpki.P256), sign.Options{Out: path, Now: now}); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMemoryIsFlat verifies a file of 64 MB and looks at what is allocated.
func TestMemoryIsFlat(t *testing.T) {
	path := largePDF(t, 64<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	v, err := PDF(context.Background(), path, Options{Now: now})
	runtime.ReadMemStats(&after)
	if err != nil || !v.OK {
		t.Fatal(err, failures(v))
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d bytes were allocated in all for a file of 64 MB", used)
	}
}

// BenchmarkVerify holds verify against openssl's SHA-256 of the same file in
// the same run. The size in MB is DOSSIER_BENCH_MB, else 100.
func BenchmarkVerify(b *testing.B) {
	mb, err := strconv.ParseInt(os.Getenv("DOSSIER_BENCH_MB"), 10, 64)
	if err != nil {
		mb = 100
	}
	path := largePDF(b, mb<<20)
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("verify", func(b *testing.B) {
		b.SetBytes(st.Size())
		b.ReportAllocs()
		for b.Loop() {
			v, err := PDF(context.Background(), path, Options{Now: now})
			if err != nil || !v.OK {
				b.Fatal(err, failures(v))
			}
		}
	})
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		b.Skip("judge openssl is not installed")
	}
	b.Run("openssl", func(b *testing.B) {
		b.SetBytes(st.Size())
		for b.Loop() {
			if out, err := exec.Command(openssl, "dgst", "-sha256", path).CombinedOutput(); err != nil {
				b.Fatalf("%v %s", err, out)
			}
		}
	})
}
