package inspect

import (
	"image"
	"image/color"

	"dossier/packager"
)

// grey is a picture of luminance, one byte a pixel, row by row.
type grey struct {
	w, h int
	pix  []uint8
}

func (g *grey) at(x, y int) uint8 { return g.pix[y*g.w+x] }

// reduce returns the luminance of a picture, averaged over boxes so that its
// longer side has at most long pixels. It is never enlarged. Transparent parts
// count as white paper.
func reduce(img image.Image, long int) *grey {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	s := max(1, float64(max(w, h))/float64(long))
	return region(img, image.Rect(0, 0, w, h), max(1, int(float64(w)/s)), max(1, int(float64(h)/s)))
}

// region averages a part of a picture, whose top left is 0, 0, down to w × h.
func region(img image.Image, part image.Rectangle, w, h int) *grey {
	g := &grey{w: w, h: h, pix: make([]uint8, w*h)}
	row := lumaRow(img)
	line := make([]uint8, img.Bounds().Dx())
	columns := make([]uint32, part.Dx())
	for y := range h {
		clear(columns)
		y0, y1 := part.Min.Y+y*part.Dy()/h, part.Min.Y+(y+1)*part.Dy()/h
		for sy := y0; sy < y1; sy++ {
			row(sy, line)
			for i, v := range line[part.Min.X:part.Max.X] {
				columns[i] += uint32(v)
			}
		}
		out := g.pix[y*w : (y+1)*w]
		x0 := 0
		for x := range out {
			x1 := (x + 1) * part.Dx() / w
			var sum uint32
			for _, v := range columns[x0:x1] {
				sum += v
			}
			out[x] = uint8(sum / uint32((x1-x0)*(y1-y0)))
			x0 = x1
		}
	}
	return g
}

// lumaRow returns a function that fills a line with the luminance of row y.
// The common types are read without going through color.Color.
func lumaRow(img image.Image) func(y int, line []uint8) {
	b := img.Bounds()
	switch m := img.(type) {
	case *image.YCbCr:
		return func(y int, line []uint8) {
			i := m.YOffset(b.Min.X, b.Min.Y+y)
			copy(line, m.Y[i:i+len(line)])
		}
	case *image.Gray:
		return func(y int, line []uint8) {
			i := m.PixOffset(b.Min.X, b.Min.Y+y)
			copy(line, m.Pix[i:i+len(line)])
		}
	case *image.RGBA: // premultiplied
		return func(y int, line []uint8) {
			p := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range line {
				q := p[4*x : 4*x+4]
				line[x] = min8(luma(q[0], q[1], q[2]) + uint32(255-q[3]))
			}
		}
	case *image.NRGBA:
		return func(y int, line []uint8) {
			p := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range line {
				q := p[4*x : 4*x+4]
				a := uint32(q[3])
				line[x] = uint8((luma(q[0], q[1], q[2])*a + 255*(255-a)) / 255)
			}
		}
	case *image.Paletted:
		var table [256]uint8
		for i, c := range m.Palette {
			table[i&255] = lumaOf(c)
		}
		return func(y int, line []uint8) {
			p := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range line {
				line[x] = table[p[x]]
			}
		}
	}
	return func(y int, line []uint8) {
		for x := range line {
			line[x] = lumaOf(img.At(b.Min.X+x, b.Min.Y+y))
		}
	}
}

// luma weights red, green and blue as ITU-R BT.601 does.
func luma(r, g, b uint8) uint32 {
	return (19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16
}

func lumaOf(c color.Color) uint8 {
	r, g, b, a := c.RGBA() // premultiplied, 16 bits
	return min8(luma(uint8(r>>8), uint8(g>>8), uint8(b>>8)) + (255 - a>>8))
}

func min8(v uint32) uint8 { return uint8(min(v, 255)) }

// turn returns the picture as the EXIF orientation shows it.
func (g *grey) turn(orientation int) *grey {
	if orientation < 2 || orientation > 8 {
		return g
	}
	t := &grey{w: g.w, h: g.h, pix: make([]uint8, len(g.pix))}
	if orientation >= 5 {
		t.w, t.h = g.h, g.w
	}
	for y := range t.h {
		for x := range t.w {
			sx, sy := packager.StoredAt(orientation, x, y, t.w, t.h)
			t.pix[y*t.w+x] = g.at(sx, sy)
		}
	}
	return t
}

// shrink averages a grey picture down to exactly w × h (both at most its own).
func (g *grey) shrink(w, h int) *grey {
	t := &grey{w: w, h: h, pix: make([]uint8, w*h)}
	for y := range h {
		y0, y1 := y*g.h/h, max((y+1)*g.h/h, y*g.h/h+1)
		for x := range w {
			x0, x1 := x*g.w/w, max((x+1)*g.w/w, x*g.w/w+1)
			sum := 0
			for sy := y0; sy < min(y1, g.h); sy++ {
				for sx := x0; sx < min(x1, g.w); sx++ {
					sum += int(g.at(sx, sy))
				}
			}
			t.pix[y*w+x] = uint8(sum / max(1, (min(y1, g.h)-y0)*(min(x1, g.w)-x0)))
		}
	}
	return t
}
