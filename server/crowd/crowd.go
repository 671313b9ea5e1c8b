// Package crowd counts who is in: in all and per address. Every door that
// strangers may keep open has one, so that one of them cannot take all places,
// and so that whoever closes it can wait for the last to leave.
package crowd

import (
	"errors"
	"net/netip"
	"sync"
)

// Why somebody cannot come in.
var (
	ErrClosed  = errors.New("nobody is let in any more")
	ErrFull    = errors.New("all places are taken")
	ErrAddress = errors.New("this address has taken all of its places")
)

// Crowd has places for all together and for each address. Safe for concurrent
// use.
type Crowd struct {
	all, each int
	local     bool // loopback has places without number of its own

	inside sync.WaitGroup // Add only with mu held and the crowd not closed
	mu     sync.Mutex
	closed bool               // guarded by mu
	in     int                // guarded by mu
	by     map[netip.Addr]int // guarded by mu; no zero entries
}

// New returns a crowd with so many places.
func New(all, each int) *Crowd { return &Crowd{all: all, each: each, by: map[netip.Addr]int{}} }

// NewLocal is New, but programs on this machine (tools, proxies) share the
// places of all only.
func NewLocal(all, each int) *Crowd {
	c := New(all, each)
	c.local = true
	return c
}

// Enter takes a place, which Leave gives back, or returns why there is none.
func (c *Crowd) Enter(from netip.Addr) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrClosed
	case c.by[from] >= c.each && !(c.local && from.IsLoopback()):
		return ErrAddress
	case c.in >= c.all:
		return ErrFull
	}
	c.in++
	c.by[from]++
	c.inside.Add(1)
	return nil
}

// Leave gives back a place that Enter took.
func (c *Crowd) Leave(from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in--
	if c.by[from]--; c.by[from] == 0 {
		delete(c.by, from)
	}
	c.inside.Done()
}

// Len returns how many are in.
func (c *Crowd) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.in
}

// Close lets nobody in any more, calls leave, by which those inside learn of it,
// and waits until they are gone.
func (c *Crowd) Close(leave func()) {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	leave()
	c.inside.Wait()
}
