package peer

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/lan"
	"echo.tv/server/store"
)

// house is a network in memory, so that time can be that of synctest. All on it
// is real but the wire: pipes instead of TCP.
type house struct {
	t     *testing.T
	mu    sync.Mutex
	doors map[netip.AddrPort]*door // guarded by mu
	dials int                      // guarded by mu; all that were let through a guard
	off   map[netip.AddrPort]bool  // guarded by mu; whose cable is pulled
}

func newHouse(t *testing.T) *house {
	return &house{t: t, doors: map[netip.AddrPort]*door{}, off: map[netip.AddrPort]bool{}}
}

// at is the address of the nth machine.
func at(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 7, byte(n)}), 5175)
}

// door is a listener.
type door struct {
	at    netip.AddrPort
	calls chan net.Conn
	shut  chan struct{}
	once  sync.Once
}

func (h *house) door(at netip.AddrPort) *door {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := &door{at: at, calls: make(chan net.Conn), shut: make(chan struct{})}
	h.doors[at] = d
	return d
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.calls:
		return c, nil
	case <-d.shut:
		return nil, net.ErrClosed
	}
}
func (d *door) Close() error   { d.once.Do(func() { close(d.shut) }); return nil }
func (d *door) Addr() net.Addr { return net.TCPAddrFromAddrPort(d.at) }

// wire is one end of a pipe that knows addresses.
type wire struct {
	net.Conn
	house         *house
	local, remote netip.AddrPort
}

// Write loses what is written while a cable is pulled; nobody is told.
func (w wire) Write(b []byte) (int, error) {
	if w.house.lost(w.local) || w.house.lost(w.remote) {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

// Close is noticed at the other end, unless its cable is pulled.
func (w wire) Close() error {
	if w.house.lost(w.local) || w.house.lost(w.remote) {
		return w.SetDeadline(time.Unix(1, 0))
	}
	return w.Conn.Close()
}

func (h *house) lost(at netip.AddrPort) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.off[at]
}

// unplug pulls the cable of the nth machine.
func (h *house) unplug(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.off[at(n)] = true
}

func (w wire) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(w.local) }
func (w wire) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(w.remote) }

