// Package relay shows channels of other echo.tv hosts to the viewers of this
// one. It owns the connections to those hosts and what comes over them, up to
// the frames; from there a relayed channel, ann@<id>, is one more channel of the
// live core, with a peer as its publisher. Which hosts there are, and how they
// may be dialed, is peer's.
//
// # One connection
//
// However many watch here, a channel costs its host one viewer: one WebSocket
// that speaks the protocol of package push, and says every few seconds how many
// it stands for. It begins with the first viewer ([Relays.Fetch]) and ends ten
// seconds after the last one was counted. When it breaks while people watch, it
// is dialed again, at the host's address of that moment; within a minute of the
// last picture the same playlists and sockets go on (the LIVE rule). A host that
// says the channel is off, or whose directory lists it no more, ends it.
//
// # Strangers
//
// Only hosts that peer knows are dialed, by its guarded dialer, and only for
// their own channels, so a relay is at most one hop; requests that came through
// two hosts, or through this one before, are refused. What a host sends is read
// by package cmaf, which takes nothing but what echo.tv writes. A message has 8
// MiB and 64 frames at most, a stretch from key frame to key frame 64 MiB, a
// channel 100 Mbit/s by its own clock and ours; a message must be whole within
// twelve seconds. Whoever breaks a rule is hung up on, and retried like one that
// broke off.
//
// # Under load
//
// A frame is read, checked and handed on in one goroutine per channel, without
// a queue: added delay is one hop of the network and a copy, 0.7 ms in the
// median with 21 viewers on two busy cores (the test on three machines tells). A
// slow host, or a slow viewer, holds up nobody else.
package relay

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// Hosts knows the other hosts, and the only way to call them. Safe for
// concurrent use.
type Hosts interface {
	Host(tv.HostID) (peer.Host, bool)
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
}

// Config is what Relays are made of.
type Config struct {
	Log     *slog.Logger
	Self    tv.HostID
	Hosts   Hosts
	Publish func(live.Publisher) (*live.Session, error)
	Viewers func(tv.ChannelName) int // how many watch the channel here
}

const (
	maxRelays  = 32               // channels at one time; a home shows a handful
	maxHops    = 2                // hosts between a channel and its viewer
	patience   = 10 * time.Second // of a viewer for the first picture: OBS's default key interval is 8.3 s
	failedFor  = 2 * time.Second  // whoever asks again meanwhile gets the same answer
	maxHeaders = 16 << 10         // bytes of an answer's head
)

// Relays holds the channels of other hosts that are watched here. Safe for
// concurrent use.
type Relays struct {
	cfg       Config
	client    *http.Client
	life      context.Context // of every relay
	end       context.CancelFunc
	recovered atomic.Uint64
	stills    stills

	mu      sync.Mutex
	on      map[tv.ChannelName]*relay // guarded by mu
	running sync.WaitGroup            // Go only with mu held and life not over
}

// New returns Relays without any; Run must be called.
func New(cfg Config) *Relays {
	r := &Relays{cfg: cfg, on: map[tv.ChannelName]*relay{}}
	r.life, r.end = context.WithCancel(context.Background())
	r.client = &http.Client{
		// Nothing is followed, unpacked, kept or sent along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: cfg.Hosts.Dial, DisableKeepAlives: true, DisableCompression: true,
			MaxResponseHeaderBytes: maxHeaders},
	}
	return r
}

// Run waits for ctx, then ends every relay and returns when the last has gone
// home.
func (r *Relays) Run(ctx context.Context) error {
	<-ctx.Done()
	r.mu.Lock() // whoever is in enter has been counted, or sees the end
	r.end()
	r.mu.Unlock()
	r.running.Wait()
	return nil
}

// Recovered counts panics that cost one relay or picture each.
func (r *Relays) Recovered() uint64 { return r.recovered.Load() }

// Fetch puts the channel called name, ann@<id>, on air here unless it is, and
// returns when its first picture is there. via are the hosts that ask on behalf
// of their viewers. The relay stays for linger after Fetch, and while anybody
// watches. Errors: Invalid for what is no other host's channel, Conflict for a
// loop, NotFound when the host or the channel is not there, TooMany, Unavailable
// when the host cannot be reached or sends rubbish, or ctx's.
func (r *Relays) Fetch(ctx context.Context, name tv.ChannelName, via []tv.HostID) error {
	if err := r.allowed(name, via); err != nil {
		return err
	}
	f, err := r.enter(name)
	if err != nil {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-f.shown:
		return nil
	case <-f.failed:
		return f.err
	case <-timer.C:
		return errSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}

var (
	errName = tv.Errorf(tv.Invalid, "that is not a channel of another host").Hint("choose one in the guide")
	errLoop = tv.Errorf(tv.Conflict, "this channel would go round in a circle").Hint("open the page of the host that has it")
	errFar  = tv.Errorf(tv.Conflict, "this channel would pass more than two hosts").Hint("open the page of the host that has it")
	errMany = tv.Errorf(tv.TooMany, "this host shows as many channels of others as it can").Hint("open the page of the host that has it")
	errSlow = tv.Errorf(tv.Unavailable, "no picture came from the other host yet").Hint("try again in a few seconds")
)

func (r *Relays) allowed(name tv.ChannelName, via []tv.HostID) error {
	parsed, err := tv.ParseAnyChannel(string(name))
	_, host := name.Split()
	switch {
	case err != nil || parsed != name || host == "" || host == r.cfg.Self:
		return errName
	case slices.Contains(via, r.cfg.Self) || slices.Contains(via, host):
		return errLoop
	case len(via) >= maxHops:
		return errFar
	}
	return nil
}

// enter returns the relay of name, having noted that somebody wants it, and
// starts it where there is none.
func (r *Relays) enter(name tv.ChannelName) (*relay, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.on[name]
	switch {
	case r.life.Err() != nil:
		return nil, live.ErrStopped
	case f == nil && len(r.on) >= maxRelays:
		return nil, errMany
	case f == nil:
		f = newRelay(r, name)
		r.on[name] = f
		r.running.Go(f.run)
	}
	f.wanted = time.Now()
	return f, nil
}

// leave takes f away unless somebody wanted it within linger, and reports
// whether it did.
func (r *Relays) leave(f *relay) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(f.wanted) < linger {
		return false
	}
	delete(r.on, f.name)
	return true
}

// drop takes f away.
func (r *Relays) drop(f *relay) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on[f.name] == f {
		delete(r.on, f.name)
	}
}

// survive is deferred where strangers' bytes are read.
func (r *Relays) survive() {
	if v := recover(); v != nil {
		r.recovered.Add(1)
		r.cfg.Log.Error("what another host sent was not survived", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
}
