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
//	Sharpness   variance of the 4-neighbour Laplacian of the reduced grey
//	            picture in blocks of 32 × 32 pixels that hold print, stretched to
//	            full contrast, so that a dark photo is not taken for a blurred
//	            one, after the noise of empty paper is taken off; the upper
//	            quartile of the blocks counts (see sharpness)
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

// sharpness is described at measure. A block holds print when its own contrast
// is at least half of the greatest one; the stretching goes by its square. 0 is
// the answer where sharpness cannot be told: no print, or more noise than print.
func sharpness(g *grey) float64 {
	type cell struct {
		x, y  int
		reach float64
	}
	var cells []cell
	most := 0.0
	for y := 1; y+block < g.h; y += block {
		for x := 1; x+block < g.w; x += block {
			b := toneOf(g, x, y)
			cells = append(cells, cell{x, y, b.reach()})
			most = max(most, b.reach())
		}
	}
	if most < 6 { // nothing but noise
		return 0
	}
	all := make([]float64, len(cells))
	for i, c := range cells {
		all[i] = laplacian(g, c.x, c.y)
	}
	var empty []float64
	for i, c := range cells {
		if c.reach < most/4 {
			empty = append(empty, all[i])
		}
	}
	noise := 1.15 * quantile(empty, 0.5) // blocks differ by a few per cent
	var details []float64
	for i, c := range cells {
		if detail := all[i] - noise; c.reach >= most/2 && detail >= noise/4 {
			k := 200 / c.reach
			details = append(details, k*k*detail)
		}
	}
	return quantile(details, 0.75)
}

func laplacian(g *grey, x0, y0 int) float64 {
	var sum, squares float64
	for y := y0; y < y0+block; y++ {
		i := y*g.w + x0
		for range block {
			v := float64(4*int(g.pix[i]) - int(g.pix[i-1]) - int(g.pix[i+1]) - int(g.pix[i-g.w]) - int(g.pix[i+g.w]))
			sum += v
			squares += v * v
			i++
		}
	}
	const n = block * block
	return squares/n - (sum/n)*(sum/n)
}

// glare returns the share of the picture that is burnt out: blocks that are
// white and without any texture, where the paper around print is not white
// itself. On a scan the paper is white everywhere, and nothing is burnt. An
// area that reaches three sides of the picture is what lies behind the page: a
// card on the white of a scanner.
func glare(g *grey) float64 {
	const white, flat, print, scanned = 250, 2.0, 8, 240
	w, h := g.w/block, g.h/block
	burnt := make([]bool, w*h)
	var paper []float64
	for y := range h {
		for x := range w {
			b := toneOf(g, x*block, y*block)
			burnt[y*w+x] = b.mean >= white && b.deviation <= flat
			if b.deviation > print {
				paper = append(paper, b.bright)
			}
		}
	}
	if len(paper) == 0 || quantile(paper, 0.25) >= scanned {
		return 0
	}
	area := 0
	for i := range burnt {
		if n, behind := flood(burnt, w, h, i); !behind {
			area += n
		}
	}
	return float64(area) / float64(w*h)
}

// flood clears the connected area that a cell belongs to, and returns its size
// and whether it lies behind the page.
func flood(on []bool, w, h, start int) (size int, behind bool) {
	var left, right, above, below bool
	stack := []int{start}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !on[i] {
			continue
		}
		on[i] = false
		size++
		x, y := i%w, i/w
		left, right, above, below = left || x == 0, right || x == w-1, above || y == 0, below || y == h-1
		if x > 0 {
			stack = append(stack, i-1)
		}
		if x < w-1 {
			stack = append(stack, i+1)
		}
		if y > 0 {
			stack = append(stack, i-w)
		}
		if y < h-1 {
			stack = append(stack, i+w)
		}
	}
	sides := one(left) + one(right) + one(above) + one(below)
	return size, sides >= 3
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// tone is the distribution of luminance in a block.
type tone struct {
	mean, deviation float64
	dark, bright    float64 // 5th and 95th percentile
}

// reach is the contrast of a block.
func (t tone) reach() float64 { return t.bright - t.dark }

func toneOf(g *grey, x0, y0 int) tone {
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
	percentile := func(share int) float64 {
		left := n * share / 100
		for v, c := range histogram {
			if left -= c; left < 0 {
				return float64(v)
			}
		}
		return 255
	}
	m := float64(sum) / n
	return tone{m, math.Sqrt(max(0, float64(squares)/n-m*m)), percentile(5), percentile(95)}
}

// blank reports whether nothing is on the paper: at half size, where noise is
// averaged out, fewer than 5 pixels in 10,000 differ from the mean of their
// neighbourhood by a tenth of it.
func blank(g *grey) bool {
	g = g.shrink(max(1, g.w/2), max(1, g.h/2))
	s := g.shrink(max(1, g.w/block), max(1, g.h/block))
	ink := 0
	for y := range g.h {
		for x := range g.w {
			around := int(s.at(min(x/block, s.w-1), min(y/block, s.h-1)))
			if d := int(g.at(x, y)) - around; max(d, -d) > max(6, around/10) {
				ink++
			}
		}
	}
	return ink*10_000 < 5*g.w*g.h
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
