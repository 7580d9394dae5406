package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"math/rand/v2"

	scale "golang.org/x/image/draw"
)

// desk is what lies under a paper.
type desk int

const (
	oak desk = iota
	walnut
	slate
	cloth
)

// shot says how a phone takes a paper. Angles are in degrees, lengths in
// shares of the frame's width.
type shot struct {
	seed        uint64
	w, h        int // of the upright picture
	desk        desk
	turn        float64 // rotation
	lean        float64 // keystone: how much narrower the far edge is
	fill        float64 // share of the frame that the paper takes in width
	light       float64 // side from which light comes, -1 left to 1 right
	shade       float64 // strength of the phone's own shadow
	orientation int     // EXIF: how the camera was held
	gps         bool
	taken       string // YYYY:MM:DD hh:mm:ss
}

// photo renders the paper as lying on the desk.
func (s shot) photo(paper *canvas) *image.RGBA {
	rng := rand.New(rand.NewPCG(s.seed, 7))
	out := image.NewRGBA(image.Rect(0, 0, s.w, s.h))
	back := newTexture(s.desk, rng)
	corners := s.corners(paper)
	inverse := homography(corners, paper.w(), paper.h())
	W, H := float64(s.w), float64(s.h)
	const sub = 2
	for y := range s.h {
		for x := range s.w {
			var r, g, b float64
			for i := range sub * sub {
				fx := float64(x) + (float64(i%sub)+0.5)/sub
				fy := float64(y) + (float64(i/sub)+0.5)/sub
				pr, pg, pb := s.look(paper, back, corners, inverse, fx, fy)
				r, g, b = r+pr, g+pg, b+pb
			}
			k := s.lightAt(float64(x)/W, float64(y)/H) / (sub * sub)
			grain := rng.NormFloat64() * 1.7
			out.SetRGBA(x, y, color.RGBA{
				clamp(r*k*1.0 + grain + rng.NormFloat64()*0.5), clamp(g*k*0.99 + grain), clamp(b*k*0.955 + grain + rng.NormFloat64()*0.5), 255})
		}
	}
	return out
}

// corners are where the paper's corners lie in the frame, clockwise from the
// upper left.
func (s shot) corners(paper *canvas) [4][2]float64 {
	W, H := float64(s.w), float64(s.h)
	w := W * s.fill
	h := w * paper.h() / paper.w()
	if h > H*0.94 {
		h = H * 0.94
		w = h * paper.w() / paper.h()
	}
	sin, cos := math.Sincos(s.turn * math.Pi / 180)
	var out [4][2]float64
	for i, c := range [4][2]float64{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}} {
		x, y := c[0]*w/2, c[1]*h/2
		if c[1] < 0 {
			x *= 1 - s.lean // the far edge
		} else {
			x *= 1 + s.lean/3
		}
		out[i] = [2]float64{W/2 + x*cos - y*sin, H/2 + x*sin + y*cos}
	}
	return out
}

// look returns what is seen at a point of the frame: paper, its soft shadow,
// or the desk.
func (s shot) look(paper *canvas, back *texture, corners [4][2]float64, m [9]float64, x, y float64) (r, g, b float64) {
	d := m[6]*x + m[7]*y + m[8]
	u, v := (m[0]*x+m[1]*y+m[2])/d, (m[3]*x+m[4]*y+m[5])/d
	if u >= 0 && v >= 0 && u < paper.w()-1 && v < paper.h()-1 {
		return bilinear(paper.RGBA, u, v)
	}
	r, g, b = back.at(x, y)
	off := float64(s.w) * 0.006
	dist := outside(corners, x-off*(1+s.light), y-off*1.6)
	k := 1 - 0.5*math.Exp(-dist/(float64(s.w)*0.008))
	return r * k, g * k, b * k
}

// lightAt is how bright it is at a point: a lamp to one side, the lens's own
// falling off, and the shadow of the hand that holds the phone.
func (s shot) lightAt(u, v float64) float64 {
	k := 0.93 + 0.05*s.light*(u-0.5)*2 - 0.03*(v-0.5)
	dx, dy := u-0.5, v-0.5
	k *= 1 - 0.16*(dx*dx+dy*dy)
	if s.shade > 0 { // a broad soft edge from the lower corner
		d := (u*0.7 + v) - 1.25
		if s.light > 0 {
			d = ((1-u)*0.7 + v) - 1.25
		}
		k *= 1 - s.shade/(1+math.Exp(-d*14))
	}
	return k
}

// outside is the distance of a point from a convex quadrilateral, 0 inside.
func outside(q [4][2]float64, x, y float64) float64 {
	inside, best := true, math.Inf(1)
	for i := range 4 {
		a, b := q[i], q[(i+1)%4]
		ex, ey := b[0]-a[0], b[1]-a[1]
		px, py := x-a[0], y-a[1]
		if ex*py-ey*px < 0 {
			inside = false
		}
		t := max(0, min(1, (px*ex+py*ey)/(ex*ex+ey*ey)))
		best = min(best, math.Hypot(px-t*ex, py-t*ey))
	}
	if inside {
		return 0
	}
	return best
}

