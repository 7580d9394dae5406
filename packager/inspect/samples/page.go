// Package samples makes the files that the tests of inspect look at: printed
// pages as a camera would see them, pictures, PDFs and archives of every kind,
// sound and broken. Everything in them is fictional and says so; nothing looks
// like a real licence, card or seal.
package samples

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"sync"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"dossier/templates"
)

var regular = sync.OnceValue(func() *opentype.Font {
	f, err := opentype.Parse(templates.Regular)
	if err != nil {
		panic(err) // the font is part of the program
	}
	return f
})

// Line is a line of print.
type Line struct {
	Text string
	Size float64 // points
	X, Y float64 // millimetres from the top left to the baseline
}

// Print sets lines in black on white paper of the given size in millimetres.
func Print(widthMM, heightMM, dpi float64, lines ...Line) *image.Gray {
	px := func(mm float64) float64 { return mm / 25.4 * dpi }
	img := image.NewGray(image.Rect(0, 0, int(px(widthMM)), int(px(heightMM))))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	for _, l := range lines {
		face, err := opentype.NewFace(regular(), &opentype.FaceOptions{Size: l.Size, DPI: dpi, Hinting: font.HintingFull})
		if err != nil {
			panic(err)
		}
		d := font.Drawer{Dst: img, Src: image.Black, Face: face, Dot: fixed.P(int(px(l.X)), int(px(l.Y)))}
		d.DrawString(l.Text)
		face.Close()
	}
	return img
}

// Smallest is the line of the smallest print on the sheet of Sheet: 9 points,
// as the scope of business on a licence that is copied to A4.
const Smallest = "最小字样本 统一社会信用代码 91000000MAFAKE019J 样本地址测试路一百零一号"

// Sheet is an A4 page of print in sizes as papers have them, 9 to 22 points.
func Sheet(dpi float64) *image.Gray {
	lines := []Line{
		{"测试样本 SPECIMEN 样张", 22, 60, 30},
		{"统一社会信用代码 91000000MAFAKE019J", 14, 25, 50},
		{"名称 测试虚构（样本）科技有限公司", 14, 25, 62},
		{"法定代表人 测试甲", 14, 25, 74},
	}
	// No two lines are alike and their distances differ, as in real papers: a
	// page that repeats itself has a spectrum like a screen's.
	words := []rune("本页为虚构内容仅供程序自测使用不具有任何效力文字样本注销申请平台账号公司名称日期地址电话负责人")
	r := rand.New(rand.NewPCG(3, 4))
	filler := func(n int) string {
		b := make([]rune, n)
		for i := range b {
			b[i] = words[r.IntN(len(words))]
		}
		return string(b)
	}
	y := 90.0
	for range 12 {
		lines = append(lines, Line{filler(30 + r.IntN(9)), 11, 25 + 2*r.Float64(), y})
		y += 7.5 + r.Float64()
	}
	for i := range 6 {
		text := filler(40 + r.IntN(8))
		if i%2 == 0 {
			text = Smallest
		}
		lines = append(lines, Line{text, 9, 25 + 2*r.Float64(), y})
		y += 6.5 + r.Float64()
	}
	return Print(210, 297, dpi, lines...)
}

// Licence is a page with the fields of a business licence, plainly set, and a
// QR code with the given content ("" for none).
func Licence(dpi float64, uscc, qr string) *image.Gray {
	img := Print(297, 210, dpi,
		Line{"测试样本 SPECIMEN 非营业执照", 26, 90, 30},
		Line{"统一社会信用代码  " + uscc, 15, 30, 60},
		Line{"名称  测试虚构（样本）科技有限公司", 15, 30, 78},
		Line{"类型  有限责任公司", 15, 30, 92},
		Line{"法定代表人  测试甲", 15, 30, 106},
		Line{"经营范围  仅供测试，虚构内容", 15, 30, 120},
		Line{"成立日期  2020年05月06日", 15, 160, 78},
		Line{"营业期限  2020年05月06日至2040年05月05日", 15, 160, 92},
		Line{"住所  样本省测试市虚构路101号", 15, 160, 106},
		Line{"2020年05月06日", 15, 200, 180},
	)
	if qr != "" {
		side := int(35 / 25.4 * dpi)
		m, err := qrcode.NewQRCodeWriter().Encode(qr, gozxing.BarcodeFormat_QR_CODE, side, side, nil)
		if err != nil {
			panic(err)
		}
		ox, oy := img.Rect.Dx()-side-side/3, side/4
		for y := range m.GetHeight() {
			for x := range m.GetWidth() {
				if m.Get(x, y) {
					img.SetGray(ox+x, oy+y, color.Gray{})
				}
			}
		}
	}
	return img
}

