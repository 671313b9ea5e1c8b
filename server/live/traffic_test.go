package live

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// run serves h until the test ends.
func run(t *testing.T, h *Hub) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// near allows for the second in which a rate is not looked at.
func near(got, want int) bool { return got >= want*9/10 && got <= want*11/10 }

func TestRatesAreTheLastTenSecondsAndEndWithSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub()
		run(t, h)
		s := publish(t, h, "1")
		const bits = 100 * 8 * 30 // what feed sends
		if got := h.Status("ann").Rates; got != (Rates{}) {
			t.Errorf("before any media: %+v", got)
		}
		feed(t, s, 0, 3*30)
		if got := h.Status("ann").Rates; !near(got.Video, bits) || got.Audio != 0 {
			t.Errorf("after three seconds: %+v, want %d", got, bits)
		}
		feed(t, s, 90, 17*30)
		s.ch.Sent(ByPush, 50_000)
		s.ch.Sent(ByTS, 50_000)
		time.Sleep(time.Second + 10*time.Millisecond)
		got := h.Status("ann")
		if !near(got.Rates.In(), bits*9/10) || got.Rates.Sent != 100_000*8/10 || got.SentBy[ByTS] != 50_000 {
			t.Errorf("after twenty: %+v, sent by %v", got.Rates, got.SentBy)
		}
		if got.Received != (Received{VideoBytes: 60_000, Pictures: 600}) || got.Chunks != 600 {
			t.Errorf("received %+v, %d chunks", got.Received, got.Chunks)
		}
		time.Sleep(11 * time.Second)
		if got := h.Status("ann"); got.Rates != (Rates{}) || got.Bitrate != 0 || got.State != Lost {
			t.Errorf("after eleven seconds of silence: %+v, %d bit/s, %v", got.Rates, got.Bitrate, got.State)
		}
	})
}

func TestTheHostsTrafficOutlivesItsChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub()
		run(t, h)
		s := publish(t, h, "1")
		feed(t, s, 0, 30)
		s.ch.Sent(ByHLS, 7)
		s.Close(errors.New("bye"))
		time.Sleep(resumeWithin + 2*time.Second)
		if len(h.channels()) != 0 {
			t.Fatal("the channel is still there")
		}
		if got := h.Traffic(); got.Received.Bytes() != 3000 || got.Received.Pictures != 30 || got.SentBy[ByHLS] != 7 || len(got.SentBy) != len(Paths) {
			t.Errorf("%+v", got)
		}
	})
}

func TestAListenerHearsOfViewersThatOnlyChangePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newTestHub()
		ann := publish(t, h, "1")
		bob, err := h.Publish(Publisher{Channel: "bob"})
		if err != nil {
			t.Fatal(err)
		}
		ann.ch.Seen(ByPush, "one")
		h.tick(time.Now())
		changed := h.Changed()
		h.tick(time.Now())
		select {
		case <-changed:
			t.Error("told of nothing")
		default:
		}
		time.Sleep(viewerTTL + time.Second)
		bob.ch.Seen(ByPush, "two")
		h.tick(time.Now())
		select {
		case <-changed:
		default:
			t.Error("nobody was told, as the sum is the same")
		}
	})
}

func TestStatusTellsWhoPublishesAndWhatADecoderMustKnow(t *testing.T) {
	h, _ := newTestHub()
	s := publish(t, h, "1")
	sps := []byte{0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58}
	video, err := NewH264(sps, []byte{0x68})
	if err != nil {
		t.Fatal(err)
	}
	audio, err := NewAAC([]byte{0x12, 0x10})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetTracks([]Track{video, audio}); err != nil {
		t.Fatal(err)
	}
	got := h.Status("ann")
	if got.Video.Profile != "High" || got.Video.Level != 4 || got.Audio.Profile != "LC" || !got.Publishing || got.Came.IsZero() {
		t.Errorf("%+v", got)
	}
	s.Lose(errors.New("cable"))
	if got := h.Status("ann"); got.Publishing {
		t.Error("who vanished still publishes")
	}
}

func TestProfilesHaveTheirUsualNames(t *testing.T) {
	for _, c := range []struct {
		sps  []byte
		want profile
	}{
		{[]byte{0x67, 66, 0xe0, 31}, profile{"Baseline", 0xe0, 3.1}},
		{[]byte{0x67, 77, 0, 42}, profile{"Main", 0, 4.2}},
		{[]byte{0x67, 9, 0, 10}, profile{"", 0, 1}},
		{nil, profile{}},
	} {
		if got := profileOf(H264{SPS: c.sps}); got != c.want {
			t.Errorf("%x: %+v, want %+v", c.sps, got, c.want)
		}
	}
	if got := profileOf(H265{SPS: []byte{1}}); got != (profile{}) {
		t.Errorf("broken HEVC: %+v", got)
	}
	if got := profileOf(Opus{}); got != (profile{}) {
		t.Errorf("Opus: %+v", got)
	}
}

// One publisher of 60 fps with sound counts about 110 times a second.
func BenchmarkCount(b *testing.B) {
	ch, host := newTraffic(), newTraffic()
	f := Frame{Payload: make([]byte, 4000)}
	for b.Loop() {
		ch.count(f, true)
		host.count(f, true)
	}
}
