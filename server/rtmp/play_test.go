package rtmp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/gortmplib/pkg/message"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

func playIt(name string) []byte { return cmd(typCommand, "play", 5, nil, name, -2.0) }

// asks plays a channel as a peer and returns before the answer.
func (h *house) asks(name string) *peer {
	h.t.Helper()
	p := h.greet().say(connect("live"))
	p.until("_result")
	p.say(cmd(typCommand, "createStream", 4, nil))
	p.until("_result")
	return p.say(playIt(name))
}

// watches plays a channel and returns at its start.
func (h *house) watches(name string) *peer {
	h.t.Helper()
	p := h.asks(name)
	p.hears("StreamBegin", "onStatus 0 NetStream.Play.Reset", "onStatus 0 NetStream.Play.Start")
	return p
}

// got returns the next picture or sound that is no configuration.
func (p *peer) got() (video *message.Video, audio *message.Audio, err error) {
	for {
		m, err := p.in.Read()
		if err != nil {
			return nil, nil, err
		}
		switch m := m.(type) {
		case *message.Video:
			if m.Type == message.VideoTypeAU {
				return m, nil, nil
			}
		case *message.Audio:
			if m.AACType == message.AudioAACTypeAU {
				return nil, m, nil
			}
		}
	}
}

// pictureOf returns the next picture.
func (p *peer) pictureOf() *message.Video {
	p.h.t.Helper()
	for {
		v, _, err := p.got()
		if err != nil {
			p.h.t.Fatal(err)
		}
		if v != nil {
			return v
		}
	}
}

// closing runs the hub until the returned function ends it, and with it every
// broadcast.
func (h *house) closing() func() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { h.hub.Run(ctx) })
	end := func() { cancel(); wg.Wait() }
	h.t.Cleanup(end)
	return end
}

// Somebody else's client reads what somebody else's client wrote.
func TestEveryCodecReachesAPlayerAsItWasSent(t *testing.T) {
	for name, tracks := range map[string][]codecs.Codec{
		"H.264 and AAC": {libH264, libAAC},
		"HEVC and AAC":  {libH265, libAAC},
		"AV1 and Opus":  {libAV1, libOpus},
		"H.264 alone":   {libH264},
		"AAC alone":     {libAAC},
		"Opus alone":    {libOpus},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			p := h.publish(h.keys.make("ann"), tracks...)
			p.play(0)
			h.frames("ann", len(tracks))
			player := h.reader("ann")
			player.read(len(tracks))
			for i := 1; i < 120; i++ { // the library looks at two seconds before it says what is in them
				p.play(i)
				player.read(len(tracks))
			}
			sent := h.frames("ann", 120*len(tracks))
			r := &gortmplib.Reader{Conn: player}
			if err := r.Initialize(); err != nil {
				t.Fatal(err)
			}
			if len(r.Tracks()) != len(tracks) {
				t.Fatalf("%d tracks came, %d were sent", len(r.Tracks()), len(tracks))
			}
			compare(t, r, sent)
		})
	}
}

// recording is somebody else's client; what it read is read again by its Read.
type recording struct {
	*gortmplib.Client
	t     *testing.T
	heard []message.Message
}

