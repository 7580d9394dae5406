package yamldoc

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"

	"dossier/packager"
)

// Schema is a compiled JSON Schema (draft 2020-12). It is safe for concurrent
// use.
type Schema struct {
	compiled *jsonschema.Schema
	raw      map[string]any // the JSON of every file of the schema, by its name
}

// CompileSchema reads a JSON Schema; others are the files that it refers to,
// by name. A mistake in a schema is a bug of the program.
func CompileSchema(name string, b []byte, others ...File) (*Schema, error) {
	s := &Schema{raw: map[string]any{}}
	c := jsonschema.NewCompiler()
	for _, f := range append([]File{{name, b}}, others...) {
		raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(f.Bytes))
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", f.Name, err)
		}
		if err := c.AddResource(f.Name, raw); err != nil {
			return nil, fmt.Errorf("schema %s: %w", f.Name, err)
		}
		s.raw[f.Name] = raw
	}
	compiled, err := c.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	s.compiled = compiled
	return s, nil
}

// File is a file of a schema.
type File struct {
	Name  string
	Bytes []byte
}

// Check holds the text against the schema. The Go type that it will be decoded
// into decides how scalars are read: under a string field every scalar is its
// text. Known fields without a value (`reason:`) are as good as absent.
func (s *Schema) Check(d *Doc, into any) packager.Diagnostics {
	v, _ := instance(d.root, reflect.TypeOf(into))
	err := s.compiled.Validate(v)
	if err == nil {
		return nil
	}
	var found packager.Diagnostics
	var visit func(e *jsonschema.ValidationError)
	visit = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			visit(cause)
		}
		if len(e.Causes) == 0 {
			found = append(found, s.explain(d, e)...)
		}
	}
	visit(err.(*jsonschema.ValidationError))
	return sorted(slices.DeleteFunc(found, func(x packager.Diagnostic) bool {
		return x.Code == "YAML_MISSING_KEY" && slices.ContainsFunc(found, func(y packager.Diagnostic) bool { return misspelt(x, y) })
	}))
}

// misspelt reports whether the key that is missing is there, under a name that
// is unknown.
func misspelt(missing, unknown packager.Diagnostic) bool {
	parent := unknown.Path[:max(0, strings.LastIndexByte(unknown.Path, '.'))]
	return unknown.Code == "YAML_UNKNOWN_KEY" && join(parent, unknown.Suggestion) == missing.Path
}

// explain turns one error of the validator into diagnostics.
func (s *Schema) explain(d *Doc, e *jsonschema.ValidationError) packager.Diagnostics {
	path := strings.Join(e.InstanceLocation, ".")
	known := s.at(e.SchemaURL)
	one := func(code string, args packager.Args, suggestion string) packager.Diagnostics {
		return packager.Diagnostics{d.Diagnostic(code, path, args, suggestion)}
	}
	got := display(d.text(path))
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		return unknownKeys(d, path, k.Properties, known)
	case *kind.Required:
		return missingKeys(d, path, k.Missing)
	case *kind.Type:
		if diag, ok := d.wideColon(path, k.Want); ok {
			return packager.Diagnostics{diag}
		}
		return one(wantCode(k.Want), packager.Args{"got": got}, "")
	case *kind.Enum:
		words := texts(k.Want)
		return one("YAML_ENUM", packager.Args{"got": got, "known": strings.Join(words, ", ")}, Nearest(d.text(path), words))
	case *kind.Const:
		return one("YAML_ENUM", packager.Args{"got": got, "known": fmt.Sprint(k.Want)}, fmt.Sprint(k.Want))
	case *kind.Pattern:
		example := example(known)
		return one("YAML_PATTERN", packager.Args{"got": got, "example": example}, dayInstead(d.text(path), example))
	case *kind.MinLength, *kind.MinItems, *kind.MinProperties:
		return one("YAML_EMPTY", nil, "")
	case *kind.MaxLength:
		return one("YAML_TOO_LONG", packager.Args{"limit": strconv.Itoa(k.Want)}, "")
	case *kind.Minimum:
		return one("YAML_TOO_SMALL", packager.Args{"got": got, "limit": k.Want.RatString()}, "")
	case *kind.Maximum:
		return one("YAML_TOO_LARGE", packager.Args{"got": got, "limit": k.Want.RatString()}, "")
	case *kind.UniqueItems:
		path = join(path, strconv.Itoa(k.Duplicates[1]))
		return one("YAML_TWICE", packager.Args{"got": display(d.text(path))}, "")
	}
	return one("YAML_INVALID", packager.Args{"detail": display(e.Error())}, "")
}

func unknownKeys(d *Doc, path string, keys []string, schema map[string]any) packager.Diagnostics {
	properties, _ := schema["properties"].(map[string]any)
	known := slices.Sorted(maps.Keys(properties))
	var all packager.Diagnostics
	for _, key := range keys {
		args := packager.Args{"key": display(key), "known": strings.Join(known, ", ")}
		all = append(all, d.DiagnosticKey("YAML_UNKNOWN_KEY", join(path, key), args, Nearest(key, known)))
	}
	return all
}

