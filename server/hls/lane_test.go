package hls

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// street is a host behind net/http. Those who walk it have connections in
// memory, whose deadlines run on the test's clock; those who ride have real ones.
type street struct {
	*host
	conns  chan net.Conn
	web    *http.Server
	served atomic.Int32 // requests that net/http saw
}

// newStreet returns one whose host has been on air for some seconds.
func newStreet(t *testing.T, lanes bool) *street {
	s := quietStreet(t, lanes)
	s.send(3300 * time.Millisecond)
	return s
}

// quietStreet returns one whose host has not begun.
func quietStreet(t *testing.T, lanes bool) *street {
	s := &street{host: newHost(t, 30), conns: make(chan net.Conn)}
	s.web = &http.Server{IdleTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.served.Add(1)
		s.srv.ServeHTTP(w, r)
	})}
	if lanes {
		s.srv.cfg.GiveBack = func(c net.Conn, unread []byte) { s.conns <- &rewound{c, bytes.NewReader(unread)} }
	}
	go s.web.Serve(s)
	return s
}

func (s *street) Accept() (net.Conn, error) {
	if c, ok := <-s.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (s *street) Close() error   { return nil }
func (s *street) Addr() net.Addr { return &net.TCPAddr{} }

// shut ends everything, lanes first.
func (s *street) shut() {
	s.srv.end()
	s.srv.guests.Wait()
	close(s.conns)
	s.web.Close()
	s.end()
}

type rewound struct {
	net.Conn
	unread *bytes.Reader
}

func (c *rewound) NetConn() net.Conn { return c.Conn }

// CloseWrite lets net/http hang up as politely as on a connection of its own.
func (c *rewound) CloseWrite() error {
	if c, ok := c.Conn.(*net.TCPConn); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (c *rewound) Read(b []byte) (int, error) {
	if c.unread.Len() > 0 {
		return c.unread.Read(b)
	}
	return c.Conn.Read(b)
}

// walker is a player on one connection.
type walker struct {
	net.Conn
	in *bufio.Reader
}

func (s *street) walk() *walker {
	player, ours := net.Pipe()
	s.conns <- ours
	player.SetDeadline(time.Now().Add(5 * time.Minute))
	return &walker{player, bufio.NewReader(player)}
}

func plainGet(file string) string {
	return "GET /hls/ann/" + file + " HTTP/1.1\r\nHost: ours\r\nX-Echotv-Viewer: viewer-0123456789\r\n\r\n"
}

func (w *walker) hear() string {
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return "nothing"
	}
	return told(res)
}

// told is an answer as text: status, headers and body, without what changes.
func told(res *http.Response) string {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	res.Header.Del("Date")
	res.Header.Del("X-Content-Type-Options") // the front door's, where net/http answers
	var b strings.Builder
	fmt.Fprintln(&b, res.StatusCode)
	res.Header.Write(&b)
	fmt.Fprintf(&b, "\n%s%v", body, err)
	return b.String()
}

// ask sends raw and returns the answer.
func (w *walker) ask(raw string) string {
	go io.WriteString(w, raw)
	return w.hear()
}

func TestAfterItsFirstPlaylistAPlayerHasALaneOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, true)
		defer s.shut()
		w := s.walk()
		m := s.media()
		before := s.hub.Status("ann").SentBy["hls"]
		for _, file := range []string{"live.m3u8", "index.m3u8", m.Parts[0].URI, m.Segments[1].URI, m.Map.URI, "live.m3u8?_HLS_skip=YES"} {
			got, want := w.ask(plainGet(file)), told(s.get(file).Result())
			if got != want || !strings.HasPrefix(got, "200") {
				t.Errorf("%s by lane:\n%s\nand by the handler:\n%s", file, clip(got), clip(want))
			}
		}
		if n := s.served.Load(); n != 1 {
			t.Errorf("net/http saw %d requests", n)
		}
		if n := s.hub.Status("ann").SentBy["hls"] - before; n < 10000 {
			t.Errorf("%d bytes were counted", n)
		}
		if n := s.hub.Status("ann").Viewers; n != 2 { // the walker, and media
			t.Errorf("%d viewers", n)
		}
	})
}

func TestOnALaneAReloadWaitsAndPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, true)
		defer s.shut()
		w := s.walk()
		w.ask(plainGet("live.m3u8"))
		m := s.media()
		go io.WriteString(w, plainGet("live.m3u8?"+q(m.MediaSequence+len(m.Segments), len(m.Parts)))+plainGet(m.PreloadHint.URI)+plainGet("index.m3u8"))
		all := make(chan []string)
		go func() { all <- []string{w.hear(), w.hear(), w.hear()} }()
		synctest.Wait()
		if waiting() != 1 {
			t.Error("the reload does not wait")
		}
		s.send(200 * time.Millisecond)
		got := <-all
		if !strings.Contains(got[0], m.PreloadHint.URI) || !strings.Contains(got[1], "mdat") || !strings.Contains(got[2], "#EXT-X-STREAM-INF") {
			t.Errorf("got\n%s\n%s\n%s", clip(got[0]), clip(got[1]), clip(got[2]))
		}
		if n := s.served.Load(); n != 1 {
			t.Errorf("net/http saw %d requests", n)
		}
	})
}

