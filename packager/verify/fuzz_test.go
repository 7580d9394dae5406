package verify

import (
	"archive/zip"
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ocsp"

	"dossier/packager/sign/testpki"
)

// The targets hold that foreign bytes neither stop the program nor get through:
// what a parser takes, it takes to its last byte.

// sample is a file of testdata/samples, made once from a test PKI: fuzzing wants
// seeds that stay the same.
func sample(f *testing.F, name string) []byte {
	b, err := os.ReadFile(filepath.Join("testdata", "samples", name))
	if err != nil {
		f.Fatal(err)
	}
	return b
}

func sampleCertificate(f *testing.F, name string) *x509.Certificate {
	c, err := x509.ParseCertificate(sample(f, name))
	if err != nil {
		f.Fatal(err)
	}
	return c
}

func FuzzObject(f *testing.F) {
	for _, s := range []string{"<</A 1 0 R/B[1 2.5 -3 +4 .5 true false null]/C(a\\(b\\)\\101)/D<414>>>", "12 0 R", "1 0", "/a#20b", "((", "<<", "[[[[", "% c\n1", "<</A 1/A 2>>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newLexer(bytes.NewReader(b), int64(len(b)), 0)
		o, err := l.object(0)
		if err == nil && l.pos > int64(len(b)) {
			t.Fatalf("%v ends at %d of %d", o, l.pos, len(b))
		}
		if err != nil {
			return
		}
		// What was read is read again from what is written.
		s := write(o)
		again, err := newLexer(bytes.NewReader([]byte(s)), int64(len(s)), 0).object(0)
		if _, plain := o.(name); !plain && !bytes.ContainsAny(b, "/.") && (err != nil || write(again) != s) {
			t.Fatalf("%q → %q → %v", b, s, err)
		}
	})
}

func FuzzDocument(f *testing.F) {
	for _, pdf := range testpki.PDFs() {
		f.Add(pdf)
	}
	f.Add(samplePDF(testpki.WithStream))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Nothing that fuzzing makes is a signed bundle.
		if v := verdictOf(b, Options{}); v.OK {
			t.Fatal("taken for a signed bundle")
		}
	})
}

func FuzzRevision(f *testing.F) {
	base := samplePDF(testpki.WithTable)
	f.Add([]byte("1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\nxref\n0 0\n1 1\n0000002000 00000 n \ntrailer\n<</Root 1 0 R/Prev 1>>\nstartxref\n2100\n%%EOF\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		old, err := openDocument(bytes.NewReader(base), int64(len(base)))
		if err != nil {
			t.Fatal(err)
		}
		all := append(bytes.Clone(base), b...)
		if d, err := openDocument(bytes.NewReader(all), int64(len(all))); err == nil {
			_, _ = compareRevisions(old, d)
		}
	})
}

func FuzzCMS(f *testing.F) {
	f.Add(sample(f, "seal.der"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, rest, err := parseCMS(b)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(b, rest) || len(c.attrs) == 0 || c.digest == 0 {
			t.Fatal("half a container was taken")
		}
		if c.findSigner(nil) == nil && c.check(bytes.NewReader([]byte("y"))) == nil {
			t.Fatal("a signature over something else holds")
		}
	})
}

func FuzzToken(f *testing.F) {
	f.Add(sample(f, "token.der"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, _, err := parseToken(b); err == nil && (k.time.IsZero() || k.hash == 0) {
			t.Fatal("a token without a time was taken")
		}
	})
}

// FuzzWorkbook reads a sheet of a foreign workbook; FuzzArchive the ZIP itself.
func FuzzWorkbook(f *testing.F) {
	f.Add([]byte(`<worksheet><sheetData><row r="1"/><row r="2"><c r="A2"><v>1</v></c><c r="J2"><is><t>` + genesis + `</t></is></c><c r="K2"><v>a</v></c></row></sheetData></worksheet>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		w, err := z.Create("xl/worksheets/sheet1.xml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		rows, err := chainOf(bytes.NewReader(out.Bytes()), int64(out.Len()), 3)
		if len(rows) > 3 || err == nil && (len(rows) == 0 || rows[0].prev != genesis) {
			t.Fatalf("%v, %v", rows, err)
		}
	})
}

func FuzzArchive(f *testing.F) {
	f.Add(sample(f, "audit.xlsx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if rows, err := chainOf(bytes.NewReader(b), int64(len(b)), 3); err == nil && (len(rows) == 0 || len(rows) > 3) {
			t.Fatalf("%d rows", len(rows))
		}
	})
}

// FuzzRevocation reads what a store of evidence may hold about a certificate.
func FuzzRevocation(f *testing.F) {
	issuer, leaf := sampleCertificate(f, "issuer.der"), sampleCertificate(f, "leaf.der")
	f.Add(sample(f, "list.crl"), sample(f, "answer.ocsp"))
	list, err := x509.ParseRevocationList(sample(f, "list.crl"))
	if err != nil {
		f.Fatal(err)
	}
	good, err := ocsp.ParseResponse(sample(f, "answer.ocsp"), issuer)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, crl, answer []byte) {
		e := &evidence{ocsps: [][]byte{answer}}
		if l, err := x509.ParseRevocationList(crl); err == nil {
			e.crls = []*x509.RevocationList{l}
		}
		path := []*x509.Certificate{leaf, issuer}
		out := describe(path)
		e.judgePath(path, now, out)
		// Whoever has no key of the issuer's can neither clear nor revoke.
		if out[0].Revocation != stateUnknown && !bytes.Contains(crl, list.RawTBSRevocationList) && !bytes.Contains(answer, good.TBSResponseData) {
			t.Fatalf("%+v", out[0])
		}
	})
}

// FuzzLook reads the text of a foreign visible signature.
func FuzzLook(f *testing.F) {
	f.Add([]byte("BT /F1 9 Tf <00010002> Tj ET"), []byte("2 beginbfchar <0001> <0061> <0002> <D83DDE00> endbfchar"))
	f.Fuzz(func(_ *testing.T, content, codes []byte) {
		digestsIn(shown(content, map[name]cmap{"F1": readCMap(codes)}))
	})
}

func FuzzReceipt(f *testing.F) {
	f.Add(sample(f, "receipt.json"))
	f.Add([]byte(`{"a":1,"seal":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseReceipt(b); err == nil && s.receipt.Version != 1 {
			t.Fatal("a receipt of an unknown version was taken")
		}
	})
}

func FuzzEvents(f *testing.F) {
	f.Add(sample(f, "events.jsonl"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, n, err := walkEvents(bytes.NewReader(b), nil)
		if err == nil && (len(head) != 64 || n != bytes.Count(b, []byte("\n"))) {
			t.Fatalf("%d events, head %q", n, head)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":[true,null,"\u0001é𬍛"]}`, `{"a":1.0}`, `{"b":1,"a":2}`, `{}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeCanonical(b)
		if err != nil {
			return
		}
		if again, err := encodeCanonical(nil, m); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q → %q", b, again)
		}
	})
}
