package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// SignedData is a SignedData with one signer, taken apart.
type SignedData struct {
	ContentType  asn1.ObjectIdentifier
	Content      []byte // nil when detached
	Certificates []*x509.Certificate
	Digest       crypto.Hash // of the content
	Signature    []byte
	Unsigned     map[string][]byte // attribute values by OID; the first value of each

	signedAttrs []byte // as SET OF
	attrs       map[string][]byte
	algorithm   asn1.ObjectIdentifier
	params      []byte // of algorithm
	issuer      []byte
	serial      *big.Int
	keyID       []byte
}

var (
	errMalformed = errors.New("cms: not a SignedData with one signer")
	ctx0         = cbasn1.Tag(0).ContextSpecific().Constructed()
	ctx1         = cbasn1.Tag(1).ContextSpecific().Constructed()
)

// Parse reads a ContentInfo in DER. Zero bytes after it, as the padding in
// /Contents leaves them, are allowed; anything else is not.
func Parse(der []byte) (*SignedData, error) {
	in := cryptobyte.String(der)
	var info, wrapped, sd cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || len(bytes.TrimLeft(in, "\x00")) != 0 ||
		!info.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(OIDSignedData) ||
		!info.ReadASN1(&wrapped, ctx0) || !info.Empty() || !wrapped.ReadASN1(&sd, cbasn1.SEQUENCE) || !wrapped.Empty() {
		return nil, errMalformed
	}
	s := &SignedData{}
	var version int
	var algorithms, encap, certs, signers, signer cryptobyte.String
	var hasCerts bool
	if !sd.ReadASN1Integer(&version) || !sd.ReadASN1(&algorithms, cbasn1.SET) || !sd.ReadASN1(&encap, cbasn1.SEQUENCE) ||
		!sd.ReadOptionalASN1(&certs, &hasCerts, ctx0) || !sd.SkipOptionalASN1(ctx1) ||
		!sd.ReadASN1(&signers, cbasn1.SET) || !sd.Empty() || !signers.ReadASN1(&signer, cbasn1.SEQUENCE) || !signers.Empty() {
		return nil, errMalformed
	}
	if !encap.ReadASN1ObjectIdentifier(&s.ContentType) {
		return nil, errMalformed
	}
	if !encap.Empty() {
		var explicit, octets cryptobyte.String
		if !encap.ReadASN1(&explicit, ctx0) || !encap.Empty() || !explicit.ReadASN1(&octets, cbasn1.OCTET_STRING) || !explicit.Empty() {
			return nil, errMalformed
		}
		s.Content = octets
	}
	for !certs.Empty() {
		var raw cryptobyte.String
		var tag cbasn1.Tag
		if !certs.ReadAnyASN1Element(&raw, &tag) {
			return nil, errMalformed
		}
		if tag != cbasn1.SEQUENCE {
			continue // attribute certificates
		}
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, fmt.Errorf("cms: certificate: %w", err)
		}
		s.Certificates = append(s.Certificates, c)
	}
	return s, s.parseSigner(signer)
}

func (s *SignedData) parseSigner(in cryptobyte.String) error {
	var version int
	if !in.ReadASN1Integer(&version) {
		return errMalformed
	}
	if in.PeekASN1Tag(cbasn1.SEQUENCE) {
		var sid, issuer cryptobyte.String
		s.serial = new(big.Int)
		if !in.ReadASN1(&sid, cbasn1.SEQUENCE) || !sid.ReadASN1Element(&issuer, cbasn1.SEQUENCE) || !sid.ReadASN1Integer(s.serial) {
			return errMalformed
		}
		s.issuer = issuer
	} else {
		var id cryptobyte.String
		if !in.ReadASN1(&id, cbasn1.Tag(0).ContextSpecific()) {
			return errMalformed
		}
		s.keyID = id
	}
	digest, _, err := readAlgorithm(&in)
	if err != nil {
		return err
	}
	if s.Digest, err = hashOf(digest); err != nil {
		return err
	}
	var attrs, signature, unsigned cryptobyte.String
	var hasUnsigned bool
	if !in.ReadASN1(&attrs, ctx0) {
		return errors.New("cms: no signed attributes")
	}
	s.signedAttrs = wrap(cbasn1.SET, attrs)
	if s.attrs, err = readAttributes(attrs); err != nil {
		return err
	}
	if s.algorithm, s.params, err = readAlgorithm(&in); err != nil {
		return err
	}
	if !in.ReadASN1(&signature, cbasn1.OCTET_STRING) || !in.ReadOptionalASN1(&unsigned, &hasUnsigned, ctx1) || !in.Empty() {
		return errMalformed
	}
	s.Signature = signature
	s.Unsigned, err = readAttributes(unsigned)
	return err
}

