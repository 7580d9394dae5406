package yamldoc

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/templates"
)

const testSchema = `{
  "type": "object", "additionalProperties": false, "required": ["version", "name"],
  "properties": {
    "version": {"const": 1},
    "name": {"type": "string", "minLength": 1, "maxLength": 5},
    "phone": {"type": "string"},
    "kind": {"enum": ["material", "backup"]},
    "count": {"type": "integer", "minimum": 0, "maximum": 9},
    "ratio": {"type": "number"},
    "on": {"type": "boolean"},
    "day": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "examples": ["2026-11-22"]},
    "paths": {"type": ["array", "string"], "items": {"type": "string"}, "uniqueItems": true},
    "list": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
    "person": {"type": "object", "additionalProperties": false, "required": ["name"],
      "properties": {"name": {"type": "string"}, "id_number": {"type": "string"}}}
  }
}`

type testDoc struct {
	Version int          `yaml:"version"`
	Name    string       `yaml:"name"`
	Phone   string       `yaml:"phone"`
	Kind    string       `yaml:"kind"`
	Count   *int64       `yaml:"count"`
	Ratio   float64      `yaml:"ratio"`
	On      bool         `yaml:"on"`
	Day     packager.Day `yaml:"day"`
	Paths   []string     `yaml:"paths"`
	List    []int64      `yaml:"list"`
	Person  *struct {
		Name     string `yaml:"name"`
		IDNumber string `yaml:"id_number"`
	} `yaml:"person"`
}

func schemaForTest(tb testing.TB) *Schema {
	s, err := CompileSchema("test.schema.json", []byte(testSchema))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// read takes a text through the three gates.
func read(s *Schema, text string) (testDoc, packager.Diagnostics) {
	var v testDoc
	d, err := Parse("x.yaml", []byte(text))
	if err != nil {
		return v, err.(packager.Diagnostics)
	}
	found := s.Check(d, v)
	if len(found) > 0 {
		return v, found
	}
	return v, d.Decode(&v)
}

// golden writes a diagnostic as the tests hold it: place, code, path, values
// apart from long lists, suggestion.
func golden(d packager.Diagnostic) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d %s %s", d.Pos.Line, d.Pos.Column, d.Code, d.Path)
	for _, k := range slices.Sorted(maps.Keys(d.Args)) {
		if k != "known" && k != "detail" {
			fmt.Fprintf(&b, " %s=%s", k, d.Args[k])
		}
	}
	if d.Suggestion != "" {
		fmt.Fprintf(&b, " → %s", d.Suggestion)
	}
	return b.String()
}

const valid = "version: 1\nname: 甲\n"

