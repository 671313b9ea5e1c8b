package rtmp

import (
	"net/netip"
	"sync"
	"time"
)

// gate counts connections per address. Safe for concurrent use.
type gate struct {
	mu    sync.Mutex
	addrs map[netip.Addr]*visits // guarded by mu; an entry lives while it has connections or a fresh second
	all   int                    // guarded by mu
}

type visits struct {
	open   int
	second time.Time
	fresh  int
}

// enter reports whether one more connection from a may stay; leave must follow
// when it may.
func (g *gate) enter(a netip.Addr, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.addrs[a]
	if v == nil {
		g.sweep(now)
		v = &visits{}
		g.addrs[a] = v
	}
	if now.Sub(v.second) >= time.Second {
		v.second, v.fresh = now, 0
	}
	v.fresh++
	if g.all >= maxConns || v.open >= maxConnsPerIP || v.fresh > maxNewPerIP {
		return false
	}
	v.open++
	g.all++
	return true
}

func (g *gate) leave(a netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addrs[a].open--
	g.all--
}

// sweep forgets addresses that came and went, so that the table is bounded by
// what is open and what came this second.
func (g *gate) sweep(now time.Time) {
	for a, v := range g.addrs {
		if v.open == 0 && now.Sub(v.second) >= time.Second {
			delete(g.addrs, a)
		}
	}
}
