package live

import "time"

// fit says how a frame relates to the anchor.
type fit int

const (
	follows fit = iota // place it
	jumps              // a new timeline begins
	strays             // a leftover of the timeline before a jump: drop it
)

const (
	maxJump     = 2 * Second       // further from where a frame should be than this is another timeline
	maxBack     = Second / 2       // less than this backwards is a reordering publisher, not a restart
	slowest     = 10 * Second      // between two pictures; what is slower pauses
	settleAfter = time.Second      // tracks of one publisher jump together within this
	patience    = 10 * time.Second // with a clock on which hardly any time passes
	stall       = time.Second      // without a picture; what comes after it is not judged with what was before
)

// fit decides where f belongs. Only the leading track, the picture where there
// is one, breaks a timeline: what other tracks do must not cost the picture up
// to its next key frame.
func (c *clock) fit(f Frame) fit {
	t := &c.tracks[f.Track]
	switch {
	case !t.seen:
		return c.begins(f)
	case f.Track > 0:
		c.realign(f)
	case c.breaks(f), c.stands(f):
		return jumps
	}
	return follows
}

// begins takes the first frame of a track on this anchor.
func (c *clock) begins(f Frame) fit {
	t := &c.tracks[f.Track]
	switch {
	case c.near(f.DTS+t.offset, 2*maxJump):
		return follows
	case f.Arrival.Sub(c.at) < settleAfter:
		return strays
	}
	t.offset = c.end - f.DTS // a publisher whose tracks never agreed: sync by arrival
	return follows
}

// near reports whether channel time at is about where the other tracks are.
func (c *clock) near(at, slack int64) bool {
	return at > c.tracks[0].last-slack && at < c.end+slack
}

// realign syncs a track by arrival that came back on another timeline than it
// left: an Opus encoder that is silent, a source that was paused. One whose
// clock went on meanwhile is in sync already.
func (c *clock) realign(f Frame) {
	t := &c.tracks[f.Track]
	at := f.DTS + t.offset
	if off := t.newest.off(f); off > -maxJump && off < maxJump && f.DTS-t.newest.raw > -maxBack {
		return
	}
	if at <= t.last || !c.near(at, maxJump) {
		t.offset = c.end - f.DTS
	}
}

// off is by how much more the publisher's clock moved on from m to f than ours.
func (m moment) off(f Frame) int64 { return f.DTS - m.raw - ticks(f.Arrival.Sub(m.at)) }

// breaks reports whether f does not follow the last picture. A publisher that
// sends a picture every few seconds, in step with its clock, does not jump each
// time; one that paused does.
func (c *clock) breaks(f Frame) bool {
	t := &c.tracks[f.Track]
	d, before := f.DTS-t.newest.raw, t.step
	if d <= maxJump {
		return d < -maxBack
	}
	if off := t.newest.off(f); d > slowest || off > maxJump || off < -maxJump {
		return true
	}
	t.step = d
	return before > 0 && d > 2*before
}

// stands reports whether f begins time anew because the publisher's hardly
// passes: less than half as much as ours, for long and without a stall, after
// which a network brings the missed time in a moment. It is not asked of a clock
// that only runs slow or fast; and only key frames can, so that nothing is lost.
func (c *clock) stands(f Frame) bool {
	if f.Arrival.Sub(c.tracks[f.Track].newest.at) > stall {
		c.paced = moment{f.DTS, f.Arrival}
		return false
	}
	passed := f.Arrival.Sub(c.paced.at)
	if Span(f.DTS-c.paced.raw) >= passed/2 {
		c.paced = moment{f.DTS, f.Arrival}
		return false
	}
	return f.Key && passed > patience
}
