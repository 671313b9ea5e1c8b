package rtmp

import (
	"testing"

	"echo.tv/server/live"
)

// What viewers get when a publisher's clock does odd things: never an hour-long
// segment, and a discontinuity only where time really broke.
func TestOddClocksReachViewersAsStraightTime(t *testing.T) {
	const hour = 3600_000
	type stamp struct {
		video, audio uint32
	}
	run := func(start uint32, mask uint32, jump func(i int) uint32) (out []stamp) {
		for i := range 60 {
			at := start + uint32(i)*40 + jump(i)
			out = append(out, stamp{at & mask, (at - 70) & mask}) // sound lags
		}
		return out
	}
	still := func(int) uint32 { return 0 }
	atHalf := func(by int) func(int) uint32 {
		return func(i int) uint32 { return uint32(i / 30 * by) }
	}
	const all, obs = 1<<32 - 1, 1<<31 - 1
	for name, tc := range map[string]struct {
		stamps []stamp
		cuts   int
	}{
		"from zero":               {run(70, all, still), 0},
		"from an hour":            {run(hour, all, still), 0},
		"past 24 bits":            {run(1<<24-1000, all, still), 0},
		"wrapping at 32 bits":     {run(all-1000, all, still), 0},
		"wrapping at 31 bits":     {run(obs-1000, obs, still), 0},
		"an hour ahead":           {run(hour, all, atHalf(hour)), 1},
		"an hour back":            {run(2*hour, all, atHalf(-hour)), 1},
		"back to nearly zero":     {run(10*hour, all, atHalf(-10*hour+100)), 1},
		"a second dropped":        {run(hour, all, atHalf(1000)), 0},
		"twelve days ahead":       {run(hour, all, atHalf(290*hour)), 1},
		"twenty-four days ahead":  {run(hour, all, atHalf(590*hour)), 1},
		"thirty-seven days ahead": {run(hour, all, atHalf(900*hour)), 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			p := h.onAir("ann").say(msg(4, typAudio, tc.stamps[0].audio, aacTag(0, aacConfig)),
				msg(6, typVideo, tc.stamps[0].video, avcConfigTag(h264SPS, h264PPS)))
			for i, s := range tc.stamps {
				nalu := h264B
				if i%5 == 0 {
					nalu = h264Key
				}
				p.video(s.video, avcFrame(0, nalu)).audio(s.audio, aacTag(1, []byte{0x21, byte(i)}))
			}
			p.say(cmd(typCommand, "deleteStream", 9, nil, 1.0))
			h.offAir("ann")
			got := h.tape("ann").all()
			if len(got) < 100 {
				t.Fatalf("%d of 120 frames on air", len(got))
			}
			cuts := 0
			var last [2]int64
			for i, c := range got {
				if c.Discontinuity {
					cuts++
				}
				if d := c.Frame.DTS - last[c.Frame.Track]; last[c.Frame.Track] > 0 && (d <= 0 || d > 2*live.Second) {
					t.Errorf("chunk %d on track %d comes %d ticks after the one before", i, c.Frame.Track, d)
				}
				last[c.Frame.Track] = c.Frame.DTS
			}
			if cuts != tc.cuts {
				t.Errorf("%d discontinuities, want %d", cuts, tc.cuts)
			}
		})
	}
}

func TestACodecChangeOnAirIsANewInitSegment(t *testing.T) {
	h := open(t)
	p := h.onAir("ann").start().video(40, avcConfigTag(h264OtherSPS, h264PPS)).video(40, avcFrame(0, h264B)).video(80, avcFrame(0, h264Key)).
		video(120, ex(0x90, "hvc1", hvcc(h265VPS, h265SPS, h265PPS))).video(160, ex(0x93, "hvc1", avcc(h265Key)))
	got := h.frames("ann", 3)
	if got[1].Init == got[0].Init || got[2].Init == got[1].Init || !got[1].Discontinuity || !got[2].Discontinuity {
		t.Errorf("inits %d %d %d", got[0].Init.ID, got[1].Init.ID, got[2].Init.ID)
	}
	if names := got[2].Init.Tracks[0].Codec.Name(); names != "HEVC" || got[1].Init.Tracks[0].Width != 1920 {
		t.Errorf("tracks %+v, then %+v", got[1].Init.Tracks, got[2].Init.Tracks)
	}
	p.Close()
}

func TestLargeChunksAndWideStreamNumbersArePublished(t *testing.T) {
	h := open(t)
	p := h.onAir("ann")
	big := append(append([]byte{}, h264Key...), make([]byte, 3<<20)...)
	p.say(setChunkSize(8<<20), chunks(4, typAudio, 0, aacTag(0, aacConfig), 8<<20), chunks(300, typVideo, 0, avcConfigTag(h264SPS, h264PPS), 8<<20),
		chunks(65599, typVideo, 0, avcFrame(0, big), 8<<20))
	if got := h.frames("ann", 1); len(got[0].Frame.Payload) != len(big)+4 {
		t.Errorf("a picture of %d bytes", len(got[0].Frame.Payload))
	}
}
