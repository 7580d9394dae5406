package check

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/casefile"
	"dossier/packager/identity"
	"dossier/packager/rules"
	"dossier/templates"
)

// TestPacks walks the cases that prove the rule packs: each goes through the
// reader of case files, the rule engine and check, with virtual files in place
// of collect and inspect. The form of a case: packCase.
func TestPacks(t *testing.T) {
	library, err := rules.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := identity.ReadCalendar(templates.FS, "calendar")
	if err != nil {
		t.Fatal(err)
	}
	words := catalog(t)
	names, err := fs.Glob(templates.FS, "platforms/*/cases/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, name := range names {
		platform := strings.Split(name, "/")[1]
		count[platform]++
		t.Run(platform+"/"+strings.TrimSuffix(path.Base(name), ".yaml"), func(t *testing.T) {
			b, err := fs.ReadFile(templates.FS, name)
			if err != nil {
				t.Fatal(err)
			}
			p, err := parsePackCase(b)
			if err != nil {
				t.Fatal(err)
			}
			r, err := p.run(library, calendar)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Findings {
				spoken(t, words, f)
			}
			wrong := p.compare(r)
			for _, w := range wrong {
				t.Error(w)
			}
			if len(wrong) > 0 {
				t.Logf("findings:\n  %s", strings.Join(all(r), "\n  "))
			}
		})
	}
	// The five systems that dossier is made for, with 120 cases at least.
	systems := []string{"weibo_enterprise", "wecom_account", "wechat_oa", "weibo_video", "douyin_employee"}
	sum := 0
	for _, id := range systems {
		sum += count[id]
	}
	if sum < 120 || slices.ContainsFunc(systems, func(id string) bool { return count[id] == 0 }) {
		t.Errorf("%d cases: %v", sum, count)
	}
}

// run takes a case the way that the pipeline takes it.
func (p *packCase) run(library *rules.Library, calendar *identity.Calendar) (*packager.Report, error) {
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	k, err := casefile.Parse("case.yaml", text)
	if err != nil {
		return nil, err
	}
	rs, err := library.For(k, p.At, calendar)
	if err != nil {
		return nil, err
	}
	files, err := p.inspected(k, rs)
	if err != nil {
		return nil, err
	}
	return Check(&packager.Inspection{Case: k, Rules: rs, Files: files}), nil
}
