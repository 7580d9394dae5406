// Package seal encrypts what leaves the machine, so that a store holds personal
// data only as ciphertext.
//
// Each case has keys of its own, one for each class of objects: age
// identities. Objects are standard age
// files (age-encryption.org/v1) for that identity; the identity itself lies in
// the store under v1/keys/<case>/ as a small age file for the recipients. So
//
//   - the recipients can be changed by writing that small file anew ([Rewrap]),
//     without touching an object;
//   - removing it makes all objects of the case unreadable ([Shred]), even
//     where a lock forbids to delete them;
//   - without dossier, the age program opens everything:
//     age -d -i me.key key.age > case.key; age -d -i case.key object > file
//
// The same content under the same case key always gives the same ciphertext:
// file key, ephemeral key and nonce are derived from the case key and the
// SHA-256 of the content (HKDF-SHA256). So an interrupted upload goes on, and
// a material that several bundles of a case share is stored once. Whoever sees
// the store learns from it that two objects of one case are equal, and their
// sizes, nothing else.
package seal

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"

	"dossier/storage"
)

// Key is the key of a case. Treat it as a secret.
type Key struct{ secret [32]byte }

// NewKey makes a key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k.secret[:]) // never fails
	return k
}

// ParseKey reads "AGE-SECRET-KEY-1…", with comment lines or without. The error
// does not repeat the text.
func ParseKey(text []byte) (Key, error) {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		b, err := bech32Decode(keyPrefix, line)
		if err != nil || len(b) != 32 {
			return Key{}, errors.New("not the key of a case")
		}
		var k Key
		copy(k.secret[:], b)
		return k, nil
	}
	return Key{}, errors.New("not the key of a case")
}

const keyPrefix = "AGE-SECRET-KEY-"

// text is the key as the age program reads it.
func (k Key) text() string { return bech32Encode(keyPrefix, k.secret[:]) }

// Identity is the key as an age identity.
func (k Key) Identity() age.Identity {
	id, err := age.ParseX25519Identity(k.text())
	if err != nil {
		panic(err) // any 32 bytes are an identity
	}
	return id
}

// ID names the key without giving it away: 16 hex digits.
func (k Key) ID() string {
	sum := sha256.Sum256(k.public())
	return hex.EncodeToString(sum[:8])
}

func (k Key) public() []byte { return private(k.secret[:]).PublicKey().Bytes() }

func private(secret []byte) *ecdh.PrivateKey {
	p, err := ecdh.X25519().NewPrivateKey(secret)
	if err != nil {
		panic(err) // any 32 bytes are a key
	}
	return p
}

// Wrap returns the key as an age file for the recipients.
func (k Key) Wrap(recipients ...age.Recipient) ([]byte, error) {
	return label{to: names(recipients)}.wrap(k, recipients)
}

// label is what stands beside a key, as comments, where only who has the key
// can read it.
type label struct {
	class string   // see Options.Class
	to    []string // for whom it was wrapped, sorted
}

// names are the recipients as texts. A passphrase has none.
func names(recipients []age.Recipient) []string {
	out := make([]string, len(recipients))
	for i, r := range recipients {
		out[i] = "passphrase"
		if s, ok := r.(fmt.Stringer); ok {
			out[i] = s.String()
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (l label) same(m label) bool { return l.class == m.class && slices.Equal(l.to, m.to) }

// text is the key and its label, as the age program reads it.
func (l label) text(k Key) string {
	var b strings.Builder
	b.WriteString("# dossier case key " + k.ID() + "\n")
	if l.class != "" {
		b.WriteString("# class: " + l.class + "\n")
	}
	for _, r := range l.to {
		b.WriteString("# recipient: " + r + "\n")
	}
	b.WriteString(k.text() + "\n")
	return b.String()
}

func parseLabelled(text []byte) (Key, label, error) {
	var l label
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if class, ok := strings.CutPrefix(line, "# class: "); ok {
			l.class = class
		}
		if to, ok := strings.CutPrefix(line, "# recipient: "); ok {
			l.to = append(l.to, to)
		}
	}
	k, err := ParseKey(text)
	return k, l, err
}

func (l label) wrap(k Key, recipients []age.Recipient) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, recipients...)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, l.text(k)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Unwrap opens what Wrap made.
func Unwrap(wrapped []byte, identities ...age.Identity) (Key, error) {
	k, _, err := unwrap(wrapped, identities)
	return k, err
}

func unwrap(wrapped []byte, identities []age.Identity) (Key, label, error) {
	r, err := age.Decrypt(bytes.NewReader(wrapped), identities...)
	if err != nil {
		return Key{}, label{}, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxWrapped))
	if err != nil {
		return Key{}, label{}, err
	}
	return parseLabelled(text)
}

