package lan

import (
	"net"
	"net/netip"
	"slices"
	"testing"
)

func TestTheAddressPeopleCanUseComesFirst(t *testing.T) {
	at := func(prefix string, f fact, adapter string) []found {
		ip, n, err := net.ParseCIDR(prefix)
		if err != nil {
			t.Fatal(err)
		}
		return f.of(net.Interface{Name: adapter}, []net.Addr{&net.IPNet{IP: ip, Mask: n.Mask}})
	}
	wifi, wire := fact{kind: WiFi, route: true, metric: 600}, fact{kind: Ethernet, route: true, metric: 100}
	for name, c := range map[string]struct {
		seen []found
		want []string
	}{
		"the cable, as its route is taken first": {slices.Concat(at("192.168.1.30/24", wifi, "wlan0"), at("192.168.1.20/24", wire, "eth0")),
			[]string{"192.168.1.20", "192.168.1.30"}},
		"not the VPN that takes all traffic": {slices.Concat(at("10.8.0.2/24", fact{kind: VPN, route: true}, "tun0"), at("192.168.1.20/24", fact{kind: WiFi}, "wlan0")),
			[]string{"192.168.1.20", "10.8.0.2"}},
		"the house, not the line to the internet": {slices.Concat(at("203.0.113.9/24", wire, "eth0"), at("192.168.1.1/24", fact{kind: Ethernet}, "eth1")),
			[]string{"192.168.1.1", "203.0.113.9"}},
		"the network with a router": {slices.Concat(at("10.0.0.1/8", fact{kind: Ethernet}, "eth0"), at("192.168.1.20/24", wire, "eth1")),
			[]string{"192.168.1.20", "10.0.0.1"}},
		"what can be typed": {slices.Concat(at("fd00::2/64", wire, "eth0"), at("2001:db8::2/64", wire, "eth0"), at("192.168.1.20/24", wire, "eth0")),
			[]string{"192.168.1.20", "fd00::2", "2001:db8::2"}},
		"two computers on one cable": {slices.Concat(at("169.254.7.7/16", fact{kind: Ethernet}, "eth0"), at("fe80::1/64", fact{kind: Ethernet}, "eth0")),
			[]string{"169.254.7.7"}},
		"a lease beats none": {slices.Concat(at("169.254.7.7/16", fact{kind: Ethernet}, "eth1"), at("192.168.1.20/24", wifi, "wlan0")),
			[]string{"192.168.1.20", "169.254.7.7"}},
		"nobody's addresses": {slices.Concat(at("0.0.0.0/0", wire, "eth0"), at("224.0.0.1/4", wire, "eth0"), at("127.0.0.2/8", wire, "eth0")), nil},
	} {
		var got []string
		for _, a := range ranked(c.seen).Addresses {
			got = append(got, a.IP.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAVPNIsNeverTheBestAddress(t *testing.T) {
	n := Network{Addresses: []Address{{IP: netip.MustParseAddr("100.64.0.7"), Adapter: "tailscale0", Kind: VPN}}}
	if best, ok := n.Best(); ok {
		t.Errorf("the best address is %v", best)
	}
	f := fact{}.of(net.Interface{Name: "utun3", Flags: net.FlagPointToPoint}, []net.Addr{&net.IPNet{IP: net.IPv4(100, 64, 0, 7), Mask: net.CIDRMask(32, 32)}})
	if len(f) != 1 || f[0].Kind != VPN {
		t.Errorf("a line with two ends is %+v", f)
	}
}
