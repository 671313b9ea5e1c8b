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
	"net/http"
	"net/http/pprof"
	"net/netip"
	"runtime/debug"
	"time"

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
}

// New opens the store and binds every listener, so that a busy port or a folder
// in use comes back as an error and not later. The caller must Run the server,
// which also releases everything.
func New(cfg Config) (_ *Server, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, records: logs.NewRing()}
	s.cfg.Log = slog.New(s.records.Tee(cfg.Log.Handler())) // for the owner to read
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	// What this host knows for ever: accounts, keys, settings.
	if s.store, err = store.Open(cfg.DataDir); err != nil {
		if tv.CodeOf(err) == tv.Conflict {
			err = errors.Join(ErrRunning, err)
		}
		return s, err
	}
	if notice := s.store.Notice(); notice != "" {
		s.log("store").Warn(notice)
	}
	secret, err := account.LoadSecret(cfg.DataDir)
	if err != nil {
		return s, err
	}
	if s.accounts, err = account.Open(s.store, secret); err != nil {
		return s, err
	}
	// What goes through, for whoever reads figures.
	s.stat = stat.New(s.figures())
	token, err := stat.LoadToken(cfg.DataDir)
	if err != nil {
		return s, err
	}
	// OBS comes in; what is on air, and the viewers' way to it.
	s.rtmp, err = rtmp.Listen(rtmp.Config{Addr: cfg.RTMP, Log: s.log("rtmp"), Publish: s.publish, Auth: publishKeys{s.accounts}, Fetch: away{s}.Fetch})
	if err != nil {
		return s, err
	}
	s.hls = hls.New(hls.Config{Log: s.log("hls"), Keys: watchKeys{s.accounts}, Published: s.stat.PartPublished,
		Fetch: away{s}.Fetch, Still: away{s}.Still, GiveBack: s.giveBack})
	s.push = push.New(push.Config{Log: s.log("push"), Codecs: hls.Codecs, Fetch: away{s}.FetchVia, IsPeer: away{s}.IsPeer})
	s.coach = coach.New(coach.Config{Log: s.log("coach"), Link: s.link})
	outputs := []func(*live.Channel) live.Output{s.hls.Attach, s.push.Attach, s.rtmp.Attach, s.coach.Attach}
	if s.rtsp = s.listenRTSP(); s.rtsp != nil {
		outputs = append(outputs, s.rtsp.Attach)
	}
	s.hub = live.NewHub(live.Config{Log: s.log("live"), Packager: cmaf.Packager{}, Outputs: outputs})
	if s.history, err = s.openHistory(); err != nil {
		return s, err
	}
	// Everybody else comes in.
	if s.web, err = listen("browsers", "--http", cfg.HTTP); err != nil {
		return s, err
	}
	s.returned = httpapi.NewReturned(s.web.Addr())
	// What this network is like, who else is on it, and what they show.
	s.lan = lan.New(s.log("lan"))
	if s.peers, err = s.findPeers(); err != nil {
		return s, err
	}
	s.relays = s.newRelays()
	// What a newcomer sends before there is an OBS.
	s.cards = testcard.New(testcard.Config{Log: s.log("testcard"), Dial: s.dialOwn})
	control := rand.Text()
	s.api, err = httpapi.New(httpapi.Config{
		Log: s.log("http"), Accounts: s.accounts, Hub: s.hub, Coach: s.coach, History: s.history, Records: s.records, Peers: s.peers, Doctor: s.doctor(), TestCards: s.cards, TestClip: testcard.Clip(),
		Guide: guide.New(s.hub, httpapi.Profiles{Accounts: s.accounts}, s.peers),
		UI:    cfg.UI, Media: s.hls, Push: s.push, Addresses: s.Addresses, Moved: s.lan.Changed, Version: cfg.Version, Names: cfg.Names,
		Stat: s.stat, Metrics: s.stat.Metrics(s.log("metrics")), MetricsToken: token, Faults: s.faults,
		ControlToken: control, Desktop: cfg.Desktop, DesktopToken: cfg.DesktopToken,
	})
	if err != nil {
		return s, err
	}
	if cfg.Debug != "" {
		if s.debug, err = listen("pprof", "--debug", cfg.Debug); err != nil {
			return s, err
		}
	}
	// The commands of this machine find us.
	return s, announce(cfg.DataDir, announcement{URL: s.Loopback(), Token: control})
}