// dialer connects from from.
func (h *house) dialer(from netip.AddrPort) func(context.Context, netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		h.mu.Lock()
		d := h.doors[to]
		h.dials++
		off := h.off[from] || h.off[to]
		h.mu.Unlock()
		ctx, cancel := context.WithTimeout(ctx, dialPatience)
		defer cancel()
		if d == nil || off { // a machine that is not there does not even refuse
			<-ctx.Done()
			return nil, ctx.Err()
		}
		near, far := net.Pipe()
		select {
		case d.calls <- wire{far, h, to, from}:
			return wire{near, h, from, to}, nil
		case <-d.shut:
			return nil, errors.New("connection refused")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// still is a network that never changes.
type still struct{}

func (still) Now() lan.Network         { return lan.Network{} }
func (still) Changed() <-chan struct{} { return nil }

// tenant is a host in the house.
type tenant struct {
	*Peers
	at   netip.AddrPort
	stop func()
	has  *mood
	log  *said
}

// said is a log.
type said struct {
	sync.Mutex
	strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.Lock()
	defer s.Unlock()
	return s.Builder.Write(b)
}

func (s *said) String() string {
	s.Lock()
	defer s.Unlock()
	return s.Builder.String()
}

// mood is what a tenant calls itself and has on air.
type mood struct {
	sync.Mutex
	name    string
	on      []Channel
	changed chan struct{}
}

// host moves a host in that is called name, with a data folder of its own.
func (h *house) host(n int, name string) *tenant { return h.hostIn(n, name, h.t.TempDir()) }

func (h *house) hostIn(n int, name, dir string) *tenant {
	h.t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		h.t.Fatal(err)
	}
	id, err := LoadIdentity(dir)
	if err != nil {
		h.t.Fatal(err)
	}
	x := &tenant{at: at(n), log: new(said), has: &mood{name: name, changed: make(chan struct{})}}
	own := []net.Addr{&net.IPNet{IP: x.at.Addr().AsSlice(), Mask: net.CIDRMask(24, 32)}}
	x.Peers, err = newPeers(Config{
		Identity: id, Store: st, Log: slog.New(slog.NewTextHandler(x.log, nil)), Network: still{}, Version: "1.2.3",
		Port: x.at.Port, Name: x.has.calls, Channels: x.has.channels, Changed: x.has.change,
	}, guard{own: func() ([]net.Addr, error) { return own, nil }, connect: h.dialer(x.at), resolve: h.resolve})
	if err != nil {
		h.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+directoryPath, x.Directory())
	leave := h.serve(x.at, mux)
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	go func() { x.Run(ctx); close(done) }()
	synctest.Wait() // it runs now
	x.stop = sync.OnceFunc(func() {
		leave()
		cancel()
		<-done
		st.Close()
		if x.Recovered() != 0 {
			h.t.Error("something panicked")
		}
	})
	h.t.Cleanup(x.stop)
	return x
}

func (m *mood) calls() string {
	m.Lock()
	defer m.Unlock()
	return m.name
}

func (m *mood) channels() []Channel {
	m.Lock()
	defer m.Unlock()
	return m.on
}

func (m *mood) change() <-chan struct{} {
	m.Lock()
	defer m.Unlock()
	return m.changed
}

// shows puts channels on air.
func (x *tenant) shows(on ...Channel) {
	x.has.Lock()
	defer x.has.Unlock()
	x.has.on = on
	close(x.has.changed)
	x.has.changed = make(chan struct{})
}

// meets makes x hear of the host at the nth machine, as by mDNS.
func (x *tenant) meets(n int) { x.hint(hint{at: at(n)}) }

func (h *house) resolve(_ context.Context, name string) ([]netip.Addr, error) {
	switch name {
	case "kim-pc":
		return []netip.Addr{at(2).Addr()}, nil
	case "rebound.example": // it is a stranger's, and leads to us
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	return nil, errors.New("no such host")
}

// serve puts an HTTP server at an address, until leave or the end of the test.
// leave says goodbye as the program does: requests end before connections.
func (h *house) serve(at netip.AddrPort, handler http.Handler) (leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &http.Server{Handler: handler, BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	d := h.door(at)
	done := make(chan struct{})
	go func() { s.Serve(d); close(done) }()
	leave = sync.OnceFunc(func() {
		cancel()
		last, cut := context.WithTimeout(context.Background(), 2*time.Second)
		defer cut()
		s.Shutdown(last)
		s.Close()
		<-done
	})
	h.t.Cleanup(leave)
	return leave
}

// liar is a host that says what a test wants.
type liar struct{ key ed25519.PrivateKey }

func newLiar() liar {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return liar{key}
}

func (l liar) pen(r *http.Request) *pen {
	return &pen{key: l.key, asked: r.Host, nonce: r.URL.Query().Get("nonce")}
}

// says answers with one line, properly signed, and then as silently as can be.
func (l liar) says(json string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Write(l.pen(r).write(time.Now(), []byte(json), false))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

// inHouse plays f in a time of its own. It ends only when every goroutine that f
// started has gone home.
func inHouse(t *testing.T, f func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) { f(t, newHouse(t)) })
}

// dialed counts the connections that were let through a guard.
func (h *house) dialed() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dials
}

// linked counts the addresses that x follows or tries, and how many of them are
// at one machine.
func (x *tenant) linked(at netip.Addr) (all, there int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for a := range x.links {
		if a.Addr() == at {
			there++
		}
	}
	return len(x.links), there
}

// after lets d pass, and all that happens in it.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func presenceOf(x *tenant, other *tenant) Presence {
	h, _ := x.Host(other.cfg.Identity.id)
	return h.Presence
}
