package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dossier/packager/sign/testpki"
	"dossier/storage"
	"dossier/storage/s3"
	"dossier/storage/storagetest"
	"dossier/storage/upkeep"
)

// What a person is told when the store fails: each fault through a real
// connection to a real server, in both languages, with exit 6; what was made
// stays on the disk, and push goes on from there.
func TestStoreFaults(t *testing.T) {
	srv := storagetest.StartMinIO(t)
	bucket := srv.NewBucket(t, false)
	proxy := storagetest.StartProxy(t, srv, nil)
	exe, dir := testpki.Program(t), testpki.Example(t, "wecom_account")
	here := t.TempDir()
	env := append(os.Environ(), "HOME="+here, "XDG_DATA_HOME="+here, "DOSSIER_CACHE="+here, "DOSSIER_AT=2026-11-22", "DOSSIER_TESSERACT=off",
		"DOSSIER_STORE_ATTEMPTS=2", "DOSSIER_STORE_STALL=1s", "AWS_ENDPOINT_URL_S3="+proxy.Endpoint)
	run := func(want int, more []string, args ...string) string {
		t.Helper()
		cmd := exec.Command(exe, append(args, "--progress", "none")...)
		cmd.Env = append(env, more...)
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Fatalf("%v: exit %d, %v\n%s", args, code, err, out)
		}
		if bytes.Contains(out, []byte(srv.SecretKey)) || bytes.Contains(out, []byte("\x1b")) || bytes.Contains(out, []byte("{")) {
			t.Errorf("%v said:\n%s", args, out)
		}
		return string(out)
	}
	whole := func() {
		t.Helper()
		for _, name := range []string{"bundle.pdf", "audit.xlsx", "events.jsonl", "manifest.json"} {
			if _, err := os.Stat(filepath.Join(dir, "out", name)); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "out", "receipt.json")); err == nil {
			t.Error("there is a receipt")
		}
	}
	puts := func(r *http.Request) bool {
		return r.Method == http.MethodPut && !strings.Contains(r.URL.Path, "/v1/probe/")
	}
	dead := []string{"AWS_ENDPOINT_URL_S3=http://127.0.0.1:9"}
	said := run(6, append(dead, "DOSSIER_LANG=zh"), "build", dir, "--store", bucket)
	for _, word := range []string{"连不上存储服务器 127.0.0.1:9", "dossier push"} {
		if !strings.Contains(said, word) {
			t.Errorf("refused: no %q in\n%s", word, said)
		}
	}
	whole()
	for _, c := range []struct {
		fault  storagetest.Fault
		zh, en string
	}{
		{storagetest.Reset, "连不上存储服务器", "cannot be reached, or the connection kept breaking"},
		{storagetest.HalfSent, "连接多次中断", "cannot be reached, or the connection kept breaking"},
		{storagetest.Stall, "连接多次中断", "cannot be reached, or the connection kept breaking"},
		{storagetest.LostAck, "连接多次中断", "cannot be reached, or the connection kept breaking"},
		{storagetest.InternalError, "一直繁忙或出错（HTTP 500，InternalError）", "stays busy or fails (HTTP 500, InternalError)"},
		{storagetest.RetryAfter, "一直繁忙或出错（HTTP 503，SlowDown）", "stays busy or fails (HTTP 503, SlowDown)"},
		{storagetest.ClockSkew, "相差约 20 分钟", "differ by about 20 minutes"},
		{storagetest.ExpiredToken, "临时访问令牌已过期", "the session token has expired"},
		{storagetest.DiskFull, "存储空间不足", "the store is full"},
		{storagetest.DamagedRequest, "按校验值拒收", "refused it by its checksum"},
	} {
		for lang, words := range map[string]string{"zh": c.zh, "en": c.en} {
			t.Run(string(c.fault)+"-"+lang, func(t *testing.T) {
				proxy.Plan(storagetest.Always(c.fault, puts))
				before := proxy.Injected()[c.fault]
				// A place of its own: what one left behind is no help to the next.
				said := run(6, []string{"DOSSIER_LANG=" + lang}, "push", dir, "--store", bucket+"/"+lang+"/"+string(c.fault))
				if proxy.Injected()[c.fault] == before {
					t.Fatal("the fault was not put in")
				}
				if !strings.Contains(said, words) || !strings.Contains(said, "→ ") {
					t.Errorf("no %q in\n%s", words, said)
				}
				whole()
			})
		}
	}
	// After each of them push completes what is there.
	proxy.Plan(nil)
	run(0, nil, "push", dir, "--store", bucket+"/zh/lost-ack")
	run(0, nil, "verify", dir)
	run(0, nil, "verify", bucket+"/zh/lost-ack/v1/cases/example-wecom-account")
	run(64, []string{"DOSSIER_LANG=en"}, "push", dir, "--store", bucket)
	if said := run(4, []string{"DOSSIER_STORE_STALL=soon"}, "push", dir, "--store", bucket); !strings.Contains(said, "DOSSIER_STORE_STALL") {
		t.Errorf("%s", said)
	}
}

