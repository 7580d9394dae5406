package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	goccy "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/encoding/simplifiedchinese"

	"dossier/packager"
)

// Parse reads one YAML text. Its error is packager.Diagnostics.
func Parse(name string, b []byte) (*Doc, error) {
	if len(b) > MaxBytes {
		return nil, packager.Diagnostics{{
			Code: "YAML_TOO_BIG", Pos: packager.Position{File: name},
			Args: packager.Args{"bytes": strconv.Itoa(len(b)), "limit": strconv.Itoa(MaxBytes)},
		}}
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	d := &Doc{Name: name}
	if diag := d.encoding(b); diag != nil {
		return nil, diag
	}
	d.lines = splitLines(string(b))
	if err := d.read(b); err != nil {
		return nil, d.explain(b, err)
	}
	if diag := d.vet(); len(diag) > 0 {
		return nil, diag
	}
	return d, nil
}

// Canonical returns the bytes of a text that mean the same on every system:
// without a byte order mark, with line feeds as line ends. Digests are taken
// over them.
func Canonical(b []byte) []byte {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
}

func splitLines(s string) []string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.Split(s, "\n")
}

// encoding refuses what is not UTF-8, or holds control characters.
func (d *Doc) encoding(b []byte) packager.Diagnostics {
	line, column := 1, 0
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		column++
		pos := packager.Position{File: d.Name, Line: line, Column: column}
		switch {
		case r == utf8.RuneError && n <= 1:
			return packager.Diagnostics{{Code: "YAML_NOT_UTF8", Pos: pos, Args: packager.Args{"encoding": guess(b)}}}
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			code := "YAML_CONTROL_CHARACTER"
			if r == 0 && guess(b) == "UTF-16" {
				code = "YAML_NOT_UTF8"
			}
			return packager.Diagnostics{{Code: code, Pos: pos,
				Args: packager.Args{"encoding": guess(b), "character": fmt.Sprintf("U+%04X", r)}}}
		case r == '\n':
			line, column = line+1, 0
		}
		i += n
	}
	return nil
}

// guess names the encoding that a text that is not UTF-8 most likely has.
func guess(b []byte) string {
	head := b[:min(len(b), 64)]
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")), bytes.Count(head, []byte{0}) > len(head)/4:
		return "UTF-16"
	}
	if s, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b); err == nil && !bytes.ContainsRune(s, utf8.RuneError) {
		return "GBK"
	}
	return "?"
}

var errDocuments = errors.New("more than one document")

// read sets the root.
func (d *Doc) read(b []byte) error {
	if d.root = quick(string(b)); d.root != nil {
		return nil
	}
	return d.readFull(b)
}

func (d *Doc) readFull(b []byte) (err error) {
	// The parser meets whatever people put into a file: a panic of it is a
	// syntax error of theirs.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("unreadable: %v", r)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err == io.EOF {
		return nil
	} else if err != nil {
		return err
	}
	d.root = doc.Content[0]
	switch err := dec.Decode(&second); err {
	case io.EOF:
		return nil
	case nil:
		d.root = &second
		return errDocuments
	default:
		return err
	}
}

var (
	tabIndent = regexp.MustCompile(`^ *\t[\s]*[^\s#]`)
	wideColon = regexp.MustCompile(`^([\s-]*)([A-Za-z_][A-Za-z0-9_.-]*)：`)
	noSpace   = regexp.MustCompile(`^([\s-]*)([A-Za-z_][A-Za-z0-9_-]*):[^\s/]`)
)

// explain says as well as it can what stopped the parser. The slips that
// people make most are named, all of them; else the one place is.
func (d *Doc) explain(b []byte, cause error) packager.Diagnostics {
	if cause == errDocuments {
		return packager.Diagnostics{d.diagnostic("YAML_DOCUMENTS", "", d.place(nil, d.root), nil, "")}
	}
	var all packager.Diagnostics
	for i := range d.lines {
		if diag, ok := d.slip(i + 1); ok {
			all = append(all, diag)
		}
	}
	if len(all) > 0 {
		return sorted(all)
	}
	if diag, ok := d.unknownAlias(cause); ok {
		return packager.Diagnostics{diag}
	}
	pos, detail, both := locate(b, cause)
	if diag, ok := d.question(); ok && !both {
		return packager.Diagnostics{diag}
	}
	pos.File = d.Name
	if m := noSpace.FindStringSubmatch(d.rawLine(pos.Line)); m != nil {
		return packager.Diagnostics{d.diagnostic("YAML_COLON_SPACE", "", pos, packager.Args{"key": m[2]}, m[2]+": ")}
	}
	if q := openQuote(d.rawLine(pos.Line)); q != "" {
		return packager.Diagnostics{d.diagnostic("YAML_QUOTE", "", pos, packager.Args{"quote": q}, "")}
	}
	return packager.Diagnostics{d.diagnostic("YAML_SYNTAX", "", pos, packager.Args{"detail": detail}, "")}
}

