package hls

import (
	"encoding/binary"
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/live"
)

// TestFFmpegPlaysMPEGTS lets ffprobe decode all that is listed of what real
// encoders made, with and without B-frames, sound and pictures.
func TestFFmpegPlaysMPEGTS(t *testing.T) {
	picture := func(seconds, gop, b int) []string {
		return []string{"-f", "lavfi", "-i", "testsrc2=s=160x96:r=30", "-f", "lavfi", "-i", "sine=r=48000",
			"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", strconv.Itoa(gop), "-keyint_min", strconv.Itoa(gop),
			"-sc_threshold", "0", "-bf", strconv.Itoa(b), "-c:a", "aac", "-t", strconv.Itoa(seconds)}
	}
	for name, tc := range map[string]struct {
		args     []string
		segments int // at least
		target   int
	}{
		"a key frame a second":               {picture(8, 30, 0), 6, 2},
		"B-frames":                           {picture(8, 30, 3), 6, 2},
		"B-frames, a key frame in 4 seconds": {picture(14, 120, 3), 3, 4},
		"two key frames a second":            {picture(8, 15, 0), 6, 2},
		"pictures only":                      {append(picture(8, 30, 3), "-an"), 6, 2},
		"sound only":                         {append(picture(8, 30, 0), "-vn"), 6, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := shoot(t, tc.args...)
			if f.reordered() != slices.Contains(tc.args, "3") {
				t.Fatal("the encoder did not do as it was told")
			}
			h := newHost(t, 30)
			web := httptest.NewServer(h.srv)
			defer web.Close()
			h.publish(f.tracks...)
			h.project(f)
			h.end()
			m := parse(t, h.get("ts/index.m3u8"))
			if len(m.Segments) < tc.segments || m.TargetDuration != tc.target || !m.Endlist {
				t.Errorf("%d segments, target %d, ended %v", len(m.Segments), m.TargetDuration, m.Endlist)
			}
			data, lasts := h.tsBytes()
			checkTS(t, data)
			url := web.URL + "/hls/ann/ts/index.m3u8"
			got := run(t, "ffprobe", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", url)
			got, _, _ = strings.Cut(got, "\n\n") // the rest says the same, by program
			for line := range strings.Lines(got) {
				codec, frames, _ := strings.Cut(strings.TrimSpace(line), ",")
				n, _ := strconv.Atoi(frames)
				want := lasts.Seconds() * 30
				if codec == "aac" {
					want = lasts.Seconds() * 48000 / 1024
				}
				if float64(n) < want-10 || float64(n) > want+10 || codec == "h264" && float64(n) != want {
					t.Errorf("%d frames of %s in %v, want %.0f", n, codec, lasts, want)
				}
			}
			if want := len(f.tracks); strings.Count(got, ",") != want {
				t.Errorf("not %d streams:\n%s", want, got)
			}
		})
	}
}

// checkTS reads packets as a television does: time runs on, and every segment
// can be begun with.
func checkTS(t *testing.T, data []byte) {
	t.Helper()
	last := map[int]int64{}
	readTS(t, strings.NewReader(string(data)), func(u tsUnit) {
		if u.dts <= last[u.track] || u.pts < u.dts || u.pts-u.dts > live.Second {
			t.Errorf("track %d: DTS %d, PTS %d after %d", u.track, u.dts, u.pts, last[u.track])
		}
		if u.key && (u.sps == nil || u.pps == nil) {
			t.Errorf("a key frame without parameter sets at %d", u.dts)
		}
		last[u.track] = u.dts
	})
}

