//go:build !linux && !windows

package lan

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"time"
)

// ports keeps the answer of networksetup, which takes 50 ms and more, for as
// long as the adapters are the same.
var ports struct {
	sync.Mutex
	of    int // how many adapters there were
	kinds map[string]Kind
}

func facts(all []net.Interface) map[string]fact {
	ports.Lock()
	defer ports.Unlock()
	if ports.of != len(all) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		listing, _ := exec.CommandContext(ctx, "/usr/sbin/networksetup", "-listallhardwareports").Output()
		cancel()
		ports.of, ports.kinds = len(all), hardwarePorts(string(listing))
	}
	from := sources()
	out := make(map[string]fact, len(all))
	for _, i := range all {
		f := fact{kind: named(i.Name), route: carries(i, from)}
		if k, known := ports.kinds[i.Name]; known && f.kind == Unknown {
			f.kind = k
		}
		out[i.Name] = f
	}
	return out
}

// sources returns the addresses that packets to far networks would carry.
// Connecting a UDP socket asks the routing table and sends nothing.
func sources() (from []netip.Addr) {
	for _, far := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} { // RFC 5737, RFC 3849: nobody's
		c, err := net.Dial("udp", far)
		if err != nil {
			continue // no default route
		}
		from = append(from, c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap())
		c.Close()
	}
	return from
}

func carries(i net.Interface, from []netip.Addr) bool {
	addrs, _ := i.Addrs()
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		for _, f := range from {
			if err == nil && p.Addr().Unmap() == f {
				return true
			}
		}
	}
	return false
}
