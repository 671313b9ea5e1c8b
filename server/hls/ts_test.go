package hls

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"echo.tv/server/live"
)

func TestMPEGTSIsThereAtOnceForALateViewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(10 * time.Second)
		begin := time.Now()
		if m := parse(t, h.get("ts/index.m3u8")); len(m.Segments) < 5 || m.TargetDuration != 2 || m.Endlist || time.Since(begin) > 0 {
			t.Errorf("%d segments after %v", len(m.Segments), time.Since(begin))
		}
		first := parse(t, h.get("ts/index.m3u8"))
		h.send(time.Second)
		next := parse(t, h.get("ts/index.m3u8"))
		if newest := len(next.Segments) - 1; next.MediaSequence+newest != first.MediaSequence+len(first.Segments) {
			t.Errorf("a second later the newest is %d, was %d", next.MediaSequence+newest, first.MediaSequence+len(first.Segments)-1)
		}
	})
}

func TestAnEarlyViewerOfMPEGTSWaitsForTheFirstSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 120)
		defer h.end()
		answer := make(chan *httptest.ResponseRecorder, 1)
		go func() { answer <- h.get("ts/index.m3u8") }()
		h.send(4*time.Second + 300*time.Millisecond)
		if m := parse(t, <-answer); len(m.Segments) != 1 || m.Segments[0].Duration != 4*time.Second {
			t.Errorf("%+v", m.Segments)
		}
	})
}

func TestMPEGTSOfAStreamWithoutASecondKeyFrameIsRefusedInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 100000)
		defer h.end()
		h.send(3 * time.Second)
		w := h.get("ts/index.m3u8")
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "/hls/ann/index.m3u8") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestATakeOverGoesOnInTheSameMPEGTSPlaylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(3500 * time.Millisecond)
		m := parse(t, h.get("ts/index.m3u8"))
		h.picture = track(t, 640) // another resolution
		h.publish()
		h.send(2500 * time.Millisecond)
		w := h.get("ts/index.m3u8")
		next := parse(t, w)
		if next.MediaSequence != m.MediaSequence || strings.Count(w.Body.String(), "#EXT-X-DISCONTINUITY\n") != 1 {
			t.Errorf("before: sequence %d; now\n%s", m.MediaSequence, w.Body)
		}
		var until time.Duration
		for _, s := range next.Segments {
			if s.Discontinuity {
				break
			}
			until += s.Duration
		}
		if until < 3450*time.Millisecond || until > 3550*time.Millisecond {
			t.Errorf("%v of 3.5 s are there up to the take-over", until)
		}
		data, _ := h.tsBytes()
		checkTS(t, data)
		h.send(20 * time.Second)
		if w := h.get("ts/index.m3u8"); len(lines(w, "#EXT-X-DISCONTINUITY-SEQUENCE:1")) != 1 {
			t.Errorf("much later\n%s", w.Body)
		}
	})
}

func TestMPEGTSSaysWhatItCannotCarry(t *testing.T) {
	opus, err := live.NewOpus(2)
	if err != nil {
		t.Fatal(err)
	}
	short := live.AAC{Config: mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: 2, FrameLengthFlag: true}}
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		av1 := live.Track{Codec: live.AV1{SequenceHeader: []byte{10, 11, 0, 0, 0, 66, 167, 191, 228, 96, 13, 0, 64}}, Width: 640, Height: 480}
		for _, tracks := range [][]live.Track{
			{h.picture, opus},
			{av1, h.sound},
			{h.picture, {Codec: short, SampleRate: 48000, Channels: 2}},
			{h.picture, h.sound, h.sound},
		} {
			h.publish(tracks...)
			h.send(time.Second)
			w := h.get("ts/index.m3u8")
			if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "MPEG-TS") || !strings.Contains(w.Body.String(), "/hls/ann/index.m3u8") {
				t.Errorf("%s: %d %s", Codecs(tracks), w.Code, w.Body)
			}
		}
		h.publish()
		h.send(3 * time.Second)
		if m := parse(t, h.get("ts/index.m3u8")); len(m.Segments) < 2 {
			t.Error("H.264 and AAC again, and nothing comes")
		}
	})
}

