package identity

import (
	"regexp"
	"strings"
)

// runs are the places where a number may stand: a digest is one long run of
// letters and digits, and so is never taken for a number.
var runs = regexp.MustCompile(`[0-9A-Za-z]+`)

// MaskIDs hides every Chinese identity number in s (GB 11643-1999, 18
// characters, and the old form of 15 digits) as 110***********0016: the first
// three and the last four stay. It knows a number by its length, its day of
// birth and its check character, so that order numbers and times are kept.
func MaskIDs(s string) string {
	return runs.ReplaceAllStringFunc(s, func(run string) string {
		if !isID(run) {
			return run
		}
		return run[:3] + strings.Repeat("*", len(run)-7) + run[len(run)-4:]
	})
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
