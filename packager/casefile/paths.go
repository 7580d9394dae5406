package casefile

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"dossier/packager"
)

var drive = regexp.MustCompile(`^[A-Za-z]:`)

// paths checks the paths that a field lists and returns them in their shortest
// form. They are slash-separated, below the case folder, and mean the same on
// every system.
func (r *reader) paths(field string, list []string) []string {
	all := make([]string, 0, len(list))
	for i, p := range list {
		at := field
		if item := field + "." + strconv.Itoa(i); r.doc.Has(item) {
			at = item
		}
		if code, suggestion := badPath(p); code != "" {
			r.report(code, at, packager.Args{"file": p}, suggestion)
			continue
		}
		all = append(all, path.Clean(p))
	}
	return all
}

// badPath says what is wrong with a path ("" if nothing) and what may have
// been meant.
func badPath(p string) (code, suggestion string) {
	switch {
	case strings.TrimSpace(p) == "":
		return "CASE_PATH_EMPTY", ""
	case strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "CASE_PATH_CHARACTER", ""
	case drive.MatchString(p), strings.HasPrefix(p, "/"), strings.HasPrefix(p, `\`), strings.HasPrefix(p, "~/"):
		return "CASE_PATH_ABSOLUTE", ""
	case strings.Contains(p, `\`):
		slashed := strings.ReplaceAll(p, `\`, "/")
		if code, _ := badPath(slashed); code != "" {
			return code, ""
		}
		return "CASE_PATH_BACKSLASH", slashed
	}
	clean := path.Clean(p)
	switch {
	case clean == "..", strings.HasPrefix(clean, "../"):
		return "CASE_PATH_OUTSIDE", ""
	case clean == ".", strings.HasSuffix(p, "/"):
		return "CASE_PATH_FOLDER", ""
	}
	return "", ""
}
