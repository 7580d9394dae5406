package verify

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/zlib"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/sign/testpki"
)

// A hostile bundle ends with exit code 7 and words, within these bounds.
const (
	hostileMemory = 512 << 20 // resident, at the peak
	hostileTime   = 60 * time.Second
)

// packed is n times b, deflated.
func packed(t testing.TB, b string, n int) string {
	t.Helper()
	var out bytes.Buffer
	z, err := zlib.NewWriterLevel(&out, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	block := []byte(strings.Repeat(b, 1+(1<<20)/len(b)))
	for left := n * len(b); left > 0; left -= len(block) {
		if _, err := z.Write(block[:min(left, len(block))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// packedNumbers is an object stream with an array in it, without an end.
func packedNumbers(t testing.TB) string {
	t.Helper()
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	if _, err := io.WriteString(z, "5 0 <</Fields["+strings.Repeat("0 ", 40<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func streamOf(entries, data string) string {
	return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", entries, len(data), data)
}

// chainOfXrefs is a file of n cross-reference sections, each at the place of
// the one before it; last says what the oldest points to.
func chainOfXrefs(n int, prev func(i int, at []int) int, section func(i int) (table string, trailer string)) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n")
	var at []int
	for i := range n {
		at = append(at, b.Len())
		table, trailer := section(i)
		p := ""
		if to := prev(i, at); to > 0 {
			p = fmt.Sprintf("/Prev %d", to)
		}
		if table == "" { // a stream
			b.WriteString(strings.Replace(trailer, "<<", "<<"+p, 1))
			continue
		}
		fmt.Fprintf(&b, "xref\n%strailer\n<</Size 9/Root 1 0 R%s%s>>\n", table, p, trailer)
	}
	fmt.Fprintf(&b, "startxref\n%d\n%%%%EOF\n", at[n-1])
	return b.Bytes()
}

// tree is a form, a tree of names or one of pages whose every node has the next
// one twice: 2^64 leaves.
func tree(key, leaf string, from int) (objects []testpki.Object) {
	for i := range 60 {
		objects = append(objects, testpki.Object{Num: from + i, Body: fmt.Sprintf("<</%s[%d 0 R %d 0 R]>>", key, from+i+1, from+i+1)})
	}
	return append(objects, testpki.Object{Num: from + 60, Body: leaf})
}

// hostilePDFs make one each.
func hostilePDFs(t testing.TB) map[string]func() []byte {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.P256)
	before := func(i int, at []int) int {
		if i == 0 {
			return 0
		}
		return at[i-1]
	}
	entry := func(int) (string, string) { return "0 1\n0000000009 00000 n \n", "" }
	xrefStream := func(w string, rows int, data string) func(int) (string, string) {
		return func(i int) (string, string) {
			return "", fmt.Sprintf("%d 0 obj\n%s\nendobj\n", 10+i, streamOf(fmt.Sprintf("/Type/XRef/Root 1 0 R/Size %d/W[%s]/Filter/FlateDecode", rows, w), data))
		}
	}
	onePage := []testpki.Object{
		{Num: 2, Body: "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 595 842]>>"},
		{Num: 3, Body: "<</Type/Page/Parent 2 0 R>>"},
	}
	doc := func(catalog string, more ...testpki.Object) []byte {
		all := append([]testpki.Object{{Num: 1, Body: "<</Type/Catalog/Pages 2 0 R" + catalog + ">>"}}, onePage...)
		for _, o := range more {
			for len(all)+1 < o.Num {
				all = append(all, testpki.Object{Num: len(all) + 1, Body: "null"})
			}
			all = append(all, o)
		}
		return testpki.WithTable("1.7", testpki.FileID, all...)
	}
	signed := func(pdf []byte) []byte { return signPDF(t, pki, key, pdf, nil) }
	withForm := func(form string, more ...testpki.Object) []byte {
		return doc("/AcroForm<</Fields[4 0 R]>>", append([]testpki.Object{{Num: 4, Body: form}}, more...)...)
	}
	// An object stream with the form in it, behind a bomb.
	inStream := func(data string, n int) []byte {
		pdf := doc("/AcroForm 5 0 R", testpki.Object{Num: 4, Body: streamOf(fmt.Sprintf("/Type/ObjStm/N %d/First 4/Filter/FlateDecode", n), data)})
		rows := ""
		for i := range 6 {
			at := bytes.Index(pdf, fmt.Appendf(nil, "\n%d 0 obj", i)) + 1
			kind := 1
			switch i {
			case 0:
				kind = 0
			case 5:
				kind, at = 2, 4
			}
			rows += string([]byte{byte(kind), byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at), 0})
		}
		start := len(pdf)
		return fmt.Appendf(pdf, "9 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n",
			streamOf("/Type/XRef/Root 1 0 R/Size 6/W[1 4 1]", rows), start)
	}
	long := func(n int, object func(i int) string) []byte { // objects from 20 on, linked
		var more []testpki.Object
		for i := range n {
			more = append(more, testpki.Object{Num: 20 + i, Body: object(i)})
		}
		return doc("/Outlines 20 0 R", more...)
	}
	ring := func(from, n int) func(int) string {
		return func(i int) string { return fmt.Sprintf("<</Next %d 0 R>>", from+(i+1)%n) }
	}
	rings := func() []byte { // of 1,999 and 2,003 objects: four million pairs
		a, b := ring(20, 1999), ring(20+1999, 2003)
		pdf := signed(long(1999+2003, func(i int) string {
			if i < 1999 {
				return a(i)
			}
			return b(i - 1999)
		}))
		return update(t, pdf, map[int]string{1: edited(t, pdf, 1, func(c dict) { c["Outlines"] = ref{num: 20 + 1999} })}, nil)
	}
	chain := func() []byte { // a way of 100,000 steps to the change
		const n = 100_000
		pdf := signed(long(n, func(i int) string { return fmt.Sprintf("<</Next %d 0 R>>", 21+i) }))
		return update(t, pdf, map[int]string{20 + n - 1: "<</Next/Changed>>"}, dict{"Size": int64(n + 100)})
	}
	many := func() []byte { // revisions
		pdf := signed(doc("/X[" + strings.Repeat("3 0 R ", 100) + "]"))
		for range 300 {
			pdf = update(t, pdf, map[int]string{3: "<</Type/Page/Parent 2 0 R>>"}, nil)
		}
		return pdf
	}
	return map[string]func() []byte{
		"prev to itself": func() []byte { return chainOfXrefs(1, func(_ int, at []int) int { return at[0] }, entry) },
		"prev in a ring": func() []byte { return chainOfXrefs(3, func(i int, at []int) int { return at[max(i-1, 0)] }, entry) },
		"prev ahead": func() []byte {
			return bytes.Replace(chainOfXrefs(2, before, entry), []byte("/Prev 5"), []byte("/Prev 9"), 1)
		},
		"100,000 sections": func() []byte { return chainOfXrefs(100_000, before, entry) },
		"table of 8 million": func() []byte {
			return chainOfXrefs(1, before, func(int) (string, string) { return "0 8000000\n" + strings.Repeat("0 0 f\n", 3_000_000), "" })
		},
		"stream of 8 million": func() []byte {
			return chainOfXrefs(1, before, xrefStream("0 1 0", 8_000_000, packed(t, "\x09", 8_000_000)))
		},
		"100 streams of 1 million": func() []byte {
			return chainOfXrefs(100, before, xrefStream("0 1 0", 1_000_000, packed(t, "\x09", 1_000_000)))
		},
		"stream of 256 MB":        func() []byte { return chainOfXrefs(1, before, xrefStream("1 4 2", 9, packed(t, "\x00", 256<<20))) },
		"object stream of 256 MB": func() []byte { return inStream(packed(t, " ", 256<<20), 1) },
		"40 million numbers":      func() []byte { return inStream(packedNumbers(t), 1) },
		"100,000 arrays deep":     func() []byte { return doc("/X" + strings.Repeat("[", 100_000)) },
		"100,000 dictionaries":    func() []byte { return doc("/X" + strings.Repeat("<</A", 100_000)) },
		"string of 40 MB":         func() []byte { return doc("/X(" + strings.Repeat("((((((((", 5<<20)) },
		"name without an end":     func() []byte { return doc("/" + strings.Repeat("x", 40<<20)) },
		"fields, 2^60":            func() []byte { return withForm("<</Kids[20 0 R 20 0 R]>>", tree("Kids", "<</FT/Tx/T(a)>>", 20)...) },
		"fields in a ring":        func() []byte { return withForm("<</Kids[4 0 R]>>") },
		"names, 2^60": func() []byte {
			return signed(doc("/Names<</EmbeddedFiles 20 0 R>>", tree("Kids", "<</Names[]>>", 20)...))
		},
		"names in a ring": func() []byte {
			return signed(doc("/Names<</EmbeddedFiles 20 0 R>>", testpki.Object{Num: 20, Body: "<</Kids[20 0 R 20 0 R]>>"}))
		},
		"a long way": func() []byte { return chain() },
		"two rings":  func() []byte { return rings() },
		"length elsewhere": func() []byte {
			return chainOfXrefs(1, before, func(int) (string, string) {
				return "", "9 0 obj\n<</Type/XRef/Root 1 0 R/Size 2/W[1 1 1]/Length 8 0 R>>\nstream\n\x00\x00\x00\x01\x09\x00\nendstream\nendobj\n"
			})
		},
		"300 revisions":    func() []byte { return many() },
		"a million spaces": func() []byte { return append(doc(""), bytes.Repeat([]byte(" "), 1<<20)...) },
	}
}

func TestHostile(t *testing.T) {
	program := testpki.Program(t)
	home := t.TempDir()
	refused := func(t *testing.T, target string) {
		t.Helper()
		cmd := exec.Command(program, "verify", target, "--lang", "en")
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		start := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer time.AfterFunc(hostileTime+time.Second, func() { _ = cmd.Process.Kill() }).Stop()
		peak := make(chan int64)
		go func() { peak <- testpki.Peak(cmd.Process.Pid) }()
		_ = cmd.Wait()
		took, rss := time.Since(start), <-peak
		first, _, _ := strings.Cut(out.String(), "\n")
		t.Logf("%.1f s, %d MB: %s", took.Seconds(), rss>>20, strings.ReplaceAll(out.String()[:min(out.Len(), 400)], "\n", " "))
		if code := cmd.ProcessState.ExitCode(); code != 7 || !strings.Contains(first, "NOT verified") || strings.Contains(out.String(), "panic") {
			t.Errorf("exit %d: %s", code, out.String()[:min(out.Len(), 2000)])
		}
		if rss > hostileMemory || took > hostileTime {
			t.Errorf("%d MB, %v", rss>>20, took)
		}
	}
	for name, pdf := range hostilePDFs(t) {
		t.Run(name, func(t *testing.T) { refused(t, testpki.WriteTemp(t, "bundle.pdf", pdf())) })
	}

	pki := testpki.New(t, now)
	a := newBundle(t, pki, "DS-A", 1)
	for name, change := range hostileFolders(t, a) {
		t.Run(name, func(t *testing.T) {
			_, out := a.write(t)
			change(t, out)
			refused(t, out)
		})
	}
	t.Run("material without an end", func(t *testing.T) {
		caseDir, out := a.write(t)
		if err := os.WriteFile(filepath.Join(caseDir, "case.yaml"), []byte("version: 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		material := filepath.Join(caseDir, "backups", "a.zip")
		if err := os.Remove(material); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/zero", material); err != nil {
			t.Fatal(err)
		}
		refused(t, out)
	})
}

// hostileFolders are changes to an out folder of another's.
func hostileFolders(t *testing.T, a *bundle) map[string]func(*testing.T, string) {
	put := func(name string, b []byte) func(*testing.T, string) {
		return func(t *testing.T, out string) {
			if err := os.WriteFile(filepath.Join(out, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	sheet := func(head, body string, n int, sheets int) func(*testing.T, string) {
		return func(t *testing.T, out string) {
			f, err := os.Create(filepath.Join(out, workbookName))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			z := zip.NewWriter(f)
			z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
			block := strings.Repeat(body, 1+(1<<20)/len(body))
			for i := range sheets {
				w, err := z.Create(fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(w, head); err != nil {
					t.Fatal(err)
				}
				for left := n; left > 0; left -= len(block) {
					if _, err := io.WriteString(w, block[:min(left, len(block))]); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	const worksheet = `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`
	events := `<row r="1"/><row r="2"><c r="J2" t="inlineStr"><is><t>` + genesis + `</t></is></c></row>`
	return map[string]func(*testing.T, string){
		"cell of 256 MB":       sheet(worksheet+`<row r="1"><c><is><t>`, " ", 256<<20, 1),
		"row of 256 MB":        sheet(worksheet+`<row r="1">`, `<c r="A1"/>`, 256<<20, 1),
		"rows of 256 MB":       sheet(worksheet, `<row r="1"/>`, 256<<20, 1),
		"rows like events":     sheet(worksheet+events, `<row r="3"/>`, 256<<20, 1),
		"tag of 256 MB":        sheet(worksheet+`<row`, ` a=""`, 256<<20, 1),
		"elements, deep":       sheet(worksheet, `<a>`, 256<<20, 1),
		"20 sheets of 20 MB":   sheet(worksheet, `<x/>`, 20<<20, 20),
		"200,000 sheets":       sheet("", " ", 0, 200_000),
		"log of one line":      put(eventsName, append([]byte(`{"a":[`), bytes.Repeat([]byte("0,"), 20<<20)...)),
		"log, deep":            put(eventsName, bytes.Repeat([]byte(`{"a":`), 1<<20)),
		"receipt of 40 MB":     put(receiptName, bytes.Repeat([]byte(" "), 40<<20)),
		"receipt of numbers":   put(receiptName, append(append([]byte(`{"a":[0`), bytes.Repeat([]byte(",0"), 7<<20)...), []byte(`],"seal":"AA"}`)...)),
		"manifest of 40 MB":    put(manifestName, bytes.Repeat([]byte("["), 40<<20)),
		"seal of 10 MB":        put(receiptName, append(append([]byte(`{"a":1,"seal":"`), bytes.Repeat([]byte("MIAA"), 2<<20)...), []byte(`"}`)...)),
		"folder for a file":    asFolder(workbookName),
		"folder for a receipt": asFolder(receiptName),
		"pipe for a bundle": func(t *testing.T, out string) {
			path := filepath.Join(out, bundleName)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"1,000 names of one file": func(t *testing.T, out string) {
			put(receiptName, a.reseal(t, func(r *packager.Receipt) {
				for range 1000 {
					r.Files = append(r.Files, r.Files[0])
				}
				r.Files[0].Name = "../../../../etc/passwd"
			}))(t, out)
		},
	}
}

func asFolder(name string) func(*testing.T, string) {
	return func(t *testing.T, out string) {
		path := filepath.Join(out, name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
