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
)

// peak is the most that a run held, in bytes of resident memory. (The Maxrss of
// getrusage is no use here: a process starts with that of the one that forked
// it.)
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
			now, high := resident(pid)
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

// resident is the resident memory of a process, now and at its height; 0 for
// one that is gone.
func resident(pid int) (now, high int64) {
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
