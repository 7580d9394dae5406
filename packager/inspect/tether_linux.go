package inspect

import (
	"os/exec"
	"syscall"
)

// tether makes a command end with this process, however that ends: a parser
// that hangs does not see that its input has ended.
func tether(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
