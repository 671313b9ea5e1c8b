package hls

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/live"
)

func TestABlockedReloadIsAnsweredWhenThePartIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(2*time.Second + 250*time.Millisecond)
		m := h.media()
		next := len(m.Parts)
		msn := m.MediaSequence + len(m.Segments)
		for query, wait := range map[string]bool{
			q(msn, next-1): false, // there already
			q(msn-1, -1):   false,
			q(msn-1, 99):   false, // past the end of a complete segment: the next one's first
			q(msn, next):   true,
			q(msn, -1):     true, // the whole segment
			q(msn+1, 0):    true,
		} {
			answered := make(chan *httptest.ResponseRecorder, 1)
			go func() { answered <- h.get("live.m3u8?" + query) }()
			synctest.Wait()
			if got := len(answered) == 0; got != wait {
				t.Errorf("%s waits: %v", query, got)
			}
			<-answered
		}
	})
}

func clip(s string) string { return s[:min(len(s), 200)] }

func q(msn, part int) string {
	s := "_HLS_msn=" + strconv.Itoa(msn)
	if part >= 0 {
		s += "&_HLS_part=" + strconv.Itoa(part)
	}
	return s
}

func TestAWaitingPlayerSeesThePartItAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(2250 * time.Millisecond)
		m := h.media()
		list, part := make(chan *httptest.ResponseRecorder, 1), make(chan *httptest.ResponseRecorder, 1)
		go func() { list <- h.get("live.m3u8?" + q(m.MediaSequence+len(m.Segments), len(m.Parts))) }()
		go func() { part <- h.get(m.PreloadHint.URI) }()
		h.send(200 * time.Millisecond)
		if got := parse(t, <-list); len(got.Parts) != len(m.Parts)+1 || got.Parts[len(m.Parts)].URI != m.PreloadHint.URI {
			t.Errorf("%d parts after waiting on %d; hinted %s", len(got.Parts), len(m.Parts), m.PreloadHint.URI)
		}
		if got := <-part; got.Code != http.StatusOK || got.Body.Len() < 6*h.size {
			t.Errorf("the hinted part: %d, %d bytes", got.Code, got.Body.Len())
		}
	})
}

func TestTheHintedPartIsTheNextOneAcrossKeyFramesAndTakeOvers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 37) // segments end within a part
		for i := range 60 {
			hint := h.hint()
			h.send(170 * time.Millisecond)
			if w := h.get(hint); w.Code != http.StatusOK {
				t.Errorf("%s was hinted at, and is %d", hint, w.Code)
			}
			if i%20 == 19 {
				h.publish()
			}
		}
		h.end()
	})
}

// hint returns the part that the playlist says comes next.
func (h *host) hint() string {
	if h.frame == 0 && !h.srv.find("ann").snap.Load().ready() {
		h.send(210 * time.Millisecond)
	}
	hint := lines(h.get("live.m3u8"), "#EXT-X-PRELOAD-HINT:")[0]
	_, uri, _ := strings.Cut(hint, `URI="`)
	return strings.TrimSuffix(uri, `"`)
}

func TestAReloadDuringAStallGetsTheUnchangedPlaylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(3 * time.Second)
		m := h.media()
		begin := time.Now()
		w := h.get("live.m3u8?" + q(m.MediaSequence+len(m.Segments), len(m.Parts)+1))
		if took := time.Since(begin); w.Code != http.StatusOK || took > 3*time.Duration(m.TargetDuration)*time.Second {
			t.Errorf("%d after %v", w.Code, took)
		}
	})
}

// hls.js waits ten seconds for the first byte of a playlist or a part, and then
// takes the stream for broken.
func TestDuringAStallEverybodyIsAnsweredBeforePlayersGiveUp(t *testing.T) {
	for _, interval := range []int64{0, 4 * live.Second, 20 * live.Second} {
		synctest.Test(t, func(t *testing.T) {
			h := newHost(t, 30)
			defer h.end()
			h.over()
			h.picture.KeyInterval = interval
			h.publish()
			h.send(3 * time.Second)
			m := h.media()
			for path, code := range map[string]int{
				"live.m3u8?" + q(m.MediaSequence+len(m.Segments), len(m.Parts)+1): http.StatusOK,
				m.PreloadHint.URI: http.StatusNotFound,
			} {
				begin := time.Now()
				if w := h.get(path); w.Code != code || time.Since(begin) > 9*time.Second {
					t.Errorf("target %d s: %s is %d after %v", m.TargetDuration, path, w.Code, time.Since(begin))
				}
			}
		})
	}
}

