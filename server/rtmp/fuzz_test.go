package rtmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// Whatever bytes come, the reader keeps its limits and gives no other error than
// its own and the stream's.
func FuzzChunks(f *testing.F) {
	f.Add(bytes.Join([][]byte{setChunkSize(4096), connect("live"), ping(1)}, nil))
	f.Add(unfinished(9, 60000))
	f.Add(append(header(0, 65599, 9, 0xfffffff0, 300), make([]byte, 300)...))
	f.Add(bytes.Join([][]byte{header(0, 4, 8, 23, 1), {1}, header(3, 4, 0, 0, 0), {1}, header(2, 4, 0, 1<<24, 0), {1}, header(3, 4, 0, 1<<24, 0), {1}}, nil))
	f.Add(append(unfinished(1, 500), msg(2, typAbort, 0, []byte{0, 0, 0, 10})...))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newChunkReader(bytes.NewReader(b))
		talk := &conn{in: c}
		for {
			m, err := c.read()
			kept := 0
			for _, cs := range c.streams {
				kept += len(cs.body)
				if cap(cs.body) > 2*len(cs.body)+c.limits.upfront {
					t.Fatalf("%d bytes for %d that came", cap(cs.body), len(cs.body))
				}
			}
			if err == nil && (len(m.body) > c.limits.message || kept != c.pending || c.partial > c.limits.partial || len(c.streams) > maxStreams) {
				t.Fatalf("message of %d, kept %d of %d, %d partial on %d streams", len(m.body), kept, c.pending, c.partial, len(c.streams))
			}
			if err == nil && m.typ != typUserControl { // a ping would be answered
				err = talk.control(m)
			}
			if err != nil {
				if !errors.Is(err, errProtocol) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatal(err)
				}
				return
			}
		}
	})
}

// What checkAMF lets through, the library parses without a panic and no deeper
// than it said.
func FuzzAMF(f *testing.F) {
	for _, d := range []amf0.Data{{"connect", 1.0, nest(15)}, {nest(17)}, {"@setDataFrame", amf0.ECMAArray{{Key: "a", Value: amf0.StrictArray{nil, true}}}}} {
		b, _ := d.Marshal()
		f.Add(b)
	}
	f.Add([]byte{amfObject, 0, 0, amfNull})
	f.Add([]byte{amfArray, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if checkAMF(b) != nil {
			return
		}
		d, err := amf0.Unmarshal(b)
		if err != nil {
			return // an empty key is to the library what an end is
		}
		if n := depth(amf0.StrictArray(d)) - 1; n > maxAMFDepth {
			t.Fatalf("%d deep", n)
		}
		parseCommand(rawMessage{typ: typCommand, body: b})
		newDemux(&scene{}, slog.New(slog.DiscardHandler)).metadata(b)
	})
}

func depth(v any) int {
	deepest := 0
	inside := func(v any) { deepest = max(deepest, depth(v)) }
	switch v := v.(type) {
	case amf0.Object:
		for _, e := range v {
			inside(e.Value)
		}
	case amf0.ECMAArray:
		for _, e := range v {
			inside(e.Value)
		}
	case amf0.StrictArray:
		for _, e := range v {
			inside(e)
		}
	default:
		return 0
	}
	return 1 + deepest
}

// Decoder settings that are accepted can be packaged, whatever they are.
func FuzzSettings(f *testing.F) {
	f.Add(byte(0), avcConfigTag(h264SPS, h264PPS)[5:])
	f.Add(byte(0), avcConfigTag(h264OtherSPS, h264PPS)[5:])
	f.Add(byte(1), hvcc(h265VPS, h265SPS, h265PPS))
	f.Add(byte(2), av1c(av1Header))
	f.Add(byte(3), aacConfig)
	f.Add(byte(3), []byte{0x17, 0x80, 0x77, 0x35, 0x94, 0x10})
	f.Add(byte(4), opusHead)
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		codec := []string{fourAVC, fourHEVC, fourAV1, fourAAC, fourOpus}[which%5]
		track, err := configuration(tag{codec: codec, data: b})
		if err != nil {
			if tv.CodeOf(err) != tv.Invalid {
				t.Fatalf("not fit to be shown: %v", err)
			}
			return
		}
		if track.Video() == (track.SampleRate > 0) {
			t.Fatalf("neither picture nor sound: %+v", track)
		}
		if !track.Same(track) {
			t.Fatal("not the same as itself")
		}
		if _, err := (cmaf.Packager{}).Init([]live.Track{track}); err != nil {
			t.Logf("accepted, but cannot be packaged: %v", err)
		}
	})
}

