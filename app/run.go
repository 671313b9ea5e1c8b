package app

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"runtime"

	"echo.tv/server"
	"echo.tv/server/tv"
)

var errNoScreen = tv.Errorf(tv.Unavailable, "no window can be opened here").Hint("use --headless")

type runCommand struct{}

// Run starts the server, and the window around it when there is one to open.
func (runCommand) Run(ctx context.Context, p *process, c *cli) error {
	cfg, err := p.config(c)
	if err != nil {
		return err
	}
	if opensWindow(c.Headless, runtime.GOOS, os.Getenv) {
		return p.runWithWindow(ctx, cfg, c.windowFlags)
	}
	srv, err := server.New(cfg)
	if err != nil {
		return explainStart(ctx, cfg.DataDir, err)
	}
	greet(p.stdout, p.Version, srv)
	return srv.Run(ctx)
}

func (p *process) runWithWindow(ctx context.Context, cfg server.Config, flags windowFlags) error {
	w := newWindow(cfg.Log.With("part", "window"), flags)
	cfg.Desktop, cfg.DesktopToken = w, rand.Text()
	srv, err := server.New(cfg)
	if err != nil {
		err = explainStart(ctx, cfg.DataDir, err)
		if exitCode(err) == exitRunning || isTerminal(p.stderr) {
			return err
		}
		complain(p.stderr, err) // started from an icon, perhaps: somebody may read it, or see the window
		w.explain(err)
		return &told{err}
	}
	greet(p.stdout, p.Version, srv)

	serving, stop := context.WithCancel(ctx)
	defer stop()
	s := serve(serving, srv, w.quit)
	context.AfterFunc(ctx, s.leaveAfterGrace)

	err = w.open(srv.Loopback(), func() string { return windowURL(srv.Loopback(), cfg.DesktopToken, srv.ClaimCode()) })
	if errors.Is(err, errNoScreen) {
		cfg.Log.Warn("going on without a window", "reason", err)
		<-s.done
		return s.err
	}
	stop()
	return errors.Join(err, s.wait())
}

// explainStart gives a failed start its exit code. When another echo.tv has the
// data folder open, its window comes forward.
func explainStart(ctx context.Context, dir string, err error) error {
	switch {
	case errors.Is(err, server.ErrNewerStore):
		return &coded{err, exitNewerStore}
	case errors.Is(err, server.ErrRunning):
		showRunning(ctx, dir)
		return &coded{err, exitRunning}
	}
	return err
}

// opensWindow reports whether this build, machine and command line ask for a
// window. GTK ends the process when it finds no display.
func opensWindow(headless bool, goos string, env func(string) string) bool {
	if !hasWindow || headless {
		return false
	}
	return goos != "linux" || env("DISPLAY") != "" || env("WAYLAND_DISPLAY") != ""
}
