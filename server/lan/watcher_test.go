package lan

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func network(prefixes ...string) Network {
	var n Network
	for _, p := range prefixes {
		at := netip.MustParsePrefix(p)
		n.Addresses = append(n.Addresses, Address{IP: at.Addr(), Prefix: at.Masked(), Adapter: "eth0", Kind: Ethernet})
	}
	return n
}

func TestAChangedAddressIsKnownWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var real atomic.Pointer[Network]
		set := func(n Network) { real.Store(&n) }
		set(network("192.168.1.20/24"))
		w := watch(slog.New(slog.DiscardHandler), func() (Network, error) { return *real.Load(), nil })
		if best, ok := w.Now().Best(); !ok || best.IP.String() != "192.168.1.20" {
			t.Fatalf("before Run the best address is %v", best)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.Run(ctx) })

		changed := w.Changed()
		time.Sleep(10 * lookEvery)
		select {
		case <-changed:
			t.Error("a change is told though nothing changed")
		default:
		}
		fast := network("192.168.1.20/24")
		fast.Addresses[0].Mbit = 1000
		set(fast)
		time.Sleep(2 * lookEvery)
		select {
		case <-changed:
			t.Error("the speed of a link counts as a change")
		default:
		}
		if got := w.Now().Addresses[0].Mbit; got != 1000 {
			t.Errorf("the speed is %d Mbit/s", got)
		}
		set(network("10.0.0.7/8"))
		before := time.Now()
		<-changed
		if took := time.Since(before); took > lookEvery {
			t.Errorf("told after %v", took)
		}
		if best, _ := w.Now().Best(); best.IP.String() != "10.0.0.7" {
			t.Errorf("the best address is %v", best)
		}
		cancel()
		running.Wait()
	})
}

func TestTheLastLookStaysWhenTheSystemFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		w := watch(slog.New(slog.DiscardHandler), func() (Network, error) {
			if broken.Load() {
				return Network{}, errors.New("too many open files")
			}
			return network("192.168.1.20/24"), nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*lookEvery)
		defer cancel()
		broken.Store(true)
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
		if _, ok := w.Now().Best(); !ok {
			t.Error("the address is forgotten")
		}
	})
}

func TestThisMachineIsSeen(t *testing.T) {
	w := New(slog.New(slog.DiscardHandler))
	for _, a := range w.Now().Addresses {
		if a.Adapter == "" || a.Kind == "" || a.Kind == Virtual || !a.Prefix.Contains(a.IP) || a.IP.IsLoopback() {
			t.Errorf("an address is %+v", a)
		}
	}
}

func BenchmarkLook(b *testing.B) {
	for b.Loop() {
		if _, err := look(nil); err != nil {
			b.Fatal(err)
		}
	}
}
