package storage

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"
)

// A publisher that finds a blob in the store sends nothing and relies on it.
// Until its receipt is there, no receipt may name that blob, and gc might
// remove it. So the publisher first writes a lease that names its blobs, and
// then looks whether gc is at work; gc first says that it is at work, and then
// reads the leases. Whichever comes first is seen by the other.

// Lease is what a publisher relies on, under [LeaseRoot].
type Lease struct {
	Case  string   `json:"case"`
	Blobs []string `json:"blobs"` // hex SHA-256
}

// LeaseTime is how long a lease counts after it was written: longer than any
// upload takes. A publication that is run again later writes a new one.
const LeaseTime = 7 * 24 * time.Hour

// SweepTime is how long gc may be at work after it said so. It stops by itself
// before.
const SweepTime = 30 * time.Minute

// takeLease writes the lease and refuses to go on while gc is at work. Both
// times are the store's own, so no clock of ours matters. A lease of an
// earlier run may be too old to count, so each run writes its own.
func (p *publisher) takeLease(ctx context.Context) error {
	if len(p.Blobs) == 0 {
		return nil
	}
	l := Lease{Case: p.Case}
	for _, b := range p.Blobs {
		l.Blobs = append(l.Blobs, b.Content.SHA256)
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	p.dropLease(ctx)
	p.record.Lease = LeaseRoot + strings.ToLower(rand.Text()) + ".json"
	if err := p.journal.save(p.record); err != nil {
		return err
	}
	if _, err := p.store.Create(ctx, p.record.Lease, FromBytes(text), CreateOptions{ContentType: "application/json"}); err != nil {
		return err
	}
	mine, err := p.store.Stat(ctx, p.record.Lease)
	if err != nil {
		return err
	}
	for o, err := range p.store.List(ctx, SweepRoot) {
		if err != nil {
			return err
		}
		if mine.Modified.Sub(o.Modified) < SweepTime {
			return &Error{Code: SweepBusy, Op: "publish", Key: o.Key}
		}
	}
	return nil
}

// dropLease removes the lease, if we may; else gc does when it is old.
func (p *publisher) dropLease(ctx context.Context) {
	if r, ok := p.store.(Remover); ok && p.record.Lease != "" {
		_ = r.Remove(context.WithoutCancel(ctx), p.record.Lease)
	}
	p.record.Lease = ""
}
