package hls

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"echo.tv/server/live"
)

func TestThePlaylistHasMediaAfterOnePartWhateverTheKeyInterval(t *testing.T) {
	for _, gop := range []int{30, 250} {
		synctest.Test(t, func(t *testing.T) {
			h := newHost(t, gop)
			defer h.end()
			h.send(190 * time.Millisecond) // six pictures
			w := h.get("live.m3u8")
			parts, hints := lines(w, "#EXT-X-PART:"), lines(w, "#EXT-X-PRELOAD-HINT:")
			if len(parts) != 1 || !strings.Contains(parts[0], "INDEPENDENT=YES") || len(hints) != 1 {
				t.Errorf("key interval %d:\n%s", gop, w.Body)
			}
		})
	}
}

func TestThePlaylistKeepsTheRulesOfLowLatencyHLS(t *testing.T) {
	for _, gop := range []int{1, 7, 15, 30, 45, 60, 250} {
		synctest.Test(t, func(t *testing.T) {
			h := newHost(t, gop)
			defer h.end()
			h.send(30 * time.Second)
			for range 40 { // at forty moments a part apart
				checkRules(t, h)
				h.send(170 * time.Millisecond)
			}
		})
	}
}

func checkRules(t *testing.T, h *host) {
	t.Helper()
	m := h.media()
	target := time.Duration(m.TargetDuration) * time.Second
	part := m.PartInf.PartTarget
	if hold := *m.ServerControl.PartHoldBack; hold < 3*part {
		t.Errorf("PART-HOLD-BACK %v is less than three times %v", hold, part)
	}
	if skip := *m.ServerControl.CanSkipUntil; skip < 6*target {
		t.Errorf("CAN-SKIP-UNTIL %v is less than six times %v", skip, target)
	}
	var listed time.Duration
	for _, s := range m.Segments {
		if s.DateTime == nil {
			t.Error("a segment without a date")
		}
		if math.Round(s.Duration.Seconds()) > target.Seconds() {
			t.Errorf("a segment of %v in a playlist of %v", s.Duration, target)
		}
		listed += s.Duration
		var sum time.Duration
		for i, p := range s.Parts {
			sum += p.Duration
			short := p.Duration < part*85/100 && i < len(s.Parts)-1
			if p.Duration <= 0 || p.Duration > part || (short && !s.Parts[i+1].Independent) {
				t.Errorf("part %d of %d lasts %v of %v", i, len(s.Parts), p.Duration, part)
			}
		}
		if d := (s.Duration - sum).Abs(); len(s.Parts) > 0 && d > 50*time.Millisecond {
			t.Errorf("a segment of %v has parts of %v", s.Duration, sum)
		}
	}
	if listed < 3*target {
		t.Errorf("only %v listed, three times %v must be", listed, target)
	}
	if listed > 3*target+20*time.Second {
		t.Errorf("%v listed: old segments do not leave", listed)
	}
}

func TestKeyFramesCutSegmentsOfOneToTwoSeconds(t *testing.T) {
	for gop, want := range map[int]float64{15: 1, 20: 4. / 3, 30: 1, 45: 1.5, 60: 2, 250: 8.333} {
		synctest.Test(t, func(t *testing.T) {
			h := newHost(t, gop)
			defer h.end()
			h.send(26 * time.Second)
			for i, s := range h.media().Segments {
				if math.Abs(s.Duration.Seconds()-want) > 0.01 {
					t.Errorf("key interval %d: segment %d lasts %v, want %.2f s", gop, i, s.Duration, want)
				}
			}
		})
	}
}

func TestDatesStayTrueAfterDaysWithoutADiscontinuity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(time.Second)
		begun := *h.media().Segments[0].DateTime
		const days = 30
		g := h.srv.find("ann")
		for i := range int64(31) { // the month between is left out
			at := g.zero + (days*24*3600*live.Second + i*3000)
			g.WriteChunk(&live.Chunk{Frame: live.Frame{DTS: at, PTS: at, Key: i%30 == 0}, Init: g.window.segments[0].init, Duration: 3000, Data: []byte{1}})
		}
		all := h.media().Segments
		if got := all[len(all)-1].DateTime.Sub(begun); got.Round(time.Hour) != days*24*time.Hour {
			t.Errorf("after %d days it is %v later", days, got)
		}
	})
}

