// Package pdfinc reads just as much of a PDF (ISO 32000-1 §7.5) as an
// incremental update needs, and writes the update: the bytes that are appended.
// Nothing of the file is held in memory but the objects asked for. Values stay
// the bytes that they are in the file, so that a rewritten object changes in
// nothing but what the update is about.
package pdfinc

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Kind is the type of a value.
type Kind int

const (
	Null Kind = iota
	Bool
	Number
	String
	Name
	Array
	Dictionary
	Reference
)

// Ref is an indirect reference.
type Ref struct {
	Num, Gen int
}

func (r Ref) String() string { return fmt.Sprintf("%d %d R", r.Num, r.Gen) }

// Entry is one entry of a dictionary; Value is its source text.
type Entry struct {
	Key   string
	Value []byte
}

// Dict is a dictionary in the order of the file.
type Dict []Entry

// Get returns the source text of the value under key, nil if there is none.
func (d Dict) Get(key string) []byte {
	for _, e := range d {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// With returns a copy of d in which key has the value.
func (d Dict) With(key, value string) Dict {
	out := append(Dict(nil), d...)
	for i := range out {
		if out[i].Key == key {
			out[i].Value = []byte(value)
			return out
		}
	}
	return append(out, Entry{key, []byte(value)})
}

// Without returns a copy of d that lacks the keys.
func (d Dict) Without(keys ...string) Dict {
	var out Dict
next:
	for _, e := range d {
		for _, k := range keys {
			if e.Key == k {
				continue next
			}
		}
		out = append(out, e)
	}
	return out
}

// String writes the dictionary.
func (d Dict) String() string {
	var b bytes.Buffer
	b.WriteString("<<")
	for _, e := range d {
		b.WriteString(encodeName(e.Key))
		b.WriteByte(' ')
		b.Write(e.Value)
		b.WriteByte('\n')
	}
	b.WriteString(">>")
	return b.String()
}

var (
	errShort  = errors.New("pdf: value ends too early")
	errSyntax = errors.New("pdf: not a PDF value")
)

const maxDepth = 100 // of nested arrays and dictionaries

// lexer walks over source text. When whole is false, the text may go on after
// its end, and a token that touches the end is errShort.
type lexer struct {
	b     []byte
	i     int
	whole bool
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func isDelim(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}

// space skips white space and comments.
func (l *lexer) space() error {
	for l.i < len(l.b) {
		switch c := l.b[l.i]; {
		case isSpace(c):
			l.i++
		case c == '%':
			n := bytes.IndexAny(l.b[l.i:], "\r\n")
			if n < 0 {
				l.i = len(l.b)
			} else {
				l.i += n
			}
		default:
			return nil
		}
	}
	if l.whole {
		return nil
	}
	return errShort
}

// word returns the run of regular characters at the cursor.
func (l *lexer) word() (string, error) {
	start := l.i
	for l.i < len(l.b) && !isSpace(l.b[l.i]) && !isDelim(l.b[l.i]) {
		l.i++
	}
	if l.i == len(l.b) && !l.whole {
		return "", errShort
	}
	return string(l.b[start:l.i]), nil
}

// keyword consumes the word want.
func (l *lexer) keyword(want string) error {
	if err := l.space(); err != nil {
		return err
	}
	w, err := l.word()
	if err != nil {
		return err
	}
	if w != want {
		return fmt.Errorf("pdf: %q where %q should stand", clip(w), want)
	}
	return nil
}

// integer consumes a non-negative integer.
func (l *lexer) integer() (int64, error) {
	if err := l.space(); err != nil {
		return 0, err
	}
	w, err := l.word()
	if err != nil {
		return 0, err
	}
	return parseUint(w)
}

func parseUint(w string) (int64, error) {
	if len(w) == 0 || len(w) > 18 {
		return 0, errSyntax
	}
	for i := range len(w) {
		if w[i] < '0' || w[i] > '9' {
			return 0, errSyntax
		}
	}
	return strconv.ParseInt(w, 10, 64)
}

// value consumes one value and returns its kind.
func (l *lexer) value(depth int) (Kind, error) {
	if depth > maxDepth {
		return 0, errors.New("pdf: nested too deeply")
	}
	if err := l.space(); err != nil {
		return 0, err
	}
	if l.i >= len(l.b) {
		return 0, errShort
	}
	switch c := l.b[l.i]; c {
	case '/':
		l.i++
		_, err := l.word()
		return Name, err
	case '(':
		return String, l.literal()
	case '[':
		return Array, l.array(depth, nil)
	case '<':
		if l.i+1 >= len(l.b) {
			return 0, errShort
		}
		if l.b[l.i+1] == '<' {
			return Dictionary, l.dict(depth, nil)
		}
		return String, l.hex()
	default:
		return l.bare()
	}
}

// bare consumes a number, a reference or a keyword.
func (l *lexer) bare() (Kind, error) {
	w, err := l.word()
	if err != nil {
		return 0, err
	}
	switch w {
	case "true", "false":
		return Bool, nil
	case "null":
		return Null, nil
	}
	if _, err := parseUint(w); err != nil {
		if !isNumber(w) {
			return 0, fmt.Errorf("%w: %q", errSyntax, clip(w))
		}
		return Number, nil
	}
	// "1 0 R" or just "1": look ahead.
	after := l.i
	if _, err := l.integer(); err == nil {
		if err := l.keyword("R"); err == nil {
			return Reference, nil
		} else if errors.Is(err, errShort) {
			return 0, err
		}
	} else if errors.Is(err, errShort) {
		return 0, err
	}
	l.i = after
	return Number, nil
}

func isNumber(w string) bool {
	if w == "" {
		return false
	}
	if w[0] == '+' || w[0] == '-' {
		w = w[1:]
	}
	digits, dots := 0, 0
	for i := range len(w) {
		switch {
		case w[i] >= '0' && w[i] <= '9':
			digits++
		case w[i] == '.':
			dots++
		default:
			return false
		}
	}
	return digits > 0 && dots <= 1
}

func (l *lexer) literal() error {
	depth := 0
	for ; l.i < len(l.b); l.i++ {
		switch l.b[l.i] {
		case '\\':
			l.i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				l.i++
				return nil
			}
		}
	}
	return errShort
}

func (l *lexer) hex() error {
	for l.i++; l.i < len(l.b); l.i++ {
		switch c := l.b[l.i]; {
		case c == '>':
			l.i++
			return nil
		case isSpace(c), c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return errSyntax
		}
	}
	return errShort
}

func (l *lexer) array(depth int, each func(Kind, []byte)) error {
	l.i++
	for {
		if err := l.space(); err != nil {
			return err
		}
		if l.i >= len(l.b) {
			return errShort
		}
		if l.b[l.i] == ']' {
			l.i++
			return nil
		}
		start := l.i
		k, err := l.value(depth + 1)
		if err != nil {
			return err
		}
		if each != nil {
			each(k, l.b[start:l.i])
		}
	}
}

func (l *lexer) dict(depth int, each func(key string, value []byte)) error {
	l.i += 2
	for {
		if err := l.space(); err != nil {
			return err
		}
		if l.i+1 >= len(l.b) {
			return errShort
		}
		if l.b[l.i] == '>' && l.b[l.i+1] == '>' {
			l.i += 2
			return nil
		}
		if l.b[l.i] != '/' {
			return errSyntax
		}
		l.i++
		key, err := l.word()
		if err != nil {
			return err
		}
		if err := l.space(); err != nil {
			return err
		}
		start := l.i
		if _, err := l.value(depth + 1); err != nil {
			return err
		}
		if each != nil {
			each(decodeName(key), l.b[start:l.i])
		}
	}
}

// KindOf returns the kind of a value's source text; the text must hold that
// one value and nothing else.
func KindOf(src []byte) (Kind, error) {
	l := &lexer{b: src, whole: true}
	k, err := l.value(0)
	if err != nil {
		return 0, err
	}
	if err := l.space(); err != nil {
		return 0, err
	}
	if l.i != len(src) {
		return 0, errSyntax
	}
	return k, nil
}

// ParseDict takes a dictionary apart. A key that stands twice is an error:
// readers disagree on which one counts.
func ParseDict(src []byte) (Dict, error) {
	if k, err := KindOf(src); err != nil || k != Dictionary {
		return nil, fmt.Errorf("pdf: a dictionary should stand here: %q", clip(string(src)))
	}
	l := &lexer{b: src, whole: true}
	if err := l.space(); err != nil {
		return nil, err
	}
	var d Dict
	var twice string
	err := l.dict(0, func(key string, value []byte) {
		if d.Get(key) != nil {
			twice = key
		}
		d = append(d, Entry{key, value})
	})
	if twice != "" {
		return nil, fmt.Errorf("pdf: /%s stands twice in a dictionary", clip(twice))
	}
	return d, err
}

// ParseArray takes an array apart.
func ParseArray(src []byte) ([][]byte, error) {
	if k, err := KindOf(src); err != nil || k != Array {
		return nil, fmt.Errorf("pdf: an array should stand here: %q", clip(string(src)))
	}
	l := &lexer{b: src, whole: true}
	if err := l.space(); err != nil {
		return nil, err
	}
	var out [][]byte
	err := l.array(0, func(_ Kind, v []byte) { out = append(out, v) })
	return out, err
}

// ParseRef reads an indirect reference.
func ParseRef(src []byte) (Ref, bool) {
	if k, err := KindOf(src); err != nil || k != Reference {
		return Ref{}, false
	}
	l := &lexer{b: src, whole: true}
	num, err1 := l.integer()
	gen, err2 := l.integer()
	if err1 != nil || err2 != nil || num > maxObject || gen > 65535 {
		return Ref{}, false
	}
	return Ref{int(num), int(gen)}, true
}

// ParseInt reads an integer that is not negative.
func ParseInt(src []byte) (int64, error) {
	return parseUint(string(bytes.TrimFunc(src, func(r rune) bool { return r < 256 && isSpace(byte(r)) })))
}

// ParseName reads a name, without its slash.
func ParseName(src []byte) (string, bool) {
	if k, err := KindOf(src); err != nil || k != Name {
		return "", false
	}
	l := &lexer{b: src, whole: true}
	if l.space() != nil {
		return "", false
	}
	l.i++
	w, err := l.word()
	return decodeName(w), err == nil
}

// decodeName resolves #xx.
func decodeName(w string) string {
	var out []byte
	for i := 0; i < len(w); i++ {
		if w[i] == '#' && i+2 < len(w) {
			if n, err := strconv.ParseUint(w[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, w[i])
	}
	return string(out)
}

func encodeName(name string) string {
	out := []byte{'/'}
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c > '~' || c == '#' || isDelim(c) {
			out = fmt.Appendf(out, "#%02X", c)
		} else {
			out = append(out, c)
		}
	}
	return string(out)
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
