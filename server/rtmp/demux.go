package rtmp

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// sink is what a demux needs of a [live.Session].
type sink interface {
	SetTracks([]live.Track) error
	WriteFrame(live.Frame) error
	SetEncoder(string) error
	Announce(live.Announced) error
}

const (
	// A publisher that announced nothing may send its second track this much
	// later than its first; OBS and ffmpeg send both configurations at once.
	lateTrack    = 500 * 90 // 90 kHz
	maxHeld      = 256      // frames
	maxHeldBytes = 16 << 20

	// One broken frame costs itself. This many in a row is not a stream.
	maxBroken = 100
)

// demux turns FLV tags into frames for a sink. One goroutine uses it.
type demux struct {
	sink   sink
	log    *slog.Logger
	onAir  bool // frames reach the sink
	frames int  // that reached it

	said      live.Announced
	announced bool    // metadata said which tracks to expect
	wants     [2]bool // and these are they
	in        [2]input
	clock     unwrap

	held      []live.Frame // until the tracks are known
	heldBytes int
	pictures  bool // there is one among them

	broken [2]int          // messages in a row that could not be read
	unread int             // and in all
	told   map[string]bool // codecs we have complained about
}

// The two tracks a publisher may send.
const (
	videoTrack = iota
	soundTrack
)

// input is what a track's configuration said.
type input struct {
	codec string // FourCC, "" before a configuration came
	track live.Track
}

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
		d.promise(m)
		video, sound := names(m, "videocodecid"), names(m, "audiocodecid")
		if video || sound {
			d.announced, d.wants = true, [2]bool{video, sound}
		}
	}
}

// names reports whether m names a codec under key: as FLV number, FourCC number
// or text. Some write 0 for a track that they do not send.
func names(m amf0.Object, key string) bool {
	v, _ := m.Get(key)
	switch v := v.(type) {
	case float64:
		return v != 0
	case string:
		return v != ""
	}
	return false
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
	i, parse := soundTrack, parseAudio
	if m.typ == typVideo {
		i, parse = videoTrack, parseVideo
	}
	t, err := parse(m.body)
	switch {
	case err != nil:
		return d.tolerate(i, err)
	case t.kind == tagIgnored:
		return nil
	case t.kind == tagRendition:
		return d.rendition(i)
	case !playable(t.codec):
		return d.unplayable(i, t.codec)
	case t.kind == tagSequence:
		return d.configure(i, t)
	}
	f, err := d.frame(i, m.time, t)
	if err != nil {
		return d.tolerate(i, err)
	}
	d.broken[i] = 0
	if len(f.Payload) == 0 {
		return nil // it held nothing to decode
	}
	f.Arrival, f.Wire = arrival, len(m.body)
	return d.deliver(f)
}

// tolerate counts broken messages and gives up when nothing else comes. Broken
// sound beside a picture is done without.
func (d *demux) tolerate(i int, err error) error {
	d.broken[i]++
	if d.unread++; d.unread == 1 {
		d.log.Warn("a media message could not be read", "err", clip(err.Error()))
	}
	if d.broken[i] < maxBroken || (i == soundTrack && d.in[videoTrack].codec != "") {
		return nil
	}
	return tv.Errorf(tv.Invalid, "the stream cannot be read: %w", err).Hint("stop and start streaming in OBS")
}

// summary tells at the end what tolerate did not tell each time.
func (d *demux) summary() {
	if d.unread > 1 {
		d.log.Warn("media messages could not be read", "count", d.unread)
	}
}

// unplayable handles a codec no browser takes. Sound is done without; a picture
// cannot be, unless this is one broken message among good ones.
func (d *demux) unplayable(i int, codec string) error {
	if i == videoTrack {
		err := tv.Errorf(tv.Invalid, "viewers cannot play this video (%.24q)", codec).
			Hint("choose an H.264 encoder in OBS, Settings, Output")
		if d.in[i].codec != "" {
			return d.tolerate(i, err)
		}
		return err
	}
	d.wants[soundTrack] = false
	if !d.told[codec] && len(d.told) < 8 {
		d.told[codec] = true
		d.log.Warn("sound dropped: viewers cannot play it", "codec", fmt.Sprintf("%.24q", codec), "hint", "choose AAC in OBS, Settings, Output")
	}
	return nil
}

// configure takes a decoder configuration. A changed one, mid-stream, starts a
// new init segment. One that cannot be read is ignored while there is an older
// one; a picture that never had one ends the session with the reason.
func (d *demux) configure(i int, t tag) error {
	if len(t.data) == 0 {
		return nil
	}
	in := &d.in[i]
	track, err := configuration(t)
	switch {
	case err != nil && i == videoTrack && in.codec == "":
		return err
	case err != nil:
		return d.tolerate(i, err)
	case in.codec == t.codec && in.track.Same(track):
		return nil
	}
	changed := in.codec != ""
	*in = input{t.codec, track}
	switch {
	case d.onAir:
		return d.sink.SetTracks(d.tracks())
	case changed: // what is held needs the old one
		d.held, d.heldBytes, d.pictures = nil, 0, false
	}
	return nil
}

func (d *demux) tracks() []live.Track {
	var out []live.Track
	for _, in := range d.in {
		if in.codec != "" {
			out = append(out, in.track)
		}
	}
	return out
}

// frame makes a frame of a coded message.
func (d *demux) frame(i int, ms uint32, t tag) (live.Frame, error) {
	in := &d.in[i]
	if in.codec != t.codec {
		return live.Frame{}, fmt.Errorf("%w: a frame before its configuration", errProtocol)
	}
	u, err := read(t, in.track.Codec)
	if err != nil {
		return live.Frame{}, err
	}
	if u.interval > 0 && !d.onAir && in.track.FPS > 0 {
		in.track.KeyInterval = int64(float64(u.interval) / in.track.FPS * live.Second)
	}
	dts := d.clock.next(ms) * 90
	return live.Frame{Track: i, DTS: dts, PTS: dts + int64(t.cts)*90, Key: u.key, Samples: u.samples, Payload: u.payload}, nil
}

// deliver passes f on, or holds it until the tracks are known.
func (d *demux) deliver(f live.Frame) error {
	if d.onAir {
		return d.write(f)
	}
	d.held = append(d.held, f)
	d.heldBytes += len(f.Payload)
	d.pictures = d.pictures || f.Track == videoTrack
	if !d.complete() && len(d.held) < maxHeld && d.heldBytes < maxHeldBytes && f.DTS-d.held[0].DTS < lateTrack {
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
	video, sound := d.in[videoTrack].codec != "", d.in[soundTrack].codec != ""
	if video && !d.pictures {
		return false
	}
	if d.announced {
		return (video || !d.wants[videoTrack]) && (sound || !d.wants[soundTrack])
	}
	return video && sound
}

func (d *demux) write(f live.Frame) error {
	if d.in[videoTrack].codec == "" {
		f.Track = 0 // sound only: the first track is the sound
	}
	d.frames++
	return d.sink.WriteFrame(f)
}
