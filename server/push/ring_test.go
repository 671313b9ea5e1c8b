package push

import (
	"log/slog"
	"runtime"
	"testing"

	"echo.tv/server/live"
)

// A publisher whose GOP never ends cannot make a channel hold more than the
// ring's budget.
func TestAChannelHoldsNoMoreThanItsBudget(t *testing.T) {
	init := &live.Init{ID: 1, Tracks: []live.Track{{Codec: live.H264{}}}}
	c := newChannel(onAir(), 1, New(Config{Codecs: func([]live.Track) string { return "" }}))
	before := heap()
	for i := range int64(300) {
		c.WriteChunk(&live.Chunk{Frame: live.Frame{DTS: i, PTS: i, Key: i == 0}, Init: init, Data: make([]byte, 1<<20)})
	}
	if held := heap() - before; held > ringBytes+8<<20 {
		t.Errorf("%d MiB of 300 are held", held>>20)
	}
	for i := range int64(300) { // sound of a clock that stands still
		c.WriteChunk(&live.Chunk{Frame: live.Frame{Track: 1, DTS: 300 + i, PTS: 300 + i}, Init: init, Data: make([]byte, 1<<20)})
	}
	if held := heap() - before; held > ringBytes+8<<20 {
		t.Errorf("with sound %d MiB of 600 are held", held>>20)
	}
	runtime.KeepAlive(c)
}

// onAir returns a channel of a hub.
func onAir() (ch *live.Channel) {
	h := live.NewHub(live.Config{Log: slog.New(slog.DiscardHandler), Outputs: []func(*live.Channel) live.Output{func(c *live.Channel) live.Output { ch = c; return nil }}})
	h.Publish(live.Publisher{Channel: "ann"})
	return ch
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
