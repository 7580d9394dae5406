package timeline_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dossier/packager"
	"dossier/packager/timeline"
)

func day(t *testing.T, s string) packager.Day {
	t.Helper()
	if s == "" {
		return packager.Day{}
	}
	d, err := packager.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func entry(t *testing.T, id, kind, from, earliest, latest string) packager.TimelineEntry {
	t.Helper()
	return packager.TimelineEntry{
		ID: id, Kind: kind, Title: packager.Text{ZH: id, EN: id},
		From: day(t, from), Earliest: day(t, earliest), Latest: day(t, latest),
	}
}

// way is a case filed on 2026-11-25, with a review of unknown length.
func way(t *testing.T) []packager.TimelineEntry {
	return []packager.TimelineEntry{
		entry(t, "quiet", timeline.Earliest, "2026-10-01", "2026-10-31", "2026-12-30"),
		entry(t, "unstated", timeline.Earliest, "", "", ""),
		entry(t, "review", timeline.Review, "2026-11-25", "2026-12-04", "2026-12-16"),
		entry(t, "freeze", timeline.Freeze, "2026-12-04", "2026-12-11", "2027-01-15"),
		entry(t, "no_login", timeline.MustNot, "2026-12-04", "2026-12-11", "2027-01-15"),
		entry(t, "no_edit", timeline.MustNot, "2026-11-25", "2026-12-11", ""),
		entry(t, "withdraw", timeline.WithdrawBy, "2026-12-11", "2026-12-11", "2027-01-15"),
		entry(t, "name", timeline.Released, "2026-12-11", "2026-12-11", "2027-02-14"),
		entry(t, "watch", timeline.Watch, "2026-12-04", "2026-12-18", "2026-12-30"),
	}
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		today string
		filed bool
		want  string
	}{
		{"2026-11-20", false, "quiet"},   // filing is not safe before 2026-12-30
		{"2026-12-31", false, "freeze"},  // the wait is over
		{"2026-11-20", true, "withdraw"}, // filed: when one may file no longer matters
		{"2026-12-11", true, "withdraw"}, // on the day itself
		{"2026-12-12", true, "review"},   // the right is lost by the earliest end
		{"2026-12-16", true, "review"},   // the last day of the review
		{"2026-12-17", true, "freeze"},   //
		{"2027-01-16", true, ""},         // over: a name that comes free is no deadline
	} {
		got, found := timeline.Next(way(t), day(t, c.today), c.filed)
		if got.ID != c.want || found != (c.want != "") {
			t.Errorf("on %s, filed %v: next is %q, want %q", c.today, c.filed, got.ID, c.want)
		}
	}
}

func TestMeanwhile(t *testing.T) {
	ids := func(es []packager.TimelineEntry) (out []string) {
		for _, e := range es {
			out = append(out, e.ID)
		}
		return out
	}
	for today, want := range map[string][]string{
		"2026-11-20": {"no_edit", "no_login"},
		"2027-01-15": {"no_edit", "no_login"},
		"2027-01-16": {"no_edit"}, // no upper bound: never over
	} {
		if diff := cmp.Diff(want, ids(timeline.Meanwhile(way(t), day(t, today)))); diff != "" {
			t.Errorf("on %s (-want +got):\n%s", today, diff)
		}
	}
}

var words = timeline.Words{
	Lang: "zh", Name: "申请日程", Kinds: map[string]string{"review": "审核", "must_not": "期间不得", "withdraw_by": "可撤回至"},
	Approximate: "工作日按周一至周五估算", Open: "没有上限", Range: "{from} 至 {to} 之间",
}

var stamp = time.Date(2026, 11, 22, 4, 5, 6, 0, time.UTC)

