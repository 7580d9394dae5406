package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dossier/packager"
	"dossier/packager/inspect"
	"dossier/packager/inspect/samples"
	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
)

// TestMaterialSignatures: a signed paper tells who signed it and whether that
// still holds, also from inside inspect; a number in the name is masked.
func TestMaterialSignatures(t *testing.T) {
	now := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	pki := testpki.New(t, now)
	id := pki.Issue(testpki.P256, &x509.Certificate{Subject: pkix.Name{CommonName: "041@测试甲@Z110101199003070012@1"}, KeyUsage: x509.KeyUsageDigitalSignature})
	plain := samples.PDF{Pages: 2, Text: "agreement"}.Bytes()
	signed := func(id testpki.Identity) []byte {
		out := filepath.Join(t.TempDir(), "signed.pdf")
		sum := sha256.Sum256(plain)
		b := &packager.Bundle{Path: testpki.WriteTemp(t, "in.pdf", plain), SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(plain)), Pages: 2}
		if _, err := sign.Sign(context.Background(), b, &sign.Key{Signer: id.Key, Chain: id.Chain, Source: "test"}, sign.Options{Out: out, Now: now, Reason: "同意"}); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	sound := signed(id)
	later := append(bytes.Clone(sound), "9 0 obj\n<<>>\nendobj\n"...)
	old := signed(pki.Issue(testpki.P256, &x509.Certificate{Subject: pkix.Name{CommonName: "样本丙"}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(0, 0, 1)}))
	tests := []struct {
		name   string
		pdf    []byte
		state  packager.SignatureState
		signer string
		code   string // of the check that explains it
		said   string // finding of inspect beside PDF_SIGNED
	}{
		{"sound", sound, packager.SignatureIntact, "041@测试甲@Z110***********0012@1", "", ""},
		{"a certificate that ends soon", old, packager.SignatureIntact, "样本丙", "", ""},
		{"changed", bytes.Replace(sound, []byte("(agreement 2)"), []byte("(agreement 9)"), 1), packager.SignatureBroken, "", "VERIFY_CHANGED", "PDF_SIGNATURE_LOST"},
		{"added to", later, packager.SignatureAltered, "041@测试甲@Z110***********0012@1", "VERIFY_APPENDED", "PDF_SIGNATURE_LOST"},
		{"no signature at all in the field", samples.Signed(), packager.SignatureUnclear, "", "VERIFY_BYTERANGE", "PDF_SIGNATURE_UNCLEAR"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := testpki.WriteTemp(t, "a.pdf", test.pdf)
			got, err := MaterialSignatures(context.Background(), path)
			if err != nil || len(got) != 1 {
				t.Fatalf("%v %+v", err, got)
			}
			s := got[0]
			if s.State != test.state || s.Signer != test.signer || s.Code != test.code {
				t.Errorf("%+v", s)
			}
			if s.State == packager.SignatureIntact && (s.Issuer != "测试中级证书" || s.ValidUntil.IsZero() || s.Level != "B-B" || s.Reason != "同意" || !strings.HasPrefix(s.Claimed, "D:20261122")) {
				t.Errorf("%+v", s)
			}
			x := inspect.New(inspect.Options{Tesseract: "off", EngineCacheDir: wasmCache, Signatures: MaterialSignatures})
			defer x.Close()
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			in, err := x.Inspect(context.Background(), &packager.Collection{Case: &packager.Case{}, Rules: &packager.RuleSet{}, Materials: []packager.Material{
				{Path: "materials/a.pdf", Abs: path, Bytes: st.Size(), ModTime: st.ModTime(), SHA256: test.name, Role: packager.RoleMaterial, IDs: []string{"x"}},
			}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if info := in.Files[0].PDF; len(info.Signed) != 1 || info.Signed[0].State != test.state {
				t.Errorf("%+v", info)
			}
			said := ""
			for _, f := range in.Findings {
				if strings.HasPrefix(f.Code, "PDF_SIGNATURE") {
					said = f.Code
				}
			}
			if said != test.said {
				t.Errorf("%q %+v", said, in.Findings)
			}
		})
	}
}
