package lan

import (
	"context"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	askEvery = time.Minute
	askFor   = 2 * time.Second // a responder may wait up to 0.5 s before it answers (RFC 6762 §6)
)

// keepName asks for the name now, after each change of the network, and once a
// minute, since a responder may be installed, stopped, or have to give way to
// another machine of that name.
func (w *Watcher) keepName(ctx context.Context) {
	for ctx.Err() == nil {
		best, _ := w.Now().Best()
		w.setName(w.askSafely(ctx, best.IP))
		changed := w.Changed() // taken here, so that our own news does not wake us
		if again, _ := w.Now().Best(); again.IP != best.IP {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(askEvery):
		case <-changed:
		}
	}
}

// askSafely asks, if there is an address to ask from, and survives whatever
// strangers answer.
func (w *Watcher) askSafely(ctx context.Context, from netip.Addr) (name string) {
	defer func() {
		if v := recover(); v != nil {
			w.recovered.Add(1)
			w.log.Error("name lookup panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	if !from.Is4() {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	return w.ask(ctx, from)
}

func (w *Watcher) setName(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if name == w.name {
		return
	}
	w.name = name
	now := w.Now()
	now.Name = name
	w.now.Store(&now)
	w.tell()
}

// everybody is where multicast DNS is spoken (RFC 6762 §3).
var everybody = netip.MustParseAddrPort("224.0.0.251:5353")

// ownName returns <host>.local when it leads to the address from, or "".
func ownName(ctx context.Context, from netip.Addr) string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	short, _, _ := strings.Cut(strings.ToLower(host), ".")
	if name := short + ".local"; resolves(ctx, name, from, everybody) {
		return name
	}
	return ""
}

// resolves asks those at to for the address of name, until one says self or
// ctx ends. What another machine answers for our name leads there, not here, so
// only self counts. Asked from any port but 5353, responders answer us alone
// (RFC 6762 §6.7).
func resolves(ctx context.Context, name string, self netip.Addr, to netip.AddrPort) bool {
	question, err := query(name)
	if err != nil {
		return false // the machine has a name that DNS has no way to say
	}
	// Bound to the address, so that the question leaves by its adapter.
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(self, 0)))
	if err != nil {
		return false
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if _, err := c.WriteToUDPAddrPort(question, to); err != nil {
		return false
	}
	for buf := make([]byte, 9000); ; { // the longest packet of RFC 6762 §17
		n, err := c.Read(buf)
		if err != nil {
			return false
		}
		if slices.Contains(answers(buf[:n], name), self) {
			return true
		}
	}
}

// query is the question for the IPv4 addresses of name.
func query(name string) ([]byte, error) {
	n, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: n, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
	return m.Pack()
}

// answers returns the IPv4 addresses that a packet gives for name, nil when it
// is no answer. The uppermost bit of the class means something else here
// (RFC 6762 §10.2).
func answers(packet []byte, name string) (all []netip.Addr) {
	var p dnsmessage.Parser
	if h, err := p.Start(packet); err != nil || !h.Response || p.SkipAllQuestions() != nil {
		return nil
	}
	for {
		h, err := p.AnswerHeader()
		if err != nil {
			return all
		}
		if h.Type != dnsmessage.TypeA || h.Class&0x7fff != dnsmessage.ClassINET || !strings.EqualFold(h.Name.String(), name+".") {
			if p.SkipAnswer() != nil {
				return all
			}
			continue
		}
		a, err := p.AResource()
		if err != nil {
			return all
		}
		all = append(all, netip.AddrFrom4(a.A))
	}
}
