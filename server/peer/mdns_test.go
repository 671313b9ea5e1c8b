package peer

import (
	"net"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"echo.tv/server/lan"
	"echo.tv/server/tv"
)

const kimID = tv.HostID("kkkkkkkkkkkkkkkk")

// packet is an mDNS response of the records given in zone-file form.
func packet(t testing.TB, response bool, records ...string) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.Response = response
	for _, text := range records {
		r, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, r)
	}
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAnAnnouncementHintsAtItsSourceOnly(t *testing.T) {
	from := netip.MustParseAddr("192.168.7.2")
	const ptr, srv = "_echotv._tcp.local. 120 IN PTR echotv-kkkkkkkkkkkkkkkk._echotv._tcp.local.", "echotv-kkkkkkkkkkkkkkkk._echotv._tcp.local. 120 IN SRV 0 0 5175 echo.local."
	const txt = `echotv-kkkkkkkkkkkkkkkk._echotv._tcp.local. 120 IN TXT "id=aaaaaaaaaaaaaaaa" "v=1"`
	at := netip.AddrPortFrom(from, 5175)
	for name, c := range map[string]struct {
		raw  []byte
		want []hint
	}{
		"an announcement":            {packet(t, true, ptr, srv, txt, "echo.local. 120 IN A 192.168.7.2"), []hint{{at: at, id: kimID}}},
		"A = loopback":               {packet(t, true, ptr, srv, "echo.local. 120 IN A 127.0.0.1"), []hint{{at: at, id: kimID}}},
		"AAAA = loopback":            {packet(t, true, ptr, srv, "echo.local. 120 IN AAAA ::1"), []hint{{at: at, id: kimID}}},
		"A = metadata":               {packet(t, true, ptr, srv, "echo.local. 120 IN A 169.254.169.254"), []hint{{at: at, id: kimID}}},
		"A = us":                     {packet(t, true, ptr, srv, "echo.local. 120 IN A 192.168.7.1"), []hint{{at: at, id: kimID}}},
		"a goodbye":                  {packet(t, true, "_echotv._tcp.local. 0 IN PTR echotv-kkkkkkkkkkkkkkkk._echotv._tcp.local.", srv), []hint{{at: at, id: kimID, bye: true}}},
		"a question":                 {packet(t, false, ptr, srv), nil},
		"another service":            {packet(t, true, "x._http._tcp.local. 120 IN SRV 0 0 5175 x.local."), nil},
		"a name that is no id":       {packet(t, true, "kim._echotv._tcp.local. 120 IN SRV 0 0 5175 x.local."), nil},
		"a port of the system":       {packet(t, true, "echotv-kkkkkkkkkkkkkkkk._echotv._tcp.local. 120 IN SRV 0 0 22 x.local."), nil},
		"another domain":             {packet(t, true, "echotv-kkkkkkkkkkkkkkkk._echotv._tcp.example. 120 IN SRV 0 0 5175 x.local."), nil},
		"noise":                      {[]byte("\x07_echotv noise"), nil},
		"nothing":                    {nil, nil},
		"capital letters (RFC 6762)": {packet(t, true, "ECHOTV-kkkkkkkkkkkkkkkk._EchoTV._TCP.local. 120 IN SRV 0 0 5175 x.local."), []hint{{at: at, id: kimID}}},
	} {
		got := announced(c.raw, from)
		if len(got) != len(c.want) || (len(got) == 1 && got[0] != c.want[0]) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	many := make([]string, 200)
	for i := range many {
		many[i] = srv
	}
	if n := len(announced(packet(t, true, many...), from)); n > maxLinksIP {
		t.Errorf("one packet gave %d hints", n)
	}
}

func TestOnlyThisNetworkHints(t *testing.T) {
	for ip, want := range map[string]bool{"192.168.7.2": false, "10.1.2.3": false, "172.16.0.1": false, "169.254.3.4": false,
		"8.8.8.8": true, "127.0.0.1": true, "203.0.113.5": true, "0.0.0.0": true, "224.0.0.251": true} {
		if got := strange(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: strange %v", ip, got)
		}
	}
}

func TestHintsLeadNowhereNearUs(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		for _, to := range []string{"127.0.0.1:5175", "[::1]:5175", "169.254.169.254:5175", "192.168.7.1:5175", "192.168.7.1:9000"} {
			ann.hint(hint{at: netip.MustParseAddrPort(to), id: kimID})
		}
		after(0)
		if links, _ := ann.linked(at(9).Addr()); h.dialed() != 0 || links != 0 {
			t.Errorf("%d dials, %d links", h.dialed(), links)
		}
	})
}

