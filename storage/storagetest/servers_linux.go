package storagetest

import (
	"os/exec"
	"syscall"
)

// endWithParent ends the server when the test program is killed.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
