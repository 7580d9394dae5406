package verify

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
)

// goOn adds events to a log, each sealed by key unless that is nil.
func goOn(t testing.TB, log []byte, key *sign.Key, events ...map[string]any) []byte {
	t.Helper()
	log = bytes.Clone(log)
	for _, e := range events {
		h, err := readHistory(bytes.NewReader(log))
		if err != nil {
			t.Fatal(err)
		}
		e = maps.Clone(e)
		e["seq"], e["prev"] = json.Number(itoa(len(h.events)+1)), h.head
		body, err := encodeCanonical(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		if key != nil {
			der, err := sign.SealCMS(key, bytes.NewReader(body), now)
			if err != nil {
				t.Fatal(err)
			}
			e["seal"] = base64.StdEncoding.EncodeToString(der)
			if body, err = encodeCanonical(nil, e); err != nil {
				t.Fatal(err)
			}
		}
		e["hash"] = hexSum(body)
		line, err := encodeCanonical(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		log = append(append(log, line...), '\n')
	}
	return log
}

func happened(what string) map[string]any { return map[string]any{"what": what, "case": "case-DS-A"} }

func publication(number string) map[string]any {
	e := happened("stored")
	e["data"] = map[string]any{"number": number}
	return e
}

// TestLivingLog is the table of what may have happened to the log that goes on
// in the case folder.
func TestLivingLog(t *testing.T) {
	pki := testpki.New(t, now)
	a, stranger := newBundle(t, pki, "DS-A", 1), testKey(pki, testpki.P256)
	begun := a.files[eventsName]
	whole := goOn(t, begun, a.key, publication("1"), happened("handed_off"), happened("filed"))
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for _, c := range []struct {
		name string
		log  []byte
		code string // that has to be said
		ok   bool
	}{
		{"as far as the copy", begun, "VERIFY_LOG_OK", true},
		{"sealed", whole, "VERIFY_LOG_SEALED", true},
		{"the last one without a seal", goOn(t, whole, nil, happened("filed")), "VERIFY_LOG_UNSEALED", true},
		{"a newer publication", goOn(t, whole, a.key, publication("2")), "VERIFY_NEWER", true},
		{"none", nil, "VERIFY_LOG_ABSENT", true},
		{"shorter than the copy", bytes.Join(lines[:4], nil), "VERIFY_LOG_DIFFERS", false},
		{"another beginning", rehash(t, whole[:len(begun)], func(_ int, e map[string]any) { e["user"] = "x" }), "VERIFY_LOG_DIFFERS", false},
		{"an event taken out", slices.Concat(bytes.Join(lines[:6], nil), lines[7]), "VERIFY_LOG", false},
		{"two swapped", slices.Concat(bytes.Join(lines[:6], nil), lines[7], lines[6]), "VERIFY_LOG", false},
		{"an event changed", bytes.Replace(whole, []byte("handed_off"), []byte("handed-off"), 1), "VERIFY_LOG", false},
		{"an event changed and re-hashed under its seal", rehash(t, whole, func(_ int, e map[string]any) {
			if e["what"] == "filed" {
				e["case"] = "x"
			}
		}), "VERIFY_LOG", false},
		{"a seal of other bytes", rehash(t, whole, func(_ int, e map[string]any) {
			if e["what"] == "filed" {
				e["seal"] = strings.Repeat("A", 8)
			}
		}), "VERIFY_LOG", false},
		{"sealed by a stranger", goOn(t, whole, stranger, happened("handed_off")), "VERIFY_LOG_SEAL", false},
		{"cut within a line", whole[:len(whole)-3], "VERIFY_LOG", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			caseDir, out := a.write(t)
			if c.log != nil {
				if err := os.Mkdir(filepath.Join(caseDir, stateDir), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(caseDir, stateDir, eventsName), c.log, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			v, err := Folder(context.Background(), out, caseDir, Options{Now: now})
			if err != nil {
				t.Fatal(err)
			}
			wellSaid(t, v)
			if v.OK != c.ok || !hasCode(v, c.code) {
				t.Errorf("ok=%v, want %s, got %v", v.OK, c.code, failures(v))
			}
		})
	}
}

// TestAgainstStore: what a store has now is held against the receipt beside the
// bundle and the log of the case.
func TestAgainstStore(t *testing.T) {
	pki := testpki.New(t, now)
	a, old := newBundle(t, pki, "DS-A", 2), newBundle(t, pki, "DS-A", 1)
	newer := strings.Replace(a.receipt, "/2/", "/3/", 1)
	for _, c := range []struct {
		name   string
		stored string // number of the last publication that the log knows
		change func(objects map[string][]byte)
		want   string // failure
	}{
		{"the same", "2", func(map[string][]byte) {}, ""},
		{"rolled back to before it", "2", func(o map[string][]byte) {
			clear(o)
			maps.Copy(o, old.objects)
		}, "VERIFY_ROLLED_BACK"},
		{"rolled back to before a newer one", "3", func(map[string][]byte) {}, "VERIFY_ROLLED_BACK"},
		{"with the newer one", "3", func(o map[string][]byte) { o[newer] = []byte("{}") }, ""},
		{"another receipt in its place", "2", func(o map[string][]byte) { o[a.receipt] = old.files[receiptName] }, "VERIFY_STORE_RECEIPT"},
		{"a file is another", "2", func(o map[string][]byte) {
			o[strings.TrimSuffix(a.receipt, receiptName)+bundleName] = old.files[bundleName]
		}, "VERIFY_OBJECT_CHANGED"},
		{"a blob is gone", "2", func(o map[string][]byte) { delete(o, "v1/blobs/sha256/"+hexSum([]byte("backup"))) }, "VERIFY_OBJECT_MISSING"},
	} {
		t.Run(c.name, func(t *testing.T) {
			caseDir, out := a.write(t)
			if err := os.Mkdir(filepath.Join(caseDir, stateDir), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(caseDir, stateDir, eventsName), goOn(t, a.files[eventsName], a.key, publication(c.stored)), 0o600); err != nil {
				t.Fatal(err)
			}
			store := &bundle{objects: maps.Clone(a.objects)}
			c.change(store.objects)
			v, err := Folder(context.Background(), out, caseDir, Options{Now: now, Store: store})
			if err != nil {
				t.Fatal(err)
			}
			wellSaid(t, v)
			if got := failures(v); v.OK != (c.want == "") || c.want != "" && !slices.Contains(got, c.want) {
				t.Errorf("want %q, got %v", c.want, got)
			}
		})
	}
}

// TestPrinted reads the digests of a stamp, broken over two lines or not.
func TestPrinted(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.P256)
	head := strings.Repeat("0123456789abcdef", 4)
	for _, write := range []func(string, string, ...testpki.Object) []byte{testpki.WithTable, testpki.WithStream} {
		pdf := signPDF(t, pki, key, samplePDF(write), func(o *sign.Options) {
			o.Stamp.Lines = []string{"签名人：李䶮", "证书指纹（SHA-256）：" + key.Fingerprint(), "审计日志链：" + head, "Self-made"}
		})
		got, err := printedOf(bytes.NewReader(pdf), int64(len(pdf)))
		if err != nil || !slices.Equal(got, []string{key.Fingerprint(), head}) {
			t.Errorf("%v %v", got, err)
		}
	}
	plain := signPDF(t, pki, key, samplePDF(testpki.WithTable), nil)
	if got, err := printedOf(bytes.NewReader(plain), int64(len(plain))); err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
}
