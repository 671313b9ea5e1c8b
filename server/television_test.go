package server_test

import (
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"echo.tv/server/servertest"
)

// TestAWholeHostServesMPEGTSToFFmpegAndStopsCleanly goes all the way: ffmpeg
// publishes B-frames by RTMP, ffmpeg watches by MPEG-TS while it is live, and
// viewers still wait for it when the host stops.
func TestAWholeHostServesMPEGTSToFFmpegAndStopsCleanly(t *testing.T) {
	servertest.NeedTool(t, "ffmpeg")
	clip := servertest.SmallClip
	clip.BFrames = 2
	clip.File(t)
	before := runtime.NumGoroutine()
	h := servertest.Start(t)
	ann := h.Owner(t, "ann")
	key, err := ann.NewKey("desktop")
	if err != nil {
		t.Fatal(err)
	}
	obs := servertest.Publish(t, clip, h.RTMP+"/"+key.Secret)
	servertest.Eventually(t, ann.Is("ann", "live"))
	tv := h.URL + "/hls/ann/ts/index.m3u8"
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-xerror", "-i", tv, "-t", "3", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
	if e, err := ann.Channel("ann"); err != nil || e.Viewers != 1 {
		t.Errorf("%d viewers, %v", e.Viewers, err)
	}
	var crowd sync.WaitGroup
	watching := &http.Client{Transport: &http.Transport{}}
	for range 20 {
		crowd.Go(func() {
			for {
				res, err := watching.Get(tv)
				if err != nil {
					return // the host is gone
				}
				res.Body.Close()
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	if err := h.Stop(); err != nil {
		t.Error(err)
	}
	crowd.Wait()
	obs.Kill()
	watching.CloseIdleConnections()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	servertest.GoneHome(t, before)
	if n := h.Recovered(); n > 0 || strings.Contains(h.Log.String(), "left frames out") {
		t.Errorf("%d panics; the log:\n%s", n, h.Log)
	}
}
