package hls

import (
	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// tsTracks maps tracks to the library's. Errors: NotFound, in words for the
// viewer, when MPEG-TS cannot carry them.
func tsTracks(tracks []live.Track) ([]*gohlslib.Track, error) {
	var out []*gohlslib.Track
	pictures, sounds := 0, 0
	for _, t := range tracks {
		rate := live.Second
		switch c := t.Codec.(type) {
		case live.H264:
			pictures++
		case live.AAC:
			if !adts(c.Config) {
				return nil, tv.Errorf(tv.NotFound, "MPEG-TS cannot carry AAC of this kind")
			}
			sounds++
			rate = t.SampleRate
		default:
			return nil, tv.Errorf(tv.NotFound, "MPEG-TS cannot carry %s, only H.264 and AAC", t.Codec.Name())
		}
		out = append(out, &gohlslib.Track{Codec: codec(t), ClockRate: rate})
	}
	if pictures > 1 || sounds > 1 {
		return nil, tv.Errorf(tv.NotFound, "MPEG-TS carries one picture and one sound here, this channel has more")
	}
	return out, nil
}

// adts reports whether the header that MPEG-TS puts before each unit of sound
// can say what it is; the muxer takes every unit for 1024 samples.
func adts(c mpeg4audio.AudioSpecificConfig) bool {
	p := mpeg4audio.ADTSPacket{Type: c.Type, SampleRate: c.SampleRate, ChannelConfig: c.ChannelConfig, AU: []byte{0}}
	_, err := mpeg4audio.ADTSPackets{&p}.Marshal()
	return err == nil && c.ChannelConfig > 0 && !c.FrameLengthFlag
}
