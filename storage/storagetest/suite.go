package storagetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dossier/storage"
)

// Full is a store with everything that the suite exercises.
type Full interface {
	storage.Store
	storage.Lister
	storage.Remover
	storage.Sweeper
	storage.Prober
	storage.Located
}

// Run holds a store against the contract of [storage.Store]. open returns an
// empty store each time.
func Run(t *testing.T, open func(testing.TB) Full) { run(t, open, true) }

// RunNotExclusive is Run for a store where two writers of one key may both
// succeed, as its Capabilities say: what is published there is kept apart by
// names.
func RunNotExclusive(t *testing.T, open func(testing.TB) Full) { run(t, open, false) }

func run(t *testing.T, open func(testing.TB) Full, exclusive bool) {
	t.Run("RoundTrip", func(t *testing.T) { testRoundTrip(t, open(t)) })
	t.Run("Ranges", func(t *testing.T) { testRanges(t, open(t)) })
	t.Run("NotFound", func(t *testing.T) { testNotFound(t, open(t)) })
	t.Run("NeverOverwrites", func(t *testing.T) { testNeverOverwrites(t, open(t)) })
	if exclusive {
		t.Run("OneWinner", func(t *testing.T) { testOneWinner(t, open(t)) })
	}
	t.Run("SameBytesFromMany", func(t *testing.T) { testSameBytes(t, open(t), exclusive) })
	t.Run("ChangedSource", func(t *testing.T) { testChangedSource(t, open(t)) })
	t.Run("Cancelled", func(t *testing.T) { testCancelled(t, open(t)) })
	t.Run("List", func(t *testing.T) { testList(t, open(t)) })
	t.Run("Remove", func(t *testing.T) { testRemove(t, open(t)) })
	t.Run("BadKeys", func(t *testing.T) { testBadKeys(t, open(t)) })
	t.Run("Probe", func(t *testing.T) { testProbe(t, open(t), exclusive) })
	t.Run("Publish", func(t *testing.T) { testPublish(t, open(t)) })
	t.Run("PublishersRace", func(t *testing.T) { testPublishersRace(t, open(t), exclusive) })
}

// Random returns n bytes that are the same for the same seed.
func Random(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
	_, _ = r.Read(b)
	return b
}

const mib = 1 << 20

// sizes lie around what stores treat differently: one PUT, parts, the last part.
var sizes = []int{0, 1, 4095, 1 * mib, 16 * mib, 16*mib + 1, 37 * mib}

func testRoundTrip(t *testing.T, s Full) {
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			key := fmt.Sprintf("v1/test/roundtrip/%d", n)
			body := Random(uint64(n), n)
			var reported atomic.Int64
			o, err := s.Create(t.Context(), key, storage.FromBytes(body), storage.CreateOptions{
				ContentType: "text/plain", Progress: func(n int64) { reported.Add(n) },
			})
			if err != nil {
				t.Fatal(err)
			}
			want := storage.FromBytes(body)
			if o, err := s.Create(t.Context(), key+"-parts", withParts(body), storage.CreateOptions{}); err != nil || o.SHA256 != want.SHA256 {
				t.Errorf("with the digests of the parts: %+v, %v", o, err)
			}
			if err := storage.Verify(t.Context(), s, key+"-parts", want.Bytes, want.SHA256); err != nil {
				t.Error(err)
			}
			if o.Key != key || o.Bytes != int64(n) || o.SHA256 != want.SHA256 || o.Existed {
				t.Errorf("Create returned %+v", o)
			}
			if reported.Load() != int64(n) {
				t.Errorf("progress of %d bytes was reported, not %d", reported.Load(), n)
			}
			if got := read(t, s, key, storage.Range{}); !bytes.Equal(got, body) {
				t.Errorf("read back %d other bytes", len(got))
			}
			o, err = s.Stat(t.Context(), key)
			if err != nil || o.Bytes != int64(n) || o.SHA256 != "" && o.SHA256 != want.SHA256 || o.Modified.IsZero() {
				t.Errorf("Stat: %+v, %v", o, err)
			}
			if err := storage.Verify(t.Context(), s, key, want.Bytes, want.SHA256); err != nil {
				t.Error(err)
			}
			if err := storage.Verify(t.Context(), s, key, want.Bytes, storage.FromBytes([]byte("x")).SHA256); storage.CodeOf(err) != storage.Checksum {
				t.Errorf("Verify with a wrong digest: %v", err)
			}
		})
	}
}

