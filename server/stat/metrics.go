package stat

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"echo.tv/server/live"
)

// Names are in base units and end in them, as Prometheus wants it; bit/s are
// bytes per second here. Series of a channel end with its broadcast, so what
// must not go back is summed up for the host as well.
var (
	about     = gauge("build_info", "The version that runs; always 1.", "version")
	onAir     = gauge("channel_on_air", "1 for the state that a channel is in: starting, live or lost.", "channel", "state")
	ingest    = counter("ingest_bytes_total", "Media received from the publisher.", "channel", "media")
	frames    = counter("ingest_frames_total", "Frames received from the publisher.", "channel", "media")
	dropped   = counter("ingest_dropped_frames_total", "Pictures of the publisher that were not put on air.", "channel")
	bitrate   = gauge("ingest_bytes_per_second", "What the publisher sends, over the last ten seconds.", "channel", "media")
	chunks    = counter("chunks_total", "Frames that were put on air.", "channel")
	viewers   = gauge("viewers", "Player sessions that took media in the last 15 seconds.", "channel", "path")
	sent      = counter("sent_bytes_total", "Media sent to viewers.", "channel", "path")
	hostIn    = counter("host_received_bytes_total", "Media received from all publishers.")
	hostOut   = counter("host_sent_bytes_total", "Media sent to all viewers.", "path")
	skipped   = counter("skipped_frames_total", "Frames that slow viewers did not get.", "path")
	accepted  = counter("rtmp_connections_total", "RTMP connections that were let in.")
	recovered = counter("recovered_panics_total", "Faults of ours that cost one connection each; must stay 0.")
	storeSize = gauge("store_bytes", "Size of the database file.")
)

type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

var all []metric

func counter(name, help string, labels ...string) metric {
	return declare(prometheus.CounterValue, name, help, labels)
}
func gauge(name, help string, labels ...string) metric {
	return declare(prometheus.GaugeValue, name, help, labels)
}

func declare(kind prometheus.ValueType, name, help string, labels []string) metric {
	m := metric{prometheus.NewDesc("echotv_"+name, help, labels, nil), kind}
	all = append(all, m)
	return m
}

// meter is what cannot be read afterwards.
type meter struct{ parts prometheus.Histogram }

func newMeter() meter {
	return meter{prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "echotv_part_latency_seconds",
		Help:    "From the arrival of a part's last frame to its publication for HLS players.",
		Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25},
	})}
}

// PartPublished notes how long a part took. It costs about 50 ns, five times a
// second and channel.
func (s *Stat) PartPublished(took time.Duration) { s.meter.parts.Observe(took.Seconds()) }

// Metrics answers Prometheus. Everything in it is made at the scrape.
func (s *Stat) Metrics(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(s.registry(), promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), MaxRequestsInFlight: 4,
	})
}

// registry is our own: the default one belongs to whoever else is in the process.
func (s *Stat) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collector{s}, s.meter.parts, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// collector reads one snapshot for each scrape.
type collector struct{ *Stat }

// Describe names every series there may be.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range all {
		out <- m.desc
	}
}

// Collect sends the values of now.
func (c collector) Collect(out chan<- prometheus.Metric) {
	add := func(m metric, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
	}
	host := c.cfg.Traffic()
	add(about, 1, c.cfg.Version)
	add(hostIn, float64(host.Received.Bytes()))
	add(accepted, float64(c.cfg.Accepted()))
	add(recovered, float64(c.cfg.Recovered()))
	add(storeSize, float64(c.cfg.StoreSize()))
	for path, n := range c.cfg.Skipped() {
		add(skipped, float64(n), string(path))
	}
	for _, path := range live.Paths {
		add(hostOut, float64(host.SentBy[path]), string(path))
	}
	for _, s := range c.cfg.Channels() {
		channel := string(s.Channel)
		add(onAir, 1, channel, string(s.State))
		add(ingest, float64(s.Received.VideoBytes), channel, "video")
		add(ingest, float64(s.Received.AudioBytes), channel, "audio")
		add(frames, float64(s.Received.Pictures), channel, "video")
		add(frames, float64(s.Received.Sounds), channel, "audio")
		add(bitrate, float64(s.Rates.Video)/8, channel, "video")
		add(bitrate, float64(s.Rates.Audio)/8, channel, "audio")
		add(dropped, float64(s.Dropped), channel)
		add(chunks, float64(s.Chunks), channel)
		for _, path := range live.Paths {
			add(viewers, float64(s.ViewersBy[path]), channel, string(path))
			add(sent, float64(s.SentBy[path]), channel, string(path))
		}
	}
}
