package verify

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// printedDigests are the hex SHA-256 digests that can be read in the visible
// signatures, in the order of the file: the fingerprints of certificates and
// the head of the audit log. Lines are read as one, since a digest may break.
func (d *document) printedDigests() ([]string, error) {
	var out []string
	sigs, err := d.signatureFields()
	if err != nil {
		return nil, err
	}
	for _, field := range sigs {
		text, err := d.lookOf(field)
		if err != nil {
			return nil, err
		}
		out = append(out, digestsIn(text)...)
	}
	return out, nil
}

var hexRun = regexp.MustCompile(`[0-9a-f]+`)

func digestsIn(text string) []string {
	return slices.DeleteFunc(hexRun.FindAllString(text, -1), func(s string) bool { return len(s) != 64 })
}

// signatureFields are the fields of the form that are signed.
func (d *document) signatureFields() ([]dict, error) {
	root, err := d.getDict(d.trailer["Root"])
	if err != nil {
		return nil, err
	}
	form, err := d.getDict(root["AcroForm"])
	if err != nil {
		return nil, err
	}
	fields, err := d.getArray(form["Fields"])
	if err != nil {
		return nil, err
	}
	var out []dict
	for _, o := range fields {
		f, err := d.getDict(o)
		if err != nil {
			return nil, err
		}
		if f["FT"] == name("Sig") && f["V"] != nil {
			out = append(out, f)
		}
	}
	return out, nil
}

// lookOf is the text that the look of a field shows, by the /ToUnicode maps of
// its fonts; "" if it has none.
func (d *document) lookOf(field dict) (string, error) {
	ap, err := d.getDict(field["AP"])
	if err != nil || ap == nil {
		return "", err
	}
	o, err := d.get(ap["N"])
	if err != nil {
		return "", err
	}
	look, ok := o.(*stream)
	if !ok {
		return "", nil
	}
	content, err := d.decode(look)
	if err != nil {
		return "", err
	}
	fonts, err := d.fontsOf(look)
	if err != nil {
		return "", err
	}
	return shown(content, fonts), nil
}

// cmap is a /ToUnicode map of a font with codes of two bytes.
type cmap map[uint16]string

func (d *document) fontsOf(look *stream) (map[name]cmap, error) {
	resources, err := d.getDict(look.dict["Resources"])
	if err != nil {
		return nil, err
	}
	fonts, err := d.getDict(resources["Font"])
	if err != nil {
		return nil, err
	}
	out := map[name]cmap{}
	for k, o := range fonts {
		font, err := d.getDict(o)
		if err != nil {
			return nil, err
		}
		o, err := d.get(font["ToUnicode"])
		if err != nil {
			return nil, err
		}
		if s, ok := o.(*stream); ok && font["Encoding"] == name("Identity-H") {
			b, err := d.decode(s)
			if err != nil {
				return nil, err
			}
			out[k] = readCMap(b)
		}
	}
	return out, nil
}

// tokens calls f with every object of a content stream or CMap.
func tokens(b []byte, f func(any)) {
	l := newLexer(bytes.NewReader(b), int64(len(b)), 0)
	for {
		o, err := l.object(0)
		if err != nil { // the end, or what is no text anyway
			return
		}
		f(o)
	}
}

// readCMap reads the bfchar rows (9.10.3); ranges are not needed for a font
// that was made for a few lines.
func readCMap(b []byte) cmap {
	m := cmap{}
	var row [][]byte
	rows := false
	tokens(b, func(o any) {
		switch o := o.(type) {
		case keyword:
			rows, row = o == "beginbfchar", nil
		case text:
			if row = append(row, o.b); len(row) == 2 {
				if rows && len(row[0]) == 2 {
					m[uint16(row[0][0])<<8|uint16(row[0][1])] = fromUTF16(row[1])
				}
				row = nil
			}
		}
	})
	return m
}

func fromUTF16(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return string(utf16.Decode(u))
}

// maxOperands of an operator are more than any of text has.
const maxOperands = 8

// shown is the text of a content stream.
func shown(content []byte, fonts map[name]cmap) string {
	var out strings.Builder
	var font cmap
	var before []any
	tokens(content, func(o any) {
		k, isOperator := o.(keyword)
		if !isOperator {
			before = append(before[max(len(before)-maxOperands, 0):], o)
			return
		}
		switch {
		case k == "Tf" && len(before) == 2:
			n, _ := before[0].(name)
			font = fonts[n]
		case k == "Tj" && len(before) == 1:
			s, _ := before[0].(text)
			for i := 0; i+1 < len(s.b); i += 2 {
				out.WriteString(font[uint16(s.b[i])<<8|uint16(s.b[i+1])])
			}
		}
		before = nil
	})
	return out.String()
}

// printedOf reads the digests in a file's visible signatures.
func printedOf(r io.ReaderAt, size int64) ([]string, error) {
	d, err := openDocument(r, size)
	if err != nil {
		return nil, err
	}
	out, err := d.printedDigests()
	var c *cause
	if errors.As(err, &c) {
		return nil, c
	}
	return out, err
}
