package verify

import (
	"io"
	"strconv"
	"strings"
)

// The PDF objects of ISO 32000-1 clause 7.3, as far as signatures need them.
type (
	name  string
	dict  map[name]any
	array []any
	ref   struct{ num, gen int }
	// text is a string object with its place in the file: a signature's
	// /Contents must fill the gap of its /ByteRange to the byte.
	text struct {
		b        []byte
		off, end int64 // of the token with its delimiters
		hex      bool
	}
	stream struct {
		dict dict
		off  int64 // of the first byte of data
	}
	keyword string // obj, endobj, stream, R, true …
)

// errSyntax says that the bytes at a place are no PDF object.
func errSyntax(at int64) error { return because("pdf.syntax", "at", strconv.FormatInt(at, 10)) }

// Bounds on hostile files.
const (
	maxDepth  = 64
	maxString = 16 << 20
	maxToken  = 64 << 10
	maxValues = 1 << 20  // of one object
	maxObject = 64 << 20 // bytes of one object
)

// lexer reads objects from a place of a file on.
type lexer struct {
	r    io.ReaderAt
	size int64
	pos  int64
	buf  []byte
	at   int64 // file offset of buf[0]

	// Of the outermost object that is being read.
	start  int64
	values int
}

func newLexer(r io.ReaderAt, size, pos int64) *lexer {
	return &lexer{r: r, size: size, pos: pos}
}

// peek returns the byte at the current place, or false at the end.
func (l *lexer) peek() (byte, bool) {
	if l.pos < 0 || l.pos >= l.size {
		return 0, false
	}
	if i := l.pos - l.at; i < 0 || i >= int64(len(l.buf)) {
		n := min(int64(4096), l.size-l.pos)
		if int64(cap(l.buf)) < n {
			l.buf = make([]byte, 4096)
		}
		l.buf = l.buf[:n]
		k, err := l.r.ReadAt(l.buf, l.pos)
		if k == 0 && err != nil {
			l.buf = l.buf[:0]
			return 0, false
		}
		l.buf, l.at = l.buf[:k], l.pos
	}
	return l.buf[l.pos-l.at], true
}

func isSpace(c byte) bool {
	return c == 0 || c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' '
}

func isDelim(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}

func (l *lexer) skipSpace() {
	for {
		c, ok := l.peek()
		switch {
		case !ok:
			return
		case isSpace(c):
			l.pos++
		case c == '%':
			for ok && c != '\n' && c != '\r' {
				l.pos++
				c, ok = l.peek()
			}
		default:
			return
		}
	}
}

// object reads the next object; an indirect reference is resolved from its
// three tokens.
func (l *lexer) object(depth int) (any, error) {
	if depth == 0 {
		l.start, l.values = l.pos, 0
	}
	if l.values++; depth > maxDepth || l.values > maxValues || l.pos-l.start > maxObject {
		return nil, errSyntax(l.pos)
	}
	l.skipSpace()
	c, ok := l.peek()
	if !ok {
		return nil, errSyntax(l.pos)
	}
	switch c {
	case '/':
		return l.name()
	case '(':
		return l.literal()
	case '[':
		l.pos++
		return l.array(depth)
	case '<':
		start := l.pos
		l.pos++
		if d, ok := l.peek(); ok && d == '<' {
			l.pos++
			return l.dict(depth)
		}
		return l.hexString(start)
	case ']', '>', ')', '{', '}':
		return nil, errSyntax(l.pos)
	}
	word, err := l.word()
	if err != nil {
		return nil, err
	}
	n, isInt := parseInt(word)
	if !isInt {
		return scalar(word), nil
	}
	// "12 0 R" is a reference; look ahead without moving.
	back := l.pos
	if g, ok := l.smallInt(); ok && n >= 0 {
		l.skipSpace()
		if c, ok := l.peek(); ok && c == 'R' {
			l.pos++
			if d, ok := l.peek(); !ok || isSpace(d) || isDelim(d) {
				return ref{int(n), g}, nil
			}
		}
	}
	l.pos = back
	return n, nil
}

