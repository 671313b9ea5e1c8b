package stat

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetricsAreAsPrometheusWantsThem(t *testing.T) {
	problems, err := testutil.GatherAndLint(onStage().registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "echotv_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func scrape(t *testing.T, s *Stat) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.Metrics(slog.New(slog.NewTextHandler(io.Discard, nil))).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestAScrapeTellsWhatThePageTells(t *testing.T) {
	s := onStage()
	s.PartPublished(300 * time.Microsecond)
	text := scrape(t, s)
	for _, want := range []string{
		`echotv_viewers{channel="ann",path="push"} 4`,
		`echotv_viewers{channel="ann",path="hls"} 0`,
		`echotv_channel_on_air{channel="bob",state="lost"} 1`,
		`echotv_ingest_bytes_total{channel="ann",media="video"} 2.7e+09`,
		`echotv_ingest_bytes_per_second{channel="ann",media="video"} 750000`,
		`echotv_ingest_dropped_frames_total{channel="ann"} 7`,
		`echotv_skipped_frames_total{path="push"} 3`,
		`echotv_part_latency_seconds_bucket{le="0.0005"} 1`,
		`echotv_recovered_panics_total 0`,
		`echotv_store_bytes 65536`,
		`go_goroutines `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, secret := range []string{"192.0.2.7", "OBS", "KEYID", "KEYLABEL"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the metrics", secret)
		}
	}
}

func TestTheDashboardAsksOnlyForMetricsThatExist(t *testing.T) {
	raw, err := os.ReadFile("../../build/grafana/echotv.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	s := onStage()
	s.PartPublished(0)
	text, asked := scrape(t, s), 0
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)[{ ]`).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			for _, name := range regexp.MustCompile(`\b(echotv|go|process)_[a-z_]+`).FindAllString(target.Expr, -1) {
				asked++
				if !slices.Contains(names, name) {
					t.Errorf("%q asks for %s", p.Title, name)
				}
			}
		}
	}
	if asked < 12 {
		t.Errorf("the dashboard asks for %d metrics only", asked)
	}
}

func TestTheTokenStaysAndIsForThisUserOnly(t *testing.T) {
	dir := t.TempDir()
	one, err := LoadToken(dir)
	if err != nil || len(one) < 26 {
		t.Fatalf("%q %v", one, err)
	}
	if two, err := LoadToken(dir); err != nil || two != one {
		t.Errorf("the next start has %q, %v", two, err)
	}
	path := filepath.Join(dir, "metrics.token")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := os.Truncate(path, 3); err != nil {
		t.Fatal(err)
	}
	if three, err := LoadToken(dir); err != nil || three == one || len(three) < 26 {
		t.Errorf("after a torn write: %q %v", three, err)
	}
}
