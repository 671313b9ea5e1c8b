package push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/live"
)

// newNarrowStage is a stage whose sockets never take a picture of some size at
// once.
func newNarrowStage(t testing.TB) *stage {
	s := newStage(t)
	s.srv.buffer = 64 << 10
	return s
}

// wide is a picture that a narrow socket takes a part of.
const wide = 500_000

// joinNarrow joins with a socket that keeps little for a viewer who does not
// read.
func (s *stage) joinNarrow() *viewer {
	s.t.Helper()
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err == nil {
			c.(*net.TCPConn).SetReadBuffer(128 << 10)
		}
		return c, err
	}
	ws, _, err := websocket.Dial(s.t.Context(), s.web.URL+"/push", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {s.web.URL}},
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}})
	if err != nil {
		s.t.Fatal(err)
	}
	ws.SetReadLimit(1 << 24)
	s.t.Cleanup(func() { ws.CloseNow() })
	return &viewer{s.t, ws}
}

// standing waits until n of the channel's viewers are in lines, and returns how many
// lines these are: without viewers there are none.
func (s *stage) standing(n int) int {
	s.t.Helper()
	if runtime.GOOS == "windows" {
		s.t.Skip("nobody stands in a line here")
	}
	ls, all := s.srv.find(s.name).lines, 0
	eventually(s.t, func() string {
		ls.mu.Lock()
		defer ls.mu.Unlock()
		viewers := 0
		for _, l := range ls.all {
			l.mu.Lock()
			viewers += len(l.viewers)
			l.mu.Unlock()
		}
		if all = len(ls.all); viewers != n || n == 0 && all > 0 {
			return fmt.Sprintf("%d stand in %d lines, want %d", viewers, all, n)
		}
		return ""
	})
	return all
}

// whole fails unless m is a picture of wide as it was sent, and returns which.
func whole(t testing.TB, m *binaryMessage) int {
	t.Helper()
	p := m.payload
	for len(p) > wide {
		p = p[len("sound"):]
	}
	if len(p) < wide || bytes.Count(p[4:], []byte{0}) < wide-4 {
		t.Fatalf("picture %d is not what was sent", frameOf(m))
	}
	return frameOf(m)
}

func TestWhoHasGotAllThereIsIsServedWhileItsGoroutineSleeps(t *testing.T) {
	s := newStage(t)
	s.send(3, 100)
	here, there := connected(t)
	r := &reader{socket: &socket{server: s.srv, pen: newPen(here, time.Minute, sendBuffer)}, ch: s.srv.find("ann"), watch: &watch{}, back: make(chan struct{}, 1)}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := r.run(gone); err != nil { // all there is; from now on it has no goroutine
		t.Fatal(err)
	}
	if r.pen.quick == nil {
		t.Skip("nobody stands in a line here")
	}
	r.done = t.Context().Done()
	l := r.ch.lines.enlist(r)
	defer r.ch.lines.leave(l)
	for range 20 {
		s.send(1, 100)
		eventually(t, func() string {
			l.mu.Lock()
			defer l.mu.Unlock()
			if r.ch.ring.Ready(&r.at) {
				return "the line has not written everything"
			}
			return ""
		})
	}
	sent := s.hub.Status("ann").SentBy[live.ByPush]
	if n, err := io.CopyN(io.Discard, there, int64(sent)); err != nil || n < 23*100 || len(r.back) > 0 {
		t.Errorf("%d bytes came of %d: %v; handed back %d times", n, sent, err, len(r.back))
	}
	l.withdraw(r)
	at := r.at
	s.send(5, 100)
	if r.at != at || s.hub.Status("ann").SentBy[live.ByPush] != sent {
		t.Error("the line goes on with a viewer that has withdrawn")
	}
	<-r.back
	if l := r.ch.lines.enlist(r); l != nil {
		l.withdraw(r)
		r.ch.lines.leave(l)
		t.Error("a line took a viewer for whom there is more, which it may have passed")
	}
}

