package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"dossier/packager"
	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
)

// TestLevels holds every level, kind of key and structure of file against what
// verify says of it.
func TestLevels(t *testing.T) {
	pki := testpki.New(t, now)
	for _, c := range []struct {
		level, kind string
		pss         bool
		algorithm   string
		write       func(string, string, ...testpki.Object) []byte
	}{
		{sign.LevelB, testpki.RSA, false, "RSA SHA-256", testpki.WithTable},
		{sign.LevelT, testpki.RSA, true, "RSA-PSS SHA-256", testpki.WithStream},
		{sign.LevelLT, testpki.P256, false, "ECDSA SHA-256", testpki.WithTable},
		{sign.LevelLTA, testpki.P384, false, "ECDSA SHA-256", testpki.WithStream},
		{sign.LevelLTA, testpki.RSA, false, "RSA SHA-256", testpki.WithTable},
	} {
		t.Run(c.level+" "+c.algorithm, func(t *testing.T) {
			pdf := signPDF(t, pki, testKey(pki, c.kind), samplePDF(c.write), func(o *sign.Options) { o.Level, o.PSS = c.level, c.pss })
			v := verdictOf(pdf, Options{Roots: pki.Roots(), Manifest: []byte(sampleManifest)})
			if !v.OK || len(v.Signatures) == 0 {
				t.Fatalf("%v", failures(v))
			}
			wellSaid(t, v)
			s := v.Signatures[0]
			if s.Level != c.level || s.Algorithm != c.algorithm || s.Trust != "trusted" || len(s.Chain) != 3 || s.Reason != "申请注销账号" {
				t.Errorf("%+v", s)
			}
			if timed := c.level != sign.LevelB; timed != (s.Time == stamp(now)) || timed != (s.TSATrust == "trusted") {
				t.Errorf("time %q by %q", s.Time, s.TSATrust)
			}
			if long := c.level >= sign.LevelLT && c.level != sign.LevelT; long != hasCode(v, "VERIFY_ADDED_DSS") || long != hasCode(v, "VERIFY_NOT_REVOKED") {
				t.Errorf("%+v", v.Checks)
			}
			if c.level == sign.LevelLTA && (len(v.Signatures) != 2 || v.Signatures[1].Kind != "timestamp" || v.Signatures[1].Trust != "trusted") {
				t.Errorf("%+v", v.Signatures)
			}
			if v := verdictOf(pdf, Options{}); v.Signatures[0].Trust != "none" || !v.OK {
				t.Error("no roots is a stated result", failures(v))
			}
			if v := verdictOf(pdf, Options{Roots: testpki.New(t, now).Roots()}); v.Signatures[0].Trust != "untrusted" || !v.OK {
				t.Error("other roots are a stated result", failures(v))
			}
		})
	}
}

func TestSeveralSigners(t *testing.T) {
	pki := testpki.New(t, now)
	one := signPDF(t, pki, testKey(pki, testpki.P256), samplePDF(testpki.WithTable), nil)
	two := signPDF(t, pki, testKey(pki, testpki.RSA), one, nil)
	v := verdictOf(two, Options{})
	if !v.OK || len(v.Signatures) != 2 || len(v.Revisions) != 1 || v.Revisions[0].Changes[0].Kind != changeSignature {
		t.Fatalf("%v %+v", failures(v), v.Revisions)
	}
	if v.Signatures[0].Covers != int64(len(one)) || v.Signatures[1].Covers != int64(len(two)) {
		t.Errorf("%+v", v.Signatures)
	}
}

func TestCertification(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.P256)
	for level := 1; level <= 3; level++ {
		pdf := signPDF(t, pki, key, samplePDF(testpki.WithTable), func(o *sign.Options) { o.Certify = level })
		v := verdictOf(pdf, Options{})
		if !v.OK || v.Signatures[0].Kind != "certification" || v.Signatures[0].Permits != level {
			t.Fatalf("%v %+v", failures(v), v.Signatures)
		}
	}
	// A field added after a certification of level 1.
	pdf := signPDF(t, pki, key, samplePDF(testpki.WithTable), func(o *sign.Options) { o.Certify = 1 })
	root := edited(t, pdf, 1, func(c dict) {
		form := c["AcroForm"].(dict)
		form["Fields"] = append(form["Fields"].(array), ref{num: 60})
	})
	v := verdictOf(update(t, pdf, map[int]string{1: root, 60: "<</FT/Sig/T(more)>>"}, nil), Options{})
	if !hasCode(v, "VERIFY_AGAINST_CERTIFICATION") || v.OK {
		t.Errorf("%v", failures(v))
	}
	// Permissions that name a signature that certifies nothing.
	plain := signPDF(t, pki, key, samplePDF(testpki.WithTable), nil)
	root = edited(t, plain, 1, func(c dict) { c["Perms"] = dict{"DocMDP": ref{num: 7}} })
	v = verdictOf(update(t, plain, map[int]string{1: root}, nil), Options{})
	if !slices.Contains(failures(v), "VERIFY_CERTIFICATION certify.none") || !hasCode(v, "VERIFY_ALTERED_CATALOG") {
		t.Errorf("%v", failures(v))
	}
}

