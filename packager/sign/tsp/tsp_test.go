package tsp

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
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

func TestRetryAfter(t *testing.T) {
	const date = "Sun, 22 Nov 2026 04:00:00 GMT"
	for _, c := range []struct {
		after, date string
		want        time.Duration
	}{
		{"", "", 0}, {"30", "", 30 * time.Second}, {"-5", "", 0}, {"soon", date, 0}, {"99999999", "", 1 << 20 * time.Second},
		{"Sun, 22 Nov 2026 04:01:30 GMT", date, 90 * time.Second},
		{"Sun, 22 Nov 2026 03:59:00 GMT", date, 0},
		{"Sun, 22 Nov 2026 04:01:30 GMT", "", 0}, // by whose clock?
	} {
		h := http.Header{"Retry-After": {c.after}, "Date": {c.date}}
		if got := retryAfter(h); got != c.want {
			t.Errorf("%q at %q: %v, want %v", c.after, c.date, got, c.want)
		}
	}
}

// An authority that says to come back later than we wait is not asked again:
// the next one is.
func TestLimits(t *testing.T) {
	pki := testpki.New(t, time.Now())
	busy := 0
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		busy++
		w.Header().Set("Retry-After", "3600")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	}))
	defer first.Close()
	c := &Client{Authorities: []string{first.URL, pki.TSA("")}, Roots: pki.Roots(), Clock: time.Now()}
	token, err := c.Token(t.Context(), [32]byte{1})
	if err != nil || busy != 1 || token.Authority != pki.TSA("") {
		t.Errorf("%v, asked %d times", err, busy)
	}
	// Within the time it is asked as often as Tries says, and no more.
	c.Authorities, c.Tries, c.Timeout = []string{pki.TSA("broken")}, 2, 5*time.Second
	if _, err := c.Token(t.Context(), [32]byte{1}); err == nil || pki.Requests["/tsa/broken"] != 2 {
		t.Errorf("%v, asked %d times", err, pki.Requests["/tsa/broken"])
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
