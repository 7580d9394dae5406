package compose

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/vector"

	"dossier/packager"
)

// Page pictures of pictures are made from the picture itself, with the same
// watermark: the PDF engine would show the same and takes ten times as long.

// shot is a picture that was made upright, before it is encoded.
type shot struct {
	*image.RGBA
	icc []byte // its colour profile, or nil
}

// develop makes the page picture of one page of a picture file, with no more
// pixels than it has and pictureDPI asks for on its page. What cannot be made
// without the engine (colours for printing, a file that decoders do not take
// and readers do) gives nil.
func develop(ctx context.Context, f packager.Inspected, p packager.Placed) (s *shot, err error) {
	defer func() {
		if p := recover(); p != nil { // hostile bytes must not end the program
			s, err = nil, nil
		}
	}()
	pics, err := loadPictures(ctx, f)
	if err != nil {
		return nil, err
	}
	if p.Leaf > len(pics) {
		return nil, fmt.Errorf("page %d of %d", p.Leaf, len(pics))
	}
	pic := pics[p.Leaf-1]
	if pic.dict["ColorSpace"] == types.Name("DeviceCMYK") || len(pic.icc) > longestProfile {
		return nil, nil
	}
	m, err := pic.decode()
	if err != nil {
		return nil, nil // a truncated photo, say, of which readers show the rest
	}
	w, _ := pic.upright()
	k := min(1, p.W/72*pictureDPI/float64(w))
	b := m.Bounds()
	small := shrink(opaque(m), max(round(k*float64(b.Dx())), 1), max(round(k*float64(b.Dy())), 1))
	s = &shot{RGBA: uprightPixels(small, pic.orientation)}
	if pic.dict["ColorSpace"] == types.Name("DeviceRGB") {
		s.icc = pic.icc
	}
	return s, nil
}

// encode returns the shot as a JPEG of at most limit bytes.
func (s *shot) encode(limit int64) ([]byte, error) {
	raw, err := fitJPEG(s.RGBA, limit-int64(len(s.icc))-int64(len(iccTag))-6)
	if err != nil || s.icc == nil {
		return raw, err
	}
	return withProfile(raw, s.icc), nil
}

// longestProfile is how long a colour profile may be to fit in one segment.
const longestProfile = 65535 - 2 - 14

// withProfile puts a colour profile into a JPEG that has none (ICC.1, B.4).
func withProfile(raw, icc []byte) []byte {
	seg := append([]byte{0xff, 0xe2}, binary.BigEndian.AppendUint16(nil, uint16(2+len(iccTag)+2+len(icc)))...)
	seg = append(append(seg, iccTag...), 1, 1) // the first segment of one
	out := append(append([]byte{}, jpegSOI...), seg...)
	return append(append(out, icc...), raw[len(jpegSOI):]...)
}

// drawOn draws the watermark on the whole of a picture; it reports false, having
// drawn nothing, when the font lacks a character.
func (mark *watermark) drawOn(m *image.RGBA, f *face) bool {
	k := float64(m.Rect.Dx()) / mark.w // pixels in a point
	width := 0.0
	for _, l := range mark.lines {
		for _, r := range clean(l) {
			if f.Glyph(r).Index == 0 {
				return false
			}
		}
		width = max(width, f.Width(clean(l))*mark.style.size)
	}
	restore := keepZones(m, mark.clear, k)
	pen := &pen{face: f, to: m, size: mark.style.size * k, colour: image.NewUniform(color.NRGBA{
		uint8(mark.style.color.r), uint8(mark.style.color.g), uint8(mark.style.color.b), uint8(math.Round(watermarkAlpha * 255))})}
	mark.tiles(width, func(x, y float64) {
		for i, l := range mark.lines {
			at := x
			base := y + float64(i)*mark.style.lead + baseline(mark.style)
			for _, r := range clean(l) {
				g := f.Glyph(r)
				px, py := turned(at, base)
				pen.glyph(g.Index, k*(px+mark.w/2), k*(py+mark.h/2))
				at += g.Width * mark.style.size
			}
		}
	})
	restore()
	return true
}

// keepZones returns what puts the zones back as they are now.
func keepZones(m *image.RGBA, zones [][4]float64, k float64) func() {
	var kept []*image.RGBA
	for _, z := range zones {
		r := image.Rect(round(k*z[0]), round(k*z[1]), round(k*(z[0]+z[2])), round(k*(z[1]+z[3]))).Intersect(m.Rect)
		c := image.NewRGBA(r)
		draw.Draw(c, r, m, r.Min, draw.Src)
		kept = append(kept, c)
	}
	return func() {
		for _, c := range kept {
			draw.Draw(m, c.Rect, c, c.Rect.Min, draw.Src)
		}
	}
}

// pen draws glyphs at the angle of the watermark.
type pen struct {
	face   *face
	to     *image.RGBA
	size   float64 // pixels in an em
	colour *image.Uniform
	ras    vector.Rasterizer
	mask   *image.Alpha
}

// glyph draws a glyph with its origin at x, y.
func (p *pen) glyph(i sfnt.GlyphIndex, x, y float64) {
	reach := int(1.5*p.size) + 1
	box := image.Rect(int(x)-reach, int(y)-reach, int(x)+reach, int(y)+reach)
	if !box.Overlaps(p.to.Rect) {
		return
	}
	p.ras.Reset(box.Dx(), box.Dy())
	drawn := false
	p.face.Segments(i, func(op sfnt.SegmentOp, xy [3][2]float64) {
		var to [3][2]float32
		for k, q := range xy {
			tx, ty := turned(p.size*q[0], p.size*q[1])
			to[k] = [2]float32{float32(x + tx - float64(box.Min.X)), float32(y + ty - float64(box.Min.Y))}
		}
		switch op {
		case sfnt.SegmentOpMoveTo:
			if drawn {
				p.ras.ClosePath()
			}
			p.ras.MoveTo(to[0][0], to[0][1])
		case sfnt.SegmentOpLineTo:
			p.ras.LineTo(to[0][0], to[0][1])
		case sfnt.SegmentOpQuadTo:
			p.ras.QuadTo(to[0][0], to[0][1], to[1][0], to[1][1])
		case sfnt.SegmentOpCubeTo:
			p.ras.CubeTo(to[0][0], to[0][1], to[1][0], to[1][1], to[2][0], to[2][1])
		}
		drawn = true
	})
	if !drawn { // a blank
		return
	}
	p.ras.ClosePath()
	if p.mask == nil {
		p.mask = image.NewAlpha(image.Rect(0, 0, box.Dx(), box.Dy()))
	}
	p.ras.DrawOp = draw.Src
	p.ras.Draw(p.mask, p.mask.Rect, image.Opaque, image.Point{})
	draw.DrawMask(p.to, box, p.colour, image.Point{}, p.mask, image.Point{}, draw.Over)
}
