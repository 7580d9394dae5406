package inspect

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strconv"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"dossier/packager"
	"dossier/packager/heif"
)

// codec reads one picture format.
type codec struct {
	format string
	// config reads the header and says what decoding will cost in bytes.
	config func(r io.ReaderAt, size int64) (header, error)
	decode func(ctx context.Context, r io.ReaderAt, size int64) (image.Image, error)
}

// header is what a picture says about itself before it is decoded.
type header struct {
	width, height int
	cmyk          bool
	frames        int
	meta          metadata
	turned        bool // the decoder applies the orientation itself
	cost          int64
}

var codecs = map[string]codec{
	kindJPEG.media: plain("jpeg", jpeg.DecodeConfig, jpeg.Decode, jpegMetadata),
	kindPNG.media:  plain("png", png.DecodeConfig, png.Decode, pngMetadata),
	kindGIF.media:  plain("gif", gif.DecodeConfig, gif.Decode, nil),
	kindBMP.media:  plain("bmp", bmp.DecodeConfig, bmp.Decode, nil),
	kindTIFF.media: plain("tiff", tiff.DecodeConfig, tiff.Decode, nil),
	kindWebP.media: plain("webp", webp.DecodeConfig, webp.Decode, webpMetadata),
	kindHEIC.media: {"heic", heicHeader, func(ctx context.Context, r io.ReaderAt, size int64) (image.Image, error) {
		return heif.Decode(ctx, r, size, 0)
	}},
}

func plain(format string, config func(io.Reader) (image.Config, error), decode func(io.Reader) (image.Image, error), meta func(io.ReaderAt, int64) metadata) codec {
	return codec{
		format: format,
		config: func(r io.ReaderAt, size int64) (header, error) {
			c, err := config(io.NewSectionReader(r, 0, size))
			if err != nil {
				return header{}, err
			}
			h := header{width: c.Width, height: c.Height, cmyk: c.ColorModel == color.CMYKModel, frames: 1}
			h.cost = int64(c.Width) * int64(c.Height) * bytesPerPixel(format, c.ColorModel)
			if meta != nil {
				h.meta = meta(r, size)
			}
			if h.meta.progressive {
				h.cost *= 5 // four bytes for each coefficient
			}
			if format == "tiff" {
				h.frames = max(1, countTIFFPages(r, size))
			}
			return h, nil
		},
		decode: func(ctx context.Context, r io.ReaderAt, size int64) (image.Image, error) {
			return decode(&cancellable{ctx, bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10)})
		},
	}
}

// bytesPerPixel is what a decoder of the standard library holds for a pixel.
func bytesPerPixel(format string, m color.Model) int64 {
	n := int64(4)
	switch m {
	case color.GrayModel:
		n = 1
	case color.Gray16Model:
		n = 2
	case color.RGBA64Model, color.NRGBA64Model:
		n = 8
	case color.YCbCrModel:
		n = 3
	}
	if _, ok := m.(color.Palette); ok {
		n = 1
	}
	if format == "tiff" {
		n *= 2
	}
	return n
}

func heicHeader(r io.ReaderAt, size int64) (header, error) {
	info, err := heif.Read(r, size)
	if err != nil {
		return header{}, err
	}
	return header{width: info.Width, height: info.Height, frames: 1, meta: metadata{exif: info.EXIF}, turned: true, cost: info.Cost()}, nil
}

// picture measures a picture. The size in its header is looked at first: what
// would not fit into memory is refused by name, before anything is decoded.
func (x *Inspector) picture(ctx context.Context, r io.ReaderAt, size int64, k kind, w want, f *facts) {
	c := codecs[k.media]
	p := &packager.Picture{Format: c.format, Orientation: 1, Frames: 1}
	f.Picture, f.Pages = p, 1
	h, err := c.config(r, size)
	if err != nil {
		f.fatal("PICTURE_UNREADABLE", packager.Args{"reason": brief(err.Error())})
		return
	}
	e, has := h.meta.read()
	p.Width, p.Height, p.CMYK, p.Frames, p.HasEXIF, p.HasGPS = h.width, h.height, h.cmyk, h.frames, has, e.gps
	if !h.turned {
		p.Orientation = e.orientation
	}
	f.Pages = p.Frames
	pixels := int64(h.width) * int64(h.height)
	extent := packager.Args{"width": strconv.Itoa(h.width), "height": strconv.Itoa(h.height)}
	switch limit := x.opt.Limits; {
	case pixels <= 0:
		f.fatal("PICTURE_UNREADABLE", packager.Args{"reason": fmt.Sprintf("%d × %d", h.width, h.height)})
		return
	case pixels > limit.PicturePixels:
		f.fatal("PICTURE_BOMB", extent)
		return
	case size > limit.PictureBytes, h.cost > limit.Memory:
		f.note("PICTURE_NOT_MEASURED", extent)
		return
	}

	if err := x.memory.Acquire(ctx, h.cost); err != nil {
		return // out of time: the fence says so
	}
	defer x.memory.Release(h.cost)
	img, err := c.decode(ctx, r, size)
	if err != nil {
		f.fatal(pictureProblem(err, r, size, k), packager.Args{"reason": brief(err.Error())})
		return
	}
	measure(p, img)
	x.readPicture(ctx, img, p.Orientation, 1, w, f)
}

// pictureProblem tells a picture that ends too early from one that is broken:
// its decoder met the end, or the mark of the end (EOI, IEND) is missing.
func pictureProblem(err error, r io.ReaderAt, size int64, k kind) string {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return "PICTURE_TRUNCATED"
	}
	mark := map[string]string{kindJPEG.media: "\xff\xd9", kindPNG.media: "IEND"}[k.media]
	tail := make([]byte, min(size, headBytes))
	if n, _ := r.ReadAt(tail, size-int64(len(tail))); mark != "" && !bytes.Contains(tail[:n], []byte(mark)) {
		return "PICTURE_TRUNCATED"
	}
	return "PICTURE_UNREADABLE"
}

// countTIFFPages counts the directories of a TIFF (TIFF 6.0, section 2). It
// stops where the chain turns back, and at 10,000.
func countTIFFPages(r io.ReaderAt, size int64) int {
	var h [8]byte
	if _, err := r.ReadAt(h[:], 0); err != nil {
		return 0
	}
	order := tiffOrder(h[:])
	seen := map[int64]bool{}
	at := int64(order.Uint32(h[4:]))
	for at > 0 && at+2 <= size && !seen[at] && len(seen) < 10_000 {
		var n [2]byte
		if _, err := r.ReadAt(n[:], at); err != nil {
			break
		}
		seen[at] = true
		var next [4]byte
		if _, err := r.ReadAt(next[:], at+2+12*int64(order.Uint16(n[:]))); err != nil {
			break
		}
		at = int64(order.Uint32(next[:]))
	}
	return len(seen)
}

func tiffOrder(h []byte) binary.ByteOrder {
	if h[0] == 'M' {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
