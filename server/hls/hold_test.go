package hls

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// newRoad returns a street for real connections, whose host has been on air for
// some seconds.
func newRoad(t *testing.T, lanes bool) *street {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("nothing is held here")
	}
	s := quietStreet(t, lanes)
	t.Cleanup(s.shut)
	s.burst(100)
	return s
}

// ride is walk with a real connection, and the first answer already heard.
func (s *street) ride() *walker {
	s.t.Helper()
	here, there := ends(s.t.(*testing.T))
	s.conns <- here
	there.SetDeadline(time.Now().Add(20 * time.Second))
	w := &walker{there, bufio.NewReader(there)}
	if got := w.ask(plainGet("live.m3u8")); !strings.HasPrefix(got, "200") {
		s.t.Fatal(got)
	}
	return w
}

// nextReload is what asks for the part that is not there yet.
func (s *street) nextReload() string {
	m := s.media()
	return plainGet("live.m3u8?" + q(m.MediaSequence+len(m.Segments), len(m.Parts)))
}

// holding waits until n reloads are held.
func (s *street) holding(n int) {
	s.t.Helper()
	hs, got := &s.srv.find("ann").holds, -1
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		hs.mu.Lock()
		got = len(hs.all)
		hs.mu.Unlock()
		if got == n {
			return
		}
	}
	s.t.Fatalf("%d reloads are held, want %d", got, n)
}

func TestThePartThatComesAnswersAllReloadsThatAreHeld(t *testing.T) {
	s := newRoad(t, true)
	var all []*walker
	for range 3*batch + 10 {
		all = append(all, s.ride())
	}
	for range 3 {
		next, before := s.nextReload(), s.hub.Status("ann").SentBy["hls"]
		for _, w := range all {
			io.WriteString(w, next)
		}
		s.holding(len(all))
		if n := waiting(); n != 0 {
			t.Errorf("%d lanes are awake", n)
		}
		s.burst(6)
		want, size := told(s.get("live.m3u8").Result()), uint64(0)
		for i, w := range all {
			got := w.hear()
			if got != want {
				t.Fatalf("viewer %d got\n%s\nwant\n%s", i, clip(got), clip(want))
			}
			size += uint64(len(got))
		}
		if n := s.hub.Status("ann").SentBy["hls"] - before; n < size {
			t.Errorf("%d of %d bytes were counted", n, size)
		}
	}
	if n := s.served.Load(); n != int32(len(all)) {
		t.Errorf("net/http saw %d requests of %d viewers", n, len(all))
	}
}

func TestARequestBehindAHeldReloadIsAnsweredBehindIt(t *testing.T) {
	for name, say := range map[string]func(w *walker, reload, next string){
		"in one piece": func(w *walker, reload, next string) { io.WriteString(w, reload+next) },
		"later": func(w *walker, reload, next string) {
			io.WriteString(w, reload)
			time.Sleep(50 * time.Millisecond)
			io.WriteString(w, next)
		},
		"in pieces": func(w *walker, reload, next string) {
			for _, b := range []byte(reload + next) {
				w.Write([]byte{b})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRoad(t, true)
			w, part := s.ride(), s.media().PreloadHint.URI
			say(w, s.nextReload(), plainGet(part)+plainGet("index.m3u8"))
			time.Sleep(50 * time.Millisecond)
			s.burst(6)
			if got := w.hear(); !strings.Contains(got, part) {
				t.Errorf("the reload: %s", clip(got))
			}
			if got := w.hear(); !strings.Contains(got, "mdat") {
				t.Errorf("the part: %s", clip(got))
			}
			if got := w.hear(); !strings.Contains(got, "#EXT-X-STREAM-INF") {
				t.Errorf("the multivariant playlist: %s", clip(got))
			}
		})
	}
}

