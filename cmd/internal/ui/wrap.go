package ui

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Punctuation that may not stand at the beginning or the end of a line (GB/T
// 15834-2011, section 5.1).
const (
	notFirst = "，。、；：？！）》〉”’】〕…—·,.;:?!)]}%"
	notLast  = "（《〈“‘【〔([{"
)

// Wrap breaks a text into lines of at most columns, where a Chinese character
// takes two: between any two Chinese characters, at blanks, never inside a
// Latin word unless it is longer than a line, and not so that punctuation
// stands on the wrong side. columns <= 0 wraps nothing. Line feeds stay.
func Wrap(s string, columns int) []string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimRight(s, "\n"), "\n") {
		if columns <= 0 || Width(line) <= columns {
			out = append(out, line)
			continue
		}
		out = append(out, wrapLine(line, columns)...)
	}
	return out
}

// Hanging writes a text behind a head, wrapped to the terminal that w is, with
// the lines that follow under the beginning of the text; faint, a tail that is
// kept together comes last.
func (u *UI) Hanging(w io.Writer, head, text, tail string) {
	columns, colour := u.OutColumns, u.OutColor
	if w == u.Err {
		columns, colour = u.ErrColumns, u.ErrColor
	}
	indent := Width(head)
	if columns > 0 {
		columns = max(columns-indent, 20)
	}
	lines := Wrap(text, columns)
	if tail != "" {
		last := len(lines) - 1
		if columns > 0 && Width(lines[last])+2+Width(tail) > columns {
			for _, part := range Wrap(tail, columns) {
				lines = append(lines, Paint(colour, Dim, part))
			}
		} else {
			lines[last] += "  " + Paint(colour, Dim, tail)
		}
	}
	for i, line := range lines {
		if i > 0 {
			head = strings.Repeat(" ", indent)
		}
		fmt.Fprintln(w, head+line)
	}
}

func wrapLine(line string, columns int) []string {
	var out []string
	var current strings.Builder
	width := 0
	flush := func() {
		if text := strings.TrimRight(current.String(), " "); text != "" {
			out = append(out, text)
		}
		current.Reset()
		width = 0
	}
	for _, piece := range pieces([]rune(line)) {
		w := Width(strings.TrimRight(piece, " "))
		if width > 0 && width+w > columns {
			flush()
		}
		for Width(piece) > columns { // longer than any line
			head := cut(piece, columns)
			out = append(out, head)
			piece = piece[len(head):]
		}
		current.WriteString(piece)
		width += Width(piece)
	}
	flush()
	return out
}

// cut returns what of s fits into columns, at least one character.
func cut(s string, columns int) string {
	for i, r := range s {
		if columns -= runeWidth(r); columns < 0 && i > 0 {
			return s[:i]
		}
	}
	return s
}

// pieces takes a line apart where it may be broken.
func pieces(line []rune) []string {
	var out []string
	start := 0
	for i := 1; i < len(line); i++ {
		if breakable(line[i-1], line[i]) {
			out = append(out, string(line[start:i]))
			start = i
		}
	}
	return append(out, string(line[start:]))
}

func breakable(before, after rune) bool {
	switch {
	case unicode.IsSpace(after), strings.ContainsRune(notFirst, after), strings.ContainsRune(notLast, before):
		return false
	case unicode.IsSpace(before):
		return true
	}
	return runeWidth(before) == 2 || runeWidth(after) == 2
}