func (h *house) reader(name string) *recording {
	h.t.Helper()
	player := &gortmplib.Client{URL: &url.URL{Scheme: "rtmp", Host: h.Addr().String(), Path: "/live/" + name}}
	if err := player.Initialize(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(player.Close)
	player.NetConn().SetReadDeadline(time.Now().Add(10 * time.Second))
	return &recording{Client: player, t: h.t}
}

// read waits for n frames.
func (r *recording) read(n int) {
	r.t.Helper()
	for n > 0 {
		m, err := r.Client.Read()
		if err != nil {
			r.t.Fatal(err)
		}
		r.heard = append(r.heard, m)
		switch m := m.(type) {
		case *message.Video:
			if m.Type == message.VideoTypeAU {
				n--
			}
		case *message.Audio:
			if m.AACType == message.AudioAACTypeAU {
				n--
			}
		case *message.VideoExCodedFrames, *message.AudioExCodedFrames:
			n--
		}
	}
}

func (r *recording) Read() (message.Message, error) {
	if len(r.heard) == 0 {
		return nil, io.EOF
	}
	m := r.heard[0]
	r.heard = r.heard[1:]
	return m, nil
}

// compare reads everything and checks that it is what was sent, at its time.
func compare(t *testing.T, r *gortmplib.Reader, sent []*live.Chunk) {
	t.Helper()
	var came [2][]string
	note := func(track int, dts, cts time.Duration, payload []byte) {
		came[track] = append(came[track], fmt.Sprintf("%d+%d %x", dts.Milliseconds(), cts.Milliseconds(), payload))
	}
	for i, tr := range r.Tracks() {
		h26x := func(pts, dts time.Duration, au [][]byte) {
			if len(au) == 1 { // else the settings
				note(i, dts, pts-dts, au[0])
			}
		}
		switch tr.Codec.(type) {
		case *codecs.H264:
			r.OnDataH264(tr, h26x)
		case *codecs.H265:
			r.OnDataH265(tr, h26x)
		case *codecs.AV1:
			r.OnDataAV1(tr, func(at time.Duration, tu [][]byte) { note(i, at, 0, bytes.Join(tu, nil)) })
		case *codecs.MPEG4Audio:
			r.OnDataMPEG4Audio(tr, func(at time.Duration, au []byte) { note(i, at, 0, au) })
		case *codecs.Opus:
			r.OnDataOpus(tr, func(at time.Duration, au []byte) { note(i, at, 0, au) })
		}
	}
	for r.Read() == nil {
	}
	zero, next := sent[0].Frame.DTS, [2]int{}
	for _, c := range sent {
		f, i := c.Frame, c.Frame.Track
		if next[i] == len(came[i]) {
			t.Fatalf("only %d frames of track %d came", next[i], i)
		}
		body := f.Payload
		switch c.Init.Tracks[i].Codec.(type) {
		case live.H264, live.H265:
			body = body[4:]
		case live.AV1:
			if body[0] == 0x32 { // with a size, which the library takes off
				body = append([]byte{0x30}, body[2:]...)
			}
		}
		want := fmt.Sprintf("%d+%d %x", milliseconds(f.DTS-zero), milliseconds(f.PTS-f.DTS), body)
		if got := came[i][next[i]]; got != want {
			t.Errorf("frame %d of track %d is %s, want %s", next[i], i, got, want)
		}
		next[i]++
	}
}

func TestAPlayerBeginsAtTheNewestKeyFrameAndAtZero(t *testing.T) {
	h := open(t)
	p := h.onAir("ann").start()
	p.video(900, avcFrame(0, h264B)).video(1000, avcFrame(66, h264Key)).audio(990, aacTag(1, []byte{0x21, 7})).audio(1013, aacTag(1, []byte{0x21, 8}))
	h.frames("ann", 5)
	player := h.watches("ann")
	v, _, err := player.got()
	if err != nil || v == nil || v.DTS != 0 || v.PTSDelta != 66*ms || !v.IsKeyFrame || !bytes.Equal(v.AU, avcc(h264Key)) {
		t.Fatalf("begins with %+v, %v", v, err)
	}
	// The sound that belongs before it is left out.
	if _, a, err := player.got(); err != nil || a == nil || a.AU[1] != 8 || a.DTS < 10*ms || a.DTS > 16*ms {
		t.Fatalf("goes on with %+v, %v", a, err)
	}
	if n := h.hub.Status("ann").Viewers; n != 1 {
		t.Errorf("%d viewers", n)
	}
}

func TestChangedSettingsReachAPlayerBeforeWhatNeedsThem(t *testing.T) {
	h := open(t)
	p := h.onAir("ann").start()
	h.frames("ann", 1)
	player := h.watches("ann")
	player.pictureOf()
	p.say(msg(6, typVideo, 100, avcConfigTag(h264OtherSPS, h264PPS)), msg(6, typVideo, 100, avcFrame(0, h264Key)))
	var said []string
	for {
		m, err := player.in.Read()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *message.DataAMF0:
			w, _ := object(m.Payload, 1).GetFloat64("width")
			said = append(said, fmt.Sprintf("width %v", w))
		case *message.Video:
			if m.Type == message.VideoTypeConfig {
				said = append(said, fmt.Sprintf("%d bytes of SPS", len(m.AVCConfig.SequenceParameterSets[0].NALUnit)))
				continue
			}
			if want := fmt.Sprintf("[width 1920 %d bytes of SPS]", len(h264OtherSPS)); fmt.Sprint(said) != want {
				t.Errorf("before the picture: %v, want %s", said, want)
			}
			return
		}
	}
}

func TestAPlayerGoesOnThroughATakeOverAndALostSignal(t *testing.T) {
	h := open(t)
	end := h.closing()
	key := h.keys.make("ann")
	first := h.publish(key, libH264)
	first.play(0)
	h.frames("ann", 1)
	player := h.watches("ann")
	last := player.pictureOf().DTS
	second := h.publish(key, libH264)
	second.play(0)
	if v := player.pictureOf(); v.DTS <= last || !v.IsKeyFrame {
		t.Errorf("after the take-over %v follows %v", v.DTS, last)
	} else {
		last = v.DTS
	}
	second.Client.Close()
	h.gone("ann")
	third := h.publish(key, libH264)
	third.play(0)
	if v := player.pictureOf(); v.DTS <= last {
		t.Errorf("after the lost signal %v follows %v", v.DTS, last)
	}
	third.Client.Close()
	h.gone("ann")
	end()
	player.hears("something else", "onStatus 0 NetStream.Play.UnpublishNotify")
	if _, err := player.hear(); !errors.Is(err, io.EOF) {
		t.Errorf("after it: %v", err)
	}
}

