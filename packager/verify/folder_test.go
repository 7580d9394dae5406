package verify

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/audit"
	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
)

// bundle is a small publication: everything that an out folder and a store
// hold, made by the rooms that make them.
type bundle struct {
	files     map[string][]byte // of the out folder
	materials map[string][]byte // of the case folder
	objects   map[string][]byte // of the store, by key
	key       *sign.Key
	receipt   string // key of the receipt in the store
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func newBundle(t testing.TB, pki *testpki.PKI, id string, number int) *bundle {
	t.Helper()
	b := &bundle{files: map[string][]byte{}, objects: map[string][]byte{}, key: testKey(pki, testpki.P256)}
	b.materials = map[string][]byte{"materials/营业执照.jpg": []byte("licence of " + id), "backups/a.zip": []byte("backup")}
	m := packager.Manifest{Version: 1, Bundle: id, Case: "case-" + id, Platform: "wechat_oa", Rules: packager.RulesRef{Platform: "wechat_oa", Revision: "1", Digest: "d"}}
	for _, p := range slices.Sorted(maps.Keys(b.materials)) {
		m.Materials = append(m.Materials, packager.ManifestItem{No: 1, Path: p, SHA256: hexSum(b.materials[p]), Bytes: int64(len(b.materials[p]))})
	}
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	manifest = append(manifest, '\n')
	objects := testpki.OnePage("/Names<</EmbeddedFiles<</Names[(manifest.json)6 0 R]>>>>", "")
	objects = append(objects, testpki.Object{Num: 6, Body: "<</Type/Filespec/F(manifest.json)/EF<</F 7 0 R>>>>"},
		testpki.Object{Num: 7, Body: "<</Length " + itoa(len(manifest)) + ">>\nstream\n" + string(manifest) + "\nendstream"})
	b.files[manifestName] = manifest
	logPath := filepath.Join(t.TempDir(), eventsName)
	log, err := audit.Open(logPath, audit.Actor{User: "u", Host: "h"}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	note := func(whats ...string) {
		for _, what := range whats {
			if _, err := log.Append(packager.Event{What: what, Case: m.Case, Tool: "test"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	note("collected", "checked", "composed")
	b.files[bundleName] = signPDF(t, pki, b.key, testpki.WithTable("1.7", testpki.FileID, objects...), func(o *sign.Options) {
		o.Stamp.Lines = []string{"证书指纹（SHA-256）：" + b.key.Fingerprint(), "审计日志链：" + log.Head()}
	})
	note("signed", "verified")
	if b.files[eventsName], err = os.ReadFile(logPath); err != nil {
		t.Fatal(err)
	}
	b.files[workbookName] = workbookOf(t, b.files[eventsName])
	r := packager.Receipt{
		Version: 1, Case: m.Case, Number: number, Platform: m.Platform, Day: "2026-11-22", CreatedAt: "2026-11-22T04:00:00Z",
		Rules: m.Rules, Bundle: packager.BundleRef{ID: id, SHA256: hexSum(b.files[bundleName]), Pages: 1, Bytes: int64(len(b.files[bundleName]))},
		Signature: packager.Signature{Level: "B-B", Signer: "测试", SHA256Fingerprint: b.key.Fingerprint()}, EventsHead: log.Head(), Store: "file:///store",
	}
	base := "v1/cases/" + m.Case + "/" + itoa(number) + "/"
	for _, name := range slices.Sorted(maps.Keys(b.files)) {
		r.Files = append(r.Files, packager.StoredObject{Key: base + name, SHA256: hexSum(b.files[name]), Bytes: int64(len(b.files[name])), Name: name})
		b.objects[base+name] = b.files[name]
	}
	for p, c := range b.materials {
		k := "v1/blobs/sha256/" + hexSum(c)
		r.Objects = append(r.Objects, packager.StoredObject{Key: k, SHA256: hexSum(c), Bytes: int64(len(c)), Name: p})
		b.objects[k] = c
	}
	b.files[receiptName] = seal(t, b.key, r)
	b.receipt = base + receiptName
	b.objects[b.receipt] = b.files[receiptName]
	return b
}

// workbookOf is a workbook with a sheet of something else and one of the events.
func workbookOf(t testing.TB, log []byte) []byte {
	t.Helper()
	h, err := readHistory(bytes.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	cell := func(ref, text string) string {
		return `<c r="` + ref + `" t="inlineStr"><is><t>` + text + `</t></is></c>`
	}
	rows := `<row r="1">` + cell("A1", "序号") + cell("J1", "前一事件摘要") + cell("K1", "本事件摘要") + `</row>`
	for i, e := range h.events {
		n := itoa(i + 2)
		rows += `<row r="` + n + `"><c r="A` + n + `"><v>` + itoa(e.seq) + `</v></c>` + cell("J"+n, h.prev(i)) + cell("K"+n, e.hash) + `</row>`
	}
	return workbookWith(t, `<row r="1">`+cell("A1", "要求")+`</row><row r="2">`+cell("A2", "营业执照")+`</row>`, rows)
}

func workbookWith(t testing.TB, sheets ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i, rows := range sheets {
		w, err := z.Create("xl/worksheets/sheet" + itoa(i+1) + ".xml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`+rows+`</sheetData></worksheet>`); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func seal(t testing.TB, key *sign.Key, r packager.Receipt) []byte {
	t.Helper()
	body, err := audit.Canonical(r)
	if err != nil {
		t.Fatal(err)
	}
	out, err := sign.SealReceipt(key, body, now)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// write puts the case and its out folder on disk.
func (b *bundle) write(t testing.TB) (caseDir, out string) {
	t.Helper()
	caseDir = t.TempDir()
	out = filepath.Join(caseDir, "out")
	put := func(path string, c []byte) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, c, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n, c := range b.files {
		put(filepath.Join(out, n), c)
	}
	for n, c := range b.materials {
		put(filepath.Join(caseDir, filepath.FromSlash(n)), c)
	}
	return caseDir, out
}

// Open makes the objects a Source.
func (b *bundle) Open(_ context.Context, key string) (io.ReadCloser, error) {
	c, ok := b.objects[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(c)), nil
}

func (b *bundle) reseal(t testing.TB, change func(*packager.Receipt)) []byte {
	t.Helper()
	s, err := parseReceipt(b.files[receiptName])
	if err != nil {
		t.Fatal(err)
	}
	change(&s.receipt)
	return seal(t, b.key, s.receipt)
}

// rehash gives events made-up contents with hashes that are right.
func rehash(t testing.TB, log []byte, change func(i int, e map[string]any)) []byte {
	t.Helper()
	prev := strings.Repeat("0", 64)
	var out []byte
	for i, line := range bytes.Split(bytes.TrimSuffix(log, []byte("\n")), []byte("\n")) {
		e, err := decodeCanonical(line)
		if err != nil {
			t.Fatal(err)
		}
		delete(e, "hash")
		e["prev"] = prev
		change(i, e)
		bare, err := encodeCanonical(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		prev = hexSum(bare)
		e["hash"] = prev
		if out, err = encodeCanonical(out, e); err != nil {
			t.Fatal(err)
		}
		out = append(out, '\n')
	}
	return out
}

// TestFolderRefusals is the table of what may have happened to an out folder.
func TestFolderRefusals(t *testing.T) {
	pki := testpki.New(t, now)
	a, other := newBundle(t, pki, "DS-A", 1), newBundle(t, pki, "DS-B", 1)
	lines := bytes.SplitAfter(a.files[eventsName], []byte("\n"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name   string
		change func(out map[string][]byte, materials map[string][]byte)
		want   []string // failures that must be among those found
	}{
		{"nothing", func(_, _ map[string][]byte) {}, nil},
		{"a material is gone", func(_, m map[string][]byte) { delete(m, "backups/a.zip") }, nil},
		{"a material is another", func(_, m map[string][]byte) { m["backups/a.zip"] = []byte("Backup") }, []string{"VERIFY_MATERIAL_CHANGED"}},
		{"no receipt", func(o, _ map[string][]byte) { delete(o, receiptName) }, []string{"VERIFY_NO_RECEIPT"}},
		{"another case's receipt", func(o, _ map[string][]byte) { o[receiptName] = other.files[receiptName] }, []string{"VERIFY_FILE_CHANGED", "VERIFY_RECEIPT_SIGNER", "VERIFY_RECEIPT_CASE", "VERIFY_EVENTS_HEAD"}},
		{"the whole bundle of another, with this receipt", func(o, _ map[string][]byte) {
			r := o[receiptName]
			maps.Copy(o, other.files)
			o[receiptName] = r
		}, []string{"VERIFY_FILE_CHANGED", "VERIFY_RECEIPT_SIGNER", "VERIFY_RECEIPT_CASE"}},
		{"a receipt of the same key for another bundle", func(o, _ map[string][]byte) {
			o[receiptName] = a.reseal(t, func(r *packager.Receipt) { r.Bundle.ID = "DS-C" })
		}, []string{"VERIFY_RECEIPT_CASE"}},
		{"a receipt that names another key", func(o, _ map[string][]byte) {
			o[receiptName] = a.reseal(t, func(r *packager.Receipt) { r.Signature.SHA256Fingerprint = other.key.Fingerprint() })
		}, []string{"VERIFY_RECEIPT_SIGNER"}},
		{"a receipt that another key sealed", func(o, _ map[string][]byte) {
			s, err := parseReceipt(a.files[receiptName])
			if err != nil {
				t.Fatal(err)
			}
			o[receiptName] = seal(t, other.key, s.receipt)
		}, []string{"VERIFY_RECEIPT_SIGNER"}},
		{"a receipt that leaves the folder", func(o, _ map[string][]byte) {
			o[receiptName] = a.reseal(t, func(r *packager.Receipt) { r.Files[0].Name = "../x" })
		}, []string{"VERIFY_RECEIPT receipt.name"}},
		{"a receipt that leaves a file out", func(o, _ map[string][]byte) {
			o[receiptName] = a.reseal(t, func(r *packager.Receipt) { r.Files = r.Files[1:] })
		}, []string{"VERIFY_RECEIPT receipt.files"}},
		{"a receipt of a later version", func(o, _ map[string][]byte) {
			o[receiptName] = a.reseal(t, func(r *packager.Receipt) { r.Version = 2 })
		}, []string{"VERIFY_RECEIPT receipt.version"}},
		{"a receipt with a digest of another PDF", func(o, _ map[string][]byte) {
			o[receiptName] = a.reseal(t, func(r *packager.Receipt) { r.Bundle.SHA256 = strings.Repeat("0", 64) })
		}, []string{"VERIFY_RECEIPT receipt.bundle"}},
		{"a receipt without its seal", func(o, _ map[string][]byte) {
			i := bytes.Index(o[receiptName], sealMark)
			o[receiptName] = append(bytes.Clone(o[receiptName][:i]), '}')
		}, []string{"VERIFY_RECEIPT receipt.seal"}},
		{"a receipt written otherwise", func(o, _ map[string][]byte) {
			o[receiptName] = bytes.Replace(o[receiptName], []byte(`":"`), []byte(`": "`), 1)
		}, []string{"VERIFY_RECEIPT canonical"}},
		{"a member twice", func(o, _ map[string][]byte) {
			o[receiptName] = bytes.Replace(o[receiptName], []byte(`{`), []byte(`{"case":"x",`), 1)
		}, []string{"VERIFY_RECEIPT canonical"}},
		{"two seals", func(o, _ map[string][]byte) {
			b := bytes.TrimSuffix(o[receiptName], []byte("\n"))
			o[receiptName] = append(append(bytes.Clone(b[:len(b)-1]), b[bytes.Index(b, sealMark):]...), '\n')
		}, []string{"VERIFY_RECEIPT canonical"}},
		{"no PDF", func(o, _ map[string][]byte) { delete(o, bundleName) }, []string{"VERIFY_FILE_MISSING"}},
		{"no manifest", func(o, _ map[string][]byte) { delete(o, manifestName) }, []string{"VERIFY_FILE_MISSING", "VERIFY_MANIFEST_DAMAGED manifest.json"}},
		{"no log", func(o, _ map[string][]byte) { delete(o, eventsName) }, []string{"VERIFY_FILE_MISSING"}},
		{"no workbook", func(o, _ map[string][]byte) { delete(o, "audit.xlsx") }, []string{"VERIFY_FILE_MISSING"}},
		{"another manifest", func(o, _ map[string][]byte) { o[manifestName] = other.files[manifestName] }, []string{"VERIFY_FILE_CHANGED", "VERIFY_MANIFEST_DIFFERS", "VERIFY_RECEIPT_CASE"}},
		{"log cut", func(o, _ map[string][]byte) { o[eventsName] = join(lines[:4]...) }, []string{"VERIFY_FILE_CHANGED", "VERIFY_EVENTS_HEAD"}},
		{"log cut within a line", func(o, _ map[string][]byte) { o[eventsName] = o[eventsName][:len(o[eventsName])-9] }, []string{"VERIFY_EVENTS event.cut"}},
		{"log re-ordered", func(o, _ map[string][]byte) { o[eventsName] = join(lines[0], lines[2], lines[1], lines[3], lines[4]) }, []string{"VERIFY_EVENTS event.order"}},
		{"an event taken out", func(o, _ map[string][]byte) { o[eventsName] = join(lines[0], lines[2], lines[3], lines[4]) }, []string{"VERIFY_EVENTS event.order"}},
		{"an event twice", func(o, _ map[string][]byte) {
			o[eventsName] = join(lines[0], lines[0], lines[1], lines[2], lines[3], lines[4])
		}, []string{"VERIFY_EVENTS event.order"}},
		{"an event changed", func(o, _ map[string][]byte) {
			o[eventsName] = bytes.Replace(o[eventsName], []byte("composed"), []byte("Composed"), 1)
		}, []string{"VERIFY_EVENTS event.changed"}},
		{"log re-hashed", func(o, _ map[string][]byte) {
			o[eventsName] = rehash(t, o[eventsName], func(i int, e map[string]any) { e["user"] = "other" })
		}, []string{"VERIFY_FILE_CHANGED", "VERIFY_EVENTS_HEAD"}},
		{"log re-hashed with wrong numbers", func(o, _ map[string][]byte) {
			o[eventsName] = rehash(t, o[eventsName], func(i int, e map[string]any) { e["seq"] = json.Number("7") })
		}, []string{"VERIFY_EVENTS event.missing"}},
		// Whoever has the key can write another log and seal a receipt for it, but
		// not print another head into the signed PDF.
		{"log re-hashed, and a receipt sealed for it", func(o, _ map[string][]byte) {
			o[eventsName] = rehash(t, o[eventsName], func(i int, e map[string]any) { e["user"] = "other" })
			o[receiptName] = a.reseal(t, func(r *packager.Receipt) {
				h, err := readHistory(bytes.NewReader(o[eventsName]))
				if err != nil {
					t.Fatal(err)
				}
				r.EventsHead = h.head
			})
		}, []string{"VERIFY_PRINTED_HEAD", "VERIFY_WORKBOOK workbook.row"}},
		{"workbook of another case", func(o, _ map[string][]byte) { o[workbookName] = other.files[workbookName] }, []string{"VERIFY_FILE_CHANGED", "VERIFY_WORKBOOK workbook.row"}},
		{"workbook with fewer events", func(o, _ map[string][]byte) { o[workbookName] = workbookOf(t, join(lines[:4]...)) }, []string{"VERIFY_WORKBOOK workbook.cut"}},
		{"workbook that ends before the printed head", func(o, _ map[string][]byte) { o[workbookName] = workbookOf(t, join(lines[:2]...)) }, []string{"VERIFY_WORKBOOK workbook.cut"}},
		{"workbook with an event more", func(o, _ map[string][]byte) {
			o[workbookName] = workbookOf(t, rehash(t, slices.Concat(o[eventsName], lines[0]), func(i int, e map[string]any) { e["seq"] = json.Number(itoa(i + 1)) }))
		}, []string{"VERIFY_WORKBOOK workbook.row"}},
		{"workbook without events", func(o, _ map[string][]byte) { o[workbookName] = workbookWith(t, `<row r="1"/>`) }, []string{"VERIFY_WORKBOOK workbook.none"}},
		{"workbook that is none", func(o, _ map[string][]byte) { o[workbookName] = []byte("PK") }, []string{"VERIFY_WORKBOOK workbook.damaged"}},
		{"workbook with broken XML", func(o, _ map[string][]byte) { o[workbookName] = workbookWith(t, `<row r="1"><c`) }, []string{"VERIFY_WORKBOOK workbook.damaged"}},
		{"log of another case", func(o, _ map[string][]byte) { o[eventsName] = other.files[eventsName] }, []string{"VERIFY_EVENTS_HEAD"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bundle{files: maps.Clone(a.files), materials: maps.Clone(a.materials)}
			c.change(b.files, b.materials)
			caseDir, out := b.write(t)
			v, err := Folder(context.Background(), out, caseDir, Options{Now: now})
			if err != nil {
				t.Fatal(err)
			}
			wellSaid(t, v)
			if v.OK != (c.want == nil) {
				t.Errorf("ok=%v", v.OK)
			}
			for _, w := range c.want {
				if !slices.Contains(failures(v), w) {
					t.Errorf("want %s, got %v", w, failures(v))
				}
			}
		})
	}
}

// TestStored is the same for a store, where a publication may also have been
// moved or rolled back.
func TestStored(t *testing.T) {
	pki := testpki.New(t, now)
	a := newBundle(t, pki, "DS-A", 2)
	old := newBundle(t, pki, "DS-A", 1)
	for _, c := range []struct {
		name   string
		change func(objects map[string][]byte)
		want   []string
	}{
		{"nothing", func(map[string][]byte) {}, nil},
		{"no receipt", func(o map[string][]byte) { delete(o, a.receipt) }, []string{"VERIFY_NO_RECEIPT"}},
		{"a blob is gone", func(o map[string][]byte) { delete(o, "v1/blobs/sha256/"+hexSum([]byte("backup"))) }, []string{"VERIFY_OBJECT_MISSING"}},
		{"a blob is another", func(o map[string][]byte) { o["v1/blobs/sha256/"+hexSum([]byte("backup"))] = []byte("Backup") }, []string{"VERIFY_OBJECT_CHANGED"}},
		{"an older version under the newer number", func(o map[string][]byte) {
			for k, v := range old.objects {
				o[strings.Replace(k, "/1/", "/2/", 1)] = v
			}
		}, []string{"VERIFY_RECEIPT_MOVED"}},
		{"an older version of one file", func(o map[string][]byte) {
			o[strings.TrimSuffix(a.receipt, receiptName)+bundleName] = old.files[bundleName]
		}, []string{"VERIFY_OBJECT_CHANGED", "VERIFY_RECEIPT_SIGNER"}},
		{"an older receipt only", func(o map[string][]byte) { o[a.receipt] = old.files[receiptName] }, []string{"VERIFY_RECEIPT_MOVED"}},
		{"a file is gone", func(o map[string][]byte) { delete(o, strings.TrimSuffix(a.receipt, receiptName)+eventsName) }, []string{"VERIFY_OBJECT_MISSING"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bundle{objects: maps.Clone(a.objects)}
			c.change(b.objects)
			v, err := Stored(context.Background(), b, a.receipt, Options{Now: now})
			if err != nil {
				t.Fatal(err)
			}
			wellSaid(t, v)
			if v.OK != (c.want == nil) {
				t.Errorf("ok=%v %v", v.OK, failures(v))
			}
			for _, w := range c.want {
				if !slices.Contains(failures(v), w) {
					t.Errorf("want %s, got %v", w, failures(v))
				}
			}
		})
	}
}
