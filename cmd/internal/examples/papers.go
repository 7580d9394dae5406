package main

import (
	"image/color"
	"strings"
)

// The particulars that all papers share: numbers that belong to nobody.
const (
	company = "测试虚构（样本）科技有限公司"
	uscc    = "91000000MAFAKE019J"
)

// person is somebody on a paper.
type person struct {
	name, sex, number string
	birth             [3]string
	valid             string // as printed on the emblem side
	phone             string
	shoulders         color.RGBA
}

var (
	legalRep = person{"测试甲", "男", "110199198001010016", [3]string{"1980", "1", "1"}, "2011.05.01-2031.05.01", "13800138000", color.RGBA{126, 130, 140, 255}}
	agent    = person{"样本乙", "女", "310199198512310026", [3]string{"1985", "12", "31"}, "2018.03.10-2038.03.10", "13800138000", color.RGBA{150, 132, 132, 255}}
	employee = person{"样本丙", "男", "440399200106300033", [3]string{"2001", "6", "30"}, "2019.06.01-2029.06.01", "13800138000", color.RGBA{112, 134, 126, 255}}
	// expired is the legal representative with a card that has run out.
	expired = person{"测试甲", "男", "110199198001010016", [3]string{"1980", "1", "1"}, "2006.11.01-2026.11.01", "13800138000", color.RGBA{126, 130, 140, 255}}
)

// licence is a landscape page with the fields of a business licence where a
// licence has them, a grey disc for the emblem and a plain frame.
func licence() *canvas {
	c := newCanvas(1754, 1240, color.RGBA{250, 249, 245, 255})
	c.frame(34, 34, c.w()-68, c.h()-68, 6, color.RGBA{176, 160, 120, 255})
	c.frame(50, 50, c.w()-100, c.h()-100, 2, color.RGBA{200, 188, 150, 255})
	c.specimen(118, -0.28, color.NRGBA{128, 128, 140, 70}, 0.40, 0.80)

	c.disc(c.w()/2, 142, 56, color.RGBA{214, 214, 218, 255})
	c.centred(c.w()/2, 152, "样本", style{34, true, grey})
	c.spaced(c.w()/2, 296, "营业执照", style{104, true, ink}, 26)
	c.centred(c.w()/2, 346, "（副本）测试样本，不具法律效力", style{28, false, red})

	c.text(112, 236, "统一社会信用代码", style{28, false, grey})
	c.text(112, 286, uscc, style{42, true, ink})
	if err := c.qr(1420, 110, 250, "http://www.gsxt.gov.cn/index.html?uniscid="+uscc); err != nil {
		panic(err)
	}
	c.centred(1545, 384, "扫描二维码登录“国家企业信用", style{19, false, grey})
	c.centred(1545, 408, "信息公示系统”了解登记信息（样本）", style{19, false, grey})

	left := [][2]string{
		{"名　　称", company}, {"类　　型", "有限责任公司（自然人投资或控股）"}, {"法定代表人", legalRep.name},
		{"经营范围", "虚构样本的制作与测试；软件开发；信息技术咨询服务。（本执照为测试样本，所列内容均属虚构。）"},
	}
	right := [][2]string{
		{"注册资本", "壹佰万元整"}, {"成立日期", "2015年03月18日"}, {"营业期限", "2015年03月18日至长期"},
		{"住　　所", "样本省测试市虚构区样本路 0 号"},
	}
	for i, y := range []float64{484, 562, 640, 718} {
		c.text(112, y, left[i][0], style{29, true, grey})
		c.paragraph(282, y, 660, left[i][1], style{31, false, ink}, 46, false)
		c.text(1000, y, right[i][0], style{29, true, grey})
		c.paragraph(1170, y, 500, right[i][1], style{31, false, ink}, 46, false)
	}
	c.text(1130, 986, "登记机关　样本市市场监督管理局（虚构）", style{27, false, grey})
	c.text(1240, 1064, "2026 年 01 月 15 日", style{31, false, ink})
	c.seal(1420, 1010, 96)
	c.text(112, 1150, "国家企业信用信息公示系统网址：http://www.gsxt.gov.cn（测试样本，请勿使用）", style{22, false, grey})
	return c
}

// Cards are drawn at 300 dots an inch of ID-1 (85.6 mm by 54 mm), by 1.4.
const cardWidth, cardHeight = 1416, 893

