package keys

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dossier/packager/sign/testpki"
)

// judge returns a program that nobody here wrote. Without it the test is
// skipped, or fails if DOSSIER_JUDGES=required.
func judge(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatalf("judge %s is not installed", name)
		}
		t.Skipf("judge %s is not installed", name)
	}
	return path
}

func mustRun(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(judge(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func pemFile(t testing.TB, name string, blocks ...*pem.Block) string {
	t.Helper()
	var data []byte
	for _, b := range blocks {
		data = append(data, pem.EncodeToMemory(b)...)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func certBlock(c *x509.Certificate) *pem.Block {
	return &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}
}

// Files as openssl writes them, new and old style, with the chain in an
// order of its own and a certificate that does not belong.
func TestPKCS12(t *testing.T) {
	pki := testpki.New(t, now)
	stranger := testpki.New(t, now)
	for _, kind := range []string{testpki.RSA, testpki.P256, testpki.P384} {
		id := pki.Signer(kind)
		pkcs8, err := x509.MarshalPKCS8PrivateKey(id.Key)
		if err != nil {
			t.Fatal(err)
		}
		key := pemFile(t, "key.pem", &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
		leaf := pemFile(t, "leaf.pem", certBlock(id.Chain[0]))
		more := pemFile(t, "more.pem", certBlock(pki.Root), certBlock(stranger.Root), certBlock(pki.Intermediate))
		for name, style := range map[string][]string{
			"modern": nil,
			"3DES":   {"-legacy", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"},
			"RC2":    {"-legacy"},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "测试.p12")
				mustRun(t, "openssl", append([]string{"pkcs12", "-export", "-inkey", key, "-in", leaf, "-certfile", more,
					"-passout", "pass:卷宗口令2026", "-out", path}, style...)...)
				k, err := Open("", path, answer("卷宗口令2026"))
				if err != nil {
					t.Fatal(err)
				}
				if err := k.Check(now); err != nil {
					t.Error(err)
				}
				if len(k.Chain) != 3 || !k.Chain[2].Equal(pki.Root) {
					t.Errorf("the chain has %d certificates", len(k.Chain))
				}
				_, err = LoadPKCS12(path, "卷宗口令2025")
				wantFault(t, err, "KEYS_PASSPHRASE")
				_, err = Open("", path, nil)
				wantFault(t, err, "KEYS_PASSPHRASE")

				dir := t.TempDir() // and into the local store
				if _, err := Import(dir, "公司", k, ""); err != nil {
					t.Fatal(err)
				}
				again, err := Open(dir, "公司", nil)
				if err != nil || again.Check(now) != nil || len(again.Chain) != 3 {
					t.Error(err)
				}
			})
		}
	}
}

func TestPKCS12Refusals(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk.pfx")
	if err := os.WriteFile(junk, []byte("not PKCS #12"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadPKCS12(junk, "")
	wantFault(t, err, "KEYS_PKCS12")
	_, err = LoadPKCS12(junk+"x", "")
	wantFault(t, err, "KEYS_READ")
}

func FuzzLoadPKCS12(f *testing.F) {
	f.Add([]byte("0\x82"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x.p12")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := LoadPKCS12(path, ""); err == nil && len(k.Chain) == 0 {
			t.Error("a key without a certificate")
		}
	})
}
