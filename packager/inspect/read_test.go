package inspect

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
	"dossier/packager/inspect/samples"
)

// ocrOptions returns options with Tesseract, or skips the test; with
// DOSSIER_JUDGES=required a missing one is a failure.
func ocrOptions(t *testing.T) Options {
	t.Helper()
	if testing.Short() {
		t.Skip("reading takes seconds")
	}
	path, err := exec.LookPath("tesseract")
	if err == nil && !newTesseract(path).available() {
		err = fmt.Errorf("tesseract has no model chi_sim")
	}
	if err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Tesseract: path, EngineCacheDir: dir + "/dossier-test"}
}

// papers is a rule set in which the papers of these tests are asked for.
func papers() *packager.RuleSet {
	rs := &packager.RuleSet{Catalogue: map[string]packager.MaterialSpec{}}
	for id, part := range map[string]string{
		"business_licence": "licence", "legal_rep_id_portrait": "identity", "legal_rep_id_emblem": "identity",
		"agent_id_portrait": "identity", "application_letter": "letter", "authorization_letter": "authorisation",
	} {
		rs.Catalogue[id] = packager.MaterialSpec{ID: id, Part: part}
		rs.Requirements = append(rs.Requirements, packager.Requirement{ID: id, Kind: packager.KindMaterial, AnyOf: []string{id}, Min: 1})
	}
	return rs
}

