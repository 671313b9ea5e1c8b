package rtsp

import (
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// source turns the packets of one track into frames.
type source interface {
	// read returns the frames that pkt completes, with timestamps in 90 kHz. pts
	// is the packet's, in units of the track's clock. An error costs one access
	// unit.
	read(pkt *rtp.Packet, pts int64) ([]live.Frame, error)
	track() live.Track // after the first key frame
	changed() bool     // the track did, since changed was last asked
}

// intake is one track on its way in.
type intake struct {
	media  *description.Media
	format format.Format
	index  int // of the track on air
	source source

	// Guarded by the publisher's mu.
	lastRTP uint32 // one moment on the track's two clocks
	lastPTS int64  // 90 kHz
	told    bool   // a sender report came
	toldNTP uint64
	toldRTP uint32
	aligned bool
	heard   bool  // something of it was on air
	shift   int64 // 90 kHz; added to bring the track beside the picture
}

// choose picks the first picture and the first sound that viewers can play.
// Others are taken and thrown away, as a publisher cannot be told to keep them.
func (p *publisher) choose(medias []*description.Media) (out []*intake, err error) {
	unplayable := map[description.MediaType]string{}
	for _, kind := range []description.MediaType{description.MediaTypeVideo, description.MediaTypeAudio} {
		for _, m := range medias {
			in, codec := newIntake(m, kind)
			switch {
			case in != nil:
				in.index = len(out)
				out = append(out, in)
				delete(unplayable, kind)
			case m.Type == kind:
				unplayable[kind] = codec
			}
			if in != nil {
				break
			}
		}
	}
	if codec, bad := unplayable[description.MediaTypeVideo]; bad {
		return nil, tv.Errorf(tv.Invalid, "viewers cannot play this video (%.24q)", codec).Hint("send H.264, or H.265")
	}
	if len(out) == 0 {
		return nil, tv.Errorf(tv.Invalid, "there is nothing in this stream that viewers can play").Hint("send H.264 and AAC")
	}
	if codec, bad := unplayable[description.MediaTypeAudio]; bad {
		p.log.Warn("sound dropped: viewers cannot play it", "codec", codec, "hint", "send AAC or Opus")
	}
	return out, nil
}

// newIntake returns an intake for a media of a kind, or the name of the codec
// that it cannot take.
func newIntake(m *description.Media, kind description.MediaType) (in *intake, codec string) {
	if m.Type != kind {
		return nil, ""
	}
	for _, f := range m.Formats {
		codec = f.Codec()
		if s := newSource(f); s != nil {
			return &intake{media: m, format: f, source: s}, codec
		}
	}
	return nil, codec
}

// newSource returns nil for a format that viewers cannot play, or that says
// what it is in a way we cannot read.
func newSource(f format.Format) source {
	switch f := f.(type) {
	case *format.H264:
		if d, err := f.CreateDecoder(); err == nil {
			return newPicture(h264Words(), d.Decode, nil, f.SPS, f.PPS)
		}
	case *format.H265:
		if d, err := f.CreateDecoder(); err == nil {
			return newPicture(h265Words(), d.Decode, f.VPS, f.SPS, f.PPS)
		}
	case *format.MPEG4Audio:
		return newAAC(f)
	case *format.MPEG4AudioLATM:
		return newLATM(f)
	case *format.Opus:
		return newOpus(f)
	}
	return nil
}

// note keeps one moment on both of the track's clocks.
func (in *intake) note(rtp uint32, pts int64) {
	in.lastRTP, in.lastPTS = rtp, pts*live.Second/int64(in.format.ClockRate())
}

const (
	reportsWithin = 300 * time.Millisecond // ffmpeg sends them first of all, others after seconds
	maxShift      = 5 * live.Second        // more is not the same wall clock
)

// align finds out how far this track's clock is from that of the picture, and
// reports whether it may go on air. RTP clocks begin anywhere; the library puts
// tracks together by when their first packets came, which is wrong by what an
// encoder delays its picture, 66 ms with two B-frames. Sender reports are exact,
// so sound waits a moment for them.
func (in *intake) align(picture *intake, waited time.Duration) bool {
	switch {
	case in.aligned:
	case in.told && picture.told:
		if d := in.wall() - picture.wall(); d < maxShift && d > -maxShift {
			in.shift = d
		}
		in.aligned = true
	case waited > reportsWithin:
		in.aligned = true
	}
	return in.aligned
}

// begun reports whether what is at dts may be shown. Sound from before the first
// picture would be moved beside it, and all that follows with it: a channel has
// no time before its first key frame.
func (in *intake) begun(dts, from int64) bool {
	in.heard = in.heard || dts >= from
	return in.heard
}

// wall is the wall time that channel time 0 of this track would have, in 90 kHz
// since 1900.
func (in *intake) wall() int64 {
	at := int64(in.toldNTP>>32)*live.Second + int64(in.toldNTP&0xffffffff*live.Second>>32)
	since := int64(int32(in.lastRTP-in.toldRTP)) * live.Second / int64(in.format.ClockRate())
	return at + since - in.lastPTS
}
