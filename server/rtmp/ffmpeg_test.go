package rtmp

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// need skips the test where a program is missing, or fails it where the suite
// promised that nothing is.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("ECHOTV_TEST_STRICT") != "" {
			t.Fatalf("%s is missing; make test installs it", program)
		}
		t.Skipf("%s is not installed; make test installs it", program)
	}
}

// run runs a program and returns what it says; it fails the test when the
// program's success is not as wanted.
func run(t *testing.T, succeed bool, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, append([]string{"-v", "error"}, args...)...).CombinedOutput()
	if (err == nil) != succeed {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// film returns a file of two seconds with three B-frames, a key frame every half
// second, and a 44.1 kHz tone.
func film(t *testing.T) string {
	t.Helper()
	need(t, "ffmpeg")
	b, err := shoot()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "film.flv")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var shoot = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "film")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "film.flv")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=30", "-f", "lavfi", "-i", "sine=r=44100:b=2", "-t", "2",
		"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "15", "-sc_threshold", "0", "-bf", "3", "-c:a", "aac", file).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("ffmpeg: %w\n%s", err, out)
	}
	return os.ReadFile(file)
})

// packet is what ffprobe tells of one.
type packet struct {
	Type string `json:"codec_type"`
	PTS  int64  `json:"pts"` // ms in FLV
	DTS  int64  `json:"dts"`
	Size string `json:"size"`
	Flag string `json:"flags"`
}

func packets(t *testing.T, file string) (video, audio []packet) {
	t.Helper()
	need(t, "ffprobe")
	var all struct{ Packets []packet }
	if err := json.Unmarshal([]byte(run(t, true, "ffprobe", "-show_packets", "-of", "json", file)), &all); err != nil {
		t.Fatal(err)
	}
	for _, p := range all.Packets {
		if p.Type == "video" {
			video = append(video, p)
		} else {
			audio = append(audio, p)
		}
	}
	return video, audio
}

func TestWhatFFmpegSendsIsWhatTheHubGets(t *testing.T) {
	file := film(t)
	video, audio := packets(t, file)
	h := open(t)
	run(t, true, "ffmpeg", "-i", file, "-c", "copy", "-f", "flv", "rtmp://"+h.Addr().String()+"/live/"+h.keys.make("ann"))
	h.offAir("ann")
	var pictures, sounds []live.Frame
	for _, c := range h.tape("ann").all() {
		if c.Frame.Track == 0 {
			pictures = append(pictures, c.Frame)
		} else {
			sounds = append(sounds, c.Frame)
		}
	}
	if len(pictures) != len(video) || len(sounds) < len(audio)-3 { // sound from before the first picture is dropped
		t.Fatalf("%d of %d pictures and %d of %d sounds came", len(pictures), len(video), len(sounds), len(audio))
	}
	reordered := 0
	for i, p := range pictures {
		want := video[i]
		if p.Key != strings.Contains(want.Flag, "K") {
			t.Errorf("picture %d: key %v, ffprobe says %s", i, p.Key, want.Flag)
		}
		if p.PTS-p.DTS != (want.PTS-want.DTS)*90 {
			t.Errorf("picture %d is shown %d ticks after it is decoded, ffprobe says %d ms", i, p.PTS-p.DTS, want.PTS-want.DTS)
		}
		if d := p.DTS - pictures[0].DTS; d != (want.DTS-video[0].DTS)*90 {
			t.Errorf("picture %d at %d ticks, ffprobe says %d ms", i, d, want.DTS-video[0].DTS)
		}
		if strconv.Itoa(len(p.Payload)) != want.Size {
			t.Errorf("picture %d has %d bytes, ffprobe says %s", i, len(p.Payload), want.Size)
		}
		if p.PTS != p.DTS {
			reordered++
		}
	}
	if reordered == 0 {
		t.Error("the clip has no B-frames: it tests nothing")
	}
	if got := h.tape("ann").all()[0].Init.Tracks[0].KeyInterval; got != live.Second/2 {
		t.Errorf("x264 said a key frame every half second, we understood %d ticks", got)
	}
	h.logs("channel=", "the publisher stopped")
}

