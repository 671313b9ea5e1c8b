package rtmp

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// crowd says how many connections there may be.
type crowd struct {
	all     int // in the house
	players int // of these, at most
	perAddr int // from one address
	fresh   int // new ones per second from one address
}

// 200 viewers never come by RTMP, a LAN party's streamers do; OBS retries every
// 2 s at most.
var usualCrowd = crowd{all: 512, players: 256, perAddr: 64, fresh: 10}

// gate counts connections. Those that have not shown a key yet are strangers:
// when the house is full the one that came first goes, so that a flood cannot
// keep a publisher out, who needs 5 ms to show its key. Players show none, and
// stay; they fill half the house at most. Safe for concurrent use.
type gate struct {
	crowd crowd

	mu        sync.Mutex
	addrs     map[netip.Addr]*visits // guarded by mu; an entry lives while it has connections or is fresh
	swept     time.Time              // guarded by mu
	all       int                    // guarded by mu
	players   int                    // guarded by mu
	strangers list.List              // of *visitor, the longest here first; guarded by mu
}

type visits struct {
	open   int
	second time.Time
	fresh  int  // came in this second
	told   bool // of a refusal in this second
}

// visitor is a connection that the gate let in.
type visitor struct {
	gate  *gate
	from  netip.Addr
	drop  func()        // closes the connection; must not block
	place *list.Element // among the strangers, nil for none; guarded by gate.mu
	plays bool          // guarded by gate.mu
}

func newGate(c crowd) *gate { return &gate{crowd: c, addrs: make(map[netip.Addr]*visits)} }

// enter returns a visitor for one more connection, whose leave must follow; nil
// when it may not stay. tell is set for the first refusal of an address in a
// second: a flood shall not fill the log.
func (g *gate) enter(from netip.Addr, now time.Time, drop func()) (v *visitor, tell bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.visits(from, now)
	a.fresh++
	if a.open >= g.crowd.perAddr || a.fresh > g.crowd.fresh || !g.room() {
		tell, a.told = !a.told, true
		return nil, tell
	}
	a.open++
	g.all++
	v = &visitor{gate: g, from: from, drop: drop}
	v.place = g.strangers.PushBack(v)
	return v, false
}

// room reports whether there is a place, after sending a stranger away if need
// be. Its place counts until it has left, so at most one too many is inside per
// stranger that is just leaving.
func (g *gate) room() bool {
	if g.all < g.crowd.all {
		return true
	}
	first := g.strangers.Front()
	if first == nil {
		return false
	}
	v := g.strangers.Remove(first).(*visitor)
	v.place = nil
	v.drop()
	return true
}

// known notes that the visitor showed a key: it is no stranger any more.
func (v *visitor) known() {
	v.gate.mu.Lock()
	defer v.gate.mu.Unlock()
	v.forget()
}

// watches notes that the visitor plays, and so is no stranger any more; false
// when there are too many already.
func (v *visitor) watches() bool {
	v.gate.mu.Lock()
	defer v.gate.mu.Unlock()
	if v.gate.players >= v.gate.crowd.players {
		return false
	}
	v.gate.players++
	v.plays = true
	v.forget()
	return true
}

func (v *visitor) leave() {
	v.gate.mu.Lock()
	defer v.gate.mu.Unlock()
	v.forget()
	if v.plays {
		v.gate.players--
	}
	v.gate.addrs[v.from].open--
	v.gate.all--
}

func (v *visitor) forget() {
	if v.place != nil {
		v.gate.strangers.Remove(v.place)
		v.place = nil
	}
}

// visits returns the count for an address, with its second begun anew when it
// has passed.
func (g *gate) visits(from netip.Addr, now time.Time) *visits {
	v := g.addrs[from]
	if v == nil {
		g.sweep(now)
		v = &visits{}
		g.addrs[from] = v
	}
	if now.Sub(v.second) >= time.Second {
		v.second, v.fresh, v.told = now, 0, false
	}
	return v
}

// sweep forgets, once a second, addresses that came and went, so that the table
// is bounded by what is open and what came in the last two.
func (g *gate) sweep(now time.Time) {
	if now.Sub(g.swept) < time.Second {
		return
	}
	g.swept = now
	for a, v := range g.addrs {
		if v.open == 0 && now.Sub(v.second) >= time.Second {
			delete(g.addrs, a)
		}
	}
}
