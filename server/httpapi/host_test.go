package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"echo.tv/server/account"
	"echo.tv/server/cmaf"
	"echo.tv/server/coach"
	"echo.tv/server/guide"
	"echo.tv/server/history"
	"echo.tv/server/live"
	"echo.tv/server/logs"
	"echo.tv/server/store"
	"echo.tv/server/tv"
)

// host is the whole face over a real store, real accounts and a real hub.
type host struct {
	t       *testing.T
	api     *API
	coach   *coach.Coach
	run     []func(context.Context) error // the parts that watch
	log     *syncBuffer
	window  *fakeWindow
	server  *httptest.Server
	hosts   *fakeHosts // the other computers of the network
	where   whereabouts
	cards   fakeCards
	people  map[string]*http.Client
	tokens  []string // cookies seen; none may be logged
	faults  []string
	stopped func()
}

const (
	controlToken = "control-token-of-this-test"
	desktopToken = "desktop-token-of-this-test"
	metricsToken = "metrics-token-of-this-test"
	password     = "correct horse battery"
)

// newHost starts a host that nobody owns.
func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, log: new(syncBuffer), window: new(fakeWindow), hosts: newFakeHosts(), people: map[string]*http.Client{}}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	dir := t.TempDir()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	key, err := account.LoadSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := account.Open(st, key)
	if err != nil {
		t.Fatal(err)
	}
	h.coach = coach.New(coach.Config{Log: log, Link: func() coach.Link { return coach.Link{Kind: coach.Wire, Mbit: 1000} }})
	hub := live.NewHub(live.Config{Log: log, Packager: cmaf.Packager{}, Outputs: []func(*live.Channel) live.Output{h.coach.Attach}})
	past, err := history.Open(history.Config{Log: log, Store: st, On: hub.On, Title: func(tv.ChannelName) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	h.run = append(h.run, h.coach.Run, past.Run)
	records := logs.NewRing()
	log = slog.New(records.Tee(log.Handler()))
	h.api, err = New(Config{
		Log: log, Accounts: accounts, Hub: hub, Coach: h.coach, History: past, Records: records, Peers: h.hosts, Guide: guide.New(hub, Profiles{accounts}, h.hosts), UI: testUI, Media: testMedia,
		Version: "1.2.3", ControlToken: controlToken, DesktopToken: desktopToken, Desktop: h.window, Names: []string{"tv.example"},
		Doctor:    testDoctor(),
		TestCards: &h.cards, TestClip: []byte("ten bytes!"),
		Addresses: h.where.now, Moved: h.where.changed,
		Stat: statOf(hub), Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "metrics") }),
		MetricsToken: metricsToken, Faults: func() []string { return h.faults },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.start(hub)
	return h
}

// whereabouts is a machine that can move.
type whereabouts struct {
	mu    sync.Mutex
	watch string        // guarded by mu; empty: http://192.168.1.20:5175
	moved chan struct{} // guarded by mu; nil until somebody asks
}

func (w *whereabouts) now() Addresses {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Addresses{Watch: []Address{{URL: cmp.Or(w.watch, "http://192.168.1.20:5175"), Kind: "wifi", Adapter: "wlan0", Best: true}}}
}

func (w *whereabouts) changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.moved == nil {
		w.moved = make(chan struct{})
	}
	return w.moved
}

func (w *whereabouts) move(to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch = to
	close(w.moved)
	w.moved = nil
}

var testUI = fstest.MapFS{
	"index.html":       {Data: []byte("<!doctype html><title>echo.tv</title>")},
	"assets/app-1a.js": {Data: []byte("export {}")},
	".gitkeep":         {},
}

var testMedia = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	fmt.Fprint(w, "media "+r.URL.Path)
})

func (h *host) start(hub *live.Hub) {
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { hub.Run(ctx) })
	for _, run := range h.run {
		wg.Go(func() { run(ctx) })
	}
	wg.Go(func() { h.api.Run(ctx) })
	h.server = httptest.NewUnstartedServer(nil)
	h.server.Config = NewServer(h.api, h.api.Log)
	h.server.Listener = Listener(h.server.Listener)
	h.server.Start()
	h.stopped = sync.OnceFunc(func() {
		stop()
		wg.Wait()
		h.server.Close()
	})
	h.t.Cleanup(func() {
		h.stopped()
		if n := h.api.Recovered(); n != 0 {
			h.t.Errorf("%d handlers panicked:\n%s", n, h.log)
		}
		mustNotHave(h.t, h.log.String(), append(h.tokens, password, "live_", controlToken, desktopToken, metricsToken)...)
	})
}

