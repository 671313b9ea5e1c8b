//go:build unix

package server_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"echo.tv/server/servertest"
)

// told is what /api/me/coach says.
type told struct {
	Health string
	Advice []struct{ ID, Severity, Text, Fix string }
}

// clip makes a file that a bad encoder might have sent.
func clip(t *testing.T, dir, name, args string) string {
	t.Helper()
	file := filepath.Join(dir, name+".flv")
	all := append([]string{"-v", "error"}, strings.Fields(args)...)
	if out, err := exec.Command("ffmpeg", append(all, file)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return file
}

const (
	testPicture = "-f lavfi -i testsrc2=s=320x180:r=30 "
	tone        = "-f lavfi -i sine=r=48000:b=2 "
	nothing     = "-f lavfi -i anullsrc=r=48000:cl=stereo "
	x264        = " -c:v libx264 -preset ultrafast -pix_fmt yuv420p -b:v 400k -maxrate 400k -bufsize 400k "
	aac         = " -c:a aac -b:a 128k "
)

// The coach sees real streams, each bad in its own way, and says of each what is
// wrong with it and nothing else.
func TestTheCoachKnowsBadStreamsFromAGoodOne(t *testing.T) {
	servertest.NeedTool(t, "ffmpeg")
	h := servertest.Start(t)
	h.Owner(t, "olga")
	dir := t.TempDir()
	good := clip(t, dir, "good", testPicture+tone+"-t 60"+x264+"-g 30 -bf 0"+aac) // longer than anybody listens
	cases := []struct {
		name, want, says, file string
		send                   []string // after the input
		trouble                func(*servertest.OBS)
	}{
		{name: "good", file: good},
		{name: "slowkeys", want: "key_interval", says: "every 8 s; 1 s is wanted", file: clip(t, dir, "keys", testPicture+tone+"-t 16"+x264+"-g 240 -keyint_min 240 -sc_threshold 0 -bf 0"+aac)},
		{name: "silent", want: "sound", says: "silent for 1", file: clip(t, dir, "silent", testPicture+nothing+"-t 12"+x264+"-g 30 -bf 0"+aac)},
		{name: "mute", want: "sound", says: "no sound", file: clip(t, dir, "mute", testPicture+"-t 12"+x264+"-g 30 -bf 0")},
		{name: "slideshow", want: "fps", says: "5 pictures a second come; 30", file: clip(t, dir, "fps", testPicture+tone+"-t 12 -vf select=not(mod(n\\,6)) -fps_mode vfr"+x264+"-g 6 -bf 0"+aac)},
		{name: "jumpy", want: "bitrate", says: "bit rate jumps between", file: clip(t, dir, "rate", testPicture+tone+"-t 24 -vf geq=lum='if(gt(mod(T\\,12)\\,6)\\,random(0)*255\\,128)':cb=128:cr=128 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -crf 35 -g 30 -bf 0"+aac)},
		{name: "bframes", want: "b_frames", says: "B-frames hold each picture back by 100 ms", file: clip(t, dir, "bf", testPicture+tone+"-t 12"+x264+"-g 30 -bf 2 -b_strategy 0"+aac)},
		{name: "clock", want: "clock", says: "clock jumped 1 time", file: good, send: strings.Fields("-bsf:v setts=ts=TS+gte(TS\\,6000)*3600000 -bsf:a setts=ts=TS+gte(TS\\,6000)*3600000")},
		{name: "wifi", want: "stalls", says: "late", file: good, trouble: freeze},
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, c := range cases {
		client, key := h.Streamer(t, c.name)
		o := servertest.PublishFile(t, c.file, h.RTMP+"/"+key.Secret, c.send...)
		if c.trouble != nil {
			all.Go(func() { c.trouble(o) })
		}
		all.Go(func() {
			if err := coached(client, c.want, c.says); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		})
	}
}

// freeze holds an encoder up as a bad radio does.
func freeze(o *servertest.OBS) {
	time.Sleep(10 * time.Second)
	for range 3 {
		o.Signal(syscall.SIGSTOP)
		time.Sleep(1300 * time.Millisecond)
		o.Signal(syscall.SIGCONT)
		time.Sleep(3 * time.Second)
	}
}

// coached listens for 40 s. It wants the advice, with a fix, and no other; where
// none is wanted it wants the word healthy in the end.
func coached(c *servertest.Client, want, says string) error {
	heard := map[string]string{}
	var last told
	for range 40 {
		time.Sleep(time.Second)
		if err := c.Do("GET", "/me/coach", nil, &last); err != nil {
			return err
		}
		for _, a := range last.Advice {
			if heard[a.ID] = a.Text; a.Fix == "" || a.Severity == "" {
				return fmt.Errorf("advice without a fix: %+v", a)
			}
			if a.ID == want && strings.Contains(a.Text, says) {
				says = ""
			}
		}
		if want != "" && says == "" && len(heard) > 1 {
			break
		}
	}
	switch {
	case want == "" && (len(heard) > 0 || last.Health != "healthy"):
		return fmt.Errorf("%s, %v", last.Health, heard)
	case want != "" && (says != "" || len(heard) != 1):
		return fmt.Errorf("%s, %v; want %s", last.Health, heard, want)
	}
	return nil
}
