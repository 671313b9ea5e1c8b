package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"golang.org/x/sync/errgroup"

	"echo.tv/server/httpapi"
	"echo.tv/server/tv"
)

func listen(who, flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, tv.Errorf(tv.Conflict, "cannot listen for %s on %s: %w", who, addr, err).
			Hint("another program, perhaps another echo.tv, has this port: close it or choose one with " + flag)
	}
	return l, nil
}

// giveBack is the front door's, which is made after those who bring something
// through it.
func (s *Server) giveBack(c net.Conn, unread []byte) { s.returned.Take(c, unread) }

// serveWeb serves browsers, and those again that hls gave back.
func (s *Server) serveWeb(ctx context.Context) error {
	return serve(ctx, httpapi.NewServer(s.api, s.log("http")), httpapi.Listener(s.web), s.returned)
}

// serve runs h on each listener until ctx ends or one of them fails. Requests
// see ctx, so those that wait end with it; what is left after two seconds is cut.
func serve(ctx context.Context, h *http.Server, listeners ...net.Listener) error {
	h.BaseContext = func(net.Listener) context.Context { return ctx }
	g, failed := errgroup.WithContext(ctx)
	for _, l := range listeners {
		g.Go(func() error { return h.Serve(l) })
	}
	g.Go(func() error {
		<-failed.Done()
		last, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if h.Shutdown(last) != nil {
			return h.Close()
		}
		return nil
	})
	if err := g.Wait(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serveDebug serves profiles to this machine.
func (s *Server) serveDebug(ctx context.Context) error {
	return serve(ctx, &http.Server{Handler: profiles(), ReadHeaderTimeout: 5 * time.Second}, httpapi.Listener(s.debug))
}

// profiles serves pprof, and only it.
func profiles() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("/debug/pprof/", pprof.Index)
	m.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	m.HandleFunc("/debug/pprof/profile", pprof.Profile)
	m.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	m.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return m
}
