package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"image/jpeg"
	"image/png"
	"io"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// scanPDF binds pages into a PDF as a scanner's own software does: one JPEG
// for each page, A4, no text layer (ISO 32000-1, version 1.4).
func scanPDF(seed uint64, pages ...*canvas) ([]byte, error) {
	var b bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n", len(offsets))
		fmt.Fprintf(&b, format, args...)
		b.WriteString("\nendobj\n")
	}
	b.WriteString("%PDF-1.4\n%\xE2\xE3\xCF\xD3\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	kids := ""
	for i := range pages {
		kids += fmt.Sprintf("%d 0 R ", 4+3*i)
	}
	object("<< /Type /Pages /Kids [ %s] /Count %d >>", kids, len(pages))
	object("<< /Producer (Specimen Scanner 1.0) /CreationDate (D:20261116101500+08'00') >>")
	for i, p := range pages {
		var img bytes.Buffer
		if err := jpeg.Encode(&img, scanned(p, seed+uint64(i)), &jpeg.Options{Quality: 68}); err != nil {
			return nil, err
		}
		n := 4 + 3*i
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595.28 841.89] /Resources << /XObject << /Im %d 0 R >> >> /Contents %d 0 R >>", n+2, n+1)
		const content = "q 595.28 0 0 841.89 0 0 cm /Im Do Q"
		object("<< /Length %d >>\nstream\n%s\nendstream", len(content), content)
		object("<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream",
			p.Bounds().Dx(), p.Bounds().Dy(), img.Len(), img.String())
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R /Info 3 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return b.Bytes(), nil
}

func pngOf(c *canvas) ([]byte, error) {
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, c.RGBA)
	return b.Bytes(), err
}

// member is a file inside an archive.
type member struct {
	name, content string
}

// archive makes a ZIP. With gbk the names are written as Chinese Windows
// writes them: in GBK, without a flag that says so.
func archive(day string, gbk bool, members ...member) ([]byte, error) {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	for i, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: at.Add(9*time.Hour + time.Duration(i)*time.Minute)}
		if gbk {
			h.NonUTF8 = true
			if h.Name, err = simplifiedchinese.GBK.NewEncoder().String(m.name); err != nil {
				return nil, err
			}
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(f, m.content); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return b.Bytes(), err
}
