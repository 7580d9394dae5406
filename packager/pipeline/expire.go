package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dossier/packager"
	"dossier/packager/audit"
	"dossier/packager/sign"
	"dossier/storage"
	"dossier/storage/seal"
	"dossier/storage/upkeep"
)

// SuggestedDays is how long personal materials may be kept after a case is
// completed, where nobody has said otherwise: a suggestion, and nothing is
// deleted for it.
const SuggestedDays = 30

// Term is how long a store keeps the personal materials of one case.
type Term struct {
	Case   string
	Number int // of the newest publication
	Since  packager.Day
	By     string // what Since is the day of: completed, filed, stored
	Days   int
	Stated bool // false: Days is a suggestion, and nothing is done for it
	Until  packager.Day
	Over   bool // on the day asked about
	Ended  bool // everything was removed, or shredded, already
	// OtherKey: the receipt was sealed with another key than the present one.
	OtherKey bool
	Plans    []upkeep.Expiry
	Bytes    int64 // to be removed or shredded
	Objects  int   // to be removed or shredded
	Shredded int   // of these, those that a lock keeps and whose key goes
	Locked   int   // objects in clear that a lock keeps
}

// ExpireQuery says which cases are meant and what counts as over.
type ExpireQuery struct {
	Case    *packager.Case // whose folder is at hand; nil
	ID      string         // or the id of a case in the store; "" for all
	Day     packager.Day
	Days    int // 0: as stated in the receipt, the case or the settings
	Now     bool
	Reason  string
	Backups bool // backups end too
}

// Keeper opens the store for work that removes.
func (s Store) Keeper(ctx context.Context) (seal.Keeper, error) {
	store, err := s.Open(ctx)
	if err != nil {
		return nil, StoreFault(err)
	}
	keeper, ok := store.(seal.Keeper)
	if !ok {
		return nil, &packager.Fault{Class: packager.ClassStore, Code: "STORE_UNSUPPORTED", Args: packager.Args{"what": "DELETE"}}
	}
	return keeper, nil
}

// ListTerms says for each case how long its personal materials stay, and what would
// be done at their end. It changes nothing.
func (p *Pipeline) ListTerms(ctx context.Context, q ExpireQuery) ([]Term, error) {
	store, err := p.Store.Keeper(ctx)
	if err != nil {
		return nil, err
	}
	pubs, err := upkeep.List(ctx, store, q.id())
	if err != nil {
		return nil, StoreFault(err)
	}
	newest := map[string]upkeep.Publication{}
	var order []string
	for _, pub := range pubs {
		if pub.Err != nil {
			return nil, StoreFault(pub.Err)
		}
		if pub.Receipt == "" {
			continue
		}
		if _, known := newest[pub.Case]; !known {
			order = append(order, pub.Case)
		}
		newest[pub.Case] = pub
	}
	var terms []Term
	for _, id := range order {
		t, err := p.term(ctx, store, newest[id], q)
		if err != nil {
			return nil, err
		}
		if t.Plans, err = p.expireIn(ctx, store, id, q, upkeep.ExpireOptions{DryRun: true}); err != nil {
			return nil, StoreFault(err)
		}
		t.count()
		terms = append(terms, t)
	}
	return terms, nil
}

func (q ExpireQuery) id() string {
	if q.Case != nil {
		return q.Case.ID
	}
	return q.ID
}

