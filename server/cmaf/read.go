package cmaf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"echo.tv/server/live"
)

// Reading is for what another echo.tv wrote, or somebody who says so. It takes
// exactly what this package writes: one layout, every length checked, nothing
// skipped. What passes is as good as what a publisher's door lets in.

const (
	maxInit    = 64 << 10 // bytes; parameter sets are some hundred
	maxNALU    = 4 << 20  // as at the publisher's door
	maxSamples = 5760     // of one audio unit: 120 ms of Opus (RFC 6716 §3.2)
	maxTime    = 1 << 46  // 24 years of 90 kHz; far from any overflow
)

var errForeign = errors.New("not a fragment as echo.tv writes it")

// ReadInit undoes [Packager.Init]: the tracks, picture first, one of a kind. It
// keeps nothing of b.
func ReadInit(b []byte) ([]live.Track, error) {
	if len(b) > maxInit || !wellFormed(b, "") {
		return nil, errForeign
	}
	var init fmp4.Init
	if err := init.Unmarshal(bytes.NewReader(b)); err != nil {
		return nil, fmt.Errorf("%w: %w", errForeign, err)
	}
	var tracks []live.Track
	for i, t := range init.Tracks {
		track, err := track(t.Codec)
		if err != nil {
			return nil, err
		}
		if t.ID != i+1 || t.TimeScale != timescale(track) {
			return nil, errForeign
		}
		tracks = append(tracks, track)
	}
	if len(tracks) > 2 || (len(tracks) == 2 && (!tracks[0].Video() || tracks[1].Video())) {
		return nil, errForeign
	}
	return tracks, nil
}

// track undoes codec; live's constructors parse the parameter sets.
func track(c codecs.Codec) (live.Track, error) {
	switch c := c.(type) {
	case *codecs.H264:
		return live.NewH264(c.SPS, c.PPS)
	case *codecs.H265:
		return live.NewH265(c.VPS, c.SPS, c.PPS)
	case *codecs.AV1:
		return live.NewAV1(c.SequenceHeader)
	case *codecs.MPEG4Audio:
		config, err := c.Config.Marshal()
		if err != nil {
			return live.Track{}, err
		}
		return live.NewAAC(config)
	case *codecs.Opus:
		return live.NewOpus(c.ChannelCount)
	}
	return live.Track{}, errForeign
}

// inside says which boxes may be where in an init segment. The library that
// reads it trusts the counts in tables of boxes that we never write.
var inside = map[string][]string{
	"":     {"ftyp", "moov"},
	"moov": {"mvhd", "trak", "mvex"},
	"trak": {"tkhd", "mdia"},
	"mdia": {"mdhd", "hdlr", "minf"},
	"minf": {"vmhd", "smhd", "dinf", "stbl"},
	"dinf": {"dref"},
	"dref": nil,
	"stbl": {"stsd", "stts", "stsc", "stsz", "stco"},
	"stsd": {"avc1", "hev1", "hvc1", "av01", "mp4a", "Opus"},
	"mvex": {"trex"},
	"avc1": {"avcC", "btrt", "pasp", "colr"},
	"hev1": {"hvcC", "btrt", "pasp", "colr"},
	"hvc1": {"hvcC", "btrt", "pasp", "colr"},
	"av01": {"av1C", "btrt", "pasp", "colr"},
	"mp4a": {"esds", "btrt"},
	"Opus": {"dOps", "btrt"},
}

// fields is how many bytes stand before the boxes in a box.
var fields = map[string]int{"stsd": 8, "avc1": 78, "hev1": 78, "hvc1": 78, "av01": 78, "mp4a": 28, "Opus": 28}

// wellFormed reports whether b is whole boxes, each where it may be, down to
// the bottom.
func wellFormed(b []byte, in string) bool {
	for len(b) > 0 {
		if len(b) < 8 {
			return false
		}
		size, kind := binary.BigEndian.Uint32(b), string(b[4:8])
		if size < 8 || int64(size) > int64(len(b)) || !slices.Contains(inside[in], kind) {
			return false
		}
		body := b[8:size]
		b = b[size:]
		if inside[kind] == nil {
			continue
		}
		if len(body) < fields[kind] || !wellFormed(body[fields[kind]:], kind) {
			return false
		}
	}
	return true
}

// ReadChunk undoes [Packager.Chunk]: the first chunk of b as a frame of tracks,
// without Arrival, and what follows it. The payload is part of b.
func ReadChunk(tracks []live.Track, b []byte) (f live.Frame, rest []byte, err error) {
	r := fieldReader{b: b}
	r.head(moofSize, "moof").head(16, "mfhd").is(0).u32()
	r.head(8+16+20+36, "traf").head(16, "tfhd").is(0x020000)
	f.Track = int(r.u32()) - 1
	dts := uint64(r.head(20, "tfdt").is(1<<24).u32())<<32 | uint64(r.u32())
	duration := r.head(36, "trun").is(1<<24 | 0xf01).is(1).is(overhead).u32()
	size, flags, offset := r.u32(), r.u32(), int32(r.u32())
	r.head(8+int64(size), "mdat")
	if r.foreign || int64(size) > int64(len(r.b)) || f.Track < 0 || f.Track >= len(tracks) || dts > maxTime {
		return f, nil, errForeign
	}
	f.Payload, rest = r.b[:size:size], r.b[size:]
	t := tracks[f.Track]
	f.DTS = unscale(int64(dts), int64(timescale(t)))
	f.PTS, f.Key = f.DTS, flags == syncSample
	if t.Video() {
		f.PTS += int64(offset)
	} else {
		f.Samples = int(duration)
	}
	if (!f.Key && (flags != nonSyncSample || !t.Video())) || !plausible(t, f) {
		return f, nil, errForeign
	}
	return f, rest, nil
}

// unscale undoes rescale.
func unscale(v, scale int64) int64 {
	if scale == live.Second {
		return v
	}
	return (v*live.Second + scale/2) / scale
}

// ReadStill undoes [Still], and returns what it is a picture of.
func ReadStill(b []byte) (live.Track, live.Frame, error) {
	end := bytes.Index(b[:min(len(b), maxInit)], []byte("moof")) - 4
	if end < 0 {
		return live.Track{}, live.Frame{}, errForeign
	}
	tracks, err := ReadInit(b[:end])
	if err != nil {
		return live.Track{}, live.Frame{}, err
	}
	f, rest, err := ReadChunk(tracks, b[end:])
	if err != nil {
		return live.Track{}, live.Frame{}, err
	}
	if len(rest) > 0 || len(tracks) != 1 || !tracks[0].Video() || !f.Key {
		return live.Track{}, live.Frame{}, errForeign
	}
	return tracks[0], f, nil
}

// fieldReader reads what box writes, and remembers when something was not it.
type fieldReader struct {
	b       []byte
	foreign bool
}

func (r *fieldReader) u32() uint32 {
	if len(r.b) < 4 {
		r.b, r.foreign = nil, true
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

func (r *fieldReader) is(v uint32) *fieldReader {
	r.foreign = r.u32() != v || r.foreign
	return r
}

func (r *fieldReader) head(size int64, kind string) *fieldReader {
	r.foreign = int64(r.u32()) != size || r.foreign
	return r.is(binary.BigEndian.Uint32([]byte(kind)))
}
