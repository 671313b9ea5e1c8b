package coach

import (
	"time"

	"echo.tv/server/live"
)

// Health sums the advice up.
type Health string

// Off: nobody publishes. Learning: too early to say. Healthy: nothing to say.
const (
	Off      Health = "off"
	Learning Health = "learning"
	Healthy  Health = "healthy"
	Unwell   Health = "advice"
)

// learning is how many samples it takes to say that nothing is wrong.
const learning = 10

// desk is one channel on the coach's table. It outlives the time on air, since
// a streamer looks at the graph afterwards, too.
type desk struct {
	ch     *live.Channel
	tap    *tap
	seen   time.Time // when it was last on air
	last   time.Time // when the newest sample was taken
	status live.Status
	read   reading
	run    int // samples of this publisher
	past   past
	told   [len(rules)]standing
	shown  bool // a frame of this publisher came
}

// begin takes a channel that goes on air.
func (d *desk) begin(ch *live.Channel, t *tap) {
	d.ch, d.tap = ch, t
	d.seen = time.Now()
	d.last = d.seen
	d.fresh()
}

// fresh forgets what was said about the publisher before.
func (d *desk) fresh() { d.run, d.shown, d.told = 0, false, [len(rules)]standing{} }

// sample takes the figures of the last second. It returns false when the
// channel is off the air.
func (d *desk) sample(now time.Time) bool {
	if d.ch == nil {
		return false
	}
	was, dropped := d.status.Came, d.status.Dropped
	d.status, d.read = d.ch.Status(), d.tap.read()
	since := now.Sub(d.last)
	d.last = now
	if d.read.ended {
		d.ch, d.tap = nil, nil // what they hold must not outlive the channel
		d.status.State = live.Offline
	}
	if d.status.State == live.Offline {
		d.status.Bitrate, d.status.Rates = 0, live.Rates{}
		return false
	}
	if !d.status.Came.Equal(was) {
		d.fresh()
	}
	d.seen = now
	if !d.shown {
		d.shown = d.read.arrival.After(d.status.Came) // what came so far is a part of a second, or a burst
	} else {
		d.past.add(d.make(now, since, d.status.Dropped > dropped))
		d.run++
	}
	return true
}

// make turns a reading into a sample. since is how long it was gathered for;
// dropped tells that frames came that could not be shown.
func (d *desk) make(now time.Time, since time.Duration, dropped bool) Sample {
	r, perSecond := d.read, 1/max(since.Seconds(), 0.1)
	s := Sample{
		At: now, Bits: int(float64(r.bytes*8) * perSecond), Wire: int(float64(r.wire*8) * perSecond),
		FPS: float64(r.pictures) * perSecond, Key: r.key, Viewers: d.status.Viewers,
		Late: r.late, Jumps: d.status.Jumps,
	}
	if silent := now.Sub(r.arrival); silent > time.Second && !dropped {
		s.Late = max(s.Late, silent) // what does not come at all is late, too
	}
	if r.pictures > 1 && r.cts > r.ctsMin {
		s.Reorder = live.Span(r.cts - r.ctsMin)
	}
	switch {
	case r.sounds > r.silent:
		s.Sound = Audible
	case r.sounds > 0:
		s.Sound = Silent
	}
	return s
}

// judge asks every rule. While the signal is lost nothing is known that was not
// known before, and when a broadcast is over its advice helps nobody; only that
// nothing ever came stays true.
func (d *desk) judge(b Budget) {
	switch {
	case d.status.State == live.Offline && d.shown:
		d.told = [len(rules)]standing{}
		return
	case d.status.State == live.Offline || d.status.State == live.Lost:
		return
	}
	v := view{status: d.status, run: d.past.last(min(d.run, window)), promised: d.read.promised, budget: b,
		shown: d.shown, waited: d.last.Sub(d.status.Came)}
	for i := range rules {
		d.told[i].ask(&rules[i], v)
	}
}

func (d *desk) health() Health {
	switch {
	case len(d.advice()) > 0:
		return Unwell
	case d.status.State == live.Offline || d.status.State == "":
		return Off
	case d.run < learning:
		return Learning
	}
	return Healthy
}
