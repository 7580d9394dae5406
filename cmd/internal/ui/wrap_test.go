package ui

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in      string
		columns int
		want    []string
	}{
		{"短", 10, []string{"短"}},
		{"一二三四五六", 8, []string{"一二三四", "五六"}},
		{"一二三四，五六", 8, []string{"一二三", "四，五六"}}, // no comma in front
		{"一二三（四）五", 8, []string{"一二三", "（四）五"}}, // no bracket left behind
		{"the long word stays", 9, []string{"the long", "word", "stays"}},
		{"写 account.id 吧", 8, []string{"写", "account.", "id 吧"}}, // longer than a line
		{"一\n二三四五六", 8, []string{"一", "二三四五", "六"}},
		{"不折行的一行", 0, []string{"不折行的一行"}},
		{"", 8, []string{""}},
	} {
		if diff := cmp.Diff(c.want, Wrap(c.in, c.columns)); diff != "" {
			t.Errorf("Wrap(%q, %d) (-want +got):\n%s", c.in, c.columns, diff)
		}
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("公众号 gh_0123456789ab（测试），已注销。", 12)
	f.Fuzz(func(t *testing.T, s string, columns int) {
		if columns < 4 || columns > 200 {
			return
		}
		blanks := strings.NewReplacer(" ", "", "\n", "", "\t", "", "\r", "")
		lines := Wrap(s, columns)
		if got, want := blanks.Replace(strings.Join(lines, "")), blanks.Replace(s); got != want && !strings.ContainsRune(s, '\uFFFD') && strings.ToValidUTF8(s, "") == s {
			t.Fatalf("Wrap lost something: %q of %q", got, want)
		}
	})
}

func TestHanging(t *testing.T) {
	var out bytes.Buffer
	u := &UI{Out: &out, OutColumns: 24}
	u.Hanging(&out, "  ✗ ", "法定代表人身份证已过期，请换一张", "ID_EXPIRED")
	want := "  ✗ 法定代表人身份证已过\n    期，请换一张\n    ID_EXPIRED\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	out.Reset()
	u.OutColumns, u.OutColor = 0, true
	u.Hanging(&out, Paint(true, Red, "✗")+" ", "一句话", "CODE")
	if want := "\x1b[31m✗\x1b[0m 一句话  \x1b[2mCODE\x1b[0m\n"; out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
}
