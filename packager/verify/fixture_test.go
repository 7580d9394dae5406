package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
	"dossier/packager/sign/tsp"
)

var now = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

const sampleManifest = `{"version":1,"bundle":"DS-20261122-AAAAAAAA","case":"sample","platform":"wechat_oa","rules":{"digest":"d"}}` + "\n"

// samplePDF has two pages, an attached manifest, a form with a text field and
// a stream whose length is an object of its own.
func samplePDF(write func(version, trailer string, objects ...testpki.Object) []byte) []byte {
	content := func(s string) string {
		s = "BT /F1 18 Tf 72 720 Td (" + s + ") Tj ET"
		return fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(s), s)
	}
	page := func(contents int) string {
		return fmt.Sprintf("<</Type/Page/Parent 2 0 R/Resources<</Font<</F1 7 0 R>>/XObject<</Missing 40 0 R>>>>/Contents %d 0 R/Annots[14 0 R]>>", contents)
	}
	return write("1.7", testpki.FileID+"/Info 12 0 R",
		testpki.Object{Num: 1, Body: "<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(manifest.json)8 0 R]>>>>/AcroForm<</Fields[13 0 R 15 0 R]>>>>"},
		testpki.Object{Num: 2, Body: "<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2/MediaBox[0 0 595 842]>>"},
		testpki.Object{Num: 3, Body: page(5)},
		testpki.Object{Num: 4, Body: strings.Replace(page(6), "14 0 R", "", 1)},
		testpki.Object{Num: 5, Body: content("Test sample")},
		testpki.Object{Num: 6, Body: "<</Length 11 0 R>>\nstream\nBT (Amount 100) Tj ET\nendstream"},
		testpki.Object{Num: 7, Body: "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"},
		testpki.Object{Num: 8, Body: "<</Type/Filespec/F(manifest.json)/EF<</F 9 0 R>>>>"},
		testpki.Object{Num: 9, Body: fmt.Sprintf("<</Type/EmbeddedFile/Length %d>>\nstream\n%s\nendstream", len(sampleManifest), sampleManifest)},
		testpki.Object{Num: 10, Body: "<</Type/Annot/Subtype/Text/Rect[0 0 9 9]/Contents(unused)>>"},
		testpki.Object{Num: 11, Body: "21"},
		testpki.Object{Num: 12, Body: "<</Title(Sample)/ModDate(D:20261122)>>"},
		testpki.Object{Num: 13, Body: "<</FT/Tx/T(amount)/V(100)>>"},
		testpki.Object{Num: 14, Body: "<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(https://example.com)>>>>"},
		testpki.Object{Num: 15, Body: "<</FT/Sig/T(empty)>>"},
	)
}

func testKey(p *testpki.PKI, kind string) *sign.Key {
	id := p.Signer(kind)
	return &sign.Key{Signer: id.Key, Chain: id.Chain, Source: "test"}
}

