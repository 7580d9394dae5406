package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/packager/pipeline"
	"dossier/templates"
)

// TestTicketFits holds the limit of the ticket forms, however much there is to
// say, and that no identity number and no gap gets into it.
func TestTicketFits(t *testing.T) {
	catalog, err := i18n.Load(templates.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	items := func(n int, title string) (all []packager.ManifestItem) {
		for range n {
			all = append(all, packager.ManifestItem{Title: title})
		}
		return all
	}
	long := strings.Repeat("很长的名称", 60)
	for _, c := range []struct {
		name  string
		who   string
		items []packager.ManifestItem
		want  string
	}{
		{"usual", "测试虚构（样本）科技有限公司", items(3, "营业执照"), "内含：营业执照、营业执照、营业执照。"},
		{"many papers", "测试虚构（样本）科技有限公司", items(90, "子账号管理员授权书"), "等 90 份材料。"},
		{"papers with long titles", "测试虚构（样本）科技有限公司", items(2, long), "内含 2 份材料。"},
		{"nothing but the application", "测试虚构（样本）科技有限公司", nil, "2026-11-22）。"},
		{"everything long", long, items(90, long), "内含 90 份材料。"},
	} {
		h := &pipeline.Handoff{
			Case: &packager.Case{
				Account: packager.Account{ID: "gh_0123456789ab", Name: c.who},
				Applicant: packager.Applicant{Name: c.who, USCC: "91000000MAFAKE019J",
					LegalRepresentative: packager.Person{Name: c.who, IDNumber: "110199198001010016"}},
				Agent: &packager.Person{Name: "样本乙", IDNumber: "310199198512310026", Phone: "13800138000"},
			},
			Rules: &packager.RuleSet{
				Name: packager.Text{ZH: "微信公众号"}, Application: packager.Text{ZH: "注销公众号"},
			},
			Receipt:   &packager.Receipt{Day: "2026-11-22", Bundle: packager.BundleRef{ID: "DS-20261122-7Q3F9K2M", Pages: 31}},
			Materials: c.items,
		}
		got := ticket(catalog.Printer("zh"), h)
		if n := utf8.RuneCountInString(got); n > ticketLimit {
			t.Errorf("%s: %d characters", c.name, n)
		}
		for _, must := range []string{c.want, "DS-20261122-7Q3F9K2M", "样本乙 13800138000", "91000000MAFAKE019J"} {
			if !strings.Contains(got, must) {
				t.Errorf("%s: no %s in\n%s", c.name, must, got)
			}
		}
		for _, never := range []string{"110199198001010016", "310199198512310026", "{"} {
			if strings.Contains(got, never) {
				t.Errorf("%s: %s in\n%s", c.name, never, got)
			}
		}
	}
}
