package collect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"dossier/packager"
)

const (
	readBuffer = 256 << 10
	// noticeEvery is how many bytes of one file go by between two notices.
	noticeEvery = 16 << 20
)

// digest takes the SHA-256 of every file that has a use, on all cores.
func (s *search) digest(ctx context.Context, obs packager.Observer) error {
	files := s.ordered()
	var total int64
	for _, f := range files {
		total += f.stat.Size()
	}
	var done atomic.Int64
	notify := func(kind, item string, n int64) {
		obs.Notify(packager.Progress{Step: packager.StepCollect, Kind: kind, Item: item, Done: done.Add(n), Total: total, Unit: "bytes"})
	}
	notify("start", "", 0)
	var mu sync.Mutex // findings
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	// The greatest first: one that is left to the end keeps a single core busy.
	slices.SortStableFunc(files, func(a, b *file) int { return cmp.Compare(b.stat.Size(), a.stat.Size()) })
	for _, f := range files {
		g.Go(func() error {
			code, err := s.sum(ctx, f, func(n int64) { notify("advance", f.path, n) })
			if ctx.Err() != nil {
				return ctx.Err()
			}
			args := packager.Args{}
			if err != nil {
				args["reason"] = reason(err)
			}
			if code != "" {
				mu.Lock()
				defer mu.Unlock()
				f.failed = code != "FILE_EMPTY"
				s.find(code, severity(f), f.path, requirement(f), packager.Position{}, args)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	notify("done", "", 0)
	return nil
}

// severity of a file that cannot be used: a file that stands for something is
// missed, another one is not.
func severity(f *file) packager.Severity {
	if f.uses[0].role == packager.RoleUnplaced {
		return packager.Warn
	}
	return packager.Block
}

func requirement(f *file) string {
	if ids := f.uses[0].ids; len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// sum reads a file once. The file must be the same before and after: a file
// that is being written to has no digest.
func (s *search) sum(ctx context.Context, f *file, advance func(int64)) (code string, err error) {
	r, err := s.root.Open(f.raw)
	if err != nil {
		return "FILE_UNREADABLE", err
	}
	defer r.Close()
	if f.stat, err = r.Stat(); err != nil {
		return "FILE_UNREADABLE", err
	}
	h := sha256.New()
	n, err := copyAll(ctx, h, r, advance)
	if err != nil {
		return "FILE_UNREADABLE", err
	}
	after, err := r.Stat()
	if err != nil {
		return "FILE_UNREADABLE", err
	}
	if n != f.stat.Size() || !same(f.stat, after) {
		return "FILE_CHANGED", nil
	}
	f.sum = hex.EncodeToString(h.Sum(nil))
	if n == 0 {
		return "FILE_EMPTY", nil
	}
	return "", nil
}

func same(a, b os.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// copyAll copies r to w until its end or until ctx is cancelled, and tells how
// many bytes went by, at most every noticeEvery bytes.
func copyAll(ctx context.Context, w io.Writer, r io.Reader, advance func(int64)) (int64, error) {
	buf := make([]byte, readBuffer)
	var total, unsaid int64
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := r.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return total, werr
			}
			total += int64(n)
			if unsaid += int64(n); unsaid >= noticeEvery {
				advance(unsaid)
				unsaid = 0
			}
		}
		if err == io.EOF {
			advance(unsaid)
			return total, nil
		}
		if err != nil {
			return total, fmt.Errorf("read: %w", err)
		}
	}
}
