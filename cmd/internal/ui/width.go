package ui

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Width is the number of columns that s takes on a terminal: two for a Chinese
// character, none for a combining one or for what Paint writes.
func Width(s string) int {
	if strings.Contains(s, "\x1b") {
		s = sequences.ReplaceAllString(s, "")
	}
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// sequences are those that Paint writes.
var sequences = regexp.MustCompile("\x1b\\[[0-9]*m")

func runeWidth(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r) || unicode.IsControl(r):
		return 0
	case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Truncate cuts s to at most columns, with … where something was cut.
func Truncate(s string, columns int) string {
	if Width(s) <= columns {
		return s
	}
	var b strings.Builder
	left := columns - 1
	for _, r := range s {
		if left -= runeWidth(r); left < 0 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}
