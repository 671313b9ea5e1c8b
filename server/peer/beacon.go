package peer

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"echo.tv/server/tv"
)

// The beacon is a second way to be found, for networks that filter multicast: a
// broadcast that says no more than id and port. It is not signed, because it is
// not believed.
const (
	beaconPort  = 5175 // UDP; the same number as the pages, so that one firewall rule is easily both
	beaconEvery = 3 * time.Second
	beaconMark  = "echo.tv 1 "
	maxBeacon   = 64
)

// keepBeaconing sends and hears beacons until ctx ends; two in a row at the start
// and after each change of the network, where the first may still be lost.
func (p *Peers) keepBeaconing(ctx context.Context) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{Port: beaconPort})
	if err != nil {
		p.cfg.Log.Warn("the beacons of other hosts are not heard", "err", err)
		if conn, err = net.ListenUDP("udp4", nil); err != nil {
			return
		}
	}
	defer closeWith(ctx, conn)()
	p.wg.Go(func() {
		p.receive(ctx, conn, func(packet []byte, from netip.AddrPort) []hint {
			h, ok := parseBeacon(packet, from.Addr())
			if !ok || !p.ear.take(from.Addr()) {
				return nil
			}
			return []hint{h}
		})
	})
	changed := p.cfg.Network.Changed()
	for wait := time.Second; ; wait = beaconEvery {
		p.sendBeacon(conn)
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-changed:
			changed = p.cfg.Network.Changed()
			p.sendBeacon(conn)
			sleep(ctx, time.Second)
		case <-ctx.Done():
		}
		pause.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// sendBeacon tells every network; one that is down does not matter.
func (p *Peers) sendBeacon(conn *net.UDPConn) {
	port := p.cfg.Port()
	if port == 0 {
		return
	}
	packet := fmt.Appendf(nil, "%s%s %d\n", beaconMark, p.cfg.Identity.id, port)
	for _, a := range adapters(p.cfg.Network.Now()) {
		for _, n := range a.nets {
			conn.WriteToUDPAddrPort(packet, netip.AddrPortFrom(broadcast(n), beaconPort))
		}
	}
}

// parseBeacon returns the hint in a packet that came from from.
func parseBeacon(packet []byte, from netip.Addr) (hint, bool) {
	if len(packet) > maxBeacon {
		return hint{}, false
	}
	text, ours := strings.CutPrefix(string(packet), beaconMark)
	id, number, two := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
	port, err := strconv.ParseUint(number, 10, 16)
	host, odd := tv.ParseHostID(id)
	if !ours || !two || err != nil || odd != nil || port < 1024 {
		return hint{}, false
	}
	return hint{at: netip.AddrPortFrom(from, uint16(port)), id: host}, true
}
