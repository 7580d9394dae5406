package plan

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
)

func file(path string, role packager.Role, by string, ids ...string) packager.Inspected {
	return packager.Inspected{Material: packager.Material{
		Path: path, Role: role, IDs: ids, SHA256: path, Matched: packager.Match{By: by},
	}}
}

func report() *packager.Report {
	name := func(s string) packager.Text { return packager.Text{ZH: s, EN: s} }
	req := func(id string, kind packager.Kind, state packager.Severity, facts ...string) packager.RequirementVerdict {
		q := packager.Requirement{ID: id, Kind: kind, Title: name(id), Facts: facts}
		if kind == packager.KindMaterial {
			q.AnyOf = []string{id}
		}
		return packager.RequirementVerdict{Requirement: q, State: state}
	}
	items := int64(96)
	return &packager.Report{
		Case: &packager.Case{ID: "c", Backups: []packager.Backup{{
			Requirement: "articles", Files: []string{"backups/a.zip"}, Items: &items,
			ExportedOn: packager.Day{Year: 2026, Month: 11, Dom: 12},
		}}},
		Rules: &packager.RuleSet{
			Day: packager.Day{Year: 2026, Month: 11, Dom: 22},
			Catalogue: map[string]packager.MaterialSpec{
				"business_licence":      {ID: "business_licence", Name: name("营业执照"), Part: "licence"},
				"application_letter":    {ID: "application_letter", Name: name("申请函"), Part: "letter"},
				"legal_rep_id_portrait": {ID: "legal_rep_id_portrait", Name: name("人像面"), Part: "identity", Order: 1},
				"legal_rep_id_emblem":   {ID: "legal_rep_id_emblem", Name: name("国徽面"), Part: "identity", Order: 2},
				"notary":                {ID: "notary", Name: name("公证书"), Part: "special"},
			},
		},
		Requirements: []packager.RequirementVerdict{
			req("business_licence", packager.KindMaterial, packager.StateOK),
			req("application_letter", packager.KindMaterial, packager.StateOK),
			req("legal_rep_id_portrait", packager.KindMaterial, packager.StateOK),
			req("legal_rep_id_emblem", packager.KindMaterial, packager.Block),
			req("renewal", packager.KindPrecondition, packager.StateOK, "auto_renewal_off"),
			req("articles", packager.KindBackup, packager.StateOK),
		},
		Files: []packager.Inspected{
			file("backups/a.zip", packager.RoleBackup, "case", "articles"),
			file("materials/id.jpg", packager.RoleMaterial, "case", "legal_rep_id_portrait", "legal_rep_id_emblem"),
			file("materials/licence.jpg", packager.RoleMaterial, "name", "business_licence"),
			file("materials/letter.pdf", packager.RoleMaterial, "name", "application_letter"),
			file("materials/off.png", packager.RoleEvidence, "case", "auto_renewal_off"),
			file("materials/consent.pdf", packager.RoleConsent, "case"),
			file("materials/extra-by-name.jpg", packager.RoleMaterial, "name", "notary"),
			file("materials/extra-by-case.jpg", packager.RoleMaterial, "case", "notary"),
			file("materials/mystery.jpg", packager.RoleUnplaced, ""),
		},
		Findings: []packager.Finding{{Code: "MATERIAL_MISSING", Severity: packager.Block, Requirement: "legal_rep_id_emblem"}},
	}
}

