package ui

import (
	"bytes"
	"testing"
)

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "卷宗": 4, "（a）": 5, "é": 1, "𬍛": 2, "—": 1} {
		if got := Width(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestTruncate(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{{"卷宗", 4, "卷宗"}, {"卷宗材料", 5, "卷宗…"}, {"卷宗材料", 4, "卷…"}, {"abcdef", 3, "ab…"}} {
		if got := Truncate(c.s, c.n); got != c.want || Width(got) > c.n {
			t.Errorf("Truncate(%q, %d) = %q, want %q", c.s, c.n, got, c.want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.00 kB", 79_400: "79.4 kB", 999_499: "999 kB",
		999_999: "1.00 MB", 4_200_000: "4.20 MB", 5_000_000_000: "5.00 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestRowsFitTheTerminal(t *testing.T) {
	rows := [][]string{
		{" ", Paint(true, Red, "✗"), "营业执照", "a.jpg"},
		{" ", Paint(true, Dim, "·"), "法定代表人身份证", "materials/long.jpg"},
		{" ", "✓", "公章", "b.jpg"},
		{" ", "✓", "公章", "c.jpg"},
	}
	for columns, want := range map[int]string{
		0: "   \x1b[31m✗\x1b[0m  营业执照          a.jpg\n   \x1b[2m·\x1b[0m  法定代表人身份证  materials/long.jpg\n" +
			"   ✓  公章              b.jpg\n   ✓  公章              c.jpg\n",
		34: "   \x1b[31m✗\x1b[0m  营业执照          a.jpg\n   \x1b[2m·\x1b[0m  法定代表人身份证\n      materials/long.jpg\n" +
			"   ✓  公章              b.jpg\n   ✓  公章              c.jpg\n",
		28: "   \x1b[31m✗\x1b[0m  营业执照\n      a.jpg\n   \x1b[2m·\x1b[0m  法定代表人身份证\n      materials/long.jpg\n" +
			"   ✓  公章\n      b.jpg\n   ✓  公章\n      c.jpg\n",
	} {
		var out bytes.Buffer
		u := &UI{Out: &out, OutColumns: columns}
		u.Rows(rows)
		if out.String() != want {
			t.Errorf("%d columns: got\n%q\nwant\n%q", columns, out.String(), want)
		}
	}
}
