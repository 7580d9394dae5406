package inspect

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// version is part of every cache key. It changes whenever the same bytes would
// give other facts.
const version = 8

// cacheKey is the secret of one record: the content's digest, what was looked
// for, and whether OCR could help.
func cacheKey(sum string, w want, ocr bool) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "dossier inspect %d %s %v %v %v", version, sum, w.QR, w.Text, ocr))
}

// A record stands under a name, and sealed by AES-256-GCM under a key, that
// both come from the content's digest in different ways. Who has no such file
// can neither find a record nor read it. The nonce stands before the sealed
// JSON.
func (x *Inspector) record(key [32]byte) (path string, seal cipher.AEAD) {
	name := sha256.Sum256(append([]byte("name "), key[:]...))
	k := sha256.Sum256(append([]byte("key "), key[:]...))
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	seal, err = cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes
	}
	h := hex.EncodeToString(name[:])
	return filepath.Join(x.opt.CacheDir, h[:2], h), seal
}

// load returns the facts under a key, or nil. A record that is damaged is as
// good as none.
func (x *Inspector) load(key [32]byte) *facts {
	if x.opt.CacheDir == "" {
		return nil
	}
	path, seal := x.record(key)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	n := seal.NonceSize()
	if len(b) < n {
		return nil
	}
	b, err = seal.Open(nil, b[:n], b[n:], nil)
	if err != nil {
		return nil
	}
	var f facts
	if json.Unmarshal(b, &f) != nil {
		return nil
	}
	return &f
}

// save keeps facts under a key. A cache that cannot be written is no fault.
func (x *Inspector) save(key [32]byte, f *facts) {
	if x.opt.CacheDir == "" {
		return
	}
	b, err := json.Marshal(f)
	if err != nil {
		return
	}
	path, seal := x.record(key)
	dir := filepath.Dir(path)
	if os.MkdirAll(dir, 0o700) != nil {
		return
	}
	t, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return
	}
	defer os.Remove(t.Name())
	nonce := make([]byte, seal.NonceSize(), seal.NonceSize()+len(b)+seal.Overhead())
	rand.Read(nonce) // never fails
	_, err = t.Write(seal.Seal(nonce, nonce, b, nil))
	if cerr := t.Close(); err == nil && cerr == nil {
		_ = os.Rename(t.Name(), path)
	}
}
