package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/guide"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// listen opens an event socket with an Origin and returns how the server took it.
func (h *host) listen(origin string) (*websocket.Conn, int) {
	h.t.Helper()
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	c, resp, err := websocket.Dial(h.t.Context(), h.server.URL+"/api/events", &websocket.DialOptions{HTTPHeader: header})
	if resp == nil {
		h.t.Fatal(err)
	}
	if c != nil {
		c.SetReadLimit(1 << 20)
		h.t.Cleanup(func() { c.CloseNow() })
	}
	return c, resp.StatusCode
}

// next returns the next event of c.
func next(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, data, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// eventually waits for an event that has all parts.
func eventually(t *testing.T, c *websocket.Conn, parts ...string) string {
	t.Helper()
	for range 20 {
		event := next(t, c)
		missing := false
		for _, p := range parts {
			missing = missing || !strings.Contains(event, p)
		}
		if !missing {
			return event
		}
	}
	t.Fatalf("no event with %q", parts)
	return ""
}

func TestListenersSeeAChannelComeAndGo(t *testing.T) {
	h := joined(t)
	made := decode[KeyAndSecret](t, h.must(201, "ann", "POST", "/api/me/keys", NewKey{"gaming PC"}).text)
	c, _ := h.listen(h.server.URL)
	mustHave(t, next(t, c), `{"type":"channels","channels":[`)
	s := h.publish(made.Secret)
	event := eventually(t, c, `"channel":"ann"`, `"state":"live"`)
	mustNotHave(t, event, made.Secret, made.Key.ID, "gaming PC", "192.0.2.7", "OBS")
	h.must(200, "ann", "PATCH", "/api/me/channel", `{"title":"Now with sound"}`)
	eventually(t, c, "Now with sound")
	s.Close(nil)
	mustNotHave(t, eventually(t, c, `"channel":"ann"`, "offline"), `"state":"live"`)
}

func TestListenersHearWhenTheHostMoves(t *testing.T) {
	h := joined(t)
	c, _ := h.listen(h.server.URL)
	eventually(t, c, `"type":"addresses"`, `"url":"http://192.168.1.20:5175"`, `"best":true`)
	h.where.move("http://10.0.0.7:5175")
	mustNotHave(t, eventually(t, c, `"url":"http://10.0.0.7:5175"`), "channels", "192.168.1.20")
	late, _ := h.listen(h.server.URL)
	eventually(t, late, `"url":"http://10.0.0.7:5175"`)
	mustHave(t, h.must(200, "", "GET", "/api/server", nil).text, `"url":"http://10.0.0.7:5175"`)
}

// A socket asks no permission across sites, so any page could read along, and
// count who is on air in a house; only our own pages may.
func TestOnlyOurOwnPagesListen(t *testing.T) {
	h := owned(t)
	port := h.server.URL[strings.LastIndex(h.server.URL, ":"):]
	for _, c := range []struct {
		origin string
		status int
	}{
		{h.server.URL, 101},
		{strings.ToUpper(h.server.URL), 101},
		{"", 403},
		{"null", 403},
		{"http://evil.example", 403},
		{"http://evil.example" + port, 403},
		{"http://127.0.0.1", 403},
		{"http://localhost" + port, 403}, // a name of ours, but not the page's
		{"https" + strings.TrimPrefix(h.server.URL, "http"), 101}, // a proxy with TLS is in front
		{"ws" + strings.TrimPrefix(h.server.URL, "http"), 403},
		{h.server.URL + ".evil.example", 403},
		{h.server.URL + "/", 403},
	} {
		if _, status := h.listen(c.origin); status != c.status {
			t.Errorf("origin %q: %d, want %d", c.origin, status, c.status)
		}
	}
	h.must(426, "", "GET", "/api/events", nil, "Origin", h.server.URL)
}

func TestOneAddressHoldsEightSockets(t *testing.T) {
	h := owned(t)
	var open []*websocket.Conn
	for range maxSocketsPerIP {
		c, status := h.listen(h.server.URL)
		if status != 101 {
			t.Fatalf("socket %d: %d", len(open)+1, status)
		}
		open = append(open, c)
	}
	if _, status := h.listen(h.server.URL); status != 429 {
		t.Errorf("the ninth: %d", status)
	}
	open[0].CloseNow()
	within(t, func() string {
		if c, status := h.listen(h.server.URL); c == nil {
			return http.StatusText(status) + " after one has left"
		}
		return ""
	})
}

func TestAListenerThatTalksIsClosed(t *testing.T) {
	h := owned(t)
	for _, words := range []string{"hello", strings.Repeat("x", 1<<20)} {
		c, _ := h.listen(h.server.URL)
		c.Write(t.Context(), websocket.MessageText, []byte(words))
		within(t, func() string {
			if _, _, err := c.Read(t.Context()); err == nil {
				return "still open"
			}
			return ""
		})
	}
}

// Listeners that go without a word, as a laptop does whose lid is shut, must
// leave nothing behind.
func TestVanishedListenersLeaveNothingBehind(t *testing.T) {
	h := owned(t)
	h.server.Client().CloseIdleConnections()
	base := runtime.NumGoroutine()
	for range 5 {
		var open []*websocket.Conn
		for range maxSocketsPerIP {
			c, status := h.listen(h.server.URL)
			if status != 101 {
				t.Fatal(status)
			}
			next(t, c)
			open = append(open, c)
		}
		for _, c := range open {
			c.CloseNow()
		}
		within(t, func() string {
			if h.api.feed.crowd.Len() != 0 {
				return "sockets are still counted"
			}
			return ""
		})
	}
	within(t, func() string {
		if n := runtime.NumGoroutine(); n > base+2 {
			return "goroutines are left"
		}
		return ""
	})
}

func TestSocketsEndWithTheServer(t *testing.T) {
	h := owned(t)
	c, _ := h.listen(h.server.URL)
	next(t, c)
	h.stopped()
	for range 5 { // what was on its way
		if _, _, err := c.Read(t.Context()); err != nil {
			break
		}
	}
	if _, _, err := c.Read(t.Context()); err == nil {
		t.Error("the socket is still open")
	}
	if err := h.api.feed.enter(loopback); err == nil {
		t.Error("one more came in after the end")
	}
}

// A listener that does not read costs one frame, and gets the newest when it
// reads again; it holds nobody up.
func TestASlowListenerSkipsToTheNewestList(t *testing.T) {
	h := joined(t)
	slow, _ := h.listen(h.server.URL)
	fast, _ := h.listen(h.server.URL)
	next(t, slow)
	next(t, fast)
	for _, title := range []string{"one", "two", "three"} {
		h.must(200, "ann", "PATCH", "/api/me/channel", ChannelEdit{Title: &title})
		eventually(t, fast, `"title":"`+title+`"`)
	}
	eventually(t, slow, `"title":"three"`)
}

// shelf is one channel whose title changes at each look.
type shelf struct{ looks atomic.Int32 }

func (s *shelf) Profile(tv.ChannelName) (guide.Profile, bool, error) {
	return guide.Profile{}, false, nil
}

func (s *shelf) Profiles(int) ([]guide.Profile, error) {
	return []guide.Profile{{Name: "ann", Title: fmt.Sprint("look ", s.looks.Add(1))}}, nil
}

func TestAStormOfChangesIsAtMostFourListsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := new(shelf), newFeed()
		g := guide.New(live.NewHub(live.Config{Log: quiet}), s, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.run(ctx, quiet, g) }()
		for range 10_000 { // ten seconds
			g.Touch()
			time.Sleep(time.Millisecond)
		}
		if n := s.looks.Load(); n > 41 {
			t.Errorf("%d lists in 10 s", n)
		}
		time.Sleep(time.Second)
		before := s.looks.Load()
		g.Touch()
		synctest.Wait()
		if s.looks.Load() != before+1 {
			t.Error("after a quiet second a change has to wait")
		}
		time.Sleep(time.Hour)
		if s.looks.Load() != before+1 {
			t.Error("lists are made without a change")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A listener whose machine is gone takes writes for minutes, into the kernel's
// buffer; one that does not read takes none. Both are let go of.
func TestADeadListenerIsLetGo(t *testing.T) {
	for _, c := range []struct {
		name  string
		reads bool
		after time.Duration
	}{
		{"does not read", false, writeWithin},
		{"reads, but no pong comes", true, pingEvery + pongWithin},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &API{feed: newFeed(), door: newDoor(quiet, nil)}
				api.feed.newest.Store(&frame{channels: []byte(`{}`), stale: make(chan struct{})})
				gone := make(chan time.Duration, 1)
				l := pipes{make(chan net.Conn)}
				s := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					conn, err := websocket.Accept(w, r, nil)
					if err != nil {
						t.Error(err)
						return
					}
					began := time.Now()
					api.attend(r.Context(), conn)
					gone <- time.Since(began)
				}), quiet)
				go s.Serve(l)
				far, ours := net.Pipe()
				l.ready <- ours
				io.WriteString(far, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
					"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
				resp, err := http.ReadResponse(bufio.NewReaderSize(far, 16), nil)
				if err != nil || resp.StatusCode != 101 {
					t.Fatal(resp, err)
				}
				if c.reads {
					go io.Copy(io.Discard, far)
				}
				if held := <-gone; held > c.after {
					t.Errorf("held for %v, want %v", held, c.after)
				}
				far.Close()
				close(l.ready)
				s.Close()
			})
		})
	}
}

// within waits until what says nothing more, for at most 5 s.
func within(t *testing.T, what func() string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		said := what()
		if said == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(said)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
