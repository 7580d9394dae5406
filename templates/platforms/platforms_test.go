// Package platforms_test holds the shipped rule packs against what they have
// to say: every row of the articles that they stand on, with source, grade and
// date, in both languages; what is unconfirmed never blocks.
package platforms_test

import (
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"dossier/packager"
	"dossier/packager/casefile"
	"dossier/packager/identity"
	"dossier/packager/rules"
	"dossier/templates"
)

// rows are what the five articles say, row by row: materials (M),
// preconditions (P), backups (B), then steps (S), durations (D), withdrawal
// (R), rejection (X), migration with its fees (T), law (L), alternatives (A)
// and aftermath (E).
var rows = map[string]string{
	"weibo_enterprise": `WE-M1 WE-M2 WE-M3 WE-M4 WE-M5 WE-P1 WE-P2 WE-P3 WE-P4 WE-P5 WE-B1 WE-D1 WE-R1 WE-X1
		WE-S1 WE-S2 WE-S3 WE-S4 WE-S5 WE-A1 WE-A2 WE-E1 WE-E2`,
	"wecom_account": `WC-M0 WC-P1 WC-P2 WC-P3 WC-P4 WC-P5 WC-P6 WC-P7 WC-B1 WC-D1 WC-D2 WC-D3 WC-D4 WC-R1
		WC-S1 WC-S2 WC-S3 WC-S4 WC-E1 WC-E2`,
	"wechat_oa": `OA-M1 OA-M2 OA-M3 OA-M4 OA-M5 OA-M6 OA-M7 OA-M8 OA-M9 OA-M10
		OA-P1 OA-P2 OA-P3 OA-P4 OA-P5 OA-P6 OA-P7 OA-P8 OA-P9 OA-P10 OA-P11 OA-P12 OA-P13 OA-P14 OA-P15 OA-P16 OA-P17 OA-P18
		OA-B1 OA-B2 OA-B3 OA-B4 OA-B5 OA-B6 OA-B7 OA-B8 OA-R1
		OA-S1 OA-S2 OA-S3 OA-S4 OA-S5 OA-D1 OA-D2 OA-D3 OA-D4 OA-D5 OA-D6 OA-D7 OA-D8 OA-D9 OA-D10 OA-D11
		OA-X1 OA-X2 OA-X3 OA-L1 OA-L2 OA-A1 OA-E1 OA-E2 OA-E3 OA-T1 OA-T2 OA-T3 OA-T4 OA-T5 OA-T6 OA-T7 OA-T8 OA-T9 OA-T10`,
	"weibo_video": `WV-M1 WV-M2 WV-M3 WV-M4 WV-M5 WV-M6 WV-M7 WV-P1 WV-P2 WV-P3 WV-P4 WV-P5 WV-P6 WV-P7 WV-P8
		WV-B1 WV-B2 WV-B3 WV-B4 WV-X1 WV-X2 WV-X3
		WV-S1 WV-S2 WV-S3 WV-S4 WV-S5 WV-S6 WV-D1 WV-D2 WV-D3 WV-D4 WV-D5 WV-D6 WV-D7 WV-D8 WV-R1 WV-R2
		WV-L1 WV-L2 WV-A1 WV-A2 WV-A3 WV-E1 WV-E2 WV-E3 WV-E4`,
	"douyin_employee": `DE-M1 DE-M2 DE-M3 DE-M4 DE-S1 DE-S2 DE-S3 DE-S4 DE-D1 DO-1 DO-2 DO-3 DO-4 DO-5`,
}

// disputes are the contradictions inside the articles (by number) and between
// them and other public sources (P and a number), pack by pack.
var disputes = map[string]string{
	"weibo_enterprise": "D-WE-13 D-WE-15 D-WE-P11",
	"wecom_account":    "D-WC-1 D-WC-2 D-WC-3 D-WC-4 D-WC-P12 D-WC-P13",
	"wechat_oa": `D-OA-5 D-OA-6 D-OA-7 D-OA-8 D-OA-9 D-OA-16 D-OA-19
		D-OA-P1 D-OA-P2 D-OA-P3 D-OA-P4 D-OA-P5 D-OA-P6 D-OA-P7 D-OA-P8 D-OA-P9 D-OA-P10`,
	"weibo_video":     "D-WV-10 D-WV-11 D-WV-12 D-WV-13 D-WV-17 D-WV-18",
	"douyin_employee": "D-DE-14 D-DE-P14",
}

