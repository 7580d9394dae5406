// Package plan decides what goes into the bundle, in which order and under
// which number. It is pure: the same report gives the same plan.
package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"slices"
	"strings"

	"dossier/packager"
)

// parts is the order in which a reviewer expects the papers: what is asked,
// who may ask it, who they are, what is theirs, that all is settled.
var parts = []string{"letter", "authorisation", "licence", "identity", "ownership", "settlement", "special"}

// Options say what kind of bundle is wanted.
type Options struct {
	Tool     string // version of dossier
	Draft    bool   // every requirement that blocks becomes a gap with a page of its own
	MaxBytes int64  // largest size of the signed PDF; 0: no limit
	Replaces *Previous
}

// Previous is the bundle that is replaced after a refusal.
type Previous struct {
	Manifest packager.Manifest
	Reason   string // of the refusal, as the platform gave it
}

// New lays out the bundle of a report.
func New(r *packager.Report, o Options) *packager.Plan {
	p := &packager.Plan{
		Report:   r,
		Tool:     o.Tool,
		Items:    items(r),
		Backups:  backups(r),
		Draft:    o.Draft,
		MaxBytes: o.MaxBytes,
	}
	if o.Draft {
		p.Gaps = gaps(r)
	}
	if o.Replaces != nil {
		revise(p, o.Replaces)
	}
	p.BundleID = bundleID(p)
	return p
}

// items picks the files that answer a requirement or that case.yaml names,
// and no others: a bundle holds no more personal data than is asked for
// (PIPL art. 6).
func items(r *packager.Report) []packager.Item {
	asked := map[string][]packager.Requirement{} // material or fact id → requirements
	for _, q := range r.Requirements {
		for _, id := range slices.Concat([]string{q.ID}, q.AnyOf, q.Facts) {
			asked[id] = append(asked[id], q.Requirement)
		}
	}
	var out []packager.Item
	for _, f := range r.Files {
		if !f.Role.InBundle() {
			continue
		}
		it := packager.Item{File: f}
		for _, id := range f.IDs {
			for _, q := range asked[id] {
				if !slices.Contains(it.Requirements, q.ID) {
					it.Requirements = append(it.Requirements, q.ID)
				}
			}
		}
		if len(it.Requirements) == 0 && f.Matched.By != "case" {
			continue
		}
		it.Part, it.Title = placeOf(f, r, asked)
		out = append(out, it)
	}
	slices.SortStableFunc(out, func(a, b packager.Item) int {
		return cmp.Or(
			cmp.Compare(slices.Index(parts, a.Part), slices.Index(parts, b.Part)),
			cmp.Compare(orderOf(a, r), orderOf(b, r)),
			cmp.Compare(a.File.Path, b.File.Path),
		)
	})
	for i := range out {
		out[i].No = i + 1
	}
	return out
}

// placeOf gives the part of the bundle that a file stands in and its title: a
// picture of both sides of a card carries both names.
func placeOf(f packager.Inspected, r *packager.Report, asked map[string][]packager.Requirement) (string, packager.Text) {
	var titles []packager.Text
	part := ""
	ids := slices.Clone(f.IDs)
	slices.SortStableFunc(ids, func(a, b string) int {
		return cmp.Compare(r.Rules.Catalogue[a].Order, r.Rules.Catalogue[b].Order)
	})
	for _, id := range ids {
		if m, ok := r.Rules.Catalogue[id]; ok {
			titles = append(titles, m.Name)
			if part == "" {
				part = m.Part
			}
		}
	}
	if len(titles) == 0 {
		for _, id := range f.IDs {
			for _, q := range asked[id] {
				if !slices.Contains(titles, q.Title) {
					titles = append(titles, q.Title)
				}
			}
		}
	}
	if !slices.Contains(parts, part) {
		part = "special"
		if f.Role == packager.RoleEvidence {
			part = "settlement"
		}
	}
	return part, joinTitles(titles, f.Path)
}

func joinTitles(titles []packager.Text, path string) packager.Text {
	if len(titles) == 0 {
		name := path[strings.LastIndexByte(path, '/')+1:]
		return packager.Text{ZH: name, EN: name}
	}
	var zh, en []string
	for _, t := range titles {
		zh, en = append(zh, t.In("zh")), append(en, t.In("en"))
	}
	return packager.Text{ZH: joinNames(zh, "（", "）", "、"), EN: joinNames(en, " (", ")", ", ")}
}

