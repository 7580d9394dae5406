package check

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/templates"
)

// gaps is a report with these blockers: an expired card, a missing letter and
// a precondition that fails.
func gaps(t *testing.T, change func(*packager.Inspection)) *packager.Report {
	t.Helper()
	in := base()
	in.Case.Applicant.LegalRepresentative.IDValidUntil = day("2026-11-01")
	in.Files = slices.DeleteFunc(in.Files, func(f packager.Inspected) bool { return slices.Contains(f.IDs, "application_letter") })
	in.Rules.Requirements[4].Outcome = packager.Fails
	if change != nil {
		change(in)
	}
	return Check(in)
}

func blocking(r *packager.Report) []string {
	var out []string
	for _, f := range r.Findings {
		if f.Severity == packager.Block {
			out = append(out, nameOf(f.Code, f.Requirement))
		}
	}
	return out
}

func accept(name, reason string) packager.Acceptance {
	code, requirement, _ := strings.Cut(name, ":")
	return packager.Acceptance{Code: code, Requirement: requirement, Reason: reason, By: "审核员甲"}
}

func TestAcceptLetsPass(t *testing.T) {
	for _, tt := range []struct {
		name string
		list []packager.Acceptance
		left []string // what still blocks
	}{
		{"none", nil, []string{"MATERIAL_MISSING:application_letter", "PRECONDITION_FAILS:auto_renewal_off", "ID_EXPIRED:legal_rep_id_emblem"}},
		{"by code", []packager.Acceptance{accept("ID_EXPIRED", "新证办理中")}, []string{"MATERIAL_MISSING:application_letter", "PRECONDITION_FAILS:auto_renewal_off"}},
		{"by requirement", []packager.Acceptance{accept("MATERIAL_MISSING:application_letter", "平台在线填写")}, []string{"PRECONDITION_FAILS:auto_renewal_off", "ID_EXPIRED:legal_rep_id_emblem"}},
		{"all", []packager.Acceptance{accept("ID_EXPIRED", "一"), accept("MATERIAL_MISSING", "二"), accept("PRECONDITION_FAILS", "三")}, nil},
		{"the same twice", []packager.Acceptance{accept("ID_EXPIRED", "一"), accept("ID_EXPIRED:legal_rep_id_emblem", "二"), accept("MATERIAL_MISSING", "二"), accept("PRECONDITION_FAILS", "三")}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := gaps(t, nil)
			got, err := Accept(before, tt.list)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.left, blocking(got)); diff != "" {
				t.Error(diff)
			}
			if got.Complete() != (len(tt.left) == 0) {
				t.Errorf("complete: %v", got.Complete())
			}
			if diff := cmp.Diff(gaps(t, nil), before); diff != "" {
				t.Errorf("the report that was given has changed:\n%s", diff)
			}
		})
	}
}

func TestAcceptMarks(t *testing.T) {
	got, err := Accept(gaps(t, nil), []packager.Acceptance{
		accept("ID_EXPIRED", "  新证办理中，\n附回执 110199198001010016\u202e "), accept("ID_EXPIRED:legal_rep_id_emblem", "晚了"),
	})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(got.Findings, func(f packager.Finding) bool { return f.Code == "ID_EXPIRED" })
	f := got.Findings[i]
	if f.Severity != packager.Warn || f.Accepted != "新证办理中， 附回执 110***********0016" || f.AcceptedBy != "审核员甲" {
		t.Errorf("%s %q %q", f.Severity, f.Accepted, f.AcceptedBy)
	}
	if !slices.IsSortedFunc(got.Findings, func(a, b packager.Finding) int { return a.Severity.Rank() - b.Severity.Rank() }) {
		t.Error("findings are out of order")
	}
	for _, v := range got.Requirements {
		want := map[string]packager.Severity{"legal_rep_id_emblem": packager.Warn, "application_letter": packager.Block, "auto_renewal_off": packager.Block}[v.ID]
		if want != "" && (v.State != want || v.Satisfied) {
			t.Errorf("%s: state %s, want %s; satisfied %v", v.ID, v.State, want, v.Satisfied)
		}
	}
}

