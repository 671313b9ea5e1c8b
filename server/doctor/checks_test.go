package doctor

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"echo.tv/server/lan"
)

func address(prefix, adapter string, kind lan.Kind, isDefault bool) lan.Address {
	p := netip.MustParsePrefix(prefix)
	return lan.Address{IP: p.Addr(), Prefix: p, Adapter: adapter, Kind: kind, Default: isDefault}
}

func TestNetworksAndAdaptersInWords(t *testing.T) {
	wifi := address("192.168.1.20/24", "wlan0", lan.WiFi, true)
	cases := []struct {
		name      string
		addresses []lan.Address
		check     string // network or adapters
		state     State
		says      string
	}{
		{"none", nil, "network", Fail, "on no network"},
		{"only a VPN", []lan.Address{address("10.8.0.2/24", "tun0", lan.VPN, true)}, "network", Fail, "on no network"},
		{"Wi-Fi", []lan.Address{wifi}, "network", OK, "by Wi-Fi; a cable would"},
		{"cable", []lan.Address{address("10.0.0.5/8", "eth0", lan.Ethernet, true)}, "network", OK, "10.0.0.5 (Ethernet eth0)"},
		{"made up", []lan.Address{address("169.254.7.7/16", "eth0", lan.Ethernet, false)}, "network", Fail, "gave this computer no address"},
		{"mobile", []lan.Address{address("100.72.3.4/10", "wwan0", lan.Unknown, true)}, "network", Warn, "provider's network"},
		{"public", []lan.Address{address("203.0.113.7/24", "eth0", lan.Ethernet, true)}, "network", Warn, "public address"},

		{"one", []lan.Address{wifi}, "adapters", OK, "One network, 192.168.1.0/24 by Wi-Fi wlan0"},
		{"cable and Wi-Fi on one network", []lan.Address{address("192.168.1.9/24", "eth0", lan.Ethernet, true), wifi}, "adapters", OK, "One network"},
		{"two networks", []lan.Address{wifi, address("10.1.1.1/24", "eth1", lan.Ethernet, false)}, "adapters", OK, "the others use 10.1.1.1 (Ethernet eth1)"},
		{"VPN beside", []lan.Address{wifi, address("100.100.1.1/32", "tailscale0", lan.VPN, false)}, "adapters", OK, "not in the way; give others 192.168.1.20"},
		{"VPN for everything", []lan.Address{address("192.168.1.20/24", "wlan0", lan.WiFi, false), address("10.8.0.2/24", "tun0", lan.VPN, true)}, "adapters", Warn, "carries all traffic"},
	}
	for _, c := range cases {
		t.Run(c.check+" "+c.name, func(t *testing.T) {
			d := staged(t, "linux", recorded{}, nil)
			d.Network = func() lan.Network { return lan.Network{Addresses: c.addresses} }
			v := map[string]Check{"network": d.network, "adapters": d.adapters}[c.check](t.Context())
			if v.State != c.state || !strings.Contains(v.Says, c.says) {
				t.Errorf("%s: %s; want %s: …%s…", v.State, v.Says, c.state, c.says)
			}
			if v.State != OK && v.Do == "" {
				t.Error("it leaves one without a thing to do")
			}
		})
	}
}

