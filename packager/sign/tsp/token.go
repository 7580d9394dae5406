// Package tsp is a client of time-stamping authorities (RFC 3161, with the
// ESSCertIDv2 of RFC 5816) that checks every token in full before it hands it
// on.
package tsp

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dossier/packager/sign/cms"
)

var (
	oidTSTInfo     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// Token is a timestamp token.
type Token struct {
	DER       []byte    // the TimeStampToken: a ContentInfo
	Time      time.Time // genTime
	Accuracy  time.Duration
	Policy    string // OID
	Serial    *big.Int
	Nonce     *big.Int            // nil: none
	Authority string              // URL that it came from; "" for one that was parsed
	Chain     []*x509.Certificate // the authority's certificate up to a trusted root; set by Check
	Certs     []*x509.Certificate // all that the token carries

	imprintHash asn1.ObjectIdentifier
	imprint     []byte
	data        *cms.SignedData
}

var errToken = errors.New("tsp: not a timestamp token")

// Parse reads a token. It checks nothing yet.
func Parse(der []byte) (*Token, error) {
	data, err := cms.Parse(der)
	if err != nil {
		return nil, err
	}
	if !data.ContentType.Equal(oidTSTInfo) || data.Content == nil {
		return nil, errToken
	}
	t := &Token{DER: der, data: data, Certs: data.Certificates}
	return t, t.parseInfo(data.Content)
}

// parseInfo reads the TSTInfo (RFC 3161 §2.4.2).
func (t *Token) parseInfo(in cryptobyte.String) error {
	var info, imprint, algorithm, sum, accuracy cryptobyte.String
	var version int
	var policy asn1.ObjectIdentifier
	var hasAccuracy, ordering bool
	t.Serial = new(big.Int)
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || !in.Empty() ||
		!info.ReadASN1Integer(&version) || version != 1 || !info.ReadASN1ObjectIdentifier(&policy) ||
		!info.ReadASN1(&imprint, cbasn1.SEQUENCE) || !imprint.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&t.imprintHash) || !imprint.ReadASN1(&sum, cbasn1.OCTET_STRING) || !imprint.Empty() ||
		!info.ReadASN1Integer(t.Serial) || !t.readTime(&info) ||
		!info.ReadOptionalASN1(&accuracy, &hasAccuracy, cbasn1.SEQUENCE) {
		return errToken
	}
	if hasAccuracy && !t.readAccuracy(accuracy) {
		return errToken
	}
	if info.PeekASN1Tag(cbasn1.BOOLEAN) && !info.ReadASN1Boolean(&ordering) {
		return errToken
	}
	if info.PeekASN1Tag(cbasn1.INTEGER) {
		t.Nonce = new(big.Int)
		if !info.ReadASN1Integer(t.Nonce) {
			return errToken
		}
	}
	t.Policy, t.imprint = policy.String(), sum
	return nil // tsa [0] and extensions [1] may follow
}

// readTime reads the genTime: GeneralizedTime in UTC, fractions allowed.
func (t *Token) readTime(in *cryptobyte.String) bool {
	var raw cryptobyte.String
	if !in.ReadASN1(&raw, cbasn1.GeneralizedTime) {
		return false
	}
	var err error
	t.Time, err = time.Parse("20060102150405Z", string(raw)) // takes fractions too
	return err == nil
}

func (t *Token) readAccuracy(in cryptobyte.String) bool {
	var seconds, millis, micros int64
	if in.PeekASN1Tag(cbasn1.INTEGER) && !in.ReadASN1Integer(&seconds) {
		return false
	}
	for tag, v := range []*int64{&millis, &micros} {
		if ct := cbasn1.Tag(tag).ContextSpecific(); in.PeekASN1Tag(ct) && !in.ReadASN1Int64WithTag(v, ct) {
			return false
		}
	}
	if seconds < 0 || seconds > 1e6 || millis < 0 || millis > 999 || micros < 0 || micros > 999 || !in.Empty() {
		return false
	}
	t.Accuracy = time.Duration(seconds)*time.Second + time.Duration(millis)*time.Millisecond + time.Duration(micros)*time.Microsecond
	return true
}

