package rules_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
	"dossier/packager/casefile"
	"dossier/packager/i18n"
	"dossier/packager/rules"
	"dossier/templates"
)

var today = packager.Day{Year: 2026, Month: time.November, Dom: 22} // a Sunday

func library(t testing.TB, overrides ...fs.FS) *rules.Library {
	t.Helper()
	l, err := rules.Load(os.DirFS("testdata/base"), overrides...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func parse(t testing.TB, text string) *packager.Case {
	t.Helper()
	c, err := casefile.Parse("case.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const shop = "version: 1\nplatform: shop\naccount: {id: a1}\napplicant: {name: 甲}\n"

func resolve(t *testing.T, text string) *packager.RuleSet {
	t.Helper()
	rs, err := library(t).For(parse(t, shop+text), today, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// told writes a requirement as the tests hold it.
func told(r packager.Requirement) string {
	var ids []string
	for _, x := range r.Rules {
		ids = append(ids, x.ID)
	}
	s := fmt.Sprintf("%s %s %s by %s", r.ID, r.Kind, r.Severity, strings.Join(ids, "+"))
	if r.Outcome != "" {
		s += " " + string(r.Outcome)
	}
	if r.Kind == packager.KindMaterial {
		s += fmt.Sprintf(" %d of %s", r.Min, strings.Join(r.AnyOf, "|"))
	}
	if len(r.Facts) > 0 {
		s += " reads " + strings.Join(r.Facts, ",")
	}
	if r.Evidence != "" {
		s += " evidence " + string(r.Evidence)
	}
	return s
}

func requirement(t *testing.T, rs *packager.RuleSet, id string) packager.Requirement {
	t.Helper()
	i := slices.IndexFunc(rs.Requirements, func(r packager.Requirement) bool { return r.ID == id })
	if i < 0 {
		t.Fatalf("no requirement %s", id)
	}
	return rs.Requirements[i]
}

func TestAbsolute(t *testing.T) {
	want := []packager.Absolute{{Code: "PRECONDITION_FAILS", Why: packager.Text{ZH: "系统不受理", EN: "The system refuses"}}}
	if diff := cmp.Diff(want, resolve(t, "account_type: company\n").Absolute); diff != "" {
		t.Error(diff)
	}
}

func TestForNothingStated(t *testing.T) {
	rs := resolve(t, "account_type: company\nspecial_cases: [pay, staff]\n")
	var got []string
	for _, r := range rs.Requirements {
		got = append(got, told(r))
	}
	want := []string{
		"licence material block by S-M1+S-M3 1 of licence", // S blocks; the C rule would only warn
		"card_portrait material block by S-M2 1 of card_portrait",
		"card_emblem material block by S-M2 1 of card_emblem",
		"letter material warn by S-M3 1 of letter", // grade C never blocks
		"employment material block by S-M4 1 of contract|leaving",
		"form material warn by S-M5 unknown 1 of form reads admins",
		"balance precondition warn by S-P1+S-P5 unknown reads balance_yuan evidence block",
		"s_p2 precondition warn by S-P2 unknown reads last_active_on",
		"s_p3 precondition block by S-P3 unknown reads renewal_off,note",
		"guess precondition warn by S-P4 unknown reads renewal_off evidence warn",
		"mode declaration info by S-N1 unknown reads mode",
		"articles backup block by S-B1+S-B2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var notes []string
	for _, r := range rs.Notes {
		notes = append(notes, r.ID)
	}
	if diff := cmp.Diff([]string{"S-S1", "S-M6"}, notes); diff != "" {
		t.Errorf("notes (-want +got)\n%s", diff)
	}
	articles := requirement(t, rs, "articles")
	if articles.MaxItems != 50 || articles.MaxAgeDays != 30 || articles.WindowDays != 60 || !slices.Equal(articles.MediaAllowed, []string{"pdf"}) {
		t.Errorf("limits of a backup that two rules ask for: %+v", articles)
	}
	licence := requirement(t, rs, "licence")
	wantRule := packager.Rule{
		ID: "S-M1", Kind: packager.KindMaterial, Severity: packager.Block,
		Title: packager.Text{ZH: "执照", EN: "Licence"}, Next: packager.Text{ZH: "拍照", EN: "Photograph it"},
		Sources:    []packager.SourceRef{{ID: "seed", At: "L1", Title: "一篇文章", Publisher: "某站"}},
		Confidence: "S", ConflictsWith: []string{"D-1"}, LastChecked: today,
	}
	if diff := cmp.Diff(wantRule, licence.Rules[0]); diff != "" {
		t.Errorf("rule (-want +got)\n%s", diff)
	}
	if len(rs.Doubts) != 1 || rs.Doubts[0].ID != "D-1" || len(rs.Doubts[0].Readings) != 2 || rs.Doubts[0].Default != "must" {
		t.Errorf("doubts: %+v", rs.Doubts)
	}
	if rs.Operator != "测试商店有限公司" || rs.Application.ZH != "注销" || rs.AccountType.EN != "Company" || rs.Watermark != packager.WatermarkBoth ||
		rs.Limits.PictureBytes != 2_000_000 || rs.Limits.PDFBytes != 10_500_000 || rs.Day != today || rs.Revision != "2026-11-22" {
		t.Errorf("rule set: %+v", rs)
	}
	if m := rs.Catalogue["licence"]; len(rs.Catalogue) != 7 || m.Name.ZH != "营业执照" || m.Clear[0] != (packager.Zone{Name: "number", X: 0.1, Y: 0.2, W: 0.3, H: 0.4}) {
		t.Errorf("catalogue: %d, %+v", len(rs.Catalogue), m)
	}
}

// TestOutcomes holds the boundaries that decide whether a case is complete.
func TestOutcomes(t *testing.T) {
	const company = "account_type: company\n"
	tests := []struct {
		text, requirement, want string
	}{
		{"facts: {balance_yuan: 0}", "balance", "block holds"},
		{"facts: {balance_yuan: 0.00}", "balance", "block holds"},
		{"facts: {balance_yuan: 0.01}", "balance", "block holds"},
		{"facts: {balance_yuan: 0.010}", "balance", "block holds"},
		{"facts: {balance_yuan: 0.02}", "balance", "block fails"},
		{"facts: {balance_yuan: 1.00}", "balance", "block fails"},
		{"facts: {balance_yuan: 1}", "balance", "block fails"},
		{"facts: {balance_yuan: {value: 0.01, on: 2026-11-20}}", "balance", "block holds"},
		{"facts: {balance_yuan: {on: 2026-11-20}}", "balance", "warn unknown"},
		{"facts: {balance_yuan: }", "balance", "warn unknown"},
		{"facts: {last_active_on: 2026-10-24}", "s_p2", "block fails"}, // 29 days
		{"facts: {last_active_on: 2026-10-23}", "s_p2", "block holds"}, // 30
		{"facts: {last_active_on: 2026-10-22}", "s_p2", "block holds"}, // 31
		{"facts: {last_active_on: 2026-12-31}", "s_p2", "block fails"}, // to come
		{"facts: {renewal_off: true}", "s_p3", "block holds"},
		{"facts: {renewal_off: false}", "s_p3", "block fails"},
		{"facts: {renewal_off: false}", "guess", "warn fails"},
		{"facts: {mode: detach}", "mode", "warn holds"},
		{"facts: {admins: 3}", "form", "block  3"},
	}
	for _, test := range tests {
		r := requirement(t, resolve(t, company+test.text+"\n"), test.requirement)
		got := fmt.Sprintf("%s %s", r.Severity, r.Outcome)
		if r.Kind == packager.KindMaterial {
			got += fmt.Sprintf(" %d", r.Min)
		}
		if got != test.want {
			t.Errorf("%s: %s is %q, want %q", test.text, test.requirement, got, test.want)
		}
	}
	if rs := resolve(t, company+"facts: {admins: 0}\n"); slices.ContainsFunc(rs.Requirements, func(r packager.Requirement) bool { return r.ID == "form" }) {
		t.Error("a rule whose condition is false applies")
	}
}

// TestMerge: of two preconditions of the same name the one that does not hold
// speaks, with its own severity.
func TestMerge(t *testing.T) {
	for balance, want := range map[string]string{
		"0.01": "block holds 余额", "0.02": "block fails 余额", "1.00": "block fails 余额", "1.01": "block fails 余额",
	} {
		rs := resolve(t, "account_type: company\nspecial_cases: [pay]\nfacts: {balance_yuan: "+balance+"}\n")
		r := requirement(t, rs, "balance")
		if got := fmt.Sprintf("%s %s %s", r.Severity, r.Outcome, r.Title.ZH); got != want || len(r.Rules) != 2 {
			t.Errorf("%s: %q of %d rules, want %q", balance, got, len(r.Rules), want)
		}
	}
}

func TestScope(t *testing.T) {
	person := resolve(t, "account_type: person\n")
	for _, r := range person.Requirements {
		if r.ID == "employment" || r.ID == "licence" && len(r.Rules) != 1 {
			t.Errorf("%s asks a person", told(r))
		}
	}
	if len(person.Doubts) != 0 {
		t.Errorf("a doubt about a rule that does not apply: %+v", person.Doubts)
	}
	open := resolve(t, "application: open\n") // only companies open: the type need not be stated
	if open.AccountType.ZH != "企业" || !slices.ContainsFunc(open.Notes, func(r packager.Rule) bool { return r.ID == "S-F1" }) || len(open.Doubts) != 2 {
		t.Errorf("open: %+v", open.AccountType)
	}
}

// workdays counts every day but Sundays, and knows 2026 alone.
type workdays struct{}

func (workdays) AddWorkingDays(d packager.Day, n int) (packager.Day, bool) {
	for n > 0 {
		if d = d.AddDays(1); d.Time().Weekday() != time.Sunday {
			n--
		}
	}
	return d, d.Year == 2026
}

func TestTimeline(t *testing.T) {
	tests := []struct {
		name, text string
		day        packager.Day
		cal        rules.Calendar
		want       []string
	}{
		{"company", "account_type: company\nfacts: {last_active_on: 2026-10-01}\n", today, workdays{}, []string{
			"quiet 2026-10-01: 2026-10-31 to 2026-10-31",
			"freeze 2026-11-25: 2026-12-02 to 2026-12-12",
			"review 2026-11-22: 2026-11-25 to 2026-11-27",
			"name 2026-12-02: 2027-01-02 to 2027-01-12",
			"code 2026-11-22: 2026-11-22 to 2026-11-23",
		}},
		{"person: no upper bound; a fact that is not stated; no calendar", "account_type: person\n", today, nil, []string{
			"quiet : to",
			"freeze 2026-12-18: 2026-12-25 to ~",
			"review 2026-11-22: 2026-12-18 to ~",
			"name 2026-12-25: 2027-01-25 to ~",
			"code 2026-11-22: 2026-11-22 to 2026-11-23",
		}},
		{"into a year without a table", "account_type: company\nspecial_cases: [pay]\n", packager.Day{Year: 2026, Month: 12, Dom: 30}, workdays{}, []string{
			"quiet : to",
			"freeze 2027-01-02: 2027-01-09 to 2027-01-20 ~",
			"review 2026-12-30: 2027-01-02 to 2027-01-05 ~",
			"name 2027-01-09: 2027-02-09 to 2027-02-20 ~",
			"code 2026-12-30: 2026-12-30 to 2026-12-31",
			"pay 2026-12-30: 2026-12-30 to 2026-12-30",
			"paid 2026-12-30: 2027-01-02 to 2027-01-02",
		}},
	}
	for _, test := range tests {
		rs, err := library(t).For(parse(t, shop+test.text), test.day, test.cal)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range rs.Timeline {
			s := fmt.Sprintf("%s %s: %s to %s", e.ID, e.From, e.Earliest, e.Latest)
			if e.Approximate {
				s += " ~"
			}
			got = append(got, strings.Join(strings.Fields(s), " "))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
	}
}

func told2(err error) []string {
	if err == nil {
		return nil
	}
	found, ok := errors.AsType[packager.Diagnostics](err)
	if !ok {
		return []string{err.Error()}
	}
	var all []string
	for _, d := range found {
		s := fmt.Sprintf("%d:%d %s %s", d.Pos.Line, d.Pos.Column, d.Code, d.Path)
		for _, k := range slices.Sorted(maps.Keys(d.Args)) {
			if k != "known" {
				s += fmt.Sprintf(" %s=%s", k, d.Args[k])
			}
		}
		if d.Suggestion != "" {
			s += " → " + d.Suggestion
		}
		all = append(all, s)
	}
	return all
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"platform", "version: 1\nplatform: shpo\naccount: {id: a}\napplicant: {name: a}\n",
			[]string{"2:11 PLATFORM_UNKNOWN platform nearest=shop platform=shpo → shop"}},
		{"application", shop + "application: clsoe\n", []string{"5:14 CASE_APPLICATION_UNKNOWN application got=clsoe → close"}},
		{"no account type", shop, []string{"1:1 CASE_ACCOUNT_TYPE_MISSING account_type"}},
		{"account type", shop + "account_type: compnay\n", []string{"5:15 CASE_ACCOUNT_TYPE_UNKNOWN account_type got=compnay → company"}},
		{"account type that cannot open", shop + "application: open\naccount_type: person\n",
			[]string{"6:15 CASE_ACCOUNT_TYPE_UNFIT account_type application=open got=person"}},
		{"special cases", shop + "account_type: person\nspecial_cases: [pay, staf, staff]\n", []string{
			"6:17 CASE_SPECIAL_CASE_UNFIT special_cases.0 account_type=person application=close got=pay",
			"6:22 CASE_SPECIAL_CASE_UNKNOWN special_cases.1 got=staf → staff",
		}},
		{"ids", shop + "account_type: person\nmaterials: {licens: x.jpg, contract: y.jpg}\npapers: {leter: {sealed: true}}\nbackups: [{requirement: article, files: z.zip}]\nfacts: {balance: 1}\n", []string{
			"6:21 CASE_MATERIAL_UNKNOWN materials.licens got=licens → licence",
			"7:17 CASE_MATERIAL_UNKNOWN papers.leter got=leter → letter",
			"8:25 CASE_BACKUP_UNKNOWN backups.0.requirement got=article → articles",
			"9:18 CASE_FACT_UNKNOWN facts.balance got=balance → balance_yuan",
		}},
		{"types of facts", shop + `account_type: person
facts:
  balance_yuan: 1,000.50 元
  last_active_on: 2026年10月1日
  renewal_off: {value: 是}
  admins: 2.5
  mode: detatch
  links: [a, c]
  note: [x]
`, []string{
			"7:17 CASE_FACT_NUMBER facts.balance_yuan fact=balance_yuan got=1,000.50 元 → 1000.50",
			"8:19 CASE_FACT_DATE facts.last_active_on fact=last_active_on got=2026年10月1日 → 2026-10-01",
			"9:24 CASE_FACT_BOOL facts.renewal_off.value fact=renewal_off got=是 → true",
			"10:11 CASE_FACT_INT facts.admins fact=admins got=2.5",
			"11:9 CASE_FACT_CHOICE facts.mode fact=mode got=detatch → detach",
			"12:10 CASE_FACT_LIST facts.links fact=links got=a, c",
			"13:9 CASE_FACT_TEXT facts.note fact=note got=x",
		}},
		{"what is right", shop + "account_type: company\nfacts: {admins: 2.0, note: 12, links: a, mode: delete, balance_yuan: 1e2}\n", nil},
	}
	l := library(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := parse(t, test.text)
			if diff := cmp.Diff(test.want, told2(l.Validate(c))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			_, err := l.For(c, today, nil)
			if diff := cmp.Diff(test.want, told2(err)); diff != "" {
				t.Errorf("For (-want +got)\n%s", diff)
			}
			for _, d := range diagnosticsOf(err) {
				if d.Pos.Line > 0 && d.Line != strings.Split(test.text, "\n")[d.Pos.Line-1] {
					t.Errorf("line %d is %q", d.Pos.Line, d.Line)
				}
			}
		})
	}
}

func diagnosticsOf(err error) packager.Diagnostics {
	d, _ := errors.AsType[packager.Diagnostics](err)
	return d
}

func TestLoad(t *testing.T) {
	own := os.DirFS("testdata/own")
	l := library(t, own)
	if diff := cmp.Diff([]string{"club", "shop"}, l.IDs()); diff != "" {
		t.Error(diff)
	}
	// A pack of one's own, with a paper of one's own catalogue. One type, one
	// application: nothing of it need be stated.
	c := parse(t, "version: 1\nplatform: club\naccount: {id: a}\napplicant: {name: a}\n")
	rs, err := l.For(c, today, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := told(rs.Requirements[0]); got != "badge material block by C-1 1 of badge" || !rs.Unconfirmed {
		t.Error(got)
	}
	specs, err := l.Catalogue("club")
	if err != nil || len(specs) != 7 || specs[3].Name.ZH != "本公司的公函" || specs[6].ID != "badge" {
		t.Errorf("catalogue: %v %+v", err, specs)
	}
	// The override of shop is wrong: only who asks for it hears so.
	_, err = l.Pack("shop")
	want := []string{
		"14:13 RULE_MATERIAL_UNKNOWN rules.0.needs.0 got=leter → letter",
		"15:19 RULE_CEL rules.0.when detail=undefined field 'folowers' → followers",
	}
	if diff := cmp.Diff(want, told2(err)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := l.Files("club"); err != nil {
		t.Error(err)
	}
	if files, _ := l.Files("shop"); files != nil {
		if b, err := fs.ReadFile(files, "rules.yaml"); err != nil || !strings.Contains(string(b), "2026-12-01") {
			t.Errorf("the override's files: %v", err)
		}
	}
	for _, id := range []string{"shopp", "", "_common", "../shop"} {
		_, err := l.Pack(id)
		f, ok := errors.AsType[*packager.Fault](err)
		if !ok || f.Code != "PLATFORM_UNKNOWN" || f.Class != packager.ClassConfig || id == "shopp" && f.Args["nearest"] != "shop" {
			t.Errorf("%q: %v", id, err)
		}
	}
	_, err = rules.Load(os.DirFS("testdata/base"), os.DirFS(t.TempDir()))
	if f, ok := errors.AsType[*packager.Fault](err); !ok || f.Code != "RULES_EMPTY" {
		t.Errorf("an empty override: %v", err)
	}
}

// TestDigest: the digest follows what the files say, and not how they end
// their lines.
func TestDigest(t *testing.T) {
	digest := func(changed, with string, overrides ...fs.FS) string {
		t.Helper()
		layer := files(t, "testdata/base")
		if changed != "" {
			name := "platforms/" + changed
			layer[name].Data = []byte(strings.ReplaceAll(string(layer[name].Data), "\n", with))
		}
		l, err := rules.Load(layer, overrides...)
		if err != nil {
			t.Fatal(err)
		}
		d, err := l.Digest("shop")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	was := digest("", "")
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(was) || digest("shop/rules.yaml", "\r\n") != was || digest("_common/materials.yaml", "\r\n") != was {
		t.Error("the digest depends on line ends")
	}
	if digest("shop/rules.yaml", "\n\n") == was || digest("_common/materials.yaml", "\n\n") == was {
		t.Error("the digest does not depend on the text")
	}
	club := files(t, "testdata/own")
	delete(club, "shop/rules.yaml")
	if digest("", "", club) == was {
		t.Error("the digest does not depend on the override's catalogue")
	}
}

// TestCost: a condition cannot run for ever, whatever a case holds.
func TestCost(t *testing.T) {
	layer := files(t, "testdata/base")
	pack := layer["platforms/shop/rules.yaml"]
	pack.Data = []byte(strings.NewReplacer(
		"check: facts.renewal_off, facts: [renewal_off, note]", "check: 'facts.links.all(a, facts.links.all(b, facts.links.all(c, a + b + c != \"\")))'",
		"id: links, type: list, values: [a, b]", "id: links, type: list").Replace(string(pack.Data)))
	l, err := rules.Load(layer)
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, shop+"account_type: company\nfacts: {links: ["+strings.Repeat("x, ", 3000)+"x]}\n")
	start := time.Now()
	_, err = l.For(c, today, nil)
	if d := diagnosticsOf(err); len(d) != 1 || d[0].Code != "RULE_CEL_RUN" || d[0].Path != "rules.7.check" || d[0].Pos.File != "platforms/shop/rules.yaml" {
		t.Errorf("got %v", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestForIsSafeForConcurrentUse(t *testing.T) {
	l := library(t)
	c := parse(t, shop+"account_type: company\nfacts: {balance_yuan: 1}\n")
	done := make(chan string)
	for range 8 {
		go func() {
			rs, err := l.For(c, today, nil)
			if err != nil {
				done <- err.Error()
				return
			}
			done <- fmt.Sprint(rs.Requirements, rs.Notes, rs.Timeline)
		}()
	}
	first := <-done
	for range 7 {
		if got := <-done; got != first {
			t.Errorf("the outcome differs:\n%s\n%s", first, got)
		}
	}
}

// TestShippedPacks holds the shipped packs to lint: at run time they are not
// checked again.
func TestShippedPacks(t *testing.T) {
	l, err := rules.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(templates.FS, "platforms/*/*.yaml")
	if err != nil || len(names) < 6 {
		t.Fatal(err, names)
	}
	for _, name := range names {
		b, err := fs.ReadFile(templates.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Lint(name, b); err != nil {
			t.Errorf("%s: %s", name, strings.Join(told2(err), "\n"))
		}
	}
}

// TestSkeleton: what init writes can be read, fits its pack, and stays so when
// every line is taken up.
func TestSkeleton(t *testing.T) {
	l, err := rules.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	commented := regexp.MustCompile(`(?m)^( *)#([a-z-].*)$`)
	for _, id := range l.IDs() {
		p, err := l.Pack(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range p.Applications {
			for _, kind := range p.AccountTypes {
				if len(a.AccountTypes) > 0 && !slices.Contains(a.AccountTypes, kind.ID) || len(kind.Applications) > 0 && !slices.Contains(kind.Applications, a.ID) {
					continue
				}
				text, err := l.Skeleton(id, a.ID, kind.ID)
				if err != nil {
					t.Fatal(err)
				}
				_, err = casefile.Parse("case.yaml", text)
				for _, d := range diagnosticsOf(err) {
					if d.Code != "YAML_EMPTY" || d.Path != "account" && d.Path != "applicant.name" {
						t.Errorf("%s %s %s: %v", id, a.ID, kind.ID, told2(err))
					}
				}
				all := commented.ReplaceAllString(string(text), "$1$2")
				all = strings.Replace(all, "account:\n  id:", "account:\n  id: x", 1)
				all = strings.Replace(all, "applicant:\n  name:", "applicant:\n  name: x", 1)
				c, err := casefile.Parse("case.yaml", []byte(all))
				if err != nil {
					t.Fatalf("%s %s %s: %v\n%s", id, a.ID, kind.ID, told2(err), all)
				}
				if _, err := l.For(c, today, nil); err != nil {
					t.Errorf("%s %s %s: %v", id, a.ID, kind.ID, told2(err))
				}
				for _, want := range []string{"platform: " + id, "account_type: " + kind.ID, "backups:", "consent:"} {
					if !strings.Contains(string(text), want) {
						t.Errorf("%s %s %s: no %q", id, a.ID, kind.ID, want)
					}
				}
			}
		}
	}
	if _, err := l.Skeleton("wechat_oa", "clos", ""); diagnosticsOf(err)[0].Suggestion != "close" {
		t.Errorf("an unknown application: %v", err)
	}
}

func TestWords(t *testing.T) {
	catalog, err := i18n.Load(templates.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	keys := catalog.Keys()
	literal := regexp.MustCompile(`"((?:CASE|YAML|RULES?|PLATFORM)_[A-Z0-9_]+)"`)
	names, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := []string{"CASE_FACT_BOOL", "CASE_FACT_INT", "CASE_FACT_NUMBER", "CASE_FACT_DATE", "CASE_FACT_TEXT", "CASE_FACT_CHOICE", "CASE_FACT_LIST"}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			for _, m := range literal.FindAllSubmatch(b, -1) {
				codes = append(codes, string(m[1]))
			}
		}
	}
	for _, code := range codes {
		if code != "CASE_FACT_" && !slices.Contains(keys, code) {
			t.Errorf("no words for %s", code)
		}
	}
}