func TestAFloodIsNotLookedAtAndHidesNoGoodbye(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		friend := netip.MustParseAddr("192.168.7.2")
		a := allowance{known: func(ip netip.Addr) bool { return ip == friend }}
		taken := func(ip func(i int) netip.Addr, n int) (sum int) {
			for i := range n {
				if a.take(ip(i)) {
					sum++
				}
			}
			return sum
		}
		stranger := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
		if n := taken(stranger, 2000); n != perStrangers {
			t.Errorf("%d of 2000 packets of strangers were looked at", n)
		}
		if n := taken(func(int) netip.Addr { return friend }, 100); n != perMachine {
			t.Errorf("%d of a friend's 100", n)
		}
		if len(a.by) > perStrangers+1 {
			t.Errorf("%d machines are remembered", len(a.by))
		}
		after(1e9)
		mallory := func(int) netip.Addr { return stranger(7) }
		if n := taken(mallory, 2000); n != perMachine || !a.take(stranger(8)) {
			t.Errorf("%d packets of one machine were looked at, and those of the next were not", n)
		}
		after(1e9)
		if n := taken(stranger, 2000); n != perStrangers {
			t.Errorf("%d in the next second", n)
		}
	})
}

func TestBeacons(t *testing.T) {
	from := netip.MustParseAddr("192.168.7.2")
	for text, want := range map[string]uint16{
		"echo.tv 1 kkkkkkkkkkkkkkkk 5175\n":      5175,
		"echo.tv 1 kkkkkkkkkkkkkkkk 5175":        5175,
		"echo.tv 1 kkkkkkkkkkkkkkkk 80\n":        0,
		"echo.tv 1 kkkkkkkkkkkkkkkk 65536\n":     0,
		"echo.tv 1 kkkkkkkkkkkkkkkk -1\n":        0,
		"echo.tv 1 kkkkkkkkkkkkkkkk\n":           0,
		"echo.tv 1 127.0.0.1 5175\n":             0,
		"echo.tv 2 kkkkkkkkkkkkkkkk 5175\n":      0,
		"echo.tv 1 kkkkkkkkkkkkkkkk 5175 more\n": 0,
		"":                                       0,
	} {
		h, ok := parseBeacon([]byte(text), from)
		if ok != (want != 0) || ok && (h != hint{at: netip.AddrPortFrom(from, want), id: kimID}) {
			t.Errorf("%q: %+v %v", text, h, ok)
		}
	}
}

func TestRealAdaptersOnlyAndTheirBroadcasts(t *testing.T) {
	lo, err := net.InterfaceByIndex(1) // the only adapter that every machine has
	if err != nil {
		t.Skip(err)
	}
	row := func(ip, prefix string, k lan.Kind) lan.Address {
		return lan.Address{IP: netip.MustParseAddr(ip), Prefix: netip.MustParsePrefix(prefix), Adapter: lo.Name, Kind: k}
	}
	n := lan.Network{Addresses: []lan.Address{
		row("192.168.7.1", "192.168.7.0/24", lan.Ethernet), row("2001:db8::1", "2001:db8::/64", lan.Ethernet),
		row("10.8.0.1", "10.8.0.0/24", lan.VPN), row("172.17.0.1", "172.17.0.0/16", lan.Virtual), row("10.5.130.9", "10.5.128.0/20", lan.WiFi),
		{IP: netip.MustParseAddr("10.9.9.9"), Adapter: "it left", Kind: lan.Ethernet},
	}}
	all := adapters(n)
	if len(all) != 1 || len(all[0].nets) != 2 || all[0].Name != lo.Name {
		t.Fatalf("%+v", all)
	}
	for i, want := range []string{"192.168.7.255", "10.5.143.255"} {
		if got := broadcast(all[0].nets[i]); got.String() != want {
			t.Errorf("%v: %v", all[0].nets[i], got)
		}
	}
}
