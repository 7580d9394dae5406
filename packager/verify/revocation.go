package verify

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"dossier/packager"
)

// evidence is what a Document Security Store (ETSI EN 319 142-1 5.4.2) holds:
// certificates and what says whether they were revoked.
type evidence struct {
	certs []*x509.Certificate
	crls  []*x509.RevocationList
	ocsps [][]byte
}

// dss reads the catalog's /DSS; nil if there is none.
func (d *document) dss() (*evidence, error) {
	root, err := d.getDict(d.trailer["Root"])
	if err != nil {
		return nil, err
	}
	store, err := d.getDict(root["DSS"])
	if err != nil || store == nil {
		return nil, err
	}
	e := &evidence{}
	if err := d.eachBlob(store["Certs"], func(_ streamKey, der []byte) error {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return because("dss.part", "part", "Certs")
		}
		e.certs = append(e.certs, c)
		return nil
	}); err != nil {
		return nil, err
	}
	if err := d.eachBlob(store["CRLs"], func(k streamKey, der []byte) error {
		l, ok := d.crls[k]
		if !ok {
			if d.crlBytes += int64(len(der)); d.crlBytes > maxCRLBytes {
				return because("pdf.large")
			}
			var err error
			if l, err = x509.ParseRevocationList(der); err != nil {
				return because("dss.part", "part", "CRLs")
			}
			d.crls[k] = l
		}
		e.crls = append(e.crls, l)
		return nil
	}); err != nil {
		return nil, err
	}
	return e, d.eachBlob(store["OCSPs"], func(_ streamKey, der []byte) error {
		if _, err := ocsp.ParseResponse(der, nil); err != nil && !errors.Is(err, errSeveral) {
			return because("dss.part", "part", "OCSPs")
		}
		e.ocsps = append(e.ocsps, der)
		return nil
	})
}

// errSeveral is what the parser says of an answer about several certificates
// when it is asked about none.
var errSeveral = ocsp.ParseError("OCSP response contains bad number of responses")

// Bounds on hostile files: what a store that was renewed for decades has not.
const (
	maxBlobs    = 512      // of a kind
	maxCRLBytes = 40 << 20 // of all lists together: they take ten times that
)

// eachBlob decodes the streams of an array.
func (d *document) eachBlob(o any, f func(streamKey, []byte) error) error {
	list, err := d.getArray(o)
	if err != nil {
		return err
	}
	if len(list) > maxBlobs {
		return because("pdf.large")
	}
	for _, e := range list {
		v, err := d.get(e)
		if err != nil {
			return err
		}
		s, ok := v.(*stream)
		if !ok {
			return because("pdf.kind", "want", "stream")
		}
		k, err := d.streamKey(s)
		if err != nil {
			return err
		}
		b, err := d.decode(s)
		if err != nil {
			return err
		}
		if err := f(k, b); err != nil {
			return err
		}
	}
	return nil
}

// add takes what a container carries; what does not parse is refused.
func (e *evidence) add(c *cms) error {
	e.certs = append(e.certs, c.certs...)
	for _, der := range c.crls {
		l, err := x509.ParseRevocationList(der)
		if err != nil {
			return cmsError("CertificateList")
		}
		issuer := findByName(e.certs, l.RawIssuer)
		if issuer == nil || l.CheckSignatureFrom(issuer) != nil {
			return cmsError("CertificateList")
		}
		e.crls = append(e.crls, l)
	}
	return nil
}

func findByName(list []*x509.Certificate, subject []byte) *x509.Certificate {
	for _, c := range list {
		if bytes.Equal(c.RawSubject, subject) {
			return c
		}
	}
	return nil
}

// States of a certificate.
const (
	stateGood      = "good"
	stateRevoked   = "revoked"
	stateUnknown   = "unknown"
	stateNotNeeded = "not-needed"
)

