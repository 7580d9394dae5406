package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// takenError says that another publisher has the number.
type takenError struct {
	number int
	key    string
}

func (t *takenError) Error() string { return "taken: " + t.key }

// publisher is one run of Publish.
type publisher struct {
	Publication
	store     Publisher
	journal   journal
	record    record
	exclusive bool // Create lets exactly one of several writers win
	total     int64
	done      atomic.Int64
	floor     int // numbers up to this one are not tried again
	expired   map[int]bool
}

func newPublisher(s Publisher, p Publication) (*publisher, error) {
	pub := &publisher{Publication: p, store: s, exclusive: true, expired: map[int]bool{}}
	if pub.Parallel == 0 {
		pub.Parallel = 8
	}
	if len(p.Documents) == 0 {
		return nil, &Error{Code: BadReceipt, Op: "publish", Err: errors.New("a publication needs a document")}
	}
	for _, d := range p.Documents {
		if err := CheckKey(CaseKey(p.Case, 1, d.Name)); err != nil {
			return nil, err
		}
		if place := ParseKey(CaseKey(p.Case, 1, d.Name)); place.Name == "" || place.Receipt {
			return nil, &Error{Code: BadKey, Op: "publish", Key: d.Name}
		}
	}
	for _, item := range slices.Concat(p.Blobs, p.Documents) {
		if !IsSHA256(item.Content.SHA256) || item.Content.Bytes < 0 {
			return nil, &Error{Code: BadKey, Op: "publish", Err: errors.New("content without a digest"), Args: map[string]string{"name": item.Name}}
		}
	}
	seen := map[string]bool{}
	for _, b := range p.Blobs {
		if !seen[b.Content.SHA256] {
			pub.total += b.Content.Bytes
		}
		seen[b.Content.SHA256] = true
	}
	for _, d := range p.Documents {
		pub.total += d.Content.Bytes
	}
	var err error
	pub.journal, err = openJournal(filepath.Join(p.JournalDir, journalName(urlOf(s), p.Case)))
	return pub, err
}

func (p *publisher) notify(e Event) {
	if p.Observer != nil {
		e.Done, e.Total = min(p.done.Load(), p.total), p.total
		p.Observer(e)
	}
}

// probe learns what the store can do and refuses one that lies.
func (p *publisher) probe(ctx context.Context) error {
	prober, ok := p.store.(Prober)
	if !ok {
		return nil
	}
	c, err := prober.Probe(ctx)
	p.exclusive = c.ExclusiveCreate && c.ExclusiveComplete // a document may be large
	return err
}

// resume takes up the journal, if it is about this publication.
func (p *publisher) resume() error {
	want := record{Store: urlOf(p.store), Case: p.Case, Publication: p.digest()}
	have, err := p.journal.load()
	if err != nil {
		return err
	}
	if have.Publication == want.Publication {
		p.record = have
		return nil
	}
	// The case was changed since: its blobs may be under way all the same, and
	// their checkpoints say themselves what they are about. The number and the
	// receipt are of the old one.
	if err := p.journal.remove(receiptFile); err != nil {
		return err
	}
	want.Lease = have.Lease // to be dropped
	p.record = want
	return p.journal.save(want)
}

func urlOf(s Store) string {
	if l, ok := s.(Located); ok {
		return l.URL()
	}
	return ""
}

// digest names the publication: case, names and digests.
func (p *publisher) digest() string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	line := func(kind string, i Item) { _ = enc.Encode([]string{kind, i.Name, i.plain()}) }
	_ = enc.Encode(p.Case)
	for _, b := range p.Blobs {
		line("blob", b)
	}
	for _, d := range p.Documents {
		line("document", d)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// alreadyDone looks for a receipt of this very publication.
func (p *publisher) alreadyDone(ctx context.Context) (Published, bool, error) {
	receipts, err := p.receipts(ctx)
	if err != nil {
		return Published{}, false, err
	}
	for _, key := range receipts {
		if p.expired[ParseKey(key).Number] {
			continue // what it names is gone
		}
		text, err := ReadAll(ctx, p.store, key, MaxReceipt)
		if err != nil {
			return Published{}, false, err
		}
		r, err := ParseReceipt(text)
		if err != nil || !p.describes(r) {
			continue
		}
		done := Published{Number: r.Number, Key: key, Receipt: text, Files: r.Files, Objects: r.Objects, Already: true}
		p.done.Store(p.total)
		p.notify(Event{Kind: EventPublished, Key: key})
		return done, true, p.close(ctx, done)
	}
	return Published{}, false, nil
}

// receipts returns the keys of the case's receipts, the newest first.
func (p *publisher) receipts(ctx context.Context) ([]string, error) {
	byNumber := map[int][]string{}
	for o, err := range p.store.List(ctx, CasePrefix(p.Case)) {
		if err != nil {
			return nil, err
		}
		switch place := ParseKey(o.Key); {
		case place.Receipt:
			byNumber[place.Number] = append(byNumber[place.Number], o.Key)
		case IsExpired(place.Name):
			p.expired[place.Number] = true
		}
	}
	var keys []string
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(byNumber))) {
		keys = append(keys, byNumber[n]...)
	}
	return keys, nil
}

