package samples

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"io"
	"strings"
)

// Hostile is a file that means harm, and what must be said about it: one of
// Codes; "" is among them where its harm does not touch us.
type Hostile struct {
	Name  string // slash-separated, in a case: materials/… or backups/…
	Codes []string
	Write func(w io.Writer) error
}

// Laughs is the one that keeps a reader busy for long.
const Laughs = "materials/laughs.pdf"

// Hostiles makes the files one by one, so that never more than one is held.
func Hostiles() []Hostile {
	bytesOf := func(f func() []byte) func(io.Writer) error {
		return func(w io.Writer) error { _, err := w.Write(f()); return err }
	}
	bad := func(name string, f func() []byte, codes ...string) Hostile {
		return Hostile{Name: name, Codes: codes, Write: bytesOf(f)}
	}
	return []Hostile{
		// Pictures whose headers promise more than fits.
		bad("materials/square.png", func() []byte { return BombPNG(30_000, 30_000) }, "PICTURE_BOMB"),
		bad("materials/column.png", func() []byte { return BombPNG(1, 1<<31-1) }, "PICTURE_BOMB"),
		bad("materials/limit.png", func() []byte { return BombPNG(10_900, 10_900) }, "PICTURE_NOT_MEASURED"),
		bad("materials/huge.gif", func() []byte { return huge(GIF(small()), 6, binary.LittleEndian, 2) }, "PICTURE_BOMB"),
		bad("materials/huge.bmp", func() []byte { return huge(BMP(small()), 18, binary.LittleEndian, 4) }, "PICTURE_BOMB"),
		bad("materials/huge.tif", func() []byte { return hugeTIFF() }, "PICTURE_BOMB"),
		bad("materials/huge.webp", hugeWebP, "PICTURE_BOMB", "PICTURE_UNREADABLE"),
		bad("materials/huge.jpg", func() []byte { return hugeJPEG(JPEG(small(), 50), 0xc0, 65_000) }, "PICTURE_BOMB"),
		bad("materials/progressive.jpg", func() []byte { return hugeJPEG(ProgressiveJPEG, 0xc2, 10_000) }, "PICTURE_NOT_MEASURED"),
		bad("materials/huge.heic", hugeHEIC, "PICTURE_BOMB", "PICTURE_NOT_MEASURED"),
		bad("materials/strip.tif", func() []byte { return deflatedTIFF(300 << 20) }, ""),
		bad("materials/loop.tif", loopingTIFF, ""),

		// PDFs.
		bad("materials/objects.pdf", func() []byte { return BombPDF(12, 60<<20) }, "PDF_BOMB"),
		bad("materials/filters.pdf", func() []byte { return filters(4, 120<<20) }, "PDF_BOMB"),
		bad("materials/arrays.pdf", func() []byte { return nestedArrays(1_000_000) }, ""),
		bad("materials/tree.pdf", func() []byte { return deepTree(50_000) }, "PDF_DAMAGED", "PDF_NO_PAGES", "PARSER_FAILED", "FILE_TOO_HUNGRY", "PDF_REPAIRED"),
		bad("materials/loop.pdf", loopingTree, "PDF_DAMAGED", "PDF_NO_PAGES", "PDF_REPAIRED", "PARSER_FAILED"),
		bad("materials/previous.pdf", func() []byte { return loopingXRef() }, "PDF_DAMAGED", "PDF_REPAIRED", "PDF_NO_PAGES"),
		bad("materials/none.pdf", func() []byte { return PDF{}.Bytes() }, "PDF_NO_PAGES"),
		bad("materials/many.pdf", func() []byte { return PDF{Pages: 5000, Text: "x"}.Bytes() }, ""),
		bad("materials/picture.pdf", func() []byte { return pictureBomb(30_000) }, "PDF_BOMB"),

		bad(Laughs, func() []byte { return laughing(40) }, "FILE_TOO_HUNGRY", "FILE_TOO_SLOW"),

		// Archives and what is one inside.
		bad("backups/zeros.zip", func() []byte { return ZIP(Member{Name: "zeros", Size: 300 << 20}) }, "ARCHIVE_BOMB"),
		bad("backups/overlap.zip", func() []byte { return overlapping(20_000, 100<<20) }, "ARCHIVE_BOMB"),
		bad("backups/liar.zip", func() []byte { return lying(300 << 20) }, "ARCHIVE_BOMB", "ARCHIVE_CORRUPT"),
		bad("backups/nested.zip", func() []byte { return nestedZIP(30) }, "ARCHIVE_NESTED"),
		bad("backups/inside.zip", func() []byte {
			return ZIP(Member{Name: "in.zip", Content: string(ZIP(Member{Name: "zeros", Size: 300 << 20}))})
		}, "ARCHIVE_BOMB"),
		bad("backups/escape.zip", func() []byte {
			return ZIP(Member{Name: "../../../../../../tmp/escaped", Content: "x"}, Member{Name: "/tmp/escaped", Content: "x"}, Member{Name: "link", Content: "/tmp", Link: true}, Member{Name: "link/escaped", Content: "x"})
		}, "ARCHIVE_UNSAFE_PATH"),
		{Name: "backups/zeros.tar.gz", Codes: []string{"ARCHIVE_BOMB"}, Write: func(w io.Writer) error { return zerosTAR(w, 300<<20) }},
		bad("backups/endless.tar", endlessTAR, "ARCHIVE_CORRUPT"),
		{Name: "backups/zeros.gz", Codes: []string{"ARCHIVE_BOMB"}, Write: func(w io.Writer) error { return zerosGZIP(w, 300<<20) }},
		bad("materials/bomb.xlsx", func() []byte {
			return ZIP(Member{Name: "[Content_Types].xml", Content: "<Types/>"}, Member{Name: "xl/workbook.xml", Content: "<workbook/>"}, Member{Name: "xl/worksheets/sheet1.xml", Size: 300 << 20})
		}, "ARCHIVE_BOMB"),
		bad("materials/bomb.ofd", func() []byte {
			return ZIP(Member{Name: "OFD.xml", Content: "<x/>"}, Member{Name: "Doc_0/x", Size: 300 << 20})
		}, "ARCHIVE_BOMB"),
		bad("materials/bomb.docx", func() []byte {
			return ZIP(Member{Name: "[Content_Types].xml", Content: "<Types/>"}, Member{Name: "word/document.xml", Size: 300 << 20})
		}, "ARCHIVE_BOMB"),

		// Exports.
		bad("backups/deep.json", func() []byte { return bytes.Repeat([]byte("["), 20<<20) }, "EXPORT_NOT_COUNTED"),
		bad("backups/string.json", func() []byte { return append([]byte(`["`), bytes.Repeat([]byte("x"), 40<<20)...) }, "EXPORT_NOT_COUNTED"),
		bad("backups/deep.html", func() []byte { return append([]byte("<html>"), bytes.Repeat([]byte("<table><tr><td>"), 1<<20)...) }, ""),
		bad("backups/attribute.html", func() []byte { return append([]byte(`<html><p a="`), bytes.Repeat([]byte("x"), 40<<20)...) }, "EXPORT_NOT_COUNTED"),
		bad("backups/line.csv", func() []byte { return append([]byte("a,b\n1,2\n"), bytes.Repeat([]byte("x"), 40<<20)...) }, "EXPORT_NOT_COUNTED"),
		bad("backups/commas.csv", func() []byte { return append([]byte("a,b\n1,2\n"), bytes.Repeat([]byte(","), 40<<20)...) }, "EXPORT_NOT_COUNTED"),
		bad("backups/quote.csv", func() []byte { return append([]byte("a,b\n1,2\n\""), bytes.Repeat([]byte("x\n"), 20<<20)...) }, "EXPORT_NOT_COUNTED"),
		bad("backups/zeros.csv", func() []byte { return make([]byte, 64<<20) }, ""),
	}
}

