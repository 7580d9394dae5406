package compose

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dossier/packager"
)

func TestEveryKindOfPicture(t *testing.T) {
	colours := quarters(60, 40)
	grey := func(name string) []image.Image {
		f, err := os.Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		m, _, err := image.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		return []image.Image{m}
	}
	pale := image.NewRGBA(colours.Rect) // 60 % of the ink on white
	for i, v := range colours.Pix {
		pale.Pix[i] = uint8(255 - (255-int(v))*6/10)
	}
	turned := stored(colours, 3)
	d := newDesk(t)
	var want []image.Image
	var within []float64
	var names []string
	for _, tt := range []struct {
		file, media string
		want        []image.Image
		within      float64
	}{
		{"q.png", "image/png", []image.Image{colours}, 3},
		{"palette.png", "image/png", []image.Image{colours}, 3},
		{"interlaced.png", "image/png", []image.Image{colours}, 3},
		{"deep.png", "image/png", []image.Image{colours}, 3},
		{"alpha.png", "image/png", []image.Image{pale}, 3},
		{"gray4.png", "image/png", grey("gray4.png"), 8},
		{"gray.jpg", "image/jpeg", grey("gray.jpg"), 8},
		{"progressive.jpg", "image/jpeg", []image.Image{colours}, 8},
		{"cmyk.jpg", "image/jpeg", []image.Image{colours}, 40},
		{"q.bmp", "image/bmp", []image.Image{colours}, 3},
		{"q.gif", "image/gif", []image.Image{colours}, 3},
		{"q.webp", "image/webp", []image.Image{colours}, 12},
		{"two.tiff", "image/tiff", []image.Image{colours, turned}, 3},
	} {
		raw, err := os.ReadFile(filepath.Join("testdata", tt.file))
		if err != nil {
			t.Fatal(err)
		}
		d.item(d.picture("materials/"+tt.file, tt.media, raw, 60, 40, 1), "paper")
		for _, m := range tt.want {
			want, within, names = append(want, m), append(within, tt.within), append(names, tt.file)
		}
	}
	b := compose(t, d.plan)
	if len(b.Findings) > 0 || len(b.Placed) != len(want) {
		t.Fatalf("findings %v, %d pages", b.Findings, len(b.Placed))
	}
	for i, got := range renderAll(t, b, 150) {
		if diff := difference(want[i], got, 12); diff > within[i] {
			t.Errorf("%s: difference %.1f", names[i], diff)
		}
	}
}

// Nothing that a camera wrote about place, time or device reaches the bundle,
// and the picture itself goes in byte for byte.
func TestMetadataStaysOut(t *testing.T) {
	d := newDesk(t)
	raw := jpegOf(t, scene(600, 400, "营业执照"), 6, 85)
	for _, secret := range []string{"GPS-SECRET", "TRAILER-SECRET", "Exif"} {
		if !bytes.Contains(raw, []byte(secret)) {
			t.Fatalf("the fixture does not hold %s", secret)
		}
	}
	d.item(d.picture("materials/照片.jpg", "image/jpeg", raw, 400, 600, 6), "paper")
	b := compose(t, d.plan)
	pdf, err := os.ReadFile(b.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"GPS-SECRET", "TRAILER-SECRET", "Exif"} {
		if bytes.Contains(pdf, []byte(secret)) {
			t.Errorf("%s is in the bundle", secret)
		}
	}
	scan := raw[bytes.Index(raw, []byte{0xff, 0xda}):bytes.Index(raw, []byte("TRAILER"))]
	if !bytes.Contains(pdf, scan) {
		t.Error("the JPEG data were changed")
	}
}

