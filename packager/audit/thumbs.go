package audit

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	_ "image/png"
	"os"
	"runtime"
	"sync"

	"github.com/gen2brain/heic"
	_ "golang.org/x/image/bmp"
	scale "golang.org/x/image/draw"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
	"golang.org/x/sync/errgroup"

	"dossier/packager"
)

const (
	// A thumbnail is shown at half its pixels, so that it is sharp on paper.
	thumbWidth, thumbHeight = 200, 150
	// maxPixels bounds what is decoded for a thumbnail: 64 million pixels are
	// 256 MB as RGBA.
	maxPixels = 64_000_000
)

// thumbnails makes a small JPEG of every material that is a picture or has one
// of its first page, by the row it belongs to. A picture that cannot be decoded has none: inspect has
// said what is wrong with it.
func (v *view) thumbnails(ctx context.Context) (map[int][]byte, error) {
	if len(v.files) > v.opts.Thumbnails {
		return nil, nil
	}
	out := map[int][]byte{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(min(runtime.GOMAXPROCS(0), 4))
	for i, f := range v.files {
		page := v.opts.Pictures[f.Path]
		if f.Picture == nil && page == "" || f.Picture != nil && f.Picture.Width*f.Picture.Height > maxPixels {
			continue
		}
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			jpg, err := thumbnail(f, page)
			if err != nil {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			out[i+2] = jpg
			return nil
		})
	}
	return out, g.Wait()
}

func thumbnail(f packager.Inspected, page string) ([]byte, error) {
	path, format, orientation := page, "jpeg", 1
	if f.Picture != nil {
		path, format, orientation = f.Abs, f.Picture.Format, f.Picture.Orientation
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var img image.Image
	if format == "heic" {
		img, err = heic.Decode(in) // turns the picture upright itself
		orientation = 1
	} else {
		img, _, err = image.Decode(in)
	}
	if err != nil {
		return nil, err
	}
	small := upright(shrink(img, orientation >= 5), orientation)
	var b bytes.Buffer
	err = jpeg.Encode(&b, small, &jpeg.Options{Quality: 72})
	return b.Bytes(), err
}

// shrink fits a picture into the thumbnail's box, which is turned on its side
// for a picture that is; a picture that is smaller stays as it is.
func shrink(img image.Image, turned bool) *image.RGBA {
	boxW, boxH := float64(thumbWidth), float64(thumbHeight)
	if turned {
		boxW, boxH = boxH, boxW
	}
	size := img.Bounds().Size()
	f := min(1, boxW/float64(size.X), boxH/float64(size.Y))
	out := image.NewRGBA(image.Rect(0, 0, max(1, int(float64(size.X)*f)), max(1, int(float64(size.Y)*f))))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	scale.BiLinear.Scale(out, out.Bounds(), img, img.Bounds(), draw.Over, nil)
	return out
}

// upright turns a picture by its EXIF orientation (CIPA DC-008 §4.6.4 A).
func upright(in *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return in
	}
	w, h := in.Bounds().Dx(), in.Bounds().Dy()
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			sx, sy := packager.StoredAt(orientation, x, y, size.Dx(), size.Dy())
			out.SetRGBA(x, y, in.RGBAAt(sx, sy))
		}
	}
	return out
}
