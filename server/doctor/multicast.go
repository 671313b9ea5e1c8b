package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/ipv4"

	"echo.tv/server/lan"
)

// heard is what came back on one adapter.
type heard struct {
	own    bool         // our own question
	others []netip.Addr // who else spoke
}

const (
	listenFor    = 1500 * time.Millisecond // RFC 6762 §6: answers wait up to 120 ms, and phones sleep
	maxOthers    = 64                      // addresses remembered of those who speak
	maxMulticast = 4                       // adapters that are asked
)

// multicast asks, on each real adapter, who offers anything at all. Our own
// question coming back shows that it was sent and that no firewall here eats it;
// another device's answer shows that the network passes it on.
func (d *Doctor) multicast(ctx context.Context) Verdict {
	v := Verdict{ID: "multicast", Title: "Finding each other"}
	all := real(d.Network())
	if len(all) == 0 {
		v.State, v.Says = Unknown, "Without a network there is nobody to find."
		return v
	}
	var deaf, loud []string
	speakers := map[netip.Addr]bool{}
	for _, a := range all[:min(len(all), maxMulticast)] {
		h, err := d.hear(ctx, a)
		if err != nil || !h.own {
			deaf = append(deaf, adapterName(a))
			continue
		}
		loud = append(loud, adapterName(a))
		for _, o := range h.others {
			speakers[o] = true
		}
	}
	switch {
	case len(loud) == 0:
		v.State, v.Says = Warn, fmt.Sprintf("Multicast does not work on %s, so hosts cannot find each other.", strings.Join(deaf, " and "))
		v.Do = "Open 5353/udp in the firewall, or add the other host by its address."
	case len(speakers) == 0:
		v.State, v.Says = OK, fmt.Sprintf("Multicast leaves by %s; no other device answered, so whether the router passes it on is open.", strings.Join(loud, " and "))
	default:
		v.State, v.Says = OK, fmt.Sprintf("Multicast works on %s: %s answered.", strings.Join(loud, " and "), devices(len(speakers)))
	}
	return v
}

func devices(n int) string {
	if n == 1 {
		return "1 other device"
	}
	return fmt.Sprintf("%d other devices", n)
}

// services is the question of RFC 6763 §9, which every responder answers.
const services = "\x09_services\x07_dns-sd\x04_udp\x05local\x00" + "\x00\x0c" + "\x00\x01"

// question returns it as a DNS message whose id is ours alone: others ignore it.
func question() []byte {
	id := make([]byte, 2)
	rand.Read(id)
	return append(append(id, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0), services...)
}

var mdnsGroup = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: int(mdns.port)}

// hearMulticast sends the question by a's adapter and listens there. The port is
// shared with whoever else speaks mDNS here. What comes in is compared and
// dropped; nothing of it is parsed.
func hearMulticast(ctx context.Context, a lan.Address) (h heard, err error) {
	nic, err := net.InterfaceByName(a.Adapter)
	if err != nil {
		return h, err
	}
	c, err := net.ListenMulticastUDP("udp4", nic, mdnsGroup)
	if err != nil {
		return h, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	p := ipv4.NewPacketConn(c)
	if err := errors.Join(p.SetMulticastInterface(nic), p.SetMulticastLoopback(true), p.SetMulticastTTL(255)); err != nil {
		return h, err
	}
	q := question()
	if _, err := c.WriteTo(q, mdnsGroup); err != nil {
		return h, err
	}
	c.SetReadDeadline(time.Now().Add(listenFor))
	for buf := make([]byte, 9000); len(h.others) < maxOthers; {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return h, nil // time is over
		}
		switch who := from.Addr().Unmap(); {
		case string(buf[:n]) == string(q):
			h.own = true
		case who != a.IP && a.Prefix.Contains(who):
			h.others = append(h.others, who)
		}
	}
	return h, nil
}
