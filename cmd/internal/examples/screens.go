package main

import "image/color"

// row is one line of a settings page.
type row struct {
	label, value string
	toggle       string // "on", "off", or "" for none
}

// screen is a page of a phone, drawn as no particular app.
type screen struct {
	title  string
	accent color.RGBA
	banner string // a line in a coloured box at the top
	groups []group
	note   string
}

type group struct {
	head string
	rows []row
}

var (
	weiboOrange = color.RGBA{232, 116, 36, 255}
	wechatGreen = color.RGBA{36, 160, 92, 255}
	wecomBlue   = color.RGBA{44, 112, 196, 255}
	douyinDark  = color.RGBA{40, 44, 60, 255}
)

// phone draws the page at 1080 by 2160 pixels.
func (s screen) phone() ([]byte, error) {
	c := newCanvas(1080, 2160, color.RGBA{242, 243, 245, 255})
	c.rect(0, 0, c.w(), 210, white)
	c.text(64, 68, "10:24", style{34, true, ink})
	c.text(880, 68, "5G  86%", style{32, false, ink})
	c.text(48, 166, "‹", style{64, false, ink})
	c.centred(c.w()/2, 166, s.title, style{44, true, ink})
	c.rect(0, 208, c.w(), 2, pale)
	y := 250.0
	if s.banner != "" {
		c.round(40, y, c.w()-80, 120, 20, s.accent)
		c.centred(c.w()/2, y+76, s.banner, style{38, true, white})
		y += 160
	}
	for _, g := range s.groups {
		if g.head != "" {
			c.text(56, y+36, g.head, style{32, false, grey})
			y += 60
		}
		c.round(32, y, c.w()-64, float64(len(g.rows))*116, 18, white)
		for i, r := range g.rows {
			c.row(y+float64(i)*116, r, s.accent)
			if i > 0 {
				c.rect(80, y+float64(i)*116, c.w()-160, 2, color.RGBA{232, 233, 236, 255})
			}
		}
		y += float64(len(g.rows))*116 + 44
	}
	if s.note != "" {
		c.paragraph(64, y+40, c.w()-128, s.note, style{32, false, grey}, 52, false)
	}
	c.watermark()
	c.centred(c.w()/2, c.h()-96, "测试样本 SPECIMEN · 界面与账号均为虚构", style{32, true, red})
	c.round(c.w()/2-180, c.h()-36, 360, 10, 5, ink)
	return pngOf(c)
}

func (c *canvas) row(y float64, r row, accent color.RGBA) {
	c.text(80, y+72, r.label, style{38, false, ink})
	switch r.toggle {
	case "":
		st := style{36, false, grey}
		c.text(c.w()-80-c.width(r.value, st), y+72, r.value, st)
	case "on":
		c.round(c.w()-190, y+30, 110, 58, 29, accent)
		c.disc(c.w()-109, y+59, 25, white)
	case "off":
		c.round(c.w()-190, y+30, 110, 58, 29, color.RGBA{214, 216, 220, 255})
		c.disc(c.w()-161, y+59, 25, white)
	}
}

// watermark marks a screen as a sample, faintly, all over.
func (c *canvas) watermark() {
	st := style{44, true, color.NRGBA{110, 110, 120, 40}}
	for i := range 9 {
		strip := newCanvas(int(c.width("测试样本", st))+20, 80, color.Transparent)
		strip.text(10, 56, "测试样本", st)
		c.stamp(strip, 190+float64(i%3)*350, 560+float64(i/3)*520, -0.5)
	}
}

// console is a page of a back end in a browser.
type console struct {
	title  string
	accent color.RGBA
	menu   []string
	chosen int
	head   []string
	rows   [][]string
	note   string
}

// page draws it at 1600 by 1000 pixels.
func (s console) page() ([]byte, error) {
	c := newCanvas(1600, 1000, color.RGBA{245, 246, 248, 255})
	c.rect(0, 0, c.w(), 76, s.accent)
	c.text(44, 50, "测试虚构管理后台", style{30, true, white})
	c.text(c.w()-420, 50, "测试虚构服务号 · 样本管理员", style{24, false, white})
	c.rect(0, 76, 250, c.h()-76, white)
	for i, m := range s.menu {
		st := style{26, false, ink}
		if i == s.chosen {
			c.rect(0, 110+float64(i)*68, 250, 60, color.RGBA{236, 242, 248, 255})
			c.rect(0, 110+float64(i)*68, 6, 60, s.accent)
			st = style{26, true, s.accent}
		}
		c.text(44, 150+float64(i)*68, m, st)
	}
	c.text(300, 146, s.title, style{36, true, ink})
	c.round(290, 180, c.w()-340, c.h()-270, 12, white)
	c.watermarkWide()
	column := (c.w() - 400) / float64(len(s.head))
	for i, h := range s.head {
		c.text(330+float64(i)*column, 240, h, style{25, true, grey})
	}
	c.rect(320, 264, c.w()-400, 2, pale)
	for j, r := range s.rows {
		for i, v := range r {
			c.text(330+float64(i)*column, 316+float64(j)*64, v, style{26, false, ink})
		}
		c.rect(320, 338+float64(j)*64, c.w()-400, 1, color.RGBA{230, 231, 234, 255})
	}
	if s.note != "" {
		c.paragraph(330, 356+float64(len(s.rows))*64, c.w()-440, s.note, style{25, false, grey}, 40, false)
	}
	c.text(300, c.h()-40, "测试样本 SPECIMEN · 界面、账号与数据均为虚构", style{24, true, red})
	return pngOf(c)
}

func (c *canvas) watermarkWide() {
	st := style{54, true, color.NRGBA{110, 110, 120, 40}}
	for i := range 4 {
		strip := newCanvas(int(c.width("测试样本", st))+20, 90, color.Transparent)
		strip.text(10, 64, "测试样本", st)
		c.stamp(strip, 500+float64(i)*290, 700, -0.4)
	}
}
