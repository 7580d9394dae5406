package keys

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"dossier/packager"
)

// pkcs11URI is a PKCS #11 URI (RFC 7512) that names a private key in a token:
//
//	pkcs11:token=公司U盾;id=%01?module-path=/usr/lib/libvendor.so
//
// pin-value is refused: a secret does not belong on a command line.
type pkcs11URI struct {
	Token, Manufacturer, Serial, Model string // of the token; "" matches any
	Slot                               *uint
	Object                             string // CKA_LABEL of the key
	ID                                 []byte // CKA_ID of the key
	ModulePath                         string
	PINSource                          string // a file
}

var errPINValue = errors.New("pin-value is not accepted")

func parsePKCS11URI(s string) (*pkcs11URI, error) {
	rest, ok := strings.CutPrefix(s, "pkcs11:")
	if !ok {
		return nil, errors.New("does not begin with the scheme pkcs11")
	}
	path, query, _ := strings.Cut(rest, "?")
	u := &pkcs11URI{}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(path, ";") {
		if err := u.attribute(part, seen, u.set); err != nil {
			return nil, err
		}
	}
	for part := range strings.SplitSeq(query, "&") {
		if err := u.attribute(part, seen, u.setQuery); err != nil {
			return nil, err
		}
	}
	return u, nil
}

func (u *pkcs11URI) attribute(part string, seen map[string]bool, set func(name, value string) error) error {
	if part == "" {
		return nil
	}
	name, raw, ok := strings.Cut(part, "=")
	if !ok || name == "" {
		return fmt.Errorf("%q is not name=value", part)
	}
	if seen[name] {
		return fmt.Errorf("%s stands twice", name)
	}
	seen[name] = true
	value, err := url.PathUnescape(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return set(name, value)
}

func (u *pkcs11URI) set(name, value string) error {
	switch name {
	case "token":
		u.Token = value
	case "manufacturer":
		u.Manufacturer = value
	case "serial":
		u.Serial = value
	case "model":
		u.Model = value
	case "object":
		u.Object = value
	case "id":
		u.ID = []byte(value)
	case "slot-id":
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return fmt.Errorf("slot-id: %w", err)
		}
		slot := uint(n)
		u.Slot = &slot
	case "type":
		if value != "private" && value != "cert" {
			return fmt.Errorf("type=%s is not a key to sign with", value)
		}
	case "library-manufacturer", "library-description", "library-version", "slot-manufacturer", "slot-description":
		// Narrow the choice of module or reader only.
	default:
		if !strings.HasPrefix(name, "x-") { // RFC 7512 §2.3: vendor attributes
			return fmt.Errorf("unknown attribute %s", name)
		}
	}
	return nil
}

func (u *pkcs11URI) setQuery(name, value string) error {
	switch name {
	case "module-path":
		u.ModulePath = value
	case "pin-source":
		u.PINSource = strings.TrimPrefix(value, "file:")
	case "pin-value":
		return errPINValue
	}
	return nil // RFC 7512 §2.4: unknown query attributes are ignored
}

// parseKeyURI parses a URI and explains what is wrong with it, without
// repeating it: it may hold a PIN.
func parseKeyURI(s string) (*pkcs11URI, error) {
	u, err := parsePKCS11URI(s)
	switch {
	case errors.Is(err, errPINValue):
		return nil, fault("KEYS_PKCS11_PIN_VALUE", nil, nil)
	case err != nil:
		return nil, fault("KEYS_PKCS11_URI", packager.Args{"why": err.Error()}, nil)
	case u.ModulePath == "":
		return nil, fault("KEYS_PKCS11_MODULE", nil, nil)
	}
	return u, nil
}
