package live

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/tv"
)

// recorder is an output and a packager that keeps what it is given.
type recorder struct {
	mu     sync.Mutex
	chunks []*Chunk
	ended  int
}

func (r *recorder) Init(tracks []Track) ([]byte, error) { return []byte("init"), nil }
func (r *recorder) Chunk(seq uint32, _ []Track, f Frame, _ int64) []byte {
	return append([]byte{byte(seq)}, f.Payload...)
}
func (r *recorder) WriteChunk(c *Chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chunks = append(r.chunks, c)
}
func (r *recorder) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended++
}

func newTestHub() (*Hub, *recorder) {
	r := &recorder{}
	return NewHub(Config{Log: slog.New(slog.DiscardHandler), Packager: r,
		Outputs: []func(*Channel) Output{func(*Channel) Output { return r }}}), r
}

// feed writes n pictures at 30 fps, every tenth a key frame, beginning with one
// unless from says otherwise.
func feed(t *testing.T, s *Session, from, n int) error {
	t.Helper()
	for i := from; i < from+n; i++ {
		err := s.WriteFrame(Frame{DTS: int64(i) * 3000, PTS: int64(i) * 3000, Key: i%10 == 0,
			Payload: make([]byte, 100), Arrival: time.Now()})
		if err != nil {
			return err
		}
		time.Sleep(time.Second / 30)
	}
	return nil
}

func publish(t *testing.T, h *Hub, key string) *Session {
	t.Helper()
	s, err := h.Publish(Publisher{Channel: "ann", KeyID: key, Remote: "10.0.0.7"})
	if err == nil {
		err = s.SetTracks([]Track{picture})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAChannelIsLiveFromItsFirstKeyFrameToItsPublishersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := newTestHub()
		s := publish(t, h, "1")
		if got := h.Status("ann").State; got != Starting {
			t.Errorf("before media: %v", got)
		}
		feed(t, s, 5, 5)
		if got := h.Status("ann").State; got != Starting || len(r.chunks) > 0 {
			t.Errorf("before a key frame: %v, %d chunks", got, len(r.chunks))
		}
		feed(t, s, 10, 95)
		st := h.Status("ann")
		if st.State != Live || st.Since.IsZero() || st.Picture == 0 || st.Bitrate == 0 || st.Dropped != 5 {
			t.Errorf("on air: %+v", st)
		}
		if st.Video.KeyInterval.Round(time.Millisecond) != 333*time.Millisecond {
			t.Errorf("key interval %v", st.Video.KeyInterval)
		}
		changed := h.Changed()
		s.Close(errors.New("bye"))
		<-changed
		if st := h.Status("ann"); st.State != Offline || !st.Since.IsZero() || len(h.On()) != 0 {
			t.Errorf("after the end: %+v", st)
		}
		if r.ended != 0 {
			t.Error("the outputs ended with their publisher, who may come back")
		}
		if err := feed(t, s, 120, 1); err == nil {
			t.Error("a closed session still writes")
		}
	})
}

func TestTheNewestPublisherTakesOverAndViewersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := newTestHub()
		ghost := publish(t, h, "1")
		feed(t, ghost, 0, 30)
		newest := publish(t, h, "1")
		if cause := context.Cause(ghost.Context()); !errors.Is(cause, ErrTakenOver) {
			t.Errorf("the ghost was told %v", cause)
		}
		if err := feed(t, ghost, 30, 1); !errors.Is(err, ErrTakenOver) {
			t.Errorf("the ghost's next frame: %v", err)
		}
		ghost.Close(errors.New("its socket closed"))
		feed(t, newest, 0, 30)
		if st := h.Status("ann"); st.State != Live || r.ended != 0 {
			t.Errorf("after the take-over: %v, outputs ended %d times", st.State, r.ended)
		}
		first, next := r.chunks[29], r.chunks[30]
		if !next.Discontinuity || !next.Frame.Key || next.Frame.DTS <= first.Frame.DTS || next.Init != first.Init {
			t.Errorf("the new timeline begins with %+v", next)
		}
	})
}

func TestAPublisherThatComesBackWithinAMinuteGoesOnInTheSameOutputs(t *testing.T) {
	for _, leave := range []func(*Session){
		func(s *Session) { s.Close(errors.New("bye")) },
		func(s *Session) { s.Lose(errors.New("its cable was pulled")) },
	} {
		synctest.Test(t, func(t *testing.T) {
			h, r := newTestHub()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- h.Run(ctx) }()
			s := publish(t, h, "1")
			feed(t, s, 0, 30)
			leave(s)
			time.Sleep(resumeWithin - 5*time.Second)
			before := h.Status("ann").State
			s = publish(t, h, "1")
			feed(t, s, 0, 30)
			if st := h.Status("ann"); st.State != Live || r.ended != 0 {
				t.Errorf("from %s back: %s, outputs ended %d times", before, st.State, r.ended)
			}
			if c := r.chunks[30]; !c.Discontinuity || !c.Frame.Key || c.Frame.DTS-r.chunks[29].Frame.DTS < 54*Second {
				t.Errorf("it goes on with %+v", c)
			}
			leave(s)
			time.Sleep(resumeWithin + 2*time.Second)
			if st := h.Status("ann"); st.State != Offline || r.ended != 1 {
				t.Errorf("a minute later: %s, outputs ended %d times", st.State, r.ended)
			}
			cancel()
			<-done
		})
	}
}