func small() *image.Gray { return image.NewGray(image.Rect(0, 0, 8, 8)) }

// huge writes a large width and height into a header.
func huge(b []byte, at int, order binary.ByteOrder, width int) []byte {
	for i := range 2 {
		if p := b[at+i*width:]; width == 2 {
			order.PutUint16(p, 65_000)
		} else {
			order.PutUint32(p, 65_000)
		}
	}
	return b
}

func hugeTIFF() []byte {
	b := TIFF(small())
	dir := binary.LittleEndian.Uint32(b[4:])
	huge(b, int(dir)+2+8, binary.LittleEndian, 12) // the values of ImageWidth and ImageLength
	return b
}

// hugeWebP is an extended header (RFC 9649, 2.7) with the largest canvas.
func hugeWebP() []byte {
	b := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00"), 0xff, 0xff, 0x7f, 0xff, 0xff, 0x7f)
	b = append(b, WebP[12:]...)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

// hugeJPEG sets the size in the frame header (ITU-T T.81, B.2.2).
func hugeJPEG(jpg []byte, sof byte, side int) []byte {
	b := bytes.Clone(jpg)
	at := bytes.Index(b, []byte{0xff, sof})
	binary.BigEndian.PutUint16(b[at+5:], uint16(side))
	binary.BigEndian.PutUint16(b[at+7:], uint16(side))
	return b
}

// hugeHEIC sets every image's spatial extent (ISO/IEC 23008-12, 6.5.3).
func hugeHEIC() []byte {
	b := bytes.Clone(HEIC)
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte("ispe"))
		if i < 0 {
			return b
		}
		at += i + 8
		binary.BigEndian.PutUint32(b[at:], 60_000)
		binary.BigEndian.PutUint32(b[at+4:], 60_000)
	}
}

