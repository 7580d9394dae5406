package compose

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"dossier/packager"
	"dossier/packager/pdfium"
)

// quarters is a picture whose corners tell which way up it is.
func quarters(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, c := range []color.RGBA{{200, 30, 30, 255}, {30, 160, 30, 255}, {30, 30, 200, 255}, {220, 200, 30, 255}} {
		x, y := (i%2)*w/2, (i/2)*h/2
		draw.Draw(m, image.Rect(x, y, x+w/2, y+h/2), image.NewUniform(c), image.Point{}, draw.Src)
	}
	return m
}

func TestEveryOrientation(t *testing.T) {
	d := newDesk(t)
	upright := quarters(400, 240)
	for o := 1; o <= 8; o++ {
		w, h := 400, 240
		if o >= 5 {
			w, h = h, w
		}
		d.item(d.picture(fmt.Sprintf("materials/o%d.jpg", o), "image/jpeg", jpegOf(t, upright, o, 90), w, h, o), fmt.Sprintf("o%d", o))
	}
	b := compose(t, d.plan)
	if len(b.Placed) != 8 {
		t.Fatalf("%d pictures placed", len(b.Placed))
	}
	pages := renderAll(t, b, 72)
	for i, p := range b.Placed {
		if p.W < p.H {
			t.Errorf("orientation %d: shown as %.0f × %.0f", p.Item, p.W, p.H)
		}
		got := pages[i]
		if d := difference(upright, got, 20); d > 8 {
			t.Errorf("orientation %d is not upright: difference %.1f", p.Item, d)
		}
	}
}

// hardPage describes a page for handmade.
type hardPage struct {
	media, crop   []float64
	rotate        int
	unit          float64
	contents      []string // the streams of the page
	resources     types.Dict
	annots        types.Array
	inheritRotate bool
}

// corners draws a text and four blocks into the corners of the box.
func corners(x0, y0, x1, y1 float64) string {
	w, h := (x1-x0)/4, (y1-y0)/4
	return fmt.Sprintf("q 0.8 0.1 0.1 rg %.2f %.2f %.2f %.2f re f 0.1 0.6 0.1 rg %.2f %.2f %.2f %.2f re f 0.1 0.1 0.8 rg %.2f %.2f %.2f %.2f re f 0 g %.2f %.2f %.2f %.2f re f Q\n",
		x0, y1-h, w, h, x1-w, y1-h, w, h, x0, y0, w, h, (x0+x1)/2, (y0+y1)/2, w/3, h)
}

