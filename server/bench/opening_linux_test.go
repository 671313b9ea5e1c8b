package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"echo.tv/server/servertest"
)

const visits = 12

// steps are on the way to the first picture; see opening.mjs.
var steps = []string{"script", "mounted", "socket", "media", "picture"}

// BenchmarkOpening measures from going to a page to its first picture, in a
// browser that was never there: the same paths as BenchmarkGlass.
func BenchmarkOpening(b *testing.B) {
	servertest.NeedTool(b, "node")
	servertest.NeedTool(b, "chromium")
	half := map[string]float64{}
	for _, path := range []string{"push", "hls", "gohlslib", "nginx"} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				page := strings.TrimSuffix(onAir(b, path), "?path=push") // which is the usual way
				half[path] = reportOpening(b, openings(b, page))
			}
			if path != "push" && half["push"] > 0 {
				b.ReportMetric(half[path]/half["push"], "x-of-our-push")
			}
		})
	}
}

// openings opens a page several times and returns the milliseconds to each step.
func openings(b *testing.B, page string) (all []map[string]float64) {
	cmd := exec.Command("node", filepath.Join("..", "..", "frontend", "e2e", "opening.mjs"), page, fmt.Sprint(visits))
	cmd.Stderr = os.Stderr
	impatience := time.AfterFunc(90*time.Second, func() { cmd.Process.Kill() })
	defer impatience.Stop()
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &all)
	}
	if err != nil || len(all) == 0 {
		b.Fatalf("Chromium saw no picture: %v %.200s", err, out)
	}
	return all
}

// reportOpening prints when each step was done, and returns the median of the last.
func reportOpening(b *testing.B, all []map[string]float64) (half float64) {
	b.ReportMetric(0, "ns/op")
	for n, step := range steps {
		var at []float64
		for _, o := range all {
			if ms, ok := o[step]; ok {
				at = append(at, ms)
			}
		}
		if len(at) == 0 {
			continue // another path has no such step
		}
		half = quantile(at, .5)
		b.ReportMetric(half, fmt.Sprintf("ms%d-%s-p50", n+1, step))
		if n == len(steps)-1 {
			b.ReportMetric(quantile(at, .95), "ms-p95")
		}
	}
	return half
}
