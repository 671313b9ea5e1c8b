package lan

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// responder answers one question as the name's owner would, with packets.
func responder(t *testing.T, packets ...[]byte) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 9000)
		_, who, err := c.ReadFromUDPAddrPort(buf)
		for _, p := range packets {
			if err == nil {
				c.WriteToUDPAddrPort(p, who)
			}
		}
	}()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func says(t testing.TB, name string, class dnsmessage.Class, addrs ...[4]byte) []byte {
	t.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: true, Authoritative: true}}
	for _, a := range addrs {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: class, TTL: 120}, Body: &dnsmessage.AResource{A: a}})
	}
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestTheNameIsOursOnlyWhenItLeadsHere(t *testing.T) {
	self := netip.MustParseAddr("127.0.0.1")
	own, far := [4]byte{127, 0, 0, 1}, [4]byte{192, 168, 1, 66}
	for what, c := range map[string]struct {
		packets [][]byte
		want    bool
	}{
		"our address":              {[][]byte{says(t, "kims-pc.local.", 1, own)}, true},
		"with the cache-flush bit": {[][]byte{says(t, "KIMS-PC.local.", 0x8001, far, own)}, true},
		"garbage first":            {[][]byte{{}, {0xff}, make([]byte, 40), says(t, "kims-pc.local.", 1, own)}, true},
		"another machine's":        {[][]byte{says(t, "kims-pc.local.", 1, far)}, false},
		"of another name":          {[][]byte{says(t, "toms-pc.local.", 1, own)}, false},
		"of another class":         {[][]byte{says(t, "kims-pc.local.", 3, own)}, false},
		"nothing":                  {nil, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if got := resolves(ctx, "kims-pc.local", self, responder(t, c.packets...)); got != c.want {
				t.Errorf("kims-pc.local is ours: %v", got)
			}
		})
	}
}

func TestTheNameIsToldWhenItBeginsAndCeasesToResolve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(slog.New(slog.DiscardHandler), func() (Network, error) { return network("192.168.1.20/24"), nil })
		asked := 0
		w.ask = func(_ context.Context, from netip.Addr) string {
			if from.String() != "192.168.1.20" {
				t.Errorf("asked from %v", from)
			}
			switch asked++; asked {
			case 2:
				return "kims-pc.local"
			case 3:
				panic("a packet nobody thought of")
			}
			return ""
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.Run(ctx) })
		for _, want := range []string{"kims-pc.local", ""} {
			<-w.Changed()
			if now := w.Now(); now.Name != want || len(now.Addresses) != 1 {
				t.Errorf("the network is %+v, the name should be %q", now, want)
			}
			time.Sleep(2 * lookEvery)
			if now := w.Now(); now.Name != want {
				t.Errorf("a look later the name is %q", now.Name)
			}
		}
		if w.Recovered() != 1 {
			t.Errorf("recovered %d times", w.Recovered())
		}
		cancel()
		running.Wait()
	})
}

func FuzzAnswers(f *testing.F) {
	f.Add(says(f, "kims-pc.local.", 1, [4]byte{192, 168, 1, 20}))
	f.Add([]byte{0, 0, 0x84, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0xc0, 12})
	f.Fuzz(func(t *testing.T, packet []byte) {
		if all := answers(packet, "kims-pc.local"); len(all) > len(packet) {
			t.Errorf("%d addresses from %d bytes", len(all), len(packet))
		}
	})
}
