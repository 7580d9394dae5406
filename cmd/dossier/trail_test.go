//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"dossier/packager/sign/testpki"
	"dossier/storage/storagetest"
)

// One case is walked through everything that can happen to it: every kind of
// event is written, chained, sealed, with who, when and digests; and verify
// walks the log of what is stored, to its end.
func TestEveryEventOfACase(t *testing.T) {
	exe, dir := testpki.Program(t), caseWith(t, 1<<10)
	pki := testpki.New(t, time.Now())
	id := pki.Signer(testpki.P256)
	p12, err := pkcs12.Modern.Encode(id.Key, id.Chain[0], id.Chain[1:], "x")
	if err != nil {
		t.Fatal(err)
	}
	here := t.TempDir()
	key, roots, inbox := filepath.Join(here, "key.p12"), filepath.Join(here, "root.pem"), filepath.Join(here, "in")
	write := func(path string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(key, p12)
	write(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pki.Root.Raw}))
	env := append(home(t), "DOSSIER_KEY_PASSPHRASE=x", "DOSSIER_KEY="+key, "DOSSIER_TRUST="+roots, "DOSSIER_TSA="+pki.TSA("good"), "DOSSIER_NAME=审核员甲")
	run := runner(t, exe, env)
	edit := func(old, new string) {
		t.Helper()
		path := filepath.Join(dir, "case.yaml")
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(old)) {
			t.Fatalf("no %q in case.yaml, %v", old, err)
		}
		write(path, bytes.ReplaceAll(text, []byte(old), []byte(new)))
	}

	// A paper comes in; a precondition does not hold, and a person answers for it.
	if err := os.Mkdir(inbox, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "materials", "营业执照副本.jpg"), filepath.Join(inbox, "营业执照副本.jpg")); err != nil {
		t.Fatal(err)
	}
	edit("  business_licence: materials/营业执照副本.jpg", "  # ")
	edit("can_log_in: {value: true", "can_log_in: {value: false")
	run("collect", dir, inbox)
	run("draft", dir, "application_letter")
	accept := []string{"--accept", "PRECONDITION_FAILS", "--reason", "平台客服同意"}
	run(append([]string{"build", dir, "--level", "B-T", "--unmask"}, accept...)...)
	first := filepath.Join(here, "first")
	if err := os.CopyFS(first, os.DirFS(filepath.Join(dir, "out"))); err != nil {
		t.Fatal(err)
	}
	run("handoff", dir)
	run("verify", dir)
	edit("业务调整，不再使用该账号", "业务调整，账号停用")
	run(append([]string{"build", dir, "--level", "B-T", "--supersedes", filepath.Join(first, "receipt.json"), "--reason", "照片模糊"}, append(accept[:2:2], "--reason", "平台客服同意")...)...)
	run("store", "expire", dir, "--now", "--yes")

	text, err := os.ReadFile(filepath.Join(dir, ".dossier", "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	prev := ""
	for line := range strings.Lines(string(text)) {
		var e struct {
			Seq                                                                   int
			What, At, Zone, User, Host, Name, Tool, Case, Rules, Prev, Hash, Seal string
			Inputs, Outputs, Data                                                 map[string]string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		seen[e.What]++
		if at, err := time.Parse(time.RFC3339Nano, e.At); err != nil || !strings.HasSuffix(e.At, "Z") || time.Since(at) > time.Hour || e.Zone == "" {
			t.Errorf("%s: when: %q, zone %q", e.What, e.At, e.Zone)
		}
		if e.User == "" || e.Name != "审核员甲" || e.Tool == "" || e.Case != "example-weibo-enterprise" {
			t.Errorf("%s: who: %q %q %q %q", e.What, e.User, e.Name, e.Tool, e.Case)
		}
		if e.Prev != prev && prev != "" || len(e.Hash) != 64 {
			t.Errorf("%s: the chain is broken", e.What)
		}
		prev = e.Hash
		digests := len(e.Inputs) + len(e.Outputs)
		if slices.Contains([]string{"imported", "drafted", "collected", "checked", "composed", "signed", "timestamped", "stored", "verified", "handed_off"}, e.What) && digests == 0 {
			t.Errorf("%s: no digest of what it was about", e.What)
		}
		for _, sum := range []map[string]string{e.Inputs, e.Outputs} {
			for name, d := range sum {
				if !regexp.MustCompile("^[0-9a-f]{64}$").MatchString(d) {
					t.Errorf("%s: the digest of %s is %q", e.What, name, d)
				}
			}
		}
		if slices.Contains([]string{"imported", "collected", "checked", "overridden", "composed", "stored"}, e.What) && len(e.Rules) != 64 {
			t.Errorf("%s: no version of the rules: %q", e.What, e.Rules)
		}
		if slices.Contains([]string{"overridden", "superseded", "expired"}, e.What) && e.Data["reason"] == "" {
			t.Errorf("%s: no reason", e.What)
		}
	}
	for _, kind := range []string{"collected", "checked", "overridden", "drafted", "imported", "composed", "signed", "timestamped", "unmasked", "stored", "verified", "handed_off", "superseded", "expired"} {
		if seen[kind] == 0 {
			t.Errorf("no event %q among %v", kind, seen)
		}
	}
	run("verify", dir)
	run("verify", first)
	cmd := exec.Command(exe, "store", "check", "--progress", "none")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Nothing but the bodies of objects says of whom a case is: no key, no
// metadata, no header and no address that goes to the server has a name, a
// number or a letter that is not ASCII (PIPL art. 51). Encrypted, the bodies do
// not either.
func TestNothingPersonalOutsideObjects(t *testing.T) {
	exe, dir := testpki.Program(t), caseWith(t, 20<<20)
	srv := storagetest.StartMinIO(t)
	bucket := srv.NewBucket(t, true)
	proxy := storagetest.StartProxy(t, srv, nil)
	var mu sync.Mutex
	var wire []string
	proxy.Plan(func(r *http.Request) storagetest.Fault {
		mu.Lock()
		defer mu.Unlock()
		uri, err := url.PathUnescape(r.URL.RequestURI())
		if err != nil {
			t.Error(err)
		}
		wire = append(wire, r.Method+" "+r.Host+" "+uri)
		for name, values := range r.Header {
			wire = append(wire, name+": "+strings.Join(values, ", "))
		}
		return storagetest.None
	})
	env := append(home(t), "AWS_ENDPOINT_URL_S3="+proxy.Endpoint)
	run := runner(t, exe, env)
	run("store", "keygen", filepath.Join(dir, "me.key"))
	run("build", dir, "--store", bucket+"/clear", "--retain", "governance:1d")
	run("build", dir, "--store", bucket+"/sealed", "--recipient", recipientOf(t, filepath.Join(dir, "me.key")))
	run("handoff", dir, "--json")
	run("store", "expire", dir, "--store", bucket+"/sealed", "--now", "--yes")
	run("store", "gc", "--store", bucket+"/sealed", "--remove")

	// What must not be found: the names and numbers of the case, in any form
	// that a key or a header could carry.
	secrets := []string{"测试", "营业执照", "%E6", "=?utf-8", "=?UTF-8", "110199198001010016", "13800138000", "91000000MAFAKE019J", "1000000001", "weibo@example.com"}
	if len(wire) < 200 {
		t.Fatalf("only %d lines were seen", len(wire))
	}
	for _, line := range wire {
		for _, s := range secrets {
			if strings.Contains(line, s) {
				t.Errorf("%q in %s", s, line)
			}
		}
		for _, r := range line {
			if r > 126 || r < 32 {
				t.Errorf("%q in %s", r, line)
			}
		}
		if name, _, _ := strings.Cut(line, ":"); strings.HasPrefix(name, "X-Amz-Meta-") || name == "X-Amz-Tagging" || name == "Content-Disposition" {
			t.Errorf("metadata of our own: %s", line)
		}
	}
}

// recipientOf reads the public key that stands in an identity file.
func recipientOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`age1[a-z0-9]{58}`).FindString(string(text))
	if key == "" {
		t.Fatalf("no public key in %s", file)
	}
	return key
}

// runner returns a function that runs the program, which must succeed.
func runner(t *testing.T, exe string, env []string) func(args ...string) {
	return func(args ...string) {
		t.Helper()
		cmd := exec.Command(exe, append(args, "--progress", "none")...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("dossier %v: %v\n%s", args, err, out)
		}
	}
}
