// Package cmaf writes fragmented MP4: an initialisation segment for a set of
// tracks, and one moof + mdat chunk per frame (CMAF, ISO/IEC 23000-19; boxes as
// in ISO/IEC 14496-12). It keeps no state and is safe for concurrent use; a
// chunk costs one allocation and one copy of the payload. It also reads what
// another echo.tv wrote, and nothing else.
//
// Picture and sound share one segment as two tracks: half the requests of
// separate renditions, and one socket for the push players.
package cmaf

import (
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"echo.tv/server/live"
)

// Packager is the [live.Packager] of this package.
type Packager struct{}

// ContentType is the MIME type of everything written here.
const ContentType = "video/mp4"

// Init returns ftyp + moov for tracks; track n of the file is tracks[n-1].
func (Packager) Init(tracks []live.Track) ([]byte, error) {
	var init fmp4.Init
	for i, t := range tracks {
		init.Tracks = append(init.Tracks, &fmp4.InitTrack{ID: i + 1, TimeScale: timescale(t), Codec: codec(t)})
	}
	var b seekablebuffer.Buffer
	if err := init.Marshal(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func codec(t live.Track) codecs.Codec {
	switch c := t.Codec.(type) {
	case live.H264:
		return &codecs.H264{SPS: c.SPS, PPS: c.PPS}
	case live.H265:
		return &codecs.H265{VPS: c.VPS, SPS: c.SPS, PPS: c.PPS}
	case live.AV1:
		return &codecs.AV1{SequenceHeader: c.SequenceHeader}
	case live.AAC:
		return &codecs.MPEG4Audio{Config: c.Config}
	}
	return &codecs.Opus{ChannelCount: t.Channels}
}

// timescale is 90 kHz for pictures and the sample rate for sound, so that audio
// frames abut to the sample.
func timescale(t live.Track) uint32 {
	if t.Video() {
		return live.Second
	}
	return uint32(t.SampleRate)
}

// overhead of a chunk in bytes: moof 8, mfhd 16, traf 8, tfhd 16, tfdt 20,
// trun 36, mdat header 8. At 30 pictures and 47 audio frames a second that is
// 69 kbit/s, the price of a chunk per frame.
const (
	moofSize = 8 + 16 + 8 + 16 + 20 + 36
	overhead = moofSize + 8
)

// Sample flags, ISO/IEC 14496-12 §8.8.3.1.
const (
	syncSample    = 0x02000000 // depends on no other
	nonSyncSample = 0x01010000 // depends on others, is not a sync sample
)

// Chunk returns f as moof + mdat. duration is in 90 kHz ticks and is used for
// pictures; sound lasts as long as its samples.
func (Packager) Chunk(seq uint32, tracks []live.Track, f live.Frame, duration int64) []byte {
	t := tracks[f.Track]
	scale := int64(timescale(t))
	flags := uint32(nonSyncSample)
	if f.Key {
		flags = syncSample
	}
	if !t.Video() {
		duration = int64(f.Samples)
	}
	w := box{b: make([]byte, 0, overhead+len(f.Payload))}
	w.head(moofSize, "moof")
	w.head(16, "mfhd").u32(0).u32(seq)
	w.head(8+16+20+36, "traf")
	w.head(16, "tfhd").u32(0x020000).u32(uint32(f.Track + 1))               // default-base-is-moof
	w.head(20, "tfdt").u32(1 << 24).u64(rescale(f.DTS, scale))              // version 1: 64 bit
	w.head(36, "trun").u32(1<<24 | 0xf01).u32(1)                            // version 1: signed offsets; one sample
	w.u32(overhead).u32(uint32(duration)).u32(uint32(len(f.Payload)))       // data offset, duration, size
	w.u32(flags).u32(uint32(rescale(f.PTS, scale) - rescale(f.DTS, scale))) // flags, composition offset
	w.head(8+len(f.Payload), "mdat")
	return append(w.b, f.Payload...)
}

// rescale converts 90 kHz ticks, rounding to the nearest unit of scale.
func rescale(ticks, scale int64) uint64 {
	if scale == live.Second {
		return uint64(ticks)
	}
	return uint64((ticks*scale + live.Second/2) / live.Second)
}

// Still returns one key frame as a complete little MP4: what a browser draws
// as a thumbnail without anybody transcoding.
func Still(s *live.Still) ([]byte, error) {
	track := []live.Track{s.Track}
	init, err := Packager{}.Init(track)
	if err != nil {
		return nil, err
	}
	f := s.Frame
	f.Track, f.DTS, f.PTS = 0, 0, 0
	return append(init, Packager{}.Chunk(1, track, f, live.Second/25)...), nil
}

// box appends big-endian fields.
type box struct{ b []byte }

func (w *box) head(size int, kind string) *box {
	w.u32(uint32(size))
	w.b = append(w.b, kind...)
	return w
}

func (w *box) u32(v uint32) *box {
	w.b = binary.BigEndian.AppendUint32(w.b, v)
	return w
}

func (w *box) u64(v uint64) *box {
	w.b = binary.BigEndian.AppendUint64(w.b, v)
	return w
}
