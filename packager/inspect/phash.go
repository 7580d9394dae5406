package inspect

import (
	"math"
	"slices"
)

// phash is a perceptual hash: the signs of the 8 × 8 lowest frequencies of the
// cosine transform of the picture at 32 × 32, against their median. Two
// pictures whose hashes differ in few of the 64 bits look alike.
func phash(g *grey) uint64 {
	const n, k = 32, 8
	s := g.shrink(min(n, g.w), min(n, g.h))
	var in [n][n]float64
	for y := range n {
		for x := range n {
			in[y][x] = float64(s.at(x*s.w/n, y*s.h/n))
		}
	}
	var rows [n][k]float64
	for y := range n {
		for u := range k {
			for x := range n {
				rows[y][u] += in[y][x] * cosines[u][x]
			}
		}
	}
	coeff := make([]float64, 0, k*k)
	for v := range k {
		for u := range k {
			var c float64
			for y := range n {
				c += rows[y][u] * cosines[v][y]
			}
			coeff = append(coeff, c)
		}
	}
	m := quantile(coeff[1:], 0.5) // the first is the mean brightness
	var h uint64
	for i, c := range coeff {
		if c > m {
			h |= 1 << i
		}
	}
	return h
}

var cosines = func() (c [8][32]float64) {
	for u := range c {
		for x := range c[u] {
			c[u][x] = math.Cos(float64(2*x+1) * float64(u) * math.Pi / 64)
		}
	}
	return c
}()

// quantile returns the value below which a share q of the values is.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return s[min(len(s)-1, int(q*float64(len(s))))]
}
