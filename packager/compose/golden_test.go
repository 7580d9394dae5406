package compose

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/pdfium"
)

var update = flag.Bool("update", false, "write the golden files anew; then look at them")

// TestGolden holds whole bundles against what they were when somebody looked at
// them: structure and text as qpdf and poppler read them, and the picture of
// every page.
func TestGolden(t *testing.T) {
	for name, plan := range map[string]func(testing.TB) *packager.Plan{
		"usual":   func(t testing.TB) *packager.Plan { return sample(t).plan },
		"names":   namesCase,
		"hard":    hardCase,
		"many":    manyCase,
		"draft":   draftCase,
		"again":   revisionCase,
		"volumes": volumesCase,
	} {
		t.Run(name, func(t *testing.T) {
			b := compose(t, plan(t))
			for _, v := range b.Volumes() {
				stem := filepath.Join("testdata", "golden", strings.TrimSuffix(v.FileName(name), ".pdf"))
				sameText(t, stem+".structure.txt", structure(t, v))
				sameText(t, stem+".text.txt", printed(t, v.Path))
				samePictures(t, stem+".png", contactSheet(t, v))
			}
		})
	}
}

func sameText(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		writeGolden(t, path, []byte(got))
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, have := strings.Split(string(raw), "\n"), strings.Split(got, "\n")
	for i := range max(len(want), len(have)) {
		a, b := "(end)", "(end)"
		if i < len(want) {
			a = want[i]
		}
		if i < len(have) {
			b = have[i]
		}
		if a != b {
			t.Errorf("%s:%d\n want %s\n have %s\n(go test ./packager/compose -run TestGolden -update, if that is right)", path, i+1, a, b)
			return
		}
	}
}

func writeGolden(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// structure writes down what a PDF is made of: bookmarks, labels and sizes of
// the pages, where links lead, fonts, attachments.
func structure(t *testing.T, b *packager.Bundle) string {
	t.Helper()
	var q struct {
		Outlines []outlineJSON
		Pages    []struct {
			Label struct {
				Index int
				Label map[string]any
			}
		}
		PageLabels []struct {
			Index int
			Label map[string]any
		}
		Attachments map[string]struct{ Names map[string]string }
	}
	raw := judge(t, "qpdf", "--json=1", "--json-key=outlines", "--json-key=pages", "--json-key=pagelabels", "--json-key=attachments", b.Path)
	if err := json.Unmarshal([]byte(raw), &q); err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "title %s\npages %d\n", infoField(judge(t, "pdfinfo", b.Path), "Title"), len(q.Pages))
	for _, l := range q.PageLabels {
		fmt.Fprintf(&s, "labels from page %d: %v\n", l.Index+1, l.Label["/S"])
	}
	s.WriteString("\nbookmarks\n")
	for _, o := range q.Outlines {
		o.write(&s, 1)
	}
	s.WriteString("\npages and where their links lead\n")
	withPDF(t, b.Path, func(doc *pdfium.Document) {
		for i := range doc.Pages() {
			w, h, err := doc.Size(i)
			if err != nil {
				t.Fatal(err)
			}
			links, err := doc.Links(i)
			if err != nil {
				t.Fatal(err)
			}
			var to []string
			for _, l := range links {
				if l.Page < 0 {
					to = append(to, "web")
				} else {
					to = append(to, fmt.Sprint(l.Page+1))
				}
			}
			fmt.Fprintf(&s, "  %d  %.0f × %.0f  %s\n", i+1, w, h, strings.Join(slices.Compact(to), " "))
		}
	})
	s.WriteString("\nfonts\n")
	for _, line := range strings.Split(strings.TrimSpace(judge(t, "pdffonts", b.Path)), "\n")[2:] {
		f := strings.Fields(line) // name, type, encoding, embedded, subset, to Unicode, object
		if n := len(f); n > 5 {
			fmt.Fprintf(&s, "  %s embedded %s, subset %s, to Unicode %s\n", f[0], f[n-5], f[n-4], f[n-3])
		}
	}
	s.WriteString("\nattachments\n")
	for _, line := range strings.Split(strings.TrimSpace(judge(t, "pdfdetach", "-list", b.Path)), "\n")[1:] {
		fmt.Fprintf(&s, "  %s\n", line)
	}
	return s.String()
}

type outlineJSON struct {
	Title string
	Page  int `json:"destpageposfrom1"`
	Open  bool
	Kids  []outlineJSON
}

func (o outlineJSON) write(s *strings.Builder, depth int) {
	fold := ""
	if len(o.Kids) > 0 && !o.Open {
		fold = " (folded)"
	}
	fmt.Fprintf(s, "%s%s → %d%s\n", strings.Repeat("  ", depth), o.Title, o.Page, fold)
	for _, k := range o.Kids {
		k.write(s, depth+1)
	}
}

