package compose

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"dossier/packager"
)

// TestSeam: every page, upright or landscape, of whatever paper, bears the seam
// mark with the bundle's number, the digest of what the manifest names, and its
// own number, at the right edge; a draft bears none.
func TestSeam(t *testing.T) {
	for name, plan := range map[string]*packager.Plan{"usual": sample(t).plan, "hard": hardCase(t)} {
		t.Run(name, func(t *testing.T) {
			b := compose(t, plan)
			var m packager.Manifest
			if err := json.Unmarshal(b.Manifest, &m); err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			for _, it := range m.Materials {
				fmt.Fprintf(h, "%s  %s\n", it.SHA256, it.Path)
			}
			for _, it := range m.Backups {
				fmt.Fprintf(h, "%s  %s\n", it.SHA256, it.Path)
			}
			digest := fmt.Sprintf("%x", h.Sum(nil))
			for page := 1; page <= b.Pages; page++ {
				n := fmt.Sprint(page)
				size := judge(t, "pdfinfo", "-f", n, "-l", n, b.Path)
				var w, height float64
				for line := range strings.Lines(size) {
					if strings.Contains(line, " size:") && strings.HasPrefix(line, "Page") {
						if _, err := fmt.Sscanf(line[strings.Index(line, ":")+1:], "%f x %f", &w, &height); err != nil {
							t.Fatal(err)
						}
					}
				}
				// The edge alone, as poppler shows it.
				text := judge(t, "pdftotext", "-f", n, "-l", n, "-x", fmt.Sprint(int(w)-36), "-y", "0", "-W", "36", "-H", fmt.Sprint(int(height)), b.Path, "-")
				text = strings.Join(strings.Fields(text), "")
				for _, want := range []string{m.Bundle, digest, fmt.Sprintf("第%d页/共%d页", page, b.Pages)} { // a watermark may stand between
					if !strings.Contains(text, want) {
						t.Errorf("page %d, %.0f × %.0f: %q at its edge, want %q", page, w, height, text, want)
					}
				}
			}
		})
	}
	b := compose(t, draftCase(t))
	if text := judge(t, "pdftotext", b.Path, "-"); strings.Contains(text, "骑缝 ") {
		t.Error("a draft has a seam mark")
	}
}