// listenRTSP returns nil when nobody wants RTSP, or something else has its port:
// browsers and OBS do without.
func (s *Server) listenRTSP() *rtsp.Server {
	if s.cfg.RTSP == "" {
		return nil
	}
	r, err := rtsp.Listen(rtsp.Config{
		Addr: s.cfg.RTSP, Log: s.log("rtsp"), Auth: cameraKeys{s.accounts},
		Publish: s.publish, Fetch: away{s}.Fetch,
	})
	if err != nil {
		s.log("rtsp").Warn("no RTSP", "err", err)
		return nil
	}
	return r
}

// publish is the hub's, which is made after those who bring publishers.
func (s *Server) publish(p live.Publisher) (*live.Session, error) { return s.hub.Publish(p) }

// giveBack is the front door's, which is made after those who bring something
// through it.
func (s *Server) giveBack(c net.Conn, unread []byte) { s.returned.Take(c, unread) }

// log returns the logger of a part.
func (s *Server) log(part string) *slog.Logger { return s.cfg.Log.With("part", part) }

func listen(who, flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, tv.Errorf(tv.Conflict, "cannot listen for %s on %s: %w", who, addr, err).
			Hint("another program, perhaps another echo.tv, has this port: close it or choose one with " + flag)
	}
	return l, nil
}

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
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.store.Run(ctx, s.log("store")) })
	g.Go(func() error { return s.hub.Run(ctx) })
	g.Go(func() error { return s.coach.Run(ctx) })
	g.Go(func() error { return s.history.Run(ctx) })
	g.Go(func() error { return s.api.Run(ctx) })
	g.Go(func() error { return s.rtmp.Run(ctx) })
	g.Go(func() error { return s.cards.Run(ctx) })
	g.Go(func() error { return s.hls.Run(ctx) })
	g.Go(func() error { return s.push.Run(ctx) })
	g.Go(func() error { return s.lan.Run(ctx) })
	g.Go(func() error { return s.peers.Run(ctx) })
	g.Go(func() error { return s.relays.Run(ctx) })
	if s.rtsp != nil {
		g.Go(func() error { return s.rtsp.Run(ctx) })
	}
	g.Go(func() error { return serve(ctx, s.webServer(), httpapi.Listener(s.web), s.returned) })
	if s.debug != nil {
		g.Go(func() error {
			return serve(ctx, &http.Server{Handler: profiles(), ReadHeaderTimeout: 5 * time.Second}, httpapi.Listener(s.debug))
		})
	}
	s.log("server").Info("ready", "http", s.web.Addr().String(), "rtmp", s.rtmp.Addr().String(), "rtsp", s.rtspAddr(), "version", s.cfg.Version)
	return errors.Join(g.Wait(), s.release())
}

func (s *Server) webServer() *http.Server { return httpapi.NewServer(s.api, s.log("http")) }

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

// publishKeys answers rtmp from the accounts.
type publishKeys struct{ *account.Accounts }

func (k publishKeys) Publisher(ctx context.Context, remote netip.Addr, key tv.StreamKey) (rtmp.Grant, error) {
	g, err := k.Accounts.Publisher(ctx, remote, key)
	return rtmp.Grant{Channel: g.Channel, KeyID: g.KeyID, KeyLabel: g.Label}, err
}

// cameraKeys answers rtsp from the accounts.
type cameraKeys struct{ *account.Accounts }

func (k cameraKeys) Publisher(ctx context.Context, remote netip.Addr, key tv.StreamKey) (rtsp.Grant, error) {
	g, err := k.Accounts.Publisher(ctx, remote, key)
	return rtsp.Grant{Channel: g.Channel, KeyID: g.KeyID, KeyLabel: g.Label}, err
}

// watchKeys answers hls from the accounts.
type watchKeys struct{ *account.Accounts }

func (k watchKeys) Channel(ctx context.Context, remote netip.Addr, key tv.StreamKey) (tv.ChannelName, error) {
	g, err := k.Accounts.Publisher(ctx, remote, key)
	return g.Channel, err
}
