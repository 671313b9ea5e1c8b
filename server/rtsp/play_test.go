package rtsp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"echo.tv/server/live"
)

// viewer is a playing gortsplib client that keeps what it gets.
type viewer struct {
	client gortsplib.Client
	desc   *description.Session
	ended  chan struct{}

	mu       sync.Mutex
	units    [][][]byte // NAL units per picture
	at       []uint32   // and their timestamps
	sounds   int
	reports  []*rtcp.SenderReport
	goodbyes int
	numbers  []uint16
}

// watch plays a channel; the error is that of the first request refused.
func (h *house) watch(name string, transport gortsplib.Transport) (*viewer, error) {
	h.t.Helper()
	u := must(base.ParseURL(h.url(name, "")))
	v := &viewer{ended: make(chan struct{})}
	v.client = gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Transport: &transport}
	if err := v.client.Start2(); err != nil {
		return nil, err
	}
	h.t.Cleanup(v.client.Close)
	var err error
	if v.desc, _, err = v.client.Describe(u); err != nil {
		return nil, err
	}
	if err := v.client.SetupAll(v.desc.BaseURL, v.desc.Medias); err != nil {
		return nil, err
	}
	v.listen()
	if _, err := v.client.Play(nil); err != nil {
		return nil, err
	}
	go func() { v.client.Wait(); close(v.ended) }()
	return v, nil
}

func (h *house) mustWatch(name string, transport gortsplib.Transport) *viewer {
	h.t.Helper()
	v, err := h.watch(name, transport)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func (v *viewer) listen() {
	var pictures format.Format
	var decode func(*rtp.Packet) ([][]byte, error)
	for _, m := range v.desc.Medias {
		switch f := m.Formats[0].(type) {
		case *format.H264:
			pictures, decode = f, must(f.CreateDecoder()).Decode
		case *format.H265:
			pictures, decode = f, must(f.CreateDecoder()).Decode
		case *format.AV1:
			pictures, decode = f, must(f.CreateDecoder()).Decode
		}
	}
	v.client.OnPacketRTPAny(func(_ *description.Media, f format.Format, pkt *rtp.Packet) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if f != pictures {
			v.sounds++
			return
		}
		v.numbers = append(v.numbers, pkt.SequenceNumber)
		if au, err := decode(pkt); err == nil {
			v.units, v.at = append(v.units, au), append(v.at, pkt.Timestamp)
		}
	})
	v.client.OnPacketRTCPAny(func(_ *description.Media, pkt rtcp.Packet) {
		v.mu.Lock()
		defer v.mu.Unlock()
		switch pkt := pkt.(type) {
		case *rtcp.SenderReport:
			v.reports = append(v.reports, pkt)
		case *rtcp.Goodbye:
			v.goodbyes++
		}
	})
}

// pictures waits for n of them and returns the number that feed put in each.
func (v *viewer) pictures(h *house, n int) []int {
	h.t.Helper()
	var got []int
	h.eventually(func() string {
		v.mu.Lock()
		defer v.mu.Unlock()
		got = nil
		for _, au := range v.units {
			got = append(got, numberOf(au[len(au)-1]))
		}
		if len(got) < n {
			return fmt.Sprintf("the viewer has %v, not %d pictures", got, n)
		}
		return ""
	})
	return got
}

func (h *house) endsFor(v *viewer) {
	h.t.Helper()
	select {
	case <-v.ended:
	case <-time.After(5 * time.Second):
		h.t.Fatal("the viewer's session goes on")
	}
}

// transports of a test.
var transports = map[string]gortsplib.Transport{"tcp": gortsplib.TransportTCP, "udp": gortsplib.TransportUDP}

