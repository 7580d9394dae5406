package casefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/packager/yamldoc"
	"dossier/templates"
)

// full is the case file of the surface, with everything else that it may say.
const full = `version: 1
id: oa-2026.001
platform: wechat_oa
application: close
account_type: enterprise          # as the rule pack lists them
special_cases: [payment_enabled]
account:
  id: gh_0123456789ab
  name: 测试虚构服务号
  bound_phone: 13800138000        # without quotes
  bound_email: ops@example.com
  followers: 12000
applicant:
  name: 测试虚构（样本）科技有限公司
  uscc: 91000000MAFAKE019J
  legal_representative: {name: 测试甲, id_number: 110199198001010016, id_valid_from: 2011-05-01, id_valid_until: 2031-05-01}
agent: {name: 样本乙, id_number: "310199198512310026", phone: "13800138000", id_valid_until: 长期}
employee: {name: 样本丙, id_number: E12345678, id_type: passport, email: b@example.com}
holder: {name: 测试甲, id_valid_until: long_term}
reason: 业务调整
materials:
  business_licence: [materials/营业执照.jpg]
  legal_rep_id_portrait: ./materials//身份证人像面.jpg
  ownership_proof:
papers:
  application_letter: {dated: 2026-11-10, sealed: true, signed: false, addressee: 深圳市腾讯计算机系统有限公司, account_id: 0123, valid_until: 长期}
  authorization_letter: {dated: none, agent: 样本乙, valid_from: 2026-01-01, valid_until: 2026-12-31}
facts:
  last_active_on: 2026-10-01
  balance_yuan: 0
  pay_balance_yuan: 1.01
  auto_renewal_off: {value: true, on: 2026-11-10, evidence: [materials/自动续费已关闭.png]}
  role: member
  names: [甲, 2026-01-01, 3]
  not_stated:
  no_value: {on: 2026-11-10}
  code: 0123
backups:
  - {requirement: articles, files: [backups/articles-001.zip], exported_on: 2026-11-12, items: 96, from_day: 2026-01-01, to_day: 2026-11-11}
  - requirement: statistics
consent:
  - {person: 样本丙, on: 2026-11-11, evidence: materials/同意书.pdf}
`

