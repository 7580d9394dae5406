package main

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"
	"sync"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	scale "golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"dossier/templates"
)

var (
	ink   = color.RGBA{38, 38, 42, 255}
	grey  = color.RGBA{120, 120, 126, 255}
	pale  = color.RGBA{196, 196, 202, 255}
	red   = color.RGBA{196, 30, 38, 255}
	blue  = color.RGBA{28, 44, 110, 255}
	white = color.RGBA{255, 255, 255, 255}
)

// fonts are parsed once; a face is for one goroutine at a time.
var fonts = sync.OnceValues(func() ([2]*opentype.Font, error) {
	var out [2]*opentype.Font
	for i, b := range [][]byte{templates.Regular, templates.Bold} {
		f, err := opentype.Parse(b)
		if err != nil {
			return out, err
		}
		out[i] = f
	}
	return out, nil
})

// canvas is a picture that is drawn on. A length is in pixels.
type canvas struct {
	*image.RGBA
	faces map[faceKey]font.Face
}

type faceKey struct {
	size float64
	bold bool
}

func newCanvas(w, h int, back color.Color) *canvas {
	c := &canvas{image.NewRGBA(image.Rect(0, 0, w, h)), map[faceKey]font.Face{}}
	draw.Draw(c.RGBA, c.Bounds(), image.NewUniform(back), image.Point{}, draw.Src)
	return c
}

func (c *canvas) w() float64 { return float64(c.Bounds().Dx()) }
func (c *canvas) h() float64 { return float64(c.Bounds().Dy()) }

func (c *canvas) face(size float64, bold bool) font.Face {
	k := faceKey{size, bold}
	if f, ok := c.faces[k]; ok {
		return f
	}
	parsed, err := fonts()
	if err != nil {
		panic(err) // the fonts are part of the program
	}
	f := parsed[0]
	if bold {
		f = parsed[1]
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic(err)
	}
	c.faces[k] = face
	return face
}

// style is how text looks.
type style struct {
	size  float64
	bold  bool
	color color.Color
}

// text draws s with its baseline at y, from x on.
func (c *canvas) text(x, y float64, s string, st style) {
	d := font.Drawer{Dst: c.RGBA, Src: image.NewUniform(st.color), Face: c.face(st.size, st.bold),
		Dot: fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6(y * 64)}}
	d.DrawString(s)
}

func (c *canvas) width(s string, st style) float64 {
	return float64(font.MeasureString(c.face(st.size, st.bold), s)) / 64
}

func (c *canvas) centred(x, y float64, s string, st style) {
	c.text(x-c.width(s, st)/2, y, s, st)
}

// spaced draws s with gaps between its letters, centred on x.
func (c *canvas) spaced(x, y float64, s string, st style, gap float64) {
	runes := []rune(s)
	total := c.width(s, st) + gap*float64(len(runes)-1)
	x -= total / 2
	for _, r := range runes {
		c.text(x, y, string(r), st)
		x += c.width(string(r), st) + gap
	}
}

// paragraph breaks s into lines of a width, indents the first by two
// characters if told to, and returns the baseline behind the last line.
func (c *canvas) paragraph(x, y, width float64, s string, st style, leading float64, indent bool) float64 {
	line, at := "", x
	if indent {
		at += 2 * st.size
	}
	flush := func() {
		c.text(at, y, line, st)
		y += leading
		line, at = "", x
	}
	for _, r := range s {
		if r == '\n' {
			flush()
			continue
		}
		fits := at+c.width(line+string(r), st) <= x+width
		if !fits && !strings.ContainsRune("，。；：、）》”", r) { // they hang behind the end
			flush()
		}
		line += string(r)
	}
	if line != "" {
		flush()
	}
	return y
}

func (c *canvas) rect(x, y, w, h float64, col color.Color) {
	r := image.Rect(int(x), int(y), int(x+w), int(y+h))
	draw.Draw(c.RGBA, r, image.NewUniform(col), image.Point{}, draw.Over)
}

func (c *canvas) frame(x, y, w, h, thick float64, col color.Color) {
	c.rect(x, y, w, thick, col)
	c.rect(x, y+h-thick, w, thick, col)
	c.rect(x, y, thick, h, col)
	c.rect(x+w-thick, y, thick, h, col)
}

// path fills what draw outlines, smoothly.
func (c *canvas) path(col color.Color, outline func(*vector.Rasterizer)) {
	r := vector.NewRasterizer(c.Bounds().Dx(), c.Bounds().Dy())
	outline(r)
	r.Draw(c.RGBA, c.Bounds(), image.NewUniform(col), image.Point{})
}

func (c *canvas) round(x, y, w, h, radius float64, col color.Color) {
	c.path(col, func(r *vector.Rasterizer) { roundRect(r, x, y, w, h, radius) })
}

func roundRect(r *vector.Rasterizer, x, y, w, h, q float64) {
	p := func(dx, dy float64) (float32, float32) { return float32(x + dx), float32(y + dy) }
	mx, my := p(q, 0)
	r.MoveTo(mx, my)
	line := func(dx, dy float64) { a, b := p(dx, dy); r.LineTo(a, b) }
	corner := func(cx, cy, dx, dy float64) {
		a, b := p(cx, cy)
		e, f := p(dx, dy)
		r.QuadTo(a, b, e, f)
	}
	line(w-q, 0)
	corner(w, 0, w, q)
	line(w, h-q)
	corner(w, h, w-q, h)
	line(q, h)
	corner(0, h, 0, h-q)
	line(0, q)
	corner(0, 0, q, 0)
	r.ClosePath()
}

