package inspect

import (
	"image"

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