// oddities are requests that are not for a lane, or not only.
func oddities() map[string]string {
	with := func(change string) string {
		return strings.Replace(plainGet("live.m3u8"), "\r\n\r\n", "\r\n"+change, 1)
	}
	target := func(t string) string { return strings.Replace(plainGet("live.m3u8"), "/hls/ann/live.m3u8", t, 1) }
	return map[string]string{
		"HEAD":                    strings.Replace(plainGet("live.m3u8"), "GET", "HEAD", 1),
		"a question":              strings.Replace(plainGet("live.m3u8"), "GET", "OPTIONS", 1),
		"a change":                strings.Replace(plainGet("live.m3u8"), "GET", "POST", 1),
		"a channel off the air":   target("/hls/bob/live.m3u8"),
		"a file there is not":     plainGet("s999999-x.m4s"),
		"a directive unreadable":  plainGet("live.m3u8?_HLS_msn=x"),
		"a directive too far":     plainGet("live.m3u8?_HLS_msn=9999"),
		"another page":            target("/api/session"),
		"a way up":                target("/hls/ann/../../api"),
		"the last request":        with("Connection: close\r\n\r\n"),
		"a range":                 with("Range: bytes=0-9\r\n\r\n"),
		"a body":                  with("Content-Length: 5\r\n\r\nhello"),
		"a body, smuggling":       with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		"two lengths":             with("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
		"a body in chunks":        with("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
		"an expectation":          with("Expect: 100-continue\r\nContent-Length: 0\r\n\r\n"),
		"two hosts":               with("Host: ours\r\n\r\n"),
		"another host":            strings.Replace(plainGet("live.m3u8"), "ours", "theirs", 1),
		"no host":                 strings.Replace(plainGet("live.m3u8"), "Host", "Ghost", 1),
		"an absolute target":      target("http://evil.example/hls/ann/live.m3u8"),
		"a bare LF":               with("X-A: b\nX-C: d\r\n\r\n"),
		"only bare LF":            strings.ReplaceAll(plainGet("live.m3u8"), "\r", ""),
		"a folded header":         with("X-A: b\r\n c\r\n\r\n"),
		"a space before a colon":  with("X-A : b\r\n\r\n"),
		"NUL":                     with("X-A: \x00\r\n\r\n"),
		"6 kB of header":          with("X-A: " + strings.Repeat("x", 6<<10) + "\r\n\r\n"),
		"6 kB of address":         target("/hls/ann/" + strings.Repeat("x", 6<<10)),
		"a megabyte of header":    with("X-A: " + strings.Repeat("x", 2<<20) + "\r\n\r\n"),
		"no HTTP":                 "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"HTTP/1.0":                strings.Replace(plainGet("live.m3u8"), "1.1", "1.0", 1),
		"HTTP/2":                  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"an upgrade":              with("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
		"an empty line":           "\r\n" + plainGet("live.m3u8"),
		"odd, and two behind it":  with("Range: bytes=0-9\r\n\r\n") + plainGet("index.m3u8") + plainGet("live.m3u8"),
		"unknown, then one known": plainGet("nothing") + plainGet("live.m3u8") + plainGet("nothing"),
	}
}

// What net/http would do with a connection that had no lane is what happens.
// Both kinds of host begin in the same moment of their own time, so they say the
// same.
func TestOnALaneEverythingElseIsAsWithoutIt(t *testing.T) {
	for name, raw := range oddities() {
		t.Run(name, func(t *testing.T) {
			var heard [2]string
			for i, lanes := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					s := newStreet(t, lanes)
					defer s.shut()
					w := s.walk()
					w.ask(plainGet("live.m3u8"))
					heard[i] = s.conversation(w, raw)
				})
			}
			if heard[0] != heard[1] {
				t.Errorf("by lane:\n%s\n\nand by net/http:\n%s", heard[0], heard[1])
			}
		})
	}
}

// Real connections are read in another way.
func TestOnARealConnectionEverythingElseIsAsWithoutALane(t *testing.T) {
	with, without := newRoad(t, true), newRoad(t, false)
	var all sync.WaitGroup
	for name, raw := range oddities() {
		all.Go(func() {
			var heard [2]string
			var both sync.WaitGroup
			for i, s := range []*street{with, without} {
				w := s.ride()
				both.Go(func() { heard[i] = s.conversation(w, raw) })
			}
			both.Wait()
			if heard[0] != heard[1] {
				t.Errorf("%s by lane:\n%s\n\nand by net/http:\n%s", name, heard[0], heard[1])
			}
		})
	}
	all.Wait()
}

