package inspect

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"dossier/packager"
	"dossier/packager/inspect/samples"
)

// photo is a page as a 12-megapixel phone takes it.
func photo(b testing.TB) []byte {
	b.Helper()
	img := samples.Shoot(samples.Sheet(171), samples.Camera{Scale: 2, Noise: 3, Tilting: 0.2})
	return samples.JPEG(img, 88)
}

// BenchmarkMeasure takes all measurements of one decoded photo of 11 MP.
func BenchmarkMeasure(b *testing.B) {
	img := samples.Shoot(samples.Sheet(171), samples.Camera{Scale: 2})
	for b.Loop() {
		measure(&packager.Picture{Orientation: 1, Width: img.Rect.Dx(), Height: img.Rect.Dy()}, img)
	}
}

// BenchmarkInspect inspects eight photos of 11 MP, without a cache and with
// one that knows them, beside sha256sum over the same files.
func BenchmarkInspect(b *testing.B) {
	jpg := photo(b)
	dir := b.TempDir()
	c := &packager.Collection{Case: &packager.Case{}, Rules: &packager.RuleSet{}}
	var names []string
	for i := range 8 {
		m := material(b, fmt.Sprintf("materials/%d.jpg", i), append(jpg[:len(jpg):len(jpg)], byte(i)), packager.RoleMaterial, "x")
		c.Materials = append(c.Materials, m)
		names = append(names, m.Abs)
	}
	run := func(name string, opt Options) {
		b.Run(name, func(b *testing.B) {
			opt.Tesseract = "off"
			x := New(opt)
			defer x.Close()
			b.SetBytes(int64(8 * len(jpg)))
			if opt.CacheDir != "" {
				if _, err := x.Inspect(context.Background(), c, nil); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, err := x.Inspect(context.Background(), c, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("cold", Options{})
	run("cached", Options{CacheDir: filepath.Join(dir, "cache")})
	program, err := exec.LookPath("sha256sum")
	if err != nil {
		b.Skip("sha256sum is not installed")
	}
	b.Run("sha256sum", func(b *testing.B) {
		b.SetBytes(int64(8 * len(jpg)))
		for b.Loop() {
			if out, err := exec.Command(program, names...).CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
		}
	})
}
