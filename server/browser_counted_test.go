package server_test

import (
	"testing"
	"time"

	"echo.tv/server/servertest"
)

// TestAPageThatFallsBackIsStillOneViewer watches the count, by every way to ask,
// while a real page changes from frame push to LL-HLS.
func TestAPageThatFallsBackIsStillOneViewer(t *testing.T) {
	servertest.SmallClip.File(t)
	h := servertest.Start(t, builtUI(t))
	ann := h.Owner(t, "ann")
	key, err := ann.NewKey("desktop")
	if err != nil {
		t.Fatal(err)
	}
	servertest.Publish(t, servertest.SmallClip, h.RTMP+"/"+key.Secret)
	servertest.Eventually(t, ann.Is("ann", "live"))
	a := &audience{t: t, host: h}
	stays := func(when string) {
		t.Helper()
		for range 4 {
			if why := a.counts(1)(); why != "" {
				t.Errorf("%s: %s", when, why)
			}
			time.Sleep(500 * time.Millisecond)
		}
	}
	j := start(t, "counted.mjs", h.URL, "ann")
	if got := j.reaches("push"); got["requests"] != 0.0 || got["sockets"] != 1.0 { // the one that began before the page
		t.Errorf("by push the page asked for HLS, or opened more than one socket: %v", got)
	}
	stays("by push")
	j.goOn()
	got := j.reaches("hls")
	ids, _ := got["ids"].([]any)
	if len(ids) != 1 || len(ids[0].(string)) != 24 {
		t.Errorf("its requests say %v", ids)
	}
	if got["address"] != "/#/stat" || got["watching"] != "1" {
		t.Errorf("who typed /stat sees %v at %v", got["watching"], got["address"])
	}
	stays("by LL-HLS")
	j.goOn()
	if got := j.reaches("later"); got["ids"] != 1.0 || got["watching"] != "1" {
		t.Errorf("later: %v", got)
	}
}
