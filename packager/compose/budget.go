package compose

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
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
// the plan allows, at the finest resolution that is small enough, in several
// volumes if one cannot be; and proves what it wrote.
func (k *Composer) fit(ctx context.Context, p *packager.Plan, dir string, obs packager.Observer) ([]*volume, error) {
	volumes, err := k.write(ctx, p, [][]packager.Item{p.Items}, dir, 0, obs)
	if err != nil {
		return nil, err
	}
	if limit := p.MaxBytes - signatureRoom; p.MaxBytes > 0 && excess(volumes, limit) > 0 {
		discard(volumes)
		b := &budget{k: k, plan: p, dir: dir, obs: obs, limit: limit, first: volumes[0].assets, whole: volumes[0].bundle.Bytes}
		if volumes, err = b.meet(ctx); err != nil {
			return nil, err
		}
	}
	for _, v := range volumes {
		if v.bundle.Proof, err = k.prove(ctx, v.file, v.book, v.bundle); err != nil {
			return volumes, err
		}
	}
	return volumes, nil
}

// budget brings one bundle under a size.
type budget struct {
	k     *Composer
	plan  *packager.Plan
	dir   string
	obs   packager.Observer
	limit int64   // of a file before it is signed
	first *assets // the materials as they are
	whole int64   // of the bundle with them
}

// meet lowers the resolution and, where the floor is not enough, divides.
func (b *budget) meet(ctx context.Context) ([]*volume, error) {
	for i, dpi := range resolutions {
		floor := i+1 == len(resolutions)
		size := b.whole - b.first.all()
		for _, it := range b.plan.Items {
			size += b.first.guess(it.No, dpi)
		}
		if size > b.limit && !floor { // hopeless
			continue
		}
		volumes, err := b.k.write(ctx, b.plan, [][]packager.Item{b.plan.Items}, b.dir, dpi, b.obs)
		if err != nil || excess(volumes, b.limit) <= 0 {
			return volumes, err
		}
		discard(volumes)
		if floor {
			return b.parts(ctx, volumes[0])
		}
	}
	return nil, nil // not reached: the last resolution is the floor
}

// parts divides the bundle into as few volumes as hold it at the floor, and
// gives them the finest resolution at which they are no more. least is all of
// it in one volume, at the floor.
func (b *budget) parts(ctx context.Context, least *volume) ([]*volume, error) {
	own := least.bundle.Bytes - least.assets.all() // pages and fonts of dossier's, in each volume again
	size := func(it packager.Item) int64 { return least.assets.of(it.No).bytes }
	for room, tries := b.limit-own, 0; tries < 4; tries++ {
		shares, big := divide(b.plan.Items, size, room)
		if big != nil || len(shares) == 0 {
			return nil, b.tooLarge(big, own, least)
		}
		for _, dpi := range resolutions {
			guess := func(it packager.Item) int64 { return max(size(it), b.first.guess(it.No, dpi)) }
			finer, big := divide(b.plan.Items, guess, room)
			switch {
			case dpi == resolutions[len(resolutions)-1]:
				finer = shares
			case big != nil || len(finer) > len(shares):
				continue
			}
			volumes, err := b.k.write(ctx, b.plan, finer, b.dir, dpi, b.obs)
			if err != nil {
				return nil, err
			}
			by := excess(volumes, b.limit)
			if by <= 0 {
				return volumes, nil
			}
			discard(volumes)
			if dpi == resolutions[len(resolutions)-1] {
				room -= by
			}
		}
	}
	return nil, b.tooLarge(nil, own, least)
}

// tooLarge refuses, with numbers: for the item that is too large alone, where
// it is one.
func (b *budget) tooLarge(it *packager.Item, own int64, least *volume) error {
	f := &packager.Fault{Class: packager.ClassIncomplete, Code: "COMPOSE_TOO_LARGE", Args: packager.Args{
		"limit": byteSize(b.plan.MaxBytes), "whole": byteSize(b.whole), "least": byteSize(least.bundle.Bytes + signatureRoom), "dpi": strconv.Itoa(resolutions[len(resolutions)-1])}}
	if it != nil {
		f.Code = "COMPOSE_ITEM_TOO_LARGE"
		f.Args["no"], f.Args["path"] = strconv.Itoa(it.No), it.File.Path
		f.Args["least"] = byteSize(least.assets.of(it.No).bytes + own + signatureRoom)
	}
	return f
}

// guess is about how large a material is at a resolution, rather too low.
func (a *assets) guess(no, dpi int) int64 {
	s := a.of(no)
	size := float64(s.bytes)
	for _, l := range s.leaves {
		have := float64(resolutions[0])
		if l.pic != nil {
			have = effectiveDPI(l.pic)
		}
		if k := float64(dpi) / have; k < 1 {
			size -= float64(a.weights[l.asset]) * (1 - 0.6*k*k)
		}
	}
	return max(int64(size), 0)
}

// all is what the materials take in the file.
func (a *assets) all() (n int64) {
	for _, s := range a.items {
		n += s.bytes
	}
	return n
}

// effectiveDPI is the resolution at which a picture is printed on its page.
func effectiveDPI(p *picture) float64 {
	w, h := p.upright()
	return 72 / min(packager.PageScale(float64(w), float64(h)), 72.0/pixelsPerInch)
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
