package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/pdfium"
)

func TestSameBytes(t *testing.T) {
	d := sample(t)
	var files [2][]byte
	for i := range files {
		b := compose(t, d.plan)
		raw, err := os.ReadFile(b.Path)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = raw
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same plan gave two different files")
	}
}

// What a reader meets who opens the bundle of a usual case.
func TestSample(t *testing.T) {
	d := sample(t)
	b := compose(t, d.plan)

	names := []string{}
	next := 1
	for _, r := range b.Map {
		if r.From != next || r.To < r.From {
			t.Errorf("%+v does not follow page %d", r, next-1)
		}
		next = r.To + 1
		if r.Item == 0 {
			names = append(names, r.Name)
		}
	}
	if got := strings.Join(names, " "); got != "cover review index backup signature" || next != b.Pages+1 {
		t.Errorf("parts %q, last page %d of %d", got, next-1, b.Pages)
	}
	if b.Map[1].From != 2 {
		t.Errorf("the reviewer's sheet is on page %d", b.Map[1].From)
	}
	if b.Stamp.Page != b.Pages || b.Stamp.W < 100 || b.Stamp.X < 0 || b.Stamp.X+b.Stamp.W > a4Short {
		t.Errorf("stamp %+v", b.Stamp)
	}

	t.Run("manifest", func(t *testing.T) {
		var m packager.Manifest
		if err := json.Unmarshal(b.Manifest, &m); err != nil {
			t.Fatal(err)
		}
		if m.Pages != b.Pages || len(m.Materials) != len(d.plan.Items) || m.Materials[1].To-m.Materials[1].From != 2 {
			t.Errorf("%+v", m)
		}
		if bytes.Contains(b.Manifest, []byte(d.cs.Applicant.LegalRepresentative.IDNumber)) {
			t.Error("an identity number is in the manifest")
		}
	})
	t.Run("index", func(t *testing.T) {
		page := strconv.Itoa(b.Map[2].From)
		text := judge(t, "pdftotext", "-layout", "-f", page, "-l", page, b.Path, "-")
		for _, r := range b.Map {
			if r.Item == 0 {
				continue
			}
			title := d.plan.Items[r.Item-1].Title.ZH
			want := strconv.Itoa(r.From)
			if r.To > r.From {
				want += "–" + strconv.Itoa(r.To)
			}
			if !regexp.MustCompile(`(?m)^\s*` + strconv.Itoa(r.Item) + `\s+` + regexp.QuoteMeta(title) + `\s.*\s` + want + `$`).MatchString(text) {
				t.Errorf("the index has no line for material %d %s %s:\n%s", r.Item, title, want, text)
			}
		}
	})
	t.Run("bookmarks and links of a paper", func(t *testing.T) {
		withPDF(t, b.Path, func(doc *pdfium.Document) {
			marks, err := doc.Bookmarks()
			if err != nil {
				t.Fatal(err)
			}
			paper := marks[4].Kids[0] // 授权文件 → 材料 2
			from := b.Map[4].From
			if len(paper.Kids) != 3 || paper.Kids[2].Title != "第 3 节" || paper.Kids[2].Page != from+1 {
				t.Errorf("bookmarks %+v", paper)
			}
			links, err := doc.Links(from) // second page of the paper
			if err != nil {
				t.Fatal(err)
			}
			inside, web := 0, 0
			for _, l := range links {
				switch l.Page {
				case from + 1:
					inside++
				case -1:
					web++
				}
			}
			if inside != 1 || web != 1 {
				t.Errorf("links %+v", links)
			}
		})
	})
	t.Run("judges", func(t *testing.T) {
		judge(t, "qpdf", "--check", b.Path)
		if out := judge(t, "mutool", "info", b.Path); strings.Contains(out, "error") || strings.Contains(out, "repair") {
			t.Errorf("mutool: %s", out)
		}
		for _, line := range strings.Split(judge(t, "pdffonts", b.Path), "\n")[2:] {
			if f := strings.Fields(line); len(f) > 4 && f[len(f)-5] != "yes" {
				t.Errorf("a font is not embedded: %s", line)
			}
		}
		info := judge(t, "pdfinfo", b.Path)
		for _, want := range []string{"PDF version:     1.7", "测试虚构（样本）科技有限公司", d.plan.BundleID, "Form:            none", "JavaScript:      no"} {
			if !strings.Contains(info, want) {
				t.Errorf("pdfinfo does not say %q:\n%s", want, info)
			}
		}
		if out := judge(t, "pdftotext", "-f", "1", "-l", "1", b.Path, "-"); !strings.Contains(out, "王𬍛") {
			t.Errorf("王𬍛 is not on the cover as text:\n%s", out)
		}
	})
	t.Run("form", func(t *testing.T) {
		raw, err := os.ReadFile(b.Path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("/ObjStm")) || bytes.Contains(raw, []byte("/XRef")) || bytes.Count(raw, []byte("\nxref\n")) != 1 {
			t.Error("not one classic cross-reference table")
		}
		if !bytes.Contains(raw, []byte("/Lang (zh-CN)")) {
			t.Error("no language")
		}
	})
}

