package inspect

import (
	"context"
	"image"
	"io"
	"os/exec"

	"dossier/packager"
)

// wants says what to look for in a file, by what it is for.
func wants(m packager.Material, rs *packager.RuleSet) want {
	w := want{QR: mayBeLetter(m, rs)}
	for _, id := range m.IDs {
		if id == "business_licence" {
			w.QR = true
		}
	}
	return w
}

// tesseract is the program that reads pictures.
type tesseract struct{ path string }

func newTesseract(path string) *tesseract {
	switch path {
	case "off":
		return &tesseract{}
	case "":
		path, _ = exec.LookPath("tesseract")
	}
	return &tesseract{path}
}

func (t *tesseract) available() bool { return t.path != "" }

func (x *Inspector) read(ctx context.Context, img image.Image, orientation int, f *facts) {}

func (x *Inspector) readPDFText(ctx context.Context, r io.ReaderAt, size int64, f *facts) {}