func TestAcceptRefuses(t *testing.T) {
	lose := func(path, code string) func(*packager.Inspection) {
		return func(in *packager.Inspection) {
			f := file(in, path)
			f.Unusable = code
			in.Findings = append(in.Findings, packager.Finding{Code: code, Severity: packager.Block, Material: path, Requirement: f.IDs[0]})
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*packager.Inspection)
		accept packager.Acceptance
		want   string // code of the Fault; "" when it passes
	}{
		{"no reason", nil, accept("ID_EXPIRED", " \n\u200b "), "ACCEPT_NO_REASON"},
		{"a letter for a reason", nil, accept("ID_EXPIRED", strings.Repeat("长", maxReason+1)), "ACCEPT_REASON_LONG"},
		{"nothing of that name", nil, accept("NO_SUCH_CODE", "因为"), "ACCEPT_MEETS_NOTHING"},
		{"another requirement", nil, accept("MATERIAL_MISSING:articles", "因为"), "ACCEPT_MEETS_NOTHING"},
		{"only a warning", func(in *packager.Inspection) { in.Case.Applicant.LegalRepresentative.IDValidUntil = day("2026-12-01") },
			accept("ID_EXPIRES_SOON", "因为"), "ACCEPT_MEETS_NOTHING"},
		{"a wrong number", func(in *packager.Inspection) { in.Case.Applicant.LegalRepresentative.IDNumber = "110199198001010017" },
			accept("ID_NUMBER_INVALID", "因为"), "ACCEPT_NEVER_NUMBER"},
		{"a wrong credit code", func(in *packager.Inspection) { in.Case.Applicant.USCC = "91330106673959654Q" }, accept("USCC_INVALID", "因为"), "ACCEPT_NEVER_NUMBER"},
		{"somebody else's licence", func(in *packager.Inspection) {
			file(in, "materials/营业执照.jpg").QR = []string{"http://www.gsxt.gov.cn/index.html?uniscid=91000000MAFAKE019J"}
		}, accept("LICENCE_OTHER_ENTITY:business_licence", "因为"), "ACCEPT_NEVER_OTHER"},
		{"outside the case", func(in *packager.Inspection) {
			in.Findings = append(in.Findings, packager.Finding{Code: "FILE_OUTSIDE_CASE", Severity: packager.Block, Material: "../x.jpg"})
		}, accept("FILE_OUTSIDE_CASE", "因为"), "ACCEPT_NEVER_OUTSIDE"},
		{"a paper that does not open", lose("materials/营业执照.jpg", "PDF_ENCRYPTED"), accept("PDF_ENCRYPTED", "因为"), "ACCEPT_NEVER_UNREADABLE"},
		{"a backup whose password the applicant keeps", lose("backups/articles.zip", "ARCHIVE_ENCRYPTED"), accept("ARCHIVE_ENCRYPTED", "口令另存"), ""},
		{"the pack says so", func(in *packager.Inspection) {
			in.Rules.Absolute = []packager.Absolute{{Code: "PRECONDITION_FAILS", Requirement: "auto_renewal_off", Why: packager.Text{ZH: "系统不让提交", EN: "the system refuses"}}}
		}, accept("PRECONDITION_FAILS", "因为"), "ACCEPT_NEVER_PACK"},
		{"the pack says so of another requirement", func(in *packager.Inspection) {
			in.Rules.Absolute = []packager.Absolute{{Code: "PRECONDITION_FAILS", Requirement: "articles", Why: packager.Text{ZH: "系统不让提交"}}}
		}, accept("PRECONDITION_FAILS", "因为"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Accept(gaps(t, tt.change), []packager.Acceptance{tt.accept})
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var fault *packager.Fault
			if !errors.As(err, &fault) || fault.Code != tt.want || fault.Class != packager.ClassUsage {
				t.Fatalf("%v, want %s", err, tt.want)
			}
			said(t, fault)
		})
	}
	if _, err := Accept(Check(base()), []packager.Acceptance{accept("ID_EXPIRED", "因为")}); err == nil || !strings.Contains(err.Error(), "ACCEPT_NOTHING_BLOCKS") {
		t.Errorf("a complete case: %v", err)
	}
}

// said sees that the catalog has words for a Fault, and values for all of them.
func said(t *testing.T, f *packager.Fault) {
	t.Helper()
	catalog, err := i18n.Load(templates.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range i18n.Languages {
		message, next := catalog.Printer(lang).Say(f.Code, f.Args)
		if message == f.Code || next == "" || strings.ContainsAny(message+next, "{}") {
			t.Errorf("%s: %q → %q", lang, message, next)
		}
	}
}

// Every code that can never pass is one that the program knows to say.
func TestNeverIsKnown(t *testing.T) {
	catalog, err := i18n.Load(templates.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	for code := range never {
		if !slices.Contains(catalog.Keys(), code) {
			t.Errorf("%s is not in the catalog", code)
		}
	}
}