// TestLaterRevisions is the table of what may be done to a signed file by an
// update that is flawless in form.
func TestLaterRevisions(t *testing.T) {
	pki := testpki.New(t, now)
	signed := signPDF(t, pki, testKey(pki, testpki.P256), samplePDF(testpki.WithTable), nil)
	stream := func(s string) string { return fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(s), s) }
	catalog := func(change func(dict)) string { return edited(t, signed, 1, change) }
	field := func(c dict, n int) {
		form := c["AcroForm"].(dict)
		form["Fields"] = append(slices.Clone(form["Fields"].(array)), ref{num: n})
	}
	for _, c := range []struct {
		name    string
		objects map[int]string
		trailer dict
		want    string // code that must be there
		ok      bool
	}{
		{"validation data", map[int]string{1: catalog(func(c dict) { c["DSS"] = dict{"Certs": array{ref{num: 50}}} }),
			50: stream(string(pki.Root.Raw))}, nil, "VERIFY_COVERS_EVIDENCE", true},
		{"validation data that is none", map[int]string{1: catalog(func(c dict) { c["DSS"] = dict{"Certs": array{ref{num: 50}}} }),
			50: stream("no certificate")}, nil, "VERIFY_DSS", false},
		{"something else in the DSS", map[int]string{1: catalog(func(c dict) { c["DSS"] = dict{"OpenAction": ref{num: 50}} }), 50: "<<>>"}, nil, "VERIFY_ALTERED_OTHER", false},
		{"nothing", map[int]string{90: "<<>>"}, nil, "VERIFY_APPENDED", false},
		{"content replaced", map[int]string{5: stream("BT (Paid) Tj ET")}, nil, "VERIFY_ALTERED_CONTENT", false},
		{"length of a content replaced", map[int]string{11: "3"}, nil, "VERIFY_REVISION_DAMAGED", false},
		{"content added to a page", map[int]string{3: edited(t, signed, 3, func(p dict) { p["Contents"] = array{ref{num: 5}, ref{num: 50}} }),
			50: stream("BT (More) Tj ET")}, nil, "VERIFY_ALTERED_CONTENT", false},
		{"a missing object defined (hide)", map[int]string{40: stream("BT (Hidden) Tj ET")}, nil, "VERIFY_ALTERED_CONTENT", false},
		{"pages swapped", map[int]string{2: edited(t, signed, 2, func(p dict) { p["Kids"] = array{ref{num: 4}, ref{num: 3}} })}, nil, "VERIFY_ALTERED_PAGE", false},
		{"page removed", map[int]string{2: edited(t, signed, 2, func(p dict) { p["Kids"], p["Count"] = array{ref{num: 3}}, int64(1) })}, nil, "VERIFY_ALTERED_PAGE", false},
		{"page made smaller", map[int]string{3: edited(t, signed, 3, func(p dict) { p["CropBox"] = array{int64(0), int64(0), int64(9), int64(9)} })}, nil, "VERIFY_ALTERED_PAGE", false},
		{"font replaced", map[int]string{7: "<</Type/Font/Subtype/Type1/BaseFont/Symbol>>"}, nil, "VERIFY_ALTERED_FONT", false},
		{"annotation added", map[int]string{4: edited(t, signed, 4, func(p dict) { p["Annots"] = array{ref{num: 10}} })}, nil, "VERIFY_ALTERED_ANNOTATION", false},
		{"annotation changed", map[int]string{14: "<</Type/Annot/Subtype/Link/Rect[0 0 500 500]>>"}, nil, "VERIFY_ALTERED_ANNOTATION", false},
		{"annotations removed", map[int]string{3: edited(t, signed, 3, func(p dict) { delete(p, "Annots") })}, nil, "VERIFY_ALTERED_ANNOTATION", false},
		{"attachment replaced", map[int]string{9: stream("{}")}, nil, "VERIFY_ALTERED_ATTACHMENT", false},
		{"attachment added", map[int]string{1: catalog(func(c dict) {
			c["Names"].(dict)["EmbeddedFiles"].(dict)["Names"] = array{text{b: []byte("a")}, ref{num: 8}}
		})}, nil, "VERIFY_ALTERED_ATTACHMENT", false},
		{"field value", map[int]string{13: "<</FT/Tx/T(amount)/V(999)>>"}, nil, "VERIFY_ALTERED_FORM", false},
		{"appearances to be made anew", map[int]string{1: catalog(func(c dict) { c["AcroForm"].(dict)["NeedAppearances"] = true })}, nil, "VERIFY_ALTERED_FORM", false},
		{"text field added", map[int]string{1: catalog(func(c dict) { field(c, 50) }), 50: "<</FT/Tx/T(x)>>"}, nil, "VERIFY_ALTERED_FORM", false},
		{"empty signature field", map[int]string{1: catalog(func(c dict) { field(c, 50) }), 50: "<</FT/Sig/T(x)>>"}, nil, "VERIFY_ADDED_FIELD", false},
		{"empty signature field that is seen", map[int]string{1: catalog(func(c dict) { field(c, 50) }),
			50: "<</FT/Sig/T(x)/Type/Annot/Subtype/Widget/Rect[0 0 500 500]/AP<</N 51 0 R>>>>", 51: stream("BT ET")}, nil, "VERIFY_ALTERED_FORM", false},
		{"signature field with an action", map[int]string{1: catalog(func(c dict) { field(c, 50) }), 50: "<</FT/Sig/T(x)/A<</S/JavaScript/JS(x)>>>>"}, nil, "VERIFY_ALTERED_FORM", false},
		{"open action", map[int]string{1: catalog(func(c dict) { c["OpenAction"] = array{ref{num: 4}, name("Fit")} })}, nil, "VERIFY_ALTERED_CATALOG", false},
		{"another catalog", map[int]string{50: catalog(func(dict) {})}, dict{"Root": ref{num: 50}}, "VERIFY_PDF_DAMAGED", false},
		{"title", map[int]string{12: "<</Title(Other)/ModDate(D:20261122)>>"}, nil, "VERIFY_ALTERED_OTHER", false},
		{"signature field dropped", map[int]string{1: catalog(func(c dict) { c["AcroForm"].(dict)["Fields"] = array{} })}, nil, "VERIFY_UNSIGNED", false},
		{"an encryption", nil, dict{"Encrypt": dict{"Filter": name("Standard")}}, "VERIFY_PDF_DAMAGED", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := verdictOf(update(t, signed, c.objects, c.trailer), Options{})
			if v.OK != c.ok || !hasCode(v, c.want) {
				t.Errorf("ok=%v, want %s, got %v", v.OK, c.want, failures(v))
			}
			wellSaid(t, v)
		})
	}
}

