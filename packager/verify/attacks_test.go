package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
)

// The attacks on signed PDFs that were published, made anew from their
// descriptions, because the samples of the authors are not to be had:
//
//   - USF, ISA, SWA: Mladenov, Mainka, Meyer zu Selhausen, Grothe, Schwenk:
//     1 Trillion Dollar Refund – How to Spoof PDF Signatures (ACM CCS 2019)
//   - shadow attacks: Mainka, Mladenov, Rohlmann: Shadow Attacks – Hiding and
//     Replacing Content in Signed PDFs (NDSS 2021)
//   - EAA, SSA: Rohlmann, Mladenov, Mainka, Schwenk: Breaking the Specification
//     – PDF Certification (IEEE S&P 2021)

// attack is a signed file after it was attacked.
type attack struct {
	family, name string
	pdf          []byte
	want         string // a failure that verify has to name
	shows        string // what a reader that looks at no signature shows; "" where that is no text
}

const (
	signedText = "Pay 100"
	forgedText = "Pay 999999"
)

func textStream(s string) string {
	s = "BT /F1 18 Tf 72 720 Td (" + s + ") Tj ET"
	return fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(s), s)
}

// contract is a page with signedText, a form with a text field, and room for
// what an attacker prepares before it is signed.
func contract(prepared ...testpki.Object) []byte {
	return testpki.WithTable("1.7", testpki.FileID, append([]testpki.Object{
		{Num: 1, Body: "<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(manifest.json)6 0 R]>>>>/AcroForm<</Fields[8 0 R]>>>>"},
		{Num: 2, Body: "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 595 842]>>"},
		{Num: 3, Body: "<</Type/Page/Parent 2 0 R/Resources<</Font<</F1 5 0 R>>/XObject<</Cover 10 0 R>>>>/Contents 4 0 R/Annots[8 0 R]>>"},
		{Num: 4, Body: textStream(signedText)},
		{Num: 5, Body: "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"},
		{Num: 6, Body: "<</Type/Filespec/F(manifest.json)/EF<</F 7 0 R>>>>"},
		{Num: 7, Body: fmt.Sprintf("<</Type/EmbeddedFile/Length %d>>\nstream\n%s\nendstream", len(sampleManifest), sampleManifest)},
		{Num: 8, Body: "<</Type/Annot/Subtype/Widget/FT/Tx/T(amount)/V(" + signedText + ")/Rect[72 600 300 640]/AP<</N 9 0 R>>/P 3 0 R/F 4>>"},
		{Num: 9, Body: form("BT /F1 18 Tf 2 10 Td (" + signedText + ") Tj ET")},
	}, prepared...)...)
}

func form(content string) string {
	return fmt.Sprintf("<</Type/XObject/Subtype/Form/BBox[0 0 500 500]/Resources<</Font<</F1 5 0 R>>>>/Length %d>>\nstream\n%s\nendstream", len(content), content)
}

// attacks makes all of them.
func attacks(t testing.TB, pki *testpki.PKI) []attack {
	t.Helper()
	key := testKey(pki, testpki.P256)
	cover := testpki.Object{Num: 10, Body: form("BT /F1 18 Tf 72 700 Td (cover) Tj ET")}
	signed := signPDF(t, pki, key, contract(cover), nil)
	out := slices.Concat(universal(t, signed), incremental(t, signed), []attack{wrapping(t, signed, false), wrapping(t, signed, true)})
	out = append(out, shadows(t, pki, key)...)
	return append(out, certified(t, pki, key)...)
}

