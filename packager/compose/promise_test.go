package compose

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jung-kurt/gofpdf"

	"dossier/packager"
	"dossier/packager/pdfium"
	"dossier/templates"
)

// What the bundle promises to who reads it, each promise by itself.

// The same case on the same day gives the same bytes in another process, in
// another folder, time zone and language of the system, with another number of
// workers.
func TestSameBytesElsewhere(t *testing.T) {
	const variable = "DOSSIER_TEST_SAME_BYTES"
	if os.Getenv(variable) != "" {
		b, err := composer(t).Compose(t.Context(), sample(t).plan, filepath.Join(t.TempDir(), "out.pdf"), nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("SHA-256 " + b.SHA256)
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(env ...string) string {
		c := exec.Command(program, "-test.run", "^TestSameBytesElsewhere$", "-test.v")
		c.Env = append(append(os.Environ(), variable+"=1"), env...)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		_, sum, _ := strings.Cut(string(out), "SHA-256 ")
		return sum[:64]
	}
	b := compose(t, sample(t).plan)
	for _, env := range [][]string{
		{"TZ=America/St_Johns", "LANG=en_US.UTF-8", "LC_ALL=C", "GOMAXPROCS=1"},
		{"TZ=Asia/Shanghai", "LANG=zh_CN.GB18030", "LC_ALL=zh_CN.GB18030", "TMPDIR=" + t.TempDir()},
	} {
		if got := run(env...); got != b.SHA256 {
			t.Errorf("%v: other bytes", env)
		}
	}
}

// Forty photos make a bundle that is at most 3 % larger than they are.
func TestPhotosStayAsLargeAsTheyAre(t *testing.T) {
	d := newDesk(t)
	raw := jpegOf(t, grain(1500, 1100, "照片"), 1, 85)
	for i := range 40 {
		d.item(d.picture(fmt.Sprintf("materials/%02d.jpg", i), "image/jpeg", append(raw[:len(raw):len(raw)], byte(i)), 1500, 1100, 1), fmt.Sprint("m", i))
	}
	b := compose(t, d.plan)
	n := int64(40 * (len(raw) + 1))
	if float64(b.Bytes) > 1.03*float64(n) {
		t.Errorf("%d bytes of photos made a bundle of %d: %.1f %% over", n, b.Bytes, 100*float64(b.Bytes-n)/float64(n))
	}
}

// The reviewer's sheet, on page 2, has one row for each requirement with its
// rule, its verdict in words and a link to each page of the proof.
func TestReviewersSheet(t *testing.T) {
	d := sample(t)
	b := compose(t, d.plan)
	if b.Map[1].Name != "review" || b.Map[1].From != 2 {
		t.Fatalf("%+v", b.Map[1])
	}
	withPDF(t, b.Path, func(doc *pdfium.Document) {
		sheet := ""
		to := map[int]int{} // page → links that lead there
		for i := b.Map[1].From - 1; i < b.Map[1].To; i++ {
			text, err := doc.Text(i)
			if err != nil {
				t.Fatal(err)
			}
			links, err := doc.Links(i)
			if err != nil {
				t.Fatal(err)
			}
			sheet += squeeze(text)
			for _, l := range links {
				to[l.Page+1]++
			}
		}
		for _, q := range d.plan.Report.Requirements {
			if n := strings.Count(sheet, squeeze(q.Title.ZH)); n < 1 || !strings.Contains(sheet, squeeze(q.Rules[0].ID+q.Title.ZH)) {
				t.Errorf("%s has no row: %s", q.ID, sheet)
			}
			for _, path := range q.Materials {
				r := b.Map[slices.IndexFunc(b.Map, func(r packager.PageRange) bool { return r.Item > 0 && d.plan.Items[r.Item-1].File.Path == path })]
				if to[r.From] == 0 {
					t.Errorf("%s: no link to page %d", q.ID, r.From)
				}
			}
		}
		rows := strings.Count(sheet, "满足") + strings.Count(sheet, "需注意") + strings.Count(sheet, "供参考")
		if want := len(d.plan.Report.Requirements) + 4; rows != want { // and the four words of the summary
			t.Errorf("%d verdicts for %d requirements", rows-4, want-4)
		}
		// The cross-document table says of each particular what every paper has.
		for _, want := range []string{"测试虚构（样本）科技有限公司", "91000000MAFAKE019J", "王𬍛", "gh_0123456789ab", "（第10页）：一致·二维码、文字识别"} {
			if !strings.Contains(sheet, want) && !strings.Contains(sheet, strings.Replace(want, "第10页", fmt.Sprintf("第%d页", b.Map[5].From), 1)) {
				t.Errorf("the sheet does not say %q", want)
			}
		}
	})
}

// However long a table is, no heading is left alone at the foot of a page.
func TestHeadingsStayWithWhatFollows(t *testing.T) {
	d := newDesk(t)
	d.item(d.photo("materials/照片.jpg", 200, 120, 1, "照"), "m")
	long := strings.Repeat("很长的主体名称", 12)
	d.plan.Report.Agreement = []packager.Agreement{{Field: "name", Stated: long}}
	for n := range 24 {
		d.require(fmt.Sprint("m", n), packager.KindMaterial, "材料要求", packager.StateOK)
		d.plan.Report.Requirements = slices.DeleteFunc(d.plan.Report.Requirements, func(q packager.RequirementVerdict) bool { return q.ID == "last" })
		d.require("last", packager.KindBackup, "最后一行", packager.StateOK)
		if n < 8 {
			continue
		}
		b := compose(t, d.plan)
		withPDF(t, b.Path, func(doc *pdfium.Document) {
			for i := b.Map[1].From - 1; i < b.Map[1].To; i++ {
				text, err := doc.Text(i)
				if err != nil {
					t.Fatal(err)
				}
				text = squeeze(text)
				if strings.Contains(text, "跨材料一致性") && !strings.Contains(text, "很长的主体名称") {
					t.Errorf("%d rows: the table of agreement begins on page %d with its head alone", n, i+1)
				}
				if strings.Contains(text, "数据备份") && !strings.Contains(text, "最后一行") {
					t.Errorf("%d rows: a group begins on page %d with its heading alone", n, i+1)
				}
			}
		})
	}
}

// Every colour of type is dark enough on what it stands on to be read, and to
// be read in a black and white print: a contrast of 4.5 (WCAG 2.2, 1.4.3).
func TestContrast(t *testing.T) {
	luminance := func(c rgb) float64 {
		part := func(v int) float64 {
			s := float64(v) / 255
			if s <= 0.04045 {
				return s / 12.92
			}
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return 0.2126*part(c.r) + 0.7152*part(c.g) + 0.0722*part(c.b)
	}
	for name, c := range map[string]rgb{"ink": ink, "accent": accent, "grey": grey} {
		for ground, g := range map[string]rgb{"white": white, "tint": tint} {
			if k := (luminance(g) + 0.05) / (luminance(c) + 0.05); k < 4.5 {
				t.Errorf("%s on %s: contrast %.1f", name, ground, k)
			}
		}
	}
}

// The watermark names what the copy is for.
func TestPurpose(t *testing.T) {
	d := newDesk(t)
	d.rs.Application.ZH = "申诉（第二次）"
	for application, want := range map[string]string{
		"close":   "仅供办理微信公众平台账号注销业务使用，再次复印无效",
		"open":    "仅供办理微信公众平台账号开通业务使用，再次复印无效",
		"migrate": "仅供办理微信公众平台账号迁移业务使用，再次复印无效",
		"appeal":  "仅供办理微信公众平台“申诉”业务使用，再次复印无效",
	} {
		d.cs.Application = application
		if got := purpose(d.plan.Report, printer(t, "en")); got != want {
			t.Errorf("%s: %s", application, got)
		}
	}
}

// numbersOf are lines that a reader must be able to tell apart.
var numbersOf = []string{"91000000MAFAKE019J", "110199198001010016", "310199198512310026", "440399200106300033"}

// printedPage is an A4 page of print of so many points.
func printedPage(t *testing.T, size float64) []byte {
	p := gofpdf.New("P", "pt", "A4", "")
	p.AddUTF8FontFromBytes("sc", "", templates.Regular)
	p.AddPage()
	p.SetFont("sc", "", size)
	for i, s := range numbersOf {
		p.Text(60, 100+float64(i)*40, s)
	}
	for i := range 40 {
		p.Text(60, 300+float64(i)*11, "本证照由登记机关核发，市场主体应当于每年公示年度报告。测试样本，内容虚构，不具有任何法律效力。")
	}
	var b bytes.Buffer
	if err := p.Output(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// reads fails unless a machine reads all the numbers in a picture.
func reads(t *testing.T, what string, m image.Image) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.png")
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	o := strings.NewReplacer("O", "0") // which no eye tells apart either
	text := o.Replace(squeeze(judge(t, "tesseract", path, "-", "--psm", "6", "-l", "eng")))
	for _, s := range numbersOf {
		if !strings.Contains(text, o.Replace(s)) {
			t.Errorf("%s: %s cannot be read:\n%s", what, s, text)
		}
	}
}

// The smallest print of papers, of 6 points, is read off the page picture by a
// machine. At the coarsest resolution that a size limit may lead to, print of 7
// points is (a number on an ID card has 8, and photos of cards are enlarged).
func TestSmallestPrintIsRead(t *testing.T) {
	d := newDesk(t)
	d.item(d.pdf("materials/证照.pdf", printedPage(t, 6)), "paper")
	b := compose(t, d.plan)
	files, err := composer(t).Pages(t.Context(), b, filepath.Join(t.TempDir(), "pages"), packager.Limits{PictureBytes: 2_000_000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	top := func(m image.Image) image.Image { // the lines with the numbers
		r := m.Bounds()
		return gray(m, image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+r.Dy()*3/10))
	}
	reads(t, "page picture", top(m))

	// The same paper as a scan of 400 dpi, at the coarsest resolution.
	fine := d.pdf("materials/小字.pdf", printedPage(t, 7))
	var scanned bytes.Buffer
	if err := jpeg.Encode(&scanned, render(t, fine.Abs, 0, 400), &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	d = newDesk(t)
	d.item(d.picture("materials/扫描.jpg", "image/jpeg", scanned.Bytes(), 3307, 4677, 1), "scan")
	floor := resolutions[len(resolutions)-1]
	volumes, err := composer(t).write(t.Context(), d.plan, [][]packager.Item{d.plan.Items}, t.TempDir(), floor, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer discard(volumes)
	b = volumes[0].bundle
	b.Path = volumes[0].file.Name()
	if p := b.Placed[0]; float64(p.Pixels)/p.W*72 > float64(floor)+1 {
		t.Fatalf("not at the floor: %d pixels on %.0f points", p.Pixels, p.W)
	}
	reads(t, "at the floor", top(renderAll(t, b, 300)[0]))
}

func gray(m image.Image, r image.Rectangle) image.Image {
	out := image.NewGray(r)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			out.Set(x, y, color.GrayModel.Convert(m.At(x, y)))
		}
	}
	return out
}

// What the same material is in two bundles is the same bytes: shared objects
// are written once.
func TestObjectsAreShared(t *testing.T) {
	profile := func(n int) int64 {
		d := newDesk(t)
		for i := range n {
			d.item(d.pdf(fmt.Sprintf("materials/%d.pdf", i), paper(t, 6, "A4", "合同")), fmt.Sprint("p", i))
		}
		return compose(t, d.plan).Bytes
	}
	one := profile(1)
	raw := int64(len(paper(t, 6, "A4", "合同")))
	if one > 2*raw+200_000 {
		t.Errorf("a paper of %d bytes with a font on each of its 6 pages makes a bundle of %d", raw, one)
	}
	if sum := sha256.Sum256(paper(t, 6, "A4", "合同")); sum != sha256.Sum256(paper(t, 6, "A4", "合同")) {
		t.Error("the fixture is not the same twice")
	}
}