// Letter is an application letter.
func Letter(dpi float64, account, date string) *image.Gray {
	return Print(210, 297, dpi,
		Line{"注销申请函（测试样本）", 20, 65, 35},
		Line{"致：测试平台样本有限公司", 13, 25, 55},
		Line{"我公司 测试虚构（样本）科技有限公司（统一社会信用代码：", 13, 25, 70},
		Line{"91000000MAFAKE019J）申请注销账号，原始ID：" + account + "。", 13, 25, 80},
		Line{"法定代表人：测试甲", 13, 25, 100},
		Line{date, 13, 130, 140},
	)
}

// Card is the emblem or the portrait side of a made-up card: text fields and a
// grey silhouette, nothing of a real card's design.
func Card(dpi float64, lines ...string) *image.Gray {
	out := []Line{{"测试样本 SPECIMEN 非身份证", 9, 20, 8}}
	for i, l := range lines {
		out = append(out, Line{l, 9, 6, 18 + 8*float64(i)})
	}
	img := Print(85.6, 54, dpi, out...)
	w, h := float64(img.Rect.Dx()), float64(img.Rect.Dy())
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			dx, dy := (float64(x)-0.82*w)/(0.1*w), (float64(y)-0.5*h)/(0.25*h)
			if dx*dx+dy*dy < 1 {
				img.SetGray(x, y, color.Gray{170})
			}
		}
	}
	return img
}

// Camera says how a page is seen.
type Camera struct {
	Scale   float64 // of the side; 0 is 1
	Rotate  float64 // degrees, clockwise
	Blur    float64 // standard deviation of a Gaussian, in pixels of the result
	Paper   float64 // brightness of white paper, 0 to 1; 0 is 0.82
	Dark    float64 // brightness of everything, 0 to 1; 0 is 1
	Glare   float64 // share of the picture under a lamp's reflection
	Noise   float64 // standard deviation, in 255ths
	Screen  float64 // pitch of a screen's pixels in pixels of the result; 0 is paper
	Desk    float64 // margin of desk around the page, as a share of the side
	Crop    float64 // share of the page cut off at the right
	Tilting float64 // brightness falls off to one side by this share
}

// Shoot returns the page as the camera sees it. The same page and camera give
// the same pixels.
func Shoot(page *image.Gray, c Camera) *image.Gray {
	if c.Scale == 0 {
		c.Scale = 1
	}
	if c.Paper == 0 {
		c.Paper = 0.82
	}
	if c.Dark == 0 {
		c.Dark = 1
	}
	img := scale(page, c.Scale)
	if c.Crop > 0 {
		img = crop(img, 1-c.Crop)
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	margin := int(c.Desk * float64(max(w, h)))
	out := image.NewGray(image.Rect(0, 0, w+2*margin, h+2*margin))
	sin, cos := math.Sincos(c.Rotate * math.Pi / 180)
	cx, cy := float64(out.Rect.Dx())/2, float64(out.Rect.Dy())/2
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			dx, dy := float64(x)-cx, float64(y)-cy
			sx, sy := dx*cos+dy*sin+float64(w)/2, -dx*sin+dy*cos+float64(h)/2
			out.Pix[y*out.Stride+x] = sample(img, sx, sy)
		}
	}
	if c.Screen > 0 {
		screen(out, c.Screen)
	}
	light(out, c)
	if c.Blur > 0 {
		out = blur(out, c.Blur)
	}
	if c.Noise > 0 {
		r := rand.New(rand.NewPCG(1, 2))
		for i, v := range out.Pix {
			out.Pix[i] = clamp(float64(v) + r.NormFloat64()*c.Noise)
		}
	}
	return out
}

// desk is the brightness of what lies around the page.
const desk = 90

func sample(img *image.Gray, x, y float64) uint8 {
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	fx, fy := x-float64(x0), y-float64(y0)
	at := func(x, y int) float64 {
		if x < 0 || y < 0 || x >= img.Rect.Dx() || y >= img.Rect.Dy() {
			return desk
		}
		return float64(img.Pix[y*img.Stride+x])
	}
	return uint8((at(x0, y0)*(1-fx)+at(x0+1, y0)*fx)*(1-fy) + (at(x0, y0+1)*(1-fx)+at(x0+1, y0+1)*fx)*fy)
}

