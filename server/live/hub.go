package live

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"echo.tv/server/tv"
)

// Config is what a Hub is made of.
type Config struct {
	Log      *slog.Logger
	Packager Packager
	Outputs  []func(*Channel) Output // one of each is made for every channel that goes on air
}

// Hub holds the channels that are on air. All methods are safe for concurrent
// use.
type Hub struct {
	cfg     Config
	traffic *traffic

	mu      sync.Mutex
	on      map[tv.ChannelName]*Channel // guarded by mu
	closed  bool                        // guarded by mu
	changed chan struct{}               // guarded by changeMu; closed and replaced at every change

	changeMu sync.Mutex
}

// NewHub returns a hub with nothing on air.
func NewHub(cfg Config) *Hub {
	return &Hub{cfg: cfg, traffic: newTraffic(), on: make(map[tv.ChannelName]*Channel), changed: make(chan struct{})}
}

// Publisher says who asks to publish, and from where.
type Publisher struct {
	Channel         tv.ChannelName
	KeyID, KeyLabel string
	Remote          string
}

// Errors that end a session; all are fit to be shown.
var (
	ErrTakenOver = tv.Errorf(tv.Conflict, "a newer publisher took this channel over")
	ErrStopped   = tv.Errorf(tv.Unavailable, "this host is shutting down")
)

// Publish puts p on air as its channel's publisher. A publisher already there
// is a ghost or an older try of the same person: it is cut with ErrTakenOver
// and its viewers go on with p. Errors: Unavailable once Run has ended.
func (h *Hub) Publish(p Publisher) (*Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrStopped
	}
	ch, ok := h.on[p.Channel]
	if !ok {
		ch = newChannel(h, p.Channel)
		h.on[p.Channel] = ch
	}
	s := newSession(h, ch, p)
	ch.handOver(s)
	h.change()
	return s, nil
}

// On returns a copy of every channel that is not off the air, by name.
func (h *Hub) On() []Status {
	all := h.channels()
	out := make([]Status, 0, len(all))
	for _, ch := range all {
		if s := ch.Status(); s.State != Offline {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(string(a.Channel), string(b.Channel)) })
	return out
}

// Traffic returns what went through this host since it started.
func (h *Hub) Traffic() Traffic {
	return Traffic{Received: h.traffic.received(), SentBy: h.traffic.sentBy(), Rates: *h.traffic.rates.Load()}
}

func (h *Hub) channels() []*Channel {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.on))
}

// Status returns a copy of one channel's status, Offline when it is not on air.
func (h *Hub) Status(name tv.ChannelName) Status {
	h.mu.Lock()
	ch := h.on[name]
	h.mu.Unlock()
	if ch == nil {
		return Status{Channel: name, State: Offline}
	}
	return ch.Status()
}

// Changed returns a channel that is closed at the next change of anything that
// On tells. Take it before reading, so that no change is missed.
func (h *Hub) Changed() <-chan struct{} {
	h.changeMu.Lock()
	defer h.changeMu.Unlock()
	return h.changed
}

func (h *Hub) change() {
	h.changeMu.Lock()
	defer h.changeMu.Unlock()
	close(h.changed)
	h.changed = make(chan struct{})
}

// EndKey cuts the publisher that uses the key, telling it reason, and reports
// whether there was one. The channel is off the air when EndKey returns.
func (h *Hub) EndKey(keyID string, reason error) bool {
	return h.end(reason, func(p Publisher) bool { return p.KeyID == keyID })
}

func (h *Hub) end(reason error, match func(Publisher) bool) bool {
	h.mu.Lock()
	var found []*Session
	for _, ch := range h.on {
		if s := ch.publisher(); s != nil && match(s.who) {
			found = append(found, s)
		}
	}
	h.mu.Unlock()
	for _, s := range found {
		s.Close(reason)
	}
	return len(found) > 0
}

// Run watches what changes without any frame, the audience and silence, until
// ctx ends; then it cuts every publisher with ErrStopped and takes no more.
func (h *Hub) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.tick(time.Now())
		case <-ctx.Done():
			h.mu.Lock()
			h.closed = true
			h.mu.Unlock()
			h.end(ErrStopped, func(Publisher) bool { return true })
			for _, ch := range h.channels() {
				h.expire(ch)
			}
			return nil
		}
	}
}

// tick looks after every channel, and tells whoever waits when the number of
// viewers of one is another than it last told.
func (h *Hub) tick(now time.Time) {
	h.traffic.sample(now)
	changed := false
	for _, ch := range h.channels() {
		ch.traffic.sample(now)
		if n, _ := ch.audience.count(now); n != ch.watched {
			ch.watched, changed = n, true
		}
		if ch.tick(now) {
			h.expire(ch)
		}
	}
	if changed {
		h.change()
	}
}

// remove takes s off its channel, if s is still its publisher. A channel that
// showed something waits for the next one.
func (h *Hub) remove(s *Session, state State) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !s.ch.release(s, state) {
		return false
	}
	if !s.ch.shown() {
		h.drop(s.ch)
	}
	h.change()
	return true
}

// expire ends a channel unless a publisher has come back to it.
func (h *Hub) expire(ch *Channel) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ch.publisher() == nil {
		h.drop(ch)
		h.change()
	}
}

// drop is called with mu held.
func (h *Hub) drop(ch *Channel) {
	if h.on[ch.name] == ch {
		delete(h.on, ch.name)
		ch.end()
	}
}