// Two people store the same case at the same moment: one is first, the other
// is told, and both are whole.
func TestOvertaken(t *testing.T) {
	srv := storagetest.StartMinIO(t)
	bucket := srv.NewBucket(t, false)
	proxy := storagetest.StartProxy(t, srv, nil)
	exe, dir := testpki.Program(t), testpki.Example(t, "wecom_account")
	other := storagetest.Example(t.TempDir(), "the other's bundle", []byte("material"))
	other.Case = "example-wecom-account"
	other.Receipt = func(n int, files, objects []storage.Stored) ([]byte, error) {
		return json.Marshal(storage.Receipt{Case: other.Case, Number: n, Files: files, Objects: objects})
	}
	direct, err := s3.Open(t.Context(), bucket, s3.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	proxy.Plan(func(r *http.Request) storagetest.Fault {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/v1/cases/example-wecom-account/1/bundle.pdf") {
			once.Do(func() {
				if done, err := storage.Publish(t.Context(), direct, other); err != nil || done.Number != 1 {
					t.Errorf("the other: %+v, %v", done, err)
				}
			})
		}
		return storagetest.None
	})
	here := t.TempDir()
	cmd := exec.Command(exe, "build", dir, "--out", filepath.Join(here, "out"), "--store", bucket, "--progress", "none")
	cmd.Env = append(os.Environ(), "HOME="+here, "XDG_DATA_HOME="+here, "DOSSIER_CACHE="+here, "DOSSIER_AT=2026-11-22", "DOSSIER_TESSERACT=off",
		"DOSSIER_LANG=zh", "AWS_ENDPOINT_URL_S3="+proxy.Endpoint)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("占用了第 1 次；这一份存为第 2 次")) {
		t.Errorf("%v\n%s", err, out)
	}
	log, err := os.ReadFile(filepath.Join(dir, ".dossier", "events.jsonl"))
	if err != nil || !bytes.Contains(log, []byte(`"taken_by_others":"1"`)) {
		t.Errorf("the log does not say so: %v", err)
	}
	report, err := upkeep.Check(t.Context(), direct, "", upkeep.CheckOptions{})
	if err != nil || report.Publications != 2 || len(report.Problems) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// Doctor warns of what a probe alone does not show: papers that travel in clear
// to a host elsewhere, and clocks that disagree.
func TestDoctorWarns(t *testing.T) {
	srv := storagetest.StartMinIO(t)
	bucket := srv.NewBucket(t, true)
	proxy := storagetest.StartProxy(t, srv, storagetest.Always(storagetest.ClockAhead, storagetest.IsAny))
	exe, here := testpki.Program(t), t.TempDir()
	for lang, words := range map[string][]string{
		"zh": {"! 到 minio.example.test 的连接没有加密（http://）", "! 本机与服务器的时钟相差 ", "✓ 支持对象锁定", "· 没有传完的分段会留着占空间"},
		"en": {"! the connection to minio.example.test is not encrypted", "! this clock and the server's differ by ", "✓ supports object lock", "· uploads that were never completed stay"},
	} {
		cmd := exec.Command(exe, "doctor", "--store", bucket, "--lang", lang)
		// The host is reached through a proxy, as in many an office.
		cmd.Env = append(os.Environ(), "HOME="+here, "XDG_DATA_HOME="+here, "DOSSIER_CACHE="+here,
			"AWS_ENDPOINT_URL_S3=http://minio.example.test", "HTTP_PROXY="+proxy.Endpoint, "NO_PROXY=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, w := range words {
			if !bytes.Contains(out, []byte(w)) {
				t.Errorf("no %q in\n%s", w, out)
			}
		}
	}
}
