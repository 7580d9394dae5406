package keys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"dossier/packager"
	"dossier/packager/i18n"
)

var now = time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)

var subject = Subject{CommonName: "测试虚构（样本）科技有限公司", Organization: "测试样本"}

func answer(passphrase string) Passphrase {
	return func(string) (string, error) { return passphrase, nil }
}

// wantFault checks the code of an error and that the catalog explains it.
func wantFault(t testing.TB, err error, code string) {
	t.Helper()
	var f *packager.Fault
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	words, err := os.ReadFile("../../../templates/locales/sign.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := i18n.Load(fstest.MapFS{"l/sign.yaml": {Data: words}}, "l")
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range i18n.Languages {
		if text, next := c.Printer(lang).Say(f.Code, f.Args); text == code || next == "" || strings.Contains(text+next, "{") {
			t.Errorf("the catalog says %q, %q", text, next)
		}
	}
}

func TestFirstRunMakesAKeyAndKeepsIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dossier", "keys")
	first, created, err := LoadOrCreate(dir, now, subject, nil)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	if err := first.Check(now); err != nil {
		t.Error(err)
	}
	if err := first.Check(now.AddDate(10, 0, 0)); err == nil {
		t.Error("the certificate outlives its ten years")
	}
	if !first.SelfSigned() || first.SubjectName() != subject.CommonName {
		t.Errorf("subject %q, self-signed %v", first.SubjectName(), first.SelfSigned())
	}
	info, err := os.Stat(Path(dir, Default))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, created, err := LoadOrCreate(dir, now, subject, nil)
	if err != nil || created || again.Fingerprint() != first.Fingerprint() {
		t.Errorf("the second run: created %v, %v", created, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("files left: %v", left)
	}
}

// Two first runs at once agree on one key.
func TestFirstRunsRace(t *testing.T) {
	dir := t.TempDir()
	type result struct {
		fingerprint string
		created     bool
	}
	results := make(chan result)
	for range 2 {
		go func() {
			k, created, err := LoadOrCreate(dir, now, subject, nil)
			if err != nil {
				t.Error(err)
				results <- result{}
				return
			}
			results <- result{k.Fingerprint(), created}
		}()
	}
	a, b := <-results, <-results
	if a.fingerprint != b.fingerprint || a.created == b.created {
		t.Errorf("%v, %v", a, b)
	}
}

func TestLockedKey(t *testing.T) {
	dir := t.TempDir()
	made, err := New(dir, "代理人", now, subject, "口令：测试")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(Path(dir, "代理人"))
	if err != nil || strings.Contains(string(data), "BEGIN PRIVATE KEY") {
		t.Fatal("the key lies open", err)
	}
	k, err := Open(dir, "代理人", answer("口令：测试"))
	if err != nil || k.Fingerprint() != made.Fingerprint() || k.Check(now) != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, "代理人", nil)
	wantFault(t, err, "KEYS_LOCKED")
	_, err = Open(dir, "代理人", answer(""))
	wantFault(t, err, "KEYS_LOCKED")
	_, err = Open(dir, "代理人", answer("wrong"))
	wantFault(t, err, "KEYS_PASSPHRASE")
	stop := errors.New("stop")
	if _, err = Open(dir, "代理人", func(string) (string, error) { return "", stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

func TestManage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[keys]")
	if list, err := List(dir); err != nil || len(list) != 0 {
		t.Fatal(list, err)
	}
	open, err := New(dir, "b", now, subject, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Import(dir, "a", open, "locked"); err != nil {
		t.Fatal(err)
	}
	_, err = New(dir, "b", now, subject, "")
	wantFault(t, err, "KEYS_EXISTS")
	if !errors.Is(err, fs.ErrExist) {
		t.Error("not fs.ErrExist")
	}
	list, err := List(dir)
	if err != nil || len(list) != 2 || list[0].Name != "a" || !list[0].Locked || list[1].Name != "b" || list[1].Locked {
		t.Fatal(list, err)
	}
	if list[0].Algorithm != "RSA-3072" || list[0].Fingerprint != open.Fingerprint() || !list[0].SelfSigned || list[0].Exposed {
		t.Errorf("%+v", list[0])
	}
	if err := os.Chmod(Path(dir, "b"), 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err := Show(dir, "b"); err != nil || !info.Exposed {
		t.Error(info, err)
	}
	if err := os.WriteFile(Path(dir, "c"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err = List(dir)
	wantFault(t, err, "KEYS_DAMAGED")
	if len(list) != 2 {
		t.Error("a damaged file hides the others")
	}
	if err := Remove(dir, "b"); err != nil {
		t.Error(err)
	}
	wantFault(t, Remove(dir, "b"), "KEYS_READ")
	for _, name := range []string{"", "..", "../x", "a/b", `a\b`, "-x", ".x", strings.Repeat("x", 300)} {
		_, err := New(dir, name, now, subject, "")
		wantFault(t, err, "KEYS_NAME")
		wantFault(t, Remove(dir, name), "KEYS_NAME")
	}
}

func TestUnwritableFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := LoadOrCreate(filepath.Join(path, "keys"), now, subject, nil)
	var f *packager.Fault
	if !errors.As(err, &f) {
		t.Error(err)
	}
}
