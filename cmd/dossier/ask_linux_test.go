package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dossier/packager/inspect/samples"
	"dossier/packager/sign/testpki"
)

// terminal is a pseudo-terminal with a program on it (pty(7)).
type terminal struct {
	t     *testing.T
	ptmx  *os.File
	tty   *os.File
	mu    sync.Mutex
	shown bytes.Buffer
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		if os.Getenv("DOSSIER_JUDGES") == "required" {
			t.Fatalf("no terminal to be had: %v", err)
		}
		t.Skipf("no terminal to be had: %v", err)
	}
	unlock := 0
	if err := unix.IoctlSetPointerInt(int(ptmx.Fd()), unix.TIOCSPTLCK, unlock); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(ptmx.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &terminal{t: t, ptmx: ptmx, tty: tty}
	t.Cleanup(func() { tty.Close(); ptmx.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := ptmx.Read(b)
			p.mu.Lock()
			p.shown.Write(b[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *terminal) start(exe string, env []string, args ...string) *exec.Cmd {
	p.t.Helper()
	cmd := exec.Command(exe, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = p.tty, p.tty, p.tty, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

func (p *terminal) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown.String()
}

// expect waits until the terminal has shown a text so many times, with echo off.
func (p *terminal) expect(want string, times int, echo bool) {
	p.t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if strings.Count(p.text(), want) >= times && p.echo() == echo {
			return
		}
	}
	p.t.Fatalf("%q was not shown %d times with echo %v:\n%s", want, times, echo, p.text())
}

func (p *terminal) echo() bool {
	s, err := unix.IoctlGetTermios(int(p.ptmx.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return s.Lflag&unix.ECHO != 0
}

func (p *terminal) send(s string) {
	p.t.Helper()
	if _, err := p.ptmx.WriteString(s); err != nil {
		p.t.Fatal(err)
	}
}

// On a terminal the password of each locked PDF is asked for by the name of the
// file, without echo; Enter skips it, and Ctrl-C leaves the terminal as it was.
func TestAskedForPasswords(t *testing.T) {
	exe, env := testpki.Program(t), home(t)
	dir := testpki.Example(t, "wechat_oa")
	path := filepath.Join(dir, "materials", "注销申请函-盖章扫描件.pdf")
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, samples.Encrypt(b, "Sesam42", "owner"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	const question = "password of materials/注销申请函-盖章扫描件.pdf"
	run := func(code int, talk func(p *terminal)) string {
		t.Helper()
		p := newTerminal(t)
		cmd := p.start(exe, env, "check", dir)
		p.expect(question, 1, false)
		talk(p)
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("exit %d, want %d:\n%s", got, code, p.text())
		}
		if !p.echo() {
			t.Error("the terminal is left without echo")
		}
		if strings.Contains(p.text(), "Sesam") {
			t.Errorf("the password is on the screen:\n%s", p.text())
		}
		return p.text()
	}
	if s := run(3, func(p *terminal) { p.send("\n") }); !strings.Contains(s, "PDF_ENCRYPTED") {
		t.Error(s)
	}
	if s := run(130, func(p *terminal) { p.send("Sesam"); p.send("\x03") }); strings.Contains(s, "PDF_") {
		t.Error(s)
	}
	if s := run(0, func(p *terminal) {
		p.send("SesamX\n")
		p.expect("wrong; "+question, 1, false)
		p.send("Sesam42\n")
	}); strings.Contains(s, "PDF_ENCRYPTED") || strings.Contains(s, "PDF_PASSWORD_WRONG") {
		t.Error(s)
	}
}

// Where two papers fit, the person at the terminal chooses; Enter leaves the
// file unplaced, and Ctrl-C ends the run.
func TestAskedWhichPaper(t *testing.T) {
	exe, env := testpki.Program(t), home(t)
	source := t.TempDir()
	if err := os.WriteFile(filepath.Join(source, "公函执照.jpg"), samples.ProgressiveJPEG, 0o600); err != nil {
		t.Fatal(err)
	}
	const question = "公函执照.jpg"
	tests := []struct {
		name, answer, file string
		code               int
	}{
		{"a number", "2\n", "materials/营业执照-公函执照.jpg", 0},
		{"an id", "application_letter\n", "materials/注销申请函-公函执照.jpg", 0},
		{"nothing", "\n", "materials/公函执照.jpg", 0},
		{"Ctrl-C", "\x03", "", 130},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := testpki.Example(t, "wechat_oa")
			p := newTerminal(t)
			cmd := p.start(exe, env, "collect", dir, source)
			p.expect(question, 1, true)
			p.expect("2  ", 1, true)
			p.send(test.answer)
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != test.code {
				t.Errorf("exit %d, want %d:\n%s", got, test.code, p.text())
			}
			if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(test.file))); err != nil {
				t.Errorf("%v\n%s", err, p.text())
			}
			if left := leftovers(t, dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
