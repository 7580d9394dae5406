package testpki

import (
	_ "embed"

	"bytes"
	"cmp"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dossier/packager/sign/cms"
)

// Judge returns a program that nobody here wrote. Without it the test is
// skipped, or fails if DOSSIER_JUDGES=required. pyHanko is looked for in the
// bin folder that DOSSIER_PYHANKO names, else where .ci/run installs it.
func Judge(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if dir := installed("DOSSIER_PYHANKO", "judges-python", "bin"); err != nil && name == "pyhanko" {
		path, err = exec.LookPath(filepath.Join(dir, "pyhanko"))
	} else if name == "python-pyhanko" { // the Python that pyHanko is installed for
		path, err = exec.LookPath(filepath.Join(dir, "python3"))
	}
	if err != nil {
		missing(t, name)
	}
	return path
}

// installed is the folder that a variable names, else the one that .ci/run
// installs into.
func installed(variable string, path ...string) string {
	cache, _ := os.UserCacheDir()
	return cmp.Or(os.Getenv(variable), filepath.Join(append([]string{cache, "dossier"}, path...)...))
}

// PyHankoSource returns the folder with pyHanko's source, whose tests carry
// signed samples: DOSSIER_PYHANKO_SOURCE, else where .ci/run unpacks it.
func PyHankoSource(t testing.TB) string {
	t.Helper()
	dir := installed("DOSSIER_PYHANKO_SOURCE", "pyhanko-0.38.0")
	if _, err := os.Stat(dir); err != nil {
		missing(t, "source of pyHanko (pip download --no-binary :all: --no-deps pyhanko==0.38.0, unpacked)")
	}
	return dir
}

func missing(t testing.TB, name string) {
	t.Helper()
	if os.Getenv("DOSSIER_JUDGES") == "required" {
		t.Fatalf("judge %s is not installed", name)
	}
	t.Skipf("judge %s is not installed", name)
}

// Run runs a judge and returns what it wrote.
func Run(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(Judge(t, name), args...).CombinedOutput()
	return string(out), err
}

