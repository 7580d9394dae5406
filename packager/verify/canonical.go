package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// errCanonical says that a text is not canonical JSON (RFC 8785).
var errCanonical = because("canonical")

// decodeCanonical decodes one JSON value that is written canonically, to the
// byte: a text that means the same and is written otherwise is refused.
func decodeCanonical(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, errCanonical
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errCanonical
	}
	again, err := encodeCanonical(nil, m)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, errCanonical
	}
	return m, nil
}

// encodeCanonical writes v as RFC 8785 says. Numbers are whole numbers within
// 2^53, which is all that our documents hold.
func encodeCanonical(out []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(out, "null"...), nil
	case bool:
		return strconv.AppendBool(out, v), nil
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil || n > 1<<53 || n < -1<<53 {
			return nil, errCanonical
		}
		return strconv.AppendInt(out, n, 10), nil
	case string:
		return appendString(out, v)
	case []any:
		out = append(out, '[')
		for i, e := range v {
			if i > 0 {
				out = append(out, ',')
			}
			var err error
			if out, err = encodeCanonical(out, e); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	case map[string]any:
		out = append(out, '{')
		for i, k := range slices.SortedFunc(maps.Keys(v), byUTF16) {
			if i > 0 {
				out = append(out, ',')
			}
			var err error
			if out, err = appendString(out, k); err != nil {
				return nil, err
			}
			if out, err = encodeCanonical(append(out, ':'), v[k]); err != nil {
				return nil, err
			}
		}
		return append(out, '}'), nil
	}
	return nil, errCanonical
}

// byUTF16 orders names as RFC 8785 3.2.3: by UTF-16 code units.
func byUTF16(a, b string) int {
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func appendString(out []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errCanonical
	}
	out = append(out, '"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			out = append(out, '\\', byte(r))
		case '\b':
			out = append(out, `\b`...)
		case '\f':
			out = append(out, `\f`...)
		case '\n':
			out = append(out, `\n`...)
		case '\r':
			out = append(out, `\r`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			if r < 0x20 {
				out = fmt.Appendf(out, `\u%04x`, r)
			} else {
				out = utf8.AppendRune(out, r)
			}
		}
	}
	return append(out, '"'), nil
}