// Check holds the token against what was asked for and whom we trust:
// the imprint is SHA-256 of the right length and value; the nonce is ours
// (nil: not asked for); the signature is right and names its certificate; that
// certificate is for timestamps alone, by a critical extended key usage (RFC
// 3161 §2.3), and leads to one of roots (nil: the system's), all valid at the
// time of the token.
func (t *Token) Check(digest [sha256.Size]byte, nonce *big.Int, roots *x509.CertPool) error {
	if !t.imprintHash.Equal(cms.OIDSHA256) || len(t.imprint) != sha256.Size || !bytes.Equal(t.imprint, digest[:]) {
		return errors.New("tsp: the token is for other data")
	}
	if nonce != nil && (t.Nonce == nil || t.Nonce.Cmp(nonce) != 0) {
		return errors.New("tsp: the token answers another request")
	}
	signer, err := t.data.Signer()
	if err != nil {
		return err
	}
	h := t.data.Digest.New()
	h.Write(t.data.Content)
	if err := t.data.Check(signer, h.Sum(nil)); err != nil {
		return err
	}
	if err := forTimestamps(signer); err != nil {
		return err
	}
	inter := x509.NewCertPool()
	for _, c := range t.Certs {
		inter.AddCert(c)
	}
	chains, err := signer.Verify(x509.VerifyOptions{Roots: roots, Intermediates: inter, CurrentTime: t.Time, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	if err != nil {
		return fmt.Errorf("tsp: %w", err)
	}
	t.Chain = chains[0]
	return nil
}

func forTimestamps(c *x509.Certificate) error {
	only := len(c.ExtKeyUsage) == 1 && c.ExtKeyUsage[0] == x509.ExtKeyUsageTimeStamping && len(c.UnknownExtKeyUsage) == 0
	critical := false
	for _, e := range c.Extensions {
		critical = critical || e.Id.Equal(oidExtKeyUsage) && e.Critical
	}
	if !only || !critical {
		return errors.New("tsp: the certificate is not one for timestamps")
	}
	if c.KeyUsage&^(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0 {
		return errors.New("tsp: the certificate is for other uses too")
	}
	return nil
}

// request writes a TimeStampReq for a SHA-256 digest, asking for certificates.
func request(digest [sha256.Size]byte, nonce *big.Int) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(cms.OIDSHA256)
				b.AddASN1NULL() // some authorities insist on it
			})
			b.AddASN1OctetString(digest[:])
		})
		b.AddASN1BigInt(nonce)
		b.AddASN1Boolean(true)
	})
	return b.BytesOrPanic()
}

// response takes the token out of a TimeStampResp (RFC 3161 §2.4.2).
func response(der []byte) ([]byte, error) {
	in := cryptobyte.String(der)
	var resp, info, texts, token cryptobyte.String
	var status int
	if !in.ReadASN1(&resp, cbasn1.SEQUENCE) || !in.Empty() || !resp.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1Integer(&status) {
		return nil, errors.New("tsp: not a timestamp response")
	}
	if status > 1 || status < 0 { // granted, grantedWithMods
		var text []byte
		if info.ReadASN1(&texts, cbasn1.SEQUENCE) {
			var first cryptobyte.String
			if texts.ReadASN1(&first, cbasn1.UTF8String) {
				text = first[:min(len(first), 200)]
			}
		}
		return nil, fmt.Errorf("tsp: refused with status %d %q", status, text)
	}
	if !resp.ReadASN1Element(&token, cbasn1.SEQUENCE) || !resp.Empty() {
		return nil, errors.New("tsp: a response without a token")
	}
	return token, nil
}
