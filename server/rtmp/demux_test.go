package rtmp

import (
	"bytes"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"echo.tv/server/live"
)

// stage is a demux with a scene for its sink.
type stage struct {
	*demux
	*scene
	log *book
	t   *testing.T
	ms  uint32
	err error // that ended the session
}

func newStage(t *testing.T) *stage {
	s := &stage{scene: &scene{}, log: &book{}, t: t}
	s.demux = newDemux(s.scene, slog.New(slog.NewTextHandler(s.log, nil)))
	return s
}

// video and audio give one message to the demux, 20 ms after the one before.
func (s *stage) video(tags ...[]byte) *stage { return s.give(typVideo, tags) }
func (s *stage) audio(tags ...[]byte) *stage { return s.give(typAudio, tags) }

func (s *stage) give(typ uint8, tags [][]byte) *stage {
	for _, b := range tags {
		s.ms += 20
		if err := s.tag(rawMessage{typ: typ, time: s.ms, body: bytes.Clone(b)}, time.Unix(1000, 0)); err != nil && s.err == nil {
			s.err = err
		}
	}
	return s
}

// begun has H.264 and AAC on air with a frame each.
func begun(t *testing.T) *stage {
	t.Helper()
	s := newStage(t).audio(aacTag(0, aacConfig)).video(avcConfigTag(h264SPS, h264PPS), avcFrame(0, h264Key)).audio(aacTag(1, []byte{0x21}))
	if s.err != nil || len(s.frames()) != 2 {
		t.Fatalf("not on air: %d frames, %v", len(s.frames()), s.err)
	}
	return s
}

func (s *stage) frames() []live.Frame { return s.scene.frames }

func (s *stage) names() (out []string) {
	for _, t := range s.scene.tracks[len(s.scene.tracks)-1] {
		out = append(out, t.Codec.Name())
	}
	return out
}

func TestABrokenMessageCostsItselfOnly(t *testing.T) {
	long := avcFrame(0, h264Key)
	long[8] += 40 // the last byte of the length: more than there is
	for name, broken := range map[string][]byte{
		"nothing":                      nil,
		"one byte":                     {0x17},
		"a tag without its time":       {0x17, 1, 0, 0},
		"garbage":                      avcTag(1, 0, bytes.Repeat([]byte{0x5a}, 500)),
		"half a length":                avcTag(1, 0, []byte{0, 0, 1}),
		"a NAL unit longer than it":    long,
		"a NAL unit of 4 GiB":          avcTag(1, 0, []byte{0xff, 0xff, 0xff, 0xff, 0x65}),
		"a NAL unit of 2 GiB":          avcTag(1, 0, []byte{0x80, 0, 0, 0, 0x65}),
		"a forbidden bit":              avcFrame(0, []byte{0xe5, 1, 2}),
		"settings that are garbage":    avcTag(0, 0, bytes.Repeat([]byte{0xff}, 80)),
		"settings without end":         avcConfigTag(h264SPS, h264PPS)[:20],
		"another codec's frame":        ex(0x91, "hvc1", []byte{0, 0, 0}, avcc(h265Key)),
		"a codec nobody plays":         ex(0x91, "vp09", []byte{1, 2, 3}),
		"a codec nobody knows":         {0x1f, 1, 2, 3, 4, 5},
		"an early end after ModEx":     {0x97, 0xff, 0xff, 0xff, 1},
		"an early end after multi":     {0x96},
		"an early end in the FourCC":   {0x96, 0x01, 'a', 'v', 'c'},
		"an early end at the track":    ex(0x96, "\x01avc1"),
		"an early end in the offset":   ex(0x91, "avc1", []byte{0, 0}),
		"a length size of two":         avcTag(0, 0, []byte{1, 100, 0, 10, 0xfd, 0xe1, 0, 0, 0}),
		"an HEVC change that is empty": ex(0x90, "hvc1", make([]byte, 23)),
	} {
		s := begun(t).video(broken, avcFrame(0, h264B), broken, avcFrame(0, h264B))
		if s.err != nil || len(s.frames()) != 4 || len(s.scene.tracks) != 1 {
			t.Errorf("%s: %d frames, tracks set %d times, %v", name, len(s.frames()), len(s.scene.tracks), s.err)
		}
	}
}

