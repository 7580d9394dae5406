package compose

import (
	"image"
	"image/draw"
)

// shrink returns m with w × h pixels, not more than it has: each is the mean
// of the area that it covers. It holds two rows of m beside the result, where
// the kernels of x/image/draw hold 32 bytes for each row of m and column of the
// result.
func shrink(m image.Image, w, h int) *image.RGBA {
	from := m.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	line := image.NewRGBA(image.Rect(0, 0, from.Dx(), 1))
	if w == from.Dx() && h == from.Dy() {
		draw.Draw(out, out.Rect, m, from.Min, draw.Src)
		return out
	}
	cols, rows := shares(from.Dx(), w), shares(from.Dy(), h)
	sum, row := make([]float32, 3*(w+1)), make([]float32, 3*(w+1))
	for y, r := range rows {
		draw.Draw(line, line.Rect, m, image.Pt(from.Min.X, from.Min.Y+y), draw.Src)
		clear(row)
		for x, c := range cols {
			p, q := line.Pix[4*x:4*x+3], row[3*c.to:3*c.to+6]
			for k := range 3 {
				v := float32(p[k])
				q[k] += v * c.here
				q[k+3] += v * c.next
			}
		}
		for i, v := range row {
			sum[i] += v * r.here
		}
		if y+1 < len(rows) && rows[y+1].to == r.to {
			continue
		}
		pix := out.Pix[r.to*out.Stride:]
		for x := range w {
			for k := range 3 {
				pix[4*x+k] = uint8(min(sum[3*x+k]+0.5, 255))
			}
			pix[4*x+3] = 255
		}
		for i, v := range row {
			sum[i] = v * r.next
		}
	}
	return out
}

// share says to which pixel of the smaller row one of the larger goes, and
// which parts of the mean it makes there and in the next.
type share struct {
	to         int
	here, next float32
}

func shares(from, to int) []share {
	out := make([]share, from)
	k := float64(to) / float64(from)
	for i := range out {
		at := min(int(float64(i)*k+1e-9), to-1)
		here := min(float64(at+1), float64(i+1)*k) - float64(i)*k
		out[i] = share{at, float32(here), float32(k - here)}
		if at == to-1 {
			out[i].here, out[i].next = float32(k), 0
		}
	}
	return out
}

func greyOf(m image.Image) *image.Gray {
	out := image.NewGray(m.Bounds())
	draw.Draw(out, out.Rect, m, m.Bounds().Min, draw.Src)
	return out
}

// uprightPixels turns and mirrors m as the EXIF orientation says.
func uprightPixels(m *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 {
		return m
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	// Where the pixel at x, y goes, as steps in the result.
	ow := w
	if orientation >= 5 {
		ow = h
	}
	out := image.NewRGBA(image.Rect(0, 0, ow, w*h/ow))
	var start, dx, dy int
	switch s := ow; orientation {
	case 2:
		start, dx, dy = w-1, -1, s
	case 3:
		start, dx, dy = w*h-1, -1, -s
	case 4:
		start, dx, dy = (h-1)*s, 1, -s
	case 5:
		start, dx, dy = 0, s, 1
	case 6:
		start, dx, dy = h-1, s, -1
	case 7:
		start, dx, dy = w*h-1, -s, -1
	case 8:
		start, dx, dy = (w-1)*s, -s, 1
	}
	for y := range h {
		row := m.Pix[y*m.Stride : y*m.Stride+4*w]
		at := 4 * (start + y*dy)
		for len(row) > 0 {
			copy(out.Pix[at:at+4], row[:4])
			row, at = row[4:], at+4*dx
		}
	}
	return out
}
