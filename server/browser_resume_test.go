package server_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"echo.tv/server/rtmp"
	"echo.tv/server/servertest"
	"echo.tv/server/testcard"
	"echo.tv/server/tv"
)

// One page is never reloaded while the publisher is killed, comes back with
// another picture, stops, comes back, jumps an hour ahead in its timestamps, and
// is taken over by one that jumps an hour back.
func TestAPageGoesOnWhateverThePublisherDoes(t *testing.T) {
	for _, path := range []string{"push", "hls"} {
		t.Run(path, func(t *testing.T) { resume(t, path) })
	}
}

func resume(t *testing.T, path string) {
	h := servertest.Start(t, builtUI(t))
	key, err := h.Owner(t, "ann").NewKey("desktop")
	if err != nil {
		t.Fatal(err)
	}
	small, large := servertest.SmallClip, servertest.SmallClip
	large.Size, large.Rate, large.Interval = "640x360", 25, 50
	jumper := small
	jumper.Seconds = 40 // the filter below does not live through a loop
	for _, clip := range []servertest.Clip{small, large, jumper} {
		clip.File(t)
	}
	address := h.RTMP + "/" + key.Secret

	obs := servertest.Publish(t, small, address)
	j := start(t, "resume.mjs", h.URL, "ann", path)
	plays := func(place string, width float64) {
		t.Helper()
		now := j.reaches(place)
		t.Logf("%s: %v", place, now)
		if now["same"] != true || now["width"] != width {
			t.Errorf("%s: the page shows %v", place, now)
		}
		if delay, shown := now["delay"].(float64); !shown || delay > 5 { // 0.0 is what a page shows that is less than 50 ms behind
			t.Errorf("%s: %v s behind", place, now["delay"])
		}
		if errs, _ := now["errors"].([]any); len(errs) > 0 {
			t.Errorf("%s: the page complained: %v", place, errs)
		}
	}
	plays("playing", 320)

	obs.Kill()
	j.goOn()
	if lost := j.reaches("lost"); lost["brightest"].(float64) < 60 {
		t.Errorf("the last picture is gone: %v", lost)
	}
	obs = servertest.Publish(t, large, address)
	j.goOn()
	plays("back", 640)

	obs.Stop()
	j.goOn()
	j.reaches("offline")
	jump := time.Now().Add(8 * time.Second)
	servertest.Publish(t, jumper, address,
		"-bsf:v", "setts=pts=PTS+gte(N\\,240)*3600/TB:dts=DTS+gte(N\\,240)*3600/TB",
		"-bsf:a", "setts=pts=PTS+gte(N\\,375)*3600/TB:dts=DTS+gte(N\\,375)*3600/TB")
	j.goOn()
	plays("again", 320)
	time.Sleep(time.Until(jump) + 3*time.Second)
	j.goOn()
	plays("jumped", 320)
	jump = time.Now().Add(8 * time.Second)
	publishBackwards(t, h, key.Secret)
	j.goOn()
	plays("taken over", 1280)
	time.Sleep(time.Until(jump) + 3*time.Second)
	j.goOn()
	plays("jumped back", 1280)
	if n := strings.Count(h.Log.String(), "clock jumped"); n < 2 {
		t.Errorf("the clock jumped %d times", n)
	}
	if n := h.Recovered(); n > 0 {
		t.Errorf("%d handlers failed", n)
	}
}

// publishBackwards sends the test picture, an hour ahead for its first eight
// seconds: ffmpeg takes no clock that goes back.
func publishBackwards(t *testing.T, h *servertest.Host, secret string) {
	key, err := tv.ParseStreamKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	addr, _, _ := strings.Cut(strings.TrimPrefix(h.RTMP, "rtmp://"), "/")
	line, err := rtmp.Dial(t.Context(), addr, key, "a clock that goes back")
	if err != nil {
		t.Fatal(err)
	}
	var playing sync.WaitGroup
	playing.Go(func() { testcard.Play(t.Context(), ahead{line}) })
	t.Cleanup(func() { line.Close(); playing.Wait() }) // the context of t has ended
}

type ahead struct{ testcard.Line }

func (a ahead) Send(kind byte, at time.Duration, body []byte) error {
	if at < 8*time.Second {
		at += time.Hour
	}
	return a.Line.Send(kind, at, body)
}
