package peer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"echo.tv/server/tv"
)

// own are the addresses of a machine with Docker and IPv6.
func own() ([]net.Addr, error) {
	var all []net.Addr
	for _, p := range []string{"127.0.0.1/8", "192.168.7.1/24", "172.17.0.1/16", "fe80::1/64", "2001:db8::1/64"} {
		ip, n, _ := net.ParseCIDR(p)
		all = append(all, &net.IPNet{IP: ip, Mask: n.Mask})
	}
	return all, nil
}

// A directory once could lead its reader to the machine's own services, and to
// what clouds tell whoever asks from inside (CVE-2023-3188, CVE-2023-46480).
func TestTheGuardLetsNothingThroughButOtherHosts(t *testing.T) {
	connected := 0
	g := guard{own: own, connect: func(context.Context, netip.AddrPort) (net.Conn, error) {
		connected++
		return nil, errors.New("connected")
	}}
	for addr, pass := range map[string]bool{
		"192.168.7.2:5175":        true,
		"10.0.0.1:5175":           true,
		"169.254.7.7:5175":        true, // two computers on one cable
		"100.64.0.9:5175":         true, // a VPN
		"203.0.113.9:5175":        true, // a campus
		"192.168.7.2:80":          true, // behind a reverse proxy
		"[2001:db8::2]:5175":      true,
		"[::ffff:10.0.0.1]:5175":  true,
		"127.0.0.1:5175":          false,
		"127.9.9.9:5175":          false,
		"[::1]:5175":              false,
		"[::ffff:127.0.0.1]:5175": false,
		"0.0.0.0:5175":            false,
		"[::]:5175":               false,
		"224.0.0.251:5353":        false,
		"[ff02::fb]:5353":         false,
		"255.255.255.255:5175":    false,
		"169.254.169.254:80":      false,
		"[fd00:ec2::254]:80":      false,
		"100.100.100.200:80":      false,
		"168.63.129.16:80":        false,
		"[64:ff9b::7f00:1]:5175":  false, // 127.0.0.1 through NAT64
		"[2002:7f00:1::]:5175":    false, // and 6to4
		"[::127.0.0.1]:5175":      false, // and the oldest way of all
		"192.168.7.1:5175":        false,
		"172.17.0.1:5175":         false,
		"[2001:db8::1]:5175":      false,
		"[fe80::1]:5175":          false,
		"[fe80::2%eth0]:5175":     false,
		"192.168.7.2:22":          false,
		"192.168.7.2:0":           false,
		"localhost:5175":          false,
		"kim-pc:5175":             false, // names are resolved before, once
		"192.168.7.2":             false,
		"":                        false,
	} {
		before := connected
		_, err := g.dial(t.Context(), "tcp", addr)
		if let := connected > before; let != pass {
			t.Errorf("%q: let through: %v, want %v (%v)", addr, let, pass, err)
		}
		if !pass && tv.CodeOf(err) != tv.Forbidden {
			t.Errorf("%q: %v", addr, err)
		}
	}
	if _, err := g.dial(t.Context(), "unix", "192.168.7.2:5175"); tv.CodeOf(err) != tv.Forbidden {
		t.Errorf("a socket file: %v", err)
	}
}

func TestAMachineThatDoesNotKnowItselfAsksNobody(t *testing.T) {
	g := guard{own: func() ([]net.Addr, error) { return nil, errors.New("no") }}
	if _, err := g.dial(t.Context(), "tcp", "192.168.7.2:5175"); tv.CodeOf(err) != tv.Unavailable {
		t.Error(err)
	}
}

// The real guard of the real program, on the real machine.
func TestTheProductionGuardRefusesThisMachine(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	defer s.Close()
	g := newGuard()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, a := range all {
		p := netip.MustParsePrefix(a.String())
		if _, err := newClient(g.dial).Get("http://" + net.JoinHostPort(p.Addr().String(), port)); err == nil || !strings.Contains(err.Error(), "this machine") {
			t.Errorf("%v: %v", p, err)
		}
	}
}

func TestTheClientFollowsNoRedirectAndNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	s := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:9/", http.StatusFound))
	defer s.Close()
	c := newClient(new(net.Dialer).DialContext)
	res, err := c.Get(s.URL)
	if err != nil || res.StatusCode != http.StatusFound {
		t.Errorf("%v %v", res, err)
	}
	if c.Jar != nil {
		t.Error("it keeps cookies")
	}
}
