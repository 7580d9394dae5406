//go:build !windows

package audit

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"dossier/packager"
)

// appendToFullDisk runs in a process of its own whose files cannot grow: a
// write stops in the middle of the line, as on a full disk.
func appendToFullDisk(path string) {
	signal.Ignore(unix.SIGXFSZ)
	info, err := os.Stat(path)
	if err == nil {
		size := uint64(info.Size()) + 40
		err = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: size})
	}
	l, openErr := Open(path, testActor, testClock())
	if err != nil || openErr != nil {
		fmt.Println("cannot set up:", err, openErr)
		os.Exit(2)
	}
	before := l.Head()
	if _, err := l.Append(packager.Event{What: "checked", Case: "c1"}); err == nil {
		fmt.Println("acknowledged an event that does not fit")
		os.Exit(1)
	}
	if l.Head() != before || l.Len() != 1 {
		fmt.Println("the chain went on without the event")
		os.Exit(1)
	}
}

func TestFullDisk(t *testing.T) {
	l := testLog(t, "collected")
	good, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "AUDIT_TEST_FULL="+l.Path())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if b, err := os.ReadFile(l.Path()); err != nil || !bytes.Equal(b, good) {
		t.Errorf("the half line stayed: %q, %v", b, err)
	}
	if _, err := l.Append(packager.Event{What: "checked", Case: "c1"}); err != nil || l.Len() != 2 || l.Torn() != nil {
		t.Errorf("with room again: %v", err)
	}
}

// maxResident is the largest resident set of an ended process, in bytes.
func maxResident(p *os.ProcessState) int64 {
	usage := p.SysUsage().(*syscall.Rusage)
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss << 10
}