func TestRequestsOfGoneViewersEndAtOnceAlsoWhileThePublisherStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(2 * time.Second)
		m := h.media()
		ctx, leave := context.WithCancel(t.Context())
		for range 100 {
			go h.ask(ctx, "GET", "/hls/ann/live.m3u8?"+q(m.MediaSequence+len(m.Segments)+1, 0))
			go h.ask(ctx, "GET", "/hls/ann/"+m.PreloadHint.URI)
		}
		synctest.Wait()
		if n := waiting(); n != 200 {
			t.Fatalf("%d requests wait", n)
		}
		leave()
		synctest.Wait()
		if n := waiting(); n != 0 {
			t.Errorf("%d requests stay behind", n)
		}
	})
}

// waiting counts the requests that are held.
func waiting() int {
	stacks := make([]byte, 4<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "hls.(*segmenter).wait(")
}

func TestPlayersAreToldTheEndAndLateOnesThatNothingIsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(3 * time.Second)
		m := h.media()
		h.session.Close(errors.New("goodbye"))
		time.Sleep(59 * time.Second)
		if w := h.get("live.m3u8"); parse(t, w).Endlist {
			t.Error("players are sent home while the publisher may come back")
		}
		waiting := make(chan *httptest.ResponseRecorder, 1)
		go func() { waiting <- h.get("live.m3u8?" + q(m.MediaSequence+len(m.Segments)+1, 0)) }()
		time.Sleep(3 * time.Second)
		if w := <-waiting; !strings.Contains(w.Body.String(), "#EXT-X-ENDLIST") {
			t.Errorf("a waiting player got\n%s", w.Body)
		}
		if w := h.get("live.m3u8"); !parse(t, w).Endlist {
			t.Errorf("a late reload got\n%s", w.Body)
		}
		time.Sleep(afterglow + time.Second)
		if w := h.get("index.m3u8"); w.Code != http.StatusNotFound {
			t.Errorf("later: %d", w.Code)
		}
	})
}

func TestWhatLeftThePlaylistIsServedForAsLongAsPlayersMayWantIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(20 * time.Second)
		m := h.media()
		oldest := m.Segments[0]
		listed := time.Duration(len(m.Segments)) * time.Second
		h.send(listed)
		if w := h.get(oldest.URI); w.Code != http.StatusOK {
			t.Errorf("%v after it was the oldest: %d", listed, w.Code)
		}
		h.send(2*listed + 5*time.Second)
		if w := h.get(oldest.URI); w.Code != http.StatusNotFound {
			t.Errorf("and much later: %d; memory is not given back", w.Code)
		}
		if n := len(h.srv.find("ann").window.segments); time.Duration(n)*time.Second > 2*listed+3*time.Second {
			t.Errorf("%d segments in memory", n)
		}
	})
}

func TestStrangersAreRefusedInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(3 * time.Second)
		wrong := "/hls/live_" + strings.Repeat("a", 32) + "/index.m3u8"
		for _, tc := range []struct {
			method, path string
			code         int
		}{
			{"GET", "/hls/bob/index.m3u8", 404},
			{"GET", "/hls/", 404},
			{"GET", "/hls/ann", 404},
			{"GET", "/hls/ann/", 404},
			{"GET", "/hls/ann/../../etc/passwd", 404},
			{"GET", "/hls/ann/..%2f..%2fetc%2fpasswd", 404},
			{"GET", "/hls/ann/s0", 404},
			{"GET", "/hls/ann/s0-.m4s", 404},
			{"GET", "/hls/ann/s0-another.m4s", 404},
			{"GET", "/hls/ann/s99999999999999999999-x.m4s", 404},
			{"GET", "/hls/ann/p999999-" + h.srv.find("ann").id + ".m4s", 404},
			{"GET", "/hls/ann/i9-" + h.srv.find("ann").id + ".mp4", 404},
			{"GET", "/hls/ann/live.m3u8?_HLS_msn=99", 400},
			{"GET", "/hls/ann/live.m3u8?_HLS_msn=-1", 400},
			{"GET", "/hls/ann/live.m3u8?_HLS_msn=x", 400},
			{"GET", "/hls/ann/live.m3u8?_HLS_msn=18446744073709551616", 400},
			{"GET", "/hls/ann/live.m3u8?_HLS_part=1", 400},
			{"GET", "/hls/ann/live.m3u8?_HLS_msn=3&_HLS_part=99999999", 400},
			{"GET", "/hls/ann/live.m3u8?_HLS_msn=3&_HLS_part=99999999999999", 400},
			{"GET", "/hls/ann/live.m3u8?" + strings.Repeat("a=b&", 1000), 400},
			{"GET", "/hls/ann/live.m3u8?%zz", 400},
			{"POST", "/hls/ann/live.m3u8", 405},
			{"DELETE", "/hls/ann/live.m3u8", 405},
			{"GET", wrong, 404},
		} {
			r := httptest.NewRequest(tc.method, "/x", nil)
			path, query, _ := strings.Cut(tc.path, "?")
			r.URL.Path, r.URL.RawQuery = path, query
			w := httptest.NewRecorder()
			h.srv.ServeHTTP(w, r)
			if w.Code != tc.code || w.Body.Len() < 10 || strings.Contains(w.Body.String(), "live_") {
				t.Errorf("%s %s: %d %q, want %d", tc.method, tc.path, w.Code, clip(bodyOf(w)), tc.code)
			}
		}
	})
}

