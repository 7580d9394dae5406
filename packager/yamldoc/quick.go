package yamldoc

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// quick reads the plain part of YAML that rule packs and case files are
// written in — block mappings and sequences indented by blanks, scalars and
// flow collections that end on their line, anchors and aliases of values —
// several times as fast as the full parser, which takes most of the time that
// loading a pack takes. On anything else it gives up (nil), and the full
// parser reads the text. Where it does not give up, its tree is that of the
// full parser: FuzzQuick and TestQuickReadsWhatIsShipped hold that.
//
// Of a node it sets Kind, Value, Style, Anchor, Alias, Line and Column. Tag
// stays empty: ShortTag works it out where it is asked for.
func quick(text string) (root *yaml.Node) {
	for _, odd := range []string{"\t", "\r", "\u0085", "\u2028", "\u2029", "\ufeff"} {
		if strings.Contains(text, odd) {
			return nil
		}
	}
	q := &quickReader{lines: strings.Split(text, "\n"), anchors: map[string]*yaml.Node{}}
	defer func() {
		switch r := recover(); r {
		case nil:
		case notPlain:
			root = nil
		default:
			panic(r)
		}
	}()
	q.next()
	root = q.block(q.indent(), 0)
	if q.line < len(q.lines) {
		return nil
	}
	return root
}

// notPlain is what the reader panics with to give up.
var notPlain = new(int)

func giveUp() { panic(notPlain) }

type quickReader struct {
	lines   []string
	line    int // the line that is read next, from 0: one with content
	anchors map[string]*yaml.Node
	slab    []yaml.Node
}

func (q *quickReader) node(kind yaml.Kind, line, column int, value string) *yaml.Node {
	if len(q.slab) == 0 {
		q.slab = make([]yaml.Node, 256)
	}
	n := &q.slab[0]
	q.slab = q.slab[1:]
	n.Kind, n.Line, n.Column, n.Value = kind, line+1, column+1, value
	return n
}

// next goes on to the next line with content.
func (q *quickReader) next() {
	for ; q.line < len(q.lines); q.line++ {
		s := strings.TrimLeft(q.lines[q.line], " ")
		if s != "" && s[0] != '#' {
			if s == q.lines[q.line] && (strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") || s[0] == '%') {
				giveUp()
			}
			return
		}
	}
}

// indent is the indentation of the next line; -1 at the end.
func (q *quickReader) indent() int {
	if q.line >= len(q.lines) {
		return -1
	}
	s := q.lines[q.line]
	return len(s) - len(strings.TrimLeft(s, " "))
}

// block reads a mapping or a sequence whose lines begin at column n.
func (q *quickReader) block(n, depth int) *yaml.Node {
	if n < 0 || depth > maxDepth {
		giveUp()
	}
	if isItem(q.lines[q.line][n:]) {
		return q.sequence(n, depth)
	}
	return q.mapping(n, n, depth)
}

func isItem(s string) bool { return s == "-" || strings.HasPrefix(s, "- ") }

func (q *quickReader) sequence(n, depth int) *yaml.Node {
	seq := q.node(yaml.SequenceNode, q.line, n, "")
	for q.indent() == n && isItem(q.lines[q.line][n:]) {
		s := q.lines[q.line]
		at := n + 1
		for at < len(s) && s[at] == ' ' {
			at++
		}
		if at >= len(s) || isItem(s[at:]) {
			giveUp()
		}
		if _, _, ok := key(s[at:]); ok {
			seq.Content = append(seq.Content, q.mapping(at, at, depth+1))
			continue
		}
		seq.Content = append(seq.Content, q.value(at, n, depth))
	}
	q.below(n)
	return seq
}

