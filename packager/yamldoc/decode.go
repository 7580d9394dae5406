package yamldoc

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"dossier/packager"
)

var decimal = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]{0,17})(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$`)

// Decode fills into, a pointer to a struct, from the text. Fields are named by
// their yaml tags. A scalar where a slice is asked for is a list of one; a
// field without a value stays zero; a type with UnmarshalText reads its text.
// Keys that the struct does not have are passed over: the schema's gate
// answers those.
func (d *Doc) Decode(into any) packager.Diagnostics {
	dec := decoder{doc: d}
	dec.value(nil, d.root, reflect.ValueOf(into).Elem())
	return sorted(dec.found)
}

type decoder struct {
	doc   *Doc
	found packager.Diagnostics
}

func (d *decoder) wrong(code string, path *trail, n *yaml.Node, suggestion string) {
	d.found = append(d.found, d.doc.diagnostic(code, path.String(), d.doc.place(nil, n),
		packager.Args{"got": display(n.Value)}, suggestion))
}

func (d *decoder) value(path *trail, n *yaml.Node, v reflect.Value) {
	n = follow(n)
	if isNull(n) {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		d.value(path, n, v.Elem())
		return
	}
	if n.Kind == yaml.ScalarNode && reflect.PointerTo(v.Type()).Implements(textUnmarshaler) {
		u := v.Addr().Interface().(encoding.TextUnmarshaler)
		if err := u.UnmarshalText([]byte(n.Value)); err != nil {
			d.text(path, n, v)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(path, n, v)
	case reflect.Map:
		d.mapping(path, n, v)
	case reflect.Slice, reflect.Array:
		d.list(path, n, v)
	case reflect.Interface:
		v.Set(reflect.ValueOf(plain(n)))
	default:
		d.scalar(path, n, v)
	}
}

// text reports a text that its type cannot read.
func (d *decoder) text(path *trail, n *yaml.Node, v reflect.Value) {
	if _, isDay := v.Interface().(packager.Day); isDay {
		day, _ := DayLike(n.Value)
		d.wrong("YAML_DAY", path, n, day.String())
		return
	}
	d.wrong("YAML_INVALID_TEXT", path, n, "")
}

func (d *decoder) structure(path *trail, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.wrong("YAML_WANT_MAP", path, n, "")
		return
	}
	fields := fieldsOf(v.Type())
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if index, ok := fields[key]; ok {
			d.value(&trail{up: path, key: key}, n.Content[i+1], v.Field(index))
		}
	}
}

func (d *decoder) mapping(path *trail, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.wrong("YAML_WANT_MAP", path, n, "")
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(&trail{up: path, key: key}, n.Content[i+1], item)
		v.SetMapIndex(reflect.ValueOf(key), item)
	}
}

func (d *decoder) list(path *trail, n *yaml.Node, v reflect.Value) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	} else if len(items) != v.Len() {
		d.wrong("YAML_WANT_LIST", path, n, "")
		return
	}
	for i, item := range items {
		at := path
		if n.Kind == yaml.SequenceNode {
			at = &trail{up: path, index: i}
		}
		d.value(at, item, v.Index(i))
	}
}

func (d *decoder) scalar(path *trail, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.wrong("YAML_WANT_TEXT", path, n, "")
		return
	}
	if v.Kind() == reflect.String {
		v.SetString(n.Value)
		return
	}
	x := scalar(n)
	switch v.Kind() {
	case reflect.Bool:
		if b, ok := x.(bool); ok {
			v.SetBool(b)
			return
		}
		d.wrong("YAML_WANT_BOOL", path, n, "")
	case reflect.Int, reflect.Int64:
		if i, ok := x.(int64); ok {
			v.SetInt(i)
			return
		}
		d.wrong("YAML_WANT_INTEGER", path, n, "")
	case reflect.Float64:
		switch x := x.(type) {
		case float64:
			v.SetFloat(x)
		case int64:
			v.SetFloat(float64(x))
		default:
			d.wrong("YAML_WANT_NUMBER", path, n, "")
		}
	default:
		panic(fmt.Sprintf("yamldoc: no way to decode into %s", v.Type()))
	}
}

// plain returns a node as bool, int64, float64, string, []any or
// map[string]any; nil for a field without a value.
func plain(n *yaml.Node) any {
	v, _ := instance(n, nil)
	return v
}

// element is t without pointers; nil for an interface.
func element(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t != nil && t.Kind() == reflect.Interface {
		return nil
	}
	return t
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// isText reports whether every scalar under t is read as its text.
func isText(t reflect.Type) bool {
	if t == nil {
		return false
	}
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	return t.Kind() == reflect.String || reflect.PointerTo(t).Implements(textUnmarshaler)
}

// fieldType returns the type of the field key of a struct or map; known is
// false for a key that a struct does not have.
func fieldType(t reflect.Type, key string) (field reflect.Type, known bool) {
	if t == nil {
		return nil, true
	}
	switch t.Kind() {
	case reflect.Map:
		return t.Elem(), true
	case reflect.Struct:
		if i, ok := fieldsOf(t)[key]; ok {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}

var fieldCache sync.Map // reflect.Type → map[string]int

// fieldsOf maps the keys of a struct to its fields.
func fieldsOf(t reflect.Type) map[string]int {
	if m, ok := fieldCache.Load(t); ok {
		return m.(map[string]int)
	}
	m := map[string]int{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			m[name] = i
		}
	}
	fieldCache.Store(t, m)
	return m
}

var dayForms = regexp.MustCompile(`^\s*(\d{4})\s*[-./年]?\s*(\d{1,2})\s*[-./月]?\s*(\d{1,2})\s*日?\s*$`)

// DayLike reads a day that was written in another form than YYYY-MM-DD:
// 2031.05.01 as on an ID card, 2031/5/1, 2031年5月1日, 20310501.
func DayLike(s string) (packager.Day, bool) {
	m := dayForms.FindStringSubmatch(s)
	if m == nil {
		return packager.Day{}, false
	}
	month, _ := strconv.Atoi(m[2])
	dom, _ := strconv.Atoi(m[3])
	day, err := packager.ParseDay(fmt.Sprintf("%s-%02d-%02d", m[1], month, dom))
	return day, err == nil
}
