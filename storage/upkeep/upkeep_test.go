package upkeep_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dossier/storage"
	"dossier/storage/local"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
	"dossier/storage/upkeep"
)

func TestMain(m *testing.M) { os.Exit(storagetest.Main(m)) }

func inDirectory(t testing.TB) (storagetest.Full, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, dir
}

func inMinIO(t testing.TB, lock bool) *s3.Store {
	t.Helper()
	s, err := s3.Open(t.Context(), storagetest.StartMinIO(t).NewBucket(t, lock), s3.Options{RetryUnit: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func publish(t testing.TB, s storage.Publisher, p storage.Publication) storage.Published {
	t.Helper()
	done, err := storage.Publish(t.Context(), s, p)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func keys(t testing.TB, s storage.Lister) []string {
	t.Helper()
	var all []string
	for o, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o.Key)
	}
	return all
}

func TestList(t *testing.T) {
	s, _ := inDirectory(t)
	a := storagetest.Example(t.TempDir(), "a", []byte("one"), []byte("two"))
	publish(t, s, a)
	publish(t, s, storagetest.Example(t.TempDir(), "a, again", []byte("one")))
	b := storagetest.Example(t.TempDir(), "b")
	b.Case = "b"
	b.Receipt = receiptFor("b")
	publish(t, s, b)
	// Documents of a publication that was cut off.
	if _, err := s.Create(t.Context(), storage.CaseKey("b", 2, "bundle.pdf"), storage.FromBytes([]byte("x")), storage.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pubs, err := upkeep.List(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range pubs {
		got = append(got, fmt.Sprintf("%s/%d %t %d+%d %v", p.Case, p.Number, p.Receipt != "", len(p.Files), len(p.Objects), p.Err))
	}
	want := []string{"b/1 true 3+0 <nil>", "b/2 false 0+0 <nil>", "case-1/1 true 3+2 <nil>", "case-1/2 true 3+1 <nil>"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if one, err := upkeep.List(t.Context(), s, "b"); err != nil || len(one) != 2 {
		t.Errorf("one case: %+v, %v", one, err)
	}
}

func receiptFor(id string) func(int, []storage.Stored, []storage.Stored) ([]byte, error) {
	return func(n int, files, objects []storage.Stored) ([]byte, error) {
		p := storagetest.Example("", "")
		text, err := p.Receipt(n, files, objects)
		return bytes.Replace(text, []byte("case-1"), []byte(id), 1), err
	}
}

// Every kind of damage is found, by name, and nothing else is reported.
func TestCheck(t *testing.T) {
	for name, damage := range map[string]struct {
		do   func(t *testing.T, dir string, p storage.Published)
		want map[string]storage.Code // name → code
	}{
		"none": {func(*testing.T, string, storage.Published) {}, nil},
		"a bit of a blob": {func(t *testing.T, dir string, p storage.Published) { flip(t, dir, p.Objects[0].Key) },
			map[string]storage.Code{"materials/材料0.jpg": storage.Checksum, "materials/材料2.jpg": storage.Checksum}},
		"a blob lost": {func(t *testing.T, dir string, p storage.Published) { remove(t, dir, p.Objects[1].Key) },
			map[string]storage.Code{"materials/材料1.jpg": storage.NotFound}},
		"a document longer": {func(t *testing.T, dir string, p storage.Published) { grow(t, dir, p.Files[1].Key) },
			map[string]storage.Code{"audit.xlsx": storage.Checksum}},
		"a document empty": {func(t *testing.T, dir string, p storage.Published) {
			if err := os.Truncate(filepath.Join(dir, p.Files[0].Key), 0); err != nil {
				t.Fatal(err)
			}
		}, map[string]storage.Code{"bundle.pdf": storage.Checksum}},
		"the receipt unreadable": {func(t *testing.T, dir string, p storage.Published) { flip(t, dir, p.Key) },
			map[string]storage.Code{"": storage.BadReceipt}},
		"the receipt of another case": {func(t *testing.T, dir string, p storage.Published) {
			other := bytes.Replace(p.Receipt, []byte(`"case-1"`), []byte(`"case-2"`), 1)
			if err := os.WriteFile(filepath.Join(dir, p.Key), other, 0o600); err != nil {
				t.Fatal(err)
			}
		}, map[string]storage.Code{"": storage.BadReceipt}},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := inDirectory(t)
			p := publish(t, s, storagetest.Example(t.TempDir(), "bundle", []byte("one"), []byte("two"), []byte("one")))
			damage.do(t, dir, p)
			var last, total int64
			rep, err := upkeep.Check(t.Context(), s, "", upkeep.CheckOptions{Observe: func(done, all int64, _ string) { last, total = max(last, done), all }})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]storage.Code{}
			for _, problem := range rep.Problems {
				got[problem.Name] = problem.Code
			}
			if fmt.Sprint(got) != fmt.Sprint(damage.want) && len(got)+len(damage.want) > 0 {
				t.Errorf("found %v, want %v", got, damage.want)
			}
			if name == "none" && (rep.Publications != 1 || rep.Objects != 5 || rep.Bytes == 0 || last != total) {
				t.Errorf("%+v, %d of %d", rep, last, total)
			}
		})
	}
}

func flip(t *testing.T, dir, key string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(key))
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func grow(t *testing.T, dir, key string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, filepath.FromSlash(key)), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("x"); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, key string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(key))); err != nil {
		t.Fatal(err)
	}
}

