package sign

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"dossier/packager"
	"dossier/packager/sign/testpki"
	"dossier/packager/sign/tsp"
)

func client(pki *testpki.PKI, habits ...string) *tsp.Client {
	c := &tsp.Client{Roots: pki.Roots(), Clock: now, Timeout: 5 * time.Second}
	for _, h := range habits {
		c.Authorities = append(c.Authorities, pki.TSA(h))
	}
	return c
}

func TestLevels(t *testing.T) {
	pki := testpki.New(t, now)
	p := testpki.NewPanel(t, pki)
	for _, c := range []struct {
		level, kind, pdf string
		pss              bool
	}{
		{LevelB, testpki.RSA, "stream", false},
		{LevelB, testpki.RSA, "table", true},
		{LevelB, testpki.P256, "stream", false},
		{LevelB, testpki.P384, "table", false},
		{LevelT, testpki.RSA, "table", false},
		{LevelT, testpki.RSA, "stream", true},
		{LevelT, testpki.P256, "rotated", false},
		{LevelT, testpki.P384, "form indirect", false},
		{LevelLT, testpki.RSA, "table", false},
		{LevelLT, testpki.RSA, "annotations indirect", true},
		{LevelLT, testpki.P256, "table", false},
		{LevelLT, testpki.P384, "stream", false},
		{LevelLTA, testpki.RSA, "table", false},
		{LevelLTA, testpki.RSA, "stream", true},
		{LevelLTA, testpki.P256, "stream 1.5", false},
		{LevelLTA, testpki.P384, "table 2.0", false},
	} {
		t.Run(fmt.Sprintf("%s %s %s PSS=%v", c.level, c.kind, c.pdf, c.pss), func(t *testing.T) {
			out := signed(t, testpki.PDFs()[c.pdf], testKey(pki, c.kind), func(o *Options) {
				o.Level, o.PSS, o.Timestamps = c.level, c.pss, client(pki, "")
			})
			timestamps := 0
			if c.level == LevelLTA {
				timestamps = 1
			}
			p.Judged(t, out, c.level, 1, timestamps)
		})
	}
	if out := p.Verdict(t); strings.Count(out, "passed True") != 16 {
		t.Error(out)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var f *packager.Fault
	if !errors.As(err, &f) || f.Code != code || f.Class != packager.ClassSigning {
		t.Fatalf("got %v, want %s", err, code)
	}
	if text, next := printer(t).Say(f.Code, f.Args); text == f.Code || next == "" || strings.Contains(text+next, "{") {
		t.Errorf("the catalog says %q, %q", text, next)
	}
}

func TestAuthoritiesThatMisbehave(t *testing.T) {
	pki := testpki.New(t, now)
	key := testKey(pki, testpki.P256)
	pdf := testpki.PDFs()["stream"]
	sign := func(o Options, habits ...string) (*packager.SignedBundle, error) {
		o.Out, o.Now, o.Timestamps = filepath.Join(t.TempDir(), "o.pdf"), now, client(pki, habits...)
		o.Timestamps.Timeout = 500 * time.Millisecond
		if o.Level == "" {
			o.Level = LevelT
		}
		return Sign(context.Background(), bundleOf(t, pdf), key, o)
	}
	bad := []string{"nonce", "imprint", "short", "usage", "not-critical", "stranger", "refuse", "broken", "garbage", "slow"}
	for _, habit := range bad {
		_, err := sign(Options{}, habit)
		wantCode(t, err, "SIGN_TSA_FAILED")
		if !strings.Contains(err.Error(), "/tsa/"+habit) {
			t.Errorf("the error does not name the authority: %v", err)
		}
	}
	_, err := sign(Options{}, "clock")
	wantCode(t, err, "SIGN_TSA_CLOCK")
	_, err = sign(Options{AcceptLower: true}, "clock")
	wantCode(t, err, "SIGN_TSA_CLOCK") // the local clock is wrong: that is no matter of levels

	s, err := sign(Options{}, append(bad, "")...) // the last one in the list is good
	if err != nil || s.Signature.Level != LevelT || s.Signature.Timestamp == nil {
		t.Error(s, err)
	}
	for _, level := range []string{LevelT, LevelLT, LevelLTA} { // only if the user said so
		s, err = sign(Options{Level: level, AcceptLower: true}, "broken")
		if err != nil || s.Signature.Level != LevelB || s.Signature.Timestamp != nil {
			t.Error(s, err)
		}
	}
	slow := client(pki, "limit") // asks again after the time that the authority says
	opt := Options{Level: LevelT, Timestamps: slow, Now: now, Out: filepath.Join(t.TempDir(), "o.pdf")}
	if _, err := Sign(context.Background(), bundleOf(t, pdf), key, opt); err != nil || pki.Requests["/tsa/limit"] != 2 {
		t.Error(err, pki.Requests["/tsa/limit"])
	}
	opt.Timestamps = nil
	_, err = Sign(context.Background(), bundleOf(t, pdf), key, opt)
	wantCode(t, err, "SIGN_TSA_NONE")
	opt.Timestamps = &tsp.Client{}
	_, err = Sign(context.Background(), bundleOf(t, pdf), key, opt)
	wantCode(t, err, "SIGN_TSA_FAILED")
}

func TestRevocation(t *testing.T) {
	pki := testpki.New(t, now)
	pdf := testpki.PDFs()["table"]
	subject := pkix.Name{CommonName: "测试样本"}
	issue := func(template *x509.Certificate) *Key {
		id := pki.Issue(testpki.P256, template)
		return &Key{Signer: id.Key, Chain: id.Chain, Source: "test"}
	}
	sign := func(key *Key, lower bool) (*packager.SignedBundle, error) {
		return Sign(context.Background(), bundleOf(t, pdf), key, Options{
			Level: LevelLT, Timestamps: client(pki, ""), Now: now, Out: filepath.Join(t.TempDir(), "o.pdf"), AcceptLower: lower})
	}
	crlOnly := pki.Services(&x509.Certificate{Subject: subject})
	crlOnly.OCSPServer = nil
	deadOCSP := pki.Services(&x509.Certificate{Subject: subject})
	deadOCSP.OCSPServer = []string{"http://127.0.0.1:1/", "ldap://x", pki.URL + "/tsa/garbage"}
	nothing := &x509.Certificate{Subject: subject}
	short := testKey(pki, testpki.P256) // the chain is found by the addresses in the certificates
	short.Chain = short.Chain[:1]
	for name, c := range map[string]struct {
		key  *Key
		want string
	}{
		"OCSP":              {testKey(pki, testpki.P256), ""},
		"CRL":               {issue(crlOnly), ""},
		"OCSP fails, CRL":   {issue(deadOCSP), ""},
		"nobody to ask":     {issue(nothing), "SIGN_REVOCATION_UNKNOWN"},
		"root is not known": {short, "SIGN_REVOCATION_UNKNOWN"}, // the intermediate names no issuer
		"self-made":         {selfMade(t), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := sign(c.key, false)
			if c.want == "" {
				if err != nil || s.Signature.Level != LevelLT {
					t.Fatal(err)
				}
				return
			}
			wantCode(t, err, c.want)
			s, err = sign(c.key, true)
			if err != nil || s.Signature.Level != LevelT {
				t.Error("AcceptLower", s, err)
			}
		})
	}
	for _, key := range []*Key{testKey(pki, testpki.P256), issue(crlOnly)} {
		pki.Revoked[key.Certificate().SerialNumber.String()] = true
		_, err := sign(key, true)
		wantCode(t, err, "SIGN_CERT_REVOKED")
	}
	pki.Revoked[pki.Intermediate.SerialNumber.String()] = true
	_, err := sign(testKey(pki, testpki.P256), true)
	wantCode(t, err, "SIGN_CERT_REVOKED")
}

