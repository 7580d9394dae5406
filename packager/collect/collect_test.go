package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
)

// rules is a small rule set with the papers that the tests need.
func rules() *packager.RuleSet {
	return &packager.RuleSet{
		Catalogue: map[string]packager.MaterialSpec{
			"business_licence":      {ID: "business_licence", Match: []string{"营业执照", "执照", "licence"}, Exclude: []string{"模板"}},
			"legal_rep_id_portrait": {ID: "legal_rep_id_portrait", Match: []string{"身份证人像面", "人像面"}},
			"legal_rep_id_emblem":   {ID: "legal_rep_id_emblem", Match: []string{"身份证国徽面", "国徽面"}},
			"agent_id_portrait":     {ID: "agent_id_portrait", Match: []string{"代理人身份证人像面", "人像面"}},
			"application_letter":    {ID: "application_letter", Match: []string{"申请函", "公函"}},
		},
		Requirements: []packager.Requirement{
			{ID: "business_licence", Kind: packager.KindMaterial, AnyOf: []string{"business_licence"}, Min: 1},
			{ID: "legal_rep_id_portrait", Kind: packager.KindMaterial, AnyOf: []string{"legal_rep_id_portrait"}, Min: 1},
			{ID: "legal_rep_id_emblem", Kind: packager.KindMaterial, AnyOf: []string{"legal_rep_id_emblem"}, Min: 1},
			{ID: "renewal_off", Kind: packager.KindPrecondition, Facts: []string{"auto_renewal_off"}},
			{ID: "articles", Kind: packager.KindBackup, Title: packager.Text{ZH: "已发图文", EN: "articles"}},
		},
	}
}

