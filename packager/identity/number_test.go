package identity

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"dossier/packager"
)

// today of all tests: the day that domain facts were compiled on.
var today = packager.Day{Year: 2026, Month: 11, Dom: 22}

func codes(r Result) string {
	var c []string
	for _, p := range r.Problems {
		c = append(c, string(p.Severity)+":"+p.Code)
	}
	slices.Sort(c)
	return strings.Join(c, " ")
}

func TestUSCC(t *testing.T) {
	for _, x := range []struct{ in, normal, problems string }{
		// Public companies.
		{"91330106673959654P", "91330106673959654P", ""},
		{"914403001922038216", "914403001922038216", ""},
		{"9144030071526726XG", "9144030071526726XG", ""},
		{"911101085923662400", "911101085923662400", ""},
		{"91110000802100433B", "91110000802100433B", ""},
		{"91110108551385082Q", "91110108551385082Q", ""},
		{"91440300085948158H", "91440300085948158H", ""},
		{"91440300708461136T", "91440300708461136T", ""},
		{"91330100716105852F", "91330100716105852F", ""},
		{"91100000100003962T", "91100000100003962T", ""}, // division 100000: no province, and yet real
		{"9152000071430580XT", "9152000071430580XT", ""},
		// Fictional ones: division 000000 is given to nobody.
		{"91000000MAFAKE019J", "91000000MAFAKE019J", "warn:REGION"},
		{"91000000MAFAKE027D", "91000000MAFAKE027D", "warn:REGION"},
		{"91000000MAFAKE0A26", "91000000MAFAKE0A26", "warn:REGION"},
		{"92000000LAFAKE0383", "92000000LAFAKE0383", "warn:REGION"},
		{"12000000400FAKE44K", "12000000400FAKE44K", "warn:REGION"},
		{"11000000000FAKE537", "11000000000FAKE537", "warn:REGION"},
		{"51000000500FAKE68C", "51000000500FAKE68C", "warn:REGION"},
		{"52000000MJFAKE7X8M", "52000000MJFAKE7X8M", "warn:REGION"},
		// Normalised without a word.
		{"91330106673959654p", "91330106673959654P", ""},
		{"９１３３０１０６６７３９５９６５４Ｐ", "91330106673959654P", ""},
		{" 9133 0106 6739 5965 4P\u200b", "91330106673959654P", ""},
		{"\ufeff91330106673959654P\u00a0", "91330106673959654P", ""},
		// Refused.
		{"911101085923662401", "911101085923662401", "block:CHECK"}, // passes MOD 11-2
		{"91110108717809965C", "91110108717809965C", "block:CHECK"},
		{"91000000MAFAKE019K", "91000000MAFAKE019K", "block:CHECK"},
		{"91000000MAFAEK019J", "91000000MAFAEK019J", "block:CHECK"}, // transposed
		{"91000000MAFAKE019", "91000000MAFAKE019", "block:LENGTH"},
		{"91000000MAFAKE019JJ", "91000000MAFAKE019JJ", "block:LENGTH"},
		{"91000000MAFAKEO19J", "91000000MAFAKEO19J", "block:CHARACTER"},
		{"91000000MAFAKE0I9J", "91000000MAFAKE0I9J", "block:CHARACTER"},
		{"B1000000MAFAKE019J", "B1000000MAFAKE019J", "block:CHARACTER"},
		{"9100000AMAFAKE019J", "9100000AMAFAKE019J", "block:CHARACTER"},
		{"91000000测试FAKE019J", "91000000测试FAKE019J", "block:CHARACTER"},
		{"", "", "block:EMPTY"},
		{"\u200b \t", "", "block:EMPTY"},
		{"440301108548379", "440301108548379", "block:LENGTH block:OTHER_KIND"},
		{"71526726-X", "71526726-X", "block:LENGTH block:OTHER_KIND"},
	} {
		r := USCC(x.in)
		if r.Normal != x.normal || codes(r) != x.problems {
			t.Errorf("USCC(%q) = %q, %s; want %q, %s", x.in, r.Normal, codes(r), x.normal, x.problems)
		}
	}
}

