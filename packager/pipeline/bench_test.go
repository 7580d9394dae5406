package pipeline_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/casefile"
	"dossier/packager/identity"
	"dossier/packager/inspect"
	"dossier/packager/pipeline"
	"dossier/packager/rules"
	"dossier/templates"
)

// BenchmarkCheck is `dossier check` on a case of 40 materials that have been
// seen before: read case.yaml, load the pack, collect, look up what inspect
// knows of each file, check. It has to take less than 50 ms.
func BenchmarkCheck(b *testing.B) {
	const materials = 40
	dir := caseOf(b, materials)
	cal, err := identity.ReadCalendar(templates.FS, "calendar")
	if err != nil {
		b.Fatal(err)
	}
	cache := b.TempDir()
	day := packager.Day{Year: 2026, Month: 11, Dom: 22}
	check := func() *packager.Report {
		lib, err := rules.Load(templates.FS)
		if err != nil {
			b.Fatal(err)
		}
		c, err := casefile.Load(dir)
		if err != nil {
			b.Fatal(err)
		}
		p := &pipeline.Pipeline{
			Rules: lib, Calendar: cal, Now: time.Now,
			Inspector: inspect.New(inspect.Options{CacheDir: cache, Tesseract: "off"}),
		}
		r, err := p.Check(context.Background(), c, day)
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	r := check() // the first time, every file is looked at
	if n := len(r.Files); n != materials {
		b.Fatalf("%d files, want %d", n, materials)
	}
	for _, f := range r.Files {
		if f.Picture == nil || f.Unusable != "" {
			b.Fatalf("%s is no picture to the inspector", f.Path)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		check()
	}
}

// caseOf makes a case folder with n pictures of 1,200 × 900 pixels, each
// different.
func caseOf(b *testing.B, n int) string {
	dir := b.TempDir()
	var text strings.Builder
	text.WriteString(`version: 1
platform: weibo_video
application: close
account_type: institution
account: {id: "1000000002", name: 测试虚构视频号, followers: 12000}
applicant:
  name: 测试虚构（样本）科技有限公司
  uscc: 91000000MAFAKE019J
  legal_representative: {name: 测试甲, id_number: "110199198001010016"}
materials:
  sub_account_authorization:
`)
	if err := os.MkdirAll(filepath.Join(dir, "materials"), 0o755); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		name := fmt.Sprintf("materials/子账号授权%02d.jpg", i)
		fmt.Fprintf(&text, "    - %s\n", name)
		if err := writePicture(filepath.Join(dir, filepath.FromSlash(name)), i); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "case.yaml"), []byte(text.String()), 0o644); err != nil {
		b.Fatal(err)
	}
	return dir
}

// writePicture makes a page with lines of writing-like blocks.
func writePicture(path string, seed int) error {
	img := image.NewGray(image.Rect(0, 0, 1200, 900))
	for y := range 900 {
		for x := range 1200 {
			v := uint8(245)
			if y < 18 && x/20 == seed+4 {
				v = 30 // what makes each one different
			}
			if y%40 > 18 && (x/9*7+y/40*13+seed*31)%11 < 5 && x > 80 && x < 1120 {
				v = 30
			}
			img.SetGray(x, y, color.Gray{Y: v})
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return jpeg.Encode(f, img, &jpeg.Options{Quality: 80})
}
