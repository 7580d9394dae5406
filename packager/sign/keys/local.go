// Package keys brings the keys that sign: local ones that the first run makes,
// PKCS #12 files, and tokens behind PKCS #11.
//
// A local key is one PEM file in a folder: the private key in PKCS #8, or
// locked with a passphrase as an age file (scrypt), then the certificates, the
// signer's first. Only its owner may read it.
package keys

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"

	"filippo.io/age"
	"filippo.io/age/armor"

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
	// scryptLogN makes a guess cost about 0.2 s and 64 MiB.
	scryptLogN = 16
	maxFile    = 4 << 20 // bytes of a key file

	typeKey         = "PRIVATE KEY" // PKCS #8
	typeLocked      = "AGE ENCRYPTED FILE"
	typeCertificate = "CERTIFICATE"
)

// Subject is what a new certificate says about its holder.
type Subject struct {
	CommonName   string
	Organization string
}

// Passphrase asks for the passphrase (or PIN) of a key; source names it for
// people. A nil Passphrase opens only what is not locked.
type Passphrase func(source string) (string, error)

// LoadOrCreate returns the key in dir under the name Default and, if there is
// none, makes it without a passphrase: an RSA key with a certificate that it
// signs itself, valid for ten years. created tells the first run.
func LoadOrCreate(dir string, now time.Time, subject Subject, ask Passphrase) (key *sign.Key, created bool, err error) {
	path := Path(dir, Default)
	key, err = Load(path, ask)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	key, err = New(dir, Default, now, subject, "")
	if errors.Is(err, fs.ErrExist) { // another process made it a moment ago
		key, err = Load(path, ask)
		return key, false, err
	}
	return key, err == nil, err
}

// New makes a key with a certificate that it signs itself and writes it to
// dir, locked if passphrase is not empty. A key of that name is kept: the
// error then is a fs.ErrExist.
func New(dir, name string, now time.Time, subject Subject, passphrase string) (*sign.Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	cert, err := selfSigned(private, now, subject)
	if err != nil {
		return nil, err
	}
	return Import(dir, name, &sign.Key{Signer: private, Chain: []*x509.Certificate{cert}}, passphrase)
}

// Import writes a key into dir under a name, locked if passphrase is not empty,
// and returns it with its new source. A key in a token cannot be imported.
func Import(dir, name string, key *sign.Key, passphrase string) (*sign.Key, error) {
	if !validName(name) {
		return nil, fault("KEYS_NAME", packager.Args{"name": name}, nil)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		return nil, fault("KEYS_NOT_PORTABLE", packager.Args{"key": key.Source}, err)
	}
	data := pem.EncodeToMemory(&pem.Block{Type: typeKey, Bytes: pkcs8})
	if passphrase != "" {
		if data, err = lock(pkcs8, passphrase); err != nil {
			return nil, err
		}
	}
	for _, c := range key.Chain {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: c.Raw})...)
	}
	path := Path(dir, name)
	if err := writeNew(path, data); err != nil {
		return nil, err
	}
	return &sign.Key{Signer: key.Signer, Chain: key.Chain, Source: path}, nil
}

// Path returns the file of the key with a name in dir.
func Path(dir, name string) string { return filepath.Join(dir, name+extension) }

const extension = ".pem"

// validName allows letters and digits of any script, - _ and inner dots.
func validName(name string) bool {
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r) {
			return false
		}
	}
	return name != "" && len(name) <= 200 && name[0] != '.' && name[0] != '-'
}

// selfSigned makes the certificate: for signatures only, no CA, valid from an
// hour ago, since clocks differ, for ten years.
func selfSigned(key crypto.Signer, now time.Time, subject Subject) (*x509.Certificate, error) {
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
		SerialNumber:          serial.Add(serial, big.NewInt(1)), // never 0
		Subject:               name,
		NotBefore:             from,
		NotAfter:              from.AddDate(years, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Load reads a key file.
func Load(path string, ask Passphrase) (*sign.Key, error) {
	f, err := read(path)
	if err != nil {
		return nil, err
	}
	pkcs8 := f.key
	if f.locked != nil {
		if pkcs8, err = f.unlock(ask); err != nil {
			return nil, err
		}
	}
	v, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, fault("KEYS_DAMAGED", packager.Args{"file": path}, err)
	}
	signer, ok := v.(crypto.Signer)
	if !ok {
		return nil, fault("KEYS_DAMAGED", packager.Args{"file": path}, nil)
	}
	return &sign.Key{Signer: signer, Chain: f.chain, Source: path}, nil
}

// file is a key file taken apart: either key or locked is there.
type file struct {
	path   string
	key    []byte // PKCS #8
	locked []byte // age
	chain  []*x509.Certificate
	mode   fs.FileMode
}

func read(path string) (*file, error) {
	data, mode, err := readFile(path)
	if err != nil {
		return nil, fault("KEYS_READ", packager.Args{"file": path}, err)
	}
	damaged := func(err error) (*file, error) { return nil, fault("KEYS_DAMAGED", packager.Args{"file": path}, err) }
	f := &file{path: path, mode: mode}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case typeKey:
			f.key = block.Bytes
		case typeLocked:
			f.locked = block.Bytes
		case typeCertificate:
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return damaged(err)
			}
			f.chain = append(f.chain, c)
		}
	}
	if len(f.chain) == 0 || (f.key == nil) == (f.locked == nil) {
		return damaged(nil)
	}
	return f, nil
}

func readFile(path string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("too large for a key file")
	}
	return data, info.Mode().Perm(), err
}

func lock(pkcs8 []byte, passphrase string) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(scryptLogN)
	var out bytes.Buffer
	a := armor.NewWriter(&out)
	w, err := age.Encrypt(a, recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(pkcs8); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), a.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (f *file) unlock(ask Passphrase) ([]byte, error) {
	args := packager.Args{"key": f.path}
	if ask == nil {
		return nil, fault("KEYS_LOCKED", args, nil)
	}
	passphrase, err := ask(f.path)
	if err != nil {
		return nil, err
	}
	if passphrase == "" {
		return nil, fault("KEYS_LOCKED", args, nil)
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	identity.SetMaxWorkFactor(scryptLogN + 4)
	r, err := age.Decrypt(bytes.NewReader(f.locked), identity)
	if noMatch := (*age.NoIdentityMatchError)(nil); errors.As(err, &noMatch) {
		return nil, fault("KEYS_PASSPHRASE", args, nil)
	}
	if err != nil {
		return nil, fault("KEYS_DAMAGED", packager.Args{"file": f.path}, err)
	}
	pkcs8, err := io.ReadAll(r)
	if err != nil {
		return nil, fault("KEYS_DAMAGED", packager.Args{"file": f.path}, err)
	}
	return pkcs8, nil
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
		err = place(tmp.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return fault("KEYS_EXISTS", packager.Args{"file": path}, err)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fault("KEYS_WRITE", packager.Args{"file": path}, err)
	}
	return nil
}

// place gives a file its name and never replaces another.
func place(tmp, path string) error {
	err := os.Link(tmp, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, absent := os.Lstat(path); errors.Is(absent, fs.ErrNotExist) {
		return os.Rename(tmp, path) // a file system without hard links
	}
	return err
}

// syncDir makes a new name last. Windows does not have it and does not need it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
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