func TestItemsStandInTheOrderOfTheParts(t *testing.T) {
	p := New(report(), Options{Tool: "test"})
	var got []string
	for _, it := range p.Items {
		got = append(got, it.Part+" "+it.File.Path+" "+it.Title.ZH)
	}
	want := []string{
		"letter materials/letter.pdf 申请函",
		"licence materials/licence.jpg 营业执照",
		"identity materials/id.jpg 人像面、国徽面",
		"settlement materials/off.png renewal",
		"special materials/extra-by-case.jpg 公证书",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for i, it := range p.Items {
		if it.No != i+1 {
			t.Errorf("item %d has number %d", i, it.No)
		}
	}
	if len(p.Backups) != 1 || *p.Backups[0].Items != 96 || p.Backups[0].ExportedOn.String() != "2026-11-12" {
		t.Errorf("backups: %+v", p.Backups)
	}
	if len(p.Gaps) != 0 {
		t.Errorf("a final plan has gaps: %+v", p.Gaps)
	}
}

func TestADraftNamesItsGaps(t *testing.T) {
	p := New(report(), Options{Tool: "test", Draft: true})
	if len(p.Gaps) != 1 || p.Gaps[0].Requirement.ID != "legal_rep_id_emblem" || len(p.Gaps[0].Findings) != 1 {
		t.Errorf("gaps: %+v", p.Gaps)
	}
}

func TestBundleIDFollowsTheContent(t *testing.T) {
	id := New(report(), Options{Tool: "test"}).BundleID
	if !regexp.MustCompile(`^DS-20261122-[0-9A-HJKMNP-TV-Z]{8}$`).MatchString(id) {
		t.Errorf("form: %s", id)
	}
	if again := New(report(), Options{Tool: "test"}).BundleID; again != id {
		t.Errorf("the same report gave %s and %s", id, again)
	}
	changed := report()
	changed.Files[2].SHA256 = "another"
	if New(changed, Options{Tool: "test"}).BundleID == id {
		t.Error("another licence has the same bundle number")
	}
}

func TestARevisionKeepsTheNumbers(t *testing.T) {
	first := New(report(), Options{Tool: "test"})
	m := packager.Manifest{Bundle: first.BundleID, Day: "2026-11-22"}
	for _, it := range first.Items {
		m.Materials = append(m.Materials, packager.ManifestItem{No: it.No, Title: it.Title.ZH, Path: it.File.Path, SHA256: it.File.SHA256, Requirements: it.Requirements})
	}
	r := report()
	for i := range r.Files {
		switch r.Files[i].Path {
		case "materials/licence.jpg": // a better photo under another name
			r.Files[i].Path, r.Files[i].SHA256 = "materials/licence-2.jpg", "better"
		case "materials/off.png": // no longer needed
			r.Files[i].Role = packager.RoleUnplaced
		}
	}
	r.Files = append(r.Files, file("materials/a-second-letter.pdf", packager.RoleMaterial, "case", "application_letter"))
	p := New(r, Options{Tool: "test", Replaces: &Previous{Manifest: m, Reason: "照片模糊"}})

	numbers := map[string]int{}
	for _, it := range p.Items {
		numbers[it.File.Path] = it.No
	}
	want := map[string]int{
		"materials/letter.pdf": 1, "materials/licence-2.jpg": 2, "materials/id.jpg": 3,
		"materials/extra-by-case.jpg": 5, "materials/a-second-letter.pdf": 6,
	}
	if d := cmp.Diff(want, numbers); d != "" {
		t.Error(d)
	}
	var changes []string
	for _, c := range p.Revision.Changes {
		changes = append(changes, c.What+" "+c.Title.ZH)
	}
	if d := cmp.Diff([]string{"replaced 营业执照", "removed renewal", "added 申请函"}, changes); d != "" {
		t.Error(d)
	}
	if p.Revision.Bundle != first.BundleID || p.Revision.Reason != "照片模糊" || p.BundleID == first.BundleID {
		t.Errorf("%+v %s", p.Revision, p.BundleID)
	}
}

// A picture of both sides of a card carries both names, without saying the
// person twice; papers that differ in more are listed.
func TestTitleOfSeveralPapers(t *testing.T) {
	names := func(list ...string) (out []packager.Text) {
		for _, n := range list {
			out = append(out, packager.Text{ZH: n, EN: n})
		}
		return out
	}
	for _, tt := range []struct {
		titles []string
		want   string
	}{
		{[]string{"法定代表人身份证（人像面）", "法定代表人身份证（国徽面）"}, "法定代表人身份证（人像面、国徽面）"},
		{[]string{"营业执照（副本）", "组织机构代码证（副本）"}, "营业执照（副本）、组织机构代码证（副本）"},
		{[]string{"劳动合同", "劳动合同（附件）"}, "劳动合同、劳动合同（附件）"},
		{[]string{"公证书"}, "公证书"},
		{nil, "x.jpg"},
	} {
		if got := joinTitles(names(tt.titles...), "materials/x.jpg").ZH; got != tt.want {
			t.Errorf("%v: %s", tt.titles, got)
		}
	}
	for _, tt := range []struct {
		titles []string
		want   string
	}{
		{[]string{"ID card (portrait side)", "ID card (emblem side)"}, "ID card (portrait side, emblem side)"},
		{[]string{"A (copy)", "B (copy)"}, "A (copy), B (copy)"},
	} {
		if got := joinTitles(names(tt.titles...), "").EN; got != tt.want {
			t.Errorf("%v: %s", tt.titles, got)
		}
	}
}
