package keys

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)

func TestFirstRunMakesAKeyAndKeepsIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dossier", "keys")
	subject := Subject{CommonName: "测试虚构（样本）科技有限公司"}
	first, created, err := LoadOrCreate(dir, now, subject)
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
	again, created, err := LoadOrCreate(dir, now, subject)
	if err != nil || created || again.Fingerprint() != first.Fingerprint() {
		t.Errorf("the second run: created %v, %v", created, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("files left: %v", left)
	}
}
