package pdfinc

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Signature is a signature or document timestamp in the file.
type Signature struct {
	Dict      Dict
	SubFilter string
	Timestamp bool     // /Type /DocTimeStamp
	Range     [4]int64 // /ByteRange
	Contents  []byte   // DER with its padding
}

// maxFields bounds a walk over form fields.
const maxFields = 100_000

// Signatures returns the signatures of the interactive form, the oldest first.
func (f *File) Signatures() ([]Signature, error) {
	cat, _, err := f.Catalog()
	if err != nil {
		return nil, err
	}
	v, err := f.Resolve(cat.Get("AcroForm"))
	if err != nil || v == nil || string(v) == "null" {
		return nil, err
	}
	form, err := ParseDict(v)
	if err != nil {
		return nil, err
	}
	w := &fieldWalk{f: f, seen: map[Ref]bool{}}
	if err := w.fields(form.Get("Fields"), nil, 0); err != nil {
		return nil, err
	}
	slices.SortStableFunc(w.out, func(a, b Signature) int {
		return int(min(1, max(-1, (a.Range[2]+a.Range[3])-(b.Range[2]+b.Range[3]))))
	})
	return w.out, nil
}

type fieldWalk struct {
	f    *File
	seen map[Ref]bool
	out  []Signature
}

func (w *fieldWalk) fields(src, ft []byte, depth int) error {
	v, err := w.f.Resolve(src)
	if err != nil || v == nil || string(v) == "null" {
		return err
	}
	items, err := ParseArray(v)
	if err != nil {
		return err
	}
	for _, it := range items {
		ref, ok := ParseRef(it)
		if !ok {
			return errors.New("pdf: a form field is not an indirect object")
		}
		if w.seen[ref] || depth > maxDepth || len(w.seen) > maxFields {
			return errors.New("pdf: the form fields run in a circle")
		}
		w.seen[ref] = true
		if err := w.field(ref, ft, depth); err != nil {
			return err
		}
	}
	return nil
}

// field reads one field; /FT is inherited.
func (w *fieldWalk) field(ref Ref, ft []byte, depth int) error {
	d, err := w.f.Dict([]byte(ref.String()))
	if err != nil {
		return err
	}
	if own := d.Get("FT"); own != nil {
		ft = own
	}
	if name, _ := ParseName(ft); name == "Sig" && d.Get("V") != nil {
		s, err := w.f.signature(d.Get("V"))
		if err != nil {
			return err
		}
		w.out = append(w.out, *s)
	}
	return w.fields(d.Get("Kids"), ft, depth+1)
}

func (f *File) signature(src []byte) (*Signature, error) {
	d, err := f.Dict(src)
	if err != nil {
		return nil, err
	}
	s := &Signature{Dict: d}
	s.SubFilter, _ = ParseName(d.Get("SubFilter"))
	t, _ := ParseName(d.Get("Type"))
	s.Timestamp = t == "DocTimeStamp"
	items, err := ParseArray(d.Get("ByteRange"))
	if err != nil || len(items) != 4 {
		return nil, errors.New("pdf: a signature has no /ByteRange of two parts")
	}
	for i, it := range items {
		if s.Range[i], err = ParseInt(it); err != nil {
			return nil, err
		}
	}
	if r := s.Range; r[0] != 0 || r[1] >= r[2] || r[2]+r[3] > f.Size {
		return nil, fmt.Errorf("pdf: the /ByteRange %v does not fit the file", r)
	}
	s.Contents, err = parseHex(d.Get("Contents"))
	return s, err
}

func parseHex(src []byte) ([]byte, error) {
	src = bytes.TrimFunc(src, func(r rune) bool { return r < 256 && isSpace(byte(r)) })
	if len(src) < 2 || src[0] != '<' || src[1] == '<' {
		return nil, errors.New("pdf: /Contents is not a hexadecimal string")
	}
	digits := bytes.Map(func(r rune) rune {
		if r < 256 && isSpace(byte(r)) {
			return -1
		}
		return r
	}, src[1:len(src)-1])
	out := make([]byte, len(digits)/2)
	_, err := hex.Decode(out, digits)
	return out, err
}

// StreamData returns the decoded data of a stream object that has no filter or
// FlateDecode.
func (f *File) StreamData(ref Ref) ([]byte, error) {
	e, err := f.lookup(ref.Num)
	if err != nil {
		return nil, err
	}
	if e.kind != 'n' {
		return nil, fmt.Errorf("pdf: object %v is not a stream", ref)
	}
	got, _, data, err := f.streamAt(e.offset)
	if err == nil && got != ref {
		err = fmt.Errorf("pdf: object %v is not where the cross-reference says", ref)
	}
	return data, err
}

// Permission returns the /P of the certification signature (ISO 32000-1
// §12.8.2.2): 1 no changes, 2 forms and signatures, 3 annotations too; 0 when
// the document is not certified.
func (f *File) Permission() (int, error) {
	cat, _, err := f.Catalog()
	if err != nil {
		return 0, err
	}
	perms, err := f.optionalDict(cat.Get("Perms"))
	if err != nil || perms == nil {
		return 0, err
	}
	sig, err := f.optionalDict(perms.Get("DocMDP"))
	if err != nil || sig == nil {
		return 0, err
	}
	refs, err := f.Resolve(sig.Get("Reference"))
	if err != nil {
		return 0, err
	}
	items, err := ParseArray(refs)
	if err != nil {
		return 0, err
	}
	for _, it := range items {
		d, err := f.Dict(it)
		if err != nil {
			return 0, err
		}
		if m, _ := ParseName(d.Get("TransformMethod")); m != "DocMDP" {
			continue
		}
		params, err := f.optionalDict(d.Get("TransformParams"))
		if err != nil {
			return 0, err
		}
		if n, err := ParseInt(params.Get("P")); err == nil && n >= 1 && n <= 3 {
			return int(n), nil
		}
		return 2, nil // the default
	}
	return 0, nil
}

func (f *File) optionalDict(src []byte) (Dict, error) {
	v, err := f.Resolve(src)
	if err != nil || v == nil || string(v) == "null" {
		return nil, err
	}
	return ParseDict(v)
}
