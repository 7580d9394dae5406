// Package timeline reads the timeline of a case as a person would: what comes
// next, what must not be done meanwhile, and which day of a span to go by. It
// also writes it as a calendar that other programs read.
package timeline

import (
	"slices"

	"dossier/packager"
)

// Kinds of entries, as rule packs name them.
const (
	Earliest   = "earliest"
	Review     = "review"
	Freeze     = "freeze"
	WithdrawBy = "withdraw_by"
	MustNot    = "must_not"
	Released   = "released"
	Watch      = "watch"
	Deadline   = "deadline"
)

// Careful returns the day of an entry's end to go by. Where a right is lost
// (withdraw_by, deadline) it is the earliest end, as the span may be short;
// elsewhere it is the latest, as it may be long. It is the zero Day where the
// start is not known or there is no upper bound.
func Careful(e packager.TimelineEntry) packager.Day {
	switch e.Kind {
	case WithdrawBy, Deadline:
		return e.Earliest
	}
	return e.Latest
}

// Next returns the entry that a person has to mind next: of those that end on
// today or later, the one with the earliest careful day. Before filing these
// are the days on which filing becomes possible; without one, and after filing,
// all that has an end: review, freeze, withdrawal, deadlines. What is to be
// left alone (must_not) and what only becomes possible again is no deadline.
func Next(entries []packager.TimelineEntry, today packager.Day, filed bool) (packager.TimelineEntry, bool) {
	if !filed {
		if e, ok := soonest(entries, today, Earliest); ok {
			return e, true
		}
	}
	return soonest(entries, today, Review, Freeze, WithdrawBy, Deadline)
}

func soonest(entries []packager.TimelineEntry, today packager.Day, kinds ...string) (best packager.TimelineEntry, found bool) {
	for _, e := range entries {
		day := Careful(e)
		if !slices.Contains(kinds, e.Kind) || day.IsZero() || day.Before(today) {
			continue
		}
		if !found || day.Before(Careful(best)) {
			best, found = e, true
		}
	}
	return best, found
}

// Meanwhile returns what must not be done on today or later, the first to
// begin first. An entry without an upper bound never ends.
func Meanwhile(entries []packager.TimelineEntry, today packager.Day) []packager.TimelineEntry {
	var out []packager.TimelineEntry
	for _, e := range entries {
		if e.Kind == MustNot && !e.From.IsZero() && (e.Latest.IsZero() || !e.Latest.Before(today)) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b packager.TimelineEntry) int { return a.From.Time().Compare(b.From.Time()) })
	return out
}

// Of returns the entries of a kind that have a day, in the order of the pack.
func Of(entries []packager.TimelineEntry, kind string) []packager.TimelineEntry {
	var out []packager.TimelineEntry
	for _, e := range entries {
		if e.Kind == kind && !e.Earliest.IsZero() {
			out = append(out, e)
		}
	}
	return out
}

// Approximate reports whether any day was counted through a year without a
// holiday table.
func Approximate(entries []packager.TimelineEntry) bool {
	return slices.ContainsFunc(entries, func(e packager.TimelineEntry) bool { return e.Approximate })
}
