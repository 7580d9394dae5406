package identity

import (
	"testing"
	"unicode/utf8"
)

func TestCompareEntity(t *testing.T) {
	const a = "测试虚构（样本）科技有限公司"
	for _, x := range []struct {
		a, b   string
		want   Likeness
		reason Reason
	}{
		{a, a, Same, ""},
		{a, "测试虚构(样本)科技有限公司", Same, ""},
		{a, "测试虚构〔样本〕科技有限公司", Same, ""},
		{a, " 测试虚构 （样本）\u200b科技有限公司\u3000", Same, ""},
		{"ABC科技有限公司", "ＡＢＣ科技有限公司", Same, ""},
		{"⼩⽶科技有限公司", "小米科技有限公司", Same, ""}, // Kangxi radicals, as some PDF text layers have them
		{a, "测试虚构（样本）科技有限责任公司", Similar, ReasonLegalForm},
		{a, "測試虛構（樣本）科技有限公司", Similar, ReasonScript},
		{"ABC科技有限公司", "abc科技有限公司", Similar, ReasonCase},
		{a, "測試虛構（樣本）科技有限責任公司", Similar, ReasonSeveral},
		{a, "测试虚构（样本）科技股份有限公司", Different, ""},
		{a, "测试虚构科技有限公司", Different, ReasonPart},
		{"样本（北京）科技有限公司", "样本科技有限公司", Different, ReasonPart},
		{"样本（北京）科技有限公司", "样本（上海）科技有限公司", Different, ReasonPart},
		{a, a + "北京分公司", Different, ReasonBranch},
		{a + "分公司", "测试虚构（样本）科技有限责任公司", Different, ReasonBranch},
		{a, "别家虚构（样本）科技有限公司", Different, ""},
		{a, "", Different, ""},
		{"䶮科技有限公司", "䶮科技有限公司", Same, ""},
		{"样本(科技有限公司", "样本科技有限公司", Different, ""},
	} {
		for _, c := range [][2]string{{x.a, x.b}, {x.b, x.a}} {
			if got := CompareEntity(c[0], c[1]); got != (Comparison{x.want, x.reason}) {
				t.Errorf("CompareEntity(%q, %q) = %v, want %v %v", c[0], c[1], got, x.want, x.reason)
			}
		}
	}
}

func TestComparePerson(t *testing.T) {
	for _, x := range []struct {
		a, b   string
		want   Likeness
		reason Reason
	}{
		{"测试甲", "测试甲", Same, ""},
		{"测试甲", "测 试　甲", Same, ""},
		{"样本乙·买买提", "样本乙•买买提", Same, ""},
		{"样本乙·买买提", "样本乙・买买提", Same, ""},
		{"样本乙·买买提", "样本乙‧买买提", Same, ""},
		{"样本乙·买买提", "样本乙･买买提", Same, ""}, // half-width katakana dot
		{"样本乙·买买提", "样本乙 · 买买提", Same, ""},
		{"样本乙·买买提", "样本乙买买提", Similar, ReasonDot},
		{"样本乙·买买提", "样本乙.买买提", Similar, ReasonDot},
		{"測試甲", "测试甲", Similar, ReasonScript},
		{"SMITH John", "Smith  John", Same, ""},
		{"SMITH, John", "John Smith", Similar, ReasonOrder},
		{"测试甲", "测试乙", Different, ""},
		{"测试甲", "", Different, ""},
		{"𬍛测", "𬍛测", Same, ""},
	} {
		for _, c := range [][2]string{{x.a, x.b}, {x.b, x.a}} {
			if got := ComparePerson(c[0], c[1]); got != (Comparison{x.want, x.reason}) {
				t.Errorf("ComparePerson(%q, %q) = %v, want %v %v", c[0], c[1], got, x.want, x.reason)
			}
		}
	}
}

func TestSimplifyTable(t *testing.T) {
	if got := simplified("廣東華龍電氣設備製造廠國際貿易"); got != "广东华龙电气设备制造厂国际贸易" {
		t.Errorf("got %q", got)
	}
	if n := len(simplify()); n < 2500 {
		t.Errorf("%d pairs", n)
	}
	for a, b := range simplify() {
		if a == b || b == utf8.RuneError {
			t.Errorf("%c → %c", a, b)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("测试虚构（样本）科技有限公司", "测试虚构(样本)科技有限责任公司")
	f.Add("样本乙·买买提", "SMITH, John")
	f.Add("((", "))")
	f.Add("\xff", ",")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, compare := range []func(a, b string) Comparison{CompareEntity, ComparePerson} {
			if compare(a, a).Likeness != Same {
				t.Fatalf("%q is not the same as itself", a)
			}
			if compare(a, b) != compare(b, a) {
				t.Fatalf("%q, %q: %v, the other way %v", a, b, compare(a, b), compare(b, a))
			}
		}
	})
}
