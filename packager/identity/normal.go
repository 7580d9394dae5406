package identity

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"dossier/packager"
)

// Normal brings a number to its plain form: NFKC (full-width becomes half),
// without blanks and invisible characters, ASCII letters in upper case.
func Normal(s string) string {
	return upper(Plain(s))
}

func strip(s string, drop func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if drop(r) {
			return -1
		}
		return r
	}, s)
}

// invisible reports blanks, controls and the format characters (zero-width
// space and joiners, byte order mark, direction marks, soft hyphen) that come
// along when a number is copied from a web page or a chat.
func invisible(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Cc) || r == unicode.ReplacementChar
}

func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// dashes are the characters that people write where a hyphen belongs.
func dash(r rune) bool { return unicode.Is(unicode.Pd, r) || r == '−' }

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// lookalikes are letters that are read or typed for a digit.
var lookalikes = map[rune]string{'O': "0", 'Q': "0", 'D': "0", 'I': "1", 'L': "1", 'S': "5", 'Z': "2", 'B': "8", 'G': "6"}

// Mask hides the middle of an identity number: 110***********0016. Shorter
// numbers keep fewer characters, so that at least half is hidden.
func Mask(number string) string {
	r := []rune(Normal(number))
	head, tail := 3, 4
	switch n := len(r); {
	case n < 5:
		head, tail = 0, 0
	case n < 9:
		head, tail = 1, 1
	case n < 15:
		head, tail = 1, 3
	}
	return string(r[:head]) + strings.Repeat("*", len(r)-head-tail) + string(r[len(r)-tail:])
}

// MaskPhone hides the middle of a telephone number: 138****8000.
func MaskPhone(number string) string {
	s := Mobile(number).Normal
	if len(s) != 11 || !digits(s) {
		return Mask(s)
	}
	return s[:3] + "****" + s[7:]
}

// Plain is Normal without the change to upper case: for account ids, which
// some platforms tell apart by case.
func Plain(s string) string { return strip(norm.NFKC.String(s), invisible) }

var writtenDay = regexp.MustCompile(`^([0-9]{4})(?:年|[-./])([0-9]{1,2})(?:月|[-./])([0-9]{1,2})日?$`)

// ParseDate reads a day as papers write it: 2026-11-22, 2026.11.22,
// 2026/11/22, 2026年11月22日, in any width and with blanks.
func ParseDate(s string) (packager.Day, bool) {
	m := writtenDay.FindStringSubmatch(Plain(s))
	if m == nil {
		return packager.Day{}, false
	}
	d, err := packager.ParseDay(fmt.Sprintf("%s-%02s-%02s", m[1], m[2], m[3]))
	return d, err == nil
}
