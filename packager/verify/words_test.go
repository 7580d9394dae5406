package verify

import (
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
