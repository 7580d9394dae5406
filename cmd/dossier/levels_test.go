//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"software.sslmate.com/src/go-pkcs12"

	"dossier/packager/sign"
	"dossier/packager/sign/testpki"
)

// sums are the digests of the files in a folder.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out[path] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLevels: the program signs at every level with a PKCS#12 key under a
// Chinese passphrase, lifts a finished bundle later, stores it anew, and
// verify names the level and the trusted time.
func TestLevels(t *testing.T) {
	exe := testpki.Program(t)
	pki := testpki.New(t, time.Now())
	id := pki.Signer(testpki.RSA)
	p12, err := pkcs12.Modern.Encode(id.Key, id.Chain[0], id.Chain[1:], "口令-１２３")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, roots := filepath.Join(dir, "key.p12"), filepath.Join(dir, "root.pem")
	for path, b := range map[string][]byte{key: p12, roots: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pki.Root.Raw})} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := append(home(t), "DOSSIER_KEY_PASSPHRASE=口令-１２３")
	run := func(t *testing.T, args ...string) map[string]any {
		t.Helper()
		cmd := exec.Command(exe, append(args, "--json", "--progress", "none")...)
		cmd.Env = env
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %v\n%s%s", args, err, stdout.Bytes(), stderr.Bytes())
		}
		var v map[string]any
		if err := json.Unmarshal(stdout.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	verified := func(t *testing.T, target, level string) {
		t.Helper()
		v := run(t, "verify", target, "--trust", roots)
		sigs := v["signatures"].([]any)
		first := sigs[0].(map[string]any)
		if v["ok"] != true || first["level"] != level || first["trust"] != "trusted" {
			t.Errorf("verify %s: %v", target, v["signatures"])
		}
	}
	small := caseWith(t, 1<<10)
	signing := []string{"--key", key, "--tsa", pki.TSA("good"), "--trust", roots}
	built := run(t, append([]string{"build", small, "--level", "B-LTA"}, signing...)...)
	if got := built["signature"].(map[string]any); got["level"] != "B-LTA" || got["timestamp"] == nil {
		t.Errorf("signature: %v", got)
	}
	verified(t, filepath.Join(small, "out"), "B-LTA")

	run(t, append([]string{"build", small, "--level", "B-B"}, signing...)...)
	verified(t, filepath.Join(small, "out"), "B-B")
	lifted := run(t, append([]string{"sign", small, "--extend", "--level", "B-LTA"}, signing...)...)
	if got := lifted["signature"].(map[string]any); got["level"] != "B-LTA" {
		t.Errorf("lifted: %v", got)
	}
	verified(t, filepath.Join(small, "out"), "B-LTA")
	verified(t, small, "B-LTA")

	// The agent signs as well, after a certification that permits it; then the
	// whole is lifted, by who signed last.
	agent := filepath.Join(dir, "agent.p12")
	other := pki.Signer(testpki.P256)
	if p12, err = pkcs12.Modern.Encode(other.Key, other.Chain[0], other.Chain[1:], "口令-１２３"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(agent, p12, 0o600); err != nil {
		t.Fatal(err)
	}
	both := func(level string) {
		t.Helper()
		v := run(t, "verify", small, "--trust", roots)
		sigs := v["signatures"].([]any)
		one, two := sigs[0].(map[string]any), sigs[1].(map[string]any)
		if v["ok"] != true || one["kind"] != "certification" || one["algorithm"] != "RSA-PSS SHA-256" || two["kind"] != "approval" ||
			two["algorithm"] != "ECDSA SHA-256" || two["reason"] != "经办人签名" || one["level"] != level || two["level"] != level {
			t.Errorf("%v %v", v["ok"], sigs)
		}
	}
	run(t, append([]string{"build", small, "--pss", "--certify", "2"}, signing...)...)
	run(t, "sign", small, "--key", agent, "--reason", "经办人签名")
	both("B-B")
	run(t, "sign", small, "--extend", "--level", "B-LT", "--key", agent, "--tsa", pki.TSA("good"), "--trust", roots)
	both("B-LT")
	twice := exec.Command(exe, "sign", small, "--key", agent, "--progress", "none")
	twice.Env = env
	if out, err := twice.CombinedOutput(); twice.ProcessState.ExitCode() != 5 {
		t.Errorf("the same person again: %v\n%s", err, out)
	}

	// What does not belong to the case, was forged, or is another person's to
	// lift, does not grow; what was there stays as it was.
	refused := func(code int, args ...string) {
		t.Helper()
		before := sums(t, filepath.Join(small, "out"))
		cmd := exec.Command(exe, append(args, "--progress", "none")...)
		cmd.Env = env
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != code {
			t.Errorf("%v: exit %d, want %d\n%s", args, cmd.ProcessState.ExitCode(), code, out)
		}
		if diff := cmp.Diff(before, sums(t, filepath.Join(small, "out"))); diff != "" {
			t.Errorf("%v changed something: %s", args, diff)
		}
	}
	lift := append([]string{"sign", small, "--extend", "--level", "B-LTA"}, "--tsa", pki.TSA("good"), "--trust", roots)
	refused(5, append(lift, "--key", key)...) // the agent signed last and seals the receipt
	stranger := caseWith(t, 1<<10)            // the same papers, another case
	text, err := os.ReadFile(filepath.Join(stranger, "case.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(stranger, "case.yaml"), regexp.MustCompile(`(?m)^id: .*`).ReplaceAll(text, []byte("id: another-case")), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(7, "sign", stranger, "--extend", "--level", "B-LTA", "--key", agent, "--tsa", pki.TSA("good"), "--trust", roots, "--out", filepath.Join(small, "out"))
	third := pki.Signer(testpki.P384)
	if p12, err = pkcs12.Modern.Encode(third.Key, third.Chain[0], third.Chain[1:], "口令-１２３"); err != nil {
		t.Fatal(err)
	}
	witness := filepath.Join(dir, "witness.p12")
	if err := os.WriteFile(witness, p12, 0o600); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(small, ".dossier", "events.jsonl")
	kept, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, bytes.Join(bytes.SplitAfter(kept, []byte("\n"))[:4], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(7, "sign", small, "--key", witness) // the log of the case was cut
	// A case that lost its log goes on from the copy beside the bundle.
	if err := os.RemoveAll(filepath.Dir(log)); err != nil {
		t.Fatal(err)
	}
	run(t, append(lift, "--key", agent)...)
	both("B-LTA")
	run(t, "sign", small, "--key", witness, "--reason", "见证人签名")
	v := run(t, "verify", small, "--trust", roots)
	if sigs := v["signatures"].([]any); v["ok"] != true || len(sigs) < 3 {
		t.Errorf("the third person: %v", sigs)
	}
	receipt, err := os.ReadFile(filepath.Join(small, "out", "receipt.json"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (&sign.Key{Chain: third.Chain}).Fingerprint(); !bytes.Contains(receipt, []byte(want)) {
		t.Error("the receipt does not name who signed last")
	}

	// A key of a certification authority becomes a local one.
	run(t, "keys", "import", "公司", key)
	shown := run(t, "keys", "show", "公司")["key"].(map[string]any)
	if chain := shown["chain"].([]any); len(chain) != 2 || shown["self_signed"] != false || shown["algorithm"] != "RSA-2048" || shown["locked"] != false {
		t.Errorf("%v", shown)
	}

	// No authority answers: a failure, and never silently a lower level.
	cmd := exec.Command(exe, "build", small, "--level", "B-T", "--key", key, "--tsa", "http://127.0.0.1:9", "--progress", "none")
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("exit %d: %v\n%s", cmd.ProcessState.ExitCode(), err, out)
	}
}
