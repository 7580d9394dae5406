package verify

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1" // ESS signing-certificate version 1
	"crypto/sha256"
	_ "crypto/sha512" // SHA-384, SHA-512
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"hash"
	"io"
	"math/big"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers of RFC 5652 (CMS), RFC 5035 (ESS) and RFC 8017.
var (
	oidSignedData      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidData            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidContentType     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCertV1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCertV2   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidTimestampToken  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	oidTSTInfo         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSHA256          = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384          = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512          = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	oidRSA             = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidRSAWithSHA256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidRSAWithSHA384   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}
	oidRSAWithSHA512   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}
	oidRSAPSS          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	oidECDSAWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidECDSAWithSHA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	oidECDSAWithSHA512 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}
)

var digestOf = map[string]crypto.Hash{
	oidSHA256.String(): crypto.SHA256,
	oidSHA384.String(): crypto.SHA384,
	oidSHA512.String(): crypto.SHA512,
}

// cms is a CMS SignedData with exactly one signer.
type cms struct {
	contentType   asn1.ObjectIdentifier
	content       []byte // eContent, nil when detached
	certs         []*x509.Certificate
	crls          [][]byte
	issuer        []byte // the signer's issuer and serial number in DER …
	serial        []byte
	keyID         []byte            // … or the identifier of its key
	signer        *x509.Certificate // after findSigner
	digest        crypto.Hash
	sigAlg        algorithm
	signedAttrs   []byte // as SET OF (0x31), the bytes that are signed
	attrs         map[string][]byte
	unsignedAttrs map[string][]byte
	signature     []byte
}

type algorithm struct {
	oid    asn1.ObjectIdentifier
	params []byte // DER of the parameters, nil when absent
}

// maxCerts of a container: each may have to be held against each.
const maxCerts = 100

// cmsError says which part of the container is not as RFC 5652 has it.
func cmsError(part string) error { return because("cms.part", "part", part) }

// parseCMS reads a ContentInfo in strict DER and returns what follows it.
// Everything is looked at: a byte that nothing depends on is a byte that can
// be changed unseen.
func parseCMS(b []byte) (c *cms, rest []byte, err error) {
	in := cryptobyte.String(b)
	var info, wrap, sd cryptobyte.String
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) {
		return nil, nil, cmsError("ContentInfo")
	}
	rest = in
	var id asn1.ObjectIdentifier
	if !info.ReadASN1ObjectIdentifier(&id) || !id.Equal(oidSignedData) ||
		!info.ReadASN1(&wrap, cbasn1.Tag(0).ContextSpecific().Constructed()) || !info.Empty() ||
		!wrap.ReadASN1(&sd, cbasn1.SEQUENCE) || !wrap.Empty() {
		return nil, nil, cmsError("SignedData")
	}
	c = &cms{}
	version, err := c.readHead(&sd)
	if err != nil {
		return nil, nil, err
	}
	if err := c.readCerts(&sd); err != nil {
		return nil, nil, err
	}
	if err := c.readCRLs(&sd); err != nil {
		return nil, nil, err
	}
	var infos cryptobyte.String
	if !sd.ReadASN1(&infos, cbasn1.SET) || !sd.Empty() {
		return nil, nil, cmsError("SignerInfos")
	}
	if err := c.readSigner(&infos); err != nil {
		return nil, nil, err
	}
	if version != c.version() {
		return nil, nil, cmsError("CMSVersion")
	}
	return c, rest, nil
}

// version is the one that RFC 5652 5.1 asks for, given plain certificates.
func (c *cms) version() int64 {
	if c.contentType.Equal(oidData) && c.keyID == nil {
		return 1
	}
	return 3
}

func (c *cms) readHead(sd *cryptobyte.String) (version int64, err error) {
	var algs, encap cryptobyte.String
	if !sd.ReadASN1Integer(&version) || !sd.ReadASN1(&algs, cbasn1.SET) {
		return 0, cmsError("SignedData")
	}
	alg, err := readAlgorithm(&algs)
	if err != nil || !algs.Empty() {
		return 0, cmsError("digestAlgorithms")
	}
	if c.digest, err = digestFor(alg); err != nil {
		return 0, err
	}
	if !sd.ReadASN1(&encap, cbasn1.SEQUENCE) || !encap.ReadASN1ObjectIdentifier(&c.contentType) {
		return 0, cmsError("eContentType")
	}
	if encap.Empty() {
		return version, nil
	}
	var wrap, octets cryptobyte.String
	if !encap.ReadASN1(&wrap, cbasn1.Tag(0).ContextSpecific().Constructed()) || !encap.Empty() ||
		!wrap.ReadASN1(&octets, cbasn1.OCTET_STRING) || !wrap.Empty() {
		return 0, cmsError("eContent")
	}
	c.content = octets
	return version, nil
}

