// Package testpki is a small public-key infrastructure for tests, on loopback:
// a root and an intermediate that publish their certificates and CRLs, an OCSP
// responder, a time-stamping authority with bad habits at will, and signers of
// every kind of key.
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
	"encoding/asn1"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"golang.org/x/crypto/ocsp"
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
	URL          string // of the services, without a slash at the end
	Root         *x509.Certificate
	Intermediate *x509.Certificate
	Revoked      map[string]bool // serial numbers, decimal
	Requests     map[string]int  // HTTP requests by path

	mu                sync.Mutex
	t                 testing.TB
	now               time.Time
	rootKey, interKey crypto.Signer
	responder, tsa    Identity
	serial            atomic.Int64
}

// New makes a PKI that is valid around now and starts its services.
func New(t testing.TB, now time.Time) *PKI {
	now = now.UTC() // a token in another zone is not one
	p := &PKI{t: t, now: now, rootKey: NewKey(t, P256), interKey: NewKey(t, P256), Revoked: map[string]bool{}, Requests: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(server.Close)
	p.URL = server.URL
	p.Root = p.issue(authority("测试根证书"), nil, p.rootKey.Public(), p.rootKey)
	inter := authority("测试中级证书")
	inter.CRLDistributionPoints = []string{p.URL + "/root.crl"}
	p.Intermediate = p.issue(inter, p.Root, p.interKey.Public(), p.rootKey)
	p.responder = p.Issue(P256, &x509.Certificate{
		Subject: pkix.Name{CommonName: "测试 OCSP"}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, Value: []byte{5, 0}}},
	})
	p.tsa = p.Issue(RSA, p.Services(Timestamping(true)))
	return p
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name, Country: []string{"CN"}}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
}

// Timestamping is a certificate for a time-stamping authority.
func Timestamping(critical bool) *x509.Certificate {
	eku, _ := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	return &x509.Certificate{Subject: pkix.Name{CommonName: "测试时间戳"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: eku}}}
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
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
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

// Signer issues a certificate for document signatures, with all services.
func (p *PKI) Signer(kind string) Identity {
	return p.Issue(kind, p.Services(&x509.Certificate{
		Subject:  pkix.Name{CommonName: "测试虚构（样本）科技有限公司", Organization: []string{"测试样本"}, Country: []string{"CN"}},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
	}))
}

// Services puts the addresses of the OCSP responder, the CRL and the issuer
// into a template.
func (p *PKI) Services(template *x509.Certificate) *x509.Certificate {
	template.OCSPServer = []string{p.URL + "/ocsp"}
	template.CRLDistributionPoints = []string{p.URL + "/inter.crl"}
	template.IssuingCertificateURL = []string{p.URL + "/inter.crt"}
	return template
}

// Issue issues a certificate as the template says; a validity that is not
// stated is ten years on both sides of now, 20 for an authority.
func (p *PKI) Issue(kind string, template *x509.Certificate) Identity {
	key := NewKey(p.t, kind)
	cert := p.issue(template, p.Intermediate, key.Public(), p.interKey)
	return Identity{key, []*x509.Certificate{cert, p.Intermediate, p.Root}}
}

func (p *PKI) issue(template, parent *x509.Certificate, pub crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	template.SerialNumber = big.NewInt(1000 + p.serial.Add(1))
	if template.NotBefore.IsZero() {
		years := 10
		if template.IsCA {
			years = 20
		}
		template.NotBefore, template.NotAfter = p.now.AddDate(-years, 0, 0), p.now.AddDate(years, 0, 0)
	}
	if parent == nil {
		parent = template
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

// Roots returns the root as a pool.
func (p *PKI) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.Root)
	return pool
}

// TSA returns the URL of the time-stamping authority. Habits are "" for a good
// one, or "nonce", "imprint", "short", "usage", "not-critical", "stranger",
// "clock", "refuse", "limit", "broken", "garbage", "slow".
func (p *PKI) TSA(habit string) string { return p.URL + "/tsa/" + habit }

