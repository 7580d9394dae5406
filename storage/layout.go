package storage

import (
	"fmt"
	"strconv"
	"strings"
)

// Roots of the layout. A new layout gets a new number.
const (
	blobsRoot = "v1/blobs/sha256/"
	casesRoot = "v1/cases/"
	keysRoot  = "v1/keys/"
	// LeaseRoot is where publishers say which blobs they rely on while their
	// receipt is not written yet: v1/leases/<id>.json.
	LeaseRoot = "v1/leases/"
	// SweepRoot is where gc says that it is at work: v1/gc/<id>.
	SweepRoot = "v1/gc/"
	// ProbeRoot is where [Prober] leaves its small objects.
	ProbeRoot = "v1/probe/"
)

// BlobKey is where the bytes with this hex SHA-256 live.
func BlobKey(sha256Hex string) string { return blobsRoot + sha256Hex[:2] + "/" + sha256Hex }

// CaseKey is where a document of the nth publication of a case lives.
func CaseKey(caseID string, n int, name string) string {
	return casesRoot + caseID + "/" + strconv.Itoa(n) + "/" + name
}

// CasePrefix is the prefix of all publications of a case, or of all cases for "".
func CasePrefix(caseID string) string {
	if caseID == "" {
		return casesRoot
	}
	return casesRoot + caseID + "/"
}

const receiptName = "receipt.json"

// receiptNameFor is the name of a receipt in a store that cannot create
// exclusively: two receipts can then stand side by side, and neither is lost.
func receiptNameFor(sha256Hex string) string { return "receipt." + sha256Hex + ".json" }

// Place is a key of the layout, taken apart.
type Place struct {
	Blob    string // hex SHA-256 of a blob, or ""
	Case    string // or ""
	Number  int
	Name    string // document of the case
	Receipt bool   // the document is a receipt
}

// ParseKey takes a key of the layout apart; a key that is not of the layout
// (a probe, a stranger's object) gives the zero Place.
func ParseKey(key string) Place {
	if rest, ok := strings.CutPrefix(key, blobsRoot); ok {
		if shard, sum, ok := strings.Cut(rest, "/"); ok && IsSHA256(sum) && shard == sum[:2] {
			return Place{Blob: sum}
		}
		return Place{}
	}
	rest, ok := strings.CutPrefix(key, casesRoot)
	if !ok {
		return Place{}
	}
	parts := strings.Split(rest, "/")
	if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
		return Place{}
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil || n < 1 || strconv.Itoa(n) != parts[1] {
		return Place{}
	}
	return Place{Case: parts[0], Number: n, Name: parts[2], Receipt: isReceipt(parts[2])}
}

// KeysPrefix is the prefix of the wrapped keys of a case:
// v1/keys/<case>/<id of the key>.<digest of the wrapping>.age; of all cases
// for "".
func KeysPrefix(caseID string) string {
	if caseID == "" {
		return keysRoot
	}
	return keysRoot + caseID + "/"
}

// ParseKeysKey takes the key of a wrapped key apart.
func ParseKeysKey(key string) (caseID, id string, ok bool) {
	rest, ok := strings.CutPrefix(key, keysRoot)
	if !ok {
		return "", "", false
	}
	caseID, name, ok := strings.Cut(rest, "/")
	if !ok || caseID == "" || strings.Contains(name, "/") {
		return "", "", false
	}
	id, _, ok = strings.Cut(name, ".")
	return caseID, id, ok && id != "" && strings.HasSuffix(name, ".age")
}

// ExpiredName is the ith document of a publication, from 1, that says that
// personal data was removed.
func ExpiredName(i int) string {
	if i == 1 {
		return "expired.json"
	}
	return "expired." + strconv.Itoa(i) + ".json"
}

// IsExpired reports whether a document is one that [ExpiredName] names.
func IsExpired(name string) bool {
	n, ok := strings.CutPrefix(name, "expired.")
	if !ok {
		return false
	}
	i, err := strconv.Atoi(strings.TrimSuffix(n, ".json"))
	return n == "json" || err == nil && name == ExpiredName(i)
}

func isReceipt(name string) bool {
	_, named := ReceiptDigest(name)
	return named || name == receiptName
}

// ReceiptDigest returns the digest in the name of a receipt.<sha256>.json.
func ReceiptDigest(key string) (sha256Hex string, named bool) {
	sum, ok := strings.CutPrefix(key[strings.LastIndexByte(key, '/')+1:], "receipt.")
	if !ok {
		return "", false
	}
	sum, ok = strings.CutSuffix(sum, ".json")
	return sum, ok && IsSHA256(sum)
}

// IsSHA256 reports whether s is 64 lower-case hex digits.
func IsSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// CheckKey reports a key that not every store can hold. Keys are ASCII
// letters, digits, '.', '_' and '-', in segments of at most 200 bytes divided
// by '/', together at most 800; no segment begins with '.'. Names of people
// and files never stand in keys.
func CheckKey(key string) error {
	bad := func(why string) error {
		return &Error{Code: BadKey, Op: "key", Key: key, Err: fmt.Errorf("%s", why)}
	}
	if key == "" || len(key) > 800 {
		return bad("empty or longer than 800 bytes")
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == "":
			return bad("empty segment")
		case len(segment) > 200:
			return bad("segment longer than 200 bytes")
		case segment[0] == '.':
			return bad("segment begins with a dot")
		}
	}
	for i := range len(key) {
		c := key[i]
		if ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('0' > c || c > '9') && !strings.ContainsRune("._-/", rune(c)) {
			return bad("character outside A-Z a-z 0-9 . _ - /")
		}
	}
	return nil
}
