package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dossier/packager/sign/testpki"
)

// peak is the most that a run held, in bytes of resident memory.
type peak struct {
	program int64 // the program's own
	tree    int64 // with all its children, at one moment
}

func (p peak) String() string {
	return fmt.Sprintf("peak resident memory: program %d MB, with its children %d MB", p.program/1e6, p.tree/1e6)
}

// watch runs a command, looks at its memory every few milliseconds, and
// returns what it wrote. When it runs for longer than limit, it is killed.
func watch(t testing.TB, cmd *exec.Cmd, limit time.Duration) (stdout, stderr []byte, p peak, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	killer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case err := <-done:
			tick.Stop()
			if !killer.Stop() {
				err = fmt.Errorf("still running after %v: %w", limit, err)
			}
			return out.Bytes(), errs.Bytes(), p, err
		case <-tick.C:
		}
		var sum int64
		for _, pid := range family(cmd.Process.Pid) {
			now, high := testpki.Resident(pid)
			sum += now
			if pid == cmd.Process.Pid {
				p.program = max(p.program, high)
			}
		}
		p.tree = max(p.tree, sum)
	}
}

// family is a process and all its descendants.
func family(pid int) []int {
	out := []int{pid}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // a child belongs to the thread that forked
	for _, task := range tasks {
		b, _ := os.ReadFile(task)
		for _, s := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(s); err == nil {
				out = append(out, family(child)...)
			}
		}
	}
	return out
}