// universal are the universal signature forgeries: page and signature are
// changed in place, so that a reader may give up checking and still show a
// signature.
func universal(t testing.TB, signed []byte) []attack {
	forged := bytes.Replace(signed, []byte(signedText), []byte("Pay 999"), 1)
	sigs, err := mustOpen(t, signed).signatures()
	if err != nil {
		t.Fatal(err)
	}
	s := sigs[0]
	contents := string(forged[s.contents.off:s.contents.end])
	from := bytes.Index(forged, []byte("/ByteRange"))
	byteRange := string(forged[from : from+bytes.IndexByte(forged[from:], ']')+1])
	var out []attack
	for _, c := range []struct{ name, old, new, want string }{
		{"Contents without a value", contents, "null", "VERIFY_PDF_DAMAGED pdf.contents"},
		{"Contents empty", contents, "<>", "VERIFY_BYTERANGE range.gap"},
		{"Contents of zeros", contents, "<" + strings.Repeat("00", len(contents)/2-1) + ">", "VERIFY_CMS cms.part"},
		{"Contents gone", "/Contents " + contents, "", "VERIFY_PDF_DAMAGED pdf.contents"},
		{"Contents gone", "/Contents" + contents, "", "VERIFY_PDF_DAMAGED pdf.contents"},
		{"ByteRange gone", byteRange, "", "VERIFY_PDF_DAMAGED range.form"},
		{"ByteRange without a value", byteRange, "/ByteRange null", "VERIFY_PDF_DAMAGED range.form"},
		{"ByteRange of zeros", byteRange, "/ByteRange[0 0 0 0]", "VERIFY_BYTERANGE range.form"},
		{"ByteRange negative", byteRange, fmt.Sprintf("/ByteRange[0 -%d %d -1]", s.byteRange[1], s.byteRange[2]), "VERIFY_BYTERANGE range.form"},
		{"ByteRange over nothing", byteRange, fmt.Sprintf("/ByteRange[0 %d %d 0]", len(signed), len(signed)), "VERIFY_BYTERANGE range.form"},
		{"ByteRange of three", byteRange, fmt.Sprintf("/ByteRange[0 %d %d]", s.byteRange[1], s.byteRange[2]), "VERIFY_PDF_DAMAGED range.form"},
	} {
		if !bytes.Contains(forged, []byte(c.old)) {
			continue // the one of two spellings that is not there
		}
		pdf := bytes.Replace(forged, []byte(c.old), []byte(c.new+strings.Repeat(" ", len(c.old)-len(c.new))), 1)
		out = append(out, attack{"USF", c.name, pdf, c.want, "Pay 999"})
	}
	return out
}

// incremental are the incremental saving attacks: another page is appended,
// with less and less of what belongs to an update.
func incremental(t testing.TB, signed []byte) []attack {
	whole := update(t, signed, map[int]string{4: textStream(forgedText)}, nil)
	added := whole[len(signed):]
	upTo := func(mark string) []byte {
		return slices.Concat(signed, added[:bytes.Index(added, []byte(mark))])
	}
	d := mustOpen(t, signed)
	sigs, err := d.signatures()
	if err != nil {
		t.Fatal(err)
	}
	again := update(t, signed, map[int]string{4: textStream(forgedText), sigs[0].num: write(sigs[0].value)}, nil)
	return []attack{
		{"ISA", "whole update", whole, "VERIFY_ALTERED_CONTENT", forgedText},
		{"ISA", "without cross-references and trailer", upTo("xref\n"), "VERIFY_APPENDED", ""},
		{"ISA", "without trailer", upTo("trailer\n"), "VERIFY_APPENDED", ""},
		{"ISA", "trailer only", slices.Concat(signed, added[bytes.Index(added, []byte("trailer\n")):]), "VERIFY_PDF_DAMAGED pdf.xref", ""},
		{"ISA", "with a copy of the signature", again, "VERIFY_BYTERANGE range.gap", forgedText},
	}
}