func (c *cms) readCerts(sd *cryptobyte.String) error {
	var set cryptobyte.String
	var present bool
	if !sd.ReadOptionalASN1(&set, &present, cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return cmsError("CertificateSet")
	}
	for !set.Empty() {
		var der cryptobyte.String
		if !set.ReadASN1Element(&der, cbasn1.SEQUENCE) || len(c.certs) == maxCerts {
			return cmsError("Certificate")
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return cmsError("Certificate")
		}
		c.certs = append(c.certs, cert)
	}
	return nil
}

func (c *cms) readCRLs(sd *cryptobyte.String) error {
	var set cryptobyte.String
	var present bool
	if !sd.ReadOptionalASN1(&set, &present, cbasn1.Tag(1).ContextSpecific().Constructed()) {
		return cmsError("RevocationInfoChoices")
	}
	for !set.Empty() {
		var der cryptobyte.String
		if !set.ReadASN1Element(&der, cbasn1.SEQUENCE) {
			return cmsError("CertificateList")
		}
		c.crls = append(c.crls, der)
	}
	return nil
}

func (c *cms) readSigner(infos *cryptobyte.String) error {
	var si, attrs cryptobyte.String
	if !infos.ReadASN1(&si, cbasn1.SEQUENCE) || !infos.Empty() {
		return because("cms.signers")
	}
	if err := c.readSignerID(&si); err != nil {
		return err
	}
	alg, err := readAlgorithm(&si)
	if err != nil {
		return err
	}
	if h, err := digestFor(alg); err != nil || h != c.digest {
		return cmsError("digestAlgorithm")
	}
	if !si.ReadASN1Element(&attrs, cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return because("cms.unsigned")
	}
	c.signedAttrs = append([]byte{0x31}, attrs[1:]...)
	if c.attrs, err = readAttributes(attrs, cbasn1.Tag(0)); err != nil {
		return err
	}
	if c.sigAlg, err = readAlgorithm(&si); err != nil {
		return err
	}
	var sig cryptobyte.String
	if !si.ReadASN1(&sig, cbasn1.OCTET_STRING) {
		return cmsError("SignatureValue")
	}
	c.signature = sig
	if si.Empty() {
		return nil
	}
	var un cryptobyte.String
	if !si.ReadASN1Element(&un, cbasn1.Tag(1).ContextSpecific().Constructed()) || !si.Empty() {
		return cmsError("unsignedAttrs")
	}
	c.unsignedAttrs, err = readAttributes(un, cbasn1.Tag(1))
	return err
}

// readSignerID reads version and sid of a SignerInfo (RFC 5652 5.3).
func (c *cms) readSignerID(si *cryptobyte.String) error {
	var version int64
	var sid, issuer, serial cryptobyte.String
	if !si.ReadASN1Integer(&version) {
		return cmsError("SignerInfo")
	}
	if version == 3 {
		if !si.ReadASN1(&sid, cbasn1.Tag(0).ContextSpecific()) || len(sid) == 0 {
			return cmsError("SignerIdentifier")
		}
		c.keyID = sid
		return nil
	}
	if version != 1 || !si.ReadASN1(&sid, cbasn1.SEQUENCE) ||
		!sid.ReadASN1Element(&issuer, cbasn1.SEQUENCE) || !sid.ReadASN1Element(&serial, cbasn1.INTEGER) || !sid.Empty() {
		return cmsError("SignerIdentifier")
	}
	c.issuer, c.serial = issuer, serial
	return nil
}

// findSigner looks for the signer's certificate in the container, then in the
// pool.
func (c *cms) findSigner(pool []*x509.Certificate) error {
	for _, list := range [][]*x509.Certificate{c.certs, pool} {
		for _, cert := range list {
			byKey := c.keyID != nil && bytes.Equal(cert.SubjectKeyId, c.keyID)
			bySerial := c.keyID == nil && bytes.Equal(cert.RawIssuer, c.issuer) && bytes.Equal(serialDER(cert.SerialNumber), c.serial)
			if byKey || bySerial {
				c.signer = cert
				return nil
			}
		}
	}
	return because("cms.nocert")
}

func serialDER(n *big.Int) []byte {
	var b cryptobyte.Builder
	b.AddASN1BigInt(n)
	return b.BytesOrPanic()
}