// mapping reads entries at column n; the first one begins at column first of
// the line that is read, after the dash of an item.
func (q *quickReader) mapping(n, first, depth int) *yaml.Node {
	m := q.node(yaml.MappingNode, q.line, first, "")
	for begin := true; begin || q.indent() == n && !isItem(q.lines[q.line][n:]); begin = false {
		s := q.lines[q.line]
		name, rest, ok := key(s[n:])
		if !ok {
			giveUp()
		}
		m.Content = append(m.Content, q.node(yaml.ScalarNode, q.line, n, name))
		at := len(s) - len(rest)
		m.Content = append(m.Content, q.entry(at, n, depth))
	}
	q.below(n)
	return m
}

// below makes sure that what follows belongs further out.
func (q *quickReader) below(n int) {
	if i := q.indent(); i > n {
		giveUp()
	}
}

// key splits "name: rest" and "name:".
func key(s string) (name, rest string, ok bool) {
	i := 0
	for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || s[i] == '_' || i > 0 && (s[i] >= '0' && s[i] <= '9' || s[i] == '-')) {
		i++
	}
	if i == 0 || i > 100 || i >= len(s) || s[i] != ':' || i+1 < len(s) && s[i+1] != ' ' {
		return "", "", false
	}
	return s[:i], strings.TrimLeft(s[i+1:], " "), true
}

// entry reads the value of a key: from column at of the line, or from the
// lines below it.
func (q *quickReader) entry(at, n, depth int) *yaml.Node {
	s := q.lines[q.line]
	rest := s[at:]
	anchor := ""
	if strings.HasPrefix(rest, "&") {
		anchor, rest = word(rest[1:])
		if rest != "" || q.anchors[anchor] != nil {
			giveUp()
		}
	}
	if rest != "" && rest[0] != '#' {
		return q.value(at, n, depth)
	}
	from := q.line
	q.line++
	q.next()
	i := q.indent()
	if i < n || i == n && !isItem(q.lines[q.line][n:]) {
		giveUp() // a null
	}
	v := q.block(i, depth+1)
	if anchor != "" {
		v.Line, v.Column, v.Anchor = from+1, column(s, at)+1, anchor
		q.anchors[anchor] = v
	}
	return v
}

// word splits off an anchor's name.
func word(s string) (name, rest string) {
	i := 0
	for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || s[i] >= '0' && s[i] <= '9' || s[i] == '_') {
		i++
	}
	if i == 0 || i < len(s) && s[i] != ' ' {
		giveUp()
	}
	return s[:i], strings.TrimLeft(s[i:], " ")
}

// value reads a value that begins and ends on this line, and goes on to the
// next line.
func (q *quickReader) value(at, n, depth int) *yaml.Node {
	s := q.lines[q.line]
	f := &flow{q: q, s: s, at: at}
	var v *yaml.Node
	switch s[at] {
	case '[', '{', '"', '\'':
		v = f.value(depth + 1)
	case '*':
		name, rest := word(s[at+1:])
		if v = q.anchors[name]; v == nil || rest != "" {
			giveUp()
		}
		alias := q.node(yaml.AliasNode, q.line, column(s, at), name)
		alias.Alias = v
		v, f.at = alias, len(s)
	default:
		end := len(s)
		if i := strings.Index(s[at:], " #"); i >= 0 {
			end = at + i
		}
		text := strings.TrimRight(s[at:end], " ")
		if !plainStart(text) || strings.Contains(text, ": ") || strings.HasSuffix(text, ":") {
			giveUp()
		}
		v, f.at = q.node(yaml.ScalarNode, q.line, column(s, at), text), end
	}
	if rest := strings.TrimLeft(s[f.at:], " "); rest != "" && (rest[0] != '#' || s[f.at] != ' ') {
		giveUp()
	}
	q.line++
	q.next()
	q.below(n) // else the scalar goes on
	return v
}

// plainStart reports whether a text may be an unquoted scalar, from how it
// begins.
func plainStart(s string) bool {
	if s == "" || s == "<<" || s == "=" {
		return false
	}
	switch s[0] {
	case '-', '?', ':':
		return len(s) > 1 && s[1] != ' ' && s[0] == '-'
	case ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		return false
	}
	return true
}

