package keys

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"dossier/packager"
	"dossier/packager/sign"
)

// Info describes a key without opening it.
type Info struct {
	Name        string    `json:"name"`
	Path        string    `json:"path"`
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Serial      string    `json:"serial"` // hex
	Algorithm   string    `json:"algorithm"`
	Fingerprint string    `json:"sha256_fingerprint"` // of the certificate, hex
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	SelfSigned  bool      `json:"self_signed"`
	Locked      bool      `json:"locked"`  // a passphrase is needed
	Exposed     bool      `json:"exposed"` // others than the owner may read the file (never told on Windows)
	Chain       []string  `json:"chain"`   // subjects of the certificates above the signer's
}

// List describes the keys in dir in order of their names. A folder that is not
// there has none. Files that cannot be read as keys are left out and named in
// the error, which comes beside the others.
func List(dir string) ([]Info, error) {
	paths, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*"+extension))
	if err != nil {
		return nil, err
	}
	out := []Info{}
	var errs []error
	for _, path := range paths {
		info, err := describe(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, *info)
	}
	return out, errors.Join(errs...)
}

// Show describes one key.
func Show(dir, name string) (*Info, error) {
	if !validName(name) {
		return nil, fault("KEYS_NAME", packager.Args{"name": name}, nil)
	}
	return describe(Path(dir, name))
}

// Remove deletes a key for good. Bundles that it signed stay valid.
func Remove(dir, name string) error {
	if !validName(name) {
		return fault("KEYS_NAME", packager.Args{"name": name}, nil)
	}
	path := Path(dir, name)
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fault("KEYS_READ", packager.Args{"file": path}, err)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fault("KEYS_WRITE", packager.Args{"file": path}, err)
	}
	return nil
}

// Open opens the key that spec names: a PKCS #11 URI (RFC 7512), a file that
// ends in .p12 or .pfx, any other path to a PEM file as Load reads it, or the
// name of a key in dir.
func Open(dir, spec string, ask Passphrase) (*sign.Key, error) {
	switch ext := strings.ToLower(filepath.Ext(spec)); {
	case strings.HasPrefix(spec, "pkcs11:"):
		return openPKCS11(spec, ask)
	case ext == ".p12" || ext == ".pfx":
		return openPKCS12(spec, ask)
	case validName(spec) && ext != extension:
		return Load(Path(dir, spec), ask)
	}
	return Load(spec, ask)
}

func describe(path string) (*Info, error) {
	f, err := read(path)
	if err != nil {
		return nil, err
	}
	key := &sign.Key{Chain: f.chain}
	c := key.Certificate()
	info := &Info{
		Name: strings.TrimSuffix(filepath.Base(path), extension), Path: path,
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: fmt.Sprintf("%x", c.SerialNumber),
		Algorithm: algorithm(c), Fingerprint: key.Fingerprint(), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		SelfSigned: key.SelfSigned(), Locked: f.locked != nil, Exposed: runtime.GOOS != "windows" && f.mode&0o077 != 0, Chain: []string{},
	}
	for _, above := range f.chain[1:] {
		info.Chain = append(info.Chain, above.Subject.String())
	}
	return info, nil
}

func algorithm(c *x509.Certificate) string {
	switch pub := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", pub.N.BitLen())
	case *ecdsa.PublicKey:
		return pub.Curve.Params().Name
	}
	return c.PublicKeyAlgorithm.String()
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}
