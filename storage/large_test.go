package storage_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/storagetest"
)

// largeEnv says which file the test program publishes, as killEnv does what.
const largeEnv = "DOSSIER_TEST_LARGE"

// A large backup survives a connection that breaks for good, a program that is
// killed, and a restart: parts that the server had are not sent again, but for
// those in flight. DOSSIER_LARGE_MIB says how large:
//
//	DOSSIER_LARGE_MIB=5120 go test ./storage -run TestLargeBackupGoesOn -v -timeout 30m
func TestLargeBackupGoesOn(t *testing.T) {
	size, err := strconv.ParseInt(os.Getenv("DOSSIER_LARGE_MIB"), 10, 64)
	if err != nil {
		size = 400
	}
	size <<= 20
	const inFlight = 4 * storage.PartSize // parts that are sent at a time
	srv := storagetest.StartMinIO(t)
	url := srv.NewBucket(t, false)
	proxy := storagetest.StartProxy(t, srv, nil)
	proxy.Setenv(t)
	c := bigFile(t, size, 9)
	file, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	path := file.(*os.File).Name()
	file.Close()
	journal := t.TempDir()
	t.Setenv(largeEnv, path)

	acknowledged := func() int64 { return sentParts(proxy) }
	var seen atomic.Int64 // the same, for those who must not ask the proxy
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				seen.Store(acknowledged())
			}
		}
	}()
	// The line breaks when a third is there, and stays broken: the program gives up.
	proxy.Plan(func(r *http.Request) storagetest.Fault {
		if storagetest.IsPart(r) && seen.Load() > size/3 {
			return storagetest.Reset
		}
		return storagetest.None
	})
	begin := time.Now()
	if err := helper(t, url, journal, -1); err == nil || !strings.Contains(err.Error(), string(storage.Unreachable)) {
		t.Fatalf("over a broken line: %v", err)
	}
	first := acknowledged()
	// It runs again, and is killed when two thirds are there.
	proxy.Plan(nil)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killEnv+"="+url+"|"+journal)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	for running := true; running; {
		select {
		case <-ended:
			running = false
		case <-time.After(2 * time.Millisecond):
			if seen.Load() > 2*size/3 {
				_ = cmd.Process.Kill()
			}
		}
	}
	second := acknowledged()
	// And again, to the end.
	if err := helper(t, url, journal, -1); err != nil {
		t.Fatal(err)
	}
	all := acknowledged()
	t.Logf("%d MiB: %d MiB were there when the line broke, %d MiB when it was killed; %d MiB were acknowledged in all, in %v",
		size>>20, first>>20, second>>20, all>>20, time.Since(begin).Round(time.Second))
	if first == 0 || first >= size || second <= first || second >= size {
		t.Errorf("it was not interrupted in the midst: %d, %d of %d", first, second, size)
	}
	// A part in flight when the program was killed may have arrived, although
	// nobody was left to hear of it; Verify below sees that nothing is missing.
	if all < size-inFlight || all > size+inFlight {
		t.Errorf("%d bytes of parts were acknowledged for an object of %d", all, size)
	}
	s, err := openURL(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if err := storage.Verify(t.Context(), s, storage.BlobKey(c.SHA256), c.Bytes, c.SHA256); err != nil {
		t.Error(err)
	}
}

// large is a publication of one file on the disk.
func large(journal, path string) (storage.Publication, error) {
	p := storagetest.Example(journal, "bundle")
	f, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer f.Close()
	h := storage.NewHasher()
	if _, err := f.WriteTo(h); err != nil {
		return p, err
	}
	n, sum, parts := h.Digests()
	c := storage.FromFile(path, n, sum)
	c.Parts = parts
	p.Blobs = []storage.Item{{Name: fmt.Sprint("backups/", filepath.Base(path)), Content: c}}
	return p, nil
}
