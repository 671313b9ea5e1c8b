package push

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// plain packs frames as themselves, so that a test can read them.
type plain struct{}

func (plain) Init([]live.Track) ([]byte, error) { return []byte("init"), nil }
func (plain) Chunk(_ uint32, _ []live.Track, f live.Frame, _ int64) []byte {
	return f.Payload
}

// stage is a push server with a publisher called ann.
type stage struct {
	t       testing.TB
	srv     *Server
	hub     *live.Hub
	web     *httptest.Server
	name    tv.ChannelName // of the publisher
	session *live.Session
	frame   int
	endHub  context.CancelFunc
	end     func() // of the server, and waits for it
}

var (
	picture = live.Track{Codec: live.H264{}, Width: 640, Height: 360, FPS: 30}
	sound   = live.Track{Codec: live.AAC{}, SampleRate: 48000, Channels: 2}
)

func newStage(t testing.TB) *stage {
	s := &stage{t: t}
	s.srv = New(Config{Log: slog.New(slog.DiscardHandler), Codecs: func(tr []live.Track) string { return tr[0].Codec.Name() }})
	s.hub = live.NewHub(live.Config{Log: slog.New(slog.DiscardHandler), Packager: plain{},
		Outputs: []func(*live.Channel) live.Output{s.srv.Attach}})
	s.web = httptest.NewServer(s.srv)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.srv.Run(ctx) })
	hub, endHub := context.WithCancel(ctx)
	s.endHub = endHub
	running.Go(func() { s.hub.Run(hub) })
	s.end = sync.OnceFunc(func() { cancel(); running.Wait(); s.web.Close() })
	t.Cleanup(s.end)
	s.publish("ann")
	return s
}

func (s *stage) publish(name tv.ChannelName) {
	var err error
	if s.session, err = s.hub.Publish(live.Publisher{Channel: name}); err == nil {
		err = s.session.SetTracks([]live.Track{picture, sound})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.name, s.frame = name, 0
}

// send writes n pictures of size bytes, every tenth a key frame, each followed
// by its sound.
func (s *stage) send(n, size int) {
	for range n {
		at := int64(s.frame) * 3000
		payload := make([]byte, max(size, 4))
		binary.BigEndian.PutUint32(payload, uint32(s.frame))
		s.write(live.Frame{DTS: at, PTS: at, Key: s.frame%10 == 0, Payload: payload})
		s.write(live.Frame{Track: 1, DTS: at + 1, PTS: at + 1, Key: true, Samples: 1600, Payload: []byte("sound")})
		s.frame++
	}
}

func (s *stage) write(f live.Frame) {
	f.Arrival = time.Now()
	if err := s.session.WriteFrame(f); err != nil {
		s.t.Fatal(err)
	}
}

// viewer is a connected WebSocket client.
type viewer struct {
	t  testing.TB
	ws *websocket.Conn
}

func (s *stage) join() *viewer {
	s.t.Helper()
	v, err := s.dial(http.Header{"Origin": {s.web.URL}})
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s *stage) dial(h http.Header) (*viewer, error) {
	ws, _, err := websocket.Dial(s.t.Context(), s.web.URL+"/push", &websocket.DialOptions{HTTPHeader: h})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(1 << 24)
	s.t.Cleanup(func() { ws.CloseNow() })
	return &viewer{s.t, ws}, nil
}

func (v *viewer) say(text string) {
	v.t.Helper()
	if err := v.ws.Write(v.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		v.t.Fatal(err)
	}
}

// hear returns the next message: the text, or kind, flags, number and payload.
func (v *viewer) hear() (text map[string]any, m *binaryMessage) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), 5*time.Second)
	defer cancel()
	kind, raw, err := v.ws.Read(ctx)
	if err != nil {
		v.t.Fatal(err)
	}
	if kind == websocket.MessageText {
		if err := json.Unmarshal(raw, &text); err != nil {
			v.t.Fatal(err)
		}
		return text, nil
	}
	return nil, &binaryMessage{raw[0], raw[1], binary.BigEndian.Uint16(raw[2:]), binary.BigEndian.Uint32(raw[4:]),
		time.UnixMilli(int64(binary.BigEndian.Uint64(raw[8:]))), raw[16:]}
}

type binaryMessage struct {
	kind, flags byte
	tag         uint16
	number      uint32
	at          time.Time
	payload     []byte
}

// media returns the next media message, whatever comes before it.
func (v *viewer) media() *binaryMessage {
	for {
		if _, m := v.hear(); m != nil && m.kind == kindMedia {
			return m
		}
	}
}

func frameOf(m *binaryMessage) int {
	p := m.payload
	for strings.HasPrefix(string(p), "sound") {
		p = p[5:]
	}
	if len(p) < 4 {
		return -1 // sound alone
	}
	return int(binary.BigEndian.Uint32(p))
}

