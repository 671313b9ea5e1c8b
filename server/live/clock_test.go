package live

import (
	"testing"
	"time"
)

var (
	picture = Track{Codec: H264{}, Width: 1280, Height: 720, FPS: 30}
	sound   = Track{Codec: AAC{}, SampleRate: 44100, Channels: 2}
)

// run places frames of one track as a publisher with a 1 ms clock sends them.
func stamps(c *clock, track int, t Track, at time.Time, raw ...int64) (out []int64) {
	for _, ms := range raw {
		f := Frame{Track: track, DTS: ms * 90, PTS: ms * 90, Key: true, Samples: 1024, Arrival: at}
		if !c.anchored {
			c.anchor(f)
		}
		c.place(&f, t, 3000)
		out = append(out, f.DTS)
		at = at.Add(33 * time.Millisecond)
	}
	return out
}

func TestAudioIsPlacedBySampleCountNotByRoundedTimestamps(t *testing.T) {
	for _, rate := range []int64{8000, 22050, 32000, 44100, 48000, 88200} {
		for first := range int64(10) { // ms: where in a sample the count begins
			var c clock
			c.release(2)
			c.anchor(Frame{Arrival: time.Unix(0, 0)})
			var raw []int64
			for i := range int64(500) {
				raw = append(raw, first+i*1024*1000/rate) // truncated to 1 ms, as RTMP does
			}
			track := Track{Codec: AAC{}, SampleRate: int(rate), Channels: 2}
			got := stamps(&c, 1, track, time.Unix(0, 0), raw...)
			samples := func(dts int64) int64 { return (dts*rate + Second/2) / Second }
			for i, dts := range got {
				if n := samples(dts) - samples(got[0]); n != int64(i)*1024 {
					t.Fatalf("%d Hz from %d ms: frame %d is %d samples in, want %d", rate, first, i, n, i*1024)
				}
			}
		}
	}
}

func TestAudioFarFromItsSampleCountIsAnchoredAgain(t *testing.T) {
	var c clock
	c.release(2)
	got := stamps(&c, 1, sound, time.Unix(0, 0), 0, 23, 46, 500, 523)
	if want := int64(clockStart) + 500*90; got[3] != want {
		t.Errorf("after a gap the frame is at %d, want %d", got[3], want)
	}
	if d := got[4] - got[3]; d != (1024*Second+44100/2)/44100 {
		t.Errorf("and the next one %d after it", d)
	}
}

func TestEqualTimestampsAreNudgedApart(t *testing.T) {
	var c clock
	c.release(1)
	got := stamps(&c, 0, picture, time.Unix(0, 0), 0, 33, 33, 33, 66)
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			t.Errorf("frame %d at %d does not follow %d", i, got[i], got[i-1])
		}
	}
}

func TestANewPublisherContinuesAfterTheWallTimeThatPassed(t *testing.T) {
	var c clock
	begin := time.Unix(1000, 0)
	c.release(1)
	stamps(&c, 0, picture, begin, 5000, 5033)
	end := c.end
	c.release(1)
	got := stamps(&c, 0, picture, begin.Add(10*time.Second), 0)
	if gap := got[0] - end; gap < 9*Second || gap > 10*Second {
		t.Errorf("the gap of ten seconds became %d ticks", gap)
	}
}

func TestJumpsStraysAndLateTracksAreToldApart(t *testing.T) {
	const hour = 3600 * 1000
	at := time.Unix(0, 0)
	for name, tc := range map[string]struct {
		track int
		ms    int64
		after time.Duration
		want  fit
	}{
		"the next frame":               {0, 1033, 0, follows},
		"a dropped second":             {0, 2000, 0, follows},
		"reordered a little":           {0, 900, 0, follows},
		"an hour ahead":                {0, 1000 + hour, 0, jumps},
		"an hour back":                 {0, 1000 - hour, 0, jumps},
		"back to zero":                 {0, 0, 0, jumps},
		"first sound, in step":         {1, 1010, 0, follows},
		"sound left over from before":  {1, 1000 - hour, 100 * time.Millisecond, strays},
		"sound that never was in step": {1, 1000 - hour, 3 * time.Second, follows},
	} {
		var c clock
		c.release(2)
		stamps(&c, 0, picture, at, 1000)
		f := Frame{Track: tc.track, DTS: tc.ms * 90, Arrival: at.Add(tc.after)}
		if got := c.fit(f); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
