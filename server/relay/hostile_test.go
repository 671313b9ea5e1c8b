package relay

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// mallory is a host that answers as a test wants it.
func mallory(t *testing.T, n *network, answer http.HandlerFunc) *host {
	h := &host{t: t, id: annsHost, addr: netip.MustParseAddrPort("10.0.0.66:5175"), net: n}
	port := n.listen(h.addr)
	web := &http.Server{Handler: answer, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go web.Serve(port)
	h.stop = func() { web.Close(); port.cut(); time.Sleep(2 * time.Second) } // its answers end
	return h
}

// speaking upgrades, waits for the watch, and then says what it wants.
func speaking(say func(*speaker)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		s := &speaker{ws: ws}
		for i := range 2 { // the ping and the watch
			_, raw, err := ws.Read(context.Background())
			if err != nil {
				return
			}
			if i == 0 {
				json.Unmarshal(raw, &s.asked)
			}
		}
		var gone context.CancelFunc
		s.ctx, gone = context.WithCancel(context.Background())
		go func() { // it does not care what it hears
			defer gone()
			for {
				if _, _, err := ws.Read(context.Background()); err != nil {
					return
				}
			}
		}()
		say(s)
		<-s.ctx.Done()
	}
}

// speaker is mallory's end of a socket. What cannot be said any more is not.
type speaker struct {
	ws    *websocket.Conn
	ctx   context.Context
	asked struct{ Ping int64 }
	ahead time.Duration // its clock before ours
}

func (s *speaker) text(text string) error {
	return s.ws.Write(s.ctx, websocket.MessageText, []byte(text))
}

func (s *speaker) binary(kind, flags byte, tag uint16, number uint32, body []byte) error {
	b := []byte{kind, flags}
	b = binary.BigEndian.AppendUint16(b, tag)
	b = binary.BigEndian.AppendUint32(b, number)
	b = binary.BigEndian.AppendUint64(b, uint64(time.Now().Add(s.ahead).UnixMilli()))
	return s.ws.Write(s.ctx, websocket.MessageBinary, append(b, body...))
}

const on = `{"on":"ann","tag":7,"codecs":"avc1"}`

// begin says what comes before media.
func (s *speaker) begin(t *testing.T) {
	init, err := cmaf.Packager{}.Init(tracks(t, 1))
	if err != nil {
		t.Error(err)
	}
	s.text(on)
	s.binary(kindInit, 0, 7, 0, init)
}

// picture is a chunk of size bytes, and more.
func picture(t *testing.T, key bool, dts int64, size int) []byte {
	f := live.Frame{DTS: dts, PTS: dts, Key: key, Payload: nalu(key, 0, size)}
	return cmaf.Packager{}.Chunk(1, tracks(t, 1), f, 3000)
}