func TestAViewerBeginsAtTheNewestKeyFrameAndGetsEveryPictureOnce(t *testing.T) {
	s := newStage(t)
	s.send(25, 100)
	v := s.join()
	v.say(`{"watch":"ann","viewer":"0123456789abcdef"}`)
	on, _ := v.hear()
	if on["on"] != "ann" || on["codecs"] != "H.264" {
		t.Errorf("the host said %v", on)
	}
	if _, m := v.hear(); m == nil || m.kind != kindInit || string(m.payload) != "init" || float64(m.tag) != on["tag"] {
		t.Errorf("then sent %+v", m)
	}
	for want := 20; want < 25; want++ {
		m := v.media()
		if frameOf(m) != want || (m.flags&flagKey != 0) != (want == 20) || time.Since(m.at).Abs() > time.Minute {
			t.Errorf("got %+v, want picture %d", m, want)
		}
	}
	s.send(1, 100_000) // a longer WebSocket header
	if m := v.media(); frameOf(m) != 25 || len(m.payload) < 100_000 {
		t.Errorf("got picture %d of %d bytes", frameOf(m), len(m.payload))
	}
	if n := s.hub.Status("ann").Viewers; n != 1 {
		t.Errorf("%d viewers", n)
	}
}

func TestSoundTravelsWithThePictureAfterIt(t *testing.T) {
	s := newStage(t)
	v := s.join()
	s.send(3, 10)
	v.say(`{"watch":"ann"}`)
	v.media()
	if m := v.media(); string(m.payload[:5]) != "sound" || len(m.payload) != 15 {
		t.Errorf("payload %q", m.payload)
	}
	for i := range 10 { // a picture that stands still does not hold up the sound
		s.write(live.Frame{Track: 1, DTS: int64(9000 + 1920*i), Key: true, Samples: 1024, Payload: []byte("SOUND")})
	}
	v.media()
	if m := v.media(); !strings.Contains(string(m.payload), "SOUNDSOUND") {
		t.Errorf("payload %q", m.payload)
	}
}

func TestATakeOverGoesOnOnTheSameSocket(t *testing.T) {
	s := newStage(t)
	s.send(5, 10)
	v := s.join()
	v.say(`{"watch":"ann"}`)
	for range 5 {
		v.media()
	}
	s.publish("ann")
	s.send(2, 10)
	m := v.media()
	for frameOf(m) != 0 || m.flags&flagDiscontinuity == 0 {
		m = v.media()
	}
	if m.flags&flagKey == 0 || m.number < 5 {
		t.Errorf("the new timeline begins with %+v", m)
	}
}

func TestStoppedChannelsSendNothingAndEndedOnesSaySo(t *testing.T) {
	s := newStage(t)
	s.send(1, 10)
	v := s.join()
	v.say(`{"watch":"bob"}`)
	if off, _ := v.hear(); off["off"] != "bob" {
		t.Errorf("nobody on air: %v", off)
	}
	v.say(`{"watch":"ann"}`)
	v.media()
	v.say(`{"stop":"ann"}`)
	v.say(`{"ping":41.5}`)
	if pong, _ := v.hear(); pong["pong"] != 41.5 || pong["now"].(float64) < 1e12 {
		t.Errorf("pong: %v", pong)
	}
	s.send(5, 10)
	v.say(`{"ping":42}`)
	if pong, m := v.hear(); m != nil || pong["pong"] != 42.0 {
		t.Errorf("a stopped channel sent %v", m)
	}
	v.say(`{"watch":"ann"}`)
	v.media()
	s.session.Close(errors.New("bye"))
	s.endHub() // as the minute does in which the publisher may come back
	for {
		if off, _ := v.hear(); off != nil {
			if off["off"] != "ann" {
				t.Errorf("at the end: %v", off)
			}
			return
		}
	}
}

func TestAViewerThatStopsReadingCostsThePublisherNothingAndJumps(t *testing.T) {
	s := newStage(t)
	s.send(1, 10)
	slow, quick := s.join(), s.join()
	slow.say(`{"watch":"ann"}`)
	quick.say(`{"watch":"ann"}`)
	slow.media()
	quick.media()
	var last uint32
	for range 50 { // 25 MB, more than the kernel buffers
		began := time.Now()
		s.send(10, 50_000)
		if took := time.Since(began); took > 2*time.Second {
			t.Fatalf("ten pictures took the publisher %v", took)
		}
		for range 10 {
			last = quick.media().number
		}
	}
	if last != 500 {
		t.Errorf("the quick viewer is at %d", last)
	}
	time.Sleep(maxLag + 100*time.Millisecond)
	s.send(10, 10)
	missed := 0.
	for missed == 0 {
		if text, m := slow.hear(); text["slow"] == "ann" {
			missed = text["missed"].(float64)
		} else if m != nil && m.number >= 510 {
			t.Fatal("the slow viewer got everything, late")
		}
	}
	if m := slow.media(); m.flags&flagKey == 0 || s.srv.Skipped() == 0 {
		t.Errorf("it goes on with %+v, %d skipped", m.number, s.srv.Skipped())
	}
}