func TestBrokenSoundCostsItselfOnly(t *testing.T) {
	for name, broken := range map[string][]byte{
		"nothing":               nil,
		"a head only":           {0xaf, 1},
		"more than AAC can be":  aacTag(1, make([]byte, 7000)),
		"settings of garbage":   aacTag(0, []byte{0xff, 0xff, 0xff}),
		"settings of nothing":   aacTag(0, nil),
		"another codec's frame": ex(0x91, "Opus", opus20ms),
		"Opus of six channels":  ex(0x90, "Opus", []byte("OpusHead"), []byte{1, 6, 0, 0}),
		"a FourCC cut short":    {0x91, 'O', 'p'},
		"MP3":                   {0x2f, 0xff, 0xfb},
		"AC-3 settings":         ex(0x90, "ac-3", []byte{1, 2, 3}),
	} {
		s := begun(t).audio(broken, aacTag(1, []byte{0x21}), broken, aacTag(1, []byte{0x22}))
		if s.err != nil || len(s.frames()) != 4 || len(s.scene.tracks) != 1 {
			t.Errorf("%s: %d frames, tracks set %d times, %v", name, len(s.frames()), len(s.scene.tracks), s.err)
		}
	}
}

func TestEveryTagCutShortIsSurvived(t *testing.T) {
	for _, whole := range [][]byte{
		avcConfigTag(h264SPS, h264PPS), avcFrame(0, x264SEI("keyint=60"), h264Key),
		ex(0x90, "hvc1", hvcc(h265VPS, h265SPS, h265PPS)), ex(0x93, "hvc1", avcc(h265Key)),
		ex(0x90, "av01", av1c(av1Header)), ex(0x91, "av01", av1Header, av1Key),
		ex(0x97, "\x00\x01\x96\x01avc1\x00", []byte{0, 0, 0}, avcc(h264Key)),
	} {
		for n := range whole {
			begun(t).video(whole[:n])
		}
	}
	for _, whole := range [][]byte{aacTag(0, aacConfig), ex(0x90, "Opus", opusHead), ex(0x91, "Opus", opus20ms)} {
		for n := range whole {
			begun(t).audio(whole[:n])
		}
	}
}

func TestAHundredBrokenPicturesInARowEndTheSessionWithAReason(t *testing.T) {
	broken := avcTag(1, 0, []byte{1, 2, 3})
	s := begun(t)
	for range maxBroken - 1 {
		s.video(broken).audio(aacTag(1, []byte{0x21})) // good sound between them does not help
	}
	if s.err != nil {
		t.Fatalf("after %d: %v", maxBroken-1, s.err)
	}
	s.video(avcFrame(0, h264B))
	for range maxBroken - 1 {
		s.video(broken)
	}
	if s.err != nil {
		t.Fatalf("the good one between them does not count: %v", s.err)
	}
	s.video(broken)
	if s.err == nil || !strings.Contains(s.err.Error(), "cannot be read") {
		t.Errorf("ended with %v", s.err)
	}
	s.summary()
	if n := strings.Count(s.log.String(), "level=WARN"); n != 2 || !strings.Contains(s.log.String(), "count=199") {
		t.Errorf("the log has %d warnings:\n%s", n, s.log.String())
	}
}

func TestBrokenSoundBesideAPictureIsDoneWithout(t *testing.T) {
	s := begun(t)
	for range 3 * maxBroken {
		s.audio(aacTag(1, make([]byte, 7000)))
	}
	if s.video(avcFrame(0, h264B)); s.err != nil || len(s.frames()) != 3 {
		t.Errorf("%d frames, %v", len(s.frames()), s.err)
	}
	alone := newStage(t).audio(aacTag(0, aacConfig))
	for range maxBroken {
		alone.audio(aacTag(1, make([]byte, 7000)))
	}
	if alone.err == nil {
		t.Error("sound alone goes on without any")
	}
}

