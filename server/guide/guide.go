// Package guide is what the public may know of channels: one list of those on
// air and those that exist, and one way to wait for a change of it. It owns no
// channel and no profile; live has the former, the account store the latter.
// Stream keys, publisher addresses and encoder names stop here.
//
// Nothing runs in the background: List and Get read at the moment of the call
// (one snapshot of the hub, one read transaction), and a Mark waits without a
// goroutine of its own. Callers with many readers share one List; see the
// events of httpapi.
package guide

import (
	"context"
	"sync"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// Most is the length of the longest list: what a person still scrolls through.
const Most = 100

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

// Guide answers for all channels of this host. It is safe for concurrent use.
type Guide struct {
	hub   *live.Hub
	known Profiles

	mu      sync.Mutex
	touched chan struct{} // guarded by mu; closed and replaced by Touch
}

// New returns the guide to hub's channels.
func New(hub *live.Hub, known Profiles) *Guide {
	return &Guide{hub: hub, known: known, touched: make(chan struct{})}
}

// List returns those on air first, then the others, at most Most. The error is
// the store's; then nothing is known.
func (g *Guide) List() ([]Entry, error) {
	known, err := g.known.Profiles(Most)
	if err != nil {
		return nil, err
	}
	have := make(map[tv.ChannelName]bool, len(known))
	for _, p := range known {
		have[p.Name] = true
	}
	on := g.hub.On()
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
	return merge(on, known, Most), nil
}

// Get returns one channel, on air or not, and false when nobody has that name.
func (g *Guide) Get(name tv.ChannelName) (Entry, bool, error) {
	p, found, err := g.known.Profile(name)
	if err != nil || !found {
		return Entry{}, false, err
	}
	return entry(g.hub.Status(name), p), true, nil
}

// Touch says that a profile changed or a name was taken.
func (g *Guide) Touch() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.touched)
	g.touched = make(chan struct{})
}

// Mark is a moment in the guide's history.
type Mark struct{ onAir, profiles <-chan struct{} }

// Mark returns now. Take it before List, so that no change is missed.
func (g *Guide) Mark() Mark {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Mark{onAir: g.hub.Changed(), profiles: g.touched}
}

// Wait returns nil once anything has changed since m, or ctx's error.
func (m Mark) Wait(ctx context.Context) error {
	select {
	case <-m.onAir:
	case <-m.profiles:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
