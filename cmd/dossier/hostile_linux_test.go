package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dossier/packager/inspect/samples"
	"dossier/packager/sign/testpki"
)

// checked is what check --json says.
type checked struct {
	Complete bool
	Findings []struct{ Code, Severity, Material string }
}

// TestHostileFiles: files that mean harm lie beside the papers of a complete
// case. Check calls each by name, takes less than 500 MB with all its
// processes, leaves everything as it was, and still finds the case complete.
// Collect brings in what can be brought in.
func TestHostileFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks bombs")
	}
	exe, dir := testpki.Program(t), caseWith(t, 1<<10)
	root, tmp := t.TempDir(), t.TempDir()
	env := append(home(t), "TMPDIR="+tmp)
	run := func(limit time.Duration, code int, args ...string) checked {
		t.Helper()
		cmd := exec.Command(exe, append(args, "--json", "--progress", "none")...)
		cmd.Env, cmd.Dir = env, root
		begin := time.Now()
		stdout, stderr, p, err := watch(t, cmd, limit)
		t.Logf("%s: %v in %v", args[0], p, time.Since(begin).Round(time.Second/10))
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Fatalf("%s: exit %d, want %d: %v\n%s", args[0], got, code, err, stderr)
		}
		if p.tree >= 500e6 {
			t.Errorf("%s: that is too much", args[0])
		}
		var c checked
		if err := json.Unmarshal(stdout, &c); err != nil {
			t.Fatalf("%v\n%s", err, stdout)
		}
		return c
	}

	want := map[string][]string{}
	const limit = 5 * time.Minute
	for _, h := range samples.Hostiles() {
		writeTo(t, filepath.Join(dir, filepath.FromSlash(h.Name)), h.Write)
		want[h.Name] = h.Codes
	}
	if seven := sevenZips(t, dir); seven != nil {
		maps.Copy(want, seven)
	}
	for name, make := range map[string]func(path string) error{
		"materials/link.jpg": func(p string) error { return os.Symlink("/etc/passwd", p) },
		"materials/pipe.jpg": func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"materials/loop":     func(p string) error { return os.Symlink(".", p) },
	} {
		if err := make(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	want["materials/link.jpg"] = []string{"FILE_OUTSIDE_CASE"}
	want["materials/pipe.jpg"] = []string{"FILE_SPECIAL"}

	before := digests(t, dir)
	got := run(limit, 0, "check", dir, "--all")
	if !got.Complete {
		t.Error("the case is not complete any more")
	}
	said := map[string][]string{}
	for _, f := range got.Findings {
		said[f.Material] = append(said[f.Material], f.Code)
		if f.Severity == "block" {
			t.Errorf("%+v", f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		codes := want[name]
		t.Logf("%-28s %s", name, strings.Join(said[name], " "))
		if !slices.Contains(codes, "") && !slices.ContainsFunc(codes, func(c string) bool { return slices.Contains(said[name], c) }) {
			t.Errorf("%s: said is %q, want one of %q", name, said[name], codes)
		}
	}
	if after := digests(t, dir); !maps.Equal(before, after) {
		t.Error("the case is not as it was")
	}

	fresh := caseWith(t, 1<<10)
	brought := run(limit, 3, "collect", fresh, filepath.Join(dir, "materials"), filepath.Join(dir, "backups"))
	said = map[string][]string{}
	for _, f := range brought.Findings {
		said[""] = append(said[""], f.Code)
	}
	for _, code := range []string{"ARCHIVE_BOMB", "ARCHIVE_UNSAFE_PATH", "ARCHIVE_CORRUPT", "ARCHIVE_TOO_DEEP", "FILE_SPECIAL", "FILE_OUTSIDE_SOURCE"} {
		if !slices.Contains(said[""], code) {
			t.Errorf("collect does not say %s: %q", code, said[""])
		}
	}
	if left := leftovers(t, fresh); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, folder := range []string{root, tmp} {
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("left behind in %s: %v %v", folder, left, err)
		}
	}
	if _, err := os.Stat("/tmp/escaped"); err == nil {
		t.Error("an archive wrote outside its folder")
	}
}

func writeTo(t *testing.T, path string, write func(io.Writer) error) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// sevenZips are bombs that only the 7z program makes.
func sevenZips(t *testing.T, dir string) map[string][]string {
	t.Helper()
	program, err := exec.LookPath("7z")
	if err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatal(err)
		}
		t.Log("7z is not installed: its bombs are left out")
		return nil
	}
	in := t.TempDir()
	pack := func(name string, size int64, args ...string) string {
		t.Helper()
		content := filepath.Join(in, name+".txt")
		f, err := os.Create(content)
		if err == nil {
			err = f.Truncate(size)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		to := filepath.Join(dir, "backups", name+".7z")
		if out, err := exec.Command(program, append([]string{"a", "-mx=1", to, content}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return to
	}
	pack("zeros", 400<<20)
	dictionary := pack("dictionary", 1000, "-m0=lzma", "-mhc=off")
	b, err := os.ReadFile(dictionary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dictionary, samples.SevenZipDictionary(b), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string][]string{"backups/zeros.7z": {"ARCHIVE_BOMB"}, "backups/dictionary.7z": {"ARCHIVE_BOMB", "FILE_TOO_HUNGRY", "ARCHIVE_CORRUPT"}}
}

// digests says what every file under a folder is.
func digests(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		out[p] = d.Type().String()
		if !d.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		_, err = io.Copy(h, f)
		out[p] += fmt.Sprintf(" %x", h.Sum(nil))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A program that is killed leaves no process behind, whatever its helper is
// doing.
func TestNoOrphans(t *testing.T) {
	exe, dir := testpki.Program(t), caseWith(t, 1<<10)
	for _, h := range samples.Hostiles() {
		if h.Name == samples.Laughs {
			writeTo(t, filepath.Join(dir, filepath.FromSlash(h.Name)), h.Write)
		}
	}
	for name, signal := range map[string]os.Signal{"Ctrl-C": os.Interrupt, "killed": os.Kill} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(exe, "check", dir, "--progress", "none")
			cmd.Env = home(t)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var all []int
			for begin := time.Now(); len(all) < 2; time.Sleep(10 * time.Millisecond) {
				if all = family(cmd.Process.Pid); time.Since(begin) > time.Minute {
					t.Fatal("no helper was started")
				}
			}
			time.Sleep(time.Second) // it is at work now
			to := cmd.Process.Pid
			if signal == os.Interrupt {
				to = -to // a terminal tells every process of the group
			}
			if err := syscall.Kill(to, signal.(syscall.Signal)); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); signal == os.Interrupt && code != 130 {
				t.Errorf("exit %d", code)
			}
			deadline := time.Now().Add(10 * time.Second)
			for _, pid := range all[1:] {
				for alive(pid) {
					if time.Now().After(deadline) {
						t.Fatalf("process %d is still there", pid)
					}
					time.Sleep(20 * time.Millisecond)
				}
			}
		})
	}
}

// alive reports whether a process runs and is not only waited for.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}
