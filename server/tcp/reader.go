package tcp

import (
	"bufio"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// Reader reads a connection into one buffer, for somebody who is called when
// something has come. Where the platform allows it waits before it reads: what
// reads first, as net.Conn does, finds nothing every second time when requests
// come one by one.
type Reader struct {
	conn net.Conn
	raw  syscall.RawConn // nil where there is no waiting before reading
	buf  []byte
	n    int // bytes in buf
}

// NewReader returns a reader with room for size bytes, of which unread have come
// already. Nobody else may read c meanwhile; its deadlines hold.
func NewReader(c net.Conn, unread []byte, size int) *Reader {
	r := &Reader{conn: c, raw: rawConn(c), buf: make([]byte, max(size, len(unread)))}
	r.n = copy(r.buf, unread)
	return r
}

// Unread returns what has come and was not used.
func (r *Reader) Unread() []byte { return r.buf[:r.n] }

// Each calls take with all that is unread, now if that is something and whenever
// more has come, until take wants no more. take says how many of these bytes are
// used, and does not keep them; it may write to the connection. Errors are the
// connection's, and bufio.ErrBufferFull. An end (io.EOF) that came in the same
// moment as bytes may not be noticed: who has not heard anything for a while asks
// Left.
func (r *Reader) Each(take func(b []byte) (used int, more bool)) error {
	if r.n > 0 && !r.give(take) {
		return nil
	}
	if r.raw != nil {
		return r.waitFirst(take)
	}
	for {
		if r.n == len(r.buf) {
			return bufio.ErrBufferFull
		}
		n, err := r.conn.Read(r.buf[r.n:])
		r.n += n
		if n > 0 && !r.give(take) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// give calls take, also with what Left has found meanwhile.
func (r *Reader) give(take func([]byte) (int, bool)) bool {
	for {
		before := r.n
		used, more := take(r.buf[:before])
		r.n = copy(r.buf, r.buf[used:r.n])
		if !more || r.n == before-used || r.n == 0 {
			return more
		}
	}
}

// Left reports whether the other end has closed, also from within take. It may
// take a millisecond, and move the deadline for reading.
func (r *Reader) Left() bool {
	if r.raw != nil {
		return left(r.raw)
	}
	if r.n == len(r.buf) {
		return false
	}
	r.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	n, err := r.conn.Read(r.buf[r.n:])
	r.n += n
	return n == 0 && err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}