func readAlgorithm(in *cryptobyte.String) (oid asn1.ObjectIdentifier, params []byte, err error) {
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&oid) {
		return nil, nil, errMalformed
	}
	return oid, seq, nil
}

func readAttributes(in cryptobyte.String) (map[string][]byte, error) {
	out := map[string][]byte{}
	for !in.Empty() {
		var attr, values, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		var tag cbasn1.Tag
		if !in.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1ObjectIdentifier(&oid) || !attr.ReadASN1(&values, cbasn1.SET) ||
			!attr.Empty() || !values.ReadAnyASN1Element(&value, &tag) {
			return nil, errMalformed
		}
		if _, twice := out[oid.String()]; twice {
			return nil, errors.New("cms: an attribute stands twice")
		}
		out[oid.String()] = value
	}
	return out, nil
}

func hashOf(oid asn1.ObjectIdentifier) (crypto.Hash, error) {
	switch {
	case oid.Equal(OIDSHA256):
		return crypto.SHA256, nil
	case oid.Equal(OIDSHA384):
		return crypto.SHA384, nil
	case oid.Equal(OIDSHA512):
		return crypto.SHA512, nil
	}
	return 0, fmt.Errorf("cms: digest algorithm %v is not accepted", oid)
}

// Signer returns the signer's certificate out of Certificates and more.
func (s *SignedData) Signer(more ...*x509.Certificate) (*x509.Certificate, error) {
	for _, c := range slices.Concat(s.Certificates, more) {
		if s.keyID != nil && bytes.Equal(s.keyID, c.SubjectKeyId) ||
			s.serial != nil && bytes.Equal(s.issuer, c.RawIssuer) && s.serial.Cmp(c.SerialNumber) == 0 {
			return c, nil
		}
	}
	return nil, errors.New("cms: the signer's certificate is missing")
}

// Check verifies the signature with the signer's certificate: the
// message-digest attribute is digest (of the content, by s.Digest), the
// content-type attribute is that of the content, signing-certificate(-v2)
// names the certificate, and the signature over the attributes is right. It
// does not look at the chain.
func (s *SignedData) Check(signer *x509.Certificate, digest []byte) error {
	var md cryptobyte.String
	v := cryptobyte.String(s.attrs[OIDMessageDigest.String()])
	if !v.ReadASN1(&md, cbasn1.OCTET_STRING) || !bytes.Equal(md, digest) {
		return errors.New("cms: the digest of the content is another one")
	}
	var oid asn1.ObjectIdentifier
	v = s.attrs[OIDContentType.String()]
	if !v.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(s.ContentType) {
		return errors.New("cms: the content type is another one")
	}
	if err := s.checkCertificateAttribute(signer); err != nil {
		return err
	}
	return s.checkSignature(signer)
}

// checkCertificateAttribute holds the first ESSCertID (RFC 2634 §5.4: SHA-1)
// or ESSCertIDv2 (RFC 5035 §3) against the certificate.
func (s *SignedData) checkCertificateAttribute(signer *x509.Certificate) error {
	wrong := errors.New("cms: signing-certificate does not name the signer")
	hash := crypto.SHA256
	v := cryptobyte.String(s.attrs[OIDSigningCertificateV2.String()])
	v1 := len(v) == 0
	if v1 {
		v, hash = s.attrs[OIDSigningCertificate.String()], crypto.SHA1
	}
	var all, certs, first, sum cryptobyte.String
	if !v.ReadASN1(&all, cbasn1.SEQUENCE) || !all.ReadASN1(&certs, cbasn1.SEQUENCE) || !certs.ReadASN1(&first, cbasn1.SEQUENCE) {
		return wrong
	}
	if !v1 && first.PeekASN1Tag(cbasn1.SEQUENCE) {
		oid, _, err := readAlgorithm(&first)
		if err != nil {
			return err
		}
		if hash, err = hashOf(oid); err != nil {
			return err
		}
	}
	h := hash.New()
	h.Write(signer.Raw)
	if !first.ReadASN1(&sum, cbasn1.OCTET_STRING) || !bytes.Equal(sum, h.Sum(nil)) {
		return wrong
	}
	return nil
}

