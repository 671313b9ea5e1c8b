package live

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"echo.tv/server/tv"
)

// stillEvery is how often a key frame is put aside as the channel's picture:
// often enough for a grid to look alive, at ~80 kB each.
const stillEvery = 10 * time.Second

// Session is one publisher's hold on its channel. SetTracks, WriteFrame and
// SetEncoder belong to one goroutine; Close and Context may be used from any.
type Session struct {
	hub    *Hub
	ch     *Channel
	who    Publisher
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelCauseFunc

	// Guarded by the channel's writer lock.
	waiting  bool // for the key frame that starts a timeline
	lastKey  int64
	jumpTold time.Time // when the log was last told of a jump
	status   Status
	rate     rate
}

func newSession(h *Hub, ch *Channel, p Publisher) *Session {
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &Session{hub: h, ch: ch, who: p, ctx: ctx, cancel: cancel, waiting: true}
	s.log = h.cfg.Log.With("channel", string(p.Channel))
	s.status = *ch.status.Load()
	if s.status.State == Offline {
		s.status = Status{Channel: p.Channel, State: Starting}
	}
	s.status.KeyID, s.status.KeyLabel, s.status.Remote = p.KeyID, p.KeyLabel, p.Remote
	s.status.Announced, s.status.Jumps, s.status.Came = Announced{}, 0, time.Now()
	s.status.Publishing = true
	s.log.Info("publisher accepted", "remote", p.Remote, "key", p.KeyLabel)
	return s
}

// Context is done when the publisher must go; its cause is the reason, fit to
// be shown.
func (s *Session) Context() context.Context { return s.ctx }

// Close takes the channel off the air, because its publisher said goodbye or
// must go, and gives reason to whoever waits on Context. It does nothing when
// another publisher has taken the channel over, or when called again.
func (s *Session) Close(reason error) { s.leave(reason, Offline) }

// Lose is Close for a publisher that vanished: viewers keep the last picture
// and are told that the signal is lost.
func (s *Session) Lose(reason error) { s.leave(reason, Lost) }

func (s *Session) leave(reason error, state State) {
	s.cancel(reason)
	if s.hub.remove(s, state) {
		s.log.Info("publisher gone", "state", string(state), "reason", reason, "dropped", s.status.Dropped)
	}
}

// SetEncoder notes what the publisher calls itself.
func (s *Session) SetEncoder(name string) error {
	return s.locked(func() error {
		s.status.Encoder = name
		s.show()
		return nil
	})
}

// Announce notes what the publisher says of its stream, in place of what it said
// before.
func (s *Session) Announce(a Announced) error {
	return s.locked(func() error {
		s.status.Announced = a
		s.show()
		return nil
	})
}

// SetTracks says which streams follow; calling it again means that codec
// settings changed, and the next key frame starts a new init segment. Errors:
// Invalid when the packager cannot describe the tracks, or the reason that
// ended the session.
func (s *Session) SetTracks(tracks []Track) error {
	return s.locked(func() error {
		ch := s.ch
		if ch.init == nil || !sameTracks(ch.init.Tracks, tracks) {
			data, err := s.hub.cfg.Packager.Init(tracks)
			if err != nil {
				return tv.Errorf(tv.Invalid, "this stream cannot be packaged: %w", err)
			}
			ch.inits++
			ch.init = &Init{ID: ch.inits, Tracks: tracks, Data: data}
		}
		ch.tracks = tracks
		ch.clock.release(len(tracks))
		s.waiting = true
		s.status.describe(tracks)
		s.show()
		return nil
	})
}

var errNoTrack = errors.New("frame of a track that was not announced")

// WriteFrame puts f on air. It never waits for a reader. Frames before the
// first key frame of a timeline are dropped; see drop. The error is the
// reason that ended the session.
func (s *Session) WriteFrame(f Frame) error {
	return s.locked(func() error {
		if f.Track >= len(s.ch.tracks) {
			return errNoTrack
		}
		video := s.ch.tracks[f.Track].Video()
		s.rate.add(f, video)
		s.ch.traffic.count(f, video)
		s.hub.traffic.count(f, video)
		cut, ok := s.admit(f)
		if !ok {
			s.drop(video)
			return nil
		}
		s.put(f, cut)
		return nil
	})
}

// drop counts pictures that do not go on air. Sound that has to wait for them is
// nobody's loss: every ffmpeg begins with some.
func (s *Session) drop(video bool) {
	if video || s.status.Video.Codec == "" {
		s.status.Dropped++
	}
}

