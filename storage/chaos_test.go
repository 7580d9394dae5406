package storage_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
)

// Publications through a connection that breaks all the time: each ends
// complete, or fails with a code that says why, and is then completed by a run
// over a sound connection with the same journal. DOSSIER_CHAOS says how many.
func TestPublishThroughChaos(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("DOSSIER_CHAOS"))
	if err != nil {
		rounds = 10
	}
	srv := storagetest.StartMinIO(t)
	bucket := srv.NewBucket(t, false)
	proxy := storagetest.StartProxy(t, srv, nil)
	proxy.Setenv(t)
	failures := map[storage.Code]int{}
	complete := 0
	for i := range rounds {
		url := fmt.Sprintf("%s/%d", bucket, i)
		open := func(stall time.Duration) *s3.Store {
			s, err := s3.Open(t.Context(), url, s3.Options{Attempts: 4, RetryUnit: time.Millisecond, Stall: stall})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		p := storagetest.Example(t.TempDir(), "bundle", storagetest.Random(uint64(i), 3000), storagetest.Random(uint64(i+1000), 33<<20))
		proxy.Plan(storagetest.Chaos(uint64(i), 0.1+0.5*float64(i%5)/4,
			storagetest.Reset, storagetest.HalfSent, storagetest.Stall, storagetest.HalfAnswered, storagetest.LostAck,
			storagetest.InternalError, storagetest.SlowDown, storagetest.ExpiredToken))
		done, err := storage.Publish(t.Context(), open(300*time.Millisecond), p)
		proxy.Plan(nil)
		if err == nil {
			complete++
		} else {
			code := storage.CodeOf(err)
			failures[code]++
			switch code {
			case storage.Unreachable, storage.Busy, storage.TokenExpired:
			default:
				t.Errorf("round %d failed with %v", i, err)
			}
			if done, err = storage.Publish(t.Context(), open(0), p); err != nil {
				t.Fatalf("round %d, over a sound connection: %v", i, err)
			}
		}
		s := open(0)
		storagetest.CheckComplete(t, s, done.Key, p)
		if done.Number != 1 || len(done.Taken) != 0 {
			t.Errorf("round %d: doubled: %+v", i, done)
		}
	}
	t.Logf("%d complete at once; failed first: %v; faults: %v", complete, failures, proxy.Injected())
}
