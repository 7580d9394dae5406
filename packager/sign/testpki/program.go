package testpki

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var linked struct {
	once sync.Once
	dir  string
	err  error
}

// Program returns the path of the program itself, as a person would have it. It
// is linked once for all tests of a process; the TestMain of a package that asks
// for it runs its tests by way of [Tidy].
func Program(t testing.TB) string {
	t.Helper()
	linked.once.Do(func() {
		if linked.dir, linked.err = os.MkdirTemp("", "dossier-program-*"); linked.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", linked.dir, "dossier/cmd/dossier").CombinedOutput()
		if err != nil {
			linked.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if linked.err != nil {
		t.Fatal(linked.err)
	}
	name := "dossier"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(linked.dir, name)
}

// Tidy is a testing.M that removes the Program at the end.
type Tidy struct{ *testing.M }

// Run implements the runner of tests.
func (m Tidy) Run() int {
	defer os.RemoveAll(linked.dir) // "" is nothing
	return m.M.Run()
}

// Example copies the example of a platform, as it is before it is built, and
// returns the folder of the case. The tests are two folders below the root.
func Example(t testing.TB, platform string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "case")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "templates", "examples", platform))); err != nil {
		t.Fatal(err)
	}
	for _, made := range []string{"out", ".dossier"} {
		if err := os.RemoveAll(filepath.Join(dir, made)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Resident is the resident memory of a process in bytes, now and at its height;
// 0 for one that is gone, and where there is no /proc. (The Maxrss of getrusage
// is no use: a process starts with that of the one that forked it.)
func Resident(pid int) (now, high int64) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kb << 10
		case "VmHWM":
			high = kb << 10
		}
	}
	return now, high
}

// Peak watches the resident memory of a process until it ends.
func Peak(pid int) (peak int64) {
	for {
		_, high := Resident(pid)
		if high == 0 {
			return peak
		}
		peak = max(peak, high)
		time.Sleep(5 * time.Millisecond)
	}
}
