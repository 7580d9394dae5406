package inspect

import (
	"image"
	"strings"

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

// letterIn returns the paper that one of the codes says the file is: a letter
// drafted for this case.
func letterIn(codes []string, c *packager.Case, rs *packager.RuleSet) string {
	for _, s := range codes {
		m, ok := packager.ParseLetterMark(s)
		id, _, _ := strings.Cut(m.Letter, "-") // without whose or which one
		if _, known := rs.Catalogue[id]; ok && known && m.Case == c.ID {
			return id
		}
	}
	return ""
}

// codeIn reads the code of a picture: as a whole at several sizes, as reducing
// takes the noise out of it, then each corner enlarged, since letters have
// theirs in a corner of the page, and the detector finds small modules better
// when they are drawn out.
func codeIn(img image.Image) string {
	for _, long := range []int{1600, 900, 3000} {
		if s := scan(reduce(img, long)); s != "" {
			return s
		}
	}
	b := img.Bounds()
	if b.Min != (image.Point{}) || min(b.Dx(), b.Dy()) < 400 {
		return ""
	}
	w, h := b.Dx()*45/100, b.Dy()*45/100
	for _, at := range []image.Point{{0, b.Dy() - h}, {b.Dx() - w, b.Dy() - h}, {0, 0}, {b.Dx() - w, 0}} {
		k := max(1, float64(max(w, h))/700)
		corner := region(img, image.Rectangle{at, at.Add(image.Pt(w, h))}, int(float64(w)/k), int(float64(h)/k))
		if s := scan(corner.doubled()); s != "" {
			return s
		}
	}
	return ""
}

// doubled is the picture at twice the size, bilinear.
func (g *grey) doubled() *grey {
	o := &grey{w: 2 * g.w, h: 2 * g.h, pix: make([]uint8, 4*g.w*g.h)}
	for y := range o.h {
		// The pixel that the new one lies in weighs three times its neighbour.
		y0 := y / 2
		y1 := min(g.h-1, max(0, y0+2*(y%2)-1))
		for x := range o.w {
			x0 := x / 2
			x1 := min(g.w-1, max(0, x0+2*(x%2)-1))
			near, far := 3*int(g.at(x0, y0))+int(g.at(x1, y0)), 3*int(g.at(x0, y1))+int(g.at(x1, y1))
			o.pix[y*o.w+x] = uint8((3*near + far) / 16)
		}
	}
	return o
}
