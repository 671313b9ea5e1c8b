package relay

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/cmaf"
	"echo.tv/server/hls"
	"echo.tv/server/live"
	"echo.tv/server/peer"
	"echo.tv/server/push"
	"echo.tv/server/tv"
)

// network is a LAN in memory, so that it lives in fake time: hosts listen at
// addresses, and whoever knows one may dial it.
type network struct {
	mu     sync.Mutex
	at     map[string]*port // guarded by mu
	dialed map[string]int   // guarded by mu; connections made, by address
}

func newNetwork() *network { return &network{at: map[string]*port{}, dialed: map[string]int{}} }

// wire is one end of a connection.
type wire struct {
	net.Conn
	remote net.Addr
}

func (w wire) RemoteAddr() net.Addr { return w.remote }

// port is where a host listens, and what is connected to it.
type port struct {
	addr   netip.AddrPort
	accept chan net.Conn
	once   sync.Once
	closed chan struct{}
	mu     sync.Mutex
	conns  []net.Conn // guarded by mu
}

func (p *port) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *port) Addr() net.Addr { return net.TCPAddrFromAddrPort(p.addr) }

func (p *port) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// cut ends every connection, as a crash does.
func (p *port) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (n *network) listen(addr netip.AddrPort) *port {
	p := &port{addr: addr, accept: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at[addr.String()] = p
	return p
}

func (n *network) dialFrom(from netip.AddrPort) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, addr string) (net.Conn, error) {
		n.mu.Lock()
		p := n.at[addr]
		n.mu.Unlock()
		if p == nil {
			return nil, errors.New("nobody listens at " + addr)
		}
		near, remote := net.Pipe()
		select {
		case p.accept <- wire{remote, net.TCPAddrFromAddrPort(from)}:
		case <-p.closed:
			return nil, errors.New("connection refused")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		n.mu.Lock()
		n.dialed[addr]++
		n.mu.Unlock()
		p.mu.Lock()
		p.conns = append(p.conns, near)
		p.mu.Unlock()
		return wire{near, p.Addr()}, nil
	}
}

func (n *network) dials(addr netip.AddrPort) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dialed[addr.String()]
}

// neighbours is what peer knows: tests say it.
type neighbours struct {
	dial func(context.Context, string, string) (net.Conn, error)
	mu   sync.Mutex
	all  map[tv.HostID]peer.Host // guarded by mu
}

func (n *neighbours) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return n.dial(ctx, network, addr)
}

func (n *neighbours) Host(id tv.HostID) (peer.Host, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h, ok := n.all[id]
	return h, ok
}

func (n *neighbours) know(h peer.Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all[h.ID] = h
}

const (
	annsHost = tv.HostID("aaaaaaaaaaaaaaaa")
	bobsHost = tv.HostID("bbbbbbbbbbbbbbbb")
	annThere = tv.ChannelName("ann@" + annsHost)
)

// host is an echo.tv, made of real parts but for the door.
type host struct {
	t      testing.TB
	id     tv.HostID
	addr   netip.AddrPort
	hub    *live.Hub
	push   *push.Server
	hls    *hls.Server
	relays *Relays
	peers  *neighbours
	port   *port
	net    *network
	stop   func()
}

// newHost starts a host in n; it ends with the test at the latest.
func newHost(t testing.TB, n *network, id tv.HostID, addr string) *host {
	t.Helper()
	h := &host{t: t, id: id, net: n, addr: netip.MustParseAddrPort(addr)}
	h.peers = &neighbours{dial: n.dialFrom(h.addr), all: map[tv.HostID]peer.Host{}}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("host", string(id[:1]))
	}
	h.relays = New(Config{Log: log, Self: id, Hosts: h.peers,
		Publish: func(p live.Publisher) (*live.Session, error) { return h.hub.Publish(p) },
		Viewers: func(name tv.ChannelName) int { return h.hub.Status(name).Viewers }})
	h.push = push.New(push.Config{Log: log, Codecs: hls.Codecs, Fetch: h.relays.Fetch,
		IsPeer: func(a netip.Addr) bool { return true }})
	h.hls = hls.New(hls.Config{Log: log, Still: h.relays.Still,
		Fetch: func(ctx context.Context, name tv.ChannelName) error { return h.relays.Fetch(ctx, name, nil) }})
	h.hub = live.NewHub(live.Config{Log: log, Packager: cmaf.Packager{},
		Outputs: []func(*live.Channel) live.Output{h.hls.Attach, h.push.Attach}})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{h.hub.Run, h.push.Run, h.hls.Run, h.relays.Run} {
		running.Go(func() { run(ctx) })
	}
	h.port = n.listen(h.addr)
	web := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	running.Go(func() { web.Serve(h.port) })
	h.stop = sync.OnceFunc(func() { cancel(); web.Close(); h.port.cut(); running.Wait() })
	t.Cleanup(h.stop)
	return h
}

// crash ends the host without a goodbye.
func (h *host) crash() {
	h.port.Close()
	h.port.cut()
	h.stop()
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/push" {
		h.push.ServeHTTP(w, r)
		return
	}
	h.hls.ServeHTTP(w, r)
}

// relaying returns how many relays h has.
func (h *host) relaying() int {
	h.relays.mu.Lock()
	defer h.relays.mu.Unlock()
	return len(h.relays.on)
}

// knows tells h of another host and what is on there.
func (h *host) knows(o *host, channels ...peer.Channel) {
	h.peers.know(peer.Host{ID: o.id, Name: "a neighbour", Addr: o.addr, Presence: peer.Here, Channels: channels})
}

