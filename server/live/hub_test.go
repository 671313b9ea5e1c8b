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

// studio is a publisher with picture and sound, whose tracks have a clock each.
type studio struct {
	t              *testing.T
	s              *Session
	r              *recorder
	picture, sound int64 // DTS of what comes next
	interval       int64 // of pictures
	gop, n         int
}

func newStudio(t *testing.T) (*studio, func()) {
	h, r := newTestHub()
	s := publish(t, h, "1")
	if err := s.SetTracks([]Track{picture, sound}); err != nil {
		t.Fatal(err)
	}
	return &studio{t: t, s: s, r: r, interval: 3000, gop: 250}, func() { s.Close(errors.New("bye")) }
}

// run sends for d what is not paused. The clock of what is paused goes on, or
// not.
func (p *studio) run(d time.Duration, pictures, sounds bool) {
	p.t.Helper()
	const aac = 1024 * Second / 48000
	step := time.Duration(p.interval) * time.Second / Second
	for range int(d / step) {
		if pictures {
			p.write(Frame{DTS: p.picture, PTS: p.picture, Key: p.n%p.gop == 0, Payload: make([]byte, 10)})
			p.picture += p.interval
			p.n++
		}
		for n := p.interval / aac; sounds && n > 0; n-- {
			p.write(Frame{Track: 1, DTS: p.sound, PTS: p.sound, Key: true, Samples: 1024, Payload: make([]byte, 10)})
			p.sound += p.interval / (p.interval / aac)
		}
		time.Sleep(step)
	}
}

func (p *studio) write(f Frame) {
	p.t.Helper()
	f.Arrival = time.Now()
	if err := p.s.WriteFrame(f); err != nil {
		p.t.Fatal(err)
	}
}

// cuts counts the discontinuities so far.
func (p *studio) cuts() (n int) {
	for _, c := range p.r.chunks {
		if c.Discontinuity {
			n++
		}
	}
	return n
}

// apart is how far the newest sound is from the newest picture.
func (p *studio) apart() time.Duration {
	var at [2]int64
	for _, c := range p.r.chunks {
		at[c.Frame.Track] = c.Frame.DTS
	}
	return Span(at[1] - at[0]).Abs()
}

func TestSoundThatPausesOrJumpsAloneCostsNoPicture(t *testing.T) {
	for name, while := range map[string]func(*studio){
		"its clock went on":     func(p *studio) { p.sound += 5 * Second },
		"its clock stood still": func(p *studio) {},
		"its clock began anew":  func(p *studio) { p.sound = 0 },
		"it is an hour ahead":   func(p *studio) { p.sound += 3600 * Second },
		"it is an hour back":    func(p *studio) { p.sound -= 3600 * Second },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, end := newStudio(t)
				defer end()
				p.picture, p.sound = 7200*Second, 7200*Second
				p.run(2*time.Second, true, true)
				p.run(5*time.Second, true, false)
				while(p)
				p.run(2*time.Second, true, true)
				if p.s.status.Dropped > 0 || p.s.status.Jumps > 0 || p.cuts() > 0 {
					t.Errorf("%d frames dropped, %d jumps, %d discontinuities", p.s.status.Dropped, p.s.status.Jumps, p.cuts())
				}
				if d := p.apart(); d > 100*time.Millisecond {
					t.Errorf("sound and picture are %v apart", d)
				}
			})
		})
	}
}

// Which track shows a jump of both first is chance.
func TestAJumpThatTheSoundShowsFirstIsOneDiscontinuity(t *testing.T) {
	for _, jump := range []int64{3600 * Second, -3600 * Second, -7000 * Second} {
		synctest.Test(t, func(t *testing.T) {
			p, end := newStudio(t)
			defer end()
			p.gop = 30
			p.picture, p.sound = 7200*Second, 7200*Second
			p.run(1500*time.Millisecond, true, true)
			p.sound += jump
			p.run(200*time.Millisecond, true, true)
			p.picture += jump
			p.run(3*time.Second, true, true)
			if p.cuts() != 1 || p.s.status.Jumps != 1 || p.apart() > 100*time.Millisecond {
				t.Errorf("by %v: %d discontinuities, %d jumps, %v apart", Span(jump), p.cuts(), p.s.status.Jumps, p.apart())
			}
			last := [2]int64{}
			for _, c := range p.r.chunks {
				if d := c.Frame.DTS - last[c.Frame.Track]; last[c.Frame.Track] > 0 && (d <= 0 || d > 2*Second) {
					t.Errorf("by %v: a frame of track %d comes %v after the one before", Span(jump), c.Frame.Track, Span(d))
				}
				last[c.Frame.Track] = c.Frame.DTS
			}
		})
	}
}

