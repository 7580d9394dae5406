package app

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"dossier/cmd/internal/config"
	"dossier/packager"
	"dossier/packager/identity"
	"dossier/packager/inspect"
)

// timesAsked is how often a person is asked for the password of one PDF.
const timesAsked = 3

// passwords of PDFs: those that were given, and those that a person types. They
// live as long as the program and go nowhere but to the reader of the file.
type passwords struct {
	lines []string // of the file and the variable
	typed []string
	ask   func(question string, args packager.Args) (string, error) // nil: nobody is asked
	known []string                                                  // for the file at hand
	asked int
}

// pdfPasswords gives the passwords of PDFs: those of --pdf-passwords and
// DOSSIER_PDF_PASSWORD first, then what a person types, where one may be asked.
func (a *App) pdfPasswords() (inspect.Passwords, error) {
	p := &passwords{}
	if file := a.Config.PDFPasswords; file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, &packager.Fault{Class: packager.ClassConfig, Code: "PDF_PASSWORDS_FILE", Args: packager.Args{"file": file}, Err: err}
		}
		for line := range strings.Lines(strings.TrimPrefix(string(b), "\ufeff")) {
			if line = strings.TrimRight(line, "\r\n"); line != "" && !strings.HasPrefix(line, "# ") {
				p.lines = append(p.lines, line)
			}
		}
	}
	if v := config.Getenv(a.Config.Env, "DOSSIER_PDF_PASSWORD"); v != "" {
		p.lines = append(p.lines, v)
	}
	if a.Ask != nil && a.AskPDF {
		p.ask = func(question string, args packager.Args) (string, error) { return a.Ask(a.Words.Text(question, args)) }
	}
	return p.next, nil
}

// next is an inspect.Passwords.
func (p *passwords) next(m packager.Material, wrong int) (packager.Secret, bool) {
	if wrong == 0 {
		p.known, p.asked = p.knownFor(m), 0
	}
	if wrong < len(p.known) {
		return packager.Secret(p.known[wrong]), true
	}
	if p.ask == nil || p.asked == timesAsked {
		return "", false
	}
	question := "ask.pdf-password"
	if p.asked > 0 {
		question = "ask.pdf-password.again"
	}
	p.asked++
	typed, err := p.ask(question, packager.Args{"file": identity.MaskIDs(cmp.Or(m.Path, filepath.Base(m.Abs)))})
	if err != nil || typed == "" {
		return "", false
	}
	if !slices.Contains(p.typed, typed) {
		p.typed = append(p.typed, typed)
	}
	return packager.Secret(typed), true
}

// knownFor are the passwords to try on a file: those given for it, then those
// given for any, then those that opened (or did not open) another.
func (p *passwords) knownFor(m packager.Material) []string {
	var own, any []string
	for _, line := range p.lines {
		name, rest := divide(line)
		switch {
		case rest != "" && names(name, m):
			own = append(own, rest)
		case rest != "" && namesAnother.MatchString(name):
		default:
			any = append(any, line)
		}
	}
	all := slices.Concat(own, any, p.typed)
	var out []string
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// divide cuts a line at its first colon, which may be a Chinese one.
func divide(line string) (name, rest string) {
	i := strings.IndexAny(line, ":：")
	if i < 0 {
		return "", ""
	}
	name, rest = line[:i], strings.TrimPrefix(strings.TrimPrefix(line[i:], ":"), "：")
	return strings.TrimSpace(name), strings.TrimLeft(rest, " \t")
}

// namesAnother are words before a colon that can only be a file's: a line that
// has none there is a password with a colon in it.
var namesAnother = regexp.MustCompile(`(?i)\.pdf$|^[0-9a-f]{8,64}$`)

// names reports whether a word means a file: its path, its name with or without
// the extension, or at least eight digits of its SHA-256.
func names(word string, m packager.Material) bool {
	word = norm.NFC.String(word)
	p := norm.NFC.String(cmp.Or(m.Path, filepath.ToSlash(m.Abs)))
	base := path.Base(p)
	return word == p || word == base || word == strings.TrimSuffix(base, path.Ext(base)) ||
		len(word) >= 8 && m.SHA256 != "" && strings.HasPrefix(m.SHA256, strings.ToLower(word))
}
