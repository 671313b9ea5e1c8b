package server_test

import (
	"testing"
	"time"

	"echo.tv/server/servertest"
)

// A cable that is pulled says goodbye to nobody: no FIN, no RST, only silence.
// The streamer's is out for six seconds and the viewer's for twenty, on machines
// of their own; the page is never reloaded.
func TestAPageGoesOnWhenACableWasOut(t *testing.T) {
	for _, path := range []string{"push", "hls"} {
		t.Run(path, func(t *testing.T) { pull(t, path) })
	}
}

func pull(t *testing.T, path string) {
	builtUI(t) // which the program below has embedded
	n := servertest.NewNetwork(t)
	host, streamer, phone := n.Machine("host-pc"), n.Machine("ann-pc"), n.Machine("phone")
	host.Start(build(t))
	key := host.Own("ann")
	servertest.SmallClip.File(t)
	streamer.PublishTo(host, servertest.SmallClip, key)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of host-pc:\n%s", host.Log)
		}
	})
	j := startWith(t, phone.Command, "cable.mjs", "http://"+host.Addr.String()+":5175", "ann", path)
	plays := func(place string) {
		t.Helper()
		now := j.reaches(place)
		t.Logf("%s: %v", place, now)
		if delay, shown := now["delay"].(float64); now["same"] != true || !shown || delay > 5 { // 0.0 is less than 50 ms
			t.Errorf("%s: the page shows %v", place, now)
		}
		if errs, _ := now["errors"].([]any); len(errs) > 0 {
			t.Errorf("%s: the page complained: %v", place, errs)
		}
	}
	holds := func(place string) {
		t.Helper()
		if now := j.reaches(place); now["brightest"].(float64) < 60 {
			t.Errorf("%s: the last picture is gone: %v", place, now)
		}
	}
	plays("playing")

	out := time.Now()
	streamer.Unplug()
	j.goOn()
	holds("lost")
	time.Sleep(time.Until(out.Add(6 * time.Second)))
	streamer.Plug()
	j.goOn()
	plays("back")

	out = time.Now()
	phone.Unplug()
	j.goOn()
	holds("cut")
	time.Sleep(time.Until(out.Add(20 * time.Second)))
	phone.Plug()
	j.goOn()
	plays("again")
}
