//go:build cgo && pkcs11

package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/miekg/pkcs11"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dossier/packager"
	"dossier/packager/sign"
)

// openPKCS11 opens the key that a PKCS #11 URI names. The token stays open
// until the program ends.
func openPKCS11(uri string, ask Passphrase) (*sign.Key, error) {
	u, err := parseKeyURI(uri)
	if err != nil {
		return nil, err
	}
	ctx := pkcs11.New(u.ModulePath)
	if ctx == nil {
		return nil, fault("KEYS_PKCS11_LOAD", packager.Args{"module": u.ModulePath}, nil)
	}
	if err := ctx.Initialize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		return nil, tokenFault(u, err)
	}
	slot, info, err := findToken(ctx, u)
	if err != nil {
		return nil, err
	}
	session, err := ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return nil, tokenFault(u, err)
	}
	t := &token{ctx: ctx, session: session, uri: u, name: strings.TrimSpace(info.Label)}
	if err := t.login(info, ask); err != nil {
		return nil, err
	}
	return t.key()
}

// findToken returns the one token that the URI describes.
func findToken(ctx *pkcs11.Ctx, u *pkcs11URI) (uint, pkcs11.TokenInfo, error) {
	slots, err := ctx.GetSlotList(true)
	if err != nil {
		return 0, pkcs11.TokenInfo{}, tokenFault(u, err)
	}
	matches := func(want, have string) bool { return want == "" || want == strings.TrimRight(have, " \x00") }
	var names []string
	var slot uint
	var found pkcs11.TokenInfo
	for _, s := range slots {
		info, err := ctx.GetTokenInfo(s)
		if err != nil || info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			continue
		}
		if (u.Slot == nil || *u.Slot == s) && matches(u.Token, info.Label) && matches(u.Serial, info.SerialNumber) &&
			matches(u.Manufacturer, info.ManufacturerID) && matches(u.Model, info.Model) {
			names = append(names, strings.TrimSpace(info.Label))
			slot, found = s, info
		}
	}
	switch len(names) {
	case 1:
		return slot, found, nil
	case 0:
		return 0, found, fault("KEYS_TOKEN_NONE", packager.Args{"token": u.Token}, nil)
	}
	return 0, found, fault("KEYS_TOKEN_MANY", packager.Args{"tokens": strings.Join(names, ", ")}, nil)
}

// token is an open session with a token. It signs as a crypto.Signer for the
// one private key.
type token struct {
	ctx     *pkcs11.Ctx
	session pkcs11.SessionHandle
	uri     *pkcs11URI
	name    string
	private pkcs11.ObjectHandle
	public  crypto.PublicKey
}

// login gives the PIN once: tokens lock themselves after a few wrong ones.
func (t *token) login(info pkcs11.TokenInfo, ask Passphrase) error {
	if info.Flags&pkcs11.CKF_LOGIN_REQUIRED == 0 {
		return nil
	}
	args := packager.Args{"key": t.name}
	pin := ""
	switch {
	case info.Flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH != 0: // typed on the token itself
	case t.uri.PINSource != "":
		b, _, err := readFile(t.uri.PINSource)
		if err != nil {
			return fault("KEYS_READ", packager.Args{"file": t.uri.PINSource}, err)
		}
		pin = strings.TrimRight(string(b), "\r\n")
	case ask != nil:
		var err error
		if pin, err = ask(t.name); err != nil {
			return err
		}
	}
	if pin == "" && info.Flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH == 0 {
		return fault("KEYS_LOCKED", args, nil)
	}
	err := t.ctx.Login(t.session, pkcs11.CKU_USER, pin)
	var code pkcs11.Error
	switch {
	case err == nil || errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)):
		return nil
	case errors.As(err, &code) && (code == pkcs11.CKR_PIN_INCORRECT || code == pkcs11.CKR_PIN_INVALID || code == pkcs11.CKR_PIN_LEN_RANGE):
		return fault("KEYS_PASSPHRASE", args, nil)
	case errors.As(err, &code) && code == pkcs11.CKR_PIN_LOCKED:
		return fault("KEYS_PIN_LOCKED", args, nil)
	}
	return tokenFault(t.uri, err)
}

