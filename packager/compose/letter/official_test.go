package letter

import (
	"math"
	"strings"
	"testing"
)

// TestStandardPage holds the page against GB/T 9704-2012, 5.2 and 7.3: A4, 37 mm
// above and 28 mm left of an area of 156 × 225 mm, 22 lines of 28 characters of
// 三号 on a page, two characters of indent, the title in 二号 in the middle, the
// page number in 四号 7 mm below the area.
func TestStandardPage(t *testing.T) {
	faces := shippedFaces(t)
	in := func(points float64) float64 { return points / 72 * 25.4 }
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.2 {
			t.Errorf("%s: %.1f, not %.1f", what, got, want)
		}
	}
	near("page width", in(pageW), 210)
	near("page height", in(pageH), 297)
	near("title size", titleSize, 22)
	near("page number size", footSize, 14)
	near("body size", bodySize, 15.75)

	// A letter that is too long for any closer setting.
	blocks := []block{{kind: title, text: "关于测试的函"}}
	for range 8 {
		blocks = append(blocks, block{text: strings.Repeat("测", 400)})
	}
	pages := set(faces, blocks)
	head := pages[0].lines[0]
	near("title in the middle", in(left+head.pieces[0].x+faces[1].Width("关于测试的函")*titleSize/2), 28+156.0/2)
	near("first line of the page, mm", in(pages[1].lines[0].y), 37)
	near("left margin, mm", in(left+pages[1].lines[0].pieces[0].x), 28)
	for i, p := range pages {
		lines := 0
		for _, l := range p.lines {
			if l.body {
				lines++
			}
			if l.y+l.height > bottom+0.1 {
				t.Errorf("page %d runs out of the area", i+1)
			}
			for _, piece := range l.pieces {
				if n := len([]rune(piece.text)); l.body && piece.width > 0 && n != 28 && n != 26 {
					t.Errorf("page %d has a line of %d characters", i+1, n)
				}
			}
		}
		if i > 0 && i < len(pages)-1 && (lines < 22 || lines > 26) {
			t.Errorf("page %d has %d lines", i+1, lines)
		}
	}
	// The standard setting is the first that is tried.
	s := &setter{faces: faces, pitch: pitches[0]}
	s.blocks([]block{{text: strings.Repeat("测", 28*60)}})
	if n := len(paginate(s.lines)[0].lines); n != 22 {
		t.Errorf("%d lines on a page, not 22", n)
	}
	if first := s.lines[0].pieces[0]; math.Abs(first.x-2*bodySize) > 0.1 || len([]rune(first.text)) != 26 {
		t.Errorf("a paragraph begins at %.1f with %d characters", first.x, len([]rune(first.text)))
	}
}

// TestEveryLetter: every letter of every platform names who, to whom, which
// account, and has its place to sign; nothing of the template is left in it.
func TestEveryLetter(t *testing.T) {
	l := library(t)
	for _, name := range []string{"weibo_enterprise", "wecom_account", "wechat_oa", "weibo_video", "douyin_employee"} {
		c, rs := example(t, name)
		for id, d := range drafts(t, l, name) {
			text := d.Text()
			wants := []string{d.Title(), c.Applicant.Name, c.Account.Name}
			wording, _, _ := strings.Cut(id, "-")
			switch wording {
			case "stop_notice": // addressed to the users
				wants = append(wants, "尊敬的用户", string(sealBlock)+" "+c.Applicant.Name, c.Account.ID)
			case "consent":
				wants = append(wants, "致："+c.Applicant.Name, rs.Operator, "单独同意", string(signLine), string(dateLine))
			case "sub_account_authorization":
				wants = append(wants, "致："+rs.Operator, c.Applicant.USCC, string(signLine))
			case "authorization_letter": // between the company and its agent
				wants = append(wants, c.Applicant.USCC, c.Account.ID, "委托事项", "代理权限", "委托期限", "受托人无权转委托", string(sealBlock)+" "+c.Applicant.Name)
			case "application_letter_signed":
				wants = append(wants, "致："+rs.Operator, c.Account.ID, string(signLine))
			default:
				wants = append(wants, "致："+rs.Operator, c.Applicant.USCC, c.Account.ID, string(sealBlock)+" "+c.Applicant.Name)
			}
			for _, want := range wants {
				if want != "" && !strings.Contains(text, want) {
					t.Errorf("%s, %s: no %q in\n%s", name, id, want, text)
				}
			}
			for _, left := range []string{"{{", "}}", "<no value>", "<nil>", "map["} {
				if strings.Contains(text, left) {
					t.Errorf("%s, %s: %q is left in\n%s", name, id, left, text)
				}
			}
		}
	}
}
