package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jung-kurt/gofpdf"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/packager/pdfium"
	"dossier/templates"
)

// Everything here is fictional: 测试样本. The numbers are those of the
// project's fixtures, which no one can hold.

var catalog = sync.OnceValues(func() (*i18n.Catalog, error) {
	words, err := templates.FS.ReadFile("locales/compose.yaml")
	if err != nil {
		return nil, err
	}
	return i18n.Load(fstest.MapFS{"locales/compose.yaml": {Data: words}}, "locales")
})

func printer(t testing.TB, lang string) *i18n.Printer {
	t.Helper()
	c, err := catalog()
	if err != nil {
		t.Fatal(err)
	}
	return c.Printer(lang)
}

// One engine for all tests: starting it is what takes time.
var (
	testCache  = filepath.Join(os.TempDir(), "dossier-test-cache")
	testEngine = sync.OnceValue(func() *pdfium.Engine { return pdfium.New(pdfium.Options{CacheDir: testCache, Workers: 2}) })
)

func composer(t testing.TB) *Composer {
	k := New(Options{Regular: templates.Regular, Bold: templates.Bold, Printer: printer(t, "zh"), TempDir: t.TempDir(), Workers: 2})
	k.engine = testEngine()
	return k
}

// compose runs Compose and returns the bundle.
func compose(t testing.TB, p *packager.Plan) *packager.Bundle {
	t.Helper()
	dir := os.Getenv("DOSSIER_TEST_OUT") // to look at what the tests made
	if dir == "" {
		dir = t.TempDir()
	}
	b, err := composer(t).Compose(context.Background(), p, filepath.Join(dir, filepath.Base(t.Name())+".pdf"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func composeError(t testing.TB, p *packager.Plan) error {
	t.Helper()
	dir := t.TempDir()
	_, err := composer(t).Compose(context.Background(), p, filepath.Join(dir, "out.pdf"), nil)
	if err == nil {
		t.Fatal("no error")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return err
}

func asFault(err error, f **packager.Fault) bool { return errors.As(err, f) }

// desk is a case folder in the making.
type desk struct {
	t     testing.TB
	dir   string
	plan  *packager.Plan
	rs    *packager.RuleSet
	cs    *packager.Case
	rules int
}

func newDesk(t testing.TB) *desk {
	day := packager.Day{Year: 2026, Month: 11, Dom: 22}
	rs := &packager.RuleSet{
		Platform: "wechat_oa", Name: packager.Text{ZH: "微信公众平台", EN: "WeChat Official Accounts"},
		Application: packager.Text{ZH: "账号注销申请", EN: "Closing of an account"}, AccountType: packager.Text{ZH: "企业主体服务号", EN: "Enterprise"},
		Revision: "2026-11-20", Digest: fmt.Sprintf("%x", sha256.Sum256([]byte("rules"))), Day: day,
		Watermark: packager.WatermarkOn, Catalogue: map[string]packager.MaterialSpec{},
		Doubts: make([]packager.Doubt, 2),
	}
	cs := &packager.Case{
		ID: "wechat-oa-sample", Platform: "wechat_oa", Application: "close", AccountType: "enterprise",
		Account:   packager.Account{ID: "gh_0123456789ab", Name: "测试虚构服务号"},
		Applicant: packager.Applicant{Name: "测试虚构（样本）科技有限公司", USCC: "91000000MAFAKE019J", LegalRepresentative: packager.Person{Name: "王𬍛", IDNumber: "110199198001010016"}},
		Agent:     &packager.Person{Name: "样本乙·买买提", Phone: "13800138000"},
		Reason:    "业务调整", Facts: map[string]packager.Fact{},
	}
	rs.Timeline = []packager.TimelineEntry{
		{ID: "review", Kind: "review", Title: packager.Text{ZH: "平台审核"}, Note: packager.Text{ZH: "法定工作日计算"}, From: day, Earliest: day.AddDays(3), Latest: day.AddDays(21)},
		{ID: "freeze", Kind: "freeze", Title: packager.Text{ZH: "账号冻结期"}, Note: packager.Text{ZH: "冻结期内登录即视为撤回"}, From: day.AddDays(3), Earliest: day.AddDays(10), Latest: day.AddDays(28), Approximate: true},
		{ID: "withdraw", Kind: "withdraw_by", Title: packager.Text{ZH: "最晚撤回日"}, From: day, Earliest: day.AddDays(28), Latest: day.AddDays(28)},
		{ID: "released", Kind: "released", Title: packager.Text{ZH: "名称释放"}, From: day, Earliest: day.AddDays(30)},
	}
	return &desk{t: t, dir: t.TempDir(), rs: rs, cs: cs, plan: &packager.Plan{
		BundleID: "DS-20261122-7Q3F9K2M", Tool: "0.1.0", Report: &packager.Report{Case: cs, Rules: rs},
	}}
}

// spec adds a kind of paper to the catalogue.
func (d *desk) spec(id, part, name string, watermark bool, clear ...packager.Zone) {
	d.rs.Catalogue[id] = packager.MaterialSpec{ID: id, Part: part, Name: packager.Text{ZH: name, EN: name}, Watermark: watermark, Clear: clear}
}

// require adds a requirement.
func (d *desk) require(id string, kind packager.Kind, title string, state packager.Severity, paths ...string) {
	d.rules++
	req := packager.Requirement{ID: id, Kind: kind, Severity: packager.Block, Title: packager.Text{ZH: title, EN: title},
		Rules: []packager.Rule{{ID: fmt.Sprintf("OA-%c%d", "MPDB"[d.rules%4], d.rules), Confidence: "B"}}, AnyOf: []string{id}}
	d.plan.Report.Requirements = append(d.plan.Report.Requirements, packager.RequirementVerdict{
		Requirement: req, Satisfied: state != packager.Block, State: state, Materials: paths})
}

// file writes bytes into the case folder.
func (d *desk) file(path string, b []byte) packager.Inspected {
	abs := filepath.Join(d.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(abs), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(abs, b, 0o600); err != nil {
		d.t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return packager.Inspected{Material: packager.Material{Path: path, Abs: abs, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(b)), Role: packager.RoleMaterial}}
}

// item adds a material to the plan.
func (d *desk) item(f packager.Inspected, ids ...string) *packager.Item {
	f.IDs = ids
	it := packager.Item{No: len(d.plan.Items) + 1, Part: "special", Requirements: ids, File: f, Title: packager.Text{ZH: baseName(f.Path), EN: baseName(f.Path)}}
	if s, ok := d.rs.Catalogue[ids[0]]; ok {
		it.Part, it.Title = s.Part, s.Name
	}
	d.plan.Items = append(d.plan.Items, it)
	return &d.plan.Items[len(d.plan.Items)-1]
}

func (d *desk) picture(path, media string, b []byte, w, h, orientation int) packager.Inspected {
	f := d.file(path, b)
	f.Media, f.Form, f.Pages = media, packager.FormPicture, 1
	f.Picture = &packager.Picture{Width: w, Height: h, Orientation: orientation}
	return f
}

func (d *desk) pdf(path string, b []byte) packager.Inspected {
	f := d.file(path, b)
	f.Media, f.Form, f.PDF = "application/pdf", packager.FormPDF, &packager.PDFInfo{}
	return f
}

// scene draws a picture that looks like a photographed paper: a sheet with
// lines of type and a headline, so that turned and cropped pictures show.
func scene(w, h int, title string) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			v := uint8(206 + (x*7+y*13)%9)
			m.SetRGBA(x, y, color.RGBA{v, v - 4, v - 10, 255})
		}
	}
	paper := image.Rect(w/20, h/20, w-w/20, h-h/20)
	draw.Draw(m, paper, image.NewUniform(color.RGBA{250, 250, 247, 255}), image.Point{}, draw.Src)
	write(m, title, w/10, h/10+h/16, float64(min(w, h))/14, color.RGBA{30, 30, 30, 255})
	write(m, "测试样本 SPECIMEN", w/10, h/10+h/7, float64(min(w, h))/20, color.RGBA{150, 60, 50, 255})
	for i := range 9 {
		y := h/4 + i*h/14
		right := w - w/8
		if i%3 == 2 {
			right = w * 2 / 3
		}
		draw.Draw(m, image.Rect(w/10, y, right, y+max(h/110, 2)), image.NewUniform(color.RGBA{120, 120, 120, 255}), image.Point{}, draw.Src)
	}
	return m
}

func write(m *image.RGBA, s string, x, y int, size float64, c color.Color) {
	f, err := opentype.Parse(templates.Bold)
	if err != nil {
		panic(err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72})
	if err != nil {
		panic(err)
	}
	(&font.Drawer{Dst: m, Src: image.NewUniform(c), Face: face, Dot: fixed.P(x, y)}).DrawString(s)
}

// stored turns an upright picture into the pixels that a camera with the EXIF
// orientation stores.
func stored(m *image.RGBA, orientation int) *image.RGBA {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	sw, sh := w, h
	if orientation >= 5 {
		sw, sh = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, sw, sh))
	for y := range h {
		for x := range w {
			var sx, sy int
			switch orientation {
			case 2:
				sx, sy = w-1-x, y
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sx, sy = x, h-1-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, w-1-x
			case 7:
				sx, sy = h-1-y, w-1-x
			case 8:
				sx, sy = h-1-y, x
			default:
				sx, sy = x, y
			}
			out.SetRGBA(sx, sy, m.RGBAAt(x, y))
		}
	}
	return out
}

// exif is an APP1 segment with an orientation and a GPS position.
func exif(orientation int) []byte {
	tiff := []byte{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 2,
		0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, byte(orientation), 0, 0,
		0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38,
		0, 0, 0, 0,
		0, 1, 0, 1, 0, 2, 0, 0, 0, 2, 'N', 0, 0, 0, 0, 0, 0, 0}
	body := append([]byte("Exif\x00\x00"), tiff...)
	body = append(body, "GPS-SECRET-31.2304N-121.4737E"...)
	n := len(body) + 2
	return append([]byte{0xff, 0xe1, byte(n >> 8), byte(n)}, body...)
}

// jpegOf encodes an upright picture as a phone stores it.
func jpegOf(t testing.TB, m *image.RGBA, orientation, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, stored(m, orientation), &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	raw := b.Bytes()
	out := append([]byte{0xff, 0xd8}, exif(orientation)...)
	out = append(out, raw[2:]...)
	// What follows the end of the image (previews of multi-picture files).
	return append(out, "TRAILER-SECRET"...)
}

func (d *desk) photo(path string, w, h, orientation int, title string) packager.Inspected {
	b := jpegOf(d.t, scene(w, h, title), orientation, 85)
	if orientation >= 5 {
		w, h = h, w
	}
	return d.picture(path, "image/jpeg", b, w, h, orientation)
}

func (d *desk) screenshot(path string, w, h int, title string) packager.Inspected {
	var b bytes.Buffer
	if err := png.Encode(&b, scene(w, h, title)); err != nil {
		d.t.Fatal(err)
	}
	return d.picture(path, "image/png", b.Bytes(), w, h, 1)
}

// paper makes a PDF of several pages with a bookmark and a link on each.
func paper(t testing.TB, pages int, size, title string) []byte {
	t.Helper()
	p := gofpdf.New("P", "pt", size, "")
	p.SetCreationDate(time.Unix(0, 0).UTC())
	p.SetModificationDate(time.Unix(0, 0).UTC())
	p.SetCatalogSort(true)
	p.AddUTF8FontFromBytes("sc", "", templates.Regular)
	p.SetFont("sc", "", 16)
	var links []int
	for range pages {
		links = append(links, p.AddLink())
	}
	for i := range pages {
		p.AddPage()
		p.SetLink(links[i], 0, -1)
		p.SetFont("sc", "", 16)
		p.Bookmark(fmt.Sprintf("第 %d 节", i+1), 0, -1)
		w, h := p.GetPageSize()
		p.Rect(20, 20, w-40, h-40, "D")
		p.Text(60, 80, fmt.Sprintf("%s 测试样本 第%d页内容", title, i+1))
		p.SetFont("sc", "", 10)
		p.Text(60, 120, "转到下一页")
		p.Link(60, 108, 60, 16, links[(i+1)%pages])
		p.LinkString(60, 140, 100, 14, "https://example.com/?q=(样本)")
		for l := range 20 {
			p.Text(60, 180+float64(l)*18, "此处为虚构的合同正文，仅用于测试版面，不具有任何法律效力。")
		}
	}
	var b bytes.Buffer
	if err := p.Output(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sample is a case as people really have it.
func sample(t testing.TB) *desk {
	d := newDesk(t)
	card := []packager.Zone{{Name: "name", X: 0.1, Y: 0.12, W: 0.35, H: 0.1}, {Name: "number", X: 0.3, Y: 0.8, W: 0.6, H: 0.12}, {Name: "portrait", X: 0.62, Y: 0.15, W: 0.3, H: 0.55}}
	d.spec("application_letter", "letter", "注销申请函", false)
	d.spec("authorization_letter", "authorisation", "授权委托书", false)
	d.spec("business_licence", "licence", "营业执照", true, packager.Zone{Name: "name", X: 0.1, Y: 0.1, W: 0.6, H: 0.1})
	d.spec("legal_rep_id_portrait", "identity", "法定代表人身份证人像面", true, card...)
	d.spec("legal_rep_id_emblem", "identity", "法定代表人身份证国徽面", true)
	d.spec("ownership_proof", "ownership", "账号归属证明", false)
	d.spec("labour_contract", "special", "劳动合同", false)

	d.item(d.photo("materials/注销申请函.jpg", 900, 1260, 6, "注销申请函"), "application_letter")
	d.item(d.pdf("materials/授权委托书.pdf", paper(t, 3, "A4", "授权委托书")), "authorization_letter")
	d.item(d.photo("materials/营业执照.jpg", 1440, 960, 3, "营业执照"), "business_licence")
	d.item(d.photo("materials/身份证人像面.jpg", 1200, 760, 8, "居民身份证"), "legal_rep_id_portrait")
	d.item(d.photo("materials/身份证国徽面.jpg", 640, 404, 1, "国徽面"), "legal_rep_id_emblem")
	d.item(d.screenshot("materials/绑定手机截图.png", 540, 1170, "账号设置"), "ownership_proof")
	d.item(d.pdf("materials/劳动合同.pdf", paper(t, 2, "A5", "劳动合同")), "labour_contract")
	office := d.file("materials/说明.docx", []byte("PK\x03\x04 not really"))
	office.Media, office.Form, office.Unusable = "application/vnd.openxmlformats-officedocument.wordprocessingml.document", packager.FormOffice, "OFFICE"
	d.item(office, "explanation")

	for _, r := range []struct{ id, title string }{{"application_letter", "提交加盖公章的账号注销申请函"}, {"authorization_letter", "经办人不是法定代表人时提交授权委托书"},
		{"business_licence", "提交营业执照原件照片或加盖公章的复印件"}, {"legal_rep_id_portrait", "法定代表人身份证人像面"}, {"legal_rep_id_emblem", "法定代表人身份证国徽面"}, {"ownership_proof", "证明账号由申请人使用"}, {"labour_contract", "员工与企业的劳动关系证明"}} {
		var paths []string
		for _, it := range d.plan.Items {
			if it.File.IDs[0] == r.id {
				paths = append(paths, it.File.Path)
			}
		}
		st := packager.StateOK
		if r.id == "legal_rep_id_emblem" {
			st = packager.Warn
			d.plan.Report.Findings = append(d.plan.Report.Findings, packager.Finding{Code: "ID_EXPIRES_SOON", Severity: packager.Warn, Requirement: r.id,
				Args: packager.Args{"message_zh": "身份证将于 2027-01-05 到期，距今不足 60 天", "message_en": "the ID card expires on 2027-01-05"}})
		}
		d.require(r.id, packager.KindMaterial, r.title, st, paths...)
	}
	for i, s := range []string{"账号内资金余额已结清", "自动续费、广告投放与小程序授权已全部解除", "近 30 日无违规处罚与未决投诉", "绑定的开放平台、商户号已解绑"} {
		d.require(fmt.Sprintf("pre%d", i), packager.KindPrecondition, s, packager.StateOK)
	}
	d.require("announcement", packager.KindDeclaration, "注销前在账号首页公告停止运营 30 日", packager.Info)
	d.require("articles", packager.KindBackup, "已发布文章", packager.StateOK)
	d.require("followers", packager.KindBackup, "关注者统计数据", packager.StateOK)
	n := int64(96)
	for i, id := range []string{"articles", "followers"} {
		f := d.file(fmt.Sprintf("backups/%s-%03d.zip", id, i+1), bytes.Repeat([]byte{byte(i)}, 4096*(i+1)))
		f.Form, f.Media, f.Role = packager.FormArchive, "application/zip", packager.RoleBackup
		l := packager.BackupLine{Requirement: id, Title: packager.Text{ZH: []string{"已发布文章", "关注者统计数据"}[i]}, File: f, ExportedOn: packager.Day{Year: 2026, Month: 11, Dom: 12}}
		if i == 0 {
			l.Items = &n
		}
		d.plan.Backups = append(d.plan.Backups, l)
	}
	lic, letter := "materials/营业执照.jpg", "materials/注销申请函.jpg"
	d.plan.Report.Agreement = []packager.Agreement{
		{Field: "name", Stated: d.cs.Applicant.Name, Read: []packager.AgreementCell{{Material: letter, Value: d.cs.Applicant.Name, By: []string{"ocr"}, State: packager.StateOK}, {Material: lic, Value: d.cs.Applicant.Name, By: []string{"ocr"}, State: packager.StateOK}}},
		{Field: "uscc", Stated: d.cs.Applicant.USCC, Read: []packager.AgreementCell{{Material: lic, Value: d.cs.Applicant.USCC, By: []string{"qr", "ocr"}, State: packager.StateOK}}},
		{Field: "legal_representative", Stated: "王𬍛", Read: []packager.AgreementCell{{Material: lic, Value: "王𬍛", By: []string{"user"}, State: packager.StateOK}, {Material: letter, Value: "王珑", By: []string{"ocr"}, State: packager.Info}}},
		{Field: "account_id", Stated: d.cs.Account.ID},
	}
	return d
}
