package push

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"

	"echo.tv/server/tcp"
)

// pen is held by whoever writes to a socket, for whole frames: the lines and
// readers of its channels, who says something, and the library, which answers
// pings and says goodbye.
type pen struct {
	sync.Mutex
	conn    net.Conn      // out of whatever counts it: only a *net.TCPConn has writev
	quick   *tcp.Writer   // nil where nobody can write without waiting
	stall   time.Duration // what takes nothing for so long fails
	renewed time.Time     // guarded by the pen, as is left; when the deadline was set
	left    net.Buffers   // of a batch, while it is written
}

// sendBuffer is what the kernel takes on for a viewer, in bytes. More is delay
// that nobody sees or counts, and memory for who reads no more. Linux doubles
// this, 0.7 s of 6 Mbit/s, and left alone would go up to 4 MB.
const sendBuffer = 256 << 10

func newPen(conn net.Conn, stall time.Duration, buffer int) *pen {
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = c.NetConn()
	}
	if c, ok := conn.(*net.TCPConn); ok {
		c.SetWriteBuffer(buffer)
	}
	return &pen{conn: conn, quick: tcp.NewWriter(conn), stall: stall}
}

// Write is the library's, whose control frames are one write each.
func (p *pen) Write(b []byte) (int, error) { return p.write(b) }

// write writes whole frames with one system call: one slice needs no writev,
// which costs more.
func (p *pen) write(frames ...[]byte) (int, error) {
	p.Lock()
	defer p.Unlock()
	p.renew()
	if len(frames) == 1 {
		return p.conn.Write(frames[0])
	}
	p.left = frames // WriteTo consumes the slices, never their bytes
	n, err := p.left.WriteTo(p.conn)
	return int(n), err
}

// try writes as much of b, whole frames, as can be written at once: nothing when
// somebody else has the pen. After a part only, the pen stays with the rest,
// which finish writes. An error is left to who tries to wait.
func (p *pen) try(b []byte) int {
	if !p.TryLock() {
		return 0
	}
	n, _ := p.quick.TryWrite(b)
	if n == 0 || n == len(b) {
		p.Unlock()
	}
	return n
}

// finish writes the rest of what try began.
func (p *pen) finish(rest []byte) (int, error) {
	defer p.Unlock()
	p.renew()
	return p.conn.Write(rest)
}

// renew sets the deadline, which costs more than looking at the clock.
func (p *pen) renew() {
	if now := time.Now(); now.Sub(p.renewed) > p.stall/10 {
		p.conn.SetWriteDeadline(now.Add(p.stall))
		p.renewed = now
	}
}

// grab keeps the connection that an upgrade takes over, and gives the library a
// pen to write with.
type grab struct {
	http.ResponseWriter
	server *Server
	conn   net.Conn
	pen    *pen
}

// Hijack is what the WebSocket library calls.
func (g *grab) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(g.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	g.conn, g.pen = c, newPen(c, g.server.stall, g.server.buffer)
	rw.Writer.Reset(g.pen) // it writes nowhere else
	return c, rw, nil
}
