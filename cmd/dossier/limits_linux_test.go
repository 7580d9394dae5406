package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dossier/packager/sign/testpki"
)

// home is an environment of its own.
func home(t testing.TB) []string {
	dir := t.TempDir()
	return append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir+"/data", "DOSSIER_CACHE="+dir+"/cache",
		"DOSSIER_AT=2026-11-22", "DOSSIER_TESSERACT=off", "DOSSIER_LANG=en", "GOMAXPROCS=2")
}

// caseWith copies the example of enterprise Weibo and adds a backup of n bytes
// that takes no room on the disk.
func caseWith(t testing.TB, n int64) string {
	t.Helper()
	dir := testpki.Example(t, "weibo_enterprise")
	f, err := os.Create(filepath.Join(dir, "backups", "large.csv"))
	if err == nil {
		err = f.Truncate(n)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	path := filepath.Join(dir, "case.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	was := "files: [backups/微博数据备份-20261112.zip]"
	if !bytes.Contains(text, []byte(was)) {
		t.Fatalf("the example has no %q", was)
	}
	text = bytes.Replace(text, []byte(was), []byte("files: [backups/微博数据备份-20261112.zip, backups/large.csv]"), 1)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// leftovers are files under names that only work in progress has.
func leftovers(t *testing.T, dirs ...string) []string {
	t.Helper()
	var found []string
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && (strings.Contains(d.Name(), ".making-") || strings.HasPrefix(d.Name(), ".dossier-")) {
				found = append(found, path)
			}
			return nil
		})
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return found
}

// TestLargeBackup: a 2 GiB backup goes into the store with less than 200 MB of
// resident memory; the process that parses may take 200 MB more.
func TestLargeBackup(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 2 GiB")
	}
	exe, dir := testpki.Program(t), caseWith(t, 2<<30)
	cmd := exec.Command(exe, "build", dir, "--progress", "none")
	cmd.Env = home(t)
	_, stderr, peak, err := watch(t, cmd, 5*time.Minute)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	t.Log(peak)
	if peak.program >= 200e6 || peak.tree >= 400e6 {
		t.Error("that is too much")
	}
	if _, err := os.Stat(filepath.Join(dir, "out", "receipt.json")); err != nil {
		t.Error(err)
	}
}

// TestCtrlC: cancelled at whatever step it is, the program ends with 130 and
// leaves nothing half-made.
func TestCtrlC(t *testing.T) {
	exe := testpki.Program(t)
	for _, step := range []string{"collecting", "inspecting", "composing", "signing", "verifying", "storing"} {
		t.Run(step, func(t *testing.T) {
			dir := caseWith(t, 1<<30)
			cmd := exec.Command(exe, "build", dir, "--progress", "plain")
			cmd.Env = home(t)
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			said := ""
			for lines := bufio.NewScanner(stderr); lines.Scan(); {
				said += lines.Text() + "\n"
				if strings.HasPrefix(lines.Text(), step) {
					if err := cmd.Process.Signal(os.Interrupt); err != nil {
						t.Fatal(err)
					}
				}
			}
			err = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 130 {
				t.Fatalf("exit %d (%v)\n%s", code, err, said)
			}
			if left := leftovers(t, dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if _, err := os.Stat(filepath.Join(dir, "out", "receipt.json")); err == nil {
				t.Error("a cancelled build has a receipt")
			}
		})
	}
}

// TestDiskFull: the disk of the out folder fills up; it is said, and nothing
// half-made stays.
func TestDiskFull(t *testing.T) {
	exe, dir := testpki.Program(t), caseWith(t, 0)
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatalf("cannot mount a small disk: %v", err)
		}
		t.Skipf("cannot mount a small disk: %v", err)
	}
	defer syscall.Unmount(small, 0)
	// The backup of no bytes is not what is tried here.
	if err := os.WriteFile(filepath.Join(dir, "backups", "large.csv"), []byte("date,text\n2026-01-01,x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "build", dir, "--out", filepath.Join(small, "out"), "--progress", "none")
	cmd.Env = home(t)
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 4 || !bytes.Contains(out, []byte("disk is full")) {
		t.Errorf("exit %d (%v)\n%s", code, err, out)
	}
	if left, err := os.ReadDir(small); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
