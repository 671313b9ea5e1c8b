package rtsp

import (
	"runtime"
	"testing"

	"echo.tv/server/live"
)

// A publisher whose GOP never ends cannot make a channel hold more than the
// ring's budget.
func TestAChannelHoldsNoMoreThanItsBudget(t *testing.T) {
	init := &live.Init{ID: 1, Tracks: []live.Track{{Codec: live.H264{}}}}
	c := newChannel(nil, nil)
	before := heap()
	for i := range int64(300) {
		data := make([]byte, 1<<20)
		c.WriteChunk(&live.Chunk{Frame: live.Frame{DTS: i, PTS: i, Key: i == 0, Payload: data[100:]}, Init: init, Data: data})
	}
	if held := heap() - before; held > ringBytes+8<<20 {
		t.Errorf("%d MiB of 300 are held", held>>20)
	}
	runtime.KeepAlive(c)
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
