package collect

import (
	"context"
	"io/fs"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"dossier/packager"
	"dossier/templates"
)

// catalogue reads the papers that all packs share.
func catalogue(t testing.TB) map[string]packager.MaterialSpec {
	t.Helper()
	b, err := fs.ReadFile(templates.FS, "platforms/_common/materials.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Materials []struct {
			ID      string
			Match   []string
			Exclude []string
		}
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	out := map[string]packager.MaterialSpec{}
	for _, m := range file.Materials {
		out[m.ID] = packager.MaterialSpec{ID: m.ID, Match: m.Match, Exclude: m.Exclude}
	}
	return out
}

// Names that people give to their files, against the shipped catalogue, in a
// case that asks for the papers of the legal representative and of an agent.
func TestNamesThatPeopleGive(t *testing.T) {
	rs := &packager.RuleSet{Catalogue: catalogue(t)}
	for _, id := range []string{"business_licence", "legal_rep_id_portrait", "legal_rep_id_emblem", "agent_id_portrait", "agent_id_emblem", "application_letter", "authorization_letter"} {
		rs.Requirements = append(rs.Requirements, packager.Requirement{ID: id, Kind: packager.KindMaterial, AnyOf: []string{id}, Min: 1})
	}
	tests := map[string][]string{
		"营业执照.jpg":                {"business_licence"},
		"营业执照副本(1).JPG":           {"business_licence"},
		"01-公司营业执照（副本）扫描件.pdf":    {"business_licence"},
		"business license.png":    {"business_licence"},
		"法人身份证正面.jpg":             {"legal_rep_id_portrait"},
		"身份证-反面.jpg":              {"legal_rep_id_emblem"},
		"法人身份证国徽面.heic":           {"legal_rep_id_emblem"},
		"身份证正反面.pdf":              {"legal_rep_id_emblem", "legal_rep_id_portrait"},
		"经办人身份证 正面.jpg":           {"agent_id_portrait"},
		"ID_FRONT.JPG":            {"legal_rep_id_portrait"},
		"注销申请函-盖章.pdf":            {"application_letter"},
		"授权委托书.pdf":               {"authorization_letter"},
		"员工身份证正面.jpg":             {"employee_id_portrait"},
		"IMG_20261101_101010.jpg": nil,
		"微信图片_20261101.jpg":       nil,
		"扫描件.pdf":                 nil,
	}
	files := map[string]string{}
	for name := range tests {
		files["materials/"+name] = name
	}
	c, err := Collect(context.Background(), &packager.Case{Dir: tree(t, files)}, rs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Materials) != len(tests) {
		t.Fatalf("%d files of %d", len(c.Materials), len(tests))
	}
	for _, m := range c.Materials {
		if d := cmp.Diff(tests[m.Path[len("materials/"):]], m.IDs); d != "" {
			t.Errorf("%s: %s", m.Path, d)
		}
	}
}