// slip looks for a slip of the keyboard in a line of a text that is no YAML.
func (d *Doc) slip(n int) (packager.Diagnostic, bool) {
	line := d.rawLine(n)
	pos := packager.Position{File: d.Name, Line: n}
	if m := tabIndent.FindString(line); m != "" {
		pos.Column = 1 + strings.IndexByte(line, '\t')
		return d.diagnostic("YAML_TAB", "", pos, nil, ""), true
	}
	if m := wideColon.FindStringSubmatch(line); m != nil {
		pos.Column = 1 + utf8.RuneCountInString(m[1]+m[2])
		return d.diagnostic("YAML_WIDE_COLON", "", pos, packager.Args{"key": m[2]}, m[2]+": "), true
	}
	return packager.Diagnostic{}, false
}

var noAnchor = regexp.MustCompile(`unknown anchor '([^']*)' referenced`)

// unknownAlias finds the alias that the parser, in its words, does not know.
func (d *Doc) unknownAlias(cause error) (packager.Diagnostic, bool) {
	m := noAnchor.FindStringSubmatch(cause.Error())
	if m == nil {
		return packager.Diagnostic{}, false
	}
	pos := packager.Position{File: d.Name}
	for i, line := range d.lines {
		if at := strings.Index(line, "*"+m[1]); at >= 0 {
			pos.Line, pos.Column = i+1, column(line, at)+1
			break
		}
	}
	return d.diagnostic("YAML_ALIAS_UNKNOWN", "", pos, packager.Args{"alias": display(m[1])}, ""), true
}

var bareQuestion = regexp.MustCompile(`^[^#"']*[{\[][^"'#]*?([^\s,{\[?])\?`)

// question finds a question mark in an unquoted text within brackets: YAML 1.2
// allows it, the parser of the tree does not.
func (d *Doc) question() (packager.Diagnostic, bool) {
	for i, line := range d.lines {
		if m := bareQuestion.FindStringSubmatchIndex(line); m != nil {
			pos := packager.Position{File: d.Name, Line: i + 1, Column: column(line, m[3]) + 1}
			return d.diagnostic("YAML_QUESTION_MARK", "", pos, nil, ""), true
		}
	}
	return packager.Diagnostic{}, false
}

func (d *Doc) rawLine(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return d.lines[n-1]
}

// openQuote returns the quotation mark that a line opens and does not close.
func openQuote(line string) string {
	for _, q := range []string{`"`, `'`} {
		if strings.Count(line, q)%2 == 1 {
			return q
		}
	}
	return ""
}

// maxExplained is the size up to which the second parser is asked: its time
// grows with the square of the number of keys.
const maxExplained = 128 << 10

// locate finds line and column of a syntax error. The tree comes from
// go.yaml.in/yaml/v3, which is quick and bounded but names at most a line;
// goccy/go-yaml names the column and says more. both is true when it, too,
// finds the text wrong.
func locate(b []byte, cause error) (pos packager.Position, detail string, both bool) {
	defer func() {
		if r := recover(); r != nil {
			pos, detail = fromText(cause)
		}
	}()
	if len(b) <= maxExplained {
		_, err := parser.Parse(lexer.Tokenize(string(b)), 0)
		var syntax *goccy.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil && syntax.Token.Position != nil {
			p := syntax.Token.Position
			return packager.Position{Line: p.Line, Column: p.Column}, syntax.Message, true
		}
	}
	pos, detail = fromText(cause)
	return pos, detail, false
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// fromText takes line and words from the text of yaml/v3's error, which has
// no other form.
func fromText(err error) (packager.Position, string) {
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return packager.Position{}, err.Error()
	}
	n, _ := strconv.Atoi(m[1])
	return packager.Position{Line: n}, m[2]
}

