package rules

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dossier/packager"
)

// span is a length of time of the timeline: "3wd", "7d", "3mo", "24h", "15min".
type span struct {
	n    int
	unit string
}

var spanForm = regexp.MustCompile(`^([0-9]{1,4})(wd|d|mo|h|min)$`)

func parseSpan(s string) (span, bool) {
	m := spanForm.FindStringSubmatch(s)
	if m == nil {
		return span{}, false
	}
	n, _ := strconv.Atoi(m[1])
	return span{n, m[2]}, true
}

// after returns the day on which the span ends that begins on day. Hours are
// rounded up to whole days (24h is one day); minutes end on the same day.
// exact is false when working days ran into a year without a table, or there
// is no calendar at all.
func (s span) after(day packager.Day, cal Calendar) (end packager.Day, exact bool) {
	switch s.unit {
	case "wd":
		if cal == nil {
			return weekdays(day, s.n), false
		}
		return cal.AddWorkingDays(day, s.n)
	case "mo":
		return day.AddMonths(s.n), true
	case "h":
		return day.AddDays((s.n + 23) / 24), true
	case "min":
		return day, true
	}
	return day.AddDays(s.n), true
}

// weekdays counts Mondays to Fridays.
func weekdays(day packager.Day, n int) packager.Day {
	for n > 0 {
		day = day.AddDays(1)
		if w := day.Time().Weekday(); w != 0 && w != 6 {
			n--
		}
	}
	return day
}

// timeline works out every entry that applies, in the order of the pack.
// Entries of the same id are alternatives: the first that applies is taken.
// An entry whose start is not known (a date fact that the case does not
// state) stands without days; one that starts from an entry that does not
// apply is left out.
func (r *resolver) timeline() []packager.TimelineEntry {
	t := timeline{r: r, open: map[string]*TimelineEntry{}, done: map[string]packager.TimelineEntry{}}
	var order []string
	for i := range r.p.Timeline {
		e := &r.p.Timeline[i]
		if _, taken := t.open[e.ID]; taken {
			continue
		}
		if applies, _ := r.applies("timeline."+strconv.Itoa(i), e.Applications, e.AccountTypes, e.SpecialCases, e.When); applies {
			t.open[e.ID] = e
			order = append(order, e.ID)
		}
	}
	var all []packager.TimelineEntry
	for _, id := range order {
		if e, ok := t.entry(id, nil); ok {
			all = append(all, e)
		}
	}
	return all
}

type timeline struct {
	r    *resolver
	open map[string]*TimelineEntry
	done map[string]packager.TimelineEntry
}

// entry works out one entry; above are the entries that wait for it.
func (t *timeline) entry(id string, above []string) (packager.TimelineEntry, bool) {
	if out, ok := t.done[id]; ok {
		return out, true
	}
	e, ok := t.open[id]
	if !ok || slices.Contains(above, id) {
		return packager.TimelineEntry{}, false
	}
	out := packager.TimelineEntry{ID: e.ID, Kind: e.Kind, Title: e.Title, Note: e.Note, Rules: e.Rules}
	early, late, open, exact, ok := t.start(e.From, append(above, id))
	if !ok {
		return out, false
	}
	out.From = early
	if !early.IsZero() {
		out.Earliest, out.Latest, exact = t.end(e, early, late, open, exact)
	}
	out.Approximate = !exact
	t.done[id] = out
	return out, true
}

// start returns the earliest and the latest day on which an entry begins.
func (t *timeline) start(from string, above []string) (early, late packager.Day, open, exact, ok bool) {
	if from == "filing" {
		return t.r.day, t.r.day, false, true, true
	}
	if id, isFact := strings.CutPrefix(from, "fact:"); isFact {
		day, _ := t.r.c.Facts[id].Value.(packager.Day)
		return day, day, false, true, true
	}
	e, ok := t.entry(from, above)
	return e.Earliest, e.Latest, e.Latest.IsZero(), !e.Approximate, ok
}

func (t *timeline) end(e *TimelineEntry, early, late packager.Day, open, exact bool) (earliest, latest packager.Day, allExact bool) {
	shortest, _ := parseSpan(e.Min)
	earliest, ok := shortest.after(early, t.r.cal)
	exact = exact && ok
	if open || e.Max == "open" {
		return earliest, packager.Day{}, exact
	}
	longest := shortest
	if e.Max != "" {
		longest, _ = parseSpan(e.Max)
	}
	latest, ok = longest.after(late, t.r.cal)
	return earliest, latest, exact && ok
}

// doubts returns those about a rule that applies. A doubt without rules hangs
// on its condition alone.
func (r *resolver) doubts() []packager.Doubt {
	var all []packager.Doubt
	for i := range r.p.Doubts {
		d := &r.p.Doubts[i]
		about := len(d.Rules) == 0 || slices.ContainsFunc(d.Rules, func(id string) bool { return r.applied[id] })
		if !about {
			continue
		}
		if ok, _ := r.applies("doubts."+strconv.Itoa(i), nil, nil, nil, d.When); ok {
			all = append(all, r.p.doubt(d))
		}
	}
	return all
}

func (p *loaded) doubt(d *Doubt) packager.Doubt {
	checked, _ := packager.ParseDay(d.LastChecked)
	out := packager.Doubt{
		ID: d.ID, Rules: d.Rules, Title: d.Title, Default: d.Default, Why: d.Why, LastChecked: checked,
	}
	for _, reading := range d.Readings {
		out.Readings = append(out.Readings, packager.Reading{
			ID: reading.ID, Text: reading.Text, Sources: p.sources(reading.Sources), Confidence: reading.Confidence,
		})
	}
	return out
}
