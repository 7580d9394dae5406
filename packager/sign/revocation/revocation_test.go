package revocation

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"
	"time"

	"dossier/packager/sign/testpki"
)

var now = time.Now().Truncate(time.Second)

// An answer counts only if it is fresh, whole, and comes from whom the issuer
// lets answer.
func TestAnswersThatDoNotCount(t *testing.T) {
	pki := testpki.New(t, now)
	for address, good := range map[string]bool{
		"/ocsp": true, "/ocsp-old": false, "/ocsp-usage": false, "/ocsp-stranger": false, "/ocsp-unknown": false,
		"/inter.crl": true, "/crl-users": true, "/crl-old": false, "/crl-future": false, "/crl-partial": false, "/crl-authorities": false,
		"/crl-stranger": false, "/root.crl": false, "/inter.crt": false,
	} {
		template := &x509.Certificate{Subject: pkix.Name{CommonName: "测试样本"}}
		if address[:5] == "/ocsp" {
			template.OCSPServer = []string{pki.URL + address}
		} else {
			template.CRLDistributionPoints = []string{pki.URL + address}
		}
		id := pki.Issue(testpki.P256, template)
		found, err := (&Client{}).Collect(t.Context(), [][]*x509.Certificate{id.Chain}, now)
		var unknown *UnknownError
		switch {
		case good && (err != nil || len(found.OCSPs)+len(found.CRLs) != 2): // the intermediate's CRL too
			t.Errorf("%s: %v", address, err)
		case !good && !errors.As(err, &unknown):
			t.Errorf("%s is taken: %v", address, err)
		}
	}
}

func TestChainsAreCompletedOnce(t *testing.T) {
	pki := testpki.New(t, now)
	id := pki.Signer(testpki.P256)
	whole, err := (&Client{}).Collect(t.Context(), [][]*x509.Certificate{id.Chain, id.Chain}, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Certs) != 4 || len(whole.OCSPs) != 1 || len(whole.CRLs) != 1 { // three of the chain and the responder
		t.Errorf("%d certificates, %d OCSP, %d CRL", len(whole.Certs), len(whole.OCSPs), len(whole.CRLs))
	}
	if pki.Requests["/ocsp"] != 1 {
		t.Errorf("asked %d times", pki.Requests["/ocsp"])
	}
	stranger := testpki.New(t, now)
	cut := stranger.Issue(testpki.P256, pki.Services(&x509.Certificate{})).Chain[:1] // names an issuer that is not its own
	var unknown *UnknownError
	if _, err := (&Client{}).Collect(t.Context(), [][]*x509.Certificate{cut}, now); !errors.As(err, &unknown) {
		t.Error(err)
	}
}

func FuzzCovers(f *testing.F) {
	f.Add([]byte{0x30, 3, 0x82, 1, 0xff}, true)
	f.Fuzz(func(_ *testing.T, b []byte, ca bool) { covers(b, ca) })
}
