package compose

import (
	"context"
	"image"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/image/draw"

	"dossier/packager"
	"dossier/packager/pdfium"
)

// judge runs a program that nobody here wrote. One that is missing is a
// visible skip, and a failure where DOSSIER_JUDGES=required.
func judge(t *testing.T, name string, args ...string) string {
	t.Helper()
	installed(t, name)
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func installed(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatalf("judge %s is required and not installed", name)
		}
		t.Skipf("judge %s is not installed", name)
	}
}

// render draws page i (from 0) of a file with pdfium.
func render(t testing.TB, path string, i, dpi int) *image.RGBA {
	t.Helper()
	var m *image.RGBA
	withPDF(t, path, func(d *pdfium.Document) {
		var err error
		if m, err = d.Render(i, dpi); err != nil {
			t.Fatal(err)
		}
	})
	return m
}

func withPDF(t testing.TB, path string, do func(*pdfium.Document)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := testEngine().Open(context.Background(), f, info.Size())
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer doc.Close()
	do(doc)
}

// shownAs cuts the place of a material out of a rendered page.
func shownAs(m *image.RGBA, p packager.Placed, dpi int) image.Image {
	k := float64(dpi) / 72
	h := m.Bounds().Dy()
	return m.SubImage(image.Rect(round(p.X*k), h-round((p.Y+p.H)*k), round((p.X+p.W)*k), h-round(p.Y*k)).Inset(1))
}

// renderAll renders the place of every page of every material.
func renderAll(t testing.TB, b *packager.Bundle, dpi int) []image.Image {
	t.Helper()
	var out []image.Image
	withPDF(t, b.Path, func(d *pdfium.Document) {
		for _, p := range b.Placed {
			m, err := d.Render(p.Page-1, dpi)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, shownAs(m, p, dpi))
		}
	})
	return out
}

// difference is the mean difference of two pictures reduced to n × n points,
// 0 to 255, over the three colours.
func difference(a, b image.Image, n int) float64 {
	reduce := func(m image.Image) *image.RGBA {
		out := image.NewRGBA(image.Rect(0, 0, n, n))
		draw.BiLinear.Scale(out, out.Rect, m, m.Bounds(), draw.Src, nil)
		return out
	}
	x, y := reduce(a), reduce(b)
	sum := 0
	for i := range x.Pix {
		if i%4 == 3 {
			continue
		}
		d := int(x.Pix[i]) - int(y.Pix[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(3*n*n)
}
