// Package push serves viewers over one WebSocket: the same CMAF chunks that HLS
// lists, each the moment it is there, for Media Source Extensions. It owns the
// socket and what is said on it; which channels there are is the live core's.
//
// # Protocol
//
// GET /push upgrades, for our own origin only. With ?watch=ann&viewer=<id> it
// begins at once, as if that were the first text: a busy page would send it a
// round trip and the rest of its own start later. The viewer speaks JSON texts
// of at most 4 KiB:
//
//	{"watch":"ann","viewer":"<16 to 64 characters>"}  begin, at the newest key frame
//	{"stop":"ann"}                                    pause; the socket stays
//	{"ack":"ann"}                                     every 5 s: still showing it
//	{"ping":<number>}                                 echoed, to compare clocks
//
// and several channels may be watched on one socket. The host answers in JSON:
//
//	{"on":"ann","tag":7,"codecs":"avc1.64001f,mp4a.40.2","keyInterval":2}  media of tag 7 follows; again when codecs change
//	{"off":"ann"}                                  not on air (any more); watch again later
//	{"off":"ann@<host>","reason":"..."}            another host's, and it cannot be fetched; the reason is for a person
//	{"slow":"ann","missed":31}                     fell behind, jumped to a key frame
//	{"pong":<number>,"now":<ms since 1970>}
//
// and in binary messages, big-endian:
//
//	0   uint8   1 initialisation segment, 2 media
//	1   uint8   bit 0: begins with a key frame; bit 1: first after a discontinuity
//	2   uint16  tag
//	4   uint32  number of the message, of its channel; a gap means a jump
//	8   uint64  when its last frame reached the host, ms since 1970
//	16          ftyp + moov, or moof + mdat once or more
//
// Sound travels with the picture that follows it, so one message is one picture.
// keyInterval is the distance of key frames in seconds, 0 while nobody knows it.
//
// # Other hosts
//
// ann@<host> is the channel of another host. It is fetched first, beside what
// the socket does meanwhile; {"stop":...} ends the wait. A host that fetches
// speaks the same protocol as one viewer, for all of its own:
//
//	{"watch":"ann","viewer":"<as above>","relay":"<its id>","via":["<its id>"],"viewers":20}
//	{"ack":"ann","viewers":21}
//
// via names the hosts that relay, the one nearest to the viewers first; it keeps
// relays from going round in circles. viewers is how many people watch behind
// it, and is believed of known peers only, up to 2,000.
//
// # Under load
//
// A message's bytes, WebSocket header included, are put together once in the
// publisher's goroutine. Viewers that have got all there is stand in lines, one or
// a few per channel: a line's goroutine writes each message to everybody in it,
// with one write that does not wait, no copy and no allocation per viewer, while
// theirs sleep. Whose socket takes less at once leaves the line, follows in a
// goroutine of its own and comes back when it has caught up. (Where the system
// has no such write, everybody does so.) Who joins gets the text, the
// initialisation segment and all pictures up to now with the first one. A viewer
// more than two seconds behind jumps to the newest key frame; one whose socket
// does not take a write within ten seconds is closed. None of it reaches the
// publisher.
package push

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/crowd"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// Config is what a Server is made of.
type Config struct {
	Log    *slog.Logger
	Codecs func([]live.Track) string // the codecs parameter of RFC 6381 for tracks

	// Fetch puts the channel of another host, ann@<id>, on air here and returns
	// when it is, or why it cannot be; via are the hosts that ask on behalf of
	// their viewers, the first of them asked first. nil when there are none.
	Fetch func(ctx context.Context, name tv.ChannelName, via []tv.HostID) error

	// IsPeer reports whether a known echo.tv is at that address; nil for nobody.
	IsPeer func(netip.Addr) bool
}

const (
	maxSockets      = 2000
	maxSocketsPerIP = 32 // windows behind one address; loopback, where relays and tools are, has no such limit
	maxPerSocket    = 16 // channels of one multi-view
	maxText         = 4 << 10

	maxFetches          = 64 // channels of other hosts being fetched at one time, by all sockets
	maxFetchesPerSocket = 4
	maxPeople           = 2000 // whom one relay may speak for; a LAN has a few hundred

	stallTime = 10 * time.Second // a socket that takes nothing for so long is closed
)

// Server serves /push. Safe for concurrent use.
type Server struct {
	cfg       Config
	stall     time.Duration   // stallTime, but in tests
	buffer    int             // sendBuffer, but in tests
	life      context.Context // ends the sockets, which outlive their requests' server
	end       context.CancelFunc
	crowd     *crowd.Crowd
	lines     sync.WaitGroup // those of all channels; the sockets end first
	fetching  chan struct{}  // one place for each of maxFetches
	recovered atomic.Uint64
	skipped   atomic.Uint64

	mu       sync.Mutex
	channels map[tv.ChannelName]*channel // guarded by mu
	tags     uint16                      // guarded by mu; of the last channel attached
}

// New returns a server without channels; give its Attach to the hub.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, stall: stallTime, buffer: sendBuffer, channels: map[tv.ChannelName]*channel{}, crowd: crowd.NewLocal(maxSockets, maxSocketsPerIP),
		fetching: make(chan struct{}, maxFetches)}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// Run waits for ctx, then sends every viewer home and returns when the last has
// left.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	s.crowd.Close(s.end)
	s.lines.Wait()
	return nil
}

// Recovered counts panics that cost one socket each.
func (s *Server) Recovered() uint64 { return s.recovered.Load() }

// Skipped counts the messages that slow viewers did not get.
func (s *Server) Skipped() uint64 { return s.skipped.Load() }

// Attach makes the output that pushes ch.
func (s *Server) Attach(ch *live.Channel) live.Output {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tags++
	c := newChannel(ch, s.tags, s)
	s.channels[ch.Name()] = c
	return attached{c, s}
}

// attached forgets the channel when it ends.
type attached struct {
	*channel
	server *Server
}

func (a attached) End() {
	a.channel.ring.End()
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	if name := a.channel.live.Name(); a.server.channels[name] == a.channel {
		delete(a.server.channels, name)
	}
}

func (s *Server) find(name tv.ChannelName) *channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channels[name]
}

// ServeHTTP upgrades one viewer and serves it until it leaves.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A socket answers to whoever opens it, on any site, and browsers always
	// say who that is. Behind a proxy with TLS we have the same name.
	origin := r.Header.Get("Origin")
	if !strings.EqualFold(origin, "http://"+r.Host) && !strings.EqualFold(origin, "https://"+r.Host) {
		http.Error(w, "another site asked for this", http.StatusForbidden)
		return
	}
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	ip := remote.Addr().Unmap()
	if s.crowd.Enter(ip) != nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many are watching from this address", http.StatusTooManyRequests)
		return
	}
	defer s.crowd.Leave(ip)
	grab := &grab{ResponseWriter: w, server: s}
	ws, err := websocket.Accept(grab, r, nil)
	if err != nil {
		return // Accept has answered
	}
	ws.SetReadLimit(maxText)
	q := r.URL.Query()
	newSocket(s, ws, grab, ip).serve(r.Context(), request{Watch: tv.ChannelName(q.Get("watch")), Viewer: q.Get("viewer")})
}
