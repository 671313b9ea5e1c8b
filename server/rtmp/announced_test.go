package rtmp

import (
	"math"
	"testing"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"echo.tv/server/live"
)

func TestWhatMetadataPromisesIsPassedOn(t *testing.T) {
	promise := func(fps, video, audio any) []byte {
		return metadata(amf0.ObjectEntry{Key: "framerate", Value: fps}, amf0.ObjectEntry{Key: "videodatarate", Value: video},
			amf0.ObjectEntry{Key: "audiodatarate", Value: audio})
	}
	for name, c := range map[string]struct {
		body []byte
		want live.Announced
	}{
		"OBS":              {promise(60.0, 6000.0, 160.0), live.Announced{FPS: 60, VideoBitrate: 6_000_000, AudioBitrate: 160_000}},
		"nothing":          {metadata(), live.Announced{}},
		"zeros":            {promise(0.0, 0.0, 0.0), live.Announced{}},
		"negative":         {promise(-60.0, -1.0, -1.0), live.Announced{}},
		"not a number":     {promise(math.NaN(), math.NaN(), math.NaN()), live.Announced{}},
		"infinite":         {promise(math.Inf(1), math.Inf(1), math.Inf(-1)), live.Announced{}},
		"absurd":           {promise(1e9, 1e12, 1e12), live.Announced{}},
		"text for numbers": {promise("60", "6000", "160"), live.Announced{}},
	} {
		s := begun(t)
		s.metadata(c.body)
		if s.scene.said != c.want {
			t.Errorf("%s: %+v, want %+v", name, s.scene.said, c.want)
		}
	}
}

func TestFurtherRenditionsAreSeen(t *testing.T) {
	second := ex(0x96, "\x01avc1\x01", []byte{0, 0, 0}, avcc(h264Key))
	for name, c := range map[string]struct {
		tag  []byte
		want bool
	}{
		"a second picture":       {second, true},
		"the first, as one more": {ex(0x96, "\x01avc1\x00", []byte{0, 0, 0}, avcc(h264Key)), false},
		"cut short":              {second[:3], false},
		"a command":              {[]byte{0x50, 1}, false},
	} {
		if s := begun(t).video(c.tag, c.tag); s.scene.said.Renditions != c.want || s.err != nil {
			t.Errorf("%s: %v, %v", name, s.scene.said.Renditions, s.err)
		}
	}
	if s := begun(t).audio(ex(0x95, "\x01Opus\x01", opus20ms)); s.scene.said.Renditions {
		t.Error("a second sound was taken for a picture")
	}
}
