package identity

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"dossier/packager"
)

// Calendar counts working days by the holiday tables of the State Council
// (国务院办公厅关于…年部分节假日安排的通知), make-up working days included. A nil
// Calendar has no tables.
type Calendar struct {
	years map[int]Table
}

// Table is the holiday table of one year.
type Table struct {
	Year        int
	Notice      string // title of the notice
	Number      string // 国办发明电〔2025〕7号
	Issued      packager.Day
	Confidence  packager.Confidence
	LastChecked packager.Day
	Off         map[packager.Day]string // days off → name of the holiday
	Work        map[packager.Day]bool   // Saturdays and Sundays that are worked
}

type tableFile struct {
	Year        int
	Notice      string
	Number      string
	Issued      packager.Day
	Confidence  packager.Confidence
	LastChecked packager.Day `yaml:"last_checked"`
	Off         []struct{ Name, Days string }
	Work        []packager.Day
}

// ReadCalendar reads every *.yaml under dir of fsys; templates.FS and
// "calendar" are the tables that are shipped.
func ReadCalendar(fsys fs.FS, dir string) (*Calendar, error) {
	names, err := fs.Glob(fsys, dir+"/*.yaml")
	if err != nil {
		return nil, err
	}
	c := &Calendar{years: map[int]Table{}}
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		t, err := ParseTable(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if _, twice := c.years[t.Year]; twice {
			return nil, fmt.Errorf("%s: a second table for %d", name, t.Year)
		}
		c.years[t.Year] = t
	}
	return c, nil
}

// ParseTable reads one table. Days outside its year, a make-up day that is no
// weekend day, and a day that is both off and worked are errors.
func ParseTable(b []byte) (Table, error) {
	f, err := decodeTable(b)
	if err != nil {
		return Table{}, err
	}
	t := Table{
		Year: f.Year, Notice: f.Notice, Number: f.Number, Issued: f.Issued,
		Confidence: f.Confidence, LastChecked: f.LastChecked,
		Off: map[packager.Day]string{}, Work: map[packager.Day]bool{},
	}
	for _, o := range f.Off {
		days, err := span(o.Days)
		if err != nil {
			return Table{}, fmt.Errorf("%s: %w", o.Name, err)
		}
		for _, d := range days {
			if d.Year != f.Year {
				return Table{}, fmt.Errorf("%s: %s is not in %d", o.Name, d, f.Year)
			}
			t.Off[d] = o.Name
		}
	}
	for _, d := range f.Work {
		if d.Year != f.Year || !weekend(d) {
			return Table{}, fmt.Errorf("make-up day %s is no weekend day of %d", d, f.Year)
		}
		if _, off := t.Off[d]; off {
			return Table{}, fmt.Errorf("%s is both off and worked", d)
		}
		t.Work[d] = true
	}
	if len(t.Off) == 0 {
		return Table{}, fmt.Errorf("no days off for %d", f.Year)
	}
	return t, nil
}

// decodeTable turns a panic of the YAML decoder (goccy/go-yaml 1.19.2 panics on
// some tagged nodes, "off: !00 00") into an error.
func decodeTable(b []byte) (f tableFile, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("not a table of days: %v", p)
		}
	}()
	err = yaml.UnmarshalWithOptions(b, &f, yaml.Strict())
	return f, err
}

// span reads "2026-01-01" or "2026-01-01..2026-01-03", at most 31 days.
func span(s string) ([]packager.Day, error) {
	a, b, ranged := strings.Cut(s, "..")
	first, err := packager.ParseDay(a)
	if err != nil {
		return nil, err
	}
	if !ranged {
		return []packager.Day{first}, nil
	}
	last, err := packager.ParseDay(b)
	if err != nil {
		return nil, err
	}
	if last.Before(first) || first.DaysUntil(last) > 30 {
		return nil, fmt.Errorf("not a span of at most 31 days: %q", s)
	}
	var days []packager.Day
	for d := first; !d.After(last); d = d.AddDays(1) {
		days = append(days, d)
	}
	return days, nil
}

func weekend(d packager.Day) bool {
	w := d.Time().Weekday()
	return w == time.Saturday || w == time.Sunday
}

// Years returns the years that have a table, in order.
func (c *Calendar) Years() []int {
	if c == nil {
		return nil
	}
	var years []int
	for y := range c.years {
		years = append(years, y)
	}
	slices.Sort(years)
	return years
}

// Table returns the table of a year.
func (c *Calendar) Table(year int) (Table, bool) {
	if c == nil {
		return Table{}, false
	}
	t, ok := c.years[year]
	return t, ok
}

// IsWorkingDay reports whether d is worked. exact is false when the year has
// no table: then only Saturdays and Sundays count as free.
func (c *Calendar) IsWorkingDay(d packager.Day) (working, exact bool) {
	t, ok := c.Table(d.Year)
	if !ok {
		return !weekend(d), false
	}
	if t.Work[d] {
		return true, true
	}
	_, off := t.Off[d]
	return !off && !weekend(d), true
}

// AddWorkingDays returns the nth working day after d, not counting d itself
// (民法典 art. 201: the day on which a period begins is not counted); for
// n < 0 the nth working day before d; for n = 0 d itself. exact is false when
// the count ran into a year without a table.
func (c *Calendar) AddWorkingDays(d packager.Day, n int) (day packager.Day, exact bool) {
	step := 1
	if n < 0 {
		step, n = -1, -n
	}
	exact = true
	for n > 0 {
		d = d.AddDays(step)
		working, known := c.IsWorkingDay(d)
		exact = exact && known
		if working {
			n--
		}
	}
	return d, exact
}
