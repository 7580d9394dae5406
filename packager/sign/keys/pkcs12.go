package keys

import (
	"crypto"
	"crypto/x509"
	"errors"
	"path/filepath"

	"software.sslmate.com/src/go-pkcs12"

	"dossier/packager"
	"dossier/packager/sign"
	"dossier/packager/sign/cms"
)

// LoadPKCS12 reads a PKCS #12 file (RFC 7292; .p12, .pfx), as certification
// authorities hand them out. The passphrase may be of any script. The chain is
// put in order; certificates that do not belong to it are left out.
func LoadPKCS12(path, passphrase string) (*sign.Key, error) {
	data, _, err := readFile(path)
	if err != nil {
		return nil, fault("KEYS_READ", packager.Args{"file": path}, err)
	}
	private, leaf, others, err := pkcs12.DecodeChain(data, passphrase)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) || errors.Is(err, pkcs12.ErrDecryption) {
		return nil, fault("KEYS_PASSPHRASE", packager.Args{"key": path}, nil)
	}
	if err != nil {
		return nil, fault("KEYS_PKCS12", packager.Args{"file": filepath.Base(path)}, err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fault("KEYS_PKCS12", packager.Args{"file": filepath.Base(path)}, nil)
	}
	key := &sign.Key{Signer: signer, Source: path, Chain: chainFor(signer.Public(), append([]*x509.Certificate{leaf}, others...))}
	if len(key.Chain) == 0 {
		return nil, fault("SIGN_KEY_MISMATCH", packager.Args{"key": path}, nil)
	}
	return key, nil
}

// openPKCS12 asks for a passphrase only if the file has one.
func openPKCS12(path string, ask Passphrase) (*sign.Key, error) {
	key, err := LoadPKCS12(path, "")
	var f *packager.Fault
	if !errors.As(err, &f) || f.Code != "KEYS_PASSPHRASE" {
		return key, err
	}
	passphrase := ""
	if ask != nil {
		if passphrase, err = ask(path); err != nil {
			return nil, err
		}
	}
	if passphrase == "" {
		return nil, fault("KEYS_LOCKED", packager.Args{"key": path}, nil)
	}
	return LoadPKCS12(path, passphrase)
}

// chainFor picks the certificate of a key out of certs and, link by link, its
// issuers. It is empty if no certificate belongs to the key.
func chainFor(pub crypto.PublicKey, certs []*x509.Certificate) []*x509.Certificate {
	for _, c := range certs {
		if k, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && k.Equal(pub) {
			return cms.Chain(c, certs)
		}
	}
	return nil
}
