//go:build unix

package tcp

import (
	"bufio"
	"io"
	"net"
	"syscall"
)

// rawConn returns nil for a connection that has none.
func rawConn(c net.Conn) syscall.RawConn {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// waitFirst is Each within one RawConn.Read, so that no event gets lost between
// a read and the next wait. A read that did not fill the buffer took all there
// was: what comes later is a new event.
func (r *Reader) waitFirst(take func([]byte) (int, bool)) error {
	var failed error
	err := r.raw.Read(func(fd uintptr) (done bool) {
		for {
			room := r.buf[r.n:]
			if len(room) == 0 {
				failed = bufio.ErrBufferFull
				return true
			}
			n, err := syscall.Read(int(fd), room)
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				return false
			}
			if failed = ended(n, err); failed != nil {
				return true
			}
			if r.n += n; !r.give(take) {
				return true
			}
			if n < len(room) {
				return false
			}
		}
	})
	if err != nil {
		return err
	}
	return failed
}

func left(raw syscall.RawConn) (gone bool) {
	err := raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		gone = ended(n, err) != nil && err != syscall.EAGAIN && err != syscall.EINTR
	})
	return gone || err != nil
}

// ended is the error of a read, nil when it brought something.
func ended(n int, err error) error {
	if err == nil && n == 0 {
		return io.EOF
	}
	return err
}