// describes reports whether the receipt names exactly what p publishes.
func (p *publisher) describes(r Receipt) bool {
	same := func(stored []Stored, items []Item) bool {
		if len(stored) != len(items) {
			return false
		}
		for i := range items {
			plain, _ := stored[i].Plain()
			if stored[i].Name != items[i].Name || plain != items[i].plain() || (stored[i].Sealed == nil) != (items[i].Sealed == nil) {
				return false
			}
		}
		return true
	}
	return r.Case == p.Case && same(r.Files, p.Documents) && same(r.Objects, p.Blobs)
}

// blobs stores the materials, several at a time, equal bytes once.
func (p *publisher) blobs(ctx context.Context) ([]Stored, error) {
	var (
		mu     sync.Mutex
		byHash = map[string]Object{}
	)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.Parallel)
	begun := map[string]bool{}
	for _, b := range p.Blobs {
		sum := b.Content.SHA256
		if begun[sum] {
			continue
		}
		begun[sum] = true
		group.Go(func() error {
			o, err := p.create(ctx, BlobKey(sum), b, true)
			mu.Lock()
			byHash[sum] = o
			mu.Unlock()
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	stored := make([]Stored, len(p.Blobs))
	for i, b := range p.Blobs {
		stored[i] = storedAs(byHash[b.Content.SHA256], b)
	}
	return stored, nil
}

func storedAs(o Object, i Item) Stored {
	return Stored{Key: o.Key, SHA256: o.SHA256, Bytes: o.Bytes, Version: o.Version, Name: i.Name, Sealed: i.Sealed}
}

func (p *publisher) create(ctx context.Context, key string, item Item, look bool) (Object, error) {
	opts := CreateOptions{
		ContentType: item.ContentType,
		LookFirst:   look,
		Checkpoint:  p.journal.upload(key),
		Retention:   p.Retention,
		Progress: func(n int64) {
			p.done.Add(n)
			p.notify(Event{Kind: EventProgress, Key: key, Name: item.Name})
		},
	}
	o, err := p.store.Create(ctx, key, item.Content, opts)
	if err != nil {
		return o, err
	}
	kind := EventStored
	if o.Existed {
		kind = EventReused
	}
	p.notify(Event{Kind: kind, Key: key, Name: item.Name})
	return o, nil
}

// attempt publishes documents and receipt under one number.
func (p *publisher) attempt(ctx context.Context, objects []Stored) (Published, error) {
	n := p.record.Number
	if n == 0 {
		var err error
		if n, err = p.nextNumber(ctx); err != nil {
			return Published{}, err
		}
		p.record.Number = n
		if err := p.journal.save(p.record); err != nil {
			return Published{}, err
		}
	}
	files, err := p.documents(ctx, n)
	if err != nil {
		return Published{}, err
	}
	text, err := p.receiptText(n, files, objects)
	if err != nil {
		return Published{}, err
	}
	key, err := p.putReceipt(ctx, n, text)
	if err != nil {
		return Published{}, err
	}
	p.notify(Event{Kind: EventPublished, Key: key})
	done := Published{Number: n, Key: key, Receipt: text, Files: files, Objects: objects}
	if !p.exclusive {
		done.Beside, err = p.beside(ctx, n, key)
	}
	return done, err
}

// beside lists the other receipts of number n.
func (p *publisher) beside(ctx context.Context, n int, mine string) ([]string, error) {
	receipts, err := p.receipts(ctx)
	return slices.DeleteFunc(receipts, func(key string) bool {
		return key == mine || ParseKey(key).Number != n
	}), err
}

// nextNumber is the first number beyond every receipt of the case. Documents
// without a receipt there are leftovers, ours or of another publisher: if they
// are ours they are taken up, else the first document finds out.
func (p *publisher) nextNumber(ctx context.Context) (int, error) {
	receipts, err := p.receipts(ctx)
	if err != nil {
		return 0, err
	}
	n := p.floor + 1
	for _, key := range receipts {
		n = max(n, ParseKey(key).Number+1)
	}
	return n, nil
}

// giveUp leaves a number to another publisher.
func (p *publisher) giveUp(n int) error {
	p.floor = max(p.floor, n)
	p.record.Number = 0
	if err := p.journal.remove(receiptFile); err != nil {
		return err
	}
	return p.journal.save(p.record)
}

// documents stores the documents of number n. The first one alone claims the
// number: of two publishers one gets it, and the other goes on to the next.
func (p *publisher) documents(ctx context.Context, n int) ([]Stored, error) {
	files := make([]Stored, len(p.Documents))
	put := func(ctx context.Context, i int) error {
		d := p.Documents[i]
		key := CaseKey(p.Case, n, p.documentName(d))
		o, err := p.create(ctx, key, d, false)
		if errors.Is(err, ErrExists) {
			return &takenError{n, key}
		}
		files[i] = storedAs(o, d)
		return err
	}
	if err := put(ctx, 0); err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.Parallel)
	for i := 1; i < len(files); i++ {
		group.Go(func() error { return put(ctx, i) })
	}
	return files, group.Wait()
}

// documentName is the last segment of the key. Where two writers could replace
// each other's objects, the digest in the name keeps them apart.
func (p *publisher) documentName(d Item) string {
	name := d.Name
	if d.Sealed != nil {
		name += ".age"
	}
	if p.exclusive {
		return name
	}
	stem, ext, _ := strings.Cut(name, ".")
	return stem + "." + d.Content.SHA256 + "." + ext
}

// receiptText returns the receipt that the journal has for number n, or makes
// one and writes it there: after a kill the very same bytes are tried again.
func (p *publisher) receiptText(n int, files, objects []Stored) ([]byte, error) {
	text, err := p.journal.read(receiptFile)
	if err != nil {
		return nil, err
	}
	if r, err := ParseReceipt(text); text != nil && err == nil && r.Number == n && p.describes(r) {
		return text, nil
	}
	text, err = p.Receipt(n, files, objects)
	if err != nil {
		return nil, err
	}
	if r, err := ParseReceipt(text); err != nil || r.Number != n || !p.describes(r) {
		return nil, &Error{Code: BadReceipt, Op: "publish", Err: errors.Join(err, errors.New("the receipt does not name what was published"))}
	}
	return text, p.journal.write(receiptFile, text)
}

// putReceipt is the publish point.
func (p *publisher) putReceipt(ctx context.Context, n int, text []byte) (key string, err error) {
	content := FromBytes(text)
	name := receiptName
	if !p.exclusive {
		name = receiptNameFor(content.SHA256)
	}
	key = CaseKey(p.Case, n, name)
	_, err = p.store.Create(ctx, key, content, CreateOptions{ContentType: "application/json", Retention: p.Retention})
	if errors.Is(err, ErrExists) {
		return key, &takenError{n, key}
	}
	if err != nil {
		return key, err
	}
	back, err := ReadAll(ctx, p.store, key, int64(len(text)))
	if err != nil {
		return key, err
	}
	if !bytes.Equal(back, text) {
		return key, &Error{Code: Checksum, Op: "publish", Key: key, Args: map[string]string{"want": content.SHA256, "got": FromBytes(back).SHA256}}
	}
	return key, nil
}

// close writes down that the publication is done.
func (p *publisher) close(ctx context.Context, done Published) error {
	p.dropLease(ctx)
	if err := p.journal.write(receiptFile, done.Receipt); err != nil {
		return err
	}
	p.record.Number, p.record.Receipt, p.record.Done = done.Number, done.Key, true
	return p.journal.save(p.record)
}