func selfMade(t *testing.T) *Key {
	t.Helper()
	key := testpki.NewKey(t, testpki.P256)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "测试甲"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Key{Signer: key, Chain: []*x509.Certificate{c}, Source: "test"}
}

// extend lifts a PDF and returns the result.
func extend(t *testing.T, pki *testpki.PKI, pdf []byte, level string) ([]byte, *Extended, error) {
	t.Helper()
	path := testpki.WriteTemp(t, "signed.pdf", pdf) // in place
	e, err := Extend(context.Background(), path, Extension{Out: path, Now: now, Level: level, Timestamps: client(pki, "")})
	out, readErr := os.ReadFile(path)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if !bytes.HasPrefix(out, pdf) {
		t.Fatal("the signed bytes were changed")
	}
	return out, e, err
}

func TestExtend(t *testing.T) {
	pki := testpki.New(t, now)
	p := testpki.NewPanel(t, pki)
	key := testKey(pki, testpki.RSA)
	for _, name := range []string{"table", "stream"} {
		b := signed(t, testpki.PDFs()[name], key, nil)
		for _, c := range []struct {
			level      string
			timestamps int
		}{{LevelT, 1}, {LevelLT, 1}, {LevelLTA, 2}} {
			out, e, err := extend(t, pki, b, c.level)
			if err != nil {
				t.Fatal(err)
			}
			if e.Signature.Level != c.level || e.Signature.Timestamp == nil || e.Signature.SHA256Fingerprint != key.Fingerprint() || e.Bytes != int64(len(out)) {
				t.Errorf("%+v", e)
			}
			p.Judged(t, out, testpki.Extended, 1, c.timestamps)
		}
		// Step by step, and then once more: an archive is renewed.
		out := b
		for i, level := range []string{LevelT, LevelLT, LevelLTA, LevelLTA} {
			var err error
			if out, _, err = extend(t, pki, out, level); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
		p.Judged(t, out, testpki.Extended, 1, 3)
		_, _, err := extend(t, pki, out, LevelLT)
		wantCode(t, err, "SIGN_EXTEND_NOTHING")
	}
	p.Verdict(t)

	_, _, err := extend(t, pki, testpki.PDFs()["table"], LevelT)
	wantCode(t, err, "SIGN_EXTEND_UNSIGNED")
	_, _, err = extend(t, pki, testpki.PDFs()["table"], LevelB)
	wantCode(t, err, "SIGN_EXTEND_NOTHING")
	broken := signed(t, testpki.PDFs()["table"], key, nil)
	copy(broken[bytes.Index(broken, []byte("Test sample")):], "Fake")
	_, _, err = extend(t, pki, broken, LevelT)
	wantCode(t, err, "SIGN_EXTEND_BROKEN")
}

// Representative and agent sign one after the other; each keeps its revision.
func TestSeveralSigners(t *testing.T) {
	pki := testpki.New(t, now)
	p := testpki.NewPanel(t, pki)
	first, second := testKey(pki, testpki.RSA), testKey(pki, testpki.P256)
	for _, c := range []struct{ pdf, level string }{{"table", LevelB}, {"stream", LevelT}, {"hybrid", LevelB}, {"annotations indirect", LevelLTA}} {
		lift := func(o *Options) { o.Level, o.Timestamps = c.level, client(pki, "") }
		one := signed(t, testpki.PDFs()[c.pdf], first, lift)
		two := signed(t, one, second, lift)
		timestamps := 0
		if c.level == LevelLTA {
			timestamps = 2
		}
		p.Judged(t, two, c.level, 2, timestamps)
		if c.pdf == "hybrid" {
			p.Files = p.Files[:len(p.Files)-1] // pyHanko refuses hybrid files on principle
		}
	}
	p.Verdict(t)
}

func TestCertification(t *testing.T) {
	pki := testpki.New(t, now)
	p := testpki.NewPanel(t, pki)
	key := testKey(pki, testpki.RSA)
	pdf := testpki.PDFs()["table"]
	closed := signed(t, pdf, key, func(o *Options) { o.Certify, o.Level, o.Timestamps = 1, LevelT, client(pki, "") })
	p.Judged(t, closed, LevelT, 1, 0)
	open := signed(t, pdf, key, func(o *Options) { o.Certify, o.Level, o.Timestamps = 2, LevelLTA, client(pki, "") })
	p.Judged(t, open, LevelLTA, 1, 1)
	both := signed(t, open, testKey(pki, testpki.P384), func(o *Options) {
		o.Level, o.Timestamps = LevelLTA, client(pki, "")
		o.Stamp.Lines = nil // pyHanko allows invisible ones only after a certification
	})
	p.Judged(t, both, LevelLTA, 2, 2)
	if out := p.Verdict(t); strings.Count(out, "docmdp True") != 4 {
		t.Error(out)
	}

	try := func(pdf []byte, o Options) error {
		o.Out, o.Now, o.Timestamps = filepath.Join(t.TempDir(), "o.pdf"), now, client(pki, "")
		_, err := Sign(context.Background(), bundleOf(t, pdf), key, o)
		return err
	}
	wantCode(t, try(closed, Options{}), "SIGN_CERTIFIED_CLOSED")
	_, _, err := extend(t, pki, closed, LevelLT)
	wantCode(t, err, "SIGN_CERTIFIED_CLOSED")
	wantCode(t, try(open, Options{Certify: 2}), "SIGN_CERTIFY_FIRST")
	wantCode(t, try(pdf, Options{Certify: 1, Level: LevelLT}), "SIGN_CERTIFY_LEVEL")
	wantCode(t, try(pdf, Options{Certify: 4}), "SIGN_CERTIFY_UNKNOWN")
}

// What other programs write is signed as well as what is written by hand.
func TestOtherWriters(t *testing.T) {
	pki := testpki.New(t, now)
	p := testpki.NewPanel(t, pki)
	key := testKey(pki, testpki.RSA)
	in := testpki.WriteTemp(t, "in.pdf", testpki.PDFs()["stream"])
	for name, write := range map[string]func(out string){
		"qpdf linearized":     func(out string) { testpki.MustRun(t, "qpdf", "--linearize", in, out) },
		"qpdf object streams": func(out string) { testpki.MustRun(t, "qpdf", "--object-streams=generate", in, out) },
		"qpdf QDF":            func(out string) { testpki.MustRun(t, "qpdf", "--qdf", in, out) },
		"mutool":              func(out string) { testpki.MustRun(t, "mutool", "clean", "-ggg", in, out) },
		"pdfcpu": func(out string) {
			api.DisableConfigDir()
			if err := api.OptimizeFile(in, out, nil); err != nil {
				t.Fatal(err)
			}
		},
		"pdfcpu, table": func(out string) {
			api.DisableConfigDir()
			conf := model.NewDefaultConfiguration()
			conf.WriteXRefStream, conf.WriteObjectStream = false, false
			if err := api.OptimizeFile(in, out, conf); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.pdf")
			write(out)
			pdf, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			p.Judged(t, signed(t, pdf, key, nil), LevelB, 1, 0)
			if name == "mutool" {
				p.Files = p.Files[:len(p.Files)-1] // writes generation 65536, which pyHanko refuses
			}
		})
	}
	p.Verdict(t)
}
