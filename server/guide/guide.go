// Package guide is what the public may know of channels: one list of those on
// air here, those on air on the other hosts of the network and those that exist,
// and one way to wait for a change of it. It owns no channel, no profile and no
// host; live, the account store and peer have them. Stream keys, publisher
// addresses and encoder names stop here.
//
// # Channels of other hosts
//
// A host's own word decides what is on there: a channel that its directory does
// not list is off the air, even while a relay of it still holds the last picture
// here, and a host that is gone keeps what it last said until it is forgotten.
// Between live and lost the relay decides, if one runs here: it sees the media
// itself, which come sooner than word of them, and what it has is what viewers
// here see. A relay never makes an entry of its own.
//
// # Under load
//
// Nothing runs in the background: List and Get read at the moment of the call
// (one snapshot of the hub and one of the hosts, one read transaction), and a
// Mark waits without a goroutine of its own. Callers with many readers share one
// List; see the events of httpapi. The list is bounded: Most of this host, and
// MostAway of the others, of which each host has its turn, so that one with a
// hundred channels hides nobody's only one.
package guide

import (
	"context"
	"slices"
	"sync"

	"echo.tv/server/live"
	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// Most is how many channels of this host a list has: what a person still scrolls
// through. MostAway is the same for all other hosts together; with both full, a
// list is 130 kB of JSON.
const (
	Most     = 100
	MostAway = 200
)

// Profile is what a channel's owner says about it.
type Profile struct {
	Name            tv.ChannelName
	Title, Category string
}

// Profiles is where channels are known while they are off the air. Both methods
// are called from many goroutines.
type Profiles interface {
	// Profile returns false when nobody has that name.
	Profile(tv.ChannelName) (Profile, bool, error)
	// Profiles returns up to most of them, by name.
	Profiles(most int) ([]Profile, error)
}

// Hosts is where the other hosts of the network are known. Both methods are
// called from many goroutines; what they return is never changed.
type Hosts interface {
	Hosts() []peer.Host
	// Changed is closed at the next change of anything that Hosts tells.
	Changed() <-chan struct{}
}

// Guide answers for all channels that this host knows. It is safe for
// concurrent use.
type Guide struct {
	hub   *live.Hub
	known Profiles
	hosts Hosts // nil without

	mu      sync.Mutex
	touched chan struct{} // guarded by mu; closed and replaced by Touch
}

// New returns the guide to hub's channels and those of other hosts; hosts is nil
// when there are none.
func New(hub *live.Hub, known Profiles, hosts Hosts) *Guide {
	return &Guide{hub: hub, known: known, hosts: hosts, touched: make(chan struct{})}
}

// List returns those on air first, wherever they are, then the others of this
// host. The error is the store's; then nothing is known.
func (g *Guide) List() ([]Entry, error) {
	known, err := g.known.Profiles(Most)
	if err != nil {
		return nil, err
	}
	have := make(map[tv.ChannelName]bool, len(known))
	for _, p := range known {
		have[p.Name] = true
	}
	on, relayed := apart(g.hub.On())
	for _, s := range on { // on air, but not among the first
		if have[s.Channel] {
			continue
		}
		p, found, err := g.known.Profile(s.Channel)
		if err != nil {
			return nil, err
		}
		if found {
			known = append(known, p)
		}
	}
	list := append(merge(on, known, Most), away(g.others(), relayed, MostAway)...)
	slices.SortFunc(list, before)
	return list, nil
}

// Get returns one channel, on air or not, and false when nobody has that name or
// its host, for ann@<id>, is not known.
func (g *Guide) Get(name tv.ChannelName) (Entry, bool, error) {
	if _, id := name.Split(); id != "" {
		e, found := g.getAway(name, id)
		return e, found, nil
	}
	p, found, err := g.known.Profile(name)
	if err != nil || !found {
		return Entry{}, false, err
	}
	return entry(g.hub.Status(name), p), true, nil
}

func (g *Guide) getAway(name tv.ChannelName, id tv.HostID) (Entry, bool) {
	h, found := g.Host(id)
	if !found {
		return Entry{}, false
	}
	for _, c := range h.Channels {
		if e := entryAway(h, c, g.hub.Status(c.Name.At(id))); e.Channel == name {
			return e, true
		}
	}
	own, _ := name.Split()
	return entryAway(h, peer.Channel{Name: own, State: string(live.Offline)}, live.Status{}), true
}

// Host returns another host, and false when it is not known (any more).
func (g *Guide) Host(id tv.HostID) (peer.Host, bool) {
	for _, h := range g.others() {
		if h.ID == id {
			return h, true
		}
	}
	return peer.Host{}, false
}

func (g *Guide) others() []peer.Host {
	if g.hosts == nil {
		return nil
	}
	return g.hosts.Hosts()
}

// Touch says that a profile changed or a name was taken.
func (g *Guide) Touch() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.touched)
	g.touched = make(chan struct{})
}

// Mark is a moment in the guide's history.
type Mark struct{ onAir, profiles, hosts <-chan struct{} }

// Mark returns now. Take it before List, so that no change is missed.
func (g *Guide) Mark() Mark {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := Mark{onAir: g.hub.Changed(), profiles: g.touched}
	if g.hosts != nil {
		m.hosts = g.hosts.Changed()
	}
	return m
}

// Wait returns nil once anything has changed since m, or ctx's error.
func (m Mark) Wait(ctx context.Context) error {
	select {
	case <-m.onAir:
	case <-m.profiles:
	case <-m.hosts: // nil, and never, without others
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