func library(t testing.TB) *rules.Library {
	t.Helper()
	l, err := rules.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// packs calls f with every shipped pack.
func packs(t *testing.T, f func(t *testing.T, l *rules.Library, p *rules.Pack)) {
	l := library(t)
	for _, id := range l.IDs() {
		t.Run(id, func(t *testing.T) {
			p, err := l.Pack(id)
			if err != nil {
				t.Fatal(err)
			}
			f(t, l, p)
		})
	}
}

func TestLint(t *testing.T) {
	l := library(t)
	lint := func(name string) {
		b, err := fs.ReadFile(templates.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Lint(name, b); err != nil {
			t.Error(err)
		}
	}
	lint("platforms/_common/materials.yaml")
	for _, id := range l.IDs() {
		lint("platforms/" + id + "/rules.yaml")
	}
}

func TestEveryRowIsInItsPack(t *testing.T) {
	packs(t, func(t *testing.T, _ *rules.Library, p *rules.Pack) {
		var have, doubts []string
		for _, r := range p.Rules {
			if slices.Contains(have, r.ID) {
				t.Errorf("%s stands twice", r.ID)
			}
			have = append(have, r.ID)
		}
		for _, d := range p.Doubts {
			if slices.Contains(doubts, d.ID) {
				t.Errorf("%s stands twice", d.ID)
			}
			doubts = append(doubts, d.ID)
		}
		for _, id := range strings.Fields(rows[p.ID]) {
			if !slices.Contains(have, id) {
				t.Errorf("%s is missing", id)
			}
		}
		for _, id := range strings.Fields(disputes[p.ID]) {
			if !slices.Contains(doubts, id) {
				t.Errorf("%s is missing", id)
			}
		}
	})
}

func TestRulesCanBeTracedAndRead(t *testing.T) {
	packs(t, func(t *testing.T, _ *rules.Library, p *rules.Pack) {
		words := known(p)
		for _, r := range p.Rules {
			both(t, r.ID+" title", r.Title, true)
			both(t, r.ID+" detail", r.Detail, false)
			asks := r.Kind == packager.KindMaterial || r.Kind == packager.KindBackup || r.Check != ""
			both(t, r.ID+" next", r.Next, asks)
			traced(t, r.ID, p, r.Sources, r.LastChecked)
			if len(r.Sources) == 0 {
				t.Errorf("%s has no source", r.ID)
			}
			if !slices.Contains([]packager.Confidence{"S", "A", "B", "C", "M"}, r.Confidence) {
				t.Errorf("%s: grade %q", r.ID, r.Confidence)
			}
			if !r.Confidence.MayBlock() && slices.Contains([]packager.Severity{r.Severity, r.Evidence, r.IfUnknown}, packager.Block) {
				t.Errorf("%s blocks with grade %s", r.ID, r.Confidence)
			}
			for _, id := range r.Conflicts {
				if !words[id] {
					t.Errorf("%s conflicts with %s, which is nowhere", r.ID, id)
				}
			}
		}
		for _, d := range p.Doubts {
			both(t, d.ID+" title", d.Title, true)
			both(t, d.ID+" why", d.Why, true)
			if len(d.Readings) < 2 {
				t.Errorf("%s has one reading only", d.ID)
			}
			if !slices.ContainsFunc(d.Readings, func(r rules.Reading) bool { return r.ID == d.Default }) {
				t.Errorf("%s: the default %q is none of its readings", d.ID, d.Default)
			}
			for _, r := range d.Readings {
				both(t, d.ID+" "+r.ID, r.Text, true)
				traced(t, d.ID+" "+r.ID, p, r.Sources, d.LastChecked)
			}
			for _, id := range d.Rules {
				if !words[id] {
					t.Errorf("%s is about %s, which is nowhere", d.ID, id)
				}
			}
		}
		for _, e := range p.Timeline {
			both(t, e.ID+" title", e.Title, true)
			both(t, e.ID+" note", e.Note, false)
			for _, id := range e.Rules {
				if !words[id] {
					t.Errorf("timeline %s follows %s, which is nowhere", e.ID, id)
				}
			}
		}
		for _, f := range p.Facts {
			both(t, f.ID+" ask", f.Ask, true)
			both(t, f.ID+" where", f.Where, false)
		}
		for _, s := range p.Sources {
			if s.Title == "" || strings.Contains(s.Title+s.Note, "..") {
				t.Errorf("source %s: %q %q", s.ID, s.Title, s.Note)
			}
		}
	})
}

// known are the ids of rules and doubts of a pack.
func known(p *rules.Pack) map[string]bool {
	words := map[string]bool{}
	for _, r := range p.Rules {
		words[r.ID] = true
	}
	for _, d := range p.Doubts {
		words[d.ID] = true
	}
	return words
}

var han = regexp.MustCompile(`\p{Han}`)

// both holds that a text stands in both languages, or (unless it is needed) in
// none, and that the Chinese one is Chinese.
func both(t *testing.T, what string, x packager.Text, needed bool) {
	t.Helper()
	switch {
	case x == (packager.Text{}) && !needed:
	case x.ZH == "" || x.EN == "":
		t.Errorf("%s: zh %q, en %q", what, x.ZH, x.EN)
	case !han.MatchString(x.ZH):
		t.Errorf("%s: not Chinese: %q", what, x.ZH)
	}
}

func traced(t *testing.T, what string, p *rules.Pack, refs []rules.SourceRef, checked string) {
	t.Helper()
	for _, ref := range refs {
		if !slices.ContainsFunc(p.Sources, func(s rules.Source) bool { return s.ID == ref.Ref }) {
			t.Errorf("%s: no source %s", what, ref.Ref)
		}
		if strings.HasPrefix(ref.Ref, "article") && ref.At == "" && !strings.HasPrefix(what, "D-") {
			t.Errorf("%s: no place in %s", what, ref.Ref)
		}
	}
	if d, err := packager.ParseDay(checked); err != nil || d.Before(packager.Day{Year: 2026, Month: 11, Dom: 22}) {
		t.Errorf("%s: last checked %q", what, checked)
	}
}

// The ids of papers that all packs share are part of the surface.
func TestCommonPapers(t *testing.T) {
	l := library(t)
	specs, err := l.Catalogue("wechat_oa")
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]packager.MaterialSpec{}
	words := map[string]string{}
	for _, m := range specs {
		byID[m.ID] = m
		both(t, m.ID, m.Name, true)
		if len(m.Match) == 0 {
			t.Errorf("%s: no words to know it by", m.ID)
		}
		for _, w := range m.Match {
			if w != strings.ToLower(w) {
				t.Errorf("%s: %q is not in lower case", m.ID, w)
			}
			for _, x := range m.Exclude {
				if strings.Contains(w, strings.ToLower(x)) {
					t.Errorf("%s: its own word %q is ruled out by %q", m.ID, w, x)
				}
			}
			words[w] = m.ID
		}
		for _, z := range m.Clear {
			if z.X < 0 || z.Y < 0 || z.W <= 0 || z.H <= 0 || z.X+z.W > 1 || z.Y+z.H > 1 {
				t.Errorf("%s: zone %v leaves the picture", m.ID, z)
			}
		}
	}
	for _, id := range strings.Fields(`business_licence legal_rep_id_portrait legal_rep_id_emblem application_letter
		authorization_letter ownership_proof deregistration_certificate organisation_certificate employee_id_portrait
		employee_id_emblem labour_contract leaving_certificate agent_id_portrait agent_id_emblem holder_id_portrait holder_id_emblem`) {
		m, ok := byID[id]
		if !ok {
			t.Errorf("%s is missing", id)
		}
		if strings.Contains(id, "_id_") {
			zones := map[string]bool{}
			for _, z := range m.Clear {
				zones[z.Name] = true
			}
			if !m.Personal || !m.Watermark || strings.HasSuffix(id, "portrait") && (!zones["name"] || !zones["number"] || !zones["portrait"]) {
				t.Errorf("%s: personal %t, watermark %t, zones %v", id, m.Personal, m.Watermark, m.Clear)
			}
		}
		if m.Part == "letter" && (!m.Sealed || !m.Dated || m.MaxAgeDays != 30) {
			t.Errorf("%s: %+v", id, m)
		}
	}
}

// The numbers of the articles, as the packs carry them.
func TestThresholds(t *testing.T) {
	l := library(t)
	find := func(platform, id string) rules.Rule {
		p, err := l.Pack(platform)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(p.Rules, func(r rules.Rule) bool { return r.ID == id })
		if i < 0 {
			t.Fatalf("no rule %s", id)
		}
		return p.Rules[i]
	}
	for _, x := range []struct {
		platform, id                 string
		severity                     packager.Severity
		check                        string
		maxItems, maxAgeDays, window int
	}{
		{"wecom_account", "WC-P2", packager.Block, "facts.enterprises_joined <= 1", 0, 0, 0},
		{"wechat_oa", "OA-P1", packager.Block, "days_since(facts.last_active_on) >= 30", 0, 0, 0},
		{"wechat_oa", "OA-P3", packager.Block, "facts.balance_yuan <= 0.01", 0, 0, 0},
		{"wechat_oa", "OA-P7", packager.Block, "facts.pay_balance_yuan <= 1.0", 0, 0, 0},
		{"wechat_oa", "OA-M9", packager.Warn, "days_since(facts.stop_notice_on) >= 30", 0, 0, 0},
		{"wechat_oa", "OA-N1", packager.Warn, "days_since(facts.closing_notice_on) >= 30", 0, 0, 0},
		{"wechat_oa", "OA-B1", packager.Block, "", 100, 30, 0},
		{"wechat_oa", "OA-B3", packager.Warn, "", 0, 0, 60},
		{"wechat_oa", "OA-B4", packager.Info, "", 0, 0, 36 * 365 / 12},
		{"wechat_oa", "OA-B5", packager.Warn, "", 0, 0, 89},
		{"weibo_video", "WV-B1", packager.Block, "", 0, 0, 0},
		{"weibo_video", "WV-B2", packager.Warn, "", 0, 0, 180},
		{"weibo_video", "WV-B3", packager.Info, "", 0, 0, 90},
		{"weibo_video", "WV-P2", packager.Warn, "facts.ad_share_pending_yuan <= 0 || facts.ad_share_pending_yuan >= 500", 0, 0, 0},
	} {
		r := find(x.platform, x.id)
		if r.Severity != x.severity || r.Check != x.check || r.MaxItems != x.maxItems || r.MaxAgeDays != x.maxAgeDays || r.WindowDays != x.window {
			t.Errorf("%s: %s %q items %d age %d window %d", x.id, r.Severity, r.Check, r.MaxItems, r.MaxAgeDays, r.WindowDays)
		}
	}
}

// minimal is a case that says no more than which rules it wants.
func minimal(platform, application, accountType string, special ...string) *packager.Case {
	return &packager.Case{
		Version: 1, Platform: platform, Application: application, AccountType: accountType, SpecialCases: special,
		Facts: map[string]packager.Fact{}, Materials: map[string][]string{}, Papers: map[string]packager.Paper{},
		Applicant: packager.Applicant{LegalRepresentative: packager.Person{Name: "测试甲"}},
	}
}

func ruleSet(t *testing.T, c *packager.Case, at string) *packager.RuleSet {
	t.Helper()
	day, err := packager.ParseDay(at)
	if err != nil {
		t.Fatal(err)
	}
	cal, err := identity.ReadCalendar(templates.FS, "calendar")
	if err != nil {
		t.Fatal(err)
	}
	rs, err := library(t).For(c, day, cal)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func entry(t *testing.T, rs *packager.RuleSet, id string) packager.TimelineEntry {
	t.Helper()
	i := slices.IndexFunc(rs.Timeline, func(e packager.TimelineEntry) bool { return e.ID == id })
	if i < 0 {
		t.Fatalf("no entry %s on the timeline", id)
	}
	return rs.Timeline[i]
}

// The freeze of an Official Account follows its followers; the review before
// it ends on 2026-03-04 at the earliest and on 2026-03-06 at the latest
// (3 to 5 working days from Sunday 2026-03-01).
func TestFreezeByFollowers(t *testing.T) {
	for _, x := range []struct {
		followers int64
		latest    string
	}{
		{0, "2026-03-13"}, {1000, "2026-03-13"}, {1001, "2026-03-21"}, {10_000, "2026-03-21"},
		{10_001, "2026-04-05"}, {100_000, "2026-04-05"}, {100_001, "2026-05-05"}, {-1, "2026-05-05"},
	} {
		c := minimal("wechat_oa", "close", "individual")
		if x.followers >= 0 {
			c.Account.Followers = &x.followers
		}
		rs := ruleSet(t, c, "2026-03-01")
		if e := entry(t, rs, "freeze"); e.Earliest.String() != "2026-03-11" || e.Latest.String() != x.latest {
			t.Errorf("%d followers: freeze %s to %s", x.followers, e.Earliest, e.Latest)
		}
	}
}

// Each entry is the day worked out by hand from the durations of the article.
// 2026-09-28 is a Monday; National Day 2026 is 1 to 7 October, with 20
// September and 10 October as working days.
func TestTimeline(t *testing.T) {
	with := func(c *packager.Case, followers int64, dates ...string) *packager.Case {
		if followers > 0 {
			c.Account.Followers = &followers
		}
		for i := 0; i < len(dates); i += 2 {
			day, err := packager.ParseDay(dates[i+1])
			if err != nil {
				t.Fatal(err)
			}
			c.Facts[dates[i]] = packager.Fact{Value: day}
		}
		return c
	}
	for name, x := range map[string]struct {
		c                      *packager.Case
		at, id, earliest, late string
	}{
		"weibo review over National Day": {minimal("weibo_enterprise", "close", "enterprise"), "2026-09-28", "review", "2026-10-08", "2026-10-10"},
		"weibo withdrawal":               {minimal("weibo_enterprise", "close", "enterprise"), "2026-03-02", "withdraw", "2026-03-05", "2026-03-09"},
		"weibo no login":                 {minimal("weibo_enterprise", "close", "enterprise"), "2026-03-02", "no_login", "2026-03-16", "2026-03-17"},
		"wecom review":                   {minimal("wecom_account", "close", "personal"), "2026-03-02", "review", "2026-03-03", "2026-03-04"},
		"wecom cooling-off":              {minimal("wecom_account", "close", "personal"), "2026-03-02", "cooling", "2026-03-18", "2026-03-19"},
		"wecom no login":                 {minimal("wecom_account", "close", "personal"), "2026-03-02", "no_login", "2026-03-18", "2026-03-19"},
		"wecom no login, review":         {minimal("wecom_account", "close", "personal"), "2026-03-02", "no_login_review", "2026-03-03", "2026-03-04"},
		"oa no login":                    {with(minimal("wechat_oa", "close", "individual"), 10_001), "2026-03-01", "no_login", "2026-03-11", "2026-04-05"},
		"oa review, enterprise":          {minimal("wechat_oa", "close", "enterprise"), "2026-03-02", "review", "2026-03-11", "2026-03-23"},
		"oa review, government":          {minimal("wechat_oa", "close", "government"), "2026-03-02", "review", "2026-03-30", ""},
		"oa freeze, government":          {with(minimal("wechat_oa", "close", "government"), 500), "2026-03-02", "freeze", "2026-04-06", ""},
		"oa quiet over a leap day":       {with(minimal("wechat_oa", "close", "individual"), 0, "last_active_on", "2024-02-10"), "2024-03-11", "quiet", "2024-03-11", "2024-03-11"},
		"oa merchant freeze":             {with(minimal("wechat_oa", "close", "enterprise", "payment_enabled"), 0, "merchant_closing_filed_on", "2026-03-02"), "2026-03-02", "merchant_freeze", "2026-03-05", "2026-03-05"},
		"oa name, same subject":          {with(minimal("wechat_oa", "close", "individual"), 800), "2026-03-01", "name_same_subject", "2026-03-11", "2026-04-12"},
		"oa administrator confirms":      {with(minimal("wechat_oa", "close", "individual"), 800), "2026-03-01", "confirm", "2026-03-18", "2026-03-20"},
		"oa migration, cross-subject":    {minimal("wechat_oa", "migrate", "enterprise", "cross_subject"), "2026-03-02", "migration", "2026-03-09", "2026-03-17"},
		"oa migration confirmed":         {minimal("wechat_oa", "migrate", "enterprise"), "2026-03-02", "migration_confirm", "2026-03-17", "2026-03-17"},
		"video, individual":              {minimal("weibo_video", "close", "individual"), "2026-03-02", "review", "2026-03-02", "2026-03-03"},
		"video, third party":             {minimal("weibo_video", "close", "third_party"), "2026-03-02", "review", "2026-03-05", "2026-03-09"},
		"video, third party overseas":    {minimal("weibo_video", "close", "third_party", "overseas"), "2026-03-02", "review", "2026-03-09", "2026-03-12"},
		"video, delayed review":          {minimal("weibo_video", "close", "individual", "opinion_risk"), "2026-03-02", "delayed_review", "2026-03-02", "2026-03-17"},
		"video, opening again":           {minimal("weibo_video", "close", "individual"), "2026-03-02", "reopen", "2026-08-29", "2026-08-30"},
		"video, drafts":                  {minimal("weibo_video", "close", "individual"), "2026-03-02", "drafts", "2026-04-01", "2026-04-02"},
		"video, shell":                   {with(minimal("weibo_video", "close", "individual"), 10_001), "2026-03-02", "shell", "2026-06-02", "2026-06-03"},
		"video, topic":                   {with(minimal("weibo_video", "close", "individual", "topic_host"), 0, "topic_transferred_on", "2026-03-01"), "2026-03-02", "topic", "2026-03-31", "2026-03-31"},
		"douyin review":                  {minimal("douyin_employee", "close", "employee"), "2026-03-02", "review", "2026-03-05", "2026-03-09"},
	} {
		t.Run(name, func(t *testing.T) {
			e := entry(t, ruleSet(t, x.c, x.at), x.id)
			if e.Earliest.String() != x.earliest || e.Latest.String() != x.late {
				t.Errorf("%s: %s to %s, want %s to %s", x.id, e.Earliest, e.Latest, x.earliest, x.late)
			}
		})
	}
	if rs := ruleSet(t, with(minimal("weibo_video", "close", "individual"), 10_000), "2026-03-02"); slices.ContainsFunc(rs.Timeline, func(e packager.TimelineEntry) bool { return e.ID == "shell" }) {
		t.Error("10,000 followers: no shell is to be kept")
	}
	if rs := ruleSet(t, minimal("douyin_employee", "open", "employee"), "2026-03-02"); len(rs.Timeline) > 0 {
		t.Error("opening: no duration is known")
	}
}

// packCase is as much of a case of the packs as these tests need; the test of
// packager/check walks them in full.
type packCase struct {
	At   packager.Day
	Case yaml.Node
}

func cases(t *testing.T, l *rules.Library, id string) map[string]*packager.RuleSet {
	t.Helper()
	files, err := l.Files(id)
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(files, "cases/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*packager.RuleSet{}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		var p packCase
		if err := yaml.Unmarshal(b, &p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := yaml.Marshal(&p.Case)
		if err != nil {
			t.Fatal(err)
		}
		c, err := casefile.Parse(path.Base(name), text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rs, err := l.For(c, p.At, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		used.note(c)
		out[name] = rs
	}
	return out
}

// usage says which applications, account types and special cases are met.
type usage map[string]bool

var used = usage{}

func (u usage) note(c *packager.Case) {
	u[c.Platform+" "+c.Application] = true
	u[c.Platform+" "+c.AccountType] = true
	for _, s := range c.SpecialCases {
		u[c.Platform+" "+s] = true
	}
}

// Cases prove every account type, special case and rule that asks for
// something, and in none of them does an unconfirmed rule block.
func TestCasesCoverThePacks(t *testing.T) {
	five := 0
	packs(t, func(t *testing.T, l *rules.Library, p *rules.Pack) {
		all := cases(t, l, p.ID)
		if rows[p.ID] != "" {
			five += len(all)
		}
		applied := map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			for _, req := range all[name].Requirements {
				confirmed := false
				for _, r := range req.Rules {
					applied[r.ID] = true
					confirmed = confirmed || r.Confidence.MayBlock()
				}
				if req.Severity == packager.Block && !confirmed {
					t.Errorf("%s: %s blocks, and nothing confirms it", name, req.ID)
				}
			}
			for _, r := range all[name].Notes {
				applied[r.ID] = true
			}
		}
		for _, r := range p.Rules {
			if !applied[r.ID] {
				t.Errorf("%s applies in no case", r.ID)
			}
		}
		for _, o := range p.AccountTypes {
			if !used[p.ID+" "+o.ID] {
				t.Errorf("account type %s is in no case", o.ID)
			}
		}
		for _, o := range p.SpecialCases {
			if !used[p.ID+" "+o.ID] {
				t.Errorf("special case %s is in no case", o.ID)
			}
		}
		for _, a := range p.Applications {
			if !used[p.ID+" "+a.ID] {
				t.Errorf("application %s is in no case", a.ID)
			}
		}
	})
	if five < 120 {
		t.Errorf("%d cases over the five packs, at least 120 are due", five)
	}
}

// contract is the case that the surface is explained by.
const contract = `version: 1
platform: wechat_oa
application: close
account_type: enterprise
special_cases: [payment_enabled]
account:
  id: gh_0123456789ab
  name: 测试虚构服务号
  bound_phone: "13800138000"
  bound_email: ops@example.com
  followers: 12000
applicant:
  name: 测试虚构（样本）科技有限公司
  uscc: 91000000MAFAKE019J
  legal_representative: {name: 测试甲, id_number: "110199198001010016", id_valid_until: 2031-05-01}
agent: {name: 样本乙, id_number: "310199198512310026", phone: "13800138000"}
reason: 业务调整
materials:
  business_licence: [materials/营业执照.jpg]
  legal_rep_id_portrait: materials/身份证人像面.jpg
facts:
  last_active_on: 2026-10-01
  balance_yuan: 0
  auto_renewal_off: {value: true, on: 2026-11-10, evidence: [materials/自动续费已关闭.png]}
backups:
  - {requirement: articles, files: [backups/articles-001.zip], exported_on: 2026-11-12, items: 96}
consent:
  - {person: 样本丙, on: 2026-11-11, evidence: materials/同意书.pdf}
`

func TestContractExample(t *testing.T) {
	c, err := casefile.Parse("case.yaml", []byte(contract))
	if err != nil {
		t.Fatal(err)
	}
	rs, err := library(t).For(c, packager.Day{Year: 2026, Month: 11, Dom: 22}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"business_licence", "application_letter", "authorization_letter", "legal_rep_id_portrait", "articles", "last_active_on", "pay_balance_yuan"} {
		if !slices.ContainsFunc(rs.Requirements, func(r packager.Requirement) bool { return r.ID == id }) {
			t.Errorf("%s is not asked for", id)
		}
	}
}

func BenchmarkLoadPack(b *testing.B) {
	for b.Loop() {
		l, err := rules.Load(templates.FS)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.Pack("wechat_oa"); err != nil {
			b.Fatal(err)
		}
	}
}
