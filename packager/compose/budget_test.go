package compose

import (
	"bytes"
	"image"
	"math/rand/v2"
	"testing"

	"github.com/jung-kurt/gofpdf"

	"dossier/packager"
)

// grain is a scene with the noise of a photo, which makes it large.
func grain(w, h int, title string) *image.RGBA {
	m := scene(w, h, title)
	rnd := rand.New(rand.NewPCG(7, 7))
	for i := range m.Pix {
		if i%4 != 3 {
			m.Pix[i] = uint8(max(0, min(255, int(m.Pix[i])+rnd.IntN(25)-12)))
		}
	}
	return m
}

// scan is a PDF of one A4 page that is a picture.
func scan(t testing.TB, jpg []byte) []byte {
	t.Helper()
	p := gofpdf.New("P", "pt", "A4", "")
	p.AddPage()
	p.RegisterImageOptionsReader("scan", gofpdf.ImageOptions{ImageType: "jpg"}, bytes.NewReader(jpg))
	p.ImageOptions("scan", 0, 0, 595.28, 841.89, false, gofpdf.ImageOptions{ImageType: "jpg"}, 0, "")
	var b bytes.Buffer
	if err := p.Output(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSizeBudget(t *testing.T) {
	d := newDesk(t)
	big := jpegOf(t, grain(2600, 1800, "营业执照"), 6, 92)
	d.item(d.picture("materials/大照片.jpg", "image/jpeg", big, 1800, 2600, 6), "big")
	small := jpegOf(t, grain(900, 600, "小照片"), 1, 92)
	d.item(d.picture("materials/小照片.jpg", "image/jpeg", small, 900, 600, 1), "small")
	d.item(d.pdf("materials/扫描件.pdf", scan(t, jpegOf(t, grain(1860, 2630, "合同"), 1, 90))), "scan")
	whole := compose(t, d.plan)
	pictures := renderAll(t, whole, 60)

	d.plan.MaxBytes = whole.Bytes * 55 / 100
	less := compose(t, d.plan)
	if less.Bytes+signatureRoom > d.plan.MaxBytes {
		t.Errorf("%d bytes and a signature are more than %d", less.Bytes, d.plan.MaxBytes)
	}
	if less.Proof.Materials != 3 {
		t.Errorf("proof %+v", less.Proof)
	}
	named := map[string]string{}
	for _, f := range less.Findings {
		if f.Code == "COMPOSE_RESAMPLED" && f.Severity == packager.Info {
			named[f.Material] = f.Args["dpi"]
		}
	}
	if named["materials/大照片.jpg"] == "" || named["materials/扫描件.pdf"] == "" || named["materials/小照片.jpg"] != "" {
		t.Errorf("resampled: %v", named)
	}
	for i, m := range renderAll(t, less, 60) {
		if diff := difference(pictures[i], m, 40); diff > 3 {
			t.Errorf("page %d looks different: %.1f", i+1, diff)
		}
	}
	for _, p := range less.Placed {
		if p.Pixels > 0 && float64(p.Pixels)/p.W*72 < 148 {
			t.Errorf("material %d is printed at %.0f dpi", p.Item, float64(p.Pixels)/p.W*72)
		}
	}

	d.plan.MaxBytes = 250_000
	var fault *packager.Fault
	if err := composeError(t, d.plan); !asFault(err, &fault) || fault.Code != "COMPOSE_ITEM_TOO_LARGE" || fault.Args["least"] == "" {
		t.Errorf("error %v", err)
	}
}
