package cms

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"
)

func signers(t testing.TB) map[string]Signer {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cert := func(pub, key any) []*x509.Certificate {
		template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "测试样本"}, NotAfter: time.Unix(4e9, 0)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, pub, key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return []*x509.Certificate{c}
	}
	return map[string]Signer{
		"RSA":   {Key: r, Chain: cert(r.Public(), r)},
		"PSS":   {Key: r, Chain: cert(r.Public(), r), PSS: true},
		"ECDSA": {Key: ec, Chain: cert(ec.Public(), ec)},
		"other": {Key: ec, Chain: cert(r.Public(), r)},
	}
}

func check(der []byte, digest [32]byte, chain []*x509.Certificate) error {
	d, err := Parse(der)
	if err != nil {
		return err
	}
	signer, err := d.Signer(chain...)
	if err != nil {
		return err
	}
	return d.Check(signer, digest[:])
}

func TestSignParseCheck(t *testing.T) {
	digest := sha256.Sum256([]byte("测试样本"))
	for name, s := range signers(t) {
		der, err := s.Sign(digest, nil)
		if name == "other" {
			if err == nil {
				t.Error("signed with another key than the certificate's")
			}
			continue
		}
		if err != nil {
			t.Fatal(name, err)
		}
		var whole asn1.RawValue
		if rest, err := asn1.Unmarshal(der, &whole); err != nil || len(rest) > 0 {
			t.Error(name, "not one DER value")
		}
		if err := check(der, digest, s.Chain); err != nil {
			t.Error(name, err)
		}
		if err := check(append(bytes.Clone(der), 0, 0, 0), digest, s.Chain); err != nil {
			t.Error(name, "zeros behind it:", err)
		}
		if check(append(bytes.Clone(der), 0, 1), digest, s.Chain) == nil {
			t.Error(name, "junk in the padding is taken")
		}
		if check(der, sha256.Sum256([]byte("x")), s.Chain) == nil {
			t.Error(name, "fits another content")
		}
		d, err := Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := d.attrs["1.2.840.113549.1.9.5"]; ok || len(d.attrs) != 3 {
			t.Error(name, "attributes", d.attrs)
		}
		// A flipped bit anywhere but in the version of the structures or in
		// names of algorithms that are not used is found out.
		sig := bytes.Index(der, d.Signature)
		attrs := bytes.Index(der, d.signedAttrs[4:])
		for _, at := range []int{sig, sig + len(d.Signature)/2, sig + len(d.Signature) - 1, attrs + 3, attrs + len(d.signedAttrs)/2, bytes.Index(der, s.Chain[0].Raw) + 60} {
			bad := bytes.Clone(der)
			bad[at] ^= 1
			if check(bad, digest, nil) == nil {
				t.Errorf("%s: a flipped bit at %d of %d is taken", name, at, len(der))
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	s := signers(f)["ECDSA"]
	digest := sha256.Sum256(nil)
	der, err := s.Sign(digest, func(sig []byte) ([]byte, error) { return []byte{0x30, 0}, nil })
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Fuzz(func(_ *testing.T, b []byte) {
		if d, err := Parse(b); err == nil {
			if signer, err := d.Signer(s.Chain...); err == nil {
				d.Check(signer, digest[:])
			}
		}
		ParseCertificates(b)
	})
}
