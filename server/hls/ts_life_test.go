package hls

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRequestsForMPEGTSOfGoneViewersLeaveNothingBehind is the library's leak: its
// playlist handler waits for a segment whatever becomes of the request.
func TestRequestsForMPEGTSOfGoneViewersLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(500 * time.Millisecond) // and then the publisher stalls: there is no second key frame
		ctx, leave := context.WithCancel(t.Context())
		for range 200 {
			go h.ask(ctx, "GET", "/hls/ann/ts/index.m3u8")
		}
		expectGoroutines(t, asking, 200)
		expectGoroutines(t, packing, 1)
		leave()
		expectGoroutines(t, asking, 0)
		time.Sleep(tsIdle)
		expectGoroutines(t, packing, 0)
	})
}

// The functions whose goroutines are counted: those of requests and of packers.
const (
	asking  = "hls.(*Server).serveTSPlaylist("
	packing = "hls.(*tsFeed).follow("
)

// expectGoroutines counts by name: the runtime starts some of its own when it
// likes.
func expectGoroutines(t *testing.T, name string, want int) {
	t.Helper()
	n := 0
	for range 1000 { // one that has ended may still be on its way out
		synctest.Wait()
		stacks := make([]byte, 8<<20)
		n = strings.Count(string(stacks[:runtime.Stack(stacks, true)]), name)
		if n == want {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines in %s, want %d", n, name, want)
}

func TestMPEGTSIsPackedOnlyWhileSomebodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(5 * time.Second)
		m := parse(t, h.get("ts/index.m3u8"))
		for range 3 {
			h.send(tsIdle - time.Second)
			m = parse(t, h.get("ts/index.m3u8"))
		}
		if m.MediaSequence < 60 {
			t.Errorf("it began anew: sequence %d", m.MediaSequence)
		}
		last := m.Segments[len(m.Segments)-1].URI
		h.send(tsIdle - time.Second)
		expectGoroutines(t, packing, 1)
		h.send(2 * time.Second)
		expectGoroutines(t, packing, 0)
		if w := h.get("ts/" + last); w.Code != http.StatusNotFound {
			t.Errorf("a segment outlives its muxer: %d", w.Code)
		}
		again := parse(t, h.get("ts/index.m3u8"))
		if again.MediaSequence <= m.MediaSequence+len(m.Segments) {
			t.Errorf("names are used twice: sequence %d after %d", again.MediaSequence, m.MediaSequence)
		}
		expectGoroutines(t, packing, 1)
	})
}

func TestMPEGTSEndsWithTheServerAndStartsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(3 * time.Second)
		parse(t, h.get("ts/index.m3u8"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := h.srv.Run(ctx); err != nil { // returns: the goroutine went home
			t.Error(err)
		}
		time.Sleep(tsIdle)
		h.publish()
		h.srv.find("ann").ts = tsDoor{}
		if w := h.get("ts/index.m3u8"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("after the end: %d %s", w.Code, w.Body)
		}
	})
}

func TestTheEndIsToldInMPEGTSToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		h.send(4500 * time.Millisecond)
		parse(t, h.get("ts/index.m3u8"))
		h.end()
		expectGoroutines(t, packing, 0)
		m := parse(t, h.get("ts/index.m3u8"))
		if _, lasts := h.tsBytes(); !m.Endlist || lasts < 4450*time.Millisecond {
			t.Errorf("ended: %v, after %v", m.Endlist, lasts)
		}
		time.Sleep(afterglow + time.Second)
		if w := h.get("ts/index.m3u8"); w.Code != http.StatusNotFound {
			t.Errorf("later: %d", w.Code)
		}
	})
}

func TestAFeederThatFellBehindGoesOnWithADiscontinuity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(5 * time.Second)
		g := h.srv.find("ann")
		f := &tsFeed{g: g, log: h.srv.cfg.Log, run: &tsRun{}}
		f.take(g.snap.Load())
		h.send(time.Minute)
		f.take(g.snap.Load())
		if l := string(f.list(false).playlist) + f.playlistOfAll(); strings.Count(l, "#EXT-X-DISCONTINUITY\n") != 1 {
			t.Errorf("a minute is missing:\n%s", l)
		}
		f.drop()
	})
}

// playlistOfAll lists what fell out of the playlist, as far as it is kept.
func (f *tsFeed) playlistOfAll() (s string) {
	for _, g := range f.window.segments[:f.window.listed] {
		if g.discontinuity {
			s += "#EXT-X-DISCONTINUITY\n"
		}
	}
	return s
}

func TestAPanicInTheLibraryCostsOneChannelItsMPEGTS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(time.Second)
		g := &segmenter{ch: h.srv.find("ann").ch} // without a snapshot: the feeder panics
		run := g.ts.enter(func(run *tsRun, msn uint64) bool { return h.srv.startTS(g, run, msn) })
		if l := run.wait(t.Context(), tsWait); !l.ended {
			t.Error("viewers wait for what will not come")
		}
		if h.srv.Recovered() != 1 {
			t.Error("it is not counted")
		}
	})
}
