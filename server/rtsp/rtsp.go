// Package rtsp serves a channel to VLC, ffplay, OBS and network recorders as
// rtsp://host:8554/<channel>, and takes cameras and ffmpeg in at the same
// address. It owns the RTSP sockets, the players' and the publishers' sessions
// on them, and what a channel's frames look like as RTP; who may publish is the
// [Authorizer]'s answer, what is on air the hub's. Protocol and transports are
// gortsplib's.
//
// # Playing
//
// Anybody may, over TCP (interleaved) or UDP (unicast): H.264, HEVC and AV1, AAC
// and Opus, on the channel's clock. A player begins at the newest key frame; its
// parameter sets stand before every key frame. When the publisher's settings
// change, or the channel goes off the air, players are told goodbye and come
// back for the new description. A publisher that resumes with the same settings
// is a gap in time, nothing else.
//
// # Publishing
//
// ANNOUNCE and RECORD, with the channel's name as user and a stream key as
// password. Only Basic is offered: to check a Digest one must have the password
// itself, and keys are sealed at rest and given to nobody but their owner, not
// to this package either. On the wire a Basic key is as bare as the same key is
// in RTMP. ffmpeg and GStreamer take the challenge as it is.
//
// # Under load
//
// A frame becomes packets when the first player reaches it, once for all, and
// never while nobody watches. Each player has a goroutine and a cursor of its
// own, so a slow one is at most as far behind as the ring keeps and then jumps to
// the newest key frame; one that takes nothing for three seconds is closed. None
// of it reaches the publisher. Strangers have ten seconds and 64 KiB to become a
// player or a publisher, and make room when the house is full. The library parses
// in goroutines of its own; whatever it calls us for is guarded by a recover.
package rtsp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/auth"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// Grant is an accepted key: which channel it feeds, and which key it is.
type Grant struct {
	Channel         tv.ChannelName
	KeyID, KeyLabel string
}

// Authorizer decides who may publish. Errors: tv.NotFound for a key that opens
// nothing, tv.TooMany for somebody who tries one after the other.
type Authorizer interface {
	Publisher(ctx context.Context, remote netip.Addr, key tv.StreamKey) (Grant, error)
}

// Config is what a Server is made of.
type Config struct {
	Addr    string // host:port to listen on; port 0 takes any, for RTP too
	Log     *slog.Logger
	Publish func(live.Publisher) (*live.Session, error) // the hub's; not called before Run
	Auth    Authorizer

	// Fetch puts the channel of another host, ann@<id>, on air here and returns
	// when it is, or why it cannot be; nil when there are no other hosts.
	Fetch func(ctx context.Context, name tv.ChannelName) error
}

// times is how long somebody is waited for.
type times struct {
	start time.Duration // connect to PLAY or RECORD
	media time.Duration // RECORD to the first frame
	lost  time.Duration // a publisher's silence while on air
	stall time.Duration // a player that takes nothing
	idle  time.Duration // a description that nobody plays by
}

func patience() times {
	return times{start: 10 * time.Second, media: 10 * time.Second, lost: time.Minute, stall: 3 * time.Second, idle: 15 * time.Second}
}

// Server takes RTSP connections. Safe for concurrent use.
type Server struct {
	cfg       Config
	times     times
	door      *door
	udp       *pair // nil: TCP only
	lib       *gortsplib.Server
	life      context.Context
	end       context.CancelFunc
	recovered atomic.Uint64
	skipped   atomic.Uint64
	playing   sync.WaitGroup // the players' goroutines; Add only with mu held and life not over
	setup     sync.Mutex     // one SETUP of a player at a time; taken before mu

	mu         sync.Mutex
	channels   map[tv.ChannelName]*channel             // guarded by mu; what is attached
	streams    map[*stream]bool                        // guarded by mu; open in the library
	players    map[*gortsplib.ServerSession]*player    // guarded by mu
	perIP      map[netip.Addr]int                      // guarded by mu; players; no zero entries
	publishers map[*gortsplib.ServerSession]*publisher // guarded by mu
}