func card() *canvas {
	c := newCanvas(cardWidth, cardHeight, color.RGBA{232, 238, 243, 255})
	c.rect(0, 0, c.w(), 26, color.RGBA{214, 224, 232, 255})
	c.rect(0, c.h()-26, c.w(), 26, color.RGBA{214, 224, 232, 255})
	return c
}

// notACard says so, at the head and across the height y (a share).
func (c *canvas) notACard(y float64) {
	c.centred(c.w()/2, 52, "测试样本 SPECIMEN · 不是身份证件", style{27, true, red})
	c.specimen(120, -0.12, color.NRGBA{110, 112, 140, 84}, y)
}

// portraitSide has the fields of an ID card's 人像面 in their places.
func portraitSide(p person) *canvas {
	c := card()
	head, value := style{35, false, color.RGBA{60, 98, 150, 255}}, style{41, false, ink}
	c.text(94, 142, "姓　名", head)
	c.text(254, 142, p.name, style{47, false, ink})
	c.text(94, 238, "性　别", head)
	c.text(254, 238, p.sex, value)
	c.text(394, 238, "民　族", head)
	c.text(554, 238, "汉", value)
	c.text(94, 334, "出　生", head)
	c.text(254, 334, p.birth[0], value)
	c.text(366, 334, "年", head)
	c.text(436, 334, p.birth[1], value)
	c.text(492, 334, "月", head)
	c.text(560, 334, p.birth[2], value)
	c.text(618, 334, "日", head)
	c.text(94, 430, "住　址", head)
	c.paragraph(254, 430, 500, "样本省测试市虚构区样本路 0 号 测试样本", value, 60, false)
	c.silhouette(958, 126, 330, 430, p.shoulders)
	c.text(94, 782, "公民身份号码", head)
	c.text(420, 784, p.number, style{56, true, ink})
	c.notACard(0.64)
	return c
}

// emblemSide has a grey disc for the emblem, and issuer and term below.
func emblemSide(p person) *canvas {
	c := card()
	c.disc(206, 222, 104, color.RGBA{206, 212, 220, 255})
	c.centred(206, 214, "国徽面", style{38, true, grey})
	c.centred(206, 264, "样本", style{38, true, grey})
	c.spaced(850, 212, "测试样本", style{78, true, ink}, 22)
	c.spaced(850, 328, "居民身份证（样张）", style{66, true, ink}, 10)
	c.text(440, 678, "签发机关", style{37, true, grey})
	c.text(640, 678, "样本市公安局虚构分局", style{41, false, ink})
	c.text(440, 782, "有效期限", style{37, true, grey})
	c.text(640, 782, p.valid, style{43, false, ink})
	c.notACard(0.52)
	return c
}

// bothSides is a copy of both sides of a card on one sheet, as a company's
// copier makes it.
func bothSides(p person) *canvas {
	c := page()
	for i, side := range []*canvas{portraitSide(p), emblemSide(p)} {
		y := 200 + float64(i)*760
		c.stamp(shrunk(side, 0.72), c.w()/2, y+322, 0)
		c.frame(c.w()/2-cardWidth*0.36, y, cardWidth*0.72, cardHeight*0.72, 2, pale)
	}
	return c
}

// A4 at 150 dots an inch.
const pageWidth, pageHeight = 1240, 1754

func page() *canvas {
	c := newCanvas(pageWidth, pageHeight, color.RGBA{253, 253, 251, 255})
	c.specimen(112, -0.28, color.NRGBA{128, 128, 140, 52}, 0.30, 0.70)
	c.text(70, 62, "测试样本 SPECIMEN", style{20, true, red})
	return c
}

// letter is a page in the form of an official letter.
type letter struct {
	title     string
	to        string
	body      []string
	table     [][2]string
	attached  []string
	signs     string // who signs
	signature string // name by hand
	date      string
	unsealed  bool
}

const margin = 130.0

