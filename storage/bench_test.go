package storage_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/local"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
)

// bigFile writes a file of random bytes and returns it as a content. Its bytes
// differ from file to file.
func bigFile(tb testing.TB, size int64, seed uint64) storage.Content {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "backup.zip")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	h := storage.NewHasher()
	r := rand.NewChaCha8([32]byte{byte(seed)})
	if _, err := io.CopyN(io.MultiWriter(f, h), r, size); err != nil {
		tb.Fatal(err)
	}
	_, sum, parts := h.Digests()
	c := storage.FromFile(path, size, sum)
	c.Parts = parts
	return c
}

// A publication of 1 GiB, checksums and all, against MinIO's own client, which
// sends the same file to the same server. They take turns, so that whatever
// else the machine does meets both; "ratio" is the speed of ours in theirs:
//
//	go test ./storage -run '^$' -bench Publish -benchtime 5x
func BenchmarkPublishAgainstMC(b *testing.B) {
	const size = 1 << 30
	c := bigFile(b, size, 1)
	srv := storagetest.StartMinIO(b)
	bucket := srv.NewBucket(b, false)
	mc := mcCopy(b, srv, c)
	ours := func(run string) {
		s, err := s3.Open(b.Context(), bucket+"/ours-"+run, s3.Options{})
		if err != nil {
			b.Fatal(err)
		}
		benchPublish(b, s, c)
	}
	theirs := func(run string) { mc(strings.TrimPrefix(bucket, "s3://") + "/mc-" + run) }
	ours("warm") // and the server's folders are made
	theirs("warm")
	var spent [2]time.Duration
	first := 0
	b.ResetTimer()
	for range b.N {
		for _, who := range []int{first, 1 - first} {
			begin := time.Now()
			[]func(string){ours, theirs}[who](fmt.Sprint(begin.UnixNano()))
			spent[who] += time.Since(begin)
		}
		first = 1 - first
	}
	speed := func(d time.Duration) float64 { return float64(b.N) * size / 1e6 / d.Seconds() }
	b.ReportMetric(speed(spent[0]), "MB/s-dossier")
	b.ReportMetric(speed(spent[1]), "MB/s-mc")
	b.ReportMetric(speed(spent[0])/speed(spent[1]), "ratio")
}

// mcCopy returns a function that sends c with mc cp.
func mcCopy(b *testing.B, srv storagetest.Server, c storage.Content) func(to string) {
	program, home := storagetest.MinIOClient(b), b.TempDir()
	host := strings.Replace(srv.Endpoint, "://", "://"+srv.AccessKey+":"+srv.SecretKey+"@", 1)
	file, err := c.Open()
	if err != nil {
		b.Fatal(err)
	}
	path := file.(*os.File).Name()
	file.Close()
	return func(to string) {
		cmd := exec.Command(program, "--config-dir", home, "--quiet", "cp", path, "srv/"+to)
		cmd.Env = append(os.Environ(), "MC_HOST_srv="+host)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
}

// A publication of 1 GiB into a folder.
func BenchmarkPublishDirectory(b *testing.B) {
	const size = 1 << 30
	c := bigFile(b, size, 1)
	b.SetBytes(size)
	for b.Loop() {
		s, err := local.Open(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		benchPublish(b, s, c)
		s.Close()
	}
}

func benchPublish(b *testing.B, s storage.Publisher, c storage.Content) {
	b.Helper()
	p := storagetest.Example(b.TempDir(), "bundle")
	p.Blobs = []storage.Item{{Name: "backups/backup.zip", Content: c}}
	done, err := storage.Publish(b.Context(), s, p)
	if err != nil || done.Already {
		b.Fatalf("already there: %v, %v", done.Already, err)
	}
}

// The largest file passes through in bounded memory: two uploads of it at a
// time share the buffers of one.
func TestMemoryIsBounded(t *testing.T) {
	srv := storagetest.StartMinIO(t)
	s, err := s3.Open(t.Context(), srv.NewBucket(t, false), s3.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := storagetest.Example(t.TempDir(), "bundle")
	for i := range uint64(2) {
		p.Blobs = append(p.Blobs, storage.Item{Name: fmt.Sprint("backups/", i), Content: bigFile(t, 192<<20, i)})
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := storage.Publish(t.Context(), s, p); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	// Five parts of 16 MiB, and what the requests themselves need.
	if grown := after.Sys - before.Sys; grown > 120<<20 {
		t.Errorf("publishing took %d MiB", grown>>20)
	}
	t.Logf("publishing 384 MiB took %d MiB of memory, %d MiB allocated in all", (after.Sys-before.Sys)>>20, (after.TotalAlloc-before.TotalAlloc)>>20)
}
