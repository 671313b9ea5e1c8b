package rtmp

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"echo.tv/server/live"
)

const (
	maxNALU  = 4 << 20 // 4 MiB is a key frame of 100 Mbit/s at three a second
	maxAAC   = 6144    // bytes: 6144 bits for each of 8 channels (ISO/IEC 14496-3 §4.5.3.2)
	maxBurst = 5760    // samples of one Opus packet: 120 ms (RFC 6716 §3.2)
)

// unit is what a frame's payload turned out to be.
type unit struct {
	payload  []byte // may be empty: nothing in it to decode
	key      bool
	samples  int // audio
	interval int // frames; what x264 says its longest key interval is, 0 unknown
}

// read checks a coded frame, as far as its outer form shows what is wrong, and
// finds out what follows from it. It may shorten the payload in place: the
// message is ours until it is published.
func read(t tag, codec live.Codec) (unit, error) {
	switch c := codec.(type) {
	case live.H264, live.H265:
		return readNALUs(t.data, c)
	case live.AV1:
		return readOBUs(t.data)
	case live.AAC:
		if len(t.data) > maxAAC {
			return unit{}, errTag
		}
		samples := 1024
		if c.Config.FrameLengthFlag {
			samples = 960
		}
		return unit{payload: t.data, key: true, samples: samples}, nil
	}
	samples := int(opus.PacketDuration2(t.data))
	if len(t.data) > 0 && (samples <= 0 || samples > maxBurst) {
		return unit{}, errTag
	}
	return unit{payload: t.data, key: true, samples: samples}, nil
}

// readNALUs checks that the lengths of an AVCC access unit add up, drops what
// only costs bandwidth (filler, which OBS writes to keep CBR exact, and
// delimiters), and finds out whether decoding can start here.
func readNALUs(b []byte, codec live.Codec) (unit, error) {
	out := unit{payload: b[:0]}
	_, hevc := codec.(live.H265)
	for len(b) > 0 {
		if len(b) < 4 {
			return unit{}, errTag
		}
		n := int64(binary.BigEndian.Uint32(b))
		if n > int64(len(b)-4) || n > maxNALU {
			return unit{}, errTag
		}
		nalu := b[:4+n]
		b = b[4+n:]
		if n == 0 {
			continue
		}
		if nalu[4]&0x80 != 0 { // forbidden_zero_bit
			return unit{}, errTag
		}
		var drop, key bool
		if hevc {
			drop, key = naluH265(nalu[4:])
		} else {
			drop, key = naluH264(nalu[4:], &out.interval)
		}
		out.key = out.key || key
		if !drop {
			out.payload = append(out.payload, nalu...)
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
	_, settings, x264 := bytes.Cut(sei, []byte("x264"))
	_, number, found := bytes.Cut(settings, []byte(" keyint="))
	if !x264 || !found {
		return 0
	}
	end := 0
	for end < len(number) && end < 6 && number[end] >= '0' && number[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(string(number[:end])) // "infinite" is 0
	return n
}

// OBU types, AV1 specification §6.2.2.
const (
	obuDelimiter   = 2
	obuFrameHeader = 3
	obuFrame       = 6
)

// readOBUs checks that the sizes of a temporal unit add up, drops its delimiter,
// which must not be in an MP4 sample (AV1 in ISOBMFF §2.4), and finds out whether
// decoding can start here: the sender's word is not enough, as some never give
// it.
func readOBUs(b []byte) (unit, error) {
	out := unit{payload: b[:0]}
	framed := false
	for len(b) > 0 {
		head, size, err := sizeOBU(b)
		if err != nil {
			return unit{}, err
		}
		kind, body := b[0]>>3&0xf, b[head:head+size]
		if !framed && size > 0 && (kind == obuFrame || kind == obuFrameHeader) {
			framed = true
			out.key = body[0]&0xf0 == 0x10 // not a repeat, type key, shown (§5.9.2)
		}
		if kind != obuDelimiter {
			out.payload = append(out.payload, b[:head+size]...)
		}
		b = b[head+size:]
	}
	return out, nil
}

// sizeOBU returns how long the first OBU of b is: its header, size field
// included, and its body (AV1 specification §5.3). One without a size is the
// last.
func sizeOBU(b []byte) (head, size int, err error) {
	if len(b) == 0 || b[0]&0x80 != 0 {
		return 0, 0, errTag
	}
	head = 1 + int(b[0]>>2&1) // an extension byte may follow
	if head > len(b) {
		return 0, 0, errTag
	}
	if b[0]&2 == 0 {
		return head, len(b) - head, nil
	}
	v, n := binary.Uvarint(b[head:])
	if head += max(n, 0); n <= 0 || v > uint64(len(b)-head) {
		return 0, 0, errTag
	}
	return head, int(v), nil
}

// firstOBU returns a copy of the first OBU of b without its size field.
func firstOBU(b []byte) ([]byte, error) {
	head, size, err := sizeOBU(b)
	if err != nil {
		return nil, err
	}
	obu := append([]byte{b[0] &^ 2}, b[1:1+b[0]>>2&1]...)
	return append(obu, b[head:head+size]...), nil
}
