package cmaf

import (
	"encoding/binary"

	obus "github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"echo.tv/server/live"
)

// plausible reports whether the outer form of a payload is right: lengths that
// add up, so that nobody who cuts it up later meets a surprise.
func plausible(t live.Track, f live.Frame) bool {
	if len(f.Payload) == 0 {
		return false
	}
	switch t.Codec.(type) {
	case live.H264, live.H265:
		return wholeNALUs(f.Payload)
	case live.AV1:
		var unit obus.Bitstream
		return unit.Unmarshal(f.Payload) == nil
	}
	return f.Samples > 0 && f.Samples <= maxSamples && len(f.Payload) <= maxInit
}

// wholeNALUs reports whether b is NAL units behind their lengths.
func wholeNALUs(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 5 {
			return false
		}
		n := int64(binary.BigEndian.Uint32(b))
		if n == 0 || n > int64(len(b)-4) || n > maxNALU || b[4]&0x80 != 0 { // forbidden_zero_bit
			return false
		}
		b = b[4+n:]
	}
	return true
}
