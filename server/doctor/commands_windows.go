package doctor

import (
	"os/exec"
	"syscall"
)

// quiet keeps a console window from flashing up in front of the desktop's.
func quiet(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{HideWindow: true} }
