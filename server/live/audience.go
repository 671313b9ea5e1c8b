package live

import (
	"sync"
	"time"
)

// Path is how media reaches a viewer.
type Path string

// The paths. ByPeer is another echo.tv that relays to viewers of its own.
const (
	ByPush Path = "push"
	ByHLS  Path = "hls"
	ByTS   Path = "ts"
	ByRTSP Path = "rtsp"
	ByRTMP Path = "rtmp"
	ByPeer Path = "peer"
)

// Paths lists every path, in the order in which they are shown.
var Paths = []Path{ByPush, ByHLS, ByTS, ByRTSP, ByRTMP, ByPeer}

// A viewer counts while it took media in the last viewerTTL: one per player
// session, not per request or socket.
const viewerTTL = 15 * time.Second

// maxAudience bounds the table against invented ids; 200 viewers is what this
// product is for. Further ids are served, not counted.
const maxAudience = 4096

// audience counts player sessions. Safe for concurrent use.
type audience struct {
	mu   sync.Mutex
	seen map[string]seat // guarded by mu
}

type seat struct {
	at     time.Time
	path   Path
	people int
}

func newAudience() *audience { return &audience{seen: make(map[string]seat)} }

// note takes id for people viewers. Who changes from one path to another is
// still one viewer.
func (a *audience) note(id string, s seat) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.seen[id]; known || len(a.seen) < maxAudience {
		a.seen[id] = s
	}
}

func (a *audience) count(now time.Time) (sum int, by map[Path]int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	by = make(map[Path]int)
	for id, s := range a.seen {
		if now.Sub(s.at) > viewerTTL {
			delete(a.seen, id)
			continue
		}
		sum += s.people
		by[s.path] += s.people
	}
	return sum, by
}
