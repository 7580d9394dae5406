package yamldoc

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"dossier/templates"
)

// dump writes what the rest of the package reads of a tree.
func dump(b *strings.Builder, n *yaml.Node, depth int) {
	fmt.Fprintf(b, "%*s%d %s %q %d:%d &%s", depth, "", n.Kind, n.ShortTag(), n.Value, n.Line, n.Column, n.Anchor)
	fmt.Fprintf(b, " style=%d\n", n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle))
	for _, c := range n.Content {
		dump(b, c, depth+1)
	}
}

// agree reports whether both parsers read a text alike, where quick reads it.
func agree(t *testing.T, text string) bool {
	t.Helper()
	fast := quick(text)
	if fast == nil {
		return false
	}
	d := &Doc{}
	if err := d.readFull([]byte(text)); err != nil {
		t.Fatalf("quick reads what the full parser refuses (%v):\n%s", err, text)
	}
	var a, b strings.Builder
	dump(&a, fast, 0)
	dump(&b, d.root, 0)
	if a.String() != b.String() {
		t.Fatalf("the trees differ for\n%s\nquick:\n%s\nfull:\n%s", text, a.String(), b.String())
	}
	return true
}

func TestQuickReadsWhatIsShipped(t *testing.T) {
	packs, err := fs.Glob(templates.FS, "platforms/*/*.yaml")
	if err != nil || len(packs) == 0 {
		t.Fatal(err, len(packs))
	}
	for _, name := range packs {
		b, err := fs.ReadFile(templates.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if !agree(t, string(b)) {
			t.Errorf("%s: quick gives up; the pack will load slowly", name)
		}
	}
}

var quickTexts = []string{
	"a: 1\nb: 甲 # x\nc: 'it''s'\nd: \"x y\"\n",
	"a:\n  - x: 1\n    y: [1, 二, 'c']\n  - z: {k: v, l: []}\nb:\n- 1\n- two words\n",
	"a: &x\n  - 1\nb: *x\n",
	"中: 1\n",
	"a:\nb: 1\n",
	"a: x\n  y\n",
	"a: |\n  x\n",
	"- a\n- b: 1\n  c: 2\n-  d: 3\n   e: 4\n",
	"a: http://x/#y\n",
	"a: -1\nb: -x\nc: -\n",
	"a: {b: -1, c: 0.5}\n",
	"a: x:y\n", "a: x: y\n", "a: x:\n", "a: [x:y]\n", "a: [a b, c  ]  # z\n",
	"  a: 1\n  b: 2\n", "a: 1\n b: 2\n", "a:\n    b: 1\n  c: 2\n",
	"a: []\nb: {}\nc: ''\nd: \"\"\n", "a: [,]\n", "a: [1,2]\n", "a: {b}\n", "a: {b: }\n",
	"a: 1#x\n", "a: 1 #\n", "#\n\na: 1\n\n# z", "a: ~\nb: null\n", "a: true\nb: 2026-01-02\nc: 0x1\n",
	"- - 1\n", "-\n  a: 1\n", "--- a\n", "a: 1\n...\n", "%YAML 1.2\n", "a: @x\n", "a: ?x\n", "a: ? x\n", "a: :x\n",
	"a: 'x\n  y'\n", "a: \"x\\n\"\n", "a: &x 1\nb: *x\n", "a: *y\n", "a: &x\n  b: 1\nc: *x # k\n", "a: b\n# c\n  # d\ne: f\n", "a: [x] y\n", "a: 'x' y\n", "a: 'x'#y\n", "y: yes\nn: no\n", "<<: {a: 1}\n", "a: <<\n", "a: {<<: b}\n", "a: =\n",
	"a: {b: c}}\n", "a: [b] ]\n", "a: x - y\n", "a: -- x\n", "a: ---\n", "a: !x\n", "a: x!\n", "a:  b\nc:   'd'\n", "a: b  \n", "k-: 1\n", "k: a\u00a0b\n", "k: a\u3000# b\n",
}

func TestQuick(t *testing.T) {
	read := 0
	for _, text := range quickTexts {
		if agree(t, text) {
			read++
		}
	}
	if read < 20 {
		t.Errorf("quick reads only %d of the texts", read)
	}
}

// TestQuickOnRandomTexts tries texts put together from what YAML gives a
// meaning to, which chance alone would seldom find.
func TestQuickOnRandomTexts(t *testing.T) {
	words := []string{
		"a", "b", "甲", " ", "  ", "\n", "\n  ", "\n- ", ": ", ":", ", ", ",", "[", "]", "{", "}", "- ", "-", "? ", "?",
		" #", "#", "'", "''", "\"", "&a ", "*a", "&a", "!", "|", ">", "%", "@", "=", "<<", "~", "1", "\na: ", "\n  b: ",
	}
	begins := []string{"", "a: ", "a: {b: ", "a: [", "a:\n  - ", "a:\n  b: ", "- ", "- a: ", "a: &a\n  b: c\nd: "}
	ends := []string{"", "\n", "}\n", "]\n", "'\n", "\"\n", "}", "\nc: d\n"}
	random := rand.New(rand.NewPCG(1, 2))
	read := 0
	for range 20000 {
		text := begins[random.IntN(len(begins))]
		for range random.IntN(7) {
			text += words[random.IntN(len(words))]
		}
		if agree(t, text+ends[random.IntN(len(ends))]) {
			read++
		}
	}
	if read < 500 {
		t.Errorf("quick reads only %d of the texts", read)
	}
}

// FuzzQuick holds that the quick reader never differs from the full parser.
func FuzzQuick(f *testing.F) {
	for _, text := range quickTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := &Doc{Name: "x"}
		if len(text) > 2000 || d.encoding([]byte(text)) != nil {
			return
		}
		agree(t, text)
	})
}