// vet checks what the parser lets through: emptiness, the kind of the top,
// duplicate keys, keys that are no scalars, tags, merge keys, aliases.
func (d *Doc) vet() packager.Diagnostics {
	if d.root == nil || isNull(d.root) {
		return packager.Diagnostics{{Code: "YAML_NO_CONTENT", Pos: packager.Position{File: d.Name}}}
	}
	v := &vetter{doc: d, sizes: map[*yaml.Node]int{}, open: map[*yaml.Node]bool{}}
	if v.node(nil, d.root, 0) > maxNodes {
		v.report("YAML_TOO_MANY", nil, d.root, packager.Args{"limit": strconv.Itoa(maxNodes)})
	}
	if len(v.found) > 0 {
		return sorted(v.found)
	}
	if follow(d.root).Kind != yaml.MappingNode {
		if diag, ok := d.slip(d.root.Line); ok {
			return packager.Diagnostics{diag}
		}
		return packager.Diagnostics{d.diagnostic("YAML_WANT_MAP", "", d.place(nil, d.root), nil, "")}
	}
	return nil
}

type vetter struct {
	doc   *Doc
	found packager.Diagnostics
	sizes map[*yaml.Node]int  // of anchored nodes: nodes below, aliases resolved
	open  map[*yaml.Node]bool // anchored nodes on the way down
}

func (v *vetter) report(code string, path *trail, n *yaml.Node, args packager.Args) {
	v.found = append(v.found, v.doc.diagnostic(code, path.String(), v.doc.place(nil, n), args, ""))
}

// node returns the number of nodes that n stands for, maxNodes+1 at most.
func (v *vetter) node(path *trail, n *yaml.Node, depth int) int {
	switch {
	case n.Kind == yaml.AliasNode && (n.Alias == nil || v.open[n.Alias]):
		v.report("YAML_ALIAS_LOOP", path, n, packager.Args{"alias": display(n.Value)})
		return 1
	case n.Kind == yaml.AliasNode:
		return v.sizes[n.Alias]
	case depth > maxDepth:
		v.report("YAML_TOO_DEEP", path, n, packager.Args{"limit": strconv.Itoa(maxDepth)})
		return 1
	case n.Tag != "" && !coreTags[n.ShortTag()]:
		v.report("YAML_TAG", path, n, packager.Args{"tag": display(n.Tag)})
		return 1
	case n.Anchor == "":
		return min(v.below(path, n, depth), maxNodes+1)
	}
	v.open[n] = true
	v.sizes[n] = min(v.below(path, n, depth), maxNodes+1)
	delete(v.open, n)
	return v.sizes[n]
}

func (v *vetter) below(path *trail, n *yaml.Node, depth int) int {
	size := 1
	switch n.Kind {
	case yaml.MappingNode:
		size += v.mapping(path, n, depth)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			size += v.node(&trail{up: path, index: i}, item, depth+1)
		}
	}
	return size
}

func (v *vetter) mapping(path *trail, n *yaml.Node, depth int) int {
	size := 0
	var many map[string]*yaml.Node // the keys of a large mapping
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			v.report("YAML_KEY_KIND", path, key, nil)
			continue
		case key.Tag == "!!merge":
			v.report("YAML_MERGE_KEY", path, key, nil)
			continue
		}
		if i == 64 {
			many = map[string]*yaml.Node{}
			for j := 0; j < i; j += 2 {
				many[n.Content[j].Value] = n.Content[j]
			}
		}
		field := &trail{up: path, key: key.Value}
		if first := earlier(n, i, many); first != nil {
			v.report("YAML_DUPLICATE_KEY", field, key, packager.Args{"key": display(key.Value), "line": strconv.Itoa(first.Line)})
		} else if many != nil {
			many[key.Value] = key
		}
		size += v.node(field, value, depth+1)
	}
	return size
}

// earlier returns the key before n.Content[i] that is the same as it. Small
// mappings, nearly all there are, are looked through without a map.
func earlier(n *yaml.Node, i int, many map[string]*yaml.Node) *yaml.Node {
	if many != nil {
		return many[n.Content[i].Value]
	}
	for j := 0; j < i; j += 2 {
		if n.Content[j].Value == n.Content[i].Value && n.Content[j].Kind == yaml.ScalarNode {
			return n.Content[j]
		}
	}
	return nil
}

// coreTags are the tags that yaml/v3 resolves plain scalars to, and those of
// collections. Dates stay text.
var coreTags = map[string]bool{
	"!!str": true, "!!int": true, "!!float": true, "!!bool": true, "!!null": true,
	"!!timestamp": true, "!!map": true, "!!seq": true, "!!merge": true,
}