func TestUSCCHints(t *testing.T) {
	r := USCC("91000000MAFAKEOI9J") // O for 0, I for 1
	want := []Hint{{15, "O", "0"}, {16, "I", "1"}}
	if !slices.Equal(r.Hints, want) || r.Suggestion != "91000000MAFAKE019J" || r.OK() {
		t.Errorf("hints %v, suggestion %q, OK %t", r.Hints, r.Suggestion, r.OK())
	}
	if r := USCC("9I000000MAFAKE019J"); r.Suggestion != "91000000MAFAKE019J" {
		t.Errorf("I in the category: %+v", r)
	}
	if r := USCC("91OOO0O0MAFAKE019J"); r.Suggestion != "91000000MAFAKE019J" {
		t.Errorf("O in the division: %+v", r)
	}
	// A V has no likely reading, and a suggestion that does not check is none.
	if r := USCC("91000000MAFVKE019J"); r.Suggestion != "" || r.Hints[0].Want != "" {
		t.Errorf("V: %+v", r)
	}
	if r := USCC("91000000MAFAKESZ9J"); r.Suggestion != "" || len(r.Hints) != 2 {
		t.Errorf("S and Z: %+v", r)
	}
}

// Each wrong character and each swap of neighbours has to be found: that is
// what MOD 31 with these weights promises.
func TestUSCCFindsEverySlip(t *testing.T) {
	const good = "91330106673959654P"
	for i := range good {
		for _, c := range usccAlphabet {
			bad := good[:i] + string(c) + good[i+1:]
			if bad != good && USCC(bad).OK() {
				t.Errorf("%s passes", bad)
			}
		}
		if i+1 < len(good) && good[i] != good[i+1] {
			bad := good[:i] + good[i+1:i+2] + good[i:i+1] + good[i+2:]
			if USCC(bad).OK() {
				t.Errorf("%s passes", bad)
			}
		}
	}
}

func TestUSCCCategory(t *testing.T) {
	for code, want := range map[string]string{
		"91000000MAFAKE019J": "91", "92000000LAFAKE0383": "92", "12000000400FAKE44K": "12",
		"11000000000FAKE537": "11", "51000000500FAKE68C": "51", "52000000MJFAKE7X8M": "52",
	} {
		if r := USCC(code); r.Category != want || r.Has(ProblemCategory) {
			t.Errorf("%s: %+v", code, r)
		}
	}
}

func TestOrgCode(t *testing.T) {
	for _, x := range []struct{ in, normal, problems string }{
		{"71526726-X", "71526726-X", ""},
		{"71526726x", "71526726-X", ""},
		{"71526726—X", "71526726-X", ""},
		{"085948158", "08594815-8", ""},
		{"71526726-1", "71526726-1", "block:CHECK"},
		{"7152672-X", "7152672X", "block:LENGTH"},
		{"7152672测-X", "7152672测X", "block:LENGTH"},
		{"71526726-A", "71526726A", "block:CHARACTER"},
	} {
		if r := OrgCode(x.in); r.Normal != x.normal || codes(r) != x.problems {
			t.Errorf("OrgCode(%q) = %q, %s", x.in, r.Normal, codes(r))
		}
	}
}

func TestRegistrationNumber(t *testing.T) {
	for in, want := range map[string]string{
		"110108000673293":  "warn:OLD_FORM",
		"440301108548379":  "warn:OLD_FORM",
		"440301103097413":  "warn:OLD_FORM",
		"110199000000011":  "warn:OLD_FORM",
		"110199600000012":  "warn:OLD_FORM",
		"110108000673294":  "block:CHECK",
		"1101080006732":    "block:LENGTH warn:OLD_FORM",
		"11010800067329A":  "block:CHARACTER",
		"1101080006732933": "block:LENGTH",
	} {
		if r := RegistrationNumber(in); codes(r) != want {
			t.Errorf("RegistrationNumber(%q): %s, want %s", in, codes(r), want)
		}
	}
}

