package rtmp

import (
	"bytes"
	"context"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"echo.tv/server/live"
)

// publisher is somebody else's RTMP client.
type publisher struct {
	*gortmplib.Client
	gortmplib.Writer
	t *testing.T
}

// publish opens a publish with a key and announces tracks.
func (h *house) publish(secret string, tracks ...codecs.Codec) *publisher {
	h.t.Helper()
	p := &publisher{t: h.t, Client: &gortmplib.Client{Publish: true,
		URL: &url.URL{Scheme: "rtmp", Host: h.Addr().String(), Path: "/live", Fragment: secret}}}
	if err := p.Initialize(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(p.Client.Close)
	p.Writer.Conn = p.Client
	for _, c := range tracks {
		p.Writer.Tracks = append(p.Writer.Tracks, &gortmplib.Track{Codec: c})
	}
	p.ok(p.Writer.Initialize())
	return p
}

// Initialize is the client's; its writer's is called once tracks are known.
func (p *publisher) Initialize(ctx context.Context) error { return p.Client.Initialize(ctx) }

func (p *publisher) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

const ms = time.Millisecond

// When the nth of 30 pictures or 43 sounds a second comes.
func picture(n int) time.Duration { return time.Duration(n) * time.Second / 30 }
func sound(n int) time.Duration   { return time.Duration(n) * 1024 * time.Second / 44100 }

var (
	libH264 = &codecs.H264{SPS: h264SPS, PPS: h264PPS}
	libH265 = &codecs.H265{VPS: h265VPS, SPS: h265SPS, PPS: h265PPS}
	libAV1  = &codecs.AV1{}
	libAAC  = &codecs.MPEG4Audio{Config: &mpeg4audio.AudioSpecificConfig{
		Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelCount: 2}}
	libOpus = &codecs.Opus{IDHeader: &opus.IDHeader{Version: 1, ChannelCount: 2, InputSampleRate: 48000}}
)

// play writes picture i, a key frame every fifth and each shown 66 ms after it is
// decoded, and sound i, on whatever tracks there are.
func (p *publisher) play(i int) {
	p.t.Helper()
	for _, track := range p.Writer.Tracks {
		switch track.Codec.(type) {
		case *codecs.H264:
			nalu := h264B
			if i%5 == 0 {
				nalu = h264Key
			}
			p.ok(p.WriteH264(track, picture(i)+66*ms, picture(i), [][]byte{nalu}))
		case *codecs.H265:
			nalu := h265P
			if i%5 == 0 {
				nalu = h265Key
			}
			p.ok(p.WriteH265(track, picture(i)+66*ms, picture(i), [][]byte{nalu}))
		case *codecs.AV1:
			obu := []byte{0x30, 0x30} // a frame that depends on others
			if i%5 == 0 {
				obu = append([]byte{0x30}, av1Key[2:]...)
			}
			p.ok(p.WriteAV1(track, picture(i), [][]byte{obu}))
		case *codecs.MPEG4Audio:
			p.ok(p.WriteMPEG4Audio(track, sound(i), []byte{0x21, byte(i)}))
		case *codecs.Opus:
			p.ok(p.WriteOpus(track, time.Duration(i)*20*ms, append(opus20ms, byte(i))))
		}
	}
}

func TestEveryCodecOBSCanSendReachesTheHub(t *testing.T) {
	for name, tc := range map[string]struct {
		tracks []codecs.Codec
		want   []string
		cts    int64 // of pictures, 90 kHz
	}{
		"H.264 and AAC":  {[]codecs.Codec{libH264, libAAC}, []string{"H.264", "AAC"}, 66 * 90},
		"HEVC and AAC":   {[]codecs.Codec{libH265, libAAC}, []string{"HEVC", "AAC"}, 66 * 90},
		"AV1 and Opus":   {[]codecs.Codec{libAV1, libOpus}, []string{"AV1", "Opus"}, 0},
		"H.264 alone":    {[]codecs.Codec{libH264}, []string{"H.264"}, 66 * 90},
		"AAC alone":      {[]codecs.Codec{libAAC}, []string{"AAC"}, 0},
		"Opus alone":     {[]codecs.Codec{libOpus}, []string{"Opus"}, 0},
		"three pictures": {[]codecs.Codec{libH264, libH264, libH264, libAAC}, []string{"H.264", "AAC"}, 66 * 90},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			p := h.publish(h.keys.make("ann"), tc.tracks...)
			for i := range 30 {
				p.play(i)
			}
			got := h.frames("ann", 30*len(tc.want))
			var names []string
			for _, track := range got[0].Init.Tracks {
				names = append(names, track.Codec.Name())
			}
			if !reflect.DeepEqual(names, tc.want) {
				t.Errorf("tracks %v, want %v", names, tc.want)
			}
			check(t, got, tc.cts)
			p.Client.Close()
			h.gone("ann")
		})
	}
}

// check compares what came out with what play put in.
func check(t *testing.T, got []*live.Chunk, cts int64) {
	t.Helper()
	var next [2]int // frames seen of each track
	var last [2]int64
	for _, c := range got {
		f, track := c.Frame, c.Init.Tracks[c.Frame.Track]
		i := next[f.Track]
		next[f.Track]++
		if want := !track.Video() || i%5 == 0; f.Key != want {
			t.Errorf("track %d frame %d: key %v", f.Track, i, f.Key)
		}
		if track.Video() && f.PTS-f.DTS != cts {
			t.Errorf("frame %d is shown %d after it is decoded, want %d", i, f.PTS-f.DTS, cts)
		}
		if d := f.DTS - last[f.Track]; i > 0 && (d < 1750 || d > 3100) {
			t.Errorf("track %d frame %d comes %d after the one before", f.Track, i, d)
		}
		last[f.Track] = f.DTS
		if !track.Video() && (f.Payload[len(f.Payload)-1] != byte(i) || f.Samples == 0) {
			t.Errorf("sound %d is % x, %d samples", i, f.Payload, f.Samples)
		}
		if _, is := track.Codec.(live.H264); is && i%5 == 0 && !bytes.Equal(f.Payload, avcc(h264Key)) {
			t.Errorf("picture %d is % x", i, f.Payload)
		}
	}
}

func TestTheBroadcastSaysWhoSendsIt(t *testing.T) {
	h := open(t)
	p := h.publish(h.keys.make("ann"), libH264, libAAC)
	p.play(0)
	h.frames("ann", 2)
	st := h.hub.Status("ann")
	if st.State != live.Live || st.KeyID != "ann" || st.Remote != "127.0.0.1" || st.Video.Width != 64 || st.Audio.SampleRate != 44100 {
		t.Errorf("status %+v", st)
	}
}

func TestTheSameKeyTakesOverAtOnce(t *testing.T) {
	h := open(t)
	secret := h.keys.make("ann")
	ghost := h.publish(secret, libH264)
	ghost.play(0)
	h.frames("ann", 1)
	newest := h.publish(secret, libH264)
	newest.play(0)
	got := h.frames("ann", 2)
	if !got[1].Discontinuity {
		t.Error("viewers are not told of the new timeline")
	}
	h.logs("connection closed", "newer publisher")
	if st := h.hub.Status("ann"); st.State != live.Live {
		t.Errorf("the channel is %s", st.State)
	}
}