// joinNames lists names; those that differ only in what stands in brackets at
// the end, as the two sides of a card do, are one name with a list in brackets.
func joinNames(names []string, open, end, comma string) string {
	if len(names) == 1 {
		return names[0]
	}
	stem, _, _ := strings.Cut(names[0], open)
	var sides []string
	for _, n := range names {
		s, side, ok := strings.Cut(n, open)
		if !ok || s != stem || !strings.HasSuffix(side, end) || strings.Contains(side, open) {
			return strings.Join(names, comma)
		}
		sides = append(sides, strings.TrimSuffix(side, end))
	}
	return stem + open + strings.Join(sides, comma) + end
}

// orderOf is the place within the part: the catalogue's order, else the
// pack's order of requirements.
func orderOf(it packager.Item, r *packager.Report) int {
	for _, id := range it.File.IDs {
		if m, ok := r.Rules.Catalogue[id]; ok {
			return m.Order
		}
	}
	for i, q := range r.Requirements {
		if slices.Contains(it.Requirements, q.ID) {
			return 1000 + i
		}
	}
	return 10000
}

func backups(r *packager.Report) []packager.BackupLine {
	var out []packager.BackupLine
	for _, f := range r.Files {
		if f.Role != packager.RoleBackup {
			continue
		}
		for _, id := range f.IDs {
			line := packager.BackupLine{Requirement: id, Title: packager.Text{ZH: id, EN: id}, File: f}
			for _, q := range r.Requirements {
				if q.ID == id {
					line.Title = q.Title
				}
			}
			for _, b := range r.Case.Backups {
				if b.Requirement == id && slices.Contains(b.Files, f.Path) {
					line.ExportedOn = b.ExportedOn
					if len(b.Files) == 1 {
						line.Items = b.Items
					}
				}
			}
			if line.Items == nil && f.Archive != nil {
				line.Items = f.Archive.Items
			}
			out = append(out, line)
		}
	}
	slices.SortStableFunc(out, func(a, b packager.BackupLine) int {
		return cmp.Or(cmp.Compare(a.Requirement, b.Requirement), cmp.Compare(a.File.Path, b.File.Path))
	})
	return out
}

func gaps(r *packager.Report) []packager.Gap {
	var out []packager.Gap
	for _, q := range r.Requirements {
		if q.State != packager.Block {
			continue
		}
		g := packager.Gap{Requirement: q}
		for _, f := range r.Findings {
			if f.Requirement == q.ID && f.Severity == packager.Block {
				g.Findings = append(g.Findings, f)
			}
		}
		out = append(out, g)
	}
	return out
}

// bundleID names a bundle by its day and by what is in it, so that the same
// papers on the same day have the same number and any others another one.
// Format: DS-YYYYMMDD-XXXXXXXX, the last part in Crockford's base 32.
func bundleID(p *packager.Plan) string {
	type file struct {
		IDs    []string
		SHA256 string
	}
	c := p.Report.Case
	in := struct {
		Case, Platform, Application, Day, Rules, Tool string
		Draft                                         bool
		Account                                       packager.Account
		Applicant                                     packager.Applicant
		Agent, Employee, Holder                       *packager.Person
		Reason                                        string
		Facts                                         map[string]packager.Fact
		Files                                         []file
		Revision                                      *packager.Revision
		MaxBytes                                      int64
		Accepted                                      []packager.Finding `json:",omitempty"` // only what was let pass, and why
	}{
		c.ID, c.Platform, c.Application, p.Report.Rules.Day.String(), p.Report.Rules.Digest, p.Tool,
		p.Draft, c.Account, c.Applicant, c.Agent, c.Employee, c.Holder, c.Reason, c.Facts, nil,
		p.Revision, p.MaxBytes, nil,
	}
	for _, it := range p.Items {
		in.Files = append(in.Files, file{it.File.IDs, it.File.SHA256})
	}
	for _, b := range p.Backups {
		in.Files = append(in.Files, file{b.File.IDs, b.File.SHA256})
	}
	for _, f := range p.Report.Findings {
		if f.Accepted != "" {
			in.Accepted = append(in.Accepted, packager.Finding{Code: f.Code, Requirement: f.Requirement, Material: f.Material, Accepted: f.Accepted})
		}
	}
	b, err := json.Marshal(in) // encoding/json sorts the keys of maps
	if err != nil {
		panic(err) // plain data: a fact holds what the case file can hold
	}
	sum := sha256.Sum256(b)
	crockford := base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
	day := strings.ReplaceAll(p.Report.Rules.Day.String(), "-", "")
	return "DS-" + day + "-" + crockford.EncodeToString(sum[:5])
}
