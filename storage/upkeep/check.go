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
	Gone         int   // objects that are gone because their time was over
	Problems     []Problem
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
func Check(ctx context.Context, s storage.Publisher, caseID string, observe Observer) (Report, error) {
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
			want[id] = append(want[id], claim{p.Receipt, o.Name, slices.Contains(p.Gone, o.Key)})
		}
	}
	rep.Objects = len(want)
	problems, err := compare(ctx, s, want, &rep, observe)
	rep.Problems = append(rep.Problems, problems...)
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
	receipt, name string
	gone          bool // it was removed by Expire
}

func isDamage(code storage.Code) bool {
	return code == storage.NotFound || code == storage.Checksum || code == storage.BadReceipt
}

func compare(ctx context.Context, s storage.Store, want map[object][]claim, rep *Report, observe Observer) ([]Problem, error) {
	m := &meter{observe: observe}
	for o := range want {
		m.total += o.bytes
	}
	var (
		mu       sync.Mutex
		problems []Problem
	)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for o, claims := range want {
		group.Go(func() error {
			n, err := o.verify(ctx, s, func(n int64) { m.add(n, o.key) })
			mu.Lock()
			defer mu.Unlock()
			rep.Bytes += n
			code := storage.CodeOf(err)
			if err != nil && !isDamage(code) {
				return err
			}
			gone := false
			for _, c := range claims {
				switch {
				case err == nil:
				case code == storage.NotFound && c.gone:
					gone = true
				default:
					problems = append(problems, Problem{Receipt: c.receipt, Key: o.key, Name: c.name, Code: code, Err: err})
				}
			}
			if gone {
				rep.Gone++
			}
			return nil
		})
	}
	return problems, group.Wait()
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