func TestTheTargetDurationFollowsWhatIsKnownOfTheKeyInterval(t *testing.T) {
	for interval, want := range map[int64]int64{0: 8, 3000: 2, live.Second: 2, 2 * live.Second: 2,
		5 * live.Second / 2: 3, 4 * live.Second: 4, 25 * live.Second / 3: 8, 40 * live.Second: 10} {
		if got := targetFor(interval); got != want {
			t.Errorf("key frames %d ticks apart: %d s, want %d", interval, got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 60)
		defer h.end()
		h.over()
		h.picture.KeyInterval = 0 // an encoder that does not say
		h.publish()
		h.send(5 * time.Second)
		if got := h.media().TargetDuration; got != newTarget {
			t.Errorf("a channel nothing is known of: %d", got)
		}
		h.over()
		h.publish()
		h.send(3 * time.Second)
		if got := h.media().TargetDuration; got != 2 {
			t.Errorf("its next broadcast: %d", got)
		}
	})
}

func TestASegmentIsItsPartsAndItsPartsAreItsFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(4 * time.Second)
		frames := map[int]int{}
		var last uint64
		for _, s := range h.media().Segments {
			var joined []byte
			for _, p := range s.Parts {
				w := h.get(p.URI)
				if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "video/mp4" ||
					!strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
					t.Fatalf("%s: %d %v", p.URI, w.Code, w.Header())
				}
				joined = append(joined, w.Body.Bytes()...)
			}
			whole := h.get(s.URI).Body.Bytes()
			if !bytes.Equal(whole, joined) {
				t.Fatalf("%s has %d bytes, its parts %d", s.URI, len(whole), len(joined))
			}
			var parts fmp4.Parts
			if err := parts.Unmarshal(whole); err != nil {
				t.Fatal(err)
			}
			if tr := parts[0].Tracks[0]; tr.ID == 1 && tr.Samples[0].IsNonSyncSample {
				t.Error("a segment begins without a key frame")
			}
			for _, p := range parts {
				frames[p.Tracks[0].ID]++
				if p.Tracks[0].ID == 1 {
					if p.Tracks[0].BaseTime <= last {
						t.Errorf("time runs back from %d to %d", last, p.Tracks[0].BaseTime)
					}
					last = p.Tracks[0].BaseTime
				}
			}
		}
		seconds := len(h.media().Segments)
		if want := seconds * 48000 / 1024; frames[1] != seconds*30 || frames[2] < want-2 || frames[2] > want+2 {
			t.Errorf("%d segments hold %v frames", seconds, frames)
		}
		var init fmp4.Init
		if err := init.Unmarshal(bytes.NewReader(h.get(h.media().Map.URI).Body.Bytes())); err != nil || len(init.Tracks) != 2 {
			t.Errorf("init: %v, %d tracks", err, len(init.Tracks))
		}
	})
}

func TestTheMultivariantPlaylistDescribesTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.send(300 * time.Millisecond)
		for range 2 { // estimated, then measured
			w := h.get("index.m3u8")
			for _, want := range []string{"live.m3u8", `CODECS="avc1.42c028,mp4a.40.2"`, "RESOLUTION=1280x", "FRAME-RATE=30.000", "BANDWIDTH="} {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s is missing in\n%s", want, w.Body)
				}
			}
			if w.Header().Get("Content-Type") != playlistType || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", w.Header())
			}
			h.send(5 * time.Second)
		}
	})
}

