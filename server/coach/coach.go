// Package coach looks at each stream as it arrives and says what its streamer
// should change, and keeps ten minutes of figures for the graphs. It owns the
// samples, the rules and the words of the advice; where a figure comes from is
// the live core's business, and so is who may read it of the face that shows it.
//
// A tap is a [live.Output]: it sees every chunk in the publisher's goroutine and
// adds to a few numbers under a lock that the sampler takes once a second for
// as long as a copy of them needs. One goroutine, Run, then makes a sample of
// each channel and asks every rule about it: 600 samples of 80 bytes and the
// table of rules are all that a channel costs, however fast it sends.
//
// # Advice
//
// Every rule names what is and what is wanted, and how to get there in OBS; what
// cannot be mended there is not told. A rule has two thresholds, and must hold
// for a while before it is told and be over for a while before it is taken
// back, so that advice does not flicker.
//
// # How far silence can be told
//
// Silence means digital silence: a muted or missing source. It is seen without
// decoding. An access unit of it is tiny (ffmpeg's and OBS's AAC encoder: 6
// bytes for stereo, while noise at -86 dB already takes 178 or more), and with
// an encoder that pads (voaacenc: 420 bytes always) or with Opus (3 bytes) the
// same unit comes again and again. A microphone in a quiet room is never taken
// for silence; a pure tone whose period divides the encoder's frame may be.
package coach

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// Config is what a Coach is made of.
type Config struct {
	Log  *slog.Logger
	Link func() Link // the adapter that viewers come by; called once a second
}

// keep is how long a channel that left the air can still be asked about.
const keep = 10 * time.Minute

// Coach watches all channels. It is safe for concurrent use.
type Coach struct {
	cfg Config

	mu       sync.Mutex
	channels map[tv.ChannelName]*desk // guarded by mu, and so are the desks
	link     line                     // guarded by mu
}

// New returns a coach that has seen nothing.
func New(cfg Config) *Coach {
	return &Coach{cfg: cfg, channels: make(map[tv.ChannelName]*desk)}
}

// Attach makes the output through which ch is watched.
func (c *Coach) Attach(ch *live.Channel) live.Output {
	t := &tap{}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.channels[ch.Name()]
	if d == nil {
		d = &desk{}
		c.channels[ch.Name()] = d
	}
	d.begin(ch, t)
	return t
}

// Run takes a sample a second until ctx ends.
func (c *Coach) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		c.look(time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *Coach) look(now time.Time) {
	link := c.cfg.Link()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link.begin(link)
	for name, d := range c.channels {
		if d.sample(now) {
			c.link.add(d.status.Rates.Sent)
		} else if now.Sub(d.seen) > keep {
			delete(c.channels, name)
		}
	}
	if c.link.full() {
		b := c.link.budget(0, 0)
		c.cfg.Log.Warn("viewers nearly fill the network link", "used", rate(b.Used), "carries", rate(b.Carries), "adapter", string(b.Link.Kind))
	}
	for _, d := range c.channels {
		d.judge(c.budget(d))
	}
}

// Series returns the samples of a channel that are newer than after, oldest
// first, and false when nothing is known of it.
func (c *Coach) Series(name tv.ChannelName, after time.Time) ([]Sample, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.channels[name]
	if d == nil {
		return nil, false
	}
	return d.past.since(after), true
}

// budget is called with mu held.
func (c *Coach) budget(d *desk) Budget { return c.link.budget(d.status.Bitrate, d.status.Rates.Sent) }

// Report is what a streamer is told.
type Report struct {
	Health Health
	Advice []Advice // the worst first
	Budget Budget
}

// Report returns what there is to say about a channel now.
func (c *Coach) Report(name tv.ChannelName) Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.channels[name]
	if d == nil {
		return Report{Health: Off, Budget: c.link.budget(0, 0)}
	}
	return Report{Health: d.health(), Advice: d.advice(), Budget: c.budget(d)}
}
