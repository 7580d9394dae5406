package inspect

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dossier/packager/i18n"
	"dossier/templates"
)

// Every code in this folder has its words, in both languages, and every value
// that the words ask for is given somewhere beside the code.
func TestEveryCodeHasWords(t *testing.T) {
	catalog, err := i18n.Load(templates.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	codes := map[string]bool{}
	for _, m := range regexp.MustCompile(`"([A-Z]{3,}(?:_[A-Z]+)+)"`).FindAllStringSubmatch(source.String(), -1) {
		codes[m[1]] = true
	}
	delete(codes, "DOSSIER_INSPECT_HELPER") // variables of the environment
	delete(codes, "TESSDATA_PREFIX")
	delete(codes, "LC_ALL")
	if len(codes) < 10 {
		t.Fatalf("only %d codes found", len(codes))
	}
	for code := range codes {
		for _, lang := range i18n.Languages {
			message, next := catalog.Printer(lang).Say(code, nil)
			if message == code {
				t.Errorf("%s has no words in %s", code, lang)
			}
			for _, m := range regexp.MustCompile(`\{([a-z_]+)\}`).FindAllStringSubmatch(message+next, -1) {
				if !strings.Contains(source.String(), "\""+m[1]+"\"") {
					t.Errorf("%s asks for {%s}, which nobody gives", code, m[1])
				}
			}
		}
	}
}
