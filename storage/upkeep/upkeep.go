// Package upkeep looks after a store in the years after publishing: what is in
// it ([List]), whether it is still as it was ([Check]), what nobody needs
// ([FindGarbage], [RemoveGarbage]), what must go ([Expire]), and how a
// publication comes back out ([Pull]).
//
// Everything begins at receipts. What the store says of an object is not
// believed: it is read and hashed.
package upkeep

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"dossier/storage"
)

// Publication is one number of a case as it is in the store.
type Publication struct {
	Case   string
	Number int
	// Receipt is the key of the receipt, "" where there is none: then it was
	// never completed, and is no evidence.
	Receipt  string
	Modified time.Time // when the receipt (or the last document) was stored
	// Files and Objects are what the receipt names.
	Files, Objects []storage.Stored
	// Bytes are those of the receipt's files and objects.
	Bytes int64
	// Expired says when personal data was removed; zero: it is there.
	Expired time.Time
	// Gone are the keys of the objects that were removed then, Shredded those
	// whose key was destroyed.
	Gone, Shredded []string
	// Err is why the receipt cannot be read, or nil.
	Err error

	records []string // keys of the records of Expire
}

// Observer receives the progress of long work: bytes or objects done. It is
// called by one goroutine at a time, and may be nil.
type Observer func(done, total int64, item string)

func (o Observer) notify(done, total int64, item string) {
	if o != nil {
		o(done, total, item)
	}
}

// parallel is how many objects are read at a time.
const parallel = 4

// List returns the publications of a case, or of all cases for "", ordered by
// case and number.
func List(ctx context.Context, s storage.Publisher, caseID string) ([]Publication, error) {
	found, err := scan(ctx, s, storage.CasePrefix(caseID))
	if err != nil {
		return nil, err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * parallel)
	for i := range found {
		p := &found[i]
		group.Go(func() error {
			p.read(gctx, s)
			return gctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, storage.Fail(storage.Cancelled, "list", "", err, nil)
	}
	return found, nil
}

// scan lists receipts, without reading them. Two receipts of one number (in a
// store without exclusive creation) are two publications.
func scan(ctx context.Context, s storage.Publisher, prefix string) ([]Publication, error) {
	type place struct {
		id string
		n  int
	}
	var (
		complete   []Publication
		incomplete = map[place]time.Time{}
		expired    = map[place]time.Time{}
		records    = map[place][]string{}
	)
	for o, err := range s.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		p := storage.ParseKey(o.Key)
		at := place{p.Case, p.Number}
		switch {
		case p.Case == "":
		case p.Receipt:
			complete = append(complete, Publication{Case: p.Case, Number: p.Number, Receipt: o.Key, Modified: o.Modified})
		case storage.IsExpired(p.Name):
			records[at] = append(records[at], o.Key)
			if expired[at].IsZero() || o.Modified.Before(expired[at]) {
				expired[at] = o.Modified
			}
		default:
			if o.Modified.After(incomplete[at]) {
				incomplete[at] = o.Modified
			}
		}
	}
	for i, p := range complete {
		at := place{p.Case, p.Number}
		delete(incomplete, at)
		complete[i].Expired, complete[i].records = expired[at], records[at]
	}
	for at, modified := range incomplete {
		complete = append(complete, Publication{Case: at.id, Number: at.n, Modified: modified})
	}
	slices.SortFunc(complete, func(a, b Publication) int {
		if c := strings.Compare(a.Case, b.Case); c != 0 {
			return c
		}
		if a.Number != b.Number {
			return a.Number - b.Number
		}
		return strings.Compare(a.Receipt, b.Receipt)
	})
	return complete, nil
}

// read fills in what the receipt says.
func (p *Publication) read(ctx context.Context, s storage.Store) {
	if p.Receipt == "" {
		return
	}
	text, err := storage.ReadAll(ctx, s, p.Receipt, storage.MaxReceipt)
	if err != nil {
		p.Err = err
		return
	}
	r, err := readReceipt(p.Receipt, text)
	if err != nil {
		p.Err = err
		return
	}
	p.Files, p.Objects = r.Files, r.Objects
	for _, o := range r.All() {
		p.Bytes += o.Bytes
	}
	records, err := p.expiries(ctx, s)
	if err != nil {
		p.Err = err
		return
	}
	for _, e := range records {
		p.Gone = append(p.Gone, e.Removed...)
		p.Shredded = append(p.Shredded, e.Shredded...)
	}
}

// readReceipt parses the receipt at key and holds it against the key.
func readReceipt(key string, text []byte) (storage.Receipt, error) {
	r, err := storage.ParseReceipt(text)
	if err != nil {
		return r, storage.At(err, key)
	}
	place := storage.ParseKey(key)
	if r.Case != place.Case || r.Number != place.Number {
		return r, &storage.Error{Code: storage.BadReceipt, Op: "receipt", Key: key}
	}
	if want, named := storage.ReceiptDigest(key); named && want != storage.FromBytes(text).SHA256 {
		return r, &storage.Error{Code: storage.Checksum, Op: "receipt", Key: key, Args: map[string]string{"want": want, "got": storage.FromBytes(text).SHA256}}
	}
	return r, nil
}

// meter counts for an Observer.
type meter struct {
	mu          sync.Mutex
	observe     Observer
	done, total int64
}

func (m *meter) add(n int64, item string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	m.observe.notify(m.done, m.total, item)
}
