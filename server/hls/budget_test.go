package hls

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/live"
)

// A publisher with a key filled the host's memory: what it sent left by media
// time only, and its timestamps stood still.
func TestNoClockMakesAChannelHoldMoreThanItsBudget(t *testing.T) {
	for name, c := range map[string]struct {
		gop   int
		pause time.Duration // between frames of a megabyte
		frame func(h *host, i int64) live.Frame
	}{
		"key frames":   {gop: 10, frame: frozen},
		"no key frame": {gop: 1 << 30, frame: frozen},
		"in real time": {gop: 30, pause: time.Second / 30, frame: frozen},
		"a millionth":  {gop: 30, frame: func(h *host, i int64) live.Frame { f := frozen(h, i); f.DTS += i / 1000; f.PTS = f.DTS; return f }},
		"sound after one picture": {frame: func(h *host, i int64) live.Frame {
			if i > 0 {
				return soundOf(h, i)
			}
			return frozen(h, 0)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHost(t, max(1, c.gop))
				defer h.end()
				h.picture.KeyInterval = 2 * live.Second
				h.publish()
				before, most := heap(), 0
				for i := range int64(300) {
					f := c.frame(h, i)
					f.Payload = make([]byte, 1<<20)
					h.write(f)
					time.Sleep(c.pause)
					if i%100 == 99 {
						most = max(most, heap()-before)
					}
				}
				g := h.srv.find("ann")
				if limit := g.window.most() + maxBytes + maxPart; most > limit+16<<20 {
					t.Errorf("%d MiB are held, %d may be", most>>20, limit>>20)
				}
				runtime.KeepAlive(g)
			})
		})
	}
}

func TestNoClockMakesMPEGTSHoldMoreThanItsBudget(t *testing.T) {
	f := tsFeed{window: window{target: minTarget, keep: minListed}}
	limit := f.window.most() + maxBytes + maxPiece
	for i := range int64(60) {
		f.add(&tsPiece{data: make([]byte, 8<<20), start: i * shortestPiece, end: (i + 1) * shortestPiece})
		held := bytesOf(f.window.segments)
		if f.open != nil {
			held += f.open.size
		}
		if held > limit {
			t.Fatalf("%d MiB are held after %d pieces, %d may be", held>>20, i+1, limit>>20)
		}
	}
}

// frozen is a picture on a clock that stands still.
func frozen(h *host, i int64) live.Frame {
	return live.Frame{DTS: 0, PTS: 0, Key: i%int64(h.gop) == 0}
}

func soundOf(h *host, i int64) live.Frame {
	at := i * 1024 * live.Second / 48000
	return live.Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1024}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// What a stream of 50 Mbit/s with a key frame every two seconds is promised does
// not depend on the budget, whatever is known of the key frames.
func TestTheBudgetTakesNothingFromARichStream(t *testing.T) {
	for _, interval := range []int64{2 * live.Second, 0} {
		synctest.Test(t, func(t *testing.T) {
			h := newHost(t, 60)
			defer h.end()
			h.over()
			h.picture.KeyInterval = interval
			h.publish()
			h.size = 50_000_000 / 8 / 30
			h.send(time.Second)
			g := h.srv.find("ann")
			h.send(10 * time.Duration(g.target) * time.Second) // until as much leaves as comes
			for range 8 {
				h.send(2 * time.Second)
				listed := g.window.segments[g.window.listed:]
				if span(listed) < 3*g.target*live.Second {
					t.Errorf("target %d s: only %v are listed", g.target, live.Span(span(listed)))
				}
				if gone := span(g.window.segments[:g.window.listed]); gone < span(listed)-4*live.Second {
					t.Errorf("target %d s: of what left the playlist %v are kept, %v are listed", g.target, live.Span(gone), live.Span(span(listed)))
				}
			}
		})
	}
}
