package rules_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shown writes diagnostics as a person sees them: place, what, the line with a
// mark under the column.
func shown(found packager.Diagnostics) string {
	var b strings.Builder
	for _, d := range found {
		fmt.Fprintf(&b, "%s %s %s", d.Pos, d.Code, d.Path)
		for _, k := range slices.Sorted(maps.Keys(d.Args)) {
			if k != "known" {
				fmt.Fprintf(&b, " %s=%q", k, d.Args[k])
			}
		}
		if d.Suggestion != "" {
			fmt.Fprintf(&b, " → %s", d.Suggestion)
		}
		line, r := "", []rune(d.Line)
		if d.Pos.Column > 0 && d.Pos.Column <= len(r) {
			line = string(r[max(0, d.Pos.Column-16):d.Pos.Column-1]) + "⟨" + string(r[d.Pos.Column-1:min(len(r), d.Pos.Column+24)])
		}
		fmt.Fprintf(&b, "\n    %s\n", line)
	}
	return b.String()
}

// TestLint holds what lint says of a pack with one of every mistake.
func TestLint(t *testing.T) {
	b, err := os.ReadFile("testdata/bad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := shown(diagnosticsOf(library(t).Lint("testdata/bad.yaml", b)))
	if *update {
		if err := os.WriteFile("testdata/bad.golden", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/bad.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLintOther(t *testing.T) {
	good, err := os.ReadFile("testdata/base/platforms/shop/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, file, text string
		want             []string
	}{
		{"nothing wrong", "shop/rules.yaml", string(good), nil},
		{"the id is not the folder", "shopping/rules.yaml", string(good), []string{"2:5 RULE_ID_FOLDER id folder=shopping id=shop → shopping"}},
		{"no YAML", "x.yaml", "rules:\n\t- x\n", []string{"2:1 YAML_TAB "}},
		{"nothing there", "x.yaml", "{}", []string{
			"1:1 YAML_MISSING_KEY version key=version", "1:1 YAML_MISSING_KEY id key=id", "1:1 YAML_MISSING_KEY revision key=revision",
			"1:1 YAML_MISSING_KEY name key=name", "1:1 YAML_MISSING_KEY operator key=operator", "1:1 YAML_MISSING_KEY channel key=channel",
			"1:1 YAML_MISSING_KEY applications key=applications", "1:1 YAML_MISSING_KEY account_types key=account_types",
			"1:1 YAML_MISSING_KEY sources key=sources", "1:1 YAML_MISSING_KEY rules key=rules",
		}},
		{"a catalogue", "_common/materials.yaml", "materials:\n  - {id: a, name: {zh: 甲, en: A}, part: lettre, order: 1}\n  - {id: a, name: {zh: 甲}, part: letter, order: x, clear: [{name: n, at: [0, 0, 1]}]}\n", []string{
			"2:41 YAML_ENUM materials.0.part got=lettre → letter",
			"3:10 RULE_DUPLICATE_ID materials.1.id id=a line=2",
			"3:13 YAML_MISSING_KEY materials.1.name.en key=en",
			"3:49 YAML_WANT_INTEGER materials.1.order got=x",
			"3:74 YAML_EMPTY materials.1.clear.0.at",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := told2(library(t).Lint(test.file, []byte(test.text)))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// FuzzLint: no pack brings lint to a fall.
func FuzzLint(f *testing.F) {
	for _, name := range []string{"testdata/bad.yaml", "testdata/own/club/rules.yaml", "testdata/own/shop/rules.yaml"} {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	l := library(f)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 20000 {
			return
		}
		if err := l.Lint("rules.yaml", []byte(text)); err != nil && diagnosticsOf(err) == nil {
			t.Errorf("%T %v", err, err)
		}
	})
}