func TestAViewerThatLeavesIsHeldNoLonger(t *testing.T) {
	s := newRoad(t, true)
	next := s.nextReload()
	var all []*walker
	for range 100 {
		w := s.ride()
		io.WriteString(w, next)
		all = append(all, w)
	}
	s.holding(100)
	for _, w := range all[:99] {
		w.Close()
	}
	s.holding(1) // without a part, and without looking around
	s.burst(6)
	if got := all[99].hear(); !strings.HasPrefix(got, "200") {
		t.Errorf("who stayed got %s", clip(got))
	}
}

func TestAReloadIsHeldNoLongerThanPlayersWait(t *testing.T) {
	s := newRoad(t, true)
	limit := s.srv.find("ann").snap.Load().holdTime()
	want, reload := told(s.get("live.m3u8").Result()), s.nextReload()
	var all sync.WaitGroup
	for name, interrupt := range map[string]time.Duration{"in peace": 0, "early": limit / 10, "late": limit * 9 / 10} {
		w := s.ride()
		all.Go(func() {
			began := time.Now()
			io.WriteString(w, reload)
			if interrupt > 0 {
				time.AfterFunc(interrupt, func() { io.WriteString(w, "G") }) // the next one's first byte
			}
			if got := w.hear(); got != want {
				t.Errorf("%s: got\n%s\nwant what there is\n%s", name, clip(got), clip(want))
			}
			if held := time.Since(began); held < limit || held > limit+time.Second {
				t.Errorf("%s: held for %v, want %v", name, held, limit)
			}
		})
	}
	all.Wait()
}

// The end of what a player says may come with its last request.
func TestAPlayerThatClosesBehindItsRequestIsHeardOutAndLetGo(t *testing.T) {
	s := newRoad(t, true)
	var all sync.WaitGroup
	for i := range 40 {
		w, say := s.ride(), plainGet("index.m3u8")
		if i%2 == 0 {
			say = s.nextReload()
		}
		all.Go(func() {
			io.WriteString(w, say)
			w.Conn.(*net.TCPConn).CloseWrite()
			if got := w.hear(); i%2 == 1 && !strings.HasPrefix(got, "200") {
				t.Errorf("got %s", clip(got))
			}
			w.SetDeadline(time.Now().Add(quietTime + 3*time.Second))
			if _, err := w.in.ReadByte(); err != io.EOF {
				t.Errorf("and then %v", err)
			}
		})
	}
	all.Wait()
}

func TestTheEndIsToldToAllWhoAreHeld(t *testing.T) {
	s := newRoad(t, true)
	var all []*walker
	for range 10 {
		w := s.ride()
		io.WriteString(w, s.nextReload())
		all = append(all, w)
	}
	s.holding(10)
	g := s.srv.find("ann")
	g.End()
	for _, w := range all {
		if got := w.hear(); !strings.Contains(got, "#EXT-X-ENDLIST") {
			t.Errorf("got %s", clip(got))
		}
	}
	if g.holds.running {
		t.Error("somebody still waits for more")
	}
}

// A snapshot can leave segments out, when they are large.
func TestASegmentThatIsGoneIsNotWaitedFor(t *testing.T) {
	only := view{segment: &segment{msn: 7}, parts: []*part{{}}}
	s := &snapshot{segments: []view{only}}
	for _, c := range []struct {
		msn  uint64
		part int
		want bool
	}{{5, wholeSegment, true}, {6, wholeSegment, true}, {6, 0, true}, {6, 99, true}, {7, 0, true}, {7, 1, false}, {8, 0, false}} {
		if got := s.has(c.msn, c.part); got != c.want {
			t.Errorf("part %d of %d: %v", c.part, c.msn, got)
		}
	}
}