// homography maps points of the frame to points of a paper of w by h whose
// corners lie at q. It is the inverse of the map of the unit square to q
// (Heckbert 1989, §2.2.3).
func homography(q [4][2]float64, w, h float64) [9]float64 {
	x0, y0, x1, y1, x2, y2, x3, y3 := q[0][0], q[0][1], q[1][0], q[1][1], q[2][0], q[2][1], q[3][0], q[3][1]
	sx, sy := x0-x1+x2-x3, y0-y1+y2-y3
	dx1, dy1, dx2, dy2 := x1-x2, y1-y2, x3-x2, y3-y2
	det := dx1*dy2 - dx2*dy1
	g, k := (sx*dy2-dx2*sy)/det, (dx1*sy-sx*dy1)/det
	m := [9]float64{x1 - x0 + g*x1, x3 - x0 + k*x3, x0, y1 - y0 + g*y1, y3 - y0 + k*y3, y0, g, k, 1}
	inv := [9]float64{
		m[4]*m[8] - m[5]*m[7], m[2]*m[7] - m[1]*m[8], m[1]*m[5] - m[2]*m[4],
		m[5]*m[6] - m[3]*m[8], m[0]*m[8] - m[2]*m[6], m[2]*m[3] - m[0]*m[5],
		m[3]*m[7] - m[4]*m[6], m[1]*m[6] - m[0]*m[7], m[0]*m[4] - m[1]*m[3],
	}
	for i := range 3 {
		inv[i] *= w
		inv[i+3] *= h
	}
	return inv
}

func bilinear(img *image.RGBA, x, y float64) (r, g, b float64) {
	x0, y0 := int(x), int(y)
	fx, fy := x-float64(x0), y-float64(y0)
	i := img.PixOffset(x0, y0)
	p, q := img.Pix[i:i+8:i+8], img.Pix[i+img.Stride:i+img.Stride+8:i+img.Stride+8]
	mix := func(k int) float64 {
		top := float64(p[k])*(1-fx) + float64(p[k+4])*fx
		low := float64(q[k])*(1-fx) + float64(q[k+4])*fx
		return top*(1-fy) + low*fy
	}
	return mix(0), mix(1), mix(2)
}

func clamp(v float64) uint8 { return uint8(max(0, min(255, v+0.5))) }

// texture is value noise in the colours of a desk.
type texture struct {
	desk    desk
	lattice [64 * 64]float64
}

func newTexture(d desk, rng *rand.Rand) *texture {
	t := &texture{desk: d}
	for i := range t.lattice {
		t.lattice[i] = rng.Float64()
	}
	return t
}

func (t *texture) noise(x, y float64) float64 {
	x0, y0 := math.Floor(x), math.Floor(y)
	fx, fy := smooth(x-x0), smooth(y-y0)
	at := func(i, j float64) float64 { return t.lattice[(int(j)&63)*64+int(i)&63] }
	return (at(x0, y0)*(1-fx)+at(x0+1, y0)*fx)*(1-fy) + (at(x0, y0+1)*(1-fx)+at(x0+1, y0+1)*fx)*fy
}

func smooth(t float64) float64 { return t * t * (3 - 2*t) }

func (t *texture) at(x, y float64) (r, g, b float64) {
	switch t.desk {
	case oak, walnut:
		grain := t.noise(x/9+3*t.noise(x/300, y/300), y/160) - 0.5
		ring := math.Sin((x+60*t.noise(x/500, y/500))/38) * 0.5
		v := 1 + 0.13*grain + 0.05*ring
		if t.desk == walnut {
			return 104 * v, 74 * v, 54 * v
		}
		return 188 * v, 150 * v, 108 * v
	case slate:
		v := 1 + 0.10*(t.noise(x/60, y/60)-0.5) + 0.05*(t.noise(x/7, y/7)-0.5)
		return 92 * v, 98 * v, 106 * v
	default:
		weave := 0.05 * (math.Sin(x*1.1) + math.Sin(y*1.1))
		v := 1 + weave + 0.10*(t.noise(x/90, y/90)-0.5)
		return 66 * v, 92 * v, 118 * v
	}
}

// jpeg returns the photo as the phone stores it: turned as the camera was
// held, with EXIF that says how.
func (s shot) jpeg(paper *canvas) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, turned(s.photo(paper), s.orientation), &jpeg.Options{Quality: 80}); err != nil {
		return nil, err
	}
	return withEXIF(b.Bytes(), s), nil
}

// heic returns the photo as an iPhone stores it. The encoder keeps the EXIF.
func (s shot) heic(paper *canvas) ([]byte, error) {
	s.orientation = 1 // a HEIC is turned by its own box
	b, err := s.jpeg(paper)
	if err != nil {
		return nil, err
	}
	return encodeHEIC(b)
}