func TestPlayerBeginsAtTheNewestKeyFrame(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			f := h.feed("ann", h264Track, aacTrack).send(25, 5000)
			v := h.mustWatch("ann", transport)
			got := v.pictures(h, 5) // at once: nobody sends any more
			f.send(10, 5000)
			got = v.pictures(h, 15)
			for i, n := range got {
				if n != 20+i {
					t.Fatalf("it got pictures %v, not 20 to 34", got)
				}
			}
			for i, au := range v.units {
				key := got[i]%10 == 0
				if sets := len(au) == 3 && bytes.Equal(au[0], h264SPS) && bytes.Equal(au[1], h264PPS); sets != key {
					t.Errorf("picture %d: %d units; parameter sets: %v", got[i], len(au), sets)
				}
			}
			for i := 1; i < len(v.at); i++ {
				if d := v.at[i] - v.at[i-1]; d != 3000 {
					t.Errorf("picture %d comes %d ticks after the one before", got[i], d)
				}
			}
			for i := 1; i < len(v.numbers); i++ {
				if v.numbers[i] != v.numbers[i-1]+1 {
					t.Errorf("packet %d follows %d", v.numbers[i], v.numbers[i-1])
				}
			}
			if v.sounds < 15 {
				t.Errorf("only %d sounds", v.sounds)
			}
		})
	}
}

func TestReportsTieBothTracksToTheSameMoment(t *testing.T) {
	h := open(t)
	before := time.Now()
	f := h.feed("ann", h264Track, aacTrack).send(11, 100)
	v := h.mustWatch("ann", gortsplib.TransportTCP)
	for n := range 20 { // 6.7 s, no faster than the player takes it
		f.send(10, 100)
		v.pictures(h, 10*n+11)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.reports) != 4 {
		t.Fatalf("%d reports, not one per track at first and after 5 s", len(v.reports))
	}
	picture, sound := v.reports[0], v.reports[1]
	if picture.NTPTime != sound.NTPTime {
		t.Errorf("the first reports speak of %x and %x", picture.NTPTime, sound.NTPTime)
	}
	if a, b := float64(picture.RTPTime)/90000, float64(sound.RTPTime)/48000; a-b > 0.0001 || b-a > 0.0001 {
		t.Errorf("at the same moment the picture is at %v s, the sound at %v s", a, b)
	}
	if picture.RTPTime != v.at[0] {
		t.Errorf("the first report is of %d, the first picture of %d", picture.RTPTime, v.at[0])
	}
	at := time.Unix(int64(picture.NTPTime>>32)-2208988800, int64(picture.NTPTime&0xffffffff*1e9>>32))
	if at.Before(before.Add(-time.Millisecond)) || at.After(time.Now()) {
		t.Errorf("the wall time of the first picture is %v, it is %v", at, before)
	}
	gone := int64(v.reports[2].NTPTime-picture.NTPTime) * 1000 >> 32
	if media := int64(v.reports[2].RTPTime-picture.RTPTime) / 90; gone-media > 2 || media-gone > 2 {
		t.Errorf("%d ms of media are %d ms by the clock: players would jump", media, gone)
	}
	if v.reports[2].PacketCount == 0 || v.reports[2].OctetCount == 0 {
		t.Error("the reports count nothing")
	}
}

func TestEveryCodecIsPlayed(t *testing.T) {
	av1Track := live.Track{Codec: live.AV1{SequenceHeader: av1Header}, Width: 64, Height: 48}
	opusTrack := must(live.NewOpus(2))
	for name, c := range map[string]struct {
		tracks []live.Track
		frame  []byte
		want   [][]byte
	}{
		"H.264 and AAC": {[]live.Track{h264Track, aacTrack}, unhex("0000000565aabbccdd"), [][]byte{h264SPS, h264PPS, unhex("65aabbccdd")}},
		"H.264 with sets": {[]live.Track{h264Track}, append(append([]byte{0, 0, 0, byte(len(h264SPS))}, h264SPS...), unhex("0000000265aa")...),
			[][]byte{h264SPS, unhex("65aa")}},
		"HEVC and Opus": {[]live.Track{h265Track, opusTrack}, unhex("0000000428010203"), [][]byte{h265VPS, h265SPS, h265PPS, unhex("28010203")}},
		"AV1":           {[]live.Track{av1Track}, unhex("3204aabbccdd"), [][]byte{av1Header, unhex("30aabbccdd")}},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			f := h.feed("ann", c.tracks...)
			f.write(live.Frame{Key: true, Payload: c.frame})
			if len(c.tracks) > 1 {
				f.write(live.Frame{Track: 1, Key: true, Samples: 960, Payload: []byte{0xfc, 1, 2}})
			}
			f.write(live.Frame{DTS: 3000, PTS: 3000, Key: true, Payload: c.frame})
			v := h.mustWatch("ann", gortsplib.TransportTCP)
			v.pictures(h, 1)
			if got := v.units[0]; fmt.Sprintf("%x", got) != fmt.Sprintf("%x", c.want) {
				t.Errorf("it got %x, not %x", got, c.want)
			}
		})
	}
}

