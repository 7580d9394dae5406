package sign

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/sign/testpki"
)

// bigPDF writes a document of one page with an attachment-like stream of the
// given size.
func bigPDF(t testing.TB, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	small := testpki.WithTable("1.7", testpki.FileID, testpki.OnePage("", "")...)
	head := small[:strings.Index(string(small), "xref\n0 ")]
	w.Write(head)
	fmt.Fprintf(w, "6 0 obj\n<</Length %d>>\nstream\n", size)
	line := []byte(strings.Repeat("0123456789abcdef", 4096))
	for left := size; left > 0; left -= int64(len(line)) {
		w.Write(line[:min(left, int64(len(line)))])
	}
	io.WriteString(w, "\nendstream\nendobj\n")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	start, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		t.Fatal(err)
	}
	table := string(small[len(head):])
	table = strings.Replace(table, "xref\n0 6\n", "xref\n0 7\n", 1)
	table = strings.Replace(table, "trailer\n<</Size 6", fmt.Sprintf("%010d 00000 n \ntrailer\n<</Size 7", len(head)), 1)
	table = strings.Replace(table, fmt.Sprintf("startxref\n%d", len(head)), fmt.Sprintf("startxref\n%d", start), 1)
	if _, err := f.WriteString(table); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// peakMB returns the largest resident set of this process so far, in MB.
func peakMB() float64 {
	b, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kb, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "kB", 2)[0]))
	return float64(kb) / 1000
}

// Signing reads the file once and holds nothing of it: the peak of memory is
// the same for 100 MB and for 1 GiB (DOSSIER_BENCH_BYTES).
//
//	openssl dgst -sha256 FILE
//
// on the same file is the measure of what hashing alone costs.
func BenchmarkSign(b *testing.B) {
	size, err := strconv.ParseInt(os.Getenv("DOSSIER_BENCH_BYTES"), 10, 64)
	if err != nil {
		size = 100e6
	}
	pki := testpki.New(b, now)
	key := testKey(pki, testpki.P256)
	dir := b.TempDir()
	path := filepath.Join(dir, "big.pdf")
	bigPDF(b, path, size)
	run := func(name string, one func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				if err := one(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(peakMB(), "peak-RSS-MB")
		})
	}
	run("sign", func() error {
		_, err := Sign(context.Background(), &packager.Bundle{Path: path}, key, Options{Out: filepath.Join(dir, "out.pdf"), Now: now})
		return err
	})
	run("openssl-dgst", func() error {
		testpki.MustRun(b, "openssl", "dgst", "-sha256", path)
		return nil
	})
}

func TestAbove100MB(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MB")
	}
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.RSA)
	dir := t.TempDir()
	path, out := filepath.Join(dir, "big.pdf"), filepath.Join(dir, "out.pdf")
	bigPDF(t, path, 100_000_100)
	before := peakMB()
	if _, err := Sign(context.Background(), &packager.Bundle{Path: path}, key, Options{Out: out, Now: now}); err != nil {
		t.Fatal(err)
	}
	if grown := peakMB() - before; grown > 50 {
		t.Errorf("signing took %.0f MB", grown)
	}
	got := testpki.MustRun(t, "pdfsig", "-nssdir", testpki.NSSStore(t, pki.Root.Raw), out)
	if !strings.Contains(got, "Signature is Valid.") || !strings.Contains(got, "Total document signed") {
		t.Error(got)
	}
}
