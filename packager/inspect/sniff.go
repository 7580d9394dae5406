package inspect

import (
	"bytes"
	"encoding/binary"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"dossier/packager"
	"dossier/packager/archive"
)

// headBytes is how much of a file its type is told by.
const headBytes = 4096

// kind is a type of file as its content shows it.
type kind struct {
	media string
	form  packager.Form
	exts  []string // extensions that fit, without the dot; the first one is usual
}

var (
	kindJPEG = kind{"image/jpeg", packager.FormPicture, []string{"jpg", "jpeg", "jpe", "jfif"}}
	kindPNG  = kind{"image/png", packager.FormPicture, []string{"png", "apng"}}
	kindGIF  = kind{"image/gif", packager.FormPicture, []string{"gif"}}
	kindBMP  = kind{"image/bmp", packager.FormPicture, []string{"bmp", "dib"}}
	kindTIFF = kind{"image/tiff", packager.FormPicture, []string{"tif", "tiff"}}
	kindWebP = kind{"image/webp", packager.FormPicture, []string{"webp"}}
	kindHEIC = kind{"image/heic", packager.FormPicture, []string{"heic", "heif", "hif"}}

	kindPDF = kind{"application/pdf", packager.FormPDF, []string{"pdf"}}
	kindOFD = kind{"application/ofd", packager.FormOFD, []string{"ofd"}}

	kindZIP   = kind{"application/zip", packager.FormArchive, []string{"zip", "jar", "apk", "epub"}}
	kindGZIP  = kind{"application/gzip", packager.FormArchive, []string{"gz", "tgz"}}
	kindTAR   = kind{"application/x-tar", packager.FormArchive, []string{"tar"}}
	kind7Z    = kind{"application/x-7z-compressed", packager.FormArchive, []string{"7z"}}
	kindRAR   = kind{"application/vnd.rar", packager.FormArchive, []string{"rar"}}
	kindDOCX  = kind{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", packager.FormOffice, []string{"docx", "docm", "dotx", "wps"}}
	kindXLSX  = kind{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", packager.FormOffice, []string{"xlsx", "xlsm", "xltx", "et"}}
	kindPPTX  = kind{"application/vnd.openxmlformats-officedocument.presentationml.presentation", packager.FormOffice, []string{"pptx", "pptm", "ppsx", "dps"}}
	kindODF   = kind{"application/vnd.oasis.opendocument", packager.FormOffice, []string{"odt", "ods", "odp", "odg"}}
	kindOLE   = kind{"application/x-ole-storage", packager.FormOffice, []string{"doc", "xls", "ppt", "wps", "et", "dps", "docx", "xlsx", "pptx"}}
	kindDOC   = kind{"application/msword", packager.FormOffice, []string{"doc", "dot", "wps", "wpt"}}
	kindXLS   = kind{"application/vnd.ms-excel", packager.FormOffice, []string{"xls", "xlt", "et", "ett"}}
	kindPPT   = kind{"application/vnd.ms-powerpoint", packager.FormOffice, []string{"ppt", "pps", "dps", "dpt"}}
	kindIWork = kind{"application/vnd.apple.iwork", packager.FormOther, []string{"pages", "numbers", "key"}}
	kindMSG   = kind{"application/vnd.ms-outlook", packager.FormOther, []string{"msg", "oft"}}
	kindEML   = kind{"message/rfc822", packager.FormOther, []string{"eml", "mht", "mhtml"}}
	kindRTF   = kind{"application/rtf", packager.FormOffice, []string{"rtf", "doc"}}
	kindHTML  = kind{"text/html", packager.FormTable, []string{"html", "htm", "xhtml", "mht"}}
	kindJSON  = kind{"application/json", packager.FormTable, []string{"json", "jsonl", "ndjson", "geojson"}}
	kindCSV   = kind{"text/csv", packager.FormTable, []string{"csv", "tsv", "txt"}}
	kindXML   = kind{"application/xml", packager.FormTable, []string{"xml", "svg", "xhtml", "html"}}
	kindText  = kind{"text/plain", packager.FormTable, nil}
	kindMP4   = kind{"video/mp4", packager.FormOther, []string{"mp4", "m4v", "mov", "m4a", "3gp"}}
	kindAVIF  = kind{"image/avif", packager.FormOther, []string{"avif"}}
	kindPS    = kind{"application/postscript", packager.FormOther, []string{"ps", "eps"}}
	kindOther = kind{"application/octet-stream", packager.FormOther, nil}
)

// sniff tells what a file is by its first bytes. A ZIP that is more than a ZIP
// (an office file, an OFD) is told apart by its listing, and so is a compound
// file: see zipKind and compound.
func sniff(head []byte) kind {
	has := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case has("\xff\xd8\xff"):
		return kindJPEG
	case has("\x89PNG\r\n\x1a\n"):
		return kindPNG
	case has("GIF87a"), has("GIF89a"):
		return kindGIF
	case has("II*\x00"), has("MM\x00*"), has("II+\x00"), has("MM\x00+"):
		return kindTIFF
	case has("RIFF") && len(head) >= 12 && string(head[8:12]) == "WEBP":
		return kindWebP
	case has("BM") && bmpHeader(head):
		return kindBMP
	case len(head) >= 12 && string(head[4:8]) == "ftyp":
		return bmffKind(head)
	case has("%!PS"):
		return kindPS
	case has("{\\rtf"):
		return kindRTF
	case has("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
		return kindOLE
	}
	switch archive.Detect(head[:min(len(head), 512)]) {
	case archive.ZIP:
		return kindZIP
	case archive.GZIP:
		return kindGZIP
	case archive.TAR:
		return kindTAR
	case archive.SevenZ:
		return kind7Z
	case archive.RAR:
		return kindRAR
	}
	// Readers of PDF accept up to 1024 bytes of anything before the header
	// (ISO 32000-1, annex H, note 13).
	if i := bytes.Index(head[:min(len(head), 1024)], []byte("%PDF-")); i >= 0 {
		return kindPDF
	}
	return sniffText(head)
}

func bmpHeader(head []byte) bool {
	if len(head) < 26 {
		return false
	}
	switch binary.LittleEndian.Uint32(head[14:]) {
	case 12, 40, 52, 56, 64, 108, 124: // sizes of the known information headers
		return true
	}
	return false
}

// bmffKind tells ISO base media files apart by their brands (ISO/IEC 14496-12,
// 23008-12).
func bmffKind(head []byte) kind {
	size := int(binary.BigEndian.Uint32(head))
	brands := head[8:min(max(size, 12), len(head))]
	for i := 0; i+4 <= len(brands); i += 4 {
		if i == 4 {
			continue // minor version
		}
		switch string(brands[i : i+4]) {
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1":
			if bytes.Contains(brands, []byte("avif")) {
				return kindAVIF
			}
			return kindHEIC
		case "avif", "avis":
			return kindAVIF
		}
	}
	return kindMP4
}

// sniffText tells text files apart. What is no text is unknown.
func sniffText(head []byte) kind {
	s, ok := text(head)
	if !ok {
		return kindOther
	}
	t := strings.ToLower(strings.TrimLeft(s, "\ufeff \t\r\n"))
	switch {
	case strings.HasPrefix(t, "<!doctype html"), strings.HasPrefix(t, "<html"), strings.Contains(t[:min(len(t), 1024)], "<html"):
		return kindHTML
	case strings.HasPrefix(t, "<?xml"), strings.HasPrefix(t, "<svg"):
		return kindXML
	case strings.HasPrefix(t, "{"), strings.HasPrefix(t, "["):
		return kindJSON
	case mailLike(t):
		return kindEML
	case csvLike(t):
		return kindCSV
	}
	return kindText
}

// text decodes the beginning of a text file: UTF-8, UTF-16 with its mark, or
// GB18030. A character cut at the end is no fault.
func text(head []byte) (string, bool) {
	if len(head) == 0 {
		return "", false
	}
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) {
		return decodeUTF16(head), true
	}
	for _, c := range head {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b || c == 0x7f {
			return "", false
		}
	}
	cut := head
	if utf8Head(cut) {
		return strings.ToValidUTF8(string(cut), ""), true
	}
	for i := range min(4, len(cut)) {
		s, err := simplifiedchinese.GB18030.NewDecoder().Bytes(cut[:len(cut)-i])
		if err == nil && !bytes.ContainsRune(s, utf8.RuneError) {
			return string(s), true
		}
	}
	return "", false
}

// utf8Head reports whether the beginning of a file is UTF-8; its last character
// may be cut.
func utf8Head(head []byte) bool {
	for i := 0; i < utf8.UTFMax && i <= len(head); i++ {
		if utf8.Valid(head[:len(head)-i]) {
			return true
		}
	}
	return false
}

func decodeUTF16(b []byte) string {
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 0xfe {
		order = binary.BigEndian
	}
	var sb strings.Builder
	for i := 2; i+1 < len(b); i += 2 {
		sb.WriteRune(rune(order.Uint16(b[i:])))
	}
	return sb.String()
}

// mailLike reports whether a text begins with the header of a message (RFC
// 5322): fields alone up to the first empty line, and some that all have. t is
// in lower case.
func mailLike(t string) bool {
	known := 0
	for l := range strings.Lines(t) {
		if l = strings.TrimRight(l, "\r\n"); l == "" {
			break
		}
		if l[0] == ' ' || l[0] == '\t' {
			continue
		}
		name, _, ok := strings.Cut(l, ":")
		if !ok || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return len(t) >= headBytes-100 && known >= 2 // a line may be cut at the end
		}
		switch name {
		case "from", "to", "date", "subject", "message-id", "mime-version", "received", "return-path":
			known++
		}
	}
	return known >= 2
}

