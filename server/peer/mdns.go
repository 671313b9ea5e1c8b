package peer

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/grandcat/zeroconf"
	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"

	"echo.tv/server/tv"
)

// mDNS (RFC 6762) and DNS-SD (RFC 6763) with grandcat/zeroconf, which is known
// here alone. It announces and asks; who answers is heard by an ear of our own,
// because zeroconf tells neither the source of an answer nor a goodbye, reports
// an answer once, and believes whatever address is in it.
const (
	service    = "_echotv._tcp"
	domain     = "local."
	instance   = "echotv-" // and the id
	browseTime = 500 * time.Millisecond
	browseAt   = 10 * time.Second
	mdnsPort   = 5353
	maxPacket  = 9000 // RFC 6762 section 17
	maxAnswers = 256  // taken from one browse: zeroconf remembers each until it ends
)

var mdnsGroup = net.IPv4(224, 0, 0, 251)

// keepAnnouncing announces, asks and listens on the adapters of the moment, and
// anew whenever they change: zeroconf looks at them once.
func (p *Peers) keepAnnouncing(ctx context.Context) {
	for ctx.Err() == nil {
		changed := p.cfg.Network.Changed()
		on := adapters(p.cfg.Network.Now())
		round, end := context.WithCancel(ctx)
		var parts sync.WaitGroup
		if len(on) > 0 {
			if ear := p.openEar(on); ear != nil { // before anybody is asked: answers come in a millisecond
				parts.Go(func() { p.listen(round, ear) })
			}
			parts.Go(func() { p.announce(round, on) })
			parts.Go(func() { p.browse(round, on) })
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
		end()
		parts.Wait()
	}
}

func interfaces(on []adapter) (all []net.Interface) {
	for _, a := range on {
		all = append(all, a.Interface)
	}
	return all
}

// announce says where this host is until ctx ends, and then goodbye. A proxy
// registration has a host name of our own: zeroconf's goodbye for the machine's
// name would make the system's own responder forget it. Its TTL of 53 minutes
// stays, since setting it races with its goroutines; nobody here believes it.
func (p *Peers) announce(ctx context.Context, on []adapter) {
	id, port := string(p.cfg.Identity.id), p.cfg.Port()
	if port == 0 {
		return
	}
	var ips []string
	for _, a := range on {
		for _, n := range a.nets {
			ips = append(ips, n.Addr().String())
		}
	}
	for ctx.Err() == nil {
		s, err := zeroconf.RegisterProxy(instance+id, service, domain, int(port), "echo-"+id+"."+domain, ips,
			[]string{"v=1", "id=" + id}, interfaces(on))
		if err == nil {
			<-ctx.Done()
			s.Shutdown()
			return
		}
		p.cfg.Log.Warn("mDNS does not announce this host", "err", err)
		sleep(ctx, browseAt)
	}
}

// browse asks who is there, at once and every ten seconds. A resolver is good
// for one question; its own answers only have to be drained.
func (p *Peers) browse(ctx context.Context, on []adapter) {
	for ctx.Err() == nil {
		if err := askOnce(ctx, interfaces(on)); err != nil && ctx.Err() == nil {
			p.cfg.Log.Debug("mDNS does not ask", "err", err)
		}
		sleep(ctx, browseAt-browseTime)
	}
}

func askOnce(ctx context.Context, on []net.Interface) error {
	r, err := zeroconf.NewResolver(zeroconf.SelectIfaces(on), zeroconf.SelectIPTraffic(zeroconf.IPv4))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, browseTime)
	defer cancel()
	answers := make(chan *zeroconf.ServiceEntry)
	if err := r.Browse(ctx, service, domain, answers); err != nil {
		cancel()
	}
	n := 0
	for range answers { // it is closed when ctx has ended, and must be empty by then
		if n++; n == maxAnswers {
			cancel()
		}
	}
	return err
}

// openEar returns what hears the multicast of these adapters, nil when nothing can.
func (p *Peers) openEar(on []adapter) *net.UDPConn {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(224, 0, 0, 0), Port: mdnsPort})
	if err != nil {
		p.cfg.Log.Warn("mDNS is not heard", "err", err)
		return nil
	}
	for _, a := range on {
		if err := ipv4.NewPacketConn(conn).JoinGroup(&a.Interface, &net.UDPAddr{IP: mdnsGroup}); err != nil {
			p.cfg.Log.Debug("mDNS is not heard", "adapter", a.Name, "err", err)
		}
	}
	return conn
}

// listen hears what the others announce until ctx ends.
func (p *Peers) listen(ctx context.Context, conn *net.UDPConn) {
	defer closeWith(ctx, conn)()
	p.receive(ctx, conn, func(packet []byte, from netip.AddrPort) []hint {
		if from.Port() != mdnsPort || !bytes.Contains(packet, []byte("\x07_echotv")) || !p.ear.take(from.Addr()) {
			return nil
		}
		return announced(packet, from.Addr())
	})
}

// announced returns what an mDNS response says of echo.tv, with the address that
// it came from: the addresses in it are anybody's claim.
func announced(packet []byte, from netip.Addr) (all []hint) {
	var m dns.Msg
	if m.Unpack(packet) != nil || !m.Response {
		return nil
	}
	leaving := map[tv.HostID]bool{}
	records := append(m.Answer, m.Extra...)
	for _, r := range records {
		if ptr, ok := r.(*dns.PTR); ok && strings.EqualFold(ptr.Hdr.Name, service+"."+domain) && ptr.Hdr.Ttl == 0 {
			leaving[instanceID(ptr.Ptr)] = true
		}
	}
	for _, r := range records {
		srv, ok := r.(*dns.SRV)
		if !ok || srv.Port < 1024 {
			continue
		}
		if id := instanceID(srv.Hdr.Name); id != "" && len(all) < maxLinksIP {
			all = append(all, hint{at: netip.AddrPortFrom(from, srv.Port), id: id, bye: leaving[id] || srv.Hdr.Ttl == 0})
		}
	}
	return all
}

// instanceID returns the id in the name of a service instance, "" without one.
func instanceID(name string) tv.HostID {
	label, rest, _ := strings.Cut(name, ".")
	text, ours := strings.CutPrefix(strings.ToLower(label), instance)
	if id, err := tv.ParseHostID(text); ours && err == nil && strings.EqualFold(rest, service+"."+domain) {
		return id
	}
	return ""
}

// receive hands every packet of this network to parse, and takes the hints, until
// ctx ends.
func (p *Peers) receive(ctx context.Context, conn *net.UDPConn, parse func([]byte, netip.AddrPort) []hint) {
	buf := make([]byte, maxPacket+1)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			sleep(ctx, 100*time.Millisecond) // an adapter that left, or Windows reporting what a neighbour refused
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if n > maxPacket || strange(from.Addr()) {
			continue
		}
		p.survive("a packet", func() {
			for _, h := range parse(buf[:n], from) {
				p.hint(h)
			}
		})
	}
}

// closeWith closes c when ctx ends, and at the latest when the returned function
// is called.
func closeWith(ctx context.Context, c io.Closer) func() {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	return func() {
		if stop() {
			c.Close()
		}
	}
}