func TestALostSignalKeepsItsBroadcastAGoodbyeDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub()
		s := publish(t, h, "1")
		feed(t, s, 0, 30)
		since := h.Status("ann").Since
		s.Lose(errors.New("its cable was pulled"))
		if st := h.Status("ann"); st.State != Lost || st.Since != since || len(h.On()) != 1 {
			t.Errorf("lost: %+v", st)
		}
		s = publish(t, h, "1")
		if st := h.Status("ann"); st.State != Lost {
			t.Errorf("back, without a picture yet: %s", st.State)
		}
		feed(t, s, 0, 30)
		if st := h.Status("ann"); st.State != Live || st.Since != since {
			t.Errorf("back: %+v", st)
		}
		s.Close(errors.New("bye"))
		s = publish(t, h, "1")
		feed(t, s, 0, 30)
		if st := h.Status("ann"); !st.Since.After(since) {
			t.Error("a new broadcast has the age of the old one")
		}
		s.Close(errors.New("bye"))
	})
}

func TestATimestampJumpIsADiscontinuityNotAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, jump := range []int{+108000, -108000} { // an hour of frames
			h, r := newTestHub()
			s := publish(t, h, "1")
			feed(t, s, 200000, 30)
			feed(t, s, 200000+jump+30, 30)
			last := r.chunks[len(r.chunks)-1]
			if d := last.Frame.DTS - r.chunks[0].Frame.DTS; d > 3*Second {
				t.Errorf("jump of %d frames: two seconds became %d ticks", jump, d)
			}
			cuts := 0
			for _, c := range r.chunks {
				if c.Discontinuity {
					cuts++
				}
			}
			if cuts != 1 {
				t.Errorf("jump of %d frames: %d discontinuities", jump, cuts)
			}
			s.Close(errors.New("bye"))
		}
	})
}

func TestAClockThatJumpsAllTheTimeDoesNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub()
		var log bytes.Buffer
		h.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		s := publish(t, h, "1")
		for i := range 300 { // ten seconds of key frames an hour apart
			feed(t, s, 10*i*10800, 1)
		}
		if n := strings.Count(log.String(), "clock jumped"); n != 1 {
			t.Errorf("%d lines", n)
		}
		s.Close(errors.New("bye"))
	})
}

func TestSilenceIsSignalLostAndMediaBringsItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		s := publish(t, h, "1")
		feed(t, s, 0, 30)
		time.Sleep(lostAfter + 2*time.Second)
		if got := h.Status("ann").State; got != Lost {
			t.Errorf("after silence: %v", got)
		}
		feed(t, s, 30, 30)
		if got := h.Status("ann").State; got != Live {
			t.Errorf("after it returned: %v", got)
		}
		cancel()
		<-done
		if err := feed(t, s, 60, 1); !errors.Is(err, ErrStopped) {
			t.Errorf("after the hub stopped: %v", err)
		}
		if _, err := h.Publish(Publisher{Channel: "bob"}); tv.CodeOf(err) != tv.Unavailable {
			t.Errorf("a publish after the hub stopped: %v", err)
		}
	})
}

func TestEndKeyCutsExactlyThatPublisher(t *testing.T) {
	h, _ := newTestHub()
	s := publish(t, h, "1")
	if h.EndKey("2", errors.New("rotated")) {
		t.Error("another key's end was taken for this one's")
	}
	reason := errors.New("rotated")
	if !h.EndKey("1", reason) || !errors.Is(context.Cause(s.Context()), reason) {
		t.Errorf("cut with %v", context.Cause(s.Context()))
	}
	if got := h.Status("ann").State; got != Offline {
		t.Errorf("state %v", got)
	}
}

func TestOnePlayerIsOneViewerForFifteenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub()
		s := publish(t, h, "1")
		for range 3 {
			s.ch.Seen(ByHLS, "player-a")
			s.ch.Seen(ByPush, "player-b")
		}
		if got := h.Status("ann").Viewers; got != 2 {
			t.Errorf("%d viewers", got)
		}
		time.Sleep(viewerTTL / 2)
		s.ch.Seen(ByHLS, "player-a")
		time.Sleep(viewerTTL/2 + time.Second)
		if got := h.Status("ann").Viewers; got != 1 {
			t.Errorf("%d viewers after one left", got)
		}
		for i := range maxAudience + 100 {
			s.ch.Seen(ByHLS, string(rune(i))+"invented")
		}
		if got := h.Status("ann").Viewers; got > maxAudience {
			t.Errorf("%d viewers invented", got)
		}
	})
}

func TestBrokenParameterSetsAreRefusedAtTheDoor(t *testing.T) {
	for name, err := range map[string]error{
		"empty SPS":       second(NewH264(nil, []byte{1})),
		"garbage SPS":     second(NewH264([]byte{0x67, 0xff, 0xff}, []byte{1})),
		"garbage HEVC":    second(NewH265([]byte{1}, []byte{0x42, 1, 2}, []byte{1})),
		"garbage AV1":     second(NewAV1([]byte{0xff, 0xff})),
		"empty AAC":       second(NewAAC(nil)),
		"garbage AAC":     second(NewAAC([]byte{0xff, 0xff, 0xff, 0xff})),
		"Opus channels 0": second(NewOpus(0)),
	} {
		if tv.CodeOf(err) != tv.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ Track, err error) error { return err }
