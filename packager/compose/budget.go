package compose

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"os"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"dossier/packager"
)

// The size budget: where a platform takes files up to a size only, pictures
// lose the pixels that print does not need, those with the most to give first.

// signatureRoom is what a signature with stamp, chain and timestamp adds.
const signatureRoom = 96 << 10

// resolutions are tried from the finest down. Below the last one the small
// print of a licence or an ID card is no longer safe to read.
var resolutions = []int{300, 260, 230, 200, 180, 165, 150}

const resampledQuality = 80

// fit writes the bundle as the materials are, or, where that is larger than
// the plan allows, at the finest resolution that is small enough; and proves
// what it wrote.
func (k *Composer) fit(ctx context.Context, p *packager.Plan, f *os.File, obs packager.Observer) (*packager.Bundle, error) {
	b, bk, err := k.write(ctx, p, f, 0, obs)
	if err != nil {
		return nil, err
	}
	limit := p.MaxBytes - signatureRoom
	if p.MaxBytes > 0 && b.Bytes > limit {
		whole := b.Bytes
		weigh := bk.assets.estimate(whole)
		for i, dpi := range resolutions {
			if weigh(dpi) > limit && i+1 < len(resolutions) {
				continue
			}
			if b, bk, err = k.write(ctx, p, f, dpi, obs); err != nil {
				return nil, err
			}
			if b.Bytes <= limit {
				break
			}
		}
		if b.Bytes > limit {
			return nil, &packager.Fault{Class: packager.ClassIncomplete, Code: "COMPOSE_TOO_LARGE", Args: packager.Args{
				"limit": byteSize(p.MaxBytes), "whole": byteSize(whole), "least": byteSize(b.Bytes + signatureRoom), "dpi": strconv.Itoa(resolutions[len(resolutions)-1])}}
		}
	}
	b.Proof, err = k.prove(ctx, f, bk, b)
	return b, err
}

// estimate returns a guess, rather too low, at the size of the file at a
// resolution, so that hopeless ones need not be tried.
func (a *assets) estimate(whole int64) func(dpi int) int64 {
	return func(dpi int) int64 {
		size := float64(whole)
		for _, s := range a.items {
			for _, l := range s.leaves {
				have := float64(resolutions[0])
				if l.pic != nil {
					have = effectiveDPI(l.pic)
				}
				if k := float64(dpi) / have; k < 1 {
					size -= float64(a.weights[l.asset]) * (1 - 0.6*k*k)
				}
			}
		}
		return int64(size)
	}
}

// effectiveDPI is the resolution at which a picture is printed on its page.
func effectiveDPI(p *picture) float64 {
	const top = bodyTop + 24 + 10 + 18
	w, h := p.upright()
	l := leaf{w: float64(w), h: float64(h), pic: p}
	s := max(l.scale(a4Short-2*marginX, a4Long-bodyGap-top), l.scale(a4Long-2*marginX, a4Short-bodyGap-top))
	return 72 / s
}

// resample reduces a picture to dpi on its page; it reports whether that made
// it smaller.
func (p *picture) resample(dpi int) (bool, error) {
	k := float64(dpi) / effectiveDPI(p)
	if dpi == 0 || k > 0.87 || p.decode == nil { // the last few percent are not worth a new generation
		return false, nil
	}
	m, err := p.decode()
	if err != nil {
		return false, err
	}
	raw, err := reduced(m, k)
	if err != nil || int64(len(raw)) > p.size()*9/10 {
		return false, err
	}
	icc := p.icc
	q, err := jpegPicture(raw)
	if err != nil {
		return false, err
	}
	if p.dict["ColorSpace"] == q.dict["ColorSpace"] { // the profile is of the colours that remain
		q.icc = icc
	}
	q.orientation = p.orientation
	*p = *q
	return true, nil
}

// reduced encodes m at k times its size.
func reduced(m image.Image, k float64) ([]byte, error) {
	w, h := max(round(k*float64(m.Bounds().Dx())), 1), max(round(k*float64(m.Bounds().Dy())), 1)
	var small image.Image = shrink(opaque(m), w, h)
	if _, grey := m.(*image.Gray); grey {
		small = greyOf(small)
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, small, &jpeg.Options{Quality: resampledQuality})
	return b.Bytes(), err
}

// resampleImage reduces an image inside a material PDF. It fills its page at
// most, so a scan is not brought below dpi; longest is the longer side of the
// largest page in inches.
func (im *importer) resampleImage(sd types.StreamDict, dpi int, longest float64) (types.StreamDict, bool) {
	w, _ := im.number(sd.Dict["Width"])
	h, _ := im.number(sd.Dict["Height"])
	k := float64(dpi) * longest / max(w, h)
	if dpi == 0 || k > 0.87 || len(sd.Raw) < 50_000 || !im.plainJPEG(sd) {
		return sd, false
	}
	m, err := jpeg.Decode(bytes.NewReader(sd.Raw))
	if err != nil || m.Bounds().Dx() != int(w) || m.Bounds().Dy() != int(h) {
		return sd, false
	}
	raw, err := reduced(m, k)
	if err != nil || len(raw) > len(sd.Raw)*9/10 {
		return sd, false
	}
	j, err := splitJPEG(raw)
	if err != nil {
		return sd, false
	}
	d := types.Dict{}
	for key, v := range sd.Dict {
		d[key] = v
	}
	d["Width"], d["Height"] = types.Integer(j.width), types.Integer(j.height)
	return types.StreamDict{Dict: d, Raw: raw}, true
}

// plainJPEG reports whether an image is a JPEG whose colours a new encoding
// keeps: grey or RGB, with nothing that depends on exact values.
func (im *importer) plainJPEG(sd types.StreamDict) bool {
	if im.name(sd.Dict["Subtype"]) != "Image" || !sd.HasSoleFilterNamed("DCTDecode") ||
		sd.Dict["Decode"] != nil || sd.Dict["Mask"] != nil || sd.Dict["DecodeParms"] != nil {
		return false
	}
	switch im.name(sd.Dict["ColorSpace"]) {
	case "DeviceRGB", "DeviceGray":
		return true
	}
	if a := im.array(sd.Dict["ColorSpace"]); len(a) == 2 && im.name(a[0]) == "ICCBased" {
		n, _ := im.number(im.dict(a[1])["N"])
		return n == 1 || n == 3
	}
	return false
}
