package rtmp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"echo.tv/server/live"
)

// maxNALU bounds one slice: 4 MiB is a key frame of 100 Mbit/s at three a second.
const maxNALU = 4 << 20

func playable(codec string) bool {
	switch codec {
	case fourAVC, fourHEVC, fourAV1, fourAAC, fourOpus:
		return true
	}
	return false
}

// configuration parses a sequence header into a track.
func configuration(t tag) (live.Track, error) {
	switch t.codec {
	case fourAVC:
		return avcConfig(t.data)
	case fourHEVC:
		return hevcConfig(t.data)
	case fourAV1:
		return av1Config(t.data)
	case fourAAC:
		return live.NewAAC(t.data)
	case fourOpus:
		return opusConfig(t.data)
	}
	return live.Track{}, nil // the frames that follow say that it cannot be played
}

// fields reads big-endian fields; reading past the end sets bad.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) take(n int) []byte {
	if f.bad || n > len(f.b) {
		f.bad = true
		return make([]byte, min(n, 8))
	}
	out := f.b[:n]
	f.b = f.b[n:]
	return out
}

func (f *fields) u8() int  { return int(f.take(1)[0]) }
func (f *fields) u16() int { return int(binary.BigEndian.Uint16(f.take(2))) }

var errConfig = fmt.Errorf("%w: a decoder configuration that ends early", errProtocol)

// avcConfig reads an AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1.
func avcConfig(b []byte) (live.Track, error) {
	f := fields{b: b}
	f.take(4)
	if err := lengthSize(f.u8()); err != nil {
		return live.Track{}, err
	}
	sets := func(n int) (first []byte) {
		for i := range n {
			if s := f.take(f.u16()); i == 0 {
				first = s
			}
		}
		return first
	}
	sps := sets(f.u8() & 0x1f)
	pps := sets(f.u8())
	if f.bad {
		return live.Track{}, errConfig
	}
	return live.NewH264(sps, pps)
}

// hevcConfig reads an HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 §8.3.3.1.
func hevcConfig(b []byte) (live.Track, error) {
	f := fields{b: b}
	f.take(21)
	if err := lengthSize(f.u8()); err != nil && !f.bad {
		return live.Track{}, err
	}
	sets := make(map[int][]byte)
	for range f.u8() {
		kind := f.u8() & 0x3f
		for range f.u16() {
			s := f.take(f.u16())
			if f.bad {
				return live.Track{}, errConfig
			}
			if sets[kind] == nil {
				sets[kind] = s
			}
		}
	}
	return live.NewH265(sets[int(h265.NALUType_VPS_NUT)], sets[int(h265.NALUType_SPS_NUT)], sets[int(h265.NALUType_PPS_NUT)])
}

// lengthSize refuses NAL unit lengths of other than four bytes; no publisher
// writes them, and every frame would have to be rewritten.
func lengthSize(b int) error {
	if b&3 != 3 {
		return fmt.Errorf("%w: NAL unit lengths of %d bytes", errProtocol, b&3+1)
	}
	return nil
}

// av1Config reads an AV1CodecConfigurationRecord (AV1 in ISOBMFF §2.3.3): four
// bytes, then OBUs, of which the first is the sequence header.
func av1Config(b []byte) (live.Track, error) {
	f := fields{b: b}
	f.take(4)
	obu, _, err := nextOBU(f.b)
	if f.bad || err != nil {
		return live.Track{}, errConfig
	}
	return live.NewAV1(obu)
}

// opusConfig reads an OpusHead (RFC 7845 §5.1).
func opusConfig(b []byte) (live.Track, error) {
	if len(b) < 10 || !bytes.HasPrefix(b, []byte("OpusHead")) {
		return live.Track{}, errConfig
	}
	return live.NewOpus(int(b[9]))
}

// fill checks a frame's payload and sets what follows from it. ok is false for
// a frame that holds nothing to decode.
func (d *demux) fill(f *live.Frame, t tag, track *live.Track) (ok bool, err error) {
	f.Payload = t.data
	switch c := track.Codec.(type) {
	case live.H264, live.H265:
		n, err := scanNALUs(t.data, c)
		if err != nil {
			return false, err
		}
		f.Payload, f.Key = n.payload, n.key
		if n.interval > 0 && !d.onAir && track.FPS > 0 {
			d.video.KeyInterval = int64(float64(n.interval) / track.FPS * live.Second)
		}
	case live.AV1:
		f.Payload, err = trimTemporalDelimiter(t.data)
		f.Key = t.key
	case live.AAC:
		f.Samples = 1024
		if c.Config.FrameLengthFlag {
			f.Samples = 960
		}
	case live.Opus:
		f.Samples = int(opus.PacketDuration2(t.data))
		if f.Samples <= 0 || f.Samples > 5760 { // RFC 6716: 120 ms at most
			return false, errTag
		}
	}
	return len(f.Payload) > 0, err
}

