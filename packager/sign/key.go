package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"dossier/packager"
	"dossier/packager/sign/cms"
)

// Key is a private key with its certificate. The private part may live in a
// token or a card: only crypto.Signer is asked of it.
type Key struct {
	Signer crypto.Signer
	Chain  []*x509.Certificate // the signer's certificate, then its issuer, and so on
	Source string              // where it came from, for people: a path, a PKCS #11 URI without its PIN
}

// Certificate returns the signer's certificate.
func (k *Key) Certificate() *x509.Certificate { return k.Chain[0] }

// Fingerprint returns the SHA-256 of the certificate in lower-case hex.
func (k *Key) Fingerprint() string {
	sum := sha256.Sum256(k.Chain[0].Raw)
	return hex.EncodeToString(sum[:])
}

// SelfSigned reports whether the certificate vouches for itself: then it
// proves that a file has not changed, not who signed it.
func (k *Key) SelfSigned() bool {
	return cms.SelfIssued(k.Chain[0])
}

// SubjectName returns the name that the certificate gives its holder: the
// common name, else the organisation, else the whole subject.
func (k *Key) SubjectName() string {
	s := k.Chain[0].Subject
	switch {
	case s.CommonName != "":
		return s.CommonName
	case len(s.Organization) > 0:
		return s.Organization[0]
	}
	return s.String()
}

// Check says whether the key may sign at the time now: the certificate belongs
// to the key, is valid, is meant for signatures, and its algorithm is one that
// every reader accepts (RSA of 2048 bits and more, P-256, P-384); the chain is
// in order, each certificate signed by the next. The error is a *packager.Fault.
func (k *Key) Check(now time.Time) error {
	if k == nil || k.Signer == nil || len(k.Chain) == 0 {
		return fault("SIGN_KEY_NONE", nil, nil)
	}
	c := k.Chain[0]
	if err := k.checkAlgorithm(); err != nil {
		return err
	}
	if pub, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(k.Signer.Public()) {
		return k.fault("SIGN_KEY_MISMATCH", nil)
	}
	if c.KeyUsage != 0 && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return k.fault("SIGN_KEY_USAGE", nil)
	}
	if onlyForMachines(c) {
		return k.fault("SIGN_KEY_USAGE", nil)
	}
	for i, c := range k.Chain {
		args := packager.Args{"subject": c.Subject.String()}
		switch {
		case now.Before(c.NotBefore):
			args["from"] = packager.DayOf(c.NotBefore).String()
			return k.fault("SIGN_CERT_NOT_YET", args)
		case now.After(c.NotAfter):
			args["until"] = packager.DayOf(c.NotAfter).String()
			return k.fault("SIGN_CERT_EXPIRED", args)
		}
		if i == 0 {
			continue
		}
		if below := k.Chain[i-1]; !cms.Issued(c, below) {
			return k.fault("SIGN_CHAIN_ORDER", packager.Args{"subject": below.Subject.String(), "issuer": c.Subject.String()})
		}
	}
	return nil
}

func (k *Key) checkAlgorithm() error {
	switch pub := k.Chain[0].PublicKey.(type) {
	case *rsa.PublicKey:
		if pub.N.BitLen() < 2048 {
			return k.fault("SIGN_KEY_WEAK", packager.Args{"bits": fmt.Sprint(pub.N.BitLen())})
		}
	case *ecdsa.PublicKey:
		if pub.Curve != elliptic.P256() && pub.Curve != elliptic.P384() {
			return k.fault("SIGN_KEY_ALGORITHM", packager.Args{"algorithm": "ECDSA " + pub.Curve.Params().Name})
		}
	default:
		return k.fault("SIGN_KEY_ALGORITHM", packager.Args{"algorithm": k.Chain[0].PublicKeyAlgorithm.String()})
	}
	return nil
}

// onlyForMachines reports whether the extended key usages allow none of what
// a person's signature is checked for.
func onlyForMachines(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage) == 0 || len(c.UnknownExtKeyUsage) > 0 {
		return false
	}
	for _, u := range c.ExtKeyUsage {
		switch u {
		case x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageOCSPSigning:
		default:
			return false
		}
	}
	return true
}

func (k *Key) fault(code string, args packager.Args) error {
	all := packager.Args{"key": k.Source}
	for n, v := range args {
		all[n] = v
	}
	return fault(code, all, nil)
}

func fault(code string, args packager.Args, err error) error {
	return &packager.Fault{Class: packager.ClassSigning, Code: code, Args: args, Err: err}
}
