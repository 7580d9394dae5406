// Package yamldoc reads the YAML files that people write — case.yaml, rule
// packs — and answers every mistake at once with file, line, column, the line
// itself and the nearest known word.
//
// A file goes through three gates: [Parse] (encoding, size, syntax, duplicate
// keys, aliases), [Schema.Check] (the JSON Schema that editors use, too) and
// [Doc.Decode] (into Go values). Scalars keep the text that the user wrote:
// where a Go field is a string, 13800138000 or 0123 stays as it stands,
// whether quoted or not.
//
// YAML here is YAML 1.2 of one document whose top is a mapping. Tags other
// than the core ones and merge keys (<<) are refused. Aliases are resolved
// within a limit.
package yamldoc

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"dossier/packager"
)

// Limits of a text. A file beyond them is refused, so that a hostile one costs
// little time and memory.
const (
	MaxBytes = 1 << 20 // 1 MiB
	maxDepth = 64      // levels of nesting
	maxNodes = 200_000 // after aliases are resolved
)

// Doc is one YAML text that could be read.
type Doc struct {
	Name  string // as it is named in positions
	root  *yaml.Node
	lines []string
}

// Pos returns where the field with the given dotted path stands
// ("applicant.uscc", "materials.business_licence.0"): its value where that is
// on the line of its key, else its key. A path that the text does not have is
// answered with the nearest field above it.
func (d *Doc) Pos(path string) packager.Position {
	key, value := d.find(path)
	return d.place(key, value)
}

// Has reports whether the text has the field, even an empty one.
func (d *Doc) Has(path string) bool {
	_, _, rest := d.walk(path)
	return rest == ""
}

// Positions returns Pos for every dotted path of the text.
func (d *Doc) Positions() map[string]packager.Position {
	all := map[string]packager.Position{}
	var visit func(path string, key, value *yaml.Node)
	visit = func(path string, key, value *yaml.Node) {
		if path != "" {
			all[path] = d.place(key, value)
		}
		switch v := follow(value); v.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(v.Content); i += 2 {
				visit(join(path, v.Content[i].Value), v.Content[i], v.Content[i+1])
			}
		case yaml.SequenceNode:
			for i, item := range v.Content {
				visit(join(path, strconv.Itoa(i)), nil, item)
			}
		}
	}
	visit("", nil, d.root)
	return all
}

// Diagnostic returns a diagnostic at the field with the given path.
func (d *Doc) Diagnostic(code, path string, args packager.Args, suggestion string) packager.Diagnostic {
	return d.diagnostic(code, path, d.Pos(path), args, suggestion)
}

// DiagnosticKey is like Diagnostic, but points at the field's key.
func (d *Doc) DiagnosticKey(code, path string, args packager.Args, suggestion string) packager.Diagnostic {
	key, value := d.find(path)
	if key != nil {
		value = key
	}
	return d.diagnostic(code, path, d.place(nil, value), args, suggestion)
}

func (d *Doc) diagnostic(code, path string, pos packager.Position, args packager.Args, suggestion string) packager.Diagnostic {
	return packager.Diagnostic{
		Code: code, Pos: pos, Path: path, Line: d.line(pos.Line),
		Args: args, Suggestion: suggestion,
	}
}

// Line returns line n (from 1) as it may be shown to a person.
func (d *Doc) Line(n int) string { return d.line(n) }

func (d *Doc) line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return display(d.lines[n-1])
}

// Line returns line n (from 1) of a text as it may be shown to a person.
func Line(b []byte, n int) string {
	d := &Doc{lines: splitLines(string(Canonical(b)))}
	return d.line(n)
}

func (d *Doc) place(key, value *yaml.Node) packager.Position {
	n := value
	if key != nil && (value == nil || value.Line != key.Line) {
		n = key
	}
	if n == nil {
		return packager.Position{File: d.Name}
	}
	return packager.Position{File: d.Name, Line: n.Line, Column: n.Column}
}

// find returns the nodes of the field, or those of the nearest one above it.
func (d *Doc) find(path string) (key, value *yaml.Node) {
	key, value, _ = d.walk(path)
	return key, value
}

// walk goes down the path as far as it leads; rest is what is left of it. A
// key may itself contain dots: the longest key that fits is taken.
func (d *Doc) walk(path string) (key, value *yaml.Node, rest string) {
	value, rest = d.root, path
	for rest != "" {
		k, v, left, ok := step(follow(value), rest)
		if !ok {
			return key, value, rest
		}
		key, value, rest = k, v, left
	}
	return key, value, ""
}

func step(n *yaml.Node, path string) (key, value *yaml.Node, rest string, ok bool) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			left, fits := strings.CutPrefix(path, name)
			if !fits || left != "" && left[0] != '.' {
				continue
			}
			if key == nil || len(name) > len(key.Value) {
				key, value, rest, ok = n.Content[i], n.Content[i+1], strings.TrimPrefix(left, "."), true
			}
		}
	case yaml.SequenceNode:
		first, left, _ := strings.Cut(path, ".")
		if i, err := strconv.Atoi(first); err == nil && i >= 0 && i < len(n.Content) {
			return nil, n.Content[i], left, true
		}
	}
	return key, value, rest, ok
}

// isNull reports whether a field has no value.
func isNull(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Style&quoted != 0 || n.Tag != "" && n.Tag != "!!null" {
		return false
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// follow resolves an alias. Parse has made sure that no alias is part of
// itself.
func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// trail is the way to a field, made without allocating: its text is needed
// for mistakes only.
type trail struct {
	up    *trail
	key   string // "" for an item of a sequence, or for the empty key
	index int
}

func (t *trail) String() string {
	switch {
	case t == nil:
		return ""
	case t.key == "":
		return join(t.up.String(), strconv.Itoa(t.index))
	}
	return join(t.up.String(), t.key)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