func TestASocketThatTakesNothingIsClosed(t *testing.T) {
	s := newStage(t)
	s.srv.stall = 300 * time.Millisecond
	s.send(1, 10)
	v := s.join()
	v.say(`{"watch":"ann"}`)
	v.media()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s.send(1, 500_000) // and the viewer does not read
		if s.srv.crowd.Len() == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it is still open")
		}
	}
}

func TestStrangersAreHungUpOn(t *testing.T) {
	s := newStage(t)
	for name, h := range map[string]http.Header{
		"no origin":      {},
		"another site":   {"Origin": {"http://evil.example"}},
		"another port":   {"Origin": {"http://127.0.0.1:1"}},
		"null":           {"Origin": {"null"}},
		"ours, as ws":    {"Origin": {strings.Replace(s.web.URL, "http", "ws", 1)}},
		"ours, and more": {"Origin": {s.web.URL + ".evil.example"}},
	} {
		if _, err := s.dial(h); err == nil {
			t.Errorf("%s was let in", name)
		}
	}
	many := `{"watch":"ann","viewer":"` + strings.Repeat("x", maxText) + `"}`
	for name, texts := range map[string][]string{
		"no JSON":    {"hello"},
		"too long":   {many},
		"a flood":    strings.Split(strings.Repeat(`{"ping":1} `, 2*maxPerTick), " "),
		"wrong type": {`{"watch":7}`},
		"deep JSON":  {strings.Repeat("[", 2000)},
	} {
		v := s.join()
		for _, text := range texts {
			v.ws.Write(t.Context(), websocket.MessageText, []byte(text))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		var err error
		for err == nil {
			_, _, err = v.ws.Read(ctx)
		}
		if ctx.Err() != nil {
			t.Errorf("%s: still connected", name)
		}
		cancel()
	}
	if s.srv.Recovered() > 0 {
		t.Error("a handler panicked")
	}
}

func TestAfterManyViewersEverythingIsBackToBase(t *testing.T) {
	s := newStage(t)
	s.send(5, 10)
	before := runtime.NumGoroutine()
	for range 20 {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				c, err := net.Dial("tcp", strings.TrimPrefix(s.web.URL, "http://"))
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				ws, _, err := websocket.Dial(t.Context(), s.web.URL+"/push", &websocket.DialOptions{
					HTTPHeader: http.Header{"Origin": {s.web.URL}},
					HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
						DialContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}}})
				if err != nil {
					t.Error(err)
					return
				}
				ws.Write(t.Context(), websocket.MessageText, []byte(`{"watch":"ann"}`))
				ws.Read(t.Context())
				// and gone, without a goodbye
			})
		}
		all.Wait()
	}
	for end := time.Now().Add(10 * time.Second); s.srv.crowd.Len() > 0 || runtime.NumGoroutine() > before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d sockets, %d goroutines more than before:\n%s", s.srv.crowd.Len(), runtime.NumGoroutine()-before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// wire counts what is written to it.
type wire struct {
	net.Conn
	writes, bytes int
}

func (w *wire) SetWriteDeadline(time.Time) error { return nil }
func (w *wire) Write(b []byte) (int, error) {
	w.writes++
	w.bytes += len(b)
	return len(b), nil
}

func TestAJoinIsOneBatchAndEachPictureOneWriteWithoutGarbage(t *testing.T) {
	s := newStage(t)
	s.send(8, 1000)
	ch, w := s.srv.find("ann"), &wire{}
	r := &reader{socket: &socket{server: s.srv, pen: newPen(w, time.Minute, sendBuffer)}, ch: ch, watch: &watch{}}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := r.run(gone); err != nil { // all there is, and then it has left
		t.Fatal(err)
	}
	// A plain Writer gets a batch piece by piece; a TCP connection by one writev.
	if want := 1 + 8; w.writes != want || w.bytes < 8*1000 {
		t.Errorf("%d writes of %d bytes in all, want %d", w.writes, w.bytes, want)
	}
	if sent := s.hub.Status("ann").SentBy[live.ByPush]; sent != uint64(w.bytes) {
		t.Errorf("%d bytes were written and %d counted", w.bytes, sent)
	}
	m := &message{bytes: make([]byte, 1000), init: r.init}
	before := w.writes
	n := testing.AllocsPerRun(100, func() { r.add(m); r.write() })
	if per := float64(w.writes-before) / 101; n > 0 || per != 1 {
		t.Errorf("a picture costs %v allocations and %v writes", n, per)
	}
}
