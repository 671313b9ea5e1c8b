package lan

import (
	"net"
	"unsafe"

	"golang.org/x/sys/windows"
)

// facts asks GetAdaptersAddresses, as package net does for the names.
func facts([]net.Interface) map[string]fact {
	out := map[string]fact{}
	for a := adapters(); a != nil; a = a.Next {
		gateway := a.FirstGatewayAddress != nil
		out[windows.UTF16PtrToString(a.FriendlyName)] = fact{
			kind:   windowsKind(a.IfType, windows.UTF16PtrToString(a.Description), gateway),
			mbit:   mbit(a.TransmitLinkSpeed),
			route:  gateway,
			metric: int(a.Ipv4Metric),
		}
	}
	return out
}

// mbit turns bit/s to Mbit/s; all ones mean that Windows does not know.
func mbit(bps uint64) int {
	if bps == ^uint64(0) {
		return 0
	}
	return int(bps / 1e6)
}

// adapters returns the head of the system's list, nil when it gives none. The
// list grows when an adapter appears between the two calls: hence the loop.
func adapters() *windows.IpAdapterAddresses {
	const flags = windows.GAA_FLAG_INCLUDE_GATEWAYS | windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST | windows.GAA_FLAG_SKIP_DNS_SERVER
	size := uint32(15 << 10) // what the documentation advises to begin with
	for range 4 {
		buf := make([]byte, size)
		head := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, head, &size)
		if err == nil && size > 0 {
			return head
		}
		if err != windows.ERROR_BUFFER_OVERFLOW {
			return nil
		}
	}
	return nil
}
