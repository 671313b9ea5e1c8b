package peer

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stranger asks the host at the nth machine from another one.
func (h *house) stranger(from, to int, path string) (*http.Response, error) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return h.dialer(at(from))(ctx, at(to)) }}}
	res, err := c.Get("http://" + at(to).String() + path)
	if err == nil {
		h.t.Cleanup(func() { res.Body.Close() })
	}
	return res, err
}

const someNonce = "?nonce=AAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestADirectoryIsTheSignedTruth(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		ann.shows(chess)
		after(time.Second)
		res, err := h.stranger(2, 1, directoryPath+someNonce+"&once=1")
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(res.Body)
		r := reader{asked: at(1).String(), nonce: strings.Repeat("A", 26)}
		n := 0
		for lines.Scan() {
			n++
			got, err := r.read(lines.Bytes(), time.Now())
			if err != nil || got.id != ann.cfg.Identity.id || got.say.Name != "Attic" || got.say.Channels[0].Title != "Chess" {
				t.Errorf("%+v %v", got, err)
			}
		}
		if n != 1 || res.Header.Get("Access-Control-Allow-Origin") != "" || res.Header.Get("Set-Cookie") != "" {
			t.Errorf("%d lines, %v", n, res.Header)
		}
	})
}

func TestADirectoryBeatsEverySecond(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.host(1, "Attic")
		after(time.Second)
		res, err := h.stranger(2, 1, directoryPath+someNonce)
		if err != nil {
			t.Fatal(err)
		}
		began, lines := time.Now(), bufio.NewScanner(res.Body)
		for range 10 {
			lines.Scan()
		}
		if took := time.Since(began); took > 10*beat || took < 8*beat {
			t.Errorf("ten lines took %v", took)
		}
	})
}

func TestTheDirectoryHasItsLimits(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		after(time.Second)
		for _, query := range []string{"", "?nonce=", "?nonce=short", "?nonce=" + strings.Repeat("A", 65), "?nonce=AAAAAAAAAAAAAAA%0aA"} {
			if res, err := h.stranger(2, 1, directoryPath+query); err != nil || res.StatusCode != http.StatusBadRequest {
				t.Errorf("%q: %v %v", query, res, err)
			}
		}
		var open []*http.Response
		for i := range maxFollowersIP + 1 {
			res, err := h.stranger(2, 1, directoryPath+someNonce)
			if err != nil || (res.StatusCode == http.StatusOK) != (i < maxFollowersIP) {
				t.Errorf("follower %d: %v %v", i, res, err)
			}
			open = append(open, res)
		}
		if res, err := h.stranger(3, 1, directoryPath+someNonce); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("another one: %v %v", res, err)
		} else {
			open = append(open, res)
		}
		for _, res := range open {
			res.Body.Close()
		}
		after(2 * beat)
		if n := ann.board.followers.Len(); n != 0 {
			t.Errorf("%d followers are left", n)
		}
	})
}

// Whoever asks and does not read holds a connection for five seconds, no more.
func TestAFollowerThatDoesNotReadIsCut(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		after(time.Second)
		c, err := h.dialer(at(2))(t.Context(), at(1))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write([]byte("GET " + directoryPath + someNonce + " HTTP/1.1\r\nHost: 192.168.7.1:5175\r\n\r\n"))
		synctest.Wait()
		if n := ann.board.followers.Len(); n != 1 {
			t.Fatalf("%d followers", n)
		}
		after(writePatience + 2*beat)
		if n := ann.board.followers.Len(); n != 0 {
			t.Error("it still holds its place")
		}
	})
}
