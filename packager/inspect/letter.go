package inspect

import (
	"context"
	"image"
	"io"

	"dossier/packager"
)

// mayBeLetter reports whether a file may be a drafted letter that came back
// signed and sealed, with the code in its foot: a paper that is to be sealed
// or signed, a consent, or a file of which nobody knows what it is.
func mayBeLetter(m packager.Material, rs *packager.RuleSet) bool {
	if m.Role == packager.RoleUnplaced || m.Role == packager.RoleConsent {
		return true
	}
	for _, id := range m.IDs {
		if spec := rs.Catalogue[id]; spec.Sealed || spec.Signed {
			return true
		}
	}
	return false
}

// How PDFs are searched for codes: the first pages, fine enough for a code of
// 20 mm with 41 modules.
const (
	codePages = 8
	codeDPI   = 200
)

// pdfCodes reads the QR codes of a PDF's pages. Scans are pictures of pages
// and drafts are drawn, so that only rendering shows both.
func (x *Inspector) pdfCodes(ctx context.Context, r io.ReaderAt, size int64, f *facts) {
	doc, err := x.pdfium.Open(ctx, io.NewSectionReader(r, 0, size), size)
	if err != nil {
		return // what is wrong with the file has been said
	}
	defer doc.Close()
	for i := range min(doc.Pages(), codePages) {
		w, h, err := doc.Size(i)
		if err != nil || max(w, h) > 1400 || ctx.Err() != nil { // larger than A3: no letter
			continue
		}
		if img, err := doc.Render(i, codeDPI); err == nil {
			x.qr(img, f)
		}
	}
}

// codeIn reads the code of a picture: as a whole at several sizes, as reducing
// takes the noise out of it, then only its lower part, where letters have
// theirs, and its upper part, for a page that was put in upside down.
func codeIn(img image.Image) string {
	for _, long := range []int{1600, 900, 3000} {
		if s := scan(reduce(img, long)); s != "" {
			return s
		}
	}
	b := img.Bounds()
	if max(b.Dx(), b.Dy()) < 1800 || b.Min != (image.Point{}) {
		return ""
	}
	third := b.Dy() / 3
	for _, part := range []image.Rectangle{image.Rect(0, b.Dy()-third, b.Dx(), b.Dy()), image.Rect(0, 0, b.Dx(), third)} {
		s := max(1, float64(part.Dx())/2400)
		if s := scan(region(img, part, int(float64(part.Dx())/s), int(float64(part.Dy())/s))); s != "" {
			return s
		}
	}
	return ""
}
