package live

import "time"

// rate measures what a publisher sends, over windows of two seconds: short
// enough to follow a change, long enough to hold a key frame of the usual
// interval. Guarded by the channel's writer lock.
type rate struct {
	since         time.Time
	bytes, frames int
	fresh         bool

	bits int     // bit/s in the last whole window
	fps  float64 // pictures/s in the last whole window
}

const rateWindow = 2 * time.Second

func (r *rate) add(f Frame, video bool) {
	if r.since.IsZero() {
		r.since = f.Arrival
	}
	if d := f.Arrival.Sub(r.since); d >= rateWindow {
		r.bits = int(float64(r.bytes*8) / d.Seconds())
		r.fps = float64(r.frames) / d.Seconds()
		r.since, r.bytes, r.frames, r.fresh = f.Arrival, 0, 0, true
	}
	r.bytes += len(f.Payload)
	if video {
		r.frames++
	}
}

// ready reports once per window that there are new figures.
func (r *rate) ready() bool {
	f := r.fresh
	r.fresh = false
	return f
}
