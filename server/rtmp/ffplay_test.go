package rtmp

import (
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// streams lets ffmpeg publish the film over and over, as fast as it plays.
func (h *house) streams(file, key string) {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), "ffmpeg", "-v", "error", "-re", "-stream_loop", "20", "-i", file, "-c", "copy",
		"-f", "flv", "rtmp://"+h.Addr().String()+"/live/"+key)
	if err := cmd.Start(); err != nil {
		h.t.Error(err)
		return
	}
	h.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
}

// keeps lets ffmpeg play a channel into a file; the arguments say for how long.
func (h *house) keeps(channel string, args ...string) (file string) {
	h.t.Helper()
	file = filepath.Join(h.t.TempDir(), "kept.flv")
	in := []string{"-rw_timeout", "10000000", "-i", "rtmp://" + h.Addr().String() + "/live/" + channel, "-c", "copy"}
	if said := run(h.t, true, "ffmpeg", append(append(in, args...), "-f", "flv", file)...); said != "" {
		h.t.Errorf("ffmpeg says %s", said)
	}
	return file
}

// rising checks that the packets of one track follow each other at a distance of
// at most ms.
func rising(t *testing.T, what string, all []packet, ms int64) {
	t.Helper()
	for i := 1; i < len(all); i++ {
		if d := all[i].DTS - all[i-1].DTS; d <= 0 || d > ms {
			t.Errorf("%s %d comes %d ms after the one before", what, i, d)
		}
	}
}

func TestFFmpegPlaysWhatFFmpegPublishes(t *testing.T) {
	file := film(t)
	sent, _ := packets(t, file)
	h := open(t)
	h.streams(file, h.keys.make("ann"))
	h.frames("ann", 1)
	video, audio := packets(t, h.keeps("ann", "-t", "1.5"))
	if len(video) < 40 || len(audio) < 55 {
		t.Fatalf("%d pictures and %d sounds in 1.5 s", len(video), len(audio))
	}
	rising(t, "picture", video, 35)
	rising(t, "sound", audio, 25)
	if !strings.Contains(video[0].Flag, "K") {
		t.Error("it does not begin with a key frame")
	}
	// Which of the film's key frames it began with shows in the sizes.
	first := 0
	for i := 0; i < len(sent); i += 15 {
		if sent[i].Size == video[0].Size && sent[i+1].Size == video[1].Size {
			first = i
		}
	}
	reordered := 0
	for i, p := range video {
		want := sent[(first+i)%len(sent)]
		if p.Size != want.Size || p.PTS-p.DTS != want.PTS-want.DTS {
			t.Errorf("picture %d: %s bytes, shown %d ms after it is decoded, want %s and %d", i, p.Size, p.PTS-p.DTS, want.Size, want.PTS-want.DTS)
		}
		if p.PTS != p.DTS {
			reordered++
		}
	}
	if reordered == 0 {
		t.Error("no B-frames came: this tests nothing")
	}
}

func TestFFmpegPlaysOnThroughATakeOver(t *testing.T) {
	file := film(t)
	h := open(t)
	key := h.keys.make("ann")
	h.streams(file, key)
	h.frames("ann", 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		time.Sleep(time.Second)
		h.streams(file, key)
	})
	video, audio := packets(t, h.keeps("ann", "-t", "3"))
	if len(video) < 70 || len(audio) < 90 {
		t.Fatalf("%d pictures and %d sounds in 3 s", len(video), len(audio))
	}
	rising(t, "picture", video, 1000)
	rising(t, "sound", audio, 1000)
	h.logs("took this channel over")
}

func TestFFmpegIsToldWhenTheBroadcastEnds(t *testing.T) {
	file := film(t)
	h := open(t)
	end := h.closing()
	h.streams(file, h.keys.make("ann"))
	h.frames("ann", 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { time.Sleep(1500 * time.Millisecond); end() })
	if video, _ := packets(t, h.keeps("ann")); len(video) < 20 {
		t.Errorf("%d pictures", len(video))
	}
}

func TestFFprobeFindsSizeRateAndSound(t *testing.T) {
	file := film(t)
	need(t, "ffprobe")
	h := open(t)
	h.streams(file, h.keys.make("ann"))
	h.frames("ann", 1)
	out := run(t, true, "ffprobe", "-show_entries", "stream=codec_name,width,height,avg_frame_rate,sample_rate,channels", "-of", "compact",
		"rtmp://"+h.Addr().String()+"/live/ann")
	if !containsAll(out, []string{"h264", "width=160", "height=120", "30/1", "aac", "sample_rate=44100", "channels=1"}) {
		t.Errorf("ffprobe says %s", out)
	}
}

func TestFFmpegReadsWhyItCannotPlay(t *testing.T) {
	need(t, "ffmpeg")
	h := open(t)
	out := run(t, false, "ffmpeg", "-i", "rtmp://"+h.Addr().String()+"/live/bob", "-f", "null", "-")
	if !strings.Contains(out, "no channel of that name is on air") {
		t.Errorf("ffmpeg says %s", out)
	}
}
