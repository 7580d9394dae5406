package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dossier/packager"
	"dossier/packager/compose/letter"
)

// Drafted is one letter that Draft looked after.
type Drafted struct {
	LetterStatus
	File  string // path of the PDF in the case; "" where none was made
	Pages int
	Made  bool // now; else it lay there already, or has come back
	Title string
}

// Draft writes letters as PDFs into the case's letters folder, to be printed,
// signed, sealed, scanned and brought back, and remembers what was drafted.
// ids are letters, or wordings of which every copy is meant; without them all
// that the case needs and that have neither come back nor lie there as they
// would be written today.
func (p *Pipeline) Draft(ctx context.Context, c *packager.Case, day packager.Day, ids []string) ([]Drafted, error) {
	report, err := p.Check(ctx, c, day)
	if err != nil {
		return nil, err
	}
	drafts, err := p.Letters.For(c, report.Rules)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(drafts, ids)
	if err != nil {
		return nil, err
	}
	b, err := newState(c.Dir, p)
	if err != nil {
		return nil, err
	}
	defer b.clear()
	book, err := readLetterBook(c.Dir)
	if err != nil {
		return nil, err
	}
	states := Letters(report)
	var out []Drafted
	for _, d := range chosen {
		i := slices.IndexFunc(states, func(s LetterStatus) bool { return s.Letter.ID == d.ID })
		done := Drafted{Title: d.Title()}
		switch {
		case i >= 0:
			done.LetterStatus = states[i]
		case len(ids) == 0: // answered by something else
			continue
		default:
			done.Letter = *letterOf(report.Letters, d.ID)
		}
		if len(ids) == 0 && p.settled(c, done) {
			done.File = drafted(done)
			out = append(out, done)
			continue
		}
		if err := ctx.Err(); err != nil {
			return out, err
		}
		entry, err := p.draft(c, d, day, book)
		if err != nil {
			return out, diskFault(err, filepath.Join(c.Dir, LettersDir))
		}
		if err := p.note(b.log, draftedEvent(c, report.Rules, entry)); err != nil {
			return out, err
		}
		done.File, done.Pages, done.Made = entry.Path, entry.Pages, true
		if done.State != LetterReturned {
			done.State = LetterOut
		}
		out = append(out, done)
	}
	return out, nil
}

// choose finds the letters that are asked for; without ids, the needed ones.
func choose(drafts []*letter.Draft, ids []string) ([]*letter.Draft, error) {
	var out []*letter.Draft
	if len(ids) == 0 {
		for _, d := range drafts {
			if d.Needed {
				out = append(out, d)
			}
		}
		return out, nil
	}
	for _, id := range ids {
		found := false
		for _, d := range drafts {
			wording, _, _ := strings.Cut(d.ID, "-")
			if id == d.ID || id == wording || id == d.Name.ZH {
				found = true
				if !slices.Contains(out, d) {
					out = append(out, d)
				}
			}
		}
		if !found {
			known := make([]string, len(drafts))
			for i, d := range drafts {
				known[i] = d.ID
			}
			return nil, &packager.Fault{Class: packager.ClassUsage, Code: "LETTER_UNKNOWN", Args: packager.Args{"name": id, "list": strings.Join(known, ", ")}}
		}
	}
	return out, nil
}

// settled reports whether there is nothing to do about a letter: it came back,
// or its PDF lies there and says what the case says.
func (p *Pipeline) settled(c *packager.Case, d Drafted) bool {
	if d.State == LetterReturned {
		return true
	}
	if d.State != LetterOut {
		return false
	}
	b, err := os.ReadFile(filepath.Join(c.Dir, filepath.FromSlash(d.Drafted.Path)))
	sum := sha256.Sum256(b)
	return err == nil && hex.EncodeToString(sum[:]) == d.Drafted.SHA256
}

func drafted(d Drafted) string {
	if d.Drafted == nil {
		return ""
	}
	return d.Drafted.Path
}

// draft writes one letter and remembers it.
func (p *Pipeline) draft(c *packager.Case, d *letter.Draft, day packager.Day, book *letterBook) (letterEntry, error) {
	var pdf bytes.Buffer
	pages, err := p.Press.Print(&pdf, d, day)
	if err != nil {
		return letterEntry{}, err
	}
	sum := sha256.Sum256(pdf.Bytes())
	e := letterEntry{
		Letter: d.ID, Digest: d.Digest, Wording: d.Wording, Pages: pages, On: p.Now().UTC(),
		Path: letterPath(d), SHA256: hex.EncodeToString(sum[:]), Values: book.digests(d),
	}
	file := filepath.Join(c.Dir, filepath.FromSlash(e.Path))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return e, err
	}
	if err := writeFile(file, pdf.Bytes()); err != nil {
		return e, err
	}
	book.add(e)
	text, err := json.MarshalIndent(book, "", "  ")
	if err != nil {
		return e, err
	}
	return e, writeFile(filepath.Join(c.Dir, StateDir, lettersName), append(text, '\n'))
}

func draftedEvent(c *packager.Case, rs *packager.RuleSet, e letterEntry) packager.Event {
	return packager.Event{
		What: "drafted", Case: c.ID, Rules: rs.Digest,
		Output: map[string]string{e.Path: e.SHA256},
		Data:   map[string]string{"letter": e.Letter, "text": e.Digest, "wording": e.Wording},
	}
}
