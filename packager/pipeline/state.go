package pipeline

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"dossier/packager"
	"dossier/packager/audit"
)

// Stage is how far a case has come.
type Stage string

const (
	StageDraft     Stage = "draft"      // nothing signed yet
	StageBuilt     Stage = "built"      // signed, waiting for Push
	StageStored    Stage = "stored"     // there is a receipt
	StageHandedOff Stage = "handed_off" // the stored bundle was handed off
	StageFiled     Stage = "filed"      // the user says on which day it was filed
)

// Standing is where a case stands, as its own folder tells: the receipt, what
// waits to be stored, the audit log.
type Standing struct {
	Stage     Stage
	Bundle    string       // id of the bundle, or ""
	Number    int          // of the publication in the store; 0 when not stored
	StoredOn  packager.Day // day of the receipt
	HandedOff packager.Day // day of the last handing off of this bundle
	Filed     packager.Day // day of filing as stated; zero: not yet
}

// Standing reads where a case stands. It changes nothing.
func (p *Pipeline) Standing(c *packager.Case, out string) (*Standing, error) {
	s := &Standing{Stage: StageDraft}
	if err := s.events(filepath.Join(c.Dir, StateDir, eventsName), p); err != nil {
		return nil, err
	}
	var pend pending
	switch waiting, err := readJSON(filepath.Join(c.Dir, StateDir, pendingName), &pend); {
	case err != nil:
		return nil, &packager.Fault{Class: packager.ClassStore, Code: "PUSH_DAMAGED", Args: packager.Args{"case": c.Dir}, Err: err}
	case waiting: // a later build than what the store has
		*s = Standing{Stage: StageBuilt, Bundle: pend.Receipt.Bundle.ID, Filed: s.Filed}
	}
	var r packager.Receipt
	if there, err := readJSON(filepath.Join(out, receiptName), &r); err == nil && there && s.Stage != StageBuilt {
		s.Number = r.Number
		if r.Bundle.ID != s.Bundle { // the folder of a case without its log
			s.Bundle, s.HandedOff = r.Bundle.ID, packager.Day{}
		}
		s.StoredOn, _ = packager.ParseDay(r.Day)
		s.Stage = StageStored
	}
	switch {
	case s.Stage == StageBuilt:
	case !s.Filed.IsZero():
		s.Stage = StageFiled
	case s.Stage == StageStored && !s.HandedOff.IsZero():
		s.Stage = StageHandedOff
	}
	return s, nil
}

// events reads what the log tells. A case without a log has no events, and
// reading makes none.
func (s *Standing) events(path string, p *Pipeline) error {
	log, err := audit.Open(path, p.Actor, p.Now)
	if err != nil {
		return err
	}
	signed := ""
	return log.Events(func(e packager.Event) error {
		switch e.What {
		case "signed":
			signed = e.Data["bundle"]
		case "stored":
			*s = Standing{Stage: StageStored, Bundle: signed, StoredOn: dayOf(e), Filed: s.Filed}
			s.Number, _ = strconv.Atoi(e.Data["number"])
		case "handed_off":
			if e.Data["bundle"] == s.Bundle {
				s.HandedOff = dayOf(e)
			}
		case "filed":
			s.Filed, _ = packager.ParseDay(e.Data["day"])
		}
		return nil
	})
}

// dayOf is the day of an event in Asia/Shanghai.
func dayOf(e packager.Event) packager.Day {
	at, err := time.Parse(time.RFC3339, e.At)
	if err != nil {
		return packager.Day{}
	}
	return packager.DayOf(at)
}

// readJSON reads a file that may not be there.
func readJSON(path string, into any) (there bool, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	return true, json.Unmarshal(b, into)
}

// MarkFiled notes in the case's log that the application was handed in on day;
// from then on its timeline counts from that day. The last word counts.
func (p *Pipeline) MarkFiled(c *packager.Case, day packager.Day) error {
	b, err := newState(c.Dir, p)
	if err != nil {
		return err
	}
	defer b.clear()
	return p.note(b.log, packager.Event{What: "filed", Case: c.ID, Data: map[string]string{"day": day.String()}})
}

// MarkVerified notes in the log of a case what verify found out about its out
// folder. A case without a log gets none.
func (p *Pipeline) MarkVerified(caseDir string, v *packager.Verdict) error {
	path := filepath.Join(caseDir, StateDir, eventsName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	log, err := audit.Open(path, p.Actor, p.Now)
	if err != nil {
		return err
	}
	if err := p.seal(&bench{log: log}); err != nil {
		return err
	}
	return p.note(log, verifiedAgain(v))
}
