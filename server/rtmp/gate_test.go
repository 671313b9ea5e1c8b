package rtmp

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	alan = netip.MustParseAddr("10.0.0.1")
	bea  = netip.MustParseAddr("10.0.0.2")
	noon = time.Unix(43200, 0)
)

// crowded returns a function that lets visitors in and remembers who was sent away.
func crowded(c crowd) (g *gate, enter func(from netip.Addr, at time.Time) *visitor, sent *[]int) {
	g, sent = newGate(c), new([]int)
	n := 0
	return g, func(from netip.Addr, at time.Time) *visitor {
		me := n
		n++
		v, _ := g.enter(from, at, func() { *sent = append(*sent, me) })
		return v
	}, sent
}

func TestOneAddressMayOpenTenConnectionsASecond(t *testing.T) {
	_, enter, _ := crowded(usualCrowd)
	for i := range 25 {
		if v := enter(alan, noon); (v != nil) != (i < 10) {
			t.Errorf("connection %d: let in %v", i, v != nil)
		}
	}
	if enter(bea, noon) == nil {
		t.Error("another address has to pay for it")
	}
	if enter(alan, noon.Add(time.Second)) == nil {
		t.Error("a second later it is still refused")
	}
}

func TestOneAddressMayHoldSixtyFourConnections(t *testing.T) {
	_, enter, _ := crowded(usualCrowd)
	var in []*visitor
	for i := range 100 {
		if v := enter(alan, noon.Add(time.Duration(i)*time.Second)); v != nil {
			in = append(in, v)
		}
	}
	if len(in) != 64 {
		t.Errorf("%d let in", len(in))
	}
	in[0].leave()
	if enter(alan, noon.Add(time.Hour)) == nil {
		t.Error("a place that became free is not given away")
	}
}

func TestInAFullHouseTheLongestStrangerMakesRoomAndPublishersStay(t *testing.T) {
	_, enter, sent := crowded(crowd{all: 3, perAddr: 10, fresh: 10})
	publisher := enter(alan, noon)
	publisher.known()
	stranger := enter(bea, noon)
	enter(bea, noon).known()
	if v := enter(bea, noon); v == nil || len(*sent) != 1 || (*sent)[0] != 1 {
		t.Errorf("let in %v, sent away %v, want the stranger", v != nil, *sent)
	} else {
		v.known()
	}
	stranger.leave()
	if enter(alan, noon) != nil || len(*sent) != 1 {
		t.Errorf("a house full of publishers let one more in, or sent away %v", *sent)
	}
}

func TestTheGateForgetsWhoLeft(t *testing.T) {
	g, enter, _ := crowded(usualCrowd)
	a := alan
	for i := range 10_000 {
		a = a.Next()
		enter(a, noon.Add(time.Duration(i)*time.Millisecond)).leave()
	}
	if n := len(g.addrs); n > 2100 {
		t.Errorf("%d addresses are kept after ten seconds of 1000 a second", n)
	}
	if g.all != 0 || g.strangers.Len() != 0 {
		t.Errorf("%d inside, %d strangers", g.all, g.strangers.Len())
	}
}

func TestAFloodOfConnectionsKeepsNobodyOutAndFillsNoLog(t *testing.T) {
	h := open(t, quick, func(s *Server) { s.gate.crowd = crowd{all: 8, perAddr: 10_000, fresh: 10_000} })
	h.honest()
	for range 50 {
		h.dial().say([]byte{3})
	}
	p := h.onAir("bob").start()
	h.frames("bob", 1)
	p.say(cmd(typCommand, "deleteStream", 9, nil, 1.0))
	h.offAir("bob")
	n := len(h.tape("ann").all())
	h.frames("ann", n+10)
	if h.tape("ann").ended {
		t.Error("the honest publisher was cut")
	}
}

func TestRefusedConnectionsAreLoggedOnceASecond(t *testing.T) {
	h := open(t, func(s *Server) { s.gate.crowd = crowd{all: 100, perAddr: 2, fresh: 1000} })
	h.greet()
	h.greet()
	began := time.Now()
	for range 50 {
		h.dial().hungUp(time.Second)
	}
	h.logs("connection refused", "127.0.0.1")
	if n := strings.Count(h.log.String(), "connection refused"); n > 1+int(time.Since(began)/time.Second)+1 {
		t.Errorf("%d lines in %v", n, time.Since(began))
	}
}

func TestAThousandConnectionsLeaveNothingBehind(t *testing.T) {
	h := open(t)
	for i := range 1000 {
		p := h.dial()
		if i%2 == 0 {
			p.say([]byte{3}, random(100))
		}
		p.Close()
	}
	h.eventually(func() string {
		h.gate.mu.Lock()
		defer h.gate.mu.Unlock()
		if h.gate.all != 0 || h.gate.strangers.Len() != 0 {
			return "somebody is still inside"
		}
		return ""
	})
}
