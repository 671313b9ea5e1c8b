package doctor

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

var somePackets = []packet{
	{"tcp", 5175, "eth0", netip.MustParsePrefix("192.168.1.0/24"), netip.MustParseAddr("192.168.1.20")},
	{"udp", 5353, "wlan0", netip.MustParsePrefix("10.0.0.0/8"), netip.MustParseAddr("224.0.0.251")},
}

// Whatever a tool of the system prints, reading it ends and does not panic.
func FuzzWhatFirewallsPrint(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) == 0 {
		f.Fatal("no recordings", err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	f.Add(`{"nftables":[{"chain":{"family":"inet","table":"t","name":"c","hook":"input","policy":"drop"}},{"rule":{"family":"inet","table":"t","chain":"c","expr":[{"jump":{"target":"c"}},{"jump":{"target":"c"}}]}}]}`)
	f.Add("-P INPUT DROP\n-A INPUT -j INPUT\n-A INPUT ! -s\n-A INPUT --comment \"\n-A INPUT ! !\n-A INPUT -g")
	f.Fuzz(func(t *testing.T, said string) {
		for _, p := range somePackets {
			nftOpening(said, p)
			iptablesOpening(said, p)
		}
		parseZone(said).shut([]opened{mdns})
		lsofHolder(said)
		root := fstest.MapFS{"proc/net/tcp": {Data: []byte(said)}, "proc/net/arp": {Data: []byte(said)}}
		procHolder(root, "1935")
		neighbour(root, somePackets[0].to)
	})
}
