package samples

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
)

// PDF is a document under construction: objects from 1 on, the first of which
// is the catalog and the second the page tree.
type PDF struct {
	Version string // "1.7"
	Catalog string // more entries of the catalog
	Page    string // more entries of each page
	Pages   int
	Text    string   // on each page, in ASCII
	Objects []string // more objects, from FirstFree(pages) on
}

// FirstFree is the number of the first of PDF.Objects.
func FirstFree(pages int) int { return 4 + 2*pages }

// Bytes writes the document with a classic cross-reference table.
func (p PDF) Bytes() []byte {
	if p.Version == "" {
		p.Version = "1.7"
	}
	kids := make([]string, p.Pages)
	for i := range kids {
		kids[i] = fmt.Sprintf("%d 0 R", 4+2*i)
	}
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R " + p.Catalog + ">>",
		fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", p.Pages, strings.Join(kids, " ")),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
	}
	for i := range p.Pages {
		content := fmt.Sprintf("BT /F1 14 Tf 72 720 Td (%s %d) Tj ET", p.Text, i+1)
		objects = append(objects,
			fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R %s>>", 5+2*i, p.Page),
			Stream("", []byte(content)))
	}
	return writePDF(p.Version, append(objects, p.Objects...))
}

// Stream is a stream object with more entries in its dictionary.
func Stream(entries string, data []byte) string {
	return fmt.Sprintf("<</Length %d%s>>\nstream\n%s\nendstream", len(data), entries, data)
}

func writePDF(version string, objects []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%%PDF-%s\n%%\xe2\xe3\xcf\xd3\n", version)
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, at)
	return b.Bytes()
}

// Encrypt encrypts a PDF with AES-256; user may be empty.
func Encrypt(pdf []byte, user, owner string) []byte {
	api.DisableConfigDir()
	conf := model.NewAESConfiguration(user, owner, 256)
	return encode(func(b *bytes.Buffer) error { return api.Encrypt(bytes.NewReader(pdf), b, conf) })
}

// Packed moves the objects into object streams.
func Packed(pdf []byte) []byte {
	api.DisableConfigDir()
	conf := model.NewDefaultConfiguration()
	conf.WriteObjectStream, conf.WriteXRefStream = true, true
	return encode(func(b *bytes.Buffer) error { return api.Optimize(bytes.NewReader(pdf), b, conf) })
}

// JavaScript runs a script when it is opened.
func JavaScript() []byte {
	return PDF{Pages: 1, Text: "script", Catalog: "/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>"}.Bytes()
}

// Launch starts a program when its link is clicked.
func Launch() []byte {
	return PDF{Pages: 1, Text: "launch", Page: "/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 100 100]/A<</S/Launch/F(calc.exe)>>>>]"}.Bytes()
}

// Signed has a filled signature field, whose value is no real signature.
func Signed() []byte {
	n := FirstFree(1)
	return PDF{Pages: 1, Text: "signed", Catalog: fmt.Sprintf("/AcroForm<</SigFlags 3/Fields[%d 0 R]>>", n), Objects: []string{
		fmt.Sprintf("<</FT/Sig/T(Signature1)/Type/Annot/Subtype/Widget/Rect[0 0 0 0]/P 4 0 R/V %d 0 R>>", n+1),
		"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/ByteRange[0 10 20 10]/Contents<00>>>",
	}}.Bytes()
}

// XFA is a dynamic form.
func XFA() []byte {
	n := FirstFree(1)
	return PDF{Pages: 1, Text: "please wait", Catalog: fmt.Sprintf("/AcroForm<</Fields[]/XFA %d 0 R>>", n), Objects: []string{
		Stream("", []byte("<xdp:xdp xmlns:xdp=\"http://ns.adobe.com/xdp/\"></xdp:xdp>")),
	}}.Bytes()
}

// Attached has a file inside.
func Attached(name string) []byte {
	n := FirstFree(1)
	return PDF{Pages: 1, Text: "attached", Catalog: fmt.Sprintf("/Names<</EmbeddedFiles<</Names[(%s)%d 0 R]>>>>", name, n), Objects: []string{
		fmt.Sprintf("<</Type/Filespec/F(%s)/UF(%s)/EF<</F %d 0 R>>>>", name, name, n+1),
		Stream("/Type/EmbeddedFile", []byte("hello")),
	}}.Bytes()
}

// Scanned is a page that is one JPEG.
func Scanned(jpg []byte, w, h int) []byte {
	n := FirstFree(1)
	p := PDF{Pages: 1, Page: fmt.Sprintf("/Rotate 90/CropBox[20 20 500 700]/Resources<</XObject<</I %d 0 R>>>>", n), Objects: []string{
		Stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/DCTDecode", w, h), jpg),
	}}
	return bytes.Replace(p.Bytes(), []byte("BT /F1 14 Tf 72 720 Td ( 1) Tj ET"), []byte("q 500 0 0 700 20 20 cm /I Do Q   "), 1)
}

// Broken has a cross-reference table that strict readers refuse.
func Broken() []byte {
	return bytes.ReplaceAll(PDF{Pages: 2, Text: "broken"}.Bytes(), []byte(" 00000 n "), []byte(" 00000 x "))
}

// BombPDF holds streams objects that each unpack to size bytes of blanks
// inside an object stream.
func BombPDF(streams int, size int) []byte {
	var z bytes.Buffer
	w, _ := zlib.NewWriterLevel(&z, zlib.BestCompression)
	w.Write([]byte("100 0 "))
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for n := 0; n < size; n += len(blank) {
		w.Write(blank)
	}
	w.Close()
	var objects []string
	for range streams {
		objects = append(objects, Stream("/Type/ObjStm/N 1/First 6/Filter/FlateDecode", z.Bytes()))
	}
	first := FirstFree(1)
	b := PDF{Pages: 1, Text: "bomb", Objects: objects}.Bytes()
	// a cross-reference stream that says that each stream holds an object
	at := bytes.LastIndex(b, []byte("xref\n0"))
	b = b[:at]
	var rows bytes.Buffer
	row := func(t byte, v int, g byte) {
		rows.Write([]byte{t, byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v), g})
	}
	row(0, 0, 0)
	total := first - 1 + streams
	for i := 1; i <= total; i++ {
		row(1, bytes.Index(b, fmt.Appendf(nil, "\n%d 0 obj\n", i))+1, 0)
	}
	row(1, at, 0) // the cross-reference stream itself
	for i := range streams {
		row(2, first+i, 0)
	}
	x := Stream(fmt.Sprintf("/Type/XRef/Size %d/W[1 4 1]/Root 1 0 R", total+2+streams), rows.Bytes())
	return fmt.Appendf(b, "%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", total+1, x, at)
}

// ScannedA4 is a page of A4 that is one JPEG.
func ScannedA4(jpg []byte, w, h int) []byte {
	n := FirstFree(1)
	p := PDF{Pages: 1, Page: fmt.Sprintf("/Resources<</XObject<</I %d 0 R>>>>", n), Objects: []string{
		Stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/DCTDecode", w, h), jpg),
	}}
	b := bytes.Replace(p.Bytes(), []byte("/Resources<</Font<</F1 3 0 R>>>>/Contents"), []byte("/Contents"), 1)
	return bytes.Replace(b, []byte("BT /F1 14 Tf 72 720 Td ( 1) Tj ET"), []byte("q 595 0 0 842 0 0 cm /I Do Q     "), 1)
}
