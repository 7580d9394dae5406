package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
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
	// Locked are objects that a lock keeps and that are not sealed, or not
	// with a key that could go: they wait for the end of the lock.
	Locked []string `json:"locked,omitempty"`

	// Bytes are those of Removed and Shredded.
	Bytes int64 `json:"-"`
	// Again: an earlier run wrote the same down.
	Again bool `json:"-"`

	ids   map[string]bool // of the keys to be destroyed
	until time.Time       // end of the longest lock of Locked
}

// ExpireOptions say what ends and why.
type ExpireOptions struct {
	At     time.Time // now: what is locked later than this is not removed
	Reason string    // for the record: the law, or a decision; no personal data
	// Keep says which objects stay: those that hold no personal data beyond
	// what proves that the case was handled. Nil: none.
	Keep func(p Publication, o storage.Stored) bool
	// Shred destroys keys of the case, by id.
	Shred func(ctx context.Context, caseID string, ids []string) error
	// Record turns an Expiry into what is stored of it, JSON with at least its
	// members. before are the records of earlier runs, the oldest first. Nil:
	// the Expiry alone.
	Record func(ctx context.Context, p Publication, e Expiry, before [][]byte) ([]byte, error)
	// DryRun changes nothing: the result is what would be done.
	DryRun bool
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
//
// The record is stored first. Killed in between and run again, Expire goes on;
// nothing is ever missing that no record explains.
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
	stay := map[string]bool{} // ids of keys that something which stays is sealed with
	for _, p := range mine {
		for _, o := range slices.Concat(p.Files, p.Objects) {
			if id := keyID(o); id != "" && (opts.keeps(p, o) || others[o.Key]) {
				stay[id] = true
			}
		}
	}
	plans := make([]Expiry, len(mine))
	for i, p := range mine {
		if plans[i], err = p.plan(ctx, s, others, stay, opts); err != nil {
			return nil, err
		}
	}
	if !opts.DryRun {
		err = carryOut(ctx, s, mine, plans, opts)
	}
	return plans, err
}

func (o ExpireOptions) keeps(p Publication, s storage.Stored) bool {
	return o.Keep != nil && o.Keep(p, s)
}

func keyID(o storage.Stored) string {
	if o.Sealed == nil {
		return ""
	}
	_, id, _ := storage.ParseKeysKey(o.Sealed.Key)
	return id
}

// plan says what is to become of each object.
func (p Publication) plan(ctx context.Context, s Keeper, others, stay map[string]bool, opts ExpireOptions) (Expiry, error) {
	e := Expiry{Version: 1, Case: p.Case, Number: p.Number, At: opts.At.UTC(), Reason: opts.Reason,
		Removed: []string{}, Shredded: []string{}, Kept: []string{}, ids: map[string]bool{}}
	seen := map[string]bool{}
	for _, o := range slices.Concat(p.Objects, p.Files) {
		if seen[o.Key] || opts.keeps(p, o) {
			continue
		}
		seen[o.Key] = true
		if others[o.Key] {
			e.Kept = append(e.Kept, o.Key)
			continue
		}
		now, err := s.Stat(ctx, o.Key)
		if err != nil && storage.CodeOf(err) != storage.NotFound {
			return e, err
		}
		id := keyID(o)
		goes := id != "" && !stay[id] && opts.Shred != nil
		locked := now.Retention.LegalHold || now.Retention.Until.After(opts.At)
		switch {
		case !locked:
			e.Removed = append(e.Removed, o.Key)
		case goes:
			e.Shredded = append(e.Shredded, o.Key)
		default:
			e.Locked = append(e.Locked, o.Key)
			if now.Retention.Until.After(e.until) {
				e.until = now.Retention.Until
			}
			continue
		}
		e.Bytes += o.Bytes
		if goes {
			e.ids[id] = true
		}
	}
	old, err := p.expiries(ctx, s)
	if err != nil {
		return e, err
	}
	e.Again = len(old) > 0 && e.saysNothingNew(old)
	return e, nil
}

func (e Expiry) saysNothingNew(old []Expiry) bool {
	said := map[string]bool{}
	for _, o := range old {
		for _, key := range o.Removed {
			said["removed "+key] = true
		}
		for _, key := range o.Shredded {
			said["shredded "+key] = true
		}
	}
	unsaid := func(how string, keys []string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return !said[how+key] })
	}
	return !unsaid("removed ", e.Removed) && !unsaid("shredded ", e.Shredded)
}

// carryOut writes the records, destroys the keys, and removes the objects.
func carryOut(ctx context.Context, s Keeper, mine []Publication, plans []Expiry, opts ExpireOptions) error {
	ids := map[string]bool{}
	for i, e := range plans {
		if !e.Again {
			if err := e.write(ctx, s, mine[i], opts); err != nil {
				return err
			}
		}
		for id := range e.ids {
			ids[id] = true
		}
	}
	// Also where everything can be deleted: copies may be elsewhere.
	if len(ids) > 0 {
		if err := opts.Shred(ctx, mine[0].Case, slices.Sorted(maps.Keys(ids))); err != nil {
			return err
		}
	}
	var lock error
	for _, e := range plans {
		for _, key := range e.Removed {
			switch err := s.Remove(ctx, key); {
			case storage.CodeOf(err) == storage.Retained:
				lock = errors.Join(lock, err)
			case err != nil:
				return err
			}
		}
		if len(e.Locked) > 0 {
			lock = errors.Join(lock, &storage.Error{Code: storage.Retained, Op: "expire", Key: e.Locked[0],
				Args: map[string]string{"until": e.until.Format(time.DateOnly)}})
		}
	}
	return lock
}

// write stores the record, behind those of earlier runs: what a lock kept then
// may be gone now.
func (e Expiry) write(ctx context.Context, s storage.Store, p Publication, opts ExpireOptions) error {
	var before [][]byte
	for i := 1; ; i++ {
		key := storage.CaseKey(e.Case, e.Number, storage.ExpiredName(i))
		switch old, err := storage.ReadAll(ctx, s, key, storage.MaxReceipt); {
		case err == nil:
			before = append(before, old)
			continue
		case storage.CodeOf(err) != storage.NotFound:
			return err
		}
		text, err := json.MarshalIndent(e, "", " ")
		if opts.Record != nil {
			text, err = opts.Record(ctx, p, e, before)
		}
		if err != nil {
			return err
		}
		// Another one may have been quicker: then ours follows theirs.
		_, err = s.Create(ctx, key, storage.FromBytes(text), storage.CreateOptions{ContentType: "application/json"})
		if storage.CodeOf(err) != storage.Conflict {
			return err
		}
		i--
	}
}

func (p Publication) expiries(ctx context.Context, s storage.Store) ([]Expiry, error) {
	var all []Expiry
	for _, key := range p.records {
		e, _, err := readExpiry(ctx, s, key)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func readExpiry(ctx context.Context, s storage.Store, key string) (Expiry, []byte, error) {
	text, err := storage.ReadAll(ctx, s, key, storage.MaxReceipt)
	if err != nil {
		return Expiry{}, nil, err
	}
	var e Expiry
	if err := json.Unmarshal(text, &e); err != nil || e.Version != 1 {
		return Expiry{}, nil, storage.Fail(storage.BadReceipt, "expire", key, err, nil)
	}
	return e, text, nil
}
