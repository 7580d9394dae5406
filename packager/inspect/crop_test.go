package inspect

import (
	"image"
	"math/rand/v2"
	"os"
	"testing"

	"dossier/packager"
	"dossier/packager/inspect/samples"
)

// A crop is upright, whatever the orientation, and shows the zone in its frame.
func TestCut(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 400, 300))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(r.IntN(256))
	}
	z := packager.Zone{X: 0.3, Y: 0.4, W: 0.25, H: 0.1}
	for o := 1; o <= 8; o++ {
		whole := reduce(img, 400).turn(o)
		w, h := whole.w, whole.h
		got := cut(img, o, z)
		x0, y0 := int(0.3*float64(w)+0.5)-w/10, int(0.4*float64(h)+0.5)
		high := int(0.5*float64(h)+0.5) - y0
		y0 -= 2 * high
		if got.Rect.Dy() != 5*high {
			t.Fatalf("%d: %v", o, got.Rect)
		}
		for _, p := range []image.Point{{0, 0}, {got.Rect.Dx() - 1, 0}, {0, got.Rect.Dy() - 1}, {w/10 + 5, 2*high + 5}} {
			if g := got.RGBAAt(p.X, p.Y); g.R != whole.at(x0+p.X, y0+p.Y) || g.R != g.G {
				t.Errorf("orientation %d at %v: %v, want %d", o, p, g, whole.at(x0+p.X, y0+p.Y))
			}
		}
		if g := got.RGBAAt(w/10-6, 2*high); g.R != 200 || g.G != 30 {
			t.Errorf("orientation %d: no frame: %v", o, g)
		}
	}
}

// Pictures, scans in PDF and locked ones are cut; what is no page is an error.
func TestCrop(t *testing.T) {
	page := samples.Sheet(100)
	jpg := samples.JPEG(page, 90)
	scan := samples.ScannedA4(jpg, page.Rect.Dx(), page.Rect.Dy())
	x := New(Options{EngineCacheDir: withHelper(t).EngineCacheDir, Tesseract: "off"})
	defer x.Close()
	z := packager.Zone{X: 0.1, Y: 0.15, W: 0.5, H: 0.04} // the second line
	for name, f := range map[string]packager.Inspected{
		"picture": {Material: material(t, "a.jpg", jpg, packager.RoleMaterial), Media: "image/jpeg", Picture: &packager.Picture{Orientation: 1}},
		"scan":    {Material: material(t, "a.pdf", scan, packager.RoleMaterial), PDF: &packager.PDFInfo{}},
		"locked":  {Material: material(t, "b.pdf", samples.Encrypt(scan, "geheim", "owner"), packager.RoleMaterial), PDF: &packager.PDFInfo{}, Password: "geheim"},
	} {
		img, err := x.Crop(t.Context(), f, 1, z)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		dark := 0
		for y := range img.Bounds().Dy() {
			for at := range img.Bounds().Dx() {
				if r, g, _, _ := img.At(at, y).RGBA(); r < 0x6000 && g < 0x6000 {
					dark++
				}
			}
		}
		if b := img.Bounds(); b.Dx() < 400 || b.Dy() > b.Dx() || dark < 500 {
			t.Errorf("%s: %v with %d dark pixels", name, b, dark)
		}
		if _, err := x.Crop(t.Context(), f, 2, z); err == nil {
			t.Errorf("%s has no page 2", name)
		}
		if err := os.WriteFile(f.Abs, []byte("no picture"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Crop(t.Context(), f, 1, z); err == nil {
			t.Errorf("%s is none any more", name)
		}
	}
}
