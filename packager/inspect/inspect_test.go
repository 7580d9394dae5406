package inspect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"dossier/packager"
)

// material puts bytes into a file and returns it as collect would.
func material(t testing.TB, name string, b []byte, role packager.Role, ids ...string) packager.Material {
	t.Helper()
	abs := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(abs, b, 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(abs)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return packager.Material{
		Path: name, Abs: abs, IDs: ids, Role: role,
		SHA256: hex.EncodeToString(sum[:]), Bytes: st.Size(), ModTime: st.ModTime(),
	}
}

func inspectOne(t testing.TB, opt Options, m packager.Material) (packager.Inspected, []packager.Finding) {
	t.Helper()
	if opt.Tesseract == "" {
		opt.Tesseract = "off"
	}
	x := New(opt)
	defer x.Close()
	return inspectWith(t, x, m)
}

func inspectWith(t testing.TB, x *Inspector, m packager.Material) (packager.Inspected, []packager.Finding) {
	t.Helper()
	in, err := x.Inspect(context.Background(), &packager.Collection{
		Case: &packager.Case{}, Rules: &packager.RuleSet{}, Materials: []packager.Material{m},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in.Files[0], in.Findings
}

// contents returns every file under a folder.
func contents(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[p], err = os.ReadFile(p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPhotoIsMeasured(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 400, 300))
	for i := range img.Pix {
		img.Pix[i] = 200
		if i/400%20 < 3 && i%7 < 4 {
			img.Pix[i] = 30
		}
	}
	img.SetGray(0, 0, color.Gray{1})
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	got, found := inspectOne(t, Options{}, material(t, "materials/a.jpg", b.Bytes(), packager.RoleMaterial, "x"))
	if got.Media != "image/jpeg" || got.Form != packager.FormPicture || got.Pages != 1 || got.Unusable != "" || len(found) != 0 {
		t.Fatalf("%+v %+v", got, found)
	}
	p := got.Picture
	if p.Width != 400 || p.Height != 300 || p.Orientation != 1 || p.Sharpness < 100 || p.Blank {
		t.Fatalf("%+v", p)
	}
}