// TestForgeries changes the signature itself.
func TestForgeries(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.P256)
	signed := signPDF(t, pki, key, samplePDF(testpki.WithTable), nil)
	other := signPDF(t, pki, key, testpki.PDFs()["table"], nil)
	d := mustOpen(t, signed)
	sigs, err := d.signatures()
	if err != nil {
		t.Fatal(err)
	}
	s := sigs[0]
	token := func(pdf []byte) []byte {
		k, err := mustOpen(t, pdf).signatures()
		if err != nil {
			t.Fatal(err)
		}
		return pdf[k[0].contents.off:k[0].contents.end]
	}
	replace := func(old, new string) []byte {
		if strings.Count(string(signed), old) != 1 || len(old) != len(new) {
			t.Fatalf("%q stands %d times", old, strings.Count(string(signed), old))
		}
		return bytes.Replace(signed, []byte(old), []byte(new), 1)
	}
	rangeText := string(signed[bytes.Index(signed, []byte("/ByteRange")):])
	rangeText = rangeText[:strings.IndexByte(rangeText, ']')+1]
	ranged := func(a, b, c, e int64) []byte {
		text := fmt.Sprintf("/ByteRange [%d %d %d %d", a, b, c, e)
		return replace(rangeText, text+strings.Repeat(" ", len(rangeText)-len(text)-1)+"]")
	}
	r := s.byteRange
	splice := func(b []byte) []byte {
		out := bytes.Clone(signed)
		copy(out[s.contents.off:], b)
		return out
	}
	padding := bytes.Clone(token(signed))
	padding[len(padding)-3] = '1'
	upper := bytes.ToUpper(token(signed))
	upper[1] = token(signed)[1]
	wrapped := update(t, signed, map[int]string{
		1:  edited(t, signed, 1, func(c dict) { c["AcroForm"].(dict)["Fields"] = array{ref{num: 60}} }),
		60: "<</FT/Sig/T(moved)/V " + write(s.value) + ">>",
	}, nil)
	var field dict // of the signature; its value gets a second field
	for n := range d.sections[0].objects {
		if f, err := d.getDict(ref{num: n}); err == nil && f["FT"] == name("Sig") && f["V"] != nil {
			field = f
		}
	}
	twice := update(t, signed, map[int]string{15: "<</FT/Sig/T(empty)/V " + write(field["V"]) + ">>"}, nil)
	for _, c := range []struct {
		name string
		pdf  []byte
		want string
	}{
		{"gap before", ranged(0, r[1]-1, r[2], r[3]), "VERIFY_BYTERANGE range.gap"},
		{"gap after", ranged(0, r[1], r[2]+1, r[3]-1), "VERIFY_BYTERANGE range.gap"},
		{"not from the first byte", ranged(1, r[1]-1, r[2], r[3]), "VERIFY_BYTERANGE range.form"},
		{"beyond the file", ranged(0, r[1], r[2], r[3]+1), "VERIFY_BYTERANGE range.form"},
		{"negative", ranged(0, r[1], r[2], -1), "VERIFY_BYTERANGE range.form"},
		{"end cut off", ranged(0, r[1], r[2], r[3]-1), "VERIFY_CHANGED changed"},
		{"signature of another file", splice(token(other)), "VERIFY_CHANGED changed"},
		{"data in the padding", splice(padding), "VERIFY_CMS cms.padding"},
		{"no container", splice([]byte("<00")), "VERIFY_CMS cms.part"},
		{"cut", signed[:len(signed)-3], "VERIFY_PDF_DAMAGED pdf.cut"},
		{"half", signed[:len(signed)/2], "VERIFY_PDF_DAMAGED pdf.startxref"},
		{"bytes appended", append(bytes.Clone(signed), "junk"...), "VERIFY_APPENDED"},
		{"blank appended", append(bytes.Clone(signed), ' '), "VERIFY_APPENDED"},
		{"bytes before", append([]byte("\n"), signed...), "VERIFY_PDF_DAMAGED pdf.header"},
		{"wrapped", wrapped, "VERIFY_BYTERANGE range.gap"},
		{"a second field shows it too", twice, "VERIFY_WRAPPED wrapped"},
		{"unsigned", samplePDF(testpki.WithTable), "VERIFY_UNSIGNED"},
		{"nothing", nil, "VERIFY_PDF_DAMAGED pdf.header"},
		{"sub-filter", replace("/ETSI.CAdES.detached", "/ETSI.CAdES.detaches"), "VERIFY_SUBFILTER subfilter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := verdictOf(c.pdf, Options{})
			if v.OK || !slices.Contains(failures(v), c.want) {
				t.Errorf("want %s, got ok=%v %v", c.want, v.OK, failures(v))
			}
			wellSaid(t, v)
		})
	}
}