func TestAPortIsOpenClosedOrForThisComputerOnly(t *testing.T) {
	answers := func(err error) func(context.Context, string, string) (net.Conn, error) {
		return func(_ context.Context, _, addr string) (net.Conn, error) {
			if addr != "192.168.1.20:1935" {
				t.Errorf("dialled %s", addr)
			}
			c, _ := net.Pipe()
			return c, err
		}
	}
	d := staged(t, "linux", recorded{}, nil)
	l := standard()[1]
	d.dial = answers(nil)
	if v := d.port(t.Context(), l); v.State != OK || v.Says != "Open at 192.168.1.20:1935." {
		t.Errorf("%+v", v)
	}
	d.dial = answers(errors.New("timeout"))
	if v := d.port(t.Context(), l); v.State != Fail || !strings.Contains(v.Says, "does not answer") {
		t.Errorf("%+v", v)
	}
	l.On = "127.0.0.1:1935"
	if v := d.port(t.Context(), l); v.State != Fail || v.Line != "echotv --rtmp :1935" {
		t.Errorf("%+v", v)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	l.On, l.Want = "", free.Addr().String()
	if v := d.port(t.Context(), l); v.State != Fail || !strings.Contains(v.Says, "Nothing listens") || v.Line != "echotv" {
		t.Errorf("%+v", v)
	}
}

// /proc as Linux has it, netstat and lsof after their documentation.
func TestWhoHasAPort(t *testing.T) {
	proc := fstest.MapFS{
		"proc/net/tcp": {Data: []byte("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
			"   0: 0100007F:C350 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 77 1\n" +
			"   1: 00000000:078F 0100007F:1234 01 00000000:00000000 00:00000000 00000000     0        0 4711 1\n" +
			"   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 88 1\n")},
		"proc/net/tcp6": {Data: []byte("  sl  local_address\n   0: 00000000000000000000000000000000:078F 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 4712 1 x\n")},
		"proc/41/comm":  {Data: []byte("nginx\n")},
		"proc/41/fd/3":  {Data: []byte("socket:[4711]"), Mode: fs.ModeSymlink},
		"proc/42/comm":  {Data: []byte("obs\x1b[31m-server\n")},
		"proc/42/fd/7":  {Data: []byte("socket:[4712]"), Mode: fs.ModeSymlink},
		"proc/self":     {Data: []byte("42"), Mode: fs.ModeSymlink},
	}
	netstat := "\r\nAktive Verbindungen\r\n\r\n  Proto  Lokale Adresse         Remoteadresse          Status           PID\r\n" +
		"  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN         996\r\n" +
		"  TCP    192.168.1.20:1935      192.168.1.33:50000     HERGESTELLT     1111\r\n" +
		"  TCP    [::]:1935              [::]:0                 ABHÖREN         4242\r\n"
	cases := []struct {
		name, os, port string
		commands       recorded
		want           string
	}{
		{"Linux", "linux", "1935", nil, "obs[31m-server (process 42)"},
		{"Linux, another user's", "linux", "80", nil, nobodyKnown},
		{"Linux, nobody", "linux", "81", nil, nobodyKnown},
		{"Windows", "windows", "1935", recorded{"netstat": netstat, "tasklist": "\"nginx.exe\",\"4242\",\"Services\",\"0\",\"9.876 K\"\r\n"}, "nginx.exe (process 4242)"},
		{"Windows, no name", "windows", "1935", recorded{"netstat": netstat}, "a program (process 4242)"},
		{"Windows, nobody", "windows", "9", recorded{"netstat": netstat}, nobodyKnown},
		{"macOS", "darwin", "1935", recorded{"lsof": "p501\ncnginx\nf6\n"}, "nginx (process 501)"},
		{"macOS, nobody of ours", "darwin", "1935", recorded{"lsof": "fails: exit status 1"}, nobodyKnown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := staged(t, c.os, c.commands, proc).holder(t.Context(), c.port); got != c.want {
				t.Errorf("%q; want %q", got, c.want)
			}
		})
	}
}

func TestMulticastInWords(t *testing.T) {
	wifi, cable := address("192.168.1.20/24", "wlan0", lan.WiFi, true), address("10.0.0.2/24", "eth0", lan.Ethernet, false)
	somebody := []netip.Addr{netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("192.168.1.4")}
	cases := []struct {
		name  string
		hears map[string]heard
		state State
		says  string
	}{
		{"all well", map[string]heard{"wlan0": {true, somebody}, "eth0": {true, nil}}, OK, "works on Wi-Fi wlan0 and Ethernet eth0: 2 other devices answered"},
		{"nobody there", map[string]heard{"wlan0": {true, nil}, "eth0": {true, nil}}, OK, "no other device answered"},
		{"one adapter", map[string]heard{"eth0": {true, nil}}, OK, "leaves by Ethernet eth0;"},
		{"none", nil, Warn, "does not work on Wi-Fi wlan0 and Ethernet eth0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := staged(t, "linux", recorded{}, nil)
			d.Network = func() lan.Network { return lan.Network{Addresses: []lan.Address{wifi, cable}} }
			d.hear = func(_ context.Context, a lan.Address) (heard, error) { return c.hears[a.Adapter], nil }
			if v := d.multicast(t.Context()); v.State != c.state || !strings.Contains(v.Says, c.says) {
				t.Errorf("%s: %s; want %s: …%s…", v.State, v.Says, c.state, c.says)
			}
		})
	}
}

