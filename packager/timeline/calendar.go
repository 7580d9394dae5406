package timeline

import (
	"io"
	"strings"
	"time"
	"unicode"

	ics "github.com/arran4/golang-ical"

	"dossier/packager"
)

// Case is one case's part of a calendar.
type Case struct {
	ID      string // of the case: ASCII, with nothing of a person in it
	Title   string // platform and account, for the reader
	Entries []packager.TimelineEntry
}

// Words say what an entry is, in the reader's language.
type Words struct {
	Lang        string
	Name        string            // of the calendar
	Kinds       map[string]string // kind → word, for the categories
	Approximate string            // a working-day count without a holiday table
	Open        string            // the span has no upper bound
	Range       string            // "{from}" and "{to}": the end lies between
}

// WriteCalendar writes the entries of the cases as one iCalendar object (RFC
// 5545): all-day events (DTEND is the day after the last one, as section 3.6.1
// wants it), in UTF-8, lines folded at 75 octets. An event keeps its UID from
// run to run, so that a program that reads the calendar again moves events and
// does not double them; stamp is the time of writing. Entries without days are
// left out. What takes time (freeze, must_not, watch, review) covers its span;
// the rest stands on its careful day, and a day on which something is lost has
// an alarm on the day before at 9:00.
func WriteCalendar(w io.Writer, cases []Case, words Words, stamp time.Time) error {
	cal := ics.NewCalendarFor("dossier")
	cal.SetProductId("-//dossier//timeline//" + strings.ToUpper(words.Lang))
	cal.SetMethod(ics.MethodPublish)
	cal.SetXWRCalName(words.Name)
	for _, c := range cases {
		for _, e := range c.Entries {
			addEvent(cal, c, e, words, stamp)
		}
	}
	_, err := io.WriteString(w, cal.Serialize(ics.WithNewLineWindows))
	return err
}

// oneLine drops the control characters that RFC 5545 has no place for.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

func addEvent(cal *ics.Calendar, c Case, e packager.TimelineEntry, words Words, stamp time.Time) {
	first, last, ok := days(e)
	if !ok {
		return
	}
	title := oneLine(e.Title.In(words.Lang) + " · " + c.Title)
	ev := cal.AddEvent(c.ID + "." + e.ID + "@dossier")
	ev.SetDtStampTime(stamp)
	ev.SetAllDayStartAt(first.Time())
	ev.SetAllDayEndAt(last.AddDays(1).Time())
	ev.SetSummary(title)
	ev.SetDescription(describe(e, words))
	ev.AddProperty(ics.ComponentPropertyCategories, words.Kinds[e.Kind])
	ev.SetTimeTransparency(ics.TransparencyTransparent) // nobody is busy because of it
	ev.SetClass(ics.ClassificationPrivate)
	if e.Kind == WithdrawBy || e.Kind == Deadline || e.Kind == Earliest {
		alarm := ev.AddAlarm()
		alarm.SetAction(ics.ActionDisplay)
		alarm.SetDescription(title)
		alarm.SetTrigger("-PT15H")
	}
}

// days returns the first and the last day that an event covers.
func days(e packager.TimelineEntry) (first, last packager.Day, ok bool) {
	switch e.Kind {
	case Freeze, MustNot, Watch:
		first, last = e.From, e.Latest
	case Review:
		first, last = e.Earliest, e.Latest
	default:
		first = Careful(e)
		last = first
	}
	if first.IsZero() {
		first = e.Earliest
	}
	if last.IsZero() { // open: nothing is known beyond its earliest end
		last = e.Earliest
	}
	if last.Before(first) {
		first = last
	}
	return first, last, !first.IsZero() && !last.IsZero()
}

func describe(e packager.TimelineEntry, words Words) string {
	var lines []string
	if e.Latest.IsZero() {
		lines = append(lines, words.Open)
	} else if e.Latest != e.Earliest {
		lines = append(lines, strings.NewReplacer("{from}", e.Earliest.String(), "{to}", e.Latest.String()).Replace(words.Range))
	}
	if note := e.Note.In(words.Lang); note != "" {
		lines = append(lines, note)
	}
	if e.Approximate {
		lines = append(lines, words.Approximate)
	}
	if len(e.Rules) > 0 {
		lines = append(lines, strings.Join(e.Rules, ", "))
	}
	return strings.Join(lines, "\n")
}
