// Package heif reads HEIC photos with little memory. Phones write them as a
// grid of small tiles; libheif, asked for the whole of a 12-megapixel photo,
// takes half a gigabyte, so the tiles are decoded one by one and laid together
// here. It is a library for the steps that look at or print photos.
//
// The container is ISO/IEC 23008-12 in boxes of ISO/IEC 14496-12; sections are
// cited from these. The pictures inside are decoded by libheif as WebAssembly.
package heif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"runtime"
	"sync"

	"github.com/gen2brain/heic"
	"golang.org/x/sync/errgroup"
)

// Errors, to be tested with errors.Is.
var (
	ErrFormat = errors.New("heif: no picture in the file")
	ErrTooBig = errors.New("heif: picture larger than the limit")
)

// Info is what a file says about its primary picture before it is decoded.
type Info struct {
	Width, Height int    // upright
	Tiled         bool   // a grid, which Decode reads in tiles
	EXIF          []byte // TIFF block, or nil; its orientation has been applied to the pixels

	unit int64 // pixels that libheif decodes at a time
}

// Pixels returns the number of pixels.
func (i Info) Pixels() int64 { return int64(i.Width) * int64(i.Height) }

// Cost is the number of bytes that Decode holds at most, as measured: libheif
// takes 26 for a pixel besides the 12 MiB of its machine.
func (i Info) Cost() int64 {
	once := i.unit*26 + 12<<20
	if i.Tiled {
		return i.Pixels()*3 + int64(runtime.GOMAXPROCS(0))*once
	}
	return once
}

// Read reads the description of a file of the given size.
func Read(r io.ReaderAt, size int64) (Info, error) {
	f, err := parse(r, size)
	if err != nil {
		return Info{}, err
	}
	return f.info(), nil
}

// Decode returns the primary picture, upright. limit bounds its pixels; 0
// means none.
func Decode(ctx context.Context, r io.ReaderAt, size, limit int64) (image.Image, error) {
	f, err := parse(r, size)
	if err != nil {
		return nil, err
	}
	info := f.info()
	if limit > 0 && info.Pixels() > limit {
		return nil, fmt.Errorf("%w: %d × %d", ErrTooBig, info.Width, info.Height)
	}
	if info.Tiled {
		return f.tiles(ctx)
	}
	return decode(io.NewSectionReader(r, 0, size))
}

// decode calls libheif. The package that wraps it (gen2brain/heic, 0.4.5)
// returns memory that it has freed already, and free leaves its own marks in
// the first bytes: they are taken from the row below.
func decode(r io.Reader) (image.Image, error) {
	img, err := heic.Decode(r)
	if err != nil {
		return nil, err
	}
	var pix []uint8
	var stride int
	switch m := img.(type) {
	case *image.YCbCr:
		pix, stride = m.Y, m.YStride
	case *image.Gray:
		pix, stride = m.Pix, m.Stride
	case *image.RGBA:
		pix, stride = m.Pix, m.Stride
	case *image.NRGBA:
		pix, stride = m.Pix, m.Stride
	}
	if n := min(freed, stride); len(pix) >= stride+n {
		copy(pix[:n], pix[stride:])
	}
	return img, nil
}

// freed is how many bytes of a block free may overwrite.
const freed = 32