func (l letter) page() *canvas {
	c := page()
	st := style{30, false, ink}
	const leading = 50
	c.spaced(c.w()/2, 190, l.title, style{48, true, ink}, 6)
	y := 288.0
	if l.to != "" {
		c.text(margin, y, "致："+l.to, style{30, true, ink})
		y += leading + 8
	}
	width := c.w() - 2*margin
	for _, p := range l.body {
		y = c.paragraph(margin, y, width, p, st, leading, true)
	}
	if len(l.table) > 0 {
		y = c.table(margin, y+6, width, l.table) + 50
	}
	if len(l.attached) > 0 {
		y = c.paragraph(margin, y, width, "附件："+strings.Join(l.attached, "；")+"。", st, leading, true)
	}
	y = max(y+60, c.h()-410)
	signs := l.signs
	if !l.unsealed {
		signs += "（公章）"
	}
	c.text(margin+430, y, signs, st)
	if l.signature != "" {
		c.text(margin+430, y+70, "法定代表人（签字）：", st)
		c.signed(margin+730, y+72, 52, l.signature)
	}
	c.text(margin+560, y+140, l.date, st)
	if !l.unsealed {
		c.seal(margin+690, y+62, 128)
	}
	return c
}

// table draws rows of two cells and returns the y behind it.
func (c *canvas) table(x, y, w float64, rows [][2]string) float64 {
	const row, first = 56.0, 270.0
	for i, r := range rows {
		top := y + float64(i)*row
		c.rect(x, top, first, row, color.RGBA{240, 241, 244, 255})
		c.text(x+16, top+38, r[0], style{26, true, ink})
		c.text(x+first+16, top+38, r[1], style{26, false, ink})
		c.frame(x, top, w, row+2, 2, grey)
	}
	bottom := y + float64(len(rows))*row
	c.rect(x+first, y, 2, bottom-y, grey)
	return bottom
}

// account is the account of one example, as its letters name it.
type account struct {
	platform, operator string
	kind, name         string // 微博昵称 …
	idName, id         string // UID, 原始ID …
	email              string
}

func (a account) table() [][2]string {
	return [][2]string{
		{"平台", a.platform}, {a.kind, a.name}, {a.idName, a.id}, {"绑定手机", "13800138000"}, {"绑定邮箱", a.email},
		{"申请单位", company}, {"统一社会信用代码", uscc},
	}
}

// application is the sealed application letter.
func application(a account, by string, attached ...string) *canvas {
	body := []string{
		"我单位因业务调整，不再使用下列账号，现申请注销。我单位为该账号的认证主体，申请事项属实，并授权提交本函所附材料。",
	}
	if by != "" {
		body = append(body, "本次申请由我单位经办人"+by+"办理。")
	}
	body = append(body, "我单位已知悉账号注销后数据将被永久删除且不可恢复，已完成数据备份；账号内无未结算资金、无未了结纠纷。由此产生的后果由我单位承担。")
	return letter{
		title: "账号注销申请函", to: a.operator, body: body, table: a.table(), attached: attached,
		signs: company, signature: legalRep.name, date: "2026 年 11 月 16 日",
	}.page()
}

// attachments is the second page of a letter: the list of what comes with it.
func attachments(rows [][2]string) *canvas {
	c := page()
	c.spaced(c.w()/2, 190, "附件清单", style{44, true, ink}, 8)
	y := c.table(margin, 270, c.w()-2*margin, rows)
	c.paragraph(margin, y+80, c.w()-2*margin, "以上附件均为测试样本，内容虚构，仅用于演示软件功能。第 2 页，共 2 页。", style{28, false, grey}, 48, false)
	c.seal(c.w()-8, 880, 128) // over the edge, as over the joint of pages
	return c
}

// authorisation is a letter of attorney (Civil Code art. 165: agent, matter,
// powers, term, signature or seal).
func authorisation(a account, to person) *canvas {
	return letter{
		title: "法定代表人授权委托书", to: a.operator,
		body: []string{
			"兹委托" + to.name + "（身份证号码：" + to.number + "，电话：" + to.phone + "）为我单位代理人，办理“" + a.name + "”（" + a.idName + "：" + a.id + "）账号注销事宜。",
			"代理权限：提交注销申请及相关材料、接受并回复审核意见、签收结果；无转委托权。",
			"委托期限：自 2026 年 11 月 10 日至 2027 年 5 月 10 日止。",
			"代理人在上述权限和期限内办理的事项，我单位均予以承认并承担法律责任。",
		},
		table: [][2]string{{"委托单位", company}, {"统一社会信用代码", uscc}, {"法定代表人", legalRep.name}, {"代理人", to.name}},
		signs: company, signature: legalRep.name, date: "2026 年 11 月 10 日",
	}.page()
}

