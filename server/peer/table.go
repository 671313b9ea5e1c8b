package peer

import (
	"cmp"
	"context"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"echo.tv/server/tv"
)

const (
	maxHosts  = 256
	forgetIn  = 30 * time.Second // since a host is gone
	sweepTime = time.Second
)

// entry is a host and, while it is here, the link by which it is.
type entry struct {
	host Host
	link *link // nil while it is gone
}

// heard takes what the host at the other end of l said. The error ends the link.
func (p *Peers) heard(l *link, n news) error {
	switch {
	case n.id == p.cfg.Identity.id:
		return errSelf
	case n.bye:
		return errBye
	}
	words := p.wordsOf(n.id)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.hosts[n.id]
	if e == nil && n.say == nil {
		return nil // it begins with its first statement
	}
	if e == nil {
		if len(p.hosts) >= maxHosts && !p.makeRoom() {
			return errFull
		}
		e = &entry{host: Host{ID: n.id, Words: words}}
		p.hosts[n.id] = e
	}
	if e.link != l {
		if e.link.fresh() {
			return errElsewhere
		}
		p.meet(e, l)
	}
	l.heard = time.Now()
	p.update(e, n.say)
	return nil
}

// wordsOf computes the words of a host that is new, outside the lock.
func (p *Peers) wordsOf(id tv.HostID) string {
	p.mu.Lock()
	e := p.hosts[id]
	p.mu.Unlock()
	if e != nil {
		return e.host.Words
	}
	return wordsOf(id)
}

// meet makes l the link of e. Called with mu held.
func (p *Peers) meet(e *entry, l *link) {
	if e.link != nil {
		e.link.stop() // an address that the host no longer has
	}
	if before := p.hosts[l.host]; before != nil && before != e && before.link == l {
		p.away(before) // another host has this address now
	}
	e.link, l.host = l, e.host.ID
}

// update notes what e says of itself; say is nil when all is as before. Called
// with mu held.
func (p *Peers) update(e *entry, say *statement) {
	next := e.host
	next.Addr = e.link.at
	if say != nil {
		next.Name, next.Version, next.Channels = say.Name, say.Version, say.Channels
	}
	if next.Presence != Here {
		next.Presence, next.Since = Here, time.Now()
		p.cfg.Log.Info("host found", "host", next.ID, "name", next.Name, "address", next.Addr)
	}
	next.Typed = p.trust.isTyped(next.ID)
	next.Warning, next.Instead = p.trust.judge(next.ID, next.Name, next.Addr)
	if !reflect.DeepEqual(next, e.host) {
		e.host = next
		p.change()
	}
}

// lost takes note that l has nobody at its other end any more.
func (p *Peers) lost(l *link, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.hosts[l.host]; e != nil && e.link == l {
		p.cfg.Log.Info("host gone", "host", e.host.ID, "name", e.host.Name, "address", l.at, "reason", why)
		p.away(e)
	}
}

// away dims e. Called with mu held.
func (p *Peers) away(e *entry) {
	e.link = nil
	e.host.Presence, e.host.Since = Gone, time.Now()
	p.change()
}

// makeRoom forgets the host that is gone for longest. Called with mu held.
func (p *Peers) makeRoom() bool {
	var oldest *entry
	for _, e := range p.hosts {
		if e.link == nil && !e.host.Typed && (oldest == nil || e.host.Since.Before(oldest.host.Since)) {
			oldest = e
		}
	}
	if oldest == nil {
		return false
	}
	delete(p.hosts, oldest.host.ID)
	return true
}

// sweep forgets whoever is gone for long enough. Of a host whose address somebody
// typed only its channels are forgotten.
func (p *Peers) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, e := range p.hosts {
		if e.link != nil || time.Since(e.host.Since) < forgetIn {
			continue
		}
		switch {
		case !e.host.Typed:
			delete(p.hosts, id)
			p.change()
		case len(e.host.Channels) > 0:
			e.host.Channels = nil
			p.change()
		}
	}
}

func (p *Peers) keepSweeping(ctx context.Context) {
	tick := time.NewTicker(sweepTime)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		p.sweep()
		if n%10 == 0 {
			p.saveTrust()
		}
	}
}

// change wakes those who wait. Called with mu held.
func (p *Peers) change() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Changed returns a channel that is closed at the next change of anything that
// Hosts tells. Take it before reading, so that no change is missed.
func (p *Peers) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

// Hosts returns all other hosts that are here, were here in the last 30 s, or
// whose address somebody typed, by name.
func (p *Peers) Hosts() []Host {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Host, 0, len(p.hosts))
	for _, e := range p.hosts {
		all = append(all, e.host)
	}
	slices.SortFunc(all, func(a, b Host) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return all
}

// Unanswered returns the addresses at which hosts announce themselves and none
// has answered yet, in order.
func (p *Peers) Unanswered() []netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []netip.AddrPort
	for at, l := range p.links {
		if l.host == "" {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, netip.AddrPort.Compare)
	return all
}

// Host returns one of Hosts, and false when it is not among them.
func (p *Peers) Host(id tv.HostID) (Host, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.hosts[id]; e != nil {
		return e.host, true
	}
	return Host{}, false
}

// IsPeer reports whether a host that is here has the address.
func (p *Peers) IsPeer(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.hosts {
		if e.link != nil && e.link.at.Addr() == ip {
			return true
		}
	}
	return false
}
