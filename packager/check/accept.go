package check

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dossier/packager"
	"dossier/packager/identity"
)

// never are the blockers that no reason outweighs, with the code of the Fault
// that says why. A pack adds its own (RuleSet.Absolute), and a paper that
// cannot be shown is always one: see final.
var never = map[string]string{
	// Computation proves them wrong, and every form that checks says no.
	"USCC_INVALID":             faultNumber,
	"ID_NUMBER_INVALID":        faultNumber,
	"ID_BIRTH_DATE_IMPOSSIBLE": faultNumber,
	// The paper is somebody else's: to hand it in is to disclose it.
	"LICENCE_OTHER_ENTITY": faultOther,
	"LETTER_OTHER_CASE":    faultOther,
	// The number would stand in the manifest, the log and the store for good.
	"FILE_NAME_HAS_ID": faultName,
	// What lies outside the case or is no file was never looked at.
	"FILE_OUTSIDE_CASE": faultOutside,
	"FILE_SPECIAL":      faultOutside,
	// There is nothing that a reviewer could read.
	"FILE_MISSING":           faultUnreadable,
	"FILE_IS_DIRECTORY":      faultUnreadable,
	"FILE_UNREADABLE":        faultUnreadable,
	"FILE_EMPTY":             faultUnreadable,
	"FILE_CHANGED":           faultUnreadable,
	"FILE_TOO_LARGE":         faultUnreadable,
	"CASE_FOLDER_UNREADABLE": faultUnreadable,
	"MATERIAL_UNUSABLE":      faultUnreadable,
	"PICTURE_BLANK":          faultUnreadable,
}

const (
	faultNumber     = "ACCEPT_NEVER_NUMBER"
	faultOther      = "ACCEPT_NEVER_OTHER"
	faultOutside    = "ACCEPT_NEVER_OUTSIDE"
	faultUnreadable = "ACCEPT_NEVER_UNREADABLE"
	faultName       = "ACCEPT_NEVER_NAME"
	faultPack       = "ACCEPT_NEVER_PACK"
)

// maxReason is the longest reason, in characters: it stands in a row of the
// reviewer's sheet.
const maxReason = 300

// Accept lets blockers pass for which a person gives a reason: each becomes a
// warning that carries it. Where several acceptances mean the same finding the
// first one counts. The report that is given stays as it is.
//
// An acceptance that meets no blocker, one without a reason, and one of a
// blocker that nobody may let pass are Faults of ClassUsage. Identity numbers
// in a reason are masked, since it is printed and logged.
func Accept(r *packager.Report, list []packager.Acceptance) (*packager.Report, error) {
	if len(list) == 0 {
		return r, nil
	}
	out := *r
	out.Findings = slices.Clone(r.Findings)
	for _, a := range list {
		reason, err := reasonOf(a)
		if err != nil {
			return nil, err
		}
		met := false
		for i := range out.Findings {
			f := &out.Findings[i]
			if !means(a, f) {
				continue
			}
			met = true
			if f.Severity != packager.Block {
				continue // an acceptance before this one let it pass
			}
			if err := final(r, f); err != nil {
				return nil, err
			}
			f.Severity, f.Accepted, f.AcceptedBy = packager.Warn, reason, identity.MaskIDs(a.By)
		}
		if !met {
			return nil, meetsNothing(r, a)
		}
	}
	slices.SortStableFunc(out.Findings, func(a, b packager.Finding) int { return cmp.Compare(a.Severity.Rank(), b.Severity.Rank()) })
	out.Requirements = slices.Clone(r.Requirements)
	worst := worstOf(out.Findings)
	for i := range out.Requirements {
		// What is let pass is still not met: Satisfied stays false.
		if v := &out.Requirements[i]; v.State == packager.Block {
			v.State = cmp.Or(worst[v.ID], packager.Warn)
		}
	}
	return &out, nil
}

// means reports whether an acceptance is about a finding that blocks, or that
// did before it was accepted.
func means(a packager.Acceptance, f *packager.Finding) bool {
	return f.Code == a.Code && (f.Severity == packager.Block || f.Accepted != "") &&
		(a.Requirement == "" || a.Requirement == f.Requirement)
}

// reasonOf is the reason on one line, without what cannot be printed.
func reasonOf(a packager.Acceptance) (string, error) {
	s := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(a.Reason, "\uFFFD"))
	s = identity.MaskIDs(strings.Join(strings.Fields(s), " "))
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		return "", refuse("ACCEPT_NO_REASON", a, nil)
	case n > maxReason:
		return "", refuse("ACCEPT_REASON_LONG", a, packager.Args{"n": strconv.Itoa(n), "max": strconv.Itoa(maxReason)})
	}
	return s, nil
}

// final is the Fault for a blocker that nobody may let pass, or nil.
func final(r *packager.Report, f *packager.Finding) error {
	about := packager.Acceptance{Code: f.Code, Requirement: f.Requirement}
	if code, ok := never[f.Code]; ok {
		return refuse(code, about, packager.Args{"material": cmp.Or(f.Material, "case.yaml")})
	}
	for i := range r.Files {
		// A backup stays out of the bundle; who cannot open it any more may say so.
		if file := &r.Files[i]; file.Path == f.Material && file.Unusable == f.Code && file.Role != packager.RoleBackup {
			return refuse(faultUnreadable, about, packager.Args{"material": f.Material})
		}
	}
	for _, x := range r.Rules.Absolute {
		if x.Code == f.Code && (x.Requirement == "" || x.Requirement == f.Requirement) {
			return refuse(faultPack, about, packager.Args{"why_zh": x.Why.In("zh"), "why_en": x.Why.In("en")})
		}
	}
	return nil
}

// meetsNothing names the blockers that there are.
func meetsNothing(r *packager.Report, a packager.Acceptance) error {
	var blocking []string
	for _, f := range r.Findings {
		if name := nameOf(f.Code, f.Requirement); f.Severity == packager.Block && !slices.Contains(blocking, name) {
			blocking = append(blocking, name)
		}
	}
	if len(blocking) == 0 {
		return refuse("ACCEPT_NOTHING_BLOCKS", a, nil)
	}
	return refuse("ACCEPT_MEETS_NOTHING", a, packager.Args{"list": strings.Join(blocking, ", ")})
}

func refuse(code string, a packager.Acceptance, args packager.Args) error {
	if args == nil {
		args = packager.Args{}
	}
	args["accept"] = identity.MaskIDs(nameOf(a.Code, a.Requirement))
	return &packager.Fault{Class: packager.ClassUsage, Code: code, Args: args}
}

// nameOf is how --accept names a blocker.
func nameOf(code, requirement string) string {
	if requirement == "" {
		return code
	}
	return code + ":" + requirement
}
