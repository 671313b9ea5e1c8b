package hls

import (
	"time"

	"echo.tv/server/live"
)

// partSlack is how much a part may outlast partLen: publishers round to 1 ms.
const partSlack = live.Second / 100

// snapshot is everything a request needs, as of one part. Immutable, but for
// next, which is closed when a newer snapshot is there.
type snapshot struct {
	id              string
	target          int64 // seconds
	partLen         int64 // 90 kHz
	segments        []view
	listed          int // index of the first listed one
	discontinuities uint64
	nextID          uint64 // of the part that comes next
	peak, bits      int    // bit/s; 0 before the first whole segment
	ended           bool

	playlist     *reply
	delta        *reply // the same without what a reloading player has
	multivariant *reply
	next         chan struct{}
}

// view is a segment as it was: an open one has no duration.
type view struct {
	*segment
	parts    []*part
	duration int64
}

// ready reports whether there is anything to play.
func (s *snapshot) ready() bool { return len(s.segments) > 0 && len(s.segments[0].parts) > 0 }

// last returns the newest segment.
func (s *snapshot) last() view { return s.segments[len(s.segments)-1] }

// has reports whether the playlist holds part p of segment msn, or all of msn
// when p is wholeSegment (RFC 8216bis §6.2.5.2). A part number past the end of
// a complete segment means the first of the next.
func (s *snapshot) has(msn uint64, p int) bool {
	if s.ended || !s.ready() {
		return s.ended
	}
	last := s.last()
	if msn != last.msn {
		if len(s.segments) > 1 && msn+1 == last.msn && p != wholeSegment && p >= len(s.segments[len(s.segments)-2].parts) {
			return len(last.parts) > 0
		}
		return msn < last.msn
	}
	if last.duration > 0 {
		return p == wholeSegment || p < len(last.parts)
	}
	return p != wholeSegment && p < len(last.parts)
}

const wholeSegment = -1

// tooFar reports whether a player asks for what is not nearly there: it is
// confused, and told so instead of waiting (§6.2.5.2).
func (s *snapshot) tooFar(msn uint64, p int) bool {
	if !s.ready() {
		return msn > 2
	}
	last := s.last()
	ahead := int(3 * live.Second / max(1, s.partLen)) // the advance part limit
	if msn == last.msn {
		return p > len(last.parts)+ahead
	}
	return msn > last.msn+2 || (msn > last.msn && p > ahead)
}

// reload returns the playlist, whole or as a delta update.
func (s *snapshot) reload(q reload) *reply {
	if q.skip {
		return s.delta
	}
	return s.playlist
}

// longestHold leaves two seconds of the ten that hls.js gives the first byte of
// a playlist or a part, before it takes the stream for broken.
const longestHold = 8 * time.Second

// holdTime is how long a reload waits for news: after that the unchanged playlist
// is the better answer, as players take an error for a broken stream. The
// protocol's own way out, a 503 after three target durations (RFC 8216bis
// §6.2.5.2), would be such an error, and later than players wait.
func (s *snapshot) holdTime() time.Duration {
	return min(longestHold, time.Duration(max(minTarget, s.target))*1500*time.Millisecond)
}

// part returns the part with the id, nil when it is not there (any more).
func (s *snapshot) part(id uint64) *part {
	for i := len(s.segments) - 1; i >= 0; i-- {
		parts := s.segments[i].parts
		if len(parts) > 0 && id >= parts[0].id {
			if n := id - parts[0].id; n < uint64(len(parts)) {
				return parts[n]
			}
			return nil
		}
	}
	return nil
}

// segment returns the complete segment msn, and its init.
func (s *snapshot) segment(msn uint64) (view, bool) {
	for _, v := range s.segments {
		if v.msn == msn && v.duration > 0 {
			return v, true
		}
	}
	return view{}, false
}

// init returns the init segment with the id, nil when no segment needs it.
func (s *snapshot) init(id uint64) *live.Init {
	for _, v := range s.segments {
		if v.init.ID == id {
			return v.init
		}
	}
	return nil
}
