//go:build !windows

package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
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

// writeToFullDisk does the same while the workbook is made.
func writeToFullDisk(dir string) {
	signal.Ignore(unix.SIGXFSZ)
	t := &testing.T{}
	_, sb, verdict, log, stored := sampleIn(t, dir)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4000, Max: 4000}); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	_, err := Write(context.Background(), sb, verdict, log, stored, filepath.Join(dir, "out"), printer(t, "zh"), Options{})
	var f *packager.Fault
	if !errors.As(err, &f) || f.Code != "AUDIT_WRITE" || f.Args["file"] != WorkbookName {
		fmt.Println("no fault about the workbook:", err)
		os.Exit(1)
	}
}

func TestFullDiskForWorkbook(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "AUDIT_TEST_FULL_WORKBOOK="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	left, err := os.ReadDir(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if e.Name() == WorkbookName || strings.HasPrefix(e.Name(), ".") {
			t.Errorf("left behind: %s", e.Name())
		}
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