func (s *SignedData) checkSignature(signer *x509.Certificate) error {
	hash := s.Digest
	switch {
	case s.algorithm.Equal(OIDSHA256WithRSA), s.algorithm.Equal(OIDECDSAWithSHA256):
		hash = crypto.SHA256
	case s.algorithm.Equal(OIDSHA384WithRSA), s.algorithm.Equal(OIDECDSAWithSHA384):
		hash = crypto.SHA384
	case s.algorithm.Equal(OIDSHA512WithRSA), s.algorithm.Equal(OIDECDSAWithSHA512):
		hash = crypto.SHA512
	}
	h := hash.New()
	h.Write(s.signedAttrs)
	sum := h.Sum(nil)
	wrong := errors.New("cms: the signature is wrong")
	switch pub := signer.PublicKey.(type) {
	case *rsa.PublicKey:
		switch {
		case s.algorithm.Equal(OIDRSAPSS):
			if rsa.VerifyPSS(pub, hash, sum, s.Signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: hash}) != nil {
				return wrong
			}
			return nil
		case s.algorithm.Equal(OIDRSA), s.algorithm.Equal(OIDSHA256WithRSA), s.algorithm.Equal(OIDSHA384WithRSA), s.algorithm.Equal(OIDSHA512WithRSA):
			if rsa.VerifyPKCS1v15(pub, hash, sum, s.Signature) != nil {
				return wrong
			}
			return nil
		}
	case *ecdsa.PublicKey:
		if s.algorithm.Equal(OIDECDSAWithSHA256) || s.algorithm.Equal(OIDECDSAWithSHA384) || s.algorithm.Equal(OIDECDSAWithSHA512) {
			if !ecdsa.VerifyASN1(pub, sum, s.Signature) {
				return wrong
			}
			return nil
		}
	}
	return fmt.Errorf("cms: signature algorithm %v is not accepted", s.algorithm)
}

// Chain picks leaf's issuers, link by link, out of pool. It ends at a
// certificate that signed itself, or where the issuer is not known.
func Chain(leaf *x509.Certificate, pool []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for len(chain) <= len(pool) {
		last := chain[len(chain)-1]
		if SelfIssued(last) {
			break
		}
		i := slices.IndexFunc(pool, func(c *x509.Certificate) bool { return Issued(c, last) })
		if i < 0 {
			break
		}
		chain = append(chain, pool[i])
	}
	return chain
}

// SelfIssued reports whether subject and issuer are the same.
func SelfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// Issued reports whether issuer has signed c.
func Issued(issuer, c *x509.Certificate) bool {
	return bytes.Equal(issuer.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(issuer) == nil
}

// ParseCertificates reads the certificates of a SignedData without signers, as
// issuers are published (RFC 5280 §4.2.2.1, .p7c).
func ParseCertificates(der []byte) ([]*x509.Certificate, error) {
	in := cryptobyte.String(der)
	var info, wrapped, sd, certs cryptobyte.String
	var hasCerts bool
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || !info.SkipASN1(cbasn1.OBJECT_IDENTIFIER) || !info.ReadASN1(&wrapped, ctx0) ||
		!wrapped.ReadASN1(&sd, cbasn1.SEQUENCE) || !sd.SkipASN1(cbasn1.INTEGER) || !sd.SkipASN1(cbasn1.SET) ||
		!sd.SkipASN1(cbasn1.SEQUENCE) || !sd.ReadOptionalASN1(&certs, &hasCerts, ctx0) {
		return nil, errors.New("cms: not a SignedData")
	}
	return x509.ParseCertificates(certs)
}