func infoField(info, name string) string {
	for _, line := range strings.Split(info, "\n") {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// variable is what depends on the encoder that made a test's pictures.
var variable = regexp.MustCompile(`[0-9a-f]{16}…|\b[0-9a-f]{64}\b|\b\d+(\.\d+)? (KB|MB|B)\b`)

// printed is the text of a PDF, page by page, as poppler reads it.
func printed(t *testing.T, path string) string {
	t.Helper()
	var out []string
	for i, page := range strings.Split(judge(t, "pdftotext", path, "-"), "\f") {
		if strings.TrimSpace(page) == "" {
			continue
		}
		out = append(out, fmt.Sprintf("== page %d", i+1))
		for _, line := range strings.Split(page, "\n") {
			if line = strings.Join(strings.Fields(line), " "); line != "" {
				out = append(out, variable.ReplaceAllString(line, "…"))
			}
		}
	}
	return strings.Join(out, "\n") + "\n"
}

// The cells of a contact sheet hold a page each, of 30 dpi.
const (
	sheetDPI  = 30
	sheetCell = 352
	sheetCols = 6
	mostPages = 24
)

// contactSheet is every page of a bundle (of a long one the first ones and the
// last), side by side in shades of grey.
func contactSheet(t *testing.T, b *packager.Bundle) *image.Gray {
	t.Helper()
	var pages []int
	for i := range b.Pages {
		if i < mostPages-2 || i >= b.Pages-2 {
			pages = append(pages, i)
		}
	}
	rows := (len(pages) + sheetCols - 1) / sheetCols
	out := image.NewGray(image.Rect(0, 0, sheetCols*sheetCell, rows*sheetCell))
	draw.Draw(out, out.Rect, image.NewUniform(color.Gray{136}), image.Point{}, draw.Src)
	withPDF(t, b.Path, func(doc *pdfium.Document) {
		for k, i := range pages {
			m, err := doc.Render(i, sheetDPI)
			if err != nil {
				t.Fatal(err)
			}
			at := image.Pt(k%sheetCols*sheetCell, k/sheetCols*sheetCell)
			draw.Draw(out, m.Bounds().Add(at).Intersect(image.Rectangle{at, at.Add(image.Pt(sheetCell, sheetCell))}), m, image.Point{}, draw.Src)
		}
	})
	for i, v := range out.Pix { // sixteen shades are enough to tell, and small
		out.Pix[i] = v/17*17 + v%17/9*17
	}
	return out
}

// samePictures holds a contact sheet against the golden one: no block of 16 × 16
// pixels may differ by more than a thin line does that has moved a little.
func samePictures(t *testing.T, path string, got *image.Gray) {
	t.Helper()
	if *update {
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, shades(got)); err != nil {
			t.Fatal(err)
		}
		writeGolden(t, path, b.Bytes())
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	want := image.NewGray(m.Bounds())
	draw.Draw(want, want.Rect, m, m.Bounds().Min, draw.Src)
	if want.Rect != got.Rect {
		t.Errorf("%s: the sheet has %v, not %v", path, got.Rect, want.Rect)
		return
	}
	const block, tolerance = 16, 14.0
	for y := 0; y < got.Rect.Dy(); y += block {
		for x := 0; x < got.Rect.Dx(); x += block {
			if d := blockDifference(want, got, x, y, block); d > tolerance {
				page := y/sheetCell*sheetCols + x/sheetCell + 1
				t.Errorf("%s: page picture %d looks different near %d,%d of its cell (by %.0f of 255)", path, page, x%sheetCell, y%sheetCell, d)
				return
			}
		}
	}
}

// blockDifference is by how much the mean of a block and of its quarters
// differs: type that has moved by a fraction of a pixel is the same.
func blockDifference(a, b *image.Gray, x, y, n int) (worst float64) {
	h := n / 2
	for _, q := range []image.Point{{0, 0}, {h, 0}, {0, h}, {h, h}} {
		sum := 0
		for j := range h {
			for i := range h {
				p := a.PixOffset(x+q.X+i, y+q.Y+j)
				sum += int(a.Pix[p]) - int(b.Pix[p])
			}
		}
		worst = max(worst, float64(max(sum, -sum))/float64(h*h))
	}
	return worst
}

// shades is m with a palette of sixteen.
func shades(m *image.Gray) *image.Paletted {
	var p color.Palette
	for i := range 16 {
		p = append(p, color.Gray{uint8(17 * i)})
	}
	out := image.NewPaletted(m.Rect, p)
	for i, v := range m.Pix {
		out.Pix[i] = v / 17
	}
	return out
}

// namesCase has names that fonts and layouts stumble over.
func namesCase(t testing.TB) *packager.Plan {
	d := sample(t)
	d.cs.Applicant.Name = "王𬍛李䶮（测试样本）新疆维吾尔自治区喀什地区买买提·吐尔逊跨境电子商务与数字内容信息技术服务股份有限公司北京第一分公司"
	d.cs.Applicant.LegalRepresentative.Name = "阿卜杜热合曼·买买提吐尔逊"
	d.cs.Account.Name = "𠮷田㐀㛃测试虚构服务号 Official “Sample” Account"
	d.cs.Agent.Name = "李䶮"
	d.cs.Employee = &packager.Person{Name: "王𬍛"}
	d.plan.Report.Agreement[0].Stated = d.cs.Applicant.Name
	d.plan.Report.Agreement[0].Read[0].Value = d.cs.Applicant.Name
	d.plan.Report.Agreement[2].Read[1] = packager.AgreementCell{Material: "materials/注销申请函.jpg", Value: "王珑", By: []string{"ocr"}, State: packager.Warn}
	d.item(d.photo("materials/𬍛䶮·合影，名称很长很长很长很长很长很长很长很长很长很长很长很长的照片.jpg", 300, 200, 1, "照片"), "photo")
	return d.plan
}

// hardCase has every page that is turned, cropped, tiny, huge or long.
func hardCase(t testing.TB) *packager.Plan {
	d := newDesk(t)
	hard := hardPDFs(t)
	names := []string{"rotate90", "rotate180-cropped", "rotate270-cropped", "crop-beyond-media", "user-unit", "poster", "receipt", "stamp-rotate90", "form-a", "form-b", "empty-page"}
	for i, name := range names {
		id := fmt.Sprint("hard", i)
		d.spec(id, "special", name, i == 0, packager.Zone{X: 0.2, Y: 0.2, W: 0.4, H: 0.2})
		d.item(d.pdf("materials/"+name+".pdf", hard[name]), id)
	}
	d.item(d.photo("materials/横幅.jpg", 1600, 200, 6, "横幅"), "banner")
	d.item(d.screenshot("materials/长图.png", 200, 1800, "长截图"), "long")
	return d.plan
}

// manyCase has sixty materials and a long reviewer's sheet.
func manyCase(t testing.TB) *packager.Plan {
	d := newDesk(t)
	parts := []string{"letter", "authorisation", "licence", "identity", "ownership", "settlement", "special"}
	raw := jpegOf(t, quarters(240, 150), 1, 85)
	for i := range 60 {
		id := fmt.Sprintf("m%d", i)
		d.spec(id, parts[i*len(parts)/60], fmt.Sprintf("第 %d 份证明材料%s", i+1, strings.Repeat("（补充说明）", i%4)), false)
		d.item(d.picture(fmt.Sprintf("materials/证明 %03d.jpg", i+1), "image/jpeg", append(raw[:len(raw):len(raw)], byte(i)), 240, 150, 1), id)
		d.require(id, packager.KindMaterial, strings.Repeat("平台要求的证明材料", i%3+1), []packager.Severity{packager.StateOK, packager.StateOK, packager.Warn}[i%3], d.plan.Items[i].File.Path)
	}
	return d.plan
}

func draftCase(t testing.TB) *packager.Plan {
	d := sample(t)
	d.plan.Draft = true
	for _, k := range []int{3, 6} {
		q := d.plan.Report.Requirements[k]
		q.State, q.Satisfied = packager.Block, false
		d.plan.Gaps = append(d.plan.Gaps, packager.Gap{Requirement: q, Findings: []packager.Finding{{Code: "MATERIAL_MISSING", Severity: packager.Block, Requirement: q.ID}}})
	}
	return d.plan
}

func revisionCase(t testing.TB) *packager.Plan {
	d := sample(t)
	d.plan.Revision = &packager.Revision{Bundle: "DS-20261101-AAAAAAAA", Day: packager.Day{Year: 2026, Month: 11, Dom: 1}, Reason: "营业执照照片不清晰；缺少劳动合同",
		Changes: []packager.Change{
			{What: "replaced", Item: 3, Title: d.plan.Items[2].Title, Before: strings.Repeat("a", 64), After: d.plan.Items[2].File.SHA256},
			{What: "added", Item: 7, Title: d.plan.Items[6].Title, After: d.plan.Items[6].File.SHA256},
			{What: "removed", Item: 9, Title: packager.Text{ZH: "旧声明", EN: "old"}, Before: strings.Repeat("b", 64)},
		}}
	return d.plan
}

func volumesCase(t testing.TB) *packager.Plan {
	d := large(t)
	d.plan.MaxBytes = 1_000_000
	return d.plan
}
