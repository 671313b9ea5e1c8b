package rtmp

import (
	"bytes"
	"strings"
	"testing"

	"echo.tv/server/live"
)

func TestNALUnitsThatOnlyCostAreStripped(t *testing.T) {
	filler := append([]byte{12}, bytes.Repeat([]byte{0xff}, 5000)...)
	aud := []byte{9, 0xf0}
	s := begun(t).video(avcFrame(0, aud, nil, h264Key, filler), avcFrame(0, filler), avcFrame(0, nil, nil), avcFrame(0, h264B))
	if n := len(s.frames()); n != 4 {
		t.Fatalf("%d frames, want no empty ones", n)
	}
	if f := s.frames()[2]; !bytes.Equal(f.Payload, avcc(h264Key)) || !f.Key {
		t.Errorf("the key frame became %d bytes, key %v", len(f.Payload), f.Key)
	}
	if s.err != nil || s.unread != 0 {
		t.Errorf("%d unread, %v", s.unread, s.err)
	}
	h := newStage(t).video(ex(0x90, "hvc1", hvcc(h265VPS, h265SPS, h265PPS)),
		ex(0x93, "hvc1", avcc([]byte{0x46, 1, 0x50}, h265Key, []byte{0x4c, 1, 0xff, 0xff})))
	if h.complete(); len(h.held) != 1 || !bytes.Equal(h.held[0].Payload, avcc(h265Key)) {
		t.Errorf("HEVC: %v", h.held)
	}
}

func TestAV1DelimitersAreStrippedAndKeyFramesFound(t *testing.T) {
	delimiter := []byte{0x12, 0}
	for name, tc := range map[string]struct {
		unit []byte
		want []byte
		key  bool
	}{
		"key frame":              {bytes.Join([][]byte{delimiter, av1Header, av1Key}, nil), append(bytes.Clone(av1Header), av1Key...), true},
		"key frame, header kept": {av1Key, av1Key, true},
		"other frame":            {append(bytes.Clone(delimiter), 0x32, 1, 0x30), []byte{0x32, 1, 0x30}, false},
		"a repeat":               {[]byte{0x1a, 1, 0x90}, []byte{0x1a, 1, 0x90}, false},
		"without sizes":          {[]byte{0x30, 0x10, 1, 2}, []byte{0x30, 0x10, 1, 2}, true},
		"nothing else":           {delimiter, nil, false},
	} {
		got, err := readOBUs(bytes.Clone(tc.unit))
		if err != nil || !bytes.Equal(got.payload, tc.want) || got.key != tc.key {
			t.Errorf("%s: % x, key %v, %v", name, got.payload, got.key, err)
		}
	}
	for name, unit := range map[string][]byte{
		"a size past the end":    {0x32, 9, 1},
		"a size without end":     {0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"a forbidden bit":        {0x92, 0},
		"an extension cut short": {0x36},
	} {
		if _, err := readOBUs(unit); err == nil {
			t.Errorf("%s is taken for AV1", name)
		}
	}
}

func TestX264SaysHowFarApartItsKeyFramesAre(t *testing.T) {
	for settings, want := range map[string]int{
		"keyint=250": 250, "keyint=60": 60, "keyint=infinite": 0, "keyint=": 0, "keyint=99999999": 999999, "bframes=3": 0,
	} {
		if got := x264KeyInterval(x264SEI(settings)); got != want {
			t.Errorf("%s: %d, want %d", settings, got, want)
		}
	}
	if got := x264KeyInterval([]byte("another one keyint=30")); got != 0 {
		t.Errorf("another encoder: %d", got)
	}
	s := newStage(t).audio(aacTag(0, aacConfig)).video(avcConfigTag(h264SPS, h264PPS), avcFrame(0, x264SEI("keyint=60"), h264Key))
	if got := s.scene.tracks[0][0].KeyInterval; got != 2*live.Second {
		t.Errorf("60 frames of 30 a second are %d ticks", got)
	}
}

func TestEnhancedRTMPsPrefixesAreReadOrSteppedOver(t *testing.T) {
	frame := []byte{0, 0, 0}
	for name, tc := range map[string]struct {
		tag  []byte
		want bool
	}{
		"coded frames":                {ex(0x91, "avc1", frame, avcc(h264Key)), true},
		"coded frames without offset": {ex(0x93, "avc1", avcc(h264Key)), true},
		"behind a nanosecond offset":  {ex(0x97, "\x02\x00\x00\x01\x01avc1", frame, avcc(h264Key)), true},
		"behind two":                  {ex(0x97, "\x00\x01\x07\x00\x01\x01avc1", frame, avcc(h264Key)), true},
		"behind a long one":           {ex(0x97, "\xff\x01\x00"+strings.Repeat("x", 257)+"\x01avc1", frame, avcc(h264Key)), true},
		"the first of several":        {ex(0x96, "\x01avc1\x00", frame, avcc(h264Key)), true},
		"the second of several":       {ex(0x96, "\x01avc1\x01", frame, avcc(h264Key)), false},
		"many in one":                 {ex(0x96, "\x11avc1\x00\x00\x00\x09", frame, avcc(h264Key)), false},
		"HDR metadata":                {ex(0xd4, "hvc1", []byte{2, 0, 9}), false},
		"HDR metadata of the second":  {ex(0xd6, "\x04hvc1\x01", []byte{2, 0, 9}), false},
		"the end of a sequence":       {ex(0x92, "avc1"), false},
		"a command to the player":     {[]byte{0xd1, 0}, false},
		"an old command":              {[]byte{0x57, 0}, false},
		"the old end of a sequence":   {avcTag(2, 0, nil), false},
	} {
		s := begun(t).video(tc.tag)
		if got := len(s.frames()) == 3; got != tc.want || s.unread != 0 || s.err != nil {
			t.Errorf("%s: passed on %v, %d unread, %v", name, got, s.unread, s.err)
		}
	}
}

func TestCompositionOffsetsHaveASign(t *testing.T) {
	for _, cts := range []int32{0, 66, -33, 1<<23 - 1, -1 << 23} {
		s := begun(t).video(avcFrame(cts, h264B), ex(0x91, "avc1", []byte{byte(cts >> 16), byte(cts >> 8), byte(cts)}, avcc(h264B)))
		for _, f := range s.frames()[2:] {
			if f.PTS-f.DTS != int64(cts)*90 {
				t.Errorf("%d ms became %d ticks", cts, f.PTS-f.DTS)
			}
		}
	}
}