// judgePath fills in what the evidence says of each certificate of a path at a
// time. complete is true when it says of all of them that they held.
func (e *evidence) judgePath(path []*x509.Certificate, when time.Time, out []packager.CertificateReport) (complete bool, revoked *x509.Certificate) {
	complete = true
	for i, c := range path {
		r := &out[i]
		switch {
		case vouchesForItself(c):
			r.Revocation = stateNotNeeded
		case i+1 == len(path):
			r.Revocation = stateUnknown // its issuer is not there to be asked
		default:
			e.judge(c, path[i+1], when, r)
		}
		complete = complete && (r.Revocation == stateGood || r.Revocation == stateNotNeeded)
		if r.Revocation == stateRevoked && revoked == nil {
			revoked = c
		}
	}
	return complete, revoked
}

// judge looks at OCSP answers, then at CRLs. A revocation counts, whatever
// else is there, when it took effect before the time that is judged.
func (e *evidence) judge(c, issuer *x509.Certificate, when time.Time, r *packager.CertificateReport) {
	r.Revocation = stateUnknown
	note := func(state, source string, of time.Time) {
		if r.Revocation != stateRevoked && (state == stateRevoked || r.Revocation == stateUnknown) {
			r.Revocation, r.Source, r.At = state, source, stamp(of)
		}
	}
	for _, der := range e.ocsps {
		a, err := ocsp.ParseResponseForCert(der, c, issuer)
		if err != nil || !mayAnswer(a, issuer) {
			continue
		}
		switch {
		case a.Status == ocsp.Revoked && !a.RevokedAt.After(when):
			note(stateRevoked, "OCSP", a.RevokedAt)
		case (a.Status == ocsp.Good || a.Status == ocsp.Revoked) && speaksOf(when, a.ThisUpdate, a.NextUpdate):
			note(stateGood, "OCSP", a.ThisUpdate)
		}
	}
	for _, l := range e.crls {
		if !bytes.Equal(l.RawIssuer, c.RawIssuer) || !covers(l, c) || l.CheckSignatureFrom(issuer) != nil {
			continue
		}
		at, listed := revokedAt(l, c)
		switch {
		case listed && !at.After(when):
			note(stateRevoked, "CRL", at)
		case speaksOf(when, l.ThisUpdate, l.NextUpdate):
			note(stateGood, "CRL", l.ThisUpdate)
		}
	}
}

// speaksOf reports whether an answer with these times can speak of when: it
// was not over before.
func speaksOf(when, this, next time.Time) bool {
	if next.IsZero() {
		return !this.Before(when)
	}
	return !next.Before(when)
}

// mayAnswer reports whether the one who signed the answer may: the issuer, or
// one whom the issuer made a responder (RFC 6960 4.2.2.2).
func mayAnswer(a *ocsp.Response, issuer *x509.Certificate) bool {
	if a.Certificate == nil || a.Certificate.Equal(issuer) {
		return true
	}
	for _, u := range a.Certificate.ExtKeyUsage {
		if u == x509.ExtKeyUsageOCSPSigning {
			return !a.ProducedAt.Before(a.Certificate.NotBefore) && !a.ProducedAt.After(a.Certificate.NotAfter)
		}
	}
	return false
}

func revokedAt(l *x509.RevocationList, c *x509.Certificate) (time.Time, bool) {
	for _, e := range l.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
			return e.RevocationTime, e.ReasonCode != 8 // removeFromCRL
		}
	}
	return time.Time{}, false
}

var oidIssuingDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}

// covers reports whether a CRL speaks of certificates of this kind: RFC 5280
// 5.2.5. A CRL with a critical extension that is not known does not count.
func covers(l *x509.RevocationList, c *x509.Certificate) bool {
	for _, e := range l.Extensions {
		if !e.Critical {
			continue
		}
		if !e.Id.Equal(oidIssuingDistributionPoint) {
			return false
		}
		in := cryptobyte.String(e.Value)
		var seq cryptobyte.String
		if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() {
			return false
		}
		for !seq.Empty() {
			var v cryptobyte.String
			var tag cbasn1.Tag
			if !seq.ReadAnyASN1(&v, &tag) {
				return false
			}
			switch tag &^ 0x20 {
			case cbasn1.Tag(0).ContextSpecific(): // distributionPoint
			case cbasn1.Tag(1).ContextSpecific(): // onlyContainsUserCerts
				if c.IsCA {
					return false
				}
			case cbasn1.Tag(2).ContextSpecific(): // onlyContainsCACerts
				if !c.IsCA {
					return false
				}
			default:
				return false
			}
		}
	}
	return true
}