func TestNamesInAnyCharacter(t *testing.T) {
	names := []string{"李䶮", "王𬍛", "买买提·吐尔逊", "㛃㐀", "𠮷田", "O’Neil–Šmíd", "😀测", "\u200fabc\u202e", "a\x00b\xff", "٣"}
	d := newDesk(t)
	d.cs.Applicant.LegalRepresentative.Name = strings.Join(names, "、")
	d.cs.Applicant.Name = "王𬍛（样本）科技有限公司"
	for i, name := range names {
		id := fmt.Sprint("paper", i)
		d.spec(id, "identity", name, true)
		d.item(d.photo(fmt.Sprintf("materials/%s%d.jpg", strings.ToValidUTF8(strings.ReplaceAll(name, "\x00", ""), ""), i), 300, 200, 1, "证件"), id)
	}
	b := compose(t, d.plan)
	withPDF(t, b.Path, func(doc *pdfium.Document) {
		marks, err := doc.Bookmarks()
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			want := squeeze(clean(name))
			for _, page := range []int{0, b.Placed[i].Page - 1} {
				text, err := doc.Text(page)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(squeeze(text), want) {
					t.Errorf("%q is not on page %d", want, page+1)
				}
			}
			if got := marks[3].Kids[i].Title; !strings.Contains(squeeze(got), want) {
				t.Errorf("bookmark %q", got)
			}
		}
	})
	if info := judge(t, "pdfinfo", b.Path); !strings.Contains(info, "王𬍛（样本）科技有限公司") {
		t.Errorf("metadata:\n%s", info)
	}
}

func TestDraft(t *testing.T) {
	d := sample(t)
	d.plan.Draft = true
	q := d.plan.Report.Requirements[3]
	q.State, q.Satisfied = packager.Block, false
	d.plan.Gaps = []packager.Gap{{Requirement: q, Findings: []packager.Finding{{Code: "MATERIAL_MISSING", Severity: packager.Block, Requirement: q.ID,
		Args: packager.Args{"message_zh": "缺少法定代表人身份证人像面", "next_zh": "请法定代表人本人拍摄身份证人像面原件，四角完整"}}}}}
	b := compose(t, d.plan)
	if b.Stamp != (packager.StampPlace{}) {
		t.Error("a draft has a place for a signature")
	}
	withPDF(t, b.Path, func(doc *pdfium.Document) {
		for i := range doc.Pages() {
			text, err := doc.Text(i)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(squeeze(text), "草稿") {
				t.Errorf("page %d is not marked as a draft", i+1)
			}
		}
	})
	out := judge(t, "pdftotext", b.Path, "-")
	for _, want := range []string{"缺少法定代表人身份证人像面", "请法定代表人本人拍摄", "王𬍛"} {
		if !strings.Contains(out, want) {
			t.Errorf("the draft does not say %q", want)
		}
	}
}

// A paper that inspect could not open is named with the reason, and kept.
func TestUnusablePaper(t *testing.T) {
	d := newDesk(t)
	f := d.pdf("materials/加密合同.pdf", []byte("%PDF-1.7 locked"))
	f.Unusable = "PDF_ENCRYPTED"
	d.item(f, "contract")
	d.plan.Report.Findings = []packager.Finding{{Code: f.Unusable, Severity: packager.Block, Material: f.Path, Args: packager.Args{"message_zh": "加密合同.pdf 有密码"}}}
	b := compose(t, d.plan)
	if len(b.Findings) != 0 {
		t.Errorf("said twice: %+v", b.Findings)
	}
	if out := judge(t, "pdftotext", "-f", "4", "-l", "4", b.Path, "-"); !strings.Contains(out, "加密合同.pdf 有密码") || !strings.Contains(out, "01-加密合同.pdf") {
		t.Errorf("the page says:\n%s", out)
	}
}