// tiles decodes a grid (23008-12, 6.6.2.3).
func (f *file) tiles(ctx context.Context) (image.Image, error) {
	var out *image.YCbCr
	var mu sync.Mutex
	tile := func(i int) error {
		img, err := f.tile(f.grid.tiles[i])
		if err != nil {
			return fmt.Errorf("tile %d: %w", i+1, err)
		}
		t, ok := img.(*image.YCbCr)
		if !ok {
			return fmt.Errorf("%w: tile of type %T", ErrFormat, img)
		}
		mu.Lock()
		defer mu.Unlock()
		if out == nil {
			out = image.NewYCbCr(image.Rect(0, 0, f.grid.width, f.grid.height), t.SubsampleRatio)
		}
		at := image.Pt(i%f.grid.columns*t.Rect.Dx(), i/f.grid.columns*t.Rect.Dy())
		return lay(out, t, at)
	}
	if err := tile(0); err != nil { // the form of the first is that of all
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := 1; i < len(f.grid.tiles); i++ {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return tile(i)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return f.turn.apply(out), nil
}

// tile decodes one tile, as a file of its own.
func (f *file) tile(id uint32) (image.Image, error) {
	data, err := f.data(id)
	if err != nil {
		return nil, err
	}
	return decode(bytes.NewReader(f.wrap(id, data)))
}

// lay copies a tile into the picture, cut at its right and lower edge.
func lay(out, t *image.YCbCr, at image.Point) error {
	if t.SubsampleRatio != out.SubsampleRatio {
		return fmt.Errorf("%w: tiles of different forms", ErrFormat)
	}
	if !at.In(out.Rect) {
		return fmt.Errorf("%w: tile outside the grid", ErrFormat)
	}
	w, h := min(t.Rect.Dx(), out.Rect.Dx()-at.X), min(t.Rect.Dy(), out.Rect.Dy()-at.Y)
	for y := range h {
		i := out.YOffset(at.X, at.Y+y)
		j := t.YOffset(t.Rect.Min.X, t.Rect.Min.Y+y)
		copy(out.Y[i:i+w], t.Y[j:j+w])
	}
	sx, sy := subsampling(out.SubsampleRatio)
	cw, ch := (w+sx-1)/sx, (h+sy-1)/sy
	for y := range ch {
		i := out.COffset(at.X, at.Y+y*sy)
		j := t.COffset(t.Rect.Min.X, t.Rect.Min.Y+y*sy)
		copy(out.Cb[i:i+cw], t.Cb[j:j+cw])
		copy(out.Cr[i:i+cw], t.Cr[j:j+cw])
	}
	return nil
}

func subsampling(r image.YCbCrSubsampleRatio) (x, y int) {
	switch r {
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	}
	return 1, 1
}

// turn is how the decoded pixels are to be shown: first mirrored, then turned
// or the other way round, as the file orders the properties; here always as
// quarter turns anticlockwise after a mirroring left to right.
type turn struct {
	mirror   bool
	quarters int // anticlockwise
}

// add appends a rotation (irot, 6.5.10).
func (t turn) rotate(quarters int) turn {
	t.quarters = (t.quarters + quarters) & 3
	return t
}

// flip appends a mirroring (imir, 6.5.12). A mirroring after turns is the same
// one before turns the other way.
func (t turn) flip(topToBottom bool) turn {
	t.mirror = !t.mirror
	t.quarters = -t.quarters & 3
	if topToBottom { // left to right, and upside down
		t.quarters = (t.quarters + 2) & 3
	}
	return t
}

func (t turn) size(w, h int) (int, int) {
	if t.quarters&1 == 1 {
		return h, w
	}
	return w, h
}

func (t turn) apply(img *image.YCbCr) image.Image {
	if t == (turn{}) {
		return img
	}
	w, h := t.size(img.Rect.Dx(), img.Rect.Dy())
	ratio := img.SubsampleRatio
	if t.quarters&1 == 1 {
		switch ratio {
		case image.YCbCrSubsampleRatio422:
			ratio = image.YCbCrSubsampleRatio440
		case image.YCbCrSubsampleRatio440:
			ratio = image.YCbCrSubsampleRatio422
		}
	}
	out := image.NewYCbCr(image.Rect(0, 0, w, h), ratio)
	sx, sy := subsampling(img.SubsampleRatio)
	cw, ch := (img.Rect.Dx()+sx-1)/sx, (img.Rect.Dy()+sy-1)/sy
	t.plane(out.Y, out.YStride, img.Y, img.YStride, img.Rect.Dx(), img.Rect.Dy())
	t.plane(out.Cb, out.CStride, img.Cb, img.CStride, cw, ch)
	t.plane(out.Cr, out.CStride, img.Cr, img.CStride, cw, ch)
	return out
}

// plane turns a plane of w × h samples.
func (t turn) plane(to []uint8, toStride int, from []uint8, fromStride, w, h int) {
	for y := range h {
		for x := range w {
			tx, ty := x, y
			if t.mirror {
				tx = w - 1 - x
			}
			switch t.quarters {
			case 1:
				tx, ty = ty, w-1-tx
			case 2:
				tx, ty = w-1-tx, h-1-ty
			case 3:
				tx, ty = h-1-ty, tx
			}
			to[ty*toStride+tx] = from[y*fromStride+x]
		}
	}
}
