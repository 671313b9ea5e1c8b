package server

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"echo.tv/server/lan"
)

func TestPeopleAreToldAddressesThatLeadHere(t *testing.T) {
	at := func(ip string, kind lan.Kind) lan.Address {
		return lan.Address{IP: netip.MustParseAddr(ip), Adapter: "eth0", Kind: kind}
	}
	house := lan.Network{Name: "kims-pc.local", Addresses: []lan.Address{at("192.168.1.20", lan.WiFi), at("fd00::2", lan.WiFi), at("10.8.0.2", lan.VPN)}}
	for _, c := range []struct {
		what     string
		now      lan.Network
		listener string
		want     []string
		best     string
	}{
		{"everywhere", house, ":5175", []string{"http://192.168.1.20:5175 wifi", "http://[fd00::2]:5175 wifi", "http://10.8.0.2:5175 vpn",
			"http://kims-pc.local:5175 name", "http://127.0.0.1:5175 here"}, "http://192.168.1.20:5175"},
		{"one address", house, "192.168.1.20:5175", []string{"http://192.168.1.20:5175 wifi"}, "http://192.168.1.20:5175"},
		{"this machine alone", house, "127.0.0.1:5175", []string{"http://127.0.0.1:5175 here"}, ""},
		{"an adapter that is gone", house, "192.168.7.7:5175", []string{"http://192.168.7.7:5175 unknown"}, ""},
		{"no network", lan.Network{}, ":5175", []string{"http://127.0.0.1:5175 here"}, ""},
		{"a VPN and nothing else", lan.Network{Addresses: []lan.Address{at("10.8.0.2", lan.VPN)}}, ":5175",
			[]string{"http://10.8.0.2:5175 vpn", "http://127.0.0.1:5175 here"}, ""},
	} {
		addr, err := net.ResolveTCPAddr("tcp", c.listener)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		best := ""
		for _, a := range places(c.now, addr, func(hostport string) string { return "http://" + hostport }, c.now.Name) {
			got = append(got, a.URL+" "+string(a.Kind))
			if a.Best {
				best += a.URL
			}
		}
		if !slices.Equal(got, c.want) || best != c.best {
			t.Errorf("%s: %q, best %q", c.what, got, best)
		}
	}
}
