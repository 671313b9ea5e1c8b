package peer

import (
	"net"
	"net/netip"

	"echo.tv/server/lan"
)

// adapter is a real one that others can be found on, with its IPv4 networks.
// IPv6 is left out: its link-local addresses, the only ones every network has,
// cannot be typed into a browser.
type adapter struct {
	net.Interface
	nets []netip.Prefix // with our own address in them
}

// adapters returns those of n, without tunnels: who is at the other end of a VPN
// did not ask to see this house.
func adapters(n lan.Network) (all []adapter) {
	at := map[string]int{}
	for _, a := range n.Addresses {
		if a.Kind == lan.VPN || a.Kind == lan.Virtual || !a.IP.Is4() {
			continue
		}
		i, known := at[a.Adapter]
		if !known {
			ifi, err := net.InterfaceByName(a.Adapter)
			if err != nil {
				continue // it left meanwhile; a change will tell
			}
			i, at[a.Adapter] = len(all), len(all)
			all = append(all, adapter{Interface: *ifi})
		}
		all[i].nets = append(all[i].nets, netip.PrefixFrom(a.IP, a.Prefix.Bits()))
	}
	return all
}

// broadcast returns the address that reaches all of p's network.
func broadcast(p netip.Prefix) netip.Addr {
	a := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}
