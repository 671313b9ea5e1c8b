package hls

import (
	"io"
	"net"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// kernelCopy is the bytes of a reply in memory of the kernel's (memfd_create(2)),
// which sends them to each viewer as they lie there: no copy, and no pages to be
// had for one. Of 80 kB that is half of what a write costs. Immutable; the file
// is closed when nobody has it any more.
type kernelCopy struct {
	file *os.File // open while somebody has it
	fd   int
	size int
}

// newKernelCopy returns nil where the system has no place or no such call.
func newKernelCopy(b []byte) *kernelCopy {
	fd, err := unix.MemfdCreate("echotv-part", unix.MFD_CLOEXEC)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), "part")
	if n, err := f.Write(b); err != nil || n < len(b) {
		f.Close()
		return nil
	}
	return &kernelCopy{f, fd, len(b)}
}

// sendTo writes all of it within the connection's deadline. ok is false, and
// nothing was written, for a connection that the kernel cannot send to.
func (k *kernelCopy) sendTo(c net.Conn) (sent int, ok bool, err error) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return 0, false, nil
	}
	to, err := s.SyscallConn()
	if err != nil {
		return 0, true, err
	}
	at := int64(0)
	waited := to.Write(func(fd uintptr) bool {
		for err = nil; err == nil && at < int64(k.size); {
			n, e := unix.Sendfile(int(fd), k.fd, &at, k.size-int(at))
			if err = e; e == unix.EINTR {
				err = nil
			} else if e == nil && n == 0 {
				err = io.ErrUnexpectedEOF // nobody shortens it
			}
		}
		return err != unix.EAGAIN // else again when there is room
	})
	runtime.KeepAlive(k.file)
	if waited != nil { // the deadline, or the connection was closed
		err = waited
	}
	return int(at), true, err
}
