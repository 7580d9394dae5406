package storage

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Every code has its words, in both languages, with what to do next; and no
// words are left over.
func TestCodesHaveWords(t *testing.T) {
	b, err := os.ReadFile("../templates/locales/storage.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var words map[string]map[string]struct{ Message, Next string }
	if err := yaml.Unmarshal(b, &words); err != nil {
		t.Fatal(err)
	}
	codes := declaredCodes(t)
	for _, code := range codes {
		for _, lang := range []string{"zh", "en"} {
			if w := words[code][lang]; w.Message == "" || w.Next == "" {
				t.Errorf("%s has no words in %s", code, lang)
			}
		}
		delete(words, code)
	}
	for code := range words {
		if strings.HasPrefix(code, "STORE_") {
			t.Errorf("%s is nobody's code", code)
		}
	}
}

// declaredCodes reads the constants of type Code from errors.go.
func declaredCodes(t *testing.T) []string {
	f, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Code" {
			code, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return true
	})
	if len(codes) < 20 {
		t.Fatalf("found only %d codes", len(codes))
	}
	return codes
}
