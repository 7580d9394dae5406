package identity

import (
	"regexp"
	"strings"
	"time"

	"dossier/packager"
)

// provinces are the first two digits of division codes (GB/T 2260): the
// provinces, 71 Taiwan, 81 to 83 the residence permits of Hong Kong, Macau and
// Taiwan residents, 91 of old tables.
var provinces = set("11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// IDNumber judges the number of an identity document of the given type:
// packager.Person.IDType, "" being an ID card. today is the day that dates of
// birth are judged by.
func IDNumber(idType, s string, today packager.Day) Result {
	switch Kind(idType) {
	case "", KindIDCard:
		return CitizenID(s, today)
	case KindResidence:
		return ResidencePermit(s, today)
	case KindPermanent:
		return PermanentResidentCard(s, today)
	case KindHKMacau:
		return HKMacauPermit(s)
	case KindTaiwan:
		return TaiwanPermit(s)
	case KindPassport:
		return Passport(s)
	}
	r := Result{Normal: Normal(s)}
	r.Long = r.Normal
	r.warn(ProblemIDType, 0)
	return r
}

// CitizenID judges a citizen's identity number (公民身份号码, GB 11643-1999), the
// 15-digit form of before 1999 included, and the numbers of residence permits,
// which have the same form.
func CitizenID(s string, today packager.Day) Result {
	r := Result{Kind: KindIDCard, Normal: Normal(s)}
	r.Long = r.Normal
	switch n := len([]rune(r.Normal)); {
	case n == 0:
		r.block(ProblemEmpty, 0)
		return r
	case n == 15 && digits(r.Normal):
		body := r.Normal[:6] + "19" + r.Normal[6:]
		r.Long = body + string(mod112(body))
		r.warn(ProblemOldForm, 0)
	case n != 18:
		r.block(ProblemLength, 0)
		r.Looks = looks(s, today)
		return r
	}
	eighteen(&r, today)
	if len(r.Long) == 18 && r.Has(ProblemCharacter) {
		return r
	}
	province := r.Long[:2]
	switch {
	case province == "81" || province == "82" || province == "83":
		r.Kind = KindResidence
	case province == "91": // of old tables, and a foreign resident in Beijing
		r.Looks = KindPermanent
	case !provinces[province]:
		r.warn(ProblemRegion, 1)
		if province[0] == '9' {
			r.Looks = KindPermanent
		}
	}
	return r
}

// ResidencePermit judges the number of a residence permit for Hong Kong, Macau
// and Taiwan residents (港澳台居民居住证): 810000, 820000 or 830000, then as a
// citizen's number.
func ResidencePermit(s string, today packager.Day) Result {
	r := CitizenID(s, today)
	if r.OK() && r.Kind != KindResidence {
		r.warn(ProblemOtherKind, 1)
		r.Looks = KindIDCard
	}
	r.Kind = KindResidence
	return r
}

// eighteen judges the 18 characters in r.Long that citizens' numbers and
// foreign residents' cards share: 17 digits, a check character, the birth date
// in places 7 to 14, the sex in place 17.
func eighteen(r *Result, today packager.Day) {
	chars := []rune(r.Long)
	for i, c := range chars {
		if '0' <= c && c <= '9' || i == 17 && c == 'X' {
			continue
		}
		if !r.Has(ProblemCharacter) {
			r.block(ProblemCharacter, i+1)
		}
		if 'A' <= c && c <= 'Z' {
			r.Hints = append(r.Hints, Hint{i + 1, string(c), lookalikes[c]})
		}
	}
	if r.Has(ProblemCharacter) {
		if fixed := take(r.Normal, r.Hints); len(fixed) == 18 && digits(fixed[:17]) && mod112(fixed[:17]) == fixed[17] {
			r.Suggestion = fixed
		}
		return
	}
	r.Region = r.Long[:6]
	if mod112(r.Long[:17]) != r.Long[17] {
		r.block(ProblemCheck, 18)
	}
	birth, ok := parseYMD(r.Long[6:14])
	switch {
	case !ok || birth.After(today):
		r.block(ProblemBirth, 7)
	case Age(birth, today) > 120:
		r.warn(ProblemAge, 7)
		r.Birth = birth
	default:
		r.Birth = birth
	}
	r.Sex = Female
	if (r.Long[16]-'0')%2 == 1 {
		r.Sex = Male
	}
}

// mod112 is the check character of ISO 7064 MOD 11-2 over 17 digits, as GB
// 11643-1999 tabulates it.
func mod112(first17 string) byte {
	sum := 0
	for i, w := range [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(first17[i]-'0') * w
	}
	return "10X98765432"[sum%11]
}

func parseYMD(s string) (packager.Day, bool) {
	t, err := time.ParseInLocation("20060102", s, packager.Shanghai)
	if err != nil || t.Year() < 1800 {
		return packager.Day{}, false
	}
	return packager.DayOf(t), true
}

// Age returns the full years from birth to the day on. Who is born on 29
// February completes a year on 1 March of common years.
func Age(birth, on packager.Day) int {
	age := on.Year - birth.Year
	if on.Month < birth.Month || on.Month == birth.Month && on.Dom < birth.Dom {
		age--
	}
	return age
}

var oldPermanent = regexp.MustCompile(`^[A-Z]{3}[0-9]{12}$`)

// PermanentResidentCard judges the number of a foreigner's permanent resident
// card (外国人永久居留身份证): since 1 December 2023 18 characters, a 9, the
// province of application, the nationality (ISO 3166-1 numeric), then as a
// citizen's number; before, three letters of nationality and twelve digits.
// The check digit of the older form is inferred from two published specimens
// and only warns.
func PermanentResidentCard(s string, today packager.Day) Result {
	r := Result{Kind: KindPermanent, Normal: Normal(s)}
	r.Long = r.Normal
	if oldPermanent.MatchString(r.Normal) {
		r.Nationality = r.Normal[:3]
		r.warn(ProblemOldForm, 0)
		if mrzDigit(r.Normal[:14]) != r.Normal[14] {
			r.warn(ProblemUnprovable, 15)
		}
		if _, ok := parseYMD("20" + r.Normal[7:13]); !ok {
			if _, ok := parseYMD("19" + r.Normal[7:13]); !ok {
				r.warn(ProblemBirth, 8)
			}
		}
		return r
	}
	if len([]rune(r.Normal)) != 18 {
		r.block(ProblemLength, 0)
		return r
	}
	eighteen(&r, today)
	if r.Has(ProblemCharacter) {
		return r
	}
	if r.Normal[0] != '9' {
		r.block(ProblemOtherKind, 1)
		r.Looks = KindIDCard
		return r
	}
	if !provinces[r.Normal[1:3]] {
		r.warn(ProblemRegion, 2)
	}
	r.Nationality = r.Normal[3:6]
	return r
}

// mrzDigit is the check digit of machine-readable zones (ICAO 9303): weights
// 7, 3, 1, letters from A = 10.
func mrzDigit(s string) byte {
	sum := 0
	for i, c := range []byte(s) {
		v := int(c - '0')
		if c >= 'A' {
			v = int(c-'A') + 10
		}
		sum += v * [3]int{7, 3, 1}[i%3]
	}
	return byte('0' + sum%10)
}

var (
	hkMacau   = regexp.MustCompile(`^[HM][0-9]{8}([0-9]{2})?$`)
	taiwanNew = regexp.MustCompile(`^[0-9]{8}$`)
	taiwanOld = regexp.MustCompile(`^[0-9]{10}(\([A-Z0-9]\)|[A-Z])?$`)
	passport  = regexp.MustCompile(`^[A-Z0-9]{5,17}$`)
	// Forms of Chinese passports: ordinary, old ordinary, official.
	passportCN = regexp.MustCompile(`^(E[0-9]{8}|E[A-HJ-NP-Z][0-9]{7}|G[0-9]{8}|[PDS]E?[0-9]{7,8}|1[45][0-9]{7})$`)
)

// HKMacauPermit judges a Mainland travel permit for Hong Kong and Macau
// residents (港澳居民来往内地通行证): H or M, eight digits for life, two for the
// renewal on older cards. It has no check digit.
func HKMacauPermit(s string) Result { return byForm(KindHKMacau, s, hkMacau, nil) }

// TaiwanPermit judges a Mainland travel permit for Taiwan residents
// (台湾居民来往大陆通行证): eight digits, on old cards ten and a letter.
func TaiwanPermit(s string) Result { return byForm(KindTaiwan, s, taiwanNew, taiwanOld) }

// Passport judges the number of a passport of any country: 5 to 17 letters and
// digits (ICAO 9303). It has no check digit outside its machine-readable zone.
func Passport(s string) Result { return byForm(KindPassport, s, passport, nil) }

func byForm(k Kind, s string, now, old *regexp.Regexp) Result {
	r := Result{Kind: k, Normal: Normal(s)}
	r.Long = r.Normal
	switch {
	case r.Normal == "":
		r.block(ProblemEmpty, 0)
	case now.MatchString(r.Normal):
	case old != nil && old.MatchString(r.Normal):
		r.warn(ProblemOldForm, 0)
	default:
		r.block(ProblemForm, 0)
	}
	return r
}

// looks names the other document that a number which is no ID number has the
// form of.
func looks(s string, today packager.Day) Kind {
	switch n := Normal(s); {
	case hkMacau.MatchString(n):
		return KindHKMacau
	case oldPermanent.MatchString(n) && PermanentResidentCard(s, today).OK():
		return KindPermanent
	case passportCN.MatchString(n):
		return KindPassport
	case taiwanNew.MatchString(n):
		return KindTaiwan
	}
	return ""
}

// Term judges the term of validity of an ID card against the law
// (居民身份证法 art. 5): issued under 16 for five years, from 16 to 25 for ten,
// from 26 to 45 for twenty, from 46 on without end (长期). from may be zero: then
// a term that would fit is looked for. Everything found warns: a term is
// printed by the police and read by a person.
func Term(birth, from, until packager.Day, longTerm bool, today packager.Day) []Problem {
	var r Result
	switch {
	case birth.IsZero() || until.IsZero() && !longTerm:
		return nil
	case !from.IsZero() && from.Before(birth):
		r.warn(ProblemTermBirth, 0)
	case !from.IsZero() && from.After(today):
		r.warn(ProblemTermFuture, 0)
	case longTerm:
		issued := from
		if issued.IsZero() {
			issued = today
		}
		if Age(birth, issued) < 46 {
			r.warn(ProblemTermLong, 0)
		}
	case !from.IsZero() && !until.After(from):
		r.warn(ProblemTermOrder, 0)
	case !termFits(birth, from, until):
		r.warn(ProblemTerm, 0)
	}
	return r.Problems
}

func termFits(birth, from, until packager.Day) bool {
	for _, years := range []int{5, 10, 20} {
		issued := from
		if from.IsZero() {
			issued = until.AddMonths(-12 * years)
		}
		// A card issued on 29 February ends on the 28th or on 1 March.
		if d := issued.AddMonths(12 * years).DaysUntil(until); d < -1 || d > 1 {
			continue
		}
		if termAt(Age(birth, issued)) == years {
			return true
		}
	}
	return false
}

func termAt(age int) int {
	switch {
	case age < 16:
		return 5
	case age < 26:
		return 10
	case age < 46:
		return 20
	}
	return 0
}
