package pdfinc

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// MaxSize is the size of the largest file that can be written: an offset in a
// cross-reference table and in our /ByteRange has ten digits.
const MaxSize = 9_999_999_999

// Update collects the objects that a new revision adds or replaces.
type Update struct {
	f       *File
	next    int
	objects map[Ref]string
	sig     Ref
	reserve int
}

// NewUpdate begins an update of f.
func (f *File) NewUpdate() *Update {
	return &Update{f: f, next: f.next, objects: map[Ref]string{}}
}

// Add adds a new object and returns its reference.
func (u *Update) Add(body string) Ref {
	ref := u.Reserve()
	u.objects[ref] = body
	return ref
}

// Reserve takes an object number whose body Put gives later.
func (u *Update) Reserve() Ref {
	ref := Ref{u.next, 0}
	u.next++
	return ref
}

// Put sets the body of an object of the file or of a reserved one.
func (u *Update) Put(ref Ref, body string) { u.objects[ref] = body }

// AddStream adds a stream, compressed with Flate.
func (u *Update) AddStream(d Dict, data []byte) Ref {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(data) // into memory: cannot fail
	w.Close()
	d = d.With("Filter", "/FlateDecode").With("Length", fmt.Sprint(z.Len()))
	return u.Add(d.String() + "\nstream\n" + z.String() + "\nendstream")
}

// Object returns an object as this update leaves it.
func (u *Update) Object(ref Ref) ([]byte, error) {
	if body, ok := u.objects[ref]; ok {
		return []byte(body), nil
	}
	return u.f.Object(ref)
}

// Resolve follows references as this update leaves the objects.
func (u *Update) Resolve(src []byte) ([]byte, error) { return resolve(src, u.Object) }

// Catalog returns the document catalog as this update leaves it.
func (u *Update) Catalog() (Dict, Ref, error) {
	ref, ok := ParseRef(u.f.Trailer.Get("Root"))
	if !ok {
		return nil, Ref{}, errors.New("pdf: the trailer has no /Root")
	}
	src, err := u.Object(ref)
	if err != nil {
		return nil, Ref{}, err
	}
	d, err := ParseDict(src)
	return d, ref, err
}

// Append adds an item to the array under key of the dictionary d, which is the
// object at. If the array is an object of its own, that one is rewritten.
func (u *Update) Append(d Dict, at Ref, key, item string) error {
	src := d.Get(key)
	ref, indirect := ParseRef(src)
	var items [][]byte
	v, err := u.Resolve(src)
	if err != nil {
		return err
	}
	if len(v) > 0 && string(v) != "null" {
		if items, err = ParseArray(v); err != nil {
			return err
		}
	}
	items = append(items, []byte(item))
	array := "[" + string(bytes.Join(items, []byte(" "))) + "]"
	if indirect {
		u.Put(ref, array)
	} else {
		u.Put(at, d.With(key, array).String())
	}
	return nil
}

const (
	byteRangeMark = "/ByteRange [0          0          0          0         ]"
	contentsMark  = "/Contents "
)

// AddSignature adds a signature dictionary with an empty /ByteRange and a
// /Contents with room for reserve bytes. An update has one at most.
func (u *Update) AddSignature(d Dict, reserve int) Ref {
	u.sig, u.reserve = u.Add(""), reserve
	body := d.String()
	body = strings.TrimSuffix(body, ">>") + byteRangeMark + "\n" + contentsMark +
		"<" + strings.Repeat("0", 2*reserve) + ">\n>>"
	u.Put(u.sig, body)
	return u.sig
}

// Tail is the revision that stands behind the bytes of the file.
type Tail struct {
	Bytes []byte
	// From and To enclose the hexadecimal string of /Contents with its angle
	// brackets, as offsets into Bytes; both are 0 without a signature.
	From, To int
}

// Signed returns the two parts of the tail that a signature covers.
func (t *Tail) Signed() (before, after []byte) { return t.Bytes[:t.From], t.Bytes[t.To:] }

// ErrReserve is returned when a signature is larger than the room left for it.
var ErrReserve = errors.New("pdf: the signature is larger than its room")

// Fill puts the signature into /Contents. What is left stays zero.
func (t *Tail) Fill(der []byte) error {
	room := t.Bytes[t.From+1 : t.To-1]
	if 2*len(der) > len(room) {
		return ErrReserve
	}
	hex.Encode(room, der)
	return nil
}

// ErrTooLarge is returned when the file would grow over MaxSize.
var ErrTooLarge = errors.New("pdf: larger than 9,999,999,999 bytes")

