//go:build unix

package tcp

import (
	"net"
	"syscall"
)

// Writer writes to a connection without ever waiting. Its writes and those of
// the connection itself do not know of each other: whoever uses both keeps them
// apart. Only one goroutine at a time may call TryWrite.
type Writer struct {
	raw   syscall.RawConn
	write func(fd uintptr) // made once: a closure per write would be garbage
	b     []byte
	n     int
	err   error
}

// NewWriter returns a writer for c, or nil when there is none for its kind or
// for this platform.
func NewWriter(c net.Conn) *Writer {
	raw := rawConn(c)
	if raw == nil {
		return nil
	}
	w := &Writer{raw: raw}
	w.write = func(fd uintptr) { w.n, w.err = syscall.Write(int(fd), w.b) }
	return w
}

// TryWrite writes as much of b as the kernel takes at once, which may be
// nothing. No deadline holds here, as RawConn.Write's would: one that an earlier
// write left behind means nothing to who does not wait.
func (w *Writer) TryWrite(b []byte) (int, error) {
	w.b = b
	err := w.raw.Control(w.write)
	w.b = nil
	switch {
	case err != nil:
		return 0, err
	case w.err == syscall.EAGAIN || w.err == syscall.EINTR:
		return 0, nil
	}
	return max(0, w.n), w.err
}
