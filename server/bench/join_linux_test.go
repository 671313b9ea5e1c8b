package bench

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"echo.tv/server/servertest"
	"echo.tv/server/tv"
)

// BenchmarkJoin measures from dialling to the first bytes that a decoder can
// begin with: of push the first key frame's message, of LL-HLS index, playlist,
// init and the newest independent part, one after the other, for each rendition.
func BenchmarkJoin(b *testing.B) {
	const joins = 100
	for _, path := range []string{"push", "hls", "gohlslib"} {
		b.Run(path, func(b *testing.B) {
			p, key := (*process)(nil), tv.NewStreamKey().Reveal()
			if path == "gohlslib" {
				p = startBaseline(b, false)
			} else {
				ours := startProgram(b, false)
				p, key = ours.process, ours.key(b, "ann")
			}
			publishTo(b, p, path, key)
			time.Sleep(2 * time.Second)
			for b.Loop() {
				var took []time.Duration
				for range joins {
					began := time.Now()
					if path == "push" {
						joinPush(b, p.http)
					} else {
						joinHLS(b, p, path)
					}
					took = append(took, time.Since(began))
					time.Sleep(37 * time.Millisecond) // at every place of a GOP
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(ms(quantile(took, .5)), "ms-p50")
				b.ReportMetric(ms(quantile(took, .99)), "ms-p99")
			}
		})
	}
}

func joinPush(b *testing.B, addr string) {
	c, in := dialPush(b, addr)
	defer c.Close()
	for {
		m, err := readMessage(in)
		if err != nil {
			b.Fatal(err)
		}
		if m != nil && m[0] == 2 && m[1]&1 != 0 {
			return
		}
	}
}

// dialPush connects and asks for ann.
func dialPush(b *testing.B, addr string) (net.Conn, *bufio.Reader) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	in := bufio.NewReaderSize(c, 64<<10)
	c.Write(upgrade(addr))
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		b.Fatalf("no upgrade: %v, %v", res, err)
	}
	c.Write(text(`{"watch":"ann","viewer":"benchmark-benchmark"}`))
	return c, in
}

// readMessage returns the next message, nil for a text.
func readMessage(in *bufio.Reader) ([]byte, error) {
	var h [10]byte
	if _, err := io.ReadFull(in, h[:2]); err != nil {
		return nil, err
	}
	size := uint64(h[1])
	switch size {
	case 126:
		io.ReadFull(in, h[2:4])
		size = uint64(binary.BigEndian.Uint16(h[2:]))
	case 127:
		io.ReadFull(in, h[2:10])
		size = binary.BigEndian.Uint64(h[2:])
	}
	m := make([]byte, size)
	_, err := io.ReadFull(in, m)
	if h[0] != 0x82 {
		m = nil
	}
	return m, err
}

func joinHLS(b *testing.B, p *process, name string) {
	web := &http.Client{Transport: &http.Transport{}} // a connection of its own
	defer web.CloseIdleConnections()
	for _, at := range mediaPlaylists(b, web, p, name) {
		l := parseList(string(get(b, web, "http://"+p.http+at)))
		for _, file := range []string{l.init, l.keys[len(l.keys)-1]} {
			get(b, web, "http://"+p.http+path.Join(path.Dir(at), file))
		}
	}
}

func get(b *testing.B, web *http.Client, url string) []byte {
	res, err := web.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s, %v", url, res.Status, err)
	}
	return body
}

// publishTo streams the evening to p, and returns when there is something to
// watch.
func publishTo(b *testing.B, p *process, path, key string) {
	servertest.Publish(b, evening, p.rtmp+"/"+key)
	servertest.Eventually(b, func() string {
		res, err := http.Get("http://" + p.http + index(path))
		if err != nil {
			return err.Error()
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Sprintf("%s says %s", index(path), res.Status)
		}
		return ""
	})
}

// index is where the multivariant playlist is.
func index(name string) string {
	if name == "gohlslib" {
		return "/index.m3u8"
	}
	return "/hls/ann/index.m3u8"
}

// mediaPlaylists returns the path of every rendition's playlist.
func mediaPlaylists(b *testing.B, web *http.Client, p *process, name string) (all []string) {
	dir := path.Dir(index(name))
	for line := range strings.Lines(string(get(b, web, "http://"+p.http+index(name)))) {
		line = strings.TrimSpace(line)
		if uri := quoted(line, "URI"); strings.HasPrefix(line, "#EXT-X-MEDIA:") && uri != "" {
			all = append(all, path.Join(dir, uri))
		} else if line != "" && line[0] != '#' {
			all = append(all, path.Join(dir, line))
		}
	}
	return all
}
