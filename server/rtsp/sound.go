package rtsp

import (
	"errors"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpfragmented"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/pion/rtp"

	"echo.tv/server/live"
)

// sound is a source of AAC or Opus.
type sound struct {
	now     live.Track
	decode  func(*rtp.Packet) ([][]byte, error)
	samples func(unit []byte) int // 0 for a broken one
}

func (s *sound) track() live.Track { return s.now }
func (s *sound) changed() bool     { return false }

const (
	maxAAC   = 6144 // bytes: 6144 bits for each of 8 channels (ISO/IEC 14496-3 §4.5.3.2)
	maxBurst = 5760 // samples of one Opus packet: 120 ms (RFC 6716 §3.2)
)

func newAAC(f *format.MPEG4Audio) source {
	d, err := f.CreateDecoder()
	if err != nil {
		return nil
	}
	return aac(f.Config, d.Decode)
}

// newLATM is for AAC as GStreamer packs it (RFC 6416). Only a description with
// the settings in it is taken, of one programme: what everybody sends.
func newLATM(f *format.MPEG4AudioLATM) source {
	d, err := f.CreateDecoder()
	if err != nil || f.CPresent {
		return nil
	}
	return aac(f.StreamMuxConfig.Programs[0].Layers[0].AudioSpecificConfig, func(pkt *rtp.Packet) (units [][]byte, err error) {
		b, err := d.Decode(pkt)
		if err != nil {
			return nil, err
		}
		e := mpeg4audio.AudioMuxElement{StreamMuxConfig: f.StreamMuxConfig}
		if err := e.Unmarshal(b); err != nil {
			return nil, err
		}
		for _, programmes := range e.Payloads {
			units = append(units, programmes[0][0])
		}
		return units, nil
	})
}

// aac returns nil for settings that viewers cannot play.
func aac(c *mpeg4audio.AudioSpecificConfig, decode func(*rtp.Packet) ([][]byte, error)) source {
	config, err := c.Marshal()
	if err != nil {
		return nil
	}
	t, err := live.NewAAC(config)
	if err != nil {
		return nil
	}
	samples := 1024
	if c.FrameLengthFlag {
		samples = 960
	}
	return &sound{now: t, decode: decode, samples: func(au []byte) int {
		if len(au) == 0 || len(au) > maxAAC {
			return 0
		}
		return samples
	}}
}

// newOpus takes mono and stereo: more would need a mapping table in the MP4.
func newOpus(f *format.Opus) source {
	t, err := live.NewOpus(f.ChannelCount)
	if err != nil || f.ChannelCount > 2 {
		return nil
	}
	return &sound{now: t,
		decode: func(pkt *rtp.Packet) ([][]byte, error) { return [][]byte{pkt.Payload}, nil },
		samples: func(b []byte) int {
			n := int(opus.PacketDuration2(b))
			if n > maxBurst {
				return 0
			}
			return n
		}}
}

func (s *sound) read(pkt *rtp.Packet, pts int64) (out []live.Frame, err error) {
	units, err := s.decode(pkt)
	if errors.Is(err, rtpmpeg4audio.ErrMorePacketsNeeded) || errors.Is(err, rtpfragmented.ErrMorePacketsNeeded) {
		return nil, nil
	}
	if err != nil {
		return nil, errBroken
	}
	for _, u := range units {
		n := s.samples(u)
		if n == 0 {
			return out, errBroken
		}
		at := pts * live.Second / int64(s.now.SampleRate)
		out = append(out, live.Frame{DTS: at, PTS: at, Key: true, Samples: n, Payload: u})
		pts += int64(n)
	}
	return out, nil
}
