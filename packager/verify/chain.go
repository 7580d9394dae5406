package verify

import (
	"bytes"
	"crypto/x509"
	"errors"
	"time"

	"dossier/packager"
)

// maxPath is longer than any chain in use.
const maxPath = 16

// path follows the issuers of the signer through the pool, each certificate
// signed by the next; it may end below its root. Every certificate of the
// container has to be held by a signature too: one that is not could be changed
// unseen.
func (c *cms) path(pool []*x509.Certificate) ([]*x509.Certificate, error) {
	path := []*x509.Certificate{c.signer}
	for !vouchesForItself(path[len(path)-1]) {
		issuer, err := issuerOf(path[len(path)-1], pool)
		if err != nil {
			return nil, err
		}
		if issuer == nil || contains(path, issuer) || len(path) == maxPath {
			break
		}
		path = append(path, issuer)
	}
	if top := path[len(path)-1]; vouchesForItself(top) && !signedBy(top, top) {
		return nil, because("cert.signature", "subject", nameOf(top))
	}
	for _, cert := range c.certs {
		if contains(path, cert) {
			continue
		}
		by := cert
		if !vouchesForItself(cert) {
			var err error
			if by, err = issuerOf(cert, pool); err != nil {
				return nil, err
			}
		}
		if by == nil || !signedBy(cert, by) {
			return nil, because("cert.stranger", "subject", nameOf(cert))
		}
	}
	return path, nil
}

// issuerOf returns the certificate of the pool that signed cert, nil if nobody
// there bears the issuer's name, an error if only impostors do.
func issuerOf(cert *x509.Certificate, pool []*x509.Certificate) (*x509.Certificate, error) {
	named := false
	for _, k := range pool {
		if !bytes.Equal(k.RawSubject, cert.RawIssuer) {
			continue
		}
		if named = true; signedBy(cert, k) {
			return k, nil
		}
	}
	if named {
		return nil, because("cert.signature", "subject", nameOf(cert))
	}
	return nil, nil
}

// signedBy reports whether k's key signed cert. A root's own SHA-1 signature
// proves nothing and is let pass.
func signedBy(cert, k *x509.Certificate) bool {
	err := k.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	var weak x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &weak) && cert.Equal(k)
}

// incomplete returns the issuer that a path lacks, "" if it is whole. The
// last certificate of a path that is not whole is vouched for by nobody here:
// that is said. The signer's own is held by the signature (ESS).
func incomplete(path []*x509.Certificate) string {
	if top := path[len(path)-1]; !vouchesForItself(top) {
		return top.Issuer.String()
	}
	return ""
}

func vouchesForItself(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

func contains(list []*x509.Certificate, c *x509.Certificate) bool {
	for _, k := range list {
		if k.Equal(c) {
			return true
		}
	}
	return false
}

// nameOf is what people know the holder by.
func nameOf(c *x509.Certificate) string {
	switch {
	case c.Subject.CommonName != "":
		return c.Subject.CommonName
	case len(c.Subject.Organization) > 0:
		return c.Subject.Organization[0]
	}
	return c.Subject.String()
}

// trust judges a certificate by the caller's roots at a time: none, untrusted
// or trusted.
func trust(c *x509.Certificate, pool []*x509.Certificate, o Options, when time.Time, usage x509.ExtKeyUsage) string {
	if o.Roots == nil {
		return "none"
	}
	between := x509.NewCertPool()
	for _, k := range pool {
		between.AddCert(k)
	}
	_, err := c.Verify(x509.VerifyOptions{
		Roots: o.Roots, Intermediates: between, CurrentTime: when, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return "untrusted"
	}
	return "trusted"
}

// stamp is a time as reports have it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// describe is the report of a path without its revocation.
func describe(path []*x509.Certificate) []packager.CertificateReport {
	var out []packager.CertificateReport
	for _, c := range path {
		out = append(out, packager.CertificateReport{
			Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: c.SerialNumber.String(), SHA256Fingerprint: fingerprint(c),
			NotBefore: stamp(c.NotBefore), NotAfter: stamp(c.NotAfter),
		})
	}
	return out
}