// consent is one person's separate consent (PIPL art. 29).
func consent(p person, platform string) *canvas {
	c := letter{
		title: "个人信息处理单独同意书", to: company,
		body: []string{
			"本人" + p.name + "已知悉：为办理" + platform + "注销，贵单位需要收集、使用并向平台运营者提供本人的姓名、身份证件号码、身份证件影像等个人信息，其中包含敏感个人信息。",
			"处理目的：仅用于本次账号注销的身份核验。保存期限：注销完成后三十日内删除。本人知悉可以撤回同意，撤回不影响此前已进行的处理。",
			"本人对上述处理（包括向平台运营者提供）单独表示同意。",
		},
		signs: "同意人（签字）：", date: "2026 年 11 月 11 日", unsealed: true,
	}.page()
	c.signed(margin+690, c.h()-395, 60, p.name)
	return c
}

// contract is a labour contract of four pages.
func contract(p person) []*canvas {
	cover := page()
	cover.spaced(cover.w()/2, 560, "劳动合同书", style{92, true, ink}, 24)
	cover.centred(cover.w()/2, 650, "（测试样本，内容虚构）", style{34, false, red})
	cover.table(margin+60, 860, cover.w()-2*margin-120, [][2]string{
		{"甲方（用人单位）", company}, {"乙方（劳动者）", p.name}, {"合同编号", "SAMPLE-2023-007"}, {"签订日期", "2023 年 7 月 1 日"},
	})
	articles := [][]string{
		{
			"甲方：" + company + "，统一社会信用代码 " + uscc + "，法定代表人" + legalRep.name + "。",
			"乙方：" + p.name + "，身份证号码 " + p.number + "，住址：样本省测试市虚构区样本路 0 号。",
			"根据《中华人民共和国劳动合同法》，双方在平等自愿、协商一致的基础上订立本合同（样本），共同遵守。",
			"第一条　合同期限。本合同为固定期限劳动合同，自 2023 年 7 月 1 日起至 2027 年 6 月 30 日止，其中试用期三个月。",
			"第二条　工作内容和地点。乙方担任新媒体运营，工作地点为测试市。乙方因工作需要使用以甲方名义认证的抖音员工号。",
			"第三条　工作时间和休息休假。甲方安排乙方执行标准工时制，依法保障乙方的休息休假权利。",
		},
		{
			"第四条　劳动报酬。甲方每月 10 日前以货币形式支付乙方工资，数额见双方另行签署的工资确认单（样本从略）。",
			"第五条　社会保险和福利。甲乙双方依法参加社会保险，缴纳各项费用。",
			"第六条　账号归属。以甲方名义认证的网络账号及其内容归甲方所有；乙方离职或账号停用时，应配合甲方办理解绑或注销，并提供所需的个人材料。",
			"第七条　个人信息保护。甲方为办理前条事项使用乙方个人信息的，应当取得乙方的单独同意。",
			"第八条　劳动纪律。乙方应当遵守甲方依法制定的规章制度，保守甲方的商业秘密。",
			"第九条　合同的变更、解除和终止，依照《中华人民共和国劳动合同法》办理。",
		},
		{
			"第十条　争议处理。因履行本合同发生争议，双方可以协商解决，也可以依法申请调解、仲裁、提起诉讼。",
			"第十一条　本合同一式两份，甲乙双方各执一份，自双方签字盖章之日起生效。",
			"（以下无正文）",
		},
	}
	pages := []*canvas{cover}
	for i, text := range articles {
		c := page()
		y := 200.0
		for _, p := range text {
			y = c.paragraph(margin, y, c.w()-2*margin, p, style{30, false, ink}, 54, true) + 14
		}
		if i == len(articles)-1 {
			c.text(margin, y+150, "甲方（公章）：", style{30, false, ink})
			c.text(margin, y+220, "法定代表人：", style{30, false, ink})
			c.signed(margin+190, y+224, 50, legalRep.name)
			c.text(margin, y+290, "2023 年 7 月 1 日", style{30, false, ink})
			c.seal(margin+230, y+170, 122)
			c.text(margin+540, y+150, "乙方（签字）：", style{30, false, ink})
			c.signed(margin+750, y+154, 50, p.name)
			c.text(margin+540, y+290, "2023 年 7 月 1 日", style{30, false, ink})
		}
		c.centred(c.w()/2, c.h()-70, "— "+string(rune('1'+i))+" —", style{24, false, grey})
		pages = append(pages, c)
	}
	return pages
}
