package lan

import (
	"maps"
	"testing"
)

// Types and drivers as Get-NetAdapter of Windows 10 and 11 lists them.
func TestAdaptersOfWindows(t *testing.T) {
	for _, c := range []struct {
		ifType  uint32
		driver  string
		gateway bool
		want    Kind
	}{
		{6, "Intel(R) Ethernet Connection (17) I219-V", true, Ethernet},
		{6, "Realtek PCIe GbE Family Controller", false, Ethernet},
		{6, "Realtek USB GbE Family Controller #2", false, Ethernet},
		{71, "Intel(R) Wi-Fi 6 AX201 160MHz", true, WiFi},
		{71, "Microsoft Wi-Fi Direct Virtual Adapter #2", false, WiFi},
		{6, "Hyper-V Virtual Ethernet Adapter", false, Virtual},
		{6, "Hyper-V Virtual Ethernet Adapter #2", true, Ethernet},
		{6, "Microsoft Hyper-V Network Adapter", true, Ethernet},
		{6, "VMware Virtual Ethernet Adapter for VMnet8", false, Virtual},
		{6, "VirtualBox Host-Only Ethernet Adapter", false, Virtual},
		{6, "Npcap Loopback Adapter", false, Virtual},
		{6, "TAP-Windows Adapter V9", true, VPN},
		{53, "Wintun Userspace Tunnel", false, VPN},
		{53, "WireGuard Tunnel", true, VPN},
		{53, "Tailscale Tunnel", false, VPN},
		{6, "ZeroTier Virtual Port", false, VPN},
		{6, "Cisco AnyConnect Virtual Miniport Adapter for Windows x64", false, VPN},
		{6, "Fortinet Virtual Ethernet Adapter (NDIS 6.30)", false, VPN},
		{23, "WAN Miniport (PPPOE)", true, VPN},
		{131, "Microsoft Teredo Tunneling Adapter", false, VPN},
		{243, "Generic Mobile Broadband Adapter", true, Unknown},
	} {
		if got := windowsKind(c.ifType, c.driver, c.gateway); got != c.want {
			t.Errorf("%d %q is %s, not %s", c.ifType, c.driver, got, c.want)
		}
	}
}

func TestPortsOfMacs(t *testing.T) {
	const macBook = `
Hardware Port: Ethernet Adapter (en4)
Device: en4
Ethernet Address: 1e:00:8a:00:00:01

Hardware Port: USB 10/100/1000 LAN
Device: en7
Ethernet Address: 00:e0:4c:00:00:01

Hardware Port: Thunderbolt Bridge
Device: bridge0
Ethernet Address: 36:2b:70:00:00:01

Hardware Port: Wi-Fi
Device: en0
Ethernet Address: bc:d0:74:00:00:01

VLAN Configurations
===================
`
	want := map[string]Kind{"en4": Ethernet, "en7": Ethernet, "bridge0": Ethernet, "en0": WiFi}
	if got := hardwarePorts(macBook); !maps.Equal(got, want) {
		t.Errorf("the ports are %v", got)
	}
	if got := hardwarePorts("networksetup: command not found\nDevice: en0"); len(got) != 0 {
		t.Errorf("ports of no listing are %v", got)
	}
}

func TestAdaptersByName(t *testing.T) {
	for name, want := range map[string]Kind{
		"utun3": VPN, "ipsec0": VPN, "ppp0": VPN, "feth2731": VPN, "tun0": VPN, "Tailscale": VPN,
		"awdl0": Virtual, "llw0": Virtual, "anpi0": Virtual, "bridge100": Virtual, "vmenet0": Virtual, "vmnet8": Virtual,
		"docker0": Virtual, "br-3f1a2b3c4d5e": Virtual, "veth12ab34c": Virtual, "virbr0": Virtual, "vEthernet (WSL)": Virtual,
		"en0": Unknown, "bridge0": Unknown, "Ethernet": Unknown, "Wi-Fi": Unknown, "": Unknown,
	} {
		if got := named(name); got != want {
			t.Errorf("%q is %s, not %s", name, got, want)
		}
	}
}