var itsOwn = regexp.MustCompile("#EXT-X-PROGRAM-DATE-TIME:.*|127.0.0.1:[0-9]+")

// conversation returns all that is said to raw, to what follows in it, and to one
// more request, but for what tells one broadcast from another.
func (s *street) conversation(w *walker, raw string) (heard string) {
	defer w.Close()
	for _, say := range []string{raw, "", "", plainGet("index.m3u8")} {
		w.SetDeadline(time.Now().Add(time.Second))
		heard += w.ask(say) + "\n"
	}
	if n := s.srv.Recovered(); n != 0 {
		s.t.Errorf("%d panics", n)
	}
	return strings.ReplaceAll(itsOwn.ReplaceAllString(heard, "(own)"), s.srv.find("ann").id, "(id)")
}

func TestALaneEndsSoonAfterItsViewerLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, true)
		defer s.shut()
		m := s.media()
		var all []*walker
		for range 100 {
			w := s.walk()
			w.ask(plainGet("live.m3u8"))
			all = append(all, w)
			go io.WriteString(w, plainGet("live.m3u8?"+q(m.MediaSequence+len(m.Segments)+1, 0)))
		}
		time.Sleep(2 * time.Second) // a publisher that stalls
		if n := waiting(); n != 100 {
			t.Fatalf("%d requests wait", n)
		}
		for _, w := range all {
			w.Close()
		}
		time.Sleep(time.Second)
		if n := waiting(); n != 0 {
			t.Errorf("%d requests stay behind", n)
		}
		s.srv.mu.Lock()
		s.srv.end()
		s.srv.mu.Unlock()
		s.srv.guests.Wait()
	})
}

func TestALaneIsNotHeldByWhoSendsOrTakesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(*street, *walker)
		limit time.Duration
	}{
		"a request in drops": {func(_ *street, w *walker) {
			for _, b := range []byte(plainGet("live.m3u8")) {
				if _, err := w.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, headTime + time.Second},
		"silence": {func(_ *street, w *walker) { w.Read(make([]byte, 1)) }, idleTime + time.Second},
		"an answer that nobody takes": {func(s *street, w *walker) {
			io.WriteString(w, plainGet(s.media().Parts[0].URI))
			time.Sleep(writeTimeout + time.Second)
			for _, err := w.in.ReadByte(); err == nil; {
				_, err = w.in.ReadByte()
			}
		}, writeTimeout + 2*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStreet(t, true)
				defer s.shut()
				w := s.walk()
				w.ask(plainGet("live.m3u8"))
				began := time.Now()
				c.do(s, w)
				s.srv.guests.Wait()
				if held := time.Since(began); held > c.limit {
					t.Errorf("held for %v", held)
				}
			})
		})
	}
}

func TestTheServerWaitsForItsLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, true)
		m := s.media()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.srv.Run(ctx) }()
		idle, waits := s.walk(), s.walk()
		idle.ask(plainGet("live.m3u8"))
		waits.ask(plainGet("live.m3u8"))
		go io.WriteString(waits, plainGet("live.m3u8?"+q(m.MediaSequence+len(m.Segments)+1, 0)))
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		cancel()
		if <-ended; time.Since(began) > time.Second {
			t.Errorf("it took %v", time.Since(began))
		}
		if n := waiting(); n != 0 {
			t.Errorf("%d lanes are left", n)
		}
		s.shut()
	})
}

func TestAPanicOnALaneCostsOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, true)
		defer s.shut()
		w := s.walk()
		w.ask(plainGet("live.m3u8"))
		g := s.srv.find("ann")
		good := g.snap.Swap(nil)
		if got := w.ask(plainGet("live.m3u8")); got != "nothing" {
			t.Errorf("got %s", got)
		}
		g.snap.Store(good)
		if n := s.srv.Recovered(); n != 1 {
			t.Errorf("%d panics were counted", n)
		}
	})
}

func TestARequestOnALaneCostsNoGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t, true)
		defer s.shut()
		head := []byte(plainGet(s.media().Parts[0].URI))
		g := s.srv.find("ann")
		player, ours := net.Pipe()
		defer ours.Close()
		go io.Copy(io.Discard, player)
		l := &lane{server: s.srv, conn: ours, direct: ours, host: "ours", remote: "192.0.2.1:1", g: g, name: "ann"}
		if !l.answer(head, true) {
			t.Fatal("no answer")
		}
		if n := testing.AllocsPerRun(100, func() { l.answer(head, true) }); n > 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
