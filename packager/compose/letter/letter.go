// Package letter drafts the letters of a case: wordings that people can
// replace, filled from the case and set after GB/T 9704-2012 (the standard for
// official papers) as far as its fonts are at hand, to be printed, signed by
// hand, sealed, scanned and brought back.
//
// A letter depends on the case, the rule set and the wording alone, never on
// the day or on what lies in the case folder, so that the same case gives the
// same text: its digest in the foot's QR code tells whether a scan that comes
// back still says what the case says.
package letter

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dossier/packager"
)

// Dir is the folder of the shipped wordings.
const Dir = "letters"

// ext is what the file of a wording ends in.
const ext = ".txt"

// Library is the set of wordings that letters are drafted from.
type Library struct {
	wordings []*wording // in order of id
}

// Source is a folder of wordings. Name is what positions call it.
type Source struct {
	FS   fs.FS
	Name string
}

// Load reads the wordings of each source; a later one takes the place of an
// earlier one of the same name. Every mistake in them comes back at once, as
// packager.Diagnostics.
func Load(sources ...Source) (*Library, error) {
	byID := map[string]*wording{}
	var found packager.Diagnostics
	for _, s := range sources {
		names, err := fs.Glob(s.FS, "*"+ext)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := fs.ReadFile(s.FS, name)
			if err != nil {
				return nil, &packager.Fault{Class: packager.ClassConfig, Code: "LETTER_WORDING_UNREADABLE", Args: packager.Args{"file": path.Join(s.Name, name)}, Err: err}
			}
			w, mistakes := readWording(path.Join(s.Name, name), text)
			found = append(found, mistakes...)
			byID[w.id] = w
		}
	}
	if len(found) > 0 {
		return nil, found
	}
	l := &Library{}
	for _, w := range byID {
		l.wordings = append(l.wordings, w)
	}
	slices.SortFunc(l.wordings, func(a, b *wording) int { return strings.Compare(a.id, b.id) })
	return l, nil
}

// Draft is one letter, filled for a case.
type Draft struct {
	ID      string // wording, and behind a dash whose or which one
	Answers string
	Name    packager.Text
	Person  string // whose consent it is, or ""
	Needed  bool
	Digest  string // first 12 hex digits of the SHA-256 of the text
	Wording string // first 6 hex digits of the SHA-256 of the wording
	Values  []Value

	caseID string
	blocks []block
}

// Value is one value of the case that a letter prints.
type Value struct {
	Name  string // account.id
	Text  string // may be an identity number: not for a log
	Label packager.Text
	Grave bool // says who applies or about which account
}

// File is the name of the letter's PDF. It holds no name of a person.
func (d *Draft) File() string { return d.Name.ZH + ".pdf" }

// Text is what the letter says, one block a line.
func (d *Draft) Text() string {
	var b strings.Builder
	for _, x := range d.blocks {
		b.WriteString(x.String() + "\n")
	}
	return b.String()
}

// Title is the heading of the letter.
func (d *Draft) Title() string {
	t := ""
	for _, x := range d.blocks {
		if x.kind == title {
			t += x.text
		}
	}
	return t
}

func (d *Draft) seal() {
	d.Digest = digest(d.Text())[:12]
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func (d *Draft) mark(page, pages int) string {
	return packager.LetterMark{Case: d.caseID, Letter: d.ID, Digest: d.Digest, Wording: d.Wording, Page: page, Pages: pages}.String()
}

// For drafts every letter that the case needs or can be given: those that a
// requirement of the rule set asks for (Needed), and the rest of the library.
func (l *Library) For(c *packager.Case, rs *packager.RuleSet) ([]*Draft, error) {
	var out []*Draft
	for _, w := range l.wordings {
		for _, i := range w.instances(c, rs) {
			d, err := w.fill(c, rs, i)
			if err != nil {
				return nil, err
			}
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b *Draft) int { return place(rs, a) - place(rs, b) })
	return out, nil
}

// place is where a letter stands in the bundle; letters that stay out of it
// come last.
func place(rs *packager.RuleSet, d *Draft) int {
	m, ok := rs.Catalogue[d.Answers]
	if !ok {
		return 9000
	}
	parts := []string{"letter", "authorisation", "licence", "identity", "ownership", "settlement", "special"}
	return 1000*slices.Index(parts, m.Part) + m.Order
}
