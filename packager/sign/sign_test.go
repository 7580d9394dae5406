package sign

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"dossier/packager"
	"dossier/packager/i18n"
	"dossier/packager/sign/cms"
	"dossier/packager/sign/testpki"
)

// now is the real time, because pdfsig and openssl judge by their own clock.
var now = time.Now().Truncate(time.Second)

func printer(t testing.TB) *i18n.Printer {
	t.Helper()
	words, err := os.ReadFile("../../templates/locales/sign.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := i18n.Load(fstest.MapFS{"l/sign.yaml": {Data: words}}, "l")
	if err != nil {
		t.Fatal(err)
	}
	return c.Printer("zh")
}

func font(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../../templates/fonts/NotoSansSC-Regular.ttf")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func bundleOf(t testing.TB, pdf []byte) *packager.Bundle {
	t.Helper()
	sum := sha256.Sum256(pdf)
	return &packager.Bundle{
		Path: testpki.WriteTemp(t, "bundle.pdf", pdf), SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(pdf)), Pages: 1,
		Stamp: packager.StampPlace{Page: 1, X: 72, Y: 72, W: 300, H: 150},
	}
}

func options(t testing.TB, key *Key) Options {
	opt := Options{
		Out: filepath.Join(t.TempDir(), "signed.pdf"), Now: now, Reason: "申请注销账号", Location: "测试市",
		FontRegular: font(t), AuditHead: strings.Repeat("0a", 32),
	}
	opt.Stamp.Lines = StampLines(printer(t), key, opt)
	return opt
}

func testKey(p *testpki.PKI, kind string) *Key {
	id := p.Signer(kind)
	return &Key{Signer: id.Key, Chain: id.Chain, Source: "test " + kind}
}

func signed(t testing.TB, pdf []byte, key *Key, change func(*Options)) []byte {
	t.Helper()
	opt := options(t, key)
	if change != nil {
		change(&opt)
	}
	b := bundleOf(t, pdf)
	s, err := Sign(context.Background(), b, key, opt)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(opt.Out)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(out)
	if s.SHA256 != hex.EncodeToString(sum[:]) || s.Bytes != int64(len(out)) || s.Path != opt.Out {
		t.Fatal("the digest or the size of the result is wrong")
	}
	if !bytes.HasPrefix(out, pdf) {
		t.Fatal("the composed bytes were changed")
	}
	return out
}

// verified checks the first signature with openssl.
func verified(t testing.TB, pdf []byte, pki *testpki.PKI) error {
	t.Helper()
	der, covered := testpki.Extract(t, pdf, 0)
	return testpki.OpenSSLVerifies(t, der, covered, pki.Root.Raw)
}

