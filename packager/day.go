package packager

import (
	"fmt"
	"time"
)

// Shanghai is the zone in which every day of a case is judged. China has had
// no daylight saving time since 1991, so a fixed offset is exact for our
// dates and needs no zone database on the user's machine.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Day is a calendar day in Asia/Shanghai. The zero Day is "not stated".
type Day struct {
	Year  int
	Month time.Month
	Dom   int // day of the month, 1 to 31
}

// DayOf returns the day that t falls on in Asia/Shanghai.
func DayOf(t time.Time) Day {
	y, m, d := t.In(Shanghai).Date()
	return Day{y, m, d}
}

// ParseDay reads a day written as YYYY-MM-DD (ISO 8601 calendar date).
func ParseDay(s string) (Day, error) {
	t, err := time.ParseInLocation(time.DateOnly, s, Shanghai)
	if err != nil {
		return Day{}, fmt.Errorf("not a day written YYYY-MM-DD: %q", s)
	}
	return DayOf(t), nil
}

// Time returns midnight at the start of the day in Asia/Shanghai.
func (d Day) Time() time.Time {
	return time.Date(d.Year, d.Month, d.Dom, 0, 0, 0, 0, Shanghai)
}

// IsZero reports whether the day is not stated.
func (d Day) IsZero() bool { return d == Day{} }

// String writes YYYY-MM-DD, or "" for the zero Day.
func (d Day) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Dom)
}

// Chinese writes 2026年11月22日, the form of GB/T 9704 for official papers.
func (d Day) Chinese() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d年%d月%d日", d.Year, int(d.Month), d.Dom)
}

// AddDays returns the day n calendar days later (earlier for n < 0).
func (d Day) AddDays(n int) Day {
	return DayOf(time.Date(d.Year, d.Month, d.Dom+n, 12, 0, 0, 0, Shanghai))
}

// AddMonths returns the day n months later; a day that the month does not
// have becomes its last day (31 January + 1 month = 28 or 29 February).
func (d Day) AddMonths(n int) Day {
	first := time.Date(d.Year, d.Month+time.Month(n), 1, 12, 0, 0, 0, Shanghai)
	last := time.Date(first.Year(), first.Month()+1, 0, 12, 0, 0, 0, Shanghai).Day()
	return Day{first.Year(), first.Month(), min(d.Dom, last)}
}

// DaysUntil returns the number of calendar days from d to other.
func (d Day) DaysUntil(other Day) int {
	return int(other.Time().Sub(d.Time()).Hours() / 24)
}

// Before reports whether d is earlier than other.
func (d Day) Before(other Day) bool { return d.Time().Before(other.Time()) }

// After reports whether d is later than other.
func (d Day) After(other Day) bool { return other.Before(d) }

// MarshalText writes YYYY-MM-DD.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD; an empty text is the zero Day.
func (d *Day) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Day{}
		return nil
	}
	v, err := ParseDay(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
