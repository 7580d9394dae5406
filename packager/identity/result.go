package identity

import (
	"slices"

	"dossier/packager"
)

// Kind is what a number was read as.
type Kind string

const (
	KindUSCC          Kind = "uscc"                    // 统一社会信用代码, GB 32100-2015
	KindOrgCode       Kind = "org_code"                // 组织机构代码, GB 11714
	KindRegistration  Kind = "registration_number"     // 营业执照注册号, GS 15-2006
	KindIDCard        Kind = "id_card"                 // 居民身份证, GB 11643-1999
	KindResidence     Kind = "residence_permit"        // 港澳台居民居住证
	KindPermanent     Kind = "permanent_resident_card" // 外国人永久居留身份证
	KindHKMacau       Kind = "hk_macau_permit"         // 港澳居民来往内地通行证
	KindTaiwan        Kind = "taiwan_permit"           // 台湾居民来往大陆通行证
	KindPassport      Kind = "passport"
	KindMobile        Kind = "mobile"
	KindEmail         Kind = "email"
	KindUnknownNumber Kind = ""
)

// Sex as an identity number encodes it; "" where it does not.
type Sex string

const (
	Male   Sex = "male"
	Female Sex = "female"
)

// Result is what a validator found out about one number.
type Result struct {
	Kind   Kind
	Normal string // normalised, as it should be written
	// Long is the 18-character form of a 15-digit identity number; else equal
	// to Normal. Numbers are compared by it.
	Long     string
	Problems []Problem
	Hints    []Hint
	// Suggestion is the number with all hints taken, where that passes every
	// blocking check; else "". It is shown, never used.
	Suggestion string
	// Looks is another kind that the number has the form of, "" if none.
	Looks Kind

	Birth  packager.Day
	Sex    Sex
	Region string // first six digits: division code (GB/T 2260)
	// Nationality of a permanent resident's card: ISO 3166-1 numeric (2023
	// card) or three letters (older card).
	Nationality string
	Category    string // USCC: registering authority and category, "91"
}

// Problem is one thing that is wrong with a number.
type Problem struct {
	Code     string
	Severity packager.Severity // Block or Warn
	At       int               // position of the character, counted from 1; 0: the whole number
}

// Hint says which character was probably meant.
type Hint struct {
	At   int    // counted from 1
	Got  string // the character that stands there
	Want string // "" when the standard excludes Got but gives no likely reading
}

// Codes of problems.
const (
	ProblemEmpty      = "EMPTY"
	ProblemLength     = "LENGTH"
	ProblemCharacter  = "CHARACTER"
	ProblemCheck      = "CHECK"
	ProblemForm       = "FORM"        // not the form of this kind of number
	ProblemBirth      = "BIRTH_DATE"  // no such day, or in the future
	ProblemAge        = "AGE"         // older than anyone alive
	ProblemRegion     = "REGION"      // no such division known
	ProblemOldForm    = "OLD_FORM"    // superseded form
	ProblemOrgCheck   = "ORG_CHECK"   // check character of the organisation code inside a USCC
	ProblemCategory   = "CATEGORY"    // authority and category that the standard does not pair
	ProblemOtherKind  = "OTHER_KIND"  // a number of another kind stands here
	ProblemVirtual    = "VIRTUAL"     // number range of virtual operators
	ProblemIDType     = "ID_TYPE"     // id_type that is not known
	ProblemUnprovable = "UNPROVABLE"  // inferred check digit does not fit
	ProblemTerm       = "TERM"        // term of validity that the law does not give
	ProblemTermOrder  = "TERM_ORDER"  // ends before it begins
	ProblemTermBirth  = "TERM_BIRTH"  // begins before the birth
	ProblemTermLong   = "TERM_LONG"   // 长期 before the age of 46
	ProblemTermFuture = "TERM_FUTURE" // issued after the day
)

// OK reports whether no problem blocks.
func (r Result) OK() bool {
	return !slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Severity == packager.Block })
}

// Has reports whether a problem with this code was found.
func (r Result) Has(code string) bool {
	return slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Code == code })
}

func (r *Result) block(code string, at int) {
	r.Problems = append(r.Problems, Problem{code, packager.Block, at})
}

func (r *Result) warn(code string, at int) {
	r.Problems = append(r.Problems, Problem{code, packager.Warn, at})
}