// MustRun runs a judge that has to succeed.
func MustRun(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := Run(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

var byteRange = regexp.MustCompile(`/ByteRange \[(\d+) +(\d+) +(\d+) +(\d+) *\]`)

// Extract returns the CMS of the n-th signature (from 0) and the bytes that it covers.
func Extract(t testing.TB, pdf []byte, n int) (der, covered []byte) {
	t.Helper()
	all := byteRange.FindAllSubmatch(pdf, -1)
	if n >= len(all) {
		t.Fatalf("%d signatures, no number %d", len(all), n)
	}
	var v [4]int
	for i := range v {
		v[i], _ = strconv.Atoi(string(all[n][i+1]))
	}
	if v[0] != 0 || v[2]+v[3] > len(pdf) || pdf[v[1]] != '<' || pdf[v[2]-1] != '>' {
		t.Fatalf("ByteRange %v does not enclose the contents", v)
	}
	padded, err := hex.DecodeString(string(pdf[v[1]+1 : v[2]-1]))
	if err != nil {
		t.Fatal(err)
	}
	var whole asn1.RawValue
	padding, err := asn1.Unmarshal(padded, &whole)
	if err != nil || len(bytes.Trim(padding, "\x00")) != 0 {
		t.Fatalf("the padding is not zero: %v", err)
	}
	covered = append(append([]byte(nil), pdf[:v[1]]...), pdf[v[2]:v[2]+v[3]]...)
	return whole.FullBytes, covered
}

// WriteTemp writes a file that goes with the test.
func WriteTemp(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// OpenSSLVerifies checks a detached CMS as CAdES.
func OpenSSLVerifies(t testing.TB, der, covered, root []byte) error {
	t.Helper()
	ca := WriteTemp(t, "root.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}))
	out, err := Run(t, "openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any",
		"-in", WriteTemp(t, "sig.der", der), "-content", WriteTemp(t, "content", covered), "-CAfile", ca, "-out", os.DevNull)
	if err != nil {
		return fmt.Errorf("openssl: %w\n%s", err, out)
	}
	return nil
}

// NSSStore makes an NSS database that trusts root.
func NSSStore(t testing.TB, root []byte) string {
	t.Helper()
	dir := t.TempDir()
	MustRun(t, "certutil", "-N", "-d", "sql:"+dir, "--empty-password")
	MustRun(t, "certutil", "-A", "-d", "sql:"+dir, "-n", "root", "-t", "CT,CT,CT", "-i", WriteTemp(t, "root.der", root))
	return dir
}

// OpenSSLStamps checks a timestamp token over data.
func OpenSSLStamps(t testing.TB, token, data, root []byte) error {
	t.Helper()
	ca := WriteTemp(t, "root.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}))
	out, err := Run(t, "openssl", "ts", "-verify", "-token_in", "-in", WriteTemp(t, "token.der", token), "-data", WriteTemp(t, "data", data), "-CAfile", ca)
	if err != nil || !strings.Contains(out, "Verification: OK") {
		return fmt.Errorf("openssl ts: %w\n%s", err, out)
	}
	return nil
}

//go:embed ades.py
var adesPy string

// Extended is, for the judges, a B-B signature with document timestamps.
const Extended = "extended"

// Panel collects signed PDFs for the judges, because pyHanko is slow to start.
type Panel struct {
	pki   *PKI
	nss   string
	dir   string
	Files []string // level=path
}

// NewPanel makes a panel that trusts the root of a PKI.
func NewPanel(t *testing.T, pki *PKI) *Panel {
	return &Panel{pki: pki, nss: NSSStore(t, pki.Root.Raw), dir: t.TempDir()}
}

// Judged lets openssl, qpdf and pdfsig judge a PDF and keeps it for pyHanko.
func (p *Panel) Judged(t *testing.T, pdf []byte, level string, signatures, timestamps int) {
	t.Helper()
	path := filepath.Join(p.dir, fmt.Sprintf("%d.pdf", len(p.Files)))
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range signatures + timestamps {
		der, covered := Extract(t, pdf, i)
		data, err := cms.Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		if data.Content != nil {
			timestamps--
			err = OpenSSLStamps(t, der, covered, p.pki.Root.Raw)
		} else {
			err = OpenSSLVerifies(t, der, covered, p.pki.Root.Raw)
		}
		if err != nil {
			t.Error(err)
		}
		token := data.Unsigned[cms.OIDSignatureTimeStamp.String()]
		if data.Content == nil && (token != nil) != (level != "B-B" && level != Extended) {
			t.Errorf("signature timestamp: %v", token != nil)
		}
		if token != nil {
			if err := OpenSSLStamps(t, token, data.Signature, p.pki.Root.Raw); err != nil {
				t.Error(err)
			}
		}
	}
	if timestamps != 0 {
		t.Errorf("%d document timestamps are missing", timestamps)
	}
	if got := MustRun(t, "qpdf", "--check", path); !strings.Contains(got, "No syntax or stream encoding errors") {
		t.Errorf("qpdf:\n%s", got)
	}
	got := MustRun(t, "pdfsig", "-nssdir", p.nss, path)
	for _, line := range []string{"Signature is Valid.", "Certificate is Trusted."} { // pdfsig 22 knows no document timestamps
		if n := strings.Count(got, line); n != signatures {
			t.Errorf("pdfsig says %q %d times, not %d:\n%s", line, n, signatures, got)
		}
	}
	p.Files = append(p.Files, level+"="+path)
}

// Verdict asks pyHanko about all files at once and returns what it says.
func (p *Panel) Verdict(t *testing.T) string {
	t.Helper()
	root := WriteTemp(t, "root.der", p.pki.Root.Raw)
	out, err := Run(t, "python-pyhanko", append([]string{"-c", adesPy, root}, p.Files...)...)
	if err != nil {
		t.Errorf("pyHanko: %v\n%s", err, out)
	}
	p.dss(t, root)
	return out
}

// dss asks EU DSS, which has to give each signature the level that it was made
// for. From B-LT on nothing is fetched; below, the services of the PKI are
// asked whether a certificate was revoked.
func (p *Panel) dss(t *testing.T, root string) {
	t.Helper()
	want := map[string]string{}
	var alone, online []string
	for _, f := range p.Files {
		level, path, _ := strings.Cut(f, "=")
		want[path] = level
		if level == "B-LT" || level == "B-LTA" {
			alone = append(alone, path)
		} else {
			online = append(online, path)
		}
	}
	said := DSS(t, root, "now", "offline", alone...)
	maps.Copy(said, DSS(t, root, "now", "online", online...))
	for path, level := range want {
		format := "PAdES-BASELINE-" + strings.TrimPrefix(level, "B-")
		signatures := 0
		for _, a := range said[path] {
			if a.Indication != "TOTAL_PASSED" && (a.Kind == "signature" || a.Indication != "PASSED") {
				t.Errorf("EU DSS, %s: %+v", level, a)
			}
			if a.Kind != "signature" {
				continue
			}
			signatures++
			if a.Format != format && level != Extended {
				t.Errorf("EU DSS calls a signature of level %s %s", level, a.Format)
			}
		}
		if signatures == 0 {
			t.Errorf("EU DSS, %s: no signature", level)
		}
	}
}

//go:embed dss/DssJudge.java
var dssJudge []byte

// Answer is what EU DSS says of a signature or timestamp.
type Answer struct {
	Kind       string // "signature", "timestamp", "none", "refused"
	Format     string // "PAdES-BASELINE-LTA"
	Indication string // "TOTAL_PASSED", of a timestamp "PASSED"
	Sub        string // "NO_CERTIFICATE_CHAIN_FOUND"
	Errors     string
}

// DSS asks the European Commission's Digital Signature Service about PDFs. root
// is the path of the trusted certificate, or "-"; at is the time to judge by, in
// RFC 3339, or "now"; services is "online" or "offline". The folder with the JARs
// is named by DOSSIER_DSS; dss/pom.xml says which they are.
func DSS(t testing.TB, root, at, services string, files ...string) map[string][]Answer {
	t.Helper()
	java := Judge(t, "java")
	jars := installed("DOSSIER_DSS", "dss")
	if found, _ := filepath.Glob(filepath.Join(jars, "dss-pades-*.jar")); len(found) == 0 {
		missing(t, "EU DSS")
	}
	out := map[string][]Answer{}
	if len(files) == 0 {
		return out
	}
	args := []string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", filepath.Join(jars, "*"), WriteTemp(t, "DssJudge.java", dssJudge), root, at, services}
	var stderr bytes.Buffer
	cmd := exec.Command(java, append(args, files...)...)
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("EU DSS: %v\n%s", err, &stderr)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 6 {
			t.Fatalf("EU DSS says %q", line)
		}
		out[f[0]] = append(out[f[0]], Answer{f[1], f[2], f[3], f[4], f[5]})
	}
	return out
}
