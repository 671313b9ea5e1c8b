package cmaf

import (
	"strings"
	"testing"

	"echo.tv/server/live"
)

func TestAStillIsAPlayableLittleFile(t *testing.T) {
	for name, tc := range map[string]struct {
		track live.Track
		key   []byte
		want  string
	}{
		"H.264": {avc, h264Key, "64,48,I"},
		"HEVC":  {hevc, h265Key, "64,48,I"},
		"AV1":   {av1, av1Key, "64,64,I"},
	} {
		t.Run(name, func(t *testing.T) {
			f := live.Frame{Track: 3, DTS: 1 << 40, PTS: 1<<40 + 6000, Key: true, Payload: tc.key}
			b, err := Still(&live.Still{Track: tc.track, Frame: f})
			if err != nil {
				t.Fatal(err)
			}
			if got := probe(t, b, "-select_streams", "v:0", "-show_entries", "frame=width,height,pict_type"); got != tc.want {
				t.Errorf("a player sees %q, want %q", got, tc.want)
			}
			if got := probe(t, b, "-show_entries", "packet=pts_time,flags"); !strings.HasPrefix(got, "0.000000,K") {
				t.Errorf("its picture is at %q, want a key frame at 0", got)
			}
		})
	}
}

func TestAStillThatCannotBeDescribedIsAnError(t *testing.T) {
	bad := live.Track{Codec: live.H264{SPS: []byte{0x67, 1}, PPS: []byte{1}}, Width: 64, Height: 48}
	if _, err := Still(&live.Still{Track: bad, Frame: live.Frame{Payload: h264Key}}); err == nil {
		t.Error("no error")
	}
}
