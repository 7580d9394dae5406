package check

import (
	"slices"
	"testing"
	"time"

	"dossier/packager"
)

func TestLetters(t *testing.T) {
	const digest = "0123456789ab"
	mark := func(page, pages int, edit ...func(*packager.LetterMark)) string {
		m := packager.LetterMark{Case: "c1", Letter: "application_letter", Digest: digest, Wording: "aaaaaa", Page: page, Pages: pages}
		for _, f := range edit {
			f(&m)
		}
		return m.String()
	}
	other := func(m *packager.LetterMark) { m.Digest = "ffffffffffff" }
	on := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	account := packager.Text{ZH: "账号标识", EN: "account id"}
	drafted := func(d packager.LetterDraft) []packager.LetterDraft {
		d.Digest, d.On = "ffffffffffff", on
		return []packager.LetterDraft{d}
	}
	type file struct {
		id string
		qr []string
	}
	for _, c := range []struct {
		name     string
		severity packager.Severity // of the requirement
		files    []file
		drafts   []packager.LetterDraft
		want     []string
	}{
		{"nothing", packager.Block, nil, nil, nil},
		{"a code of somebody else", packager.Block, []file{{"application_letter", []string{"https://example.com", "DOSSIER1:x"}}}, nil, nil},
		{"as the case says", packager.Block, []file{{"application_letter", []string{mark(1, 1)}}}, nil, []string{"LETTER_RECOGNISED info"}},
		{"both pages in one file", packager.Block, []file{{"application_letter", []string{mark(1, 2), mark(2, 2)}}}, nil, []string{"LETTER_RECOGNISED info"}},
		{"pages in two files", packager.Block, []file{{"application_letter", []string{mark(1, 2)}}, {"application_letter", []string{mark(2, 2)}}}, nil, []string{"LETTER_RECOGNISED info"}},
		{"second page missing", packager.Block, []file{{"application_letter", []string{mark(1, 2)}}}, nil, []string{"LETTER_PAGES_MISSING warn", "LETTER_RECOGNISED info"}},
		{"other case", packager.Block, []file{{"application_letter", []string{mark(1, 1, func(m *packager.LetterMark) { m.Case = "c2" })}}}, nil, []string{"LETTER_OTHER_CASE block"}},
		{"other case, advised paper", packager.Warn, []file{{"application_letter", []string{mark(1, 1, func(m *packager.LetterMark) { m.Case = "c2" })}}}, nil, []string{"LETTER_OTHER_CASE warn"}},
		{"other case, unplaced", packager.Block, []file{{"", []string{mark(1, 1, func(m *packager.LetterMark) { m.Case = "c2" })}}}, nil, []string{"LETTER_OTHER_CASE warn"}},
		{"under the licence", packager.Block, []file{{"business_licence", []string{mark(1, 1)}}}, nil, []string{"LETTER_OTHER_PAPER block"}},
		{"account changed", packager.Block, []file{{"application_letter", []string{mark(1, 1, other)}}}, drafted(packager.LetterDraft{Changed: []packager.Text{account}, Grave: true}), []string{"LETTER_CASE_CHANGED block"}},
		{"reason changed", packager.Block, []file{{"application_letter", []string{mark(1, 1, other)}}}, drafted(packager.LetterDraft{Changed: []packager.Text{account}}), []string{"LETTER_CASE_CHANGED warn"}},
		{"wording changed", packager.Block, []file{{"application_letter", []string{mark(1, 1, other)}}}, drafted(packager.LetterDraft{Wording: "bbbbbb"}), []string{"LETTER_WORDING_CHANGED info"}},
		{"no record", packager.Block, []file{{"application_letter", []string{mark(1, 1, other)}}}, nil, []string{"LETTER_DIFFERS warn"}},
		{"the draft itself", packager.Block, []file{{"application_letter", []string{mark(1, 1, other)}}}, drafted(packager.LetterDraft{SHA256: "sum"}), []string{"LETTER_NOT_SEALED block"}},
		{"unknown letter", packager.Block, []file{{"application_letter", []string{mark(1, 1, func(m *packager.LetterMark) { m.Letter = "gone" })}}}, nil, []string{"LETTER_WORDING_CHANGED info"}},
	} {
		in := &packager.Inspection{
			Case: &packager.Case{ID: "c1"},
			Rules: &packager.RuleSet{
				Day: packager.Day{Year: 2026, Month: 11, Dom: 22},
				Requirements: []packager.Requirement{
					{ID: "application_letter", Kind: packager.KindMaterial, Severity: c.severity, AnyOf: []string{"application_letter"}, Min: 1},
					{ID: "business_licence", Kind: packager.KindMaterial, Severity: c.severity, AnyOf: []string{"business_licence"}, Min: 1},
				},
				Catalogue: map[string]packager.MaterialSpec{"application_letter": {ID: "application_letter"}, "business_licence": {ID: "business_licence"}},
			},
			Letters: []packager.Letter{{ID: "application_letter", Answers: "application_letter", Digest: digest, Wording: "aaaaaa", Drafts: c.drafts}},
		}
		for i, f := range c.files {
			m := packager.Inspected{QR: f.qr, Form: packager.FormPicture}
			m.Path, m.Role, m.SHA256 = string(rune('a'+i))+".jpg", packager.RoleMaterial, "sum"
			if m.IDs = []string{f.id}; f.id == "" {
				m.Role, m.IDs = packager.RoleUnplaced, nil
			}
			in.Files = append(in.Files, m)
		}
		checker := newChecker(in)
		checker.letters()
		var got []string
		for _, f := range checker.found {
			got = append(got, f.Code+" "+string(f.Severity))
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