func TestStrangersAtMPEGTSAreRefusedInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(5 * time.Second)
		good := parse(t, h.get("ts/index.m3u8")).Segments[0].URI
		id := h.srv.find("ann").id
		for path, code := range map[string]int{
			"ts/" + good:                            200,
			"ts":                                    404,
			"ts/":                                   404,
			"ts/index.m3u8/":                        404,
			"ts/../index.m3u8":                      404,
			"ts//" + good:                           404,
			"ts/ts/" + good:                         404,
			"ts/main_stream.m3u8":                   404, // the library's own names
			"ts/live.m3u8":                          404,
			"ts/" + good + "/x":                     404,
			"ts/" + strings.ToUpper(good):           404,
			"ts/s00-" + id + ".ts":                  404,
			"ts/s+1-" + id + ".ts":                  404,
			"ts/s-1-" + id + ".ts":                  404,
			"ts/s999-" + id + ".ts":                 404,
			"ts/s1-another.ts":                      404,
			"ts/s18446744073709551615-" + id:        404,
			"ts/s9223372036854775807-" + id + ".ts": 404,
			"ts/s0-" + id + ".m4s":                  404,
			good:                                    404,
			"ts/\x00":                               404,
			"ts/" + strings.Repeat("s0-", 10000):    404,
		} {
			r := httptest.NewRequest("GET", "/x", nil)
			r.URL.Path = "/hls/ann/" + path
			w := httptest.NewRecorder()
			h.srv.ServeHTTP(w, r)
			if w.Code != code || w.Body.Len() < 10 || w.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%q: %d %q, want %d", clip(path), w.Code, clip(bodyOf(w)), code)
			}
		}
		if w := h.ask(t.Context(), "GET", "/hls/bob/ts/index.m3u8"); w.Code != http.StatusNotFound {
			t.Errorf("nobody's channel: %d", w.Code)
		}
		if w := h.ask(t.Context(), "POST", "/hls/ann/ts/index.m3u8"); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST: %d", w.Code)
		}
		if w := h.ask(t.Context(), "GET", "/hls/"+annKey.Reveal()+"/ts/index.m3u8"); w.Header().Get("Location") != "/hls/ann/ts/index.m3u8" {
			t.Errorf("a stream key: %d to %q", w.Code, w.Header().Get("Location"))
		}
	})
}

func TestAnswersOfMPEGTSAreWhatCachesAndPlayersNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(5 * time.Second)
		list := h.get("ts/index.m3u8?token=secret&_HLS_msn=99999&%zz#")
		if body := list.Body.String(); list.Code != http.StatusOK || strings.ContainsAny(body, "?&") || strings.Contains(body, "secret") {
			t.Errorf("the query comes back: %d\n%s", list.Code, body)
		}
		if kind, cache := list.Header().Get("Content-Type"), list.Header().Get("Cache-Control"); kind != playlistType || cache != "no-store" {
			t.Errorf("playlist: %s, %s", kind, cache)
		}
		seg := "ts/" + parse(t, list).Segments[0].URI
		whole := h.get(seg + "?x=y")
		head := h.ask(t.Context(), "HEAD", "/hls/ann/"+seg)
		for _, w := range []*httptest.ResponseRecorder{whole, head} {
			got := w.Header()
			if w.Code != 200 || got.Get("Content-Type") != "video/mp2t" || got.Get("Cache-Control") != forEver ||
				got.Get("Content-Length") != strconv.Itoa(whole.Body.Len()) {
				t.Errorf("segment: %d %v", w.Code, got)
			}
		}
		if whole.Body.Len()%188 != 0 || whole.Body.Bytes()[0] != 0x47 || head.Body.Len() != 0 {
			t.Errorf("segments of %d and %d bytes", whole.Body.Len(), head.Body.Len())
		}
		if n := h.hub.Status("ann").Viewers; n != 1 {
			t.Errorf("%d viewers", n)
		}
	})
}

func TestASegmentOfMPEGTSOutlivesItsPlaceInThePlaylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(8 * time.Second)
		m := parse(t, h.get("ts/index.m3u8"))
		h.send(5 * time.Second)
		if next := parse(t, h.get("ts/index.m3u8")); next.MediaSequence <= m.MediaSequence {
			t.Errorf("sequence %d", next.MediaSequence)
		}
		if w := h.get("ts/" + m.Segments[0].URI); w.Code != http.StatusOK {
			t.Errorf("a slow player asks in vain: %d", w.Code)
		}
		h.send(20 * time.Second)
		if w := h.get("ts/" + m.Segments[0].URI); w.Code != http.StatusNotFound {
			t.Errorf("memory is not given back: %d", w.Code)
		}
	})
}
