package storage

import (
	"encoding/json"
	"errors"
)

// Stored is one object as a receipt names it.
type Stored struct {
	Key     string `json:"key"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Version string `json:"version"`
	Name    string `json:"name"` // path in the case or in the out folder; any script
	// Sealed is there when the stored bytes are a ciphertext: SHA256 and Bytes
	// are those of the ciphertext then.
	Sealed *Sealed `json:"sealed,omitempty"`
}

// Sealed says what is inside a ciphertext (storage/seal).
type Sealed struct {
	Key    string `json:"key"`    // where the wrapped key was stored
	SHA256 string `json:"sha256"` // of the plaintext
	Bytes  int64  `json:"bytes"`  // of the plaintext
}

// Plain returns the digest and size of what the user knows: of the plaintext.
func (s Stored) Plain() (sha256Hex string, size int64) {
	if s.Sealed != nil {
		return s.Sealed.SHA256, s.Sealed.Bytes
	}
	return s.SHA256, s.Bytes
}

// Receipt is what a store needs to know of a receipt; the rest of it belongs
// to others and is kept as it is.
type Receipt struct {
	Case    string   `json:"case"`
	Number  int      `json:"number"`
	Files   []Stored `json:"files"`   // documents of the publication
	Objects []Stored `json:"objects"` // blobs
}

// MaxReceipt is the largest receipt that is read, in bytes.
const MaxReceipt = 64 << 20

// ParseReceipt reads a receipt and refuses one that names keys of another
// publication or outside the layout, or digests that are none.
func ParseReceipt(b []byte) (Receipt, error) {
	var r Receipt
	bad := func(err error) (Receipt, error) {
		return Receipt{}, &Error{Code: BadReceipt, Op: "receipt", Err: err}
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return bad(err)
	}
	if r.Case == "" || r.Number < 1 {
		return bad(errors.New("no case or no number"))
	}
	for _, o := range r.All() {
		if !IsSHA256(o.SHA256) || o.Bytes < 0 {
			return bad(errors.New("a digest or a size is wrong"))
		}
		if plain, size := o.Plain(); !IsSHA256(plain) || size < 0 {
			return bad(errors.New("a digest or a size is wrong"))
		}
	}
	for _, o := range r.Files {
		if p := ParseKey(o.Key); p.Case != r.Case || p.Number != r.Number || CheckKey(o.Key) != nil {
			return bad(errors.New("a file that is not of this publication"))
		}
	}
	for _, o := range r.Objects {
		if ParseKey(o.Key).Blob != o.SHA256 {
			return bad(errors.New("an object that is not under its digest"))
		}
	}
	return r, nil
}

// All returns everything the receipt names.
func (r Receipt) All() []Stored {
	return append(append([]Stored(nil), r.Files...), r.Objects...)
}
