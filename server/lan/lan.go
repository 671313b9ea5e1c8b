// Package lan is what this machine's networks are like, now and after each
// change: adapters, their addresses, which of them other devices can use, and
// how fast they are. It knows no server and no peer.
//
// All of it is read from the system, but for one question of multicast DNS a
// minute: whether others find this machine by its name. One goroutine looks
// once a second (0.8 ms with four adapters, see BenchmarkLook); readers take an
// immutable snapshot and wait for nobody.
package lan

import "net/netip"

// Kind is what an adapter is, as far as the system says.
type Kind string

// The kinds of adapters. Virtual ones belong to containers and virtual
// machines; nobody on the network can use their addresses.
const (
	WiFi     Kind = "wifi"
	Ethernet Kind = "ethernet"
	VPN      Kind = "vpn"
	Virtual  Kind = "virtual"
	Unknown  Kind = "unknown"
)

// Address is one address of one adapter that is up.
type Address struct {
	IP      netip.Addr
	Prefix  netip.Prefix // its network
	Adapter string       // as the system calls it: eth0, wlan0, Wi-Fi
	Kind    Kind
	Default bool // the default route leaves here
	Mbit    int  // what the link negotiated, Mbit/s; 0 when the system does not say
}

// Network is one look at all adapters: the addresses under which others may
// reach this machine, best first, and after them those of VPNs. Immutable.
type Network struct {
	Addresses []Address
	Name      string // such as kims-pc.local, when multicast DNS says that it means this machine; or empty
}

// Best returns the address that people should type, and false when no adapter
// but perhaps a VPN's is connected.
func (n Network) Best() (Address, bool) {
	if len(n.Addresses) == 0 || n.Addresses[0].Kind == VPN {
		return Address{}, false
	}
	return n.Addresses[0], true
}
