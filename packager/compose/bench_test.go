package compose

import (
	"context"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dossier/packager"
)

// photos40 is a case of 40 photos of about 4 MB, as phones take them.
func photos40(b *testing.B) *desk {
	d := newDesk(b)
	rnd := rand.New(rand.NewPCG(1, 2))
	m := image.NewRGBA(image.Rect(0, 0, 4000, 3000))
	for i := range m.Pix {
		m.Pix[i] = uint8(128 + i/4%4000/40 + rnd.IntN(38))
	}
	raw := jpegOf(b, m, 1, 88)
	for i := range 40 {
		raw := append(raw[:len(raw):len(raw)], fmt.Sprint(i)...) // 40 files, each its own
		d.item(d.picture(fmt.Sprintf("materials/%02d.jpg", i), "image/jpeg", raw, 4000, 3000, 1), fmt.Sprint("m", i))
	}
	return d
}

func photoBytes(d *desk) (n int64) {
	for _, it := range d.plan.Items {
		n += it.File.Bytes
	}
	return n
}

func BenchmarkFortyPhotos(b *testing.B) {
	d := photos40(b)
	n := photoBytes(d)
	k := composer(b)
	out := filepath.Join(b.TempDir(), "out.pdf")
	run := func(b *testing.B) *packager.Bundle {
		bundle, err := k.Compose(context.Background(), d.plan, out, nil)
		if err != nil {
			b.Fatal(err)
		}
		return bundle
	}
	if bundle := run(b); float64(bundle.Bytes) > 1.03*float64(n) {
		b.Errorf("%d bytes of photos made a bundle of %d: more than 3 %% over", n, bundle.Bytes)
	}
	b.Run("dossier", func(b *testing.B) {
		b.SetBytes(n)
		for b.Loop() {
			run(b)
		}
	})
	// The usual way: no cover, index, text, proof or watermark, only the merge.
	b.Run("img2pdf+qpdf", func(b *testing.B) {
		for _, tool := range []string{"img2pdf", "qpdf"} {
			if _, err := exec.LookPath(tool); err != nil {
				b.Skipf("%s is not installed", tool)
			}
		}
		args := []string{"--output", out + ".img"}
		for _, it := range d.plan.Items {
			args = append(args, it.File.Abs)
		}
		b.SetBytes(n)
		for b.Loop() {
			for _, c := range []*exec.Cmd{exec.Command("img2pdf", args...), exec.Command("qpdf", "--linearize", out+".img", out+".qpdf")} {
				if msg, err := c.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, msg)
				}
			}
		}
		os.Remove(out + ".qpdf")
	})
}

// BenchmarkSmallCase is a case of eight papers.
func BenchmarkSmallCase(b *testing.B) {
	d := sample(b)
	k := composer(b)
	out := filepath.Join(b.TempDir(), "out.pdf")
	for b.Loop() {
		if _, err := k.Compose(context.Background(), d.plan, out, nil); err != nil {
			b.Fatal(err)
		}
	}
}