// connected is a connection and its other end.
func connected(t *testing.T) (here, there net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if there, err = net.Dial("tcp", l.Addr().String()); err == nil {
		here, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

func TestABigCrowdStandsInSeveralLinesAndGetsEverything(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	s := newStage(t)
	s.send(1, 10)
	var all []*viewer
	for range 3 * lineLength {
		v := s.join()
		v.say(`{"watch":"ann"}`)
		all = append(all, v)
	}
	if n := s.standing(len(all)); n != 2 {
		t.Errorf("they stand in %d lines", n)
	}
	for want := range 15 {
		for _, v := range all {
			if m := v.media(); frameOf(m) != want {
				t.Fatalf("got %d, want %d", frameOf(m), want)
			}
		}
		s.send(1, 1000)
	}
	for _, v := range all {
		v.say(`{"stop":"ann"}`)
	}
	s.standing(0)
}

func TestWhoStopsReadingLeavesTheLineAndTheOthersLoseNothing(t *testing.T) {
	s := newNarrowStage(t)
	s.srv.stall = 300 * time.Millisecond
	s.send(1, 10)
	stuck, quick := s.joinNarrow(), s.join()
	stuck.say(`{"watch":"ann"}`)
	quick.say(`{"watch":"ann"}`)
	s.standing(2)
	quick.media()
	for i, end := 1, time.Now().Add(10*time.Second); s.srv.crowd.Len() > 1; i++ {
		s.send(1, wide)
		if got := whole(t, quick.media()); got != i {
			t.Fatalf("the quick one got %d, want %d", got, i)
		}
		if time.Now().After(end) {
			t.Fatal("the stuck one is still there")
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.send(1, 10) // whoever was handed back takes the next one itself
	s.standing(1)
}

func TestWhoIsSlowForAMomentGetsWholePicturesInOrderAndStandsInTheLineAgain(t *testing.T) {
	s := newNarrowStage(t)
	s.send(1, wide)
	v := s.joinNarrow()
	v.say(`{"watch":"ann"}`)
	const burst = 8 // less than from one key frame to the next, or it would jump
	next := 0
	expect := func(n int) {
		t.Helper()
		for range n {
			if got := whole(t, v.media()); got != next {
				t.Fatalf("got %d, want %d", got, next)
			}
			next++
		}
	}
	expect(1)
	for range 4 {
		s.standing(1)
		s.send(burst, wide)
		s.standing(0)
		time.Sleep(50 * time.Millisecond)
		expect(burst)
		s.send(1, 10) // whoever was handed back takes the next one itself
		if m := v.media(); frameOf(m) != next {
			t.Fatalf("got %d, want %d", frameOf(m), next)
		}
		next++
	}
	s.standing(1)
}

func TestTextsAndOtherChannelsNeverComeInsideAPicture(t *testing.T) {
	s := newNarrowStage(t)
	bob := *s
	bob.publish("bob")
	both := []*stage{s, &bob}
	v := s.joinNarrow()
	next := map[uint16]int{}
	hear := func(pictures int, pong float64) { // and the pong, if there is one, in any order
		t.Helper()
		for pictures > 0 || pong > 0 {
			text, m := v.hear()
			if text["pong"] == pong {
				pong = 0
			}
			if m == nil || m.kind != kindMedia {
				continue
			}
			if len(m.payload) >= wide {
				whole(t, m)
			}
			if n := frameOf(m); n != next[m.tag] {
				t.Fatalf("of channel %d came %d, want %d", m.tag, n, next[m.tag])
			}
			next[m.tag]++
			pictures--
		}
	}
	for _, s := range both {
		s.send(1, 10)
		v.say(`{"watch":"` + string(s.name) + `"}`)
	}
	hear(2, 0)
	for i := range maxPerTick - 4 {
		for _, s := range both {
			s.standing(1)
		}
		both[i%2].send(1, wide) // a line writes a part
		both[i%2].standing(0)
		v.say(fmt.Sprintf(`{"ping":%d}`, i+1))
		both[1-i%2].send(1, wide)
		both[1-i%2].standing(0)
		hear(2, float64(i+1))
		for _, s := range both {
			s.send(1, 10)
		}
		hear(2, 0)
	}
}

func TestComingAndGoingWhileALineWrites(t *testing.T) {
	s := newNarrowStage(t)
	s.send(1, 1000)
	var all sync.WaitGroup
	over, end := context.WithTimeout(t.Context(), time.Second)
	defer end()
	for i := range 8 {
		all.Go(func() {
			for over.Err() == nil {
				v, err := s.dial(http.Header{"Origin": {s.web.URL}})
				if err != nil {
					t.Error(err)
					return
				}
				go func() {
					for _, _, err := v.ws.Read(t.Context()); err == nil; _, _, err = v.ws.Read(t.Context()) {
					}
				}()
				for n := range maxPerTick/2 - 1 {
					v.ws.Write(t.Context(), websocket.MessageText, []byte(`{"watch":"ann"}`))
					time.Sleep(time.Duration(n*i) * 100 * time.Microsecond)
					if n%3 == 0 { // or watch again
						v.ws.Write(t.Context(), websocket.MessageText, []byte(`{"stop":"ann"}`))
					}
				}
				v.ws.CloseNow()
			}
		})
	}
	for i := 0; over.Err() == nil; i++ {
		s.send(1, 1000+i%2*wide)
		time.Sleep(500 * time.Microsecond)
	}
	all.Wait()
	s.standing(0)
	if n := s.srv.Recovered(); n > 0 {
		t.Errorf("%d handlers panicked", n)
	}
	eventually(t, func() string {
		if n := s.srv.crowd.Len(); n > 0 {
			return fmt.Sprint(n, " sockets are still open")
		}
		return ""
	})
}

func TestWhenABroadcastEndsEverybodyHearsItOnce(t *testing.T) {
	s := newStage(t)
	s.send(1, 10)
	var all []*viewer
	for range 20 {
		v := s.join()
		v.say(`{"watch":"ann"}`)
		v.media()
		all = append(all, v)
	}
	s.standing(len(all))
	s.session.Close(errors.New("bye"))
	s.endHub()
	for i, v := range all {
		if off, _ := v.hear(); off["off"] != "ann" {
			t.Errorf("viewer %d heard %v", i, off)
		}
		v.say(`{"ping":1}`)
		if pong, _ := v.hear(); pong["pong"] != 1.0 {
			t.Errorf("viewer %d then heard %v", i, pong)
		}
	}
}

func TestNewCodecsComeWithTheirInitFirst(t *testing.T) {
	s := newStage(t)
	s.send(10, 10)
	var all []*viewer
	for range 20 {
		v := s.join()
		v.say(`{"watch":"ann"}`)
		all = append(all, v)
	}
	s.standing(len(all))
	hd := picture
	hd.Width, hd.Height = 1280, 720
	if err := s.session.SetTracks([]live.Track{hd, sound}); err != nil {
		t.Fatal(err)
	}
	s.send(10, 10)
	for i, v := range all {
		inits := 0
		for want := 0; want < 20; {
			text, m := v.hear()
			switch {
			case m != nil && m.kind == kindInit:
				inits++
			case m == nil && text["on"] != "ann":
				t.Fatalf("viewer %d heard %v", i, text)
			case m != nil && frameOf(m) >= 0: // not the old track's last sound
				if frameOf(m) != want || inits != 1+want/10 {
					t.Fatalf("viewer %d got picture %d after %d inits, want %d", i, frameOf(m), inits, want)
				}
				want++
			}
		}
	}
	s.standing(len(all))
}

func TestWhenTheServerEndsItsLinesGoHome(t *testing.T) {
	before := runtime.NumGoroutine()
	s := newStage(t)
	s.send(1, 10)
	for range 2 * lineLength {
		v := s.join()
		v.say(`{"watch":"ann"}`)
		v.media()
	}
	s.standing(2 * lineLength)
	s.end()
	eventually(t, func() string {
		http.DefaultClient.CloseIdleConnections()
		if n := runtime.NumGoroutine(); n > before {
			buf := make([]byte, 1<<20)
			return fmt.Sprintf("%d goroutines more than before:\n%s", n-before, buf[:runtime.Stack(buf, true)])
		}
		return ""
	})
}

func TestTheKernelKeepsLittleForWhoReadsNoMore(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other kernels have other ways")
	}
	s := newStage(t)
	s.send(1, 100)
	v := s.joinNarrow()
	v.say(`{"watch":"ann"}`)
	v.media()
	s.send(50, 200_000)
	last := uint64(0)
	eventually(t, func() string {
		time.Sleep(200 * time.Millisecond)
		sent := s.hub.Status("ann").SentBy[live.ByPush]
		defer func() { last = sent }()
		if sent != last || sent < 200_000 {
			return "the socket still takes something"
		}
		return ""
	})
	if last > 2<<20 {
		t.Errorf("%d bytes wait for somebody who does not read", last)
	}
}