func TestAPanicOfWhoAnswersCostsTheHeldTheirConnectionsAtMost(t *testing.T) {
	s := newRoad(t, true)
	w := s.ride()
	io.WriteString(w, s.nextReload())
	s.holding(1)
	g := s.srv.find("ann")
	good := g.snap.Load()
	g.snap.Store(&snapshot{segments: []view{{parts: []*part{{}}}}, next: make(chan struct{})}) // a segment that is none
	close(good.next)
	if got := w.hear(); got != "nothing" {
		t.Errorf("got %s", clip(got))
	}
	if n := s.srv.Recovered(); n != 2 { // who answers, and the lane, which tried then
		t.Errorf("%d panics were counted", n)
	}
	good = &snapshot{segments: good.segments, playlist: good.playlist, delta: good.delta, multivariant: good.multivariant,
		id: good.id, target: good.target, partLen: good.partLen, nextID: good.nextID, next: make(chan struct{})}
	g.snap.Store(good)
	w = s.ride()
	io.WriteString(w, s.nextReload())
	s.holding(1)
	s.burst(6)
	if got := w.hear(); !strings.HasPrefix(got, "200") {
		t.Errorf("the next viewer got %s", clip(got))
	}
}

// With an answer larger than any socket takes at once.
func TestASlowViewerGetsTheWholeAnswerAndHoldsUpNobody(t *testing.T) {
	s := newRoad(t, true)
	slow, quick := s.ride(), s.ride()
	for _, w := range []*walker{slow, quick} {
		io.WriteString(w, s.nextReload())
	}
	s.holding(2)
	g := s.srv.find("ann")
	last := *g.snap.Load()
	last.playlist, last.ended, last.next = large(8<<20), true, make(chan struct{})
	close(g.snap.Swap(&last).next)
	for _, w := range []*walker{quick, slow} {
		got := make([]byte, len(last.playlist.raw))
		if _, err := io.ReadFull(w, got); err != nil || string(got) != string(last.playlist.raw) {
			t.Fatalf("other bytes arrived than were sent: %v", err)
		}
	}
	for _, w := range []*walker{quick, slow} {
		if got := w.ask(plainGet("index.m3u8")); !strings.Contains(got, "#EXT-X-STREAM-INF") {
			t.Errorf("after that: %s", clip(got))
		}
	}
}

func TestTheServerWaitsForWhatItHolds(t *testing.T) {
	s := newRoad(t, true)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.srv.Run(ctx) }()
	w := s.ride()
	io.WriteString(w, s.nextReload())
	s.holding(1)
	cancel()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("it does not end")
	}
	s.holding(0)
	if got := w.hear(); got != "nothing" {
		t.Errorf("after the end: %s", got)
	}
}

// Viewers of all habits at once, for the race detector and for the order of what
// they hear.
func TestPlayersOfAllHabitsHearWhatTheyAskedFor(t *testing.T) {
	s := newRoad(t, true)
	over := make(chan struct{})
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			habits := rand.New(rand.NewPCG(uint64(i), 1))
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				w := s.ride()
				for range 20 {
					reload, more := s.nextReload(), habits.IntN(3)
					go io.WriteString(w, reload+strings.Repeat(plainGet("index.m3u8"), more))
					if habits.IntN(10) == 0 {
						break // leaves while it is held, or not
					}
					if got := w.hear(); !strings.Contains(got, "#EXT-X-PART") {
						t.Errorf("viewer %d: the reload brought %s", i, clip(got))
					}
					for range more {
						if got := w.hear(); !strings.Contains(got, "#EXT-X-STREAM-INF") {
							t.Errorf("viewer %d: the playlist brought %s", i, clip(got))
						}
					}
				}
				w.Close()
			}
		})
	}
	for range 200 {
		s.burst(1)
		time.Sleep(5 * time.Millisecond)
	}
	close(over)
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		all.Wait()
	}()
	for { // until the last have heard what they asked for
		select {
		case <-stop:
			if n := s.srv.Recovered(); n != 0 {
				t.Errorf("%d panics", n)
			}
			return
		case <-time.After(5 * time.Millisecond):
			s.burst(1)
		}
	}
}