func TestSmallPictureStaysSmall(t *testing.T) {
	d := newDesk(t)
	d.item(d.photo("materials/小图.jpg", 300, 200, 1, "小图"), "paper")
	d.item(d.photo("materials/大图.jpg", 3000, 2000, 1, "大图"), "paper2")
	b := compose(t, d.plan)
	if w := b.Placed[0].W; w > 300*72/150+1 {
		t.Errorf("300 pixels are %.0f points wide: enlarged beyond 150 dpi", w)
	}
	if p := b.Placed[1]; p.W < 600 {
		t.Errorf("a wide photo is only %.0f points wide: not on a landscape page", p.W)
	}
}

func TestBrokenPictureIsNamed(t *testing.T) {
	d := newDesk(t)
	d.item(d.picture("materials/坏.jpg", "image/jpeg", []byte("\xff\xd8\xff\xe0 nothing more"), 10, 10, 1), "paper")
	d.item(d.photo("materials/好.jpg", 300, 200, 1, "好"), "paper2")
	b := compose(t, d.plan)
	if len(b.Findings) != 1 || b.Findings[0].Code != "COMPOSE_PICTURE_BROKEN" || b.Findings[0].Material != "materials/坏.jpg" {
		t.Errorf("findings %+v", b.Findings)
	}
	if out := judge(t, "pdftotext", "-f", "4", "-l", "4", b.Path, "-"); !strings.Contains(out, "坏.jpg") {
		t.Errorf("the page does not name the file:\n%s", out)
	}
}

// A JPEG that was cut off in the middle is shown as far as it goes.
func TestTruncatedJPEG(t *testing.T) {
	raw := jpegOf(t, scene(600, 400, "截断"), 1, 85)
	raw = raw[:len(raw)*2/3]
	j, err := splitJPEG(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !j.cut || !bytes.HasSuffix(bytes.Join(j.keep, nil), endOfImage) {
		t.Error("no end marker was added")
	}
}

func TestChangedMaterialStopsTheBuild(t *testing.T) {
	d := newDesk(t)
	f := d.photo("materials/照片.jpg", 300, 200, 1, "好")
	f.SHA256 = strings.Repeat("0", 64)
	d.item(f, "paper")
	err := composeError(t, d.plan)
	var fault *packager.Fault
	if !asFault(err, &fault) || fault.Code != "COMPOSE_MATERIAL_CHANGED" {
		t.Errorf("error %v", err)
	}
}

func FuzzSplitJPEG(f *testing.F) {
	for _, name := range []string{"cmyk.jpg", "gray.jpg", "progressive.jpg"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add(append([]byte{0xff, 0xd8}, exif(6)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		j, err := splitJPEG(raw)
		if err != nil {
			return
		}
		out := bytes.Join(j.keep, nil)
		if !bytes.HasPrefix(out, jpegSOI) || !bytes.HasSuffix(out, endOfImage) || len(out) > len(raw)+2 {
			t.Errorf("not a whole JPEG: % x", out)
		}
		again, err := splitJPEG(out)
		if err != nil || !bytes.Equal(bytes.Join(again.keep, nil), out) {
			t.Errorf("stripping twice is not stripping once: %v", err)
		}
		if again.width != j.width || again.height != j.height || again.components != j.components {
			t.Error("the size changed")
		}
	})
}

func FuzzPNG(f *testing.F) {
	for _, name := range []string{"q.png", "palette.png", "alpha.png", "gray4.png", "interlaced.png", "deep.png"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 24 && (raw[16] != 0 || raw[17] != 0 || raw[20] != 0 || raw[21] != 0) {
			return // inspect turns huge pictures away
		}
		if p, err := pngPicture(raw); err == nil && (p.width <= 0 || p.height <= 0 || len(p.body) == 0) {
			t.Errorf("%d × %d", p.width, p.height)
		}
	})
}

func FuzzTIFF(f *testing.F) {
	raw, err := os.ReadFile(filepath.Join("testdata", "two.tiff"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		offsets, err := tiffFrames(raw)
		if err == nil && len(offsets) > 200 {
			t.Errorf("%d frames", len(offsets))
		}
	})
}