// camera publishes on a host.
type camera struct {
	t       testing.TB
	session *live.Session
	frame   int
	gop     int
}

var sps = []byte{0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20}

// tracks are H.264, told apart by the parameter set, and AAC.
func tracks(t testing.TB, version byte) []live.Track {
	t.Helper()
	picture, err := live.NewH264(sps, []byte{0x68, 0xcb, 0x8c, version})
	if err != nil {
		t.Fatal(err)
	}
	picture.FPS, picture.KeyInterval = 30, live.Second
	sound, err := live.NewAAC([]byte{0x11, 0x90})
	if err != nil {
		t.Fatal(err)
	}
	return []live.Track{picture, sound}
}

func (h *host) publish(name tv.ChannelName) *camera {
	h.t.Helper()
	s, err := h.hub.Publish(live.Publisher{Channel: name})
	if err != nil {
		h.t.Fatal(err)
	}
	c := &camera{t: h.t, session: s, gop: 30}
	c.settings(0xb2)
	return c
}

// settings changes those of the codec.
func (c *camera) settings(version byte) {
	c.t.Helper()
	if err := c.session.SetTracks(tracks(c.t, version)); err != nil {
		c.t.Fatal(err)
	}
	c.frame = 0
}

// nalu returns a picture of one NAL unit that holds its number.
func nalu(key bool, number, size int) []byte {
	b := make([]byte, max(size, 9))
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	if b[4] = 0x41; key {
		b[4] = 0x65
	}
	binary.BigEndian.PutUint32(b[5:], uint32(number))
	return b
}

// shoot sends for d: 30 pictures a second and the sound between them.
func (c *camera) shoot(d time.Duration) {
	c.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second / 30) {
		c.send(1000)
	}
}

// send sends one picture of size bytes and its sound.
func (c *camera) send(size int) {
	c.t.Helper()
	at, key := int64(c.frame)*3000, c.frame%c.gop == 0
	c.write(live.Frame{DTS: at, PTS: at + 3000, Key: key, Payload: nalu(key, c.frame, size)})
	c.write(live.Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1600, Payload: []byte("sound")})
	c.frame++
}

func (c *camera) write(f live.Frame) {
	c.t.Helper()
	f.Arrival = time.Now()
	if err := c.session.WriteFrame(f); err != nil {
		c.t.Fatal(err)
	}
}

// viewer is a browser's socket. It reads all the time, as a browser does.
type viewer struct {
	t     testing.TB
	ws    *websocket.Conn
	mu    sync.Mutex
	texts []map[string]any // guarded by mu
	media []media          // guarded by mu
	ended chan struct{}
}

type media struct {
	flags  byte
	number uint32
	age    time.Duration // when it came, by the stamp of the host
	chunks []byte
	at     time.Time
}

// join opens a socket to h, from another address each time.
func (h *host) join(number int) *viewer {
	h.t.Helper()
	from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(number)}), 40000)
	dial := h.net.dialFrom(from)
	ws, _, err := websocket.Dial(h.t.Context(), "ws://"+h.addr.String()+"/push", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"http://" + h.addr.String()}},
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}})
	if err != nil {
		h.t.Fatal(err)
	}
	ws.SetReadLimit(1 << 24)
	v := &viewer{t: h.t, ws: ws, ended: make(chan struct{})}
	go v.read()
	return v
}

func (v *viewer) read() {
	defer close(v.ended)
	for {
		kind, raw, err := v.ws.Read(context.Background())
		if err != nil {
			return
		}
		v.mu.Lock()
		if kind == websocket.MessageText {
			var text map[string]any
			json.Unmarshal(raw, &text)
			v.texts = append(v.texts, text)
		} else if raw[0] == kindMedia {
			now := time.Now()
			v.media = append(v.media, media{flags: raw[1], number: binary.BigEndian.Uint32(raw[4:]), at: now,
				age: now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(raw[8:])))), chunks: raw[16:]})
		}
		v.mu.Unlock()
	}
}

func (v *viewer) say(text string) {
	v.t.Helper()
	if err := v.ws.Write(v.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		v.t.Fatal(err)
	}
}

func (v *viewer) watch(name tv.ChannelName, id string) {
	v.t.Helper()
	v.say(`{"watch":"` + string(name) + `","viewer":"` + id + `-0123456789abcdef"}`)
}

// leave closes the socket and waits for the reader.
func (v *viewer) leave() {
	v.ws.CloseNow()
	<-v.ended
}

// seen returns how many media messages came, and the last one.
func (v *viewer) seen() (int, media) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.media) == 0 {
		return 0, media{}
	}
	return len(v.media), v.media[len(v.media)-1]
}

// said returns the last text with that word, nil when there was none.
func (v *viewer) said(word string) map[string]any {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := len(v.texts) - 1; i >= 0; i-- {
		if v.texts[i][word] != nil {
			return v.texts[i]
		}
	}
	return nil
}

// pictures returns the numbers of all pictures that came.
func (v *viewer) pictures() (numbers []int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.media {
		for f, rest := (live.Frame{}), m.chunks; len(rest) > 0; {
			var err error
			if f, rest, err = cmaf.ReadChunk(tracks(v.t, 0xb2), rest); err != nil {
				v.t.Fatal(err)
			}
			if f.Track == 0 {
				numbers = append(numbers, int(binary.BigEndian.Uint32(f.Payload[5:])))
			}
		}
	}
	return numbers
}
