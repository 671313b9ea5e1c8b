package hls

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// large is a reply that a popular part could be, with the bytes that a player
// must get.
func large(size int) *reply {
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(i * 31 >> 3)
	}
	return newReply("video/mp4", forEver, body)
}

// ends is a connection and its other end.
func ends(t *testing.T) (here *net.TCPConn, there net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if there, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); there.Close() })
	return c.(*net.TCPConn), there
}

func TestACrowdGetsTheBytesOfAPopularPartWhoeverIsSlow(t *testing.T) {
	a := large(3 << 20) // more than a socket takes at once
	var all sync.WaitGroup
	for i := range 3 * popular {
		here, there := ends(t)
		all.Go(func() {
			if n, err := a.sendRaw(here); n != len(a.raw) || err != nil {
				t.Errorf("sent %d of %d bytes: %v", n, len(a.raw), err)
			}
		})
		all.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			got := make([]byte, len(a.raw))
			if _, err := io.ReadFull(there, got); err != nil || !bytes.Equal(got, a.raw) {
				t.Errorf("viewer %d got something else: %v", i, err)
			}
		})
		if i == 2*popular {
			a.unpopular() // while some are at it
		}
	}
	all.Wait()
	if runtime.GOOS == "linux" && a.sends.Load() < popular {
		t.Errorf("%d of %d sends were not from the kernel's copy", a.sends.Load(), 3*popular)
	}
}

func TestOnlyALargeReplyThatManyAskForIsCopiedIntoTheKernel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other kernels have no such place")
	}
	here, there := ends(t)
	go io.Copy(io.Discard, there)
	for name, c := range map[string]struct {
		size, sends int
		want        bool
	}{"seldom": {80_000, popular - 1, false}, "often": {80_000, popular, true}, "small": {2000, 10 * popular, false}} {
		a := large(c.size)
		for range c.sends {
			a.sendRaw(here)
		}
		if got := a.kernel.Load() != nil; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAViewerThatTakesNothingEndsWithItsDeadlineAndOneThatLeftAtOnce(t *testing.T) {
	a := large(8 << 20)
	a.sends.Store(popular - 1)
	here, there := ends(t)
	here.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := a.sendRaw(here); !errors.Is(err, os.ErrDeadlineExceeded) || n >= len(a.raw) {
		t.Errorf("sent %d bytes: %v", n, err)
	}
	there.Close()
	here.SetWriteDeadline(time.Now().Add(10 * time.Second))
	for err := error(nil); err == nil; {
		_, err = a.sendRaw(here)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("it waited for somebody who is gone")
		}
	}
	here.Close()
	if n, err := a.sendRaw(here); err == nil || n > 0 {
		t.Errorf("a closed connection took %d bytes: %v", n, err)
	}
}

func TestWhatIsInTheKernelGoesWithItsParts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other kernels have no such place")
	}
	here, there := ends(t)
	go io.Copy(io.Discard, there)
	open := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := open()
	for range 100 {
		a := large(worthwhile)
		a.sends.Store(popular - 1)
		a.sendRaw(here)
		a.unpopular()
	}
	after := before
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		runtime.GC()
		if after = open(); after <= before {
			return
		}
	}
	t.Errorf("%d descriptors more than before", after-before)
}
