package live

import "time"

// clock is the one monotonic 90 kHz clock of a channel. Publishers come and go
// and their timestamps jump; the channel's time only ever runs forward.
//
// A publisher's timeline is anchored where its first key frame arrives: at the
// end of everything before it plus the wall time that really passed. A frame
// that does not follow its track's last one ends the anchor, so a jump becomes
// a discontinuity, never an hour-long segment. Guarded by the channel's writer
// lock.
type clock struct {
	anchored bool
	offset   int64     // channel time = publisher time + offset
	at       time.Time // when the anchor was set
	end      int64     // end of the latest frame, channel time
	endAt    time.Time // when that frame arrived
	tracks   []trackClock
}

type trackClock struct {
	seen     bool
	offset   int64 // the anchor's, unless the track lives on a timeline of its own
	raw      int64 // last DTS, publisher's clock
	last     int64 // last DTS, channel time
	duration int64 // last distance between two frames
	sample   int64 // audio: number of the next sample since channel time 0; 0 = not counting yet
}

const (
	ms          = Second / 1000
	clockStart  = 10 * Second       // first frame of a channel; leaves room below for audio from before the picture
	maxJump     = 2 * Second        // further from the last frame than this is another timeline
	maxBack     = Second / 2        // less than this backwards is a reordering publisher, not a restart
	maxDrift    = Second * 50 / 1e3 // audio is re-anchored when its sample count is off by more
	settleAfter = time.Second       // tracks of one publisher jump together within this
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
		at = c.end + max(0, int64(f.Arrival.Sub(c.endAt).Seconds()*Second)-c.tracks[f.Track].duration)
	}
	c.anchored, c.offset, c.at = true, at-f.DTS, f.Arrival
	for i := range c.tracks {
		c.tracks[i] = trackClock{offset: c.offset, last: at - 1, duration: c.tracks[i].duration}
	}
}

// fit says how a frame relates to the anchor.
type fit int

const (
	follows fit = iota // place it
	jumps              // a new timeline begins
	strays             // a leftover of the timeline before a jump: drop it
)

func (c *clock) fit(f Frame) fit {
	t := &c.tracks[f.Track]
	if t.seen {
		if d := f.DTS - t.raw; d > maxJump || d < -maxBack {
			return jumps
		}
		return follows
	}
	if at := f.DTS + t.offset; at < c.end+2*maxJump && at > c.end-2*maxJump {
		return follows
	}
	if f.Arrival.Sub(c.at) < settleAfter {
		return strays
	}
	t.offset = c.end - f.DTS // a publisher whose tracks never agreed: sync by arrival
	return follows
}

// place moves f onto the channel's clock and returns its duration. guess is the
// duration to use until the track has shown two frames.
func (c *clock) place(f *Frame, t Track, guess int64) int64 {
	tc := &c.tracks[f.Track]
	cts := min(max(0, f.PTS-f.DTS), maxJump)
	raw, at := f.DTS, f.DTS+tc.offset
	if t.Video() {
		f.DTS = max(at, tc.last+1) // equal timestamps are nudged: players want them to rise
		if tc.seen && at > tc.last {
			tc.duration = snap(f.DTS-tc.last, guess)
		}
	} else {
		f.DTS = tc.count(at, int64(f.Samples), int64(t.SampleRate))
		tc.duration = guess
	}
	if tc.duration == 0 {
		tc.duration = guess
	}
	f.PTS = f.DTS + cts
	tc.seen, tc.raw, tc.last = true, raw, f.DTS
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
		at = max(at, tc.last+1)
		tc.sample = (at*rate + Second - 1) / Second
		exact = (tc.sample*Second + rate/2) / rate
	}
	tc.sample += samples
	return exact
}