// admit decides whether f goes on air, and whether a timeline starts with it.
func (s *Session) admit(f Frame) (cut, ok bool) {
	c := &s.ch.clock
	if !s.waiting {
		switch c.fit(f) {
		case follows:
			return false, true
		case strays:
			return false, false
		}
		s.tellJump(f)
		s.status.Jumps++
		s.waiting = true
	}
	if !f.Key || (s.status.Video.Codec != "" && !s.ch.tracks[f.Track].Video()) {
		return false, false
	}
	first := s.ch.seq == 0
	c.anchor(f)
	s.waiting = false
	s.lastKey = 0
	return !first, true
}

// tellEvery keeps a publisher whose clock jumps at every frame out of the log.
const tellEvery = 10 * time.Second

func (s *Session) tellJump(f Frame) {
	if s.jumpTold.IsZero() || f.Arrival.Sub(s.jumpTold) >= tellEvery {
		s.jumpTold = f.Arrival
		s.log.Warn("the publisher's clock jumped", "track", f.Track)
	}
}

// put packages f and hands the chunk to every output.
func (s *Session) put(f Frame, cut bool) {
	ch := s.ch
	t := ch.tracks[f.Track]
	d := ch.clock.place(&f, t, s.guess(t, f))
	ch.seq++
	ch.traffic.chunks.Add(1)
	chunk := &Chunk{Frame: f, Init: ch.init, Discontinuity: cut, Duration: d}
	chunk.Data = s.hub.cfg.Packager.Chunk(ch.seq, ch.tracks, f, d)
	for _, o := range ch.outputs {
		o.WriteChunk(chunk)
	}
	s.observe(t, f)
}

// guess is a frame's duration before its track has shown two: a wrong one costs
// the first frame only.
func (s *Session) guess(t Track, f Frame) int64 {
	switch {
	case !t.Video():
		return int64(f.Samples) * Second / int64(t.SampleRate)
	case t.FPS > 0:
		return int64(Second / t.FPS)
	}
	return Second / 30
}

// observe keeps the status true: state, key interval, rates, and the picture.
func (s *Session) observe(t Track, f Frame) {
	dirty, tell := false, false
	if s.status.State != Live {
		s.status.State = Live
		if s.status.Since.IsZero() {
			s.status.Since = f.Arrival
		}
		s.log.Info("on air", "video", s.status.Video.Codec, "width", s.status.Video.Width,
			"height", s.status.Video.Height, "audio", s.status.Audio.Codec)
		dirty, tell = true, true
	}
	if t.Video() && f.Key {
		if s.lastKey > 0 {
			s.status.Video.KeyInterval = Span(f.DTS - s.lastKey)
		}
		s.lastKey, dirty = f.DTS, true
		tell = s.putAside(t, f) || tell
	}
	if s.rate.ready() {
		s.status.Bitrate = s.rate.bits
		if t := s.videoTrack(); t != nil && t.FPS == 0 {
			s.status.Video.FPS = s.rate.fps
		}
		dirty = true
	}
	if dirty {
		s.show()
	}
	if tell {
		s.hub.change()
	}
}

func (s *Session) videoTrack() *Track {
	for i := range s.ch.tracks {
		if s.ch.tracks[i].Video() {
			return &s.ch.tracks[i]
		}
	}
	return nil
}

// putAside keeps f as the channel's picture when the last is old enough.
func (s *Session) putAside(t Track, f Frame) bool {
	ch := s.ch
	if !ch.stillAt.IsZero() && f.Arrival.Sub(ch.stillAt) < stillEvery {
		return false
	}
	ch.stillAt = f.Arrival
	ch.still.Store(&Still{Seq: uint64(f.Arrival.UnixMilli()), Track: t, Frame: f})
	return true
}

// show publishes a copy of the status.
func (s *Session) show() {
	c := s.status
	s.ch.status.Store(&c)
}

// locked runs do while s is the channel's publisher, else it returns why s is
// not any more.
func (s *Session) locked(do func() error) error {
	s.ch.write.Lock()
	defer s.ch.write.Unlock()
	if s.ctx.Err() != nil || s.ch.session != s {
		if cause := context.Cause(s.ctx); cause != nil {
			return cause
		}
		return ErrTakenOver
	}
	return do()
}

func sameTracks(a, b []Track) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Same(b[i]) {
			return false
		}
	}
	return true
}
