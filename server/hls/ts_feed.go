package hls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"echo.tv/server/live"
)

// tsFeed is the goroutine between the segmenter's snapshots and MPEG-TS. It
// follows them at a pace of its own, from the oldest listed part on, so that a
// viewer gets a playlist at once; the publisher never waits for it, and parts
// that left memory before it came are a discontinuity.
type tsFeed struct {
	g   *segmenter
	run *tsRun
	log *slog.Logger

	mux   *tsMuxer // nil while there is no timeline, or none that MPEG-TS can carry
	begun bool
	next  uint64 // id of the part that comes next

	window window
	msn    uint64
	open   *segment // complete pieces of a segment that is too short yet
	cut    bool     // the next segment begins with a discontinuity
	fresh  bool     // there are segments that nobody was told of

	lost int   // frames
	why  error // of the first of them
}

// follow packs what comes until the broadcast ends, nobody asks any more, or
// ctx ends.
func (f *tsFeed) follow(ctx context.Context) {
	idle := time.NewTimer(tsIdle)
	defer idle.Stop()
	defer f.tell()
	for {
		s := f.g.snap.Load()
		f.take(s)
		if s.ended {
			f.stop()
		}
		if f.fresh || s.ended {
			f.run.publish(f.list(s.ended))
			f.fresh = false
		}
		if s.ended {
			return
		}
		select {
		case <-s.next:
		case <-ctx.Done():
			f.drop()
			return
		case <-idle.C:
			left := f.g.ts.leave(f.run, f.msn)
			if left <= 0 {
				f.drop()
				return
			}
			idle.Reset(left)
		}
	}
}

// recovered ends MPEG-TS for this broadcast when the library panicked: the same
// bytes would only make it panic again. The muxer may have died holding its
// lock, so it is left to the garbage collector, unclosed.
func (f *tsFeed) recovered(r any) {
	f.log.Error("MPEG-TS failed", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	f.run.publish(f.list(true))
}

// take packs the parts of s that are new.
func (f *tsFeed) take(s *snapshot) {
	views := s.segments
	if !f.begun {
		views = views[s.listed:]
	}
	for _, v := range views {
		for i, p := range v.parts {
			if f.begun && p.id < f.next {
				continue
			}
			if f.begun && (p.id > f.next || (i == 0 && v.discontinuity)) {
				f.stop()
			}
			f.begun, f.next = true, p.id+1
			f.pack(v, p)
		}
	}
}

func (f *tsFeed) pack(v view, p *part) {
	body := p.reply.body()
	for _, s := range p.samples {
		at := v.at.Add(live.Span(s.dts - v.start))
		f.write(v.init, s, body[s.end-s.size:s.end], at)
	}
}

// write packs one frame. Where the muxer fails, or the sound drifted from the
// picture, a new one goes on at a key frame.
func (f *tsFeed) write(init *live.Init, s sample, payload []byte, at time.Time) {
	if f.mux == nil && !f.start(init) {
		return
	}
	p, err := f.mux.write(s, payload, at)
	f.add(p)
	switch {
	case err != nil && (s.key && s.track == 0 || errors.Is(err, errMuxer)):
		f.lose(err)
		f.drop()
	case err != nil:
		f.lose(err)
	case p != nil && f.mux.drifted:
		f.drop()
		if f.start(init) {
			f.mux.write(s, payload, at)
		}
	}
}

func (f *tsFeed) lose(err error) {
	if f.lost++; f.why == nil {
		f.why = err
	}
}

// tell logs what viewers missed, once.
func (f *tsFeed) tell() {
	if f.lost > 0 {
		f.log.Warn("MPEG-TS left frames out", "frames", f.lost, "reason", f.why)
	}
}

// start makes the muxer of a timeline, and reports whether MPEG-TS can carry it.
func (f *tsFeed) start(init *live.Init) bool {
	m, err := newTSMuxer(init.Tracks)
	if err != nil {
		return false
	}
	f.mux = m
	f.window.keep = minListed
	f.window.target = max(f.window.target, minTarget)
	if interval := init.Tracks[0].KeyInterval; interval > 0 {
		f.window.target = max(f.window.target, targetFor(interval))
	}
	return true
}

// stop ends the timeline with all that there is of it.
func (f *tsFeed) stop() {
	if f.mux != nil {
		f.add(f.mux.finish())
	}
	f.drop()
}

// drop ends the timeline without what is in the muxer. The next one has its own
// counters in every packet: a discontinuity, with which players go on.
func (f *tsFeed) drop() {
	if f.mux != nil {
		f.mux.close()
		f.mux = nil
	}
	f.closeSegment()
	f.cut = len(f.window.segments) > 0
}

// add puts a piece into the open segment.
func (f *tsFeed) add(p *tsPiece) {
	if p == nil {
		return
	}
	if f.open == nil {
		f.open = &segment{msn: f.msn, discontinuity: f.cut, start: p.start, at: p.at}
		f.msn++
		f.cut = false
	}
	g := f.open
	g.pieces = append(g.pieces, p.data)
	g.size += len(p.data)
	if g.duration = p.end - g.start; g.duration >= segmentGoal-keySlack || g.size >= maxBytes {
		f.closeSegment()
	}
}

// closeSegment lists the open segment. The target duration follows the longest:
// it must not change, but a segment that is longer than it says is worse, and
// it only does where an encoder does not keep to a key interval.
func (f *tsFeed) closeSegment() {
	if f.open == nil {
		return
	}
	f.window.target = max(f.window.target, int64(math.Round(float64(f.open.duration)/live.Second)))
	f.window.add(f.open)
	f.window.close(f.open)
	f.open, f.fresh = nil, true
}

// list returns what viewers see from now on.
func (f *tsFeed) list(ended bool) *tsList {
	w := &f.window
	l := &tsList{segments: slices.Clone(w.segments), ended: ended, next: make(chan struct{})}
	if len(w.segments) == 0 {
		return l
	}
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:%d\n",
		w.target, w.segments[w.listed].msn)
	if w.discontinuities > 0 {
		fmt.Fprintf(&b, "#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", w.discontinuities)
	}
	for _, s := range w.segments[w.listed:] {
		if s.discontinuity {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%s,\n%s\n",
			s.at.UTC().Format("2006-01-02T15:04:05.000Z"), seconds(s.duration), tsName(s.msn, f.g.id))
	}
	if ended {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	l.playlist = []byte(b.String())
	return l
}