func TestChangedSettingsAreANewSetOfTracks(t *testing.T) {
	s := begun(t).video(avcConfigTag(h264SPS, h264PPS)).audio(aacTag(0, aacConfig))
	if len(s.scene.tracks) != 1 {
		t.Error("the same settings again are taken for new ones")
	}
	s.video(avcConfigTag(h264OtherSPS, h264PPS))
	if len(s.scene.tracks) != 2 || s.scene.tracks[1][0].Width != 1920 {
		t.Errorf("another size: %+v", s.scene.tracks)
	}
	s.video(ex(0x90, "hvc1", hvcc(h265VPS, h265SPS, h265PPS)), avcFrame(0, h264B), ex(0x93, "hvc1", avcc(h265Key)))
	if got := s.names(); !reflect.DeepEqual(got, []string{"HEVC", "AAC"}) || s.unread != 1 {
		t.Errorf("another codec: %v, %d unread", got, s.unread)
	}
	s.audio(aacTag(0, []byte{0x11, 0x90}))
	if got := s.scene.tracks[3][1].SampleRate; got != 48000 {
		t.Errorf("another sample rate: %d", got)
	}
}

func TestFramesHeldForOldSettingsAreForgotten(t *testing.T) {
	s := newStage(t).video(avcConfigTag(h264SPS, h264PPS), avcFrame(0, h264Key), avcConfigTag(h264OtherSPS, h264PPS),
		avcFrame(0, h264B)).audio(aacTag(0, aacConfig), aacTag(1, []byte{0x21}))
	if len(s.frames()) != 2 || !bytes.Equal(s.frames()[0].Payload, avcc(h264B)) {
		t.Errorf("frames %v", s.frames())
	}
}

func TestTheBroadcastBeginsWhenItsTracksAreKnown(t *testing.T) {
	number := func(key string, n float64) amf0.ObjectEntry { return amf0.ObjectEntry{Key: key, Value: n} }
	both := metadata(number("videocodecid", 7), number("audiocodecid", 10))
	config, key, sound := avcConfigTag(h264SPS, h264PPS), avcFrame(0, h264Key), aacTag(0, aacConfig)
	au := aacTag(1, []byte{0x21})
	for name, tc := range map[string]struct {
		feed func(*stage)
		want []string // tracks after it; nil while nothing is on air
	}{
		"both announced, one here":    {func(s *stage) { s.metadata(both); s.video(config, key) }, nil},
		"both announced, both here":   {func(s *stage) { s.metadata(both); s.video(config).audio(sound, au).video(key) }, []string{"H.264", "AAC"}},
		"both announced, sound never": {func(s *stage) { s.metadata(both); s.video(config, key); s.ms += 500; s.video(key) }, []string{"H.264"}},
		"one announced":               {func(s *stage) { s.metadata(metadata(number("videocodecid", 7))); s.video(config, key) }, []string{"H.264"}},
		"the other announced as none": {func(s *stage) {
			s.metadata(metadata(number("videocodecid", 0), number("audiocodecid", 10)))
			s.audio(sound, au)
		}, []string{"AAC"}},
		"announced as text": {func(s *stage) {
			s.metadata(metadata(amf0.ObjectEntry{Key: "videocodecid", Value: "avc1"}))
			s.video(config, key)
		}, []string{"H.264"}},
		"nothing announced, both here":     {func(s *stage) { s.audio(sound).video(config, key) }, []string{"H.264", "AAC"}},
		"nothing announced, one here":      {func(s *stage) { s.video(config, key) }, nil},
		"nothing announced, half a second": {func(s *stage) { s.video(config, key); s.ms += 500; s.video(key) }, []string{"H.264"}},
		"garbage announced":                {func(s *stage) { s.metadata([]byte{3, 0, 9}); s.metadata(nil); s.audio(sound).video(config, key) }, []string{"H.264", "AAC"}},
		"announced afterwards":             {func(s *stage) { s.audio(sound).video(config, key); s.metadata(both) }, []string{"H.264", "AAC"}},
		"sound nobody plays announced":     {func(s *stage) { s.metadata(both); s.audio([]byte{0x2f, 1, 2}).video(config, key) }, []string{"H.264"}},
		"sound late by a minute":           {func(s *stage) { s.video(config, key); s.ms += 60000; s.video(key).audio(sound, au) }, []string{"H.264", "AAC"}},
		"picture late by a minute":         {func(s *stage) { s.audio(sound, au); s.ms += 60000; s.audio(au).video(config, key).audio(au) }, []string{"H.264", "AAC"}},
	} {
		s := newStage(t)
		tc.feed(s)
		var got []string
		if len(s.scene.tracks) > 0 {
			got = s.names()
		}
		if !reflect.DeepEqual(got, tc.want) || s.err != nil || (len(s.frames()) > 0) != (tc.want != nil) {
			t.Errorf("%s: tracks %v, %d frames, %v", name, got, len(s.frames()), s.err)
		}
		for _, f := range s.frames() {
			if video := len(f.Payload) > 1; video && f.Track != 0 {
				t.Errorf("%s: a picture on track %d", name, f.Track)
			}
		}
		if n := len(tc.want); n == 2 && strings.Contains(name, "late") {
			if f := s.frames()[len(s.frames())-1]; f.Track != 1 {
				t.Errorf("%s: the last sound is on track %d", name, f.Track)
			}
		}
	}
}