// TestSoundStaysInStepAfterAGap holds the muxer's own counting of sound against
// the clock: it would be 300 ms off from the gap on.
func TestSoundStaysInStepAfterAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(1500 * time.Millisecond)
		parse(t, h.get("ts/index.m3u8")) // the muxer counts from here
		h.audio += 14                    // 300 ms that the encoder lost
		for range 200 {
			h.frame++ // pictures go on
			h.write(live.Frame{DTS: int64(h.frame) * 3000, PTS: int64(h.frame) * 3000, Key: h.frame%h.gop == 0, Payload: unit(h.frame%h.gop == 0, 100)})
			for ; int64(h.audio)*1024*30 < int64(h.frame)*48000; h.audio++ {
				at := int64(h.audio) * 1024 * live.Second / 48000
				h.write(live.Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1024, Payload: binary.BigEndian.AppendUint64(nil, uint64(at))})
			}
			time.Sleep(time.Second / 30)
		}
		data, _ := h.tsBytes()
		off, n := int64(0), 0
		readTS(t, strings.NewReader(string(data)), func(u tsUnit) {
			if !u.picture && len(u.data[0]) == 8 && u.pts > 14*live.Second {
				n++
				off = u.pts - clockStart - int64(binary.BigEndian.Uint64(u.data[0]))
				if off < -live.Second/10 || off > live.Second/10 {
					t.Errorf("sound is %d ms off", off*1000/live.Second)
				}
			}
		})
		if n < 50 {
			t.Errorf("%d pieces of sound", n)
		}
	})
}

const clockStart = 10 * live.Second // where the live core's clock begins

func TestMPEGTSRunsThroughTheWrapOfItsClock(t *testing.T) {
	sound, err := live.NewAAC([]byte{0x11, 0x90})
	if err != nil {
		t.Fatal(err)
	}
	m, err := newTSMuxer([]live.Track{track(t, 640), sound})
	if err != nil {
		t.Fatal(err)
	}
	const wrap = 1 << 33
	var data []byte
	for i := range 300 {
		at := int64(wrap-5*live.Second) + int64(i)*3000
		p, err := m.write(sample{dts: at, pts: at, key: i%30 == 0}, unit(i%30 == 0, 500), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if p != nil {
			data = append(data, p.data...)
		}
		if _, err := m.write(sample{dts: at, pts: at, key: true, track: 1}, make([]byte, 100), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	data = append(data, m.finish().data...)
	n, last := 0, int64(-1)
	readTS(t, strings.NewReader(string(data)), func(u tsUnit) {
		if u.picture {
			if n++; last >= 0 && (u.pts-last)&(wrap-1) != 3000 {
				t.Errorf("%d after %d", u.pts, last)
			}
			last = u.pts
		}
	})
	if n != 300 {
		t.Errorf("%d pictures", n)
	}
}

// FuzzMPEGTS gives the muxer what a hostile publisher with a key may send.
func FuzzMPEGTS(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 0x65, 0x88, 0, 0, 0, 1, 0x09}, int64(3000), int64(0), true)
	f.Add([]byte{0, 0, 0, 1, 0x65, 0, 0, 0, 2, 0x67, 0x42}, int64(-3000), int64(90000), false)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x41}, int64(1), int64(1)<<40, true)
	// pic_order_cnt_type 0, as main profile has it, so that pictures are parsed
	sps := []byte{0x67, 0x4d, 0x40, 0x0c, 0xec, 0xa0, 0xa1, 0xfe, 0x22, 0, 0, 3, 0, 2, 0, 0, 3, 0, 0x79, 0x1e, 0x2c, 0x5b, 0x2c}
	f.Fuzz(func(t *testing.T, payload []byte, step, late int64, key bool) {
		sound, _ := live.NewAAC([]byte{0x11, 0x90})
		picture := track(t, 640)
		picture.Codec = live.H264{SPS: sps, PPS: []byte{0x68, 0xcb, 0x8c, 0xb2}}
		m, err := newTSMuxer([]live.Track{picture, sound})
		if err != nil {
			t.Fatal(err)
		}
		defer m.close()
		for i := range int64(8) {
			at := i*(step%live.Second) + clockStart
			idr := []byte{0, 0, 0, 5, 0x65, 0x88, 0x84, 0x21, 0xa0}
			if i%2 == 0 {
				m.write(sample{dts: at, pts: at + late, key: true}, idr, time.Time{})
			}
			if _, err := m.write(sample{dts: at, pts: at + late, key: key}, payload, time.Time{}); fmt.Sprint(err) == errMuxer.Error() {
				return
			}
			m.write(sample{dts: at, pts: at, track: 1}, payload, time.Time{})
		}
		m.finish()
	})
}
