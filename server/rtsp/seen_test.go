package rtsp

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
)

func TestAPlayerByUDPThatNoLongerReportsIsNoViewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on *live.Channel
		hub := live.NewHub(live.Config{Log: slog.New(slog.DiscardHandler), Packager: cmaf.Packager{},
			Outputs: []func(*live.Channel) live.Output{func(ch *live.Channel) live.Output { on = ch; return nil }}})
		if _, err := hub.Publish(live.Publisher{Channel: "ann"}); err != nil {
			t.Fatal(err)
		}
		of := &stream{channel: &channel{live: on}}
		reports := &player{udp: true, id: "reports", stream: of}
		silent := &player{udp: true, id: "never did", stream: of}
		tick := func(seconds int) {
			for range seconds {
				time.Sleep(time.Second)
				reports.seen()
				silent.seen()
			}
		}
		for range 4 {
			reports.reports.Add(1)
			tick(8)
		}
		if n := hub.Status("ann").Viewers; n != 2 {
			t.Errorf("%d viewers while both are there", n)
		}
		tick(16)
		if n := hub.Status("ann").Viewers; n != 1 {
			t.Errorf("%d viewers, after one fell silent", n)
		}
		silent.alone = true
		tick(16)
		if n := hub.Status("ann").Viewers; n != 0 {
			t.Errorf("%d viewers, after the other's connection ended", n)
		}
	})
}
