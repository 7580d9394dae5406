package samples

import (
	"encoding/binary"
	"encoding/xml"
	"strings"
)

// Docx is a Word document of paragraphs (ECMA-376 part 1, 17). A picture that
// is to be fetched from link stands at its end, unless link is "".
func Docx(link string, paragraphs ...string) []byte {
	escape := func(s string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
		return b.String()
	}
	var body, links strings.Builder
	for _, p := range paragraphs {
		body.WriteString(`<w:p><w:r><w:rPr><w:rFonts w:eastAsia="Noto Sans CJK SC"/><w:sz w:val="28"/></w:rPr><w:t xml:space="preserve">` + escape(p) + `</w:t></w:r></w:p>`)
	}
	if link != "" {
		body.WriteString(`<w:p><w:r><w:drawing><wp:inline><wp:extent cx="900000" cy="900000"/><wp:docPr id="1" name="p"/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture">` +
			`<pic:pic><pic:nvPicPr><pic:cNvPr id="1" name="p"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:link="rId1"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>` +
			`<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="900000" cy="900000"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>`)
		links.WriteString(`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="` + escape(link) + `" TargetMode="External"/>`)
	}
	const head = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`
	const rels = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	return ZIP(
		Member{Name: "[Content_Types].xml", Content: head + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		Member{Name: "_rels/.rels", Content: head + rels + `<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		Member{Name: "word/document.xml", Content: head + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"><w:body>` +
			body.String() + `<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1440" w:right="1440" w:bottom="1440" w:left="1440"/></w:sectPr></w:body></w:document>`},
		Member{Name: "word/_rels/document.xml.rels", Content: head + rels + links.String() + `</Relationships>`},
	)
}

// Named names a stream of a compound file and says how it begins.
type Named struct {
	Name    string
	Content []byte
}

// Compound is a compound file ([MS-CFB], version 3): the skeleton of an old
// office file or a message. It has room for eleven streams of up to 4 KB.
func Compound(streams ...Named) []byte {
	const sector = 512
	le := binary.LittleEndian
	entries := len(streams) + 1
	dirSectors := (entries + 3) / 4
	// sectors: FAT, directory, then the streams, none so small that it would stand in the mini stream
	const perStream = 8
	out := make([]byte, sector*(2+dirSectors+perStream*len(streams)))
	h := out[:sector]
	copy(h, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	le.PutUint16(h[24:], 0x3e)
	le.PutUint16(h[26:], 3)
	le.PutUint16(h[28:], 0xfffe)
	le.PutUint16(h[30:], 9)
	le.PutUint16(h[32:], 6)
	le.PutUint32(h[44:], 1)          // FAT sectors
	le.PutUint32(h[48:], 1)          // first directory sector
	le.PutUint32(h[56:], 4096)       // limit of the mini stream
	le.PutUint32(h[60:], 0xfffffffe) // no mini FAT
	le.PutUint32(h[68:], 0xfffffffe) // no DIFAT
	for i := 76; i < sector; i += 4 {
		le.PutUint32(h[i:], 0xffffffff)
	}
	le.PutUint32(h[76:], 0)
	fat := out[sector : 2*sector]
	for i := 0; i < sector; i += 4 {
		le.PutUint32(fat[i:], 0xffffffff)
	}
	chain := func(first, n int) {
		for i := range n {
			next := uint32(first + i + 1)
			if i == n-1 {
				next = 0xfffffffe
			}
			le.PutUint32(fat[4*(first+i):], next)
		}
	}
	le.PutUint32(fat, 0xfffffffd)
	chain(1, dirSectors)
	dir := out[2*sector:]
	entry := func(i int, name string, kind byte, right, child uint32, start, size int) {
		e := dir[128*i : 128*i+128]
		for j, c := range name {
			le.PutUint16(e[2*j:], uint16(c))
		}
		le.PutUint16(e[64:], uint16(2*len(name)+2))
		e[66], e[67] = kind, 1
		le.PutUint32(e[68:], 0xffffffff)
		le.PutUint32(e[72:], right)
		le.PutUint32(e[76:], child)
		le.PutUint32(e[116:], uint32(start))
		le.PutUint32(e[120:], uint32(size))
	}
	child := uint32(0xffffffff)
	if len(streams) > 0 {
		child = 1
	}
	entry(0, "Root Entry", 5, 0xffffffff, child, 0xfffffffe, 0)
	for i, s := range streams {
		first := 1 + dirSectors + perStream*i
		right := uint32(i + 2)
		if i == len(streams)-1 {
			right = 0xffffffff
		}
		entry(i+1, s.Name, 2, right, 0xffffffff, first, perStream*sector)
		chain(first, perStream)
		copy(out[sector*(1+first):], s.Content)
	}
	return out
}
