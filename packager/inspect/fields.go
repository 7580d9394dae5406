package inspect

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"dossier/packager"
	"dossier/packager/identity"
)

// anyDay is later than every day that a paper may bear: what a number's date
// means today is for check to say.
var anyDay = packager.Day{Year: 2100, Month: 1, Dom: 1}

// joined is a line as one text in NFKC, with the word that each byte comes
// from. Chinese is set without blanks, and OCR puts some where none are, also
// into numbers: they are dropped. In a text layer a blank between letters or
// digits is one.
type joined struct {
	text  string
	words line
	of    []int
}

func join(l line, by string) joined {
	j := joined{words: l}
	var b strings.Builder
	blank, last := false, ' '
	for i, w := range l {
		for _, r := range norm.NFKC.String(w.text) {
			if unicode.Is(unicode.Cf, r) {
				continue
			}
			if unicode.IsSpace(r) {
				blank = true
				continue
			}
			if blank && by == "text" && narrow(last) && narrow(r) {
				b.WriteByte(' ')
				j.of = append(j.of, i)
			}
			n, _ := b.WriteRune(r)
			for range n {
				j.of = append(j.of, i)
			}
			blank, last = false, r
		}
	}
	j.text = b.String()
	return j
}

func narrow(r rune) bool { return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// field makes a field of the bytes from a to b.
func (j joined) field(name, value string, a, b, page int, by string) packager.Field {
	f := packager.Field{Name: name, Value: value, By: by, Page: page}
	if a >= b || b > len(j.of) {
		return f
	}
	first, last := j.of[a], j.of[b-1]
	z := packager.Zone{Name: name, X: 1, Y: 1}
	var right, low float64
	for _, w := range j.words[first : last+1] {
		f.Confidence += w.certain / float64(last-first+1)
		z.X, z.Y, right, low = min(z.X, w.x0), min(z.Y, w.y0), max(right, w.x1), max(low, w.y1)
	}
	if right > z.X && low > z.Y {
		z.W, z.H = right-z.X, low-z.Y
		f.Zone = &z
	}
	return f
}

const (
	han    = `\p{Han}`
	nameOf = han + `[` + han + `·]{1,14}`
	date   = `[0-9]{4}(?:年|[-./])[0-9]{1,2}(?:月|[-./])[0-9]{1,2}日?`
)

var (
	usccRun = regexp.MustCompile(`[0-9A-Za-z]{18}`)
	idRun   = regexp.MustCompile(`[0-9]{17}[0-9Xx]`)
	entity  = regexp.MustCompile(`(?:名称|单位名称|企业名称)[:]?(` + han + `[` + han + `A-Za-z0-9()·&.\-]{2,60}?(?:公司|厂|店|中心|部|社|院|所|局|会|行|馆|校|园|站|场|队|室|坊|户|集团|企业|合伙\)))$`)
	ours    = regexp.MustCompile(`(?:我公司|我单位|申请单位|申请人|委托单位|委托人|委托方|授权单位|授权人|授权方)[:]?(` + han + `[` + han + `A-Za-z0-9()·&.\-]{2,60}?(?:公司|厂|店|中心|社|院|所|局|会|行|馆|校|集团|企业))(?:$|[(,;。、申])`)
	person  = regexp.MustCompile(`姓名[:]?(` + nameOf + `)$`)
	legal   = regexp.MustCompile(`(?:法定代表人|负责人|经营者|执行事务合伙人|投资人)(?:\(签[字章名]\)|\(委派代表\)|签[字名])?[:]?(` + nameOf + `)$`)
	agent   = regexp.MustCompile(`(?:代理人|经办人|被授权人|受托人|被委托人)(?:姓名)?[:]?(` + nameOf + `?)(?:$|[,。;、(]|办理|代为|代理|全权|身份证|持|系|为)`)
	form    = regexp.MustCompile(`^类型[:]?(` + han + `[` + han + `()、,]{2,40})$`)
	term    = regexp.MustCompile(`(` + date + `)(?:起)?(?:至|-|到|—|~|一)(` + date + `|长期)`)
	longRun = regexp.MustCompile(`(?:营业期限|合伙期限|有效期限?)[:]?(长期)`)
	account = regexp.MustCompile(`(gh_[0-9a-f]{12})|(?:UID|原始ID|抖音号|账号ID|帐号ID|账号|帐号|用户ID)[: ]?([A-Za-z0-9_][A-Za-z0-9_.\-]{4,40})`)
	address = regexp.MustCompile(`^致[:]?(` + han + `[` + han + `A-Za-z0-9()]{3,40})[::]?$`)
	// heading are words that stand behind a label in titles and prose, where a
	// person's name would.
	heading = regexp.MustCompile(`授权|权限|期限|上述|委托|证明|证件|身份|签字|签名|签章|盖章|公章|公司|姓名|电话|号码|办理|声明|申请|信息|代表|本人`)
	dateEnd = regexp.MustCompile(`^.{0,36}?(` + date + `)$`)
)

// extract finds the fields in the lines of one page. Nothing is guessed: a
// number counts only when it passes its check, and a name only behind its
// label.
func extract(lines []line, page int, by string) []packager.Field {
	var out []packager.Field
	add := func(f packager.Field) {
		for _, o := range out {
			if o.Name == f.Name && o.Value == f.Value {
				return
			}
		}
		out = append(out, f)
	}
	var dated *packager.Field
	for _, l := range lines {
		j := join(l, by)
		j.numbers(page, by, add)
		for _, p := range []struct {
			name  string
			re    *regexp.Regexp
			words bool // not the name of a person
		}{{"name", entity, true}, {"name", ours, true}, {"name", person, false}, {"legal_representative", legal, false},
			{"agent", agent, false}, {"type", form, true}, {"addressee", address, true}} {
			if m := p.re.FindStringSubmatchIndex(j.text); m != nil && (p.words || !heading.MatchString(j.text[m[2]:m[3]])) {
				add(j.field(p.name, j.text[m[2]:m[3]], m[2], m[3], page, by))
			}
		}
		if m := account.FindStringSubmatchIndex(j.text); m != nil {
			k := 2
			if m[2] < 0 {
				k = 4
			}
			add(j.field("account_id", j.text[m[k]:m[k+1]], m[k], m[k+1], page, by))
		}
		if m := term.FindStringSubmatchIndex(j.text); m != nil {
			add(j.day("valid_from", m[2], m[3], page, by))
			add(j.day("valid_until", m[4], m[5], page, by))
		} else if m := longRun.FindStringSubmatchIndex(j.text); m != nil {
			add(j.field("valid_until", "长期", m[2], m[3], page, by))
		} else if m := dateEnd.FindStringSubmatchIndex(j.text); m != nil && standsAlone(j.text[:m[2]]) {
			d := j.day("dated", m[2], m[3], page, by)
			dated = &d // the last one is that of the signature
		}
	}
	if dated != nil {
		add(*dated)
	}
	return out
}

// standsAlone reports whether what is before a date is nothing but a label.
func standsAlone(before string) bool {
	before = strings.TrimRight(before, ":.、,")
	return before == "" || strings.HasSuffix(before, "日期") || strings.HasSuffix(before, "盖章)") || strings.HasSuffix(before, "签字)")
}

// day makes a field of a date, written YYYY-MM-DD; what is no date stays as
// it is.
func (j joined) day(name string, a, b, page int, by string) packager.Field {
	value := j.text[a:b]
	if d, ok := identity.ParseDate(value); ok {
		value = d.String()
	}
	return j.field(name, value, a, b, page, by)
}

// numbers finds credit codes and identity numbers. They are told apart by
// what stands before them, then by which check they pass.
func (j joined) numbers(page int, by string, add func(packager.Field)) {
	for at := 0; at < len(j.text); {
		m := usccRun.FindStringIndex(j.text[at:])
		if m == nil {
			return
		}
		a, b := at+m[0], at+m[1]
		if inRun(j.text, a, b) { // 18 of more
			_, n := utf8.DecodeRuneInString(j.text[a:])
			at = a + n
			continue
		}
		at = b
		s, label := j.text[a:b], before(j.text, a)
		id := idRun.MatchString(s) && identity.CitizenID(s, anyDay).OK()
		code := identity.USCC(s)
		switch {
		case id && !(code.OK() && strings.Contains(label, "代码")):
			f := j.field("id_number", strings.ToUpper(s), a, b, page, by)
			f.Proven = true
			add(f)
		case code.OK() && (!digitsOnly(s) || strings.Contains(label, "代码")): // one identity number in thirty passes, too
			f := j.field("uscc", code.Normal, a, b, page, by)
			f.Proven = true
			add(f)
		case code.Suggestion != "" && by == "ocr": // O for 0 and the like
			f := j.field("uscc", code.Suggestion, a, b, page, by)
			f.Confidence = min(f.Confidence, 0.7)
			add(f)
		}
	}
}

func digitsOnly(s string) bool { return strings.Trim(s, "0123456789") == "" }

func inRun(s string, a, b int) bool {
	letter := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }
	return a > 0 && letter(s[a-1]) || b < len(s) && letter(s[b])
}

// before is the text of up to 30 bytes before a place.
func before(s string, at int) string { return s[max(0, at-30):at] }

// class is a kind of paper that its text shows.
type class string

const (
	classLicence       class = "business_licence"
	classPortrait      class = "portrait"
	classEmblem        class = "emblem"
	classLetter        class = "application_letter"
	classAuthorisation class = "authorization_letter"
)

// classify says what kind of paper a text is, and by which words; "" when that
// is not plain.
func classify(text string) (class, string) {
	has := func(words ...string) bool {
		for _, w := range words {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return true
	}
	switch {
	case has("授权", "委托书"), has("授权书"):
		return classAuthorisation, "授权"
	case has("申请", "注销", "致"):
		return classLetter, "申请注销"
	case has("统一社会信用代码", "经营范围"), has("营业执照", "统一社会信用代码"):
		return classLicence, "统一社会信用代码"
	case has("公民身份号码"):
		return classPortrait, "公民身份号码"
	case has("签发机关", "有效期限"):
		return classEmblem, "签发机关"
	}
	return "", ""
}

// plainText is all lines as one text.
func plainText(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(join(l, "ocr").text)
		b.WriteByte('\n')
	}
	return b.String()
}