// nalus is what a scan over one access unit found.
type nalus struct {
	payload  []byte
	key      bool
	interval int // frames; what x264 says its longest key interval is, 0 unknown
}

// scanNALUs checks that the lengths of an AVCC access unit add up, drops what
// only costs bandwidth (filler, which OBS writes to keep CBR exact, and
// delimiters), and finds out whether decoding can start here. It compacts in
// place: the message is ours until it is published.
func scanNALUs(b []byte, codec live.Codec) (nalus, error) {
	out := nalus{payload: b[:0]}
	for len(b) > 0 {
		if len(b) < 4 {
			return nalus{}, errTag
		}
		n := int(binary.BigEndian.Uint32(b))
		if n > len(b)-4 || n > maxNALU {
			return nalus{}, errTag
		}
		unit := b[:4+n]
		b = b[4+n:]
		if n == 0 {
			continue
		}
		drop, key := naluH264(unit[4:], &out.interval)
		if _, is := codec.(live.H265); is {
			drop, key = naluH265(unit[4:])
		}
		out.key = out.key || key
		if !drop {
			out.payload = append(out.payload, unit...)
		}
	}
	return out, nil
}

func naluH264(u []byte, interval *int) (drop, key bool) {
	switch h264.NALUType(u[0] & 0x1f) {
	case h264.NALUTypeFillerData, h264.NALUTypeAccessUnitDelimiter:
		return true, false
	case h264.NALUTypeIDR:
		return false, true
	case h264.NALUTypeSEI:
		if n := x264KeyInterval(u); n > 0 {
			*interval = n
		}
	}
	return false, false
}

func naluH265(u []byte) (drop, key bool) {
	switch t := h265.NALUType(u[0] >> 1 & 0x3f); {
	case t == h265.NALUType_FD_NUT, t == h265.NALUType_AUD_NUT:
		return true, false
	case t >= h265.NALUType_BLA_W_LP && t <= h265.NALUType_CRA_NUT:
		return false, true
	}
	return false, false
}

// x264KeyInterval finds "keyint=250" in the settings that x264 writes into its
// first frame, so that the segment length is known before a second key frame
// came. 0 when it is not there.
func x264KeyInterval(sei []byte) int {
	i := bytes.Index(sei, []byte("keyint="))
	if i < 0 || !bytes.Contains(sei[:i], []byte("x264")) {
		return 0
	}
	digits := sei[i+len("keyint="):]
	for i, c := range digits {
		if c < '0' || c > '9' || i == 6 {
			digits = digits[:i]
			break
		}
	}
	n, _ := strconv.Atoi(string(digits))
	return n
}

// nextOBU returns the first OBU of b without its size field, and what follows
// (AV1 specification §5.3).
func nextOBU(b []byte) (obu, rest []byte, err error) {
	if len(b) < 2 || b[0]&0x80 != 0 {
		return nil, nil, errTag
	}
	head := 1 + int(b[0]>>2&1) // an extension byte may follow
	if len(b) < head {
		return nil, nil, errTag
	}
	if b[0]&2 == 0 { // no size: the rest is the OBU
		return b, nil, nil
	}
	size, n := binary.Uvarint(b[head:])
	if n <= 0 || size > uint64(len(b)-head-n) {
		return nil, nil, errTag
	}
	body := b[head+n : head+n+int(size)]
	obu = append([]byte{b[0] &^ 2}, b[1:head]...)
	return append(obu, body...), b[head+n+int(size):], nil
}

// trimTemporalDelimiter drops the OBU that must not be in an MP4 sample.
func trimTemporalDelimiter(b []byte) ([]byte, error) {
	const delimiter = 2
	if len(b) == 0 || b[0]>>3&0xf != delimiter {
		return b, nil
	}
	_, rest, err := nextOBU(b)
	return rest, err
}
