package rtmp

import (
	"encoding/binary"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// What demux reads, mux writes: H.264 and AAC as FLV has always had them, since
// every player knows those; the others by FourCC, as Enhanced RTMP v2 says.

const (
	flvAVC = 7    // FLV 10.1 §E.4.3.1
	flvAAC = 10   // §E.4.2.1
	aacTop = 0xaf // AAC, and "44 kHz stereo", which is what AAC always says
)

// frameHead returns what stands before the payload of a frame of t in its
// message. cts is in ms and may be negative.
func frameHead(t live.Track, key bool, cts int64) []byte {
	kind := byte(2) << 4
	if key {
		kind = 1 << 4
	}
	switch t.Codec.(type) {
	case live.H264:
		return append24([]byte{kind | flvAVC, 1}, cts)
	case live.H265:
		return append24(append([]byte{0x80 | kind | exCodedFrames}, fourHEVC...), cts)
	case live.AV1:
		return append([]byte{0x80 | kind | exCodedFrames}, fourAV1...)
	case live.AAC:
		return []byte{aacTop, 1}
	}
	return append([]byte{0x90 | exCodedFrames}, fourOpus...)
}

// settings returns the message of t's decoder configuration, in two pieces. The
// error is fit to be shown.
func settings(t live.Track) (head, record []byte, err error) {
	switch c := t.Codec.(type) {
	case live.H264:
		return []byte{0x10 | flvAVC, 0, 0, 0, 0}, avcRecord(c), nil
	case live.H265:
		head = append([]byte{0x90 | exSequenceStart}, fourHEVC...)
		record, err = hevcRecord(c)
	case live.AV1:
		head = append([]byte{0x90 | exSequenceStart}, fourAV1...)
		record, err = av1Record(c)
	case live.AAC:
		head = []byte{aacTop, 0}
		record, err = c.Config.Marshal()
	case live.Opus:
		head = append([]byte{0x90 | exSequenceStart}, fourOpus...)
		record, err = opusRecord(t.Channels)
	default:
		err = tv.Errorf(tv.Invalid, "there is no way to say %s", t.Codec.Name())
	}
	if err != nil {
		return nil, nil, tv.Errorf(tv.Invalid, "this stream cannot be sent by RTMP: %w", err).
			Hint("watch it in a browser instead")
	}
	return head, record, nil
}

// avcRecord, hevcRecord and av1Record are what payload.go's namesakes read;
// opusRecord is an OpusHead.
func avcRecord(c live.H264) []byte {
	out := append([]byte{1}, c.SPS[1:4]...) // profile, constraints, level
	out = appendSet(append(out, 0xff, 0xe1), c.SPS)
	return appendSet(append(out, 1), c.PPS)
}

func hevcRecord(c live.H265) ([]byte, error) {
	var sps h265.SPS
	if err := sps.Unmarshal(c.SPS); err != nil {
		return nil, err
	}
	raw := h264.EmulationPreventionRemove(c.SPS)
	out := append([]byte{1}, raw[3:15]...) // general_profile_space to general_level_idc
	layers, nested := raw[2]>>1&7+1, raw[2]&1
	out = append(out, 0xf0, 0, 0xfc, 0xfc|byte(sps.ChromaFormatIdc), 0xf8|byte(sps.BitDepthLumaMinus8),
		0xf8|byte(sps.BitDepthChromaMinus8), 0, 0, layers<<3|nested<<2|3, 3)
	for _, set := range [][]byte{c.VPS, c.SPS, c.PPS} {
		out = appendSet(append(out, 0x80|set[0]>>1&0x3f, 0, 1), set)
	}
	return out, nil
}

func appendSet(out, set []byte) []byte {
	return append(binary.BigEndian.AppendUint16(out, uint16(len(set))), set...)
}

func av1Record(c live.AV1) ([]byte, error) {
	var h av1.SequenceHeader
	if err := h.Unmarshal(c.SequenceHeader); err != nil {
		return nil, err
	}
	color := h.ColorConfig
	flags := bit(len(h.SeqTier) > 0 && h.SeqTier[0], 7) | bit(color.HighBitDepth, 6) | bit(color.TwelveBit, 5) |
		bit(color.MonoChrome, 4) | bit(color.SubsamplingX, 3) | bit(color.SubsamplingY, 2) | byte(color.ChromaSamplePosition)&3
	level := byte(0)
	if len(h.SeqLevelIdx) > 0 {
		level = h.SeqLevelIdx[0]
	}
	head := 1 + int(c.SequenceHeader[0]>>2&1) // an extension byte may follow
	body := c.SequenceHeader[head:]
	out := []byte{0x81, h.SeqProfile<<5 | level&0x1f, flags, 0, c.SequenceHeader[0] | 2}
	out = append(out, c.SequenceHeader[1:head]...)
	return append(binary.AppendUvarint(out, uint64(len(body))), body...), nil
}

func bit(set bool, at int) byte {
	if set {
		return 1 << at
	}
	return 0
}

func opusRecord(channels int) ([]byte, error) {
	if channels > 2 {
		return nil, tv.Errorf(tv.Invalid, "Opus with %d channels", channels)
	}
	const preSkip = 312 // samples, libopus's own
	return opus.IDHeader{Version: 1, ChannelCount: uint8(channels), PreSkip: preSkip, InputSampleRate: 48000}.Marshal()
}

// description is the onMetaData message. The codecs go by FLV number where they
// have one, else by FourCC number (Enhanced RTMP v2, "onMetaData").
func description(tracks []live.Track) ([]byte, error) {
	values := amf0.ECMAArray{}
	add := func(key string, value float64) {
		if value > 0 {
			values = append(values, amf0.ObjectEntry{Key: key, Value: value})
		}
	}
	for _, t := range tracks {
		if t.Video() {
			add("width", float64(t.Width))
			add("height", float64(t.Height))
			add("framerate", t.FPS)
			add("videocodecid", codecNumber(t.Codec))
			continue
		}
		add("audiosamplerate", float64(t.SampleRate))
		add("audiochannels", float64(t.Channels))
		add("audiocodecid", codecNumber(t.Codec))
		values = append(values, amf0.ObjectEntry{Key: "stereo", Value: t.Channels == 2})
	}
	return amf0.Data{"onMetaData", values}.Marshal()
}

func codecNumber(c live.Codec) float64 {
	four := fourOpus
	switch c.(type) {
	case live.H264:
		return flvAVC
	case live.AAC:
		return flvAAC
	case live.H265:
		four = fourHEVC
	case live.AV1:
		four = fourAV1
	}
	return float64(binary.BigEndian.Uint32([]byte(four)))
}

// append24 appends the low 24 bits of v: two's complement, when it is negative.
func append24(out []byte, v int64) []byte { return append(out, byte(v>>16), byte(v>>8), byte(v)) }
