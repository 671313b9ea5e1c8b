package peer

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"echo.tv/server/tv"
)

// guard is the only way from here to other hosts. Strangers choose where it
// leads, so it refuses all addresses that could be this machine itself or the
// house-keeping of a network; any other unicast address may be an echo.tv, since
// people may type what their VPN or campus gives them. What the network itself
// suggests is narrowed further, see hint.
type guard struct {
	own     func() ([]net.Addr, error)                                   // the addresses of this machine, all of them
	resolve func(ctx context.Context, name string) ([]netip.Addr, error) // a name that a person typed
	connect func(ctx context.Context, at netip.AddrPort) (net.Conn, error)
}

const dialPatience = 2 * time.Second

func newGuard() guard {
	d := &net.Dialer{Timeout: dialPatience}
	return guard{
		own: net.InterfaceAddrs,
		resolve: func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		},
		connect: func(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", at.String())
		},
	}
}

// metadata is where clouds answer whoever asks from inside with their secrets.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("169.254.170.2"), netip.MustParseAddr("168.63.129.16"),
	netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("fd00:ec2::254"),
}

// wrapped are the IPv6 networks that lead to an IPv4 address (RFC 6052, RFC
// 3056, RFC 4291 2.5.5.1): another spelling of what is refused here.
var wrapped = []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("::/96")}

// check returns a Forbidden error unless another host may be at at.
func (g guard) check(at netip.AddrPort) error {
	ip := at.Addr().Unmap()
	refuse := func(why string) error {
		return tv.Errorf(tv.Forbidden, "%s is %s, not another host", at, why).Hint("type the address that the other echo.tv shows")
	}
	switch {
	case !ip.IsValid() || ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return refuse("no address of a machine")
	case ip.IsLoopback():
		return refuse("this machine")
	case at.Port() < 1024 && at.Port() != 80:
		return refuse("a port of the system")
	}
	for _, m := range metadata {
		if ip == m {
			return refuse("a service of the network")
		}
	}
	for _, w := range wrapped {
		if w.Contains(ip) {
			return refuse("a wrapped address")
		}
	}
	own, err := g.own()
	if err != nil {
		return tv.Errorf(tv.Unavailable, "this machine does not say which addresses are its own")
	}
	for _, a := range own {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap().WithZone("") == ip {
			return refuse("this machine")
		}
	}
	return nil
}

// dial connects to addr, an IP and port. It resolves no names: what was checked
// is what is connected to.
func (g guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil || (network != "tcp" && network != "tcp4" && network != "tcp6") {
		return nil, tv.Errorf(tv.Forbidden, "%.60q on %.10q is not an address of a host", addr, network)
	}
	if err := g.check(at); err != nil {
		return nil, err
	}
	return g.connect(ctx, at)
}

// newClient asks through dial alone, once per connection, and follows no
// redirect. It has no cookies and unpacks nothing.
func newClient(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dial, DisableKeepAlives: true, DisableCompression: true,
			ResponseHeaderTimeout: startPatience, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
