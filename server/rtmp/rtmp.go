// Package rtmp lets OBS in, and players such as VLC: RTMP 1.0 and Enhanced RTMP
// v1/v2 publishers become sessions of the live hub, and what is on air plays as
// rtmp://host:1935/live/<channel>. It owns the sockets, the session, the FLV
// demux and mux; who may publish is the [Authorizer]'s answer, what is on air the
// hub's.
//
// The session is our own, on gortmplib's handshake, messages and AMF0, because
// its reader can be crashed by one unauthenticated message of nested AMF0 and
// its ServerConn accepts a publish before anybody could refuse it. What guards
// us: 10 s from connect to publish, 64 KiB in all before a key was accepted,
// AMF checked for depth and count before it is parsed, messages of 8 MiB at
// most after, a recover around every connection. Under a flood of connections
// the strangers among them make room; who publishes keeps its place.
//
// One goroutine per publisher reads, demuxes and writes into the hub. It waits
// for nobody but its socket.
//
// Anybody may play, by the name of a channel; a stream key opens nothing here.
// A player begins at the newest key frame and goes on through take-overs and
// lost signals until the channel is off the air. Each has a goroutine and a
// cursor of its own and is sent the publisher's own bytes by writev; one that is
// more than two seconds behind jumps to the newest key frame, one that takes
// nothing for ten is closed. What it may say is rationed, and publishers always
// find half the house free of players.
package rtmp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// Grant is an accepted key: which channel it feeds, and which key it is.
type Grant struct {
	Channel         tv.ChannelName
	KeyID, KeyLabel string
}

// Authorizer decides who may publish. A tv.NotFound error means that no such
// key exists, which OBS is told in a way that stops it from trying again; with
// any other error it is only disconnected.
type Authorizer interface {
	Publisher(ctx context.Context, remote netip.Addr, key tv.StreamKey) (Grant, error)
}

// Config is what a Server is made of.
type Config struct {
	Addr    string // host:port to listen on
	Log     *slog.Logger
	Publish func(live.Publisher) (*live.Session, error) // the hub's; not called before Run
	Auth    Authorizer

	// Fetch puts the channel of another host, ann@<id>, on air here and returns
	// when it is, or why it cannot be; nil when there are no other hosts.
	Fetch func(ctx context.Context, name tv.ChannelName) error
}

// Server takes RTMP connections. Safe for concurrent use.
type Server struct {
	cfg       Config
	times     times
	ln        net.Listener
	gate      *gate
	recovered atomic.Uint64
	skipped   atomic.Uint64
	accepted  atomic.Uint64

	mu       sync.Mutex
	channels map[tv.ChannelName]*channel // guarded by mu; what is attached
}

// Listen binds cfg.Addr; Run serves. Give Attach to the hub in between. A port in use comes back as tv.Conflict.
func Listen(cfg Config) (*Server, error) {
	ln, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, tv.Errorf(tv.Conflict, "cannot listen for OBS on %s: %w", cfg.Addr, err).
			Hint("another program, perhaps another echo.tv, has this port: close it or choose one with --rtmp")
	}
	return &Server{cfg: cfg, times: patience(), ln: ln, gate: newGate(usualCrowd),
		channels: map[tv.ChannelName]*channel{}}, nil
}

// Addr returns where the server listens.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Close releases the listener of a server that was never run.
func (s *Server) Close() error { return s.ln.Close() }

// Recovered counts panics that cost one connection each; it should stay 0.
func (s *Server) Recovered() uint64 { return s.recovered.Load() }

// Skipped counts the frames that slow players did not get.
func (s *Server) Skipped() uint64 { return s.skipped.Load() }

// Accepted counts the connections that were let in.
func (s *Server) Accepted() uint64 { return s.accepted.Load() }

// Run serves until ctx ends and every connection has gone home.
func (s *Server) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { s.ln.Close() })()
	for {
		nc, err := s.ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("rtmp listener: %w", err)
		case err != nil: // out of descriptors: wait, others may end
			s.cfg.Log.Warn("accept failed", "err", err)
			pause(ctx, time.Second)
			continue
		}
		v, tell := s.gate.enter(address(nc), time.Now(), func() { nc.Close() })
		if v == nil {
			nc.Close()
			if tell {
				s.cfg.Log.Warn("connection refused", "remote", address(nc).String(), "reason", "too many connections")
			}
			continue
		}
		s.accepted.Add(1)
		wg.Go(func() {
			defer v.leave()
			s.serve(ctx, nc, v)
		})
	}
}

// serve runs one connection; whatever goes wrong in it ends here.
func (s *Server) serve(ctx context.Context, nc net.Conn, v *visitor) {
	log := s.cfg.Log.With("remote", v.from.String())
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	defer s.survive(log)
	c := newConn(s, nc, v, log)
	if err := c.serve(ctx); err != nil && ctx.Err() == nil {
		log.Info("connection closed", "reason", clip(err.Error()))
	}
}

// survive is deferred by every goroutine of a connection.
func (s *Server) survive(log *slog.Logger) {
	if r := recover(); r != nil {
		s.recovered.Add(1)
		log.Error("connection handler failed", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	}
}

// clip keeps a stranger's text from flooding the log.
func clip(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return s
}

func address(nc net.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(nc.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
