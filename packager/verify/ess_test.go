package verify

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"dossier/packager/sign"
	makers "dossier/packager/sign/cms"
	"dossier/packager/sign/testpki"
	"dossier/packager/sign/tsp"
)

// twins are two certificates of one key that differ in their serial number
// alone, as when an authority issued one that it revoked and one that it did not.
func twins(t *testing.T, template *x509.Certificate) (key crypto.Signer, a, b *x509.Certificate) {
	t.Helper()
	key = testpki.NewKey(t, testpki.RSA) // PKCS #1 v1.5: the same length every time
	issue := func(serial int64) *x509.Certificate {
		c := *template
		c.Subject, c.SerialNumber = pkix.Name{CommonName: "测试样本"}, big.NewInt(serial)
		c.NotBefore, c.NotAfter = now.Add(-time.Hour), now.AddDate(1, 0, 0)
		der, err := x509.CreateCertificate(rand.Reader, &c, &c, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	return key, issue(1001), issue(1002)
}

// exchanged puts the other certificate into a container, and its serial number
// beside the issuer's name: neither is signed, but for ESS.
func exchanged(t *testing.T, der []byte, a, b *x509.Certificate) []byte {
	t.Helper()
	id := func(c *x509.Certificate) []byte {
		return append(bytes.Clone(c.RawIssuer), serialDER(c.SerialNumber)...)
	}
	if len(a.Raw) != len(b.Raw) || bytes.Count(der, a.Raw) != 1 {
		t.Fatal("the certificates are not of one length, or not there")
	}
	der = bytes.Replace(der, a.Raw, b.Raw, 1)
	if !bytes.Contains(der, id(a)) {
		t.Fatal("the signer is not named")
	}
	return bytes.Replace(der, id(a), id(b), 1) // the second one, in ESS, is signed
}

// TestSigningCertificate: ESS signing-certificate-v2 (RFC 5035) ties signature
// and timestamp to the one certificate that was meant; what makes them and what
// verifies them both look at it, and PAdES does without it nowhere.
func TestSigningCertificate(t *testing.T) {
	content := []byte("content")
	digest := sha256.Sum256(content)

	key, a, b := twins(t, &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature})
	der, err := sign.SealCMS(&sign.Key{Signer: key, Chain: []*x509.Certificate{a}}, bytes.NewReader(content), now)
	if err != nil {
		t.Fatal(err)
	}
	check := func(der []byte, form name) error {
		c, _, err := parseCMS(der)
		if err != nil {
			return err
		}
		return checkDetached(c, form, nil, func(crypto.Hash) ([]byte, error) { return digest[:], nil })
	}
	if err := check(der, "ETSI.CAdES.detached"); err != nil {
		t.Error(err)
	}
	other := exchanged(t, der, a, b)
	if err := check(other, "ETSI.CAdES.detached"); why(err) != "cms.ess" {
		t.Errorf("another certificate of the key: %v", err)
	}
	theirs, err := makers.Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	if theirs.Check(b, digest[:]) == nil {
		t.Error("sign takes another certificate of the key")
	}

	// openssl without -cades leaves it out.
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	out := testpki.WriteTemp(t, "out.der", nil)
	testpki.MustRun(t, "openssl", "cms", "-sign", "-binary", "-md", "sha256", "-outform", "DER", "-out", out,
		"-in", testpki.WriteTemp(t, "content", content),
		"-signer", testpki.WriteTemp(t, "a.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Raw})),
		"-inkey", testpki.WriteTemp(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	bare, err := readSmall(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(bare, "ETSI.CAdES.detached"); why(err) != "cms.ess-missing" {
		t.Errorf("without ESS: %v", err)
	}
	if err := check(bare, "adbe.pkcs7.detached"); err != nil {
		t.Errorf("without ESS, as older files may be: %v", err)
	}

	tsaKey, c, d := twins(t, testpki.Timestamping(true))
	ts := timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Time: now, Policy: asn1.ObjectIdentifier{1, 2, 3, 4}, AddTSACertificate: true}
	reply, err := ts.CreateResponseWithOpts(c, tsaKey, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := timestamp.ParseResponse(reply)
	if err != nil {
		t.Fatal(err)
	}
	stamped := func(der []byte, by *x509.Certificate) (ours, theirs error) {
		k, _, err := parseToken(der)
		if err != nil {
			t.Fatal(err)
		}
		ours = k.check(nil, func(crypto.Hash) ([]byte, error) { return digest[:], nil })
		m, err := tsp.Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(by)
		return ours, m.Check(digest, nil, roots)
	}
	if ours, theirs := stamped(parsed.RawToken, c); ours != nil || theirs != nil {
		t.Error(ours, theirs)
	}
	if ours, theirs := stamped(exchanged(t, parsed.RawToken, c, d), d); why(ours) != "cms.ess" || theirs == nil {
		t.Errorf("another certificate of the authority's key: %v, %v", ours, theirs)
	}
}