func scalar(word string) any {
	switch word {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	if strings.Trim(word, "+-.0123456789") == "" {
		if f, err := strconv.ParseFloat(word, 64); err == nil {
			return f
		}
	}
	return keyword(word)
}

func parseInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func (l *lexer) smallInt() (int, bool) {
	l.skipSpace()
	c, ok := l.peek()
	if !ok || c < '0' || c > '9' {
		return 0, false
	}
	w, err := l.word()
	if err != nil {
		return 0, false
	}
	n, ok := parseInt(w)
	return int(n), ok && n >= 0 && n <= 65535
}

func (l *lexer) word() (string, error) {
	var b []byte
	for {
		c, ok := l.peek()
		if !ok || isSpace(c) || isDelim(c) {
			break
		}
		if len(b) == maxToken {
			return "", errSyntax(l.pos)
		}
		b = append(b, c)
		l.pos++
	}
	if len(b) == 0 {
		return "", errSyntax(l.pos)
	}
	return string(b), nil
}

func (l *lexer) name() (name, error) {
	l.pos++ // '/'
	var b []byte
	for {
		c, ok := l.peek()
		if !ok || isSpace(c) || isDelim(c) {
			return name(b), nil
		}
		l.pos++
		if c == '#' {
			h, okH := l.hexDigit()
			k, okK := l.hexDigit()
			if !okH || !okK {
				return "", errSyntax(l.pos)
			}
			c = h<<4 | k
		}
		if len(b) == maxToken {
			return "", errSyntax(l.pos)
		}
		b = append(b, c)
	}
}

func (l *lexer) hexDigit() (byte, bool) {
	c, ok := l.peek()
	if !ok {
		return 0, false
	}
	v, ok := unhex(c)
	if ok {
		l.pos++
	}
	return v, ok
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func (l *lexer) hexString(start int64) (text, error) {
	t := text{off: start, hex: true}
	var half byte
	digits := 0
	for {
		c, ok := l.peek()
		if !ok {
			return t, errSyntax(l.pos)
		}
		l.pos++
		if c == '>' {
			if digits%2 == 1 {
				t.b = append(t.b, half<<4)
			}
			t.end = l.pos
			return t, nil
		}
		if isSpace(c) {
			continue
		}
		v, ok := unhex(c)
		if !ok || len(t.b) > maxString {
			return t, errSyntax(l.pos)
		}
		if digits%2 == 1 {
			t.b = append(t.b, half<<4|v)
		}
		half = v
		digits++
	}
}

func (l *lexer) literal() (text, error) {
	t := text{off: l.pos}
	l.pos++
	for open := 1; ; {
		c, ok := l.peek()
		if !ok {
			return t, errSyntax(l.pos)
		}
		if len(t.b) > maxString {
			return t, errSyntax(l.pos)
		}
		l.pos++
		switch c {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				t.end = l.pos
				return t, nil
			}
		case '\\':
			t.b = l.escape(t.b)
			continue
		}
		t.b = append(t.b, c)
	}
}

func (l *lexer) escape(b []byte) []byte {
	c, ok := l.peek()
	if !ok {
		return b
	}
	l.pos++
	switch c {
	case 'n':
		return append(b, '\n')
	case 'r':
		return append(b, '\r')
	case 't':
		return append(b, '\t')
	case 'b':
		return append(b, '\b')
	case 'f':
		return append(b, '\f')
	case '\r':
		if d, ok := l.peek(); ok && d == '\n' {
			l.pos++
		}
		return b
	case '\n':
		return b
	}
	if c < '0' || c > '7' {
		return append(b, c)
	}
	v := c - '0'
	for range 2 {
		d, ok := l.peek()
		if !ok || d < '0' || d > '7' {
			break
		}
		l.pos++
		v = v<<3 | (d - '0')
	}
	return append(b, v)
}

func (l *lexer) array(depth int) (array, error) {
	var a array
	for {
		l.skipSpace()
		c, ok := l.peek()
		if !ok {
			return nil, errSyntax(l.pos)
		}
		if c == ']' {
			l.pos++
			return a, nil
		}
		o, err := l.object(depth + 1)
		if err != nil {
			return nil, err
		}
		a = append(a, o)
	}
}

// dict reads a dictionary after its "<<". A key that stands twice is refused:
// readers disagree on which one counts, and that is how a signed file is made
// to show two things.
func (l *lexer) dict(depth int) (dict, error) {
	d := dict{}
	for {
		l.skipSpace()
		c, ok := l.peek()
		if !ok {
			return nil, errSyntax(l.pos)
		}
		if c == '>' {
			l.pos++
			if e, ok := l.peek(); !ok || e != '>' {
				return nil, errSyntax(l.pos)
			}
			l.pos++
			return d, nil
		}
		if c != '/' {
			return nil, errSyntax(l.pos)
		}
		k, err := l.name()
		if err != nil {
			return nil, err
		}
		v, err := l.object(depth + 1)
		if err != nil {
			return nil, err
		}
		if _, twice := d[k]; twice {
			return nil, because("pdf.twice", "key", string(k))
		}
		d[k] = v
	}
}
