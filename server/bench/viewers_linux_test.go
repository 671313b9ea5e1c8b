package bench

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"echo.tv/server/servertest"
	"echo.tv/server/tv"
)

// evening is the stream that the figures of viewers are about.
var evening = servertest.Clip{Size: "1280x720", Rate: 30, Interval: 30, Kbit: 3000, Seconds: 20}

const (
	settling  = 2 * time.Second
	measuring = 8 * time.Second
)

// BenchmarkViewers measures what viewers cost a server that has one core: its
// processor time per viewer and second, who of them ran dry, and how far the
// last viewer is behind the first.
func BenchmarkViewers(b *testing.B) {
	perViewer := map[string]float64{}
	for _, n := range []int{300, 1000} {
		for _, path := range []string{"hls", "push", "gohlslib"} {
			if n > 300 && path == "gohlslib" {
				continue // 300 are what it can do
			}
			b.Run(fmt.Sprintf("%d/%s", n, path), func(b *testing.B) {
				leaveFirstCore(b)
				for b.Loop() {
					cost := watch(b, path, n)
					perViewer[fmt.Sprint(path, n)] = cost
					b.ReportMetric(0, "ns/op")
					b.ReportMetric(cost, "ms-cpu/viewer-s")
				}
				if ours := perViewer["hls300"]; path == "gohlslib" && ours > 0 {
					b.ReportMetric(perViewer["gohlslib300"]/ours, "x-of-our-hls")
				}
			})
		}
	}
}

// watch lets n viewers watch, and returns the server's milliseconds per viewer
// and second.
func watch(b *testing.B, path string, n int) float64 {
	p, watchers, all := seats(b, path, n)
	idle := load(b, p)
	c := newCrowd(b)
	for i, w := range watchers {
		if err := c.join(i, p.http, w); err != nil {
			b.Fatal(err)
		}
		if i%20 == 19 {
			c.watch(20 * time.Millisecond) // people do not all come at once
		}
	}
	c.watch(settling)
	all.measuring = true
	profiled := p.profile(b, fmt.Sprintf("%s-%d", path, n), measuring)
	began, before := time.Now(), p.cpu(b)
	programs, network := firstCore(b)
	c.watch(measuring)
	took, used := time.Since(began), p.cpu(b)-before
	programs2, network2 := firstCore(b)
	share := func(d time.Duration) float64 { return max(0, 100*d.Seconds()/took.Seconds()) }
	profiled()
	all.report(b, c, watchers, n, took)
	b.ReportMetric(share(used), "%core")
	b.ReportMetric(100*idle, "%core-unwatched")
	b.ReportMetric(share(network2-network), "%core-softirq")
	b.ReportMetric(share(programs2-programs-used), "%core-taken-by-others") // the rest is worth little when this is much
	b.ReportMetric(float64(used.Microseconds())/float64(max(1, all.fresh)), "us-cpu/new")
	return used.Seconds() * 1000 / took.Seconds() / float64(n)
}

// seats starts the server and its publisher, and returns viewers to be.
func seats(b *testing.B, path string, n int) (*process, []watcher, *tally) {
	var p *process
	var key string
	if path == "gohlslib" {
		p, key = startBaseline(b, true), tv.NewStreamKey().Reveal()
	} else {
		ours := startProgram(b, true)
		p, key = ours.process, ours.key(b, "ann")
	}
	publishTo(b, p, path, key)
	all := &tally{first: map[string]time.Time{}}
	var watchers []watcher
	if path == "push" {
		for i := range n {
			watchers = append(watchers, &pushWatcher{tally: all, addr: p.http, id: fmt.Sprintf("viewer-%08d-bench", i)})
		}
		return p, watchers, all
	}
	// Each playlist is a connection of its own, as it is in a browser.
	playlists := mediaPlaylists(b, http.DefaultClient, p, path)
	parsed := make([]lists, len(playlists))
	for i := range n {
		for j, list := range playlists {
			watchers = append(watchers, newHLSWatcher(all, &parsed[j], p.http, list, i))
		}
	}
	return p, watchers, all
}

// load is the share of a core that a publisher without viewers takes.
func load(b *testing.B, p *process) float64 {
	before := p.cpu(b)
	time.Sleep(2 * time.Second)
	return (p.cpu(b) - before).Seconds() / 2
}

// report prints what the crowd saw.
func (t *tally) report(b *testing.B, c *crowd, watchers []watcher, n int, took time.Duration) {
	dry, now := 0, time.Now()
	for _, w := range watchers {
		var p *pulse
		switch w := w.(type) {
		case *hlsWatcher:
			p = &w.pulse
		case *pushWatcher:
			p = &w.pulse
		}
		if p.dry || now.Sub(p.last) > dryAfter {
			dry++
		}
	}
	if len(c.dead) > 0 {
		b.Logf("%d left early, the first because: %v", len(c.dead), c.dead[0])
	}
	b.ReportMetric(float64(dry), "dry")
	b.ReportMetric(float64(t.fresh)/took.Seconds()/float64(n), "new/viewer-s")
	b.ReportMetric(float64(t.bytes)*8/1e6/took.Seconds()/float64(n), "Mbit/s")
	b.ReportMetric(ms(quantile(t.spread, .99)), "ms-first-to-last-p99")
	if t.age != nil {
		b.ReportMetric(float64(t.missed), "missed")
		b.ReportMetric(ms(quantile(t.age, .5)), "ms-age-p50")
		b.ReportMetric(ms(quantile(t.age, .99)), "ms-age-p99")
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// quantile sorts all, and returns zero when it is empty.
func quantile[T int | float64 | time.Duration](all []T, q float64) T {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}
