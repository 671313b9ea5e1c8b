package rtsp

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"echo.tv/server/tcp"
)

// crowd says how many connections there may be.
type crowd struct {
	all     int // in the house
	perAddr int // from one address: a recorder has one per channel
	fresh   int // new ones per second from one address
}

var usualCrowd = crowd{all: 512, perAddr: 64, fresh: 20}

// strangerBudget is what a connection may send before PLAY or RECORD was
// accepted. A whole start with credentials and descriptions is 3 KiB.
const strangerBudget = 64 << 10

// door is the listener that the library accepts from: it counts who comes in and
// holds strangers to their deadline, which the library has none of.
type door struct {
	net.Listener
	log   *slog.Logger
	life  context.Context
	times *times

	mu        sync.Mutex
	crowd     crowd                // guarded by mu
	all       int                  // guarded by mu
	callers   map[netip.Addr]*call // guarded by mu
	swept     time.Time            // guarded by mu
	strangers list.List            // of *guest, the longest here first; guarded by mu
}

// call is what is known of an address while it is in or was, a second ago.
type call struct {
	open   int
	second time.Time
	fresh  int  // came in this second
	told   bool // the log was, of a refusal in this second
}

func newDoor(ln net.Listener, log *slog.Logger, life context.Context, c crowd, t *times) *door {
	return &door{Listener: ln, log: log, life: life, crowd: c, times: t, callers: map[netip.Addr]*call{}}
}

// Accept returns the next guest. It fails only when the listener is closed: out
// of descriptors it waits until others have left.
func (d *door) Accept() (net.Conn, error) {
	for {
		nc, err := d.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed) || d.life.Err() != nil && err != nil:
			return nil, err
		case err != nil:
			d.log.Warn("accept failed", "err", err)
			pause(d.life, time.Second)
			continue
		}
		if g := d.enter(nc, time.Now()); g != nil {
			return g, nil
		}
		nc.Close()
	}
}

// enter returns a guest for one more connection; nil when it may not stay.
func (d *door) enter(nc net.Conn, now time.Time) *guest {
	from := address(nc.RemoteAddr())
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.caller(from, now)
	c.fresh++
	if c.open >= d.crowd.perAddr || c.fresh > d.crowd.fresh || !d.room() {
		if !c.told {
			d.log.Warn("connection refused", "remote", from.String(), "reason", "too many connections")
		}
		c.told = true
		return nil
	}
	c.open++
	d.all++
	g := &guest{Conn: nc, door: d, from: from, progress: tcp.Watch(nc)}
	g.place = d.strangers.PushBack(g)
	g.restrict(now)
	return g
}

// caller returns the entry of an address, its second begun anew when it passed.
// Once a second it forgets who came and went, so the table stays small.
func (d *door) caller(from netip.Addr, now time.Time) *call {
	if now.Sub(d.swept) >= time.Second {
		d.swept = now
		for a, c := range d.callers {
			if c.open == 0 && now.Sub(c.second) >= time.Second {
				delete(d.callers, a)
			}
		}
	}
	c := d.callers[from]
	if c == nil {
		c = &call{second: now}
		d.callers[from] = c
	}
	if now.Sub(c.second) >= time.Second {
		c.second, c.fresh, c.told = now, 0, false
	}
	return c
}

// room reports whether there is a place. In a full house the stranger that came
// first goes: a flood must not keep out who needs 20 ms to begin.
func (d *door) room() bool {
	if d.all < d.crowd.all {
		return true
	}
	first := d.strangers.Front()
	if first == nil {
		return false
	}
	g := d.strangers.Remove(first).(*guest)
	g.place = nil
	g.Conn.Close()
	return true
}

// guest is a connection that the door let in, at first a stranger.
type guest struct {
	net.Conn
	door     *door
	from     netip.Addr
	progress *tcp.Progress // of what is sent; Moved belongs to Server.tick

	left      atomic.Int64 // bytes a stranger may still send
	familiar  atomic.Bool
	announced atomic.Bool // has shown a key
	settingUp bool        // it holds Server.setup; its connection's goroutine's own
	out       sync.Once
	place     *list.Element // among the strangers, nil for none; guarded by door.mu
}

var errTooMuch = errors.New("too much was sent before PLAY or RECORD")

// Read holds a stranger to its budget.
func (g *guest) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if !g.familiar.Load() && g.left.Add(int64(-n)) < 0 {
		return 0, errTooMuch
	}
	return n, err
}

// Write notes what the kernel took.
func (g *guest) Write(p []byte) (int, error) {
	g.progress.Start()
	n, err := g.Conn.Write(p)
	g.progress.Done(int64(n))
	return n, err
}

// SetReadDeadline keeps a stranger's deadline against the library, which would
// lift it.
func (g *guest) SetReadDeadline(t time.Time) error {
	if !g.familiar.Load() {
		return nil
	}
	return g.Conn.SetReadDeadline(t)
}

// Close gives the place back.
func (g *guest) Close() error {
	g.out.Do(func() {
		g.door.mu.Lock()
		defer g.door.mu.Unlock()
		g.unplace()
		g.door.callers[g.from].open--
		g.door.all--
	})
	return g.Conn.Close()
}

// welcome ends the stranger's limits: it plays or publishes.
func (g *guest) welcome() {
	g.door.mu.Lock()
	g.unplace()
	g.door.mu.Unlock()
	g.familiar.Store(true)
	g.Conn.SetReadDeadline(time.Time{})
}

// estrange begins the limits anew for one that has stopped playing and stays.
func (g *guest) estrange() {
	g.familiar.Store(false)
	g.announced.Store(false)
	g.restrict(time.Now())
}

func (g *guest) restrict(now time.Time) {
	g.left.Store(strangerBudget)
	g.Conn.SetReadDeadline(now.Add(g.door.times.start))
}

// unplace is called with door.mu held.
func (g *guest) unplace() {
	if g.place != nil {
		g.door.strangers.Remove(g.place)
		g.place = nil
	}
}

func address(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// pause waits for d and reports whether ctx lasted so long.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
