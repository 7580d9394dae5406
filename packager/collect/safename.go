package collect

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"dossier/packager/identity"
)

const (
	// nameBytes leaves room for a number and for the name of a temporary file
	// in the 255 bytes that file systems give a name.
	nameBytes = 200
	// pathRunes leaves room for the case folder in the 260 characters that
	// Windows gives a path.
	pathRunes = 150
)

// SafeName turns any text into one name of a file that every operating system
// takes: NFC, no separators, no control or direction characters, no name of a
// device, no trailing dot or blank, at most 200 bytes with the extension kept.
// An identity number is hidden.
func SafeName(name string) string {
	name = identity.MaskIDs(norm.NFC.String(strings.ToValidUTF8(name, "_")))
	name = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`<>:"/\|?*`, r):
			return '_'
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, name)
	name = strings.TrimRight(strings.TrimSpace(name), ". ")
	if strings.Trim(name, "._ ") == "" {
		return "file"
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") || strings.HasPrefix(name, "-") {
		name = "_" + name // neither hidden nor litter nor an option
	}
	stem, _, _ := strings.Cut(name, ".")
	if devices[strings.ToUpper(strings.TrimRight(stem, " "))] {
		name = "_" + name
	}
	return shorten(name, nameBytes)
}

// devices are the names that Windows keeps for itself, whatever extension
// follows.
var devices = func() map[string]bool {
	m := map[string]bool{"CON": true, "PRN": true, "AUX": true, "NUL": true, "CONIN$": true, "CONOUT$": true, "CLOCK$": true}
	for _, d := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "¹", "²", "³"} {
		m["COM"+d], m["LPT"+d] = true, true
	}
	return m
}()

// shorten cuts a name between characters so that it has at most n bytes; a
// usual extension is kept.
func shorten(name string, n int) string {
	if len(name) <= n {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 10 {
		ext = ""
	}
	stem := name[:n-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return strings.TrimRight(stem, ". ") + ext
}

// safePath makes a relative path of safe names. Parts that lead up or nowhere
// are dropped; so are the outer folders of a path that is too long.
func safePath(p string) string {
	var parts []string
	for _, s := range strings.Split(strings.ReplaceAll(p, `\`, "/"), "/") {
		if s == "" || s == "." || s == ".." {
			continue
		}
		parts = append(parts, SafeName(s))
	}
	if len(parts) == 0 {
		return "file"
	}
	for len(parts) > 1 && utf8.RuneCountInString(strings.Join(parts, "/")) > pathRunes {
		parts = parts[1:]
	}
	return strings.Join(parts, "/")
}
