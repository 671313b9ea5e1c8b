package server

import (
	"sync"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/stat"
)

// figures tells stat where to read. The parts are made after it.
func (s *Server) figures() stat.Config {
	return stat.Config{
		Version:   s.cfg.Version,
		Channels:  func() []live.Status { return s.hub.On() },
		Traffic:   func() live.Traffic { return s.hub.Traffic() },
		Accepted:  func() uint64 { return s.rtmp.Accepted() },
		Skipped:   s.skipped,
		Recovered: s.Recovered,
		StoreSize: func() int64 { return s.store.Size() },
	}
}

func (s *Server) skipped() map[live.Path]uint64 {
	by := map[live.Path]uint64{live.ByPush: s.push.Skipped(), live.ByRTMP: s.rtmp.Skipped(), live.ByRTSP: 0}
	if s.rtsp != nil {
		by[live.ByRTSP] = s.rtsp.Skipped()
	}
	return by
}

// health remembers what was found: strangers may ask, and must not keep the disk
// busy.
type health struct {
	mu    sync.Mutex
	at    time.Time // guarded by mu
	found []string  // guarded by mu
}

const healthEvery = 5 * time.Second

// faults says what does not work. The other listeners need no look: without one
// of them the server ends.
func (s *Server) faults() []string {
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.at) < healthEvery {
		return h.found
	}
	h.at, h.found = time.Now(), nil
	if s.store.Writable() != nil {
		h.found = append(h.found, "the data folder takes no writes: accounts and settings cannot change")
	}
	if s.cfg.RTSP != "" && s.rtsp == nil {
		h.found = append(h.found, "RTSP is off: another program has its port")
	}
	return h.found
}
