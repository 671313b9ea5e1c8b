package live

import "time"

// clock is the one monotonic 90 kHz clock of a channel. Publishers come and go
// and their timestamps jump; the channel's time only ever runs forward.
//
// A publisher's timeline is anchored where its first key frame arrives: at the
// end of everything before it plus the wall time that really passed. A frame
// that does not fit ends the anchor, so a jump becomes a discontinuity, never an
// hour-long segment. Guarded by the channel's writer lock.
type clock struct {
	anchored bool
	offset   int64     // channel time = publisher time + offset
	at       time.Time // when the anchor was set
	end      int64     // end of the latest frame, channel time
	endAt    time.Time // when that frame arrived
	paced    moment    // the last frame of the leading track to which time had passed as it should
	tracks   []trackClock
}

// moment is a frame on both clocks.
type moment struct {
	raw int64 // DTS, publisher's clock
	at  time.Time
}

type trackClock struct {
	seen     bool
	offset   int64 // the anchor's, unless the track lives on a timeline of its own
	newest   moment
	step     int64 // distance of the last two frames, publisher's clock; 0 = not known
	last     int64 // last DTS, channel time
	duration int64 // last distance between two frames
	sample   int64 // audio: number of the next sample since channel time 0; 0 = not counting yet
}

const (
	ms         = Second / 1000
	clockStart = 10 * Second       // first frame of a channel; leaves room below for audio from before the picture
	maxDrift   = Second * 50 / 1e3 // audio is re-anchored when its sample count is off by more

	// Timestamps that do not rise are nudged: players want them to. So at most a
	// thousand frames make a second, whatever a publisher sends.
	nudge = ms
)

// release forgets the publisher's timeline, not the channel's: the next anchor
// continues after the last frame.
func (c *clock) release(tracks int) {
	c.anchored = false
	c.tracks = make([]trackClock, tracks)
}

// anchor puts f after everything before it, plus the wall time between.
func (c *clock) anchor(f Frame) {
	at := int64(clockStart)
	if !c.endAt.IsZero() {
		at = c.end + max(0, ticks(f.Arrival.Sub(c.endAt))-c.tracks[f.Track].duration)
	}
	if c.anchored { // time may have stood still before this
		at = max(at, c.paced.raw+c.offset+ticks(f.Arrival.Sub(c.paced.at)))
	}
	c.anchored, c.offset, c.at, c.paced = true, at-f.DTS, f.Arrival, moment{f.DTS, f.Arrival}
	for i, t := range c.tracks {
		c.tracks[i] = trackClock{offset: c.offset, last: at - nudge, duration: t.duration, step: t.step}
	}
}

// place moves f onto the channel's clock and returns its duration. guess is the
// duration to use until the track has shown two frames.
func (c *clock) place(f *Frame, t Track, guess int64) int64 {
	tc := &c.tracks[f.Track]
	cts := min(max(0, f.PTS-f.DTS), maxJump)
	raw, at := f.DTS, f.DTS+tc.offset
	if t.Video() {
		f.DTS = max(at, tc.last+nudge)
		f.PTS = max(f.DTS, at+cts) // a nudge moves when it is decoded, not when it is shown
		if tc.seen && at > tc.last {
			tc.duration = snap(f.DTS-tc.last, guess)
		}
	} else {
		f.DTS = tc.count(at, int64(f.Samples), int64(t.SampleRate))
		f.PTS = f.DTS + cts
		tc.duration = guess
	}
	if tc.duration == 0 {
		tc.duration = guess
	}
	if tc.seen {
		tc.step = raw - tc.newest.raw
	}
	tc.seen, tc.newest, tc.last = true, moment{raw, f.Arrival}, f.DTS
	if end := f.DTS + tc.duration; end > c.end {
		c.end, c.endAt = end, f.Arrival
	}
	return tc.duration
}

// snap returns the nominal frame duration when d is it but for rounding to 1 ms:
// samples that abut exactly leave a player no gaps to bridge.
func snap(d, nominal int64) int64 {
	if off := d - nominal; off > -2*ms && off < 2*ms {
		return nominal
	}
	return d
}

// count places an audio frame by the number of samples before it: RTMP rounds
// timestamps to 1 ms, and a player hears the rounding as clicks. It counts whole
// samples from channel time 0, so that a packager gets the same whole number
// back from the 90 kHz.
func (tc *trackClock) count(at, samples, rate int64) int64 {
	exact := (tc.sample*Second + rate/2) / rate
	if tc.sample == 0 || exact <= tc.last || exact-at > maxDrift || at-exact > maxDrift {
		at = max(at, tc.last+nudge)
		tc.sample = (at*rate + Second - 1) / Second
		exact = (tc.sample*Second + rate/2) / rate
	}
	tc.sample += samples
	return exact
}