// term works out the end of one case from its newest receipt and, where its
// folder is at hand, from what that says.
func (p *Pipeline) term(ctx context.Context, store storage.Store, pub upkeep.Publication, q ExpireQuery) (Term, error) {
	t := Term{Case: pub.Case, Number: pub.Number, By: "stored"}
	text, err := storage.ReadAll(ctx, store, pub.Receipt, storage.MaxReceipt)
	if err != nil {
		return t, StoreFault(err)
	}
	var r packager.Receipt
	if err := json.Unmarshal(text, &r); err != nil {
		return t, StoreFault(storage.Fail(storage.BadReceipt, "expire", pub.Receipt, err, nil))
	}
	at, err := time.Parse(time.RFC3339, r.CreatedAt)
	if err != nil {
		at = pub.Modified
	}
	t.Since = packager.DayOf(at)
	stated := r.RetentionDays
	if c := q.Case; c != nil {
		stated = cmp.Or(c.Retention.Days, stated)
		standing, err := p.Standing(c, filepath.Join(c.Dir, "out"))
		if err != nil {
			return t, err
		}
		if !standing.Filed.IsZero() {
			t.Since, t.By = standing.Filed, "filed"
		}
		if !c.Retention.CompletedOn.IsZero() {
			t.Since, t.By = c.Retention.CompletedOn, "completed"
		}
	}
	stated = cmp.Or(q.Days, stated, p.RetentionDays)
	t.Days, t.Stated = cmp.Or(stated, SuggestedDays), stated > 0 || q.Now
	t.Until = t.Since.AddDays(t.Days)
	t.Over = q.Now || t.Until.Before(q.Day)
	if key, err := p.Key(ctx); err == nil {
		t.OtherKey = key.Fingerprint() != r.Signature.SHA256Fingerprint
	}
	return t, nil
}

func (t *Term) count() {
	t.Ended = true
	for _, e := range t.Plans {
		t.Ended = t.Ended && e.Again
		t.Objects += len(e.Removed) + len(e.Shredded)
		t.Shredded += len(e.Shredded)
		t.Locked += len(e.Locked)
		t.Bytes += e.Bytes
	}
}

// Expire ends the storage of the personal materials of a case: they are
// removed, or under a lock their key is destroyed. Receipts, digests and logs
// stay, and a sealed record continues the log. Where the folder of the case is
// at hand, its own log gets the event too. What lies in that folder is the
// user's and stays.
func (p *Pipeline) Expire(ctx context.Context, t Term, q ExpireQuery) ([]upkeep.Expiry, error) {
	store, err := p.Store.Keeper(ctx)
	if err != nil {
		return nil, err
	}
	key, err := p.Key(ctx)
	if err != nil {
		return nil, err
	}
	done, err := p.expireIn(ctx, store, t.Case, q, upkeep.ExpireOptions{
		Shred: func(ctx context.Context, caseID string, ids []string) error {
			return seal.Shred(ctx, store, caseID, ids)
		},
		Record: func(ctx context.Context, pub upkeep.Publication, e upkeep.Expiry, before [][]byte) ([]byte, error) {
			return p.expiryRecord(ctx, store, key, pub, e, before)
		},
	})
	if err != nil && storage.CodeOf(err) != storage.Retained {
		return done, StoreFault(err)
	}
	locked := StoreFault(err)
	if q.Case != nil && !t.Ended {
		b, err := newState(q.Case.Dir, p)
		if err != nil {
			return done, errors.Join(locked, err)
		}
		defer b.clear()
		if err := p.note(b.log, expired(t, q.Reason, p.Store.URL)); err != nil {
			return done, errors.Join(locked, err)
		}
	}
	return done, locked
}

func expired(t Term, reason, store string) packager.Event {
	return packager.Event{What: "expired", Case: t.Case, Data: map[string]string{
		"store": store, "number": fmt.Sprint(t.Number), "objects": fmt.Sprint(t.Objects), "reason": reason,
		"since": t.Since.String(), "days": fmt.Sprint(t.Days),
	}}
}

