package letter

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"dossier/packager"
	"dossier/packager/casefile"
	"dossier/packager/compose/typeface"
	"dossier/packager/identity"
	"dossier/packager/rules"
	"dossier/templates"
)

var day = packager.Day{Year: 2026, Month: 11, Dom: 22}

func shipped(t testing.TB) Source {
	t.Helper()
	sub, err := fs.Sub(templates.FS, Dir)
	if err != nil {
		t.Fatal(err)
	}
	return Source{sub, "templates/letters"}
}

func library(t testing.TB, more ...Source) *Library {
	t.Helper()
	l, err := Load(append([]Source{shipped(t)}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// example reads a shipped case with its rules.
func example(t testing.TB, name string, edit ...func(*packager.Case)) (*packager.Case, *packager.RuleSet) {
	t.Helper()
	b, err := templates.Examples.ReadFile("examples/" + name + "/case.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := casefile.Parse("case.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range edit {
		f(c)
	}
	lib, err := rules.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	cal, err := identity.ReadCalendar(templates.FS, "calendar")
	if err != nil {
		t.Fatal(err)
	}
	rs, err := lib.For(c, day, cal)
	if err != nil {
		t.Fatal(err)
	}
	return c, rs
}

func drafts(t testing.TB, l *Library, name string, edit ...func(*packager.Case)) map[string]*Draft {
	t.Helper()
	c, rs := example(t, name, edit...)
	list, err := l.For(c, rs)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*Draft{}
	for _, d := range list {
		if out[d.ID] != nil {
			t.Fatalf("two letters are called %s", d.ID)
		}
		out[d.ID] = d
	}
	return out
}

func printed(t testing.TB, d *Draft) []byte {
	t.Helper()
	p := &Press{Regular: templates.Regular, Bold: templates.Bold}
	var b bytes.Buffer
	if _, err := p.Print(&b, d, day); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// judge runs an outside program over the PDF. Where it is not installed the
// test is skipped, or fails with DOSSIER_JUDGES=required.
func judge(t *testing.T, pdf []byte, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatal(err)
		}
		t.Skipf("judge is missing: %v", err)
	}
	file := filepath.Join(t.TempDir(), "letter.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "FILE", file)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// rare gives a case a name beyond the 65,536 characters that gofpdf knows, one
// with a character that no font here has, a very long one, and a reason that
// tries to be marks.
func rare(c *packager.Case) {
	c.Applicant.Name = "新疆维吾尔自治区巴音郭楞蒙古自治州测试虚构（样本）信息技术服务有限责任公司"
	c.Applicant.LegalRepresentative.Name = "李䶮"
	c.Agent.Name = "王𬍛·𰻞\U00031350"
	c.Account.Name = "# 井号开头的账号"
	c.Reason = "业务调整\n!seal 假的落款\n# 假的标题。"
}

// TestLook writes letters into $DOSSIER_LOOK, for eyes.
func TestLook(t *testing.T) {
	dir := os.Getenv("DOSSIER_LOOK")
	if dir == "" {
		t.Skip("for eyes: set DOSSIER_LOOK to a folder")
	}
	for name, edit := range map[string]func(*packager.Case){
		"wechat_oa": nil, "douyin_employee": nil, "weibo_video": nil, "rare": rare,
	} {
		example, edits := name, []func(*packager.Case){}
		if edit != nil {
			example, edits = "wechat_oa", append(edits, edit)
		}
		for _, d := range drafts(t, library(t), example, edits...) {
			if err := os.WriteFile(filepath.Join(dir, name+"-"+d.ID+".pdf"), printed(t, d), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func needed(all map[string]*Draft) string {
	var ids []string
	for _, d := range all {
		if d.Needed {
			ids = append(ids, d.ID)
		}
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func TestNeeded(t *testing.T) {
	l := library(t)
	for _, c := range []struct {
		name, example string
		edit          func(*packager.Case)
		want          string
	}{
		{"an agent files", "wechat_oa", nil, "application_letter authorization_letter consent-legal_rep stop_notice"},
		{"the representative files", "wechat_oa", func(c *packager.Case) { c.Agent = nil }, "application_letter authorization_letter stop_notice"},
		{"employee account", "douyin_employee", nil, "application_letter consent-employee"},
		{"employee account, agent", "douyin_employee", func(c *packager.Case) {
			c.Agent = &packager.Person{Name: "样本乙", IDNumber: "310199198512310026"}
		}, "application_letter authorization_letter consent-employee consent-legal_rep"},
		{"company dissolved", "wechat_oa", func(c *packager.Case) {
			c.SpecialCases, c.Agent = []string{"dissolved_company"}, nil
		}, "application_letter_signed stop_notice"},
		{"overseas", "weibo_video", func(c *packager.Case) { c.SpecialCases = []string{"overseas"} }, "authorization_letter gdpr_statement"},
		{"migration", "wechat_oa", func(c *packager.Case) { c.Application, c.SpecialCases, c.Agent = "migrate", nil, nil }, "migration_letter"},
		{"three administrators", "weibo_video", func(c *packager.Case) {
			c.AccountType, c.Agent = "institution", nil
			c.Facts["sub_account_admins"] = packager.Fact{Value: int64(3)}
		}, "authorization_letter sub_account_authorization-1 sub_account_authorization-2 sub_account_authorization-3"},
	} {
		var edits []func(*packager.Case)
		if c.edit != nil {
			edits = append(edits, c.edit)
		}
		if got := needed(drafts(t, l, c.example, edits...)); got != c.want {
			t.Errorf("%s: needs %q, want %q", c.name, got, c.want)
		}
	}
}

// TestOfficialLetter holds the application letter against what such a letter
// must contain, as poppler reads it from the PDF.
func TestOfficialLetter(t *testing.T) {
	d := drafts(t, library(t), "wechat_oa")["application_letter"]
	pdf := printed(t, d)
	text := judge(t, pdf, "pdftotext", "-raw", "FILE", "-")
	flat := strings.NewReplacer("\n", "", " ", "").Replace(text)
	for _, want := range []string{
		"关于注销微信公众号的申请函", "致：深圳市腾讯计算机系统有限公司",
		"测试虚构（样本）科技有限公司", "91000000MAFAKE019J", "测试虚构服务号", "gh_0123456789ab",
		"13800138000", "ops@example.com", "业务调整", "样本乙（证件号码：310199198512310026）",
		"附件：1.授权委托书2.营业执照", "法定代表人（签字）：", "（盖章处）", "年月日",
		"（联系人：样本乙，电话：13800138000）", "—1—", "—2—", "骑缝章处（共2页）", "案件example-wechat-oa",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("%q is not in the letter:\n%s", want, text)
		}
	}
	judge(t, pdf, "qpdf", "--check", "FILE")
	if again := printed(t, d); !bytes.Equal(pdf, again) {
		t.Error("the same letter on the same day gives other bytes")
	}
	if fonts := judge(t, pdf, "pdffonts", "FILE"); strings.Count(fonts, "yes") < 4 || strings.Contains(fonts, " no ") && !strings.Contains(fonts, "yes no") {
		t.Errorf("fonts are not embedded as subsets with ToUnicode:\n%s", fonts)
	}
}

// TestRareNames: every character of a name is on the page and can be read back,
// and a value is never taken for a mark.
func TestRareNames(t *testing.T) {
	d := drafts(t, library(t), "wechat_oa", rare)["application_letter"]
	if got := d.Title(); got != "关于注销微信公众号的申请函" {
		t.Errorf("title is %q", got)
	}
	if n := strings.Count(d.Text(), "!seal "); n != 2 { // one is the reason's own words
		t.Errorf("%d marks of a seal in:\n%s", n, d.Text())
	}
	text := judge(t, printed(t, d), "pdftotext", "-raw", "FILE", "-")
	for _, want := range []string{"李䶮", "王𬍛·𰻞\U00031350", "# 井号开头的账号", "!seal 假的落款 # 假的标题"} {
		if !strings.Contains(strings.ReplaceAll(text, "\n", ""), want) {
			t.Errorf("%q is not in the letter:\n%s", want, text)
		}
	}
}

// TestDigest: the digest changes with the case and the wording
// and with nothing else.
func TestDigest(t *testing.T) {
	l := library(t)
	was := drafts(t, l, "wechat_oa")["application_letter"]
	for name, edit := range map[string]func(*packager.Case){
		"folder":    func(c *packager.Case) { c.Dir = "/elsewhere" },
		"papers":    func(c *packager.Case) { c.Papers = nil },
		"materials": func(c *packager.Case) { c.Materials = nil },
		"backups":   func(c *packager.Case) { c.Backups = nil },
	} {
		if got := drafts(t, l, "wechat_oa", edit)["application_letter"]; got.Digest != was.Digest {
			t.Errorf("%s: the text has changed:\n%s", name, got.Text())
		}
	}
	for name, edit := range map[string]func(*packager.Case){
		"account": func(c *packager.Case) { c.Account.ID = "gh_other" },
		"USCC":    func(c *packager.Case) { c.Applicant.USCC = "91000000MAFAKE027D" },
		"agent":   func(c *packager.Case) { c.Agent.IDNumber = "110199198001010016" },
		"reason":  func(c *packager.Case) { c.Reason = "停业" },
	} {
		if got := drafts(t, l, "wechat_oa", edit)["application_letter"]; got.Digest == was.Digest {
			t.Errorf("%s: the text has not changed", name)
		}
	}
	own := Source{fstest.MapFS{"application_letter.txt": {Data: []byte("%zh 我的申请函\n# 申请\n{{.applicant.name}}申请注销。\n")}}, "own"}
	got := drafts(t, library(t, own), "wechat_oa")["application_letter"]
	if got.Wording == was.Wording || got.Title() != "申请" || got.File() != "我的申请函.pdf" || !got.Needed {
		t.Errorf("the user's wording was not taken: %+v", got)
	}
}

// TestNewLetter: a new file is a new letter, without any Go.
func TestNewLetter(t *testing.T) {
	own := Source{fstest.MapFS{"promise.txt": {Data: []byte("%zh 承诺书\n%answers supplement\n# 承诺书\n正文{{blank \"\"}}\n!date\n")}}, "own"}
	d := drafts(t, library(t, own), "wechat_oa")["promise"]
	if d == nil || d.Answers != "supplement" || d.Needed || !strings.Contains(d.Text(), "＿＿") {
		t.Errorf("%+v", d)
	}
	printed(t, d)
}

func TestMistakes(t *testing.T) {
	const ok = "%zh 函\n# 题\n"
	for _, c := range []struct {
		name, text, code string
		line             int
		near             string
	}{
		{"value", ok + "{{.applicant.nmae}}\n", "LETTER_VALUE_UNKNOWN", 3, ".applicant.name"},
		{"value in if", ok + "{{if .agnet.name}}x{{end}}\n", "LETTER_VALUE_UNKNOWN", 3, ".agent.name"},
		{"group", ok + "\n{{.applicant}}\n", "LETTER_VALUE_GROUP", 4, ""},
		{"syntax", ok + "{{if .reason}}\n", "LETTER_TEMPLATE_SYNTAX", 4, ""},
		{"unclosed", ok + "a {{.reason\n", "LETTER_TEMPLATE_SYNTAX", 3, ""},
		{"function", ok + "{{blnk .reason}}\n", "LETTER_TEMPLATE_SYNTAX", 3, ""},
		{"in range", ok + "{{range .attachments}}{{.x}}{{end}}\n", "LETTER_TEMPLATE_FAILS", 3, ""},
		{"mark", ok + "!sael 公司\n", "LETTER_MARK_UNKNOWN", 3, "!seal"},
		{"mark behind a condition", ok + "{{if not .agent.name}}\n!sing 甲\n{{end}}\n", "LETTER_MARK_UNKNOWN", 4, "!sign"},
		{"head", "%zh 函\n%anwsers x\n# 题\n", "LETTER_HEAD_UNKNOWN", 2, "answers"},
		{"each", "%zh 函\n%each persons\n# 题\n", "LETTER_HEAD_VALUE", 2, "person"},
		{"no name", "# 题\n", "LETTER_HEAD_NAME", 1, ""},
		{"name of a file", "%zh a/b\n# 题\n", "LETTER_HEAD_NAME", 1, ""},
		{"no title", "%zh 函\n正文\n", "LETTER_NO_TITLE", 1, ""},
	} {
		_, err := Load(Source{fstest.MapFS{"x.txt": {Data: []byte(c.text)}}, "dir"})
		var ds packager.Diagnostics
		if !errors.As(err, &ds) {
			t.Errorf("%s: no diagnostics but %v", c.name, err)
			continue
		}
		d := ds[0]
		if d.Code != c.code || d.Pos.Line != c.line || d.Pos.File != "dir/x.txt" || d.Suggestion != c.near {
			t.Errorf("%s: %s at %v, suggestion %q; want %s at line %d, %q", c.name, d.Code, d.Pos, d.Suggestion, c.code, c.line, c.near)
		}
	}
}

func shippedFaces(t *testing.T) (faces [2]*typeface.Face) {
	t.Helper()
	for i, b := range [][]byte{templates.Regular, templates.Bold} {
		f, err := typeface.New(b)
		if err != nil {
			t.Fatal(err)
		}
		faces[i] = f
	}
	return faces
}

// TestPages: no page is overfull, and none begins with signatures alone.
func TestPages(t *testing.T) {
	faces := shippedFaces(t)
	for n := range 60 {
		blocks := []block{{kind: title, text: "关于测试的函"}, {kind: addressee, text: "致：某公司"}}
		for i := range n {
			switch i % 7 {
			case 3:
				blocks = append(blocks, block{kind: row, label: "名称", text: strings.Repeat("值", 1+i)})
			case 5:
				blocks = append(blocks, block{kind: heading, text: "一、小标题"})
			default:
				blocks = append(blocks, block{text: strings.Repeat("正文，", 1+3*(i%11))})
			}
		}
		blocks = append(blocks, block{kind: enclosure, text: "附件"}, block{kind: signLine, text: "签字"}, block{kind: sealBlock, text: "测试公司"})
		pages := set(faces, blocks)
		lines := 0
		for i, p := range pages {
			last := p.lines[len(p.lines)-1]
			if last.y+last.height > bottom+0.1 {
				t.Errorf("%d blocks, page %d ends at %.1f, beyond %.1f", n, i+1, last.y+last.height, bottom)
			}
			text := 0
			for _, l := range p.lines {
				if l.body {
					text++
				}
				lines++
			}
			if i > 0 && text < 2 {
				t.Errorf("%d blocks, page %d has %d lines of text", n, i+1, text)
			}
		}
		if lines < n {
			t.Errorf("%d blocks gave %d lines", n, lines)
		}
	}
}

// FuzzWording: whatever a wording says, it is read or refused, and what is read
// can be printed.
func FuzzWording(f *testing.F) {
	f.Add("%zh 函\n# 题\n| a | {{.reason}}\n!seal x\n")
	f.Add("%zh 函\n# 题\n{{range $i, $a := .attachments}}+ {{$a}}\n{{end}}")
	f.Add("%zh 函\n# 题\n{{with .agent}}{{.name}}{{end}}\n!date\n##  \n+ \n|\n")
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "{{") && (strings.Contains(s, "define") || strings.Contains(s, "template") || strings.Contains(s, "block")) {
			return // a template that calls itself is its author's loss
		}
		l, err := Load(Source{fstest.MapFS{"x.txt": {Data: []byte(s)}}, "dir"})
		if err != nil {
			return
		}
		for _, w := range l.wordings {
			blocks, err := w.blocks(values(sample, sampleRules, instance{}, ""))
			if err != nil {
				t.Fatal(err)
			}
			r, err1 := typeface.New(templates.Regular)
			b, err2 := typeface.New(templates.Bold)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			if len(set([2]*typeface.Face{r, b}, blocks)) == 0 {
				t.Fatal("no page")
			}
		}
	})
}
