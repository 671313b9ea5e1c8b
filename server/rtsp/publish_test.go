package rtsp

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// camera is a recording gortsplib client with one H.264 track and AAC.
type camera struct {
	h      *house
	client gortsplib.Client
	desc   *description.Session
	encode func([][]byte) ([]*rtp.Packet, error)
	sound  func([][]byte) ([]*rtp.Packet, error)
}

func (h *house) camera(name, secret string, transport gortsplib.Transport) (*camera, error) {
	h.t.Helper()
	video := &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: h264SPS, PPS: h264PPS}
	audio := must(formatOf(aacTrack)).(*format.MPEG4Audio)
	c := &camera{h: h, client: gortsplib.Client{Transport: &transport, UserAgent: "cam/1"},
		encode: must(video.CreateEncoder()).Encode, sound: must(audio.CreateEncoder()).Encode,
		desc: &description.Session{Medias: []*description.Media{
			{Type: description.MediaTypeVideo, Formats: []format.Format{video}},
			{Type: description.MediaTypeAudio, Formats: []format.Format{audio}},
		}}}
	if err := c.client.StartRecording(h.url(name, secret), c.desc); err != nil {
		return nil, err
	}
	h.t.Cleanup(c.client.Close)
	return c, nil
}

func (h *house) mustCamera(name string) *camera {
	h.t.Helper()
	c, err := h.camera(name, h.keys.make(tv.ChannelName(name)), gortsplib.TransportTCP)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// show sends one picture at a time in 90 kHz, with sound.
func (c *camera) show(at uint32, nalus ...[]byte) *camera {
	c.h.t.Helper()
	c.send(0, at, must(c.encode(nalus)))
	c.send(1, at*48/90, must(c.sound([][]byte{[]byte("sound")})))
	return c
}

func (c *camera) send(track int, at uint32, packets []*rtp.Packet) {
	for _, p := range packets {
		p.Timestamp = at
		c.client.WritePacketRTP(c.desc.Medias[track], p) // it may have been cut; that is the test's concern
	}
}

var (
	idr    = unhex("6588840027ffc2e0526e14a8618083b06a9986fa5f5d4e89a8d1c5877cf4e030b4c1b8f1")
	pframe = unhex("419a246c41ffb580")
)

func TestFfmpegPublishesWholeAndInSync(t *testing.T) {
	h := open(t)
	t.Run("by", func(t *testing.T) {
		for name, c := range map[tv.ChannelName]struct{ transport, video, audio, flags string }{
			"tcp": {"tcp", "libx264", "aac", "-latm"}, "udp": {"udp", "libx264", "aac", "-latm"},
			"hevc": {"tcp", "libx265", "libopus", "-latm"}, "latm": {"tcp", "libx264", "aac", "+latm"},
		} {
			t.Run(string(name), func(t *testing.T) {
				t.Parallel()
				file := film(t, 3, c.video, c.audio)
				due := sounds(t, file)
				run(t, true, "ffmpeg", "-re", "-i", file, "-c", "copy", "-rtpflags", c.flags, "-f", "rtsp", "-rtsp_transport", c.transport, h.url(string(name), h.keys.make(name)))
				h.is(name, live.Offline)
				chunks := h.frames(name, 100)
				if n := checkPictures(t, chunks); n < 88 { // ffmpeg may end before its last packets are through
					t.Errorf("%d of 90 pictures arrived", n)
				}
				checkSync(t, lateIn(chunks, due))
			})
		}
	})
}

// lateIn is late for what reached the hub.
func lateIn(chunks []*live.Chunk, due map[string]float64) (ms []float64) {
	picture := math.NaN()
	for _, c := range chunks {
		f := c.Frame
		if f.Track == 0 {
			if math.IsNaN(picture) {
				picture = float64(f.PTS)
			}
			continue
		}
		sum := md5.Sum(f.Payload)
		if at, known := due["MD5:"+hex.EncodeToString(sum[:])]; known {
			off := (float64(f.PTS)-picture)/live.Second - at
			ms = append(ms, 1000*(off-math.Round(off)))
		}
	}
	return ms
}

// checkPictures looks at pictures as they reach the hub and counts them.
func checkPictures(t *testing.T, chunks []*live.Chunk) (n int) {
	t.Helper()
	shown := map[int64]bool{}
	last := int64(-1)
	for _, c := range chunks {
		f := c.Frame
		if f.Track != 0 {
			continue
		}
		if f.DTS <= last || f.PTS < f.DTS {
			t.Errorf("picture %d: decoded at %d after %d, shown at %d", n, f.DTS, last, f.PTS)
		}
		if n%30 == 0 != f.Key {
			t.Errorf("picture %d: key %v", n, f.Key)
		}
		for _, nalu := range split(f.Payload) {
			if _, h264 := c.Init.Tracks[0].Codec.(live.H264); h264 && (nalu[0]&0x1f == 7 || nalu[0]&0x1f == 8 || nalu[0]&0x1f == 9) {
				t.Errorf("picture %d holds a NAL unit of type %d", n, nalu[0]&0x1f)
			}
		}
		shown[f.PTS] = true
		last = f.DTS
		n++
	}
	first := chunks[0].Frame.PTS
	for i := range int64(n - 4) {
		if !shown[first+i*3000] && !shown[first+i*3000+1] && !shown[first+i*3000-1] {
			t.Errorf("no picture is shown at frame %d", i)
		}
	}
	return n
}

func TestGoodbyeIsOfflineAndVanishingIsLost(t *testing.T) {
	file := film(t, 3, "libx264", "aac")
	h := open(t)
	bye := h.publish("bye", file)
	gone := h.publish("gone", file)
	h.is("bye", live.Live)
	h.is("gone", live.Live)
	if enc := h.hub.Status("bye").Encoder; !strings.HasPrefix(enc, "Lavf") {
		t.Errorf("it calls itself %q", enc)
	}
	bye.stop(syscall.SIGINT)
	gone.stop(os.Kill)
	h.is("bye", live.Offline)
	h.is("gone", live.Lost)
	h.logs("publisher gone", "channel=gone", errVanished.Text)
}

func TestWrongCredentialsAreRefused(t *testing.T) {
	h := open(t)
	ann, bob := h.keys.make("ann"), h.keys.make("bob")
	basic := func(user, password string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for name, c := range map[string]struct {
		path, header string
		want         base.StatusCode
		open         bool // the connection stays
	}{
		"none":                {"/ann", "", 401, true},
		"a digest":            {"/ann", `Authorization: Digest username="ann", realm="x", nonce="y", uri="z", response="00"`, 401, true},
		"no base64":           {"/ann", "Authorization: Basic !!!!", 401, true},
		"no colon":            {"/ann", "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ann")), 401, true},
		"no password":         {"/ann", basic("ann", ""), 401, false},
		"another word":        {"/ann", basic("ann", "secret"), 401, false},
		"an unknown key":      {"/ann", basic("ann", tv.NewStreamKey().Reveal()), 401, false},
		"another's name":      {"/ann", basic("bob", ann), 401, false},
		"no name":             {"/ann", basic("", ann), 401, false},
		"another's channel":   {"/ann", basic("bob", bob), 403, false},
		"no channel":          {"/", basic("ann", ann), 404, false},
		"a path behind it":    {"/ann/../bob", basic("ann", ann), 404, false},
		"the key as the path": {"/" + ann, basic("ann", ann), 404, false},
		"right":               {"/ann", basic("ann", ann), 200, true},
		"right, in capitals":  {"/ANN", basic("Ann", ann), 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			c0 := h.talk()
			res := c0.announce(c.path, c.header, sdpH264)
			if res.StatusCode != c.want {
				t.Fatalf("answered with %d %s", res.StatusCode, res.StatusMessage)
			}
			challenge := fmt.Sprint(res.Header["WWW-Authenticate"])
			if (res.StatusCode == 401) != strings.Contains(challenge, `Basic realm="echo.tv"`) || strings.Contains(challenge, "Digest") {
				t.Errorf("challenged with %s", challenge)
			}
			if _, err := c0.try("OPTIONS", "/ann"); (err == nil) != c.open {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
	if st := h.hub.Status("ann"); st.State != live.Offline {
		t.Errorf("ann is %s", st.State)
	}
	h.keys.refuse(tv.Errorf(tv.TooMany, "too many attempts").After(40 * time.Second))
	res := h.talk().announce("/ann", basic("ann", ann), sdpH264)
	if res.StatusCode != 429 || res.StatusMessage != "too many attempts" || res.Header["Retry-After"][0] != "40" {
		t.Errorf("who tries too often is answered with %v", res)
	}
}

func TestFfmpegIsToldWhatIsWrong(t *testing.T) {
	h := open(t)
	file := film(t, 3, "libx264", "aac")
	key := h.keys.make("ann")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no credentials":   {[]string{"-c", "copy", "-f", "rtsp", h.url("ann", "")}, "401"},
		"a wrong key":      {[]string{"-c", "copy", "-f", "rtsp", h.url("ann", tv.NewStreamKey().Reveal())}, "401"},
		"another channel":  {[]string{"-c", "copy", "-f", "rtsp", strings.Replace(h.url("ann", key), "/ann", "/bob", 2)}, "another channel"},
		"motion JPEG":      {[]string{"-an", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-f", "rtsp", h.url("ann", key)}, "viewers cannot play this video"},
		"nothing playable": {[]string{"-vn", "-c:a", "pcm_mulaw", "-ar", "8000", "-f", "rtsp", h.url("ann", key)}, "nothing in this stream"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if said := run(t, false, "ffmpeg", append([]string{"-i", file}, c.args...)...); !strings.Contains(said, c.want) {
				t.Errorf("it says %s", said)
			}
		})
	}
}

func TestSoundThatNobodyCanPlayIsDropped(t *testing.T) {
	h := open(t)
	file := film(t, 3, "libx264", "aac")
	run(t, true, "ffmpeg", "-re", "-t", "1", "-i", file, "-c:v", "copy", "-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1", "-f", "rtsp", "-rtsp_transport", "tcp", h.url("ann", h.keys.make("ann")))
	for _, c := range h.frames("ann", 20) {
		if len(c.Init.Tracks) != 1 {
			t.Fatalf("the tracks are %v", c.Init.Tracks)
		}
	}
	h.logs("sound dropped", "G711")
}

func TestNewestPublisherTakesOver(t *testing.T) {
	h := open(t)
	key := h.keys.make("ann")
	first := must(h.camera("ann", key, gortsplib.TransportTCP)).show(0, idr)
	h.frames("ann", 1)
	second := must(h.camera("ann", key, gortsplib.TransportUDP)).show(0, idr)
	if err := first.client.Wait(); err == nil {
		t.Error("the first goes on")
	}
	h.frames("ann", 2)
	second.show(3000, pframe)
	h.frames("ann", 3)
}

func TestARotatedKeyCutsItsPublisher(t *testing.T) {
	h := open(t)
	c := h.mustCamera("ann").show(0, idr)
	h.is("ann", live.Live)
	before := time.Now()
	h.hub.EndKey("ann", tv.Errorf(tv.Forbidden, "the key was rotated"))
	c.client.Wait()
	if took := time.Since(before); took > time.Second {
		t.Errorf("it took %v", took)
	}
	h.is("ann", live.Offline)
	h.logs("publisher gone", "the key was rotated")
}

func TestAKeyRevokedWhileItIsTakenOpensNothing(t *testing.T) {
	h := open(t)
	key := h.keys.make("ann")
	h.keys.before = func(nth int) { // ANNOUNCE, RECORD, and once the channel is taken
		if nth == 3 {
			h.keys.revoke(key)
		}
	}
	if _, err := h.camera("ann", key, gortsplib.TransportTCP); err == nil {
		t.Error("it publishes")
	}
	h.is("ann", live.Offline)
}

func TestAPublisherWithoutMediaIsCut(t *testing.T) {
	h := open(t, func(s *Server) { s.times.media, s.times.lost = 50*time.Millisecond, 50*time.Millisecond })
	silent := h.mustCamera("ann")
	stopped := h.mustCamera("bob").show(0, idr)
	for _, c := range []*camera{silent, stopped} {
		if err := c.client.Wait(); err == nil {
			t.Error("it goes on")
		}
	}
	h.is("ann", live.Offline)
	h.is("bob", live.Lost)
	h.logs("publisher gone", "channel=bob", errSilent.Text)
}

func TestParameterSetsInTheStreamAreFollowed(t *testing.T) {
	h := open(t)
	c := h.mustCamera("ann")
	c.show(0, unhex("09f0"), idr).show(3000, pframe).show(6000, otherSPS, h264PPS, idr).show(9000, unhex("0c80ffff"), pframe)
	var pictures []*live.Chunk
	for _, ch := range h.frames("ann", 4) { // the sound waits for reports, which this camera sends after 10 s
		if ch.Frame.Track == 0 {
			pictures = append(pictures, ch)
		}
	}
	for i, width := range []int{64, 64, 1920, 1920} {
		p := pictures[i]
		if p.Init.Tracks[0].Width != width || len(split(p.Frame.Payload)) != 1 {
			t.Errorf("picture %d: %d wide, %x", i, p.Init.Tracks[0].Width, p.Frame.Payload)
		}
	}
	if pictures[1].Init == pictures[2].Init || !pictures[2].Discontinuity {
		t.Error("new settings without a new start")
	}
}

func TestAJumpOfTheClockIsAnotherTimeline(t *testing.T) {
	h := open(t)
	c := h.mustCamera("ann")
	for _, at := range []uint32{0, 3600 * 90000, 10, 1 << 31} {
		c.show(at, idr).show(at+3000, pframe)
	}
	last := int64(0)
	for _, ch := range h.frames("ann", 8) {
		if cts := ch.Frame.PTS - ch.Frame.DTS; cts > 10000 {
			t.Errorf("a picture is shown %d after it is decoded", cts)
		}
		if d := ch.Frame.DTS - last; last > 0 && (d < -2000 || d > 3*live.Second) {
			t.Errorf("the channel's clock went on by %d", d)
		}
		last = ch.Frame.DTS
	}
}

func TestBrokenPacketsCostThemselves(t *testing.T) {
	h := open(t)
	c := h.mustCamera("ann").show(0, idr)
	h.frames("ann", 1)
	for i, payload := range [][]byte{{}, {0}, {0x18}, {0x18, 0xff, 0xff}, {0x1c}, {0x1c, 0x80}, {0x1c, 0x05, 1}, {0x1c, 0xc5}, {0xff, 0xff}, {0x67}, {0x67, 0xff}, {0x68}, {0x65}, {0x41}, {0x1d, 1, 2, 3}} {
		for marker := range 2 {
			pkt := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(1000 + 2*i + marker), Marker: marker == 1}, Payload: payload}
			c.send(0, uint32(3000*(i+1)), []*rtp.Packet{pkt})
			sound := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 97, SequenceNumber: uint16(1000 + 2*i + marker), Marker: marker == 1}, Payload: payload}
			c.send(1, uint32(1024*(i+1)), []*rtp.Packet{sound})
		}
	}
	n := len(h.frames("ann", 1))
	c.show(90000, idr)
	h.eventually(func() string {
		all := h.frames("ann", n)
		if last := all[len(all)-1].Frame; string(last.Payload) == "sound" || string(split(last.Payload)[0]) == string(idr) {
			return ""
		}
		return "no good picture after the broken ones"
	})
}