func TestCancel(t *testing.T) {
	d := sample(t)
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := composer(t).Compose(ctx, d.plan, filepath.Join(dir, "out.pdf"), func(p packager.Progress) {
		if p.Done == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRevision(t *testing.T) {
	b := compose(t, revisionCase(t))
	if b.Map[2].Name != "changes" {
		t.Errorf("%+v", b.Map[2])
	}
	for page, want := range map[int]string{1: "DS-20261101-AAAAAAAA", b.Map[2].From: "营业执照照片不清晰", b.Map[6].From: "营业执照（已更换）"} {
		if out := judge(t, "pdftotext", "-f", strconv.Itoa(page), "-l", strconv.Itoa(page), b.Path, "-"); !strings.Contains(out, want) {
			t.Errorf("page %d does not say %q:\n%s", page, want, out)
		}
	}
}

// No part of a picture's clear zones is touched by the watermark, and the rest
// of it carries the purpose.
func TestWatermark(t *testing.T) {
	white := newDesk(t)
	zone := packager.Zone{Name: "number", X: 0.3, Y: 0.4, W: 0.5, H: 0.3}
	white.spec("id", "identity", "证件", true, zone)
	blank := quarters(800, 500)
	for i := range blank.Pix {
		blank.Pix[i] = 255
	}
	white.item(white.picture("materials/证件.jpg", "image/jpeg", jpegOf(t, blank, 6, 95), 500, 800, 6), "id")
	for _, tt := range []struct {
		mode packager.WatermarkMode
		want bool
	}{{packager.WatermarkOn, true}, {packager.WatermarkBoth, true}, {packager.WatermarkOff, false}} {
		white.rs.Watermark = tt.mode
		b := compose(t, white.plan)
		m := renderAll(t, b, 150)[0]
		r := m.Bounds()
		inside, outside := 0, 0
		for y := r.Min.Y + 4; y < r.Max.Y-4; y++ {
			for x := r.Min.X + 4; x < r.Max.X-4; x++ {
				v, _, _, _ := m.At(x, y).RGBA()
				if v>>8 > 240 {
					continue
				}
				fx, fy := float64(x-r.Min.X)/float64(r.Dx()), float64(y-r.Min.Y)/float64(r.Dy())
				if fx > zone.X && fx < zone.X+zone.W && fy > zone.Y && fy < zone.Y+zone.H {
					inside++
				} else {
					outside++
				}
				if v>>8 < 120 {
					t.Fatalf("%s: the watermark is darker than 30 %%: %d", tt.mode, v>>8)
				}
			}
		}
		if inside > 0 {
			t.Errorf("%s: %d dark pixels in the clear zone", tt.mode, inside)
		}
		if (outside > 500) != tt.want {
			t.Errorf("%s: %d dark pixels outside the zone", tt.mode, outside)
		}
		if got := strings.Contains(judge(t, "pdftotext", b.Path, "-"), "复印"); got != tt.want {
			t.Errorf("%s: purpose in the text: %v", tt.mode, got)
		}
	}
}

func TestPagePictures(t *testing.T) {
	d := sample(t)
	d.rs.Watermark = packager.WatermarkBoth
	b := compose(t, d.plan)
	dir := filepath.Join(t.TempDir(), "pages")
	files, err := composer(t).Pages(t.Context(), b, dir, packager.Limits{PictureBytes: 200_000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		raw, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := jpeg.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		if int64(len(raw)) > 200_000 || f.Bytes != int64(len(raw)) || max(m.Bounds().Dx(), m.Bounds().Dy()) < 600 {
			t.Errorf("%s: %d bytes, %v", f.Path, len(raw), m.Bounds())
		}
		name, _ := filepath.Rel(dir, f.Path)
		names = append(names, filepath.ToSlash(name))
		if strings.Contains(name, "身份证人像面") && m.Bounds().Dx() < m.Bounds().Dy() {
			t.Errorf("%s is not upright", name)
		}
	}
	got := strings.Join(names, " ")
	for _, want := range []string{"01-注销申请函.jpg", "02-1-授权委托书.jpg", "02-3-授权委托书.jpg", "03-营业执照.jpg", "无水印/04-法定代表人身份证人像面.jpg"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s among %s", want, got)
		}
	}
	if strings.Contains(got, "无水印/01") {
		t.Error("a paper without a watermark is there twice")
	}
}

// A page picture that is made from the material looks like the page in the
// bundle, with the watermark on the same places, whichever way up the photo was
// stored.
func TestPagePicturesLookLikeTheBundle(t *testing.T) {
	d := newDesk(t)
	zone := packager.Zone{Name: "number", X: 0.3, Y: 0.4, W: 0.5, H: 0.3}
	d.spec("id", "identity", "证件", true, zone)
	for o := 1; o <= 8; o++ {
		raw := jpegOf(t, scene(700, 460, "证件"), o, 92)
		d.item(d.picture(fmt.Sprintf("materials/证件%d.jpg", o), "image/jpeg", raw, 700, 460, o), "id")
	}
	for _, name := range []string{"palette.png", "alpha.png", "gray.jpg", "cmyk.jpg", "two.tiff"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		media := map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".tiff": "image/tiff"}[filepath.Ext(name)]
		d.item(d.picture("materials/"+name, media, raw, 60, 40, 1), "id")
	}
	d.item(d.photo("materials/大图.jpg", 3200, 2100, 6, "大图"), "id")
	for _, mode := range []packager.WatermarkMode{packager.WatermarkOn, packager.WatermarkBoth} {
		d.rs.Watermark = mode
		b := compose(t, d.plan)
		files, err := composer(t).Pages(t.Context(), b, filepath.Join(t.TempDir(), "pages"), packager.Limits{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		same := func(files []packager.File, want []image.Image) {
			if len(files) != len(want) {
				t.Fatalf("%d pictures of %d pages", len(files), len(want))
			}
			for i, f := range files {
				raw, err := os.ReadFile(f.Path)
				if err != nil {
					t.Fatal(err)
				}
				got, err := jpeg.Decode(bytes.NewReader(raw))
				if err != nil {
					t.Fatal(err)
				}
				if diff := difference(want[i], got, 120); diff > 6 {
					t.Errorf("%s: %s differs from the page by %.1f", mode, filepath.Base(f.Path), diff)
				}
			}
		}
		n := len(b.Placed)
		same(files[:n], renderAll(t, b, 120))
		if mode != packager.WatermarkBoth {
			continue
		}
		d.rs.Watermark = packager.WatermarkOff
		same(files[n:], renderAll(t, compose(t, d.plan), 120))
	}
}

func TestShrink(t *testing.T) {
	m := image.NewRGBA(image.Rect(3, 5, 3+7, 5+5))
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range m.Pix {
		m.Pix[i] = uint8(rnd.IntN(256)) | 255*uint8(i%4/3)
	}
	mean := func(m *image.RGBA) (sum [3]float64) {
		n := float64(m.Rect.Dx() * m.Rect.Dy())
		for i, v := range m.Pix {
			if i%4 < 3 {
				sum[i%4] += float64(v) / n
			}
		}
		return sum
	}
	for w := 1; w <= 7; w++ {
		for h := 1; h <= 5; h++ {
			out := shrink(m, w, h)
			if out.Rect != image.Rect(0, 0, w, h) {
				t.Fatalf("%v", out.Rect)
			}
			was, is := mean(m), mean(out)
			for k := range was {
				if d := was[k] - is[k]; d > 0.6 || d < -0.6 {
					t.Errorf("%d × %d: the mean went from %.2f to %.2f", w, h, was[k], is[k])
				}
			}
		}
	}
}

// packager.PageDPI is the resolution that pictures really have on their pages.
func TestPageDPI(t *testing.T) {
	d := newDesk(t)
	for i, size := range [][2]int{{2000, 1200}, {1500, 2200}, {1600, 1600}} {
		m := image.NewRGBA(image.Rect(0, 0, size[0], size[1]))
		d.item(d.picture(fmt.Sprintf("materials/%d.jpg", i), "image/jpeg", jpegOf(t, m, 1, 50), size[0], size[1], 1), "x")
	}
	for _, p := range compose(t, d.plan).Placed {
		f := d.plan.Items[p.Item-1].File
		if got, want := float64(f.Picture.Width)/(p.W/72), float64(f.DPI()); got < 0.97*want || got > 1.03*want {
			t.Errorf("%d × %d has %.0f dots an inch, PageDPI says %.0f", f.Picture.Width, f.Picture.Height, got, want)
		}
	}
}
