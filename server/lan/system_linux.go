package lan

import (
	"bufio"
	"bytes"
	"io/fs"
	"net"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// system is where Linux says what its adapters are; tests bring recorded ones.
type system struct {
	sys  fs.FS // /sys/class/net
	proc fs.FS // /proc/net
}

func facts(all []net.Interface) map[string]fact {
	return system{os.DirFS("/sys/class/net"), os.DirFS("/proc/net")}.facts(all)
}

func (s system) facts(all []net.Interface) map[string]fact {
	metrics := s.routes()
	out := make(map[string]fact, len(all))
	for _, i := range all {
		metric, routed := metrics[i.Name]
		out[i.Name] = fact{kind: s.kind(i.Name, routed), mbit: s.number(i.Name, "speed"), route: routed, metric: metric}
	}
	return out
}

// Adapter types of ARPHRD in linux/if_arp.h that are ends of tunnels.
var tunnels = []int{512 /* PPP */, 768 /* IPIP */, 769, 776 /* SIT */, 778 /* GRE */, 823, 65534 /* TUN */}

// kind returns what an adapter is. Software makes some adapters (those without
// a device): bonds, VLANs and bridges over a real port are as good as the port,
// and so is whatever carries the default route of a container.
func (s system) kind(name string, routed bool) Kind {
	made := s.devType(name)
	switch {
	case s.has(name, "wireless") || s.has(name, "phy80211") || made == "wlan":
		return WiFi
	case made == "wireguard" || s.has(name, "tun_flags") || slices.Contains(tunnels, s.number(name, "type")):
		return VPN
	case made == "bridge" && !routed && !s.joinsDevice(name):
		return Virtual
	case s.has(name, "device"), slices.Contains([]string{"bridge", "bond", "vlan", "macvlan", "ipvlan", "team"}, made):
		return Ethernet
	}
	if k := named(name); k != Unknown {
		return k
	}
	switch { // in a namespace that has no /sys of its own, names are all there is
	case strings.HasPrefix(name, "wl"):
		return WiFi
	case strings.HasPrefix(name, "e"):
		return Ethernet
	}
	return Unknown
}

func (s system) has(adapter, file string) bool {
	_, err := fs.Stat(s.sys, path.Join(adapter, file))
	return err == nil
}

// joinsDevice says whether a port of the bridge is a device.
func (s system) joinsDevice(bridge string) bool {
	ports, _ := fs.ReadDir(s.sys, path.Join(bridge, "brif"))
	return slices.ContainsFunc(ports, func(p fs.DirEntry) bool { return s.has(p.Name(), "device") })
}

// number reads one number, 0 when there is none: the speed of an adapter
// without a cable is -1 or an error.
func (s system) number(adapter, file string) int {
	text, _ := fs.ReadFile(s.sys, path.Join(adapter, file))
	n, _ := strconv.Atoi(string(bytes.TrimSpace(text)))
	return max(n, 0)
}

// devType returns DEVTYPE of an adapter's uevent, "" for plain Ethernet.
func (s system) devType(adapter string) string {
	text, _ := fs.ReadFile(s.sys, path.Join(adapter, "uevent"))
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if t, ok := strings.CutPrefix(lines.Text(), "DEVTYPE="); ok {
			return t
		}
	}
	return ""
}

// routes returns the adapters that carry a default route, with its metric.
// Columns as in net/ipv4/fib_trie.c and net/ipv6/route.c of Linux.
func (s system) routes() map[string]int {
	metrics := map[string]int{}
	take := func(adapter, metric string, base int) {
		m, err := strconv.ParseInt(metric, base, 64)
		if old, known := metrics[adapter]; err == nil && (!known || int(m) < old) {
			metrics[adapter] = int(m)
		}
	}
	for _, f := range s.columns("route", 8) {
		if f[1] == "00000000" && f[7] == "00000000" {
			take(f[0], f[6], 10)
		}
	}
	const nowhere = 0x0200 // RTF_REJECT: the route that refuses
	for _, f := range s.columns("ipv6_route", 10) {
		flags, err := strconv.ParseUint(f[8], 16, 32)
		if f[1] == "00" && err == nil && flags&nowhere == 0 && f[9] != "lo" {
			take(f[9], f[5], 16)
		}
	}
	return metrics
}

func (s system) columns(file string, atLeast int) (rows [][]string) {
	text, _ := fs.ReadFile(s.proc, file)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if f := strings.Fields(lines.Text()); len(f) >= atLeast {
			rows = append(rows, f)
		}
	}
	return rows
}
