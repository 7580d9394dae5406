package audit

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"dossier/packager"
	"dossier/packager/i18n"
)

// catalog is that of this room alone.
func catalog() (*i18n.Catalog, error) {
	b, err := os.ReadFile("../../templates/locales/audit.yaml")
	if err != nil {
		return nil, err
	}
	return i18n.Load(fstest.MapFS{"locales/audit.yaml": {Data: b}}, "locales")
}

func printer(t testing.TB, lang string) *i18n.Printer {
	t.Helper()
	c, err := catalog()
	if err != nil {
		t.Fatal(err)
	}
	return c.Printer(lang)
}

func dayOf(t testing.TB, s string) packager.Day {
	t.Helper()
	d, err := packager.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func writePicture(t testing.TB, path string, w, h int) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{uint8(200 - 100*x/w), uint8(220 - 80*y/h), 210, 255}
			if y < h/6 { // a head that shows which way is up
				c = color.RGBA{180, 40, 40, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sample is a signed bundle with one of everything.
func sample(t testing.TB) (dir string, sb *packager.SignedBundle, verdict *packager.Verdict, log *Log, stored []packager.StoredObject) {
	t.Helper()
	return sampleIn(t, t.TempDir())
}

func sampleIn(t testing.TB, in string) (dir string, sb *packager.SignedBundle, verdict *packager.Verdict, log *Log, stored []packager.StoredObject) {
	t.Helper()
	dir = in
	digest := func(i int) string { return fmt.Sprintf("%064x", 0xabc0+i) }
	names := []string{"materials/营业执照.jpg", "materials/身份证 人像面.jpg", "materials/=HYPERLINK(\"http:x\",1).jpg", "materials/@SUM(1+1).pdf", "backups/articles#1%.zip"}
	ids := [][]string{{"business_licence"}, {"legal_rep_id_portrait"}, {}, {"application_letter"}, {"articles"}}
	roles := []packager.Role{packager.RoleMaterial, packager.RoleMaterial, packager.RoleUnplaced, packager.RoleMaterial, packager.RoleBackup}
	var files []packager.Inspected
	for i, name := range names {
		abs := filepath.Join(dir, filepath.FromSlash(name))
		f := packager.Inspected{
			Material: packager.Material{Path: name, Abs: abs, IDs: ids[i], Role: roles[i], Matched: packager.Match{By: "name", Word: "营业执照"},
				SHA256: digest(i), Bytes: int64(1000000*i + 123), ModTime: time.Date(2026, 11, 10+i, 23, 30, i, 0, time.UTC)},
			Media: "image/jpeg", Form: packager.FormPicture, Pages: 1,
		}
		if strings.HasSuffix(name, ".jpg") {
			writePicture(t, abs, 900, 600)
			f.Picture = &packager.Picture{Format: "jpeg", Width: 900, Height: 600, Orientation: 1}
			if i == 1 {
				f.Picture.Orientation = 6
			}
		} else {
			f.Media = "application/octet-stream"
			if err := os.MkdirAll(filepath.Dir(abs), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(abs, []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		files = append(files, f)
		stored = append(stored, packager.StoredObject{Key: "v1/blobs/sha256/ab/" + digest(i), SHA256: digest(i), Bytes: f.Bytes, Version: "v" + fmt.Sprint(i), Name: name})
	}
	rule := packager.Rule{ID: "OA-M2", Confidence: "B", LastChecked: dayOf(t, "2026-11-22"),
		Sources: []packager.SourceRef{{Title: "微信公众号注销", At: "L14"}}}
	requirement := func(id, zh string, kind packager.Kind, state packager.Severity, ok bool, paths ...string) packager.RequirementVerdict {
		return packager.RequirementVerdict{
			Requirement: packager.Requirement{ID: id, Kind: kind, Severity: packager.Block, Title: packager.Text{ZH: zh, EN: id}, Next: packager.Text{ZH: "补齐" + zh, EN: "add"}, Rules: []packager.Rule{rule}},
			Satisfied:   ok, State: state, Materials: paths,
		}
	}
	items, followers := int64(96), int64(12000)
	report := &packager.Report{
		Case: &packager.Case{
			ID: "wechat_oa-close-7q3f", Dir: dir, Platform: "wechat_oa", Application: "close",
			Account:   packager.Account{ID: "gh_0123456789ab", Name: "测试虚构服务号", Followers: &followers},
			Applicant: packager.Applicant{Name: "测试虚构（样本）科技有限公司", USCC: "91000000MAFAKE019J", LegalRepresentative: packager.Person{Name: "测试甲", IDNumber: "110199198001010016"}},
			Agent:     &packager.Person{Name: "样本乙", IDNumber: "310199198512310026"},
			Backups:   []packager.Backup{{Requirement: "articles", Files: names[4:], FromDay: dayOf(t, "2019-01-01"), ToDay: dayOf(t, "2026-11-11")}},
		},
		Rules: &packager.RuleSet{
			Platform: "wechat_oa", Name: packager.Text{ZH: "微信公众号", EN: "WeChat Official Account"}, Application: packager.Text{ZH: "注销", EN: "Close"},
			AccountType: packager.Text{ZH: "企业", EN: "Enterprise"}, Revision: "2026-11-22", Digest: digest(77), Day: dayOf(t, "2026-11-22"),
			Catalogue: map[string]packager.MaterialSpec{
				"business_licence":      {Name: packager.Text{ZH: "营业执照", EN: "Business licence"}},
				"legal_rep_id_portrait": {Name: packager.Text{ZH: "法定代表人身份证（人像面）", EN: "ID, portrait side"}},
			},
			Timeline: []packager.TimelineEntry{
				{Kind: "review", Title: packager.Text{ZH: "审核"}, From: dayOf(t, "2026-11-22"), Earliest: dayOf(t, "2026-12-01"), Latest: dayOf(t, "2026-12-11"), Rules: []string{"OA-D1"}},
				{Kind: "watch", Title: packager.Text{ZH: "监测"}, From: dayOf(t, "2026-12-11"), Earliest: dayOf(t, "2027-01-11"), Approximate: true},
			},
		},
		Files: files,
		Requirements: []packager.RequirementVerdict{
			requirement("business_licence", "营业执照", packager.KindMaterial, packager.StateOK, true, names[0]),
			requirement("legal_rep_id", "法定代表人身份证", packager.KindMaterial, packager.Warn, true, names[1]),
			requirement("inactive", "连续 30 天无主动运营", packager.KindPrecondition, packager.Info, false),
			requirement("articles", "图文导出", packager.KindBackup, packager.StateOK, true, names[4], names[3]),
		},
		Findings: []packager.Finding{
			{Code: "ID_EXPIRES_SOON", Severity: packager.Warn, Requirement: "legal_rep_id", Material: names[1], Rules: []string{"OA-M2"},
				Args: packager.Args{"message_zh": "身份证 110199198001010016 将到期", "next_zh": "换证", "message_en": "soon", "next_en": "renew"}},
			{Code: "X", Severity: packager.Info, Args: packager.Args{"message_zh": "\t=cmd|' /C calc'!A0", "next_zh": "-2+3\r+4", "message_en": "+1", "next_en": "@x"}, Pos: packager.Position{File: "case.yaml", Line: 3}},
		},
		Agreement: []packager.Agreement{{Field: "uscc", Stated: "91000000MAFAKE019J", Read: []packager.AgreementCell{
			{Material: names[0], Value: "91000000MAFAKE019J", By: []string{"qr"}, State: packager.StateOK}, {Material: names[3], Value: "91000000MAFAKE027D", By: []string{"ocr"}, State: packager.Warn}}}},
	}
	plan := &packager.Plan{Report: report, BundleID: "DS-20261122-7Q3F9K2M", Tool: "0.1.0",
		Items: []packager.Item{
			{No: 1, Title: packager.Text{ZH: "营业执照"}, Requirements: []string{"business_licence"}, File: files[0]},
			{No: 2, Title: packager.Text{ZH: "身份证"}, Requirements: []string{"legal_rep_id"}, File: files[1]},
		},
		Backups: []packager.BackupLine{{Requirement: "articles", Title: packager.Text{ZH: "图文导出", EN: "Articles"}, File: files[4], Items: &items, ExportedOn: dayOf(t, "2026-11-12")}},
	}
	sb = &packager.SignedBundle{
		Bundle: packager.Bundle{Plan: plan, Path: filepath.Join(dir, "out", "bundle.pdf"), SHA256: digest(99), Bytes: 4200000, Pages: 31,
			Map:      []packager.PageRange{{Name: "cover", From: 1, To: 1}, {Item: 1, From: 5, To: 5}, {Item: 2, From: 6, To: 7}},
			Manifest: []byte("{\n  \"version\": 1\n}\n")},
		Signature: packager.Signature{Level: "B-B", Signer: "测试虚构", SHA256Fingerprint: digest(100)},
	}
	verdict = &packager.Verdict{OK: true, Checks: []packager.VerifyCheck{{Name: "pdf.signature", OK: true, Code: "X"}}}
	log = logIn(t, dir)
	for i, what := range []string{"collected", "checked", "composed", "signed", "verified"} {
		if _, err := log.Append(packager.Event{What: what, Case: report.Case.ID, Tool: "0.1.0", Rules: digest(77),
			Inputs: map[string]string{names[i%5]: digest(i)}, Data: map[string]string{"=1+1": "@evil", "n": fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	return dir, sb, verdict, log, stored
}

func writeSample(t testing.TB, lang string, opts Options) (*packager.Record, *excelize.File) {
	t.Helper()
	dir, sb, verdict, log, stored := sample(t)
	rec, err := Write(context.Background(), sb, verdict, log, stored, filepath.Join(dir, "out"), printer(t, lang), opts)
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenFile(rec.Workbook.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return rec, f
}

var sheetNames = map[string][]string{
	"zh": {"摘要", "要求", "材料", "检查结果", "一致性", "事件", "签名", "存储对象", "时间线", "备份"},
	"en": {"Summary", "Requirements", "Materials", "Findings", "Agreement", "Events", "Signature", "Stored objects", "Timeline", "Backups"},
}

func TestSheets(t *testing.T) {
	for lang, names := range sheetNames {
		t.Run(lang, func(t *testing.T) {
			_, f := writeSample(t, lang, Options{})
			if diff := cmp.Diff(names, f.GetSheetList()); diff != "" {
				t.Fatal(diff)
			}
			for _, name := range names[1:] {
				rows, err := f.GetRows(name)
				if err != nil || len(rows) < 2 {
					t.Fatalf("%s: %d rows, %v", name, len(rows), err)
				}
				panes, err := f.GetPanes(name)
				if err != nil || !panes.Freeze || panes.YSplit != 1 {
					t.Errorf("%s: the head is not frozen: %+v, %v", name, panes, err)
				}
				for _, row := range rows {
					for _, c := range row {
						if strings.Contains(c, "audit.") {
							t.Errorf("%s: a text that the catalog does not have: %q", name, c)
						}
					}
				}
			}
			for _, name := range names {
				layout, err := f.GetPageLayout(name)
				if err != nil || *layout.Size != 9 || *layout.Orientation != "landscape" || *layout.FitToWidth > 2 {
					t.Errorf("%s: no A4 landscape, two pages across at most: %+v, %v", name, layout, err)
				}
			}
			titles, filters := 0, 0
			for _, n := range f.GetDefinedName() {
				switch n.Name {
				case "_xlnm.Print_Titles":
					titles++
					layout, err := f.GetPageLayout(n.Scope)
					if err != nil || !strings.HasSuffix(n.RefersTo, "!$1:$1") || strings.Contains(n.RefersTo, "!$A:$") != (*layout.FitToWidth > 1) {
						t.Errorf("%s repeats %s on %d pages across, %v", n.Scope, n.RefersTo, *layout.FitToWidth, err)
					}
				case "_xlnm._FilterDatabase":
					filters++
				}
			}
			if titles != len(names)-1 || filters != len(names)-1 {
				t.Errorf("%d sheets repeat their head, %d have a filter, want %d", titles, filters, len(names)-1)
			}
			props, err := f.GetDocProps()
			if err != nil || props.Creator != "dossier 0.1.0" || props.Created != "2026-11-22T02:00:05Z" || !strings.Contains(props.Title, "DS-20261122-7Q3F9K2M") {
				t.Errorf("properties %+v, %v", props, err)
			}
		})
	}
}

// Dates are dates, numbers are numbers, and words are words.
func TestCells(t *testing.T) {
	_, f := writeSample(t, "zh", Options{})
	tests := []struct {
		sheet, cell, raw, shown string
		kind                    excelize.CellType
	}{
		{"材料", "J3", "97", "97", excelize.CellTypeUnset},
		{"材料", "K3", "1000123", "1,000,123", excelize.CellTypeUnset},
		{"材料", "O2", "46337.3125", "2026-11-11 07:30:00", excelize.CellTypeUnset},
		{"材料", "L2", fmt.Sprintf("%064x", 0xabc0), fmt.Sprintf("%064x", 0xabc0), excelize.CellTypeInlineString},
		{"材料", "C4", `=HYPERLINK("http:x",1).jpg`, `=HYPERLINK("http:x",1).jpg`, excelize.CellTypeInlineString},
		{"材料", "C2", "营业执照", "营业执照", excelize.CellTypeInlineString},
		{"材料", "I3", "6–7", "6–7", excelize.CellTypeInlineString},
		{"事件", "B2", "46348.416679664355", "2026-11-22 10:00:01", excelize.CellTypeUnset},
		{"时间线", "D2", "46357", "2026-12-01", excelize.CellTypeUnset},
		{"时间线", "E3", "未定", "未定", excelize.CellTypeInlineString},
		{"备份", "G2", "96", "96", excelize.CellTypeUnset},
		{"备份", "I2", "43466", "2019-01-01", excelize.CellTypeUnset},
		{"要求", "B3", "▲ 提醒", "▲ 提醒", excelize.CellTypeInlineString},
		{"检查结果", "C3", "␉=cmd|' /C calc'!A0", "␉=cmd|' /C calc'!A0", excelize.CellTypeInlineString},
		{"检查结果", "D3", "-2+3␍+4", "-2+3␍+4", excelize.CellTypeInlineString},
		{"检查结果", "C2", "身份证 110***********0016 将到期", "身份证 110***********0016 将到期", excelize.CellTypeInlineString},
		{"一致性", "F3", "▲ 不一致", "▲ 不一致", excelize.CellTypeInlineString},
	}
	for _, tt := range tests {
		raw, err := f.GetCellValue(tt.sheet, tt.cell, excelize.Options{RawCellValue: true})
		if err != nil {
			t.Fatal(err)
		}
		shown, _ := f.GetCellValue(tt.sheet, tt.cell)
		kind, _ := f.GetCellType(tt.sheet, tt.cell)
		if raw != tt.raw || shown != tt.shown || kind != tt.kind {
			t.Errorf("%s!%s = %q, shown %q, type %d; want %q, %q, %d", tt.sheet, tt.cell, raw, shown, kind, tt.raw, tt.shown, tt.kind)
		}
	}
}

func TestMasking(t *testing.T) {
	for _, unmask := range []bool{false, true} {
		rec, f := writeSample(t, "zh", Options{Unmask: unmask})
		var all strings.Builder
		for _, sheet := range f.GetSheetList() {
			rows, err := f.GetRows(sheet)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&all, rows)
		}
		for _, id := range []string{"110199198001010016", "310199198512310026"} {
			if got := strings.Contains(all.String(), id); got != unmask {
				t.Errorf("unmask %v: the number stands in the workbook: %v", unmask, got)
			}
		}
		log, err := os.ReadFile(rec.Events.Path)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(log, []byte(`"what":"unmasked"`)); got != unmask {
			t.Errorf("unmask %v: the log says so: %v", unmask, got)
		}
		if bytes.Contains(log, []byte("110199198001010016")) {
			t.Error("the log holds a number")
		}
	}
}

// partsOf returns the parts of a workbook whose names begin with prefix.
func partsOf(t *testing.T, path, prefix string) []string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var out []string
	for _, part := range z.File {
		if !strings.HasPrefix(part.Name, prefix) {
			continue
		}
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

// Every formula is one of ours, and nothing of the case is in it.
func TestFormulas(t *testing.T) {
	rec, _ := writeSample(t, "zh", Options{})
	ours := regexp.MustCompile(`^IF\((AND\(A\d+=(1|A\d+\+1),J\d+=(K\d+|REPT\("0",64\))\),"✓","✗"|COUNTIF\('事件'!\$L\$2:\$L\$6,"✓"\)=5,"● 通过","✖ 阻断")\)$`)
	formulas := regexp.MustCompile(`<f>(.*?)</f>`)
	n := 0
	for _, part := range partsOf(t, rec.Workbook.Path, "") {
		for _, m := range formulas.FindAllStringSubmatch(part, -1) {
			n++
			if f := html.UnescapeString(m[1]); !ours.MatchString(f) {
				t.Errorf("formula %s", f)
			}
		}
		if strings.Contains(part, "ddeLink") || strings.Contains(part, "externalLink") {
			t.Error("a part links outside")
		}
	}
	if n != 6 {
		t.Errorf("%d formulas, want one for each of 5 events and one in the summary", n)
	}
}

// A cell that could be taken for a formula is marked as text for editors too.
func TestQuotedCells(t *testing.T) {
	_, f := writeSample(t, "zh", Options{})
	for cell, want := range map[string]bool{"C4": true, "C5": true, "C2": false} {
		id, err := f.GetCellStyle("材料", cell)
		if err != nil {
			t.Fatal(err)
		}
		if xf := f.Styles.CellXfs.Xf[id]; (xf.QuotePrefix != nil && *xf.QuotePrefix) != want {
			t.Errorf("%s is quoted: %v, want %v", cell, !want, want)
		}
	}
}

func TestSameBytes(t *testing.T) {
	dir, sb, verdict, log, stored := sample(t)
	var first []byte
	for i := range 4 {
		rec, err := Write(context.Background(), sb, verdict, log, stored, filepath.Join(dir, "out"), printer(t, "zh"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(rec.Workbook.Path)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); rec.Workbook.SHA256 != hex.EncodeToString(sum[:]) || rec.Workbook.Bytes != int64(len(b)) {
			t.Error("the record does not describe the workbook")
		}
		if i > 0 && !bytes.Equal(b, first) {
			t.Fatal("the same arguments gave other bytes")
		}
		first = b
	}
}

func TestRecord(t *testing.T) {
	rec, _ := writeSample(t, "zh", Options{})
	manifest, err := os.ReadFile(rec.Manifest.Path)
	if err != nil || !bytes.Equal(manifest, rec.SignedBundle.Bundle.Manifest) {
		t.Errorf("manifest %q, %v", manifest, err)
	}
	l, err := Open(rec.Events.Path, testActor, testClock())
	if err != nil || l.Head() != rec.Head || l.Len() != 5 {
		t.Errorf("the copy of the log: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(rec.Workbook.Path), ".tmp-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCancelled(t *testing.T) {
	dir, sb, verdict, log, stored := sample(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	out := filepath.Join(dir, "out")
	if _, err := Write(ctx, sb, verdict, log, stored, out, printer(t, "zh"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	left, _ := os.ReadDir(out)
	for _, e := range left {
		if e.Name() == WorkbookName || strings.HasPrefix(e.Name(), ".") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// Every link leads somewhere: to a cell that is filled, or to a file.
func TestLinks(t *testing.T) {
	rec, f := writeSample(t, "zh", Options{})
	out := filepath.Dir(rec.Workbook.Path)
	if err := os.WriteFile(filepath.Join(out, "bundle.pdf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, sheet := range f.GetSheetList() {
		rows, err := f.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		for y, row := range rows {
			for x := range row {
				ref, _ := excelize.CoordinatesToCellName(x+1, y+1)
				ok, link, err := f.GetCellHyperLink(sheet, ref)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					continue
				}
				n++
				if target, cell, inside := strings.Cut(link, "'!"); inside {
					if v, err := f.GetCellValue(strings.TrimPrefix(target, "'"), cell); err != nil || v == "" {
						t.Errorf("%s!%s leads to %s: %q, %v", sheet, ref, link, v, err)
					}
					continue
				}
				u, err := url.Parse(link)
				if err != nil || u.IsAbs() {
					t.Fatalf("%s!%s: %s, %v", sheet, ref, link, err)
				}
				if _, err := os.Stat(filepath.Join(out, filepath.FromSlash(u.Path))); err != nil {
					t.Errorf("%s!%s leads to %s: %v", sheet, ref, link, err)
				}
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d links", n)
	}
}

func TestThumbnails(t *testing.T) {
	_, f := writeSample(t, "zh", Options{})
	for cell, size := range map[string]image.Point{"B2": {200, 133}, "B3": {100, 150}} {
		pics, err := f.GetPictures("材料", cell)
		if err != nil || len(pics) != 1 {
			t.Fatalf("%s: %d pictures, %v", cell, len(pics), err)
		}
		c, err := jpeg.DecodeConfig(bytes.NewReader(pics[0].File))
		if err != nil || c.Width != size.X || c.Height != size.Y {
			t.Errorf("%s: %dx%d, %v; want %v", cell, c.Width, c.Height, err, size)
		}
	}
	page := filepath.Join(t.TempDir(), "04-1-page.jpg")
	writePicture(t, page, 600, 900)
	_, f = writeSample(t, "zh", Options{Pictures: map[string]string{"materials/@SUM(1+1).pdf": page}})
	for cell, want := range map[string]int{"B2": 1, "B4": 1, "B5": 1, "B6": 0} {
		if pics, err := f.GetPictures("材料", cell); err != nil || len(pics) != want {
			t.Errorf("with the first page of a PDF, %s: %d pictures, %v", cell, len(pics), err)
		}
	}
	_, f = writeSample(t, "zh", Options{Thumbnails: -1})
	if pics, err := f.GetPictures("材料", "B2"); err != nil || len(pics) != 0 {
		t.Errorf("without thumbnails: %d, %v", len(pics), err)
	}
}

// The reference of RFC: each orientation puts the red corner where it belongs.
func TestUpright(t *testing.T) {
	// Red is at the upper left of the upright picture of 3 by 2; where it is
	// in the stored picture, and that picture's size, per orientation.
	stored := map[int]struct{ w, h, x, y int }{
		1: {3, 2, 0, 0}, 2: {3, 2, 2, 0}, 3: {3, 2, 2, 1}, 4: {3, 2, 0, 1},
		5: {2, 3, 0, 0}, 6: {2, 3, 0, 2}, 7: {2, 3, 1, 2}, 8: {2, 3, 1, 0},
	}
	for o, s := range stored {
		in := image.NewRGBA(image.Rect(0, 0, s.w, s.h))
		in.SetRGBA(s.x, s.y, color.RGBA{255, 0, 0, 255})
		out := upright(in, o)
		if out.Bounds().Dx() != 3 || out.Bounds().Dy() != 2 || out.RGBAAt(0, 0).R != 255 {
			t.Errorf("orientation %d: %v, corner %v", o, out.Bounds(), out.RGBAAt(0, 0))
		}
	}
}

func TestCellText(t *testing.T) {
	tests := []struct{ in, want string }{
		{"a\tb\rc\x00\x1b\x7f", "a␉b␍c␀␛␡"},
		{"two\nlines", "two\nlines"},
		{"\xff\uFFFE", "\uFFFD\uFFFD"},
		{"𬍛", "𬍛"},
		{strings.Repeat("长", 40000), strings.Repeat("长", maxCell-2) + "…"},
		{strings.Repeat("𬍛", 20000), strings.Repeat("𬍛", (maxCell-1)/2) + "…"},
	}
	for _, tt := range tests {
		if got := cellText(tt.in); got != tt.want {
			t.Errorf("cellText(%.20q…) = %.20q… (%d), want %.20q… (%d)", tt.in, got, len(got), tt.want, len(tt.want))
		}
	}
}

func TestReference(t *testing.T) {
	for in, want := range map[string]string{
		"../materials/营业执照.jpg": "../materials/营业执照.jpg",
		"../a b#1%?.jpg":        "../a%20b%231%25%3F.jpg",
		"bundle.pdf":            "bundle.pdf",
	} {
		if got := reference(in); got != want {
			t.Errorf("reference(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWrapped(t *testing.T) {
	for text, want := range map[string]int{
		"": 1, "0123456789": 1, "0123456789a": 2, "中文中文中": 1, "中文中文中文": 2,
		"abcdef ghijkl":             2, // "abcdef " and "ghijkl"
		"v1/blobs/0123456789012345": 3, // "v1/blobs/", "0123456789", "012345"
	} {
		if got := wrapped(text, 10); got != want {
			t.Errorf("%q takes %d lines, want %d", text, got, want)
		}
	}
}
