package verify

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/templates"
)

var catalog = sync.OnceValues(func() (*i18n.Catalog, error) { return i18n.Load(templates.FS, "locales") })

// wellSaid checks that everything in a verdict is said in full and in the
// reader's language.
func wellSaid(t *testing.T, v *packager.Verdict) {
	t.Helper()
	c, err := catalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range i18n.Languages {
		for _, k := range v.Checks {
			m, next := Say(c.Printer(lang), k)
			han := strings.ContainsFunc(m, func(r rune) bool { return unicode.Is(unicode.Han, r) })
			if strings.Contains(m+next, "{") || strings.Contains(m, "VERIFY_") || strings.Contains(m, "verify.why") || lang == "zh" && !han {
				t.Errorf("%s: %s %s: %s", lang, k.Code, k.Cause, m)
			}
			if !k.OK && next == "" {
				t.Errorf("%s: %s does not say what to do", lang, k.Code)
			}
		}
	}
}

// TestExplain: what is said of public files, good and bad, is said in full.
func TestExplain(t *testing.T) {
	c, err := catalog()
	if err != nil {
		t.Fatal(err)
	}
	files := sources(t)
	for _, path := range append(files["pdfcpu"], files["pdfium"]...) {
		v, err := PDF(context.Background(), path, Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		wellSaid(t, v)
		for _, lang := range i18n.Languages {
			var all []string
			for _, s := range Explain(c.Printer(lang), v, "x.pdf") {
				all = append(all, s.Title)
				for _, l := range s.Lines {
					all = append(all, l.Label+" "+l.Text+" "+l.Next)
				}
			}
			text := strings.Join(all, "\n")
			if strings.Contains(text, "verify.") || strings.Contains(text, "VERIFY_") || strings.Contains(text, "{") {
				t.Errorf("%s: %s", path, text)
			}
			for _, s := range v.Signatures {
				if s.Level != "" && !strings.Contains(text, s.SHA256Fingerprint) {
					t.Errorf("%s: the certificate is not named", path)
				}
			}
		}
	}
}

// TestWords: every code and every cause that the source names is in the
// catalog, and nothing else of this room is.
func TestWords(t *testing.T) {
	c, err := catalog()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"verify.why.cms.part": true}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	codes, causes := regexp.MustCompile(`"(VERIFY_[A-Z_]+)"`), regexp.MustCompile(`because\("([a-z.0-9-]+)"`)
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range codes.FindAllSubmatch(b, -1) {
			used[string(m[1])] = true
		}
		for _, m := range causes.FindAllSubmatch(b, -1) {
			used["verify.why."+string(m[1])] = true
		}
	}
	b, err := os.ReadFile("../../templates/locales/verify.yaml")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(VERIFY_[A-Z_]+|verify\.why\.[a-z.0-9-]+):`).FindAllSubmatch(b, -1) {
		there[string(m[1])] = true
	}
	for _, k := range slices.Sorted(maps.Keys(used)) {
		if !there[k] || !slices.Contains(c.Keys(), k) {
			t.Errorf("%s is not in the catalog", k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(there)) {
		if !used[k] {
			t.Errorf("%s is in the catalog and nowhere said", k)
		}
	}
}