func TestCitizenID(t *testing.T) {
	for _, x := range []struct {
		in, long, problems, birth string
		sex                       Sex
	}{
		{"11010519491231002X", "11010519491231002X", "", "1949-12-31", Female}, // GB 11643
		{"440524188001010014", "440524188001010014", "warn:AGE", "1880-01-01", Male},
		{"110199198001010016", "110199198001010016", "", "1980-01-01", Male},
		{"310199198512310026", "310199198512310026", "", "1985-12-31", Female},
		{"440399200106300033", "440399200106300033", "", "2001-06-30", Male},
		{"110199196003150048", "110199196003150048", "", "1960-03-15", Female},
		{"11019919880808004X", "11019919880808004X", "", "1988-08-08", Female},
		{"11019919880808004x", "11019919880808004X", "", "1988-08-08", Female},
		{"１１０１９９１９８８０８０８００４ｘ", "11019919880808004X", "", "1988-08-08", Female},
		{"110199 1980 0101 0016", "110199198001010016", "", "1980-01-01", Male},
		{"110199201201010015", "110199201201010015", "", "2012-01-01", Male},
		{"110199800101001", "110199198001010016", "warn:OLD_FORM", "1980-01-01", Male},
		{"110199199002290018", "110199199002290018", "block:BIRTH_DATE", "", Male},
		{"110199198001010017", "110199198001010017", "block:CHECK", "1980-01-01", Male},
		{"11019919800101001", "11019919800101001", "block:LENGTH", "", ""},
		{"1101991980010100166", "1101991980010100166", "block:LENGTH", "", ""},
		{"11019919800101O016", "11019919800101O016", "block:CHARACTER", "", ""},
		{"", "", "block:EMPTY", "", ""},
		{"999999198001010016", "999999198001010016", "block:CHECK warn:REGION", "1980-01-01", Male},
		{"810000199408230021", "810000199408230021", "", "1994-08-23", Female},
		{"830000199201300022", "830000199201300022", "", "1992-01-30", Female},
		{"820000189901010017", "820000189901010017", "warn:AGE", "1899-01-01", Male},
	} {
		r := CitizenID(x.in, today)
		if r.Long != x.long || codes(r) != x.problems || r.Birth.String() != x.birth || r.Sex != x.sex {
			t.Errorf("CitizenID(%q) = %+v; want %s, %s, %s, %s", x.in, r, x.long, x.problems, x.birth, x.sex)
		}
	}
	// Born tomorrow.
	if r := CitizenID("110199198001010016", packager.Day{Year: 1979, Month: 12, Dom: 31}); !r.Has(ProblemBirth) {
		t.Errorf("a birth date after today: %+v", r)
	}
}

func TestCitizenIDHints(t *testing.T) {
	r := CitizenID("11O199198OO1010016", today)
	if r.OK() || r.Suggestion != "110199198001010016" || len(r.Hints) != 3 {
		t.Errorf("%+v", r)
	}
	if r := CitizenID("H12345678", today); r.Looks != KindHKMacau {
		t.Errorf("%+v", r)
	}
}