func TestWhatIsNotOnAirIsRefusedInWords(t *testing.T) {
	h := open(t)
	gone := h.onAir("gone").start()
	h.frames("gone", 1)
	gone.say(cmd(typCommand, "deleteStream", 9, nil, 1.0))
	h.offAir("gone")
	h.onAir("ann").start()
	h.frames("ann", 1)
	for name, want := range map[string]string{
		"bob": "no channel of that name", "gone": "no channel of that name", "../ann": "one channel must follow",
		"": "one channel must follow", "ann/x": "one channel must follow", strings.Repeat("a", 9000): "no channel of that name",
		"%61nn": "no channel of that name", "a\nmsg=x": "no channel of that name",
	} {
		began := time.Now()
		p := h.asks(name)
		m := p.until("onStatus")
		said, _ := object(m.args, 1).GetString("description")
		if m.code != "NetStream.Play.StreamNotFound" || !strings.Contains(said, want) {
			t.Errorf("%.20q: %s, %q", name, m.code, said)
		}
		if _, err := p.hear(); !errors.Is(err, io.EOF) || time.Since(began) > 2*time.Second {
			t.Errorf("%.20q: after it %v, %v", name, err, time.Since(began))
		}
		p.Close()
	}
	for name := range map[string]bool{"ann": true, "ANN": true, "ann/": true, "/ann?x=1": true} {
		h.watches(name).Close()
	}
}

// A key that found its way into a player's address bar must open nothing, tell
// nothing, and stand in no log; the house looks for it there when a test ends.
func TestAStreamKeyPlaysNothing(t *testing.T) {
	h := open(t)
	key := h.keys.make("zoe")
	p := h.publish(key, libH264)
	p.play(0)
	h.frames("zoe", 1)
	asked := h.keys.asked
	for _, name := range []string{key, tv.NewStreamKey().Reveal(), key + "?x=1", "/" + key + "/"} {
		m := h.asks(name).until("onStatus")
		said, _ := object(m.args, 1).GetString("description")
		if m.code != "NetStream.Play.StreamNotFound" || !strings.Contains(said, "for publishing only") || strings.Contains(said, "zoe") {
			t.Errorf("answered %s, %q", m.code, said)
		}
		if strings.Contains(said, key) {
			t.Error("the answer repeats the key")
		}
	}
	if h.keys.asked != asked {
		t.Error("it counts as a try of the key")
	}
	if n := h.hub.Status("zoe").Viewers; n != 0 {
		t.Errorf("%d viewers", n)
	}
	h.logs("connection closed", "for publishing only")
}

// The player stops reading for a moment while 20 MB go by.
func TestASlowPlayerJumpsToAKeyFrameAndCostsThePublisherNothing(t *testing.T) {
	h := open(t, func(s *Server) { s.times.late = 100 * time.Millisecond })
	p := h.publish(h.keys.make("ann"), libH264)
	p.play(0)
	h.frames("ann", 1)
	player := h.watches("ann")
	player.Conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(64 << 10)
	player.pictureOf()
	number := func(i int) []byte { return []byte{byte(i >> 8), byte(i)} }
	for i := 1; i < 200; i++ {
		nalu := append(append([]byte{h264B[0]}, number(i)...), make([]byte, 100_000)...)
		if i%20 == 0 {
			nalu[0] = h264Key[0]
		}
		p.ok(p.WriteH264(p.Writer.Tracks[0], picture(i), picture(i), [][]byte{nalu}))
		time.Sleep(time.Millisecond)
	}
	h.frames("ann", 200)
	time.Sleep(200 * time.Millisecond) // what waits is late now
	jumps, last := 0, 0
	for last < 199 {
		v := player.pictureOf()
		n := int(v.AU[5])<<8 | int(v.AU[6])
		if n != last+1 {
			jumps++
			if n%20 != 0 || !v.IsKeyFrame {
				t.Errorf("jumped from %d to %d, key %v", last, n, v.IsKeyFrame)
			}
		}
		last = n
		if jumps > 0 && last > 180 {
			break
		}
	}
	if jumps == 0 || h.Skipped() == 0 {
		t.Errorf("%d jumps, %d frames skipped", jumps, h.Skipped())
	}
}