// wrapping is the signature wrapping attack: what is signed behind the
// signature moves to the end of the file, and a cross-reference table stands
// where startxref, which is signed, points to. A second ByteRange beside the
// signature says where the signed parts are now.
func wrapping(t testing.TB, signed []byte, moved bool) attack {
	d := mustOpen(t, signed)
	sigs, err := d.signatures()
	if err != nil {
		t.Fatal(err)
	}
	s, top := sigs[0], d.sections[0]
	tail := signed[s.byteRange[2]:]
	cms := bytes.TrimRight(signed[s.contents.off+1:s.contents.end-1], "0")
	if len(cms)%2 == 1 {
		cms = append(bytes.Clone(cms), '0')
	}
	gap := bytes.NewBuffer(nil)
	here := func() int64 { return s.contents.off + int64(gap.Len()) }
	fmt.Fprintf(gap, "<%s>", cms)
	if !moved { // within the padding: nothing else has to change its place
		fmt.Fprintf(gap, "/ByteRange[0 %d %d %d]", s.byteRange[1], s.byteRange[2], s.byteRange[3])
		gap.WriteString(strings.Repeat(" ", int(s.contents.end-here())))
		return attack{"SWA", "a second ByteRange in the padding", slices.Concat(signed[:s.contents.off], gap.Bytes(), tail), "VERIFY_PDF_DAMAGED pdf.object", ""}
	}
	// The gap ends behind the table, whose length has to be known first.
	table := func(to int64, page int64) string {
		var b strings.Builder
		b.WriteString("xref\n0 0\n")
		for _, n := range slices.Sorted(maps.Keys(top.objects)) {
			off := top.objects[n].off
			if off >= s.byteRange[2] {
				off += to - s.byteRange[2]
			}
			fmt.Fprintf(&b, "%d 1\n%010d 00000 n \n", n, off)
		}
		fmt.Fprintf(&b, "4 1\n%010d 00000 n \n", page)
		return b.String() + "trailer\n" + write(top.trailer) + "\nstartxref\n" + fmt.Sprint(top.off) + "\n%%EOF\n"
	}
	to := top.off + int64(len(table(0, 0)))
	fmt.Fprintf(gap, "/ByteRange[0 %d %d %d]>>\nendobj\n", s.byteRange[1], to, s.byteRange[3])
	page := here()
	gap.WriteString("4 0 obj\n" + textStream(forgedText) + "\nendobj\n")
	if here() > top.off {
		t.Fatal("no room before the table")
	}
	gap.WriteString(strings.Repeat(" ", int(top.off-here())) + table(to, page))
	return attack{"SWA", "the second part moved", slices.Concat(signed[:s.contents.off], gap.Bytes(), tail), "VERIFY_PDF_DAMAGED pdf.object", ""}
}

