package identity

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

var (
	mobile = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
	// virtual are the ranges of virtual operators; some platforms refuse them.
	virtual = regexp.MustCompile(`^1(62|65|67|70|71)`)
	prefix  = regexp.MustCompile(`^(\+86|0086|86)(1[0-9]{10})$`)
	// email is the form that HTML defines for input type=email, with a dot
	// asked for in the domain.
	email = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~\x60-]+@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$`)
)

// Mobile judges a mainland mobile number, with or without +86, blanks and
// dashes. Normal is the 11 digits.
func Mobile(s string) Result {
	n := strip(Normal(s), func(r rune) bool { return dash(r) || r == '(' || r == ')' })
	if m := prefix.FindStringSubmatch(n); m != nil {
		n = m[2]
	}
	r := Result{Kind: KindMobile, Normal: n, Long: n}
	switch {
	case n == "":
		r.block(ProblemEmpty, 0)
	case !mobile.MatchString(n):
		r.block(ProblemForm, 0)
	case virtual.MatchString(n):
		r.warn(ProblemVirtual, 0)
	}
	return r
}

// Email judges an e-mail address by its form. The domain is lower-cased, the
// local part kept as it is written.
func Email(s string) Result {
	n := strip(norm.NFKC.String(s), invisible)
	if local, domain, ok := strings.Cut(n, "@"); ok {
		n = local + "@" + strings.ToLower(domain)
	}
	r := Result{Kind: KindEmail, Normal: n, Long: n}
	switch {
	case n == "":
		r.block(ProblemEmpty, 0)
	case len(n) > 254 || !email.MatchString(n):
		r.block(ProblemForm, 0)
	}
	return r
}
