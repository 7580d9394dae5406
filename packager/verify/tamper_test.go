package verify

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/sign/testpki"
)

func TestMain(m *testing.M) { os.Exit(testpki.Tidy{M: m}.Run()) }

// built is a case that the program itself has built.
func built(t testing.TB, example string) (caseDir string) {
	t.Helper()
	dir := t.TempDir()
	caseDir = testpki.Example(t, example)
	cmd := exec.Command(testpki.Program(t), "build", caseDir, "--at", "2026-11-22", "--progress", "none")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+filepath.Join(dir, "data"), "DOSSIER_TESSERACT=off", "DOSSIER_CACHE="+filepath.Join(dir, "cache"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return caseDir
}

// TestTampering changes 10,000 single bytes of everything that belongs to a
// bundle which the program has built; every change has to be found by the check
// that is for it, without the help of the receipt's digests where there is one.
func TestTampering(t *testing.T) {
	caseDir := built(t, "douyin_employee")
	out := filepath.Join(caseDir, "out")
	ctx := context.Background()
	o := Options{Now: time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC).AddDate(0, 0, 1)}
	if st, err := os.Stat(filepath.Join(out, receiptName)); err != nil {
		t.Fatal(err)
	} else if st.ModTime().After(o.Now) {
		o.Now = st.ModTime()
	}
	if v, err := Folder(ctx, out, caseDir, o); err != nil || !v.OK {
		t.Fatal(err, failures(v))
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	sealed, err := parseReceipt(read(receiptName))
	if err != nil {
		t.Fatal(err)
	}
	manifest := read(manifestName)
	o.Manifest = manifest
	stored := map[string]packager.StoredObject{}
	for _, f := range append(sealed.receipt.Files, sealed.receipt.Objects...) {
		stored[f.Name] = f
	}
	// file is the check of a file on disk that has a digest in the receipt.
	file := func(name string) func([]byte) bool {
		path := filepath.Join(t.TempDir(), "changed")
		return func(b []byte) bool {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Error(err)
			}
			f := &findings{}
			if err := f.fileDigest(ctx, path, stored[name]); err != nil {
				t.Error(err)
			}
			return !f.verdict().OK
		}
	}
	pdf := read(bundleName)
	pdfCheck := func(b []byte) bool {
		f := &findings{}
		checkPDF(f, bytes.NewReader(b), int64(len(b)), o, bundleName)
		return !f.verdict().OK
	}
	tail := int64(len(pdf)) - 40<<10
	anywhere := func(b []byte) func(*rand.Rand) int { return func(r *rand.Rand) int { return r.IntN(len(b)) } }
	material := "materials/" + firstName(t, filepath.Join(caseDir, "materials"))
	materialBytes, err := os.ReadFile(filepath.Join(caseDir, filepath.FromSlash(material)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		n     int
		bytes []byte
		check func([]byte) bool
		where func(*rand.Rand) int
	}{
		{"PDF", 1500, pdf, pdfCheck, nil},
		// Here are the container, the revision of the signature, the table.
		{"PDF, the signature's revision", 1500, pdf, pdfCheck, func(r *rand.Rand) int { return int(tail + r.Int64N(int64(len(pdf))-tail)) }},
		{"receipt", 2000, read(receiptName), func(b []byte) bool { _, err := parseReceipt(b); return err != nil }, nil},
		{"events", 2000, read(eventsName), func(b []byte) bool {
			head, _, err := walkEvents(bytes.NewReader(b), nil)
			return err != nil || head != sealed.receipt.EventsHead
		}, nil},
		{"manifest", 1000, manifest, file(manifestName), nil},
		{"workbook", 1000, read("audit.xlsx"), file("audit.xlsx"), nil},
		{"material", 1000, materialBytes, file(material), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.check(c.bytes) {
				t.Fatal("the untouched one is refused")
			}
			seed := uint64(time.Now().UnixNano())
			r := rand.New(rand.NewPCG(seed, 1))
			if c.where == nil {
				c.where = anywhere(c.bytes)
			}
			b := bytes.Clone(c.bytes)
			for range c.n {
				at, was := c.where(r), byte(0)
				was, b[at] = b[at], b[at]^byte(1+r.IntN(255))
				if !c.check(b) {
					t.Errorf("seed %d: byte %d from %#x to %#x is not found", seed, at, was, b[at])
				}
				b[at] = was
			}
		})
	}
}

func firstName(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatal(err, fmt.Sprint(len(entries)))
	}
	return entries[0].Name()
}
