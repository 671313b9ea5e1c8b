package rtmp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"

	"echo.tv/server/live"
)

// One picture each, navy, made by x264, x265 and libaom.
var (
	h264SPS = unhex("6764000aacd9447b0110000003001000000303c0f1225960") // 64x48 at 30 fps
	h264PPS = unhex("68ef8fcb")
	h264Key = unhex("6588840027ffc2e0526e14a8618083b06a9986fa5f5d4e89a8d1c5877cf4e030b4c1b8f1")
	h264B   = unhex("419a246c41ffb580")

	h264OtherSPS = unhex("6742c028d900780227e584000003000400000300f03c60c920") // 1920x1080

	h265VPS = unhex("40010c01ffff01600000030090000003000003001e959809")
	h265SPS = unhex("42010101600000030090000003000003001ea02083165959ae4caf016808000003000800000300f04000")
	h265PPS = unhex("4401c173d089")
	h265Key = unhex("2801af0860f2e35dfff53673f03ff7fc76278338")
	h265P   = unhex("0201d009")

	av1Header = unhex("0a0a00000002afff9b5f2008")
	av1Key    = unhex("32131000c00000028000000a057700fbaf22e9b228")

	aacConfig = []byte{0x12, 0x10} // LC, 44.1 kHz, stereo
	opusHead  = append([]byte("OpusHead"), 1, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0)
	opus20ms  = []byte{0xfc, 1, 2, 3}
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// avcc puts NAL units behind their lengths.
func avcc(nalus ...[]byte) []byte {
	var out []byte
	for _, n := range nalus {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(n))), n...)
	}
	return out
}

// Bodies of audio and video messages.
func avcTag(kind byte, cts int32, data []byte) []byte {
	return append([]byte{0x17, kind, byte(cts >> 16), byte(cts >> 8), byte(cts)}, data...)
}

func avcConfigTag(sps, pps []byte) []byte {
	record := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1}
	record = append(binary.BigEndian.AppendUint16(record, uint16(len(sps))), sps...)
	record = append(binary.BigEndian.AppendUint16(append(record, 1), uint16(len(pps))), pps...)
	return avcTag(0, 0, record)
}

func avcFrame(cts int32, nalus ...[]byte) []byte { return avcTag(1, cts, avcc(nalus...)) }

func aacTag(kind byte, data []byte) []byte { return append([]byte{0xaf, kind}, data...) }

// ex is an Enhanced RTMP tag: first is the whole first byte.
func ex(first byte, codec string, data ...[]byte) []byte {
	return append(append([]byte{first}, codec...), bytes.Join(data, nil)...)
}

func hvcc(sets ...[]byte) []byte {
	record := make([]byte, 21, 200)
	record = append(record, 0xff, byte(len(sets)))
	for _, s := range sets {
		record = append(record, s[0]>>1&0x3f, 0, 1)
		record = append(binary.BigEndian.AppendUint16(record, uint16(len(s))), s...)
	}
	return record
}

func av1c(obus ...[]byte) []byte {
	return append([]byte{0x81, 0, 0x0c, 0}, bytes.Join(obus, nil)...)
}

// x264SEI is what x264 says of itself in its first frame.
func x264SEI(settings string) []byte {
	text := append(bytes.Repeat([]byte{0xaa}, 16), "x264 - core 164 - options: cabac=1 "+settings+" keyint_min=25\x00"...)
	return append([]byte{6, 5, 0xff}, text...)
}

// scene is a sink that keeps what it is given.
type scene struct {
	tracks  [][]live.Track // of every SetTracks
	frames  []live.Frame
	encoder string
	said    live.Announced
	err     error // what the sink answers
}

func (s *scene) SetTracks(t []live.Track) error {
	s.tracks = append(s.tracks, t)
	return s.err
}

func (s *scene) WriteFrame(f live.Frame) error {
	s.frames = append(s.frames, f)
	return s.err
}

func (s *scene) SetEncoder(name string) error {
	s.encoder = name
	return s.err
}

func (s *scene) Announce(a live.Announced) error {
	s.said = a
	return s.err
}
