package live

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"echo.tv/server/tv"
)

// Codec is one of H264, H265, AV1, AAC and Opus: what OBS sends and browsers
// play. Each face maps these to its library in one small file.
type Codec interface{ Name() string }

// Parameter sets are kept as the publisher sent them, without start codes.
type (
	H264 struct{ SPS, PPS []byte }
	H265 struct{ VPS, SPS, PPS []byte }
	AV1  struct{ SequenceHeader []byte } // one OBU, without its size field
	AAC  struct {
		Config mpeg4audio.AudioSpecificConfig
	}
	Opus struct{}
)

// Name returns what people call the codec.
func (H264) Name() string { return "H.264" }

// Name returns what people call the codec.
func (H265) Name() string { return "HEVC" }

// Name returns what people call the codec.
func (AV1) Name() string { return "AV1" }

// Name returns what people call the codec.
func (AAC) Name() string { return "AAC" }

// Name returns what people call the codec.
func (Opus) Name() string { return "Opus" }

// Track is one elementary stream. It is immutable; a change of codec settings
// is a new Track given to [Session.SetTracks].
type Track struct {
	Codec Codec

	Width, Height int     // video, pixels
	FPS           float64 // video, frames per second; 0 when the stream does not say
	KeyInterval   int64   // video, the encoder's longest distance between key frames in 90 kHz; 0 unknown

	SampleRate, Channels int // audio
}

// Video reports whether the track is a picture.
func (t Track) Video() bool { return t.Width > 0 }

// Same reports whether both tracks need the same init segment.
func (t Track) Same(o Track) bool {
	if t.Width != o.Width || t.Height != o.Height || t.SampleRate != o.SampleRate || t.Channels != o.Channels {
		return false
	}
	switch c := t.Codec.(type) {
	case H264:
		d, ok := o.Codec.(H264)
		return ok && bytes.Equal(c.SPS, d.SPS) && bytes.Equal(c.PPS, d.PPS)
	case H265:
		d, ok := o.Codec.(H265)
		return ok && bytes.Equal(c.VPS, d.VPS) && bytes.Equal(c.SPS, d.SPS) && bytes.Equal(c.PPS, d.PPS)
	case AV1:
		d, ok := o.Codec.(AV1)
		return ok && bytes.Equal(c.SequenceHeader, d.SequenceHeader)
	default:
		return t.Codec == o.Codec
	}
}

// NewH264 parses sps for size and frame rate. A parameter set that cannot be
// parsed is refused here, at the door, so that no muxer meets it later.
func NewH264(sps, pps []byte) (Track, error) {
	var p h264.SPS
	if err := p.Unmarshal(sps); err != nil {
		return Track{}, badConfig("H.264", err)
	}
	if len(pps) == 0 {
		return Track{}, badConfig("H.264", errNoPPS)
	}
	return video(H264{sps, pps}, p.Width(), p.Height(), p.FPS())
}

// NewH265 is NewH264 for HEVC.
func NewH265(vps, sps, pps []byte) (Track, error) {
	var p h265.SPS
	if err := p.Unmarshal(sps); err != nil {
		return Track{}, badConfig("HEVC", err)
	}
	if len(vps) == 0 || len(pps) == 0 {
		return Track{}, badConfig("HEVC", errNoPPS)
	}
	return video(H265{vps, sps, pps}, p.Width(), p.Height(), p.FPS())
}

// NewAV1 is NewH264 for AV1; header is the sequence header OBU.
func NewAV1(header []byte) (Track, error) {
	var p av1.SequenceHeader
	if err := p.Unmarshal(header); err != nil {
		return Track{}, badConfig("AV1", err)
	}
	return video(AV1{header}, p.Width(), p.Height(), 0)
}

// NewAAC parses an AudioSpecificConfig (ISO 14496-3 §1.6.2.1).
func NewAAC(config []byte) (Track, error) {
	var c mpeg4audio.AudioSpecificConfig
	if err := c.Unmarshal(config); err != nil {
		return Track{}, badConfig("AAC", err)
	}
	channels := int(c.ChannelConfig)
	switch channels {
	case 0:
		channels = 2 // laid out by a PCE; browsers take two for the description
	case 7:
		channels = 8
	}
	if c.SampleRate < 7350 || c.SampleRate > 96000 {
		return Track{}, badConfig("AAC", errSampleRate)
	}
	return Track{Codec: AAC{c}, SampleRate: c.SampleRate, Channels: channels}, nil
}

// NewOpus returns an Opus track; Opus always runs on a 48 kHz clock (RFC 7845).
func NewOpus(channels int) (Track, error) {
	if channels < 1 || channels > 8 {
		return Track{}, badConfig("Opus", errChannels)
	}
	return Track{Codec: Opus{}, SampleRate: 48000, Channels: channels}, nil
}

// 8192 is the largest picture any browser decodes; above it a size is a lie
// that would only end in other people's allocators.
const maxSide = 8192

func video(c Codec, width, height int, fps float64) (Track, error) {
	if width < 16 || height < 16 || width > maxSide || height > maxSide {
		return Track{}, badConfig(c.Name(), errSize)
	}
	if !(fps >= 1 && fps <= 240) { // also 0/0, which an SPS can say
		fps = 0
	}
	return Track{Codec: c, Width: width, Height: height, FPS: fps}, nil
}

func badConfig(codec string, err error) error {
	return tv.Errorf(tv.Invalid, "the %s settings of this stream cannot be read: %w", codec, err).
		Hint("pick another encoder in OBS, Settings, Output")
}
