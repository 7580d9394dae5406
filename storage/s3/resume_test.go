package s3_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
)

// checkpoint keeps the state of an upload in a file, as a journal does.
type checkpoint string

func (c checkpoint) Load() ([]byte, error) {
	b, err := os.ReadFile(string(c))
	if os.IsNotExist(err) {
		return nil, nil
	}
	return b, err
}
func (c checkpoint) Save(b []byte) error { return storage.WriteFile(string(c), b) }
func (c checkpoint) Note(b []byte) error { return c.Save(b) }
func (c checkpoint) Clear() error        { return os.RemoveAll(string(c)) }

// An upload that breaks off goes on in another Store, as in another run of
// the program: parts that were acknowledged are not sent again.
func TestResume(t *testing.T) {
	for name, server := range map[string]func(testing.TB) storagetest.Server{"minio": storagetest.StartMinIO, "versitygw": storagetest.StartVersityGW} {
		t.Run(name, func(t *testing.T) {
			s, proxy := behind(t, server(t), s3.Options{Stall: 30 * time.Second})
			const parts = 9
			c := storagetest.FromSeed(1, parts*16*mib-100)
			opts := storage.CreateOptions{Checkpoint: checkpoint(filepath.Join(t.TempDir(), "upload.json"))}

			begin := proxy.Acknowledged(storagetest.IsPart) // the probe's
			proxy.Plan(storagetest.Always(storagetest.Stall, func(r *http.Request) bool {
				n, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
				return n > 3
			}))
			ctx, cancel := context.WithCancel(t.Context())
			var acknowledged atomic.Int64
			opts.Progress = func(n int64) {
				if acknowledged.Add(n) >= 3*16*mib {
					cancel()
				}
			}
			if _, err := s.Create(ctx, "v1/test/resume", c, opts); storage.CodeOf(err) != storage.Cancelled {
				t.Fatalf("cancelled: %v", err)
			}
			if before := proxy.Acknowledged(storagetest.IsPart) - begin; before != 3*16*mib {
				t.Fatalf("%d bytes had been sent", before)
			}

			proxy.Plan(nil)
			another, err := s3.Open(t.Context(), s.URL(), s3.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var reported atomic.Int64
			opts.Progress = func(n int64) { reported.Add(n) }
			o, err := another.Create(t.Context(), "v1/test/resume", c, opts)
			if err != nil {
				t.Fatal(err)
			}
			if sent := proxy.Acknowledged(storagetest.IsPart) - begin; sent != c.Bytes {
				t.Errorf("%d bytes of parts were acknowledged in all, for an object of %d", sent, c.Bytes)
			}
			if reported.Load() != c.Bytes {
				t.Errorf("%d bytes were reported", reported.Load())
			}
			if err := storage.Verify(t.Context(), s, o.Key, c.Bytes, c.SHA256); err != nil {
				t.Error(err)
			}
			if state, err := opts.Checkpoint.Load(); state != nil || err != nil {
				t.Errorf("the checkpoint stays: %s, %v", state, err)
			}
		})
	}
}

// A checkpoint is a hint: whatever stands in it, the right bytes are stored.
func TestCheckpointsThatAreWrong(t *testing.T) {
	s, _ := behind(t, storagetest.StartMinIO(t), s3.Options{})
	c := storagetest.FromSeed(1, 17*mib)
	for name, state := range map[string]string{
		"garbage":     "not json",
		"empty":       "{}",
		"gone upload": `{"version":1,"store":"` + s.URL() + `","endpoint":"` + s.Endpoint() + `","key":"v1/test/gone-upload","bytes":17825792,"sha256":"` + c.SHA256 + `","part_size":16777216,"upload_id":"bm9zdWNodXBsb2Fk","parts":{"1":{"sha256":"00","etag":"x"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			key := map[string]string{"gone upload": "v1/test/gone-upload"}[name]
			if key == "" {
				key = "v1/test/wrong-" + name
			}
			cp := checkpoint(filepath.Join(t.TempDir(), "upload.json"))
			if err := cp.Save([]byte(state)); err != nil {
				t.Fatal(err)
			}
			o, err := s.Create(t.Context(), key, c, storage.CreateOptions{Checkpoint: cp})
			if err != nil {
				t.Fatal(err)
			}
			if err := storage.Verify(t.Context(), s, o.Key, c.Bytes, c.SHA256); err != nil {
				t.Error(err)
			}
		})
	}
}

// The file changes between two runs: the parts that are there already belong
// to other bytes, and nothing is stored.
func TestFileChangesBetweenRuns(t *testing.T) {
	s, proxy := behind(t, storagetest.StartMinIO(t), s3.Options{Attempts: 2})
	body := storagetest.Random(1, 33*mib)
	c := storage.FromBytes(body)
	opts := storage.CreateOptions{Checkpoint: checkpoint(filepath.Join(t.TempDir(), "upload.json"))}
	proxy.Plan(storagetest.Always(storagetest.Reset, storagetest.IsComplete))
	if _, err := s.Create(t.Context(), "v1/test/changes", c, opts); storage.CodeOf(err) != storage.Unreachable {
		t.Fatal(err)
	}
	proxy.Plan(nil)
	body[5]++
	if _, err := s.Create(t.Context(), "v1/test/changes", c, opts); storage.CodeOf(err) != storage.SourceChanged {
		t.Errorf("the changed file: %v", err)
	}
	if _, err := s.Stat(t.Context(), "v1/test/changes"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("something was stored: %v", err)
	}
	body[5]--
	if _, err := s.Create(t.Context(), "v1/test/changes", c, opts); err != nil {
		t.Errorf("put right again: %v", err)
	}
}

// Uploads that were cut off are found, whatever the server does about
// prefixes, and can be given up.
func TestLeftovers(t *testing.T) {
	for name, server := range map[string]func(testing.TB) storagetest.Server{"minio": storagetest.StartMinIO, "versitygw": storagetest.StartVersityGW} {
		t.Run(name, func(t *testing.T) {
			s, proxy := behind(t, server(t), s3.Options{Attempts: 1})
			c := storagetest.FromSeed(1, 17*mib)
			key := storage.BlobKey(c.SHA256)
			proxy.Plan(storagetest.Always(storagetest.Reset, storagetest.IsComplete))
			if _, err := s.Create(t.Context(), key, c, storage.CreateOptions{}); storage.CodeOf(err) != storage.Unreachable {
				t.Fatal(err)
			}
			var found []storage.Leftover
			for l, err := range s.Leftovers(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, l)
			}
			if len(found) != 1 || found[0].Key != key || time.Since(found[0].Since).Abs() > time.Minute {
				t.Fatalf("found %+v", found)
			}
			for range 2 {
				if err := s.Discard(t.Context(), found[0]); err != nil {
					t.Fatal(err)
				}
			}
			for l, err := range s.Leftovers(t.Context()) {
				t.Errorf("still there: %+v, %v", l, err)
			}
		})
	}
}

// A program was killed while the server put the parts together. When it runs
// again, the object is not there at the first look, and the upload not at the
// second: nothing is sent anew. The object may come at once, or after a while
// in which there is neither upload nor object.
func TestCompletedMeanwhile(t *testing.T) {
	for name, after := range map[string]time.Duration{"at once": 0, "after a while": 2 * time.Second} {
		t.Run(name, func(t *testing.T) { completedMeanwhile(t, after) })
	}
}

func completedMeanwhile(t *testing.T, after time.Duration) {
	srv := storagetest.StartMinIO(t)
	s, proxy := behind(t, srv, s3.Options{Stall: 30 * time.Second})
	c := storagetest.FromSeed(7, 3*16*mib)
	file := checkpoint(filepath.Join(t.TempDir(), "upload.json"))
	ctx, cancel := context.WithCancel(t.Context())
	proxy.Plan(func(r *http.Request) storagetest.Fault {
		if storagetest.IsComplete(r) {
			cancel()
			return storagetest.Stall
		}
		return ""
	})
	if _, err := s.Create(ctx, "v1/test/meanwhile", c, storage.CreateOptions{Checkpoint: file}); storage.CodeOf(err) != storage.Cancelled {
		t.Fatalf("cancelled: %v", err)
	}

	// Somebody else ends the upload the moment that its parts are asked for.
	text, err := file.Load()
	if err != nil {
		t.Fatal(err)
	}
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	twin := checkpoint(filepath.Join(t.TempDir(), "upload.json"))
	if err := twin.Save([]byte(strings.Replace(string(text), host(proxy.Endpoint), host(srv.Endpoint), 1))); err != nil {
		t.Fatal(err)
	}
	direct, err := s3.Open(t.Context(), s.URL(), s3.Options{Endpoint: srv.Endpoint})
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	var ended sync.WaitGroup
	defer ended.Wait()
	proxy.Plan(func(r *http.Request) storagetest.Fault {
		if r.Method == http.MethodGet && r.URL.Query().Has("uploadId") {
			end := func() {
				if o, err := direct.Create(t.Context(), "v1/test/meanwhile", c, storage.CreateOptions{Checkpoint: twin}); err != nil || o.Existed {
					t.Errorf("ending the upload: %+v, %v", o, err)
				}
			}
			if after == 0 {
				once.Do(end)
				return storagetest.None
			}
			once.Do(func() { ended.Go(func() { time.Sleep(after); end() }) })
			return storagetest.NoSuchUpload
		}
		return storagetest.None
	})
	sent := proxy.Acknowledged(storagetest.IsPart)
	o, err := s.Create(t.Context(), "v1/test/meanwhile", c, storage.CreateOptions{Checkpoint: file})
	if err != nil || !o.Existed {
		t.Errorf("%+v, %v", o, err)
	}
	if again := proxy.Acknowledged(storagetest.IsPart) - sent; again != 0 {
		t.Errorf("%d bytes were sent again", again)
	}
	if left, err := file.Load(); left != nil || err != nil {
		t.Errorf("the checkpoint is left: %s, %v", left, err)
	}
}
