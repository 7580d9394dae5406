package inspect

import (
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

	"github.com/gen2brain/heic"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"dossier/packager"
)

// codec reads one picture format.
type codec struct {
	format string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	meta   func(io.ReaderAt, int64) metadata
	// cost is the greatest number of bytes that decoding holds for a pixel.
	cost int64
}

func noMetadata(io.ReaderAt, int64) metadata { return metadata{} }

var codecs = map[string]codec{
	kindJPEG.media: {"jpeg", jpeg.DecodeConfig, jpeg.Decode, jpegMetadata, 4},
	kindPNG.media:  {"png", png.DecodeConfig, png.Decode, pngMetadata, 8},
	kindGIF.media:  {"gif", gif.DecodeConfig, gif.Decode, noMetadata, 2},
	kindBMP.media:  {"bmp", bmp.DecodeConfig, bmp.Decode, noMetadata, 4},
	kindTIFF.media: {"tiff", tiff.DecodeConfig, tiff.Decode, noMetadata, 8},
	kindWebP.media: {"webp", webp.DecodeConfig, webp.Decode, webpMetadata, 8},
	kindHEIC.media: {"heic", heic.DecodeConfig, heic.Decode, noMetadata, 12},
}

// picture measures a picture. The size in its header is looked at first: what
// would not fit into memory is refused by name, before anything is decoded.
func (x *Inspector) picture(ctx context.Context, r io.ReaderAt, size int64, k kind, w want, f *facts) {
	c := codecs[k.media]
	whole := func() io.Reader { return io.NewSectionReader(r, 0, size) }
	p := &packager.Picture{Format: c.format, Orientation: 1, Frames: 1}
	f.Picture, f.Pages = p, 1

	meta := c.meta(r, size)
	cfg, err := c.config(whole())
	if k.media == kindHEIC.media {
		h := readHEIF(r, size)
		meta = h.meta
		if h.width > 0 {
			cfg, err = image.Config{Width: h.width, Height: h.height, ColorModel: color.YCbCrModel}, nil
		}
	}
	if err != nil {
		f.fatal("PICTURE_UNREADABLE", packager.Args{"reason": brief(err.Error())})
		return
	}
	e, has := meta.read()
	p.Width, p.Height, p.HasEXIF, p.HasGPS = cfg.Width, cfg.Height, has, e.gps
	if k.media != kindHEIC.media { // HEIF has its own rotation, which the decoder has applied
		p.Orientation = e.orientation
	}
	p.CMYK = cfg.ColorModel == color.CMYKModel
	if k.media == kindTIFF.media {
		p.Frames = max(1, countTIFFPages(r, size))
		f.Pages = p.Frames
	}
	pixels := int64(cfg.Width) * int64(cfg.Height)
	size2 := packager.Args{"width": strconv.Itoa(cfg.Width), "height": strconv.Itoa(cfg.Height)}
	switch limit := x.opt.Limits; {
	case pixels <= 0:
		f.fatal("PICTURE_UNREADABLE", packager.Args{"reason": fmt.Sprintf("%d × %d", cfg.Width, cfg.Height)})
		return
	case pixels > limit.PicturePixels:
		f.fatal("PICTURE_BOMB", size2)
		return
	case size > limit.PictureBytes, pixels*c.cost > limit.Memory:
		f.note("PICTURE_NOT_MEASURED", size2)
		return
	}

	cost := pixels * c.cost
	if err := x.memory.Acquire(ctx, cost); err != nil {
		return // out of time: the fence says so
	}
	defer x.memory.Release(cost)
	img, err := c.decode(whole())
	if err != nil {
		f.fatal(pictureProblem(err, r, size, k), packager.Args{"reason": brief(err.Error())})
		return
	}
	if k.media == kindHEIC.media {
		b := img.Bounds()
		p.Width, p.Height = b.Dx(), b.Dy()
	}
	measure(p, img)
	if w.QR {
		x.qr(img, f)
	}
	if w.Text {
		x.read(ctx, img, p.Orientation, f)
	}
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