// handmade writes a PDF of the given pages with the writer of the bundle.
func handmade(t testing.TB, catalog types.Dict, pages func(o *pdfOut) []hardPage) []byte {
	t.Helper()
	var b bytes.Buffer
	o := newPDFOut(&b)
	tree := o.alloc()
	var kids types.Array
	rotate := types.Object(nil)
	list := pages(o)
	for _, p := range list {
		d := types.Dict{"Type": types.Name("Page"), "Parent": tree, "MediaBox": numbers(p.media...), "Resources": types.Dict{}}
		if p.resources != nil {
			d["Resources"] = p.resources
		}
		if p.crop != nil {
			d["CropBox"] = numbers(p.crop...)
		}
		if p.inheritRotate {
			rotate = types.Integer(p.rotate)
		} else if p.rotate != 0 {
			d["Rotate"] = types.Integer(p.rotate)
		}
		if p.unit != 0 {
			d["UserUnit"] = types.Float(p.unit)
		}
		if p.annots != nil {
			d["Annots"] = p.annots
		}
		var streams types.Array
		for _, c := range p.contents {
			streams = append(streams, o.addFlate(types.Dict{}, []byte(c)))
		}
		d["Contents"] = streams
		if len(streams) == 1 {
			d["Contents"] = streams[0]
		}
		kids = append(kids, o.add(d))
	}
	o.put(tree, types.Dict{"Type": types.Name("Pages"), "Kids": kids, "Count": types.Integer(len(kids)), "Rotate": rotate})
	root := types.Dict{"Type": types.Name("Catalog"), "Pages": tree}
	for k, v := range catalog {
		root[k] = v
	}
	if err := o.finish(o.add(root), o.add(types.Dict{}), fileID("hard")); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func onePage(p hardPage) func(*pdfOut) []hardPage {
	return func(*pdfOut) []hardPage { return []hardPage{p} }
}

// stampAnnotation is a seal laid over a page, as scanning programs leave it.
func stampAnnotation(o *pdfOut, turned bool) types.Array {
	d := types.Dict{"Type": types.Name("XObject"), "Subtype": types.Name("Form"), "BBox": numbers(0, 0, 100, 50)}
	if turned {
		d["Matrix"] = numbers(0, 1, -1, 0, 50, 0)
	}
	ap := o.addFlate(d, []byte("0.7 0 0 RG 6 w 5 5 90 40 re S 0 0 0.8 rg 10 10 20 20 re f"))
	return types.Array{o.add(types.Dict{"Type": types.Name("Annot"), "Subtype": types.Name("Stamp"), "Rect": numbers(60, 60, 260, 200),
		"F": types.Integer(4), "AP": types.Dict{"N": ap}})}
}

// field is a form field with a name that two papers share.
func field(o *pdfOut) types.Array {
	ap := o.addFlate(types.Dict{"Type": types.Name("XObject"), "Subtype": types.Name("Form"), "BBox": numbers(0, 0, 200, 40)}, []byte("0.9 0.8 0.2 rg 0 0 200 40 re f"))
	return types.Array{o.add(types.Dict{"Type": types.Name("Annot"), "Subtype": types.Name("Widget"), "FT": types.Name("Tx"), "T": types.StringLiteral("name"),
		"Rect": numbers(50, 300, 250, 340), "F": types.Integer(4), "AP": types.Dict{"N": ap}})}
}

func hardPDFs(t testing.TB) map[string][]byte {
	a4 := []float64{0, 0, 595, 842}
	out := map[string][]byte{}
	for _, r := range []int{0, 90, 180, 270, -90, 450} {
		out[fmt.Sprintf("rotate%d", r)] = handmade(t, nil, onePage(hardPage{media: a4, rotate: r, contents: []string{corners(0, 0, 595, 842)}}))
		out[fmt.Sprintf("rotate%d-cropped", r)] = handmade(t, nil, onePage(hardPage{media: []float64{-100, 50, 700, 1000}, crop: []float64{-40, 120, 420, 820}, rotate: r,
			contents: []string{corners(-40, 120, 420, 820)}}))
	}
	out["crop-beyond-media"] = handmade(t, nil, onePage(hardPage{media: a4, crop: []float64{100, 100, 2000, 2000}, contents: []string{corners(100, 100, 595, 842)}}))
	out["boxes-reversed"] = handmade(t, nil, onePage(hardPage{media: []float64{595, 842, 0, 0}, contents: []string{corners(0, 0, 595, 842)}}))
	out["user-unit"] = handmade(t, nil, onePage(hardPage{media: []float64{0, 0, 200, 300}, unit: 2.5, rotate: 90, contents: []string{corners(0, 0, 200, 300)}}))
	out["inherited-rotation"] = handmade(t, nil, onePage(hardPage{media: a4, rotate: 270, inheritRotate: true, contents: []string{corners(0, 0, 595, 842)}}))
	whole := corners(0, 0, 595, 842)
	out["divided-content"] = handmade(t, nil, onePage(hardPage{media: a4, contents: []string{whole[:37], whole[37:]}}))
	out["unbalanced"] = handmade(t, nil, onePage(hardPage{media: a4, contents: []string{"q q 0.5 0 0 0.5 0 0 cm " + corners(0, 0, 595, 842)}}))
	out["poster"] = handmade(t, nil, onePage(hardPage{media: []float64{0, 0, 3370, 2384}, contents: []string{corners(0, 0, 3370, 2384)}}))
	out["receipt"] = handmade(t, nil, onePage(hardPage{media: []float64{0, 0, 90, 700}, contents: []string{corners(0, 0, 90, 700)}}))
	out["empty-page"] = handmade(t, nil, onePage(hardPage{media: a4}))
	for _, r := range []int{0, 90} {
		out[fmt.Sprintf("stamp-rotate%d", r)] = handmade(t, nil, func(o *pdfOut) []hardPage {
			return []hardPage{{media: a4, rotate: r, contents: []string{corners(0, 0, 595, 842)}, annots: stampAnnotation(o, r == 90)}}
		})
	}
	for _, name := range []string{"form-a", "form-b"} {
		out[name] = handmade(t, nil, func(o *pdfOut) []hardPage {
			return []hardPage{{media: a4, contents: []string{corners(0, 0, 595, 842)}, annots: field(o)}}
		})
	}
	return out
}

// hiddenLayer has a layer that is switched off.
func hiddenLayer(t testing.TB) []byte {
	layer := types.IndirectRef{ObjectNumber: 2} // the first object after the page tree
	return handmade(t, types.Dict{"OCProperties": types.Dict{"OCGs": types.Array{layer}, "D": types.Dict{"OFF": types.Array{layer}}}}, func(o *pdfOut) []hardPage {
		o.add(types.Dict{"Type": types.Name("OCG"), "Name": types.StringLiteral("hidden")})
		return []hardPage{{media: []float64{0, 0, 595, 842}, contents: []string{corners(0, 0, 595, 842) + "/OC /L BDC 0 g 0 0 595 842 re f EMC"},
			resources: types.Dict{"Properties": types.Dict{"L": layer}}}}
	})
}

// variants makes further PDFs out of one with qpdf.
func variants(t *testing.T, pdf []byte) map[string][]byte {
	if _, err := exec.LookPath("qpdf"); err != nil {
		judge(t, "qpdf", "--version")
	}
	dir := t.TempDir()
	in := filepath.Join(dir, "in.pdf")
	if err := os.WriteFile(in, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for name, args := range map[string][]string{
		"object-streams": {"--object-streams=generate"},
		"linearized":     {"--linearize"},
		"owner-password": {"--encrypt", "", "owner", "256", "--"},
		"owner-rc4":      {"--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=n", "--"},
		"pdf-2.0":        {"--force-version=2.0"},
	} {
		to := filepath.Join(dir, name+".pdf")
		judge(t, "qpdf", append(args, in, to)...)
		b, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	// A damaged file: the cross-reference table points nowhere.
	broken := bytes.Replace(pdf, []byte("startxref\n"), []byte("startxref\n7"), 1)
	out["broken-xref"] = broken
	return out
}

func TestHardPDFs(t *testing.T) {
	all := hardPDFs(t)
	all["hidden-layer"] = hiddenLayer(t)
	for name, b := range variants(t, paper(t, 2, "A4", "合同")) {
		all[name] = b
	}
	d := newDesk(t)
	var names []string
	for name := range all {
		names = append(names, name)
	}
	for _, name := range names {
		d.item(d.pdf("materials/"+name+".pdf", all[name]), name)
	}
	b := compose(t, d.plan)
	for _, f := range b.Findings {
		t.Errorf("%s: %s", f.Material, f.Code)
	}
	pages := renderAll(t, b, 100)
	for i, p := range b.Placed {
		name := names[p.Item-1]
		source := render(t, d.plan.Items[p.Item-1].File.Abs, p.Leaf-1, 50)
		got := pages[i]
		if strings.HasPrefix(name, "form-") { // pdfium shows fields only to programs that fill forms
			if r, g, b, _ := got.At(got.Bounds().Min.X+got.Bounds().Dx()/4, got.Bounds().Max.Y-got.Bounds().Dy()*380/1000).RGBA(); r>>8 < 200 || g>>8 < 180 || b>>8 > 90 {
				t.Errorf("%s: the field is not on the page: %d %d %d", name, r>>8, g>>8, b>>8)
			}
			continue
		}
		diff := difference(source.SubImage(source.Rect.Inset(1)), got, 64)
		if diff > 2 {
			t.Errorf("%s page %d looks different in the bundle: %.1f", name, p.Leaf, diff)
		}
		sw, sh := float64(source.Rect.Dx()), float64(source.Rect.Dy())
		if r := (p.W / p.H) / (sw / sh); r < 0.97 || r > 1.03 {
			t.Errorf("%s: shown %.0f × %.0f, is %.0f × %.0f", name, p.W, p.H, sw, sh)
		}
	}
	judge(t, "qpdf", "--check", b.Path)
	raw, err := os.ReadFile(b.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"/AcroForm", "/Widget", "/JavaScript", "/Sig"} {
		if bytes.Contains(raw, []byte(left)) {
			t.Errorf("%s is left in the bundle", left)
		}
	}
}

// Damaged files are shown as far as anything can read them, and what was done
// to them is said.
func TestDamagedPDFs(t *testing.T) {
	raw := paper(t, 2, "A4", "合同")
	for _, tt := range []struct {
		name  string
		raw   []byte
		pages int
		code  string
	}{
		{"no-xref", raw[:bytes.LastIndex(raw, []byte("xref\n0"))], 2, ""},
		{"junk-in-front", append([]byte("\r\n\r\njunk\n"), raw...), 2, ""},
		{"wrong-lengths", bytes.ReplaceAll(raw, []byte("/Length "), []byte("/Length 1")), 2, ""},
		{"no-endobj", bytes.ReplaceAll(raw, []byte("endobj"), []byte("      ")), 2, "COMPOSE_PDF_REPAIRED"},
		{"half", raw[:len(raw)/2], 0, "COMPOSE_PDF_BROKEN"},
		{"empty", nil, 0, "COMPOSE_PDF_BROKEN"},
		{"text", []byte("this is not a PDF at all"), 0, "COMPOSE_PDF_BROKEN"},
	} {
		d := newDesk(t)
		d.item(d.pdf("materials/"+tt.name+".pdf", tt.raw), "paper")
		b := compose(t, d.plan)
		code := ""
		if len(b.Findings) == 1 {
			code = b.Findings[0].Code
		}
		if len(b.Placed) != tt.pages || code != tt.code {
			t.Errorf("%s: %d pages, findings %+v", tt.name, len(b.Placed), b.Findings)
		}
	}
}

// A signed paper keeps the look of its signature; the field goes, and the file
// itself is attached unchanged.
func TestSignedPaper(t *testing.T) {
	raw := handmade(t, nil, func(o *pdfOut) []hardPage {
		ap := o.addFlate(types.Dict{"Type": types.Name("XObject"), "Subtype": types.Name("Form"), "BBox": numbers(0, 0, 200, 40)}, []byte("0.9 0.8 0.2 rg 0 0 200 40 re f"))
		sig := o.add(types.Dict{"Type": types.Name("Sig"), "Filter": types.Name("Adobe.PPKLite"), "ByteRange": numbers(0, 1, 2, 3), "Contents": hexBytes([]byte{1})})
		return []hardPage{{media: []float64{0, 0, 595, 842}, contents: []string{corners(0, 0, 595, 842)}, annots: types.Array{o.add(types.Dict{
			"Type": types.Name("Annot"), "Subtype": types.Name("Widget"), "FT": types.Name("Sig"), "T": types.StringLiteral("s"), "V": sig,
			"Rect": numbers(50, 300, 250, 340), "F": types.Integer(132), "AP": types.Dict{"N": ap}})}}}
	})
	d := newDesk(t)
	it := d.item(d.pdf("materials/电子合同.pdf", raw), "contract")
	it.File.PDF.Signatures = 3
	it.File.PDF.Signed = []packager.MaterialSignature{
		{Kind: "approval", State: packager.SignatureIntact, Signer: "测试虚构（样本）科技有限公司", Issuer: "样本 CA", Time: "2026-11-02T20:00:00Z", TSA: "样本时间戳"},
		{Kind: "approval", State: packager.SignatureBroken, Signer: "王𬍛", Issuer: "王𬍛", Claimed: "D:20261103101112+08'00'"},
		{Kind: "certification", State: packager.SignatureUnclear},
	}
	b := compose(t, d.plan)
	got := renderAll(t, b, 72)[0]
	r := got.Bounds()
	if r, g, b, _ := got.At(r.Min.X+r.Dx()/4, r.Max.Y-r.Dy()*380/1000).RGBA(); r>>8 < 200 || g>>8 < 180 || b>>8 > 90 {
		t.Errorf("the look of the signature is lost: %d %d %d", r>>8, g>>8, b>>8)
	}
	withPDF(t, b.Path, func(doc *pdfium.Document) {
		names, content, err := doc.Attachments("01-电子合同.pdf")
		if err != nil || !bytes.Equal(content, raw) {
			t.Errorf("attachments %q: %d bytes, %v", names, len(content), err)
		}
		text, err := doc.Text(b.Placed[0].Page - 1)
		if err != nil || !strings.Contains(squeeze(text), "原件已原样保存为附件“01-电子合同.pdf”") {
			t.Errorf("the page does not say where the signed file is: %v %s", err, text)
		}
		for _, want := range []string{
			"电子签名·测试虚构（样本）科技有限公司（证书由样本CA签发）·完好，签名后未改动·2026-11-03，由样本时间戳的时间戳证明",
			"电子签名·王𬍛（自制证书）·不成立：内容与签名时不同·自称签于2026-11-03",
			"认证签名·签名人未能读出·此处无法判断",
		} {
			if !strings.Contains(squeeze(text), want) {
				t.Errorf("the page does not say %q: %s", want, squeeze(text))
			}
		}
	})
	if info := judge(t, "pdfinfo", b.Path); !strings.Contains(info, "Form:            none") {
		t.Errorf("a form is left:\n%s", info)
	}
}

// A locked PDF is shown as its password opens it, and attached as it is; one
// whose password is not known is named and attached.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.pdf")
	if err := os.WriteFile(in, paper(t, 1, "A4", "加密"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t)
	d.item(d.pdf("materials/普通.pdf", paper(t, 1, "A4", "普通")), "plain")
	for i, c := range []struct{ password, args string }{
		{"secret", "40"}, {"secret", "128 --use-aes=n"}, {"secret", "128 --use-aes=y"}, {"密 码", "256"}, {"secret", "256 --force-R5"}, {"", "256"},
	} {
		locked := filepath.Join(dir, "locked.pdf")
		args := append([]string{"--allow-weak-crypto", "--encrypt", cmp.Or(c.password, "unknown"), "owner"}, strings.Fields(c.args)...)
		judge(t, "qpdf", append(args, "--", in, locked)...)
		raw, err := os.ReadFile(locked)
		if err != nil {
			t.Fatal(err)
		}
		f := d.pdf(fmt.Sprintf("materials/加密%d.pdf", i+1), raw)
		f.Password = packager.Secret(c.password)
		d.item(f, fmt.Sprintf("locked%d", i))
	}
	b := compose(t, d.plan)
	if len(b.Findings) != 1 || b.Findings[0].Material != "materials/加密6.pdf" || b.Findings[0].Code != "COMPOSE_PDF_BROKEN" {
		t.Errorf("findings %+v", b.Findings)
	}
	for _, r := range b.Map {
		if r.Item < 2 {
			continue
		}
		text := squeeze(judge(t, "pdftotext", "-f", strconv.Itoa(r.From), "-l", strconv.Itoa(r.To), b.Path, "-"))
		want := []string{"加密", "原件有打开口令", fmt.Sprintf("“%02d-加密%d.pdf”", r.Item, r.Item-1)}
		if r.Item == 7 {
			want[1] = "原文件已原样保存"
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("material %d does not say %q: %s", r.Item, w, text)
			}
		}
		name := fmt.Sprintf("%02d-加密%d.pdf", r.Item, r.Item-1)
		original, err := os.ReadFile(d.plan.Items[r.Item-1].File.Abs)
		if err != nil {
			t.Fatal(err)
		}
		if judge(t, "qpdf", b.Path, "--show-attachment="+name) != string(original) {
			t.Errorf("%s is not the original", name)
		}
	}
	judge(t, "qpdf", "--check", b.Path)
}

// Whatever the bytes are, reading them ends in pages or an error, and what is
// written is whole.
func FuzzImportPDF(f *testing.F) {
	f.Add(hiddenLayer(f))
	f.Add(handmade(f, nil, func(o *pdfOut) []hardPage {
		return []hardPage{{media: []float64{0, 0, 200, 300}, rotate: 90, contents: []string{"0 0 m", "9 9 l S"}, annots: stampAnnotation(o, true)}}
	}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ctx, err := readPDF(t.Context(), bytes.NewReader(raw), "")
		if err != nil {
			return
		}
		o := newPDFOut(io.Discard)
		src, err := importPDF(ctx, o, &layers{}, 200)
		if err == nil && len(src.pages) == 0 {
			t.Error("no pages and no error")
		}
		if err := o.finish(o.add(types.Dict{}), o.add(types.Dict{}), fileID("fuzz")); err != nil {
			t.Error(err)
		}
	})
}
