package cmaf

import (
	"bytes"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"echo.tv/server/live"
)

func TestInitSaysWhatTheTracksAre(t *testing.T) {
	for name, tc := range map[string]struct {
		tracks []live.Track
		want   []fmp4.InitTrack
	}{
		"H.264 and AAC": {[]live.Track{avc, aac44}, []fmp4.InitTrack{
			{ID: 1, TimeScale: 90000, Codec: &codecs.H264{SPS: h264SPS, PPS: h264PPS}},
			{ID: 2, TimeScale: 44100, Codec: &codecs.MPEG4Audio{Config: aac44.Codec.(live.AAC).Config}},
		}},
		"HEVC and Opus": {[]live.Track{hevc, opus}, []fmp4.InitTrack{
			{ID: 1, TimeScale: 90000, Codec: &codecs.H265{VPS: h265VPS, SPS: h265SPS, PPS: h265PPS}},
			{ID: 2, TimeScale: 48000, Codec: &codecs.Opus{ChannelCount: 2}},
		}},
		"AV1 alone": {[]live.Track{av1}, []fmp4.InitTrack{
			{ID: 1, TimeScale: 90000, Codec: &codecs.AV1{SequenceHeader: av1Header}},
		}},
		"sound alone": {[]live.Track{aac48}, []fmp4.InitTrack{
			{ID: 1, TimeScale: 48000, Codec: &codecs.MPEG4Audio{Config: aac48.Codec.(live.AAC).Config}},
		}},
	} {
		b, err := Packager{}.Init(tc.tracks)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var init fmp4.Init
		if err := init.Unmarshal(bytes.NewReader(b)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, got := range init.Tracks {
			want := tc.want[i]
			if got.ID != want.ID || got.TimeScale != want.TimeScale || !reflect.DeepEqual(got.Codec, want.Codec) {
				t.Errorf("%s: track %d is %+v, want %+v", name, i, got, want)
			}
		}
	}
}

func TestInitRefusesTracksThatCannotBeDescribed(t *testing.T) {
	for name, track := range map[string]live.Track{
		"H.264 garbage": {Codec: live.H264{SPS: []byte{0x67, 1}, PPS: []byte{1}}, Width: 64, Height: 48},
		"HEVC garbage":  {Codec: live.H265{VPS: []byte{1}, SPS: []byte{0x42, 1, 1}, PPS: []byte{1}}, Width: 64, Height: 48},
		"AV1 garbage":   {Codec: live.AV1{SequenceHeader: []byte{0xff}}, Width: 64, Height: 48},
	} {
		if _, err := (Packager{}).Init([]live.Track{track}); err == nil {
			t.Errorf("%s: described", name)
		}
	}
}

func TestAChunkReadsBackAsItsFrame(t *testing.T) {
	tracks := []live.Track{avc, aac44}
	payload := bytes.Repeat([]byte{7}, 1000)
	for name, tc := range map[string]struct {
		frame    live.Frame
		duration int64
		track    int
		base     uint64
		sample   fmp4.Sample
	}{
		"key frame": {live.Frame{DTS: 900000, PTS: 900000, Key: true}, 3000,
			1, 900000, fmp4.Sample{Duration: 3000}},
		"B-frame": {live.Frame{DTS: 903000, PTS: 909000}, 3000,
			1, 903000, fmp4.Sample{Duration: 3000, PTSOffset: 6000, IsNonSyncSample: true}},
		"shown before it is decoded": {live.Frame{DTS: 906000, PTS: 903000}, 3000,
			1, 906000, fmp4.Sample{Duration: 3000, PTSOffset: -3000, IsNonSyncSample: true}},
		"shown minutes later": {live.Frame{DTS: 906000, PTS: 906000 + 300*live.Second}, 3000,
			1, 906000, fmp4.Sample{Duration: 3000, PTSOffset: 300 * live.Second, IsNonSyncSample: true}},
		"after fourteen hours, past 32 bits": {live.Frame{DTS: 1 << 33, PTS: 1 << 33, Key: true}, 3000,
			1, 1 << 33, fmp4.Sample{Duration: 3000}},
		"sound": {live.Frame{Track: 1, DTS: 902090, PTS: 902090, Key: true, Samples: 1024}, 2089,
			2, 442024, fmp4.Sample{Duration: 1024}},
	} {
		tc.frame.Payload = payload
		track, sample := chunk(t, Packager{}.Chunk(7, tracks, tc.frame, tc.duration))
		tc.sample.Payload = payload
		if track.ID != tc.track || track.BaseTime != tc.base {
			t.Errorf("%s: track %d at %d, want %d at %d", name, track.ID, track.BaseTime, tc.track, tc.base)
		}
		if !reflect.DeepEqual(*sample, tc.sample) {
			t.Errorf("%s: %d %d %v, want %d %d %v", name, sample.Duration, sample.PTSOffset, sample.IsNonSyncSample,
				tc.sample.Duration, tc.sample.PTSOffset, tc.sample.IsNonSyncSample)
		}
	}
}

func TestAChunkIsItsPayloadPlusAFixedOverhead(t *testing.T) {
	for _, n := range []int{0, 1, 300, 1 << 20} {
		f := live.Frame{DTS: 900000, PTS: 900000, Key: true, Payload: make([]byte, n)}
		b := Packager{}.Chunk(1, []live.Track{avc}, f, 3000)
		if len(b) != overhead+n || cap(b) != len(b) {
			t.Errorf("%d bytes became %d (capacity %d), want %d", n, len(b), cap(b), overhead+n)
		}
	}
}

// tape is an output that keeps what it is given.
type tape struct{ chunks []*live.Chunk }

func (r *tape) WriteChunk(c *live.Chunk) { r.chunks = append(r.chunks, c) }
func (r *tape) End()                     {}

// A publisher's clock ticks in milliseconds; a sample at 44.1 kHz lasts 23 µs.
func TestSoundAbutsToTheSampleOnItsWayThroughTheHub(t *testing.T) {
	out := &tape{}
	hub := live.NewHub(live.Config{Log: slog.New(slog.DiscardHandler), Packager: Packager{},
		Outputs: []func(*live.Channel) live.Output{func(*live.Channel) live.Output { return out }}})
	s, err := hub.Publish(live.Publisher{Channel: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(nil)
	if err := s.SetTracks([]live.Track{avc, aac44}); err != nil {
		t.Fatal(err)
	}
	write := func(f live.Frame) {
		f.PTS, f.Key, f.Arrival = f.DTS, true, time.Unix(1000, 0)
		if err := s.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	write(live.Frame{Payload: h264Key})
	for i := range int64(1000) {
		stamp := (7 + i*1024*1000/44100) * 90
		write(live.Frame{Track: 1, DTS: stamp, Samples: 1024, Payload: make([]byte, 300)})
	}
	var next uint64
	for i, c := range out.chunks[1:] {
		track, sample := chunk(t, c.Data)
		if i > 0 && track.BaseTime != next {
			t.Fatalf("frame %d begins at sample %d, the one before it ends at %d", i, track.BaseTime, next)
		}
		next = track.BaseTime + uint64(sample.Duration)
	}
}

func BenchmarkChunk(b *testing.B) {
	f := live.Frame{DTS: 900000, PTS: 906000, Payload: make([]byte, 21<<10)} // 5 Mbit/s at 30 fps
	tracks := []live.Track{avc, aac44}
	b.SetBytes(int64(len(f.Payload)))
	b.ReportAllocs()
	for b.Loop() {
		Packager{}.Chunk(1, tracks, f, 3000)
	}
}

func TestAChunkCostsOneAllocation(t *testing.T) {
	f := live.Frame{DTS: 900000, PTS: 906000, Payload: make([]byte, 1000)}
	tracks := []live.Track{avc, aac44}
	var p live.Packager = Packager{}
	if n := testing.AllocsPerRun(100, func() { p.Chunk(1, tracks, f, 3000) }); n != 1 {
		t.Errorf("%v allocations", n)
	}
}
