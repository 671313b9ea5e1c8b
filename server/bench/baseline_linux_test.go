package bench

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
	"echo.tv/server/rtmp"
	"echo.tv/server/tv"
)

// baselineEnv makes the test binary the baseline, with profiles at its value.
const baselineEnv = "ECHOTV_BENCH_BASELINE"

func TestMain(m *testing.M) {
	if debug := os.Getenv(baselineEnv); debug != "" {
		fmt.Fprintln(os.Stderr, serveBaseline(debug))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serveBaseline is our RTMP door and gohlslib's muxer behind net/http: parts of
// 200 ms, segments of a second, as ours.
func serveBaseline(debug string) error {
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var mux atomic.Pointer[gohlslib.Muxer]
	log := slog.New(slog.DiscardHandler)
	hub := live.NewHub(live.Config{Log: log, Packager: cmaf.Packager{},
		Outputs: []func(*live.Channel) live.Output{func(*live.Channel) live.Output { return &theirs{mux: &mux} }}})
	door, err := rtmp.Listen(rtmp.Config{Addr: "127.0.0.1:0", Log: log, Publish: hub.Publish, Auth: anyKey{}})
	if err != nil {
		return err
	}
	fmt.Printf("%s rtmp://%s/live\n", web.Addr(), door.Addr())
	var all sync.WaitGroup
	all.Go(func() { hub.Run(context.Background()) })
	all.Go(func() { door.Run(context.Background()) })
	all.Go(func() { http.ListenAndServe(debug, nil) }) // pprof's door
	return http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if m := mux.Load(); m != nil {
			m.Handle(w, r)
			return
		}
		http.NotFound(w, r)
	}))
}

type anyKey struct{}

func (anyKey) Publisher(context.Context, netip.Addr, tv.StreamKey) (rtmp.Grant, error) {
	return rtmp.Grant{Channel: "ann", KeyID: "any"}, nil
}

// theirs feeds a muxer with our frames.
type theirs struct {
	mux    *atomic.Pointer[gohlslib.Muxer]
	own    *gohlslib.Muxer
	tracks []*gohlslib.Track
}

func (o *theirs) WriteChunk(c *live.Chunk) {
	if o.own == nil {
		o.begin(c.Init.Tracks)
	}
	f := c.Frame
	track := c.Init.Tracks[f.Track]
	codec, ok := track.Codec.(live.H264)
	if !ok {
		o.own.WriteMPEG4Audio(o.tracks[f.Track], f.Arrival, f.DTS*int64(track.SampleRate)/live.Second, [][]byte{f.Payload})
		return
	}
	var au h264.AVCC
	if au.Unmarshal(f.Payload) != nil {
		return
	}
	if f.Key {
		au = append(h264.AVCC{codec.SPS, codec.PPS}, au...)
	}
	o.own.WriteH264(o.tracks[f.Track], f.Arrival, f.PTS, au)
}

func (o *theirs) begin(tracks []live.Track) {
	for _, t := range tracks {
		if c, ok := t.Codec.(live.H264); ok {
			o.tracks = append(o.tracks, &gohlslib.Track{Codec: &codecs.H264{SPS: c.SPS, PPS: c.PPS}, ClockRate: live.Second})
		} else {
			o.tracks = append(o.tracks, &gohlslib.Track{
				Codec: &codecs.MPEG4Audio{Config: t.Codec.(live.AAC).Config}, ClockRate: t.SampleRate})
		}
	}
	o.own = &gohlslib.Muxer{Tracks: o.tracks, Variant: gohlslib.MuxerVariantLowLatency, SegmentCount: 7,
		SegmentMinDuration: time.Second, PartMinDuration: 200 * time.Millisecond, OnEncodeError: func(error) {}}
	if err := o.own.Start(); err != nil {
		panic(err)
	}
	o.mux.Store(o.own)
}

func (o *theirs) End() {}
