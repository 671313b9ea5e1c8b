package hls

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"

	"echo.tv/server/live"
)

// TestAnotherLibrarysPlayerReadsMPEGTSAcrossATakeOver plays in real time, over
// a socket, by gohlslib's client, while twenty others ask for the same things.
func TestAnotherLibrarysPlayerReadsMPEGTSAcrossATakeOver(t *testing.T) {
	t.Parallel()
	h := newHost(t, 15)
	web := httptest.NewServer(h.srv)
	defer web.Close()
	stop := h.feeding(t)
	defer func() { stop(); h.end() }()
	time.Sleep(3200 * time.Millisecond) // it wants three segments

	var crowd sync.WaitGroup
	ctx, home := context.WithCancel(t.Context())
	defer func() { home(); crowd.Wait() }()
	for range 20 {
		crowd.Go(func() { watchTS(ctx, web.URL+"/hls/ann/ts/") })
	}

	pictures, sounds := make(chan int64, 1000), make(chan int, 1000)
	c := &gohlslib.Client{URI: web.URL + "/hls/ann/ts/index.m3u8"}
	quiet := func(string) {}
	c.OnDownloadPrimaryPlaylist, c.OnDownloadStreamPlaylist, c.OnDownloadSegment, c.OnDownloadPart = quiet, quiet, quiet, quiet
	c.OnTracks = func(tracks []*gohlslib.Track) error {
		for _, tr := range tracks {
			switch tr.Codec.(type) {
			case *codecs.H264:
				c.OnDataH26x(tr, func(pts, _ int64, _ [][]byte) { pictures <- pts })
			case *codecs.MPEG4Audio:
				c.OnDataMPEG4Audio(tr, func(_ int64, aus [][]byte) { sounds <- len(aus) })
			}
		}
		return nil
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	gone := make(chan error, 1)
	go func() { gone <- c.Wait2() }()
	var last int64 = -1
	for n := range 120 { // four seconds
		if n == 30 {
			stop()
			h.picture = track(t, 640)
			h.publish()
			stop = h.feeding(t)
		}
		select {
		case pts := <-pictures:
			if pts <= last {
				t.Fatalf("time runs back from %d to %d", last, pts)
			}
			last = pts
		case err := <-gone:
			t.Fatalf("the player gave up after %d pictures: %v", n, err)
		case <-time.After(5 * time.Second):
			t.Fatalf("no picture for five seconds after %d", n)
		}
	}
	if len(sounds) < 100 {
		t.Errorf("%d pieces of sound in four seconds", len(sounds))
	}
}

// feeding streams until what it returns is called, and keeps up with the clock
// on a busy machine: this player ends when the next segment is late.
func (h *host) feeding(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var fed sync.WaitGroup
	begin := time.Now()
	fed.Go(func() {
		for ctx.Err() == nil {
			for int64(h.frame)*1000/30 <= time.Since(begin).Milliseconds() {
				at, key := int64(h.frame)*3000, h.frame%h.gop == 0
				h.write(live.Frame{DTS: at, PTS: at, Key: key, Payload: unit(key, h.size)})
				h.frame++
			}
			for ; int64(h.audio)*1024*1000/48000 <= time.Since(begin).Milliseconds(); h.audio++ {
				at := int64(h.audio) * 1920
				h.write(live.Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1024, Payload: make([]byte, 300)})
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	return func() { cancel(); fed.Wait() }
}

// watchTS fetches the playlist and its newest segment for as long as ctx lasts.
func watchTS(ctx context.Context, base string) {
	for ctx.Err() == nil {
		list := strings.Fields(fetch(ctx, base+"index.m3u8"))
		slices.Reverse(list)
		if len(list) > 0 {
			fetch(ctx, base+list[0])
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func fetch(ctx context.Context, url string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return ""
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return string(b)
}

// BenchmarkMPEGTS measures what packing a second of a 5 Mbit/s stream costs,
// which only channels pay that somebody watches this way.
func BenchmarkMPEGTS(b *testing.B) {
	sound, err := live.NewAAC([]byte{0x11, 0x90})
	if err != nil {
		b.Fatal(err)
	}
	m, err := newTSMuxer([]live.Track{track(b, 1280), sound})
	if err != nil {
		b.Fatal(err)
	}
	defer m.close()
	key, other, unitOfSound := unit(true, 80_000), unit(false, 18_800), make([]byte, 340)
	b.ReportAllocs()
	for n := 0; b.Loop(); {
		for i := range 30 {
			payload := other
			if i == 0 {
				payload = key
			}
			at := int64(n) * 3000
			if _, err := m.write(sample{dts: at, pts: at, key: i == 0}, payload, time.Time{}); err != nil {
				b.Fatal(err)
			}
			for range 1 + i%2 {
				m.write(sample{dts: at, pts: at, key: true, track: 1}, unitOfSound, time.Time{})
			}
			n++
		}
	}
}
