package tcp

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unacknowledged returns how many bytes wait in the kernel, sent or not, that
// the other end has not acknowledged (SIOCOUTQ, tcp(7)); 0 when it does not say.
func unacknowledged(c net.Conn) (bytes uint64) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) { // a closed connection leaves 0
		if n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			bytes = uint64(n)
		}
	})
	return bytes
}