func day(t *testing.T, s string) packager.Day {
	t.Helper()
	d, err := packager.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParse(t *testing.T) {
	got, err := Parse("case.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	yes, no, followers, items := true, false, int64(12000), int64(96)
	want := &packager.Case{
		ID: "oa-2026.001", Version: 1, Platform: "wechat_oa", Application: "close", AccountType: "enterprise",
		SpecialCases: []string{"payment_enabled"},
		Account: packager.Account{
			ID: "gh_0123456789ab", Name: "测试虚构服务号", BoundPhone: "13800138000",
			BoundEmail: "ops@example.com", Followers: &followers,
		},
		Applicant: packager.Applicant{
			Name: "测试虚构（样本）科技有限公司", USCC: "91000000MAFAKE019J",
			LegalRepresentative: packager.Person{
				Name: "测试甲", IDNumber: "110199198001010016",
				IDValidFrom: day(t, "2011-05-01"), IDValidUntil: day(t, "2031-05-01"),
			},
		},
		Agent:    &packager.Person{Name: "样本乙", IDNumber: "310199198512310026", Phone: "13800138000", IDLongTerm: true},
		Employee: &packager.Person{Name: "样本丙", IDNumber: "E12345678", IDType: "passport", Email: "b@example.com"},
		Holder:   &packager.Person{Name: "测试甲", IDLongTerm: true},
		Reason:   "业务调整",
		Materials: map[string][]string{
			"business_licence":      {"materials/营业执照.jpg"},
			"legal_rep_id_portrait": {"materials/身份证人像面.jpg"},
		},
		Papers: map[string]packager.Paper{
			"application_letter": {
				Dated: day(t, "2026-11-10"), Sealed: &yes, Signed: &no, Addressee: "深圳市腾讯计算机系统有限公司",
				AccountID: "0123", LongTerm: true,
			},
			"authorization_letter": {
				Undated: true, Agent: "样本乙",
				ValidFrom: day(t, "2026-01-01"), ValidUntil: day(t, "2026-12-31"),
			},
		},
		Facts: map[string]packager.Fact{
			"last_active_on":   {Value: day(t, "2026-10-01")},
			"balance_yuan":     {Value: int64(0)},
			"pay_balance_yuan": {Value: 1.01},
			"auto_renewal_off": {Value: true, On: day(t, "2026-11-10"), Evidence: []string{"materials/自动续费已关闭.png"}},
			"role":             {Value: "member"},
			"names":            {Value: []any{"甲", day(t, "2026-01-01"), int64(3)}},
			"no_value":         {On: day(t, "2026-11-10"), Evidence: []string{}},
			"code":             {Value: "0123"},
		},
		Backups: []packager.Backup{
			{
				Requirement: "articles", Files: []string{"backups/articles-001.zip"}, ExportedOn: day(t, "2026-11-12"),
				Items: &items, FromDay: day(t, "2026-01-01"), ToDay: day(t, "2026-11-11"),
			},
			{Requirement: "statistics", Files: []string{}},
		},
		Consent: []packager.Consent{{Person: "样本丙", On: day(t, "2026-11-11"), Evidence: []string{"materials/同意书.pdf"}}},
		Pos:     got.Pos, Text: []byte(full),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for path, pos := range map[string]string{
		"applicant.uscc": "case.yaml:15:9", "materials.business_licence": "case.yaml:22:21",
		"materials.business_licence.0": "case.yaml:22:22", "facts.auto_renewal_off.on": "case.yaml:32:39", "platform": "case.yaml:3:11",
	} {
		if got.Pos[path].String() != pos {
			t.Errorf("Pos[%s] = %s, want %s", path, got.Pos[path], pos)
		}
	}
}

func TestID(t *testing.T) {
	const head = "version: 1\nplatform: weibo_video\n"
	tests := []struct{ text, want string }{
		{"account: {id: '123'}\napplicant: {name: a, uscc: 91000000MAFAKE019J}\n", "weibo-video-close-073ee0688f"},
		{"application: migrate\naccount: {id: '123'}\napplicant: {name: a, uscc: 91000000MAFAKE019J}\n", "weibo-video-migrate-073ee0688f"},
		{"account: {id: '123'}\napplicant: {name: a}\nholder: {id_number: '110199198001010016'}\n", "weibo-video-close-1893b4ad10"},
		{"account: {bound_email: '123'}\napplicant: {name: b, uscc: 91000000MAFAKE019J}\n", "weibo-video-close-073ee0688f"},
		{"id: a\naccount: {id: '123'}\napplicant: {name: a}\n", "a"},
	}
	for _, test := range tests {
		c, err := Parse("case.yaml", []byte(head+test.text))
		if err != nil {
			t.Error(err)
			continue
		}
		if c.ID != test.want {
			t.Errorf("id %s, want %s, of %q", c.ID, test.want, test.text)
		}
	}
}

func diagnostics(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	found, ok := errors.AsType[packager.Diagnostics](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	var all []string
	for _, d := range found {
		s := fmt.Sprintf("%d:%d %s %s", d.Pos.Line, d.Pos.Column, d.Code, d.Path)
		for _, k := range slices.Sorted(maps.Keys(d.Args)) {
			if k != "known" {
				s += " " + k + "=" + d.Args[k]
			}
		}
		if d.Suggestion != "" {
			s += " → " + d.Suggestion
		}
		all = append(all, s)
	}
	return all
}

const head = "version: 1\nplatform: wechat_oa\naccount: {id: gh_1}\napplicant: {name: 甲公司}\n"

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"nothing wrong", head, nil},
		{"numbers without quotes", head + "agent: {id_number: 013800138000, phone: 13800138000}\n", nil},
		{"unknown keys", "version: 1\nplatfrom: wechat_oa\nacount: {id: x}\napplicant: {name: a, ucsc: b, legal_representive: {name: c}}\n", []string{
			"2:1 YAML_UNKNOWN_KEY platfrom key=platfrom → platform",
			"3:1 YAML_UNKNOWN_KEY acount key=acount → account",
			"4:22 YAML_UNKNOWN_KEY applicant.ucsc key=ucsc → uscc",
			"4:31 YAML_UNKNOWN_KEY applicant.legal_representive key=legal_representive → legal_representative",
		}},
		{"what has to be there", "reason: x\n", []string{
			"1:1 YAML_MISSING_KEY version key=version", "1:1 YAML_MISSING_KEY platform key=platform",
			"1:1 YAML_MISSING_KEY account key=account", "1:1 YAML_MISSING_KEY applicant key=applicant",
		}},
		{"what dossier init leaves to fill in", "version: 1\nplatform: wechat_oa\naccount:\n  id:\n  name:\napplicant:\n  name:\n", []string{
			"3:1 YAML_EMPTY account", "7:3 YAML_EMPTY applicant.name key=name",
		}},
		{"ids that cannot name a case", head + "id: 案件 1\n", []string{"5:5 YAML_PATTERN id example=wechat-oa-2026-001 got=案件 1"}},
		{"an id that leaves its folder", head + "id: ../x\n", []string{"5:5 YAML_PATTERN id example=wechat-oa-2026-001 got=../x"}},
		{"an id that holds an identity number", head + "id: case-110199198001010016\n", []string{"5:5 CASE_ID_HAS_NUMBER id"}},
		{"an id that holds a passport", head + "id: e12345678.2026\nholder: {id_type: passport, id_number: E12345678}\n", []string{"5:5 CASE_ID_HAS_NUMBER id"}},
		{"days", head + "holder: {id_valid_until: 2031.05.01, id_valid_from: 2026-02-30}\nfacts:\n  a: {value: 1, on: 2026-02-30}\n  b: {value: 1, on: 2026/2/1}\n", []string{
			"5:26 YAML_PATTERN holder.id_valid_until example=2031-05-01 got=2031.05.01 → 2031-05-01",
			"5:53 YAML_DAY holder.id_valid_from got=2026-02-30",
			"7:21 YAML_DAY facts.a.on got=2026-02-30",
			"8:21 YAML_PATTERN facts.b.on example=2026-11-22 got=2026/2/1 → 2026-02-01",
		}},
		{"forms of facts", head + "facts:\n  a: {valeu: 1}\n  b: [[1]]\n  c: {value: {d: 1}}\n", []string{
			"6:7 YAML_UNKNOWN_KEY facts.a.valeu key=valeu → value",
			"7:7 YAML_WANT_TEXT facts.b.0 got=",
			"8:14 YAML_WANT_TEXT_OR_LIST facts.c.value got=",
		}},
		{"paths", head + `materials:
  a: ../x.jpg
  b: /etc/passwd
  c: materials\营业执照.jpg
  d: 'C:\x.jpg'
  e: [ok.jpg, a/../../x, "", materials/, ., ..\x, "\\\\server\\x", 'a/..\..\x', ~/x, C:x]
facts:
  f: {value: true, evidence: ../y.png}
backups:
  - {requirement: r, files: [ok.zip, "a\tb"]}
consent:
  - {person: p, evidence: [a//b/../../../x]}
`, []string{
			"6:6 CASE_PATH_OUTSIDE materials.a file=../x.jpg",
			"7:6 CASE_PATH_ABSOLUTE materials.b file=/etc/passwd",
			`8:6 CASE_PATH_BACKSLASH materials.c file=materials\营业执照.jpg → materials/营业执照.jpg`,
			`9:6 CASE_PATH_ABSOLUTE materials.d file=C:\x.jpg`,
			"10:15 CASE_PATH_OUTSIDE materials.e.1 file=a/../../x",
			"10:26 YAML_EMPTY materials.e.2",
			"10:30 CASE_PATH_FOLDER materials.e.3 file=materials/",
			"10:42 CASE_PATH_FOLDER materials.e.4 file=.",
			`10:45 CASE_PATH_OUTSIDE materials.e.5 file=..\x`,
			`10:51 CASE_PATH_ABSOLUTE materials.e.6 file=\\server\x`,
			`10:68 CASE_PATH_OUTSIDE materials.e.7 file=a/..\..\x`,
			"10:81 CASE_PATH_ABSOLUTE materials.e.8 file=~/x",
			"10:86 CASE_PATH_ABSOLUTE materials.e.9 file=C:x",
			"12:30 CASE_PATH_OUTSIDE facts.f.evidence file=../y.png",
			"14:38 CASE_PATH_CHARACTER backups.0.files.1 file=a\tb",
			"16:28 CASE_PATH_OUTSIDE consent.0.evidence.0 file=a//b/../../../x",
		}},
		{"an identity number never shows", head + "agent: {id_number: [110199198001010016]}\nholder: {id_type: 110199198001010016}\n", []string{
			"5:20 YAML_WANT_TEXT agent.id_number got=",
			"6:19 YAML_ENUM holder.id_type got=110***********0016",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("case.yaml", []byte(test.text))
			if diff := cmp.Diff(test.want, diagnostics(t, err)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// folder makes a case folder: a name ending in / is a folder, a value that
// begins with "-> " a symbolic link.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(target, full)
		} else if strings.HasSuffix(name, "/") {
			err = os.Mkdir(full, 0o700)
		} else {
			err = os.WriteFile(full, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.jpg")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{
		"case.yaml": head + `materials:
  a: materials/营业执照.jpg
  b: [materials/empty.jpg, materials/there.jpg]
  c: materials/营业执昭.jpg
  d: materials
  e: materials/out.jpg
  f: [materials/loop.jpg, nowhere/x.jpg]
  g: linked/secret.jpg
  h: materials/inside.jpg
  i: materials/Café.jpg
facts:
  j: {value: true, evidence: [materials/no.png]}
backups:
  - {requirement: r, files: backups/no.zip}
consent:
  - {person: p, evidence: [materials/no.pdf]}
plattform: x
`,
		"materials/营业执照.jpg": "x", "materials/empty.jpg": "", "materials/there.jpg": "x",
		"materials/out.jpg": "-> " + outside, "materials/loop.jpg": "-> loop.jpg", "materials/inside.jpg": "-> there.jpg",
		"linked": "-> " + filepath.Dir(outside), "materials/Cafe\u0301.jpg": "x",
	})
	_, err := Load(dir)
	want := []string{
		"8:6 CASE_FILE_MISSING materials.c file=materials/营业执昭.jpg → materials/营业执照.jpg",
		"9:6 CASE_PATH_FOLDER materials.d file=materials",
		"10:6 CASE_LINK_OUTSIDE materials.e file=materials/out.jpg",
		"11:7 CASE_FILE_UNREADABLE materials.f.0 file=materials/loop.jpg",
		"11:27 CASE_FILE_MISSING materials.f.1 file=nowhere/x.jpg",
		"12:6 CASE_LINK_OUTSIDE materials.g file=linked/secret.jpg",
		"16:31 CASE_FILE_MISSING facts.j.evidence.0 file=materials/no.png",
		"18:29 CASE_FILE_MISSING backups.0.files file=backups/no.zip",
		"20:28 CASE_FILE_MISSING consent.0.evidence.0 file=materials/no.pdf",
		"21:1 YAML_UNKNOWN_KEY plattform key=plattform → platform",
	}
	if diff := cmp.Diff(want, diagnostics(t, err)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLoadTakesNamesAsTheDiskSpellsThem(t *testing.T) {
	dir := folder(t, map[string]string{
		"case.yaml":                head + "materials: {a: materials/Café.jpg}\n",
		"materials/Cafe\u0301.jpg": "x",
	})
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Materials["a"][0]; runtime.GOOS == "linux" && got != "materials/Cafe\u0301.jpg" {
		t.Errorf("got %q", got)
	}
	if c.Dir != dir {
		t.Errorf("Dir = %q, want %q", c.Dir, dir)
	}
}

func TestLoadNeedsACase(t *testing.T) {
	file := filepath.Join(folder(t, map[string]string{"case.yaml": head}), "case.yaml")
	tests := []struct {
		name, dir, code, found string
	}{
		{"no folder", filepath.Join(t.TempDir(), "no"), "CASE_NO_FOLDER", ""},
		{"not a folder", file, "CASE_NOT_FOLDER", ""},
		{"no case.yaml", folder(t, map[string]string{"x.jpg": ""}), "CASE_NO_FILE", ""},
		{"case.yml", folder(t, map[string]string{"case.yml": head}), "CASE_FILE_NAME", "case.yml"},
		{"case.yaml.txt", folder(t, map[string]string{"Case.yaml.txt": head}), "CASE_FILE_NAME", "Case.yaml.txt"},
		{"case.yaml is a folder", folder(t, map[string]string{"case.yaml/": ""}), "CASE_NOT_REGULAR", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(test.dir)
			fault, ok := errors.AsType[*packager.Fault](err)
			if !ok || fault.Code != test.code || fault.Class != packager.ClassConfig || fault.Args["found"] != test.found {
				t.Errorf("got %v, want %s %s", err, test.code, test.found)
			}
		})
	}
	if _, err := Load(folder(t, map[string]string{"case.yaml": head + "#" + strings.Repeat("x", yamldoc.MaxBytes)})); !strings.Contains(fmt.Sprint(err), "YAML_TOO_BIG") {
		t.Errorf("a huge case.yaml: %v", err)
	}
}

// TestSchemaKnowsTheForm holds the schema, which editors use, and the Go form
// to the same keys, at every level.
func TestSchemaKnowsTheForm(t *testing.T) {
	b, err := templates.FS.ReadFile("schema/case.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	var compare func(path string, node map[string]any, form reflect.Type)
	compare = func(path string, node map[string]any, form reflect.Type) {
		if ref, ok := node["$ref"].(string); ok {
			node = raw["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		switch form.Kind() {
		case reflect.Pointer:
			compare(path, node, form.Elem())
		case reflect.Slice:
			if items, ok := node["items"].(map[string]any); ok {
				compare(path+"[]", items, form.Elem())
			}
		case reflect.Map:
			compare(path+"{}", node["additionalProperties"].(map[string]any), form.Elem())
		case reflect.Struct:
			properties, ok := node["properties"].(map[string]any)
			if !ok {
				return // a text of its own form
			}
			var keys []string
			for i := range form.NumField() {
				key := form.Field(i).Tag.Get("yaml")
				keys = append(keys, key)
				if p, ok := properties[key].(map[string]any); ok {
					compare(path+"."+key, p, form.Field(i).Type)
				}
			}
			slices.Sort(keys)
			if diff := cmp.Diff(keys, slices.Sorted(maps.Keys(properties))); diff != "" {
				t.Errorf("%s: (-form +schema)\n%s", path, diff)
			}
		}
	}
	compare("", raw, reflect.TypeFor[file]())
}

func TestWords(t *testing.T) {
	catalog, err := i18n.Load(templates.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	keys := catalog.Keys()
	literal := regexp.MustCompile(`"((?:CASE|YAML)_[A-Z0-9_]+)"`)
	for _, name := range []string{"casefile.go", "load.go", "paths.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllSubmatch(b, -1) {
			if !slices.Contains(keys, string(m[1])) {
				t.Errorf("no words for %s", m[1])
			}
		}
	}
}

// FuzzParse holds that no case file brings the reader to a fall, that a case
// has a usable id, and that no path of it leaves the folder.
func FuzzParse(f *testing.F) {
	f.Add(full)
	f.Add(head)
	f.Add(head + "materials: {a: ../x, b: [c\\d], e: C:/x}\nfacts: {a: {value: 1, on: 2026-02-30}}\n")
	safe := regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4000 {
			return
		}
		c, err := Parse("case.yaml", []byte(text))
		if err != nil {
			if _, ok := errors.AsType[packager.Diagnostics](err); !ok {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if !safe.MatchString(c.ID) {
			t.Errorf("id %q", c.ID)
		}
		for _, list := range c.Materials {
			for _, p := range list {
				if !filepath.IsLocal(filepath.FromSlash(p)) || strings.Contains(p, `\`) {
					t.Errorf("path %q", p)
				}
			}
		}
	})
}
