package coach

import (
	"sync"
	"time"

	"echo.tv/server/live"
)

// tally is what came since the last sample.
type tally struct {
	bytes, wire, pictures int
	sounds, silent        int
	late                  time.Duration // the worst
	cts, ctsMin           int64         // the largest and smallest composition offset, 90 kHz
}

// tap sees every chunk of a channel. WriteChunk and End belong to the
// publisher's goroutine, read to the sampler's.
type tap struct {
	mu      sync.Mutex
	now     tally     // guarded by mu, and so is all below
	arrival time.Time // of the newest frame; zero before the first
	key     keys
	lag     lag
	quiet   silence
	init    *live.Init
	ended   bool
}

// WriteChunk takes what the rules need to know of c.
func (t *tap) WriteChunk(c *live.Chunk) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := c.Frame
	t.now.bytes += len(f.Payload)
	t.now.wire += max(f.Wire, len(f.Payload))
	if c.Discontinuity {
		t.key, t.lag = keys{}, lag{}
	}
	t.init, t.arrival = c.Init, f.Arrival
	t.now.late = max(t.now.late, t.lag.of(f))
	if track := c.Init.Tracks[f.Track]; !track.Video() {
		t.now.sounds++
		if t.quiet.hears(f.Payload, track.Channels) {
			t.now.silent++
		}
		return
	}
	t.key.see(f)
	cts := f.PTS - f.DTS
	if t.now.pictures == 0 {
		t.now.cts, t.now.ctsMin = cts, cts
	}
	t.now.cts, t.now.ctsMin = max(t.now.cts, cts), min(t.now.ctsMin, cts)
	t.now.pictures++
}

// End notes that nothing more comes.
func (t *tap) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}

// reading is what a tap shows at one moment.
type reading struct {
	tally
	arrival  time.Time
	key      time.Duration // distance of key frames; 0 while not known
	promised time.Duration // the same, as the encoder's settings say
	ended    bool
}

// read returns what came since the last call.
func (t *tap) read() reading {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := reading{tally: t.now, arrival: t.arrival, key: t.key.distance(), ended: t.ended}
	if t.init != nil {
		for _, track := range t.init.Tracks {
			r.promised = max(r.promised, live.Span(track.KeyInterval))
		}
	}
	t.now = tally{}
	return r
}

// keys measures how far key frames are apart.
type keys struct {
	seen      bool
	last, gap int64 // DTS of the newest, and its distance from the one before; 0 before there were two
	newest    int64 // DTS of the newest picture
}

func (k *keys) see(f live.Frame) {
	if f.Key {
		if k.seen {
			k.gap = f.DTS - k.last
		}
		k.seen, k.last = true, f.DTS
	}
	k.newest = f.DTS
}

// tooLong is a distance that says something before its end is known.
const tooLong = 3 * live.Second

func (k *keys) distance() time.Duration {
	open := k.newest - k.last
	if k.gap == 0 && open < tooLong {
		return 0
	}
	return live.Span(max(k.gap, open))
}

// lag measures how much later a frame comes than its own clock says, against
// the promptest frame so far: a sender that cannot get rid of its frames falls
// behind, and catches up in a burst.
type lag struct {
	begun bool
	first live.Frame
	base  time.Duration
	at    time.Time // of the last frame
}

// drift lets the base follow a sender whose clock runs slow: 100 ppm is the
// worst that ordinary quartz does.
const drift = 10_000

func (l *lag) of(f live.Frame) time.Duration {
	if !l.begun {
		*l = lag{begun: true, first: f, at: f.Arrival}
		l.first.Payload = nil
	}
	late := f.Arrival.Sub(l.first.Arrival) - live.Span(f.DTS-l.first.DTS)
	l.base = min(l.base+f.Arrival.Sub(l.at)/drift, late)
	l.at = f.Arrival
	return late - l.base
}
