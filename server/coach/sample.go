package coach

import (
	"slices"
	"time"
)

// Sound is what a second of a stream sounds like.
type Sound uint8

// Nothing came, only digital silence, or something to hear.
const (
	NoSound Sound = iota
	Silent
	Audible
)

// Sample is one second of a channel on air.
type Sample struct {
	At      time.Time
	Bits    int           // media received, bit/s
	Wire    int           // the same with filler that was dropped
	FPS     float64       // pictures received
	Key     time.Duration // distance of key frames; 0 while not known
	Viewers int
	Late    time.Duration // how much later than the stream's own clock says the latest frame came
	Reorder time.Duration // how long B-frames hold a picture back; 0 without any
	Sound   Sound
	Jumps   uint64 // of the publisher's clock, since it came
}

// length is how many samples are kept: ten minutes.
const length = 600

// past is the newest samples. The zero past is empty.
type past struct {
	ring [length]Sample
	n    int // that were ever added
}

func (p *past) add(s Sample) {
	p.ring[p.n%length] = s
	p.n++
}

// last returns a copy of the newest n samples, oldest first, or of what there is.
func (p *past) last(n int) []Sample {
	n = min(n, p.n, length)
	out := make([]Sample, 0, n)
	for i := p.n - n; i < p.n; i++ {
		out = append(out, p.ring[i%length])
	}
	return out
}

func (p *past) since(after time.Time) []Sample {
	all := p.last(length)
	i := slices.IndexFunc(all, func(s Sample) bool { return s.At.After(after) })
	if i < 0 {
		return nil
	}
	return all[i:]
}
