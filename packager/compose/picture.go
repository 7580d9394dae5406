package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"io"
	"os"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"dossier/packager"
	"dossier/packager/heif"
)

// picture is one picture ready to be written as an image XObject.
type picture struct {
	width, height int // pixels, as stored
	orientation   int // EXIF 1 to 8, applied by the placement
	dict          types.Dict
	body          [][]byte // encoded as dict says
	icc           []byte   // or nil
	decode        func() (image.Image, error)
}

// upright returns the size after the orientation is applied.
func (p *picture) upright() (w, h int) {
	if p.orientation >= 5 {
		return p.height, p.width
	}
	return p.width, p.height
}

func (p *picture) size() (n int64) {
	for _, b := range p.body {
		n += int64(len(b))
	}
	return n
}

// write puts the picture into the file and returns its XObject.
func (p *picture) write(o *pdfOut, profiles map[string]types.IndirectRef) types.IndirectRef {
	d := p.dict
	if p.icc != nil {
		n := map[types.Object]int{types.Name("DeviceGray"): 1, types.Name("DeviceRGB"): 3, types.Name("DeviceCMYK"): 4}[d["ColorSpace"]]
		key := string(p.icc)
		ref, ok := profiles[key]
		if !ok {
			ref = o.addFlate(types.Dict{"N": types.Integer(n), "Alternate": d["ColorSpace"]}, p.icc)
			profiles[key] = ref
		}
		d["ColorSpace"] = types.Array{types.Name("ICCBased"), ref}
	}
	readers := make([]io.Reader, len(p.body))
	for i, b := range p.body {
		readers[i] = bytes.NewReader(b)
	}
	r := o.alloc()
	o.stream(r, d, io.MultiReader(readers...), p.size())
	return r
}

// readMaterial reads a file and makes sure that it is still the one that was
// inspected.
func readMaterial(f packager.Inspected) ([]byte, error) {
	b, err := os.ReadFile(f.Abs)
	if err != nil {
		return nil, &packager.Fault{Class: packager.ClassUnexpected, Code: "COMPOSE_UNREADABLE", Args: packager.Args{"path": f.Path}, Err: err}
	}
	if sum := sha256.Sum256(b); f.SHA256 != "" && hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, &packager.Fault{Class: packager.ClassIncomplete, Code: "COMPOSE_MATERIAL_CHANGED", Args: packager.Args{"path": f.Path}}
	}
	return b, nil
}

// loadPictures makes the pictures of a file: one, or one for each frame of a
// TIFF.
func loadPictures(ctx context.Context, f packager.Inspected) ([]*picture, error) {
	b, err := readMaterial(f)
	if err != nil {
		return nil, err
	}
	orientation := 1
	if f.Picture != nil && f.Picture.Orientation >= 1 && f.Picture.Orientation <= 8 {
		orientation = f.Picture.Orientation
	}
	var pics []*picture
	switch f.Media {
	case "image/jpeg":
		var p *picture
		if p, err = jpegPicture(b); err == nil {
			pics = []*picture{p}
		}
	case "image/png":
		var p *picture
		if p, err = pngPicture(b); err == nil {
			pics = []*picture{p}
		}
	case "image/heic", "image/heif":
		orientation = 1 // the decoder applies the file's own rotation
		pics, err = photo(heif.Decode(ctx, bytes.NewReader(b), int64(len(b)), 0))
	case "image/webp":
		pics, err = photo(webp.Decode(bytes.NewReader(b)))
	case "image/bmp":
		pics, err = drawing(bmp.Decode(bytes.NewReader(b)))
	case "image/gif":
		pics, err = drawing(gif.Decode(bytes.NewReader(b)))
	case "image/tiff":
		pics, err = tiffPictures(b)
	default:
		err = fmt.Errorf("no decoder for %s", f.Media)
	}
	if err != nil {
		return nil, pictureFault(f, err)
	}
	for _, p := range pics {
		p.orientation = orientation
	}
	return pics, nil
}

func pictureFault(f packager.Inspected, err error) error {
	return &packager.Fault{Class: packager.ClassIncomplete, Code: "COMPOSE_PICTURE_BROKEN", Args: packager.Args{"path": f.Path}, Err: err}
}

func jpegPicture(b []byte) (*picture, error) {
	j, err := splitJPEG(b)
	if err != nil {
		return nil, err
	}
	p := &picture{width: j.width, height: j.height, body: j.keep, icc: j.icc}
	p.decode = func() (image.Image, error) { return jpeg.Decode(bytes.NewReader(b)) }
	p.dict = imageDict(j.width, j.height, 8, map[int]string{1: "DeviceGray", 3: "DeviceRGB", 4: "DeviceCMYK"}[j.components], "DCTDecode")
	if j.components == 4 && j.adobe {
		p.dict["Decode"] = numbers(1, 0, 1, 0, 1, 0, 1, 0)
	}
	return p, nil
}

func imageDict(w, h, bits int, space, filter string) types.Dict {
	return types.Dict{
		"Type": types.Name("XObject"), "Subtype": types.Name("Image"),
		"Width": types.Integer(w), "Height": types.Integer(h),
		"BitsPerComponent": types.Integer(bits), "ColorSpace": types.Name(space), "Filter": types.Name(filter),
	}
}

// photo encodes a decoded photo as a JPEG of high quality: its source was
// compressed with loss in a form that PDF does not know.
func photo(m image.Image, err error) ([]*picture, error) {
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, opaque(m), &jpeg.Options{Quality: 92}); err != nil {
		return nil, err
	}
	p, err := jpegPicture(b.Bytes())
	if err != nil {
		return nil, err
	}
	p.decode = func() (image.Image, error) { return m, nil }
	return []*picture{p}, nil
}

// drawing encodes a decoded picture without loss.
func drawing(m image.Image, err error) ([]*picture, error) {
	if err != nil {
		return nil, err
	}
	return []*picture{flatePicture(m)}, nil
}

// opaque lays a picture with transparency on white paper.
func opaque(m image.Image) image.Image {
	if o, ok := m.(interface{ Opaque() bool }); ok && o.Opaque() {
		return m
	}
	out := image.NewRGBA(m.Bounds())
	draw.Draw(out, out.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(out, out.Bounds(), m, m.Bounds().Min, draw.Over)
	return out
}
