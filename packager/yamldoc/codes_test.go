package yamldoc

import (
	"os"
	"regexp"
	"testing"
)

var codeLiteral = regexp.MustCompile(`"(YAML_[A-Z0-9_]+)"`)

// codesOf returns the codes that stand in source files.
func codesOf(t *testing.T, files ...string) []string {
	t.Helper()
	var all []string
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range codeLiteral.FindAllSubmatch(b, -1) {
			all = append(all, string(m[1]))
		}
	}
	if len(all) == 0 {
		t.Fatal("no codes found")
	}
	return all
}
