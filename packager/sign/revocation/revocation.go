// Package revocation gathers what a long-term signature needs to be checked
// when the authorities are gone: issuers that are missing in a chain (AIA, RFC
// 5280 §4.2.2.1), OCSP answers (RFC 6960) and CRLs (RFC 5280 §5), each checked
// before it is kept.
package revocation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"dossier/packager/sign/cms"
)

const (
	defaultTimeout = 20 * time.Second
	maxReply       = 32 << 20 // bytes: some CRLs are large
	maxChain       = 10
	// clockSkew is how far in the future an answer's time may be.
	clockSkew = 10 * time.Minute
	// maxAge is how old an answer without a next update may be.
	maxAge = 7 * 24 * time.Hour
)

var (
	oidNoCheck = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5} // id-pkix-ocsp-nocheck
	oidIDP     = asn1.ObjectIdentifier{2, 5, 29, 28}                  // issuingDistributionPoint
)

// RevokedError says that a certificate has been revoked.
type RevokedError struct {
	Cert *x509.Certificate
	At   time.Time
}

func (e *RevokedError) Error() string {
	return fmt.Sprintf("revoked on %s: %s", e.At.UTC().Format(time.RFC3339), e.Cert.Subject)
}

// UnknownError says that nobody could be asked about a certificate.
type UnknownError struct {
	Cert *x509.Certificate
	Err  error
}

func (e *UnknownError) Error() string { return fmt.Sprintf("%s: %v", e.Cert.Subject, e.Err) }
func (e *UnknownError) Unwrap() error { return e.Err }

// Client asks over HTTP.
type Client struct {
	HTTP    *http.Client  // nil: http.DefaultClient
	Timeout time.Duration // for one request; 0: 20 s
}

// Evidence is what goes into a document security store, each part in DER.
type Evidence struct {
	Certs, OCSPs, CRLs [][]byte
}

// Collect completes each chain up to a certificate that signed itself and
// finds a valid answer about every other certificate in it, as of the time
// now. A certificate that is revoked gives a *RevokedError; one about which
// nobody answers an *UnknownError.
func (c *Client) Collect(ctx context.Context, chains [][]*x509.Certificate, now time.Time) (*Evidence, error) {
	g := &gathering{c: c, ctx: ctx, now: now, asked: map[string]bool{}, out: &Evidence{}}
	for _, chain := range chains {
		if err := g.chain(chain); err != nil {
			return nil, err
		}
	}
	return g.out, nil
}

type gathering struct {
	c     *Client
	ctx   context.Context
	now   time.Time
	asked map[string]bool
	out   *Evidence
}