func TestTime(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.P256)
	plain := signPDF(t, pki, key, samplePDF(testpki.WithTable), nil)
	timed := signPDF(t, pki, key, samplePDF(testpki.WithTable), func(o *sign.Options) { o.Level = sign.LevelT })
	late, early := now.AddDate(15, 0, 0), now.AddDate(-11, 0, 0)
	for _, c := range []struct {
		name string
		pdf  []byte
		o    Options
		ok   bool
		code string
	}{
		{"now", plain, Options{Now: now}, true, "VERIFY_CERTIFICATE_OK"},
		{"too early", plain, Options{Now: early}, false, "VERIFY_CERTIFICATE_EARLY"},
		{"expired, time unproven", plain, Options{Now: late}, true, "VERIFY_CERTIFICATE_EXPIRED"},
		{"expired, time proven", timed, Options{Now: late}, true, "VERIFY_CERTIFICATE_THEN"},
		{"expired, authority a stranger", timed, Options{Now: late, Roots: testpki.New(t, now).Roots()}, true, "VERIFY_CERTIFICATE_EXPIRED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if v := verdictOf(c.pdf, c.o); v.OK != c.ok || !hasCode(v, c.code) {
				t.Errorf("ok=%v %+v", v.OK, v.Checks)
			}
		})
	}
}

func TestManifest(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.P256)
	signed := signPDF(t, pki, key, samplePDF(testpki.WithStream), nil)
	if v := verdictOf(signed, Options{Manifest: []byte("{}")}); !slices.Contains(failures(v), "VERIFY_MANIFEST_DIFFERS") {
		t.Error(failures(v))
	}
	if v := verdictOf(signPDF(t, pki, key, testpki.PDFs()["table"], nil), Options{}); !slices.Contains(failures(v), "VERIFY_NO_MANIFEST") {
		t.Error(failures(v))
	}
	if v := verdictOf(signed, Options{}); string(v.Manifest) != sampleManifest {
		t.Errorf("%q", v.Manifest)
	}
}

func TestPDFFile(t *testing.T) {
	pki := testpki.New(t, now)
	path := testpki.WriteTemp(t, "b.pdf", signPDF(t, pki, testKey(pki, testpki.P256), samplePDF(testpki.WithTable), nil))
	v, err := PDF(context.Background(), path, Options{Now: now})
	if err != nil || !v.OK {
		t.Fatal(err, failures(v))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := PDF(ctx, path, Options{Now: now}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := PDF(context.Background(), path+"x", Options{Now: now}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if (&findings{v: packager.Verdict{}}).verdict().OK {
		t.Error("a verdict without checks is not good")
	}
}