// shadows are the shadow attacks: something is prepared before the document is
// signed and brought to light afterwards.
func shadows(t testing.TB, pki *testpki.PKI, key *sign.Key) []attack {
	var out []attack
	attacked := func(family, name, want, shows string, prepared []byte, then func(signed []byte) []byte) {
		out = append(out, attack{family, name, then(signPDF(t, pki, key, prepared, nil)), want, shows})
	}
	updated := func(objects map[int]string) func([]byte) []byte {
		return func(signed []byte) []byte { return update(t, signed, objects, nil) }
	}

	// Hide: a cover over the text that counts goes away.
	covered := "q /Cover Do Q"
	hidden := contract(testpki.Object{Num: 10, Body: form("1 g 0 0 500 500 re f 0 g BT /F1 18 Tf 72 400 Td (" + signedText + ") Tj ET")})
	hidden = replaceStream(t, hidden, 4, "BT /F1 18 Tf 72 720 Td ("+forgedText+") Tj ET "+covered)
	attacked("Hide", "the cover is declared free", "VERIFY_ALTERED_CONTENT", forgedText, hidden, updated(map[int]string{10: freed}))
	attacked("Hide", "the cover is made empty", "VERIFY_ALTERED_CONTENT", forgedText, hidden, updated(map[int]string{10: form("")}))
	attacked("Hide", "the page does without the cover", "VERIFY_ALTERED_CONTENT", forgedText, hidden, func(signed []byte) []byte {
		return update(t, signed, map[int]string{3: edited(t, signed, 3, func(p dict) { delete(p["Resources"].(dict), "XObject") })}, nil)
	})

	// Replace: what is shown is made anew from something that looks harmless.
	plain := contract(testpki.Object{Num: 10, Body: form("")})
	attacked("Replace", "look of a form field", "VERIFY_ALTERED_FORM", "", plain, updated(map[int]string{9: form("BT /F1 18 Tf 2 10 Td (" + forgedText + ") Tj ET")}))
	attacked("Replace", "value of a form field", "VERIFY_ALTERED_FORM", "", plain, func(signed []byte) []byte {
		return update(t, signed, map[int]string{8: edited(t, signed, 8, func(f dict) { f["V"] = text{b: []byte(forgedText)} })}, nil)
	})
	attacked("Replace", "looks are to be made anew from other values", "VERIFY_ALTERED_FORM", "", plain, func(signed []byte) []byte {
		return update(t, signed, map[int]string{1: edited(t, signed, 1, func(c dict) { c["AcroForm"].(dict)["NeedAppearances"] = true })}, nil)
	})
	attacked("Replace", "font with other shapes", "VERIFY_ALTERED_FONT", "", plain, updated(map[int]string{
		5: "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Type/Encoding/Differences[49/nine/nine]>>>>",
	}))

	// Hide and replace: a second document sleeps in the signed bytes, and
	// nothing but cross-references is added.
	asleep := "4 0 obj\n" + textStream(forgedText) + "\nendobj\n"
	twofold := withSleeper(plain, asleep)
	attacked("Hide and replace", "references to sleeping objects", "VERIFY_ALTERED_CONTENT", forgedText, twofold, func(signed []byte) []byte {
		at := bytes.Index(signed, []byte(asleep))
		return update(t, signed, nil, nil, fmt.Sprintf("4 1\n%010d 00000 n \n", at))
	})
	awake := contract(testpki.Object{Num: 10, Body: form("")}, testpki.Object{Num: 11, Body: textStream(forgedText)})
	attacked("Hide and replace", "a page takes up an object that was not used", "VERIFY_ALTERED_CONTENT", forgedText, awake, func(signed []byte) []byte {
		return update(t, signed, map[int]string{3: edited(t, signed, 3, func(p dict) { p["Contents"] = ref{num: 11} })}, nil)
	})
	pages := contract(testpki.Object{Num: 10, Body: form("")}, testpki.Object{Num: 11, Body: textStream(forgedText)},
		testpki.Object{Num: 12, Body: "<</Type/Page/Parent 2 0 R/Resources<</Font<</F1 5 0 R>>>>/Contents 11 0 R>>"})
	attacked("Hide and replace", "the tree of pages takes up a page", "VERIFY_ALTERED_PAGE", forgedText, pages, func(signed []byte) []byte {
		return update(t, signed, map[int]string{2: edited(t, signed, 2, func(p dict) { p["Kids"] = array{ref{num: 12}} })}, nil)
	})
	return out
}