// readAttributes reads SET OF Attribute; each has one value and stands once,
// and the elements are in the order of DER.
func readAttributes(element []byte, tag cbasn1.Tag) (map[string][]byte, error) {
	in := cryptobyte.String(element)
	var set cryptobyte.String
	if !in.ReadASN1(&set, tag.ContextSpecific().Constructed()) || !in.Empty() {
		return nil, cmsError("Attributes")
	}
	out := map[string][]byte{}
	var last []byte
	for !set.Empty() {
		var el, seq, values, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !set.ReadASN1Element(&el, cbasn1.SEQUENCE) {
			return nil, cmsError("Attribute")
		}
		if bytes.Compare(last, el) >= 0 && last != nil {
			return nil, because("cms.order")
		}
		last = el
		whole := el
		var valueTag cbasn1.Tag
		if !whole.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&oid) ||
			!seq.ReadASN1(&values, cbasn1.SET) || !seq.Empty() ||
			!values.ReadAnyASN1Element(&value, &valueTag) || !values.Empty() {
			return nil, cmsError("Attribute")
		}
		if _, twice := out[oid.String()]; twice {
			return nil, cmsError("Attribute")
		}
		out[oid.String()] = value
	}
	return out, nil
}

func readAlgorithm(in *cryptobyte.String) (algorithm, error) {
	var seq, params cryptobyte.String
	var a algorithm
	var tag cbasn1.Tag
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&a.oid) {
		return a, cmsError("AlgorithmIdentifier")
	}
	if !seq.Empty() {
		if !seq.ReadAnyASN1Element(&params, &tag) || !seq.Empty() {
			return a, cmsError("AlgorithmIdentifier")
		}
		a.params = params
	}
	return a, nil
}

var derNull = []byte{5, 0}

// digestFor accepts SHA-2 with absent or NULL parameters (RFC 5754 2).
func digestFor(a algorithm) (crypto.Hash, error) {
	h, ok := digestOf[a.oid.String()]
	if !ok {
		return 0, because("cms.digest", "oid", a.oid.String())
	}
	if a.params != nil && !bytes.Equal(a.params, derNull) {
		return 0, cmsError("digestAlgorithm")
	}
	return h, nil
}

// check holds the container against the signed bytes: content type, message
// digest, the certificate that the signer meant, and the signature itself.
// content is read to its end; findSigner goes before.
func (c *cms) check(content io.Reader) error {
	h := c.digest.New()
	if _, err := copyTo(h, content); err != nil {
		return err
	}
	return c.checkDigest(h.Sum(nil))
}

func copyTo(h hash.Hash, r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{r}, make([]byte, 1<<20))
}

func (c *cms) checkDigest(sum []byte) error {
	var id asn1.ObjectIdentifier
	ct := cryptobyte.String(c.attrs[oidContentType.String()])
	if !ct.ReadASN1ObjectIdentifier(&id) || !id.Equal(c.contentType) || !ct.Empty() {
		return cmsError("content-type")
	}
	var md cryptobyte.String
	in := cryptobyte.String(c.attrs[oidMessageDigest.String()])
	if !in.ReadASN1(&md, cbasn1.OCTET_STRING) || !in.Empty() {
		return cmsError("message-digest")
	}
	if !bytes.Equal(md, sum) {
		return errDigest
	}
	if err := c.checkSigningCert(); err != nil {
		return err
	}
	return c.checkSignature()
}

var (
	errDigest    = because("changed")
	errSignature = because("cms.signature")
)

// checkSigningCert holds ESS signing-certificate, in version 2 or 1 (RFC
// 5035), against the signer's certificate. A container without it is no
// CAdES; hasESS tells.
func (c *cms) checkSigningCert() error {
	h := crypto.SHA256
	v, ok := c.attrs[oidSigningCertV2.String()]
	if !ok {
		h = crypto.SHA1
		if v, ok = c.attrs[oidSigningCertV1.String()]; !ok {
			return nil
		}
	}
	bad := cmsError("signing-certificate")
	in := cryptobyte.String(v)
	var outer, certs, id, sum cryptobyte.String
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&certs, cbasn1.SEQUENCE) ||
		!certs.ReadASN1(&id, cbasn1.SEQUENCE) {
		return bad
	}
	if h != crypto.SHA1 && id.PeekASN1Tag(cbasn1.SEQUENCE) {
		alg, err := readAlgorithm(&id)
		if err != nil {
			return err
		}
		if h, err = digestFor(alg); err != nil {
			return err
		}
	}
	if !id.ReadASN1(&sum, cbasn1.OCTET_STRING) {
		return bad
	}
	w := h.New()
	w.Write(c.signer.Raw)
	if !bytes.Equal(sum, w.Sum(nil)) {
		return because("cms.ess")
	}
	return nil
}

