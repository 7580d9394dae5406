package testpki

import (
	"bytes"
	"fmt"
	"strings"
)

// The PDFs of the tests are written by hand, so that each has exactly the
// structure that its name says.

// Object is an indirect object of generation 0.
type Object struct {
	Num  int
	Body string
}

// OnePage returns the objects of a document with one page. Keys of catalog
// and page are put into those dictionaries.
func OnePage(catalog, page string) []Object {
	content := "BT /F1 18 Tf 72 720 Td (Test sample) Tj ET"
	return []Object{
		{1, "<</Type/Catalog/Pages 2 0 R" + catalog + ">>"},
		{2, "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 595 842]>>"},
		{3, "<</Type/Page/Parent 2 0 R/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R" + page + ">>"},
		{4, fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content)},
		{5, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"},
	}
}

// WithTable writes objects, numbered from 1 without a gap, and a table.
func WithTable(version, trailer string, objects ...Object) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%%PDF-%s\n%%\xe2\xe3\xcf\xd3\n", version)
	at := make([]int, len(objects)+1)
	for _, o := range objects {
		at[o.Num] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", o.Num, o.Body)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at))
	for _, off := range at[1:] {
		fmt.Fprintf(&b, "%010d 00000 n \n", off)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", len(at), trailer, start)
	return b.Bytes()
}

// WithStream writes the objects with a cross-reference stream; the dictionaries
// among them go into an object stream.
func WithStream(version, trailer string, objects ...Object) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%%PDF-%s\n%%\xe2\xe3\xcf\xd3\n", version)
	n := len(objects)
	entries := make([][3]int, n+3)
	entries[0] = [3]int{0, 0, 65535}
	var head, body strings.Builder
	packed := 0
	for _, o := range objects {
		if strings.Contains(o.Body, "stream") {
			entries[o.Num] = [3]int{1, b.Len(), 0}
			fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", o.Num, o.Body)
			continue
		}
		entries[o.Num] = [3]int{2, n + 1, packed}
		fmt.Fprintf(&head, "%d %d ", o.Num, body.Len())
		body.WriteString(o.Body + "\n")
		packed++
	}
	entries[n+1] = [3]int{1, b.Len(), 0}
	fmt.Fprintf(&b, "%d 0 obj\n<</Type/ObjStm/N %d/First %d/Length %d>>\nstream\n%s%s\nendstream\nendobj\n",
		n+1, packed, head.Len(), head.Len()+body.Len(), head.String(), body.String())
	start := b.Len()
	entries[n+2] = [3]int{1, start, 0}
	var data bytes.Buffer
	for _, e := range entries {
		data.Write([]byte{byte(e[0]), byte(e[1] >> 16), byte(e[1] >> 8), byte(e[1]), byte(e[2] >> 8), byte(e[2])})
	}
	fmt.Fprintf(&b, "%d 0 obj\n<</Type/XRef/Size %d/W[1 3 2]/Root 1 0 R%s/Length %d>>\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n",
		n+2, n+3, trailer, data.Len(), data.String(), start)
	return b.Bytes()
}

// Hybrid writes a table that lacks the page and the font, and an /XRefStm that
// has them in an object stream (ISO 32000-1 §7.5.8.4).
func Hybrid(version string, objects ...Object) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%%PDF-%s\n%%\xe2\xe3\xcf\xd3\n", version)
	n := len(objects)
	at := make([]int, n+3)
	var head, body strings.Builder
	var hidden []int
	for _, o := range objects {
		if strings.Contains(o.Body, "stream") || o.Num <= 2 {
			at[o.Num] = b.Len()
			fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", o.Num, o.Body)
			continue
		}
		fmt.Fprintf(&head, "%d %d ", o.Num, body.Len())
		body.WriteString(o.Body + "\n")
		hidden = append(hidden, o.Num)
	}
	at[n+1] = b.Len()
	fmt.Fprintf(&b, "%d 0 obj\n<</Type/ObjStm/N %d/First %d/Length %d>>\nstream\n%s%s\nendstream\nendobj\n",
		n+1, len(hidden), head.Len(), head.Len()+body.Len(), head.String(), body.String())
	stm := b.Len()
	at[n+2] = stm
	var index string
	var data bytes.Buffer
	for i, num := range hidden {
		index += fmt.Sprintf("%d 1 ", num)
		data.Write([]byte{2, 0, 0, byte(n + 1), 0, byte(i)})
	}
	fmt.Fprintf(&b, "%d 0 obj\n<</Type/XRef/Size %d/W[1 3 2]/Index[%s]/Root 1 0 R/Length %d>>\nstream\n%s\nendstream\nendobj\n",
		n+2, n+3, index, data.Len(), data.String())
	start := b.Len()
	b.WriteString("xref\n0 1\n0000000000 65535 f \n")
	for num, off := range at {
		if off != 0 {
			fmt.Fprintf(&b, "%d 1\n%010d 00000 n \n", num, off)
		}
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n", len(at), stm, start)
	return b.Bytes()
}

// FileID is an entry for a trailer.
const FileID = "/ID[<00112233445566778899AABBCCDDEEFF><00112233445566778899AABBCCDDEEFF>]"

// PDFs are the structures that a bundle may come in.
func PDFs() map[string][]byte {
	note := Object{6, "<</Type/Annot/Subtype/Text/Rect[10 10 30 30]/Contents(note)/F 4>>"}
	return map[string][]byte{
		"table":                 WithTable("1.7", FileID, OnePage("", "")...),
		"table 1.3 without ID":  WithTable("1.3", "", OnePage("", "")...),
		"table 2.0":             WithTable("2.0", FileID, OnePage("", "")...),
		"stream":                WithStream("1.7", FileID, OnePage("", "")...),
		"stream 1.5":            WithStream("1.5", "", OnePage("", "")...),
		"hybrid":                Hybrid("1.5", OnePage("", "")...),
		"annotations direct":    WithTable("1.7", FileID, append(OnePage("", "/Annots[6 0 R]"), note)...),
		"annotations indirect":  WithTable("1.7", FileID, append(OnePage("", "/Annots 7 0 R"), note, Object{7, "[6 0 R]"})...),
		"form direct":           WithTable("1.7", FileID, OnePage("/AcroForm<</Fields[]/DA(/F1 0 Tf 0 g)>>", "")...),
		"form indirect":         WithStream("1.7", FileID, append(OnePage("/AcroForm 6 0 R", ""), Object{6, "<</Fields 7 0 R>>"}, Object{7, "[]"})...),
		"rotated":               WithTable("1.7", FileID, OnePage("", "/Rotate 90")...),
		"extensions, namespace": WithTable("1.7", FileID, OnePage("/Extensions<</ADBE<</BaseVersion/1.7/ExtensionLevel 8>>>>", "")...),
	}
}
