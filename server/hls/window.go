package hls

import "echo.tv/server/live"

// minListed is what a playlist holds at least, in ticks: enough for a player
// that stalls for some seconds, small enough for 5 Mbit/s in 12 MB.
const minListed = 6 * live.Second

// richest is a stream, in bytes a second, whose segments all have their place for
// as long as the protocol wants. Of a richer one, or of one whose clock says that
// hardly any time passes, the oldest make room sooner.
const richest = 50_000_000 / 8

// window is the run of segments in memory: first those that left the playlist
// but must still be served (RFC 8216bis §6.2.2), then the listed ones, of which
// the last may be open. The publisher's goroutine uses it.
type window struct {
	target          int64
	keep            int64 // ticks to list at least, beyond what the protocol wants
	segments        []*segment
	listed          int    // index of the first listed one
	discontinuities uint64 // that left the playlist
	peak, bits      int    // bit/s, of the fastest and of the last segment
	ended           bool
}

func (w *window) add(s *segment) { w.segments = append(w.segments, s) }

// close takes notice of a complete segment and lets old ones go.
func (w *window) close(s *segment) {
	w.bits = int(float64(s.size*8) / (float64(s.duration) / live.Second))
	w.peak = max(w.peak, w.bits)
	for w.mayUnlist() || w.mustUnlist() {
		if w.segments[w.listed].discontinuity {
			w.discontinuities++
		}
		w.listed++
	}
	for w.mayForget() || w.mustForget() {
		w.segments[0] = nil // for the garbage collector: the array stays
		w.segments = w.segments[1:]
		w.listed--
	}
}

// mayUnlist: a live playlist never becomes shorter than three target durations
// (§6.2.2).
func (w *window) mayUnlist() bool {
	return w.listed < len(w.segments)-1 && span(w.segments[w.listed+1:]) >= w.promised()
}

// promised is how many ticks are listed at least.
func (w *window) promised() int64 { return max(w.keep, 3*w.target*live.Second) }

// mayForget: a segment stays for its own duration and that of the playlist
// after it left.
func (w *window) mayForget() bool {
	if w.listed == 0 {
		return false
	}
	return span(w.segments[1:w.listed]) >= w.segments[0].duration+span(w.segments[w.listed:])
}

// most is how many bytes are kept: half for the playlist, with a segment of two
// seconds that is about to leave it and one that came, and half for what left.
// With key frames every two seconds that is 125 MB.
func (w *window) most() int {
	return int(2 * richest * (w.promised() + 4*live.Second) / live.Second)
}

func (w *window) mustUnlist() bool {
	return w.listed < len(w.segments)-1 && bytesOf(w.segments[w.listed:]) > w.most()/2
}

func (w *window) mustForget() bool { return w.listed > 0 && bytesOf(w.segments) > w.most() }

func bytesOf(s []*segment) (n int) {
	for _, s := range s {
		n += s.size
	}
	return n
}

func span(s []*segment) (ticks int64) {
	for _, s := range s {
		ticks += s.duration
	}
	return ticks
}

// snapshot copies what readers may see: slices of their own, of immutable
// things.
func (w *window) snapshot(g *segmenter) *snapshot {
	s := &snapshot{
		id: g.id, target: w.target, partLen: g.partLen, ended: w.ended, nextID: g.nextID,
		discontinuities: w.discontinuities, listed: w.listed, peak: w.peak, bits: w.bits,
		segments: make([]view, len(w.segments)), next: make(chan struct{}),
	}
	if g.part != nil {
		s.nextID = g.part.id
	}
	for i, seg := range w.segments {
		s.segments[i] = view{segment: seg, parts: seg.parts, duration: seg.duration}
	}
	s.playlist = newReply(playlistType, fresh, s.write(0))
	s.delta = s.playlist
	if n := s.skippable(); n > 0 {
		s.delta = newReply(playlistType, fresh, s.write(n))
	}
	s.multivariant = newReply(playlistType, fresh, s.writeMultivariant())
	return s
}
