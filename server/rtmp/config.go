package rtmp

import (
	"bytes"
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

func playable(codec string) bool {
	switch codec {
	case fourAVC, fourHEVC, fourAV1, fourAAC, fourOpus:
		return true
	}
	return false
}

// configuration parses the sequence header of a playable codec into a track.
// The error is fit to be shown.
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
	}
	return opusConfig(t.data)
}

var errConfig = tv.Errorf(tv.Invalid, "the stream's decoder settings end early").
	Hint("pick another encoder in OBS, Settings, Output")

// fields reads big-endian fields; reading past the end sets bad and gives zeros.
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

// set returns a parameter set, which its length precedes. It is a copy: the
// track outlives the message by hours.
func (f *fields) set() []byte { return bytes.Clone(f.take(f.u16())) }

// avcConfig reads an AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1.
func avcConfig(b []byte) (live.Track, error) {
	f := fields{b: b}
	f.take(4)
	size := f.u8()
	first := func(n int) (set []byte) {
		for i := range n {
			if s := f.set(); i == 0 {
				set = s
			}
		}
		return set
	}
	sps := first(f.u8() & 0x1f)
	pps := first(f.u8())
	if f.bad {
		return live.Track{}, errConfig
	}
	if err := lengthSize(size); err != nil {
		return live.Track{}, err
	}
	return live.NewH264(sps, pps)
}

// hevcConfig reads an HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 §8.3.3.1.
func hevcConfig(b []byte) (live.Track, error) {
	f := fields{b: b}
	f.take(21)
	size := f.u8()
	sets := make(map[int][]byte)
	for range f.u8() {
		kind := f.u8() & 0x3f
		for range f.u16() {
			s := f.set()
			if f.bad {
				return live.Track{}, errConfig
			}
			if len(sets[kind]) == 0 {
				sets[kind] = s
			}
		}
	}
	if f.bad {
		return live.Track{}, errConfig
	}
	if err := lengthSize(size); err != nil {
		return live.Track{}, err
	}
	return live.NewH265(sets[int(h265.NALUType_VPS_NUT)], sets[int(h265.NALUType_SPS_NUT)], sets[int(h265.NALUType_PPS_NUT)])
}

// lengthSize refuses NAL unit lengths of other than four bytes; no publisher
// writes them, and every frame would have to be rewritten.
func lengthSize(b int) error {
	if b&3 != 3 {
		return tv.Errorf(tv.Invalid, "this stream has NAL unit lengths of %d bytes, not 4", b&3+1)
	}
	return nil
}

// av1Config reads an AV1CodecConfigurationRecord (AV1 in ISOBMFF §2.3.3): four
// bytes, then OBUs, of which the first is the sequence header.
func av1Config(b []byte) (live.Track, error) {
	f := fields{b: b}
	f.take(4)
	obu, err := firstOBU(f.b)
	if f.bad || err != nil {
		return live.Track{}, errConfig
	}
	return live.NewAV1(obu)
}

// opusConfig reads an OpusHead (RFC 7845 §5.1). More than two channels would
// need a mapping table in the MP4, which nobody here writes.
func opusConfig(b []byte) (live.Track, error) {
	if len(b) < 10 || !bytes.HasPrefix(b, []byte("OpusHead")) {
		return live.Track{}, errConfig
	}
	if b[9] > 2 {
		return live.Track{}, tv.Errorf(tv.Invalid, "Opus with %d channels cannot be passed on", b[9]).
			Hint("choose stereo in OBS, Settings, Audio")
	}
	return live.NewOpus(int(b[9]))
}