func TestSoundAloneIsPlayed(t *testing.T) {
	h := open(t)
	f := h.feed("ann", aacTrack)
	for i := range int64(100) { // 2.1 s
		f.write(live.Frame{DTS: i * 1920, PTS: i * 1920, Key: true, Samples: 1024, Payload: []byte("sound")})
	}
	v := h.mustWatch("ann", gortsplib.TransportTCP)
	h.eventually(func() string {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.sounds < 5 || v.sounds > 60 {
			return fmt.Sprintf("it got %d sounds, not those of the last second", v.sounds)
		}
		return ""
	})
}

// refusedWith returns the status of a refusal.
func refusedWith(err error) (base.StatusCode, string) {
	if e, ok := errors.AsType[liberrors.ErrClientBadStatusCode](err); ok {
		return e.Code, e.Message
	}
	return 0, fmt.Sprint(err)
}

func TestWhatIsNotOnAirIsNotFound(t *testing.T) {
	h := open(t)
	h.feed("starting", h264Track)
	gone := h.feed("gone", h264Track, aacTrack).send(1, 100)
	gone.session.Close(errGoodbye)
	h.is("gone", live.Offline)
	for _, name := range []string{"nobody", "starting", "gone", "", "../ann", "ann/..", "ANN%00", "a", strings.Repeat("a", 300), "live_abc"} {
		_, err := h.watch(name, gortsplib.TransportTCP)
		if code, text := refusedWith(err); code != http.StatusNotFound {
			t.Errorf("%q is answered with %d %s", name, code, text)
		}
	}
}

func TestNamesMayBeWrittenAsPeopleDo(t *testing.T) {
	h := open(t)
	h.feed("ann", h264Track, aacTrack).send(1, 100)
	for _, name := range []string{"ann", "Ann", "ann/", "ann?a=b"} {
		if _, err := h.watch(name, gortsplib.TransportTCP); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestViewersAreCountedWhileTheyPlay(t *testing.T) {
	h := open(t)
	f := h.feed("ann", h264Track, aacTrack).send(1, 100)
	defer f.run(100)()
	for _, transport := range transports {
		h.mustWatch("ann", transport)
	}
	h.eventually(func() string {
		if n := h.hub.Status("ann").Viewers; n != 2 {
			return fmt.Sprintf("%d viewers, not 2", n)
		}
		return ""
	})
}

func TestNothingIsPacketisedWhileNobodyWatches(t *testing.T) {
	h := open(t)
	h.feed("ann", h264Track, aacTrack).send(15, 100)
	h.fine("ann")
	s := must(h.open("ann"))
	c := s.channel
	var at live.Cursor
	u, _, err := c.ring.Next(t.Context(), &at)
	if err != nil || u.made != nil {
		t.Fatalf("%v; packets were made for nobody: %v", err, u.made)
	}
	v := h.mustWatch("ann", gortsplib.TransportTCP)
	v.pictures(h, 5)
	if len(u.packets()) != 1 {
		t.Errorf("a small picture became %d packets", len(u.packets()))
	}
}

func TestChangedSettingsSendPlayersToTheNewDescription(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			f := h.feed("ann", h264Track, aacTrack).send(3, 100)
			v := h.mustWatch("ann", transport)
			v.pictures(h, 3)
			if err := f.session.SetTracks([]live.Track{must(live.NewH264(otherSPS, h264PPS)), aacTrack}); err != nil {
				t.Fatal(err)
			}
			f.frame = 10
			f.send(3, 100)
			h.endsFor(v)
			if v.mu.Lock(); v.goodbyes != 2 {
				t.Errorf("%d goodbyes", v.goodbyes)
			}
			v.mu.Unlock()
			again := h.mustWatch("ann", transport)
			if got := again.pictures(h, 3); got[0] != 10 {
				t.Errorf("then it gets %v", got)
			}
			if sps := again.desc.Medias[0].Formats[0].(*format.H264).SPS; !bytes.Equal(sps, otherSPS) {
				t.Errorf("described by %x", sps)
			}
		})
	}
}

