// Package collect is the first step: it finds every file of a case, says what
// each one is for and why, and takes its digest. It changes nothing: the bytes
// that a person brought are kept as they are. Import brings files into a case
// from folders, archives and stores.
package collect

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dossier/packager"
)

// The folders of a case that hold files of the applicant.
const (
	MaterialsDir = "materials"
	BackupsDir   = "backups"
)

// Collect returns every file of the case with its digest: what case.yaml names
// (materials, evidence of facts, backups, consent), and every other file under
// materials/ and backups/, which is placed by the words of its name. Each file
// is read once; digests are taken on all cores with flat memory.
//
// A path that is used for two roles (a material that is also the evidence of a
// fact) stands there once for each role. The same bytes under two paths are
// one material, unless the two stand for different requirements: those stay
// apart, so that check can say so.
//
// What is wrong with a file is a finding. The error is a cancelled context or
// a case folder that cannot be read.
func Collect(ctx context.Context, c *packager.Case, rs *packager.RuleSet, obs packager.Observer) (*packager.Collection, error) {
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return nil, &packager.Fault{Class: packager.ClassConfig, Code: "CASE_FOLDER_UNREADABLE", Args: packager.Args{"path": c.Dir}, Err: err}
	}
	defer root.Close()

	s := &search{root: root, dir: c.Dir, files: map[string]*file{}}
	if err := s.walk(ctx); err != nil {
		return nil, err
	}
	s.named(c, rs)
	s.place(rs)
	if err := s.digest(ctx, obs); err != nil {
		return nil, err
	}
	s.merge()
	s.several(rs)
	slices.SortStableFunc(s.findings, func(a, b packager.Finding) int {
		return cmp.Or(cmp.Compare(a.Material, b.Material), cmp.Compare(a.Code, b.Code))
	})
	return &packager.Collection{Case: c, Rules: rs, Materials: s.materials(), Findings: s.findings}, nil
}

// file is one path of the case while it is being collected.
type file struct {
	path   string // as it is shown: UTF-8, NFC
	raw    string // as it is on disk, relative to the case folder, slash-separated
	stat   os.FileInfo
	uses   []use
	sum    string
	failed bool // its digest could not be taken
}

// use is one role of a file.
type use struct {
	role  packager.Role
	ids   []string
	match packager.Match
}

type search struct {
	root     *os.Root
	dir      string
	files    map[string]*file // by path
	findings []packager.Finding
}

func (s *search) find(code string, sev packager.Severity, path, requirement string, pos packager.Position, args packager.Args) {
	if args == nil {
		args = packager.Args{}
	}
	if path != "" {
		args["path"] = path
	}
	s.findings = append(s.findings, packager.Finding{
		Code: code, Severity: sev, Material: path, Requirement: requirement, Pos: pos, Args: args,
	})
}

// ordered returns the files in order of path.
func (s *search) ordered() []*file {
	out := make([]*file, 0, len(s.files))
	for _, p := range slices.Sorted(maps.Keys(s.files)) {
		out = append(out, s.files[p])
	}
	return out
}

func (s *search) materials() []packager.Material {
	var out []packager.Material
	for _, f := range s.ordered() {
		if f.failed {
			continue
		}
		for _, u := range f.uses {
			out = append(out, packager.Material{
				Path:    f.path,
				Abs:     filepath.Join(s.dir, filepath.FromSlash(f.raw)),
				IDs:     u.ids,
				Role:    u.role,
				Matched: u.match,
				SHA256:  f.sum,
				Bytes:   f.stat.Size(),
				ModTime: f.stat.ModTime(),
			})
		}
	}
	return out
}

// add records a use of the file. Two uses in one role are one use with the
// ids of both.
func (f *file) add(u use) {
	for i := range f.uses {
		if f.uses[i].role == u.role {
			f.uses[i].ids = union(f.uses[i].ids, u.ids)
			return
		}
	}
	f.uses = append(f.uses, u)
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// within reports whether path is in the folder dir of the case.
func within(path, dir string) bool { return strings.HasPrefix(path, dir+"/") }
