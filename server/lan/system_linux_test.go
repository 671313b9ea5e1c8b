package lan

import (
	"maps"
	"net"
	"testing"
	"testing/fstest"
)

// A laptop as its /sys/class/net and /proc/net were, with all that people
// install: recorded names, types and uevents, addresses changed.
var laptop = system{
	sys: fstest.MapFS{
		"lo/type":                  {Data: []byte("772\n")},
		"enp0s31f6/device/vendor":  {Data: []byte("0x8086\n")},
		"enp0s31f6/type":           {Data: []byte("1\n")},
		"enp0s31f6/speed":          {Data: []byte("1000\n")},
		"enp0s31f6/uevent":         {Data: []byte("INTERFACE=enp0s31f6\nIFINDEX=2\n")},
		"wlp2s0/device/vendor":     {Data: []byte("0x8086\n")},
		"wlp2s0/phy80211/name":     {Data: []byte("phy0\n")},
		"wlp2s0/uevent":            {Data: []byte("DEVTYPE=wlan\nINTERFACE=wlp2s0\nIFINDEX=3\n")},
		"docker0/bridge/stp_state": {Data: []byte("0\n")},
		"docker0/uevent":           {Data: []byte("DEVTYPE=bridge\nINTERFACE=docker0\n")},
		"docker0/brif/veth1/state": {Data: []byte("3\n")},
		"veth1/uevent":             {Data: []byte("INTERFACE=veth1\n")},
		"br0/uevent":               {Data: []byte("DEVTYPE=bridge\nINTERFACE=br0\n")},
		"br0/brif/enp3s0/state":    {Data: []byte("3\n")},
		"enp3s0/device/vendor":     {Data: []byte("0x10ec\n")},
		"enp3s0/speed":             {Data: []byte("-1\n")},
		"wg0/uevent":               {Data: []byte("DEVTYPE=wireguard\nINTERFACE=wg0\n")},
		"wg0/type":                 {Data: []byte("65534\n")},
		"tun0/tun_flags":           {Data: []byte("0x1001\n")},
		"tailscale0/type":          {Data: []byte("65534\n")},
		"ppp0/type":                {Data: []byte("512\n")},
		"bond0/uevent":             {Data: []byte("DEVTYPE=bond\nINTERFACE=bond0\n")},
		"vboxnet0/type":            {Data: []byte("1\n")},
		"eth0/type":                {Data: []byte("1\n")}, // one end of a pair, inside a container
	},
	proc: fstest.MapFS{
		"route": {Data: []byte(`Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
enp0s31f6	00000000	0101A8C0	0003	0	0	100	00000000	0	0	0
wlp2s0	00000000	0101A8C0	0003	0	0	600	00000000	0	0	0
tun0	00000000	0100080A	0003	0	0	0	00000080	0	0	0
enp0s31f6	0001A8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
`)},
		"ipv6_route": {Data: []byte(`00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000258 00000003 00000000 00000003   wlp2s0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000003 00000000 00000003     br0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`)},
	},
}

func TestAdaptersOfLinux(t *testing.T) {
	want := map[string]Kind{
		"enp0s31f6": Ethernet, "wlp2s0": WiFi, "docker0": Virtual, "veth1": Virtual, "br0": Ethernet, "wg0": VPN, "tun0": VPN,
		"tailscale0": VPN, "ppp0": VPN, "bond0": Ethernet, "vboxnet0": Virtual, "eth0": Ethernet, "wlx00": WiFi, "enp9s0": Ethernet, "lo": Unknown,
	}
	for name, kind := range want {
		if got := laptop.kind(name, false); got != kind {
			t.Errorf("%s is %s, not %s", name, got, kind)
		}
	}
	if got := laptop.kind("docker0", true); got != Ethernet {
		t.Errorf("a bridge that carries the default route is %s", got)
	}
}

func TestDefaultRoutesOfLinux(t *testing.T) {
	want := map[string]int{"enp0s31f6": 100, "wlp2s0": 600, "br0": 1024}
	if got := laptop.routes(); !maps.Equal(got, want) {
		t.Errorf("the default routes are %v", got)
	}
	f := laptop.facts([]net.Interface{{Name: "enp0s31f6"}, {Name: "enp3s0"}})
	if got := f["enp0s31f6"]; got != (fact{kind: Ethernet, mbit: 1000, route: true, metric: 100}) {
		t.Errorf("the cable is %+v", got)
	}
	if got := f["enp3s0"]; got != (fact{kind: Ethernet}) {
		t.Errorf("the port without a cable is %+v", got)
	}
}

func FuzzRoutes(f *testing.F) {
	for _, file := range []string{"route", "ipv6_route"} {
		text, err := laptop.proc.(fstest.MapFS).ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := system{sys: fstest.MapFS{}, proc: fstest.MapFS{"route": {Data: text}, "ipv6_route": {Data: text}}}
		for adapter := range s.routes() {
			if adapter == "" {
				t.Error("a route has no adapter")
			}
		}
	})
}