// maxWrapped is more than a key for a thousand recipients takes, in bytes.
const maxWrapped = 1 << 20

// Open decrypts an object of the case. A ciphertext that was changed is an
// error of the reader, at the latest at its end.
func (k Key) Open(ciphertext io.Reader) (io.Reader, error) {
	return age.Decrypt(ciphertext, k.Identity())
}

// Seal returns the ciphertext of a content as a content. It reads c once for
// the digests; the ciphertext is computed again whenever it is read and is
// nowhere on the disk. If c is changed in between, reading fails.
func (k Key) Seal(ctx context.Context, c storage.Content) (storage.Content, error) {
	plan, err := k.plan(c)
	if err != nil {
		return storage.Content{}, err
	}
	sealed := storage.Content{Bytes: plan.size(), Name: c.Name}
	sealed.Open = func() (storage.ReadAtCloser, error) {
		src, err := c.Open()
		if err != nil {
			return nil, err
		}
		return &reader{plan: plan, src: src}, nil
	}
	r, err := sealed.Source()
	if err != nil {
		return storage.Content{}, err
	}
	defer r.Close()
	h, plain := storage.NewHasher(), sha256.New()
	first := r.(*reader)
	first.tee = plain
	plan.sums = make([][16]byte, 0, plan.chunks)
	if _, err := storage.Copy(ctx, h, io.NewSectionReader(r, 0, sealed.Bytes)); err != nil {
		return storage.Content{}, c.ReadFailed(err)
	}
	if hex.EncodeToString(plain.Sum(nil)) != c.SHA256 {
		return storage.Content{}, c.Changed()
	}
	plan.fixed = true
	_, sealed.SHA256, sealed.Parts = h.Digests()
	return sealed, nil
}

const (
	chunk    = 64 << 10 // plaintext of one chunk, by the age format
	overhead = chacha20poly1305.Overhead
)

// plan is all that is needed to compute any part of a ciphertext.
type plan struct {
	head   []byte // header and nonce
	key    []byte // of the payload
	bytes  int64  // of the plaintext
	chunks int64
	// sums are the digests of the plaintext's chunks, cut to 128 bits. The key
	// belongs to one content: were the file changed between two readings,
	// encrypting the new bytes with it would give both away. So after the
	// first reading nothing else is encrypted.
	sums    [][16]byte
	fixed   bool
	changed error
}

// check notes a chunk of the first reading, and compares it in later ones.
func (p *plan) check(i int64, text []byte) error {
	sum := [16]byte(sha256Of(text))
	if !p.fixed {
		p.sums = append(p.sums, sum)
		return nil
	}
	if p.sums[i] != sum {
		return p.changed
	}
	return nil
}

func sha256Of(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:16]
}

// plan derives everything from the key and the content's digest.
func (k Key) plan(c storage.Content) (*plan, error) {
	salt, err := hex.DecodeString(c.SHA256)
	if err != nil || len(salt) != sha256.Size {
		return nil, errors.New("content without a digest")
	}
	derive := func(what string, n int) []byte {
		return mustHKDF(k.secret[:], salt, "dossier/seal/v1 "+what, n)
	}
	fileKey, nonce := derive("file key", 16), derive("nonce", 16)
	head := header(fileKey, private(derive("ephemeral", 32)), k.public())
	return &plan{
		head:   append(head, nonce...),
		key:    mustHKDF(fileKey, nonce, "payload", chacha20poly1305.KeySize),
		bytes:  c.Bytes,
		chunks: max(1, (c.Bytes+chunk-1)/chunk),

		changed: c.Changed(),
	}, nil
}

