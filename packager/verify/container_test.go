package verify

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"dossier/packager"
	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
)

func why(err error) string {
	var c *cause
	if errors.As(err, &c) {
		return c.key[len("verify.why."):]
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestEveryByteOfTheContainer changes every byte of a container in several
// ways: nothing in it may be free.
func TestEveryByteOfTheContainer(t *testing.T) {
	pki := testpki.New(t, now)
	content := []byte("content")
	changes := map[string][]byte{testpki.P256: {0x01, 0x80}, testpki.RSA: {0x0A}}
	for kind := range changes {
		der, err := sign.SealCMS(testKey(pki, kind), bytes.NewReader(content), now)
		if err != nil {
			t.Fatal(err)
		}
		check := func(b []byte) error {
			c, rest, err := parseCMS(b)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return errors.New("rest")
			}
			if err := c.findSigner(nil); err != nil {
				return err
			}
			if err := c.check(bytes.NewReader(content)); err != nil {
				return err
			}
			path, err := c.path(c.certs)
			if err == nil && incomplete(path) != "" {
				return errors.New("said: VERIFY_CHAIN_INCOMPLETE")
			}
			return err
		}
		if err := check(der); err != nil {
			t.Fatal(err)
		}
		free := 0
		for i := range der {
			for _, x := range changes[kind] {
				b := bytes.Clone(der)
				b[i] ^= x
				if check(b) == nil {
					free++
					// rsaEncryption and sha256WithRSAEncryption name the same
					// signature (RFC 5754 3.2), one byte apart.
					if kind != testpki.RSA || x != 0x0A {
						t.Errorf("%s: byte %d ^ %#x is free", kind, i, x)
					}
				}
			}
		}
		if free > 1 {
			t.Errorf("%s: %d changes pass", kind, free)
		}
	}
}

func TestReceiptContainer(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.P256)
	der, err := sign.SealCMS(key, bytes.NewReader([]byte("content")), now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(der) {
		if _, _, err := parseCMS(der[:i]); err == nil {
			t.Fatalf("cut at %d", i)
		}
	}
	c, _, err := parseCMS(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.findSigner(nil); err != nil {
		t.Fatal(err)
	}
	if err := c.check(bytes.NewReader([]byte("Content"))); why(err) != "changed" {
		t.Error(err)
	}
	c.certs = nil
	if err := c.findSigner(nil); why(err) != "cms.nocert" {
		t.Error(err)
	}
}

func TestPath(t *testing.T) {
	pki, other := testpki.New(t, now), testpki.New(t, now)
	id := pki.Signer(testpki.P256)
	leaf, inter, root := id.Chain[0], id.Chain[1], id.Chain[2]
	for _, c := range []struct {
		name  string
		certs []*x509.Certificate
		n     int
		want  string
	}{
		{"whole", id.Chain, 3, ""},
		{"in any order", []*x509.Certificate{root, leaf, inter}, 3, ""},
		{"without the root", []*x509.Certificate{leaf, inter}, 2, ""},
		{"alone", []*x509.Certificate{leaf}, 1, ""},
		{"an impostor of the same name", []*x509.Certificate{leaf, other.Intermediate, other.Root}, 0, "cert.signature"},
		{"impostor and issuer", []*x509.Certificate{leaf, other.Intermediate, inter, root, other.Root}, 3, ""},
		{"a stranger", []*x509.Certificate{leaf, inter, root, other.Signer(testpki.P256).Chain[0]}, 0, "cert.signature"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &cms{signer: leaf, certs: c.certs}
			path, err := k.path(c.certs)
			if why(err) != c.want || len(path) != c.n {
				t.Errorf("%d, %v", len(path), err)
			}
		})
	}
}

// tokenFrom asks the test authority for a token over content.
func tokenFrom(t *testing.T, pki *testpki.PKI, habit string, content []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(content)
	req, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(pki.TSA(habit), "application/timestamp-query", bytes.NewReader(req))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	ts, err := timestamp.ParseResponse(b)
	if err != nil {
		t.Fatal(err)
	}
	return ts.RawToken
}

func TestToken(t *testing.T) {
	pki := testpki.New(t, now)
	content := []byte("signature value")
	sum := func(h crypto.Hash) ([]byte, error) {
		w := h.New()
		w.Write(content)
		return w.Sum(nil), nil
	}
	for _, c := range []struct{ habit, want string }{
		{"", ""},
		{"imprint", "tst.imprint"},
		{"short", "tst.imprint"},
		{"usage", "tst.usage"},
		{"not-critical", "tst.usage"},
	} {
		t.Run("habit "+c.habit, func(t *testing.T) {
			k, rest, err := parseToken(tokenFrom(t, pki, c.habit, content))
			if err == nil {
				err = k.check(nil, sum)
			}
			if why(err) != c.want || len(rest) != 0 {
				t.Error(err)
			}
			if c.want == "" && (!k.time.Equal(now) || len(k.path) != 3) {
				t.Errorf("%v %d", k.time, len(k.path))
			}
		})
	}
	good := tokenFrom(t, pki, "", content)
	k, _, err := parseToken(good)
	if err == nil {
		err = k.check(nil, sum)
	}
	if err != nil || trust(k.cms.signer, k.cms.certs, Options{Roots: testpki.New(t, now).Roots()}, now, x509.ExtKeyUsageTimeStamping) != "untrusted" {
		t.Error("a stranger's token is trusted", err)
	}
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 0x40
		if k, rest, err := parseToken(b); err == nil && len(rest) == 0 && k.check(nil, sum) == nil && incomplete(k.path) == "" {
			t.Errorf("byte %d is free", i)
		}
	}
	seal, err := sign.SealCMS(testKey(pki, testpki.P256), bytes.NewReader(content), now)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := parseToken(seal); why(err) != "tst.content" {
		t.Error(err)
	}
	for s, ok := range map[string]bool{"20261122040000Z": true, "20261122040000.25Z": true, "20261122040000": false, "20261122040000+0800": false, "2026Z": false} {
		if _, err := generalizedTime(s); (err == nil) != ok {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func fetchURL(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRevocationLists(t *testing.T) {
	pki, other := testpki.New(t, now), testpki.New(t, now)
	id := pki.Signer(testpki.P256)
	list := func(p *testpki.PKI) *x509.RevocationList {
		l, err := x509.ParseRevocationList(fetchURL(t, p.URL+"/inter.crl"))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	clean, foreign := list(pki), list(other)
	pki.Revoked[id.Chain[0].SerialNumber.String()] = true // an hour before now
	dirty := list(pki)
	partial := *clean
	idp := func(tag byte) []pkix.Extension {
		return []pkix.Extension{{Id: oidIssuingDistributionPoint, Critical: true, Value: []byte{0x30, 3, tag, 1, 0xFF}}}
	}
	partial.Extensions = idp(0x82) // onlyContainsCACerts
	odd := *clean
	odd.Extensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true}}
	users := *clean
	users.Extensions = idp(0x81)
	for _, c := range []struct {
		name  string
		lists []*x509.RevocationList
		when  time.Time
		want  string
	}{
		{"none", nil, now, stateUnknown},
		{"clean", []*x509.RevocationList{clean}, now, stateGood},
		{"revoked", []*x509.RevocationList{dirty}, now, stateRevoked},
		{"revoked, and an older clean one", []*x509.RevocationList{clean, dirty}, now, stateRevoked},
		{"revoked after the time that counts", []*x509.RevocationList{dirty}, now.Add(-2 * time.Hour), stateGood},
		{"over before the time that counts", []*x509.RevocationList{clean}, now.AddDate(1, 0, 0), stateUnknown},
		{"another authority's", []*x509.RevocationList{foreign}, now, stateUnknown},
		{"for authorities only", []*x509.RevocationList{&partial}, now, stateUnknown},
		{"for users only", []*x509.RevocationList{&users}, now, stateGood},
		{"with an unknown critical extension", []*x509.RevocationList{&odd}, now, stateUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r packager.CertificateReport
			(&evidence{crls: c.lists}).judge(id.Chain[0], id.Chain[1], c.when, &r)
			if r.Revocation != c.want {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestRevokedSigner: the store that a later revision brings says that the
// certificate was revoked before the signature was made.
func TestRevokedSigner(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.P256)
	signed := signPDF(t, pki, key, samplePDF(testpki.WithTable), nil)
	pki.Revoked[key.Chain[0].SerialNumber.String()] = true
	crl := fetchURL(t, pki.URL+"/inter.crl")
	root := edited(t, signed, 1, func(c dict) { c["DSS"] = dict{"CRLs": array{ref{num: 50}}} })
	v := verdictOf(update(t, signed, map[int]string{1: root, 50: "<</Length " + itoa(len(crl)) + ">>\nstream\n" + string(crl) + "\nendstream"}, nil), Options{})
	if v.OK || !hasCode(v, "VERIFY_REVOKED") || v.Signatures[0].Chain[0].Revocation != stateRevoked {
		t.Errorf("%v", failures(v))
	}
}