// light lays paper, shade and a lamp's reflection over the picture.
func light(img *image.Gray, c Camera) {
	w, h := float64(img.Rect.Dx()), float64(img.Rect.Dy())
	radius := math.Sqrt(c.Glare * w * h / math.Pi)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			i := y*img.Stride + x
			v := float64(img.Pix[i]) * c.Paper * c.Dark
			v *= 1 - c.Tilting*float64(x)/w
			if c.Glare > 0 {
				d := math.Hypot(float64(x)-0.6*w, float64(y)-0.4*h)
				// all white inside the radius, fading out to twice of it
				k := min(1, max(0, 2-d/radius))
				v += k * k * 400
			}
			img.Pix[i] = clamp(v)
		}
	}
}

// screen multiplies the picture with a grid of light dots, as a display has
// them, sampled by the camera's own grid: the two beat.
func screen(img *image.Gray, pitch float64) {
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			i := y*img.Stride + x
			// turned a little, as a hand holds the camera
			u := (float64(x)*0.9986 + float64(y)*0.0523) / pitch
			v := (float64(y)*0.9986 - float64(x)*0.0523) / pitch
			k := 0.86 + 0.14*math.Cos(2*math.Pi*u)*math.Cos(2*math.Pi*v)
			img.Pix[i] = clamp(float64(img.Pix[i]) * k)
		}
	}
}

func clamp(v float64) uint8 { return uint8(min(255, max(0, v+0.5))) }

// scale averages a picture down, or interpolates it up.
func scale(img *image.Gray, s float64) *image.Gray {
	if s == 1 {
		return img
	}
	out := image.NewGray(image.Rect(0, 0, max(1, int(float64(img.Rect.Dx())*s)), max(1, int(float64(img.Rect.Dy())*s))))
	for y := range out.Rect.Dy() {
		y0, y1 := float64(y)/s, float64(y+1)/s
		for x := range out.Rect.Dx() {
			x0, x1 := float64(x)/s, float64(x+1)/s
			if s > 1 {
				out.Pix[y*out.Stride+x] = sample(img, (x0+x1)/2-0.5, (y0+y1)/2-0.5)
				continue
			}
			out.Pix[y*out.Stride+x] = area(img, x0, y0, x1, y1)
		}
	}
	return out
}

// area is the mean over a rectangle whose sides lie between pixels.
func area(img *image.Gray, x0, y0, x1, y1 float64) uint8 {
	var sum, weight float64
	for sy := int(y0); sy < min(int(math.Ceil(y1)), img.Rect.Dy()); sy++ {
		wy := min(y1, float64(sy+1)) - max(y0, float64(sy))
		for sx := int(x0); sx < min(int(math.Ceil(x1)), img.Rect.Dx()); sx++ {
			w := wy * (min(x1, float64(sx+1)) - max(x0, float64(sx)))
			sum += w * float64(img.Pix[sy*img.Stride+sx])
			weight += w
		}
	}
	return clamp(sum / weight)
}

func crop(img *image.Gray, share float64) *image.Gray {
	w := int(float64(img.Rect.Dx()) * share)
	out := image.NewGray(image.Rect(0, 0, w, img.Rect.Dy()))
	draw.Draw(out, out.Rect, img, image.Point{}, draw.Src)
	return out
}

// blur convolves with a Gaussian.
func blur(img *image.Gray, sigma float64) *image.Gray {
	n := int(math.Ceil(3 * sigma))
	kernel := make([]float64, 2*n+1)
	sum := 0.0
	for i := range kernel {
		d := float64(i - n)
		kernel[i] = math.Exp(-d * d / (2 * sigma * sigma))
		sum += kernel[i]
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	pass := func(in []float64, stepX, stepY int) []float64 {
		out := make([]float64, w*h)
		for y := range h {
			for x := range w {
				v := 0.0
				for i, k := range kernel {
					sx := min(w-1, max(0, x+(i-n)*stepX))
					sy := min(h-1, max(0, y+(i-n)*stepY))
					v += k * in[sy*w+sx]
				}
				out[y*w+x] = v / sum
			}
		}
		return out
	}
	in := make([]float64, w*h)
	for y := range h {
		for x := range w {
			in[y*w+x] = float64(img.Pix[y*img.Stride+x])
		}
	}
	res := pass(pass(in, 1, 0), 0, 1)
	out := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range res {
		out.Pix[i] = clamp(v)
	}
	return out
}

// Note is a small page, 90 × 60 mm at 120 dots an inch.
func Note() *image.Gray {
	return Print(90, 60, 120,
		Line{"测试样本 SPECIMEN", 16, 10, 14},
		Line{"本页为虚构内容，仅供程序自测", 11, 10, 28},
		Line{"91000000MAFAKE019J", 12, 10, 40},
	)
}
