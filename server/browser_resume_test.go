package server_test

import (
	"strings"
	"testing"
	"time"

	"echo.tv/server/servertest"
)

// One page is never reloaded while the publisher is killed, comes back with
// another picture, stops, comes back and jumps an hour ahead in its timestamps.
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
		if delay, _ := now["delay"].(float64); delay <= 0 || delay > 5 {
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
	if !strings.Contains(h.Log.String(), "clock jumped") {
		t.Error("the clock never jumped")
	}
	if n := h.Recovered(); n > 0 {
		t.Errorf("%d handlers failed", n)
	}
}
