//go:build cgo && pkcs11

package keys

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dossier/packager/sign/testpki"
)

const module = "/usr/lib/softhsm/libsofthsm2.so"

// softToken makes a SoftHSM2 token with a signing pair of each kind, one pair
// for encryption under the same label, and the chain.
func softToken(t *testing.T) *testpki.PKI {
	testpki.Judge(t, "softhsm2-util")
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	testpki.MustRun(t, "softhsm2-util", "--init-token", "--free", "--label", "公司U盾", "--pin", "123456", "--so-pin", "00000000")
	testpki.MustRun(t, "softhsm2-util", "--init-token", "--free", "--label", "other", "--pin", "123456", "--so-pin", "00000000")
	pki := testpki.New(t, time.Now())
	put := func(id testpki.Identity, n int, label string) {
		pkcs8, err := x509.MarshalPKCS8PrivateKey(id.Key)
		if err != nil {
			t.Fatal(err)
		}
		key := pemFile(t, "key.pem", &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
		testpki.MustRun(t, "softhsm2-util", "--import", key, "--token", "公司U盾", "--label", label, "--id", fmt.Sprintf("%02x", n), "--pin", "123456")
		putCert(t, id.Chain[0], n)
	}
	put(pki.Issue(testpki.RSA, &x509.Certificate{KeyUsage: x509.KeyUsageKeyEncipherment}), 1, "rsa")
	put(pki.Signer(testpki.RSA), 2, "rsa")
	put(pki.Signer(testpki.P256), 3, "p256")
	put(pki.Signer(testpki.P384), 4, "p384")
	putCert(t, pki.Root, 8)
	putCert(t, pki.Intermediate, 9)
	return pki
}

func putCert(t *testing.T, c *x509.Certificate, n int) {
	path := filepath.Join(t.TempDir(), "cert.der")
	if err := os.WriteFile(path, c.Raw, 0o600); err != nil {
		t.Fatal(err)
	}
	testpki.MustRun(t, "pkcs11-tool", "--module", module, "--token-label", "公司U盾", "--login", "--pin", "123456",
		"--write-object", path, "--type", "cert", "--id", fmt.Sprintf("%02x", n))
}

func TestPKCS11(t *testing.T) {
	pki := softToken(t)
	panel := testpki.NewPanel(t, pki)
	for _, c := range []struct {
		key string
		pss bool
	}{{"object=rsa", false}, {"object=rsa", true}, {"id=%03", false}, {"object=p384", false}} {
		t.Run(fmt.Sprint(c.key, c.pss), func(t *testing.T) {
			k, err := Open("", "pkcs11:token=公司U盾;"+c.key+"?module-path="+module, answer("123456"))
			if err != nil {
				t.Fatal(err)
			}
			if err := k.Check(time.Now()); err != nil {
				t.Fatal(err)
			}
			if len(k.Chain) != 3 || !k.Chain[2].Equal(pki.Root) {
				t.Errorf("the chain has %d certificates", len(k.Chain))
			}
			signsAtAllLevels(t, panel, pki, k, c.pss)
		})
	}
	if out := panel.Verdict(t); strings.Count(out, "passed True") != 16 {
		t.Error(out)
	}
	pin := pemFile(t, "pin")
	if err := os.WriteFile(pin, []byte("123456\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("", "pkcs11:token=公司U盾;object=p256?pin-source="+pin+"&module-path="+module, nil); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		uri, code string
		ask       Passphrase
	}{
		{"pkcs11:token=none?module-path=" + module, "KEYS_TOKEN_NONE", nil},
		{"pkcs11:?module-path=" + module, "KEYS_TOKEN_MANY", nil},
		{"pkcs11:token=公司U盾;object=none?module-path=" + module, "KEYS_TOKEN_KEY", answer("123456")},
		{"pkcs11:token=other?module-path=" + module, "KEYS_PASSPHRASE", answer("wrong pin")},
		{"pkcs11:token=other?module-path=" + module, "KEYS_LOCKED", nil},
		{"pkcs11:token=other?module-path=/nonexistent.so", "KEYS_PKCS11_LOAD", nil},
	} {
		_, err := Open("", c.uri, c.ask)
		wantFault(t, err, c.code)
	}
}
