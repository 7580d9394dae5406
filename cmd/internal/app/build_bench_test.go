package app

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dossier/cmd/internal/config"
	"dossier/packager/i18n"
	"dossier/templates"
)

// BenchmarkBuild is the main job, from the folder to the receipt, over three
// shapes of case. What was inspected once is in the cache, as it is when a
// person builds again after mending one thing; keys and engines are warm.
//
//	go test ./cmd/internal/app -bench Build -benchtime 5x
func BenchmarkBuild(b *testing.B) {
	for _, c := range []struct {
		name string
		more func(b *testing.B, dir string) (materials, backups []string)
	}{
		{"small", nil},
		{"photos", func(b *testing.B, dir string) ([]string, []string) { return photos(b, dir, 20), nil }},
		{"backups", func(b *testing.B, dir string) ([]string, []string) { return nil, backups(b, dir, 4, 64<<20) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			dir := exampleCase(b, c.more)
			a := testApp(b)
			var bytes int64
			for b.Loop() {
				p, err := a.Pipeline(nil)
				if err != nil {
					b.Fatal(err)
				}
				order, err := a.Order(dir, "", false)
				if err != nil {
					b.Fatal(err)
				}
				res, err := p.Build(b.Context(), order)
				if err != nil {
					b.Fatal(err)
				}
				bytes = 0
				for _, o := range append(res.Receipt.Objects, res.Receipt.Files...) {
					bytes += o.Bytes
				}
			}
			b.SetBytes(bytes)
		})
	}
}

func testApp(b *testing.B) *App {
	b.Helper()
	catalog, err := i18n.Load(templates.FS, "locales")
	if err != nil {
		b.Fatal(err)
	}
	home := b.TempDir()
	env := []string{"HOME=" + home, "DOSSIER_TESSERACT=off", "DOSSIER_AT=2026-11-22"}
	cfg, err := config.Load(config.Flags{}, env, "")
	if err != nil {
		b.Fatal(err)
	}
	a, err := New(cfg, catalog, catalog.Printer("zh"), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// exampleCase copies the example of enterprise Weibo and adds to it.
func exampleCase(b *testing.B, more func(*testing.B, string) (materials, backups []string)) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "case")
	if err := os.CopyFS(dir, os.DirFS("../../../templates/examples/weibo_enterprise")); err != nil {
		b.Fatal(err)
	}
	for _, made := range []string{"out", ".dossier"} {
		os.RemoveAll(filepath.Join(dir, made))
	}
	if more == nil {
		return dir
	}
	materials, backups := more(b, dir)
	path := filepath.Join(dir, "case.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	add := func(anchor string, list []string) {
		i := strings.Index(string(text), anchor)
		if i < 0 {
			b.Fatalf("the example has no %q", anchor)
		}
		text = bytes.Replace(text, []byte(anchor), []byte(anchor+strings.Join(append(list, ""), ", ")), 1)
	}
	if materials != nil {
		text = bytes.Replace(text, []byte("ownership_proof: materials/绑定手机截图.png"),
			[]byte("ownership_proof: ["+strings.Join(append(materials, "materials/绑定手机截图.png"), ", ")+"]"), 1)
	}
	if backups != nil {
		add("files: [", backups)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return dir
}

// photos makes pictures of 12 megapixels and about 4 MB, as phones do.
func photos(b *testing.B, dir string, n int) []string {
	var names []string
	for i := range n {
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		img := image.NewYCbCr(image.Rect(0, 0, 4000, 3000), image.YCbCrSubsampleRatio420)
		for j := range img.Y {
			img.Y[j] = byte(128 + 40*((j/97+i*31)%3) - rng.IntN(28))
		}
		for j := range img.Cb {
			img.Cb[j], img.Cr[j] = 128, 128
		}
		var buf bytes.Buffer
		if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 85}); err != nil {
			b.Fatal(err)
		}
		name := fmt.Sprintf("materials/照片%02d.jpg", i)
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), buf.Bytes(), 0o600); err != nil {
			b.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func backups(b *testing.B, dir string, n int, size int64) []string {
	var names []string
	for i := range n {
		name := fmt.Sprintf("backups/part-%d.mp4", i)
		f, err := os.Create(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{byte(i)}), size); err != nil {
			b.Fatal(err)
		}
		f.Close()
		names = append(names, name)
	}
	return names
}
