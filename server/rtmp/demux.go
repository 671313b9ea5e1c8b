package rtmp

import (
	"fmt"
	"log/slog"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// sink is what a demux needs of a [live.Session].
type sink interface {
	SetTracks([]live.Track) error
	WriteFrame(live.Frame) error
	SetEncoder(string) error
}

const (
	// A publisher that announced nothing may send its second track this much
	// later than its first; OBS and ffmpeg send both configurations at once.
	lateTrack = 500 * 90 // 90 kHz
	maxHeld   = 256      // frames

	// One broken frame costs itself. This many in a row is not a stream.
	maxBroken = 100
)

// demux turns FLV tags into frames for a sink. One goroutine uses it.
type demux struct {
	sink  sink
	log   *slog.Logger
	onAir bool // frames reach the sink

	announced          bool // metadata said which tracks to expect
	wantVideo, wantSnd bool
	video, sound       *live.Track
	pictures           bool         // a picture came
	held               []live.Frame // until the tracks are known
	clock              unwrap
	broken             int
	told               map[string]bool // codecs we have complained about
}

const (
	videoTrack = iota
	soundTrack
)

func newDemux(s sink, log *slog.Logger) *demux {
	return &demux{sink: s, log: log, told: make(map[string]bool)}
}

// metadata takes an onMetaData message. What cannot be read is ignored: it is
// advice, the stream says the truth.
func (d *demux) metadata(body []byte) {
	data, err := parseAMF(body)
	if err != nil {
		d.log.Debug("metadata ignored", "err", clip(err.Error()))
		return
	}
	for i := range data {
		m := object(data, i)
		if m == nil {
			continue
		}
		if name, ok := m.GetString("encoder"); ok && name != "" {
			d.sink.SetEncoder(plain(name))
		}
		_, v := m.Get("videocodecid")
		_, a := m.Get("audiocodecid")
		if v || a {
			d.announced, d.wantVideo, d.wantSnd = true, v, a
		}
	}
}

// plain keeps what a stranger calls itself short and printable.
func plain(s string) string {
	out := make([]rune, 0, 64)
	for _, r := range s {
		if r >= ' ' && r < 0x7f && len(out) < 64 {
			out = append(out, r)
		}
	}
	return string(out)
}

// tag takes one audio or video message. The error ends the session.
func (d *demux) tag(m rawMessage, arrival time.Time) error {
	parse := parseAudio
	if m.typ == typVideo {
		parse = parseVideo
	}
	t, err := parse(m.body)
	if err == nil {
		switch t.kind {
		case tagSequence:
			err = d.configure(m.typ, t)
		case tagFrame:
			return d.frame(m, t, arrival)
		default:
			return nil
		}
	}
	return d.tolerate(err)
}

// tolerate counts broken messages and gives up when nothing else comes.
func (d *demux) tolerate(err error) error {
	if err == nil {
		return nil
	}
	if d.broken++; d.broken == 1 {
		d.log.Warn("a media message could not be read", "err", clip(err.Error()))
	}
	if d.broken >= maxBroken {
		return tv.Errorf(tv.Invalid, "the stream cannot be read: %w", err).Hint("stop and start streaming in OBS")
	}
	return nil
}

// configure takes a decoder configuration. A changed one, mid-stream, starts a
// new init segment.
func (d *demux) configure(typ uint8, t tag) error {
	track, err := configuration(t)
	if err != nil {
		return err
	}
	if typ == typVideo {
		return d.replace(&d.video, track)
	}
	return d.replace(&d.sound, track)
}

func (d *demux) replace(at **live.Track, t live.Track) error {
	if *at != nil && (*at).Same(t) {
		return nil
	}
	*at = &t
	if !d.onAir {
		return nil
	}
	return d.sink.SetTracks(d.tracks())
}

func (d *demux) tracks() []live.Track {
	var out []live.Track
	for _, t := range []*live.Track{d.video, d.sound} {
		if t != nil {
			out = append(out, *t)
		}
	}
	return out
}

// frame takes a coded frame.
func (d *demux) frame(m rawMessage, t tag, arrival time.Time) error {
	f := live.Frame{Track: soundTrack, Key: true, Arrival: arrival}
	f.DTS = d.clock.next(m.time) * 90
	f.PTS = f.DTS
	track := d.sound
	if m.typ == typVideo {
		f.Track, track = videoTrack, d.video
		f.PTS += int64(t.cts) * 90
	}
	if !playable(t.codec) {
		return d.unplayable(m.typ, t.codec)
	}
	if track == nil {
		return d.tolerate(fmt.Errorf("%w: a frame before its configuration", errProtocol))
	}
	ok, err := d.fill(&f, t, track)
	if err != nil {
		return d.tolerate(err)
	}
	d.broken = 0
	if !ok {
		return nil
	}
	return d.deliver(f)
}

// unplayable drops a codec no browser takes. Sound is done without; a picture
// cannot be.
func (d *demux) unplayable(typ uint8, codec string) error {
	if typ == typVideo {
		return tv.Errorf(tv.Invalid, "viewers cannot play this video (%.24q)", codec).
			Hint("choose an H.264 encoder in OBS, Settings, Output")
	}
	if !d.told[codec] && len(d.told) < 8 {
		d.told[codec] = true
		d.log.Warn("sound dropped: viewers cannot play it", "codec", fmt.Sprintf("%.24q", codec), "hint", "choose AAC in OBS, Settings, Output")
	}
	return nil
}

// deliver passes f on, or holds it until the tracks are known.
func (d *demux) deliver(f live.Frame) error {
	if d.onAir {
		return d.write(f)
	}
	d.pictures = d.pictures || f.Track == videoTrack
	d.held = append(d.held, f)
	if !d.complete() && len(d.held) < maxHeld && f.DTS-d.held[0].DTS < lateTrack {
		return nil
	}
	if err := d.sink.SetTracks(d.tracks()); err != nil {
		return err
	}
	d.onAir = true
	held := d.held
	d.held = nil
	for _, f := range held {
		if err := d.write(f); err != nil {
			return err
		}
	}
	return nil
}

// complete reports whether every track that can be expected is configured, and
// the first picture is here: it may say how far apart key frames will be.
func (d *demux) complete() bool {
	if d.video != nil && !d.pictures {
		return false
	}
	if d.announced {
		return (!d.wantVideo || d.video != nil) && (!d.wantSnd || d.sound != nil)
	}
	return d.video != nil && d.sound != nil
}

func (d *demux) write(f live.Frame) error {
	if d.video == nil {
		f.Track = 0 // sound only: the first track is the sound
	}
	return d.sink.WriteFrame(f)
}

// unwrap makes 64-bit milliseconds of 32-bit ones. OBS masks the top bit, so
// its clock wraps at 31 bits, after 24.8 days; others wrap at 32.
type unwrap struct {
	started bool
	last    uint32
	now     int64
}

func (u *unwrap) next(ts uint32) int64 {
	if !u.started {
		u.started, u.last, u.now = true, ts, int64(ts)
		return u.now
	}
	d := int64(int32(ts - u.last))
	if d < -(1 << 30) {
		d += 1 << 31
	}
	u.last = ts
	u.now += d
	return u.now
}
