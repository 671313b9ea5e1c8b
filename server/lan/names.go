package lan

import (
	"bufio"
	"strings"
)

// prefixes of adapter names that container and VM software, and VPNs, choose.
// Where the system says what an adapter is, names are not asked.
var prefixes = []struct {
	kind  Kind
	names []string
}{
	{Virtual, []string{"docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "vethernet", "cni", "flannel", "podman", "cali",
		"lxc", "lxdbr", "kube", "nerdctl", "dummy", "ifb", "awdl", "llw", "anpi", "vmenet", "vnic", "bridge1", "isatap", "teredo"}},
	{VPN, []string{"tun", "tap", "wg", "ppp", "utun", "ipsec", "gif", "stf", "zt", "feth", "tailscale", "nordlynx", "proton",
		"zerotier", "openvpn", "wireguard", "hamachi"}},
}

// named guesses the kind of an adapter from its name. bridge100 and above are
// what macOS makes for virtual machines; bridge0 joins its own ports.
func named(name string) Kind {
	name = strings.ToLower(name)
	for _, p := range prefixes {
		for _, prefix := range p.names {
			if strings.HasPrefix(name, prefix) {
				return p.kind
			}
		}
	}
	return Unknown
}

// Adapter types of IANA ifType, which Windows uses.
const (
	typeEthernet = 6
	typePPP      = 23
	typeVirtual  = 53
	typeWiFi     = 71
	typeTunnel   = 131
)

// windowsKind sorts an adapter by its type and the name of its driver, which no
// user changes. Makers of VPNs and virtual machines call theirs Ethernet. A
// Hyper-V adapter with a gateway is the machine's own way out: the host's end
// of an external switch, or the only adapter of a guest.
func windowsKind(ifType uint32, driver string, gateway bool) Kind {
	driver = strings.ToLower(driver)
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(driver, w) {
				return true
			}
		}
		return false
	}
	switch {
	case says("tap-", "wintun", "wireguard", "tailscale", "zerotier", "openvpn", "vpn", "tunnel", "anyconnect", "fortinet", "hamachi"):
		return VPN
	case says("hyper-v", "vmware", "virtualbox", "docker", "npcap", "loopback") && !gateway:
		return Virtual
	}
	switch ifType {
	case typeEthernet:
		return Ethernet
	case typeWiFi: // its Wi-Fi Direct adapter too: a mobile hotspot
		return WiFi
	case typePPP, typeVirtual, typeTunnel:
		return VPN
	}
	return Unknown
}

// hardwarePorts reads `networksetup -listallhardwareports` of macOS, the only
// place that tells en0 of a MacBook (Wi-Fi) from en0 of a Mac mini (Ethernet).
func hardwarePorts(listing string) map[string]Kind {
	kinds := map[string]Kind{}
	port := ""
	for lines := bufio.NewScanner(strings.NewReader(listing)); lines.Scan(); {
		if p, ok := strings.CutPrefix(lines.Text(), "Hardware Port: "); ok {
			port = p
		}
		device, ok := strings.CutPrefix(lines.Text(), "Device: ")
		switch {
		case !ok:
		case port == "Wi-Fi" || port == "AirPort":
			kinds[device] = WiFi
		case strings.Contains(port, "Ethernet") || strings.Contains(port, "LAN") || strings.Contains(port, "Thunderbolt"):
			kinds[device] = Ethernet
		}
	}
	return kinds
}
