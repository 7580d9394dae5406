package identity

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Likeness is the verdict of a comparison of two names.
type Likeness string

const (
	Same      Likeness = "same"
	Similar   Likeness = "similar" // may be the same: a person has to look
	Different Likeness = "different"
)

// Reason says in what two names differ; "" when there is nothing to say.
type Reason string

const (
	ReasonLegalForm Reason = "legal_form" // 有限公司, 有限责任公司
	ReasonScript    Reason = "script"     // simplified and traditional characters
	ReasonCase      Reason = "case"       // Latin letters, upper and lower case
	ReasonDot       Reason = "dot"        // the dot inside a person's name
	ReasonOrder     Reason = "order"      // words in another order
	ReasonSeveral   Reason = "several"    // more than one of these
	ReasonBranch    Reason = "branch"     // a branch (分公司) and its head office
	ReasonPart      Reason = "part"       // a part in brackets is missing or another
)

// Comparison is the answer of CompareEntity and ComparePerson.
type Comparison struct {
	Likeness Likeness
	Reason   Reason
}

// EntityName brings an entity's name to the form in which two are compared:
// NFKC, all brackets as (), no blanks or invisible characters. It is not for
// printing: registered names have full-width brackets.
func EntityName(s string) string {
	return brackets.Replace(strip(norm.NFKC.String(s), invisible))
}

var brackets = strings.NewReplacer("〔", "(", "〕", ")", "【", "(", "】", ")", "[", "(", "]", ")", "﹝", "(", "﹞", ")", "〈", "(", "〉", ")")

// CompareEntity compares two names of entities. Brackets of any width, blanks
// and compatibility characters make no difference. 有限公司 and 有限责任公司,
// simplified and traditional characters, and case of Latin letters are similar,
// never the same. A missing (北京) and a branch are different.
func CompareEntity(a, b string) Comparison {
	return compare(EntityName(a), EntityName(b), []fold{
		{ReasonScript, simplified}, // before the legal form: 有限責任公司
		{ReasonLegalForm, legalForm},
		{ReasonCase, strings.ToLower},
	}, entityReason)
}

// PersonName brings a person's name to the form in which two are compared:
// NFKC, every middle dot as ·, blanks only between Latin words, Latin letters
// in upper case as passports print them.
func PersonName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("·•・‧⋅∙●", r):
			return '·'
		case unicode.IsSpace(r):
			return ' '
		case invisible(r):
			return -1
		}
		return r
	}, norm.NFKC.String(s))
	words := strings.Fields(s)
	var b strings.Builder
	for i, w := range words {
		if i > 0 && latinEnd(words[i-1]) && latinStart(w) {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return strings.ToUpper(b.String())
}

func latinStart(w string) bool {
	return unicode.Is(unicode.Latin, []rune(w)[0])
}

func latinEnd(w string) bool {
	r := []rune(w)
	return unicode.Is(unicode.Latin, r[len(r)-1]) || r[len(r)-1] == ',' || r[len(r)-1] == '.'
}

// ComparePerson compares two names of persons. The various middle dots and the
// case of Latin letters make no difference; a missing dot, traditional
// characters, and another order of Latin words are similar.
func ComparePerson(a, b string) Comparison {
	return compare(PersonName(a), PersonName(b), []fold{
		{ReasonScript, simplified},
		{ReasonDot, func(s string) string { return strings.NewReplacer("·", "", ".", "", "。", "").Replace(s) }},
		{ReasonOrder, sortedWords},
	}, func(string, string) Reason { return "" })
}

type fold struct {
	reason Reason
	apply  func(string) string
}

// compare looks for the one fold that makes a and b equal, then for all of
// them together.
func compare(a, b string, folds []fold, different func(a, b string) Reason) Comparison {
	if a == b {
		return Comparison{Likeness: Same}
	}
	if a == "" || b == "" {
		return Comparison{Likeness: Different}
	}
	allA, allB := a, b
	for _, f := range folds {
		if f.apply(a) == f.apply(b) {
			return Comparison{Similar, f.reason}
		}
		allA, allB = f.apply(allA), f.apply(allB)
	}
	if allA == allB {
		return Comparison{Similar, ReasonSeveral}
	}
	return Comparison{Different, different(a, b)}
}

func legalForm(s string) string { return strings.ReplaceAll(s, "有限责任公司", "有限公司") }

// entityReason says why two names are different, where it can be seen.
func entityReason(a, b string) Reason {
	a, b = legalForm(simplified(a)), legalForm(simplified(b))
	if len(a) > len(b) {
		a, b = b, a
	}
	if strings.HasPrefix(b, a) && strings.HasSuffix(b, "分公司") {
		return ReasonBranch
	}
	if withoutBrackets(a) == withoutBrackets(b) {
		return ReasonPart
	}
	return ""
}

func withoutBrackets(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func sortedWords(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
	slices.Sort(words)
	return strings.Join(words, " ")
}

//go:embed tradsimp.txt
var tradsimp string

var simplify = sync.OnceValue(func() map[rune]rune {
	m := map[rune]rune{}
	for line := range strings.Lines(tradsimp) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		r := []rune(strings.TrimSpace(line))
		for i := 0; i+1 < len(r); i += 2 {
			m[r[i]] = r[i+1]
		}
	}
	return m
})

// simplified replaces traditional characters by simplified ones, character by
// character: good enough to see that two names may be the same.
func simplified(s string) string {
	m := simplify()
	return strings.Map(func(r rune) rune {
		if t, ok := m[r]; ok {
			return t
		}
		return r
	}, s)
}