// Garbage is what no receipt and no lease needs and what is old enough.
func TestGarbage(t *testing.T) {
	s, dir := inDirectory(t)
	kept := publish(t, s, storagetest.Example(t.TempDir(), "bundle", []byte("one")))
	before := keys(t, s)

	orphan := storage.FromBytes([]byte("nobody's"))
	leased := storage.FromBytes([]byte("of a publisher at work"))
	for key, body := range map[string]string{
		storage.BlobKey(orphan.SHA256):           "nobody's",
		storage.BlobKey(leased.SHA256):           "of a publisher at work",
		storage.CaseKey("cut-off", 1, "b.pdf"):   "x",
		storage.ProbeRoot + "abc/object":         "x",
		storage.LeaseRoot + "old.json":           `{"case":"x","blobs":["` + orphan.SHA256 + `"]}`,
		storage.LeaseRoot + "young.json":         `{"case":"x","blobs":["` + leased.SHA256 + `"]}`,
		"v1/notes/of-a-stranger.txt":             "x",
		storage.CaseKey("case-1", 1, "note.txt"): "beside a receipt",
	} {
		if _, err := s.Create(t.Context(), key, storage.FromBytes([]byte(body)), storage.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".tmp", "CUTOFF"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if all, err := upkeep.FindGarbage(t.Context(), s, now, 0); err != nil || len(all) != 0 {
		t.Errorf("young things: %+v, %v", all, err)
	}
	// Two days later. The old lease is eight days old by then.
	makeOld(t, dir, 2*24*time.Hour)
	makeOneOld(t, filepath.Join(dir, storage.LeaseRoot, "old.json"), 8*24*time.Hour)

	want := map[string]upkeep.Reason{
		storage.BlobKey(orphan.SHA256):         upkeep.Unnamed,
		storage.CaseKey("cut-off", 1, "b.pdf"): upkeep.NoReceipt,
		storage.ProbeRoot + "abc/object":       upkeep.Probe,
		storage.LeaseRoot + "old.json":         upkeep.OldLease,
		"":                                     upkeep.Unfinished,
	}
	all, err := upkeep.FindGarbage(t.Context(), s, now, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]upkeep.Reason{}
	for _, g := range all {
		got[g.Key] = g.Why
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("found %v\nwant  %v", got, want)
	}
	if older, err := upkeep.FindGarbage(t.Context(), s, now, 3*24*time.Hour); err != nil || len(older) != 1 {
		t.Errorf("older than three days: %+v, %v", older, err)
	}
	done, err := upkeep.RemoveGarbage(t.Context(), s, time.Now, 0, nil)
	if err != nil || len(done.Removed) != len(want) || done.More {
		t.Errorf("removed %+v, %v", done, err)
	}
	left := keys(t, s)
	for _, k := range before {
		if !slices.Contains(left, k) {
			t.Errorf("removed by mistake: %s", k)
		}
	}
	if len(left) != len(before)+4 { // leased blob, young lease, stranger's note, note beside a receipt
		t.Errorf("left: %q", left)
	}
	storagetest.CheckComplete(t, s, kept.Key, storagetest.Example("", "bundle", []byte("one")))
}

func makeOld(t *testing.T, dir string, by time.Duration) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			makeOneOld(t, file, by)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func makeOneOld(t *testing.T, file string, by time.Duration) {
	t.Helper()
	at := time.Now().Add(-by)
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

// A receipt that cannot be read might name anything: nothing is removed.
func TestNoGarbageWhileAReceiptIsUnreadable(t *testing.T) {
	s, dir := inDirectory(t)
	p := publish(t, s, storagetest.Example(t.TempDir(), "bundle", []byte("one")))
	flip(t, dir, p.Key)
	makeOld(t, dir, 48*time.Hour)
	if all, err := upkeep.FindGarbage(t.Context(), s, time.Now(), 0); storage.CodeOf(err) != storage.BadReceipt || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if done, err := upkeep.RemoveGarbage(t.Context(), s, time.Now, 0, nil); storage.CodeOf(err) != storage.BadReceipt || len(done.Removed) > 0 {
		t.Errorf("%+v, %v", done, err)
	}
}

// A clock that is a year ahead makes nothing old.
func TestGarbageByTheStoresClock(t *testing.T) {
	s := inMinIO(t, false)
	c := storage.FromBytes([]byte("nobody's"))
	if _, err := s.Create(t.Context(), storage.BlobKey(c.SHA256), c, storage.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	ahead := func() time.Time { return time.Now().AddDate(1, 0, 0) }
	done, err := upkeep.RemoveGarbage(t.Context(), s, ahead, 0, nil)
	if err != nil || len(done.Removed) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}

// A publisher and gc never work past each other: while gc is at work,
// publishing waits, and a blob that a publisher relies on stays.
func TestPublisherAndGarbage(t *testing.T) {
	s, dir := inDirectory(t)
	c := storage.FromBytes([]byte("an orphan that is wanted again"))
	if _, err := s.Create(t.Context(), storage.BlobKey(c.SHA256), c, storage.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	makeOld(t, dir, 48*time.Hour)
	p := storagetest.Example(t.TempDir(), "bundle", []byte("an orphan that is wanted again"))
	relied := 0
	p.Receipt = func(n int, files, objects []storage.Stored) ([]byte, error) {
		// The receipt is about to be written: gc comes.
		relied++
		done, err := upkeep.RemoveGarbage(t.Context(), s, time.Now, 0, nil)
		if err != nil || len(done.Removed) != 0 {
			t.Errorf("gc removed %+v, %v", done, err)
		}
		return receiptFor("case-1")(n, files, objects)
	}
	done := publish(t, s, p)
	if relied != 1 {
		t.Fatal("gc did not come")
	}
	storagetest.CheckComplete(t, s, done.Key, p)

	if _, err := s.Create(t.Context(), storage.SweepRoot+"at-work", storage.FromBytes(nil), storage.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	other := storagetest.Example(t.TempDir(), "other bundle", []byte("two"))
	if _, err := storage.Publish(t.Context(), s, other); storage.CodeOf(err) != storage.SweepBusy {
		t.Errorf("publishing while gc is at work: %v", err)
	}
	// A gc that was killed does not stop publishing for ever.
	makeOneOld(t, filepath.Join(dir, storage.SweepRoot, "at-work"), time.Hour)
	publish(t, s, other)
}

func TestPull(t *testing.T) {
	for name, s := range map[string]storagetest.Full{"directory": first(inDirectory(t)), "minio": inMinIO(t, false)} {
		t.Run(name, func(t *testing.T) {
			p := storagetest.Example(t.TempDir(), "bundle", []byte("one"), storagetest.Random(1, 17<<20), []byte("one"))
			p.Blobs[2].Name = "materials/子目录/一百 (1).jpg"
			done := publish(t, s, p)
			dir := filepath.Join(t.TempDir(), "袋")
			bag, err := upkeep.Pull(t.Context(), s, done.Key, dir, upkeep.PullOptions{Day: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Software: "dossier test"})
			if err != nil {
				t.Fatal(err)
			}
			if bag.Files != 7 || bag.Dir != dir {
				t.Errorf("%+v", bag)
			}
			for _, b := range p.Blobs {
				c, err := storage.HashFile(t.Context(), filepath.Join(dir, "data", b.Name))
				if err != nil || c.SHA256 != b.Content.SHA256 {
					t.Errorf("%s: %v", b.Name, err)
				}
			}
			validate(t, dir)
			if _, err := upkeep.Pull(t.Context(), s, done.Key, dir, upkeep.PullOptions{}); !errors.Is(err, fs.ErrExist) {
				t.Errorf("into a folder that is in use: %v", err)
			}
		})
	}
}

func first[A, B any](a A, _ B) A { return a }

// validate asks the reference implementation, bagit-python.
func validate(t *testing.T, dir string) {
	t.Helper()
	judge, err := exec.LookPath("bagit.py")
	if err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatal("bagit.py (bagit-python) is not installed")
		}
		t.Log("NOT JUDGED: bagit.py (bagit-python) is not installed")
		return
	}
	if out, err := exec.Command(judge, "--validate", dir).CombinedOutput(); err != nil {
		t.Errorf("bagit-python says no: %v\n%s", err, out)
	}
}

// A damaged publication gives no bag, but the names of what is lost or wrong;
// once it is mended, Pull goes on.
func TestPullOfADamagedStore(t *testing.T) {
	s, dir := inDirectory(t)
	p := publish(t, s, storagetest.Example(t.TempDir(), "bundle", []byte("one"), []byte("two")))
	remove(t, dir, p.Objects[0].Key)
	flip(t, dir, p.Files[0].Key)
	into := filepath.Join(t.TempDir(), "bag")
	_, err := upkeep.Pull(t.Context(), s, p.Key, into, upkeep.PullOptions{})
	var d *upkeep.Damage
	if !errors.As(err, &d) || len(d.Problems) != 2 || d.Problems[0].Name != "bundle.pdf" || d.Problems[0].Code != storage.Checksum ||
		d.Problems[1].Name != "materials/材料0.jpg" || d.Problems[1].Code != storage.NotFound {
		t.Fatalf("%v", err)
	}
	if _, err := os.Stat(into); !errors.Is(err, fs.ErrNotExist) {
		t.Error("there is a bag all the same")
	}
	flip(t, dir, p.Files[0].Key)
	one := storage.FromBytes([]byte("one"))
	if _, err := s.Create(t.Context(), p.Objects[0].Key, one, storage.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := upkeep.Pull(t.Context(), s, p.Key, into, upkeep.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	validate(t, into)
}

// Pull killed in the middle leaves nothing under the final name, and the next
// one does not fetch again what is there.
func TestPullGoesOn(t *testing.T) {
	s, _ := inDirectory(t)
	big := storagetest.Random(2, 5<<20)
	p := publish(t, s, storagetest.Example(t.TempDir(), "bundle", []byte("one"), big))
	into := filepath.Join(t.TempDir(), "bag")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := upkeep.Pull(ctx, s, p.Key, into, upkeep.PullOptions{Observe: func(done, total int64, _ string) {
		if done > total/2 {
			cancel()
		}
	}})
	if storage.CodeOf(err) != storage.Cancelled {
		t.Fatal(err)
	}
	if _, err := os.Stat(into); !errors.Is(err, fs.ErrNotExist) {
		t.Error("there is a bag already")
	}
	if _, err := upkeep.Pull(t.Context(), s, p.Key, into, upkeep.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	validate(t, into)
	left, err := os.ReadDir(filepath.Dir(into))
	if err != nil || len(left) != 1 {
		t.Errorf("left beside the bag: %v, %v", left, err)
	}
}

// Names come from a receipt that anybody may have written.
func TestPullOfHostileNames(t *testing.T) {
	for name, refused := range map[string]bool{
		"../../etc/passwd": true, "/etc/passwd": true, "a/../../b": true, "": true, ".": true, "a//b": true, "a/..": true, "./a": true, "a/ ./b": true,
		"receipt.json": false, "RECEIPT.JSON": false, "bundle.pdf": false, "a\nb": false, `C:\windows\x`: false, "a/b\\c": false, "100%": false,
		"材料/身份证.jpg": false, strings.Repeat("长", 60): false,
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := inDirectory(t)
			p := storagetest.Example(t.TempDir(), "bundle", []byte("one"))
			p.Blobs[0].Name = name
			done := publish(t, s, p)
			base := t.TempDir()
			_, err := upkeep.Pull(t.Context(), s, done.Key, filepath.Join(base, "bag"), upkeep.PullOptions{})
			if (storage.CodeOf(err) == storage.BadReceipt) != refused || !refused && err != nil {
				t.Fatalf("%v", err)
			}
			if !refused {
				validate(t, filepath.Join(base, "bag"))
			}
		})
	}
}
