package upkeep

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"dossier/storage"
)

// MinAge is the least age of anything that is removed as garbage: younger
// things may belong to a publication that is under way.
const MinAge = 24 * time.Hour

// Garbage is one thing that nobody needs.
type Garbage struct {
	Key      string
	Why      Reason
	Bytes    int64 // -1: not known
	Since    time.Time
	leftover storage.Leftover // for Unfinished
}

// Reason says why something is garbage.
type Reason string

const (
	Unnamed    Reason = "unnamed"    // a blob that no receipt names
	NoReceipt  Reason = "no_receipt" // documents of a publication that was never completed
	Probe      Reason = "probe"      // left by a probe
	OldLease   Reason = "old_lease"  // left by a publisher or by gc itself
	Unfinished Reason = "unfinished" // an upload or a file that was cut off
)

// Keeper is a store that can be cleaned.
type Keeper interface {
	storage.Publisher
	storage.Remover
}

// FindGarbage returns what [RemoveGarbage] would remove, at the time now, of
// things older than age (at least [MinAge]). It changes nothing. A receipt that
// cannot be read is an error: what it names is not known, so nothing is safe to
// remove.
func FindGarbage(ctx context.Context, s Keeper, now time.Time, age time.Duration) ([]Garbage, error) {
	needed, err := findNeeded(ctx, s, now)
	if err != nil {
		return nil, err
	}
	before := now.Add(-max(age, MinAge))
	var all []Garbage
	for o, err := range s.List(ctx, "v1/") {
		if err != nil {
			return nil, err
		}
		why := needed.reason(o)
		if why == "" || !o.Modified.Before(before) {
			continue
		}
		all = append(all, Garbage{Key: o.Key, Why: why, Bytes: o.Bytes, Since: o.Modified})
	}
	sweeper, ok := s.(storage.Sweeper)
	if !ok {
		return all, nil
	}
	for l, err := range sweeper.Leftovers(ctx) {
		if err != nil {
			return nil, err
		}
		if l.Since.Before(before) {
			all = append(all, Garbage{Key: l.Key, Why: Unfinished, Bytes: l.Bytes, Since: l.Since, leftover: l})
		}
	}
	return all, nil
}

// needed is what receipts and leases name.
type needed struct {
	blobs    map[string]bool // hex SHA-256
	complete map[string]bool // v1/cases/<case>/<n>/
	now      time.Time
}

func findNeeded(ctx context.Context, s storage.Publisher, now time.Time) (needed, error) {
	n := needed{blobs: map[string]bool{}, complete: map[string]bool{}, now: now}
	// Leases first: a publisher drops its lease after its receipt is there.
	for o, err := range s.List(ctx, storage.LeaseRoot) {
		if err != nil {
			return n, err
		}
		if now.Sub(o.Modified) > storage.LeaseTime {
			continue
		}
		if err := n.readLease(ctx, s, o.Key); err != nil {
			return n, err
		}
	}
	pubs, err := List(ctx, s, "")
	if err != nil {
		return n, err
	}
	for _, p := range pubs {
		if p.Err != nil {
			return n, p.Err
		}
		if p.Receipt == "" {
			continue
		}
		n.complete[folder(p.Receipt)] = true
		for _, o := range p.Objects {
			if place := storage.ParseKey(o.Key); place.Blob != "" {
				n.blobs[place.Blob] = true
			}
		}
	}
	return n, nil
}

func (n needed) readLease(ctx context.Context, s storage.Store, key string) error {
	text, err := storage.ReadAll(ctx, s, key, storage.MaxReceipt)
	if storage.CodeOf(err) == storage.NotFound {
		return nil // dropped meanwhile; its receipt will be found
	}
	if err != nil {
		return err
	}
	var l storage.Lease
	if err := json.Unmarshal(text, &l); err != nil {
		return storage.Fail(storage.BadReceipt, "gc", key, err, nil)
	}
	for _, b := range l.Blobs {
		n.blobs[b] = true
	}
	return nil
}

func folder(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }

// reason says why the object is garbage, or "".
func (n needed) reason(o storage.Object) Reason {
	p := storage.ParseKey(o.Key)
	switch {
	case p.Blob != "" && !n.blobs[p.Blob]:
		return Unnamed
	case p.Case != "" && !n.complete[folder(o.Key)]:
		return NoReceipt
	case strings.HasPrefix(o.Key, storage.ProbeRoot):
		return Probe
	case strings.HasPrefix(o.Key, storage.SweepRoot):
		return OldLease
	case strings.HasPrefix(o.Key, storage.LeaseRoot) && n.now.Sub(o.Modified) > storage.LeaseTime:
		return OldLease
	}
	return "" // needed, or not of the layout
}

// Removed is what [RemoveGarbage] did.
type Removed struct {
	Removed  []Garbage
	Retained []Garbage // under retention or legal hold
	// More: the time that gc may be at work was over. Run it again.
	More bool
}

// RemoveGarbage finds garbage again and removes it. While it is at work
// publishers wait. The time is the store's own, where it is earlier than now:
// a clock that is wrong by days removes nothing young.
func RemoveGarbage(ctx context.Context, s Keeper, now func() time.Time, age time.Duration, observe Observer) (Removed, error) {
	marker := storage.SweepRoot + strings.ToLower(rand.Text())
	if _, err := s.Create(ctx, marker, storage.FromBytes([]byte("gc\n")), storage.CreateOptions{}); err != nil {
		return Removed{}, err
	}
	defer func() { _ = s.Remove(context.WithoutCancel(ctx), marker) }()
	o, err := s.Stat(ctx, marker)
	if err != nil {
		return Removed{}, err
	}
	begin := now()
	judged := begin
	if o.Modified.Before(judged) {
		judged = o.Modified
	}
	all, err := FindGarbage(ctx, s, judged, age)
	if err != nil {
		return Removed{}, err
	}
	var done Removed
	for i, g := range all {
		// Half of the time, for the clocks of others may run faster.
		if now().Sub(begin) > storage.SweepTime/2 {
			done.More = true
			break
		}
		err := g.remove(ctx, s)
		switch storage.CodeOf(err) {
		case "":
			done.Removed = append(done.Removed, g)
		case storage.Retained:
			done.Retained = append(done.Retained, g)
		default:
			return done, err
		}
		observe.notify(int64(i+1), int64(len(all)), g.Key)
	}
	return done, nil
}

func (g Garbage) remove(ctx context.Context, s Keeper) error {
	if g.Why == Unfinished {
		return s.(storage.Sweeper).Discard(ctx, g.leftover)
	}
	return s.Remove(ctx, g.Key)
}
