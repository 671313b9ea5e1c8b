package peer

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"echo.tv/server/tv"
)

const (
	usualPort = 5175
	maxLeads  = 4 // addresses that one name may lead to
)

// parseTyped returns what a person typed as host:port. It takes 192.168.1.7,
// kim-pc:5175 and what is copied from a browser.
func parseTyped(s string) (string, error) {
	s = strings.TrimSpace(s)
	odd := tv.Errorf(tv.Invalid, "%.60q is not an address", s).Hint("type it as the other echo.tv shows it, such as 192.168.1.20:5175")
	if ip, err := netip.ParseAddr(s); err == nil {
		s = netip.AddrPortFrom(ip, usualPort).String()
	}
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" || u.User != nil || len(u.Hostname()) == 0 || len(u.Hostname()) > 253 {
		return "", odd
	}
	port := usualPort
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return "", odd
		}
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), strconv.Itoa(port)), nil
}

// leads returns the addresses that a typed one stands for today, IPv4 first.
func (p *Peers) leads(ctx context.Context, address string) ([]netip.AddrPort, error) {
	if at, err := netip.ParseAddrPort(address); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(at.Addr().Unmap(), at.Port())}, nil
	}
	name, text, _ := net.SplitHostPort(address)
	port, _ := strconv.ParseUint(text, 10, 16)
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	ips, err := p.guard.resolve(ctx, name)
	if err != nil {
		return nil, tv.Errorf(tv.Unavailable, "no machine called %.60q is known on this network", name).Hint("type its address in numbers")
	}
	var v4, v6 []netip.AddrPort
	for _, ip := range ips {
		at := netip.AddrPortFrom(ip.Unmap(), uint16(port))
		if at.Addr().Is4() {
			v4 = append(v4, at)
		} else {
			v6 = append(v6, at)
		}
	}
	all := append(v4, v6...)
	return all[:min(len(all), maxLeads)], nil
}

// Add follows the host at an address that a person typed, and remembers it. The
// error says why nobody was found there: Invalid, Forbidden, Unavailable,
// NotSetUp, Conflict for this host itself, TooMany, Storage.
func (p *Peers) Add(ctx context.Context, text string) (Host, error) {
	address, err := parseTyped(text)
	if err != nil {
		return Host{}, err
	}
	all, err := p.leads(ctx, address)
	if err != nil {
		return Host{}, err
	}
	err = errUnreached
	for _, at := range all {
		var found news
		if found, err = p.ask(ctx, at); err == nil {
			return p.added(ctx, address, at, found)
		}
	}
	return Host{}, err
}

var errEnough = errors.New("one line is enough")

// ask returns the first line of the host at at.
func (p *Peers) ask(ctx context.Context, at netip.AddrPort) (found news, err error) {
	err = p.follow(ctx, at, startPatience, func(n news) error { found = n; return errEnough })
	switch {
	case !errors.Is(err, errEnough):
		return found, err
	case found.id == p.cfg.Identity.id:
		return found, errSelf
	case found.say == nil:
		return found, errNotDirectory
	}
	return found, nil
}

func (p *Peers) added(ctx context.Context, address string, at netip.AddrPort, found news) (Host, error) {
	if err := p.trust.keep(address, typed{ID: found.id, Name: found.say.Name}); err != nil {
		return Host{}, err
	}
	p.trust.resolve(address, []netip.AddrPort{at})
	p.hint(hint{at: at})
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		changed := p.Changed()
		if h, ok := p.Host(found.id); ok && h.Presence == Here {
			return p.mark(found.id), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Host{}, errUnreached
		}
	}
}

// mark notes on a host that its address was typed.
func (p *Peers) mark(id tv.HostID) Host {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.hosts[id]
	if e == nil {
		return Host{}
	}
	if e.host.Typed = p.trust.isTyped(id); e.host.Typed {
		p.change()
	}
	return e.host
}

// Forget drops all that is remembered of a host: the address that was typed, and
// that its name is its own. If it is on this network it is found again, and
// trusted as at first sight. The error is NotFound when nothing is known of it,
// or Storage.
func (p *Peers) Forget(_ context.Context, id tv.HostID) error {
	any, err := p.trust.forget(id)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.hosts[id]; e != nil {
		if any = true; e.link != nil {
			e.link.stop()
		}
		delete(p.hosts, id)
		p.change()
	}
	if !any {
		return tv.Errorf(tv.NotFound, "no such host is known here").Hint("look at the list of hosts")
	}
	return nil
}

// keepCalling asks at the typed addresses whose hosts are not here, ever less
// often, and at once when the network changes.
func (p *Peers) keepCalling(ctx context.Context) {
	next, pause := map[string]time.Time{}, map[string]time.Duration{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for changed := p.cfg.Network.Changed(); ; {
		for address, h := range p.trust.addresses() {
			if known, ok := p.Host(h.ID); ok && known.Presence == Here {
				delete(next, address)
				delete(pause, address)
				continue
			}
			if time.Now().Before(next[address]) {
				continue
			}
			pause[address] = min(max(time.Second, 2*pause[address]), longestPause)
			next[address] = time.Now().Add(pause[address])
			if all, err := p.leads(ctx, address); err == nil {
				p.trust.resolve(address, all)
				for _, at := range all {
					p.hint(hint{at: at})
				}
			}
		}
		select {
		case <-tick.C:
		case <-changed:
			changed = p.cfg.Network.Changed()
			clear(next)
			clear(pause)
		case <-ctx.Done():
			return
		}
	}
}
