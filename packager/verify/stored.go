package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dossier/packager"
)

// Source reads objects of a store.
type Source interface {
	// Open returns the object under key; fs.ErrNotExist if it is not there.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
}

// Unsealer is a Source that opens what is sealed.
type Unsealer interface {
	// Unseal returns the plaintext of o, whose ciphertext is read from r. Its
	// error is ErrNoIdentity or ErrShredded where that is the reason.
	Unseal(ctx context.Context, o packager.StoredObject, r io.Reader) (io.Reader, error)
}

// Why a sealed object cannot be read.
var (
	ErrNoIdentity = errors.New("no key that opens it was given")
	ErrShredded   = errors.New("its key was destroyed")
)

// Stored checks a publication in a store, beginning with its receipt: every
// object that the receipt names is read back whole. Of what is sealed the
// ciphertext is compared, and if src is an Unsealer that can open it, the
// content too; a bundle that cannot be opened is no verified bundle. Personal
// materials that were removed when their time was over are no failure if the
// record of it holds.
func Stored(ctx context.Context, src Source, receiptKey string, o Options) (*packager.Verdict, error) {
	f := &findings{}
	b, err := fetch(ctx, src, receiptKey)
	if errors.Is(err, fs.ErrNotExist) {
		f.add(false, "receipt", "VERIFY_NO_RECEIPT", receiptKey, nil)
		return f.verdict(), nil
	}
	var c *cause
	if errors.As(err, &c) {
		f.fail("receipt", "VERIFY_FILE_UNREADABLE", receiptKey, err, nil)
		return f.verdict(), nil
	}
	if err != nil {
		return nil, err
	}
	s := f.receipt(b)
	if s == nil {
		return f.verdict(), nil
	}
	dir, err := os.MkdirTemp("", "dossier-verify-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &readBack{findings: f, src: src, s: s, dir: dir, base: receiptKey[:strings.LastIndexByte(receiptKey, '/')+1], over: map[string]string{}}
	if err := r.all(ctx); err != nil {
		return nil, err
	}
	if err := f.documents(ctx, dir, s, o, r.bundle); err != nil {
		return nil, err
	}
	if r.shut { // other objects say for themselves that they could not be opened
		f.add(false, "store.sealed", "VERIFY_NEEDS_IDENTITY", receiptKey, packager.Args{"n": itoa(r.closed)})
	}
	return f.verdict(), ctx.Err()
}

// readBack reads the objects of one receipt.
type readBack struct {
	*findings
	src  Source
	s    *sealed
	dir  string // where documents are put
	base string // v1/cases/<case>/<n>/

	over   map[string]string // key → day on which its time was over
	closed int               // sealed objects that could not be opened
	bundle bool              // the bundle lies in dir
	shut   bool              // it is one of those that could not be opened
}

// all reads the log first: what was removed since continues it.
func (r *readBack) all(ctx context.Context) error {
	files := slices.Clone(r.s.receipt.Files)
	slices.SortStableFunc(files, func(a, b packager.StoredObject) int {
		return rank(a.Name) - rank(b.Name)
	})
	for i, file := range files {
		// A receipt that was moved to another place names keys that are not
		// beside it.
		if !strings.HasPrefix(file.Key, r.base) || !filepath.IsLocal(filepath.FromSlash(file.Name)) {
			r.add(false, "receipt.place", "VERIFY_RECEIPT_MOVED", file.Key, nil)
			continue
		}
		there, err := r.object(ctx, file, filepath.Join(r.dir, filepath.FromSlash(file.Name)))
		if err != nil {
			return err
		}
		r.bundle = r.bundle || there && r.isBundle(file.Name)
		if i == 0 {
			if err := r.expiries(ctx); err != nil {
				return err
			}
		}
	}
	for _, obj := range r.s.receipt.Objects {
		if _, err := r.object(ctx, obj, ""); err != nil {
			return err
		}
	}
	return nil
}

// isBundle reports whether a file is a PDF of the bundle.
func (r *readBack) isBundle(name string) bool {
	return slices.ContainsFunc(r.s.receipt.Bundle.Files(bundleStem), func(p packager.PartRef) bool { return p.Name == name })
}

func rank(name string) int {
	if name == eventsName {
		return 0
	}
	return 1
}

func fetch(ctx context.Context, src Source, key string) ([]byte, error) {
	r, err := src.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readBounded(r)
}

// object reads one object, compares it, and writes its content to a file (""
// for none). there: the content could be read.
func (r *readBack) object(ctx context.Context, want packager.StoredObject, to string) (there bool, err error) {
	args := packager.Args{"name": want.Name}
	in, err := r.src.Open(ctx, want.Key)
	if errors.Is(err, fs.ErrNotExist) {
		if day, over := r.over[want.Key]; over {
			args["day"] = day
			r.add(true, "store.expired", "VERIFY_OBJECT_EXPIRED", want.Key, args)
			return false, nil
		}
		r.add(false, "store.object", "VERIFY_OBJECT_MISSING", want.Key, args)
		return r.isBundle(want.Name), nil // and so its signature does not hold
	}
	if err != nil {
		return false, err
	}
	defer in.Close()
	out := io.Discard
	if to != "" {
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return false, err
		}
		w, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return false, err
		}
		defer w.Close()
		out = w
	}
	if want.Sealed != nil {
		return r.sealedObject(ctx, want, in, to, out)
	}
	sum, n, err := hashAll(ctx, io.TeeReader(in, out))
	if err != nil {
		return false, err
	}
	r.compare(sum == want.SHA256 && n == want.Bytes, want)
	return true, nil
}

