package seal_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"dossier/storage"
	"dossier/storage/local"
	"dossier/storage/seal"
	"dossier/storage/storagetest"
	"dossier/storage/upkeep"
)

// The age library opens what we computed ourselves, at every size around a
// chunk, and any range of the ciphertext is the same bytes.
func TestSealIsAge(t *testing.T) {
	key := seal.NewKey()
	for _, n := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 3 * 64 << 10, 300_000} {
		body := storagetest.Random(uint64(n), n)
		c, err := key.Seal(t.Context(), storage.FromBytes(body))
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Source()
		if err != nil {
			t.Fatal(err)
		}
		sealed := make([]byte, c.Bytes)
		if _, err := r.ReadAt(sealed, 0); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if storage.FromBytes(sealed).SHA256 != c.SHA256 {
			t.Errorf("%d: the digest is wrong", n)
		}
		if k, err := r.ReadAt(make([]byte, 10), c.Bytes); k != 0 || err != io.EOF {
			t.Errorf("%d: %d bytes behind the end, %v", n, k, err)
		}
		for _, at := range []int64{1, 100, 250, 65_000, 65_800, 131_500, c.Bytes - 1} {
			if at >= c.Bytes {
				continue
			}
			part := make([]byte, min(70_000, c.Bytes-at))
			if k, err := r.ReadAt(part, at); k != len(part) || err != nil || !bytes.Equal(part, sealed[at:at+int64(k)]) {
				t.Errorf("%d: range at %d: %d bytes, %v", n, at, k, err)
			}
		}
		plain, err := age.Decrypt(bytes.NewReader(sealed), key.Identity())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(plain); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d: age gives %d bytes, %v", n, len(got), err)
		}
	}
}

// The same content under the same key is the same ciphertext; another key or
// another content gives another.
func TestSealIsDeterministic(t *testing.T) {
	a, b := seal.NewKey(), seal.NewKey()
	sums := map[string]int{}
	for _, k := range []seal.Key{a, a, b} {
		for _, body := range []string{"one", "two"} {
			c, err := k.Seal(t.Context(), storage.FromBytes([]byte(body)))
			if err != nil {
				t.Fatal(err)
			}
			sums[c.SHA256]++
		}
	}
	if len(sums) != 4 {
		t.Errorf("%d different ciphertexts, want 4", len(sums))
	}
}

// Nothing but what was hashed is ever encrypted under its key: else two
// contents would share a key stream.
func TestChangedContentIsNotEncrypted(t *testing.T) {
	body := storagetest.Random(1, 200_000)
	c, err := seal.NewKey().Seal(t.Context(), storage.FromBytes(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Source()
	if err != nil {
		t.Fatal(err)
	}
	body[100_000]++
	if _, err := r.ReadAt(make([]byte, c.Bytes), 0); storage.CodeOf(err) != storage.SourceChanged {
		t.Errorf("%v", err)
	}
	if _, err := seal.NewKey().Seal(t.Context(), storage.Content{Bytes: 3, SHA256: storage.FromBytes([]byte("abd")).SHA256, Open: storage.FromBytes([]byte("abc")).Open}); storage.CodeOf(err) != storage.SourceChanged {
		t.Errorf("%v", err)
	}
}

func TestKeyText(t *testing.T) {
	key := seal.NewKey()
	x, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := key.Wrap(x.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := seal.Unwrap(wrapped, x); err != nil || again != key {
		t.Errorf("%v", err)
	}
	// Any age key is a case key, and reads back as the age library reads it.
	k, err := seal.ParseKey([]byte("# made by age-keygen\n" + x.String() + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.Seal(t.Context(), storage.FromBytes([]byte("hello")))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := c.Source()
	plain, err := age.Decrypt(io.NewSectionReader(r, 0, c.Bytes), x)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(plain); string(b) != "hello" {
		t.Errorf("%q", b)
	}
	for _, bad := range []string{"", "#", "hello", strings.ToLower(x.String()), x.String()[:70], x.String() + "Q", strings.Replace(x.String(), "1", "I", 1), x.Recipient().String(), "AGE-SECRET-KEY-1"} {
		if _, err := seal.ParseKey([]byte(bad)); err == nil || len(bad) > 5 && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQS4XGEWA")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := seal.ParseKey([]byte(s))
		if err != nil {
			return
		}
		ids, err := age.ParseIdentities(strings.NewReader(firstKeyLine(s)))
		if err != nil || len(ids) != 1 {
			t.Errorf("taken here, refused by age: %v", err)
		}
		if k.ID() == "" {
			t.Error("no id")
		}
	})
}

func firstKeyLine(s string) string {
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return line
		}
	}
	return ""
}

type world struct {
	dir    string
	s      *local.Store
	me, co *age.X25519Identity
	keys   string // folder for key files
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), keys: t.TempDir()}
	var err error
	if w.s, err = local.Open(w.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.s.Close() })
	for _, id := range []**age.X25519Identity{&w.me, &w.co} {
		if *id, err = age.GenerateX25519Identity(); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) options() seal.Options {
	return seal.Options{
		Recipients: []age.Recipient{w.me.Recipient(), w.co.Recipient()},
		KeyFile:    filepath.Join(w.keys, "case.key"),
		Documents:  func(name string) bool { return name == "bundle.pdf" },
	}
}

