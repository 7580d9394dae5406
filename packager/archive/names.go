package archive

import (
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/unicode/norm"
)

// DecodeName turns the bytes of a file name into NFC text. Old Chinese tools
// write GBK without saying so, macOS writes UTF-8 in NFD, also without saying
// so; GB18030 holds all of GBK. Bytes that are neither stay readable as Latin-1
// so that two names never become one.
func DecodeName(raw string) string {
	if utf8.ValidString(raw) {
		return norm.NFC.String(raw)
	}
	s, err := simplifiedchinese.GB18030.NewDecoder().String(raw)
	if err == nil && !strings.ContainsRune(s, utf8.RuneError) {
		return norm.NFC.String(s)
	}
	var b strings.Builder
	for i := range len(raw) {
		b.WriteRune(rune(raw[i]))
	}
	return b.String()
}

// Litter reports whether a file is what operating systems leave behind and
// nobody means to hand in.
func Litter(name string) bool {
	for _, part := range strings.Split(strings.ReplaceAll(name, `\`, "/"), "/") {
		if part == "__MACOSX" || part == ".AppleDouble" || part == "@eaDir" || strings.HasPrefix(part, "._") {
			return true
		}
	}
	switch base := path.Base(name); strings.ToLower(base) {
	case ".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", ".localized", ".spotlight-v100", ".trashes", ".fseventsd":
		return true
	default:
		// what an office program locks a file with while it is open
		return strings.HasPrefix(base, "~$") || strings.HasPrefix(base, ".~lock.")
	}
}

// safeName reports whether a slash-separated name stays inside its folder on
// every operating system.
func safeName(name string) bool {
	if name == "" || strings.ContainsRune(name, 0) {
		return false
	}
	s := strings.ReplaceAll(name, `\`, "/")
	if strings.HasPrefix(s, "/") || len(s) > 1 && s[1] == ':' {
		return false
	}
	for _, part := range strings.Split(s, "/") {
		if part == ".." {
			return false
		}
	}
	return true
}
