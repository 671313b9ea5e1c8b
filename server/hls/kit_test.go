package hls

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

var annKey = tv.NewStreamKey()

// keys knows one key, and refuses a flood of wrong ones.
type keys struct{ wrong int }

func (k *keys) Channel(_ context.Context, _ netip.Addr, key tv.StreamKey) (tv.ChannelName, error) {
	if key.Equal(annKey) {
		return "ann", nil
	}
	if k.wrong++; k.wrong > 10 {
		return "", tv.Errorf(tv.TooMany, "slow down")
	}
	return "", tv.Errorf(tv.NotFound, "no such key")
}

// host is a hub and a server with a publisher called ann, in fake time.
type host struct {
	t       testing.TB
	srv     *Server
	hub     *live.Hub
	session *live.Session
	stop    func() // ends the hub, and waits
	picture live.Track
	sound   live.Track
	frame   int // pictures sent in this timeline
	audio   int
	gop     int          // pictures between key frames
	size    int          // bytes of a picture
	shown   atomic.Int64 // when feed wrote the last picture, ns
}

func newHost(t testing.TB, gop int) *host {
	t.Helper()
	h := &host{t: t, gop: gop, size: 1000}
	h.srv = New(Config{Log: slog.New(slog.DiscardHandler), Keys: &keys{}})
	h.hub = live.NewHub(live.Config{Log: slog.New(slog.DiscardHandler), Packager: cmaf.Packager{},
		Outputs: []func(*live.Channel) live.Output{h.srv.Attach}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); h.hub.Run(ctx) }()
	h.stop = func() { cancel(); <-ended }
	h.picture = track(t, 1280)
	h.picture.KeyInterval = int64(gop) * 3000
	sound, err := live.NewAAC([]byte{0x11, 0x90}) // LC, 48 kHz, stereo
	if err != nil {
		t.Fatal(err)
	}
	h.sound = sound
	h.publish()
	return h
}

// track returns an H.264 track of that width, 30 fps without saying so.
func track(t testing.TB, width int) live.Track {
	t.Helper()
	sps := []byte{0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20}
	tr, err := live.NewH264(sps, []byte{0x68, 0xcb, 0x8c, 0xb2})
	if err != nil {
		t.Fatal(err)
	}
	tr.Width, tr.FPS = width, 30
	return tr
}

func (h *host) publish(tracks ...live.Track) {
	h.t.Helper()
	s, err := h.hub.Publish(live.Publisher{Channel: "ann", KeyID: "1"})
	if err != nil {
		h.t.Fatal(err)
	}
	if len(tracks) == 0 {
		tracks = []live.Track{h.picture, h.sound}
	}
	if err := s.SetTracks(tracks); err != nil {
		h.t.Fatal(err)
	}
	h.session, h.frame, h.audio = s, 0, 0
}

// send streams for d in real (that is, fake) time: pictures at 30 fps with
// timestamps rounded to 1 ms, and the sound that belongs between them.
func (h *host) send(d time.Duration) {
	h.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second / 30) {
		h.burst(1)
	}
}

// burst streams n pictures, and their sound, in no time.
func (h *host) burst(n int) {
	h.t.Helper()
	for range n {
		ms := int64(h.frame) * 1000 / 30
		h.write(live.Frame{DTS: ms * 90, PTS: ms * 90, Key: h.frame%h.gop == 0, Payload: unit(h.frame%h.gop == 0, h.size-4)})
		h.frame++
		for ; int64(h.audio)*1024*1000/48000 < ms+33; h.audio++ {
			at := int64(h.audio) * 1024 * 1000 / 48000 * 90
			h.write(live.Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1024, Payload: make([]byte, 300)})
		}
	}
}

func (h *host) write(f live.Frame) {
	h.t.Helper()
	f.Arrival = time.Now()
	if err := h.session.WriteFrame(f); err != nil {
		h.t.Fatal(err)
	}
}

// over lets the publisher say goodbye and the minute pass in which it may come
// back.
func (h *host) over() {
	h.session.Close(errors.New("goodbye"))
	time.Sleep(62 * time.Second)
}

// end stops the host.
func (h *host) end() { h.stop() }

// get asks for a path below /hls/ann/.
func (h *host) get(path string) *httptest.ResponseRecorder {
	return h.ask(h.t.Context(), http.MethodGet, "/hls/ann/"+path)
}

func (h *host) ask(ctx context.Context, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.srv.ServeHTTP(w, httptest.NewRequest(method, path, nil).WithContext(ctx))
	return w
}

// media parses the media playlist as a player does.
func (h *host) media() *playlist.Media {
	h.t.Helper()
	return parse(h.t, h.get("live.m3u8"))
}

func parse(t testing.TB, w *httptest.ResponseRecorder) *playlist.Media {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("playlist: %d %s", w.Code, w.Body)
	}
	var m playlist.Media
	if err := m.Unmarshal(w.Body.Bytes()); err != nil {
		t.Fatalf("playlist: %v\n%s", err, w.Body)
	}
	return &m
}

func bodyOf(w *httptest.ResponseRecorder) string {
	b, _ := io.ReadAll(w.Body)
	return string(b)
}

func lines(w *httptest.ResponseRecorder, prefix string) (out []string) {
	for l := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(l, prefix) {
			out = append(out, strings.TrimSpace(l))
		}
	}
	return out
}
