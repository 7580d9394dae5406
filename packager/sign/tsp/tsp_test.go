package tsp

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dossier/packager/sign/testpki"
)

// openssl is an authority that nobody here wrote.
func TestTokenOfOpenSSL(t *testing.T) {
	pki := testpki.New(t, time.Now())
	id := pki.Issue(testpki.P384, testpki.Timestamping(true))
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(id.Key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	config := write("ts.cnf", []byte("[tsa]\ndefault_tsa=t\n[t]\nserial="+filepath.Join(dir, "serial")+
		"\ncrypto_device=builtin\nsigner_digest=sha384\ndefault_policy=1.2.3.4\ndigests=sha256\naccuracy=secs:1,millisecs:500,microsecs:100\nordering=yes\ntsa_name=yes\ness_cert_id_chain=no\ness_cert_id_alg=sha256\n"))
	digest, nonce := sha256.Sum256([]byte("测试样本")), big.NewInt(4711)
	reply := filepath.Join(dir, "reply")
	testpki.MustRun(t, "openssl", "ts", "-reply", "-config", config, "-section", "t",
		"-queryfile", write("query", request(digest, nonce)), "-out", reply,
		"-signer", write("tsa.pem", block("CERTIFICATE", id.Chain[0].Raw)), "-inkey", write("key.pem", block("PRIVATE KEY", pkcs8)),
		"-chain", write("chain.pem", append(block("CERTIFICATE", id.Chain[1].Raw), block("CERTIFICATE", id.Chain[2].Raw)...)))
	body, err := os.ReadFile(reply)
	if err != nil {
		t.Fatal(err)
	}
	der, err := response(body)
	if err != nil {
		t.Fatal(err)
	}
	token, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Check(digest, nonce, pki.Roots()); err != nil {
		t.Fatal(err)
	}
	if token.Accuracy != time.Second+500*time.Millisecond+100*time.Microsecond || token.Policy != "1.2.3.4" || len(token.Chain) != 3 {
		t.Errorf("%v %v %d", token.Accuracy, token.Policy, len(token.Chain))
	}
	if token.Check(sha256.Sum256(nil), nonce, pki.Roots()) == nil || token.Check(digest, big.NewInt(1), pki.Roots()) == nil ||
		token.Check(digest, nonce, x509.NewCertPool()) == nil {
		t.Error("a token for something else is taken")
	}
	for _, part := range [][]byte{token.data.Content, token.data.Signature, token.Chain[0].RawTBSCertificate} {
		at := bytes.Index(der, part)
		for i := at; i < at+len(part); i++ {
			bad := bytes.Clone(der)
			bad[i] ^= 1
			if other, err := Parse(bad); err == nil && other.Check(digest, nonce, pki.Roots()) == nil {
				t.Errorf("a flipped bit at %d is taken", i)
			}
		}
	}
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	c := &Client{Authorities: []string{"http://user:secret@127.0.0.1:1/tsa?key=secret"}, Tries: 1}
	_, err := c.Token(t.Context(), [32]byte{})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x00})
	f.Fuzz(func(_ *testing.T, b []byte) {
		if der, err := response(b); err == nil {
			b = der
		}
		if t, err := Parse(b); err == nil {
			t.Check([32]byte{}, nil, x509.NewCertPool())
		}
		(&Token{}).parseInfo(b)
	})
}
