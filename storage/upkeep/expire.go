package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"dossier/storage"
)

// Expiry is the record of [Expire]: v1/cases/<case>/<n>/expired.json, and
// expired.2.json, … of later runs.
type Expiry struct {
	Version int       `json:"version"` // 1
	Case    string    `json:"case"`
	Number  int       `json:"number"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
	// Removed are the keys of the objects that were deleted, Shredded those
	// that a lock keeps and whose key was destroyed.
	Removed  []string `json:"removed"`
	Shredded []string `json:"shredded"`
	// Kept are objects that another publication, whose time is not over,
	// names too.
	Kept []string `json:"kept"`
}

// ExpireOptions say what ends and why.
type ExpireOptions struct {
	At     time.Time
	Reason string // for the record: the law, or a decision; no personal data
	// Keep says which documents stay, by name: those that hold no personal
	// data beyond what proves that the case was handled.
	Keep func(name string) bool
	// Shred destroys the keys of the case, for objects that a lock keeps.
	Shred func(ctx context.Context, caseID string) (int, error)
}

// Expire ends the storage of personal data of a case (PIPL art. 19, 47): the
// materials and the documents that opts does not keep, of all its
// publications. Receipts stay, with all digests, and each publication gets a
// record of what was done. A case whose time is over in part only (a
// publication that was made later) is not for Expire: its time begins anew
// with every publication.
//
// Objects that another case's receipt names stay. Objects under a lock are
// shredded if they are sealed, and otherwise the error is [storage.Retained];
// whatever could be removed has been.
func Expire(ctx context.Context, s Keeper, caseID string, opts ExpireOptions) ([]Expiry, error) {
	pubs, err := List(ctx, s, "")
	if err != nil {
		return nil, err
	}
	others := map[string]bool{}
	var mine []Publication
	for _, p := range pubs {
		switch {
		case p.Err != nil:
			return nil, p.Err
		case p.Receipt == "":
		case p.Case == caseID:
			mine = append(mine, p)
		case p.Expired.IsZero():
			for _, o := range p.Objects {
				others[o.Key] = true
			}
		}
	}
	var (
		done []Expiry
		lock error
	)
	for _, p := range mine {
		e, err := p.expire(ctx, s, others, opts)
		if err != nil && storage.CodeOf(err) != storage.Retained {
			return done, err
		}
		lock = errors.Join(lock, err)
		done = append(done, e)
	}
	return done, lock
}

func (p Publication) expire(ctx context.Context, s Keeper, others map[string]bool, opts ExpireOptions) (Expiry, error) {
	e := Expiry{Version: 1, Case: p.Case, Number: p.Number, At: opts.At.UTC(), Reason: opts.Reason, Removed: []string{}, Shredded: []string{}, Kept: []string{}}
	var sealed, locked []string
	var lock error
	gone := func(o storage.Stored) error {
		if slices.Contains(e.Removed, o.Key) || slices.Contains(e.Kept, o.Key) {
			return nil
		}
		if others[o.Key] {
			e.Kept = append(e.Kept, o.Key)
			return nil
		}
		err := s.Remove(ctx, o.Key)
		switch {
		case err == nil:
			e.Removed = append(e.Removed, o.Key)
		case storage.CodeOf(err) == storage.Retained && o.Sealed != nil && opts.Shred != nil:
			sealed = append(sealed, o.Key)
		case storage.CodeOf(err) == storage.Retained:
			locked, lock = append(locked, o.Key), err
		default:
			return err
		}
		return nil
	}
	for _, o := range p.Objects {
		if err := gone(o); err != nil {
			return e, err
		}
	}
	for _, f := range p.Files {
		if opts.Keep != nil && opts.Keep(f.Name) {
			continue
		}
		if err := gone(f); err != nil {
			return e, err
		}
	}
	if opts.Shred != nil {
		// Also where everything could be deleted: copies may be elsewhere.
		if _, err := opts.Shred(ctx, p.Case); err != nil {
			return e, err
		}
		e.Shredded = append(e.Shredded, sealed...)
	}
	if err := e.write(ctx, s); err != nil {
		return e, err
	}
	if len(locked) > 0 {
		return e, lock
	}
	return e, nil
}

// write stores the record, behind those of earlier runs: what a lock kept then
// may be gone now. A run that did nothing new leaves none.
func (e Expiry) write(ctx context.Context, s storage.Store) error {
	text, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		key := storage.CaseKey(e.Case, e.Number, storage.ExpiredName(i))
		_, err := s.Create(ctx, key, storage.FromBytes(append(text, '\n')), storage.CreateOptions{ContentType: "application/json"})
		if storage.CodeOf(err) != storage.Conflict {
			return err
		}
		old, err := readExpiry(ctx, s, key)
		if err != nil {
			return err
		}
		if slices.Equal(old.Removed, e.Removed) && slices.Equal(old.Shredded, e.Shredded) {
			return nil
		}
	}
}

func readExpiry(ctx context.Context, s storage.Store, key string) (Expiry, error) {
	text, err := storage.ReadAll(ctx, s, key, storage.MaxReceipt)
	if err != nil {
		return Expiry{}, err
	}
	var e Expiry
	if err := json.Unmarshal(text, &e); err != nil || e.Version != 1 {
		return Expiry{}, storage.Fail(storage.BadReceipt, "expire", key, err, nil)
	}
	return e, nil
}
