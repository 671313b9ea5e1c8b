package live

import (
	"sync"
	"time"
)

// A viewer counts while it took media in the last viewerTTL: one per player
// session, not per request or socket.
const viewerTTL = 15 * time.Second

// maxAudience bounds the table against invented ids; 200 viewers is what this
// product is for. Further ids are served, not counted.
const maxAudience = 4096

// audience counts player sessions. Safe for concurrent use.
type audience struct {
	mu   sync.Mutex
	seen map[string]time.Time // guarded by mu
}

func (a *audience) note(id string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = make(map[string]time.Time)
	}
	if _, known := a.seen[id]; known || len(a.seen) < maxAudience {
		a.seen[id] = now
	}
}

func (a *audience) count(now time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, at := range a.seen {
		if now.Sub(at) > viewerTTL {
			delete(a.seen, id)
		}
	}
	return len(a.seen)
}