// flow reads collections in brackets, and scalars in quotes, on one line.
type flow struct {
	q  *quickReader
	s  string
	at int
}

func (f *flow) value(depth int) *yaml.Node {
	if f.at >= len(f.s) || depth > maxDepth {
		giveUp()
	}
	start := f.at
	switch f.s[f.at] {
	case '[':
		return f.list(depth)
	case '{':
		return f.fields(depth)
	case '"':
		end := strings.IndexAny(f.s[f.at+1:], `"\`)
		if end < 0 || f.s[f.at+1+end] == '\\' {
			giveUp()
		}
		f.at += end + 2
		return f.scalar(start, f.s[start+1:f.at-1], yaml.DoubleQuotedStyle)
	case '\'':
		return f.single()
	}
	end := strings.IndexAny(f.s[f.at:], ",[]{}:#?")
	if end < 0 || f.s[f.at+end] != ',' && f.s[f.at+end] != ']' && f.s[f.at+end] != '}' {
		giveUp()
	}
	text := strings.TrimRight(f.s[f.at:f.at+end], " ")
	if !plainStart(text) || text[0] == '-' && (len(text) < 2 || text[1] < '0' || text[1] > '9') {
		giveUp()
	}
	f.at += end
	return f.scalar(start, text, 0)
}

func (f *flow) scalar(start int, text string, style yaml.Style) *yaml.Node {
	n := f.q.node(yaml.ScalarNode, f.q.line, column(f.s, start), text)
	n.Style = style
	return n
}

func (f *flow) single() *yaml.Node {
	start := f.at
	for f.at++; ; f.at++ {
		if f.at >= len(f.s) {
			giveUp()
		}
		if f.s[f.at] != '\'' {
			continue
		}
		if f.at+1 < len(f.s) && f.s[f.at+1] == '\'' {
			f.at++
			continue
		}
		break
	}
	f.at++
	return f.scalar(start, strings.ReplaceAll(f.s[start+1:f.at-1], "''", "'"), yaml.SingleQuotedStyle)
}

func (f *flow) blanks() {
	for f.at < len(f.s) && f.s[f.at] == ' ' {
		f.at++
	}
}

// open begins a collection.
func (f *flow) open(kind yaml.Kind) *yaml.Node {
	n := f.q.node(kind, f.q.line, column(f.s, f.at), "")
	n.Style = yaml.FlowStyle
	f.at++
	f.blanks()
	return n
}

// more is called after an item: true after a comma, false after the end.
func (f *flow) more(end byte) bool {
	f.blanks()
	if f.at >= len(f.s) {
		giveUp()
	}
	c := f.s[f.at]
	f.at++
	if c == end {
		return false
	}
	if c != ',' || f.at >= len(f.s) || f.s[f.at] != ' ' {
		giveUp()
	}
	f.blanks()
	return true
}

func (f *flow) list(depth int) *yaml.Node {
	n := f.open(yaml.SequenceNode)
	if f.at < len(f.s) && f.s[f.at] == ']' {
		f.at++
		return n
	}
	for {
		n.Content = append(n.Content, f.value(depth+1))
		if !f.more(']') {
			return n
		}
	}
}

func (f *flow) fields(depth int) *yaml.Node {
	n := f.open(yaml.MappingNode)
	if f.at < len(f.s) && f.s[f.at] == '}' {
		f.at++
		return n
	}
	for {
		name, rest, ok := key(f.s[f.at:])
		if !ok || rest == "" {
			giveUp()
		}
		n.Content = append(n.Content, f.scalar(f.at, name, 0))
		f.at = len(f.s) - len(rest)
		n.Content = append(n.Content, f.value(depth+1))
		if !f.more('}') {
			return n
		}
	}
}

// column is the number of characters before byte at.
func column(s string, at int) int { return utf8.RuneCountInString(s[:at]) }
