package crowd

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

var ann, bob, here = netip.MustParseAddr("192.168.1.20"), netip.MustParseAddr("192.168.1.21"), netip.MustParseAddr("127.0.0.1")

func TestNobodyTakesAllPlaces(t *testing.T) {
	c := New(3, 2)
	for i, step := range []struct {
		from netip.Addr
		want error
	}{{ann, nil}, {ann, nil}, {ann, ErrAddress}, {bob, nil}, {bob, ErrFull}, {here, ErrFull}} {
		if err := c.Enter(step.from); err != step.want {
			t.Errorf("step %d: %v, want %v", i, err, step.want)
		}
	}
	c.Leave(ann)
	if err := c.Enter(bob); err != nil || c.Len() != 3 {
		t.Errorf("a place that was given back: %v, %d are in", err, c.Len())
	}
	c.Leave(ann)
	c.Leave(bob)
	c.Leave(bob)
	if c.Len() != 0 || len(c.by) != 0 {
		t.Errorf("when all have left, %d are in and %d addresses known", c.Len(), len(c.by))
	}
}

func TestThisMachineItselfMayHaveMore(t *testing.T) {
	for c, want := range map[*Crowd]error{New(9, 1): ErrAddress, NewLocal(9, 1): nil, NewLocal(1, 9): ErrFull} {
		c.Enter(here)
		if err := c.Enter(here); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

func TestCloseWaitsForTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(3, 3)
		c.Enter(ann)
		var told, gone atomic.Bool
		go func() {
			c.Close(func() { told.Store(true) })
			gone.Store(true)
		}()
		synctest.Wait()
		if !told.Load() || gone.Load() || c.Enter(bob) != ErrClosed {
			t.Errorf("told %v, gone %v", told.Load(), gone.Load())
		}
		c.Leave(ann)
		synctest.Wait()
		if !gone.Load() {
			t.Error("the last has left, and Close still waits")
		}
	})
}
