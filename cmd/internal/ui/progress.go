package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"dossier/packager"
	"dossier/packager/identity"
)

// Modes of progress. Auto is tty on a terminal and plain elsewhere.
const (
	ProgressAuto  = "auto"
	ProgressTTY   = "tty"
	ProgressPlain = "plain"
	ProgressJSON  = "json"
	ProgressNone  = "none"
)

// ProgressTime is the form of the times in --progress json: UTC, RFC 3339 with
// milliseconds.
const ProgressTime = "2006-01-02T15:04:05.000Z"

// Progress returns an observer that shows work going on, and a function that
// ends it and leaves the line clean. width is the terminal's, in columns.
func (u *UI) Progress(mode string, width int, now func() time.Time) (packager.Observer, func()) {
	switch mode {
	case ProgressTTY:
		t := &ttyProgress{u: u, width: width, now: now}
		return t.observe, t.clear
	case ProgressPlain:
		p := &plainProgress{u: u}
		return p.observe, func() {}
	case ProgressJSON:
		j := &jsonProgress{w: u.Err, now: now}
		return j.observe, func() {}
	}
	return nil, func() {}
}

// plainProgress writes one line a step: for logs and pipes.
type plainProgress struct {
	u    *UI
	mu   sync.Mutex
	seen map[packager.Step]bool
}

func (p *plainProgress) observe(e packager.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Kind != "start" || p.seen[e.Step] {
		return
	}
	if p.seen == nil {
		p.seen = map[packager.Step]bool{}
	}
	p.seen[e.Step] = true
	fmt.Fprintf(p.u.Err, "%s …\n", p.u.Text("step."+string(e.Step)))
}

// jsonProgress writes one versioned JSON object a line.
type jsonProgress struct {
	w   io.Writer
	now func() time.Time
	mu  sync.Mutex
}

func (j *jsonProgress) observe(e packager.Progress) {
	line, err := json.Marshal(struct {
		Version int           `json:"version"`
		At      string        `json:"at"`
		Step    packager.Step `json:"step"`
		Kind    string        `json:"kind"`
		Item    string        `json:"item,omitempty"`
		Done    int64         `json:"done,omitempty"`
		Total   int64         `json:"total,omitempty"`
		Unit    string        `json:"unit,omitempty"`
	}{1, j.now().UTC().Format(ProgressTime), e.Step, e.Kind, identity.MaskIDs(e.Item), e.Done, e.Total, e.Unit})
	if err != nil {
		return // strings and numbers: cannot fail
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintf(j.w, "%s\n", line)
}

// ttyProgress keeps one line that says what is going on.
type ttyProgress struct {
	u     *UI
	width int
	now   func() time.Time
	mu    sync.Mutex
	last  time.Time
	step  packager.Step
}

func (t *ttyProgress) observe(e packager.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	// Ten lines a second are enough for an eye.
	if e.Step == t.step && now.Sub(t.last) < 100*time.Millisecond {
		return
	}
	t.last, t.step = now, e.Step
	s := t.u.Text("step."+string(e.Step)) + " …"
	if e.Total > 0 {
		s += fmt.Sprintf(" %3d %%", 100*e.Done/e.Total)
		if e.Unit == "bytes" {
			s += fmt.Sprintf("  %s / %s", Bytes(e.Done), Bytes(e.Total))
		} else {
			s += fmt.Sprintf("  %d / %d", e.Done, e.Total)
		}
	}
	if e.Item != "" {
		s += "  " + identity.MaskIDs(e.Item)
	}
	fmt.Fprint(t.u.Err, "\r\x1b[2K"+Truncate(s, max(20, t.width-1)))
}

func (t *ttyProgress) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprint(t.u.Err, "\r\x1b[2K")
}
