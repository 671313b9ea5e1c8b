package server

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strings"

	"echo.tv/server/httpapi"
)

// lanAddresses returns the addresses under which other devices may reach this
// machine, the likeliest first: private IPv4 of real adapters, then other IPv4,
// then IPv6. Adapters of containers, virtual machines and tunnels are left out,
// as nobody on the LAN can use theirs.
func lanAddresses() []netip.Addr {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var found []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 || virtual(i.Name) {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // the adapter left while we looked
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
				found = append(found, p.Addr().Unmap())
			}
		}
	}
	slices.SortStableFunc(found, func(a, b netip.Addr) int { return cmp.Compare(likeliness(b), likeliness(a)) })
	return found
}

func likeliness(a netip.Addr) int {
	switch {
	case a.Is4() && a.IsPrivate():
		return 2
	case a.Is4():
		return 1
	}
	return 0
}

// virtual recognises adapters by the names that Docker, libvirt, VMware,
// VirtualBox, Hyper-V and the usual tunnels give them.
func virtual(name string) bool {
	n := strings.ToLower(name)
	return slices.ContainsFunc([]string{"docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "vethernet",
		"tun", "tap", "wg", "zt", "tailscale", "utun", "awdl", "llw", "cni", "flannel", "podman"},
		func(p string) bool { return strings.HasPrefix(n, p) })
}

// reachable returns the hosts that stand for a listener's address, best first.
func reachable(a net.Addr) (hosts []string, port string) {
	host, port, _ := net.SplitHostPort(a.String())
	if ip, err := netip.ParseAddr(host); err == nil && !ip.IsUnspecified() {
		return []string{host}, port
	}
	for _, ip := range lanAddresses() {
		hosts = append(hosts, ip.String())
	}
	return append(hosts, "127.0.0.1"), port
}

// Addresses returns where this host is reached, as of now: addresses come and
// go with DHCP and cables.
func (s *Server) Addresses() httpapi.Addresses {
	out := httpapi.Addresses{Watch: []string{}, Publish: []string{}}
	hosts, port := reachable(s.web.Addr())
	for _, h := range hosts {
		out.Watch = append(out.Watch, "http://"+net.JoinHostPort(h, port))
	}
	hosts, port = reachable(s.rtmp.Addr())
	for _, h := range hosts {
		out.Publish = append(out.Publish, "rtmp://"+net.JoinHostPort(h, port)+"/live")
	}
	return out
}

// rtspAddr returns where RTSP comes in, "off" when it does not.
func (s *Server) rtspAddr() string {
	if s.rtsp == nil {
		return "off"
	}
	return s.rtsp.Addr().String()
}

// Loopback returns the address of the interface for this machine itself, such
// as http://127.0.0.1:5175.
func (s *Server) Loopback() string {
	host, port, _ := net.SplitHostPort(s.web.Addr().String())
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