func TestATimelapseIsOneTimeline(t *testing.T) {
	for _, sounds := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p, end := newStudio(t)
			defer end()
			p.interval = 3 * Second
			p.run(2*time.Minute, true, sounds)
			if p.s.status.Dropped > 0 || p.s.status.Jumps > 0 || p.cuts() > 0 {
				t.Errorf("sound %v: %d frames dropped, %d jumps, %d discontinuities", sounds, p.s.status.Dropped, p.s.status.Jumps, p.cuts())
			}
		})
	}
}

func TestAPauseOfEverythingIsOneDiscontinuity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, end := newStudio(t)
		defer end()
		p.gop = 10
		for range 3 {
			p.run(2*time.Second, true, true)
			p.run(5*time.Second, false, false)
			p.picture, p.sound = p.picture+5*Second, p.sound+5*Second
		}
		p.run(2*time.Second, true, true)
		if p.cuts() != 3 || p.apart() > 100*time.Millisecond {
			t.Errorf("%d discontinuities of 3, sound and picture are %v apart", p.cuts(), p.apart())
		}
	})
}

func TestTimeThatHardlyPassesIsBegunAgain(t *testing.T) {
	for name, c := range map[string]struct {
		speed float64 // of the publisher's clock
		least int     // discontinuities in two minutes
		most  int
	}{
		"a clock that stands still": {0, 5, 12},
		"a tenth":                   {0.1, 5, 12},
		"a slow encoder":            {0.8, 0, 0},
		"real time":                 {1, 0, 0},
		"a file at full speed":      {20, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, end := newStudio(t)
				defer end()
				p.gop = 30
				for range 120 * 30 {
					at := p.picture
					p.write(Frame{DTS: at, PTS: at, Key: p.n%p.gop == 0, Payload: make([]byte, 10)})
					p.write(Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1024, Payload: make([]byte, 10)})
					p.picture += int64(3000 * c.speed)
					p.n++
					time.Sleep(time.Second / 30)
				}
				if n := p.cuts(); n < c.least || n > c.most {
					t.Errorf("%d discontinuities", n)
				}
				if p.s.status.Dropped > 0 {
					t.Errorf("%d frames dropped", p.s.status.Dropped)
				}
				first, last := p.r.chunks[0].Frame.DTS, p.r.chunks[len(p.r.chunks)-1].Frame.DTS
				if passed := Span(last - first); c.speed < 0.5 && passed < 90*time.Second {
					t.Errorf("two minutes became %v", passed)
				}
			})
		})
	}
}

func TestAStallThatIsCaughtUpIsNoJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, end := newStudio(t)
		defer end()
		p.gop = 30
		for _, seconds := range []int{8, 12, 40} {
			p.run(5*time.Second, true, true)
			time.Sleep(time.Duration(seconds) * time.Second)
			for range seconds * 30 { // 80 times as fast
				p.write(Frame{DTS: p.picture, PTS: p.picture, Key: p.n%p.gop == 0, Payload: make([]byte, 10)})
				p.write(Frame{Track: 1, DTS: p.sound, PTS: p.sound, Key: true, Samples: 1600, Payload: make([]byte, 10)})
				p.picture, p.sound, p.n = p.picture+3000, p.sound+3000, p.n+1
				time.Sleep(time.Second / 2400)
			}
		}
		if p.s.status.Dropped > 0 || p.cuts() > 0 || p.apart() > 100*time.Millisecond {
			t.Errorf("%d frames dropped, %d discontinuities, %v apart", p.s.status.Dropped, p.cuts(), p.apart())
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

func TestSoundBeforeThePictureIsNotALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, end := newStudio(t)
		defer end()
		p.run(200*time.Millisecond, false, true)
		p.run(time.Second, true, true)
		if n := p.s.status.Dropped; n > 0 {
			t.Errorf("a healthy stream begins with %d frames dropped", n)
		}
	})
}
