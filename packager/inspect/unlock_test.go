package inspect

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/inspect/samples"
)

// lockedPDFs are one PDF under every encryption of ISO 32000-1, 7.6 and
// ISO 32000-2, 7.6, by pdfcpu and, where it is installed, by qpdf.
func lockedPDFs(t *testing.T, pdf []byte, user, owner string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{"pdfcpu AES-256": samples.Encrypt(pdf, user, owner)}
	if _, err := exec.LookPath("qpdf"); err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatal(err)
		}
		t.Log("qpdf is not installed: only one encryption is tried")
		return out
	}
	dir := t.TempDir()
	in := filepath.Join(dir, "in.pdf")
	if err := os.WriteFile(in, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"RC4-40":      {"40", "--"},
		"RC4-128":     {"128", "--use-aes=n", "--"},
		"AES-128":     {"128", "--use-aes=y", "--"},
		"AES-256":     {"256", "--"},
		"AES-256 R5":  {"256", "--force-R5", "--"},
		"nothing but": {"256", "--print=none", "--modify=none", "--extract=n", "--annotate=n", "--"},
	} {
		to := filepath.Join(dir, "out.pdf")
		all := append(append([]string{"--allow-weak-crypto", "--encrypt", user, owner}, args...), in, to)
		if b, err := exec.Command("qpdf", all...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", name, err, b)
		}
		b, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	return out
}

// tries gives passwords one after the other and counts how often it was asked.
func tries(asked *int, passwords ...packager.Secret) Passwords {
	return func(_ packager.Material, wrong int) (packager.Secret, bool) {
		*asked++
		if wrong >= len(passwords) {
			return "", false
		}
		return passwords[wrong], true
	}
}

