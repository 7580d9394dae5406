// Package testpki is a small public-key infrastructure for tests: a root, an
// intermediate, signers of every kind of key.
package testpki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// Kinds of keys.
const (
	RSA     = "RSA-2048"
	P256    = "P-256"
	P384    = "P-384"
	P521    = "P-521"
	Ed25519 = "Ed25519"
	RSA1024 = "RSA-1024"
)

// Identity is a key with its chain: its certificate, the intermediate, the root.
type Identity struct {
	Key   crypto.Signer
	Chain []*x509.Certificate
}

// PKI is a root and an intermediate that issues everything else.
type PKI struct {
	Root         *x509.Certificate
	Intermediate *x509.Certificate
	t            testing.TB
	now          time.Time
	rootKey      crypto.Signer
	interKey     crypto.Signer
	serial       int64
}

// New makes a PKI that is valid around now.
func New(t testing.TB, now time.Time) *PKI {
	p := &PKI{t: t, now: now, rootKey: p256(t), interKey: p256(t)}
	ca := func(name string) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name, Country: []string{"CN"}}, IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	}
	root := ca("测试根证书")
	p.Root = p.issue(root, root, p.rootKey.Public(), p.rootKey)
	p.Intermediate = p.issue(ca("测试中级证书"), p.Root, p.interKey.Public(), p.rootKey)
	return p
}

func p256(t testing.TB) crypto.Signer {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// NewKey makes a key of one of the kinds.
func NewKey(t testing.TB, kind string) crypto.Signer {
	var k crypto.Signer
	var err error
	switch kind {
	case RSA:
		k, err = rsa.GenerateKey(rand.Reader, 2048)
	case RSA1024:
		t.Setenv("GODEBUG", "rsa1024min=0")
		k, err = rsa.GenerateKey(rand.Reader, 1024)
	case P256:
		k = p256(t)
	case P384:
		k, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case P521:
		k, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case Ed25519:
		_, k, err = ed25519.GenerateKey(rand.Reader)
	default:
		t.Fatalf("no kind of key %q", kind)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Signer issues a certificate for document signatures.
func (p *PKI) Signer(kind string) Identity {
	return p.Issue(kind, &x509.Certificate{
		Subject:  pkix.Name{CommonName: "测试虚构（样本）科技有限公司", Organization: []string{"测试样本"}, Country: []string{"CN"}},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
	})
}

// Issue issues a certificate as the template says; a validity that is not
// stated is a year on both sides of now.
func (p *PKI) Issue(kind string, template *x509.Certificate) Identity {
	key := NewKey(p.t, kind)
	cert := p.issue(template, p.Intermediate, key.Public(), p.interKey)
	return Identity{key, []*x509.Certificate{cert, p.Intermediate, p.Root}}
}

func (p *PKI) issue(template, parent *x509.Certificate, pub crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	p.serial++
	template.SerialNumber = big.NewInt(1000 + p.serial)
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = p.now.AddDate(-1, 0, 0), p.now.AddDate(1, 0, 0)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, by)
	if err != nil {
		p.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	return cert
}
