package inspect

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/inspect/samples"
)

// Office files are shown as LibreOffice prints them; without it, or where it
// fails, they stay unusable, and it is said what to do.
func TestOffice(t *testing.T) {
	program := libreOffice(t)
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
	// without the PDF and the program there is nothing to show
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

// libreOffice returns the program, or skips the test.
func libreOffice(t *testing.T) string {
	t.Helper()
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
	return program
}

// A letter that was written in Word is read by way of its PDF; what it wants to
// be fetched from elsewhere is not fetched. The same letter in the old format
// under the extension of WPS gives the same.
func TestWordLetter(t *testing.T) {
	program := libreOffice(t)
	fetched := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { fetched <- r.URL.Path }))
	defer server.Close()
	docx := samples.Docx(server.URL+"/p.png", "账号注销申请函", "致：深圳市腾讯计算机系统有限公司",
		"申请单位：测试虚构（样本）科技有限公司", "统一社会信用代码：91000000MAFAKE019J", "账号：gh_0123456789ab", "2026年11月16日")
	dir := t.TempDir()
	in := filepath.Join(dir, "a.docx")
	if err := os.WriteFile(in, docx, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-env:UserInstallation=file://"+dir+"/profile", "--headless", "--convert-to", "doc:MS Word 97", "--outdir", dir, in).CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	doc, err := os.ReadFile(filepath.Join(dir, "a.doc"))
	if err != nil {
		t.Fatalf("%v %s", err, out) // libreoffice-writer is a package of its own
	}
	for len(fetched) > 0 { // that was without our settings
		<-fetched
	}
	x := New(Options{CacheDir: t.TempDir(), EngineCacheDir: withHelper(t).EngineCacheDir, Tesseract: "off", Office: "auto"})
	defer x.Close()
	for name, b := range map[string][]byte{"函.docx": docx, "函.wps": doc} {
		m := material(t, "materials/"+name, b, packager.RoleMaterial, "application_letter")
		in, err := x.Inspect(t.Context(), &packager.Collection{Case: &packager.Case{}, Rules: papers(), Materials: []packager.Material{m}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		f := in.Files[0]
		if f.Unusable != "" || f.Pages != 1 || f.ReadBy != "text" || f.ShownSHA256 == "" || len(in.Findings) != 1 || in.Findings[0].Code != "OFFICE_CONVERTED" {
			t.Fatalf("%s: %+v %+v", name, f, in.Findings)
		}
		for _, want := range []string{"uscc=91000000MAFAKE019J proven", "name=测试虚构(样本)科技有限公司", "addressee=深圳市腾讯计算机系统有限公司", "account_id=gh_0123456789ab", "dated=2026-11-16"} {
			if !slices.Contains(said(f.Fields), want) {
				t.Errorf("%s: no %s in %v", name, want, said(f.Fields))
			}
		}
		if id, _ := x.Recognise(t.Context(), m.Abs, &packager.Case{}, papers()); id != "application_letter" {
			t.Errorf("%s: taken for %q", name, id)
		}
	}
	if len(fetched) > 0 {
		t.Errorf("%s was fetched", <-fetched)
	}
}

// A program that hangs is ended in time, with what it started, and its folder
// is swept away; so is what a killed run left.
func TestOfficeHangs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the program is a shell script")
	}
	dir := t.TempDir()
	program, lives := filepath.Join(dir, "soffice"), filepath.Join(dir, "lives")
	script := "#!/bin/sh\n(while :; do touch " + lives + "; sleep 0.1; done) &\nwait\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	x := New(Options{CacheDir: dir, Tesseract: "off", Office: program})
	defer x.Close()
	x.office.time = time.Second
	old := filepath.Join(dir, "office", ".new-old")
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(old, time.Now(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	got, found := inspectWith(t, x, material(t, "materials/a.docx", samples.Docx("", "x"), packager.RoleMaterial, "x"))
	if got.Unusable != "OFFICE_FILE" || len(found) != 2 || found[0].Code != "OFFICE_NOT_CONVERTED" {
		t.Errorf("%+v %+v", got, found)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "office", ".new-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if err := os.Remove(lives); err != nil {
		t.Fatal("the program did not run")
	}
	time.Sleep(500 * time.Millisecond)
	if _, err := os.Stat(lives); err == nil {
		t.Error("what the program started goes on")
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
