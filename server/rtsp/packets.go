package rtsp

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpav1"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph265"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/pion/rtp"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// Payload types, from the dynamic range.
const (
	videoType = 96
	soundType = 97
)

// AAC-hbr, RFC 3640 §3.3.6.
const (
	sizeBits  = 13
	indexBits = 3
)

// mediaOf says a track in the library's words.
func mediaOf(t live.Track) (*description.Media, error) {
	kind := description.MediaTypeAudio
	if t.Video() {
		kind = description.MediaTypeVideo
	}
	f, err := formatOf(t)
	if err != nil {
		return nil, err
	}
	return &description.Media{Type: kind, Formats: []format.Format{f}}, nil
}

func formatOf(t live.Track) (format.Format, error) {
	switch c := t.Codec.(type) {
	case live.H264:
		return &format.H264{PayloadTyp: videoType, PacketizationMode: 1, SPS: c.SPS, PPS: c.PPS}, nil
	case live.H265:
		return &format.H265{PayloadTyp: videoType, VPS: c.VPS, SPS: c.SPS, PPS: c.PPS}, nil
	case live.AV1:
		return &format.AV1{PayloadTyp: videoType}, nil
	case live.AAC:
		return &format.MPEG4Audio{PayloadTyp: soundType, ProfileLevelID: 1, Config: &c.Config,
			SizeLength: sizeBits, IndexLength: indexBits, IndexDeltaLength: indexBits}, nil
	case live.Opus:
		return &format.Opus{PayloadTyp: soundType, ChannelCount: t.Channels}, nil
	}
	return nil, tv.Errorf(tv.Invalid, "this channel's codecs cannot be played by RTSP").Hint("watch in a browser instead")
}

// rateOf is the clock rate of a track's RTP timestamps (RFC 3551 §4.1).
func rateOf(t live.Track) int64 {
	if t.Video() {
		return live.Second
	}
	return int64(t.SampleRate)
}

// rescale converts channel time to a track's clock, to the nearest unit.
func rescale(ticks, rate int64) int64 {
	if rate == live.Second {
		return ticks
	}
	return (ticks*rate + live.Second/2) / live.Second
}

// unit is one frame within the players' reach; packets are made of it when the
// first of them gets there. Safe for concurrent use.
type unit struct {
	init     *live.Init
	track    int
	key      bool
	dts, pts int64
	arrival  time.Time
	payload  []byte

	once sync.Once
	made []*rtp.Packet
}

// newUnit refers to the payload where it lies in the chunk: others hold the
// chunk anyway, and the frame's own copy can go.
func newUnit(c *live.Chunk) *unit {
	f := &c.Frame
	u := &unit{init: c.Init, track: f.Track, key: f.Key, dts: f.DTS, pts: f.PTS, arrival: f.Arrival, payload: f.Payload}
	if n := len(c.Data) - len(f.Payload); n >= 0 {
		u.payload = c.Data[n:] // the mdat is the last box and holds this one frame
	}
	return u
}

// packets returns the unit's packets, without sequence numbers; none for a frame
// that cannot be sent. They are shared and must not be changed.
func (u *unit) packets() []*rtp.Packet {
	u.once.Do(func() {
		t := u.init.Tracks[u.track]
		u.made = encode(t.Codec, u.payload, u.key)
		at := uint32(rescale(u.pts, rateOf(t)))
		for _, p := range u.made {
			p.Timestamp = at
		}
	})
	return u.made
}

// The library's encoders number packets and draw an identity; ours get both per
// player.
var (
	noSource uint32
	noNumber uint16
)

func encode(codec live.Codec, payload []byte, key bool) []*rtp.Packet {
	if len(payload) == 0 {
		return nil
	}
	var out []*rtp.Packet
	var err error
	switch c := codec.(type) {
	case live.H264:
		e := rtph264.Encoder{PayloadType: videoType, PacketizationMode: 1, SSRC: &noSource, InitialSequenceNumber: &noNumber}
		if err = e.Init(); err == nil {
			out, err = e.Encode(withSets(split(payload), key, isSPS, c.SPS, c.PPS))
		}
	case live.H265:
		e := rtph265.Encoder{PayloadType: videoType, SSRC: &noSource, InitialSequenceNumber: &noNumber}
		if err = e.Init(); err == nil {
			out, err = e.Encode(withSets(split(payload), key, isVPS, c.VPS, c.SPS, c.PPS))
		}
	case live.AV1:
		e := rtpav1.Encoder{PayloadType: videoType, SSRC: &noSource, InitialSequenceNumber: &noNumber}
		var obus av1.Bitstream
		if err = e.Init(); err == nil {
			if err = obus.Unmarshal(payload); err == nil {
				out, err = e.Encode(withSets(obus, key, isSequence, c.SequenceHeader))
			}
		}
	case live.AAC:
		e := rtpmpeg4audio.Encoder{PayloadType: soundType, SSRC: &noSource, InitialSequenceNumber: &noNumber,
			SizeLength: sizeBits, IndexLength: indexBits, IndexDeltaLength: indexBits}
		if err = e.Init(); err == nil {
			out, err = e.Encode([][]byte{payload})
		}
	default: // Opus: a packet is a packet (RFC 7587 §4.2)
		out = []*rtp.Packet{{Header: rtp.Header{Version: 2, PayloadType: soundType}, Payload: payload}}
	}
	if err != nil {
		return nil
	}
	return out
}

// split returns the NAL units of an AVCC access unit.
func split(b []byte) (nalus [][]byte) {
	for len(b) > 4 {
		n := int64(binary.BigEndian.Uint32(b))
		if b = b[4:]; n > int64(len(b)) {
			break
		}
		if n > 0 {
			nalus = append(nalus, b[:n])
		}
		b = b[n:]
	}
	return nalus
}

// withSets puts the parameter sets before a key frame that has none.
func withSets(units [][]byte, key bool, isSet func([]byte) bool, sets ...[]byte) [][]byte {
	if !key {
		return units
	}
	for _, u := range units {
		if isSet(u) {
			return units
		}
	}
	return append(sets[:len(sets):len(sets)], units...)
}

func isSPS(nalu []byte) bool     { return h264.NALUType(nalu[0]&0x1f) == h264.NALUTypeSPS }
func isVPS(nalu []byte) bool     { return h265.NALUType(nalu[0]>>1&0x3f) == h265.NALUType_VPS_NUT }
func isSequence(obu []byte) bool { return av1.OBUType(obu[0]>>3&0xf) == av1.OBUTypeSequenceHeader }
