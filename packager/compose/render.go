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

// crop renders the place of one page of a material and shows it to look, which
// must not keep it.
func (r *renderer) crop(ctx context.Context, p packager.Placed, dpi int, look func(*image.RGBA) error) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	fault := func(err error) error {
		return &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_RENDER", Err: err}
	}
	if r.seen++; r.seen%4 == 0 {
		if err := r.doc.Forget(); err != nil {
			return fault(err)
		}
	}
	_, high, err := r.doc.Size(p.Page - 1)
	if err != nil {
		return fault(err)
	}
	k := float64(dpi) / 72
	at := image.Rect(round(p.X*k), round((high-p.Y-p.H)*k), round((p.X+p.W)*k), round((high-p.Y)*k))
	at = at.Inset(1) // without the hairline round the page
	var looked error
	err = r.doc.View(p.Page-1, dpi, func(m *image.RGBA) error {
		looked = look(m.SubImage(at).(*image.RGBA))
		return nil
	})
	if err != nil {
		return fault(err)
	}
	return looked
}

func round(f float64) int { return int(f + 0.5) }
