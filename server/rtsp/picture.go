package rtsp

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/pion/rtp"

	"echo.tv/server/live"
)

// sets are the parameter sets of a picture, in the order in which they are sent.
type sets [3][]byte

// The kinds of NAL units.
const (
	vps = iota // also the index in sets
	sps
	pps
	slice   // decoding cannot start here
	key     // it can
	useless // delimiters and filler, which only cost bandwidth
	other
)

// words is what H.264 and HEVC say differently.
type words struct {
	kind    func(nalu []byte) int
	config  func(sets) (live.Track, error)
	extract func() func(au [][]byte, pts int64) (int64, error) // a new extractor of decoding times
}

func h264Words() words {
	return words{
		kind: func(nalu []byte) int {
			switch h264.NALUType(nalu[0] & 0x1f) {
			case h264.NALUTypeSPS:
				return sps
			case h264.NALUTypePPS:
				return pps
			case h264.NALUTypeIDR:
				return key
			case h264.NALUTypeNonIDR, h264.NALUTypeDataPartitionA:
				return slice
			case h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeFillerData:
				return useless
			}
			return other
		},
		config: func(s sets) (live.Track, error) { return live.NewH264(s[sps], s[pps]) },
		extract: func() func([][]byte, int64) (int64, error) {
			var e h264.DTSExtractor
			e.Initialize()
			return e.Extract
		},
	}
}

func h265Words() words {
	return words{
		kind: func(nalu []byte) int {
			switch t := h265.NALUType(nalu[0] >> 1 & 0x3f); {
			case t == h265.NALUType_VPS_NUT:
				return vps
			case t == h265.NALUType_SPS_NUT:
				return sps
			case t == h265.NALUType_PPS_NUT:
				return pps
			case t >= h265.NALUType_BLA_W_LP && t <= h265.NALUType_CRA_NUT:
				return key
			case t < h265.NALUType_BLA_W_LP:
				return slice
			case t == h265.NALUType_AUD_NUT, t == h265.NALUType_FD_NUT:
				return useless
			}
			return other
		},
		config: func(s sets) (live.Track, error) { return live.NewH265(s[vps], s[sps], s[pps]) },
		extract: func() func([][]byte, int64) (int64, error) {
			var e h265.DTSExtractor
			e.Initialize()
			return e.Extract
		},
	}
}

// picture is a source of H.264 or HEVC.
type picture struct {
	words
	decode  func(*rtp.Packet) ([][]byte, error)
	decided func(au [][]byte, pts int64) (int64, error)
	sets    sets
	known   bool // the sets made a track
	now     live.Track
	fresh   bool
	last    int64 // PTS of the last picture
}

// newPicture returns a source that knows what the description said, which may be
// nothing: then the sets come with the first key frame.
func newPicture(w words, decode func(*rtp.Packet) ([][]byte, error), vps, sps, pps []byte) *picture {
	p := &picture{words: w, decode: decode, decided: w.extract()}
	p.configure(sets{vps, sps, pps})
	return p
}

func (p *picture) track() live.Track { return p.now }

func (p *picture) changed() bool {
	was := p.fresh
	p.fresh = false
	return was
}

// configure takes new parameter sets if they make a track.
func (p *picture) configure(s sets) {
	t, err := p.config(s)
	if err != nil {
		return // whoever needs them finds them missing
	}
	if p.known && p.now.Same(t) {
		return
	}
	p.sets, p.now, p.known, p.fresh = s, t, true, true
}

// read gathers an access unit. The parameter sets in it are kept, not passed on:
// they belong into the init segment.
func (p *picture) read(pkt *rtp.Packet, pts int64) ([]live.Frame, error) {
	au, err := p.decode(pkt)
	if err != nil {
		return nil, incomplete(err)
	}
	f := live.Frame{PTS: pts}
	found, in, news := p.sets, sets{}, false
	whole, size := au[:0:0], 0
	for _, nalu := range au {
		if len(nalu) == 0 {
			continue
		}
		if nalu[0]&0x80 != 0 { // forbidden_zero_bit
			return nil, errBroken
		}
		k := p.kind(nalu)
		switch {
		case k == useless, k <= pps && in[k] != nil && bytes.Equal(in[k], nalu):
			continue
		case k <= pps && in[k] == nil: // a second one with another number stays in the stream
			in[k] = nalu
			if !bytes.Equal(found[k], nalu) {
				found[k], news = bytes.Clone(nalu), true
			}
			continue
		case k == key:
			f.Key = true
		}
		whole = append(whole, nalu)
		size += 4 + len(nalu)
	}
	if news {
		p.configure(found)
	}
	if !p.known || size == 0 {
		return nil, nil
	}
	if f.DTS, err = p.timing(whole, f.Key, pts); err != nil {
		return nil, err
	}
	f.Payload = make([]byte, 0, size)
	for _, nalu := range whole {
		f.Payload = append(binary.BigEndian.AppendUint32(f.Payload, uint32(len(nalu))), nalu...)
	}
	return []live.Frame{f}, nil
}

// jumped is a distance between pictures after which their order tells nothing.
const jumped = 2 * live.Second

// timing finds the decoding time, which RTP does not carry, from the order of
// pictures. After a jump of the sender's clock it begins anew at a key frame, and
// so it does at one that does not fit.
func (p *picture) timing(au [][]byte, key bool, pts int64) (dts int64, err error) {
	if d := pts - p.last; d > jumped || d < -jumped {
		p.decided = p.extract()
	}
	p.last = pts
	if !key {
		return p.decided(au, pts)
	}
	var full [][]byte
	for _, s := range p.sets {
		if len(s) > 0 {
			full = append(full, s)
		}
	}
	full = append(full, au...)
	if dts, err = p.decided(full, pts); err != nil {
		p.decided = p.extract()
		dts, err = p.decided(full, pts)
	}
	return dts, err
}

// incomplete is nil for what only says that more packets are needed, or that we
// came in the middle.
func incomplete(err error) error {
	for _, usual := range []error{rtph264.ErrMorePacketsNeeded, rtph264.ErrNonStartingPacketAndNoPrevious,
		rtph265.ErrMorePacketsNeeded, rtph265.ErrNonStartingPacketAndNoPrevious} {
		if errors.Is(err, usual) {
			return nil
		}
	}
	return errBroken
}