// A publisher may send any tags in any order: the whole way to the chunk nothing
// panics, and what comes out is well formed.
func FuzzTags(f *testing.F) {
	pack := func(tags ...[]byte) (out []byte) {
		for _, b := range tags {
			out = append(binary.BigEndian.AppendUint16(append(out, 20), uint16(len(b))), b...)
		}
		return out
	}
	const video, audio = "\x00", "\x01"
	say := func(kind string, b []byte) []byte { return append([]byte(kind), b...) }
	f.Add(pack(say(video, avcConfigTag(h264SPS, h264PPS)), say(audio, aacTag(0, aacConfig)), say(video, avcFrame(33, x264SEI("keyint=60"), h264Key)),
		say(audio, aacTag(1, []byte{0x21})), say(video, avcFrame(0, nil, []byte{12, 255}, h264B))))
	f.Add(pack(say(video, ex(0x90, "hvc1", hvcc(h265VPS, h265SPS, h265PPS))), say(audio, ex(0x90, "Opus", opusHead)), say(video, ex(0x93, "hvc1", avcc(h265Key))),
		say(audio, ex(0x91, "Opus", opus20ms)), say(video, ex(0x97, "\x00\x01\x96\x01hvc1\x00", []byte{0xff, 0, 0}, avcc(h265P)))))
	f.Add(pack(say(video, ex(0x90, "av01", av1c(av1Header))), say(video, ex(0x91, "av01", []byte{0x12, 0}, av1Key)), say(audio, []byte{0x2f, 1, 2}),
		say(video, ex(0x90, "vp09", []byte{1})), say("\x02", metadata(amf0.ObjectEntry{Key: "audiocodecid", Value: 10.0}))))
	f.Fuzz(func(t *testing.T, b []byte) {
		hub := live.NewHub(live.Config{Log: slog.New(slog.DiscardHandler), Packager: cmaf.Packager{},
			Outputs: []func(*live.Channel) live.Output{func(*live.Channel) live.Output { return wellFormed{t} }}})
		session, err := hub.Publish(live.Publisher{Channel: "ann"})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close(errGoodbye)
		d := newDemux(session, slog.New(slog.DiscardHandler))
		at, ms := time.Unix(1000, 0), uint32(0)
		for len(b) > 4 {
			step, n, kind := b[0], min(int(binary.BigEndian.Uint16(b[1:])), len(b)-4), b[3]
			m := rawMessage{typ: typVideo, body: bytes.Clone(b[4 : 4+n])}
			b = b[4+n:]
			if ms += uint32(step); step > 250 {
				ms += uint32(step) << 23 // a jump of days
			}
			m.time, at = ms, at.Add(time.Duration(step)*time.Millisecond)
			switch kind % 3 {
			case 1:
				m.typ = typAudio
			case 2:
				d.metadata(m.body)
				continue
			}
			if d.tag(m, at) != nil {
				return
			}
		}
	})
}

// wellFormed is an output that checks what it is given.
type wellFormed struct{ t *testing.T }

func (w wellFormed) End() {}

func (w wellFormed) WriteChunk(c *live.Chunk) {
	f, tracks := c.Frame, c.Init.Tracks
	if f.Track >= len(tracks) || len(f.Payload) == 0 || f.DTS < 0 || c.Duration <= 0 || len(c.Init.Data) == 0 {
		w.t.Fatalf("track %d of %d, %d bytes at %d for %d", f.Track, len(tracks), len(f.Payload), f.DTS, c.Duration)
	}
	switch tracks[f.Track].Codec.(type) {
	case live.H264, live.H265:
		for b := f.Payload; len(b) > 0; {
			n := binary.BigEndian.Uint32(b)
			if n == 0 || int(n) > len(b)-4 {
				w.t.Fatalf("a NAL unit of %d in %d bytes", n, len(b)-4)
			}
			b = b[4+n:]
		}
	case live.AAC, live.Opus:
		if f.Samples <= 0 {
			w.t.Fatal("sound without samples")
		}
	}
}
