package identity

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// runs are the places where a number may stand: a digest is one long run of
// letters and digits, and so is never taken for a number. Digits and letters of
// full width count as what they are.
var runs = regexp.MustCompile(`[0-9A-Za-z０-９Ａ-Ｚａ-ｚ]+`)

// parts are the runs of digits inside a run, and spaced an identity number in
// groups: 110199 19800101 0016.
var (
	parts  = regexp.MustCompile(`[0-9]+[Xx]?`)
	spaced = regexp.MustCompile(`[0-9]{6}[ _-](?:19|20)[0-9]{6}[ _-][0-9]{3}[0-9Xx]`)
)

// MaskIDs hides every Chinese identity number in s (GB 11643-1999, 18
// characters, and the old form of 15 digits) as 110***********0016: the first
// three and the last four stay. It knows a number by its length, its day of
// birth and its check character, so that order numbers and times are kept.
// Letters may adjoin a number of 18 characters (SFZ110…).
func MaskIDs(s string) string {
	s = spaced.ReplaceAllStringFunc(s, func(m string) string {
		if !isID(m[:6] + m[7:15] + m[16:]) {
			return m
		}
		return m[:3] + strings.Repeat("*", len(m)-7) + m[len(m)-4:]
	})
	return runs.ReplaceAllStringFunc(s, func(run string) string {
		half := norm.NFKC.String(run)
		if isID(half) {
			return stars(half)
		}
		masked := parts.ReplaceAllStringFunc(half, func(part string) string {
			if len(part) != 18 || !isID(part) {
				return part
			}
			return stars(part)
		})
		if masked == half {
			return run
		}
		return masked
	})
}

func stars(id string) string { return id[:3] + strings.Repeat("*", len(id)-7) + id[len(id)-4:] }

// MaskKnown is MaskIDs that hides the numbers given, too, whatever kind they
// are: passports and permits are known by nothing but that a case states them.
// Numbers of less than seven characters are left.
func MaskKnown(s string, numbers ...string) string {
	s = MaskIDs(s)
	for _, n := range numbers {
		if n = Normal(n); len(n) >= 7 {
			s = regexp.MustCompile("(?i)"+regexp.QuoteMeta(n)).ReplaceAllLiteralString(s, Mask(n))
		}
	}
	return s
}

func isID(s string) bool {
	switch len(s) {
	case 15:
		return digits(s) && s[0] != '0' && birth("19"+s[6:12])
	case 18:
		return digits(s[:17]) && s[0] != '0' && birth(s[6:14]) && mod112(s[:17]) == strings.ToUpper(s)[17]
	}
	return false
}

// birth reports whether YYYYMMDD can be somebody's birthday. A day that its
// month does not have passes: a mistyped number is still a number to hide.
func birth(s string) bool {
	year, month, day := s[:4], s[4:6], s[6:8]
	return year >= "1850" && year < "2100" && month >= "01" && month <= "12" && day >= "01" && day <= "31"
}
