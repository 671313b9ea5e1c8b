package live

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// profile is what a decoder must be able to do: the profile's usual name, the
// compatibility byte that H.264 has beside it, and the level. All are empty
// where the stream does not say.
type profile struct {
	name   string
	compat int
	level  float64
}

// profileOf reads it from the settings of c, which were parsed once already
// when the Track was made.
func profileOf(c Codec) (p profile) {
	switch c := c.(type) {
	case H264:
		if len(c.SPS) >= 4 { // ISO 14496-10 §7.3.2.1.1, after the NAL header
			return profile{h264Profiles[c.SPS[1]], int(c.SPS[2]), float64(c.SPS[3]) / 10}
		}
	case H265:
		var s h265.SPS
		if s.Unmarshal(c.SPS) == nil {
			return profile{name: h265Profiles[s.ProfileTierLevel.GeneralProfileIdc], level: float64(s.ProfileTierLevel.GeneralLevelIdc) / 30}
		}
	case AV1:
		var s av1.SequenceHeader
		if s.Unmarshal(c.SequenceHeader) == nil {
			p.name = av1Profiles[s.SeqProfile]
			if len(s.SeqLevelIdx) > 0 && s.SeqLevelIdx[0] < 24 { // above, the level is not limited
				l := s.SeqLevelIdx[0]
				p.level = float64(2+l/4) + float64(l%4)/10 // AV1 specification, annex A.3
			}
		}
	case AAC:
		p.name = aacProfile(c.Config)
	}
	return p
}

var (
	h264Profiles = map[uint8]string{66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10", 122: "High 4:2:2", 244: "High 4:4:4"}
	h265Profiles = map[uint8]string{1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions"}
	av1Profiles  = map[uint8]string{0: "Main", 1: "High", 2: "Professional"}
)

// aacProfile names HE-AAC by what is added to LC.
func aacProfile(c mpeg4audio.AudioSpecificConfig) string {
	switch {
	case c.ExtensionType == mpeg4audio.ObjectTypePS:
		return "HEv2"
	case c.ExtensionType == mpeg4audio.ObjectTypeSBR:
		return "HE"
	case c.Type == mpeg4audio.ObjectTypeAACLC:
		return "LC"
	}
	return ""
}