// csvLike reports whether the first two lines have the same number of commas
// or tabs, and some.
func csvLike(t string) bool {
	lines := strings.SplitN(t, "\n", 3)
	if len(lines) < 2 {
		return false
	}
	for _, sep := range []string{",", "\t", ";"} {
		if n := strings.Count(lines[0], sep); n > 0 && (len(lines) == 2 && lines[1] == "" || strings.Count(lines[1], sep) >= n) {
			return true
		}
	}
	return false
}

// fits reports whether a file's name agrees with its content. A name without
// an extension, or with one that says nothing about the type, agrees.
func (k kind) fits(name string) bool {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	if ext == "" || k.exts == nil || !telling[ext] {
		return true
	}
	for _, e := range k.exts {
		if e == ext {
			return true
		}
	}
	return false
}

// telling holds every extension that promises a type.
var telling = func() map[string]bool {
	m := map[string]bool{}
	for _, k := range []kind{
		kindJPEG, kindPNG, kindGIF, kindBMP, kindTIFF, kindWebP, kindHEIC, kindPDF, kindOFD, kindZIP, kindGZIP, kindTAR,
		kind7Z, kindRAR, kindDOCX, kindXLSX, kindPPTX, kindODF, kindOLE, kindDOC, kindXLS, kindPPT, kindIWork, kindMSG, kindEML, kindRTF, kindHTML, kindJSON, kindMP4, kindAVIF,
	} {
		for _, e := range k.exts {
			m[e] = true
		}
	}
	return m
}()
