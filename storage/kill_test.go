package storage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/local"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
)

// The test program is also the program that is killed: with this variable set
// it publishes what killed() says and ends.
const killEnv = "DOSSIER_TEST_PUBLISH"

func TestMain(m *testing.M) {
	if os.Getenv(killEnv) != "" {
		if err := publishAndEnd(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(storagetest.Main(m))
}

func publishAndEnd() error {
	url, journal, found := strings.Cut(os.Getenv(killEnv), "|")
	if !found {
		return fmt.Errorf("%s is wrong", killEnv)
	}
	s, err := openURL(context.Background(), url)
	if err != nil {
		return err
	}
	p := killed(journal)
	if path := os.Getenv(largeEnv); path != "" {
		if p, err = large(journal, path); err != nil {
			return err
		}
	}
	_, err = storage.Publish(context.Background(), s, p)
	return err
}

func openURL(ctx context.Context, url string) (storagetest.Full, error) {
	if dir, ok := strings.CutPrefix(url, "file://"); ok {
		return local.Open(dir)
	}
	return s3.Open(ctx, url, s3.Options{RetryUnit: 10 * time.Millisecond})
}

// killed is a publication whose largest material goes in three parts.
func killed(journal string) storage.Publication {
	return storagetest.Example(journal, "bundle", storagetest.Random(1, 5000), storagetest.Random(2, 200_000), storagetest.Random(3, 33<<20))
}

// kills is how many publishers are killed at each store: DOSSIER_KILLS, or a
// few.
func kills() int {
	n, err := strconv.Atoi(os.Getenv("DOSSIER_KILLS"))
	if err != nil {
		return 5
	}
	return n
}

// Killed at any moment and run again: the publication is complete, nothing of
// it is there twice, and no part that the server had taken in is sent again.
func TestKilledWhilePublishing(t *testing.T) {
	t.Run("directory", func(t *testing.T) {
		dir := t.TempDir()
		killAndRerun(t, func(i int) string { return "file://" + filepath.Join(dir, fmt.Sprint(i)) }, nil)
	})
	t.Run("minio", func(t *testing.T) { killOverProxy(t, storagetest.StartMinIO(t)) })
	t.Run("versitygw", func(t *testing.T) { killOverProxy(t, storagetest.StartVersityGW(t)) })
}

func killOverProxy(t *testing.T, srv storagetest.Server) {
	bucket := srv.NewBucket(t, false)
	proxy := storagetest.StartProxy(t, srv, nil)
	proxy.Setenv(t)
	killAndRerun(t, func(i int) string { return fmt.Sprintf("%s/%d", bucket, i) }, proxy)
}

func killAndRerun(t *testing.T, url func(int) string, proxy *storagetest.Proxy) {
	begin := time.Now()
	if err := helper(t, url(0), t.TempDir(), -1); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(begin) // how long a run takes now, to kill in the midst of it
	interrupted, published, rounds := 0, 0, 0
	for i := 1; interrupted < kills() && rounds < 3*kills(); i++ {
		rounds++
		journal := t.TempDir()
		sent := sentParts(proxy)
		begin := time.Now()
		if helper(t, url(i), journal, rand.N(whole)) != nil {
			interrupted++
			whole += whole / 50
		} else {
			whole = time.Since(begin)
		}
		if neverTorn(t, url(i), journal) {
			published++
		}
		if err := helper(t, url(i), journal, -1); err != nil {
			t.Fatalf("run again after the kill: %v", err)
		}
		checkWhole(t, url(i), journal)
		if again := sentParts(proxy) - sent - 33<<20; proxy != nil && again > 0 {
			t.Errorf("%d bytes of parts that the server had were sent again", again)
		}
		forget(t, url(i))
	}
	if interrupted < kills() {
		t.Errorf("only %d of %d runs were killed before their end", interrupted, rounds)
	}
	t.Logf("%d of %d runs were killed before their end, about %v long; %d had their receipt by then", interrupted, rounds, whole.Round(time.Millisecond), published)
}

// neverTorn sees that, if there is a receipt, everything that it names is
// there.
func neverTorn(t *testing.T, url, journal string) bool {
	t.Helper()
	s, err := openURL(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	p := killed(journal)
	receipt := storage.CaseKey(p.Case, 1, "receipt.json")
	if _, err := s.Stat(t.Context(), receipt); err != nil {
		if !errors.Is(err, storage.ErrNotFound) {
			t.Error(err)
		}
		return false
	}
	storagetest.CheckComplete(t, s, receipt, p)
	return true
}

// forget gives the disk back that a round took.
func forget(t *testing.T, url string) {
	if dir, ok := strings.CutPrefix(url, "file://"); ok {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}
}

func sentParts(p *storagetest.Proxy) int64 {
	if p == nil {
		return 0
	}
	return p.Acknowledged(func(r *http.Request) bool {
		return storagetest.IsPart(r) && strings.Contains(r.URL.Path, "/v1/blobs/") // not those of probes
	})
}

// helper runs the publisher and kills it after a time; a negative time lets it
// end by itself.
func helper(t *testing.T, url, journal string, after time.Duration) error {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killEnv+"="+url+"|"+journal)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if after >= 0 {
		time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, out.String())
	}
	return nil
}

// checkWhole holds the store against what was published.
func checkWhole(t *testing.T, url, journal string) {
	t.Helper()
	s, err := openURL(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	p := killed(journal)
	storagetest.CheckComplete(t, s, storage.CaseKey(p.Case, 1, "receipt.json"), p)
	want := map[string]bool{storage.CaseKey(p.Case, 1, "receipt.json"): true}
	for _, b := range p.Blobs {
		want[storage.BlobKey(b.Content.SHA256)] = true
	}
	for _, d := range p.Documents {
		want[storage.CaseKey(p.Case, 1, d.Name)] = true
	}
	for o, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if !want[o.Key] && !strings.HasPrefix(o.Key, storage.ProbeRoot) {
			t.Errorf("doubled: %s", o.Key)
		}
		delete(want, o.Key)
	}
	for key := range want {
		t.Errorf("lost: %s", key)
	}
	again, err := storage.Publish(t.Context(), s, p)
	if err != nil || !again.Already {
		t.Errorf("published again: %+v, %v", again, err)
	}
}