func calendar(t *testing.T, cases []timeline.Case) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := timeline.WriteCalendar(&b, cases, words, stamp); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCalendarForm holds the form of RFC 5545 that readers are strict about.
func TestCalendarForm(t *testing.T) {
	long := way(t)[2]
	long.Title = packager.Text{ZH: strings.Repeat("审核；很长的标题, 带逗号\\反斜线", 12)}
	long.Note = packager.Text{ZH: "第一行\n第二行"}
	got := calendar(t, []timeline.Case{{ID: "c1", Title: "微信公众号\r\nX-EVIL:1", Entries: []packager.TimelineEntry{long}}})
	for i, line := range strings.SplitAfter(string(got), "\r\n") {
		if n := len(strings.TrimSuffix(line, "\r\n")); n > 75 {
			t.Errorf("line %d has %d octets", i+1, n)
		}
		if strings.ContainsAny(strings.TrimSuffix(line, "\r\n"), "\r\n") {
			t.Errorf("line %d: a bare CR or LF", i+1)
		}
	}
	if strings.Contains(string(got), "\r\nX-EVIL") {
		t.Error("a title became a property")
	}
	unfolded := strings.ReplaceAll(string(got), "\r\n ", "")
	for _, want := range []string{
		"DTSTAMP:20261122T040506Z", "DTSTART;VALUE=DATE:20261204", "DTEND;VALUE=DATE:20261217",
		"UID:c1.review@dossier", `第一行\n第二行`, `；很长`, `\,`, `\\反斜线`,
	} {
		if !strings.Contains(unfolded, want) {
			t.Errorf("no %s in\n%s", want, unfolded)
		}
	}
	if again := calendar(t, []timeline.Case{{ID: "c1", Title: "微信公众号\r\nX-EVIL:1", Entries: []packager.TimelineEntry{long}}}); !bytes.Equal(got, again) {
		t.Error("the same calendar twice differs")
	}
}

// judge is a foreign reader of calendars, the Python package icalendar.
const judge = `
import sys, json, icalendar
cal = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
assert cal["VERSION"] == "2.0" and cal["PRODID"]
out = {}
for e in cal.walk("VEVENT"):
    assert not e.errors, e.errors
    alarms = [str(a["TRIGGER"].dt) for a in e.walk("VALARM")]
    assert e["DTSTAMP"].dt.utcoffset().total_seconds() == 0
    out[str(e["UID"])] = {"start": e["DTSTART"].dt.isoformat(), "end": e["DTEND"].dt.isoformat(),
        "summary": str(e["SUMMARY"]), "alarms": len(alarms)}
json.dump(out, sys.stdout)
`

// TestCalendarRead has another program read the calendar.
func TestCalendarRead(t *testing.T) {
	python := judgePython(t)
	text := calendar(t, []timeline.Case{
		{ID: "c1", Title: "微信公众号 · 测试虚构服务号, 一; 二", Entries: way(t)},
		{ID: "c2", Title: "企业微信", Entries: way(t)},
	})
	cmd := exec.Command(python, "-c", judge)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("icalendar refuses it: %v\n%s", err, text)
	}
	type event struct {
		Start, End, Summary string
		Alarms              int
	}
	var got map[string]event
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 16 { // 8 entries with days, twice
		t.Errorf("%d events, want 16", len(got))
	}
	title := " · 微信公众号 · 测试虚构服务号, 一; 二"
	for id, want := range map[string]event{
		"c1.quiet@dossier":    {"2026-12-30", "2026-12-31", "quiet" + title, 1},
		"c1.review@dossier":   {"2026-12-04", "2026-12-17", "review" + title, 0},
		"c1.no_login@dossier": {"2026-12-04", "2027-01-16", "no_login" + title, 0},
		"c1.no_edit@dossier":  {"2026-11-25", "2026-12-12", "no_edit" + title, 0},
		"c1.withdraw@dossier": {"2026-12-11", "2026-12-12", "withdraw" + title, 1},
		"c1.name@dossier":     {"2027-02-14", "2027-02-15", "name" + title, 0},
	} {
		if diff := cmp.Diff(want, got[id]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}

// judgePython finds a Python with icalendar: on the PATH, or where .ci/run
// puts the judges.
func judgePython(t *testing.T) string {
	t.Helper()
	cache, _ := os.UserCacheDir()
	for _, p := range []string{"python3", filepath.Join(cache, "dossier", "judges-python", "bin", "python3")} {
		if exec.Command(p, "-c", "import icalendar").Run() == nil {
			return p
		}
	}
	if os.Getenv("DOSSIER_JUDGES") == "required" {
		t.Fatal("no Python with the package icalendar (pip install icalendar==6.3.2)")
	}
	t.Skip("NOT JUDGED: no Python with the package icalendar")
	return ""
}
