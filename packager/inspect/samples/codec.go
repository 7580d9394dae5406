package samples

import (
	"bytes"
	"compress/zlib"
	_ "embed"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/bmp"
)

// Pictures that Go has no encoder for. gen makes them with the programs that
// its comment names.
var (
	//go:embed files/progressive.jpg
	ProgressiveJPEG []byte
	//go:embed files/cmyk.jpg
	CMYKJPEG []byte
	//go:embed files/photo.heic
	HEIC []byte
	//go:embed files/photo.webp
	WebP []byte
	//go:embed files/interlaced.png
	InterlacedPNG []byte
)

// JPEG encodes a baseline JPEG.
func JPEG(img image.Image, quality int) []byte {
	return encode(func(b *bytes.Buffer) error { return jpeg.Encode(b, img, &jpeg.Options{Quality: quality}) })
}

// PNG encodes a PNG of the picture's own depth: 16 bits for image.Gray16,
// palette for image.Paletted, alpha for image.NRGBA.
func PNG(img image.Image) []byte {
	return encode(func(b *bytes.Buffer) error { return png.Encode(b, img) })
}

// GIF encodes a GIF.
func GIF(img image.Image) []byte {
	return encode(func(b *bytes.Buffer) error { return gif.Encode(b, img, nil) })
}

// BMP encodes a BMP.
func BMP(img image.Image) []byte {
	return encode(func(b *bytes.Buffer) error { return bmp.Encode(b, img) })
}

func encode(f func(*bytes.Buffer) error) []byte {
	var b bytes.Buffer
	if err := f(&b); err != nil {
		panic(err) // a buffer does not fail
	}
	return b.Bytes()
}

// EXIF is a TIFF block with an orientation and, if asked, a place on earth.
func EXIF(orientation int, gps bool) []byte {
	le := binary.LittleEndian
	b := []byte("II*\x00\x08\x00\x00\x00")
	n := 1
	if gps {
		n = 2
	}
	b = le.AppendUint16(b, uint16(n))
	entry := func(tag, typ uint16, count, value uint32) {
		b = le.AppendUint16(b, tag)
		b = le.AppendUint16(b, typ)
		b = le.AppendUint32(b, count)
		b = le.AppendUint32(b, value)
	}
	entry(0x0112, 3, 1, uint32(orientation))
	if gps {
		entry(0x8825, 4, 1, uint32(8+2+12*n+4))
	}
	b = le.AppendUint32(b, 0)
	if gps {
		b = le.AppendUint16(b, 2)
		entry(1, 2, 2, 'N')
		entry(3, 2, 2, 'E')
		b = le.AppendUint32(b, 0)
	}
	return b
}

// WithEXIF puts an EXIF block into a JPEG.
func WithEXIF(jpg []byte, exif []byte) []byte {
	body := append([]byte("Exif\x00\x00"), exif...)
	out := append([]byte{0xff, 0xd8, 0xff, 0xe1}, byte((len(body)+2)>>8), byte(len(body)+2))
	return append(append(out, body...), jpg[2:]...)
}

// PNGWithEXIF puts an EXIF block into a PNG.
func PNGWithEXIF(img image.Image, exif []byte) []byte {
	b := PNG(img)
	const head = 8 + 25 // signature, IHDR
	return append(append(append([]byte{}, b[:head]...), chunk("eXIf", exif)...), b[head:]...)
}

// BombPNG is a small PNG that claims to be w × h pixels and has the rows of
// zeros to prove it.
func BombPNG(w, h int) []byte {
	ihdr := binary.BigEndian.AppendUint32(nil, uint32(w))
	ihdr = binary.BigEndian.AppendUint32(ihdr, uint32(h))
	ihdr = append(ihdr, 8, 2, 0, 0, 0)
	var z bytes.Buffer
	zw, _ := zlib.NewWriterLevel(&z, zlib.BestSpeed)
	row := make([]byte, 1+3*w)
	for range min(h, 1000) {
		zw.Write(row)
	}
	zw.Close()
	b := []byte("\x89PNG\r\n\x1a\n")
	b = append(b, chunk("IHDR", ihdr)...)
	b = append(b, chunk("IDAT", z.Bytes())...)
	return append(b, chunk("IEND", nil)...)
}

func chunk(name string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(b, name...)
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// TIFF is an uncompressed grey TIFF with one directory for each page.
func TIFF(pages ...*image.Gray) []byte {
	le := binary.LittleEndian
	b := []byte("II*\x00\x00\x00\x00\x00")
	link := 4 // where the offset of the next directory goes
	for _, p := range pages {
		w, h := p.Rect.Dx(), p.Rect.Dy()
		data := len(b)
		for y := range h {
			b = append(b, p.Pix[y*p.Stride:y*p.Stride+w]...)
		}
		if len(b)%2 == 1 {
			b = append(b, 0)
		}
		le.PutUint32(b[link:], uint32(len(b)))
		entries := [][2]uint32{{0x100, uint32(w)}, {0x101, uint32(h)}, {0x102, 8}, {0x103, 1}, {0x106, 1}, {0x111, uint32(data)}, {0x115, 1}, {0x116, uint32(h)}, {0x117, uint32(w * h)}}
		b = le.AppendUint16(b, uint16(len(entries)))
		for _, e := range entries {
			b = le.AppendUint16(b, uint16(e[0]))
			b = le.AppendUint16(b, 4) // LONG
			b = le.AppendUint32(b, 1)
			b = le.AppendUint32(b, e[1])
		}
		link = len(b)
		b = le.AppendUint32(b, 0)
	}
	return b
}

// Deep turns a grey picture into one of 16 bits.
func Deep(img *image.Gray) *image.Gray16 {
	out := image.NewGray16(img.Rect)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			v := uint16(img.GrayAt(x, y).Y)
			out.SetGray16(x, y, color.Gray16{Y: v<<8 | v})
		}
	}
	return out
}

// Cutout turns white into transparency.
func Cutout(img *image.Gray) *image.NRGBA {
	out := image.NewNRGBA(img.Rect)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			out.SetNRGBA(x, y, color.NRGBA{A: 255 - img.GrayAt(x, y).Y})
		}
	}
	return out
}

// Palette turns a grey picture into one of 16 shades.
func Palette(img *image.Gray) *image.Paletted {
	var p color.Palette
	for i := range 16 {
		p = append(p, color.Gray{Y: uint8(i * 17)})
	}
	out := image.NewPaletted(img.Rect, p)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			out.SetColorIndex(x, y, (img.GrayAt(x, y).Y+8)/17)
		}
	}
	return out
}