func TestPlayersStayWhenThePublisherComesBackTheSame(t *testing.T) {
	h := open(t)
	first := h.feed("ann", h264Track, aacTrack).send(3, 100)
	v := h.mustWatch("ann", gortsplib.TransportTCP)
	v.pictures(h, 3)
	first.session.Lose(errVanished)
	h.is("ann", live.Lost)
	h.feed("ann", h264Track, aacTrack).send(3, 100)
	v.pictures(h, 6)
	for i := 1; i < len(v.at); i++ {
		if d := int32(v.at[i] - v.at[i-1]); d < 1 || d > 5*live.Second {
			t.Errorf("timestamps run %v", v.at)
		}
	}
	select {
	case <-v.ended:
		t.Error("the session ended")
	default:
	}
}

func TestTheEndOfABroadcastEndsItsSessions(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.feed("ann", h264Track, aacTrack).send(3, 100)
			v := h.mustWatch("ann", transport)
			v.pictures(h, 3)
			h.stop()
			h.endsFor(v)
			if v.mu.Lock(); v.goodbyes != 2 {
				t.Errorf("%d goodbyes", v.goodbyes)
			}
			v.mu.Unlock()
		})
	}
}

func TestAPlayerThatTakesNothingIsClosedAndSlowsNobody(t *testing.T) {
	h := open(t, func(s *Server) { s.times.stall = 300 * time.Millisecond })
	f := h.feed("ann", h264Track, aacTrack).send(1, 100)
	good := h.mustWatch("ann", gortsplib.TransportTCP)
	bad := h.begin("ann")
	before := time.Now()
	frames := 1
	h.eventually(func() string { // more than a socket and a queue hold, and no faster than good reads
		f.send(10, 200_000)
		frames += 10
		time.Sleep(20 * time.Millisecond)
		h.Server.mu.Lock()
		defer h.Server.mu.Unlock()
		if len(h.players) > 1 {
			return "the stalled player is still there"
		}
		return ""
	})
	t.Logf("closed after %v and %d MB", time.Since(before), frames/5)
	h.logs("player closed", "it takes nothing")
	f.send(1, 100)
	h.eventually(func() string {
		v := good.pictures(h, 1)
		if last := v[len(v)-1]; last != f.frame-1 {
			return fmt.Sprintf("the good player is at %d, not %d", last, f.frame-1)
		}
		return ""
	})
	bad.Close()
}

// begin plays over TCP by hand and reads no more than the answers.
func (h *house) begin(name string) *talk {
	h.t.Helper()
	c := h.talk()
	if res, err := h.play(c, name); err != nil || res.StatusCode != 200 {
		h.t.Fatalf("PLAY is answered with %v, %v", res, err)
	}
	return c
}

