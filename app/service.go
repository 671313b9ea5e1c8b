package app

import (
	"context"
	"os"
	"time"

	"echo.tv/server"
	"echo.tv/server/tv"
)

// grace is how long a server may take to end before the process leaves anyway.
// A SIGTERM in the first 0.8 s of a GTK window was measured to hang for ever.
const grace = 3 * time.Second

// service is a server at work beside a window.
type service struct {
	done chan struct{}
	err  error // how it ended; read after done is closed
}

// serve runs srv until ctx ends. When it ends by itself, failed is called.
func serve(ctx context.Context, srv *server.Server, failed func()) *service {
	s := &service{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = srv.Run(ctx)
		if ctx.Err() == nil {
			failed()
		}
	}()
	return s
}

// wait returns how the server ended, once it was told to.
func (s *service) wait() error {
	select {
	case <-s.done:
		return s.err
	case <-time.After(grace):
		return tv.Errorf(tv.Internal, "the server did not end within %v", grace)
	}
}

// leaveAfterGrace ends the process that a hanging window keeps alive after a
// signal. Wails closes its own window, from its own handler; whether or not
// that works, the server had its time and tells the exit code.
func (s *service) leaveAfterGrace() {
	time.Sleep(grace)
	if s.wait() != nil {
		os.Exit(exitFailed)
	}
	os.Exit(exitOK)
}
