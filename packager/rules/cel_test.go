package rules

import (
	"os"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"

	"dossier/packager"
)

func celCase() *resolver {
	followers := int64(1000)
	return &resolver{
		day: packager.Day{Year: 2026, Month: time.March, Dom: 1}, accountType: "enterprise",
		c: &packager.Case{
			Platform: "shop", Application: "close", SpecialCases: []string{"payment_enabled"},
			Account:   packager.Account{ID: "a1", Followers: &followers},
			Applicant: packager.Applicant{Name: "甲公司", LegalRepresentative: packager.Person{Name: "甲", IDValidUntil: packager.Day{Year: 2026, Month: time.March, Dom: 31}}},
			Agent:     &packager.Person{Name: "乙", IDLongTerm: true},
		},
		facts: map[string]any{
			"cent": 0.01, "yuan": 1.00, "over": 1.01, "two": 0.02, "zero": 0.0, "count": int64(3), "yes": true, "no": false,
			"on": packager.Day{Year: 2026, Month: time.January, Dom: 30}.Time(), "role": "member", "links": []any{"a", "b"},
		},
	}
}

// TestConditions holds the environment that packs are written against:
// templates/schema/CEL.md says the same in words.
func TestConditions(t *testing.T) {
	vars := celCase().vars()
	tests := []struct{ text, want string }{
		// Whole numbers and fractions, at their boundaries.
		{"facts.cent <= 0.01", "true"}, {"facts.two <= 0.01", "false"}, {"facts.zero <= 0", "true"}, {"facts.zero == 0", "true"},
		{"facts.yuan <= 1", "true"}, {"facts.yuan == 1.00", "true"}, {"facts.over <= 1.00", "false"}, {"facts.over > 1", "true"},
		{"facts.count == 3.0", "true"}, {"facts.count >= 2.5", "true"}, {"account.followers == 1000", "true"}, {"account.followers <= 1000.0", "true"},
		{"1 < 1.5 && 2.0 == 2.0", "true"}, {"facts.count in [1, 2, 3]", "true"},
		// Days: leap years and the ends of months count as the calendar does.
		{"days_since(facts.on) == 30", "true"}, {"days_since(facts.on) >= 31", "false"}, {"days_since(day('2026-02-28')) == 1", "true"},
		{"days_since(day('2024-02-28')) == 732", "true"}, {"days_until(day('2026-03-31')) == 30", "true"}, {"days_until(facts.on) == -30", "true"},
		{"days_between(facts.on, today) == 30", "true"}, {"facts.on < today", "true"}, {"today == day('2026-03-01')", "true"},
		{"days_until(applicant.legal_representative.id_valid_until) < 90", "true"}, {"day('2026-02-30') < today", "error"},
		// Words and people.
		{"platform == 'shop' && application == 'close' && account_type == 'enterprise'", "true"},
		{"case_is('payment_enabled')", "true"}, {"case_is('x')", "false"}, {"'payment_enabled' in special_cases", "true"},
		{"special_cases.exists(c, c.startsWith('pay'))", "true"}, {"facts.links.all(l, l in ['a', 'b'])", "true"}, {"size(facts.links) == 2", "true"},
		{"agent != null && agent.name == '乙'", "true"}, {"employee == null", "true"}, {"holder != null && holder.name == 'x'", "false"},
		{"agent.id_long_term", "true"}, {"agent.phone == ''", "true"}, {"has(agent.phone)", "false"}, {"has(agent.name)", "true"},
		{"account.bound_phone == ''", "true"}, {"has(account.bound_phone)", "false"}, {"has(account.followers)", "true"}, {"account.followers != null", "true"},
		{"applicant.uscc == '' && applicant.legal_representative.name == '甲'", "true"},
		// What is not stated.
		{"facts.missing", "unknown"}, {"!facts.missing", "unknown"}, {"facts.missing > 3", "unknown"}, {"facts['missing'] == 1", "unknown"},
		{"has(facts.missing)", "false"}, {"'missing' in facts", "false"}, {"has(facts.missing) && facts.missing", "false"}, {"has(facts.yes) && facts.yes", "true"},
		{"facts.missing || facts.yes", "true"}, {"facts.yes || facts.missing", "true"}, {"facts.missing && facts.no", "false"},
		{"facts.missing || facts.no", "unknown"}, {"facts.missing && facts.yes", "unknown"}, {"facts.yes ? facts.yes : facts.missing", "true"},
		{"days_since(facts.missing) >= 30", "unknown"}, {"employee.name == 'x'", "unknown"}, {"employee == null || employee.name == 'x'", "true"},
		{"days_until(agent.id_valid_until) > 0", "unknown"}, {"agent.id_long_term || days_until(agent.id_valid_until) > 0", "true"},
		// The pack's own mistakes.
		{"facts.role > 3", "error"}, {"facts.count / 0 == 1", "error"}, {"facts.role", "other"},
	}
	for _, test := range tests {
		c, wrong, err := compile(test.text, cel.BoolType)
		if err != nil || len(wrong) > 0 {
			t.Errorf("%s: %v %v", test.text, wrong, err)
			continue
		}
		got := "other"
		switch v, known, err := c.eval(vars); {
		case err != nil:
			got = "error"
		case !known:
			got = "unknown"
		case v == true:
			got = "true"
		case v == false:
			got = "false"
		}
		if got != test.want {
			t.Errorf("%s is %s, want %s", test.text, got, test.want)
		}
	}
}

func TestFollowersThatAreNotStated(t *testing.T) {
	r := celCase()
	r.c.Account.Followers = nil
	for text, want := range map[string]any{"account.followers == null": true, "has(account.followers)": false, "account.followers > 10": nil, "account.followers == null || account.followers > 10": true} {
		c, wrong, _ := compile(text, cel.BoolType)
		if len(wrong) > 0 {
			t.Fatal(wrong)
		}
		v, known, err := c.eval(r.vars())
		if err != nil || known != (want != nil) || known && v != want {
			t.Errorf("%s: %v %v %v, want %v", text, v, known, err, want)
		}
	}
}

func TestExpressionsThatAreRefused(t *testing.T) {
	for _, text := range []string{
		"facts.x +", "account.folowers > 1", "daysSince(facts.x) > 1", "unknown_variable", "1 + 1", "'a' > 1", "agent.nmae == ''",
		strings.Repeat("(", 60) + "true" + strings.Repeat(")", 60), "'" + strings.Repeat("x", maxExpression) + "' == ''",
	} {
		if c, wrong, err := compile(text, cel.BoolType); c.program != nil || len(wrong) == 0 || err != nil {
			t.Errorf("%.40s compiles: %v %v", text, wrong, err)
		}
	}
}

// TestDocumentation holds CEL.md to the environment.
func TestDocumentation(t *testing.T) {
	b, err := os.ReadFile("../../templates/schema/CEL.md")
	if err != nil {
		t.Fatal(err)
	}
	words := sortedKeys(variables)
	for _, fields := range structs {
		words = append(words, sortedKeys(fields)...)
	}
	words = append(words, "days_since(", "days_until(", "days_between(", "day(", "case_is(", "4000 ", "100,000", "50 levels")
	for _, w := range words {
		if !strings.Contains(string(b), "`"+w) && !strings.Contains(string(b), w) {
			t.Errorf("CEL.md does not name %s", w)
		}
	}
}