func (p *PKI) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.Requests[r.URL.Path]++
	p.mu.Unlock()
	switch r.URL.Path {
	case "/inter.crt":
		w.Write(p.Intermediate.Raw)
	case "/root.crl":
		w.Write(p.crl(p.Root, p.rootKey, ""))
	case "/inter.crl":
		w.Write(p.crl(p.Intermediate, p.interKey, ""))
	case "/crl-old", "/crl-future", "/crl-partial", "/crl-authorities", "/crl-users":
		w.Write(p.crl(p.Intermediate, p.interKey, r.URL.Path[len("/crl-"):]))
	case "/crl-stranger":
		w.Write(p.crl(p.Intermediate, p.rootKey, ""))
	case "/ocsp", "/ocsp-old", "/ocsp-usage", "/ocsp-stranger", "/ocsp-unknown":
		p.ocsp(w, r, strings.TrimPrefix(r.URL.Path[len("/ocsp"):], "-"))
	default:
		p.stamp(w, r)
	}
}

func (p *PKI) crl(issuer *x509.Certificate, key crypto.Signer, habit string) []byte {
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: p.now.Add(-time.Hour), NextUpdate: p.now.AddDate(0, 0, 7)}
	point := func(value ...byte) {
		list.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: value}}
	}
	switch habit {
	case "old":
		list.NextUpdate = p.now.Add(-30 * time.Minute)
	case "future":
		list.ThisUpdate = p.now.Add(time.Hour)
	case "partial": // onlySomeReasons: keyCompromise
		point(0x30, 4, 0x83, 2, 6, 0x40)
	case "authorities": // onlyContainsCACerts
		point(0x30, 3, 0x82, 1, 0xff)
	case "users": // onlyContainsUserCerts
		point(0x30, 3, 0x81, 1, 0xff)
	}
	for serial := range p.Revoked {
		n, _ := new(big.Int).SetString(serial, 10)
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: p.now.Add(-time.Hour)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, issuer, key)
	if err != nil {
		p.t.Error(err)
	}
	return der
}

func (p *PKI) ocsp(w http.ResponseWriter, r *http.Request, habit string) {
	body, _ := io.ReadAll(r.Body)
	req, err := ocsp.ParseRequest(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	resp := ocsp.Response{Status: ocsp.Good, SerialNumber: req.SerialNumber, ThisUpdate: p.now.Add(-time.Minute), NextUpdate: p.now.AddDate(0, 0, 1), IssuerHash: req.HashAlgorithm}
	by := p.responder
	switch habit {
	case "old":
		resp.ThisUpdate = p.now.Add(-time.Hour)
		resp.NextUpdate = p.now.Add(-30 * time.Minute)
	case "unknown":
		resp.Status = ocsp.Unknown
	case "usage":
		by = p.Signer(P256)
	case "stranger":
		by = New(p.t, p.now).responder
	}
	resp.Certificate = by.Chain[0]
	if p.Revoked[req.SerialNumber.String()] {
		resp.Status, resp.RevokedAt = ocsp.Revoked, p.now.Add(-time.Hour)
	}
	der, err := ocsp.CreateResponse(p.Intermediate, by.Chain[0], resp, by.Key)
	if err != nil {
		p.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/ocsp-response")
	w.Write(der)
}

func (p *PKI) stamp(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	req, err := timestamp.ParseRequest(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	by := p.tsa
	ts := timestamp.Timestamp{HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Time: p.now, Nonce: req.Nonce,
		Policy: asn1.ObjectIdentifier{1, 2, 3, 4}, AddTSACertificate: true, Accuracy: time.Second}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	switch habit := r.URL.Path[len("/tsa/"):]; habit {
	case "nonce":
		ts.Nonce = big.NewInt(1)
	case "imprint":
		ts.HashedMessage = make([]byte, 32)
	case "short":
		ts.HashedMessage = req.HashedMessage[:20]
	case "usage":
		by = p.Signer(P256)
	case "not-critical":
		by = p.Issue(RSA, Timestamping(false))
	case "stranger":
		by = New(p.t, p.now).tsa
	case "clock":
		ts.Time = p.now.Add(-time.Hour)
	case "refuse":
		der, _ := timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.BadRequest)
		w.Write(der)
		return
	case "limit":
		w.Header().Set("Retry-After", "1")
		if p.Requests[r.URL.Path] == 1 {
			http.Error(w, "slow down", http.StatusTooManyRequests)
			return
		}
	case "broken":
		http.Error(w, "broken", http.StatusInternalServerError)
		return
	case "garbage":
		w.Write([]byte("garbage"))
		return
	case "slow":
		<-r.Context().Done()
		return
	}
	ts.Certificates = by.Chain[1:]
	der, err := ts.CreateResponseWithOpts(by.Chain[0], by.Key, crypto.SHA256)
	if err != nil {
		p.t.Error(err)
	}
	w.Write(der)
}