func (h *house) play(c *talk, name string) (*base.Response, error) {
	for i := range 2 {
		res, err := c.try("SETUP", fmt.Sprintf("/%s/trackID=%d", name, i), fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d", 2*i, 2*i+1), c.session)
		if err != nil || res.StatusCode != 200 {
			return res, err
		}
		c.session = "Session: " + strings.Split(res.Header["Session"][0], ";")[0]
	}
	return c.try("PLAY", "/"+name, c.session)
}

func TestASlowPlayerJumpsToTheNewestKeyFrame(t *testing.T) {
	h := open(t, func(s *Server) { s.times.stall = time.Minute })
	f := h.feed("ann", h264Track, aacTrack).send(1, 100)
	v := h.begin("ann")
	r := v.r
	f.send(300, 200_000) // 60 MB, which nothing on the way holds
	time.Sleep(tooOld + 100*time.Millisecond)
	f.send(20, 100)
	pictures := map[int]bool{}
	var d = must((&format.H264{PacketizationMode: 1}).CreateDecoder())
	for {
		var frame base.InterleavedFrame
		if err := frame.Unmarshal(r); err != nil {
			t.Fatal(err)
		}
		var pkt rtp.Packet
		if frame.Channel != 0 || pkt.Unmarshal(bytes.Clone(frame.Payload)) != nil {
			continue
		}
		au, err := d.Decode(&pkt)
		if err != nil {
			continue
		}
		n := au[len(au)-1]
		at := numberOf(n)
		if !pictures[at-1] && h264.NALUType(n[0]&0x1f) != h264.NALUTypeIDR {
			t.Fatalf("picture %d comes without the one before", at)
		}
		pictures[at] = true
		if at == f.frame-1 {
			break
		}
	}
	if len(pictures) > 200 {
		t.Errorf("it had to read %d of %d pictures", len(pictures), f.frame)
	}
}

func TestStreamsOfNobodyAreClosed(t *testing.T) {
	h := open(t, func(s *Server) { s.times.idle = 10 * time.Millisecond })
	h.feed("ann", h264Track, aacTrack).send(3, 100)
	open := func() int {
		h.Server.mu.Lock()
		defer h.Server.mu.Unlock()
		return len(h.streams)
	}
	v := h.mustWatch("ann", gortsplib.TransportTCP)
	v.pictures(h, 3)
	h.tick(time.Now().Add(time.Hour))
	if open() != 1 {
		t.Error("a stream was closed under its player")
	}
	v.client.Close()
	h.eventually(func() string {
		if open() > 0 {
			return "the stream is still open"
		}
		return ""
	})
	h.mustWatch("ann", gortsplib.TransportTCP).pictures(h, 3)
}

func TestOneAddressHasSoManyPlayers(t *testing.T) {
	h := open(t)
	there, here := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("127.0.0.1")
	h.perIP[there], h.perIP[here] = maxPlayersPerIP, maxPlayersPerIP
	if h.roomFor(there) || !h.roomFor(here) || !h.roomFor(netip.MustParseAddr("192.0.2.2")) {
		t.Error("the limit is not per address, loopback excepted")
	}
}

// talk is a connection on which a test says what it wants.
type talk struct {
	h *house
	*bufio.ReadWriter
	r       *bufio.Reader
	close   func() error
	n       int
	session string
	body    string
}

func (h *house) talk() *talk { return talkOver(h, h.dial()) }

func talkOver(h *house, nc net.Conn) *talk {
	r := bufio.NewReader(nc)
	return &talk{h: h, ReadWriter: bufio.NewReadWriter(r, bufio.NewWriterSize(nc, 1)), r: r, close: nc.Close}
}

func (c *talk) Close() { c.close() }

// ask sends a request and returns the answer, whatever it is.
func (c *talk) ask(method, path string, headers ...string) *base.Response {
	c.h.t.Helper()
	res, err := c.try(method, path, headers...)
	if err != nil {
		c.h.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res
}

func (c *talk) try(method, path string, headers ...string) (*base.Response, error) {
	c.n++
	text := fmt.Sprintf("%s rtsp://%s%s RTSP/1.0\r\nCSeq: %d\r\n", method, c.h.Addr(), path, c.n)
	for _, l := range headers {
		if l != "" {
			text += l + "\r\n"
		}
	}
	c.WriteString(text + "\r\n" + c.body)
	c.Flush()
	var res base.Response
	err := res.Unmarshal(c.r)
	return &res, err
}