// queueSize is the packets that wait for one player's socket. It must be a power
// of two and hold a large key frame: 1,024 are 1.4 MB.
const queueSize = 1024

// Listen binds cfg.Addr, and a pair of ports for RTP over UDP if there is one;
// Run serves. A port in use comes back as tv.Conflict.
func Listen(cfg Config) (*Server, error) {
	ln, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, tv.Errorf(tv.Conflict, "cannot listen for RTSP on %s: %w", cfg.Addr, err).
			Hint("another program, perhaps another echo.tv, has this port: close it or choose one with --rtsp")
	}
	s := &Server{
		cfg: cfg, times: patience(),
		channels: map[tv.ChannelName]*channel{}, streams: map[*stream]bool{}, perIP: map[netip.Addr]int{},
		players: map[*gortsplib.ServerSession]*player{}, publishers: map[*gortsplib.ServerSession]*publisher{},
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.door = newDoor(ln, cfg.Log, s.life, usualCrowd, &s.times)
	s.lib = &gortsplib.Server{
		Handler: handler{s}, RTSPAddress: cfg.Addr, WriteQueueSize: queueSize,
		AuthMethods: []auth.VerifyMethod{auth.VerifyMethodBasic},
		Listen:      func(string, string) (net.Listener, error) { return s.door, nil },
	}
	if s.udp, err = listenUDP(cfg.Addr); err != nil {
		cfg.Log.Warn("RTSP over TCP only", "err", err)
		return s, nil
	}
	s.lib.UDPRTPAddress, s.lib.UDPRTCPAddress = s.udp.rtp.LocalAddr().String(), s.udp.rtcp.LocalAddr().String()
	s.lib.ListenPacket = s.udp.take
	return s, nil
}

// Addr returns where the server listens.
func (s *Server) Addr() net.Addr { return s.door.Addr() }

// Recovered counts panics that cost one request or session each; it should stay 0.
func (s *Server) Recovered() uint64 { return s.recovered.Load() }

// Skipped counts the frames that slow players did not get.
func (s *Server) Skipped() uint64 { return s.skipped.Load() }

// Close releases the sockets of a server that was never run.
func (s *Server) Close() error {
	s.end()
	if s.udp != nil {
		s.udp.close()
	}
	return s.door.Close()
}

// Run serves until ctx ends and everybody has gone home.
func (s *Server) Run(ctx context.Context) error {
	if err := s.lib.Start(); err != nil {
		s.Close()
		return fmt.Errorf("start RTSP: %w", err)
	}
	broken := make(chan error, 1)
	go func() { broken <- s.lib.Wait() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.tick(now)
		case err := <-broken:
			s.leave()
			return fmt.Errorf("rtsp listener: %w", err)
		case <-ctx.Done():
			s.leave()
			<-broken
			return nil
		}
	}
}

// leave lets players read their goodbye, then ends everything.
func (s *Server) leave() {
	s.mu.Lock() // whoever is in join has been counted, or sees the end
	s.end()
	s.mu.Unlock()
	s.playing.Wait()
	s.lib.Close()
	s.mu.Lock()
	streams := s.streams
	s.streams = nil
	s.mu.Unlock()
	for st := range streams {
		st.lib.Close()
	}
}

// tick looks after what happens without any packet.
func (s *Server) tick(now time.Time) {
	s.mu.Lock()
	var idle []*stream
	for st := range s.streams {
		if st.over(now, s.times.idle) {
			delete(s.streams, st)
			idle = append(idle, st)
		}
	}
	for _, p := range s.players {
		p.seen()
	}
	for _, p := range s.publishers {
		p.watch(now)
	}
	s.mu.Unlock()
	for _, st := range idle {
		st.lib.Close()
	}
}

// Attach makes the output that plays ch.
func (s *Server) Attach(ch *live.Channel) live.Output {
	c := newChannel(s, ch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[ch.Name()] = c
	return c
}
