package live

import (
	"sync/atomic"
	"time"
)

// Received is what publishers have sent.
type Received struct {
	VideoBytes, AudioBytes uint64 // as sent, with filler that goes no further
	Pictures, Sounds       uint64 // frames, also those that were not put on air
}

// Bytes is the sum of picture and sound.
func (r Received) Bytes() uint64 { return r.VideoBytes + r.AudioBytes }

// Rates are averages over the last ten seconds, in bit/s. Where there are not
// ten yet they are taken over what there is, so that a new stream does not look
// like a dying one.
type Rates struct{ Video, Audio, Sent int }

// In is the sum of picture and sound.
func (r Rates) In() int { return r.Video + r.Audio }

// Traffic is what the whole host has received and sent since it started.
type Traffic struct {
	Received Received
	SentBy   map[Path]uint64 // bytes of media; every path is there
	Rates    Rates
}

// traffic counts bytes and frames, of one channel or of the host. A count is
// one atomic addition. Once a second sample turns counts into rates.
type traffic struct {
	video, audio, pictures, sounds, chunks atomic.Uint64

	sent  map[Path]*atomic.Uint64 // the map itself is never written
	rates atomic.Pointer[Rates]

	samples [rateSeconds + 1]sample // belongs to the hub's Run
	taken   int
}

const rateSeconds = 10 // as nginx-rtmp's NGX_RTMP_BANDWIDTH_INTERVAL

type sample struct {
	at                 time.Time
	video, audio, sent uint64
}

func newTraffic() *traffic {
	t := &traffic{sent: make(map[Path]*atomic.Uint64, len(Paths))}
	for _, p := range Paths {
		t.sent[p] = new(atomic.Uint64)
	}
	t.rates.Store(&Rates{})
	t.sample(time.Now())
	return t
}

func (t *traffic) count(f Frame, video bool) {
	size := uint64(max(f.Wire, len(f.Payload)))
	if video {
		t.video.Add(size)
		t.pictures.Add(1)
	} else {
		t.audio.Add(size)
		t.sounds.Add(1)
	}
}

func (t *traffic) received() Received {
	return Received{t.video.Load(), t.audio.Load(), t.pictures.Load(), t.sounds.Load()}
}

func (t *traffic) sentBy() map[Path]uint64 {
	by := make(map[Path]uint64, len(t.sent))
	for p, n := range t.sent {
		by[p] = n.Load()
	}
	return by
}

// sample notes the counts of now and compares them with the oldest kept.
func (t *traffic) sample(now time.Time) {
	s := sample{at: now, video: t.video.Load(), audio: t.audio.Load()}
	for _, n := range t.sent {
		s.sent += n.Load()
	}
	t.samples[t.taken%len(t.samples)] = s
	t.taken++
	old := t.samples[t.taken%len(t.samples)]
	if t.taken < len(t.samples) {
		old = t.samples[0]
	}
	if d := s.at.Sub(old.at).Seconds(); d > 0 {
		per := func(now, then uint64) int { return int(float64(now-then) * 8 / d) }
		t.rates.Store(&Rates{per(s.video, old.video), per(s.audio, old.audio), per(s.sent, old.sent)})
	}
}
