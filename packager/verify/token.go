package verify

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// token is a time-stamp token (RFC 3161) taken apart.
type token struct {
	cms     *cms
	hash    crypto.Hash
	imprint []byte
	time    time.Time
	path    []*x509.Certificate // of the authority
}

// parseToken reads a token and returns what follows it.
func parseToken(b []byte) (*token, []byte, error) {
	c, rest, err := parseCMS(b)
	if err != nil {
		return nil, nil, err
	}
	if !c.contentType.Equal(oidTSTInfo) || c.content == nil {
		return nil, nil, because("tst.content")
	}
	t := &token{cms: c}
	if err := t.readInfo(c.content); err != nil {
		return nil, nil, err
	}
	return t, rest, nil
}

// readInfo reads TSTInfo (RFC 3161 2.4.2).
func (t *token) readInfo(b []byte) error {
	bad := cmsError("TSTInfo")
	in := cryptobyte.String(b)
	var info, imprint, sum, serial, when cryptobyte.String
	var version int64
	var policy asn1.ObjectIdentifier
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || !in.Empty() ||
		!info.ReadASN1Integer(&version) || version != 1 || !info.ReadASN1ObjectIdentifier(&policy) ||
		!info.ReadASN1(&imprint, cbasn1.SEQUENCE) {
		return bad
	}
	alg, err := readAlgorithm(&imprint)
	if err != nil {
		return err
	}
	if t.hash, err = digestFor(alg); err != nil {
		return err
	}
	if !imprint.ReadASN1(&sum, cbasn1.OCTET_STRING) || !imprint.Empty() ||
		!info.ReadASN1(&serial, cbasn1.INTEGER) || !info.ReadASN1(&when, cbasn1.GeneralizedTime) {
		return bad
	}
	t.imprint = sum
	if t.time, err = generalizedTime(string(when)); err != nil {
		return bad
	}
	return skipRest(info)
}

// skipRest walks the optional members of TSTInfo; they are signed, and none of
// them changes what the token says of the time.
func skipRest(in cryptobyte.String) error {
	for !in.Empty() {
		var any cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadAnyASN1(&any, &tag) {
			return cmsError("TSTInfo")
		}
	}
	return nil
}

// generalizedTime parses YYYYMMDDhhmmss[.f…]Z.
func generalizedTime(s string) (time.Time, error) {
	if !strings.HasSuffix(s, "Z") {
		return time.Time{}, because("tst.time")
	}
	return time.Parse("20060102150405Z", s)
}

// check holds the token against what it is said to stamp: sum gives the digest
// of that under a hash.
func (t *token) check(pool []*x509.Certificate, sum func(crypto.Hash) ([]byte, error)) error {
	want, err := sum(t.hash)
	if err != nil {
		return err
	}
	// The length is compared with it: a cut digest is not one.
	if !bytes.Equal(t.imprint, want) {
		return because("tst.imprint")
	}
	if t.cms.findSigner(pool) != nil {
		return because("tst.nocert")
	}
	if !t.cms.hasESS() {
		return because("cms.ess-missing")
	}
	if len(t.cms.unsignedAttrs) > 0 {
		return because("cms.unknown-attribute")
	}
	if err := t.cms.check(bytes.NewReader(t.cms.content)); err != nil {
		return err
	}
	if t.path, err = t.cms.path(append(t.cms.certs[:len(t.cms.certs):len(t.cms.certs)], pool...)); err != nil {
		return err
	}
	tsa := t.cms.signer
	if !onlyTimestamping(tsa) {
		return because("tst.usage", "tsa", nameOf(tsa))
	}
	if t.time.Before(tsa.NotBefore) || t.time.After(tsa.NotAfter) {
		return because("tst.validity", "tsa", nameOf(tsa), "time", stamp(t.time))
	}
	return nil
}

var (
	oidExtKeyUsage  = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidTimestamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
)

// onlyTimestamping reports whether a certificate is for time-stamping and for
// nothing else, critically (RFC 3161 2.3).
func onlyTimestamping(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidExtKeyUsage) {
			continue
		}
		var uses []asn1.ObjectIdentifier
		rest, err := asn1.Unmarshal(e.Value, &uses)
		return err == nil && len(rest) == 0 && e.Critical && len(uses) == 1 && uses[0].Equal(oidTimestamping)
	}
	return false
}