func TestAStreamKeyInTheAddressLeadsToThePublicOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(time.Second)
		w := h.ask(t.Context(), "GET", "/hls/"+annKey.Reveal()+"/index.m3u8")
		if w.Code != http.StatusTemporaryRedirect || w.Header().Get("Location") != "/hls/ann/index.m3u8" ||
			w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%d to %q", w.Code, w.Header())
		}
		for range 10 {
			w = h.ask(t.Context(), "GET", "/hls/live_"+strings.Repeat("a", 32)+"/index.m3u8")
		}
		if w.Code != http.StatusNotFound {
			t.Errorf("a wrong key: %d", w.Code)
		}
		w = h.ask(t.Context(), "GET", "/hls/live_"+strings.Repeat("a", 32)+"/index.m3u8")
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("too many wrong keys: %d", w.Code)
		}
	})
}

func TestAnySiteMayPlayButOnlyPlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(time.Second)
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			w := h.ask(t.Context(), method, "/hls/ann/live.m3u8")
			if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: %v", method, w.Header())
			}
			if method == "HEAD" && (w.Body.Len() > 0 || w.Header().Get("Content-Length") == "") {
				t.Errorf("HEAD: %d bytes, %v", w.Body.Len(), w.Header())
			}
		}
	})
}

func TestTheThumbnailIsTheNewestStillPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(time.Second)
		first := bodyOf(h.get("thumb.mp4"))
		h.size = 2000
		h.send(11 * time.Second)
		if next := bodyOf(h.get("thumb.mp4")); len(next) != len(first)+1000 {
			t.Errorf("pictures of %d and %d bytes", len(first), len(next))
		}
		if h.hub.Status("ann").Viewers != 0 {
			t.Error("looking at the thumbnail counts as watching")
		}
	})
}

func TestEachPlayerSessionCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(time.Second)
		for _, id := range []string{preview, "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "short", ""} {
			r := httptest.NewRequest("GET", "/hls/ann/live.m3u8", nil)
			r.Header.Set(ViewerHeader, id)
			h.srv.ServeHTTP(httptest.NewRecorder(), r)
		}
		if got := h.hub.Status("ann").Viewers; got != 3 { // two ids, and one address without
			t.Errorf("%d viewers", got)
		}
	})
}

func FuzzReload(f *testing.F) {
	for _, s := range []string{"", "_HLS_msn=1", "_HLS_msn=1&_HLS_part=2", "_HLS_skip=YES", "_HLS_msn=%31", "_HLS_part=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r, err := parseReload(query)
		if err == nil && (r.part < wholeSegment || (r.part != wholeSegment && !r.blocking)) {
			t.Errorf("%q became %+v", query, r)
		}
	})
}

func FuzzFile(f *testing.F) {
	for _, s := range []string{"index.m3u8", "p1-a.m4s", "i0-b.mp4", "s18-c.m4s", "-.", "p-."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		kind, n, id := parseFile(name)
		s := &snapshot{id: id}
		again := map[fileKind]string{fileInit: s.initName(n), filePart: s.partName(n), fileSegment: s.segmentName(n)}[kind]
		if k, m, i := parseFile(again); again != "" && (k != kind || m != n || i != id) {
			t.Errorf("%q is %c %d of %q, but %q is not", name, kind, n, id, again)
		}
	})
}
