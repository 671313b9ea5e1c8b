package httpapi

import (
	"net"
	"sync"
)

// Returned is a listener of connections that a handler had taken over, and that
// go on as ordinary ones. They keep the place they have in the limits of the
// front door. Safe for concurrent use.
type Returned struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

// NewReturned returns a listener that says it is at addr.
func NewReturned(addr net.Addr) *Returned {
	r := &Returned{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
	r.close = sync.OnceFunc(func() { close(r.closed) })
	return r
}

// Take hands c to whoever serves r. Reading it begins with unread. Once r is
// closed, c is closed too.
func (r *Returned) Take(c net.Conn, unread []byte) {
	b, again := c.(*rewound)
	if !again || len(b.unread) > 0 {
		b = &rewound{Conn: c}
	}
	b.unread = unread
	select {
	case r.conns <- b:
	case <-r.closed:
		b.Close()
	}
}

// Accept returns the next connection that was taken.
func (r *Returned) Accept() (net.Conn, error) {
	select {
	case c := <-r.conns:
		return c, nil
	case <-r.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (r *Returned) Close() error {
	r.close()
	return nil
}

// Addr returns the address that NewReturned was told.
func (r *Returned) Addr() net.Addr { return r.addr }

// rewound is a connection some of which has been read. Only one goroutine may
// read it, as of any HTTP connection.
type rewound struct {
	net.Conn
	unread []byte
}

func (c *rewound) Read(b []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(b, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// CloseWrite is as limitedConn's.
func (c *rewound) CloseWrite() error { return closeWrite(c.Conn) }

// NetConn returns the connection below all that is counted or read here, when
// all that was read is taken. Close the rewound one, not it.
func (c *rewound) NetConn() net.Conn {
	if len(c.unread) > 0 {
		return c
	}
	if l, ok := c.Conn.(*limitedConn); ok {
		return l.NetConn()
	}
	return c.Conn
}