func TestDocuments(t *testing.T) {
	for _, x := range []struct {
		kind         Kind
		in, problems string
	}{
		{"residence_permit", "810000199408230021", ""},
		{"residence_permit", "110199198001010016", "warn:OTHER_KIND"},
		{"residence_permit", "810000199408230022", "block:CHECK"},
		{"permanent_resident_card", "932682198501010017", ""},
		{"permanent_resident_card", "911124198108030024", ""},
		{"permanent_resident_card", "932682198501010018", "block:CHECK"},
		{"permanent_resident_card", "110199198001010016", "block:OTHER_KIND"},
		{"permanent_resident_card", "KAZ110090123105", "warn:OLD_FORM"},
		{"permanent_resident_card", "PAK310080010103", "warn:OLD_FORM"},
		{"permanent_resident_card", "kaz110090123105", "warn:OLD_FORM"},
		{"permanent_resident_card", "KAZ110090123106", "warn:OLD_FORM warn:UNPROVABLE"},
		{"permanent_resident_card", "KAZ110099993105", "warn:BIRTH_DATE warn:OLD_FORM warn:UNPROVABLE"},
		{"permanent_resident_card", "KAZ11", "block:LENGTH"},
		{"hk_macau_permit", "H12345678", ""},
		{"hk_macau_permit", "m1234567800", ""},
		{"hk_macau_permit", "K12345678", "block:FORM"},
		{"hk_macau_permit", "H1234567", "block:FORM"},
		{"taiwan_permit", "12345678", ""},
		{"taiwan_permit", "1234567890(B)", "warn:OLD_FORM"},
		{"taiwan_permit", "1234567890（B）", "warn:OLD_FORM"},
		{"taiwan_permit", "1234567890B", "warn:OLD_FORM"},
		{"taiwan_permit", "123456789", "block:FORM"},
		{"passport", "E12345678", ""},
		{"passport", "EA1234567", ""},
		{"passport", "C01X00T47", ""},
		{"passport", "E1", "block:FORM"},
		{"passport", "E1234567-8", "block:FORM"},
		{"", "110199198001010016", ""},
		{"driving_licence", "110199198001010016", "warn:ID_TYPE"},
	} {
		if r := IDNumber(string(x.kind), x.in, today); codes(r) != x.problems {
			t.Errorf("IDNumber(%q, %q): %s, want %s", x.kind, x.in, codes(r), x.problems)
		}
	}
	r := PermanentResidentCard("932682198501010017", today)
	if r.Nationality != "682" || r.Sex != Male || r.Birth.String() != "1985-01-01" {
		t.Errorf("%+v", r)
	}
	for in, want := range map[string]bool{
		"E12345678": true, "EA1234567": true, "EI1234567": false, "EO1234567": false, "G12345678": true,
		"PE1234567": true, "D12345678": true, "SE1234567": true, "141234567": true, "161234567": false, "C01X00T47": false,
	} {
		if got := CitizenID(in, today).Looks == KindPassport; got != want {
			t.Errorf("%q looks like a Chinese passport: %t", in, got)
		}
	}
}

func TestMobile(t *testing.T) {
	for _, x := range []struct{ in, normal, problems string }{
		{"13800138000", "13800138000", ""},
		{"+86 138-0013-8000", "13800138000", ""},
		{"0086 13800138000", "13800138000", ""},
		{"8613800138000", "13800138000", ""},
		{"（+86）１３８００１３８０００", "13800138000", ""},
		{"10012345678", "10012345678", "block:FORM"},
		{"12345678901", "12345678901", "block:FORM"},
		{"1380013800", "1380013800", "block:FORM"},
		{"010-12345678", "01012345678", "block:FORM"},
		{"17012345678", "17012345678", "warn:VIRTUAL"},
		{"16212345678", "16212345678", "warn:VIRTUAL"},
		{"", "", "block:EMPTY"},
	} {
		if r := Mobile(x.in); r.Normal != x.normal || codes(r) != x.problems {
			t.Errorf("Mobile(%q) = %q, %s", x.in, r.Normal, codes(r))
		}
	}
}

