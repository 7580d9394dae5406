package keys

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"dossier/packager"
	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
	"dossier/packager/sign/tsp"
)

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
				testpki.MustRun(t, "openssl", append([]string{"pkcs12", "-export", "-inkey", key, "-in", leaf, "-certfile", more,
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
				wantFault(t, err, "KEYS_LOCKED")
				_, err = Open("", path, answer("wrong"))
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

// signsAtAllLevels signs with a key at all four levels and asks the judges.
func signsAtAllLevels(t *testing.T, panel *testpki.Panel, pki *testpki.PKI, key *sign.Key, pss bool) {
	t.Helper()
	at := time.Now().Truncate(time.Second)
	for _, level := range []string{sign.LevelB, sign.LevelT, sign.LevelLT, sign.LevelLTA} {
		path := testpki.WriteTemp(t, "in.pdf", testpki.PDFs()["stream"])
		made, err := sign.Sign(t.Context(), &packager.Bundle{Path: path}, key, sign.Options{
			Out: path, Now: at, Level: level, PSS: pss,
			Timestamps: &tsp.Client{Authorities: []string{pki.TSA("")}, Roots: pki.Roots()},
		})
		if err != nil {
			t.Fatal(err)
		}
		if made.Signature.Level != level {
			t.Errorf("%s, not %s", made.Signature.Level, level)
		}
		pdf, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		timestamps := 0
		if level == sign.LevelLTA {
			timestamps = 1
		}
		panel.Judged(t, pdf, level, 1, timestamps)
	}
}

func TestSignWithPKCS12(t *testing.T) {
	pki := testpki.New(t, time.Now())
	panel := testpki.NewPanel(t, pki)
	for _, c := range []struct {
		kind string
		pss  bool
	}{{testpki.RSA, false}, {testpki.RSA, true}, {testpki.P256, false}, {testpki.P384, false}} {
		id := pki.Signer(c.kind)
		data, err := pkcs12.Modern.Encode(id.Key, id.Chain[0], id.Chain[1:], "口令")
		if err != nil {
			t.Fatal(err)
		}
		key, err := LoadPKCS12(testpki.WriteTemp(t, "k.p12", data), "口令")
		if err != nil {
			t.Fatal(err)
		}
		signsAtAllLevels(t, panel, pki, key, c.pss)
	}
	if out := panel.Verdict(t); strings.Count(out, "passed True") != 16 {
		t.Error(out)
	}
}

func TestPKCS12Refusals(t *testing.T) {
	pki := testpki.New(t, now)
	id := pki.Signer(testpki.P256)
	open, err := pkcs12.Modern.Encode(id.Key, id.Chain[0], nil, "")
	if err != nil {
		t.Fatal(err)
	}
	never := func(string) (string, error) { t.Error("asked for a passphrase that is not there"); return "", nil }
	if _, err := Open("", testpki.WriteTemp(t, "open.pfx", open), never); err != nil {
		t.Error(err)
	}
	other, err := pkcs12.Modern.Encode(pki.Signer(testpki.P256).Key, id.Chain[0], nil, "x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = LoadPKCS12(testpki.WriteTemp(t, "other.p12", other), "x")
	wantFault(t, err, "SIGN_KEY_MISMATCH")
	junk := filepath.Join(t.TempDir(), "junk.pfx")
	if err := os.WriteFile(junk, []byte("not PKCS #12"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = LoadPKCS12(junk, "")
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
