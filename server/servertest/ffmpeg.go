package servertest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Clip is what an ffmpeg publisher sends: a test picture with a running clock
// and a tone.
type Clip struct {
	Size     string // such as 640x360
	Rate     int    // pictures a second
	Interval int    // pictures between key frames
	Kbit     int    // video, kbit/s
	BFrames  int
	Seconds  int // it loops
}

// SmallClip is cheap to make and to decode.
var SmallClip = Clip{Size: "320x180", Rate: 30, Interval: 30, Kbit: 400, Seconds: 10}

var clips sync.Mutex // one is made at a time; the file is kept for the test binary

// File returns the clip as an FLV file, made once per machine.
func (c Clip) File(t testing.TB) string {
	t.Helper()
	NeedTool(t, "ffmpeg")
	clips.Lock()
	defer clips.Unlock()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("echotv-clips-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, fmt.Sprintf("%s-%d-%d-%d-%d-%d.flv", c.Size, c.Rate, c.Interval, c.Kbit, c.BFrames, c.Seconds))
	if _, err := os.Stat(file); err == nil {
		return file
	}
	draft := fmt.Sprintf("%s.%d.flv", file, os.Getpid())
	rate := fmt.Sprintf("%dk", c.Kbit)
	out, err := exec.Command("ffmpeg", "-v", "error", "-y",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=%s:r=%d", c.Size, c.Rate), "-f", "lavfi", "-i", "sine=r=48000:b=2",
		"-t", fmt.Sprint(c.Seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-profile:v", "main",
		"-g", fmt.Sprint(c.Interval), "-keyint_min", fmt.Sprint(c.Interval), "-sc_threshold", "0", "-bf", fmt.Sprint(c.BFrames),
		"-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-c:a", "aac", "-b:a", "128k", "-f", "flv", draft).CombinedOutput()
	if err == nil {
		err = os.Rename(draft, file)
	}
	if err != nil {
		t.Fatalf("making a clip: %v\n%s", err, out)
	}
	return file
}

// NeedTool skips the test where a program is missing, or fails it where the
// suite promised that nothing is.
func NeedTool(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("ECHOTV_TEST_STRICT") != "" {
			t.Fatalf("%s is missing; make test installs it", name)
		}
		t.Skipf("%s is not installed; make test installs it", name)
	}
}

// OBS is an ffmpeg that publishes.
type OBS struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
}

// Publish streams clip to address, in real time and for ever, until the test
// ends or Stop.
func Publish(t testing.TB, clip Clip, address string, args ...string) *OBS {
	t.Helper()
	return PublishFile(t, clip.File(t), address, args...)
}

// PublishFile is Publish for any file that ffmpeg reads.
func PublishFile(t testing.TB, file, address string, args ...string) *OBS {
	t.Helper()
	return publish(t, func(args ...string) *exec.Cmd { return exec.Command("ffmpeg", args...) }, file, address, args...)
}

func publish(t testing.TB, ffmpeg func(args ...string) *exec.Cmd, file, address string, args ...string) *OBS {
	t.Helper()
	all := append([]string{"-v", "error", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy"}, args...)
	kind := "flv"
	if strings.HasPrefix(address, "rtsp:") {
		kind = "rtsp"
	}
	o := &OBS{cmd: ffmpeg(append(all, "-f", kind, address)...), done: make(chan struct{})}
	o.cmd.Stdout, o.cmd.Stderr = &o.out, &o.out
	o.cmd.SysProcAttr = dieWithParent()
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { o.cmd.Wait(); close(o.done) }()
	t.Cleanup(o.Kill)
	return o
}

// Signal sends it sig, such as SIGSTOP to hold it up.
func (o *OBS) Signal(sig syscall.Signal) { o.cmd.Process.Signal(sig) }

// Alive reports whether it still runs.
func (o *OBS) Alive() bool {
	select {
	case <-o.done:
		return false
	default:
		return true
	}
}

// Stop lets it say goodbye, and waits.
func (o *OBS) Stop() { o.end(syscall.SIGINT) }

// Kill ends it without goodbye, and waits.
func (o *OBS) Kill() { o.end(syscall.SIGKILL) }

func (o *OBS) end(sig syscall.Signal) {
	if o.Alive() {
		o.cmd.Process.Signal(sig)
	}
	select {
	case <-o.done:
	case <-time.After(5 * time.Second):
		o.cmd.Process.Kill()
		<-o.done
	}
}

// Ended returns what it printed once it has ended by itself, and whether it has
// within limit.
func (o *OBS) Ended(limit time.Duration) (string, bool) {
	select {
	case <-o.done:
		return o.out.String(), true
	case <-time.After(limit):
		return "", false
	}
}
