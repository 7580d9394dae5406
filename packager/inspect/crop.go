package inspect

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"os"

	"dossier/packager"
)

// cropWidth bounds the width of a crop in pixels.
const cropWidth = 1400

// Crop cuts the place where something stands on a page of a material out of its
// picture, upright, in colour, with some of what is around it and a line round
// it. Pages count from 1; those of a PDF are rendered.
func (x *Inspector) Crop(ctx context.Context, f packager.Inspected, page int, z packager.Zone) (img image.Image, err error) {
	ctx, cancel := context.WithTimeout(ctx, x.timeFor(f.Bytes))
	defer cancel()
	defer func() {
		if p := recover(); p != nil { // hostile bytes must not end the program
			img, err = nil, fmt.Errorf("decoding the picture: %v", p)
		}
	}()
	path := f.Abs
	if f.Shown != "" {
		path = f.Shown
	}
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	st, err := r.Stat()
	if err != nil {
		return nil, err
	}
	if f.Picture != nil {
		c, ok := codecs[f.Media]
		if !ok || page != 1 {
			return nil, errors.New("no such page")
		}
		h, err := c.config(r, st.Size())
		if err != nil {
			return nil, err
		}
		if h.cost > x.opt.Limits.Memory {
			return nil, errors.New("the picture is too large")
		}
		if err := x.memory.Acquire(ctx, h.cost); err != nil {
			return nil, err
		}
		defer x.memory.Release(h.cost)
		whole, err := c.decode(ctx, r, st.Size())
		if err != nil {
			return nil, err
		}
		return cut(whole, f.Picture.Orientation, z), nil
	}
	doc, err := x.pdfium.OpenLocked(ctx, io.NewSectionReader(r, 0, st.Size()), st.Size(), f.Password.Reveal())
	if err != nil {
		return nil, err
	}
	defer doc.Close()
	whole, err := doc.Render(page-1, renderDPI)
	if err != nil {
		return nil, err
	}
	return cut(whole, 1, z), nil
}

// cut copies a zone of the upright picture and its surroundings: two lines above
// and below, and a tenth of the page on both sides.
func cut(img image.Image, orientation int, z packager.Zone) *image.RGBA {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if orientation >= 5 {
		w, h = h, w
	}
	px := func(v float64, n int) int { return min(n, max(0, int(v*float64(n)+0.5))) }
	zone := image.Rect(px(z.X, w), px(z.Y, h), px(z.X+z.W, w), px(z.Y+z.H, h))
	around := image.Rect(zone.Min.X-w/10, zone.Min.Y-2*zone.Dy(), zone.Max.X+w/10, zone.Max.Y+2*zone.Dy()).Intersect(image.Rect(0, 0, w, h))
	step := max(1, (around.Dx()+cropWidth-1)/cropWidth)
	out := image.NewRGBA(image.Rect(0, 0, max(1, around.Dx()/step), max(1, around.Dy()/step)))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			sx, sy := packager.StoredAt(orientation, around.Min.X+x*step, around.Min.Y+y*step, w, h)
			out.Set(x, y, img.At(b.Min.X+sx, b.Min.Y+sy))
		}
	}
	frame := image.Rect((zone.Min.X-around.Min.X)/step, (zone.Min.Y-around.Min.Y)/step, (zone.Max.X-around.Min.X)/step, (zone.Max.Y-around.Min.Y)/step).Inset(-6)
	line := color.RGBA{200, 30, 30, 255}
	for d := range 3 {
		r := frame.Inset(-d)
		for x := r.Min.X; x < r.Max.X; x++ {
			out.Set(x, r.Min.Y, line)
			out.Set(x, r.Max.Y-1, line)
		}
		for y := r.Min.Y; y < r.Max.Y; y++ {
			out.Set(r.Min.X, y, line)
			out.Set(r.Max.X-1, y, line)
		}
	}
	return out
}
