package storage

import (
	"strings"
	"testing"
)

func TestKeysAndPlaces(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for key, want := range map[string]Place{
		BlobKey(sum):                         {Blob: sum},
		CaseKey("c", 1, "bundle.pdf"):        {Case: "c", Number: 1, Name: "bundle.pdf"},
		CaseKey("c", 12, "receipt.json"):     {Case: "c", Number: 12, Name: "receipt.json", Receipt: true},
		CaseKey("c", 1, receiptNameFor(sum)): {Case: "c", Number: 1, Name: "receipt." + sum + ".json", Receipt: true},
		"v1/cases/c/1/receipt.x.json":        {Case: "c", Number: 1, Name: "receipt.x.json"},
		"v1/cases/c/01/bundle.pdf":           {},
		"v1/cases/c/0/bundle.pdf":            {},
		"v1/cases/c/-1/bundle.pdf":           {},
		"v1/cases/c/x/bundle.pdf":            {},
		"v1/cases/c/1":                       {},
		"v1/cases/c/1/a/b":                   {},
		"v1/cases//1/a":                      {},
		"v1/blobs/sha256/ab/" + sum[:63]:     {},
		"v1/blobs/sha256/cd/" + sum:          {},
		"v2/cases/c/1/bundle.pdf":            {},
		"":                                   {},
	} {
		if got := ParseKey(key); got != want {
			t.Errorf("%q: %+v", key, got)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("v1/cases/c/1/receipt.json")
	f.Add("v1/blobs/sha256/ab/" + strings.Repeat("ab", 32))
	f.Fuzz(func(t *testing.T, key string) {
		p := ParseKey(key)
		switch {
		case p.Blob != "" && BlobKey(p.Blob) != key:
			t.Errorf("%q was read as the blob %q", key, p.Blob)
		case p.Case != "" && CaseKey(p.Case, p.Number, p.Name) != key:
			t.Errorf("%q was read as %+v", key, p)
		case CheckKey(key) == nil && strings.ContainsAny(key, "\\ \x00"):
			t.Errorf("%q is taken for a key", key)
		}
	})
}

func FuzzParseReceipt(f *testing.F) {
	f.Add([]byte(`{"case":"c","number":1,"files":[{"key":"v1/cases/c/1/x","sha256":"` + strings.Repeat("ab", 32) + `","bytes":1,"version":"","name":"x"}],"objects":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		if err != nil {
			if CodeOf(err) != BadReceipt && CodeOf(err) != BadKey {
				t.Errorf("%v", err)
			}
			return
		}
		for _, o := range r.All() {
			if CheckKey(o.Key) != nil || !IsSHA256(o.SHA256) {
				t.Errorf("%+v was let through", o)
			}
		}
	})
}