func (c *canvas) disc(x, y, radius float64, col color.Color) {
	c.path(col, func(r *vector.Rasterizer) { circle(r, x, y, radius, 1) })
}

func (c *canvas) ring(x, y, radius, thick float64, col color.Color) {
	c.path(col, func(r *vector.Rasterizer) {
		circle(r, x, y, radius, 1)
		circle(r, x, y, radius-thick, -1) // the other way round: a hole
	})
}

func circle(r *vector.Rasterizer, x, y, radius, turn float64) {
	const n = 96
	for i := range n {
		a := turn * 2 * math.Pi * float64(i) / n
		px, py := float32(x+radius*math.Cos(a)), float32(y+radius*math.Sin(a))
		if i == 0 {
			r.MoveTo(px, py)
		} else {
			r.LineTo(px, py)
		}
	}
	r.ClosePath()
}

// stamp draws src on c with its middle at x, y, turned by an angle in radians.
func (c *canvas) stamp(src *canvas, x, y, angle float64) {
	sin, cos := math.Sincos(angle)
	cx, cy := src.w()/2, src.h()/2
	m := [6]float64{cos, -sin, x - cos*cx + sin*cy, sin, cos, y - sin*cx - cos*cy}
	scale.CatmullRom.Transform(c.RGBA, m, src.RGBA, src.Bounds(), draw.Over, nil)
}

// specimen writes 测试样本 SPECIMEN across the paper, pale, in rows.
func (c *canvas) specimen(size, angle float64, col color.Color, rows ...float64) {
	s := "测试样本 SPECIMEN"
	st := style{size, true, col}
	strip := newCanvas(int(c.width(s, st))+20, int(size*1.5), color.Transparent)
	strip.text(10, size*1.1, s, st)
	for _, y := range rows {
		c.stamp(strip, c.w()/2, c.h()*y, angle)
	}
}

// seal draws a round stamp that no one can take for an official one: its text
// says so, and where a seal has its star there is the word 样本.
func (c *canvas) seal(x, y, radius float64) {
	const text = "样本专用非公章"
	s := newCanvas(int(2*radius)+8, int(2*radius)+8, color.Transparent)
	m := radius + 4
	col := color.NRGBA{188, 26, 34, 190}
	s.ring(m, m, radius, radius*0.055, col)
	runes := []rune(text)
	st := style{radius * 0.30, true, col}
	for i, r := range runes {
		a := (float64(i)/float64(len(runes)-1) - 0.5) * 4.0 // radians from the top
		letter := newCanvas(int(radius*0.44), int(radius*0.44), color.Transparent)
		letter.centred(letter.w()/2, letter.h()*0.78, string(r), st)
		sin, cos := math.Sincos(a)
		s.stamp(letter, m+sin*radius*0.74, m-cos*radius*0.74, a)
	}
	s.centred(m, m+radius*0.10, "样本", style{radius * 0.42, true, col})
	s.centred(m, m+radius*0.46, "测试用", style{radius * 0.20, true, col})
	c.stamp(s, x, y, -0.12)
}

// signed writes a name as if by hand, in blue, and that it is a sample.
func (c *canvas) signed(x, y, size float64, name string) {
	st := style{size, false, blue}
	s := newCanvas(int(c.width(name, st)*1.5)+20, int(size*2), color.Transparent)
	at := 10.0
	for i, r := range []rune(name) {
		letter := newCanvas(int(size*1.5), int(size*1.6), color.Transparent)
		letter.text(size*0.2, size*1.15, string(r), st)
		s.stamp(letter, at+size*0.7, size+float64(i%2)*size*0.12, -0.08+0.07*float64(i%3))
		at += size * 0.92
	}
	m := [6]float64{1, -0.22, x + size*0.2, 0, 1, y - size*1.3}
	scale.CatmullRom.Transform(c.RGBA, m, s.RGBA, s.Bounds(), draw.Over, nil)
}

// silhouette stands where a portrait would: a head and shoulders in grey.
func (c *canvas) silhouette(x, y, w, h float64, shoulders color.Color) {
	c.rect(x, y, w, h, color.RGBA{226, 228, 232, 255})
	c.path(shoulders, func(r *vector.Rasterizer) { roundRect(r, x+w*0.12, y+h*0.64, w*0.76, h*0.5, w*0.3) })
	c.rect(x, y+h, w, h*0.16, c.At(int(x+w/2), min(int(y+h*1.15), c.Bounds().Dy()-1)))
	c.disc(x+w/2, y+h*0.40, w*0.235, color.RGBA{158, 162, 170, 255})
	c.frame(x, y, w, h, 2, pale)
	st := style{w * 0.17, true, color.RGBA{120, 40, 40, 255}}
	c.centred(x+w/2, y+h*0.94, "无照片", st)
}

// qr draws a QR code (ISO/IEC 18004) with its quiet zone.
func (c *canvas) qr(x, y, size float64, content string) error {
	m, err := qrcode.NewQRCodeWriter().Encode(content, gozxing.BarcodeFormat_QR_CODE, int(size), int(size), nil)
	if err != nil {
		return err
	}
	for j := range m.GetHeight() {
		for i := range m.GetWidth() {
			col := white
			if m.Get(i, j) {
				col = ink
			}
			c.SetRGBA(int(x)+i, int(y)+j, col)
		}
	}
	return nil
}
