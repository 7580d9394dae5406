package inspect

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"strings"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/identity"
	"dossier/packager/inspect/samples"
)

func FuzzEXIF(f *testing.F) {
	f.Add(samples.EXIF(6, true))
	f.Add(samples.EXIF(1, false))
	f.Add([]byte("MM\x00*\x00\x00\x00\x08\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e := parseEXIF(b); e.orientation < 1 || e.orientation > 8 {
			t.Fatalf("orientation %d", e.orientation)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	note := samples.Note()
	f.Add(samples.WithEXIF(samples.JPEG(note, 50), samples.EXIF(3, true))[:400])
	f.Add(samples.PNGWithEXIF(note, samples.EXIF(3, true))[:400])
	f.Add(samples.WebP[:200])
	f.Fuzz(func(t *testing.T, b []byte) {
		r, n := bytes.NewReader(b), int64(len(b))
		for _, walk := range []func(io.ReaderAt, int64) metadata{jpegMetadata, pngMetadata, webpMetadata} {
			m := walk(r, n)
			if len(m.exif) > len(b) || len(m.xmp) > len(b) {
				t.Fatal("more than the file has")
			}
			m.read()
		}
	})
}

func FuzzTIFFPages(f *testing.F) {
	small := image.NewGray(image.Rect(0, 0, 4, 4))
	f.Add(samples.TIFF(small, small))
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := countTIFFPages(bytes.NewReader(b), int64(len(b))); n > len(b)/2+1 {
			t.Fatalf("%d pages in %d bytes", n, len(b))
		}
	})
}

func FuzzSniff(f *testing.F) {
	for _, b := range [][]byte{samples.HEIC[:64], samples.WebP[:64], samples.JavaScript()[:64], []byte("a,b\n1,2\n"), []byte("{}"), []byte("<html>"),
		[]byte("\xff\xfea\x00"), []byte("\xd6\xd0\xce\xc4"), []byte("BM"), {}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k := sniff(b)
		if k.media == "" || k.form == "" {
			t.Fatalf("%+v", k)
		}
		k.fits("a.jpg")
	})
}

// FuzzPicture decodes and measures pictures of every format.
func FuzzPicture(f *testing.F) {
	small := samples.Shoot(samples.Note(), samples.Camera{Scale: 0.2})
	for _, b := range [][]byte{samples.JPEG(small, 40), samples.PNG(small), samples.GIF(small), samples.BMP(small), samples.TIFF(small), samples.WebP, samples.CMYKJPEG} {
		f.Add(b)
	}
	x := New(Options{Tesseract: "off", Limits: Limits{PicturePixels: 200_000}})
	f.Fuzz(func(t *testing.T, b []byte) {
		k := sniff(b)
		if k.form != packager.FormPicture || k.media == kindHEIC.media { // packager/heif has its own
			return
		}
		got := &facts{Media: k.media, Form: k.form}
		x.picture(context.Background(), bytes.NewReader(b), int64(len(b)), k, want{}, got) // codes: FuzzCode
		if p := got.Picture; p.Sharpness != p.Sharpness || p.Glare < 0 || p.Glare > 1 || p.Brightness < 0 || p.Brightness > 1 {
			t.Fatalf("%+v", p)
		}
	})
}

// FuzzCode looks for codes in a page of dark and light squares, and at what they
// say.
func FuzzCode(f *testing.F) {
	code := reduce(samples.Licence(60, "91000000MAFAKE019J", licenceQR), 400)
	f.Add(uint8(200), code.pix[:200*200], licenceQR)
	f.Add(uint8(21), bytes.Repeat([]byte{0, 255, 255}, 147), "https://zzlz.gsxt.gov.cn/businessCheck/verifKey.do?showType=p&serial=91000000MAFAKE019J-SAIC_SHOW_1&signData=x")
	f.Add(uint8(1), []byte{}, "http://gsxt.gov.cn/%7Bx-1600000000000%7D")
	f.Fuzz(func(t *testing.T, side uint8, b []byte, said string) {
		g := &grey{w: max(1, int(side)), h: max(1, int(side)), pix: nil}
		g.pix = append(bytes.Clone(b), make([]byte, g.w*g.h)...)[:g.w*g.h]
		scan(g)
		scan(g.doubled())
		if code := identity.ParseLicenceQR(said).USCC; code != "" && !identity.USCC(code).OK() {
			t.Fatalf("%q is no code", code)
		}
		letterIn([]string{said}, &packager.Case{ID: "x"}, &packager.RuleSet{})
	})
}

func FuzzTables(f *testing.F) {
	f.Add([]byte("id,日期\n1,2026-11-03\n"))
	f.Add([]byte(`{"list":[{"x":1},[2]]}`))
	f.Add([]byte("<table><tr><th>a</table>"))
	f.Add(xlsx(f, []any{"a"}, []any{1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, count := range []func(io.Reader) (count, error){csvRows, jsonItems, htmlRows, func(io.Reader) (count, error) { return xlsxRows(bytes.NewReader(b), int64(len(b))) }} {
			n, err := count(bytes.NewReader(b))
			if err == nil && (n.items < 0 || n.items > int64(len(b))+1) {
				t.Fatalf("%d items in %d bytes", n.items, len(b))
			}
		}
	})
}

// FuzzPDF reads what pdfcpu reads; a panic of it is held by the fence and is no
// failure here, but running on and on is.
func FuzzPDF(f *testing.F) {
	for _, b := range [][]byte{samples.JavaScript(), samples.Signed(), samples.XFA(), samples.Attached("a"), samples.Packed(samples.Launch()), samples.Broken()} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		fence(ctx, 10*time.Second, func(ctx context.Context) *facts {
			pages, err := parsePDF(ctx, bytes.NewReader(b), "", &packager.PDFInfo{})
			if err == nil && pages > len(b) {
				panic("more pages than bytes")
			}
			return &facts{}
		})
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Fatal("runs on")
		}
		scanRaw(b, &packager.PDFInfo{})
	})
}

// FuzzHelperAnswers feeds the parent what a broken helper may say.
func FuzzHelperAnswers(f *testing.F) {
	f.Add(`{"ID":1,"Facts":{"Media":"image/png"}}` + "\n")
	f.Add("{}\nnull\n[]\n")
	f.Fuzz(func(t *testing.T, s string) {
		p := &process{waiting: map[uint64]chan *facts{1: make(chan *facts, 1)}}
		_ = p.dispatch(strings.NewReader(s))
	})
}
