package collect

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"dossier/packager"
)

// A big file passes through without being held: 256 MiB of zeros, sparse on
// disk, while the heap stays below 32 MiB.
func TestFlatMemory(t *testing.T) {
	dir := tree(t, map[string]string{"backups/articles.bin": ""})
	if err := os.Truncate(filepath.Join(dir, "backups/articles.bin"), 256<<20); err != nil {
		t.Fatal(err)
	}
	var most uint64
	watch := func(packager.Progress) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
	}
	c, err := Collect(context.Background(), &packager.Case{Dir: dir}, rules(), watch)
	if err != nil {
		t.Fatal(err)
	}
	// sha256sum of 256 MiB of zeros
	if got := c.Materials[0].SHA256; got != "a6d72ac7690f53be6ae46ba88506bd97302a093f7108472bd9efc3cefda06484" {
		t.Error(got)
	}
	if most > 32<<20 {
		t.Errorf("heap grew to %d MiB", most>>20)
	}
}

// A file that is being written to has no digest.
func TestChangedWhileRead(t *testing.T) {
	dir := tree(t, map[string]string{"materials/营业执照.jpg": ""})
	p := filepath.Join(dir, "materials/营业执照.jpg")
	if err := os.Truncate(p, 64<<20); err != nil {
		t.Fatal(err)
	}
	grow := func(e packager.Progress) {
		if e.Kind == "advance" && e.Done <= noticeEvery {
			if err := os.Truncate(p, 65<<20); err != nil {
				t.Error(err)
			}
		}
	}
	c, err := Collect(context.Background(), &packager.Case{Dir: dir}, rules(), grow)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Materials) != 0 || len(c.Findings) != 1 || c.Findings[0].Code != "FILE_CHANGED" || c.Findings[0].Severity != packager.Block {
		t.Fatalf("%+v %+v", c.Materials, c.Findings)
	}
}

// BenchmarkCollect compares Collect with sha256sum over the same files: 64
// photos of 4 MiB and a backup of 256 MiB.
func BenchmarkCollect(b *testing.B) {
	dir := b.TempDir()
	for _, d := range []string{"materials", "backups"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	r := rand.NewChaCha8([32]byte{1})
	var names []string
	write := func(name string, n int) {
		buf := make([]byte, n)
		r.Read(buf)
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, buf, 0o644); err != nil {
			b.Fatal(err)
		}
		names = append(names, name)
	}
	for i := range 64 {
		write(filepath.Join("materials", string(rune('一'+i))+".jpg"), 4<<20)
	}
	write("backups/articles.zip", 256<<20)
	const total = 512 << 20

	b.Run("collect", func(b *testing.B) {
		b.SetBytes(total)
		for b.Loop() {
			if _, err := Collect(context.Background(), &packager.Case{Dir: dir}, rules(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	program, err := exec.LookPath("sha256sum")
	if err != nil {
		b.Skip("sha256sum is not installed")
	}
	b.Run("sha256sum", func(b *testing.B) {
		b.SetBytes(total)
		for b.Loop() {
			start := time.Now()
			if out, err := exec.Command(program, names...).CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms")
		}
	})
}
