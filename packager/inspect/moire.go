package inspect

import (
	"image"
	"math"
	"math/bits"
	"math/cmplx"
	"slices"
)

// tile is the side of the squares that are looked through for moiré.
const tile = 256

// screenPhoto reports whether a picture is a photo of a screen. The grid of a
// screen's pixels beats with that of the camera: the spectrum has sharp peaks
// away from the axes, at the same place in most parts of the picture. Print
// has its energy near the axes and spread out.
func screenPhoto(img image.Image) bool {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	side := tile * max(1, max(w, h)/4000) // of the parts that are looked at
	if w < 2*side || h < 2*side {
		return false
	}
	const tiles, enough = 16, 10
	votes, most := map[[2]int]int{}, 0
	for i := range tiles {
		if most+tiles-i < enough {
			return false // which the first seven parts of most photos show
		}
		at := image.Pt((1+i%4)*(w-side)/5, (1+i/4)*(h-side)/5)
		for _, p := range peaks(region(img, image.Rectangle{at, at.Add(image.Pt(side, side))}, tile, tile)) {
			k := [2]int{p[0] / 4, p[1] / 4}
			votes[k]++
			most = max(most, votes[k])
		}
	}
	return most >= enough
}

// peaks returns the frequencies, off the axes, whose energy is far above that
// of the ring of frequencies around them.
func peaks(g *grey) [][2]int {
	f := spectrum(g)
	var out [][2]int
	const edge = 6 // of the axes, where print and borders are
	for v := edge; v < tile/2; v++ {
		for u := -tile/2 + 8; u < tile/2-8; u++ {
			if u > -edge && u < edge || u*u+v*v < 24*24 {
				continue
			}
			e := f[v][u&(tile-1)]
			if e < 1 || !top(f, u, v, e) {
				continue
			}
			if e > 12*ring(f, u, v) {
				out = append(out, [2]int{u + tile, v})
			}
		}
	}
	return out
}

func top(f [][]float64, u, v int, e float64) bool {
	for dv := -1; dv <= 1; dv++ {
		for du := -1; du <= 1; du++ {
			if f[(v+dv)&(tile-1)][(u+du)&(tile-1)] > e {
				return false
			}
		}
	}
	return true
}

func ring(f [][]float64, u, v int) float64 {
	var around []float64
	for d := -6; d <= 6; d++ {
		for _, at := range [][2]int{{d, -6}, {d, 6}, {-6, d}, {6, d}} {
			around = append(around, f[(v+at[1])&(tile-1)][(u+at[0])&(tile-1)])
		}
	}
	slices.Sort(around)
	return around[len(around)*3/4]
}

// spectrum returns the magnitudes of the two-dimensional Fourier transform of
// a tile under a Hann window, for a pixel.
func spectrum(g *grey) [][]float64 {
	rows := make([][]complex128, tile)
	var mean float64
	for _, v := range g.pix {
		mean += float64(v)
	}
	mean /= tile * tile
	for y := range tile {
		rows[y] = make([]complex128, tile)
		for x := range tile {
			rows[y][x] = complex((float64(g.at(x, y))-mean)*hann[x]*hann[y], 0)
		}
		fft(rows[y])
	}
	out := make([][]float64, tile)
	for y := range out {
		out[y] = make([]float64, tile)
	}
	column := make([]complex128, tile)
	for x := range tile {
		for y := range tile {
			column[y] = rows[y][x]
		}
		fft(column)
		for y := range tile {
			out[y][x] = cmplx.Abs(column[y]) / tile
		}
	}
	return out
}

var hann = func() (w [tile]float64) {
	for i := range w {
		w[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/tile)
	}
	return w
}()

// roots are the complex roots of one that fft needs.
var roots = func() (r [tile / 2]complex128) {
	for i := range r {
		r[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/tile)
	}
	return r
}()

// fft transforms tile values in place (Cooley and Tukey, radix 2).
func fft(a []complex128) {
	const shift = 64 - 8 // tile is 2 to the power of 8
	for i := range a {
		if j := int(bits.Reverse64(uint64(i)) >> shift); j > i {
			a[i], a[j] = a[j], a[i]
		}
	}
	for size := 2; size <= tile; size *= 2 {
		half, step := size/2, tile/size
		for start := 0; start < tile; start += size {
			for k := range half {
				t := roots[k*step] * a[start+k+half]
				a[start+k], a[start+k+half] = a[start+k]+t, a[start+k]-t
			}
		}
	}
}