// turned returns the stored picture whose EXIF orientation shows img upright
// (CIPA DC-008 §4.6.4 A); 1, 3, 6 and 8 are what a hand can do.
func turned(img *image.RGBA, orientation int) *image.RGBA {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			X, Y := x, y
			switch orientation {
			case 3:
				X, Y = w-1-x, h-1-y
			case 6:
				X, Y = y, w-1-x
			case 8:
				X, Y = h-1-y, x
			}
			out.SetRGBA(X, Y, img.RGBAAt(x, y))
		}
	}
	return out
}

// withEXIF puts an APP1 segment behind the start of a JPEG (CIPA DC-008):
// maker, model, orientation, time and, if told to, a place in the open sea.
func withEXIF(jpg []byte, s shot) []byte {
	const (
		ascii, short, long, rational = 2, 3, 4, 5
	)
	type entry struct {
		tag, kind uint16
		count     uint32
		value     []byte
	}
	le := binary.LittleEndian
	text := func(tag uint16, v string) entry { return entry{tag, ascii, uint32(len(v) + 1), append([]byte(v), 0)} }
	u32 := func(v ...uint32) []byte {
		var b []byte
		for _, x := range v {
			b = le.AppendUint32(b, x)
		}
		return b
	}
	// write appends a directory that starts at offset at of the TIFF.
	write := func(tiff []byte, entries []entry) []byte {
		at := len(tiff)
		extra := at + 2 + 12*len(entries) + 4
		tiff = le.AppendUint16(tiff, uint16(len(entries)))
		var tail []byte
		for _, e := range entries {
			tiff = le.AppendUint16(tiff, e.tag)
			tiff = le.AppendUint16(tiff, e.kind)
			tiff = le.AppendUint32(tiff, e.count)
			if len(e.value) <= 4 {
				tiff = append(tiff, append(e.value, make([]byte, 4-len(e.value))...)...)
				continue
			}
			tiff = le.AppendUint32(tiff, uint32(extra+len(tail)))
			tail = append(tail, e.value...)
			if len(tail)%2 == 1 {
				tail = append(tail, 0)
			}
		}
		return append(le.AppendUint32(tiff, 0), tail...)
	}
	main := []entry{
		text(0x010F, "SPECIMEN"), text(0x0110, "Test Phone"),
		{0x0112, short, 1, le.AppendUint16(nil, uint16(s.orientation))},
		text(0x0132, s.taken),
		{0x8769, long, 1, nil}, // Exif directory, filled in below
	}
	if s.gps {
		main = append(main, entry{0x8825, long, 1, nil})
	}
	header := append([]byte("II*\x00"), u32(8)...)
	size := func(entries []entry) int { return len(write(append([]byte(nil), header...), entries)) }
	exifAt := size(main)
	exif := []entry{text(0x9003, s.taken)}
	main[4].value = u32(uint32(exifAt))
	var gps []entry
	if s.gps {
		gps = []entry{text(1, "N"), {2, rational, 3, u32(0, 1, 30, 1, 0, 1)}, text(3, "W"), {4, rational, 3, u32(0, 1, 30, 1, 0, 1)}}
		probe := write(make([]byte, exifAt), exif)
		main[5].value = u32(uint32(len(probe)))
	}
	tiff := write(append([]byte(nil), header...), main)
	tiff = write(tiff, exif)
	if s.gps {
		tiff = write(tiff, gps)
	}
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{0xFF, 0xD8, 0xFF, 0xE1}, binary.BigEndian.AppendUint16(nil, uint16(len(segment)+2))...)
	out = append(out, segment...)
	return append(out, jpg[2:]...)
}

// scanned renders a page as an office scanner does: almost straight, slightly
// grey, with a shadow at the edge of the glass.
func scanned(paper *canvas, seed uint64) *image.RGBA {
	rng := rand.New(rand.NewPCG(seed, 11))
	angle := (rng.Float64() - 0.5) * 0.9 * math.Pi / 180
	sin, cos := math.Sincos(angle)
	w, h := paper.w(), paper.h()
	out := image.NewRGBA(paper.Bounds())
	for y := range out.Bounds().Dy() {
		for x := range out.Bounds().Dx() {
			dx, dy := float64(x)-w/2, float64(y)-h/2
			u, v := w/2+dx*cos+dy*sin, h/2-dx*sin+dy*cos
			r, g, b := 205.0, 205.0, 203.0 // the lid
			if u >= 0 && v >= 0 && u < w-1 && v < h-1 {
				r, g, b = bilinear(paper.RGBA, u, v)
			}
			k := 0.965 - 0.10*math.Exp(-float64(x)/14) + rng.NormFloat64()*0.003
			out.SetRGBA(x, y, color.RGBA{clamp(r * k), clamp(g * k), clamp(b * k * 0.995), 255})
		}
	}
	return out
}

// shrunk returns a smaller copy.
func shrunk(c *canvas, f float64) *canvas {
	out := newCanvas(int(c.w()*f), int(c.h()*f), color.Transparent)
	scale.CatmullRom.Scale(out.RGBA, out.Bounds(), c.RGBA, c.Bounds(), draw.Over, nil)
	return out
}
