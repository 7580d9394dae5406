package inspect

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/inspect/samples"
)

// Office files are shown as LibreOffice prints them; without it, or where it
// fails, they stay unusable, and it is said what to do.
func TestOffice(t *testing.T) {
	if testing.Short() {
		t.Skip("LibreOffice takes seconds")
	}
	program, err := exec.LookPath("soffice")
	if err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatal(err)
		}
		t.Skip("LibreOffice is not installed")
	}
	cache := t.TempDir()
	m := material(t, "materials/清单.xlsx", xlsx(t, []any{"specimen", "letter"}), packager.RoleMaterial, "x")
	got, found := inspectOne(t, Options{CacheDir: cache, Office: program}, m)
	if got.Unusable != "" || got.Form != packager.FormOffice || got.Pages != 1 || len(found) != 1 || found[0].Code != "OFFICE_CONVERTED" {
		t.Fatalf("%+v %+v", got, found)
	}
	st, err := os.Stat(got.Shown)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", st, err)
	}
	doc, err := New(Options{CacheDir: cache}).pdfium.Open(context.Background(), open(t, got.Shown), st.Size())
	if err != nil {
		t.Fatal(err)
	}
	defer doc.Close()
	if text, err := doc.Text(0); err != nil || !strings.Contains(text, "specimen") {
		t.Errorf("%q %v", text, err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "office", ".new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	// a file that is none fails by name
	bad, found := inspectOne(t, Options{CacheDir: cache, Office: program}, material(t, "materials/坏.docx", samples.Office("word"), packager.RoleMaterial, "x"))
	if bad.Unusable != "OFFICE_FILE" || len(found) != 2 || found[0].Code != "OFFICE_NOT_CONVERTED" {
		t.Errorf("%+v %+v", bad, found)
	}
	// the record in the cache does not outlive the PDF
	if err := os.Remove(got.Shown); err != nil {
		t.Fatal(err)
	}
	if again, _ := inspectOne(t, Options{CacheDir: cache, Office: "/nowhere/soffice"}, m); again.Unusable != "OFFICE_FILE" {
		t.Errorf("%+v", again)
	}
	if off, _ := inspectOne(t, Options{CacheDir: cache}, m); off.Unusable != "OFFICE_FILE" || off.Shown != "" {
		t.Errorf("%+v", off)
	}
}

func open(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
