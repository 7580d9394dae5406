//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"dossier/packager/sign/testpki"
)

// TestLevels: the program signs at every level with a PKCS#12 key under a
// Chinese passphrase, lifts a finished bundle later, stores it anew, and
// verify names the level and the trusted time.
func TestLevels(t *testing.T) {
	exe := program(t)
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

	// No authority answers: a failure, and never silently a lower level.
	cmd := exec.Command(exe, "build", small, "--level", "B-T", "--key", key, "--tsa", "http://127.0.0.1:9", "--progress", "none")
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("exit %d: %v\n%s", cmd.ProcessState.ExitCode(), err, out)
	}
}