// expireIn ends the materials of one case. Backups are known by the manifest;
// one that cannot be read is an error, for what it lists could not be told from
// the rest.
func (p *Pipeline) expireIn(ctx context.Context, store seal.Keeper, caseID string, q ExpireQuery, opts upkeep.ExpireOptions) ([]upkeep.Expiry, error) {
	pubs, err := upkeep.List(ctx, store, caseID)
	if err != nil {
		return nil, err
	}
	backups := map[string]map[string]bool{} // receipt → paths
	for _, pub := range pubs {
		if pub.Receipt == "" || q.Backups {
			continue
		}
		if backups[pub.Receipt], err = storedBackups(ctx, store, pub); err != nil {
			return nil, err
		}
	}
	opts.At, opts.Reason = p.Now(), q.Reason
	opts.Keep = func(pub upkeep.Publication, o storage.Stored) bool {
		if storage.ParseKey(o.Key).Case != "" {
			return inClear(o.Name)
		}
		return backups[pub.Receipt][o.Name]
	}
	if opts.Shred == nil { // a plan needs to know that it could
		opts.Shred = func(context.Context, string, []string) error { return nil }
	}
	return upkeep.Expire(ctx, store, caseID, opts)
}

// storedBackups are the paths of backups that a publication's manifest lists.
func storedBackups(ctx context.Context, store storage.Store, pub upkeep.Publication) (map[string]bool, error) {
	for _, f := range pub.Files {
		if f.Name == manifestName {
			text, err := storage.ReadAll(ctx, store, f.Key, storage.MaxReceipt)
			if err != nil {
				return nil, err
			}
			return backupPaths(text)
		}
	}
	return nil, &storage.Error{Code: storage.BadReceipt, Op: "expire", Key: pub.Receipt}
}

func backupPaths(manifest []byte) (map[string]bool, error) {
	var m packager.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	paths := map[string]bool{}
	for _, b := range m.Backups {
		paths[b.Path] = true
	}
	return paths, nil
}

// expiryRecord is what is stored of an expiry: it continues the log of the
// publication and is sealed as receipts are.
func (p *Pipeline) expiryRecord(ctx context.Context, store storage.Store, key *sign.Key, pub upkeep.Publication, e upkeep.Expiry, before [][]byte) ([]byte, error) {
	log, clear, err := p.storedLog(ctx, store, pub, before)
	if err != nil {
		return nil, err
	}
	defer clear()
	outcome := map[string]string{"reason": e.Reason, "removed": fmt.Sprint(len(e.Removed)), "shredded": fmt.Sprint(len(e.Shredded))}
	event, err := log.Append(packager.Event{What: "expired", Case: e.Case, Tool: p.Tool, Data: outcome})
	if err != nil {
		return nil, err
	}
	body, err := audit.Canonical(packager.Expiry{
		Version: 1, Case: e.Case, Number: e.Number, At: e.At.UTC().Format(time.RFC3339), Reason: e.Reason,
		Removed: e.Removed, Shredded: e.Shredded, Kept: e.Kept, Locked: e.Locked, Event: event,
	})
	if err != nil {
		return nil, err
	}
	return sign.SealReceipt(key, body, p.Now())
}

// storedLog opens a copy of the log that a publication has, with the events of
// earlier records behind it.
func (p *Pipeline) storedLog(ctx context.Context, store storage.Store, pub upkeep.Publication, before [][]byte) (*audit.Log, func(), error) {
	var text []byte
	for _, f := range pub.Files {
		if f.Name != eventsName {
			continue
		}
		var err error
		if text, err = storage.ReadAll(ctx, store, f.Key, storage.MaxReceipt); err != nil {
			return nil, nil, err
		}
	}
	for _, b := range before {
		var record struct{ Event json.RawMessage }
		if err := json.Unmarshal(b, &record); err != nil {
			return nil, nil, err
		}
		text = append(append(text, bytes.TrimSpace(record.Event)...), '\n')
	}
	dir, err := os.MkdirTemp("", "dossier-expire-*")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { os.RemoveAll(dir) }
	path := filepath.Join(dir, eventsName)
	if err = os.WriteFile(path, text, 0o600); err == nil {
		var log *audit.Log
		if log, err = audit.Open(path, p.Actor, p.Now); err == nil {
			return log, remove, nil
		}
	}
	remove()
	return nil, nil, err
}
