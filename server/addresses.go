package server

import (
	"net"
	"net/netip"

	"echo.tv/server/httpapi"
	"echo.tv/server/lan"
)

// Addresses returns where this host is reached, as of the last second, the one
// to tell people first: addresses come and go with DHCP and cables.
func (s *Server) Addresses() httpapi.Addresses {
	now := s.lan.Now()
	return httpapi.Addresses{
		Watch:   places(now, s.web.Addr(), func(hostport string) string { return "http://" + hostport }, now.Name),
		Publish: places(now, s.rtmp.Addr(), func(hostport string) string { return "rtmp://" + hostport + "/live" }, ""),
	}
}

// places returns the addresses that stand for a listener's, and last this
// machine's own, so that there is always one.
func places(now lan.Network, at net.Addr, url func(hostport string) string, name string) (all []httpapi.Address) {
	host, port, _ := net.SplitHostPort(at.String())
	only, err := netip.ParseAddr(host)
	everywhere := err != nil || only.IsUnspecified()
	best, _ := now.Best()
	add := func(host string, a httpapi.Address) {
		a.URL = url(net.JoinHostPort(host, port))
		all = append(all, a)
	}
	for _, a := range now.Addresses {
		if everywhere || a.IP == only.Unmap() {
			add(a.IP.String(), httpapi.Address{Kind: httpapi.AddressKind(a.Kind), Adapter: a.Adapter, Best: a == best})
		}
	}
	switch {
	case everywhere && name != "":
		add(name, httpapi.Address{Kind: httpapi.ByName})
		fallthrough
	case everywhere:
		add("127.0.0.1", httpapi.Address{Kind: httpapi.Here})
	case only.IsLoopback():
		add(host, httpapi.Address{Kind: httpapi.Here})
	case len(all) == 0: // an adapter that was left out, or is down just now
		add(host, httpapi.Address{Kind: httpapi.AddressKind(lan.Unknown)})
	}
	return all
}

// rtspAddr returns where RTSP comes in, "off" when it does not.
func (s *Server) rtspAddr() string {
	if s.rtsp == nil {
		return "off"
	}
	return s.rtsp.Addr().String()
}

// Loopback returns the address of the interface for this machine itself, such
// as http://127.0.0.1:5175.
func (s *Server) Loopback() string {
	return "http://" + forMachine(s.web.Addr())
}

// forMachine returns where this machine itself reaches a listener, host:port.
func forMachine(at net.Addr) string {
	host, port, _ := net.SplitHostPort(at.String())
	if ip, err := netip.ParseAddr(host); err != nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
