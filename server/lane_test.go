package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"echo.tv/server/servertest"
)

// street is a player's connection, as raw as it gets.
type street struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, h *servertest.Host) *street {
	c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &street{c, bufio.NewReader(c)}
}

// ask returns the status of the answer, 0 for none, and its headers.
func (s *street) ask(target, host string) (int, http.Header) {
	fmt.Fprintf(s, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, host)
	res, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header
}

// onALane reports whether the front door's policy, which pages need and media
// does not, is missing.
func onALane(h http.Header) bool { return h != nil && h.Get("Content-Security-Policy") == "" }

const list = "/hls/ann/live.m3u8"

func TestALaneIsBehindTheFrontDoor(t *testing.T) {
	h := servertest.Start(t)
	key, err := h.Owner(t, "ann").NewKey("desktop")
	if err != nil {
		t.Fatal(err)
	}
	servertest.Publish(t, servertest.SmallClip, h.RTMP+"/"+key.Secret)
	servertest.Eventually(t, func() string {
		if status, _ := dial(t, h).ask(list, "localhost"); status != 200 {
			return fmt.Sprint("the playlist is ", status)
		}
		return ""
	})

	t.Run("another name is nobody's, also on a lane", func(t *testing.T) {
		s := dial(t, h)
		if status, headers := s.ask(list, "localhost"); status != 200 || !onALane(headers) {
			t.Fatalf("%d %v", status, headers)
		}
		if status, _ := s.ask(list, "evil.example"); status != 421 {
			t.Errorf("a rebound name got %d", status)
		}
		if status, headers := s.ask("/api/server", "localhost"); status != 200 || onALane(headers) {
			t.Errorf("the API answered %d %v", status, headers)
		}
		if status, headers := s.ask(list, "localhost"); status != 200 || !onALane(headers) {
			t.Errorf("back on a lane: %d %v", status, headers)
		}
	})

	t.Run("a lane keeps its place in the limit of an address, and gives it back", func(t *testing.T) {
		var all []*street
		for {
			s := dial(t, h)
			if status, _ := s.ask(list, "localhost"); status == 0 {
				break
			}
			if all = append(all, s); len(all)%2 == 0 {
				s.ask("/api/server", "localhost") // this one went back
			}
			if len(all) > 300 {
				t.Fatal("no end of connections from one address")
			}
		}
		if len(all) < 200 {
			t.Errorf("only %d connections came in", len(all))
		}
		for _, s := range all {
			s.Close()
		}
		servertest.Eventually(t, func() string {
			if status, _ := dial(t, h).ask(list, "localhost"); status != 200 {
				return fmt.Sprint("a place is not free again: ", status)
			}
			return ""
		})
	})

	t.Run("nobody stays behind when the host ends, nor after a thousand viewers", func(t *testing.T) {
		before := runtime.NumGoroutine()
		for i := range 1000 {
			s := dial(t, h)
			s.ask(list, "localhost")
			if i%3 == 0 {
				fmt.Fprintf(s, "GET %s?_HLS_msn=9 HTTP/1.1\r\nHost: localhost\r\n\r\n", list) // and leaves, waiting
			}
			s.Close()
		}
		servertest.GoneHome(t, before+20) // those of clients that other tests keep, and of the hub's
		dial(t, h).ask(list, "localhost")
		began := time.Now()
		if err := h.Stop(); err != nil || time.Since(began) > 5*time.Second {
			t.Errorf("it took %v to end: %v", time.Since(began), err)
		}
	})
	if n := h.Recovered(); n != 0 {
		t.Errorf("%d handlers failed", n)
	}
}