// deflatedTIFF is a picture of 8 × 8 pixels whose strip unpacks to n bytes.
func deflatedTIFF(n int) []byte {
	le := binary.LittleEndian
	var z bytes.Buffer
	w, _ := zlib.NewWriterLevel(&z, zlib.BestSpeed)
	_, _ = io.CopyN(w, zeros{}, int64(n))
	w.Close()
	b := append([]byte("II*\x00\x08\x00\x00\x00"), le.AppendUint16(nil, 9)...)
	data := uint32(8 + 2 + 9*12 + 4)
	for _, e := range [][2]uint32{{0x100, 8}, {0x101, 8}, {0x102, 8}, {0x103, 8}, {0x106, 1}, {0x111, data}, {0x115, 1}, {0x116, 8}, {0x117, uint32(z.Len())}} {
		b = le.AppendUint16(b, uint16(e[0]))
		b = le.AppendUint16(b, 4)
		b = le.AppendUint32(b, 1)
		b = le.AppendUint32(b, e[1])
	}
	b = le.AppendUint32(b, 0)
	return append(b, z.Bytes()...)
}

// loopingTIFF has a directory that follows itself.
func loopingTIFF() []byte {
	b := TIFF(small())
	dir := binary.LittleEndian.Uint32(b[4:])
	binary.LittleEndian.PutUint32(b[len(b)-4:], dir)
	return b
}

// filters is a page whose content is packed several times over.
func filters(times, size int) []byte {
	var content bytes.Buffer
	w, _ := zlib.NewWriterLevel(&content, zlib.BestCompression)
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for n := 0; n < size; n += len(blank) {
		w.Write(blank)
	}
	w.Close()
	b := content.Bytes()
	for range times - 1 {
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		w.Write(b)
		w.Close()
		b = z.Bytes()
	}
	names := strings.TrimSpace(strings.Repeat("/FlateDecode ", times))
	n := FirstFree(1)
	p := PDF{Pages: 1, Text: "filters", Objects: []string{Stream("/Type/ObjStm/N 1/First 6/Filter["+names+"]", b), Stream("/Filter["+names+"]", b)}}
	return bytes.Replace(p.Bytes(), []byte("/Contents 5 0 R"), fmt.Appendf(nil, "/Contents %d 0 R", n+1), 1)
}

// nestedArrays has an object of arrays inside each other.
func nestedArrays(depth int) []byte {
	return PDF{Pages: 1, Text: "arrays", Catalog: fmt.Sprintf("/Deep %d 0 R", FirstFree(1)), Objects: []string{
		strings.Repeat("[", depth) + strings.Repeat("]", depth),
	}}.Bytes()
}

// deepTree has a page below a long chain of page-tree nodes.
func deepTree(depth int) []byte {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>"}
	for i := range depth {
		parent := ""
		if i > 0 {
			parent = fmt.Sprintf("/Parent %d 0 R", 1+i)
		}
		objects = append(objects, fmt.Sprintf("<</Type/Pages/Count 1/Kids[%d 0 R]%s>>", 3+i, parent))
	}
	objects = append(objects, fmt.Sprintf("<</Type/Page/Parent %d 0 R/MediaBox[0 0 100 100]>>", 1+depth))
	return writePDF("1.7", objects)
}

// loopingTree has page-tree nodes that are each other's kids.
func loopingTree() []byte {
	return writePDF("1.7", []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Count 1/Kids[3 0 R]>>",
		"<</Type/Pages/Parent 2 0 R/Count 1/Kids[2 0 R 3 0 R]>>",
	})
}

// loopingXRef has a cross-reference table that says it is its own predecessor.
func loopingXRef() []byte {
	b := PDF{Pages: 1, Text: "previous"}.Bytes()
	at := bytes.LastIndex(b, []byte("xref\n0"))
	return bytes.Replace(b, []byte("trailer\n<<"), fmt.Appendf(nil, "trailer\n<</Prev %d", at), 1)
}

