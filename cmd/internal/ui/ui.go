// Package ui says things to people and programs: results on stdout, progress
// and questions on stderr. Nothing else in the program prints.
package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"dossier/packager"
	"dossier/packager/i18n"
)

// UI is where a command speaks.
type UI struct {
	Out  io.Writer // results
	Err  io.Writer // progress, questions, faults
	In   io.Reader
	P    *i18n.Printer
	JSON bool // one JSON document on Out and nothing else there
	// Documented: the one document is written; an error that comes after it is
	// said on Err alone.
	Documented bool
	// Ask is true when a person sits at a terminal and may be asked.
	Ask      bool
	OutColor bool
	ErrColor bool
	// Columns of the terminal that Out and Err are; 0 is none, and lines are as
	// long as they are.
	OutColumns, ErrColumns int
}

// Style is a colour or weight of the terminal.
type Style string

const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Blue   Style = "34"
)

// Paint wraps s for a terminal with colour, and leaves it as it is elsewhere.
func Paint(on bool, st Style, s string) string {
	if !on {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

func (u *UI) paint(st Style, s string) string { return Paint(u.OutColor, st, s) }

// Text returns the text of the catalog under key; pairs are name, value, ….
func (u *UI) Text(key string, pairs ...string) string { return u.P.Text(key, args(pairs)) }

func args(pairs []string) packager.Args {
	a := packager.Args{}
	for i := 0; i+1 < len(pairs); i += 2 {
		a[pairs[i]] = pairs[i+1]
	}
	return a
}

// Say writes a line of the catalog to Out, unless JSON was asked for.
func (u *UI) Say(key string, pairs ...string) {
	if !u.JSON {
		fmt.Fprintln(u.Out, u.Text(key, pairs...))
	}
}

// Line writes a line to Out, unless JSON was asked for.
func (u *UI) Line(format string, a ...any) {
	if !u.JSON {
		fmt.Fprintf(u.Out, format+"\n", a...)
	}
}

// Note writes a line of the catalog to Err.
func (u *UI) Note(key string, pairs ...string) { fmt.Fprintln(u.Err, u.Text(key, pairs...)) }

// Document writes v as the one JSON document of the command.
func (u *UI) Document(v any) error {
	u.Documented = true
	e := json.NewEncoder(u.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Pad fills s with blanks to width columns of a terminal, where a Chinese
// character takes two.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}

// tooWide returns what says of the end of a row whether its last cell has to
// stand below.
func (u *UI) tooWide(rows [][]string, widths []int) func(end int) bool {
	filled, over := 0, 0
	for _, r := range rows {
		end := 0
		for _, w := range widths[:max(0, len(r)-1)] {
			end += w + 2
		}
		if len(r) > 0 && r[len(r)-1] != "" {
			filled++
			if end+Width(r[len(r)-1]) > u.OutColumns {
				over++
			}
		}
	}
	return func(end int) bool { return u.OutColumns > 0 && (end > u.OutColumns || 3*over > filled) }
}

// Rows writes a table without lines; columns are as wide as their widest cell
// (the last one as it is). A last cell that does not fit on the terminal stands
// below the one before it, or as far left of that as it needs, and all do if
// many would have to.
func (u *UI) Rows(rows [][]string) {
	var widths []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(c))
		}
	}
	below := u.tooWide(rows, widths)
	for _, r := range rows {
		var line strings.Builder
		at, before := 0, 0 // where a cell begins, and the one before it
		for i, c := range r {
			if i == len(r)-1 && i > 1 && c != "" && below(at+Width(c)) {
				u.Line("%s", strings.TrimRight(line.String(), " "))
				line.Reset()
				indent := max(min(before, u.OutColumns-Width(c)), widths[0]+2)
				lines := Wrap(c, u.OutColumns-indent)
				c = strings.Repeat(" ", indent) + strings.Join(lines, "\n"+strings.Repeat(" ", indent))
			}
			if i < len(r)-1 {
				c = Pad(c, widths[i]) + "  "
				before, at = at, at+widths[i]+2
			}
			line.WriteString(c)
		}
		u.Line("%s", strings.TrimRight(line.String(), " "))
	}
}

// Bytes writes a size with three digits: 4.20 MB. 1 MB = 1,000,000 bytes.
func Bytes(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/unit, 0
	for v >= 999.5 && i < 4 {
		v /= unit
		i++
	}
	digits := 2
	if v >= 100 {
		digits = 0
	} else if v >= 10 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %cB", digits, v, "kMGTP"[i])
}

// Prompt asks a question on Err and reads one line. It is for a terminal only:
// look at Ask first.
func (u *UI) Prompt(question string) (string, error) {
	fmt.Fprint(u.Err, question)
	var line []byte
	buf := make([]byte, 1)
	for {
		n, err := u.In.Read(buf)
		if n == 1 && buf[0] != '\n' {
			line = append(line, buf[0])
		}
		if err != nil || n == 1 && buf[0] == '\n' {
			answer := strings.TrimSpace(string(line))
			if errors.Is(err, io.EOF) && answer != "" {
				err = nil
			}
			return answer, err
		}
	}
}

// Strong and Faint set a text off on a terminal.
func (u *UI) Strong(s string) string { return u.paint(Bold, s) }

// Faint is for what a hurried reader may pass over.
func (u *UI) Faint(s string) string { return u.paint(Dim, s) }
