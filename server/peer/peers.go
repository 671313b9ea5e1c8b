package peer

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"echo.tv/server/crowd"
	"echo.tv/server/lan"
	"echo.tv/server/store"
	"echo.tv/server/tv"
)

// Network is what this machine's adapters are; a lan.Watcher.
type Network interface {
	Now() lan.Network
	Changed() <-chan struct{}
}

// Config is what Peers are made of; everything is needed.
type Config struct {
	Identity Identity
	Store    *store.Store
	Log      *slog.Logger
	Network  Network
	Discover bool // announce and look around; without, only typed addresses are followed
	Version  string

	Port     func() uint16          // where other hosts reach this one by HTTP; 0 when they cannot
	Name     func() string          // as the owner calls this host
	Channels func() []Channel       // on air here
	Changed  func() <-chan struct{} // closed at a change of Channels
}

// Peers are the other hosts of the network. All methods are safe for concurrent
// use.
type Peers struct {
	cfg    Config
	guard  guard
	client *http.Client
	trust  *trust
	board  board
	ear    allowance
	dials  chan struct{} // one for each request without its first line
	panics atomic.Uint64
	twin   sync.Once      // says that there is one
	wg     sync.WaitGroup // of links

	mu      sync.Mutex
	ctx     context.Context          // guarded by mu; of Run
	hosts   map[tv.HostID]*entry     // guarded by mu
	links   map[netip.AddrPort]*link // guarded by mu
	changed chan struct{}            // guarded by mu; closed and replaced at each change
}

// New returns the peers that are remembered in cfg.Store, all of them gone. The
// error is the store's.
func New(cfg Config) (*Peers, error) { return newPeers(cfg, newGuard()) }

func newPeers(cfg Config, g guard) (*Peers, error) {
	t, err := openTrust(cfg.Store, cfg.Identity.id, cfg.Name)
	if err != nil {
		return nil, err
	}
	p := &Peers{
		cfg: cfg, guard: g, trust: t,
		board: board{changed: make(chan struct{}), followers: crowd.New(maxFollowers, maxFollowersIP)},
		dials: make(chan struct{}, maxDials),
		hosts: map[tv.HostID]*entry{}, links: map[netip.AddrPort]*link{}, changed: make(chan struct{}),
	}
	p.client = newClient(p.dialWhileRunning)
	p.ear.known = p.IsPeer
	for address, h := range t.addresses() {
		at, _ := netip.ParseAddrPort(address) // a name has none yet
		p.hosts[h.ID] = &entry{host: Host{ID: h.ID, Name: h.Name, Words: wordsOf(h.ID), Addr: at, Presence: Gone, Since: time.Now(), Typed: true}}
	}
	return p, nil
}

// Run finds hosts and follows them until ctx ends, and returns nil when the last
// goroutine has gone home.
func (p *Peers) Run(ctx context.Context) error {
	p.mu.Lock()
	p.ctx = ctx
	p.mu.Unlock()
	var parts sync.WaitGroup
	parts.Go(func() { p.keepPosting(ctx) })
	parts.Go(func() { p.keepCalling(ctx) })
	parts.Go(func() { p.keepSweeping(ctx) })
	if p.cfg.Discover {
		parts.Go(func() { p.keepAnnouncing(ctx) })
		parts.Go(func() { p.keepBeaconing(ctx) })
	}
	parts.Wait()
	p.mu.Lock() // whoever was starting a link has started it
	p.mu.Unlock()
	p.wg.Wait()
	p.saveTrust()
	return nil
}

func (p *Peers) saveTrust() {
	if err := p.trust.save(); err != nil {
		p.cfg.Log.Warn("the names of other hosts were not kept", "err", err)
	}
}

// Self returns this host as others see it, without an address.
func (p *Peers) Self() Host {
	s := p.statement()
	return Host{ID: p.cfg.Identity.id, Words: p.cfg.Identity.words, Name: s.Name, Version: s.Version, Presence: Here, Channels: s.Channels}
}

// Dial connects to another host; addr is an IP and a port. It is refused with
// Forbidden where no other host can be.
func (p *Peers) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return p.guard.dial(ctx, network, addr)
}

// dialWhileRunning ends with Run as well: net/http lets a dial outlive the request
// that it was for.
func (p *Peers) dialWhileRunning(ctx context.Context, network, addr string) (net.Conn, error) {
	p.mu.Lock()
	run := p.ctx
	p.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if run != nil {
		defer context.AfterFunc(run, cancel)()
	}
	return p.guard.dial(ctx, network, addr)
}

// Client returns the client that asks other hosts, through Dial alone.
func (p *Peers) Client() *http.Client { return p.client }

// Recovered counts the panics over what others sent; each is a fault of ours.
func (p *Peers) Recovered() uint64 { return p.panics.Load() }

// survive does what handles the bytes of a stranger: a panic costs those bytes
// and not the program.
func (p *Peers) survive(what string, do func()) {
	defer func() {
		if v := recover(); v != nil {
			p.panics.Add(1)
			p.cfg.Log.Error(what+" of another host made us panic", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	do()
}

// link starts to pursue the host at at, when there is room. Called with mu held.
func (p *Peers) link(at netip.AddrPort) {
	same := 0
	for other := range p.links {
		if other.Addr() == at.Addr() {
			same++
		}
	}
	if same >= maxLinksIP || len(p.links) >= maxLinks && !p.unlinkOldest() {
		return
	}
	ctx, stop := context.WithCancel(p.ctx)
	l := &link{at: at, began: time.Now(), wake: make(chan struct{}, 1), stop: stop}
	p.links[at] = l
	p.wg.Go(func() { defer stop(); p.pursue(ctx, l) })
}

// unlinkOldest drops the link that leads nowhere for longest. Called with mu held.
func (p *Peers) unlinkOldest() bool {
	var oldest *link
	for _, l := range p.links {
		if l.host == "" && (oldest == nil || l.began.Before(oldest.began)) {
			oldest = l
		}
	}
	if oldest == nil {
		return false
	}
	oldest.stop()
	delete(p.links, oldest.at)
	return true
}

func (p *Peers) unlink(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links[l.at] == l {
		delete(p.links, l.at)
	}
}

// following notes how to interrupt what l follows; nil when it follows nothing.
func (p *Peers) following(l *link, retry context.CancelFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.retry = retry
}