// tree writes files (path → content) into a new case folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for p, content := range files {
		abs := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(abs), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(abs, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func digest(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// lines says a collection in short: "path role ids by:word".
func lines(c *packager.Collection) (materials, findings []string) {
	for _, m := range c.Materials {
		materials = append(materials, strings.TrimSpace(fmt.Sprintf("%s %s [%s] %s:%s", m.Path, m.Role, strings.Join(m.IDs, " "), m.Matched.By, m.Matched.Word)))
	}
	for _, f := range c.Findings {
		findings = append(findings, fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Material))
	}
	return materials, findings
}

func TestCollect(t *testing.T) {
	tests := []struct {
		name      string
		files     map[string]string
		c         packager.Case
		materials []string
		findings  []string
	}{
		{
			name:  "placed by the words of the name, the longest word wins",
			files: map[string]string{"materials/公司 营业执照_正本.jpg": "a", "materials/代理人身份证人像面.jpg": "b", "materials/身份证（国徽面）.png": "c"},
			materials: []string{
				"materials/代理人身份证人像面.jpg material [agent_id_portrait] name:代理人身份证人像面",
				"materials/公司 营业执照_正本.jpg material [business_licence] name:营业执照",
				"materials/身份证（国徽面）.png material [legal_rep_id_emblem] name:身份证国徽面",
			},
		},
		{
			name:      "of two papers that fit, the one that the case asks for",
			files:     map[string]string{"materials/人像面.jpg": "a"},
			materials: []string{"materials/人像面.jpg material [legal_rep_id_portrait] name:人像面"},
		},
		{
			name:      "two words of one length",
			files:     map[string]string{"materials/人像面国徽面.jpg": "a"},
			materials: []string{"materials/人像面国徽面.jpg unplaced [] :"},
			findings:  []string{"warn MATCH_AMBIGUOUS materials/人像面国徽面.jpg"},
		},
		{
			name:      "an excluded word",
			files:     map[string]string{"materials/营业执照模板.jpg": "a"},
			materials: []string{"materials/营业执照模板.jpg unplaced [] :"},
			findings:  []string{"info FILE_UNPLACED materials/营业执照模板.jpg"},
		},
		{
			name:      "the folder speaks where the name says nothing",
			files:     map[string]string{"materials/营业执照/IMG_0001.jpg": "a"},
			materials: []string{"materials/营业执照/IMG_0001.jpg material [business_licence] name:营业执照"},
		},
		{
			name:  "what case.yaml names wins over names",
			files: map[string]string{"materials/x.jpg": "a", "materials/营业执照 旧.jpg": "b"},
			c:     packager.Case{Materials: map[string][]string{"business_licence": {"materials/x.jpg"}}},
			materials: []string{
				"materials/x.jpg material [business_licence] case:materials.business_licence",
				"materials/营业执照 旧.jpg unplaced [] :",
			},
			findings: []string{"info MATCH_ALREADY_NAMED materials/营业执照 旧.jpg"},
		},
		{
			name:  "one file under two ids",
			files: map[string]string{"materials/card.jpg": "a"},
			c: packager.Case{Materials: map[string][]string{
				"legal_rep_id_portrait": {"materials/card.jpg"}, "legal_rep_id_emblem": {"materials/card.jpg"},
			}},
			materials: []string{"materials/card.jpg material [legal_rep_id_emblem legal_rep_id_portrait] case:materials.legal_rep_id_emblem"},
		},
		{
			name:  "the same bytes for two slots stay apart",
			files: map[string]string{"materials/p.jpg": "same", "materials/e.jpg": "same"},
			c: packager.Case{Materials: map[string][]string{
				"legal_rep_id_portrait": {"materials/p.jpg"}, "legal_rep_id_emblem": {"materials/e.jpg"},
			}},
			materials: []string{
				"materials/e.jpg material [legal_rep_id_emblem] case:materials.legal_rep_id_emblem",
				"materials/p.jpg material [legal_rep_id_portrait] case:materials.legal_rep_id_portrait",
			},
		},
		{
			name:  "the same bytes for one slot are one file",
			files: map[string]string{"materials/营业执照.jpg": "same", "materials/营业执照 (1).jpg": "same", "materials/IMG_1.jpg": "same"},
			materials: []string{
				"materials/营业执照.jpg material [business_licence] name:营业执照",
			},
			findings: []string{
				"info FILE_DUPLICATE materials/IMG_1.jpg", "info FILE_UNPLACED materials/IMG_1.jpg", "info FILE_DUPLICATE materials/营业执照 (1).jpg",
			},
		},
		{
			name:  "two different files for one slot",
			files: map[string]string{"materials/营业执照1.jpg": "a", "materials/营业执照2.jpg": "b"},
			materials: []string{
				"materials/营业执照1.jpg material [business_licence] name:营业执照",
				"materials/营业执照2.jpg material [business_licence] name:营业执照",
			},
			findings: []string{"warn MATCH_SEVERAL materials/营业执照1.jpg"},
		},
		{
			name:  "evidence, backups and consent",
			files: map[string]string{"materials/off.png": "a", "backups/articles-001.zip": "b", "backups/已发图文2.zip": "c", "materials/consent.pdf": "d", "elsewhere.txt": "e"},
			c: packager.Case{
				Facts:   map[string]packager.Fact{"auto_renewal_off": {Evidence: []string{"materials/off.png"}}},
				Backups: []packager.Backup{{Requirement: "fans", Files: []string{"elsewhere.txt"}}},
				Consent: []packager.Consent{{Person: "样本丙", Evidence: []string{"materials/consent.pdf"}}},
			},
			materials: []string{
				"backups/articles-001.zip backup [articles] name:articles",
				"backups/已发图文2.zip backup [articles] name:已发图文",
				"elsewhere.txt backup [fans] case:backups.fans",
				"materials/consent.pdf consent [consent] case:consent",
				"materials/off.png evidence [auto_renewal_off renewal_off] case:facts.auto_renewal_off.evidence",
			},
		},
		{
			name:  "one file as material and as evidence",
			files: map[string]string{"materials/营业执照.jpg": "a"},
			c: packager.Case{
				Materials: map[string][]string{"business_licence": {"materials/营业执照.jpg"}},
				Facts:     map[string]packager.Fact{"auto_renewal_off": {Evidence: []string{"materials/营业执照.jpg"}}},
			},
			materials: []string{
				"materials/营业执照.jpg material [business_licence] case:materials.business_licence",
				"materials/营业执照.jpg evidence [auto_renewal_off renewal_off] case:facts.auto_renewal_off.evidence",
			},
		},
		{
			name:  "litter is passed over",
			files: map[string]string{"materials/.DS_Store": "a", "materials/__MACOSX/._营业执照.jpg": "b", "materials/Thumbs.db": "c", "materials/~$申请函.docx": "d", "materials/desktop.ini": "e"},
		},
		{
			name: "missing, empty, a folder, outside",
			files: map[string]string{
				"materials/营业执照.jpg": "", "materials/folder/a.txt": "x", "materials/无名.jpg": "",
			},
			c: packager.Case{Materials: map[string][]string{
				"application_letter": {"materials/none.pdf"}, "legal_rep_id_emblem": {"materials/folder"}, "legal_rep_id_portrait": {"../secret.jpg"},
			}},
			materials: []string{
				"materials/folder/a.txt unplaced [] :",
				"materials/无名.jpg unplaced [] :",
				"materials/营业执照.jpg material [business_licence] name:营业执照",
			},
			findings: []string{
				"block FILE_OUTSIDE_CASE ../secret.jpg",
				"block FILE_IS_DIRECTORY materials/folder",
				"info FILE_UNPLACED materials/folder/a.txt",
				"block FILE_MISSING materials/none.pdf",
				"warn FILE_EMPTY materials/无名.jpg", "info FILE_UNPLACED materials/无名.jpg",
				"block FILE_EMPTY materials/营业执照.jpg",
			},
		},
		{
			name:      "a name in NFD on disk, typed in NFC",
			files:     map[string]string{"materials/cafe\u0301.jpg": "a"},
			c:         packager.Case{Materials: map[string][]string{"business_licence": {"materials/caf\u00e9.jpg"}}},
			materials: []string{"materials/caf\u00e9.jpg material [business_licence] case:materials.business_licence"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.c.Dir = tree(t, test.files)
			got, err := Collect(context.Background(), &test.c, rules(), nil)
			if err != nil {
				t.Fatal(err)
			}
			materials, findings := lines(got)
			if d := cmp.Diff(test.materials, materials); d != "" {
				t.Errorf("materials (-want +got):\n%s", d)
			}
			slices.Sort(findings)
			slices.Sort(test.findings)
			if d := cmp.Diff(test.findings, findings); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
			for _, m := range got.Materials {
				b, err := os.ReadFile(m.Abs)
				if err != nil {
					t.Fatal(err)
				}
				if m.SHA256 != digest(string(b)) || m.Bytes != int64(len(b)) || m.ModTime.IsZero() {
					t.Errorf("%s: %+v", m.Path, m)
				}
			}
		})
	}
}

func TestLinks(t *testing.T) {
	secret := tree(t, map[string]string{"secret.jpg": "secret", "营业执照.jpg": "secret"})
	dir := tree(t, map[string]string{"materials/a.jpg": "a"})
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(secret, "secret.jpg"), "materials/营业执照.jpg")
	link(secret, "backups")
	link("a.jpg", "materials/国徽面.jpg")
	link("loop", "materials/loop")
	c := &packager.Case{Dir: dir, Materials: map[string][]string{"application_letter": {"backups/secret.jpg"}}}
	got, err := Collect(context.Background(), c, rules(), nil)
	if err != nil {
		t.Fatal(err)
	}
	materials, findings := lines(got)
	if d := cmp.Diff([]string{"materials/国徽面.jpg material [legal_rep_id_emblem] name:国徽面"}, materials); d != "" {
		t.Error(d)
	}
	want := []string{
		"block FILE_OUTSIDE_CASE backups",
		"block FILE_OUTSIDE_CASE backups/secret.jpg",
		"info FILE_DUPLICATE materials/a.jpg",
		"info FILE_UNPLACED materials/a.jpg",
		"warn FILE_OUTSIDE_CASE materials/loop",
		"warn FILE_OUTSIDE_CASE materials/营业执照.jpg",
	}
	slices.Sort(findings)
	if d := cmp.Diff(want, findings); d != "" {
		t.Error(d)
	}
}

func TestCancelled(t *testing.T) {
	dir := tree(t, map[string]string{"materials/a.jpg": "a"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Collect(ctx, &packager.Case{Dir: dir}, rules(), nil); err != context.Canceled {
		t.Fatal(err)
	}
}
