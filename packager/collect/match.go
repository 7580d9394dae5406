package collect

import (
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"dossier/packager"
)

// byName says that a word of the file's name decided.
const byName = "name"

// words are what in a file's name means one paper or one backup.
type words struct {
	id             string
	match, exclude []string
}

// Candidate is a paper that a file's name may mean.
type Candidate struct {
	ID   string
	Word string // the word of the name
}

// place gives a role to the files that case.yaml does not name.
func (s *search) place(rs *packager.RuleSet) {
	stated := map[string]bool{} // ids that case.yaml answers itself
	for _, f := range s.files {
		for _, u := range f.uses {
			for _, id := range u.ids {
				stated[string(u.role)+" "+id] = true
			}
		}
	}
	vocabulary := map[packager.Role][]words{
		packager.RoleMaterial: materialWords(rs),
		packager.RoleBackup:   backupWords(rs),
	}
	asked := askedPapers(rs)
	for _, f := range s.ordered() {
		if len(f.uses) > 0 {
			continue
		}
		role := packager.RoleMaterial
		if within(f.path, BackupsDir) {
			role = packager.RoleBackup
		}
		fits := prefer(fit(f.path, vocabulary[role]), asked)
		switch {
		case len(fits) == 0:
			f.unplaced()
			s.find("FILE_UNPLACED", packager.Info, f.path, "", packager.Position{}, nil)
		case len(fits) > 1 && !bothSides(fits):
			f.unplaced()
			s.find("MATCH_AMBIGUOUS", packager.Warn, f.path, "", packager.Position{}, packager.Args{"candidates": strings.Join(idsOf(fits), ", "), "word": fits[0].Word})
		case stated[string(role)+" "+fits[0].ID]:
			f.unplaced()
			s.find("MATCH_ALREADY_NAMED", packager.Info, f.path, fits[0].ID, packager.Position{}, packager.Args{"id": fits[0].ID})
		default:
			f.add(use{role, idsOf(fits), packager.Match{By: byName, Word: fits[0].Word}})
		}
	}
}

// several says where more files came to one paper by their names than the
// case asks for: an older copy may be among them.
func (s *search) several(rs *packager.RuleSet) {
	several := map[string][]string{} // id → files that came to it by name
	for _, f := range s.ordered() {
		for _, u := range f.uses {
			if u.role == packager.RoleMaterial && u.match.By == byName {
				for _, id := range u.ids {
					several[id] = append(several[id], f.path)
				}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(several)) {
		if files := several[id]; len(files) > most(rs, id) {
			s.find("MATCH_SEVERAL", packager.Warn, files[0], id, packager.Position{}, packager.Args{"id": id, "files": strings.Join(files, ", ")})
		}
	}
}

func (f *file) unplaced() { f.uses = []use{{role: packager.RoleUnplaced}} }

func idsOf(cs []Candidate) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.ID
	}
	return out
}

// bothSides reports whether one word means the two sides of one card
// (身份证正反面): such a file stands under both ids.
func bothSides(cs []Candidate) bool {
	if len(cs) != 2 || fold(cs[0].Word) != fold(cs[1].Word) {
		return false
	}
	a, b := cs[0].ID, cs[1].ID // candidates are in order of id: emblem, portrait
	return strings.HasSuffix(a, "_emblem") && strings.TrimSuffix(a, "emblem") == strings.TrimSuffix(b, "portrait")
}

// most returns how many files the requirements ask for under a paper's id.
func most(rs *packager.RuleSet, id string) int {
	n := 1
	for _, r := range rs.Requirements {
		if slices.Contains(r.AnyOf, id) {
			n = max(n, r.Min)
		}
	}
	return n
}

// materialWords are those of the catalogue.
func materialWords(rs *packager.RuleSet) []words {
	var out []words
	for _, id := range slices.Sorted(maps.Keys(rs.Catalogue)) {
		m := rs.Catalogue[id]
		out = append(out, words{id, append([]string{id}, m.Match...), m.Exclude})
	}
	return out
}

// askedPapers are the papers that the requirements of this case name.
func askedPapers(rs *packager.RuleSet) map[string]bool {
	asked := map[string]bool{}
	for _, r := range rs.Requirements {
		for _, id := range r.AnyOf {
			asked[id] = true
		}
	}
	return asked
}

// prefer leaves, of several candidates, those that the case asks for.
func prefer(fits []Candidate, asked map[string]bool) []Candidate {
	var out []Candidate
	for _, c := range fits {
		if asked[c.ID] {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return fits
	}
	return out
}

// backupWords are the ids and the titles of the backup requirements.
func backupWords(rs *packager.RuleSet) []words {
	var out []words
	for _, r := range rs.Requirements {
		if r.Kind != packager.KindBackup {
			continue
		}
		w := words{id: r.ID, match: []string{r.ID, r.Title.ZH, r.Title.EN}}
		if m, ok := rs.Catalogue[r.ID]; ok {
			w.match, w.exclude = append(w.match, m.Match...), m.Exclude
		}
		out = append(out, w)
	}
	return out
}

// fit returns the papers that a path may mean: those with the longest word in
// the file's name, or, where its name says nothing, in the names of its
// folders. Several candidates are an ambiguity.
func fit(p string, vocabulary []words) []Candidate {
	name := strings.TrimSuffix(path.Base(p), path.Ext(p))
	if c := longest(fold(name), vocabulary); len(c) > 0 {
		return c
	}
	_, folders, _ := strings.Cut(path.Dir(p), "/") // without materials/ or backups/
	return longest(fold(folders), vocabulary)
}

func longest(name string, vocabulary []words) []Candidate {
	var best []Candidate
	length := 0
	for _, w := range vocabulary {
		if slices.ContainsFunc(w.exclude, func(x string) bool { return contains(name, x) }) {
			continue
		}
		for _, m := range w.match {
			if !contains(name, m) {
				continue
			}
			n := len([]rune(fold(m)))
			if n > length {
				best, length = best[:0], n
			}
			if n == length && !slices.ContainsFunc(best, func(c Candidate) bool { return c.ID == w.id }) {
				best = append(best, Candidate{w.id, m})
			}
		}
	}
	return best
}

func contains(name, word string) bool {
	word = fold(word)
	return word != "" && strings.Contains(name, word)
}

// fold makes names comparable: NFKC (full-width letters become ASCII), lower
// case, without blanks and punctuation.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsSymbol(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(s))
}
