package identity

import (
	"strings"
)

// alphabet of GB 32100-2015: digits and letters without I, O, S, V, Z. The
// place of a character is its value.
const usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// weights of characters 1 to 17: 3^i mod 31.
var usccWeights = [17]int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}

// usccCategories pairs the registering authority (first character) with the
// categories that GB 32100-2015 gives it.
var usccCategories = map[byte]string{
	'1': "1239", '2': "19", '3': "123459", '4': "19", '5': "1239", '6': "129", '7': "129",
	'8': "19", '9': "1239", 'A': "19", 'N': "1239", 'Y': "1",
}

// USCC judges a unified social credit code (统一社会信用代码, GB 32100-2015). The
// check character blocks; the check character of the organisation code inside
// it, the division code and the category warn, for no source promises that
// every code keeps to them.
func USCC(s string) Result {
	r := Result{Kind: KindUSCC, Normal: Normal(s)}
	r.Long = r.Normal
	if r.Normal == "" {
		r.block(ProblemEmpty, 0)
		return r
	}
	r.Hints = usccHints(r.Normal)
	if n := len([]rune(r.Normal)); n != 18 {
		r.block(ProblemLength, 0)
		switch {
		case RegistrationNumber(s).OK():
			r.Looks = KindRegistration
		case OrgCode(s).OK():
			r.Looks = KindOrgCode
		}
		if r.Looks != "" {
			r.block(ProblemOtherKind, 0)
		}
		return r
	}
	if at := usccForm(r.Normal); at != 0 {
		r.block(ProblemCharacter, at)
		if fixed := take(r.Normal, r.Hints); fixed != "" && USCC(fixed).OK() {
			r.Suggestion = fixed
		}
		return r
	}
	r.Category, r.Region = r.Normal[:2], r.Normal[2:8]
	if usccCheck(r.Normal[:17]) != r.Normal[17] {
		r.block(ProblemCheck, 18)
		return r
	}
	if !strings.Contains(usccCategories[r.Normal[0]], r.Normal[1:2]) {
		r.warn(ProblemCategory, 2)
	}
	if !provinces[r.Region[:2]] && r.Region != "100000" {
		r.warn(ProblemRegion, 3)
	}
	if orgCheck(r.Normal[8:16]) != r.Normal[16] {
		r.warn(ProblemOrgCheck, 17)
	}
	return r
}

// usccForm returns the place of the first character that the layout does not
// allow: ^[1-9ANY][alphabet]\d{6}[alphabet]{10}$; 0 when there is none.
func usccForm(s string) int {
	for i, c := range []rune(s) {
		ok := strings.ContainsRune(usccAlphabet, c)
		switch {
		case i == 0:
			ok = usccCategories[byte(min(c, 127))] != ""
		case 2 <= i && i < 8:
			ok = '0' <= c && c <= '9'
		}
		if !ok {
			return i + 1
		}
	}
	return 0
}

func usccCheck(first17 string) byte {
	sum := 0
	for i := range 17 {
		sum += strings.IndexByte(usccAlphabet, first17[i]) * usccWeights[i]
	}
	return usccAlphabet[(31-sum%31)%31]
}

// usccHints names the letters that the alphabet leaves out because they are
// mistaken for digits, and letters in the division code.
func usccHints(s string) []Hint {
	var hints []Hint
	for i, c := range []rune(s) {
		inDivision := 2 <= i && i < 8 && 'A' <= c && c <= 'Z'
		if !inDivision && (!('A' <= c && c <= 'Z') || strings.ContainsRune(usccAlphabet, c)) {
			continue
		}
		want := lookalikes[c]
		if c == 'V' { // could be U, W or Y
			want = ""
		}
		hints = append(hints, Hint{i + 1, string(c), want})
	}
	return hints
}

// take returns s with every hint taken, or "" if one gives no character.
func take(s string, hints []Hint) string {
	r := []rune(s)
	for _, h := range hints {
		if h.Want == "" {
			return ""
		}
		r[h.At-1] = []rune(h.Want)[0]
	}
	if len(hints) == 0 {
		return ""
	}
	return string(r)
}

// OrgCode judges an organisation code (组织机构代码, GB 11714), written
// 71526726-X. Its certificates were superseded by the USCC in 2015 to 2018.
func OrgCode(s string) Result {
	plain := strip(Normal(s), dash)
	r := Result{Kind: KindOrgCode, Normal: plain}
	defer func() { r.Long = r.Normal }()
	if len(plain) != 9 {
		r.block(ProblemLength, 0)
		return r
	}
	for i := range 9 {
		c := plain[i]
		ok := '0' <= c && c <= '9' || 'A' <= c && c <= 'Z'
		if i == 8 {
			ok = '0' <= c && c <= '9' || c == 'X'
		}
		if !ok {
			r.block(ProblemCharacter, i+1)
			return r
		}
	}
	r.Normal = plain[:8] + "-" + plain[8:]
	if orgCheck(plain[:8]) != plain[8] {
		r.block(ProblemCheck, 9)
	}
	return r
}

// orgCheck computes C9 = 11 − Σ(value·weight) mod 11 of GB 11714; 10 is X, 11
// is 0. Letters count from A = 10.
func orgCheck(first8 string) byte {
	sum := 0
	for i, w := range [8]int{3, 7, 9, 10, 5, 8, 4, 2} {
		v := int(first8[i] - '0')
		if first8[i] >= 'A' {
			v = int(first8[i]-'A') + 10
		}
		sum += v * w
	}
	switch c := 11 - sum%11; c {
	case 10:
		return 'X'
	case 11:
		return '0'
	default:
		return byte('0' + c)
	}
}

// RegistrationNumber judges the 15-digit registration number of licences from
// before October 2015 (工商注册号, GS 15-2006): six digits for the registry, eight
// for the sequence, a check digit after ISO 7064 MOD 11,10. Such a licence has
// to be exchanged.
func RegistrationNumber(s string) Result {
	r := Result{Kind: KindRegistration, Normal: Normal(s)}
	r.Long = r.Normal
	switch {
	case len(r.Normal) != 15:
		r.block(ProblemLength, 0)
		if len(r.Normal) == 13 && digits(r.Normal) {
			r.warn(ProblemOldForm, 0)
		}
	case !digits(r.Normal):
		r.block(ProblemCharacter, 0)
	case mod1110(r.Normal[:14]) != r.Normal[14]:
		r.block(ProblemCheck, 15)
	default:
		r.Region = r.Normal[:6]
		r.warn(ProblemOldForm, 0)
	}
	return r
}

// mod1110 is the check digit of ISO 7064 MOD 11,10.
func mod1110(s string) byte {
	p := 10
	for _, c := range []byte(s) {
		v := (p + int(c-'0')) % 10
		if v == 0 {
			v = 10
		}
		p = 2 * v % 11
	}
	return byte('0' + (11-p)%10)
}