// An encrypted PDF is opened by its password, or its owner's, whichever way it
// was encrypted; what is in it is read; and nothing of it is kept.
func TestPasswordOpens(t *testing.T) {
	letter := samples.PDF{Pages: 2, Text: "USCC 91000000MAFAKE019J, page"}.Bytes()
	engine := withHelper(t).EngineCacheDir
	const ascii, unicode = "geheim-1", "geheim 密码"
	all, plain := lockedPDFs(t, letter, unicode, "owner"), lockedPDFs(t, letter, ascii, "owner")
	for name, b := range all {
		password := packager.Secret(unicode)
		if slices.Contains([]string{"RC4-40", "RC4-128", "AES-128"}, name) { // no Unicode before revision 5
			b, password = plain[name], ascii
		}
		t.Run(name, func(t *testing.T) {
			cache := t.TempDir()
			m := material(t, "materials/函.pdf", b, packager.RoleMaterial, "application_letter")
			look := func(p Passwords) (packager.Inspected, []string) {
				x := New(Options{CacheDir: cache, EngineCacheDir: engine, Tesseract: "off", Passwords: p})
				defer x.Close()
				in, err := x.Inspect(t.Context(), &packager.Collection{Case: &packager.Case{}, Rules: papers(), Materials: []packager.Material{m}}, nil)
				if err != nil {
					t.Fatal(err)
				}
				var codes []string
				for _, f := range in.Findings {
					codes = append(codes, string(f.Severity)+" "+f.Code)
				}
				return in.Files[0], codes
			}
			asked := 0
			for _, right := range []packager.Secret{password, "owner"} {
				got, codes := look(tries(&asked, "falsch", right))
				if got.Unusable != "" || got.Pages != 2 || got.Password != right || !slices.Equal(codes, []string{"info PDF_OPENED_WITH_PASSWORD"}) {
					t.Fatalf("%+v %v", got, codes)
				}
				if !slices.Contains(said(got.Fields), "uscc=91000000MAFAKE019J proven") {
					t.Errorf("read %v", said(got.Fields))
				}
			}
			got, codes := look(tries(&asked, "falsch", "Falsch"))
			if got.Unusable != "PDF_PASSWORD_WRONG" || got.Password != "" || !slices.Equal(codes, []string{"block PDF_PASSWORD_WRONG"}) {
				t.Errorf("%+v %v", got, codes)
			}
			// neither a run without a password nor one that skips profits from the others
			for _, p := range []Passwords{nil, tries(&asked)} {
				got, codes = look(p)
				if got.Unusable != "PDF_ENCRYPTED" || len(got.Fields) > 0 || !slices.Equal(codes, []string{"block PDF_ENCRYPTED"}) {
					t.Errorf("%+v %v", got, codes)
				}
			}
			if asked != 2*2+3+1 {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

// What was opened is on no disk: not in the cache, not in a scratch folder.
func TestOpenedStaysInMemory(t *testing.T) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	cache := t.TempDir()
	b := samples.Encrypt(samples.PDF{Pages: 1, Text: "TOPSECRET"}.Bytes(), "geheim", "owner")
	m := material(t, "materials/函.pdf", b, packager.RoleMaterial, "application_letter")
	asked := 0
	opt := withHelper(t)
	opt.CacheDir, opt.Passwords = cache, tries(&asked, "geheim")
	before := contents(t, cache)
	got, _ := inspectOne(t, opt, m)
	if got.Unusable != "" {
		t.Fatalf("%+v", got)
	}
	for _, dir := range []string{scratch, cache} {
		for name, b := range contents(t, dir) {
			if bytes.Contains(b, []byte("TOPSECRET")) || bytes.Contains(b, []byte("geheim")) {
				t.Errorf("%s holds what was locked", name)
			}
		}
	}
	// the record of the locked file, and nothing else that is ours
	records := 0
	for name := range contents(t, cache) {
		if _, old := before[name]; !old && !strings.Contains(name, "wasm") {
			records++
		}
	}
	if records != 1 {
		t.Errorf("%d records", records)
	}
}

// A password is asked for only where the content would be seen.
func TestNotAskedForNothing(t *testing.T) {
	b := samples.Encrypt(samples.PDF{Pages: 1}.Bytes(), "geheim", "owner")
	for _, m := range []packager.Material{
		material(t, "backups/a.pdf", b, packager.RoleBackup, "articles"),
		material(t, "materials/consent.pdf", b, packager.RoleConsent),
		material(t, "materials/free.pdf", samples.PDF{Pages: 1}.Bytes(), packager.RoleMaterial, "x"),
		material(t, "materials/owner.pdf", samples.Encrypt(samples.PDF{Pages: 1}.Bytes(), "", "owner"), packager.RoleMaterial, "x"),
	} {
		asked := 0
		got, found := inspectOne(t, Options{Passwords: tries(&asked, "geheim")}, m)
		if asked != 0 {
			t.Errorf("%s: asked", m.Path)
		}
		if strings.HasSuffix(m.Path, "owner.pdf") && (got.Unusable != "" || len(found) != 1 || found[0].Code != "PDF_OPENED_WITH_EMPTY_PASSWORD") {
			t.Errorf("%+v %+v", got, found)
		}
	}
}

// Collecting, a locked paper is known by its content, too.
func TestLockedIsRecognised(t *testing.T) {
	text := samples.PDF{Pages: 1, Text: "91000000MAFAKE019J"}.Bytes()
	m := material(t, "a.pdf", samples.Encrypt(text, "geheim", "owner"), packager.RoleUnplaced)
	asked := 0
	x := New(Options{EngineCacheDir: withHelper(t).EngineCacheDir, Tesseract: "off", Passwords: tries(&asked, "geheim")})
	defer x.Close()
	f := x.facts(t.Context(), m, want{Text: true})
	if f, _ = x.unlock(t.Context(), m, f, want{Text: true}); !slices.Contains(said(f.Fields), "uscc=91000000MAFAKE019J proven") {
		t.Errorf("%+v", f)
	}
	if id, _ := x.Recognise(t.Context(), m.Abs, &packager.Case{}, papers()); id != "" || asked != 2 {
		t.Errorf("taken for %q, asked %d times", id, asked)
	}
}