func TestHostileHostsAreHungUpOn(t *testing.T) {
	flood := func(t *testing.T, s *speaker, step int64, key bool) {
		s.begin(t)
		for i := uint32(0); s.binary(kindMedia, 1, 7, i, picture(t, key || i == 0, 900000+int64(i)*step, 1<<20)) == nil; i++ {
		}
	}
	patient := []string{"nothing", "silence", "endless texts", "no key frame ever", "a byte per second"} // may be a slow start
	for name, answer := range map[string]http.HandlerFunc{
		"no page":         http.NotFound,
		"a page":          func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<script>hello")) },
		"a redirect":      http.RedirectHandler("http://127.0.0.1/push", http.StatusFound).ServeHTTP,
		"too many":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"endless headers": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) },
		"nothing":         func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"silence":         speaking(func(*speaker) {}),
		"off":             speaking(func(s *speaker) { s.text(`{"off":"ann"}`) }),
		"goodbye":         speaking(func(s *speaker) { s.ws.CloseNow() }),
		"no JSON":         speaking(func(s *speaker) { s.text("<script>") }),
		"a number":        speaking(func(s *speaker) { s.text(`{"on":7}`) }),
		"deep JSON":       speaking(func(s *speaker) { s.text(strings.Repeat("[", 4000)) }),
		"a long text":     speaking(func(s *speaker) { s.text(`{"on":"` + strings.Repeat("a", maxText) + `"}`) }),
		"endless texts": speaking(func(s *speaker) {
			for s.text(`{"slow":"ann","missed":1}`) == nil {
				time.Sleep(time.Millisecond)
			}
		}),
		"media of nothing":  speaking(func(s *speaker) { s.binary(kindMedia, 1, 7, 0, picture(t, true, 0, 100)) }),
		"media before init": speaking(func(s *speaker) { s.text(on); s.binary(kindMedia, 1, 7, 0, picture(t, true, 0, 100)) }),
		"another tag":       speaking(func(s *speaker) { s.text(on); s.binary(kindInit, 0, 8, 0, nil) }),
		"an empty message":  speaking(func(s *speaker) { s.text(on); s.ws.Write(s.ctx, websocket.MessageBinary, nil) }),
		"an empty init":     speaking(func(s *speaker) { s.text(on); s.binary(kindInit, 0, 7, 0, nil) }),
		"a garbage init":    speaking(func(s *speaker) { s.text(on); s.binary(kindInit, 0, 7, 0, bytes.Repeat([]byte("moov"), 99)) }),
		"an init of 1 MB":   speaking(func(s *speaker) { s.text(on); s.binary(kindInit, 0, 7, 0, make([]byte, 1<<20)) }),
		"a third kind":      speaking(func(s *speaker) { s.begin(t); s.binary(3, 0, 7, 0, picture(t, true, 0, 100)) }),
		"empty media":       speaking(func(s *speaker) { s.begin(t); s.binary(kindMedia, 0, 7, 0, nil) }),
		"garbage media":     speaking(func(s *speaker) { s.begin(t); s.binary(kindMedia, 0, 7, 0, bytes.Repeat([]byte("mdat"), 99)) }),
		"no key frame ever": speaking(func(s *speaker) { s.begin(t); s.binary(kindMedia, 0, 7, 0, picture(t, false, 0, 100)) }),
		"a thousand chunks": speaking(func(s *speaker) {
			s.begin(t)
			s.binary(kindMedia, 0, 7, 0, bytes.Repeat(picture(t, false, 0, 100), 1000))
		}),
		"an endless message": speaking(func(s *speaker) {
			w, err := s.ws.Writer(s.ctx, websocket.MessageBinary)
			for ; err == nil; time.Sleep(100 * time.Millisecond) {
				_, err = w.Write(make([]byte, 1<<20))
			}
		}),
		"a giant": speaking(func(s *speaker) { s.begin(t); s.binary(kindMedia, 0, 7, 0, make([]byte, maxMessage+1)) }),
		"a byte per second": speaking(func(s *speaker) {
			w, err := s.ws.Writer(s.ctx, websocket.MessageBinary)
			for ; err == nil; time.Sleep(time.Second) {
				_, err = w.Write(make([]byte, 4096)) // what the library collects before a write
			}
		}),
		"a flood of key frames, the clock standing": speaking(func(s *speaker) { flood(t, s, 0, true) }),
		"a flood of key frames, the clock racing":   speaking(func(s *speaker) { flood(t, s, 90000, true) }),
		"a flood without key frames":                speaking(func(s *speaker) { flood(t, s, 3000, false) }),
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork()
			bad := mallory(t, n, answer)
			bob := newHost(t, n, bobsHost, "10.0.0.2:5175")
			bob.knows(bad, peer.Channel{Name: "ann"})
			began := time.Now()
			err := bob.relays.Fetch(t.Context(), annThere, nil)
			flooded := strings.HasPrefix(name, "a flood")
			if flooded { // it looks good at first
				time.Sleep(2 * time.Second)
				if s := bob.hub.Status(annThere); s.State == live.Live {
					t.Errorf("%s: on air", name)
				}
			} else if code := tv.CodeOf(err); code != tv.Unavailable && code != tv.NotFound {
				t.Errorf("%s: %v", name, err)
			}
			limit := 3 * time.Second
			if slices.Contains(patient, name) {
				limit = patience + time.Second
			}
			if took := time.Since(began); took > limit {
				t.Errorf("%s took %v", name, took)
			}
			time.Sleep(2 * time.Minute) // nobody watches
			if bob.relaying() > 0 || len(bob.hub.On()) > 0 || bob.relays.Recovered() > 0 {
				t.Errorf("%s: %d relays, %d on air, %d panics", name, bob.relaying(), len(bob.hub.On()), bob.relays.Recovered())
			}
			bob.stop()
			bad.stop()
		})
	}
}

func TestOneKeyFrameIsNotEnoughForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := mallory(t, n, speaking(func(s *speaker) {
			s.begin(t) // 10 MiB a second is within the budget
			for i := uint32(0); s.binary(kindMedia, 1, 7, i, picture(t, i == 0, 900000+int64(i)*9000, 1<<20)) == nil; i++ {
				time.Sleep(100 * time.Millisecond)
			}
		}))
		bob := newHost(t, n, bobsHost, "10.0.0.2:5175")
		bob.knows(h, peer.Channel{Name: "ann"})
		if err := bob.relays.Fetch(t.Context(), annThere, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if n := n.dials(h.addr); n != 1 {
			t.Errorf("%d connections after 50 MiB", n)
		}
		time.Sleep(3 * time.Second)
		if n := n.dials(h.addr); n != 2 {
			t.Errorf("%d connections after 80 MiB", n)
		}
		bob.stop()
		h.stop()
	})
}

func TestAFrozenHostIsDialedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := mallory(t, n, speaking(func(s *speaker) { // and answers no ping
			s.begin(t)
			s.binary(kindMedia, 1, 7, 0, picture(t, true, 900000, 100))
		}))
		bob := newHost(t, n, bobsHost, "10.0.0.2:5175")
		bob.knows(h, peer.Channel{Name: "ann"})
		v := bob.join(1)
		v.watch(annThere, "v")
		for range 14 {
			v.say(`{"ack":"` + string(annThere) + `"}`)
			time.Sleep(time.Second)
		}
		if n := n.dials(h.addr); n != 2 {
			t.Errorf("%d connections", n)
		}
		v.leave()
		bob.stop()
		h.stop()
	})
}

func TestARacingHostHoldsNoMoreThanItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		var sent atomic.Int64
		bad := mallory(t, n, speaking(func(s *speaker) {
			s.begin(t)
			for i := uint32(0); s.binary(kindMedia, 1, 7, i, picture(t, true, 900000, 1<<20)) == nil; i++ {
				sent.Add(1)
			}
		}))
		bob := newHost(t, n, bobsHost, "10.0.0.2:5175")
		bob.knows(bad, peer.Channel{Name: "ann"})
		v := bob.join(1)
		v.watch(annThere, "v")
		for range 8 {
			v.say(`{"ack":"` + string(annThere) + `"}`)
			time.Sleep(time.Second)
		}
		if limit := (budgetBurst+8*budgetRate)>>20 + 20; sent.Load() > int64(limit) {
			t.Errorf("%d MiB were taken in 8 s, the limit is %d", sent.Load(), limit)
		}
		v.leave()
		bob.stop()
		bad.stop()
	})
}