func TestAHostThatWasFoundAndIsClosedIsNamed(t *testing.T) {
	d := staged(t, "linux", recorded{}, nil)
	kim, lee := Other{"Kim's laptop", netip.MustParseAddrPort("192.168.1.7:5175")}, Other{"Lee\n<b>", netip.MustParseAddrPort("192.168.1.8:5176")}
	d.Dial = func(_ context.Context, _, addr string) (net.Conn, error) {
		if addr == kim.Addr.String() {
			return nil, io.ErrUnexpectedEOF
		}
		c, _ := net.Pipe()
		return c, nil
	}
	for _, c := range []struct {
		all   []Other
		state State
		says  string
	}{
		{nil, OK, "No other echo.tv was found on this network."},
		{[]Other{lee}, OK, "Found 1 other host, and all of them answer."},
		{[]Other{lee, kim}, Warn, "Kim's laptop at 192.168.1.7 was found, but port 5175 is closed there."},
	} {
		d.Others = func() []Other { return c.all }
		if v := d.others(t.Context()); v.State != c.state || v.Says != c.says {
			t.Errorf("%+v; want %s: %s", v, c.state, c.says)
		}
	}
}

func TestTheReportStandsInOrderAndLeadsWithTheWorst(t *testing.T) {
	d := staged(t, "linux", recorded{"nft": "file: workstation.nft.json", "iptables": "file: empty.iptables.txt"}, nil)
	d.dial = func(context.Context, string, string) (net.Conn, error) { c, _ := net.Pipe(); return c, nil }
	d.hear = func(context.Context, lan.Address) (heard, error) {
		time.Sleep(20 * time.Millisecond)
		return heard{own: true}, nil
	}
	r := d.Examine(t.Context())
	var ids []string
	for _, v := range r.Verdicts {
		ids = append(ids, v.ID)
	}
	if got := strings.Join(ids, " "); got != "http rtmp network adapters firewall multicast" {
		t.Errorf("order: %s", got)
	}
	if r.State != Fail || !r.Bad() || r.Says != "Others cannot reach you yet. nftables keeps others out of 5175/tcp." {
		t.Errorf("%s: %s", r.State, r.Says)
	}
	if !strings.Contains(r.Text, "[fail] Firewall: nftables keeps others out of 5175/tcp.\n    Open it") {
		t.Error(r.Text)
	}
	healed := r.With(Verdict{ID: firewallID, Title: "Firewall", State: OK, Says: "Fine."})
	if healed.State != OK || healed.Bad() || healed.Says != "Others can reach you." || r.State != Fail {
		t.Errorf("%s: %s", healed.State, healed.Says)
	}
	for state, says := range map[State]string{Unknown: "Nothing found in the way", Warn: "Others may not reach you"} {
		if h := r.With(Verdict{ID: firewallID, State: state}); h.State != state || !strings.HasPrefix(h.Says, says) {
			t.Errorf("%s: %s", h.State, h.Says)
		}
	}
}

func TestTheWayBackToAPhone(t *testing.T) {
	files := fstest.MapFS{"proc/net/arp": {Data: []byte("IP address       HW type     Flags       HW address            Mask     Device\n" +
		"192.168.1.33     0x1         0x2         02:00:00:00:00:33     *        eth0\n" +
		"192.168.1.34     0x1         0x0         00:00:00:00:00:00     *        eth0\n")}}
	ping := recorded{"ping -c 1 192.168.1.35": "64 bytes from 192.168.1.35: icmp_seq=1 ttl=64 time=3.1 ms\n"}
	d := staged(t, "linux", ping, files)
	d.dial = func(_ context.Context, _, addr string) (net.Conn, error) {
		if addr == "192.168.1.36:9" {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}
		return nil, context.DeadlineExceeded
	}
	for phone, c := range map[string]struct{ state, says string }{
		"192.168.1.33": {"ok", "direct neighbour"},
		"192.168.1.34": {"waiting", "unknown"},
		"192.168.1.35": {"ok", "reaches the phone"},
		"192.168.1.36": {"ok", "reaches the phone"},
		"10.3.4.5":     {"waiting", "another network"},
	} {
		if s := d.back(t.Context(), netip.MustParseAddr(phone)); s.State != c.state || !strings.Contains(s.Says, c.says) {
			t.Errorf("%s: %+v; want %s, …%s…", phone, s, c.state, c.says)
		}
	}
}