// key finds the private key and its certificate. Of several pairs, as tokens
// with one for signing and one for encryption have them, the one is taken
// whose certificate may sign.
func (t *token) key() (*sign.Key, error) {
	attrs := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)}
	if t.uri.Object != "" {
		attrs = append(attrs, pkcs11.NewAttribute(pkcs11.CKA_LABEL, t.uri.Object))
	}
	if t.uri.ID != nil {
		attrs = append(attrs, pkcs11.NewAttribute(pkcs11.CKA_ID, t.uri.ID))
	}
	privates, err := t.find(attrs)
	if err != nil {
		return nil, tokenFault(t.uri, err)
	}
	certs, ids, err := t.certificates()
	if err != nil {
		return nil, tokenFault(t.uri, err)
	}
	var found *sign.Key
	for _, private := range privates {
		id, err := t.value(private, pkcs11.CKA_ID)
		if err != nil {
			return nil, tokenFault(t.uri, err)
		}
		for i, c := range certs {
			if !bytes.Equal(ids[i], id) {
				continue
			}
			signs := c.KeyUsage == 0 || c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0
			if found != nil && !signs {
				continue
			}
			own := *t
			own.private, own.public = private, c.PublicKey
			k := &sign.Key{Signer: &own, Chain: chainFor(c.PublicKey, certs), Source: "pkcs11:" + t.name}
			if signs {
				return k, nil
			}
			found = k
		}
	}
	if found == nil {
		return nil, fault("KEYS_TOKEN_KEY", packager.Args{"token": t.name}, nil)
	}
	return found, nil
}

func (t *token) certificates() (certs []*x509.Certificate, ids [][]byte, err error) {
	handles, err := t.find([]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE)})
	if err != nil {
		return nil, nil, err
	}
	for _, h := range handles {
		der, err := t.value(h, pkcs11.CKA_VALUE)
		if err != nil {
			return nil, nil, err
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			continue // an SM2 certificate, for one
		}
		id, err := t.value(h, pkcs11.CKA_ID)
		if err != nil {
			return nil, nil, err
		}
		certs, ids = append(certs, c), append(ids, id)
	}
	return certs, ids, nil
}

func (t *token) find(attrs []*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := t.ctx.FindObjectsInit(t.session, attrs); err != nil {
		return nil, err
	}
	handles, _, err := t.ctx.FindObjects(t.session, 100)
	return handles, errors.Join(err, t.ctx.FindObjectsFinal(t.session))
}

func (t *token) value(h pkcs11.ObjectHandle, attr uint) ([]byte, error) {
	v, err := t.ctx.GetAttributeValue(t.session, h, []*pkcs11.Attribute{pkcs11.NewAttribute(attr, nil)})
	if err != nil {
		return nil, err
	}
	return v[0].Value, nil
}

// Public returns the public key of the certificate.
func (t *token) Public() crypto.PublicKey { return t.public }

// sha256Prefix is the DER of a DigestInfo (RFC 8017 §9.2) up to the digest.
var sha256Prefix = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

// Sign signs a SHA-256 digest.
func (t *token) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != crypto.SHA256 || len(digest) != crypto.SHA256.Size() {
		return nil, errors.New("pkcs11: SHA-256 only")
	}
	switch t.public.(type) {
	case *rsa.PublicKey:
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			params := pkcs11.NewPSSParams(pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256, uint(pss.SaltLength))
			return t.sign(pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_PSS, params), digest)
		}
		return t.sign(pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil), append(bytes.Clone(sha256Prefix), digest...))
	case *ecdsa.PublicKey:
		raw, err := t.sign(pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil), digest)
		if err != nil {
			return nil, err
		}
		return ecdsaDER(raw)
	}
	return nil, fmt.Errorf("pkcs11: cannot sign with %T", t.public)
}

func (t *token) sign(m *pkcs11.Mechanism, data []byte) ([]byte, error) {
	if err := t.ctx.SignInit(t.session, []*pkcs11.Mechanism{m}, t.private); err != nil {
		return nil, err
	}
	return t.ctx.Sign(t.session, data)
}

// ecdsaDER turns r ‖ s, which PKCS #11 gives, into the sequence that CMS wants.
func ecdsaDER(raw []byte) ([]byte, error) {
	if len(raw) == 0 || len(raw)%2 != 0 {
		return nil, errors.New("pkcs11: bad ECDSA signature")
	}
	half := len(raw) / 2
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(raw[:half]))
		b.AddASN1BigInt(new(big.Int).SetBytes(raw[half:]))
	})
	return b.Bytes()
}

func tokenFault(u *pkcs11URI, err error) error {
	return fault("KEYS_TOKEN", packager.Args{"token": u.Token}, err)
}
