package bench

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"echo.tv/server/servertest"
	"echo.tv/server/tv"
)

// BenchmarkGlass measures from drawing a picture to Chromium's compositing it,
// with sound: by push and by LL-HLS in our page, and in a page of hls.js alone
// from our playlists (what our live-edge controller is worth), from gohlslib's
// muxer and from nginx. One path after the other, so that only one page and one
// encoder share the machine.
func BenchmarkGlass(b *testing.B) {
	servertest.NeedTool(b, "node")
	servertest.NeedTool(b, "chromium")
	half := map[string]float64{}
	for _, path := range []string{"push", "hls", "hls-uncontrolled", "gohlslib", "nginx"} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				page := onAir(b, path)
				seen := look(b, page)
				half[path] = seen.report(b)
			}
			for _, ours := range []string{"push", "hls"} {
				if half[ours] > 0 && path != "push" && path != ours {
					b.ReportMetric(half[path]/half[ours], "x-of-our-"+ours)
				}
			}
		})
	}
}

// onAir starts a server and a publisher, and returns the page to watch.
func onAir(b *testing.B, path string) (page string) {
	switch path {
	case "push", "hls", "hls-uncontrolled":
		p := startProgram(b, false)
		p.own(b)
		broadcast(b, p.rtmp+"/"+p.key(b, "ann"))
		awaitOK(b, p.url+"/hls/ann/index.m3u8")
		if path == "hls-uncontrolled" {
			return plainPage(b, p.url+"/hls/ann/index.m3u8")
		}
		return p.url + "/#/@ann?path=" + path
	case "gohlslib":
		p := startBaseline(b, false)
		broadcast(b, p.rtmp+"/"+tv.NewStreamKey().Reveal())
		awaitOK(b, "http://"+p.http+"/index.m3u8")
		return plainPage(b, "http://"+p.http+"/index.m3u8")
	}
	n := startNginx(b)
	broadcast(b, n.rtmp+"/ann")
	awaitOK(b, n.http+"/ann.m3u8")
	return plainPage(b, n.http+"/ann.m3u8")
}

func awaitOK(b *testing.B, url string) {
	servertest.Eventually(b, func() string {
		res, err := http.Get(url)
		if err != nil {
			return err.Error()
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return url + " says " + res.Status
		}
		return ""
	})
}

// plainPage serves a page that plays a playlist with hls.js as it comes.
func plainPage(b *testing.B, playlist string) string {
	script := filepath.Join("..", "..", "frontend", "node_modules", "hls.js", "dist", "hls.min.js")
	if _, err := os.Stat(script); err != nil {
		b.Skip("the packages of the pages are not installed: make ui")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	m := http.NewServeMux()
	m.HandleFunc("/hls.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><video width=1280 muted autoplay></video><script src=hls.js></script>
<script>const hls = new Hls(); hls.loadSource(%q); hls.attachMedia(document.querySelector('video'))</script>`, playlist)
	})
	web := &http.Server{Handler: m}
	done := make(chan struct{})
	go func() { web.Serve(ln); close(done) }()
	b.Cleanup(func() { web.Close(); <-done })
	return "http://" + ln.Addr().String() + "/"
}

const (
	settle   = 5 // seconds
	pictures = 300
)

// sight is what glass.mjs saw.
type sight struct {
	Start                           float64 // ms from opening the page to a picture that moves
	Pictures                        [][]float64
	Unread, Stalls, Dropped, Frames int
	Muted                           bool
}

func look(b *testing.B, page string) *sight {
	cmd := exec.Command("node", filepath.Join("..", "..", "frontend", "e2e", "glass.mjs"), page, fmt.Sprint(settle), fmt.Sprint(pictures))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	impatience := time.AfterFunc(90*time.Second, func() { cmd.Process.Kill() })
	defer impatience.Stop()
	out, err := cmd.Output()
	var s sight
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil || len(s.Pictures) == 0 {
		b.Fatalf("Chromium saw no picture: %v %.200s", err, out)
	}
	return &s
}

// report prints the delay and where it went, and returns its median.
func (s *sight) report(b *testing.B) float64 {
	column := func(n int) (all []float64) {
		for _, p := range s.Pictures {
			if n < len(p) {
				all = append(all, p[n])
			}
		}
		return all
	}
	half := quantile(column(0), .5)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(half, "ms-p50")
	b.ReportMetric(quantile(column(0), .95), "ms-p95")
	b.ReportMetric(quantile(column(1), .5), "ms-then-to-screen")
	b.ReportMetric(1000*quantile(column(2), .5), "ms-of-it-buffered")
	b.ReportMetric(s.Start, "ms-opening")
	b.ReportMetric(float64(s.Stalls), "stalls")
	b.ReportMetric(float64(s.Dropped), "dropped")
	if s.Muted || s.Unread > 0 {
		b.Logf("without sound: %v; clocks that could not be read: %d", s.Muted, s.Unread)
	}
	if known := column(3); len(known) > 0 {
		b.ReportMetric(quantile(known, .5), "ms1-encode")
		b.ReportMetric(quantile(column(4), .5), "ms2-host+socket")
		b.ReportMetric(quantile(column(5), .5), "ms3-mse-buffer")
		var rest []float64
		for _, p := range s.Pictures {
			if len(p) > 5 {
				rest = append(rest, p[0]+p[1]-p[3]-p[4]-p[5]) // to the screen: it is composited for the next vsync
			}
		}
		b.ReportMetric(quantile(rest, .5), "ms4-decode-to-screen")
	}
	return half
}
