package check

import (
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
	"dossier/packager/identity"
)

// applicant judges the credit code that the case states.
func (c *checker) applicant() {
	code := c.kase.Applicant.USCC
	if code == "" {
		return
	}
	r := identity.USCC(code)
	at := c.pos("applicant.uscc")
	say := func(code string, sev packager.Severity, args packager.Args) {
		args["uscc"], args["length"] = r.Normal, strconv.Itoa(len([]rune(r.Normal)))
		c.say(packager.Finding{Code: code, Severity: sev, Pos: at, Args: args})
	}
	blocked := false
	for _, p := range r.Problems {
		args := packager.Args{"reason": p.Code, "at": strconv.Itoa(p.At)}
		switch {
		case p.Severity == packager.Block:
			if !blocked {
				say("USCC_INVALID", packager.Block, args)
			}
			blocked = true
		case p.Code == identity.ProblemRegion:
			args["division"] = r.Region
			say("USCC_DIVISION_UNUSUAL", packager.Warn, args)
		case p.Code == identity.ProblemCategory:
			args["category"] = r.Category
			say("USCC_AUTHORITY_UNUSUAL", packager.Warn, args)
		default: // the check character of the organisation code
			say("USCC_ORG_CODE_UNUSUAL", packager.Warn, args)
		}
	}
	if blocked {
		for _, h := range r.Hints {
			if h.Want != "" {
				say("USCC_HINT", packager.Info, packager.Args{"at": strconv.Itoa(h.At), "got": h.Got, "want": h.Want})
			}
		}
		if r.Looks != "" {
			say("USCC_OLD_NUMBER", packager.Info, packager.Args{"kind": string(r.Looks)})
		}
		return
	}
	if !categoryFits(c.kase.AccountType, r.Category) {
		say("USCC_CATEGORY_UNUSUAL", packager.Warn, packager.Args{"category": r.Category, "account_type": c.kase.AccountType,
			"account_type_zh": c.rs.AccountType.In("zh"), "account_type_en": c.rs.AccountType.In("en")})
	}
}

// categories are the first two characters of the USCC that an account type
// goes with. Account types that can be anything (media, an MCN as
// "institution" may be a company) stand for all but what they surely are not.
var categories = map[string][]string{
	"enterprise":          {"91", "92", "93"},
	"government":          {"11", "12", "13", "19"},
	"public_body":         {"11", "12", "13", "19"},
	"public_institution":  {"12"},
	"institution":         {"12", "19", "31", "5", "91"},
	"sole_trader":         {"92"},
	"individual_business": {"92"},
	"ngo":                 {"5", "3", "7", "8"},
	"social_organisation": {"5", "3", "7", "8"},
}

func categoryFits(accountType, category string) bool {
	want, known := categories[accountType]
	return !known || slices.ContainsFunc(want, func(p string) bool { return strings.HasPrefix(category, p) })
}

// licenceIDs are the papers that show the applicant's own credit code.
var licenceIDs = []string{"business_licence", "organisation_certificate"}

// licence judges whether the licence is the applicant's, by the code that the
// user reads on it, by its QR code and by what was read with a proof.
func (c *checker) licence() {
	stated := identity.USCC(c.kase.Applicant.USCC)
	for _, id := range licenceIDs {
		if typed := c.kase.Papers[id].USCC; typed != "" && stated.OK() {
			if r := identity.USCC(typed); !r.OK() {
				f := c.about("USCC_INVALID", packager.Block, id, packager.Args{"uscc": r.Normal,
					"length": strconv.Itoa(len([]rune(r.Normal))), "reason": r.Problems[0].Code, "at": strconv.Itoa(r.Problems[0].At)})
				f.Pos = c.pos("papers." + id + ".uscc")
				c.say(f)
			} else if r.Normal != stated.Normal {
				f := c.otherEntity(stated.Normal, reading{id: id, value: r.Normal, by: "user", certain: 1, name: "uscc"})
				f.Pos = c.pos("papers." + id + ".uscc")
				c.say(f)
			}
		}
		for _, f := range c.placed[id] {
			c.licenceFile(id, f, stated)
		}
	}
}

func (c *checker) otherEntity(stated string, r reading) packager.Finding {
	f := c.about("LICENCE_OTHER_ENTITY", packager.Block, r.id, c.paperArgs(r.id, packager.Args{"uscc": stated, "read": r.value, "by": r.by}))
	f.Seen = r.seen(stated, r.value)
	return f
}

func (c *checker) licenceFile(id string, f *packager.Inspected, stated identity.Result) {
	say := func(x packager.Finding) {
		x.Material = f.Path
		c.say(x)
	}
	forms := map[identity.LicenceQRForm]bool{}
	var read []reading
	for _, q := range f.QR {
		l := identity.ParseLicenceQR(q)
		forms[l.Form] = true
		if l.USCC != "" {
			read = append(read, reading{id: id, path: f.Path, value: l.USCC, by: "qr", proven: true, certain: 1, name: "uscc"})
		}
	}
	for _, x := range f.Fields {
		if r := identity.USCC(x.Value); x.Name == "uscc" && r.OK() {
			x.Value = r.Normal
			read = append(read, readingOf(id, f.Path, x))
		}
	}
	if id == "business_licence" {
		switch {
		case len(f.QR) == 0 && f.Picture != nil:
			say(c.about("LICENCE_QR_NOT_FOUND", packager.Warn, id, nil))
		case forms[identity.QRPublicity], forms[identity.QRDisplay]:
		case forms[identity.QROpaque]:
			say(c.about("LICENCE_QR_OPAQUE", packager.Info, id, nil))
		case forms[identity.QRForeign]:
			say(c.about("LICENCE_QR_FOREIGN", packager.Warn, id, nil))
		}
	}
	if len(read) == 0 {
		return
	}
	// QR codes hold error correction, a printed code a check character: if one
	// reading agrees, the others were misread.
	if slices.ContainsFunc(read, func(r reading) bool { return r.value == stated.Normal }) {
		return
	}
	slices.SortStableFunc(read, func(a, b reading) int { return b2i(b.proven) - b2i(a.proven) })
	switch first := read[0]; {
	case !stated.OK():
		say(c.about("USCC_ON_LICENCE", packager.Info, id, c.paperArgs(id, packager.Args{"read": first.value, "by": first.by})))
	case first.proven:
		say(c.otherEntity(stated.Normal, first))
	default:
		x := c.otherEntity(stated.Normal, first)
		x.Severity = packager.Warn
		say(x)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
