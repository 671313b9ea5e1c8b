package hls

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"

	"echo.tv/server/live"
)

// unit returns an AVCC access unit of one NAL unit.
func unit(key bool, size int) []byte {
	b := make([]byte, 4+size)
	binary.BigEndian.PutUint32(b, uint32(size))
	b[4] = 0x41
	if key {
		b[4] = 0x65
	}
	return b
}

// TestAnotherLibrarysPlayerReadsTheStream plays in real time, over a socket, by
// gohlslib's client: low latency, muxed sound, across a take-over.
func TestAnotherLibrarysPlayerReadsTheStream(t *testing.T) {
	h := newHost(t, 15)
	web := httptest.NewServer(h.srv)
	defer web.Close()
	ctx, stop := context.WithCancel(t.Context())
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		h.feed(ctx)
	}()
	defer func() { stop(); <-fed; h.end() }()
	time.Sleep(1500 * time.Millisecond) // it wants a whole segment

	type picture struct{ pts int64 }
	pictures, sounds := make(chan picture, 1000), make(chan int, 1000)
	c := &gohlslib.Client{URI: web.URL + "/hls/ann/index.m3u8"}
	quiet := func(string) {}
	c.OnDownloadPrimaryPlaylist, c.OnDownloadStreamPlaylist, c.OnDownloadSegment, c.OnDownloadPart = quiet, quiet, quiet, quiet
	c.OnTracks = func(tracks []*gohlslib.Track) error {
		for _, tr := range tracks {
			switch tr.Codec.(type) {
			case *codecs.H264:
				c.OnDataH26x(tr, func(pts, _ int64, _ [][]byte) { pictures <- picture{pts} })
			case *codecs.MPEG4Audio:
				c.OnDataMPEG4Audio(tr, func(_ int64, aus [][]byte) { sounds <- len(aus) })
			}
		}
		if len(tracks) != 2 {
			return errors.New("not two tracks")
		}
		return nil
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var last int64 = -1
	for range 60 { // two seconds
		select {
		case p := <-pictures:
			if p.pts <= last {
				t.Fatalf("time runs back from %d to %d", last, p.pts)
			}
			last = p.pts
		case <-time.After(5 * time.Second):
			t.Fatal("no picture for five seconds")
		}
	}
	if len(sounds) < 50 {
		t.Errorf("%d pieces of sound in two seconds", len(sounds))
	}
}

// feed streams in real time until ctx ends.
func (h *host) feed(ctx context.Context) {
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	for {
		ms := int64(h.frame) * 1000 / 30
		key := h.frame%h.gop == 0
		h.shown.Store(time.Now().UnixNano())
		h.write(live.Frame{DTS: ms * 90, PTS: ms * 90, Key: key, Payload: unit(key, h.size)})
		h.frame++
		for ; int64(h.audio)*1024*1000/48000 < ms+33; h.audio++ {
			at := int64(h.audio) * 1024 * 1000 / 48000 * 90
			h.write(live.Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1024, Payload: make([]byte, 300)})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// BenchmarkPartAtClient measures, over a real socket, from the arrival of a
// part's last frame at the live core to the whole part in a waiting client's
// hands. The stream is 5 Mbit/s.
func BenchmarkPartAtClient(b *testing.B) {
	h := newHost(b, 30)
	h.size = 5_000_000 / 8 / 30
	web := httptest.NewServer(h.srv)
	defer web.Close()
	ctx, stop := context.WithCancel(b.Context())
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		h.feed(ctx)
	}()
	defer func() { stop(); <-fed; h.end() }()
	time.Sleep(500 * time.Millisecond)
	hint := lines(h.get("live.m3u8"), "#EXT-X-PRELOAD-HINT:")[0]
	_, uri, _ := strings.Cut(strings.TrimSuffix(hint, `"`), `URI="`)
	_, id, _ := parseFile(uri)
	g := h.srv.find("ann")
	var took []time.Duration
	for b.Loop() {
		res, err := http.Get(web.URL + "/hls/ann/" + g.snap.Load().partName(id))
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatal(err, res.StatusCode)
		}
		buf := make([]byte, 1<<20)
		for err == nil {
			_, err = res.Body.Read(buf)
		}
		res.Body.Close()
		took = append(took, time.Since(time.Unix(0, h.shown.Load())))
		id++
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}
