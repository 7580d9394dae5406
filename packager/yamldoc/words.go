package yamldoc

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"dossier/packager"
)

// maxDiagnostics is how many mistakes are told at once: a file of another
// kind altogether would bring thousands.
const maxDiagnostics = 100

// sorted puts diagnostics into the order of the file, drops what is said
// twice, and cuts after maxDiagnostics.
func sorted(d packager.Diagnostics) packager.Diagnostics {
	slices.SortStableFunc(d, func(a, b packager.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	d = slices.CompactFunc(d, func(a, b packager.Diagnostic) bool {
		return a.Pos == b.Pos && a.Code == b.Code && a.Path == b.Path
	})
	return d[:min(len(d), maxDiagnostics)]
}

// Sorted is the error for the diagnostics found, in the order of the file, or
// nil when there are none.
func Sorted(d packager.Diagnostics) error {
	if len(d) == 0 {
		return nil
	}
	return sorted(d)
}

// Nearest returns the known word that is nearest to word by edit distance
// (insert, delete, replace, swap neighbours), or "" when none is near: at most
// a third of the longer word may differ, and one word that begins the other
// counts as near.
func Nearest(word string, known []string) string {
	best, least := "", 0
	w := []rune(normal(word))
	if len(w) == 0 || len(w) > 64 {
		return ""
	}
	for _, k := range known {
		r := []rune(normal(k))
		d := distance(w, r)
		if longer := max(len(w), len(r)); d >= longer || d > max(1, longer/3) && !begins(w, r) {
			continue
		}
		if best == "" || d < least {
			best, least = k, d
		}
	}
	return best
}

// normal ignores case and the way in which words are joined.
func normal(s string) string {
	return strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(s))
}

func begins(a, b []rune) bool {
	short, long := a, b
	if len(short) > len(long) {
		short, long = long, short
	}
	return len(short) >= 3 && strings.HasPrefix(string(long), string(short))
}

// distance is the optimal string alignment distance.
func distance(a, b []rune) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	before, last, now := rows[0], rows[1], rows[2]
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}

// maxShown is how much of a line or a value is shown, in characters.
const maxShown = 400

var (
	longNumber = regexp.MustCompile(`[0-9][0-9 -]{12,}[0-9Xx]`)
	idField    = regexp.MustCompile(`(id_number["']?\s*[:：]\s*["']?)([^"',}\s#]+)`)
	permit     = regexp.MustCompile(`\b[A-Z]{1,2}[0-9]{7,10}\b`) // passports and travel permits, in whatever field
	mobile     = regexp.MustCompile(`\b(1[3-9][0-9])[0-9]{4}([0-9]{4})\b`)
)

// Display returns a piece of the user's text as it may be shown and logged:
// numbers that may be identity numbers and telephone numbers are masked, very
// long text is cut.
func Display(s string) string { return display(s) }

// display returns a piece of the user's text as it may be shown: numbers that
// may be identity numbers are masked, character by character so that columns
// stay, and very long text is cut.
func display(s string) string {
	s = longNumber.ReplaceAllStringFunc(s, mask)
	s = idField.ReplaceAllStringFunc(s, func(m string) string {
		p := idField.FindStringSubmatch(m)
		return p[1] + mask(p[2])
	})
	s = permit.ReplaceAllStringFunc(s, mask)
	s = mobile.ReplaceAllString(s, "$1****$2")
	if utf8.RuneCountInString(s) > maxShown {
		s = string([]rune(s)[:maxShown]) + "…"
	}
	return s
}

// mask keeps the first three and the last four characters of a long number,
// and the first and the last of a short one.
func mask(s string) string {
	r := []rune(s)
	head, tail := 3, 4
	if len(r) < 12 {
		head, tail = 1, 1
	}
	for i := head; i < len(r)-tail; i++ {
		r[i] = '*'
	}
	return string(r)
}
