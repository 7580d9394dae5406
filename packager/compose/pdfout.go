package compose

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// pdfOut writes a PDF 1.7 file (ISO 32000-1) from front to back: every object
// is written once, as soon as it is known, so that a bundle of hundreds of
// megabytes never stands in memory. The file ends in one classic
// cross-reference table; there are no object streams and no
// cross-reference streams, so that a signer can append a table of the same
// kind.
type pdfOut struct {
	w   *bufio.Writer
	sum hash.Hash
	off int64
	at  []int64 // object number → offset; 0 while the object is not written
	err error
}

func newPDFOut(w io.Writer) *pdfOut {
	o := &pdfOut{w: bufio.NewWriterSize(w, 1<<18), sum: sha256.New(), at: make([]int64, 1)}
	// Four bytes above 127 tell transfer programs that the file is binary
	// (ISO 32000-1, 7.5.2).
	o.bytes([]byte("%PDF-1.7\n%\xe5\x8d\xb7\xe5\n"))
	return o
}

func (o *pdfOut) bytes(b []byte) {
	if o.err != nil {
		return
	}
	if _, err := o.w.Write(b); err != nil {
		o.err = writeFault(err)
		return
	}
	o.sum.Write(b)
	o.off += int64(len(b))
}

// alloc reserves an object number.
func (o *pdfOut) alloc() types.IndirectRef {
	o.at = append(o.at, 0)
	return types.IndirectRef{ObjectNumber: types.Integer(len(o.at) - 1)}
}

// add writes v as a new object.
func (o *pdfOut) add(v types.Object) types.IndirectRef {
	r := o.alloc()
	o.put(r, v)
	return r
}

func (o *pdfOut) begin(r types.IndirectRef) []byte {
	n := int(r.ObjectNumber)
	if o.at[n] != 0 && o.err == nil {
		o.err = fmt.Errorf("object %d written twice", n)
	}
	o.at[n] = o.off
	return append(strconv.AppendInt(nil, int64(n), 10), " 0 obj\n"...)
}

// put writes v as the object r.
func (o *pdfOut) put(r types.IndirectRef, v types.Object) {
	b := o.begin(r)
	b = appendObject(b, v)
	o.bytes(append(b, "\nendobj\n"...))
}

// stream writes a stream object of n bytes read from src; d must describe the
// filters and gets its Length here.
func (o *pdfOut) stream(r types.IndirectRef, d types.Dict, src io.Reader, n int64) {
	d = maps.Clone(d)
	d["Length"] = types.Integer(n)
	b := o.begin(r)
	b = appendObject(b, d)
	o.bytes(append(b, "\nstream\n"...))
	if o.err != nil {
		return
	}
	got, err := io.Copy(io.MultiWriter(o.w, o.sum), src)
	o.off += got
	switch {
	case err != nil:
		o.err = writeFault(err)
	case got != n:
		o.err = fmt.Errorf("stream of object %d has %d bytes, not %d", r.ObjectNumber, got, n)
	}
	o.bytes([]byte("\nendstream\nendobj\n"))
}

// addStream writes raw bytes (already encoded as d says) as a new stream.
func (o *pdfOut) addStream(d types.Dict, raw []byte) types.IndirectRef {
	r := o.alloc()
	o.stream(r, d, bytes.NewReader(raw), int64(len(raw)))
	return r
}

// addFlate compresses plain and writes it as a new stream.
func (o *pdfOut) addFlate(d types.Dict, plain []byte) types.IndirectRef {
	d = maps.Clone(d)
	d["Filter"] = types.Name("FlateDecode")
	return o.addStream(d, deflate(plain))
}

// finish writes the cross-reference table and the trailer.
func (o *pdfOut) finish(root, info types.IndirectRef, id []byte) error {
	start := o.off
	var b bytes.Buffer
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(o.at))
	for n, off := range o.at[1:] {
		if off == 0 {
			return fmt.Errorf("object %d was reserved and never written", n+1)
		}
		// Ten digits: a file may pass 99,999,999 bytes.
		fmt.Fprintf(&b, "%010d 00000 n \n", off)
	}
	h := types.HexLiteral(hex.EncodeToString(id))
	trailer := types.Dict{
		"Size": types.Integer(len(o.at)), "Root": root, "Info": info, "ID": types.Array{h, h},
	}
	b.WriteString("trailer\n")
	b.Write(appendObject(nil, trailer))
	fmt.Fprintf(&b, "\nstartxref\n%d\n%%%%EOF\n", start)
	o.bytes(b.Bytes())
	if o.err != nil {
		return o.err
	}
	if err := o.w.Flush(); err != nil {
		return writeFault(err)
	}
	return nil
}

func deflate(plain []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(plain) // a bytes.Buffer takes everything
	z.Close()
	return b.Bytes()
}

// appendObject writes v in PDF syntax. Keys are sorted, so that the same
// object is always the same bytes. A null in a dictionary is left out
// (ISO 32000-1, 7.3.7: the same as an absent entry).
func appendObject(b []byte, v types.Object) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case types.Boolean:
		return strconv.AppendBool(b, bool(v))
	case types.Integer:
		return strconv.AppendInt(b, int64(v), 10)
	case types.Float:
		return appendNumber(b, float64(v))
	case types.Name:
		return append(append(b, '/'), types.EncodeName(string(v))...)
	case types.StringLiteral:
		return append(append(append(b, '('), v...), ')')
	case types.HexLiteral:
		return append(append(append(b, '<'), v...), '>')
	case types.IndirectRef:
		b = strconv.AppendInt(b, int64(v.ObjectNumber), 10)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(v.GenerationNumber), 10)
		return append(b, " R"...)
	case types.Array:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ' ')
			}
			b = appendObject(b, e)
		}
		return append(b, ']')
	case types.Dict:
		b = append(b, "<<"...)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if v[k] == nil {
				continue
			}
			b = append(append(b, '/'), types.EncodeName(k)...)
			b = append(b, ' ')
			b = appendObject(b, v[k])
			b = append(b, '\n')
		}
		return append(b, ">>"...)
	}
	return append(b, "null"...)
}

// appendNumber writes at most five decimals, as ISO 32000-1 Annex C advises.
func appendNumber(b []byte, f float64) []byte {
	s := strconv.FormatFloat(f, 'f', 5, 64)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	if s == "-0" {
		s = "0"
	}
	return append(b, s...)
}

func numbers(f ...float64) types.Array {
	a := make(types.Array, len(f))
	for i, v := range f {
		a[i] = types.Float(v)
	}
	return a
}

// textString is a text string (ISO 32000-1, 7.9.2.2): UTF-16BE with a byte
// order mark, so that a name in any script is right in bookmarks and metadata.
func textString(s string) types.HexLiteral {
	b := []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return types.HexLiteral(hex.EncodeToString(b))
}

func hexBytes(b []byte) types.HexLiteral { return types.HexLiteral(hex.EncodeToString(b)) }