func TestATakeOverIsADiscontinuityInTheSamePlaylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		h.send(2500 * time.Millisecond)
		before := h.media()
		h.picture = track(t, 640)
		h.publish()
		defer h.end()
		h.send(2500 * time.Millisecond)
		w := h.get("live.m3u8")
		after := parse(t, w)
		if after.MediaSequence != before.MediaSequence || len(after.Segments) <= len(before.Segments) {
			t.Errorf("from %d+%d to %d+%d segments", before.MediaSequence, len(before.Segments), after.MediaSequence, len(after.Segments))
		}
		if n := len(lines(w, "#EXT-X-DISCONTINUITY")); n != 1 {
			t.Errorf("%d discontinuities in\n%s", n, w.Body)
		}
		if maps := lines(w, "#EXT-X-MAP"); len(maps) != 2 || maps[0] == maps[1] {
			t.Errorf("maps %v", maps)
		}
		if got := lines(h.get("index.m3u8"), "#EXT-X-STREAM-INF"); !strings.Contains(got[0], "640x") {
			t.Errorf("multivariant: %v", got)
		}
		for range 10 { // until the discontinuity has left
			h.send(2 * time.Second)
		}
		w = h.get("live.m3u8")
		if len(lines(w, "#EXT-X-DISCONTINUITY\n")) != 0 || len(lines(w, "#EXT-X-DISCONTINUITY-SEQUENCE:1")) != 1 {
			t.Errorf("after it left:\n%s", w.Body)
		}
	})
}

func TestSoundWithoutPictureAndPictureWithoutSoundArePlayable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 30)
		defer h.end()
		h.over()
		h.publish(h.sound)
		for i := range 400 {
			at := int64(i) * 1024 * live.Second / 48000
			h.write(live.Frame{DTS: at, PTS: at, Key: true, Samples: 1024, Payload: make([]byte, 300)})
			time.Sleep(21333 * time.Microsecond)
		}
		if m := h.media(); len(m.Segments) < 5 || m.TargetDuration != 2 {
			t.Errorf("sound only: %d segments, target %d", len(m.Segments), m.TargetDuration)
		}
		h.over()
		h.publish(h.picture)
		for i := range 120 {
			h.write(live.Frame{DTS: int64(i) * 3000, PTS: int64(i) * 3000, Key: i%30 == 0, Payload: make([]byte, 300)})
			time.Sleep(time.Second / 30)
		}
		if m := h.media(); len(m.Segments) != 3 {
			t.Errorf("picture only: %d segments", len(m.Segments))
		}
	})
}

func TestAStreamWithoutASecondKeyFrameIsCutAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, 1<<30)
		defer h.end()
		h.send(60 * time.Second)
		m := h.media()
		if len(m.Segments) < 3 || len(m.Segments) > 5 {
			t.Errorf("%d segments listed", len(m.Segments))
		}
		checkRules(t, h)
	})
}

func TestADeltaUpdateLeavesOutWhatAReloadingPlayerHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// With key frames a second apart nothing is old enough to be skipped; a
		// stream that is never cut on time gets a longer playlist.
		h := newHost(t, 30)
		defer h.end()
		g := h.srv.find("ann")
		g.window.keep = 30 * live.Second
		h.send(40 * time.Second)
		full, delta := h.get("live.m3u8"), h.get("live.m3u8?_HLS_skip=YES")
		var skipped int
		skips := lines(delta, "#EXT-X-SKIP:")
		if len(skips) != 1 {
			t.Fatalf("no skip in\n%s", delta.Body)
		}
		fmt.Sscanf(skips[0], "#EXT-X-SKIP:SKIPPED-SEGMENTS=%d", &skipped)
		all, rest := lines(full, "#EXTINF"), lines(delta, "#EXTINF")
		if skipped < 10 || len(all) != skipped+len(rest) {
			t.Errorf("%d segments, %d skipped, %d left", len(all), skipped, len(rest))
		}
		if len(lines(delta, "#EXT-X-MAP")) != 0 {
			t.Error("a delta update repeats the map of a skipped segment")
		}
		var after float64
		for _, l := range rest {
			var d float64
			fmt.Sscanf(l, "#EXTINF:%f", &d)
			after += d
		}
		if after < 12 {
			t.Errorf("%f s left; six target durations may not be skipped", after)
		}
	})
}
