package check

import (
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
)

// letters holds the letters that came back, known by the code in their foot,
// against what the case says today.
func (c *checker) letters() {
	seen := map[packager.LetterMark]bool{} // pages that are there
	for i := range c.in.Files {
		f := &c.in.Files[i]
		if f.Role == packager.RoleBackup {
			continue
		}
		said := map[string]bool{} // one word for each letter in a file
		for _, code := range f.QR {
			m, ok := packager.ParseLetterMark(code)
			if !ok {
				continue
			}
			seen[m] = true
			m.Page, m.Pages = 0, 0
			if !said[m.String()] {
				said[m.String()] = true
				c.returned(f, m)
			}
		}
	}
	c.letterPages(seen)
}

// returned judges one letter in one file.
func (c *checker) returned(f *packager.Inspected, m packager.LetterMark) {
	l := c.letterOf(m.Letter)
	id, name := m.Letter, packager.Text{ZH: m.Letter, EN: m.Letter}
	if l != nil {
		id, name = l.Answers, l.Name
	}
	say := func(code string, sev packager.Severity, args packager.Args) {
		if args == nil {
			args = packager.Args{}
		}
		args["letter_zh"], args["letter_en"], args["path"] = name.ZH, name.EN, f.Path
		x := c.about(code, sev, id, args)
		x.Material = f.Path
		c.say(x)
	}
	block := packager.Warn // a file that stands for nothing stops nothing
	if f.Role == packager.RoleMaterial && len(f.IDs) > 0 {
		block = c.formal(f.IDs[0], packager.Block)
	}
	switch {
	case m.Case != c.kase.ID:
		say("LETTER_OTHER_CASE", block, packager.Args{"case": m.Case, "this": c.kase.ID})
		return
	case l == nil:
		say("LETTER_WORDING_CHANGED", packager.Info, nil)
		return
	case f.Role == packager.RoleMaterial && len(f.IDs) > 0 && !slices.Contains(f.IDs, l.Answers):
		say("LETTER_OTHER_PAPER", block, c.paperArgs(f.IDs[0], nil))
		return
	}
	draft := draftOf(l, m.Digest)
	if draft != nil && draft.SHA256 == f.SHA256 {
		say("LETTER_NOT_SEALED", block, nil)
		return
	}
	switch {
	case m.Digest == l.Digest:
		say("LETTER_RECOGNISED", packager.Info, nil)
	case draft != nil && len(draft.Changed) > 0:
		sev := packager.Warn
		if draft.Grave {
			sev = block
		}
		zh, en := make([]string, len(draft.Changed)), make([]string, len(draft.Changed))
		for i, t := range draft.Changed {
			zh[i], en[i] = t.ZH, t.EN
		}
		say("LETTER_CASE_CHANGED", sev, packager.Args{"what_zh": strings.Join(zh, "、"), "what_en": strings.Join(en, ", "), "date": packager.DayOf(draft.On).String()})
	case draft != nil && draft.Wording != l.Wording:
		say("LETTER_WORDING_CHANGED", packager.Info, nil)
	default: // drafted elsewhere: it is not known what has changed
		say("LETTER_DIFFERS", packager.Warn, nil)
	}
}

// letterPages says which pages of a letter did not come back.
func (c *checker) letterPages(seen map[packager.LetterMark]bool) {
	for i := range c.in.Letters {
		l := &c.in.Letters[i]
		texts := map[string]packager.LetterMark{} // the texts of which a page is there
		for m := range seen {
			if m.Case == c.kase.ID && m.Letter == l.ID && m.Pages > 1 {
				texts[m.Digest] = m
			}
		}
		if len(texts) != 1 { // pages of several texts are said to differ already
			continue
		}
		for _, m := range texts {
			var missing []string
			for m.Page = 1; m.Page <= m.Pages; m.Page++ {
				if !seen[m] {
					missing = append(missing, strconv.Itoa(m.Page))
				}
			}
			if len(missing) > 0 {
				c.say(c.about("LETTER_PAGES_MISSING", packager.Warn, l.Answers, packager.Args{
					"letter_zh": l.Name.ZH, "letter_en": l.Name.EN, "missing": strings.Join(missing, ", "), "pages": strconv.Itoa(m.Pages),
				}))
			}
		}
	}
}

func (c *checker) letterOf(id string) *packager.Letter {
	for i := range c.in.Letters {
		if c.in.Letters[i].ID == id {
			return &c.in.Letters[i]
		}
	}
	return nil
}

func draftOf(l *packager.Letter, digest string) *packager.LetterDraft {
	for i := range l.Drafts {
		if l.Drafts[i].Digest == digest {
			return &l.Drafts[i]
		}
	}
	return nil
}
