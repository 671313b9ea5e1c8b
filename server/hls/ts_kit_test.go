package hls

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"echo.tv/server/live"
)

// film is what a real encoder made, in the order of its packets.
type film struct {
	tracks []live.Track
	frames []live.Frame
}

func needTool(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("ECHOTV_TEST_STRICT") != "" {
			t.Fatalf("%s is missing; make test installs it", name)
		}
		t.Skipf("%s is not installed; make test installs it", name)
	}
}

// shoot lets ffmpeg make a film; args choose inputs and encoders.
func shoot(t testing.TB, args ...string) film {
	t.Helper()
	needTool(t, "ffmpeg")
	out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error"}, args...), "-f", "mpegts", "-")...).Output()
	if err != nil {
		t.Fatalf("making a film: %v", err)
	}
	var f film
	for i, tr := range readTS(t, bytes.NewReader(out), func(u tsUnit) {
		fr := live.Frame{Track: u.track, DTS: u.dts, PTS: u.pts, Key: true, Samples: 1024, Payload: u.data[0]}
		if u.sps != nil || u.picture {
			avcc, err := h264.AVCC(u.data).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			fr.Payload, fr.Key, fr.Samples = avcc, u.key, 0
		}
		if u.sps != nil && (len(f.tracks) == 0 || f.tracks[0].Codec == nil) {
			tr, err := live.NewH264(u.sps, u.pps)
			if err != nil {
				t.Fatal(err)
			}
			f.tracks = slices.Insert(f.tracks, 0, tr)
		}
		f.frames = append(f.frames, fr)
	}) {
		if c, ok := tr.Codec.(*codecs.MPEG4Audio); ok {
			config, _ := c.Config.Marshal()
			a, err := live.NewAAC(config)
			if err != nil {
				t.Fatal(err)
			}
			f.tracks = append(f.tracks[:min(i, len(f.tracks))], a)
		}
	}
	slices.SortStableFunc(f.frames, func(a, b live.Frame) int { return int(a.DTS - b.DTS) })
	return f
}

// reordered reports whether pictures are shown in another order than they come.
func (f film) reordered() bool {
	last := int64(0)
	for _, fr := range f.frames {
		if fr.Samples == 0 && fr.PTS < last {
			return true
		} else if fr.Samples == 0 {
			last = fr.PTS
		}
	}
	return false
}

// project puts a film on air in no time.
func (h *host) project(f film) {
	h.t.Helper()
	for _, fr := range f.frames {
		h.write(fr)
	}
}

// tsUnit is one access unit read from MPEG-TS.
type tsUnit struct {
	track    int
	pts, dts int64
	picture  bool
	key      bool
	sps, pps []byte
	data     [][]byte // NAL units without parameter sets, or one unit of sound
}

// readTS reads a whole stream.
func readTS(t testing.TB, r io.Reader, each func(tsUnit)) []*mpegts.Track {
	t.Helper()
	rd := mpegts.Reader{R: r}
	if err := rd.Initialize(); err != nil {
		t.Fatal(err)
	}
	rd.OnDecodeError(func(err error) { t.Errorf("a TS that does not parse: %v", err) })
	for i, tr := range rd.Tracks() {
		switch c := tr.Codec.(type) {
		case *codecs.H264:
			rd.OnDataH264(tr, func(pts, dts int64, au [][]byte) error {
				u := tsUnit{track: i, pts: pts, dts: dts, picture: true}
				for _, n := range au {
					switch h264.NALUType(n[0] & 0x1f) {
					case h264.NALUTypeSPS:
						u.sps = n
						continue
					case h264.NALUTypePPS:
						u.pps = n
						continue
					case h264.NALUTypeIDR:
						u.key = true
					}
					u.data = append(u.data, n)
				}
				each(u)
				return nil
			})
		case *codecs.MPEG4Audio:
			rd.OnDataMPEG4Audio(tr, func(pts int64, aus [][]byte) error {
				for n, au := range aus {
					at := pts + int64(n)*mpeg4audio.SamplesPerAccessUnit*live.Second/int64(c.Config.SampleRate)
					each(tsUnit{track: i, pts: at, dts: at, data: [][]byte{au}})
				}
				return nil
			})
		}
	}
	for {
		if err := rd.Read(); errors.Is(err, io.EOF) {
			return rd.Tracks()
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// tsBytes returns all listed segments of ann, one after the other, and what the
// playlist says they last.
func (h *host) tsBytes() (all []byte, lasts time.Duration) {
	h.t.Helper()
	for _, s := range parse(h.t, h.get("ts/index.m3u8")).Segments {
		w := h.get("ts/" + s.URI)
		if w.Code != 200 || w.Header().Get("Content-Type") != "video/mp2t" {
			h.t.Fatalf("%s: %d %v", s.URI, w.Code, w.Header())
		}
		all, lasts = append(all, w.Body.Bytes()...), lasts+s.Duration
	}
	return all, lasts
}

// run returns what a program prints, and fails the test when it complains.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	needTool(t, name)
	var out, complaints strings.Builder
	cmd := exec.CommandContext(t.Context(), name, append([]string{"-v", "warning"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Errorf("%s %v: %v\n%s", name, args, err, complaints.String())
	}
	return out.String()
}