func TestEmail(t *testing.T) {
	for in, want := range map[string]string{
		"ops@example.com": "", "Ops＠Example.COM": "", "a.b+c@sub.example.cn": "", " ops@example.com\u200b": "",
		"ops": "block:FORM", "ops@example": "block:FORM", "@example.com": "block:FORM", "a b@": "block:FORM",
		"a@b..com": "block:FORM", "a@-b.com": "block:FORM", "": "block:EMPTY",
		strings.Repeat("a", 250) + "@example.com": "block:FORM",
	} {
		if r := Email(in); codes(r) != want {
			t.Errorf("Email(%q): %s, want %s", in, codes(r), want)
		}
	}
	if r := Email("Ops@Example.COM"); r.Normal != "Ops@example.com" {
		t.Errorf("normal %q", r.Normal)
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"110199198001010016": "110***********0016", "11019919880808004x": "110***********004X",
		"110199800101001": "110********1001", "E12345678": "E*****678", "H12345678": "H*****678",
		"12345678": "1******8", "123": "***", "": "",
	} {
		if got := Mask(in); got != want {
			t.Errorf("Mask(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"13800138000": "138****8000", "+86 138 0013 8000": "138****8000", "12345": "1***5"} {
		if got := MaskPhone(in); got != want {
			t.Errorf("MaskPhone(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMaskIDs(t *testing.T) {
	for in, want := range map[string]string{
		"旧证 110199198001010016 已交回":    "旧证 110***********0016 已交回",
		"SFZ110199198001010016.jpg":    "SFZ110***********0016.jpg",
		"materials/110199198001010016": "materials/110***********0016",
		"110199 19800101 0016":         "110*************0016",
		"110199-19800101-0016":         "110*************0016",
		"１１０１９９１９８００１０１００１６":           "110***********0016",
		"11019919880808004x":           "110***********004x",
		"110199800101001":              "110********1001",
		// What only looks like one stays: no birthday, no check character, an
		// account, a digest, a date and a time.
		"110199198013010016": "110199198013010016", "110199198001010017": "110199198001010017",
		"91000000MAFAKE019J": "91000000MAFAKE019J", "20261122-103000-000001": "20261122-103000-000001",
		"c680c2892850821dca23978ec9e3a38ae811ff1e4e1b6d205bec05c10895c9ad": "c680c2892850821dca23978ec9e3a38ae811ff1e4e1b6d205bec05c10895c9ad",
		"": "",
	} {
		if got := MaskIDs(in); got != want {
			t.Errorf("MaskIDs(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := MaskKnown("护照 e12345678、C01X00T47、123456", "E12345678", "C01X00T47", "123456"), "护照 E*****678、C*****T47、123456"; got != want {
		t.Errorf("MaskKnown: %q, want %q", got, want)
	}
}

func TestTerm(t *testing.T) {
	birth := day(t, "1980-01-01")
	for _, x := range []struct {
		birth, from, until string
		long               bool
		want               string
	}{
		{"1980-01-01", "2011-05-01", "2031-05-01", false, ""},
		{"1980-01-01", "", "2031-05-01", false, ""},
		{"1980-01-01", "2021-05-01", "2031-05-01", false, ProblemTerm}, // 41: twenty years
		{"2001-06-30", "2020-01-01", "2030-01-01", false, ""},
		{"2001-06-30", "2020-01-01", "2040-01-01", false, ProblemTerm},
		{"2012-01-01", "2024-03-01", "2029-03-01", false, ""},
		{"1960-03-15", "2010-03-15", "", true, ""},
		{"1960-03-15", "", "", true, ""},
		{"2001-06-30", "", "", true, ProblemTermLong},
		{"1980-01-01", "2020-01-01", "", true, ProblemTermLong},
		{"1960-03-15", "2010-01-01", "2030-01-01", false, ProblemTerm}, // 49: 长期
		{"1980-01-01", "2031-05-01", "2011-05-01", false, ProblemTermFuture},
		{"1980-01-01", "2021-05-01", "2011-05-01", false, ProblemTermOrder},
		{"1980-01-01", "1979-05-01", "1999-05-01", false, ProblemTermBirth},
		{"1984-01-01", "2012-02-29", "2032-02-29", false, ""},
		{"2000-01-01", "2020-02-29", "2030-02-28", false, ""},
		{"2000-01-01", "2020-02-29", "2030-03-01", false, ""},
		{"", "2020-02-29", "2030-03-01", false, ""},
		{"1980-01-01", "", "", false, ""},
	} {
		var b, f, u packager.Day
		for s, d := range map[*packager.Day]string{&b: x.birth, &f: x.from, &u: x.until} {
			if err := s.UnmarshalText([]byte(d)); err != nil {
				t.Fatal(err)
			}
		}
		got := ""
		for _, p := range Term(b, f, u, x.long, today) {
			got += p.Code
			if p.Severity != packager.Warn {
				t.Errorf("%+v blocks", x)
			}
		}
		if got != x.want {
			t.Errorf("%+v: %q", x, got)
		}
	}
	if Age(birth, day(t, "2026-01-01")) != 46 || Age(birth, day(t, "2025-12-31")) != 45 {
		t.Error("age turns on the birthday")
	}
}

func TestLicenceQR(t *testing.T) {
	for in, want := range map[string]LicenceQR{
		"http://www.gsxt.gov.cn/index.html?uniscid=91000000MAFAKE019J":                                                                {QRPublicity, "91000000MAFAKE019J"},
		"https://www.gsxt.gov.cn/index.html?uniscid=91330106673959654P":                                                               {QRPublicity, "91330106673959654P"},
		"http://bj.gsxt.gov.cn/%7B0123456789abcdefABCDEF-1500000000000%7D":                                                            {QROpaque, ""},
		"http://gsxt.gov.cn/%7Babc_DEF-1500000000000%7D":                                                                              {QROpaque, ""},
		"https://zzlz.gsxt.gov.cn/businessCheck/verifKey.do?showType=p&serial=91330106673959654P-SAIC_SHOW_10000091330106&signData=x": {QRDisplay, "91330106673959654P"},
		"https://www.gsxt.gov.cn/index.html?uniscid=91330106673959654Q":                                                               {QRForeign, ""},
		"https://www.gsxt.gov.cn.evil.example/index.html?uniscid=91330106673959654P":                                                  {QRForeign, ""},
		"https://gsxt.gov.cn@evil.example/?uniscid=91330106673959654P":                                                                {QRForeign, ""},
		"https://example.com/x": {QRForeign, ""},
		"weixin://pay":          {QRForeign, ""},
		"":                      {QRForeign, ""},
		"%":                     {QRForeign, ""},
	} {
		if got := ParseLicenceQR(in); got != want {
			t.Errorf("ParseLicenceQR(%q) = %+v, want %+v", in, got, want)
		}
	}
}

func TestParseDate(t *testing.T) {
	for in, want := range map[string]string{
		"2026-11-22": "2026-11-22", "2031.05.01": "2031-05-01", "2026/1/2": "2026-01-02", "2026年11月22日": "2026-11-22",
		" ２０２６ 年 1 月 2 日 ": "2026-01-02", "2024-02-29": "2024-02-29", "2026-02-29": "", "2026-13-01": "", "长期": "", "": "", "20261122": "",
		"2026-11-22x": "",
	} {
		if d, ok := ParseDate(in); d.String() != want || ok != (want != "") {
			t.Errorf("ParseDate(%q) = %s, %t", in, d, ok)
		}
	}
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"91330106673959654P", "11010519491231002X", "110199800101001", "KAZ110090123105", "71526726-X",
		"+86 138-0013-8000", "９１３３", "\u200b", "\xff\xfe", "ﷺ", "H12345678", "1234567890(B)", "a@b.cn", "ſİı", "𝟗𝟏"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Normal(s)
		if Normal(n) != n || !utf8.ValidString(n) {
			t.Fatalf("Normal is not settled: %q → %q → %q", s, n, Normal(n))
		}
		for _, r := range []Result{USCC(s), OrgCode(s), RegistrationNumber(s), CitizenID(s, today), ResidencePermit(s, today),
			PermanentResidentCard(s, today), HKMacauPermit(s), TaiwanPermit(s), Passport(s), Mobile(s), Email(s)} {
			if r.Kind == KindUSCC && r.OK() && len(r.Normal) != 18 {
				t.Fatalf("%q passes as %q", s, r.Normal)
			}
			if r.Suggestion != "" && r.OK() {
				t.Fatalf("a suggestion for a number that passes: %+v", r)
			}
			for _, h := range r.Hints {
				if h.At < 1 || h.At > utf8.RuneCountInString(r.Normal)+2 {
					t.Fatalf("hint outside of %q: %+v", r.Normal, h)
				}
			}
		}
		if m := Mask(s); len(n) >= 5 && utf8.RuneCountInString(n) >= 5 && m == n && !strings.Contains(n, "*") {
			t.Fatalf("Mask(%q) hides nothing", s)
		}
		MaskPhone(s)
		ParseLicenceQR(s)
		if d, ok := ParseDate(s); ok != !d.IsZero() {
			t.Fatalf("ParseDate(%q) = %s, %t", s, d, ok)
		}
	})
}