func TestAPlayerThatTakesNothingIsClosed(t *testing.T) {
	h := open(t, quick)
	p := h.publish(h.keys.make("ann"), libH264)
	p.play(0)
	h.frames("ann", 1)
	player := h.watches("ann")
	player.Conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(4096)
	nalu := append(bytes.Clone(h264Key), make([]byte, 1<<20)...)
	for i := 1; i < 12; i++ {
		p.ok(p.WriteH264(p.Writer.Tracks[0], picture(i), picture(i), [][]byte{nalu}))
	}
	h.logs("connection closed", "takes nothing")
	h.frames("ann", 12)
}

func TestAPlayerThatLeavesIsNotWorthALine(t *testing.T) {
	h := open(t)
	h.onAir("ann").start()
	h.frames("ann", 1)
	h.watches("ann").Close()
	polite := h.watches("ann")
	polite.say(cmd(typCommand, "deleteStream", 9, nil, 1.0)).hungUp(time.Second)
	h.eventually(func() string {
		h.gate.mu.Lock()
		defer h.gate.mu.Unlock()
		if h.gate.players > 0 {
			return "a player is still inside"
		}
		return ""
	})
	if strings.Contains(h.log.String(), "connection closed") {
		t.Error("it is logged as an accident")
	}
}

func TestPlayersNeverFillTheHouse(t *testing.T) {
	h := open(t, func(s *Server) { s.gate.crowd = crowd{all: 8, players: 2, perAddr: 100, fresh: 100} })
	h.onAir("ann").start()
	h.frames("ann", 1)
	first := h.watches("ann")
	h.watches("ann")
	p := h.asks("ann")
	if m := p.until("onStatus"); m.code != "NetStream.Play.Failed" {
		t.Errorf("answered %+v", m)
	}
	p.Close()
	first.Close()
	h.eventually(func() string {
		p := h.asks("ann")
		defer p.Close()
		if p.until("onStatus").code == "NetStream.Play.Failed" {
			return "the place that became free is not given away"
		}
		return ""
	})
}

// played is an attack by somebody who watches.
func played(parts ...[]byte) func(*house) *peer {
	return func(h *house) *peer { return h.watches("ann").say(parts...) }
}

var watchers = map[string]attack{
	"a flood of pings":           {played(bytes.Repeat(ping(1), 5000)), "a minute from a player"},
	"a flood of pictures":        {played(bytes.Repeat(msg(6, typVideo, 0, avcFrame(0, h264Key)), 2000)), "a minute from a player"},
	"a flood of plays":           {played(bytes.Repeat(playIt("ann"), 2000)), "a minute from a player"},
	"a flood of AMF0 bombs":      {played(bytes.Repeat(msg(3, typCommand, 0, bomb(2000)), 20)), "a minute from a player"},
	"a flood of noise":           {played([]byte{0xff}, random(100_000)), "not valid RTMP"},
	"chunk size 1":               {played(setChunkSize(1)), "chunk size 1"},
	"a message of 10 MiB":        {played(header(0, 4, typVideo, 0, 10<<20)), "a message of 10485760 bytes"},
	"200 chunk streams":          {played(many(200, 99, nil)), "more than 64 chunk streams"},
	"unfinished on many streams": {played(unfinished(9, 60000)), "unfinished messages"},
}

func TestWhatPlayersSendEndsTheirConnectionAndNothingElse(t *testing.T) { assault(t, watchers) }

func TestAPlayerCannotPublish(t *testing.T) {
	h := open(t)
	p := h.onAir("ann").start()
	h.frames("ann", 1)
	player := h.watches("ann")
	player.pictureOf()
	player.say(publishAs(h.keys.make("mallory")), msg(6, typVideo, 0, avcConfigTag(h264SPS, h264PPS)), msg(6, typVideo, 0, avcFrame(0, h264Key)))
	p.video(33, avcFrame(0, h264Key))
	if v := player.pictureOf(); v.DTS != 33*ms {
		t.Errorf("the player goes on at %v", v.DTS)
	}
	if on := h.hub.On(); len(on) != 1 || len(h.tape("mallory").all()) > 0 {
		t.Errorf("on air: %v", on)
	}
}

func TestAPlayersRationIsRenewedEveryMinute(t *testing.T) {
	b := &budget{r: bytes.NewReader(make([]byte, 3*strangerBudget))}
	b.ration()
	if n, err := io.Copy(io.Discard, b); n != strangerBudget || !errors.Is(err, errProtocol) {
		t.Errorf("%d bytes, %v", n, err)
	}
	b.since = b.since.Add(-time.Minute)
	if n, err := io.Copy(io.Discard, b); n != strangerBudget || !errors.Is(err, errProtocol) {
		t.Errorf("a minute later %d bytes, %v", n, err)
	}
}
