package coach

import (
	"bytes"
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// plain packages nothing; the coach looks at frames only.
type plain struct{}

func (plain) Init([]live.Track) ([]byte, error)                    { return nil, nil }
func (plain) Chunk(uint32, []live.Track, live.Frame, int64) []byte { return nil }

var tracks = []live.Track{
	{Codec: live.H264{}, Width: 320, Height: 180, FPS: 30},
	{Codec: live.AAC{}, SampleRate: 48000, Channels: 2},
}

// watched runs do with a coach and its hub in a bubble of their own time.
func watched(t *testing.T, do func(*Coach, *live.Hub)) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		c := New(Config{Log: log, Link: func() Link { return Link{Wire, 1000} }})
		h := live.NewHub(live.Config{Log: log, Packager: plain{}, Outputs: []func(*live.Channel) live.Output{c.Attach}})
		go c.Run(t.Context())
		go h.Run(t.Context())
		do(c, h)
	})
}

func publish(t *testing.T, h *live.Hub, name tv.ChannelName) *live.Session {
	t.Helper()
	s, err := h.Publish(live.Publisher{Channel: name, Remote: "192.168.1.30"})
	if err == nil {
		err = s.SetTracks(tracks)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// send sends that many seconds of a good stream from second from on.
func send(s *live.Session, from, seconds int) {
	for i := from * 30; i < (from+seconds)*30; i++ {
		at := int64(i) * 3000
		noise := make([]byte, 300)
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		s.WriteFrame(live.Frame{DTS: at, PTS: at, Key: i%30 == 0, Payload: make([]byte, 25000), Arrival: time.Now()})
		s.WriteFrame(live.Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1600, Payload: noise, Arrival: time.Now()})
		time.Sleep(time.Second / 30)
	}
}

func TestAGoodStreamIsHealthyAndLeavesTenMinutesOfFigures(t *testing.T) {
	watched(t, func(c *Coach, h *live.Hub) {
		if r := c.Report("ann"); r.Health != Off {
			t.Errorf("before: %v", r.Health)
		}
		s := publish(t, h, "ann")
		send(s, 0, 5)
		if r := c.Report("ann"); r.Health != Learning {
			t.Errorf("after 5 s: %+v", r)
		}
		send(s, 5, 695)
		if r := c.Report("ann"); r.Health != Healthy || r.Budget.Viewers < 140 || r.Budget.Viewers > 155 {
			t.Errorf("after 700 s: %+v", r)
		}
		all, _ := c.Series("ann", time.Time{})
		last := all[len(all)-1]
		if len(all) != length || last.FPS < 29 || last.FPS > 31 || last.Key != time.Second || last.Late > 50*time.Millisecond || last.Bits < 5.9e6 || last.Bits > 6.3e6 {
			t.Errorf("%d samples, the last %+v", len(all), last)
		}
		if newer, _ := c.Series("ann", last.At.Add(-10*time.Second)); len(newer) != 10 {
			t.Errorf("%d of the last ten", len(newer))
		}
		s.Close(errors.New("bye"))
		time.Sleep(2 * time.Second)
		if r := c.Report("ann"); r.Health != Off || len(r.Advice) != 0 {
			t.Errorf("after the end: %+v", r)
		}
		time.Sleep(5 * time.Minute)
		if all, known := c.Series("ann", time.Time{}); !known || len(all) != length {
			t.Errorf("the graph vanished with the stream: %d samples", len(all))
		}
		time.Sleep(10 * time.Minute)
		if _, known := c.Series("ann", time.Time{}); known {
			t.Error("what is long over is still kept")
		}
	})
}

func TestWhoSendsNothingIsToldSoAlsoAfterBeingCut(t *testing.T) {
	watched(t, func(c *Coach, h *live.Hub) {
		s := publish(t, h, "ann")
		time.Sleep(8 * time.Second)
		if r := c.Report("ann"); len(r.Advice) != 1 || r.Advice[0].ID != "no_media" {
			t.Errorf("%+v", r)
		}
		s.Lose(errors.New("no media came"))
		time.Sleep(time.Minute)
		if r := c.Report("ann"); len(r.Advice) != 1 || r.Advice[0].ID != "no_media" {
			t.Errorf("after it was cut: %+v", r)
		}
		good := publish(t, h, "ann")
		send(good, 0, 12)
		if r := c.Report("ann"); r.Health != Healthy {
			t.Errorf("after it was mended: %+v", r)
		}
		good.Close(errors.New("bye"))
	})
}

func TestAPublisherThatCameBackIsLookedAtAnew(t *testing.T) {
	watched(t, func(c *Coach, h *live.Hub) {
		s := publish(t, h, "ann")
		send(s, 0, 10)
		send(s, 5000, 5) // its clock jumps
		if r := c.Report("ann"); len(r.Advice) != 1 || r.Advice[0].ID != "clock" {
			t.Fatalf("%+v", r)
		}
		next := publish(t, h, "ann")
		send(next, 0, 12)
		if r := c.Report("ann"); r.Health != Healthy {
			t.Errorf("the new one is told about the old one: %+v", r)
		}
		next.Close(errors.New("bye"))
	})
}

func TestASenderThatFallsBehindAndCatchesUpIsLate(t *testing.T) {
	var l lag
	begin := time.Now()
	at := func(media, arrival time.Duration) time.Duration {
		return l.of(live.Frame{DTS: int64(media) * live.Second / int64(time.Second), Arrival: begin.Add(arrival)}).Round(10 * time.Millisecond)
	}
	for _, c := range []struct{ media, arrival, late time.Duration }{
		{0, 0, 0},
		{time.Second, time.Second, 0},
		{1100 * time.Millisecond, 2600 * time.Millisecond, 1500 * time.Millisecond}, // held up
		{2600 * time.Millisecond, 2610 * time.Millisecond, 10 * time.Millisecond},   // and in a burst
		{4 * time.Second, 3500 * time.Millisecond, 0},                               // the first frames had waited
		{5 * time.Second, 5 * time.Second, 500 * time.Millisecond},
		{1000 * time.Second, 1000*time.Second - 450*time.Millisecond, 0}, // a clock 50 ppm slow
	} {
		if got := at(c.media, c.arrival); got != c.late {
			t.Errorf("media %v at %v: late by %v, want %v", c.media, c.arrival, got, c.late)
		}
	}
}

func TestDigitalSilenceIsToldFromQuietSound(t *testing.T) {
	unit := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		return b
	}
	padded := [2][]byte{unit(420), unit(419)}
	for name, c := range map[string]struct {
		units func(i int) []byte
		want  bool
	}{
		"ffmpeg's silence":       {func(int) []byte { return make([]byte, 6) }, true},
		"silence, padded to CBR": {func(i int) []byte { return padded[i%3/2] }, true},
		"the faintest noise":     {func(int) []byte { return unit(178) }, false},
		"music":                  {func(i int) []byte { return unit(300 + i) }, false},
	} {
		var s silence
		heard := 0
		for i := range 100 {
			if s.hears(c.units(i), 2) {
				heard++
			}
		}
		if c.want && heard < 98 || !c.want && heard > 0 {
			t.Errorf("%s: %d of 100 units are silent", name, heard)
		}
	}
	if bytes.Equal(padded[0], padded[1]) {
		t.Fatal("one unit only")
	}
}