// owned is newHost with an owner called olga, signed in.
func owned(t *testing.T) *host {
	t.Helper()
	h := newHost(t)
	h.must(201, "olga", "POST", "/api/owner", Claim{h.api.Accounts.ClaimCode(), "olga", password})
	return h
}

// joined is owned with a streamer called ann, signed in.
func joined(t *testing.T) *host {
	t.Helper()
	h := owned(t)
	h.must(201, "ann", "POST", "/api/users", SignUp{Name: "ann", Password: password})
	return h
}

// answer to one request, with its whole text for looking for leaks.
type reply struct {
	status int
	header http.Header
	text   string
}

// do asks as who, whose cookies are kept between calls. body is JSON, or sent as
// it is when it is a string.
func (h *host) do(who, method, path string, body any, headers ...string) reply {
	h.t.Helper()
	var content io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			h.t.Fatal(err)
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.server.URL+path, content)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := h.client(who).Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		if c.Value != "" {
			h.tokens = append(h.tokens, c.Value)
		}
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}

func (h *host) must(status int, who, method, path string, body any, headers ...string) reply {
	h.t.Helper()
	r := h.do(who, method, path, body, headers...)
	if r.status != status {
		h.t.Fatalf("%s %s %s: status %d, want %d: %s", who, method, path, r.status, status, r.text)
	}
	return r
}

func (h *host) client(who string) *http.Client {
	c := h.people[who]
	if c == nil {
		c = h.server.Client()
		own := *c
		own.Jar = new(jar)
		own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		c = &own
		h.people[who] = c
	}
	return c
}

// get decodes what a GET answers.
func get[T any](h *host, who, path string) (out T) {
	h.t.Helper()
	return decode[T](h.t, h.must(200, who, "GET", path, nil).text)
}

func decode[T any](t *testing.T, text string) (out T) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out
}

// publish puts ann's channel on air as the RTMP face would, with one picture.
func (h *host) publish(secret string) *live.Session {
	h.t.Helper()
	key, err := tv.ParseStreamKey(secret)
	if err != nil {
		h.t.Fatal(err)
	}
	grant, err := h.api.Accounts.Publisher(h.t.Context(), loopback, key)
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := h.api.Hub.Publish(live.Publisher{Channel: grant.Channel, KeyID: grant.KeyID, KeyLabel: grant.Label, Remote: "192.0.2.7:4000"})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { s.Close(nil) })
	track, err := live.NewH264(testSPS, testPPS)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := s.SetTracks([]live.Track{track}); err != nil {
		h.t.Fatal(err)
	}
	if err := s.SetEncoder("OBS 31"); err != nil {
		h.t.Fatal(err)
	}
	if err := s.WriteFrame(live.Frame{Key: true, Payload: []byte{0, 0, 0, 1, 0x65}, Arrival: time.Now()}); err != nil {
		h.t.Fatal(err)
	}
	return s
}

var (
	loopback = addrOf(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	// 1920×1080 at 25 pictures per second.
	testSPS = []byte{0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58}
	testPPS = []byte{0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0}
)

// jar keeps whatever cookie it is given; a browser's would do the same here.
type jar struct {
	mu  sync.Mutex
	all map[string]*http.Cookie
}

func (j *jar) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.all == nil {
		j.all = map[string]*http.Cookie{}
	}
	for _, c := range cookies {
		if j.all[c.Name] = c; c.MaxAge < 0 {
			delete(j.all, c.Name)
		}
	}
}

func (j *jar) Cookies(*url.URL) (out []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.all {
		out = append(out, c)
	}
	return out
}

type fakeWindow struct {
	mu     sync.Mutex
	opened []string
	shown  int
}

func (w *fakeWindow) OpenURL(url string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened = append(w.opened, url)
	return nil
}

func (w *fakeWindow) Show() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shown++
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