func (w *world) publish(t *testing.T, p storage.Publication, opts seal.Options) storage.Published {
	t.Helper()
	sealed, err := seal.Publication(t.Context(), w.s, p, opts)
	if err != nil {
		t.Fatal(err)
	}
	done, err := storage.Publish(t.Context(), w.s, sealed)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func (w *world) pull(t *testing.T, receipt string, ids ...age.Identity) (string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bag")
	opts := upkeep.PullOptions{}
	if len(ids) > 0 {
		opts.Unseal = seal.NewOpener(w.s, ids)
	}
	_, err := upkeep.Pull(t.Context(), w.s, receipt, dir, opts)
	return dir, err
}

const personal = "身份证 110199198001010016"

// What lies in the store gives away no personal data, to anybody but the
// recipients.
func TestSealedPublication(t *testing.T) {
	w := newWorld(t)
	p := storagetest.Example(t.TempDir(), "bundle with "+personal, []byte("scan with "+personal), []byte("two"))
	done := w.publish(t, p, w.options())

	err := filepath.WalkDir(w.dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(file)
		if bytes.Contains(b, []byte(personal)) || strings.Contains(file, "110199") {
			t.Errorf("%s has personal data in it", file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []age.Identity{w.me, w.co} {
		dir, err := w.pull(t, done.Key, id)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"bundle.pdf": "bundle with " + personal, "materials/材料0.jpg": "scan with " + personal, "manifest.json": "{}"} {
			if b, err := os.ReadFile(filepath.Join(dir, "data", name)); err != nil || string(b) != want {
				t.Errorf("%s: %q, %v", name, b, err)
			}
		}
	}
	stranger, _ := age.GenerateX25519Identity()
	if _, err := w.pull(t, done.Key, stranger); storage.CodeOf(err) != storage.NoIdentity {
		t.Errorf("a stranger: %v", err)
	}
	dir, err := w.pull(t, done.Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "materials/材料0.jpg.age")); err != nil {
		t.Errorf("without a key the ciphertext is fetched: %v", err)
	}
	rep, err := upkeep.Check(t.Context(), w.s, "", upkeep.CheckOptions{})
	if err != nil || len(rep.Problems) != 0 || rep.Objects != 5 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// A damaged ciphertext is called damaged, not "no key".
func TestDamagedCiphertext(t *testing.T) {
	w := newWorld(t)
	done := w.publish(t, storagetest.Example(t.TempDir(), "bundle", []byte("one")), w.options())
	for _, at := range []int64{0, 100, -1} {
		file := filepath.Join(w.dir, filepath.FromSlash(done.Objects[0].Key))
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(good)
		bad[(at+int64(len(bad)))%int64(len(bad))] ^= 1
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		var d *upkeep.Damage
		if _, err := w.pull(t, done.Key, w.me); !errors.As(err, &d) || len(d.Problems) != 1 || d.Problems[0].Code != storage.Checksum {
			t.Errorf("byte %d: %v", at, err)
		}
		if err := os.WriteFile(file, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The key file makes an interrupted publication go on with the same bytes; an
// identity makes the next bundle of the case use the stored key again. A rerun
// without either finds that all is done.
func TestSealedAgain(t *testing.T) {
	w := newWorld(t)
	p := storagetest.Example(t.TempDir(), "bundle", []byte("one"))
	first := w.publish(t, p, w.options())
	if again := w.publish(t, p, w.options()); !again.Already {
		t.Errorf("with the key file: %+v", again)
	}
	if err := seal.Forget(w.options().KeyFile); err != nil {
		t.Fatal(err)
	}
	if again := w.publish(t, p, w.options()); !again.Already {
		t.Errorf("without: %+v", again)
	}
	if err := seal.Forget(w.options().KeyFile); err != nil {
		t.Fatal(err)
	}
	// A new bundle, with an identity at hand: the key of the first one would do.
	opts := w.options()
	opts.Identities = []age.Identity{w.co}
	second := w.publish(t, storagetest.Example(t.TempDir(), "second bundle", []byte("one")), opts)
	if second.Number != 2 || second.Objects[0].Key != first.Objects[0].Key && second.Objects[0].Sealed.Key == first.Objects[0].Sealed.Key {
		t.Errorf("%+v", second)
	}
	// Who is left out the next time cannot read on with the old key.
	if err := seal.Forget(opts.KeyFile); err != nil {
		t.Fatal(err)
	}
	opts.Recipients = []age.Recipient{w.co.Recipient()}
	third := w.publish(t, storagetest.Example(t.TempDir(), "third bundle", []byte("one")), opts)
	if _, err := w.pull(t, third.Key, w.me); storage.CodeOf(err) != storage.NoIdentity {
		t.Errorf("left out: %v", err)
	}
	if _, err := w.pull(t, third.Key, w.co); err != nil {
		t.Error(err)
	}
	if _, err := w.pull(t, second.Key, w.me); err != nil {
		t.Error(err)
	}
	if _, err := w.pull(t, first.Key, w.me); err != nil {
		t.Error(err)
	}
}

func TestRewrap(t *testing.T) {
	w := newWorld(t)
	done := w.publish(t, storagetest.Example(t.TempDir(), "bundle", []byte("one")), w.options())
	successor, _ := age.GenerateX25519Identity()
	stranger, _ := age.GenerateX25519Identity()
	if _, err := seal.Rewrap(t.Context(), w.s, "case-1", []age.Identity{stranger}, []age.Recipient{successor.Recipient()}); storage.CodeOf(err) != storage.NoIdentity {
		t.Errorf("a stranger: %v", err)
	}
	n, err := seal.Rewrap(t.Context(), w.s, "case-1", []age.Identity{w.me}, []age.Recipient{successor.Recipient()})
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if _, err := w.pull(t, done.Key, successor); err != nil {
		t.Errorf("the successor: %v", err)
	}
	if _, err := w.pull(t, done.Key, w.me); storage.CodeOf(err) != storage.NoIdentity {
		t.Errorf("the predecessor: %v", err)
	}
}

func TestPassphrase(t *testing.T) {
	w := newWorld(t)
	r, id, err := seal.ForPassphrase("一个很长的口令 with words")
	if err != nil {
		t.Fatal(err)
	}
	opts := w.options()
	opts.Recipients = []age.Recipient{r}
	done := w.publish(t, storagetest.Example(t.TempDir(), "bundle", []byte("one")), opts)
	if _, err := w.pull(t, done.Key, id); err != nil {
		t.Error(err)
	}
	_, wrong, _ := seal.ForPassphrase("another")
	if _, err := w.pull(t, done.Key, wrong); storage.CodeOf(err) != storage.NoIdentity {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if _, err := seal.ParseRecipients([]string{"age1nonsense"}); storage.CodeOf(err) != storage.BadRecipient {
		t.Errorf("%v", err)
	}
}
