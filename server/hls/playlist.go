package hls

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bluenviron/gohlslib/v2/pkg/codecparams"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"

	"echo.tv/server/live"
)

// Times in the playlist, as multiples of what they hang on (RFC 8216bis
// §4.4.3.8): PART-HOLD-BACK should be three parts at least; CAN-SKIP-UNTIL must
// be six target durations.
const (
	holdBackParts = 3
	skipTargets   = 6
	partTargets   = 3 // parts are listed for segments this many target durations back
)

// seconds writes ticks with the precision that PART durations need.
func seconds(ticks int64) string {
	return strconv.FormatFloat(float64(ticks)/live.Second, 'f', 5, 64)
}

// skippable is how many listed segments a delta update leaves out.
func (s *snapshot) skippable() int {
	var after int64
	for i := len(s.segments) - 1; i >= s.listed; i-- {
		if after > skipTargets*s.target*live.Second {
			return i - s.listed + 1
		}
		after += s.segments[i].length()
	}
	return 0
}

// length is what a segment lasts, or has so far.
func (v view) length() int64 {
	if v.duration > 0 || len(v.parts) == 0 {
		return v.duration
	}
	last := v.parts[len(v.parts)-1]
	return last.start + last.duration - v.start
}

// write returns the media playlist, leaving out skip segments.
func (s *snapshot) write(skip int) []byte {
	if !s.ready() {
		return nil
	}
	var b strings.Builder
	b.Grow(8 << 10)
	listed := s.segments[s.listed:]
	partTarget := s.partLen + partSlack
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%d\n", s.target)
	fmt.Fprintf(&b, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=%d,PART-HOLD-BACK=%s\n",
		skipTargets*s.target, seconds(holdBackParts*partTarget))
	fmt.Fprintf(&b, "#EXT-X-PART-INF:PART-TARGET=%s\n", seconds(partTarget))
	fmt.Fprintf(&b, "#EXT-X-MEDIA-SEQUENCE:%d\n", listed[0].msn)
	if s.discontinuities > 0 {
		fmt.Fprintf(&b, "#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", s.discontinuities)
	}
	if skip > 0 {
		fmt.Fprintf(&b, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%d\n", skip)
	}
	var init *live.Init
	if skip > 0 {
		init = listed[skip-1].init
	}
	from := s.partsFrom()
	for i, v := range listed[skip:] {
		if v.discontinuity {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		if v.init != init {
			init = v.init
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"%s\"\n", s.initName(init.ID))
		}
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", v.at.UTC().Format("2006-01-02T15:04:05.000Z"))
		if s.listed+skip+i >= from {
			s.writeParts(&b, v.parts)
		}
		if v.duration > 0 {
			fmt.Fprintf(&b, "#EXTINF:%s,\n%s\n", seconds(v.duration), s.segmentName(v.msn))
		}
	}
	if s.ended {
		b.WriteString("#EXT-X-ENDLIST\n")
	} else {
		fmt.Fprintf(&b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%s\"\n", s.partName(s.nextID))
	}
	return []byte(b.String())
}

// partsFrom is the index of the first segment whose parts are listed. Players
// start at an independent part, so those of the newest one are always there.
func (s *snapshot) partsFrom() int {
	var after int64
	for i := len(s.segments) - 1; i > s.listed; i-- {
		if after += s.segments[i].length(); after > partTargets*s.target*live.Second {
			return i
		}
	}
	return s.listed
}

func (s *snapshot) writeParts(b *strings.Builder, parts []*part) {
	for _, p := range parts {
		fmt.Fprintf(b, "#EXT-X-PART:DURATION=%s,URI=\"%s\"", seconds(p.duration), s.partName(p.id))
		if p.independent {
			b.WriteString(",INDEPENDENT=YES")
		}
		b.WriteByte('\n')
	}
}

func (s *snapshot) initName(id uint64) string    { return fmt.Sprintf("i%d-%s.mp4", id, s.id) }
func (s *snapshot) partName(id uint64) string    { return fmt.Sprintf("p%d-%s.m4s", id, s.id) }
func (s *snapshot) segmentName(id uint64) string { return fmt.Sprintf("s%d-%s.m4s", id, s.id) }

// writeMultivariant returns the playlist that names the one rendition.
func (s *snapshot) writeMultivariant() []byte {
	if !s.ready() {
		return nil
	}
	last := s.last()
	peak, average := s.peak, s.bits
	if peak == 0 { // no whole segment yet: what there is, and room for more
		average = int(float64(last.bytes()*8) / (float64(max(1, last.length())) / live.Second))
		peak = average * 3 / 2
	}
	attrs := fmt.Sprintf("BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d", peak, average)
	for _, t := range last.init.Tracks {
		if t.Video() {
			attrs += fmt.Sprintf(",RESOLUTION=%dx%d", t.Width, t.Height)
			if t.FPS > 0 {
				attrs += fmt.Sprintf(",FRAME-RATE=%.3f", t.FPS)
			}
		}
	}
	return fmt.Appendf(nil, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-STREAM-INF:%s,CODECS=\"%s\"\nlive.m3u8\n",
		attrs, Codecs(last.init.Tracks))
}

// Codecs returns the codecs parameter (RFC 6381) that describes tracks.
func Codecs(tracks []live.Track) string {
	var names []string
	for _, t := range tracks {
		names = append(names, codecparams.Marshal(codec(t)))
	}
	return strings.Join(names, ",")
}

func (v view) bytes() (n int) {
	for _, p := range v.parts {
		n += p.size
	}
	return n
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
