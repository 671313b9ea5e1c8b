// Package server is the composition root: it opens the store, binds every
// listener, hands each part what it needs, and runs them until told to stop.
// Faces never import each other; here one is handed to another as an
// http.Handler or a small interface.
package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"echo.tv/server/account"
	"echo.tv/server/cmaf"
	"echo.tv/server/coach"
	"echo.tv/server/guide"
	"echo.tv/server/history"
	"echo.tv/server/hls"
	"echo.tv/server/httpapi"
	"echo.tv/server/lan"
	"echo.tv/server/live"
	"echo.tv/server/logs"
	"echo.tv/server/peer"
	"echo.tv/server/push"
	"echo.tv/server/relay"
	"echo.tv/server/rtmp"
	"echo.tv/server/rtsp"
	"echo.tv/server/stat"
	"echo.tv/server/store"
	"echo.tv/server/testcard"
	"echo.tv/server/tv"
)

// Errors that New returns in its error's chain.
var (
	ErrRunning    = errors.New("another echo.tv has this data folder open")
	ErrNewerStore = store.ErrNewer
)

// gcPercent makes the collector run earlier than Go's 100: nearly all of the
// heap is media without pointers, so marking is cheap, while memory is what a
// host at home runs out of. Measured with one 5 Mbit/s publisher in make bench.
const gcPercent = 30

// Server is one host. New binds it, Run serves.
type Server struct {
	cfg      Config
	store    *store.Store
	accounts *account.Accounts
	hub      *live.Hub
	coach    *coach.Coach
	history  *history.History
	records  *logs.Ring
	api      *httpapi.API
	rtmp     *rtmp.Server
	hls      *hls.Server
	push     *push.Server
	rtsp     *rtsp.Server // nil without
	lan      *lan.Watcher
	peers    *peer.Peers
	relays   *relay.Relays
	cards    *testcard.Cards
	stat     *stat.Stat
	health   health
	web      net.Listener
	returned *httpapi.Returned // connections of web that hls had for itself
	debug    net.Listener      // nil unless asked for
	control  string            // the token of this machine's commands
}

// New opens the store and binds every listener, so that a busy port or a folder
// in use comes back as an error and not later. The caller must Run the server,
// which also releases everything.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, records: logs.NewRing()}
	s.cfg.Log = slog.New(s.records.Tee(cfg.Log.Handler())) // for the owner to read
	for _, step := range []func() error{
		s.openStore,  // what this host knows for ever: accounts, keys, settings
		s.takeIn,     // OBS and cameras come in
		s.putOn,      // what is on air, every way to it, and what is written down of it
		s.findOthers, // what this network is like, who else is on it, and what they show
		s.letIn,      // browsers come in
		s.announce,   // the commands of this machine find us
	} {
		if err := step(); err != nil {
			return s, errors.Join(err, s.release())
		}
	}
	return s, nil
}

func (s *Server) openStore() (err error) {
	if s.store, err = store.Open(s.cfg.DataDir); err != nil {
		if tv.CodeOf(err) == tv.Conflict {
			err = errors.Join(ErrRunning, err)
		}
		return err
	}
	if notice := s.store.Notice(); notice != "" {
		s.log("store").Warn(notice)
	}
	secret, err := account.LoadSecret(s.cfg.DataDir)
	if err != nil {
		return err
	}
	s.accounts, err = account.Open(s.store, secret)
	return err
}

func (s *Server) takeIn() (err error) {
	s.rtmp, err = rtmp.Listen(rtmp.Config{Addr: s.cfg.RTMP, Log: s.log("rtmp"), Auth: publishKeys{s.accounts},
		Publish: s.publish, Fetch: away{s}.Fetch})
	if err != nil {
		return err
	}
	s.rtsp = s.listenRTSP()
	s.cards = testcard.New(testcard.Config{Log: s.log("testcard"), Dial: s.dialOwn})
	return nil
}

// listenRTSP returns nil when nobody wants RTSP, or something else has its port:
// browsers and OBS do without.
func (s *Server) listenRTSP() *rtsp.Server {
	if s.cfg.RTSP == "" {
		return nil
	}
	r, err := rtsp.Listen(rtsp.Config{Addr: s.cfg.RTSP, Log: s.log("rtsp"), Auth: cameraKeys{s.accounts},
		Publish: s.publish, Fetch: away{s}.Fetch})
	if err != nil {
		s.log("rtsp").Warn("no RTSP", "err", err)
		return nil
	}
	return r
}

