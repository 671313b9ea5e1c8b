package servertest

import "syscall"

// dieWithParent ends the child with the test binary, however that ends.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