// pictureBomb shows a picture of side × side pixels, of which the first rows
// are there.
func pictureBomb(side int) []byte {
	var z bytes.Buffer
	w, _ := zlib.NewWriterLevel(&z, zlib.BestSpeed)
	_, _ = io.CopyN(w, zeros{}, int64(side)*1000)
	w.Close()
	n := FirstFree(1)
	p := PDF{Pages: 1, Page: fmt.Sprintf("/Resources<</XObject<</I %d 0 R>>>>", n), Objects: []string{
		Stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode", side, side), z.Bytes()),
	}}
	b := bytes.Replace(p.Bytes(), []byte("/Resources<</Font<</F1 3 0 R>>>>/Contents"), []byte("/Contents"), 1)
	return bytes.Replace(b, []byte("BT /F1 14 Tf 72 720 Td ( 1) Tj ET"), []byte("q 500 0 0 700 20 20 cm /I Do Q   "), 1)
}

// laughing draws forms that each draw the one before twice.
func laughing(depth int) []byte {
	n := FirstFree(1)
	objects := []string{Stream("/Type/XObject/Subtype/Form/BBox[0 0 100 100]", []byte("0 0 50 50 re f"))}
	for i := range depth {
		objects = append(objects, Stream(fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[0 0 100 100]/Resources<</XObject<</F %d 0 R>>>>", n+i), []byte("/F Do /F Do")))
	}
	p := PDF{Pages: 1, Page: fmt.Sprintf("/Resources<</XObject<</I %d 0 R>>>>", n+depth), Objects: objects}
	b := bytes.Replace(p.Bytes(), []byte("/Resources<</Font<</F1 3 0 R>>>>/Contents"), []byte("/Contents"), 1)
	return bytes.Replace(b, []byte("BT /F1 14 Tf 72 720 Td ( 1) Tj ET"), []byte("q 500 0 0 700 20 20 cm /I Do Q   "), 1)
}

// overlapping has many entries that share the data of one (as David Fifield
// described, 2019).
func overlapping(entries, size int) []byte {
	one := ZIP(Member{Name: "a", Size: int64(size)})
	at := bytes.LastIndex(one, []byte("PK\x01\x02"))
	end := bytes.LastIndex(one, []byte("PK\x05\x06"))
	entry := one[at:end]
	b := append(one[:at:at], bytes.Repeat(entry, entries)...)
	le := binary.LittleEndian
	tail := bytes.Clone(one[end:])
	le.PutUint16(tail[8:], uint16(entries))
	le.PutUint16(tail[10:], uint16(entries))
	le.PutUint32(tail[12:], uint32(entries*len(entry)))
	return append(b, tail...)
}

// lying says that its entry has ten bytes.
func lying(size int) []byte {
	b := ZIP(Member{Name: "a", Size: int64(size)})
	at := bytes.LastIndex(b, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(b[at+24:], 10)
	return b
}

func nestedZIP(depth int) []byte {
	b := ZIP(Member{Name: "a.txt", Content: "x"})
	for range depth {
		b = ZIP(Member{Name: "in.zip", Content: string(b)})
	}
	return b
}

func zerosTAR(w io.Writer, n int64) error {
	g, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	t := tar.NewWriter(g)
	if err := t.WriteHeader(&tar.Header{Name: "zeros", Size: n, Mode: 0o644}); err != nil {
		return err
	}
	if _, err := io.CopyN(t, zeros{}, n); err != nil {
		return err
	}
	if err := t.Close(); err != nil {
		return err
	}
	return g.Close()
}

func zerosGZIP(w io.Writer, n int64) error {
	g, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if _, err := io.CopyN(g, zeros{}, n); err != nil {
		return err
	}
	return g.Close()
}

// endlessTAR has one entry of 8 EiB, of which the beginning is there.
func endlessTAR() []byte {
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	_ = t.WriteHeader(&tar.Header{Name: "endless", Size: 1<<63 - 1, Mode: 0o644, Format: tar.FormatGNU})
	_, _ = t.Write(make([]byte, 1000))
	return b.Bytes()
}

// SevenZipDictionary makes a 7z (7zFormat.txt) that was packed with LZMA and
// an open header claim a dictionary of 4 GiB.
func SevenZipDictionary(b []byte) []byte {
	le := binary.LittleEndian
	b = bytes.Clone(b)
	at := 32 + int(le.Uint64(b[12:]))
	header := b[at : at+int(le.Uint64(b[20:]))]
	coder := bytes.Index(header, []byte{0x23, 3, 1, 1, 5}) // attributes, the number of LZMA, 5 bytes of properties
	if coder < 0 {
		panic("no LZMA coder in the header")
	}
	le.PutUint32(header[coder+6:], 0xffff_ffff)
	le.PutUint32(b[28:], crc32.ChecksumIEEE(header))
	le.PutUint32(b[8:], crc32.ChecksumIEEE(b[12:32]))
	return b
}
