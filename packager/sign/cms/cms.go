// Package cms makes the one form of CMS SignedData (RFC 5652) that dossier
// signs with: detached, one signer, SHA-256, and the signed attributes of a
// CAdES signature as PAdES wants them (ETSI EN 319 142-1 §6.3, EN 319 122-1):
// content-type, message-digest and ESS signing-certificate-v2 (RFC 5035), no
// signing-time.
package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers that a signature or a timestamp token may hold.
var (
	OIDData                 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	OIDSignedData           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	OIDContentType          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	OIDMessageDigest        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	OIDSigningCertificate   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	OIDSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	OIDSignatureTimeStamp   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	OIDSHA1                 = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	OIDSHA256               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	OIDSHA384               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	OIDSHA512               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	OIDRSA                  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	OIDSHA256WithRSA        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	OIDSHA384WithRSA        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}
	OIDSHA512WithRSA        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}
	OIDRSAPSS               = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	OIDMGF1                 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	OIDECDSAWithSHA256      = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	OIDECDSAWithSHA384      = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	OIDECDSAWithSHA512      = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}
)

// Signer says who signs and how.
type Signer struct {
	Key   crypto.Signer       // RSA or ECDSA
	Chain []*x509.Certificate // the signer's certificate first; all are put into the CMS
	PSS   bool                // RSASSA-PSS (SHA-256, MGF1 with SHA-256, salt of 32 bytes) instead of PKCS #1 v1.5
}

// Sign returns the DER of a ContentInfo with a detached SignedData over
// content whose SHA-256 is digest. If timestamp is not nil, it is called with
// the signature value and its result, a TimeStampToken (RFC 3161), becomes the
// unsigned attribute signature-time-stamp.
func (s Signer) Sign(digest [sha256.Size]byte, timestamp func(signature []byte) ([]byte, error)) ([]byte, error) {
	if len(s.Chain) == 0 {
		return nil, errors.New("cms: no certificate")
	}
	attrs, err := signedAttributes(digest, s.Chain[0])
	if err != nil {
		return nil, err
	}
	signature, err := s.signature(wrap(cbasn1.SET, attrs))
	if err != nil {
		return nil, err
	}
	var token []byte
	if timestamp != nil {
		if token, err = timestamp(signature); err != nil {
			return nil, err
		}
	}
	return s.contentInfo(attrs, signature, token)
}

// signature signs message and checks the result with the certificate, so that
// a token or card with another key than its certificate says is found out.
func (s Signer) signature(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	var opts crypto.SignerOpts = crypto.SHA256
	if s.PSS {
		opts = &rsa.PSSOptions{SaltLength: sha256.Size, Hash: crypto.SHA256}
	}
	sig, err := s.Key.Sign(rand.Reader, sum[:], opts)
	if err != nil {
		return nil, fmt.Errorf("cms: the key did not sign: %w", err)
	}
	ok := false
	switch pub := s.Chain[0].PublicKey.(type) {
	case *rsa.PublicKey:
		if s.PSS {
			ok = rsa.VerifyPSS(pub, crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: sha256.Size}) == nil
		} else {
			ok = rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], sig) == nil
		}
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(pub, sum[:], sig)
	default:
		return nil, fmt.Errorf("cms: cannot sign with a key of type %T", pub)
	}
	if !ok {
		return nil, errors.New("cms: the signature does not fit the certificate")
	}
	return sig, nil
}

// signedAttributes returns the attributes in DER order, without the tag of
// the set: it is signed as SET OF and embedded as [0] (RFC 5652 §5.4).
func signedAttributes(digest [sha256.Size]byte, cert *x509.Certificate) ([]byte, error) {
	certHash := sha256.Sum256(cert.Raw)
	var attrs [][]byte
	for _, a := range []struct {
		oid   asn1.ObjectIdentifier
		value func(*cryptobyte.Builder)
	}{
		{OIDContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(OIDData) }},
		{OIDMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest[:]) }},
		// SigningCertificateV2 { certs { ESSCertIDv2 { certHash } } }; the hash
		// algorithm is left out because SHA-256 is its DER default.
		{OIDSigningCertificateV2, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(certHash[:]) })
				})
			})
		}},
	} {
		der, err := attribute(a.oid, a.value)
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, der)
	}
	slices.SortFunc(attrs, bytes.Compare)
	return bytes.Join(attrs, nil), nil
}

func (s Signer) contentInfo(attrs, signature, token []byte) ([]byte, error) {
	cert := s.Chain[0]
	var raw [][]byte
	for _, c := range s.Chain {
		raw = append(raw, c.Raw)
	}
	slices.SortFunc(raw, bytes.Compare) // DER: a SET OF is sorted
	var unsigned []byte
	if token != nil {
		var err error
		unsigned, err = attribute(OIDSignatureTimeStamp, func(b *cryptobyte.Builder) { b.AddBytes(token) })
		if err != nil {
			return nil, err
		}
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // ContentInfo
		b.AddASN1ObjectIdentifier(OIDSignedData)
		b.AddASN1(ctx0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // SignedData
				b.AddASN1Int64(1)
				b.AddASN1(cbasn1.SET, addSHA256)
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(OIDData) })
				b.AddASN1(ctx0, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(raw, nil)) })
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // SignerInfo
						b.AddASN1Int64(1)
						b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddBytes(cert.RawIssuer)
							b.AddASN1BigInt(cert.SerialNumber)
						})
						addSHA256(b)
						b.AddASN1(ctx0, func(b *cryptobyte.Builder) { b.AddBytes(attrs) })
						s.addAlgorithm(b)
						b.AddASN1OctetString(signature)
						if unsigned != nil {
							b.AddASN1(ctx1, func(b *cryptobyte.Builder) { b.AddBytes(unsigned) })
						}
					})
				})
			})
		})
	})
	return b.Bytes()
}

// addAlgorithm writes the signature algorithm: rsaEncryption (RFC 3370 §3.2,
// the form every reader knows), RSASSA-PSS (RFC 4056) or ecdsa-with-SHA256.
func (s Signer) addAlgorithm(b *cryptobyte.Builder) {
	_, isRSA := s.Chain[0].PublicKey.(*rsa.PublicKey)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		switch {
		case isRSA && s.PSS:
			b.AddASN1ObjectIdentifier(OIDRSAPSS)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), addSHA256)
				b.AddASN1(cbasn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(OIDMGF1)
						addSHA256(b)
					})
				})
				b.AddASN1(cbasn1.Tag(2).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
					b.AddASN1Int64(sha256.Size)
				})
			})
		case isRSA:
			b.AddASN1ObjectIdentifier(OIDRSA)
			b.AddASN1NULL()
		default:
			b.AddASN1ObjectIdentifier(OIDECDSAWithSHA256)
		}
	})
}

// addSHA256 leaves the parameters out, as RFC 5754 §2 says.
func addSHA256(b *cryptobyte.Builder) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(OIDSHA256) })
}

func attribute(oid asn1.ObjectIdentifier, value func(*cryptobyte.Builder)) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddASN1(cbasn1.SET, value)
	})
	return b.Bytes()
}

func wrap(tag cbasn1.Tag, content []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(content) })
	return b.BytesOrPanic()
}
