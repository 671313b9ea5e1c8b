package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestASeriesIsPublicAndHoldsNumbersOnly(t *testing.T) {
	h := joined(t)
	made := decode[KeyAndSecret](t, h.must(201, "ann", "POST", "/api/me/keys", NewKey{"gaming PC"}).text)
	h.publish(made.Secret)
	private := []string{made.Secret, made.Key.ID, "gaming PC", "192.0.2.7", "OBS"}
	var s Series
	for end := time.Now().Add(10 * time.Second); len(s.At) < 2; time.Sleep(50 * time.Millisecond) {
		s = decode[Series](t, h.must(200, "nobody", "GET", "/api/channels/ann/series", nil).text)
		if time.Now().After(end) {
			t.Fatal("no samples came")
		}
	}
	for _, n := range []int{len(s.Bitrate), len(s.FPS), len(s.Viewers), len(s.KeyInterval), len(s.Late)} {
		if n != len(s.At) {
			t.Errorf("lists of %d and %d", n, len(s.At))
		}
	}
	newer := decode[Series](t, h.must(200, "nobody", "GET", fmt.Sprintf("/api/channels/ann/series?after=%d", s.At[0]), nil).text)
	if len(newer.At) == 0 || newer.At[0] <= s.At[0] {
		t.Errorf("after %d came %v", s.At[0], newer.At)
	}
	h.play([]call{
		{"nobody", "GET", "/api/channels/ann/series", nil, 200, []string{`"bitrate":[`}, private},
		{"nobody", "GET", "/api/channels/olga/series", nil, 200, []string{`{"at":[],"bitrate":[],"fps":[],"viewers":[],"keyInterval":[],"late":[]}`}, nil},
		{"nobody", "GET", "/api/channels/ann/series?after=9223372036854775807", nil, 200, nil, nil},
		{"nobody", "GET", "/api/channels/ann/series?after=-9223372036854775808", nil, 200, nil, nil},
		{"nobody", "GET", "/api/channels/ann/series?after=x", nil, 400, nil, nil},
		{"nobody", "GET", "/api/channels/zoe/series", nil, 404, nil, nil},
		{"nobody", "GET", "/api/channels/ann@x/series", nil, 404, nil, nil},
		{"nobody", "GET", "/api/channels/ann@aaaaaaaaaaaaaaaa/series", nil, 404, nil, nil},
		{"nobody", "GET", "/api/channels/" + made.Secret + "/series", nil, 404, nil, []string{made.Secret}},
	})
}

func TestAdviceIsForTheStreamerOnly(t *testing.T) {
	h := joined(t)
	made := decode[KeyAndSecret](t, h.must(201, "ann", "POST", "/api/me/keys", NewKey{"gaming PC"}).text)
	h.publish(made.Secret)
	h.must(401, "nobody", "GET", "/api/me/coach", nil)
	defer h.play([]call{
		{"olga", "GET", "/api/me/coach", nil, 200, []string{`"health":"off","advice":[]`, `"kind":"ethernet","mbit":1000,"carries":900000000`}, nil},
	})
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) { // one picture, and no sound at all
		var c struct{ Advice []Advice }
		if err := json.Unmarshal([]byte(h.must(200, "ann", "GET", "/api/me/coach", nil).text), &c); err != nil {
			t.Fatal(err)
		}
		if len(c.Advice) > 0 {
			if c.Advice[0].Fix == "" || c.Advice[0].Text == "" {
				t.Errorf("%+v", c.Advice[0])
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal("no advice for a stream that stands still")
		}
	}
}

// eventually asks as a stranger until the answer has want in it.
func (h *host) eventually(path, want string) {
	h.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if got := h.must(200, "nobody", "GET", path, nil).text; strings.Contains(got, want) {
			return
		} else if time.Now().After(end) {
			h.t.Fatalf("%s says %s, not %s", path, got, want)
		}
	}
}
