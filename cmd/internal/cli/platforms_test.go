package cli

import (
	"testing"

	"dossier/packager/rules"
	"dossier/templates"
)

// TestConditionsInWords holds that no shipped rule shows a reader CEL.
func TestConditionsInWords(t *testing.T) {
	lib, err := rules.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range lib.IDs() {
		p, err := lib.Pack(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p.Rules {
			if r.When != "" && (r.WhenText.ZH == "" || r.WhenText.EN == "") {
				t.Errorf("%s %s has a condition and no when_text: %s", id, r.ID, r.When)
			}
		}
		for _, e := range p.Timeline {
			if e.When != "" && (e.WhenText.ZH == "" || e.WhenText.EN == "") {
				t.Errorf("%s timeline %s has a condition and no when_text: %s", id, e.ID, e.When)
			}
		}
	}
}
