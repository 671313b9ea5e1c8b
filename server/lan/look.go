package lan

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
)

// fact is what a system knows of one adapter beyond package net.
type fact struct {
	kind   Kind
	mbit   int
	route  bool // a default route leaves here
	metric int  // of that route; the lowest is taken first
}

// found is one address with what its rank follows from.
type found struct {
	Address
	metric int
}

// look reads all adapters. One that leaves meanwhile is left out.
func look(also []string) (Network, error) {
	all, err := net.Interfaces()
	if err != nil {
		return Network{}, err
	}
	facts := facts(all)
	var seen []found
	for _, i := range all {
		f := facts[i.Name]
		if f.kind == Virtual && slices.Contains(also, i.Name) {
			f.kind = Unknown
		}
		// Running is false while a cable is pulled, though the addresses stay.
		if f.kind == Virtual || i.Flags&(net.FlagUp|net.FlagRunning) != net.FlagUp|net.FlagRunning || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		seen = append(seen, f.of(i, addrs)...)
	}
	return ranked(seen), nil
}

// of returns the addresses of adapter i that others can use.
func (f fact) of(i net.Interface, addrs []net.Addr) (all []found) {
	if f.kind == "" {
		f.kind = Unknown
	}
	if f.kind == Unknown && i.Flags&net.FlagPointToPoint != 0 {
		f.kind = VPN // no LAN has two ends only
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := p.Addr().Unmap()
		// Two computers on one cable have link-local IPv4 and nothing else; that of
		// IPv6 needs a zone, which no browser takes in an address.
		if usable := ip.IsGlobalUnicast() || ip.Is4() && ip.IsLinkLocalUnicast(); !usable {
			continue
		}
		all = append(all, found{metric: f.metric, Address: Address{
			IP: ip, Prefix: p.Masked(), Adapter: i.Name, Kind: f.kind, Default: f.route, Mbit: f.mbit}})
	}
	return all
}

// ranked puts first what most devices of the house can reach and people can
// type. A private address beats the default route, since a machine that shares
// its internet line has the house on the other adapter.
func ranked(seen []found) Network {
	slices.SortStableFunc(seen, func(a, b found) int {
		return cmp.Or(
			second(a.Kind == VPN, b.Kind == VPN),
			second(a.IP.Is6(), b.IP.Is6()),
			second(a.IP.IsLinkLocalUnicast(), b.IP.IsLinkLocalUnicast()),
			-second(a.IP.IsPrivate(), b.IP.IsPrivate()),
			-second(a.Default, b.Default),
			cmp.Compare(a.metric, b.metric),
			cmp.Compare(a.Adapter, b.Adapter),
		)
	})
	var n Network
	for _, f := range seen {
		n.Addresses = append(n.Addresses, f.Address)
	}
	return n
}

// second puts whoever has a quality behind whoever has not.
func second(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
