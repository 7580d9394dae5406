package compose

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
	"golang.org/x/image/tiff"
)

// pngPicture takes the compressed data of a PNG as they are: PDF knows the
// same filter and the same predictors (ISO 32000-1, 7.4.4.4). Interlaced and
// transparent pictures are decoded and laid on white.
func pngPicture(b []byte) (*picture, error) {
	const signature = "\x89PNG\r\n\x1a\n"
	if len(b) < 33 || string(b[:8]) != signature || string(b[12:16]) != "IHDR" {
		return nil, errors.New("not a PNG")
	}
	h := b[16:29]
	w, ht := int(binary.BigEndian.Uint32(h)), int(binary.BigEndian.Uint32(h[4:]))
	depth, colour, interlace := int(h[8]), h[9], h[12]
	if interlace != 0 || colour > 3 || depth == 16 {
		return decodedPNG(b)
	}
	var palette, icc []byte
	var data [][]byte
	for i := 8; i+12 <= len(b); {
		n := int(binary.BigEndian.Uint32(b[i:]))
		if n < 0 || i+12+n > len(b) {
			return nil, io.ErrUnexpectedEOF
		}
		body := b[i+8 : i+8+n]
		switch string(b[i+4 : i+8]) {
		case "PLTE":
			palette = body
		case "tRNS":
			return decodedPNG(b)
		case "iCCP":
			icc = inflateICC(body)
		case "IDAT":
			data = append(data, body)
		}
		i += 12 + n
	}
	if len(data) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	components, space := 1, "DeviceGray"
	if colour == 2 {
		components, space = 3, "DeviceRGB"
	}
	p := &picture{width: w, height: ht, body: data}
	p.decode = func() (image.Image, error) { return png.Decode(bytes.NewReader(b)) }
	p.dict = imageDict(w, ht, depth, space, "FlateDecode")
	if colour == 3 {
		if len(palette) < 3 {
			return nil, errors.New("PNG without its palette")
		}
		p.dict["ColorSpace"] = types.Array{types.Name("Indexed"), types.Name("DeviceRGB"),
			types.Integer(len(palette)/3 - 1), hexBytes(palette[:len(palette)/3*3])}
	} else if usableICC(icc, components) {
		p.icc = icc
	}
	p.dict["DecodeParms"] = predictor(components, depth, w)
	return p, nil
}

func predictor(components, bits, columns int) types.Dict {
	return types.Dict{"Predictor": types.Integer(15), "Colors": types.Integer(components),
		"BitsPerComponent": types.Integer(bits), "Columns": types.Integer(columns)}
}

func inflateICC(chunk []byte) []byte {
	_, z, ok := bytes.Cut(chunk, []byte{0})
	if !ok || len(z) < 2 {
		return nil
	}
	r, err := zlib.NewReader(bytes.NewReader(z[1:]))
	if err != nil {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(r, 4<<20))
	if err != nil {
		return nil
	}
	return b
}

func decodedPNG(b []byte) (*picture, error) {
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return flatePicture(m), nil
}

// flatePicture encodes m without loss, as grey where it has no colour. Each
// row is stored as its difference to the row above (PNG filter "up"), which
// compresses scans and screens well.
func flatePicture(m image.Image) *picture {
	m = opaque(m)
	r := m.Bounds()
	w, h := r.Dx(), r.Dy()
	components, space := 3, "DeviceRGB"
	if _, grey := m.(*image.Gray); grey {
		components, space = 1, "DeviceGray"
	}
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	row, above := make([]byte, w*components), make([]byte, w*components)
	line := make([]byte, 1+w*components)
	line[0] = 2
	for y := range h {
		pixels(m, r.Min.X, r.Min.Y+y, components, row)
		for i, v := range row {
			line[1+i] = v - above[i]
		}
		z.Write(line) // a bytes.Buffer takes everything
		row, above = above, row
	}
	z.Close()
	p := &picture{width: w, height: h, body: [][]byte{out.Bytes()}}
	p.decode = func() (image.Image, error) { return m, nil }
	p.dict = imageDict(w, h, 8, space, "FlateDecode")
	p.dict["DecodeParms"] = predictor(components, 8, w)
	return p
}

func pixels(m image.Image, x0, y, components int, row []byte) {
	switch m := m.(type) {
	case *image.Gray:
		copy(row, m.Pix[m.PixOffset(x0, y):])
	case *image.RGBA:
		pix := m.Pix[m.PixOffset(x0, y):]
		for i := 0; i < len(row); i += 3 {
			copy(row[i:i+3], pix[i/3*4:])
		}
	default:
		for i := 0; i < len(row); i += components {
			r, g, b, _ := m.At(x0+i/3, y).RGBA()
			row[i], row[i+1], row[i+2] = byte(r>>8), byte(g>>8), byte(b>>8)
		}
	}
}

// tiffPictures decodes every frame of a TIFF: the decoder takes the first one
// that the header points to, so the header is pointed to each in turn.
func tiffPictures(b []byte) ([]*picture, error) {
	offsets, err := tiffFrames(b)
	if err != nil {
		return nil, err
	}
	var out []*picture
	for _, at := range offsets {
		var head [8]byte
		copy(head[:], b)
		tiffOrder(b).PutUint32(head[4:], at)
		m, err := tiff.Decode(io.NewSectionReader(&patched{head, b}, 0, int64(len(b))))
		if err != nil {
			return nil, err
		}
		out = append(out, flatePicture(m))
	}
	return out, nil
}

func tiffOrder(b []byte) binary.ByteOrder {
	if b[0] == 'M' {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func tiffFrames(b []byte) ([]uint32, error) {
	if len(b) < 8 || string(b[:2]) != "II" && string(b[:2]) != "MM" {
		return nil, errors.New("not a TIFF")
	}
	order := tiffOrder(b)
	var offsets []uint32
	for at := order.Uint32(b[4:]); at != 0; {
		if len(offsets) == 200 || int64(at)+2 > int64(len(b)) {
			return nil, errors.New("TIFF with a broken chain of frames")
		}
		offsets = append(offsets, at)
		next := int64(at) + 2 + 12*int64(order.Uint16(b[at:]))
		if next+4 > int64(len(b)) {
			break
		}
		at = order.Uint32(b[next:])
	}
	return offsets, nil
}

// patched reads b with another first eight bytes.
type patched struct {
	head [8]byte
	b    []byte
}

func (p *patched) ReadAt(dst []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(p.b)) {
		return 0, io.EOF
	}
	n := copy(dst, p.b[off:])
	if off < 8 {
		copy(dst[:n], p.head[off:])
	}
	if n < len(dst) {
		return n, io.EOF
	}
	return n, nil
}
