package inspect

import (
	"bytes"
	"fmt"
	"image"
	"math/bits"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"time"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
	"dossier/packager/inspect/samples"
)

// TestRows holds rows 10 to 14 and 18 to 20 of the table of bad cases (domain
// facts, 7.2): each file, what it is found to be, and every finding about it.
func TestRows(t *testing.T) {
	note := samples.Shoot(samples.Note(), samples.Camera{})
	jpg := samples.JPEG(note, 80)
	articles := []samples.Member{{Name: "articles/"}, {Name: "articles/1.html", Content: strings.Repeat("<p>样本</p>", 500)}, {Name: "articles/2.html", Content: "x"}}
	tests := []struct {
		row      string
		name     string
		content  []byte
		role     packager.Role // material when empty
		media    string
		pages    int
		unusable string
		findings []string
		look     func(f packager.Inspected) error
	}{
		{row: "10", name: "iphone.heic", content: samples.HEIC, media: "image/heic", pages: 1, look: size(425, 283)},
		{row: "10 renamed", name: "iphone.jpg", content: samples.HEIC, media: "image/heic", pages: 1, findings: []string{"warn TYPE_DIFFERS_FROM_NAME"}},
		{row: "11 orientation 3", name: "a.jpg", content: samples.WithEXIF(jpg, samples.EXIF(3, false)), media: "image/jpeg", pages: 1, look: oriented(3, false)},
		{row: "11 orientation 6", name: "a.jpg", content: samples.WithEXIF(jpg, samples.EXIF(6, true)), media: "image/jpeg", pages: 1, look: oriented(6, true)},
		{row: "11 orientation 8", name: "a.png", content: samples.PNGWithEXIF(note, samples.EXIF(8, true)), media: "image/png", pages: 1, look: oriented(8, true)},
		{row: "11 nonsense", name: "a.jpg", content: samples.WithEXIF(jpg, samples.EXIF(99, false)), media: "image/jpeg", pages: 1, look: oriented(1, false)},
		{row: "12 CMYK", name: "a.jpg", content: samples.CMYKJPEG, media: "image/jpeg", pages: 1, look: func(f packager.Inspected) error {
			if !f.Picture.CMYK || f.Picture.Sharpness < 100 {
				return fmt.Errorf("%+v", f.Picture)
			}
			return nil
		}},
		{row: "12 progressive", name: "a.jpg", content: samples.ProgressiveJPEG, media: "image/jpeg", pages: 1, look: size(425, 283)},
		{row: "12 16-bit PNG", name: "a.png", content: samples.PNG(samples.Deep(note)), media: "image/png", pages: 1, look: size(425, 283)},
		{row: "12 palette PNG", name: "a.png", content: samples.PNG(samples.Palette(note)), media: "image/png", pages: 1, look: size(425, 283)},
		{row: "12 alpha PNG", name: "a.png", content: samples.PNG(samples.Cutout(samples.Note())), media: "image/png", pages: 1, look: func(f packager.Inspected) error {
			if f.Picture.Brightness < 0.8 {
				return fmt.Errorf("transparent paper counts as dark: %+v", f.Picture)
			}
			return nil
		}},
		{row: "12 interlaced PNG", name: "a.png", content: samples.InterlacedPNG, media: "image/png", pages: 1, look: size(425, 283)},
		{row: "12 WebP", name: "a.webp", content: samples.WebP, media: "image/webp", pages: 1, look: size(425, 283)},
		{row: "12 BMP", name: "a.bmp", content: samples.BMP(note), media: "image/bmp", pages: 1, look: size(425, 283)},
		{row: "12 GIF", name: "a.gif", content: samples.GIF(note), media: "image/gif", pages: 1, look: size(425, 283)},
		{row: "12 TIFF of three pages", name: "a.tif", content: samples.TIFF(note, note, note), media: "image/tiff", pages: 3, look: size(425, 283)},
		{row: "12 truncated", name: "a.jpg", content: jpg[:len(jpg)/2], media: "image/jpeg", pages: 1, unusable: "PICTURE_TRUNCATED", findings: []string{"block PICTURE_TRUNCATED"}},
		{row: "12 truncated PNG", name: "a.png", content: samples.PNG(note)[:2000], media: "image/png", pages: 1, unusable: "PICTURE_TRUNCATED", findings: []string{"block PICTURE_TRUNCATED"}},
		{row: "12 broken", name: "a.png", content: append([]byte("\x89PNG\r\n\x1a\n"), "nonsense nonsense nonsense"...), media: "image/png", pages: 1, unusable: "PICTURE_UNREADABLE", findings: []string{"block PICTURE_UNREADABLE"}},
		{row: "12 bomb", name: "a.png", content: samples.BombPNG(30_000, 30_000), media: "image/png", pages: 1, unusable: "PICTURE_BOMB", findings: []string{"block PICTURE_BOMB"}},
		{row: "12 empty", name: "a.jpg", content: nil, media: "application/x-empty", unusable: "FILE_EMPTY"},

		{row: "13 plain", name: "a.pdf", content: samples.PDF{Pages: 3, Text: "x"}.Bytes(), media: "application/pdf", pages: 3},
		{row: "13 PDF 2.0", name: "a.pdf", content: samples.PDF{Version: "2.0", Pages: 2, Text: "x"}.Bytes(), media: "application/pdf", pages: 2},
		{row: "13 user password", name: "a.pdf", content: samples.Encrypt(samples.PDF{Pages: 1}.Bytes(), "secret", "owner"), media: "application/pdf", unusable: "PDF_ENCRYPTED", findings: []string{"block PDF_ENCRYPTED"}},
		{row: "13 owner password only", name: "a.pdf", content: samples.Encrypt(samples.PDF{Pages: 1}.Bytes(), "", "owner"), media: "application/pdf", pages: 1, findings: []string{"info PDF_OPENED_WITH_EMPTY_PASSWORD"}},
		{row: "13 no pages", name: "a.pdf", content: samples.PDF{}.Bytes(), media: "application/pdf", unusable: "PDF_NO_PAGES", findings: []string{"block PDF_NO_PAGES"}},
		{row: "13 scanned, rotated, cropped", name: "a.pdf", content: samples.Scanned(jpg, 425, 283), media: "application/pdf", pages: 1},
		{row: "13 JavaScript", name: "a.pdf", content: samples.JavaScript(), media: "application/pdf", pages: 1, findings: []string{"warn PDF_ACTIVE_CONTENT"}},
		{row: "13 JavaScript in an object stream", name: "a.pdf", content: samples.Packed(samples.JavaScript()), media: "application/pdf", pages: 1, findings: []string{"warn PDF_ACTIVE_CONTENT"}},
		{row: "13 launch", name: "a.pdf", content: samples.Launch(), media: "application/pdf", pages: 1, findings: []string{"warn PDF_ACTIVE_CONTENT"}},
		{row: "13 signed", name: "a.pdf", content: samples.Signed(), media: "application/pdf", pages: 1, findings: []string{"info PDF_SIGNED"}},
		{row: "13 XFA", name: "a.pdf", content: samples.XFA(), media: "application/pdf", pages: 1, findings: []string{"warn PDF_XFA"}},
		{row: "13 attachment", name: "a.pdf", content: samples.Attached("in.txt"), media: "application/pdf", pages: 1, findings: []string{"info PDF_ATTACHMENTS"}},
		{row: "13 damaged", name: "a.pdf", content: samples.Broken(), media: "application/pdf", pages: 2, findings: []string{"warn PDF_REPAIRED"}},
		{row: "13 hopeless", name: "a.pdf", content: []byte("%PDF-1.7\nnothing else"), media: "application/pdf", unusable: "PDF_DAMAGED", findings: []string{"block PDF_DAMAGED"}},
		{row: "13 thousands of pages", name: "a.pdf", content: samples.PDF{Pages: 3000, Text: "x"}.Bytes(), media: "application/pdf", pages: 3000},

		{row: "13 bomb", name: "a.pdf", content: samples.BombPDF(12, 60<<20), media: "application/pdf", unusable: "PDF_BOMB", findings: []string{"block PDF_BOMB"}},

		{row: "14", name: "a.pdf", content: jpg, media: "image/jpeg", pages: 1, findings: []string{"warn TYPE_DIFFERS_FROM_NAME"}},
		{row: "14 office", name: "a.docx", content: samples.Office("word"), media: kindDOCX.media, unusable: "OFFICE_FILE", findings: []string{"block OFFICE_FILE"}},
		{row: "14 old Word", name: "a.doc", content: samples.Compound(samples.Named{Name: "WordDocument", Content: make([]byte, 32)}), media: kindDOC.media, unusable: "OFFICE_FILE", findings: []string{"block OFFICE_FILE"}},
		{row: "14 WPS", name: "a.wps", content: samples.Compound(samples.Named{Name: "WordDocument", Content: make([]byte, 32)}), media: kindDOC.media, unusable: "WPS_FILE", findings: []string{"block WPS_FILE"}},
		{row: "14 WPS sheet", name: "a.et", content: samples.Compound(samples.Named{Name: "Workbook", Content: []byte("\x09\x08\x04\x00\x00\x06\x05\x00")}), media: kindXLS.media, unusable: "WPS_FILE", findings: []string{"block WPS_FILE"}},
		{row: "14 WPS, new form", name: "a.wps", content: samples.Office("word"), media: kindDOCX.media, unusable: "WPS_FILE", findings: []string{"block WPS_FILE"}},
		{row: "14 Word with a password", name: "a.doc", content: samples.Compound(samples.Named{Name: "WordDocument", Content: []byte("\xec\xa5\xc1\x00\x00\x00\x00\x00\x00\x00\x00\x01")}), media: kindDOC.media, unusable: "OFFICE_ENCRYPTED", findings: []string{"block OFFICE_ENCRYPTED"}},
		{row: "14 Excel with a password", name: "a.xls", content: samples.Compound(samples.Named{Name: "Workbook", Content: []byte("\x09\x08\x04\x00\x00\x06\x05\x00\x2f\x00\x06\x00")}), media: kindXLS.media, unusable: "OFFICE_ENCRYPTED", findings: []string{"block OFFICE_ENCRYPTED"}},
		{row: "14 PowerPoint with a password", name: "a.ppt", content: samples.Compound(samples.Named{Name: "PowerPoint Document"}, samples.Named{Name: "Current User", Content: []byte("\x00\x00\xf6\x0f\x20\x00\x00\x00\x14\x00\x00\x00\xdf\xc4\xd1\xf3")}), media: kindPPT.media, unusable: "OFFICE_ENCRYPTED", findings: []string{"block OFFICE_ENCRYPTED"}},
		{row: "14 new Excel with a password", name: "a.xlsx", content: lockedXLSX(t), media: kindOLE.media, unusable: "OFFICE_ENCRYPTED", findings: []string{"block OFFICE_ENCRYPTED"}},
		{row: "18 Excel backup with a password", name: "a.xlsx", content: lockedXLSX(t), role: packager.RoleBackup, media: kindOLE.media, findings: []string{"warn OFFICE_ENCRYPTED"}},
		{row: "14 old Word with macros", name: "a.doc", content: samples.Compound(samples.Named{Name: "WordDocument", Content: make([]byte, 32)}, samples.Named{Name: "_VBA_PROJECT"}), media: kindDOC.media, unusable: "OFFICE_MACROS", findings: []string{"block OFFICE_MACROS"}},
		{row: "14 new Word with macros", name: "a.docx", content: samples.ZIP(samples.Member{Name: "[Content_Types].xml", Content: "<Types/>"}, samples.Member{Name: "word/document.xml", Content: "<x/>"}, samples.Member{Name: "word/vbaProject.bin", Content: "x"}), media: kindDOCX.media, unusable: "OFFICE_MACROS", findings: []string{"block OFFICE_MACROS"}},
		{row: "14 OpenDocument with a password", name: "a.odt", content: samples.ZIP(samples.Member{Name: "mimetype", Content: "application/vnd.oasis.opendocument.text"}, samples.Member{Name: "META-INF/manifest.xml", Content: "<manifest:encryption-data/>"}), media: kindODF.media, unusable: "OFFICE_ENCRYPTED", findings: []string{"block OFFICE_ENCRYPTED"}},
		{row: "14 message of Outlook", name: "a.msg", content: samples.Compound(samples.Named{Name: "__properties_version1.0"}), media: kindMSG.media, unusable: "EMAIL_FILE", findings: []string{"block EMAIL_FILE"}},
		{row: "14 message", name: "a.eml", content: []byte("Received: from a\r\n by b; Sun, 22 Nov 2026 08:00:00 +0800\r\nFrom: =?utf-8?B?5rWL?= <a@example.com>\r\nSubject: x\r\n\r\nhello, world\r\n"), media: kindEML.media, unusable: "EMAIL_FILE", findings: []string{"block EMAIL_FILE"}},
		{row: "14 no message", name: "a.txt", content: []byte("From: us\nplain words, with a comma\n"), media: kindText.media, unusable: "FORMAT_NOT_PRINTABLE", findings: []string{"block FORMAT_NOT_PRINTABLE"}},
		{row: "14 Pages", name: "a.pages", content: samples.ZIP(samples.Member{Name: "Data/1.jpg", Content: "x"}, samples.Member{Name: "Index/Document.iwa", Content: "x"}), media: kindIWork.media, unusable: "IWORK_FILE", findings: []string{"block IWORK_FILE"}},
		{row: "14 Numbers", name: "a.numbers", content: samples.ZIP(samples.Member{Name: "Index.zip", Content: "x"}), media: kindIWork.media, unusable: "IWORK_FILE", findings: []string{"block IWORK_FILE"}},
		{row: "14 OFD", name: "a.ofd", content: samples.Office("ofd"), media: "application/ofd", unusable: "OFD_FILE", findings: []string{"block OFD_FILE"}},
		{row: "14 text", name: "a.txt", content: []byte("这是一段文字，没有别的"), media: "text/plain", unusable: "FORMAT_NOT_PRINTABLE", findings: []string{"block FORMAT_NOT_PRINTABLE"}},
		{row: "14 unknown", name: "a.bin", content: []byte{1, 2, 3, 0, 5}, media: "application/octet-stream", unusable: "FORMAT_UNKNOWN", findings: []string{"block FORMAT_UNKNOWN"}},
		{row: "14 archive as a material", name: "a.zip", content: samples.ZIP(articles...), media: "application/zip", unusable: "ARCHIVE_AS_MATERIAL", findings: []string{"block ARCHIVE_AS_MATERIAL"}},

		{row: "14 RAR as a material", name: "a.rar", content: []byte("Rar!\x1a\x07\x01\x00 and so on"), media: kindRAR.media, unusable: "RAR_FILE", findings: []string{"block RAR_FILE"}},

		{row: "18 RAR", name: "a.rar", content: []byte("Rar!\x1a\x07\x01\x00 and so on"), role: packager.RoleBackup, media: kindRAR.media, findings: []string{"info ARCHIVE_NOT_TESTED"}},
		{row: "18 sound", name: "a.zip", content: samples.ZIP(articles...), role: packager.RoleBackup, media: "application/zip", look: func(f packager.Inspected) error {
			a := f.Archive
			noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
			two := int64(2)
			want := packager.Archive{Format: "zip", Entries: 3, Files: 2, Items: &two, Bytes: int64(500*len("<p>样本</p>") + 1), First: noon, Last: noon,
				Names: []string{"articles/", "articles/1.html", "articles/2.html"}}
			if d := cmp.Diff(want, *a); d != "" {
				return fmt.Errorf("%s", d)
			}
			return nil
		}},
		{row: "18 corrupt", name: "a.zip", content: samples.CorruptZIP(samples.Member{Name: "1.html", Content: strings.Repeat("样本", 99)}), role: packager.RoleBackup, media: "application/zip", unusable: "ARCHIVE_CORRUPT", findings: []string{"block ARCHIVE_CORRUPT"}},
		{row: "18 cut off", name: "a.zip", content: samples.ZIP(articles...)[:150], role: packager.RoleBackup, media: "application/zip", unusable: "ARCHIVE_CORRUPT", findings: []string{"block ARCHIVE_CORRUPT"}},
		{row: "18 empty", name: "a.zip", content: samples.ZIP(), role: packager.RoleBackup, media: "application/zip", unusable: "ARCHIVE_EMPTY", findings: []string{"block ARCHIVE_EMPTY"}},
		{row: "18 a PDF with a password", name: "a.pdf", content: samples.Encrypt(samples.PDF{Pages: 1}.Bytes(), "secret", "owner"), role: packager.RoleBackup, media: "application/pdf", findings: []string{"warn PDF_ENCRYPTED"}},
		{row: "18 encrypted", name: "a.zip", content: samples.EncryptedZIP(articles...), role: packager.RoleBackup, media: "application/zip", findings: []string{"warn ARCHIVE_ENCRYPTED"}},
		{row: "18 only folders", name: "a.zip", content: samples.ZIP(samples.Member{Name: "a/"}, samples.Member{Name: "a/b/"}), role: packager.RoleBackup, media: "application/zip", unusable: "ARCHIVE_ONLY_FOLDERS", findings: []string{"block ARCHIVE_ONLY_FOLDERS"}},
		{row: "18 zip-slip", name: "a.zip", content: samples.ZIP(samples.Member{Name: "../../etc/cron.d/x", Content: "x"}, samples.Member{Name: "/abs", Content: "x"}, samples.Member{Name: "l", Content: "/etc/passwd", Link: true}), role: packager.RoleBackup, media: "application/zip",
			findings: []string{"warn ARCHIVE_UNSAFE_PATH"}, look: func(f packager.Inspected) error {
				if d := cmp.Diff([]string{"../../etc/cron.d/x", "/abs", "l"}, f.Archive.Unsafe); d != "" {
					return fmt.Errorf("%s", d)
				}
				return nil
			}},
		{row: "18 bomb", name: "a.zip", content: samples.ZIP(samples.Member{Name: "zeros", Size: 300 << 20}), role: packager.RoleBackup, media: "application/zip", unusable: "ARCHIVE_BOMB", findings: []string{"block ARCHIVE_BOMB"}},
		{row: "18 nested", name: "a.zip", content: samples.ZIP(samples.Member{Name: "in.zip", Content: string(samples.ZIP(articles...))}), role: packager.RoleBackup, media: "application/zip"},
		{row: "18 nested, corrupt", name: "a.zip", content: samples.ZIP(samples.Member{Name: "in.zip", Content: string(samples.CorruptZIP(samples.Member{Name: "1.html", Content: strings.Repeat("样本", 99)}))}), role: packager.RoleBackup, media: "application/zip", unusable: "ARCHIVE_CORRUPT", findings: []string{"block ARCHIVE_CORRUPT"}},
		{row: "18 nested, bomb", name: "a.zip", content: samples.ZIP(samples.Member{Name: "in.zip", Content: string(samples.ZIP(samples.Member{Name: "zeros", Size: 300 << 20}))}), role: packager.RoleBackup, media: "application/zip", unusable: "ARCHIVE_BOMB", findings: []string{"block ARCHIVE_BOMB"}},
		{row: "18 nested too deep", name: "a.zip", content: nest(5), role: packager.RoleBackup, media: "application/zip", findings: []string{"info ARCHIVE_NESTED"}},
		{row: "23 articles are counted", name: "a.zip", content: samples.ZIP(pagesOf(101)...), role: packager.RoleBackup, media: "application/zip", look: items(101)},
		{row: "23 rows are counted", name: "a.zip", content: samples.ZIP(samples.Member{Name: "fans.csv", Content: "id,date\n1,2026-01-02\n2,2026-01-03\n"}, samples.Member{Name: "readme.txt", Content: "x"}), role: packager.RoleBackup, media: "application/zip", look: items(2)},
		{row: "18 TAR", name: "a.tar.gz", content: samples.TarGz(samples.Member{Name: "1.html", Content: "x"}, samples.Member{Name: "l", Content: "../x", Link: true}), role: packager.RoleBackup, media: "application/gzip", findings: []string{"warn ARCHIVE_UNSAFE_PATH"}},
		{row: "19", name: "a.zip", content: samples.ZIP(samples.Member{Name: "营业执照.jpg", Content: "x", GBK: true}), role: packager.RoleBackup, media: "application/zip", look: names("营业执照.jpg")},
		{row: "20", name: "a.zip", content: samples.ZIP(samples.Member{Name: "__MACOSX/._a", Content: "x"}, samples.Member{Name: ".DS_Store", Content: "x"}, samples.Member{Name: "cafe\u0301.txt", Content: "x"}), role: packager.RoleBackup, media: "application/zip", look: names("caf\u00e9.txt")},
	}
	// One Inspector for all, so that pdfium is started once; its compilation is
	// cached between runs of the tests.
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	x := New(Options{Tesseract: "off", EngineCacheDir: dir + "/dossier-test"})
	defer x.Close()
	for _, test := range tests {
		t.Run(test.row, func(t *testing.T) {
			role := test.role
			if role == "" {
				role = packager.RoleMaterial
			}
			got, found := inspectWith(t, x, material(t, "materials/"+test.name, test.content, role, "x"))
			if got.Media != test.media || got.Pages != test.pages || got.Unusable != test.unusable {
				t.Errorf("media %s, pages %d, unusable %q", got.Media, got.Pages, got.Unusable)
			}
			var codes []string
			for _, f := range found {
				codes = append(codes, fmt.Sprintf("%s %s", f.Severity, f.Code))
				if f.Material != got.Path || f.Args["path"] != got.Path {
					t.Errorf("%s does not name its file: %+v", f.Code, f)
				}
			}
			slices.Sort(codes)
			if d := cmp.Diff(test.findings, codes); d != "" {
				t.Errorf("findings (-want +got):\n%s%v", d, found)
			}
			if test.look != nil && !t.Failed() {
				if err := test.look(got); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func size(w, h int) func(packager.Inspected) error {
	return func(f packager.Inspected) error {
		p := f.Picture
		if p.Width != w || p.Height != h || p.Sharpness < 100 || p.Blank || p.PHash == 0 || p.Brightness < 0.4 {
			return fmt.Errorf("%+v", p)
		}
		return nil
	}
}

func oriented(o int, gps bool) func(packager.Inspected) error {
	return func(f packager.Inspected) error {
		if p := f.Picture; p.Orientation != o || p.HasGPS != gps || !p.HasEXIF {
			return fmt.Errorf("%+v", p)
		}
		return nil
	}
}

// nest puts an archive into archives.
// lockedXLSX is a workbook under a password (ECMA-376 encryption).
func lockedXLSX(t *testing.T) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	var b bytes.Buffer
	if err := f.Write(&b, excelize.Options{Password: "geheim"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func nest(n int) []byte {
	b := samples.ZIP(samples.Member{Name: "a.txt", Content: "x"})
	for range n {
		b = samples.ZIP(samples.Member{Name: "in.zip", Content: string(b)})
	}
	return b
}

// pagesOf is an export of n articles with a page that lists them.
func pagesOf(n int) []samples.Member {
	out := []samples.Member{{Name: "index.html", Content: "x"}}
	for i := range n {
		out = append(out, samples.Member{Name: fmt.Sprintf("articles/%03d.html", i), Content: "x"}, samples.Member{Name: fmt.Sprintf("articles/%03d.jpg", i), Content: "x"})
	}
	return out
}

func items(want int64) func(packager.Inspected) error {
	return func(f packager.Inspected) error {
		if f.Archive.Items == nil || *f.Archive.Items != want {
			return fmt.Errorf("%+v", f.Archive)
		}
		return nil
	}
}

func names(want ...string) func(packager.Inspected) error {
	return func(f packager.Inspected) error {
		if d := cmp.Diff(want, f.Archive.Names); d != "" {
			return fmt.Errorf("%s", d)
		}
		return nil
	}
}

// The same picture, saved anew or turned by its EXIF, has nearly the same
// hash; another one does not (rows 7 and 22).
func TestNearDuplicates(t *testing.T) {
	page := samples.Sheet(60)
	seen := samples.Shoot(page, samples.Camera{})
	hash := func(b []byte) uint64 {
		got, _ := inspectOne(t, Options{}, material(t, "materials/a.jpg", b, packager.RoleMaterial, "x"))
		return got.Picture.PHash
	}
	base := hash(samples.JPEG(seen, 90))
	turned := image.NewGray(image.Rect(0, 0, seen.Rect.Dy(), seen.Rect.Dx()))
	for y := range seen.Rect.Dy() { // turned by 90° to the left; orientation 6 turns it back
		for x := range seen.Rect.Dx() {
			turned.SetGray(y, seen.Rect.Dx()-1-x, seen.GrayAt(x, y))
		}
	}
	tests := []struct {
		name     string
		b        []byte
		min, max int
	}{
		{"saved anew", samples.JPEG(seen, 40), 0, 4},
		{"smaller", samples.JPEG(samples.Shoot(page, samples.Camera{Scale: 0.5}), 80), 0, 4},
		{"brighter", samples.JPEG(samples.Shoot(page, samples.Camera{Paper: 0.95}), 80), 0, 4},
		{"turned, with EXIF", samples.WithEXIF(samples.JPEG(turned, 90), samples.EXIF(6, false)), 0, 4},
		{"another paper", samples.JPEG(samples.Shoot(samples.Letter(60, "gh_0123456789ab", "2026年11月20日"), samples.Camera{}), 90), 12, 64},
		{"a licence", samples.JPEG(samples.Shoot(samples.Licence(60, "91000000MAFAKE019J", ""), samples.Camera{}), 90), 12, 64},
	}
	for _, test := range tests {
		if d := bits.OnesCount64(base ^ hash(test.b)); d < test.min || d > test.max {
			t.Errorf("%s: %d bits differ", test.name, d)
		}
	}
}

// A file that changes between collect and inspect is not judged.
func TestChangedSinceCollected(t *testing.T) {
	m := material(t, "materials/a.jpg", samples.ProgressiveJPEG, packager.RoleMaterial, "x")
	if err := os.WriteFile(m.Abs, samples.CMYKJPEG, 0o600); err != nil {
		t.Fatal(err)
	}
	got, found := inspectOne(t, Options{CacheDir: t.TempDir()}, m)
	if got.Unusable != "FILE_CHANGED" || len(found) != 1 {
		t.Errorf("%+v %+v", got, found)
	}
}

// A second inspection does not open the file, and the cache keeps nothing that
// can be read without it.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	m := material(t, "materials/licence.png", samples.PNG(samples.Licence(80, "91000000MAFAKE019J", "http://www.gsxt.gov.cn/index.html?uniscid=91000000MAFAKE019J")), packager.RoleMaterial, "business_licence")
	first, _ := inspectOne(t, Options{CacheDir: dir}, m)
	if len(first.QR) != 1 || len(first.Fields) != 1 || !first.Fields[0].Proven {
		t.Fatalf("%+v", first)
	}
	// other bytes with the same size and date: whoever opens the file sees them
	if err := os.WriteFile(m.Abs, make([]byte, m.Bytes), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(m.Abs, m.ModTime, m.ModTime); err != nil {
		t.Fatal(err)
	}
	second, _ := inspectOne(t, Options{CacheDir: dir}, m)
	if d := cmp.Diff(first, second); d != "" {
		t.Error(d)
	}
	for name, b := range contents(t, dir) {
		if bytes.Contains(b, []byte("MAFAKE")) || strings.Contains(name, m.SHA256) {
			t.Errorf("%s tells what was read", name)
		}
	}
	// a record that is damaged is looked up anew
	for name := range contents(t, dir) {
		if err := os.WriteFile(name, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	third, _ := inspectOne(t, Options{CacheDir: dir}, m)
	if third.Unusable == "" {
		t.Error("a damaged record was used")
	}
}
