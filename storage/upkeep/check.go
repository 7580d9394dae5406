package upkeep

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"dossier/storage"
)

// Report is what [Check] found.
type Report struct {
	Publications int   // complete ones
	Incomplete   int   // without a receipt
	Objects      int   // different objects that receipts name
	Bytes        int64 // that were read
	Gone         int   // objects that are gone, or shredded, because their time was over
	Sealed       int   // objects that are ciphertext
	Opened       int   // of these, how many were decrypted and compared with what was sealed
	Problems     []Problem
}

// CheckOptions say how much is looked at.
type CheckOptions struct {
	Observe Observer // in bytes; may be nil
	// Unseal opens sealed objects. Nil: only their ciphertext is compared, and
	// that their keys are there.
	Unseal Unsealer
}

// Problem is one object that is not as its receipt says.
type Problem struct {
	Receipt string // key
	Key     string
	Name    string // in the case; "" for the receipt itself
	Code    storage.Code
	Err     error
}

// Check reads everything that the receipts of a case (or of all, for "") name,
// and compares it with its digest. Objects that several receipts name are read
// once. A problem is no error: the error is for what could not be looked at.
func Check(ctx context.Context, s storage.Publisher, caseID string, opts CheckOptions) (Report, error) {
	pubs, err := List(ctx, s, caseID)
	if err != nil {
		return Report{}, err
	}
	var (
		rep  Report
		want = map[object][]claim{}
	)
	for _, p := range pubs {
		switch {
		case p.Receipt == "":
			rep.Incomplete++
			continue
		case p.Err != nil:
			if code := storage.CodeOf(p.Err); !isDamage(code) {
				return Report{}, p.Err
			}
			rep.Problems = append(rep.Problems, Problem{Receipt: p.Receipt, Key: p.Receipt, Code: storage.CodeOf(p.Err), Err: p.Err})
			continue
		}
		rep.Publications++
		for _, o := range slices.Concat(p.Files, p.Objects) {
			id := object{o.Key, o.SHA256, o.Bytes}
			want[id] = append(want[id], claim{p.Receipt, o, slices.Contains(p.Gone, o.Key), slices.Contains(p.Shredded, o.Key)})
		}
	}
	rep.Objects = len(want)
	c := &checker{s: s, opts: opts, m: &meter{observe: opts.Observe}, rep: &rep}
	if c.keys, err = presentKeys(ctx, s, caseID); err != nil {
		return rep, err
	}
	err = c.compare(ctx, want)
	slices.SortFunc(rep.Problems, func(a, b Problem) int {
		return strings.Compare(a.Receipt+"\x00"+a.Key+"\x00"+a.Name, b.Receipt+"\x00"+b.Key+"\x00"+b.Name)
	})
	return rep, err
}

// object is what must be there, claim who says so.
type object struct {
	key, sum string
	bytes    int64
}

type claim struct {
	receipt        string
	stored         storage.Stored
	gone, shredded bool // by Expire
}

func isDamage(code storage.Code) bool {
	return code == storage.NotFound || code == storage.Checksum || code == storage.BadReceipt || code == storage.Shredded
}

// presentKeys are the ids of the case keys that are in the store.
func presentKeys(ctx context.Context, s storage.Publisher, caseID string) (map[string]bool, error) {
	ids := map[string]bool{}
	for o, err := range s.List(ctx, storage.KeysPrefix(caseID)) {
		if err != nil {
			return nil, err
		}
		if _, id, ok := storage.ParseKeysKey(o.Key); ok {
			ids[id] = true
		}
	}
	return ids, nil
}

type checker struct {
	s    storage.Publisher
	opts CheckOptions
	m    *meter
	keys map[string]bool

	mu  sync.Mutex
	rep *Report
}

func (c *checker) compare(ctx context.Context, want map[object][]claim) error {
	for o := range want {
		c.m.total += o.bytes
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for o, claims := range want {
		group.Go(func() error { return c.one(ctx, o, claims) })
	}
	return group.Wait()
}

// one looks at one object and notes what is wrong for each receipt that names
// it.
func (c *checker) one(ctx context.Context, o object, claims []claim) error {
	n, err := o.verify(ctx, c.s, func(n int64) { c.m.add(n, claims[0].stored.Name) })
	sealed := claims[0].stored.Sealed != nil
	opened, lost := false, false
	if err == nil && sealed {
		lost = !c.keys[keyID(claims[0].stored)]
		if !lost && c.opts.Unseal != nil {
			err = c.open(ctx, claims[0].stored)
			opened = err == nil
		}
	}
	code := storage.CodeOf(err)
	if err != nil && !isDamage(code) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rep.Bytes += n
	if sealed {
		c.rep.Sealed++
	}
	if opened {
		c.rep.Opened++
	}
	over := false
	for _, k := range claims {
		switch {
		case code == storage.NotFound && k.gone, lost && (k.shredded || k.gone):
			over = true
		case lost:
			c.rep.Problems = append(c.rep.Problems, Problem{Receipt: k.receipt, Key: k.stored.Sealed.Key, Name: k.stored.Name, Code: storage.Shredded})
		case err != nil:
			c.rep.Problems = append(c.rep.Problems, Problem{Receipt: k.receipt, Key: o.key, Name: k.stored.Name, Code: code, Err: err})
		}
	}
	if over {
		c.rep.Gone++
	}
	return nil
}

// open compares what is inside a ciphertext with the receipt.
func (c *checker) open(ctx context.Context, o storage.Stored) error {
	r, err := c.s.Open(ctx, o.Key, storage.Range{})
	if err != nil {
		return err
	}
	defer r.Close()
	plain, err := c.opts.Unseal.Unseal(ctx, o, r)
	if err != nil {
		return err
	}
	d := &digest{h: sha256.New()}
	if _, err := storage.Copy(ctx, d, plain); err != nil {
		return storage.Fail(storage.Checksum, "check", o.Key, err, map[string]string{"want": o.Sealed.SHA256, "got": "?"})
	}
	return d.compare(o.Key, o.Sealed.SHA256, o.Sealed.Bytes)
}

// verify reads the object and compares it; progress is told what was read.
func (o object) verify(ctx context.Context, s storage.Store, progress func(int64)) (int64, error) {
	r, err := s.Open(ctx, o.key, storage.Range{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	d := &digest{h: sha256.New(), progress: progress}
	if _, err := storage.Copy(ctx, d, r); err != nil {
		return d.n, storage.Fail(storage.Unreachable, "check", o.key, err, nil)
	}
	return d.n, d.compare(o.key, o.sum, o.bytes)
}
