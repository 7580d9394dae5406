package compose

import (
	"context"
	"image"
	"os"

	"dossier/packager"
	"dossier/packager/pdfium"
)

// renderer renders pages of one file in one instance of the engine, which it
// opens when it is first asked.
type renderer struct {
	k    *Composer
	path string
	file *os.File
	doc  *pdfium.Document
	seen int // pages since the engine last forgot them
}

func (r *renderer) open(ctx context.Context) error {
	if r.doc != nil {
		return nil
	}
	f, err := os.Open(r.path)
	if err != nil {
		return writeFault(err)
	}
	info, err := f.Stat()
	if err == nil {
		r.doc, err = r.k.engine.Open(ctx, f, info.Size())
	}
	if err != nil {
		f.Close()
		return &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_RENDER", Err: err}
	}
	r.file = f
	return nil
}

func (r *renderer) close() {
	if r.doc != nil {
		r.doc.Close()
		r.file.Close()
	}
}

// crop renders the place of one page of a material.
func (r *renderer) crop(ctx context.Context, p packager.Placed, dpi int) (image.Image, error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	if r.seen++; r.seen%4 == 0 {
		if err := r.doc.Forget(); err != nil {
			return nil, &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_RENDER", Err: err}
		}
	}
	m, err := r.doc.Render(p.Page-1, dpi)
	if err != nil {
		return nil, &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_RENDER", Err: err}
	}
	_, high, err := r.doc.Size(p.Page - 1)
	if err != nil {
		return nil, &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_RENDER", Err: err}
	}
	k := float64(dpi) / 72
	at := image.Rect(round(p.X*k), round((high-p.Y-p.H)*k), round((p.X+p.W)*k), round((high-p.Y)*k))
	return m.SubImage(at.Inset(1)), nil // without the hairline round the page
}

func round(f float64) int { return int(f + 0.5) }