func TestWhatIsHeldUntilTheTracksAreKnownIsBounded(t *testing.T) {
	s := newStage(t).video(avcConfigTag(h264SPS, h264PPS))
	big := avcFrame(0, append(bytes.Clone(h264Key), make([]byte, 3<<20)...))
	for range 6 {
		s.ms -= 20 // all at once: time does not end the wait
		s.video(big)
	}
	if len(s.frames()) != 6 {
		t.Errorf("%d frames of 3 MiB passed on, %d MiB held", len(s.frames()), s.heldBytes>>20)
	}
	many := newStage(t).video(avcConfigTag(h264SPS, h264PPS))
	for range maxHeld {
		many.ms -= 20
		many.video(avcFrame(0, h264Key))
	}
	if len(many.frames()) != maxHeld {
		t.Errorf("%d of %d small frames passed on", len(many.frames()), maxHeld)
	}
}

func TestWhatAnEncoderCallsItselfIsKeptShortAndPrintable(t *testing.T) {
	s := newStage(t)
	s.metadata(metadata(amf0.ObjectEntry{Key: "encoder", Value: "Lavf\n\x1b[2J‮ \"x\" " + strings.Repeat("y", 200)}))
	if got := s.encoder; len(got) != 64 || !strings.HasPrefix(got, `Lavf[2J "x" yyy`) {
		t.Errorf("%q", got)
	}
}

func TestWhatTheHubSaysEndsTheSession(t *testing.T) {
	gone := errors.New("taken over")
	for name, feed := range map[string]func(*stage){
		"at a frame":       func(s *stage) { s.video(avcFrame(0, h264B)) },
		"at new settings":  func(s *stage) { s.video(avcConfigTag(h264OtherSPS, h264PPS)) },
		"at sound's":       func(s *stage) { s.audio(aacTag(0, []byte{0x11, 0x90})) },
		"at a sound frame": func(s *stage) { s.audio(aacTag(1, []byte{0x21})) },
	} {
		s := begun(t)
		s.scene.err = gone
		if feed(s); !errors.Is(s.err, gone) {
			t.Errorf("%s: %v", name, s.err)
		}
	}
}
