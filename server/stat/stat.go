// Package stat tells what goes through this host: /stat as nginx-rtmp writes it,
// the same as JSON for our own page, and /metrics for Prometheus. It reads the
// figures of the live core and makes none; who may see addresses is decided by
// whoever asks for a Reader.
//
// # What existing tools get
//
// The XML is nginx-rtmp's (ngx_rtmp_stat_module.c 1.1.4), element for element
// and in its order, as NOALBS, stat.xsl and the Prometheus exporters read it.
// <name> is the channel; a stream key has no way into this package. A stream
// without <active/> shows no picture now: its publisher has just come, or its
// signal is lost; one that is off the air is not there, as with nginx. Numbers
// that are not known are 0. Two things differ: rates are shown from the first
// second on (nginx says 0 for ten), and only the publisher has a <client>, as
// viewers are player sessions here and not connections; nclients counts both.
//
// # Under load
//
// Every answer is made of one snapshot of the hub: a few atomic loads per
// channel and one pass over its audience, at most 4,096 seats. Nothing runs in
// the background and nothing is kept but the histogram of part latency.
package stat

import (
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// Config says where the figures come from. The functions are called for each
// answer, from many goroutines.
type Config struct {
	Version   string
	Channels  func() []live.Status // those on air, by name
	Traffic   func() live.Traffic
	Accepted  func() uint64               // RTMP connections since the start
	Skipped   func() map[live.Path]uint64 // frames or messages that slow viewers did not get
	Recovered func() uint64               // panics; each is a fault of ours
	StoreSize func() int64                // bytes
}

// Stat answers for one host. Safe for concurrent use.
type Stat struct {
	cfg   Config
	began time.Time
	meter meter
}

// New returns the figures of a host that starts now.
func New(cfg Config) *Stat {
	return &Stat{cfg: cfg, began: time.Now(), meter: newMeter()}
}

// Reader is who asks. The zero Reader is a stranger.
type Reader struct {
	Name  tv.ChannelName // of whoever is signed in
	Admin bool           // runs the host, or has its token
}

// Figures is all there is to tell at one moment.
type Figures struct {
	Host    HostFigures     `json:"host"`
	Streams []StreamFigures `json:"streams" nullable:"false" doc:"What is not off the air, by name"`
	Details bool            `json:"details" doc:"Whether addresses and encoders are in it: for admins only"`
}

// HostFigures sum up everything since the host started.
type HostFigures struct {
	Version   string         `json:"version"`
	Uptime    float64        `json:"uptime" doc:"Seconds"`
	Accepted  uint64         `json:"accepted" doc:"RTMP connections since the start"`
	BytesIn   uint64         `json:"bytesIn" doc:"Media from publishers since the start"`
	BytesOut  uint64         `json:"bytesOut" doc:"Media to viewers since the start"`
	BitsIn    int            `json:"bitsIn" doc:"bit/s over the last 10 s"`
	BitsOut   int            `json:"bitsOut" doc:"bit/s over the last 10 s"`
	Viewers   int            `json:"viewers"`
	ViewersBy ByPath[int]    `json:"viewersBy"`
	BytesBy   ByPath[uint64] `json:"bytesBy" doc:"BytesOut by path"`
}

// Figures returns what r may see now.
func (s *Stat) Figures(r Reader) Figures {
	now, all := time.Now(), s.cfg.Traffic()
	f := Figures{Details: r.Admin, Streams: []StreamFigures{}, Host: HostFigures{
		Version: s.cfg.Version, Uptime: seconds(now.Sub(s.began)), Accepted: s.cfg.Accepted(),
		BytesIn: all.Received.Bytes(), BitsIn: all.Rates.In(), BitsOut: all.Rates.Sent, BytesBy: byPath(all.SentBy),
	}}
	f.Host.BytesOut = f.Host.BytesBy.sum()
	viewers := map[live.Path]int{}
	for _, c := range s.cfg.Channels() {
		for p, n := range c.ViewersBy {
			viewers[p] += n
		}
		f.Host.Viewers += c.Viewers
		f.Streams = append(f.Streams, streamFigures(c, r, now))
	}
	f.Host.ViewersBy = byPath(viewers)
	return f
}

// ByPath is a number for each way to watch; all are always there.
type ByPath[N int | uint64] struct {
	Push N `json:"push"`
	HLS  N `json:"hls"`
	TS   N `json:"ts"`
	RTSP N `json:"rtsp"`
	RTMP N `json:"rtmp"`
	Peer N `json:"peer"`
}

func byPath[N int | uint64](m map[live.Path]N) ByPath[N] {
	return ByPath[N]{m[live.ByPush], m[live.ByHLS], m[live.ByTS], m[live.ByRTSP], m[live.ByRTMP], m[live.ByPeer]}
}

func (b ByPath[N]) sum() N { return b.Push + b.HLS + b.TS + b.RTSP + b.RTMP + b.Peer }

// seconds to the millisecond: more would be noise in JSON.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