func (g *gathering) chain(chain []*x509.Certificate) error {
	chain, err := g.complete(chain)
	if err != nil {
		return err
	}
	for i, cert := range chain {
		g.out.Certs = keep(g.out.Certs, cert.Raw)
		if cms.SelfIssued(cert) || g.asked[string(cert.Raw)] {
			continue
		}
		g.asked[string(cert.Raw)] = true
		if err := g.status(cert, chain[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// complete follows the addresses of issuers in the certificates.
func (g *gathering) complete(chain []*x509.Certificate) ([]*x509.Certificate, error) {
	for {
		last := chain[len(chain)-1]
		if cms.SelfIssued(last) {
			return chain, nil
		}
		if len(chain) >= maxChain {
			return nil, &UnknownError{last, errors.New("the chain is too long")}
		}
		issuer, err := g.issuer(last)
		if err != nil {
			return nil, &UnknownError{last, err}
		}
		chain = append(chain[:len(chain):len(chain)], issuer)
	}
}

func (g *gathering) issuer(cert *x509.Certificate) (*x509.Certificate, error) {
	errs := []error{errors.New("the issuer's certificate is missing")}
	for _, address := range cert.IssuingCertificateURL {
		body, err := g.fetch(http.MethodGet, address, "", nil)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if block, _ := pem.Decode(body); block != nil {
			body = block.Bytes
		}
		certs, err := x509.ParseCertificates(body)
		if err != nil {
			more, err2 := cms.ParseCertificates(body) // a .p7c
			if err2 != nil {
				errs = append(errs, err)
				continue
			}
			certs = more
		}
		for _, c := range certs {
			if cms.Issued(c, cert) {
				return c, nil
			}
		}
		errs = append(errs, fmt.Errorf("%s: another certificate", address))
	}
	return nil, errors.Join(errs...)
}

// status finds an answer about cert: OCSP if there is a responder, else a CRL.
func (g *gathering) status(cert, issuer *x509.Certificate) error {
	var errs []error
	var revoked *RevokedError
	for _, address := range cert.OCSPServer {
		if err := g.ocsp(address, cert, issuer); err == nil || errors.As(err, &revoked) {
			return err
		} else {
			errs = append(errs, err)
		}
	}
	for _, address := range cert.CRLDistributionPoints {
		if err := g.crl(address, cert, issuer); err == nil || errors.As(err, &revoked) {
			return err
		} else {
			errs = append(errs, err)
		}
	}
	if g.ctx.Err() != nil {
		return g.ctx.Err()
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("the certificate names neither OCSP responder nor CRL"))
	}
	return &UnknownError{cert, errors.Join(errs...)}
}

func (g *gathering) ocsp(address string, cert, issuer *x509.Certificate) error {
	// SHA-1 names the certificate here and protects nothing; many responders
	// know no other hash.
	req, err := ocsp.CreateRequest(cert, issuer, &ocsp.RequestOptions{Hash: crypto.SHA1})
	if err != nil {
		return err
	}
	body, err := g.fetch(http.MethodPost, address, "application/ocsp-request", req)
	if err != nil {
		return err
	}
	resp, err := ocsp.ParseResponseForCert(body, cert, issuer)
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if err := g.fresh(resp.ThisUpdate, resp.NextUpdate); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if err := g.responder(resp.Certificate, issuer); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	switch resp.Status {
	case ocsp.Good:
		g.out.OCSPs = keep(g.out.OCSPs, body)
		return nil
	case ocsp.Revoked:
		return &RevokedError{cert, resp.RevokedAt}
	}
	return fmt.Errorf("%s: the responder does not know the certificate", address)
}

// responder checks a delegated responder (RFC 6960 §4.2.2.2) and gathers what
// is needed about it.
func (g *gathering) responder(cert, issuer *x509.Certificate) error {
	if cert == nil || cert.Equal(issuer) {
		return nil
	}
	may := false
	for _, u := range cert.ExtKeyUsage {
		may = may || u == x509.ExtKeyUsageOCSPSigning
	}
	if !may || !cms.Issued(issuer, cert) || g.now.Before(cert.NotBefore) || g.now.After(cert.NotAfter) {
		return errors.New("the responder may not answer for this issuer")
	}
	g.out.Certs = keep(g.out.Certs, cert.Raw)
	for _, e := range cert.Extensions {
		if e.Id.Equal(oidNoCheck) {
			return nil
		}
	}
	if g.asked[string(cert.Raw)] {
		return nil
	}
	g.asked[string(cert.Raw)] = true
	return g.status(cert, issuer)
}

func (g *gathering) crl(address string, cert, issuer *x509.Certificate) error {
	body, err := g.fetch(http.MethodGet, address, "", nil)
	if err != nil {
		return err
	}
	if block, _ := pem.Decode(body); block != nil {
		body = block.Bytes
	}
	list, err := x509.ParseRevocationList(body)
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if !bytes.Equal(list.RawIssuer, issuer.RawSubject) {
		return fmt.Errorf("%s: the list is another issuer's", address)
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	if err := g.fresh(list.ThisUpdate, list.NextUpdate); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	for _, e := range list.Extensions {
		if e.Id.Equal(oidIDP) {
			if err := covers(e.Value, cert.IsCA); err != nil {
				return fmt.Errorf("%s: %w", address, err)
			}
		} else if e.Critical {
			return fmt.Errorf("%s: critical extension %v", address, e.Id)
		}
	}
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(cert.SerialNumber) == 0 {
			return &RevokedError{cert, entry.RevocationTime}
		}
	}
	g.out.CRLs = keep(g.out.CRLs, body)
	return nil
}

// covers reads an issuingDistributionPoint (RFC 5280 §5.2.5): the list must
// be about all reasons, the issuer's own certificates, and the right kind.
func covers(value []byte, isCA bool) error {
	in := cryptobyte.String(value)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return errors.New("issuingDistributionPoint is damaged")
	}
	for !seq.Empty() {
		var v cryptobyte.String
		var tag cbasn1.Tag
		if !seq.ReadAnyASN1(&v, &tag) {
			return errors.New("issuingDistributionPoint is damaged")
		}
		set := len(v) > 0 && v[0] != 0
		switch tag & 0x1f {
		case 0: // distributionPoint: the place we fetched it from
		case 1: // onlyContainsUserCerts
			if set && isCA {
				return errors.New("the list is not about authorities")
			}
		case 2: // onlyContainsCACerts
			if set && !isCA {
				return errors.New("the list is about authorities only")
			}
		default: // some reasons, indirect, attribute certificates
			if set {
				return errors.New("the list is not complete")
			}
		}
	}
	return nil
}

func (g *gathering) fresh(this, next time.Time) error {
	switch {
	case this.After(g.now.Add(clockSkew)):
		return errors.New("the answer is from the future")
	case next.IsZero() && g.now.Sub(this) > maxAge, !next.IsZero() && g.now.After(next.Add(clockSkew)):
		return errors.New("the answer is out of date")
	}
	return nil
}

func (g *gathering) fetch(method, address, contentType string, body []byte) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not a web address", address)
	}
	timeout, client := g.c.Timeout, g.c.HTTP
	if timeout == 0 {
		timeout = defaultTimeout
	}
	if client == nil {
		client = http.DefaultClient
	}
	ctx, cancel := context.WithTimeout(g.ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: HTTP status %s", address, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if err == nil && len(data) > maxReply {
		err = errors.New("the answer is too large")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return data, nil
}

// keep appends der unless it is there.
func keep(list [][]byte, der []byte) [][]byte {
	for _, have := range list {
		if bytes.Equal(have, der) {
			return list
		}
	}
	return append(list, der)
}
