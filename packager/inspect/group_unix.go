//go:build unix

package inspect

import (
	"os/exec"
	"syscall"
)

// ownGroup has a program end with everything that it started: LibreOffice is a
// script that starts a program that starts the program.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