// sealedObject compares the ciphertext and, if it can be opened, what is in it.
func (r *readBack) sealedObject(ctx context.Context, want packager.StoredObject, in io.Reader, to string, out io.Writer) (there bool, err error) {
	stored := newCounter()
	raw := io.TeeReader(&cancelStream{ctx, in}, stored)
	var plain io.Reader
	failed := ErrNoIdentity
	if u, ok := r.src.(Unsealer); ok {
		plain, failed = u.Unseal(ctx, want, raw)
	}
	inside := newCounter()
	if failed == nil {
		_, failed = io.Copy(io.MultiWriter(out, inside), plain)
	}
	// The rest of a ciphertext that could not be opened: is it what was stored?
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return false, err
	}
	if failed != nil && to != "" {
		_ = os.Remove(to)
	}
	whole := stored.is(want.SHA256, want.Bytes)
	day, over := r.over[want.Key]
	var fault *packager.Fault
	switch {
	case errors.As(failed, &fault): // of looking for the key
		return false, failed
	case !whole:
		r.compare(false, want)
	case errors.Is(failed, ErrShredded) && over:
		r.add(true, "store.expired", "VERIFY_OBJECT_SHREDDED", want.Key, packager.Args{"name": want.Name, "day": day})
	case errors.Is(failed, ErrShredded):
		r.add(false, "store.object", "VERIFY_OBJECT_KEY_LOST", want.Key, packager.Args{"name": want.Name})
	case errors.Is(failed, ErrNoIdentity):
		r.closed++
		r.shut = r.shut || r.isBundle(want.Name)
		r.add(true, "store.object", "VERIFY_OBJECT_CLOSED", want.Key, packager.Args{"name": want.Name})
	default:
		ok := failed == nil && inside.is(want.Sealed.SHA256, want.Sealed.Bytes)
		r.compare(ok, want)
		return ok, nil
	}
	return !whole && r.isBundle(want.Name), nil
}

// counter takes the digest of what is written to it.
type counter struct {
	h hash.Hash
	n int64
}

func newCounter() *counter { return &counter{h: sha256.New()} }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.h.Write(p)
}

func (c *counter) is(sum string, n int64) bool {
	return c.n == n && hex.EncodeToString(c.h.Sum(nil)) == sum
}

func (f *findings) compare(ok bool, want packager.StoredObject) {
	f.add(ok, "store.object", codeFor(ok, "VERIFY_OBJECT_OK", "VERIFY_OBJECT_CHANGED"), want.Key, packager.Args{"name": want.Name})
}

// expiries reads the records of what was removed. Only one that the key of the
// receipt has sealed, and whose event continues the log, excuses that
// something is not there.
func (r *readBack) expiries(ctx context.Context) error {
	head, n := "", 0
	for i := 1; ; i++ {
		key := r.base + expiredName(i)
		b, err := fetch(ctx, r.src, key)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		var c *cause
		if errors.As(err, &c) {
			r.fail("store.expired", "VERIFY_EXPIRY", key, err, nil)
			return nil
		}
		if err != nil {
			return err
		}
		if i == 1 {
			log, err := os.Open(filepath.Join(r.dir, eventsName))
			if errors.Is(err, fs.ErrNotExist) {
				return nil // said with the log
			}
			if err != nil {
				return err
			}
			head, n, err = walkEvents(log, nil)
			log.Close()
			if err != nil {
				return nil // said with the log
			}
		}
		e, next, err := r.s.parseExpiry(b, head, n+i)
		if err != nil {
			r.fail("store.expired", "VERIFY_EXPIRY", key, err, nil)
			return nil
		}
		head = next
		day, _, _ := strings.Cut(e.At, "T")
		for _, k := range slices.Concat(e.Removed, e.Shredded) {
			r.over[k] = day
		}
		r.add(true, "store.expired", "VERIFY_EXPIRED", key, packager.Args{
			"day": day, "reason": e.Reason, "n": itoa(len(e.Removed) + len(e.Shredded)), "who": whoOf(e.Event),
		})
	}
}

func whoOf(e packager.Event) string {
	if e.Name != "" {
		return e.Name
	}
	return e.User + "@" + e.Host
}

func expiredName(i int) string {
	if i == 1 {
		return "expired.json"
	}
	return fmt.Sprintf("expired.%d.json", i)
}

// parseExpiry reads a record that stands beside the receipt. prev is the head
// of the log that its event continues, seq the event's number.
func (s *sealed) parseExpiry(b []byte, prev string, seq int) (packager.Expiry, string, error) {
	var e packager.Expiry
	body, seal, err := parseSealed(b)
	if err != nil {
		return e, "", err
	}
	if err := decodeMembers(body, &e); err != nil {
		return e, "", err
	}
	var raw struct{ Event json.RawMessage }
	if err := json.Unmarshal(body, &raw); err != nil {
		return e, "", because("receipt.members")
	}
	switch {
	case e.Version != 1:
		return e, "", because("receipt.version", "n", itoa(e.Version))
	case e.Case != s.receipt.Case || e.Number != s.receipt.Number:
		return e, "", because("expiry.case")
	case fingerprint(seal.signer) != fingerprint(s.seal.signer):
		return e, "", because("expiry.signer", "signer", nameOf(seal.signer))
	}
	next, err := readEvent(bytes.TrimSpace(raw.Event), prev, seq)
	return e, next.hash, err
}
