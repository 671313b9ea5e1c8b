package bench

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"echo.tv/server/servertest"
)

// These print figures; none of them can fail for being slow. The clips are
// copied by ffmpeg in real time, as OBS would send them.

// BenchmarkFirstPlaylist measures from the publisher's first byte to a playlist
// with media in a viewer's hand, for key frames one and eight seconds apart.
func BenchmarkFirstPlaylist(b *testing.B) {
	for _, interval := range []int{30, 250} {
		b.Run(fmt.Sprintf("interval=%d", interval), func(b *testing.B) {
			clip := servertest.SmallClip
			clip.Interval, clip.Seconds = interval, 20
			clip.File(b)
			h := servertest.Start(b)
			h.Owner(b, "ann")
			var took time.Duration
			for i := range b.N {
				_, key := h.Streamer(b, fmt.Sprintf("bob%d", i))
				tap := newTap(b, strings.TrimSuffix(strings.TrimPrefix(h.RTMP, "rtmp://"), "/live"))
				o := servertest.Publish(b, clip, "rtmp://"+tap.addr+"/live/"+key.Secret)
				took += awaitPlaylist(b, fmt.Sprintf("%s/hls/bob%d/live.m3u8", h.URL, i)).Sub(tap.firstByte())
				o.Kill()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms/first-playlist")
		})
	}
}

func awaitPlaylist(b *testing.B, url string) time.Time {
	for range 5000 {
		res, err := http.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if bytes.Contains(body, []byte("#EXT-X-PART:")) {
			return time.Now()
		}
		time.Sleep(2 * time.Millisecond)
	}
	b.Fatal("no playlist came")
	return time.Time{}
}

// tap passes one connection on and notes when its first byte came. It
// acknowledges at once, as the server does: a tap that did not would add 40 ms
// to every exchange and measure itself.
type tap struct {
	addr  string
	first atomic.Int64
}

func newTap(b *testing.B, to string) *tap {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	t := &tap{addr: ln.Addr().String()}
	go func() {
		in, err := ln.Accept()
		if err != nil {
			return
		}
		defer in.Close()
		out, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer out.Close()
		go io.Copy(in, out)
		raw, _ := in.(*net.TCPConn).SyscallConn()
		for buf := make([]byte, 64<<10); ; {
			n, err := in.Read(buf)
			t.first.CompareAndSwap(0, time.Now().UnixNano())
			raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) })
			if _, werr := out.Write(buf[:n]); err != nil || werr != nil {
				return
			}
		}
	}()
	return t
}

func (t *tap) firstByte() time.Time { return time.Unix(0, t.first.Load()) }

// BenchmarkPublisher measures what publishers of 5 Mbit/s cost the program:
// share of a core, and resident memory above an idle host's.
func BenchmarkPublisher(b *testing.B) {
	const n, seconds = 3, 30
	clip := servertest.Clip{Size: "1280x720", Rate: 30, Interval: 60, Kbit: 5000, Seconds: 20}
	clip.File(b)
	p := startProgram(b, false)
	var keys []string
	for i := range n {
		keys = append(keys, p.key(b, fmt.Sprintf("bob%d", i)))
	}
	time.Sleep(time.Second)
	idle := p.rss(b)
	for b.Loop() {
		for _, k := range keys {
			servertest.Publish(b, clip, p.rtmp+"/"+k)
		}
		time.Sleep(20 * time.Second) // until the windows are full
		cpu := p.cpu(b)
		time.Sleep(seconds * time.Second)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(100*(p.cpu(b)-cpu).Seconds()/seconds/n, "%core/publisher")
		b.ReportMetric(float64(p.rss(b)-idle)/n/1e6, "MB/publisher")
		b.ReportMetric(float64(idle)/1e6, "MB-idle")
	}
}
