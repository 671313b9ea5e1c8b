package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"echo.tv/server/lan"
)

// real returns the addresses that other devices on the network can use, best
// first: no VPN's, no virtual machine's.
func real(n lan.Network) (out []lan.Address) {
	for _, a := range n.Addresses {
		if a.Kind != lan.VPN && a.Kind != lan.Virtual && a.IP.Is4() {
			out = append(out, a)
		}
	}
	return out
}

func best(n lan.Network) (lan.Address, bool) {
	all := real(n)
	if len(all) == 0 {
		return lan.Address{}, false
	}
	return all[0], true
}

// network says whether there is one, and whether it is one that friends can be on.
func (d *Doctor) network(context.Context) Verdict {
	v := Verdict{ID: "network", Title: "Network"}
	a, ok := best(d.Network())
	switch {
	case !ok:
		v.State, v.Says = Fail, "This computer is on no network."
		v.Do = "Plug in a cable or join the Wi-Fi that the others are on."
	case a.IP.IsLinkLocalUnicast():
		v.State, v.Says = Fail, fmt.Sprintf("The network gave this computer no address; %s is one it made up.", a.IP)
		v.Do = "Restart the router, or join the network again."
	case carrierGrade.Contains(a.IP):
		v.State, v.Says = Warn, fmt.Sprintf("%s (%s) is an address of a provider's network, where devices are kept apart.", a.IP, adapterName(a))
		v.Do = "Join the home router's network instead of a mobile or guest one."
	case !a.IP.IsPrivate():
		v.State, v.Says = Warn, fmt.Sprintf("%s (%s) is a public address: this computer may be open to the whole internet.", a.IP, adapterName(a))
		v.Do = "Put a router between this computer and the internet."
	case a.Kind == lan.WiFi:
		v.State, v.Says = OK, fmt.Sprintf("Others reach this computer at %s, by Wi-Fi; a cable would carry more viewers.", a.IP)
	default:
		v.State, v.Says = OK, fmt.Sprintf("Others reach this computer at %s (%s).", a.IP, adapterName(a))
	}
	return v
}

// carrierGrade is the shared address space of RFC 6598.
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

func adapterName(a lan.Address) string {
	switch a.Kind {
	case lan.WiFi:
		return "Wi-Fi " + a.Adapter
	case lan.Ethernet:
		return "Ethernet " + a.Adapter
	case lan.VPN:
		return "VPN " + a.Adapter
	}
	return a.Adapter
}

// adapters says what may send friends to a wrong address: a VPN, or a second
// network.
func (d *Doctor) adapters(context.Context) Verdict {
	v := Verdict{ID: "adapters", Title: "Adapters and VPN", State: OK}
	n := d.Network()
	a, ok := best(n)
	if !ok {
		v.State, v.Says = Unknown, "There is no adapter to look at."
		return v
	}
	vpn := slices.IndexFunc(n.Addresses, func(a lan.Address) bool { return a.Kind == lan.VPN })
	others := networksBeside(a, real(n))
	switch {
	case vpn >= 0 && n.Addresses[vpn].Default:
		v.State, v.Says = Warn, fmt.Sprintf("A VPN (%s) carries all traffic of this computer, and many VPNs cut it off from its own network.", n.Addresses[vpn].Adapter)
		v.Do = `Switch the VPN off while you stream, or allow "local network access" in it.`
	case len(others) > 0:
		v.Says = fmt.Sprintf("This computer is on several networks; only those on the same one as you reach %s, the others use %s.", a.IP, strings.Join(others, " or "))
	case vpn >= 0:
		v.Says = fmt.Sprintf("A VPN (%s) is on and not in the way; give others %s.", n.Addresses[vpn].Adapter, a.IP)
	default:
		v.Says = fmt.Sprintf("One network, %s by %s, and no VPN.", a.Prefix.Masked(), adapterName(a))
	}
	return v
}

// networksBeside lists the addresses on networks other than a's.
func networksBeside(a lan.Address, all []lan.Address) (out []string) {
	for _, b := range all {
		if b.Prefix.Masked() != a.Prefix.Masked() {
			out = append(out, fmt.Sprintf("%s (%s)", b.IP, adapterName(b)))
		}
	}
	return out
}
