package identity

import (
	"strings"
	"testing"

	"dossier/packager"
	"dossier/templates"
)

func day(t testing.TB, s string) packager.Day {
	t.Helper()
	d, err := packager.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func shipped(t testing.TB) *Calendar {
	t.Helper()
	c, err := ReadCalendar(templates.FS, "calendar")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The numbers of free and worked days that the notices themselves state ("共8天").
func TestTablesHoldWhatTheNoticesSay(t *testing.T) {
	c := shipped(t)
	for _, x := range []struct{ year, off, work int }{
		{2024, 1 + 8 + 3 + 5 + 1 + 3 + 7, 8},
		{2025, 1 + 8 + 3 + 5 + 3 + 8, 5},
		{2026, 3 + 9 + 3 + 5 + 3 + 3 + 7, 6},
	} {
		table, ok := c.Table(x.year)
		if !ok {
			t.Fatalf("no table for %d", x.year)
		}
		if len(table.Off) != x.off || len(table.Work) != x.work {
			t.Errorf("%d: %d days off, %d make-up days; the notice has %d and %d",
				x.year, len(table.Off), len(table.Work), x.off, x.work)
		}
		if table.Number == "" || table.Notice == "" || table.Confidence == "" || table.Issued.Year != x.year-1 {
			t.Errorf("%d: no provenance: %+v", x.year, table)
		}
	}
}

func TestWorkingDays(t *testing.T) {
	c := shipped(t)
	for _, x := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-11-20", 1, "2026-11-23"},  // over a plain weekend
		{"2026-09-30", 1, "2026-10-08"},  // over 国庆节
		{"2026-09-30", 3, "2026-10-10"},  // the make-up Saturday counts
		{"2026-09-18", 1, "2026-09-20"},  // make-up Sunday before 中秋节
		{"2026-02-13", 1, "2026-02-14"},  // make-up Saturday before 春节
		{"2026-02-14", 1, "2026-02-24"},  // over 春节
		{"2026-02-13", 7, "2026-03-02"},  // Sat 14, Tue 24, Wed 25, Thu 26, Fri 27, Sat 28, Mon 2
		{"2025-01-27", 1, "2025-02-05"},  // 春节 2025
		{"2025-09-30", 2, "2025-10-10"},  // 国庆节 and 中秋节 in one
		{"2025-09-30", 3, "2025-10-11"},  // make-up Saturday
		{"2024-02-09", 1, "2024-02-18"},  // 除夕 2024 was worked, the 18th a make-up Sunday
		{"2024-12-31", 1, "2025-01-02"},  // over the year's end, both years known
		{"2024-02-28", 1, "2024-02-29"},  // leap day
		{"2026-10-08", -1, "2026-09-30"}, // back over 国庆节
		{"2026-10-03", 0, "2026-10-03"},
	} {
		got, exact := c.AddWorkingDays(day(t, x.from), x.n)
		if got.String() != x.want || !exact {
			t.Errorf("%s + %d working days = %s (exact %t), want %s", x.from, x.n, got, exact, x.want)
		}
	}
}

func TestYearWithoutTableIsApproximate(t *testing.T) {
	c := shipped(t)
	if got, exact := c.AddWorkingDays(day(t, "2026-12-30"), 3); exact || got.String() != "2027-01-04" {
		t.Errorf("got %s, exact %t", got, exact)
	}
	if got, exact := c.AddWorkingDays(day(t, "2026-12-30"), 1); !exact || got.String() != "2026-12-31" {
		t.Errorf("a count that ends in a known year: %s, exact %t", got, exact)
	}
	var none *Calendar
	if w, exact := none.IsWorkingDay(day(t, "2026-10-01")); !w || exact {
		t.Errorf("no calendar: working %t, exact %t", w, exact)
	}
}

func TestTableMistakes(t *testing.T) {
	for name, y := range map[string]string{
		"no days":         "year: 2026",
		"other year":      "year: 2026\noff: [{name: a, days: 2025-01-01}]",
		"backwards":       "year: 2026\noff: [{name: a, days: 2026-01-03..2026-01-01}]",
		"too long":        "year: 2026\noff: [{name: a, days: 2026-01-01..2026-12-31}]",
		"no day":          "year: 2026\noff: [{name: a, days: 1 January}]",
		"work on weekday": "year: 2026\noff: [{name: a, days: 2026-01-01}]\nwork: [2026-01-05]",
		"both":            "year: 2026\noff: [{name: a, days: 2026-01-01..2026-01-03}]\nwork: [2026-01-03]",
		"unknown key":     "year: 2026\nholidays: []",
		"not yaml":        "\t",
	} {
		if _, err := ParseTable([]byte(y)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParseTable(f *testing.F) {
	f.Add([]byte("year: 2026\noff: [{name: a, days: 2026-01-01..2026-01-03}]\nwork: [2026-01-04]"))
	f.Add([]byte("off: !00 00\n0008: 000000000000")) // the decoder panics
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := ParseTable(b)
		if err != nil {
			return
		}
		for d := range table.Off {
			if d.Year != table.Year || table.Work[d] {
				t.Fatalf("%s is out of place in %+v", d, table)
			}
		}
	})
}

func FuzzWorkingDays(f *testing.F) {
	f.Add(0, 5)
	f.Add(700, -12)
	c := shipped(f)
	start := day(f, "2024-01-01")
	f.Fuzz(func(t *testing.T, offset, n int) {
		d := start.AddDays(offset % 2000)
		n %= 300
		got, _ := c.AddWorkingDays(d, n)
		if n != 0 {
			if w, _ := c.IsWorkingDay(got); !w {
				t.Fatalf("%s + %d ends on %s, which is free", d, n, got)
			}
		}
		// The way back leads to d, or to the working day before (after) it.
		back, _ := c.AddWorkingDays(got, -n)
		if w, _ := c.IsWorkingDay(d); w && n != 0 && back != d {
			t.Fatalf("%s + %d = %s, back: %s", d, n, got, back)
		}
		if strings.Contains(got.String(), "-00") {
			t.Fatal(got)
		}
	})
}
