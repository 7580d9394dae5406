package pipeline

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"dossier/packager"
	"dossier/packager/compose/letter"
)

// LettersDir is the folder of a case for letters to print and seal.
const LettersDir = "letters"

// lettersName is the file in StateDir that remembers what was drafted.
const lettersName = "letters.json"

// letterBook is letters.json. It holds no value of the case: only keyed
// digests of them, by which it is seen later which one has changed.
type letterBook struct {
	Version int           `json:"version"` // 1
	Salt    string        `json:"salt"`    // hex, the key of the digests
	Drafts  []letterEntry `json:"drafts"`  // in order of time; one for each text
}

type letterEntry struct {
	Letter  string            `json:"letter"`
	Digest  string            `json:"digest"`
	Wording string            `json:"wording"`
	Pages   int               `json:"pages"`
	On      time.Time         `json:"on"`
	Path    string            `json:"path"`
	SHA256  string            `json:"sha256"`
	Values  map[string]string `json:"values"` // name → digest
}

func readLetterBook(caseDir string) (*letterBook, error) {
	b := &letterBook{Version: 1}
	file := filepath.Join(caseDir, StateDir, lettersName)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		salt := make([]byte, 16)
		rand.Read(salt) // never fails
		b.Salt = hex.EncodeToString(salt)
		return b, nil
	}
	if err == nil {
		err = json.Unmarshal(text, b)
	}
	if err != nil {
		return nil, &packager.Fault{Class: packager.ClassConfig, Code: "LETTERS_RECORD_DAMAGED", Args: packager.Args{"file": file}, Err: err}
	}
	return b, nil
}

func (b *letterBook) digests(d *letter.Draft) map[string]string {
	out := map[string]string{}
	for _, v := range d.Values {
		h := hmac.New(sha256.New, []byte(b.Salt))
		h.Write([]byte(v.Name + "\n" + v.Text))
		out[v.Name] = hex.EncodeToString(h.Sum(nil)[:8])
	}
	return out
}

// drafts are the entries of a letter, with what has changed since each.
func (b *letterBook) drafts(d *letter.Draft) []packager.LetterDraft {
	today := b.digests(d)
	var out []packager.LetterDraft
	for _, e := range b.Drafts {
		if e.Letter != d.ID {
			continue
		}
		x := packager.LetterDraft{Digest: e.Digest, Wording: e.Wording, Pages: e.Pages, On: e.On, Path: e.Path, SHA256: e.SHA256}
		for _, v := range d.Values {
			if was, ok := e.Values[v.Name]; ok && was != today[v.Name] && e.Digest != d.Digest {
				x.Changed = append(x.Changed, v.Label)
				x.Grave = x.Grave || v.Grave
			}
		}
		out = append(out, x)
	}
	return out
}

func (b *letterBook) add(e letterEntry) {
	b.Drafts = slices.DeleteFunc(b.Drafts, func(o letterEntry) bool { return o.Letter == e.Letter && o.Digest == e.Digest })
	b.Drafts = append(b.Drafts, e)
}

// letters are the letters of a case: as drafted before and as of today.
func (p *Pipeline) letters(c *packager.Case, rs *packager.RuleSet) ([]packager.Letter, error) {
	if p.Letters == nil {
		return nil, nil
	}
	drafts, err := p.Letters.For(c, rs)
	if err != nil {
		return nil, err
	}
	book, err := readLetterBook(c.Dir)
	if err != nil {
		return nil, err
	}
	out := make([]packager.Letter, len(drafts))
	for i, d := range drafts {
		out[i] = packager.Letter{
			ID: d.ID, Answers: d.Answers, Name: d.Name, Person: d.Person, Needed: d.Needed,
			Digest: d.Digest, Wording: d.Wording, Drafts: book.drafts(d),
		}
	}
	return out, nil
}

// recognise puts files that nothing else has placed under the paper that the
// code in their foot names: the letters of this very case.
func recognise(in *packager.Inspection) *packager.Inspection {
	out := *in
	out.Files = slices.Clone(in.Files)
	placed := map[string]bool{}
	for i := range out.Files {
		f := &out.Files[i]
		if f.Role != packager.RoleUnplaced {
			continue
		}
		for _, code := range f.QR {
			m, ok := packager.ParseLetterMark(code)
			if l := letterOf(in.Letters, m.Letter); ok && m.Case == in.Case.ID && l != nil {
				f.Role, f.IDs = packager.RoleMaterial, []string{l.Answers}
				if _, paper := in.Rules.Catalogue[l.Answers]; !paper {
					f.Role = packager.RoleConsent // kept, and out of the bundle
				}
				f.Matched = packager.Match{By: "content", Word: m.Letter}
				placed[f.Path] = true
				break
			}
		}
	}
	out.Findings = slices.DeleteFunc(slices.Clone(in.Findings), func(f packager.Finding) bool {
		return placed[f.Material] && f.Code == "FILE_UNPLACED"
	})
	return &out
}