func TestThePicturesOfPeersAreFetchedOnceEachAndChecked(t *testing.T) {
	good, err := cmaf.Still(&live.Still{Seq: 1, Track: tracks(t, 1)[0], Frame: live.Frame{Key: true, Payload: nalu(true, 1, 1000)}})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		n := newNetwork()
		var answer atomic.Value
		answer.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(good) }))
		h := mallory(t, n, func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1); r.URL.Path != "/hls/ann/thumb.mp4" || r.Header.Get("Cookie") != "" {
				t.Errorf("asked for %s with %v", r.URL, r.Header)
			}
			answer.Load().(http.HandlerFunc)(w, r)
		})
		bob := newHost(t, n, bobsHost, "10.0.0.2:5175")
		get := func(want int) {
			t.Helper()
			w := newRecorder()
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "/hls/"+string(annThere)+"/thumb.mp4", nil)
			bob.hls.ServeHTTP(w, r)
			if w.code != want || (want == 200) != bytes.Equal(w.body.Bytes(), good) {
				t.Errorf("%d with %d bytes, want %d", w.code, w.body.Len(), want)
			}
		}
		get(404) // nobody knows of a picture
		bob.knows(h, peer.Channel{Name: "ann", Picture: 0})
		get(404)
		bob.knows(h, peer.Channel{Name: "ann", Picture: 1})
		var together [20]chan struct{}
		for i := range together {
			together[i] = make(chan struct{})
			go func() { get(200); close(together[i]) }()
		}
		for _, done := range together {
			<-done
		}
		if asked.Load() != 1 {
			t.Errorf("twenty browsers made %d requests", asked.Load())
		}
		bob.knows(h, peer.Channel{Name: "ann", Picture: 2})
		get(200)
		if asked.Load() != 2 || bob.relaying() != 0 {
			t.Errorf("a new picture: %d requests, %d relays", asked.Load(), bob.relaying())
		}
		gone := peer.Host{ID: h.id, Addr: h.addr, Presence: peer.Gone, Channels: []peer.Channel{{Name: "ann", Picture: 3}, {Name: "never", Picture: 1}}}
		bob.peers.know(gone)
		get(200) // its last one, for the cards that say so
		if _, err := bob.relays.Still(t.Context(), tv.ChannelName("never").At(h.id)); tv.CodeOf(err) != tv.NotFound || asked.Load() != 2 {
			t.Errorf("a host that is gone was asked: %d requests, %v", asked.Load(), err)
		}
		for i, bad := range []http.HandlerFunc{
			http.NotFound,
			http.RedirectHandler("/hls/bob/thumb.mp4", http.StatusFound).ServeHTTP,
			func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<script>alert(1)</script>")) },
			func(w http.ResponseWriter, _ *http.Request) { w.Write(good[:len(good)-1]) },
			func(w http.ResponseWriter, _ *http.Request) { w.Write(append(bytes.Clone(good), '!')) },
			func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, io.LimitReader(zeros{}, 10*maxStill)) },
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					w.Write([]byte{0})
					http.NewResponseController(w).Flush()
					time.Sleep(time.Second)
				}
			},
		} {
			answer.Store(bad)
			before := asked.Load()
			bob.knows(h, peer.Channel{Name: "ann", Picture: uint64(100 + i)})
			get(404)
			get(404) // and is not asked again
			if asked.Load() != before+1 {
				t.Errorf("answer %d: asked %d times", i, asked.Load()-before)
			}
		}
		bob.stop()
		h.stop()
	})
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// recorder is a ResponseWriter for hls, which sets deadlines.
type recorder struct {
	header http.Header
	body   bytes.Buffer
	code   int
}

func newRecorder() *recorder { return &recorder{header: http.Header{}, code: 200} }

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(code int)        { r.code = code }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func TestOldPicturesMakeRoom(t *testing.T) {
	big, err := cmaf.Still(&live.Still{Track: tracks(t, 1)[0], Frame: live.Frame{Key: true, Payload: nalu(true, 1, maxStill-4096)}})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := mallory(t, n, func(w http.ResponseWriter, r *http.Request) { w.Write(big) })
		bob := newHost(t, n, bobsHost, "10.0.0.2:5175")
		var channels []peer.Channel
		for i := range 100 {
			channels = append(channels, peer.Channel{Name: tv.ChannelName(fmt.Sprint("ann", i)), Picture: 1})
		}
		bob.knows(h, channels...)
		for _, c := range channels {
			if _, err := bob.relays.Still(t.Context(), c.Name.At(annsHost)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		k := &bob.relays.stills
		if k.size > maxStills || k.size < maxStills/2 || len(k.kept) != k.order.Len() || k.loading != 0 {
			t.Errorf("%d bytes in %d pictures, %d in order, %d loading", k.size, len(k.kept), k.order.Len(), k.loading)
		}
		bob.stop()
		h.stop()
	})
}
