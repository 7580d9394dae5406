package packager

import (
	"strconv"
	"strings"
	"time"
)

// LetterMark is what the QR code in the foot of a drafted letter says, so that
// a sealed scan is recognised when it comes back:
//
//	DOSSIER1:<case>:<letter>:<digest>:<wording>:<page>/<pages>
//
// It holds no name and no number of a person.
type LetterMark struct {
	Case    string
	Letter  string // Letter.ID
	Digest  string // first 12 hex digits of the SHA-256 of the letter's text
	Wording string // first 6 hex digits of the SHA-256 of the wording
	Page    int    // from 1
	Pages   int
}

const letterMarkPrefix = "DOSSIER1:"

func (m LetterMark) String() string {
	return letterMarkPrefix + strings.Join([]string{m.Case, m.Letter, m.Digest, m.Wording}, ":") +
		":" + strconv.Itoa(m.Page) + "/" + strconv.Itoa(m.Pages)
}

// ParseLetterMark reads the content of a QR code; false means that it is not
// one of ours.
func ParseLetterMark(s string) (LetterMark, bool) {
	rest, ours := strings.CutPrefix(s, letterMarkPrefix)
	f := strings.Split(rest, ":")
	if !ours || len(f) != 5 || len(s) > 300 {
		return LetterMark{}, false
	}
	page, pages, _ := strings.Cut(f[4], "/")
	m := LetterMark{Case: f[0], Letter: f[1], Digest: f[2], Wording: f[3]}
	var err1, err2 error
	m.Page, err1 = strconv.Atoi(page)
	m.Pages, err2 = strconv.Atoi(pages)
	ok := err1 == nil && err2 == nil && m.Page >= 1 && m.Page <= m.Pages && m.Pages < 1000 &&
		m.Case != "" && m.Letter != "" && m.Digest != "" && m.String() == s
	return m, ok
}

// Letter is one letter of a case: as it would be drafted today, and as it was
// drafted before.
type Letter struct {
	ID      string // wording, and behind a dash whose or which one: consent-employee
	Answers string // id of the paper or requirement that it answers
	Name    Text
	Person  string // whose consent it is, or ""
	Needed  bool   // the case asks for it
	Digest  string // of today's text, as in LetterMark
	Wording string // of today's wording, as in LetterMark
	Drafts  []LetterDraft
}

// LetterDraft is a letter as it was drafted once.
type LetterDraft struct {
	Digest  string
	Wording string
	Pages   int
	On      time.Time
	Path    string // in the case
	SHA256  string // of the PDF, hex
	// Changed are the values of the case, printed in the letter, that are
	// others today. Grave: one of them says who applies or about which account.
	Changed []Text
	Grave   bool
}