func signPDF(t testing.TB, pki *testpki.PKI, key *sign.Key, pdf []byte, change func(*sign.Options)) []byte {
	t.Helper()
	opt := sign.Options{
		Out: filepath.Join(t.TempDir(), "signed.pdf"), Now: now, Reason: "申请注销账号",
		Timestamps: &tsp.Client{Authorities: []string{pki.TSA("")}, Roots: pki.Roots(), Clock: now, Timeout: 5 * time.Second},
	}
	if change != nil {
		change(&opt)
	}
	sum := sha256.Sum256(pdf)
	b := &packager.Bundle{Path: testpki.WriteTemp(t, "in.pdf", pdf), SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(pdf)), Pages: 1}
	if len(opt.Stamp.Lines) > 0 {
		b.Stamp = packager.StampPlace{Page: 1, X: 72, Y: 72, W: 260, H: 92}
		var err error
		if opt.FontRegular, err = os.ReadFile("../../templates/fonts/NotoSansSC-Regular.ttf"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sign.Sign(context.Background(), b, key, opt); err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(opt.Out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// verdictOf judges a PDF in memory.
func verdictOf(pdf []byte, o Options) *packager.Verdict {
	if o.Now.IsZero() {
		o.Now = now
	}
	f := &findings{}
	checkPDF(f, bytes.NewReader(pdf), int64(len(pdf)), o, "bundle.pdf")
	return f.verdict()
}

// failures are the codes of what does not hold, with their causes.
func failures(v *packager.Verdict) []string {
	var out []string
	for _, k := range v.Checks {
		if !k.OK {
			out = append(out, strings.TrimSuffix(k.Code+" "+strings.TrimPrefix(k.Cause, "verify.why."), " "))
		}
	}
	return out
}

func hasCode(v *packager.Verdict, code string) bool {
	return slices.ContainsFunc(v.Checks, func(k packager.VerifyCheck) bool { return k.Code == code })
}

// write is an object in PDF syntax.
func write(o any) string {
	switch o := o.(type) {
	case nil:
		return "null"
	case name:
		return "/" + string(o)
	case ref:
		return fmt.Sprintf("%d %d R", o.num, o.gen)
	case text:
		return fmt.Sprintf("<%X>", o.b)
	case keyword:
		return string(o)
	case array:
		var b strings.Builder
		for _, e := range o {
			b.WriteString(write(e) + " ")
		}
		return "[" + b.String() + "]"
	case dict:
		var b strings.Builder
		for _, k := range slices.Sorted(maps.Keys(o)) {
			b.WriteString("/" + string(k) + " " + write(o[k]) + " ")
		}
		return "<<" + b.String() + ">>"
	}
	return fmt.Sprint(o)
}

func mustOpen(t testing.TB, pdf []byte) *document {
	t.Helper()
	d, err := openDocument(bytes.NewReader(pdf), int64(len(pdf)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// freed, in place of an object, declares its number free.
const freed = ""

// update appends a revision with the objects, as an attacker would: with a
// table that is right in every detail. Sections are put into the table as well.
func update(t testing.TB, pdf []byte, objects map[int]string, trailer dict, sections ...string) []byte {
	t.Helper()
	d := mustOpen(t, pdf)
	b := bytes.NewBuffer(bytes.Clone(pdf))
	if pdf[len(pdf)-1] != '\n' {
		b.WriteByte('\n')
	}
	at := map[int]int{}
	nums := slices.Sorted(maps.Keys(objects))
	for _, n := range nums {
		if at[n] = b.Len(); objects[n] == freed {
			continue
		}
		fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", n, objects[n])
	}
	start := b.Len()
	b.WriteString("xref\n0 0\n")
	for _, n := range nums {
		if objects[n] == freed {
			fmt.Fprintf(b, "%d 1\n0000000000 00001 f \n", n)
		} else {
			fmt.Fprintf(b, "%d 1\n%010d 00000 n \n", n, at[n])
		}
	}
	b.WriteString(strings.Join(sections, ""))
	tr := dict{"Root": d.trailer["Root"], "ID": d.trailer["ID"], "Size": int64(200), "Prev": d.sections[0].off}
	if info := d.trailer["Info"]; info != nil {
		tr["Info"] = info
	}
	maps.Copy(tr, trailer)
	fmt.Fprintf(b, "trailer\n%s\nstartxref\n%d\n%%%%EOF\n", write(tr), start)
	return b.Bytes()
}

// edited is an object of the newest revision after a change, in PDF syntax. The
// form stands in the catalog itself.
func edited(t testing.TB, pdf []byte, num int, change func(dict)) string {
	t.Helper()
	d := mustOpen(t, pdf)
	v, err := d.getDict(ref{num: num})
	if err != nil {
		t.Fatal(err)
	}
	v = maps.Clone(v)
	if form, err := d.getDict(v["AcroForm"]); err == nil && form != nil {
		form = maps.Clone(form)
		v["AcroForm"] = form
		if fields, err := d.getArray(form["Fields"]); err == nil {
			form["Fields"] = slices.Clone(fields)
		}
	}
	change(v)
	return write(v)
}