func TestTheKeyIsFoundWhereverPeoplePutIt(t *testing.T) {
	file := film(t)
	for name, args := range map[string]func(host, key string) []string{
		"as OBS sends it":          func(host, key string) []string { return []string{"rtmp://" + host + "/live/" + key} },
		"a slash too many":         func(host, key string) []string { return []string{"rtmp://" + host + "/live/" + key + "/"} },
		"user and password behind": func(host, key string) []string { return []string{"rtmp://" + host + "/live/" + key + "?user=u&pass=p"} },
		"query in the server box": func(host, key string) []string {
			return []string{"-rtmp_app", "live?x=1", "-rtmp_playpath", key, "rtmp://" + host}
		},
		"all in the server box": func(host, key string) []string {
			return []string{"-rtmp_app", "live/" + key, "-rtmp_playpath", "", "rtmp://" + host}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			run(t, true, "ffmpeg", append([]string{"-i", file, "-c", "copy", "-f", "flv"}, args(h.Addr().String(), h.keys.make("ann"))...)...)
			h.frames("ann", 60)
		})
	}
}

func TestFFmpegsWaysOfWritingFLVAreAllRead(t *testing.T) {
	file := film(t)
	for _, flags := range []string{"aac_seq_header_detect+no_sequence_end", "no_metadata"} {
		t.Run(flags, func(t *testing.T) {
			h := open(t)
			run(t, true, "ffmpeg", "-i", file, "-c", "copy", "-flvflags", flags, "-f", "flv", "rtmp://"+h.Addr().String()+"/live/"+h.keys.make("ann"))
			got := h.frames("ann", 140)
			if n := len(got[0].Init.Tracks); n != 2 {
				t.Errorf("%d tracks", n)
			}
		})
	}
}

func TestFFmpegSaysWhatWasWrong(t *testing.T) {
	file := film(t)
	for name, tc := range map[string]struct {
		path string
		want string
	}{
		"a key nobody has":  {"/live/" + tv.NewStreamKey().Reveal(), "nobody here has that stream key"},
		"no key at all":     {"/live/", "one stream key must follow"},
		"not a key":         {"/live/hello", "not a stream key of this host"},
		"an unknown server": {"/stream/hello", "must end in /live"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			began := time.Now()
			out := run(t, false, "ffmpeg", "-i", file, "-c", "copy", "-f", "flv", "rtmp://"+h.Addr().String()+tc.path)
			if !strings.Contains(out, tc.want) {
				t.Errorf("ffmpeg says %q, want %q", out, tc.want)
			}
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("after %v", d)
			}
			h.logs("connection closed", tc.want)
			if tried := filepath.Base(tc.path); tried != "live" && strings.Contains(h.log.String(), tried) {
				t.Error("what was tried as a key stands in the log")
			}
		})
	}
}

func TestFFmpegsSorensonAndMP3AreRefusedOrDoneWithout(t *testing.T) {
	need(t, "ffmpeg")
	h := open(t)
	address := "rtmp://" + h.Addr().String() + "/live/"
	input := []string{"-f", "lavfi", "-i", "testsrc2=s=160x120:r=30", "-f", "lavfi", "-i", "sine=r=44100", "-t", "1"}
	exec.CommandContext(t.Context(), "ffmpeg", append(input, "-c:v", "flv1", "-c:a", "aac", "-f", "flv", address+h.keys.make("old"))...).Run()
	h.logs("channel=", "viewers cannot play this video", "H.264 encoder")
	run(t, true, "ffmpeg", append(input, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "libmp3lame", "-f", "flv", address+h.keys.make("mp3"))...)
	if got := h.frames("mp3", 30); len(got[0].Init.Tracks) != 1 {
		t.Errorf("%d tracks", len(got[0].Init.Tracks))
	}
	if n := strings.Count(h.log.String(), "sound dropped"); n != 1 {
		t.Errorf("the MP3 is complained about %d times", n)
	}
}