func (c *cms) hasESS() bool {
	return c.attrs[oidSigningCertV2.String()] != nil || c.attrs[oidSigningCertV1.String()] != nil
}

func (c *cms) checkSignature() error {
	w := c.digest.New()
	w.Write(c.signedAttrs)
	sum := w.Sum(nil)
	switch key := c.signer.PublicKey.(type) {
	case *rsa.PublicKey:
		return c.checkRSA(key, sum)
	case *ecdsa.PublicKey:
		want := map[crypto.Hash]asn1.ObjectIdentifier{
			crypto.SHA256: oidECDSAWithSHA256, crypto.SHA384: oidECDSAWithSHA384, crypto.SHA512: oidECDSAWithSHA512,
		}[c.digest]
		if !c.sigAlg.oid.Equal(want) || c.sigAlg.params != nil {
			return because("cms.sigalg", "oid", c.sigAlg.oid.String())
		}
		if !ecdsa.VerifyASN1(key, sum, c.signature) {
			return errSignature
		}
		return nil
	}
	return because("cms.key", "key", c.signer.PublicKeyAlgorithm.String())
}

func (c *cms) checkRSA(key *rsa.PublicKey, sum []byte) error {
	if key.N.BitLen() < 2048 {
		return because("cms.short", "bits", strconv.Itoa(key.N.BitLen()))
	}
	if c.sigAlg.oid.Equal(oidRSAPSS) {
		salt, err := c.pssSalt()
		if err != nil {
			return err
		}
		if rsa.VerifyPSS(key, c.digest, sum, c.signature, &rsa.PSSOptions{SaltLength: salt, Hash: c.digest}) != nil {
			return errSignature
		}
		return nil
	}
	withHash := map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA256: oidRSAWithSHA256, crypto.SHA384: oidRSAWithSHA384, crypto.SHA512: oidRSAWithSHA512,
	}[c.digest]
	if !c.sigAlg.oid.Equal(oidRSA) && !c.sigAlg.oid.Equal(withHash) || c.sigAlg.params != nil && !bytes.Equal(c.sigAlg.params, derNull) {
		return because("cms.sigalg", "oid", c.sigAlg.oid.String())
	}
	if rsa.VerifyPKCS1v15(key, c.digest, sum, c.signature) != nil {
		return errSignature
	}
	return nil
}

// pssSalt reads RSASSA-PSS-params (RFC 8017 A.2.3): the same hash for message
// and mask, the salt's length, the standard trailer.
func (c *cms) pssSalt() (int, error) {
	bad := cmsError("RSASSA-PSS-params")
	in := cryptobyte.String(c.sigAlg.params)
	var seq, h, m, s cryptobyte.String
	var hashGiven, mgfGiven, saltGiven bool
	tag := func(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadOptionalASN1(&h, &hashGiven, tag(0)) || !seq.ReadOptionalASN1(&m, &mgfGiven, tag(1)) ||
		!seq.ReadOptionalASN1(&s, &saltGiven, tag(2)) || !hashGiven || !mgfGiven || !saltGiven || !seq.Empty() {
		return 0, bad
	}
	alg, err := readAlgorithm(&h)
	if err != nil || !h.Empty() {
		return 0, bad
	}
	if d, err := digestFor(alg); err != nil || d != c.digest {
		return 0, bad
	}
	mgf, err := readAlgorithm(&m)
	if err != nil || !m.Empty() || !mgf.oid.Equal(oidMGF1) {
		return 0, bad
	}
	inner := cryptobyte.String(mgf.params)
	mgfHash, err := readAlgorithm(&inner)
	if err != nil || !inner.Empty() {
		return 0, bad
	}
	if d, err := digestFor(mgfHash); err != nil || d != c.digest {
		return 0, bad
	}
	var salt int
	if !s.ReadASN1Integer(&salt) || !s.Empty() || salt < 0 || salt > 512 {
		return 0, bad
	}
	return salt, nil
}

// algorithmName is the signature's algorithm in words that every reader uses.
func (c *cms) algorithmName() string {
	h := c.digest.String()
	switch c.signer.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + h
	case *rsa.PublicKey:
		if c.sigAlg.oid.Equal(oidRSAPSS) {
			return "RSA-PSS " + h
		}
		return "RSA " + h
	}
	return h
}

// fingerprint is the hex SHA-256 of a certificate.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return fmt.Sprintf("%x", sum)
}