func (s *Server) putOn() (err error) {
	s.stat = stat.New(s.figures())
	s.hls = hls.New(hls.Config{Log: s.log("hls"), Keys: watchKeys{s.accounts}, Published: s.stat.PartPublished,
		Fetch: away{s}.Fetch, Still: away{s}.Still, GiveBack: s.giveBack})
	s.push = push.New(push.Config{Log: s.log("push"), Codecs: hls.Codecs, Fetch: away{s}.FetchVia, IsPeer: away{s}.IsPeer})
	s.coach = coach.New(coach.Config{Log: s.log("coach"), Link: s.link})
	outputs := []func(*live.Channel) live.Output{s.hls.Attach, s.push.Attach, s.rtmp.Attach, s.coach.Attach}
	if s.rtsp != nil {
		outputs = append(outputs, s.rtsp.Attach)
	}
	s.hub = live.NewHub(live.Config{Log: s.log("live"), Packager: cmaf.Packager{}, Outputs: outputs})
	s.history, err = s.openHistory()
	return err
}

func (s *Server) findOthers() (err error) {
	s.lan = lan.New(s.log("lan"), s.cfg.Adapters...)
	if s.peers, err = s.findPeers(); err != nil {
		return err
	}
	s.relays = s.newRelays()
	return nil
}

func (s *Server) letIn() (err error) {
	if s.web, err = listen("browsers", "--http", s.cfg.HTTP); err != nil {
		return err
	}
	s.returned = httpapi.NewReturned(s.web.Addr())
	if s.cfg.Debug != "" {
		if s.debug, err = listen("pprof", "--debug", s.cfg.Debug); err != nil {
			return err
		}
	}
	token, err := stat.LoadToken(s.cfg.DataDir)
	if err != nil {
		return err
	}
	s.control = rand.Text()
	s.api, err = httpapi.New(httpapi.Config{
		Log: s.log("http"), Version: s.cfg.Version, Names: s.cfg.Names, UI: s.cfg.UI,
		Accounts: s.accounts, Hub: s.hub, Coach: s.coach, History: s.history, Records: s.records, Doctor: s.doctor(),
		Guide: guide.New(s.hub, httpapi.Profiles{Accounts: s.accounts}, s.peers), Peers: s.peers,
		Media: s.hls, Push: s.push, TestCards: s.cards, TestClip: testcard.Clip(),
		Addresses: s.Addresses, Moved: s.lan.Changed,
		Stat: s.stat, Metrics: s.stat.Metrics(s.log("metrics")), MetricsToken: token, Faults: s.faults,
		ControlToken: s.control, Desktop: s.cfg.Desktop, DesktopToken: s.cfg.DesktopToken,
	})
	return err
}

func (s *Server) announce() error {
	return announce(s.cfg.DataDir, announcement{URL: s.Loopback(), Token: s.control})
}

// publish is the hub's, which is made after those who bring publishers.
func (s *Server) publish(p live.Publisher) (*live.Session, error) { return s.hub.Publish(p) }

// log returns the logger of a part.
func (s *Server) log(part string) *slog.Logger { return s.cfg.Log.With("part", part) }

// ClaimCode returns the one-time code that makes whoever has it the owner, ""
// once there is one.
func (s *Server) ClaimCode() string { return s.accounts.ClaimCode() }

// Recovered counts the panics of connection handlers since the start; each cost
// one connection and is a fault of ours.
func (s *Server) Recovered() uint64 {
	n := s.api.Recovered() + s.rtmp.Recovered() + s.hls.Recovered() + s.push.Recovered()
	n += s.lan.Recovered() + s.peers.Recovered() + s.relays.Recovered()
	if s.rtsp != nil {
		n += s.rtsp.Recovered()
	}
	return n
}

// Run serves until ctx ends or a part fails, and returns when every goroutine
// has gone home and the store is closed.
func (s *Server) Run(ctx context.Context) error {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	parts := []func(context.Context) error{
		func(ctx context.Context) error { return s.store.Run(ctx, s.log("store")) },
		s.hub.Run, s.history.Run, s.coach.Run, s.rtmp.Run, s.cards.Run,
		s.hls.Run, s.push.Run,
		s.lan.Run, s.peers.Run, s.relays.Run,
		s.api.Run, s.serveWeb,
	}
	if s.rtsp != nil {
		parts = append(parts, s.rtsp.Run)
	}
	if s.debug != nil {
		parts = append(parts, s.serveDebug)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range parts {
		g.Go(func() error { return run(ctx) })
	}
	s.log("server").Info("ready", "http", s.web.Addr().String(), "rtmp", s.rtmp.Addr().String(), "rtsp", s.rtspAddr(), "version", s.cfg.Version)
	return errors.Join(g.Wait(), s.release())
}

// release closes what New opened.
func (s *Server) release() error {
	retractOwn := s.web != nil
	for _, l := range []net.Listener{s.web, s.debug} {
		if l != nil {
			l.Close()
		}
	}
	if s.rtmp != nil {
		s.rtmp.Close()
	}
	if s.rtsp != nil {
		s.rtsp.Close()
	}
	if s.store == nil {
		return nil
	}
	if retractOwn {
		retract(s.cfg.DataDir)
	}
	if err := s.store.Close(); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}