func TestEveryStructure(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.RSA)
	nss := testpki.NSSStore(t, pki.Root.Raw)
	for name, pdf := range testpki.PDFs() {
		t.Run(name, func(t *testing.T) {
			out := signed(t, pdf, key, nil)
			if err := verified(t, out, pki); err != nil {
				t.Error(err)
			}
			path := testpki.WriteTemp(t, "s.pdf", out)
			if got := testpki.MustRun(t, "qpdf", "--check", path); !strings.Contains(got, "No syntax or stream encoding errors") {
				t.Errorf("qpdf:\n%s", got)
			}
			got := testpki.MustRun(t, "pdfsig", "-nssdir", nss, path)
			for _, want := range []string{"Signature is Valid.", "Certificate is Trusted.", "Total document signed", "ETSI.CAdES.detached"} {
				if !strings.Contains(got, want) {
					t.Errorf("pdfsig does not say %q:\n%s", want, got)
				}
			}
			text := testpki.MustRun(t, "pdftotext", path, "-")
			for _, want := range []string{"电子签名", "申请注销账号", "Test sample"} {
				if !strings.Contains(text, want) {
					t.Errorf("pdftotext does not find %q:\n%s", want, text)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	pki := testpki.New(t, now)
	good := testKey(pki, testpki.P256)
	pdf := testpki.PDFs()["table"]
	other := testKey(pki, testpki.P256)
	usage := func(c *x509.Certificate) *Key {
		id := pki.Issue(testpki.P256, c)
		return &Key{Signer: id.Key, Chain: id.Chain}
	}
	for _, c := range []struct {
		name string
		pdf  []byte
		key  *Key
		opt  func(*Options, *packager.Bundle)
		want string
	}{
		{"no key", pdf, &Key{}, nil, "SIGN_KEY_NONE"},
		{"another key than the certificate's", pdf, &Key{Signer: other.Signer, Chain: good.Chain}, nil, "SIGN_KEY_MISMATCH"},
		{"RSA 1024", pdf, testKey(pki, testpki.RSA1024), nil, "SIGN_KEY_WEAK"},
		{"Ed25519", pdf, testKey(pki, testpki.Ed25519), nil, "SIGN_KEY_ALGORITHM"},
		{"P-521", pdf, testKey(pki, testpki.P521), nil, "SIGN_KEY_ALGORITHM"},
		{"certificate for encryption", pdf, usage(&x509.Certificate{KeyUsage: x509.KeyUsageKeyEncipherment}), nil, "SIGN_KEY_USAGE"},
		{"certificate of a web site", pdf, usage(&x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}), nil, "SIGN_KEY_USAGE"},
		{"expired", pdf, good, func(o *Options, _ *packager.Bundle) { o.Now = now.AddDate(11, 0, 0) }, "SIGN_CERT_EXPIRED"},
		{"not yet valid", pdf, good, func(o *Options, _ *packager.Bundle) { o.Now = now.AddDate(-11, 0, 0) }, "SIGN_CERT_NOT_YET"},
		{"chain out of order", pdf, &Key{Signer: good.Signer, Chain: []*x509.Certificate{good.Chain[0], good.Chain[2], good.Chain[1]}}, nil, "SIGN_CHAIN_ORDER"},
		{"no such page", pdf, good, func(_ *Options, b *packager.Bundle) { b.Stamp.Page = 2 }, "SIGN_PDF_PAGE"},
		{"too much text", pdf, good, func(o *Options, _ *packager.Bundle) { o.Stamp.Lines = []string{strings.Repeat("长", 10000)} }, "SIGN_STAMP_TOO_LONG"},
		{"changed since it was composed", pdf, good, func(_ *Options, b *packager.Bundle) { b.SHA256 = strings.Repeat("0", 64) }, "SIGN_INPUT_CHANGED"},
		{"input is gone", pdf, good, func(_ *Options, b *packager.Bundle) { b.Path += "x" }, "SIGN_READ"},
		{"no folder to write to", pdf, good, func(o *Options, _ *packager.Bundle) { o.Out = "/nonexistent/x.pdf" }, "SIGN_WRITE"},
		{"level", pdf, good, func(o *Options, _ *packager.Bundle) { o.Level = "B-X" }, "SIGN_LEVEL_UNKNOWN"},
		{"encrypted", testpki.WithTable("1.7", testpki.FileID+"/Encrypt<</Filter/Standard>>", testpki.OnePage("", "")...), good, nil, "SIGN_PDF_ENCRYPTED"},
		{"no PDF", []byte("GIF89a, not a PDF at all"), good, nil, "SIGN_PDF_UNREADABLE"},
		{"cut off", pdf[:len(pdf)-60], good, nil, "SIGN_PDF_UNREADABLE"},
		{"key twice in the catalog", testpki.WithTable("1.7", "", testpki.OnePage("/Pages 2 0 R", "")...), good, nil, "SIGN_PDF_UNREADABLE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt := Options{Out: filepath.Join(t.TempDir(), "out.pdf"), Now: now, FontRegular: font(t), Stamp: StampText{Lines: []string{"测试样本"}}}
			b := bundleOf(t, c.pdf)
			if c.opt != nil {
				c.opt(&opt, b)
			}
			_, err := Sign(context.Background(), b, c.key, opt)
			var f *packager.Fault
			if !errors.As(err, &f) || f.Code != c.want || f.Class != packager.ClassSigning {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if text, next := printer(t).Say(f.Code, f.Args); text == f.Code || next == "" || strings.Contains(text+next, "{") {
				t.Errorf("the catalog says %q, %q", text, next)
			}
			left, _ := filepath.Glob(filepath.Join(filepath.Dir(opt.Out), "*"))
			hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(opt.Out), ".*"))
			if len(left)+len(hidden) > 0 {
				t.Errorf("left behind: %v %v", left, hidden)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	pki := testpki.New(t, now)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	opt := Options{Out: filepath.Join(t.TempDir(), "out.pdf"), Now: now}
	if _, err := Sign(ctx, bundleOf(t, testpki.PDFs()["table"]), testKey(pki, testpki.P256), opt); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(opt.Out)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A chain of many certificates does not fit into the first room.
func TestOversizeCMS(t *testing.T) {
	pki := testpki.New(t, now)
	id := pki.Issue(testpki.P256, &x509.Certificate{
		Subject: pkix.Name{CommonName: "测试样本", OrganizationalUnit: []string{strings.Repeat("很长的部门名称", 1500)}},
	})
	out := signed(t, testpki.PDFs()["stream"], &Key{Signer: id.Key, Chain: id.Chain}, nil)
	der, _ := testpki.Extract(t, out, 0)
	if len(der) <= firstReserve {
		t.Fatalf("the CMS has %d bytes only", len(der))
	}
	if err := verified(t, out, pki); err != nil {
		t.Error(err)
	}
	testpki.MustRun(t, "qpdf", "--check", testpki.WriteTemp(t, "s.pdf", out))
}

func TestSealReceipt(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.RSA)
	canonical := []byte(`{"bundle":{"id":"DS-20261122-7Q3F9K2M"},"case":"c1","version":1}`)
	sealed, err := SealReceipt(key, canonical, now)
	if err != nil {
		t.Fatal(err)
	}
	body, seal, ok := strings.Cut(strings.TrimSuffix(string(sealed), `"}`), `,"seal":"`)
	if !ok || body+"}" != string(canonical) || !json.Valid(sealed) {
		t.Fatalf("sealed: %s", sealed)
	}
	der, err := base64.StdEncoding.DecodeString(seal)
	if err != nil {
		t.Fatal(err)
	}
	if err := testpki.OpenSSLVerifies(t, der, canonical, pki.Root.Raw); err != nil {
		t.Error(err)
	}
	changed := bytes.Replace(canonical, []byte("c1"), []byte("c2"), 1)
	if testpki.OpenSSLVerifies(t, der, changed, pki.Root.Raw) == nil {
		t.Error("openssl accepts the seal of another receipt")
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"a":1,"seal":"x"}`, "{\"a\":1}\n"} {
		if _, err := SealReceipt(key, []byte(bad), now); err == nil {
			t.Errorf("%q was sealed", bad)
		}
	}
}

// The signature covers every byte but its own room, and that is zero behind
// the CMS: judges that nobody here wrote find changes.
func TestTampering(t *testing.T) {
	pki := testpki.New(t, now)
	out := signed(t, testpki.PDFs()["table"], testKey(pki, testpki.P256), nil)
	der, covered := testpki.Extract(t, out, 0)
	sum, err := cms.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	if room := len(out) - len(covered); room != 2*firstReserve+2 {
		t.Errorf("%d bytes are not covered", room)
	}
	good := sha256.Sum256(covered)
	signer, err := sum.Signer()
	if err != nil {
		t.Fatal(err)
	}
	if err := sum.Check(signer, good[:]); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		bad := bytes.Clone(covered)
		bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
		if testpki.OpenSSLVerifies(t, der, bad, pki.Root.Raw) == nil {
			t.Error("openssl takes a flipped bit")
		}
	}
	nss := testpki.NSSStore(t, pki.Root.Raw)
	path := testpki.WriteTemp(t, "bad.pdf", bytes.Replace(out, []byte("Test sample"), []byte("Fake sample"), 1))
	if got := testpki.MustRun(t, "pdfsig", "-nssdir", nss, path); strings.Contains(got, "Signature is Valid.") {
		t.Errorf("pdfsig takes a changed page:\n%s", got)
	}
	path = testpki.WriteTemp(t, "longer.pdf", append(bytes.Clone(out), "\n% more\n"...))
	if got := testpki.MustRun(t, "pdfsig", "-nssdir", nss, path); !strings.Contains(got, "Not total document signed") {
		t.Errorf("pdfsig takes appended bytes:\n%s", got)
	}
}

// The same file signed twice at the same time differs only where it has to.
func TestResultIsStable(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.RSA) // PKCS #1 v1.5 has no randomness
	pdf := testpki.PDFs()["stream"]
	if !bytes.Equal(signed(t, pdf, key, nil), signed(t, pdf, key, nil)) {
		t.Error("two runs differ")
	}
}