func mustHKDF(secret, salt []byte, info string, n int) []byte {
	b, err := hkdf.Key(sha256.New, secret, salt, info, n)
	if err != nil {
		panic(err) // the lengths are constants
	}
	return b
}

// header is the age header with one X25519 stanza (C2SP age, "X25519
// recipient stanza" and "Header MAC").
func header(fileKey []byte, ephemeral *ecdh.PrivateKey, recipient []byte) []byte {
	public, err := ecdh.X25519().NewPublicKey(recipient)
	if err != nil {
		panic(err) // our own public key
	}
	shared, err := ephemeral.ECDH(public)
	if err != nil {
		panic(err) // only for keys of low order, which ours is not
	}
	share := ephemeral.PublicKey().Bytes()
	wrapKey := mustHKDF(shared, append(append([]byte{}, share...), recipient...), "age-encryption.org/v1/X25519", chacha20poly1305.KeySize)
	// The key is used once, so the nonce is zero.
	body := newAEAD(wrapKey).Seal(nil, make([]byte, chacha20poly1305.NonceSize), fileKey, nil)

	b64 := base64.RawStdEncoding.EncodeToString
	text := fmt.Sprintf("age-encryption.org/v1\n-> X25519 %s\n%s\n---", b64(share), b64(body))
	mac := hmac.New(sha256.New, mustHKDF(fileKey, nil, "header", 32))
	mac.Write([]byte(text))
	return []byte(text + " " + b64(mac.Sum(nil)) + "\n")
}

func newAEAD(key []byte) aead {
	a, err := chacha20poly1305.New(key)
	if err != nil {
		panic(err) // the length is a constant
	}
	return a
}

type aead interface {
	Seal(dst, nonce, plaintext, additionalData []byte) []byte
}

func (p *plan) size() int64 { return int64(len(p.head)) + p.bytes + p.chunks*overhead }

// reader computes a ciphertext where it is read.
type reader struct {
	plan *plan
	src  storage.ReadAtCloser
	tee  io.Writer // takes the plaintext when the ciphertext is read in order

	mu   sync.Mutex
	last int64  // number of the chunk in buf, from 1
	buf  []byte // its ciphertext
	text []byte // its plaintext
}

func (r *reader) Close() error { return r.src.Close() }

// ReadAt implements io.ReaderAt.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	head := int64(len(r.plan.head))
	if off < head {
		n = copy(p, r.plan.head[off:])
	}
	for n < len(p) {
		at := off + int64(n) - head
		i := at / (chunk + overhead)
		if i >= r.plan.chunks {
			return n, io.EOF
		}
		if err := r.seal(i); err != nil {
			return n, err
		}
		k := copy(p[n:], r.buf[min(at-i*(chunk+overhead), int64(len(r.buf))):])
		if k == 0 {
			return n, io.EOF // behind the end of the last chunk
		}
		n += k
	}
	return n, nil
}

// seal encrypts chunk i (STREAM: the nonce is the number of the chunk in
// eleven bytes, and one byte that marks the last one).
func (r *reader) seal(i int64) error {
	if r.last == i+1 {
		return nil
	}
	if r.text == nil {
		r.text, r.buf = make([]byte, chunk), make([]byte, 0, chunk+overhead)
	}
	text := r.text[:min(chunk, r.plan.bytes-i*chunk)]
	if _, err := io.ReadFull(io.NewSectionReader(r.src, i*chunk, int64(len(text))), text); err != nil {
		return err
	}
	if err := r.plan.check(i, text); err != nil {
		return err
	}
	if r.tee != nil {
		_, _ = r.tee.Write(text)
	}
	var nonce [chacha20poly1305.NonceSize]byte
	for b, v := 10, uint64(i); v > 0; b, v = b-1, v>>8 {
		nonce[b] = byte(v)
	}
	if i == r.plan.chunks-1 {
		nonce[11] = 1
	}
	r.buf = newAEAD(r.plan.key).Seal(r.buf[:0], nonce[:], text, nil)
	r.last = i + 1
	return nil
}