func missingKeys(d *Doc, path string, keys []string) packager.Diagnostics {
	var all packager.Diagnostics
	for _, key := range keys {
		field, code := join(path, key), "YAML_MISSING_KEY"
		if d.Has(field) {
			code = "YAML_EMPTY"
		}
		diag := d.DiagnosticKey(code, field, packager.Args{"key": key}, "")
		if path == "" && code == "YAML_MISSING_KEY" {
			diag.Pos.Line, diag.Pos.Column, diag.Line = 1, 1, d.line(1)
		}
		all = append(all, diag)
	}
	return all
}

// wideColon finds the full-width colon in a text that was meant to be a
// mapping.
func (d *Doc) wideColon(path string, want []string) (packager.Diagnostic, bool) {
	_, n := d.find(path)
	if !slices.Equal(want, []string{"object"}) || !strings.Contains(d.text(path), "：") {
		return packager.Diagnostic{}, false
	}
	for line := follow(n).Line; line <= len(d.lines); line++ {
		if diag, ok := d.slip(line); ok {
			diag.Path = path
			return diag, true
		}
	}
	return packager.Diagnostic{}, false
}

// wantCode names what was asked for.
func wantCode(want []string) string {
	has := func(t string) bool { return slices.Contains(want, t) }
	switch {
	case has("object") && len(want) == 1:
		return "YAML_WANT_MAP"
	case has("array") && has("string"):
		return "YAML_WANT_TEXT_OR_LIST"
	case has("array"):
		return "YAML_WANT_LIST"
	case has("string"):
		return "YAML_WANT_TEXT"
	case has("boolean"):
		return "YAML_WANT_BOOL"
	case has("integer"):
		return "YAML_WANT_INTEGER"
	case has("number"):
		return "YAML_WANT_NUMBER"
	}
	return "YAML_WANT_OTHER"
}

// text returns the text of a scalar, or "" for a collection.
func (d *Doc) text(path string) string {
	_, value, rest := d.walk(path)
	if rest != "" {
		return ""
	}
	return follow(value).Value
}

// at returns the part of the schema that a location such as
// "case.schema.json#/$defs/person" names.
func (s *Schema) at(url string) map[string]any {
	file, pointer, _ := strings.Cut(url, "#")
	now := s.raw[file[strings.LastIndexByte(file, '/')+1:]]
	unescape := strings.NewReplacer("~1", "/", "~0", "~", "%24", "$")
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		if token == "" {
			continue
		}
		m, ok := now.(map[string]any)
		if !ok {
			return nil
		}
		now = m[unescape.Replace(token)]
	}
	m, _ := now.(map[string]any)
	return m
}

func example(schema map[string]any) string {
	list, _ := schema["examples"].([]any)
	if len(list) == 0 {
		return fmt.Sprint(schema["pattern"])
	}
	return fmt.Sprint(list[0])
}

// dayInstead suggests the day that the user wrote in another form, where the
// schema's example is a day.
func dayInstead(text, example string) string {
	if _, err := packager.ParseDay(example); err != nil {
		return ""
	}
	day, _ := DayLike(text)
	return day.String()
}

func texts(values []any) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = fmt.Sprint(v)
	}
	return all
}

// instance makes the JSON value of a node that will be decoded into t (nil:
// anything). ok is false for a field without a value.
func instance(n *yaml.Node, t reflect.Type) (v any, ok bool) {
	n = follow(n)
	t = element(t)
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			field, known := fieldType(t, key)
			if v, ok := instance(n.Content[i+1], field); ok || !known {
				m[key] = v
			}
		}
		return m, true
	case yaml.SequenceNode:
		if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
			t = t.Elem()
		} else {
			t = nil
		}
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			v, _ := instance(item, t)
			list = append(list, v)
		}
		return list, true
	}
	if isNull(n) {
		return nil, false
	}
	if isText(t) {
		return n.Value, true
	}
	return scalar(n), true
}

// scalar reads a scalar by YAML's core schema, decimal numbers only: what
// would lose characters as a number (0123, 1_000, more than 18 digits) stays
// text, and so do dates.
func scalar(n *yaml.Node) any {
	if n.Style&quoted != 0 || n.Tag == "!!str" {
		return n.Value
	}
	switch n.Value {
	case "true", "True", "TRUE":
		return true
	case "false", "False", "FALSE":
		return false
	}
	if !decimal.MatchString(n.Value) {
		return n.Value
	}
	if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
		return i
	}
	if f, err := strconv.ParseFloat(n.Value, 64); err == nil && strings.ContainsAny(n.Value, ".eE") {
		return f
	}
	return n.Value
}