func TestSoundWaitsForTheReportThatSaysWhere(t *testing.T) {
	picture := &intake{format: &format.H264{}}
	sound := &intake{format: &format.Opus{}}
	picture.note(1000, 0)
	sound.note(500, 480) // came 10 ms later, as far as packets tell
	if sound.align(picture, 100*time.Millisecond) {
		t.Error("it did not wait")
	}
	const now = 3_900_000_000 << 32
	picture.told, picture.toldNTP, picture.toldRTP = true, now, 1000
	sound.told, sound.toldNTP, sound.toldRTP = true, now, 500+48*66 // it was made 66 ms before the picture
	if !sound.align(picture, 100*time.Millisecond) || sound.shift != -90*76 {
		t.Errorf("moved by %d ms, not -76", sound.shift/90)
	}
	other := &intake{format: &format.Opus{}, told: true, toldNTP: now + 60<<32}
	if !other.align(picture, 0) || other.shift != 0 {
		t.Errorf("a clock that is a minute off moved it by %d", other.shift)
	}
	if late := (&intake{format: &format.Opus{}}); !late.align(picture, time.Second) || late.shift != 0 {
		t.Error("without reports it waits for ever")
	}
}

const sdpH264 = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
	"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:trackID=0\r\n"

func (c *talk) announce(path, authorization, sdp string) *base.Response {
	c.h.t.Helper()
	c.body = sdp
	defer func() { c.body = "" }()
	return c.ask("ANNOUNCE", path, authorization, "Content-Type: application/sdp", fmt.Sprintf("Content-Length: %d", len(sdp)))
}
