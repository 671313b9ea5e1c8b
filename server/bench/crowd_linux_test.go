package bench

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// watcher is a viewer, or half of one, on one connection.
type watcher interface {
	hello() []byte                                        // sent first
	take(b []byte, now time.Time) (say []byte, err error) // reads, and says what to send
	tick() []byte                                         // sent every five seconds
}

// crowd plays many watchers in one goroutine: their cost must not be the
// server's neighbour's. A goroutine each would double what a wake-up costs here.
type crowd struct {
	epoll int
	seats map[int32]*seat
	dead  []error
}

type seat struct {
	watcher
	file *os.File // keeps the descriptor open
	fd   int
}

func newCrowd(b *testing.B) *crowd {
	fd, err := syscall.EpollCreate1(0)
	if err != nil {
		b.Fatal(err)
	}
	c := &crowd{epoll: fd, seats: map[int32]*seat{}}
	b.Cleanup(func() {
		for _, s := range c.seats {
			s.file.Close()
		}
		syscall.Close(fd)
	})
	return c
}

// perAddress is below what the front door allows one address; 127.0.0.0/8 has
// more of them.
const perAddress = 200

// join connects w as viewer number n.
func (c *crowd) join(n int, addr string, w watcher) error {
	from := net.IPv4(127, 0, 1, byte(1+n/perAddress))
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: 5 * time.Second}
	nc, err := dialer.Dial("tcp", addr)
	if err != nil {
		return err
	}
	f, err := nc.(*net.TCPConn).File() // a copy that the runtime does not watch
	nc.Close()
	if err != nil {
		return err
	}
	s := &seat{w, f, int(f.Fd())}
	if err := syscall.SetNonblock(s.fd, true); err != nil {
		return err
	}
	c.seats[int32(s.fd)] = s
	if err := syscall.EpollCtl(c.epoll, syscall.EPOLL_CTL_ADD, s.fd,
		&syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP, Fd: int32(s.fd)}); err != nil {
		return err
	}
	return s.say(w.hello())
}

// say sends b: requests are small, so a connection that does not take one whole
// is broken.
func (s *seat) say(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if n, err := syscall.Write(s.fd, b); err != nil || n < len(b) {
		return fmt.Errorf("sent %d of %d bytes: %w", n, len(b), err)
	}
	return nil
}

// watch lets everybody watch for that long.
func (c *crowd) watch(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	buf := make([]byte, 512<<10)
	events := make([]syscall.EpollEvent, 256)
	end, tick := time.Now().Add(d), time.Now().Add(5*time.Second)
	for time.Now().Before(end) {
		n, err := syscall.EpollWait(c.epoll, events, 20)
		if err != nil && err != syscall.EINTR {
			c.dead = append(c.dead, err)
			return
		}
		for _, e := range events[:max(0, n)] {
			if s := c.seats[e.Fd]; s != nil {
				c.leave(s, c.hear(s, buf))
			}
		}
		if now := time.Now(); now.After(tick) {
			tick = now.Add(5 * time.Second)
			for _, s := range c.seats {
				c.leave(s, s.say(s.tick()))
			}
		}
	}
}

func (c *crowd) hear(s *seat, buf []byte) error {
	n, err := syscall.Read(s.fd, buf)
	if err == syscall.EAGAIN {
		return nil
	}
	if n <= 0 {
		return fmt.Errorf("the server hung up: %w", err)
	}
	say, err := s.take(buf[:n], time.Now())
	if err != nil {
		return err
	}
	return s.say(say)
}

// leave removes a watcher that failed.
func (c *crowd) leave(s *seat, err error) {
	if err != nil {
		c.dead = append(c.dead, err)
		delete(c.seats, int32(s.fd))
		s.file.Close()
	}
}

// tally is what a crowd got. One goroutine uses it.
type tally struct {
	measuring bool
	fresh     int // parts, or messages
	bytes     int
	missed    uint64 // messages left out
	first     map[string]time.Time
	spread    []time.Duration // from the first viewer that had it to each other one
	age       []time.Duration // from the host's socket to the viewer's
}

// pulse is when a viewer last got something new.
type pulse struct {
	last time.Time
	dry  bool // for more than a second, ever since the measuring began
}

const dryAfter = time.Second

// got notes something new, by a name that is the same for every viewer.
func (t *tally) got(p *pulse, name string, now time.Time) {
	if t.measuring {
		t.fresh++
		p.dry = p.dry || now.Sub(p.last) > dryAfter
		if at, ok := t.first[name]; ok {
			t.spread = append(t.spread, now.Sub(at))
		} else {
			t.first[name] = now
		}
	}
	p.last = now
}
