package sign

import (
	"bytes"
	"cmp"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// judge returns a program that nobody here wrote. Without it the test is
// skipped, or fails if DOSSIER_JUDGES=required. pyHanko is looked for in the
// bin folder that DOSSIER_PYHANKO names.
func judge(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if dir := cmp.Or(os.Getenv("DOSSIER_PYHANKO"), "/tmp/pyhanko/bin"); err != nil && name == "pyhanko" {
		path, err = exec.LookPath(filepath.Join(dir, "pyhanko"))
	} else if name == "python-pyhanko" { // the Python that pyHanko is installed for
		path, err = exec.LookPath(filepath.Join(dir, "python3"))
	}
	if err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatalf("judge %s is not installed", name)
		}
		t.Skipf("judge %s is not installed", name)
	}
	return path
}

// run runs a judge and returns what it wrote.
func run(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(judge(t, name), args...).CombinedOutput()
	return string(out), err
}

func mustRun(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := run(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

var byteRange = regexp.MustCompile(`/ByteRange \[(\d+) +(\d+) +(\d+) +(\d+) *\]`)

// extract returns the CMS of the n-th signature (from 0) and the bytes that it covers.
func extract(t testing.TB, pdf []byte, n int) (der, covered []byte) {
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

func writeTemp(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// opensslVerifies checks the n-th signature as CAdES.
func opensslVerifies(t testing.TB, pdf []byte, n int, root []byte) error {
	t.Helper()
	der, covered := extract(t, pdf, n)
	return opensslVerifiesCMS(t, der, covered, root)
}

func opensslVerifiesCMS(t testing.TB, der, covered, root []byte) error {
	t.Helper()
	ca := writeTemp(t, "root.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}))
	out, err := run(t, "openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any",
		"-in", writeTemp(t, "sig.der", der), "-content", writeTemp(t, "content", covered), "-CAfile", ca, "-out", os.DevNull)
	if err != nil {
		return fmt.Errorf("openssl: %w\n%s", err, out)
	}
	return nil
}

// nssStore makes an NSS database that trusts root.
func nssStore(t testing.TB, root []byte) string {
	t.Helper()
	dir := t.TempDir()
	mustRun(t, "certutil", "-N", "-d", "sql:"+dir, "--empty-password")
	mustRun(t, "certutil", "-A", "-d", "sql:"+dir, "-n", "root", "-t", "CT,CT,CT", "-i", writeTemp(t, "root.der", root))
	return dir
}

// opensslStamps checks a timestamp token over data.
func opensslStamps(t testing.TB, token, data, root []byte) error {
	t.Helper()
	ca := writeTemp(t, "root.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}))
	out, err := run(t, "openssl", "ts", "-verify", "-token_in", "-in", writeTemp(t, "token.der", token), "-data", writeTemp(t, "data", data), "-CAfile", ca)
	if err != nil || !strings.Contains(out, "Verification: OK") {
		return fmt.Errorf("openssl ts: %v\n%s", err, out)
	}
	return nil
}