// Tail writes the update. id is what the second element of /ID is made from:
// it should differ from revision to revision (ISO 32000-1 §14.4). The
// cross-reference section is of the same kind as that of the file: a table
// after a stream makes Acrobat report an error in the byte range.
func (u *Update) Tail(id []byte) (*Tail, error) {
	var b bytes.Buffer
	base := u.f.Size
	b.WriteByte('\n')
	offsets := map[Ref]int64{}
	refs := make([]Ref, 0, len(u.objects))
	for ref := range u.objects {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(a, b Ref) int { return a.Num - b.Num })
	t := &Tail{}
	var rangeAt int
	for _, ref := range refs {
		at := b.Len()
		offsets[ref] = base + int64(at)
		fmt.Fprintf(&b, "%d %d obj\n%s\nendobj\n", ref.Num, ref.Gen, u.objects[ref])
		if ref == u.sig && u.reserve > 0 {
			rangeAt = at + bytes.LastIndex(b.Bytes()[at:], []byte(byteRangeMark))
			t.To = b.Len() - len("\n>>\nendobj\n")
			t.From = t.To - 2*u.reserve - 2
		}
	}
	u.xref(&b, refs, offsets, id)
	t.Bytes = b.Bytes()
	if base+int64(len(t.Bytes)) > MaxSize {
		return nil, ErrTooLarge
	}
	if t.To > 0 {
		slots := fmt.Sprintf("/ByteRange [0 %-10d %-10d %-10d]", base+int64(t.From), base+int64(t.To), len(t.Bytes)-t.To)
		// The mark has room for ten digits in each slot.
		copy(t.Bytes[rangeAt:], slots+strings.Repeat(" ", len(byteRangeMark)-len(slots)))
	}
	return t, nil
}

// xref writes the cross-reference section and the trailer.
func (u *Update) xref(b *bytes.Buffer, refs []Ref, offsets map[Ref]int64, id []byte) {
	at := u.f.Size + int64(b.Len())
	trailer := u.f.Trailer.Without("Type", "W", "Index", "Filter", "DecodeParms", "Length", "Size", "Prev", "XRefStm", "ID", "DL", "F", "FFilter", "FDecodeParms")
	trailer = trailer.With("Prev", fmt.Sprint(u.f.Prev)).With("ID", u.fileID(id))
	if !u.f.Stream {
		b.WriteString("xref\n")
		for _, run := range runs(refs) {
			fmt.Fprintf(b, "%d %d\n", run[0].Num, len(run))
			for _, ref := range run {
				fmt.Fprintf(b, "%010d %05d n\r\n", offsets[ref], ref.Gen)
			}
		}
		fmt.Fprintf(b, "trailer\n%s\n", trailer.With("Size", fmt.Sprint(u.next)))
	} else {
		self := Ref{u.next, 0}
		offsets[self] = at
		refs = append(refs, self)
		var index, data bytes.Buffer
		for _, run := range runs(refs) {
			fmt.Fprintf(&index, "%d %d ", run[0].Num, len(run))
			for _, ref := range run {
				off := offsets[ref]
				data.Write([]byte{1, byte(off >> 32), byte(off >> 24), byte(off >> 16), byte(off >> 8), byte(off), byte(ref.Gen >> 8), byte(ref.Gen)})
			}
		}
		d := append(Dict{{"Type", []byte("/XRef")}}, trailer...).
			With("Size", fmt.Sprint(u.next+1)).With("W", "[1 5 2]").
			With("Index", "["+strings.TrimSpace(index.String())+"]").With("Length", fmt.Sprint(data.Len()))
		fmt.Fprintf(b, "%v obj\n%s\nstream\n%s\nendstream\nendobj\n", strings.TrimSuffix(self.String(), " R"), d, data.String())
	}
	fmt.Fprintf(b, "startxref\n%d\n%%%%EOF\n", at)
}

// runs groups references into runs of consecutive object numbers.
func runs(refs []Ref) [][]Ref {
	var out [][]Ref
	for i, ref := range refs {
		if i > 0 && refs[i-1].Num+1 == ref.Num {
			out[len(out)-1] = append(out[len(out)-1], ref)
		} else {
			out = append(out, []Ref{ref})
		}
	}
	return out
}

// fileID keeps the permanent first element of /ID if there is one.
func (u *Update) fileID(id []byte) string {
	second := "<" + hex.EncodeToString(id[:min(16, len(id))]) + ">"
	first := second
	if v, err := u.f.Resolve(u.f.Trailer.Get("ID")); err == nil {
		if items, err := ParseArray(v); err == nil && len(items) > 0 {
			first = string(items[0])
		}
	}
	return "[" + first + second + "]"
}

// Text writes a text string (ISO 32000-1 §7.9.2.2): ASCII as it is, anything
// else as UTF-16BE with a byte order mark.
func Text(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			ascii = false
		}
	}
	if ascii {
		return "(" + strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`).Replace(s) + ")"
	}
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04X", u)
	}
	b.WriteString(">")
	return b.String()
}