func said(fields []packager.Field) []string {
	var out []string
	for _, f := range fields {
		s := f.Name + "=" + f.Value
		if f.Proven {
			s += " proven"
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

const licenceQR = "http://www.gsxt.gov.cn/index.html?uniscid=91000000MAFAKE019J"

func TestReadsPapers(t *testing.T) {
	opt := ocrOptions(t)
	shoot := func(img *image.Gray, c samples.Camera) []byte {
		c.Noise = 3
		return samples.JPEG(samples.Shoot(img, c), 85)
	}
	licence := samples.Licence(110, "91000000MAFAKE019J", licenceQR)
	letter := samples.Letter(130, "gh_0123456789ab", "2026年11月20日")
	portrait := samples.Card(250, "姓名 测试甲", "性别 男 民族 汉", "出生 1980年1月1日", "公民身份号码 110199198001010016")
	emblem := samples.Card(250, "签发机关 样本市公安局", "有效期限 2011.05.01-2031.05.01")
	scan := samples.Shoot(letter, samples.Camera{Paper: 1})
	tests := []struct {
		name string
		id   string
		file string
		b    []byte
		want []string // each of these is read
	}{
		{"licence, tilted by 3°", "business_licence", "a.jpg", shoot(licence, samples.Camera{Rotate: 3, Desk: 0.05}),
			[]string{"uscc=91000000MAFAKE019J proven", "name=测试虚构(样本)科技有限公司", "valid_until=2040-05-05", "valid_from=2020-05-06", "type=有限责任公司"}},
		{"licence, tilted by 9°", "business_licence", "a.jpg", shoot(licence, samples.Camera{Rotate: 9, Desk: 0.1}),
			[]string{"uscc=91000000MAFAKE019J proven", "name=测试虚构(样本)科技有限公司"}},
		{"licence, dark", "business_licence", "a.jpg", shoot(licence, samples.Camera{Dark: 0.4}),
			[]string{"uscc=91000000MAFAKE019J proven", "name=测试虚构(样本)科技有限公司"}},
		{"portrait", "legal_rep_id_portrait", "a.jpg", shoot(portrait, samples.Camera{Desk: 0.1}),
			[]string{"id_number=110199198001010016 proven", "name=测试甲"}},
		{"emblem", "legal_rep_id_emblem", "a.jpg", shoot(emblem, samples.Camera{Desk: 0.1}),
			[]string{"valid_from=2011-05-01", "valid_until=2031-05-01"}},
		{"letter", "application_letter", "a.jpg", shoot(letter, samples.Camera{}),
			[]string{"uscc=91000000MAFAKE019J proven", "account_id=gh_0123456789ab", "addressee=测试平台样本有限公司", "dated=2026-11-20", "name=测试虚构(样本)科技有限公司"}},
		{"letter, scanned to PDF", "application_letter", "a.pdf", samples.ScannedA4(samples.JPEG(scan, 85), scan.Rect.Dx(), scan.Rect.Dy()),
			[]string{"uscc=91000000MAFAKE019J proven", "account_id=gh_0123456789ab", "dated=2026-11-20"}},
	}
	x := New(opt)
	defer x.Close()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := material(t, "materials/"+test.file, test.b, packager.RoleMaterial, test.id)
			in, err := x.Inspect(context.Background(), &packager.Collection{Case: &packager.Case{}, Rules: papers(), Materials: []packager.Material{m}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			f := in.Files[0]
			got := said(f.Fields)
			for _, w := range test.want {
				if !slices.Contains(got, w) {
					t.Errorf("%s was not read; read were %q", w, got)
				}
			}
			if f.ReadBy != "ocr" {
				t.Errorf("read by %q", f.ReadBy)
			}
			for _, field := range f.Fields {
				if z := field.Zone; field.By == "ocr" && (z == nil || z.X < -0.01 || z.Y < -0.01 || z.X+z.W > 1.01 || z.Y+z.H > 1.01 || z.W <= 0 || z.H <= 0 || z.H > 0.3) {
					t.Errorf("%s has no place on the page: %+v", field.Name, z)
				}
			}
		})
	}
}

// The zone of a field is where it stands on the page, also on a tilted one.
func TestZonesAreInPlace(t *testing.T) {
	opt := ocrOptions(t)
	m := material(t, "materials/a.png", samples.PNG(samples.Shoot(samples.Card(250, "姓名 测试甲", "公民身份号码 110199198001010016"), samples.Camera{Rotate: 4})), packager.RoleMaterial, "legal_rep_id_portrait")
	x := New(opt)
	defer x.Close()
	in, err := x.Inspect(context.Background(), &packager.Collection{Case: &packager.Case{}, Rules: papers(), Materials: []packager.Material{m}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(in.Files[0].Fields, func(f packager.Field) bool { return f.Name == "id_number" })
	if i < 0 {
		t.Fatalf("%+v", in.Files[0].Fields)
	}
	// printed at x 6 mm … on a card of 85.6 × 54 mm, baseline at 26 mm
	z := in.Files[0].Fields[i].Zone
	if z == nil || z.Y > 26.0/54 || z.Y+z.H < 23.0/54 || z.X > 0.5 || z.X+z.W < 0.6 {
		t.Errorf("%+v", z)
	}
}

// A PDF with a text layer is read without OCR; what is said there is certain.
func TestReadsTextLayer(t *testing.T) {
	b := samples.PDF{Pages: 2, Text: "USCC 91000000MAFAKE019J and gh_0123456789ab, page"}.Bytes()
	m := material(t, "materials/a.pdf", b, packager.RoleMaterial, "application_letter")
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	x := New(Options{Tesseract: "off", EngineCacheDir: dir + "/dossier-test"})
	defer x.Close()
	in, err := x.Inspect(context.Background(), &packager.Collection{Case: &packager.Case{}, Rules: papers(), Materials: []packager.Material{m}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := in.Files[0]
	want := []string{"account_id=gh_0123456789ab", "account_id=gh_0123456789ab", "uscc=91000000MAFAKE019J proven", "uscc=91000000MAFAKE019J proven"}
	if d := cmp.Diff(want, said(f.Fields)); d != "" || f.ReadBy != "text" || !f.PDF.TextLayer || f.Fields[0].Confidence != 1 {
		t.Errorf("%s %+v", d, f)
	}
}

func TestExtract(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"licence in columns", []string{"统一社会信用代码 91000000MAFAKE019J", "名 称 测试虚构（样本）科技有限公司", "类型 有限责任公司(自然人投资或控股)", "法定代表人 测试甲", "营业期限 2020年05月06日至长期", "成立日期 2020年05月06日", "登记机关"},
			[]string{"dated=2020-05-06", "legal_representative=测试甲", "name=测试虚构(样本)科技有限公司", "type=有限责任公司(自然人投资或控股)", "uscc=91000000MAFAKE019J proven", "valid_from=2020-05-06", "valid_until=长期"}},
		{"card", []string{"姓名 样本乙·买买提", "公民身份号码 31019919851231002 6"}, []string{"id_number=310199198512310026 proven", "name=样本乙·买买提"}},
		{"X", []string{"公民身份号码 11019919880808004x"}, []string{"id_number=11019919880808004X proven"}},
		{"emblem, for ever", []string{"签发机关 样本市公安局", "有效期限 2011.05.01-长期"}, []string{"valid_from=2011-05-01", "valid_until=长期"}},
		{"letter", []string{"致：测试平台样本有限公司", "我公司测试虚构（样本）科技有限公司（统一社会信用代码：91000000MAFAKE019J），申请注销", "抖音号：test_0001", "法定代表人（签字）：测试甲", "经办人：样本乙（身份证号 310199198512310026）", "日期：2026年11月20日"},
			[]string{"account_id=test_0001", "addressee=测试平台样本有限公司", "agent=样本乙", "dated=2026-11-20", "id_number=310199198512310026 proven", "legal_representative=测试甲", "name=测试虚构(样本)科技有限公司", "uscc=91000000MAFAKE019J proven"}},
		{"authorisation", []string{"委托人：测试虚构（样本）科技有限公司", "受托人：样本乙", "授权期限：2026年11月01日至2027年10月31日", "2026年11月01日"},
			[]string{"agent=样本乙", "dated=2026-11-01", "name=测试虚构(样本)科技有限公司", "valid_from=2026-11-01", "valid_until=2027-10-31"}},
		{"numbers that fail their check, and parts of longer ones", []string{"91000000MAFAKE019K", "110199198001010017", "A91000000MAFAKE019J", "1101991980010100160"}, nil},
		{"a number for a code", []string{"统一社会信用代码 911101085923662400"}, []string{"uscc=911101085923662400 proven"}},
		{"titles and prose", []string{"法定代表人授权委托书", "现委托经办人样本乙办理上述账号的注销", "法定代表人签字：", "经办人签字盖章"}, []string{"agent=样本乙"}},
		{"no label, no name", []string{"测试虚构（样本）科技有限公司", "测试甲"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var lines []line
			for _, s := range test.lines {
				lines = append(lines, line{{text: s, certain: 1}})
			}
			if d := cmp.Diff(test.want, said(extract(lines, 1, "ocr"))); d != "" {
				t.Error(d)
			}
		})
	}
}

// A letter read for a digit is set right in a credit code, which has no such
// letters; it is not called proven then.
func TestMisreadCode(t *testing.T) {
	fields := extract([]line{{{text: "91OOOOOOMAFAKE019J", certain: 0.9}}}, 1, "ocr")
	if len(fields) != 1 || fields[0].Value != "91000000MAFAKE019J" || fields[0].Proven || fields[0].Confidence > 0.7 {
		t.Errorf("%+v", fields)
	}
}

// A number read off a picture that is the case's own but for a character is
// misread rather than another's.
func TestDoubt(t *testing.T) {
	c := &packager.Case{Applicant: packager.Applicant{USCC: "91000000MAFAKE019J"}}
	read := func(v string) packager.Field {
		return packager.Field{Name: "uscc", Value: v, By: "ocr", Proven: true, Confidence: 0.9}
	}
	got := doubt([]packager.Field{read("91000000MAFAKE019J"), read("91000000MAFAXE019J"), read("91000000MAFAKE027D")}, c)
	if !got[0].Proven || got[1].Proven || !got[2].Proven {
		t.Errorf("%+v", got)
	}
}

// What nobody has placed is placed by its content where that is plain.
func TestPlacedByContent(t *testing.T) {
	opt := ocrOptions(t)
	shoot := func(img *image.Gray) []byte { return samples.JPEG(samples.Shoot(img, samples.Camera{}), 85) }
	files := []packager.Material{
		material(t, "materials/IMG_1.jpg", shoot(samples.Licence(110, "91000000MAFAKE019J", licenceQR)), packager.RoleUnplaced),
		material(t, "materials/IMG_2.jpg", shoot(samples.Card(250, "姓名 样本乙", "公民身份号码 310199198512310026")), packager.RoleUnplaced),
		material(t, "materials/IMG_3.jpg", shoot(samples.Card(250, "签发机关 样本市公安局", "有效期限 2011.05.01-2031.05.01")), packager.RoleUnplaced),
		material(t, "materials/IMG_4.jpg", shoot(samples.Card(250, "姓名 样本丁", "公民身份号码 11019919880808004X")), packager.RoleUnplaced),
		material(t, "materials/IMG_5.jpg", shoot(samples.Sheet(60)), packager.RoleUnplaced),
		material(t, "backups/IMG_6.jpg", shoot(samples.Licence(110, "91000000MAFAKE019J", licenceQR)), packager.RoleUnplaced),
	}
	c := &packager.Collection{
		Case:  &packager.Case{Applicant: packager.Applicant{LegalRepresentative: packager.Person{IDNumber: "110199198001010016"}}, Agent: &packager.Person{IDNumber: "310199198512310026"}},
		Rules: papers(), Materials: files,
	}
	for _, m := range files {
		c.Findings = append(c.Findings, packager.Finding{Code: "FILE_UNPLACED", Material: m.Path})
	}
	x := New(opt)
	defer x.Close()
	in, err := x.Inspect(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range in.Files {
		got = append(got, fmt.Sprintf("%s %s %s %s", f.Path, f.Role, strings.Join(f.IDs, ","), f.Matched.Word))
	}
	want := []string{
		"materials/IMG_1.jpg material business_licence QR",
		"materials/IMG_2.jpg material agent_id_portrait 公民身份号码",
		"materials/IMG_3.jpg material legal_rep_id_emblem 签发机关",
		"materials/IMG_4.jpg unplaced  ",
		"materials/IMG_5.jpg unplaced  ",
		"backups/IMG_6.jpg unplaced  ",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	var codes []string
	for _, f := range in.Findings {
		codes = append(codes, f.Code+" "+f.Material)
	}
	wantCodes := []string{"FILE_UNPLACED materials/IMG_4.jpg", "FILE_UNPLACED materials/IMG_5.jpg", "FILE_UNPLACED backups/IMG_6.jpg",
		"MATCH_BY_CONTENT materials/IMG_1.jpg", "MATCH_BY_CONTENT materials/IMG_2.jpg", "MATCH_BY_CONTENT materials/IMG_3.jpg"}
	if d := cmp.Diff(wantCodes, codes); d != "" {
		t.Error(d)
	}
	id, word := x.Recognise(context.Background(), files[0].Abs, c.Case, c.Rules)
	if id != "business_licence" || word != "QR" {
		t.Errorf("%s %s", id, word)
	}
}

func FuzzParseTSV(f *testing.F) {
	f.Add("5\t1\t1\t1\t1\t1\t10\t10\t100\t20\t96.5\t名称\n5\t1\t1\t1\t1\t2\t120\t10\t100\t20\t90\t测试虚构公司\n")
	f.Add("level\tpage_num\n5\t\t\t\t\t\tx\t1e309\t-1\tNaN\t-1\t\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, l := range parseTSV(s, func(x, y float64) (float64, float64) { return x / 100, y / 100 }) {
			for _, field := range extract([]line{l}, 1, "ocr") {
				if field.Value == "" || field.Name == "" {
					t.Fatalf("%+v", field)
				}
			}
		}
	})
}

func FuzzExtract(f *testing.F) {
	f.Add("统一社会信用代码 91000000MAFAKE019J")
	f.Add("经办人：样本乙（身份证号 310199198512310026）")
	f.Add("营业期限 2020年05月06日至长期")
	f.Fuzz(func(t *testing.T, s string) {
		for _, field := range extract([]line{{{text: s, certain: 1}}}, 1, "text") {
			if field.Value == "" {
				t.Fatalf("%+v", field)
			}
		}
		classify(s)
	})
}

// The resolution of a scan is that of its largest picture at the size on the
// page of the bundle: A4 is shown at 79 %.
func TestScanResolution(t *testing.T) {
	page := samples.Sheet(72)
	jpg := samples.JPEG(page, 85)
	scan := samples.ScannedA4(jpg, page.Rect.Dx(), page.Rect.Dy())
	read := bytes.Replace(scan, []byte("/I Do Q     "), []byte("/I Do Q     BT 3 Tr (x) Tj ET"), 1) // what a scanner has read, invisible
	set := bytes.Replace(scan, []byte("/I Do Q     "), []byte("/I Do Q     BT /F1 12 Tf (x) Tj ET"), 1)
	small := bytes.Replace(scan, []byte("q 595 0 0 842 0 0 cm"), []byte("q 300 0 0 400 0 0 cm"), 1)
	for name, test := range map[string]struct {
		pdf  []byte
		want int
	}{
		"scan": {scan, 91}, "scan with its text": {read, 91}, "print on a picture": {set, 0}, "picture on a page": {small, 0}, "print": {samples.PDF{Pages: 1, Text: "x"}.Bytes(), 0},
	} {
		m := material(t, "materials/a.pdf", test.pdf, packager.RoleMaterial, "application_letter")
		x := New(Options{EngineCacheDir: withHelper(t).EngineCacheDir, Tesseract: "off"})
		in, err := x.Inspect(t.Context(), &packager.Collection{Case: &packager.Case{}, Rules: papers(), Materials: []packager.Material{m}}, nil)
		x.Close()
		if err != nil {
			t.Fatal(err)
		}
		if f := in.Files[0]; f.DPI() != test.want || test.want > 0 && f.PDF.ScanPage != 1 {
			t.Errorf("%s: %d on page %d, want %d", name, f.DPI(), f.PDF.ScanPage, test.want)
		}
	}
}
