// Package rtmp lets OBS in: RTMP 1.0 and Enhanced RTMP v1/v2 publishers become
// sessions of the live hub. It owns the sockets, the session and the FLV demux;
// who may publish is the [Authorizer]'s answer, what is on air the hub's.
//
// The session is our own, on gortmplib's handshake, messages and AMF0, because
// its reader can be crashed by one unauthenticated message of nested AMF0 and
// its ServerConn accepts a publish before anybody could refuse it. What guards
// us: 10 s from connect to publish, 64 KiB in all before a key was accepted,
// AMF checked for depth and count before it is parsed, messages of 8 MiB at
// most after, a recover around every connection. Under a flood of connections
// the strangers among them make room; who publishes keeps its place.
//
// One goroutine per connection reads, demuxes and writes into the hub. It waits
// for nobody but its socket.
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
	Addr string // host:port to listen on
	Log  *slog.Logger
	Hub  *live.Hub
	Auth Authorizer
}

// Server takes RTMP connections.
type Server struct {
	cfg       Config
	times     times
	ln        net.Listener
	gate      *gate
	recovered atomic.Uint64
}

// Listen binds cfg.Addr; Run serves. A port in use comes back as tv.Conflict.
func Listen(cfg Config) (*Server, error) {
	ln, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, tv.Errorf(tv.Conflict, "cannot listen for OBS on %s: %w", cfg.Addr, err).
			Hint("another program, perhaps another echo.tv, has this port: close it or choose one with --rtmp")
	}
	return &Server{cfg: cfg, times: patience(), ln: ln, gate: newGate(usualCrowd)}, nil
}

// Addr returns where the server listens.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Close releases the listener of a server that was never run.
func (s *Server) Close() error { return s.ln.Close() }

// Recovered counts panics that cost one connection each; it should stay 0.
func (s *Server) Recovered() uint64 { return s.recovered.Load() }

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
	defer func() {
		if r := recover(); r != nil {
			s.recovered.Add(1)
			log.Error("connection handler failed", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	c := newConn(s, nc, v, log)
	if err := c.serve(ctx); err != nil && ctx.Err() == nil {
		log.Info("connection closed", "reason", clip(err.Error()))
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