func TestDiagnostics(t *testing.T) {
	schema := schemaForTest(t)
	tests := []struct {
		name string
		text string
		want []string
	}{
		{"nothing wrong", valid, nil},
		{"byte order mark and CRLF", "\ufeffversion: 1\r\nname: 甲\r\n", nil},
		{"every mistake at once", "version: 2\nnmae: 甲\nkind: bakup\ncount: 10\npaths: {a: 1}\nperson: {nam: x}\n", []string{
			"1:10 YAML_ENUM version got=2 → 1",
			"2:1 YAML_UNKNOWN_KEY nmae key=nmae → name",
			"3:7 YAML_ENUM kind got=bakup → backup",
			"4:8 YAML_TOO_LARGE count got=10 limit=9",
			"5:8 YAML_WANT_TEXT_OR_LIST paths got=",
			"6:10 YAML_UNKNOWN_KEY person.nam key=nam → name",
		}},
		{"missing keys", "kind: backup\nperson: {id_number: E12345678}\n", []string{
			"1:1 YAML_MISSING_KEY version key=version",
			"1:1 YAML_MISSING_KEY name key=name",
			"2:1 YAML_MISSING_KEY person.name key=name",
		}},
		{"empty values", "version: 1\nname:\nlist: []\nperson:\n", []string{
			"2:1 YAML_EMPTY name key=name",
			"3:7 YAML_EMPTY list",
		}},
		{"an unknown key without a value", valid + "numbr:\n", []string{"3:1 YAML_UNKNOWN_KEY numbr key=numbr"}},
		{"a comma in a flow text", "version: 1\nname: 甲\nperson: {name: once closed, then gone}\n", []string{
			"3:29 YAML_UNKNOWN_KEY person.then gone key=then gone"}},
		{"types", valid + "count: many\nratio: ~\non: 是\nlist: [1, x, 2.5]\n", []string{
			"3:8 YAML_WANT_INTEGER count got=many",
			"5:5 YAML_WANT_BOOL on got=是",
			"6:11 YAML_WANT_INTEGER list.1 got=x",
			"6:14 YAML_WANT_INTEGER list.2 got=2.5",
		}},
		{"numbers that would lose characters are texts", valid + "count: 012\nratio: 1_000\n", []string{
			"3:8 YAML_WANT_INTEGER count got=012",
			"4:8 YAML_WANT_NUMBER ratio got=1_000",
		}},
		{"too long, twice", "version: 1\nname: 甲乙丙丁戊己\npaths: [a, b, a]\n", []string{
			"2:7 YAML_TOO_LONG name limit=5",
			"3:15 YAML_TWICE paths.2 got=a",
		}},
		{"a day in another form", valid + "day: 2031.5.1\n", []string{"3:6 YAML_PATTERN day example=2026-11-22 got=2031.5.1 → 2031-05-01"}},
		{"a day that is not in the calendar", valid + "day: 2026-02-29\n", []string{"3:6 YAML_DAY day got=2026-02-29"}},
		{"duplicate keys, all of them", valid + "name: 乙\nperson:\n  name: a\n  name: b\n", []string{
			"3:1 YAML_DUPLICATE_KEY name key=name line=2",
			"6:3 YAML_DUPLICATE_KEY person.name key=name line=5",
		}},
		{"tabs", "version: 1\nperson:\n\tname: a\n\tid_number: b\n", []string{"3:1 YAML_TAB ", "4:1 YAML_TAB "}},
		{"full-width colons", "version：1\nname: 甲\nkind：backup\n", []string{
			"1:8 YAML_WIDE_COLON  key=version → version: ", "3:5 YAML_WIDE_COLON  key=kind → kind: "}},
		{"a full-width colon, alone", "version：1\n", []string{"1:8 YAML_WIDE_COLON  key=version → version: "}},
		{"full-width colons below a key", "version: 1\nname: 甲\nperson:\n  name：乙\n", []string{"4:7 YAML_WIDE_COLON person key=name → name: "}},
		{"no blank after the colon", "version: 1\nname:甲\nkind: backup\n", []string{"2:1 YAML_COLON_SPACE  key=name → name: "}},
		{"an open quote", "version: 1\nname: \"甲\nkind: backup\n", []string{"2:7 YAML_QUOTE  quote=\""}},
		{"an open bracket", "version: 1\npaths: [a, b\nname: 甲\n", []string{"3:1 YAML_SYNTAX "}},
		{"a full-width colon in a text is none", "version: 1\nname: |\n  说明：甲\npaths: [a, b\n", []string{"4:8 YAML_SYNTAX "}},
		{"a question mark in brackets", "version: 1\nname: 甲\nperson: {name: 真的?}\n", []string{"3:18 YAML_QUESTION_MARK "}},
		{"indentation", "version: 1\n  name: 甲\n", []string{"1:10 YAML_SYNTAX "}},
		{"two documents", "version: 1\n---\nname: 甲\n", []string{"2:1 YAML_DOCUMENTS "}},
		{"a list on top", "- 1\n", []string{"1:1 YAML_WANT_MAP "}},
		{"a text on top", "hello\n", []string{"1:1 YAML_WANT_MAP "}},
		{"nothing", "", []string{"0:0 YAML_NO_CONTENT "}},
		{"comments alone", "# x\n", []string{"0:0 YAML_NO_CONTENT "}},
		{"not UTF-8", "version: 1\nname: \xbc\xd7\n", []string{"2:7 YAML_NOT_UTF8  encoding=GBK"}},
		{"UTF-16", "v\x00e\x00r\x00s\x00i\x00o\x00n\x00", []string{"1:2 YAML_NOT_UTF8  character=U+0000 encoding=UTF-16"}},
		{"a control character", "version: 1\nname: a\x07\n", []string{"2:8 YAML_CONTROL_CHARACTER  character=U+0007 encoding=GBK"}},
		{"tags", valid + "phone: !!binary aGk=\nkind: !x y\n", []string{"3:8 YAML_TAG phone tag=!!binary", "4:7 YAML_TAG kind tag=!x"}},
		{"merge keys", "a: &a {version: 1}\n<<: *a\n", []string{"2:1 YAML_MERGE_KEY "}},
		{"keys that are collections", "[a, b]: 1\n", []string{"1:1 YAML_KEY_KIND "}},
		{"an alias within itself", "version: 1\nname: &a [*a]\n", []string{"2:11 YAML_ALIAS_LOOP name.0 alias=a"}},
		{"an unknown alias", "version: 1\nname: *a\n", []string{"2:7 YAML_ALIAS_UNKNOWN  alias=a"}},
		{"identity numbers are masked", valid + "person: {nam: 110199198001010016}\nlist: [110199198001010016]\nkind: 11019919880808004X\n", []string{
			"3:10 YAML_UNKNOWN_KEY person.nam key=nam → name",
			"5:7 YAML_ENUM kind got=110***********004X",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, found := read(schema, test.text)
			var got []string
			lines := strings.Split(strings.TrimPrefix(strings.ReplaceAll(test.text, "\r", ""), "\ufeff"), "\n")
			for _, d := range found {
				got = append(got, golden(d))
				if strings.Contains(d.Line, "110199198001010016") || strings.Contains(fmt.Sprint(d.Args), "110199198001010016") {
					t.Errorf("an identity number is shown: %+v", d)
				}
				if d.Line != "" && len([]rune(d.Line)) != len([]rune(lines[d.Pos.Line-1])) {
					t.Errorf("line %d is shown as %q", d.Pos.Line, d.Line)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	schema := schemaForTest(t)
	text := "version: 1\nname: \"0123\"\nphone: 013800138000 # raw\ncount: 0\nratio: 1.00\non: true\nday: 2024-02-29\n" +
		"paths: a.jpg\nlist: &l [1, 2]\nperson: {name: 甲, id_number: 110199198001010016}\n"
	got, found := read(schema, text)
	if len(found) > 0 {
		t.Fatal(found)
	}
	zero := int64(0)
	want := testDoc{
		Version: 1, Name: "0123", Phone: "013800138000", Count: &zero, Ratio: 1, On: true,
		Day: packager.Day{Year: 2024, Month: time.February, Dom: 29}, Paths: []string{"a.jpg"}, List: []int64{1, 2},
	}
	want.Person = got.Person
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.Person == nil || got.Person.IDNumber != "110199198001010016" {
		t.Errorf("person: %+v", got.Person)
	}
}

func TestLimits(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	var chain strings.Builder
	chain.WriteString("a0: &a0 [x]\n")
	for i := 1; i < 20000; i++ {
		fmt.Fprintf(&chain, "a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	tests := []struct {
		name, text, want string
	}{
		{"too big", "a: " + strings.Repeat("x", MaxBytes), "YAML_TOO_BIG"},
		{"alias bomb", bomb, "YAML_TOO_MANY"},
		{"chain of aliases", chain.String(), "YAML_TOO_MANY"},
		{"deep brackets", "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "YAML_TOO_DEEP"},
		{"very deep brackets", "a: " + strings.Repeat("[", 400000), "YAML_SYNTAX"},
		{"deep lists", strings.Repeat("- ", 5000) + "x", "YAML_TOO_DEEP"},
		{"many keys", strings.Repeat("a: 1\n", MaxBytes/5), "YAML_TOO_MANY"},
		{"many different keys", manyKeys(), ""},
		{"many open braces", strings.Repeat("{a: ", 200000), "YAML_SYNTAX"},
		{"many anchors", strings.Repeat("- &a x\n", 100000), "YAML_WANT_MAP"},
		{"question marks", strings.Repeat("? ", 300000), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			_, err := Parse("x.yaml", []byte(test.text))
			if d, _ := err.(packager.Diagnostics); test.want != "" && (len(d) == 0 || !slices.ContainsFunc(d, func(d packager.Diagnostic) bool { return d.Code == test.want })) {
				t.Errorf("got %v, want %s", err, test.want)
			} else if len(d) > maxDiagnostics {
				t.Errorf("%d diagnostics", len(d))
			}
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func manyKeys() string {
	var b strings.Builder
	for i := range 60000 {
		b.WriteString("k" + strconv.Itoa(i) + ": 1\n")
	}
	return b.String()
}

func TestPos(t *testing.T) {
	d, err := Parse("x.yaml", []byte("a: 1\nb:\n  - x\n  - {y: 2}\nc.d: 3\ne: &e\n  f: 4\ng: *e\n"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"a": "x.yaml:1:4", "b": "x.yaml:2:1", "b.0": "x.yaml:3:5", "b.1.y": "x.yaml:4:9",
		"c.d": "x.yaml:5:6", "e": "x.yaml:6:4", "e.f": "x.yaml:7:6", "g.f": "x.yaml:7:6", "g": "x.yaml:8:4",
		"b.7": "x.yaml:2:1", "a.z": "x.yaml:1:4", "z": "x.yaml:1:1",
	} {
		if got := d.Pos(path).String(); got != want {
			t.Errorf("Pos(%q) = %s, want %s", path, got, want)
		}
		if all, ok := d.Positions()[path]; ok && all.String() != want {
			t.Errorf("Positions()[%q] = %s, want %s", path, all, want)
		}
	}
	if !d.Has("b.1.y") || d.Has("b.2") || d.Has("z") {
		t.Error("Has is wrong")
	}
}

// TestInside points at the mark ^ of a scalar, which every form of YAML has to
// find again in the file.
func TestInside(t *testing.T) {
	for _, text := range []string{
		"a: one ^two\n",
		"a: 'it''s ^two'\n",
		"a: \"x\\t\\u4e00 ^two\"\n",
		"a: 甲乙 ^丙\n",
		"a: |\n  one\n\n    two\n  ^three\n",
		"a: >\n  one two\n  three ^four\n\n  five\n",
		"a: one\n  two\n   ^three\n",
		"a: 'one\n  two ^three'\n",
		"a: ^x\n",
		"a: \"x\\n^y\"\n",
		"a: {b: ^x, c: d}\n",
		"a: [ '^x' ]\n",
	} {
		d, err := Parse("x", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		path := "a"
		if d.Has("a.b") {
			path = "a.b"
		} else if d.Has("a.0") {
			path = "a.0"
		}
		value := d.text(path)
		before, _, _ := strings.Cut(value, "^")
		line := 1 + strings.Count(before, "\n")
		column := len([]rune(before[strings.LastIndex(before, "\n")+1:]))
		got := d.Inside(path, line, column)
		if r := []rune(d.rawLine(got.Line)); got.Column < 1 || got.Column > len(r) || r[got.Column-1] != '^' {
			t.Errorf("%q: value %q %d:%d is placed at %s", text, value, line, column, got)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"business_licence", "legal_rep_id_portrait", "legal_rep_id_emblem", "name", "uscc", "close_mode"}
	for word, want := range map[string]string{
		"busines_licence": "business_licence", "business-license": "business_licence", "business": "business_licence",
		"LEGAL_REP_ID_EMBLEM": "legal_rep_id_emblem", "nmae": "name", "ucss": "", "usc": "uscc",
		"zzz": "", "": "", "执照": "", "n": "", "closemode": "close_mode", strings.Repeat("x", 10000): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDayLike(t *testing.T) {
	for text, want := range map[string]string{
		"2031.05.01": "2031-05-01", "2031/5/1": "2031-05-01", "2031年5月1日": "2031-05-01", "20310501": "2031-05-01",
		"2031-5-1": "2031-05-01", " 2031 年 5 月 1 日 ": "2031-05-01", "2031-02-30": "", "长期": "", "310501": "", "2031.13.1": "",
	} {
		got, ok := DayLike(text)
		if got.String() != want || ok != (want != "") {
			t.Errorf("DayLike(%q) = %q, %v, want %q", text, got, ok, want)
		}
	}
}

func TestDisplay(t *testing.T) {
	for text, want := range map[string]string{
		"id_number: 110199198001010016":              "id_number: 110***********0016",
		`{name: 甲, id_number: "11019919880808004X"}`: `{name: 甲, id_number: "110***********004X"}`,
		"id_number: E12345678":                       "id_number: E*******8",
		"110199 19800101 0016":                       "110*************0016",
		"phone: 13800138000":                         "phone: 138****8000",
		"id_type: E12345678":                         "id_type: E*******8",
		"order: 913800138000":                        "order: 913800138000",
		"uscc: 91000000MAFAKE019J":                   "uscc: 91000000MAFAKE019J",
		"number: 110199800101001":                    "number: 110********1001",
	} {
		if got := Display(text); got != want {
			t.Errorf("Display(%q) = %q, want %q", text, got, want)
		}
	}
	if got := Display(strings.Repeat("甲", 1000)); len([]rune(got)) != maxShown+1 {
		t.Errorf("a long text is shown in full: %d", len([]rune(got)))
	}
}

// TestWords holds every code that this package emits to the catalog.
func TestWords(t *testing.T) {
	catalog, err := i18n.Load(templates.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	keys := catalog.Keys()
	for _, code := range codesOf(t, "parse.go", "schema.go", "decode.go") {
		if !slices.Contains(keys, code) {
			t.Errorf("no words for %s", code)
		}
	}
}

// FuzzRead holds that no text brings the reader to a fall, that every
// diagnostic points into the text, and that a text without mistakes decodes.
func FuzzRead(f *testing.F) {
	for _, text := range quickTexts {
		f.Add(text)
	}
	f.Add("version: 1\nname: 甲\nperson: {name: 乙, id_number: 110199198001010016}\nlist: &a [1]\npaths: *a\n")
	f.Add("version：1\n\tname: x\n---\n")
	f.Add("a: |\n  b\n c: >+\n\n  d\n")
	schema := schemaForTest(f)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4000 {
			return
		}
		d, err := Parse("x", []byte(text))
		var found packager.Diagnostics
		if err != nil {
			if !errors.As(err, &found) || len(found) == 0 {
				t.Fatalf("%T %v", err, err)
			}
		} else {
			var v testDoc
			found = append(schema.Check(d, v), d.Decode(&v)...)
			for path := range d.Positions() {
				d.Pos(path)
				d.Inside(path, 1, 3)
			}
		}
		lines := len(splitLines(text))
		for _, x := range found {
			if x.Code == "" || x.Pos.Line < 0 || x.Pos.Line > lines || x.Pos.Column < 0 {
				t.Errorf("%+v of %d lines", x, lines)
			}
		}
	})
}
