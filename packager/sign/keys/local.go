// Package keys brings the keys that sign: local ones that the first run makes,
// PKCS #12 files, and tokens behind PKCS #11.
package keys

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"dossier/packager"
	"dossier/packager/sign"
)

const (
	// bits: RSA, because every reader in use checks it, the older Chinese ones
	// too; 3072, because the certificate runs for ten years.
	bits  = 3072
	years = 10
	// Default is the name of the key that the first run makes.
	Default = "default"

	typeKey         = "PRIVATE KEY" // PKCS #8
	typeCertificate = "CERTIFICATE"
)

// Subject is what a new certificate says about its holder.
type Subject struct {
	CommonName   string
	Organization string
}

// LoadOrCreate returns the key in dir under the name Default and, if there is
// none, makes it: an RSA key with a certificate that it signs itself, in one
// PEM file that only its owner may read. created tells the first run.
func LoadOrCreate(dir string, now time.Time, subject Subject) (key *sign.Key, created bool, err error) {
	path := Path(dir, Default)
	key, err = Load(path, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	if err = Create(path, now, subject); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, false, err
	}
	created = err == nil // else another process made it a moment ago
	key, err = Load(path, nil)
	return key, created, err
}

// Path returns the file of the key with a name in dir.
func Path(dir, name string) string { return filepath.Join(dir, name+".pem") }

// Create makes a new key and certificate and writes them to path. A file that
// is there is kept: the error is then fs.ErrExist.
func Create(path string, now time.Time, subject Subject) error {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return err
	}
	cert, err := selfSigned(private, now, subject)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	data := pem.EncodeToMemory(&pem.Block{Type: typeKey, Bytes: pkcs8})
	data = append(data, pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: cert})...)
	return writeNew(path, data)
}

// selfSigned makes the certificate: for signatures only, no CA, valid from an
// hour ago, since clocks differ, for ten years.
func selfSigned(key crypto.Signer, now time.Time, subject Subject) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	name := pkix.Name{CommonName: subject.CommonName}
	if subject.Organization != "" {
		name.Organization = []string{subject.Organization}
	}
	from := now.UTC().Add(-time.Hour).Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               name,
		NotBefore:             from,
		NotAfter:              from.AddDate(years, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		BasicConstraintsValid: true,
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}

// Load reads a key file. passphrase is asked for one that is locked; it may be
// nil.
func Load(path string, passphrase func() (string, error)) (*sign.Key, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault("KEYS_READ", packager.Args{"file": path}, err)
	}
	key := &sign.Key{Source: path}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case typeKey:
			v, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, fault("KEYS_DAMAGED", packager.Args{"file": path}, err)
			}
			key.Signer, _ = v.(crypto.Signer)
		case typeCertificate:
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fault("KEYS_DAMAGED", packager.Args{"file": path}, err)
			}
			key.Chain = append(key.Chain, c)
		}
	}
	if key.Signer == nil || len(key.Chain) == 0 {
		return nil, fault("KEYS_DAMAGED", packager.Args{"file": path}, nil)
	}
	return key, nil
}

// writeNew writes a file that only its owner may read, whole and on disk or
// not at all, and never over another one.
func writeNew(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault("KEYS_WRITE", packager.Args{"file": path}, err)
	}
	tmp, err := os.CreateTemp(dir, ".key-*") // 0600
	if err != nil {
		return fault("KEYS_WRITE", packager.Args{"file": path}, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Link(tmp.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fault("KEYS_WRITE", packager.Args{"file": path}, err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func fault(code string, args packager.Args, err error) error {
	return &packager.Fault{Class: packager.ClassSigning, Code: code, Args: args, Err: err}
}
