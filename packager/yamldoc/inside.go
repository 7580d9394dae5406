package yamldoc

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"dossier/packager"
)

// Inside returns the place in the file of a character of a scalar's value: of
// column (from 0) of line (from 1) of the value. Quoting, escapes and
// folded or indented lines are taken into account.
func (d *Doc) Inside(path string, line, column int) packager.Position {
	_, n := d.find(path)
	n = follow(n)
	pos := packager.Position{File: d.Name, Line: n.Line, Column: n.Column}
	if n.Kind != yaml.ScalarNode {
		return pos
	}
	offset, rest := 0, []rune(n.Value)
	for ; line > 1; line-- {
		end := strings.IndexRune(string(rest[offset:]), '\n')
		if end < 0 {
			break
		}
		offset += len([]rune(string(rest[offset:])[:end])) + 1
	}
	c := cursor{lines: d.lines, line: n.Line - 1, column: n.Column - 1, style: n.Style}
	c.enter()
	c.indent = c.column
	for _, r := range rest[:min(offset+column, len(rest))] {
		c.skip(r)
	}
	c.settle()
	return packager.Position{File: d.Name, Line: c.line + 1, Column: c.column + 1}
}

// cursor walks over the source of a scalar, in step with its value.
type cursor struct {
	lines        []string
	line, column int // from 0
	indent       int // of a literal's lines
	style        yaml.Style
}

func (c *cursor) rest() []rune {
	if c.line >= len(c.lines) {
		return nil
	}
	r := []rune(c.lines[c.line])
	return r[min(c.column, len(r)):]
}

func (c *cursor) enter() {
	switch {
	case c.style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		c.nextLine()
	case c.style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		c.column++
	}
}

// nextLine goes to the first character of the next line with any.
func (c *cursor) nextLine() {
	for c.line++; c.line < len(c.lines); c.line++ {
		if trimmed := strings.TrimLeft(c.lines[c.line], " \t"); trimmed != "" {
			c.column = len(c.lines[c.line]) - len(trimmed)
			return
		}
	}
}

// settle leaves the end of a line for the beginning of the next, which is
// where the next character of the value is.
func (c *cursor) settle() {
	if len(strings.TrimSpace(string(c.rest()))) == 0 && c.line+1 < len(c.lines) {
		c.nextLine()
	}
}

// skip passes over the source of one character of the value.
func (c *cursor) skip(r rune) {
	rest := c.rest()
	switch {
	case c.style&yaml.DoubleQuotedStyle != 0 && len(rest) > 0 && rest[0] == '\\':
		c.column += escape(rest)
	case c.style&yaml.SingleQuotedStyle != 0 && r == '\'':
		c.column += 2
	case r == '\n' && c.style&yaml.LiteralStyle != 0:
		c.line, c.column = c.line+1, c.indent
	case r == '\n' || r == ' ' && len(strings.TrimSpace(string(rest))) == 0:
		c.nextLine()
	default:
		c.settle()
		c.column++
	}
}

// escape returns the length of an escape of a double-quoted scalar.
func escape(rest []rune) int {
	if len(rest) < 2 {
		return len(rest)
	}
	switch rest[1] {
	case 'x':
		return 4
	case 'u':
		return 6
	case 'U':
		return 10
	}
	return 2
}
