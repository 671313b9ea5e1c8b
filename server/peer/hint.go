package peer

import (
	"net/netip"
	"sync"
	"time"

	"echo.tv/server/tv"
)

// hint is that a host may be at an address. It proves nothing, so it can do no
// more than make us ask there.
type hint struct {
	at  netip.AddrPort
	id  tv.HostID // who it claims to be; "" when it does not
	bye bool      // it claims to leave
}

// strange reports whether a packet from ip may be taken for a hint: whoever is on
// this network has such an address. What it says of other addresses is never
// taken; anybody can claim to be at 127.0.0.1.
func strange(ip netip.Addr) bool { return !ip.IsPrivate() && !ip.IsLinkLocalUnicast() }

// hint makes us ask at h.at, unless we know better.
func (p *Peers) hint(h hint) {
	if p.guard.check(h.at) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.hosts[h.id]
	switch l := p.links[h.at]; {
	case p.ctx == nil || p.ctx.Err() != nil:
	case h.bye:
		if l != nil && l.host == h.id {
			l.doubt()
		}
	case known != nil && known.link.fresh(): // also when somebody else claims to be it
	case l != nil:
		l.nudge()
	default:
		p.link(h.at)
	}
}

// doubt makes the link ask anew. Who is still there is not seen to have been
// doubted. Anybody can say goodbye for another, so there is a limit to it.
func (l *link) doubt() {
	if l.retry != nil && time.Since(l.doubted) > checkApart {
		l.doubted = time.Now()
		l.retry()
	}
}

func (l *link) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// allowance is how many packets a second are looked at: ten of each machine, and
// fifty of all together that we follow no host on. So a flood costs next to
// nothing, and hides neither a friend nor, while it has one source, a newcomer.
type allowance struct {
	known func(netip.Addr) bool

	mu        sync.Mutex
	second    time.Time          // guarded by mu
	strangers int                // guarded by mu
	by        map[netip.Addr]int // guarded by mu; at most perStrangers and maxLinks
}

const (
	perMachine   = 10
	perStrangers = 50
)

func (a *allowance) take(from netip.Addr) bool {
	known := a.known(from)
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.second) >= time.Second {
		a.second, a.strangers, a.by = time.Now(), 0, map[netip.Addr]int{}
	}
	if a.by[from] >= perMachine || !known && a.strangers >= perStrangers {
		return false
	}
	if !known {
		a.strangers++
	}
	a.by[from]++
	return true
}