// certified are the attacks on certified documents, within what their level
// permits.
func certified(t testing.TB, pki *testpki.PKI, key *sign.Key) []attack {
	var out []attack
	prepared := contract(testpki.Object{Num: 10, Body: form("")})
	at := func(level int) []byte {
		return signPDF(t, pki, key, prepared, func(o *sign.Options) { o.Certify = level })
	}
	for _, kind := range []string{"FreeText", "Stamp", "Redact", "Ink"} {
		signed := at(3)
		look := "<</Type/Annot/Subtype/" + kind + "/Rect[0 0 595 842]/F 4/Contents(" + forgedText + ")/AP<</N 61 0 R>>>>"
		out = append(out, attack{"EAA", kind + " over the page", update(t, signed, map[int]string{
			3:  edited(t, signed, 3, func(p dict) { p["Annots"] = append(slices.Clone(p["Annots"].(array)), ref{num: 60}) }),
			60: look, 61: form("1 g 0 0 500 500 re f 0 g BT /F1 18 Tf 72 400 Td (" + forgedText + ") Tj ET"),
		}, nil), "VERIFY_ALTERED_ANNOTATION", ""})
	}
	// A stranger's signature whose look covers the page.
	stranger := testKey(testpki.New(t, now), testpki.P256)
	font, err := os.ReadFile("../../templates/fonts/NotoSansSC-Regular.ttf")
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range []int{0, 2, 3} {
		signed := at(level)
		sum := sha256.Sum256(signed)
		b := &packager.Bundle{Path: testpki.WriteTemp(t, "in.pdf", signed), SHA256: hex.EncodeToString(sum[:]), Stamp: packager.StampPlace{Page: 1, W: 595, H: 842}}
		if _, err := sign.Sign(context.Background(), b, stranger, sign.Options{
			Out: b.Path, Now: now, FontRegular: font, Stamp: sign.StampText{Lines: []string{forgedText}},
		}); err != nil {
			t.Fatal(err)
		}
		sneaky, err := os.ReadFile(b.Path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, attack{"SSA", fmt.Sprintf("signature over the page, certification %d", level), sneaky, "VERIFY_ALTERED_OVERLAY", ""})
	}
	signed := at(2)
	return append(out, attack{"SSA", "unsigned field over the page", update(t, signed, map[int]string{
		1: edited(t, signed, 1, func(c dict) {
			f := c["AcroForm"].(dict)
			f["Fields"] = append(slices.Clone(f["Fields"].(array)), ref{num: 60})
		}),
		3:  edited(t, signed, 3, func(p dict) { p["Annots"] = append(slices.Clone(p["Annots"].(array)), ref{num: 60}) }),
		60: "<</Type/Annot/Subtype/Widget/FT/Sig/T(sneaky)/Rect[0 0 595 842]/F 4/P 3 0 R/AP<</N 61 0 R>>>>",
		61: form("BT /F1 18 Tf 72 400 Td (" + forgedText + ") Tj ET"),
	}, nil), "VERIFY_ALTERED_FORM", ""})
}

// replaceStream gives an object of a file with a table another stream of the
// same length or shorter; contract's objects are written anew for it.
func replaceStream(t testing.TB, pdf []byte, num int, content string) []byte {
	t.Helper()
	d := mustOpen(t, pdf)
	var objects []testpki.Object
	for n := 1; n < len(d.sections[0].objects); n++ {
		from := d.sections[0].objects[n].off
		body := pdf[from : from+int64(bytes.Index(pdf[from:], []byte("\nendobj")))]
		_, text, _ := strings.Cut(string(body), " 0 obj\n")
		if n == num {
			text = fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content)
		}
		objects = append(objects, testpki.Object{Num: n, Body: text})
	}
	return testpki.WithTable("1.7", testpki.FileID, objects...)
}

// withSleeper puts an object that no cross-reference names before the table.
func withSleeper(pdf []byte, object string) []byte {
	i := bytes.LastIndex(pdf, []byte("xref\n0 "))
	out := slices.Concat(pdf[:i], []byte(object), pdf[i:])
	return bytes.Replace(out, fmt.Appendf(nil, "startxref\n%d\n", i), fmt.Appendf(nil, "startxref\n%d\n", i+len(object)), 1)
}

// TestAttacks: verify refuses every one of them and says which it is. What a
// reader shows that trusts the newest revision is looked at as well: an attack
// that shows nothing new would prove nothing.
func TestAttacks(t *testing.T) {
	pki := testpki.New(t, now)
	pdftotext, _ := exec.LookPath("pdftotext")
	dir := os.Getenv("DOSSIER_ATTACKS") // to look at them
	for i, a := range attacks(t, pki) {
		t.Run(a.family+" "+a.name, func(t *testing.T) {
			v := verdictOf(a.pdf, Options{Roots: pki.Roots()})
			if v.OK || !slices.Contains(failures(v), a.want) {
				t.Errorf("want %s, got ok=%v %v", a.want, v.OK, failures(v))
			}
			wellSaid(t, v)
			if dir != "" {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d-%s.pdf", i, a.family)), a.pdf, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if a.shows == "" || pdftotext == "" {
				return
			}
			out, _ := exec.Command(pdftotext, testpki.WriteTemp(t, "a.pdf", a.pdf), "-").Output()
			if !strings.Contains(string(out), a.shows) {
				t.Errorf("the attack does not show %q: %q", a.shows, out)
			}
		})
	}
}
