//go:build !cgo || !pkcs11

package keys

import "dossier/packager/sign"

// openPKCS11 says that this program was built without PKCS #11, which needs
// cgo: go build -tags pkcs11.
func openPKCS11(uri string, _ Passphrase) (*sign.Key, error) {
	if _, err := parseKeyURI(uri); err != nil {
		return nil, err
	}
	return nil, fault("KEYS_PKCS11_ABSENT", nil, nil)
}