func letterOf(letters []packager.Letter, id string) *packager.Letter {
	for i := range letters {
		if letters[i].ID == id {
			return &letters[i]
		}
	}
	return nil
}

// LetterState says how far a letter has come.
type LetterState string

const (
	LetterOpen     LetterState = "open"     // needed and not drafted
	LetterOut      LetterState = "out"      // drafted, not back yet
	LetterStale    LetterState = "stale"    // drafted, not back, and the case says something else now
	LetterReturned LetterState = "returned" // a signed paper is among the materials
)

// LetterStatus is one letter on its way.
type LetterStatus struct {
	Letter   packager.Letter
	State    LetterState
	Drafted  *packager.LetterDraft // the last draft, or nil
	Returned []string              // files that came back
}

// Letters says how far the letters of a case are: those that it needs, and
// those that were drafted all the same. A letter that was never brought back
// because another paper answers for it is not among them.
func Letters(r *packager.Report) []LetterStatus {
	var out []LetterStatus
	taken := map[string]bool{}
	for _, l := range r.Letters {
		s := LetterStatus{Letter: l, State: LetterOpen, Returned: returned(r, l, taken)}
		if n := len(l.Drafts); n > 0 {
			s.Drafted = &l.Drafts[n-1]
		}
		switch {
		case len(s.Returned) > 0 || consented(r.Case, l):
			s.State = LetterReturned
		case s.Drafted != nil && s.Drafted.Digest == l.Digest:
			s.State = LetterOut
		case s.Drafted != nil:
			s.State = LetterStale
		}
		if s.State == LetterReturned || (l.Needed || s.Drafted != nil) && !answered(r, l) {
			out = append(out, s)
		}
	}
	return out
}

// returned are the files that a letter came back as: by the code in their
// foot, else by the paper that they stand for. Each file is counted once, and
// the PDF that was drafted is no signed paper.
func returned(r *packager.Report, l packager.Letter, taken map[string]bool) []string {
	var marked, others []string
	for _, f := range r.Files {
		if f.Role == packager.RoleUnplaced || f.Role == packager.RoleBackup || !slices.Contains(f.IDs, l.Answers) || isDraft(r.Letters, f) {
			continue
		}
		mine, theirs := false, false
		for _, code := range f.QR {
			if m, ok := packager.ParseLetterMark(code); ok {
				mine = mine || m.Case == r.Case.ID && m.Letter == l.ID
				theirs = theirs || m.Letter != l.ID
			}
		}
		switch {
		case mine:
			marked = append(marked, f.Path)
		case !theirs && !taken[f.Path]:
			others = append(others, f.Path)
		}
	}
	if len(marked) == 0 && len(others) > 0 {
		marked = others
		if l.ID != l.Answers { // one of several: one file each
			marked = others[:1]
		}
	}
	for _, p := range marked {
		taken[p] = true
	}
	return marked
}

// answered reports whether everything that asks for the letter is satisfied by
// something else: another paper that will do, or a fact.
func answered(r *packager.Report, l packager.Letter) bool {
	asked := false
	for _, v := range r.Requirements {
		if v.ID != l.Answers && !slices.Contains(v.AnyOf, l.Answers) {
			continue
		}
		asked = true
		draft := slices.ContainsFunc(r.Files, func(f packager.Inspected) bool {
			return slices.Contains(v.Materials, f.Path) && isDraft(r.Letters, f)
		})
		if !v.Satisfied || draft {
			return false
		}
	}
	return asked
}

func isDraft(letters []packager.Letter, f packager.Inspected) bool {
	for _, l := range letters {
		for _, d := range l.Drafts {
			if d.SHA256 == f.SHA256 {
				return true
			}
		}
	}
	return false
}

func consented(c *packager.Case, l packager.Letter) bool {
	return l.Person != "" && slices.ContainsFunc(c.Consent, func(k packager.Consent) bool { return k.Person == l.Person })
}

func letterPath(d *letter.Draft) string { return path.Join(LettersDir, d.File()) }