func read(t testing.TB, s storage.Store, key string, r storage.Range) []byte {
	t.Helper()
	rd, err := s.Open(t.Context(), key, r)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	b, err := io.ReadAll(rd)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testRanges(t *testing.T, s Full) {
	body := Random(1, 20*mib)
	create(t, s, "v1/test/ranges", body)
	for _, r := range []storage.Range{
		{}, {Bytes: 1}, {Offset: 1}, {Offset: 5, Bytes: 7}, {Offset: 16*mib - 1, Bytes: 2}, {Offset: 20*mib - 1},
		{Offset: 20*mib - 1, Bytes: 100}, {Offset: 20 * mib}, {Offset: 30 * mib, Bytes: 5},
	} {
		from := min(r.Offset, int64(len(body)))
		to := int64(len(body))
		if r.Bytes > 0 {
			to = min(from+r.Bytes, to)
		}
		if got := read(t, s, "v1/test/ranges", r); !bytes.Equal(got, body[from:to]) {
			t.Errorf("%+v: %d bytes, want %d", r, len(got), to-from)
		}
	}
}

func create(t testing.TB, s storage.Store, key string, body []byte) storage.Object {
	t.Helper()
	o, err := s.Create(t.Context(), key, storage.FromBytes(body), storage.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func testNotFound(t *testing.T, s Full) {
	if _, err := s.Stat(t.Context(), "v1/test/nothing"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Stat: %v", err)
	}
	if _, err := s.Open(t.Context(), "v1/test/nothing", storage.Range{}); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Open: %v", err)
	}
	create(t, s, "v1/test/dir/child", []byte("x"))
	if _, err := s.Open(t.Context(), "v1/test/dir", storage.Range{}); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Open of a folder: %v", err)
	}
}

func testNeverOverwrites(t *testing.T, s Full) {
	for _, n := range []int{10, 17 * mib} {
		key := fmt.Sprintf("v1/test/once/%d", n)
		first, other := Random(1, n), Random(2, n)
		create(t, s, key, first)
		for _, look := range []bool{false, true} {
			opts := storage.CreateOptions{LookFirst: look}
			if o, err := s.Create(t.Context(), key, storage.FromBytes(first), opts); err != nil || !o.Existed || o.SHA256 != storage.FromBytes(first).SHA256 {
				t.Errorf("the same bytes again: %+v, %v", o, err)
			}
			for _, b := range [][]byte{other, other[:n-1], nil} {
				if _, err := s.Create(t.Context(), key, storage.FromBytes(b), opts); !errors.Is(err, storage.ErrExists) {
					t.Errorf("%d other bytes: %v", len(b), err)
				}
			}
		}
		if !bytes.Equal(read(t, s, key, storage.Range{}), first) {
			t.Error("overwritten")
		}
	}
}

func testOneWinner(t *testing.T, s Full) {
	for _, n := range []int{1000, 16*mib + 5} {
		writers := 24
		if n > mib {
			writers = 4
		}
		key := fmt.Sprintf("v1/test/race/%d", n)
		var wins, losses atomic.Int32
		var winner atomic.Uint64
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				_, err := s.Create(t.Context(), key, storage.FromBytes(Random(uint64(i), n)), storage.CreateOptions{})
				switch {
				case err == nil:
					wins.Add(1)
					winner.Store(uint64(i))
				case errors.Is(err, storage.ErrExists):
					losses.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 || int(losses.Load()) != writers-1 {
			t.Errorf("%d bytes: %d winners, %d losers of %d", n, wins.Load(), losses.Load(), writers)
		}
		if !bytes.Equal(read(t, s, key, storage.Range{}), Random(winner.Load(), n)) {
			t.Error("not the winner's bytes")
		}
	}
}

func testSameBytes(t *testing.T, s Full, exclusive bool) {
	body := Random(3, 5000)
	var made atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			o, err := s.Create(t.Context(), "v1/test/same", storage.FromBytes(body), storage.CreateOptions{LookFirst: true})
			if err != nil {
				t.Error(err)
			}
			if !o.Existed {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if exclusive && made.Load() != 1 {
		t.Errorf("%d writers say that they made it", made.Load())
	}
}

func testChangedSource(t *testing.T, s Full) {
	for _, n := range []int{100, 17 * mib, 17*mib + 1} {
		honest := storage.FromBytes(Random(4, n))
		if n%2 == 1 {
			honest = withParts(Random(4, n))
		}
		for name, body := range map[string][]byte{"other": Random(5, n), "shorter": Random(4, n)[:n-1], "longer": Random(4, n+1)} {
			t.Run(fmt.Sprintf("%d-%s", n, name), func(t *testing.T) {
				if name == "longer" && s.URL()[:5] == "s3://" {
					// The object store reads what was promised and no more: the
					// stored bytes are those that were hashed.
					return
				}
				key := fmt.Sprintf("v1/test/changed/%d-%s", n, name)
				c := honest
				c.Open = storage.FromBytes(body).Open
				if _, err := s.Create(t.Context(), key, c, storage.CreateOptions{}); storage.CodeOf(err) != storage.SourceChanged {
					t.Errorf("Create: %v", err)
				}
				if _, err := s.Stat(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("something was stored: %v", err)
				}
			})
		}
	}
	c := honestButGone()
	if _, err := s.Create(t.Context(), "v1/test/changed/gone", c, storage.CreateOptions{}); storage.CodeOf(err) != storage.SourceChanged {
		t.Errorf("a file that is gone: %v", err)
	}
	for l, err := range s.Leftovers(t.Context()) {
		t.Errorf("left over: %+v, %v", l, err)
	}
}

// withParts is FromBytes with the digests of the parts.
func withParts(b []byte) storage.Content {
	h := storage.NewHasher()
	_, _ = h.Write(b)
	c := storage.FromBytes(b)
	_, _, c.Parts = h.Digests()
	return c
}

func honestButGone() storage.Content {
	return storage.FromFile("/nowhere/材料.pdf", 3, storage.FromBytes([]byte("abc")).SHA256)
}

func testCancelled(t *testing.T, s Full) {
	ctx, cancel := context.WithCancel(t.Context())
	c := storage.FromBytes(Random(6, 40*mib))
	opts := storage.CreateOptions{Progress: func(int64) { cancel() }}
	if _, err := s.Create(ctx, "v1/test/cancelled", c, opts); storage.CodeOf(err) != storage.Cancelled {
		t.Errorf("Create: %v", err)
	}
	if _, err := s.Stat(t.Context(), "v1/test/cancelled"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("something was stored: %v", err)
	}
	for _, err := range s.List(ctx, "") {
		if storage.CodeOf(err) != storage.Cancelled {
			t.Errorf("List: %v", err)
		}
	}
}

func testList(t *testing.T, s Full) {
	var want []string
	for _, key := range []string{"v1/cases/a/1/x", "v1/cases/a/2/x", "v1/cases/a-b/1/x", "v1/cases/b/1/x", "v1/blobs/x"} {
		create(t, s, key, []byte(key))
		want = append(want, key)
	}
	slices.Sort(want)
	for _, prefix := range []string{"", "v1/", "v1/cases/", "v1/cases/a/", "v1/cases/a", "v1/cases/a/1/x", "v2/", "v1/cases/a/9/"} {
		var got []string
		for o, err := range s.List(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			if o.Bytes != int64(len(o.Key)) || o.Modified.IsZero() {
				t.Errorf("%+v", o)
			}
			got = append(got, o.Key)
		}
		expect := slices.DeleteFunc(slices.Clone(want), func(k string) bool { return !strings.HasPrefix(k, prefix) })
		if !slices.Equal(got, expect) {
			t.Errorf("List(%q) = %q, want %q", prefix, got, expect)
		}
	}
	for range s.List(t.Context(), "") {
		break // stopping early is allowed
	}
}

func testRemove(t *testing.T, s Full) {
	create(t, s, "v1/test/gone", []byte("x"))
	for range 2 {
		if err := s.Remove(t.Context(), "v1/test/gone"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Stat(t.Context(), "v1/test/gone"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("still there: %v", err)
	}
	create(t, s, "v1/test/gone", []byte("y"))
}

func testBadKeys(t *testing.T, s Full) {
	for _, key := range []string{"", "/", "/a", "a/", "a//b", "../a", "a/../b", ".tmp/x", "张三", "a b", `a\b`, "a\x00b", strings.Repeat("k", 201), strings.Repeat("k/", 500) + "k"} {
		if _, err := s.Create(t.Context(), key, storage.FromBytes(nil), storage.CreateOptions{}); storage.CodeOf(err) != storage.BadKey {
			t.Errorf("Create(%q): %v", key, err)
		}
		if _, err := s.Open(t.Context(), key, storage.Range{}); storage.CodeOf(err) != storage.BadKey {
			t.Errorf("Open(%q): %v", key, err)
		}
		if _, err := s.Stat(t.Context(), key); storage.CodeOf(err) != storage.BadKey {
			t.Errorf("Stat(%q): %v", key, err)
		}
		if err := s.Remove(t.Context(), key); storage.CodeOf(err) != storage.BadKey {
			t.Errorf("Remove(%q): %v", key, err)
		}
	}
}

func testProbe(t *testing.T, s Full, exclusive bool) {
	c, err := s.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.ExclusiveCreate != exclusive || c.ExclusiveComplete != exclusive || !c.ReturnsSHA256 || !c.RefusesWrongSHA256 || !c.Multipart || !c.Paging {
		t.Errorf("%+v", c)
	}
	for o, err := range s.List(t.Context(), "") {
		t.Errorf("the probe left %+v, %v", o, err)
	}
}

// Example is a publication of fictional bytes; the receipt is as plain as it
// can be.
func Example(journal, bundle string, materials ...[]byte) storage.Publication {
	p := storage.Publication{
		Case:       "case-1",
		JournalDir: journal,
		Documents: []storage.Item{
			{Name: "bundle.pdf", ContentType: "application/pdf", Content: storage.FromBytes([]byte(bundle))},
			{Name: "audit.xlsx", Content: storage.FromBytes([]byte("workbook"))},
			{Name: "manifest.json", Content: storage.FromBytes([]byte("{}"))},
		},
	}
	p.Receipt = func(n int, files, objects []storage.Stored) ([]byte, error) {
		return json.Marshal(storage.Receipt{Case: p.Case, Number: n, Files: files, Objects: objects})
	}
	for i, m := range materials {
		p.Blobs = append(p.Blobs, storage.Item{Name: fmt.Sprintf("materials/材料%d.jpg", i), Content: storage.FromBytes(m)})
	}
	return p
}

// CheckComplete reads a publication as a stranger would: from its receipt.
func CheckComplete(t testing.TB, s storage.Store, receiptKey string, p storage.Publication) {
	t.Helper()
	text := read(t, s, receiptKey, storage.Range{})
	r, err := storage.ParseReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Objects) != len(p.Blobs) || len(r.Files) != len(p.Documents) {
		t.Errorf("the receipt names %d objects and %d files", len(r.Objects), len(r.Files))
	}
	for _, o := range r.All() {
		if err := storage.Verify(t.Context(), s, o.Key, o.Bytes, o.SHA256); err != nil {
			t.Errorf("%s: %v", o.Name, err)
		}
	}
}

func testPublish(t *testing.T, s Full) {
	journal := t.TempDir()
	small, large := Random(7, 3000), Random(8, 33*mib)
	p := Example(journal, "bundle one", small, large, small)
	var mu sync.Mutex
	var last storage.Event
	stored := map[storage.EventKind]int{}
	p.Observer = func(e storage.Event) {
		mu.Lock()
		defer mu.Unlock()
		stored[e.Kind]++
		last = e
	}
	one, err := storage.Publish(t.Context(), s, p)
	if err != nil {
		t.Fatal(err)
	}
	if one.Number != 1 || one.Already || len(one.Taken) != 0 || one.Objects[0].Key != one.Objects[2].Key {
		t.Errorf("%+v", one)
	}
	if last.Kind != storage.EventPublished || last.Done != last.Total || stored[storage.EventStored] != 5 {
		t.Errorf("events: %v, last %+v", stored, last)
	}
	CheckComplete(t, s, one.Key, p)

	// The same again, with the journal and without.
	for _, dir := range []string{journal, t.TempDir()} {
		p.JournalDir = dir
		again, err := storage.Publish(t.Context(), s, p)
		if err != nil || !again.Already || again.Number != 1 || !bytes.Equal(again.Receipt, one.Receipt) {
			t.Errorf("again: %+v, %v", again, err)
		}
	}

	// A new bundle of the same materials: nothing of them is sent.
	p2 := Example(journal, "bundle two", small, large)
	reused := atomic.Int32{}
	p2.Observer = func(e storage.Event) {
		if e.Kind == storage.EventReused {
			reused.Add(1)
		}
	}
	two, err := storage.Publish(t.Context(), s, p2)
	if err != nil || two.Number != 2 || two.Already || reused.Load() != 2 {
		t.Errorf("%+v, %v, %d reused", two, err, reused.Load())
	}
	CheckComplete(t, s, two.Key, p2)
	CheckComplete(t, s, one.Key, p)
}

func testPublishersRace(t *testing.T, s Full, exclusive bool) {
	const publishers = 6
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		numbers = map[string]bool{}
	)
	for i := range publishers {
		wg.Go(func() {
			p := Example(t.TempDir(), fmt.Sprint("bundle of ", i), []byte("shared"), Random(uint64(i), 100))
			done, err := storage.Publish(t.Context(), s, p)
			if err != nil {
				t.Error(err)
				return
			}
			CheckComplete(t, s, done.Key, p)
			mu.Lock()
			defer mu.Unlock()
			id := done.Key
			if exclusive {
				id = fmt.Sprint(done.Number)
			}
			if numbers[id] || done.Already {
				t.Errorf("%s was given twice", id)
			}
			numbers[id] = true
		})
	}
	wg.Wait()
	if len(numbers) != publishers {
		t.Errorf("published: %v", numbers)
	}
}

// FromSeed is Random as a content.
func FromSeed(seed uint64, n int) storage.Content { return storage.FromBytes(Random(seed, n)) }
