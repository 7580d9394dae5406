package collect

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"dossier/packager"
)

// byCase says that case.yaml names the file.
const byCase = "case"

// named adds what case.yaml names. A file that it names and that cannot be
// used blocks: the person meant it to be there.
func (s *search) named(c *packager.Case, rs *packager.RuleSet) {
	for _, id := range slices.Sorted(maps.Keys(c.Materials)) {
		for _, p := range c.Materials[id] {
			s.name(c, p, use{packager.RoleMaterial, []string{id}, packager.Match{By: byCase, Word: "materials." + id}}, "materials."+id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.Facts)) {
		for _, p := range c.Facts[id].Evidence {
			at := "facts." + id + ".evidence"
			s.name(c, p, use{packager.RoleEvidence, append([]string{id}, askedBy(rs, id)...), packager.Match{By: byCase, Word: at}}, at)
		}
	}
	for i, b := range c.Backups {
		for _, p := range b.Files {
			s.name(c, p, use{packager.RoleBackup, []string{b.Requirement}, packager.Match{By: byCase, Word: "backups." + b.Requirement}},
				"backups."+strconv.Itoa(i)+".files")
		}
	}
	for i, k := range c.Consent {
		for _, p := range k.Evidence {
			s.name(c, p, use{packager.RoleConsent, []string{"consent"}, packager.Match{By: byCase, Word: "consent"}},
				"consent."+strconv.Itoa(i)+".evidence")
		}
	}
}

// askedBy returns the requirements that read a fact.
func askedBy(rs *packager.RuleSet, fact string) []string {
	var ids []string
	for _, r := range rs.Requirements {
		if slices.Contains(r.Facts, fact) && r.ID != fact && !slices.Contains(ids, r.ID) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func (s *search) name(c *packager.Case, p string, u use, field string) {
	pos := position(c, field)
	raw, code := s.resolve(p)
	if code == "" {
		if f := s.files[shown(raw)]; f != nil && f.raw == raw {
			f.add(u)
			return
		}
	}
	var f *file
	if code == "" {
		f = &file{path: shown(raw), raw: raw}
		f.stat, code = s.look(raw)
	}
	if code == "" && f.stat.IsDir() {
		code = "FILE_IS_DIRECTORY"
	}
	if code != "" {
		s.find(code, packager.Block, p, u.ids[0], pos, packager.Args{"field": field})
		return
	}
	f.add(u)
	s.files[f.path] = f
}

// resolve finds a path of case.yaml on disk. A name that was typed in NFC may
// be there in NFD (a folder copied from a Mac), so segments are compared in NFC
// where the exact path is not there.
func (s *search) resolve(p string) (raw, code string) {
	clean := path.Clean(strings.ReplaceAll(p, `\`, "/"))
	if p == "" || clean == "." || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") || len(clean) > 1 && clean[1] == ':' {
		return "", "FILE_OUTSIDE_CASE"
	}
	if _, err := s.root.Lstat(clean); err == nil {
		return clean, ""
	}
	at := "."
	for _, want := range strings.Split(clean, "/") {
		next, ok := s.segment(at, want)
		if !ok {
			return clean, "" // look says what is wrong with it
		}
		at = path.Join(at, next)
	}
	return at, ""
}

// segment finds an entry of a folder whose name is want in NFC.
func (s *search) segment(dir, want string) (string, bool) {
	d, err := s.root.Open(dir)
	if err != nil {
		return "", false
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return "", false
	}
	slices.Sort(names)
	for _, n := range names {
		if shown(n) == norm.NFC.String(want) {
			return n, true
		}
	}
	return "", false
}

// position returns where a field, or the nearest one above it, stands.
func position(c *packager.Case, field string) packager.Position {
	for field != "" {
		if p, ok := c.Pos[field]; ok {
			return p
		}
		i := strings.LastIndexByte(field, '.')
		if i < 0 {
			break
		}
		field = field[:i]
	}
	return packager.Position{}
}
