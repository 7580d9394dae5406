package inspect

import (
	"image"
	"math"

	"dossier/packager"
)

// judgedLong is the longer side, in pixels, that pictures are reduced to
// before they are judged: A4 at 170 dots an inch, so that sharpness means the
// same thing for every camera.
const judgedLong = 2000

// measure fills in the measurements of a decoded picture. How they are taken:
//
//	Sharpness   variance of the 3 × 3 Laplacian (4-neighbour) of the reduced
//	            grey picture, over the tenth of its 32 × 32 blocks with the most
//	            detail, so that empty paper does not count
//	Brightness  mean luminance
//	Contrast    standard deviation of luminance
//	Glare       share of burnt-out area (see glare)
//	SkewDegrees angle of the lines of text, clockwise positive (see skew)
//	Blank       hardly any pixel differs from the paper around it
func measure(p *packager.Picture, img image.Image) {
	g := reduce(img, judgedLong)
	p.Brightness, p.Contrast = moments(g)
	p.Sharpness = sharpness(g)
	p.Glare = glare(g)
	p.Blank = blank(g)
	if !p.Blank {
		p.SkewDegrees = skew(g)
	}
	p.PHash = phash(g.turn(p.Orientation))
	p.Screenshot = screenshot(p, img)
	p.ScreenPhoto = !p.Screenshot && screenPhoto(img)
}

func moments(g *grey) (mean, deviation float64) {
	var sum, squares uint64
	for _, v := range g.pix {
		sum += uint64(v)
		squares += uint64(v) * uint64(v)
	}
	n := float64(len(g.pix))
	m := float64(sum) / n
	return m / 255, math.Sqrt(max(0, float64(squares)/n-m*m)) / 255
}

const block = 32

// sharpness is described at measure.
func sharpness(g *grey) float64 {
	var details []float64
	for y := 1; y+block < g.h; y += block {
		for x := 1; x+block < g.w; x += block {
			details = append(details, laplacian(g, x, y, block, block))
		}
	}
	if len(details) == 0 {
		if g.w < 3 || g.h < 3 {
			return 0
		}
		return laplacian(g, 1, 1, g.w-2, g.h-2)
	}
	return meanOfTop(details, max(1, len(details)/10))
}

func laplacian(g *grey, x0, y0, w, h int) float64 {
	var sum, squares float64
	for y := y0; y < y0+h; y++ {
		i := y*g.w + x0
		for range w {
			v := float64(4*int(g.pix[i]) - int(g.pix[i-1]) - int(g.pix[i+1]) - int(g.pix[i-g.w]) - int(g.pix[i+g.w]))
			sum += v
			squares += v * v
			i++
		}
	}
	n := float64(w * h)
	return squares/n - (sum/n)*(sum/n)
}

// glare returns the share of the picture that is burnt out: blocks that are
// white and without any texture, where the paper around is not white itself.
// On a scan the paper is white everywhere, and nothing is burnt.
func glare(g *grey) float64 {
	const white, flat = 250, 2.0
	burnt, all := 0, 0
	var paper []float64
	for y := 0; y+block <= g.h; y += block {
		for x := 0; x+block <= g.w; x += block {
			all++
			mean, dev, bright := blockMoments(g, x, y)
			switch {
			case mean >= white && dev <= flat:
				burnt++
			case dev > 8: // print or an edge: its brightest pixels are paper
				paper = append(paper, bright)
			}
		}
	}
	if all == 0 || len(paper) == 0 {
		return 0
	}
	if median(paper) >= 240 {
		return 0
	}
	return float64(burnt) / float64(all)
}

// blockMoments returns mean and deviation of a block and its 90th percentile.
func blockMoments(g *grey, x0, y0 int) (mean, deviation, bright float64) {
	var histogram [256]int
	sum, squares := 0, 0
	for y := y0; y < y0+block; y++ {
		for _, v := range g.pix[y*g.w+x0 : y*g.w+x0+block] {
			histogram[v]++
			sum += int(v)
			squares += int(v) * int(v)
		}
	}
	const n = block * block
	m := float64(sum) / n
	v, left := 255, n/10
	for ; v > 0 && left >= histogram[v]; v-- {
		left -= histogram[v]
	}
	return m, math.Sqrt(max(0, float64(squares)/n-m*m)), float64(v)
}

// blank reports whether nothing is on the paper: fewer than 5 pixels in 10,000
// are darker or brighter than the mean of their neighbourhood by a quarter of
// the scale.
func blank(g *grey) bool {
	s := g.shrink(max(1, g.w/block), max(1, g.h/block))
	ink := 0
	for y := range g.h {
		for x := range g.w {
			around := int(s.at(min(x/block, s.w-1), min(y/block, s.h-1)))
			if d := int(g.at(x, y)) - around; d > 40 || d < -40 {
				ink++
			}
		}
	}
	return ink*10_000 < 5*len(g.pix)
}

// skew returns by how many degrees lines of text are turned clockwise, -45 to
// 45, 0 where the picture has no lines: the angle at which the profile of the
// dark edges is the most uneven.
func skew(g *grey) float64 {
	const side = 600
	if s := float64(max(g.w, g.h)) / side; s > 1 {
		g = g.shrink(max(1, int(float64(g.w)/s)), max(1, int(float64(g.h)/s)))
	}
	points := edges(g)
	if len(points) < 50 {
		return 0
	}
	span := g.w + g.h
	score := func(deg float64) float64 { return profile(points, span, deg) }
	best, top := 0.0, score(0)
	var sum float64
	n := 0
	for a := -45.0; a <= 45; a++ {
		s := score(a)
		sum += s
		n++
		if s > top {
			best, top = a, s
		}
	}
	if top < 1.25*sum/float64(n) { // no angle stands out
		return 0
	}
	for step := 0.5; step >= 0.1; step /= 2 {
		for _, a := range []float64{best - step, best + step} {
			if s := score(a); s > top {
				best, top = a, s
			}
		}
	}
	return best
}

// edges returns the places where the picture gets darker from one row to the
// next: the upper edges of print.
func edges(g *grey) [][2]float64 {
	var out [][2]float64
	cx, cy := float64(g.w)/2, float64(g.h)/2
	for y := 1; y < g.h; y++ {
		for x := range g.w {
			if int(g.at(x, y-1))-int(g.at(x, y)) > 24 {
				out = append(out, [2]float64{float64(x) - cx, float64(y) - cy})
			}
		}
	}
	return out
}

func profile(points [][2]float64, span int, deg float64) float64 {
	sin, cos := math.Sincos(deg * math.Pi / 180)
	bins := make([]float64, span+2)
	half := float64(span) / 2
	for _, p := range points {
		if i := int(p[1]*cos - p[0]*sin + half); i >= 0 && i < len(bins) {
			bins[i]++
		}
	}
	var squares float64
	for _, b := range bins {
		squares += b * b
	}
	return squares
}
