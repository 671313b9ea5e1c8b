package live

import (
	"sync"
	"sync/atomic"
	"time"

	"echo.tv/server/tv"
)

// Channel is one channel while it is on air: from its first publisher until it
// is off the air again. Several publishers may follow each other in it; its
// clock, its counters and its outputs go on.
type Channel struct {
	name     tv.ChannelName
	hub      *Hub
	audience *audience
	traffic  *traffic
	watched  int // viewers when the hub last told of a change; belongs to its Run
	status   atomic.Pointer[Status]
	still    atomic.Pointer[Still]

	write   sync.Mutex // the writer lock; everything below is guarded by it
	session *Session
	outputs []Output
	clock   clock
	tracks  []Track
	init    *Init
	inits   uint64
	seq     uint32
	stillAt time.Time
}

// Still is the newest key frame that was put aside as the channel's picture.
type Still struct {
	Seq   uint64
	Track Track
	Frame Frame
}

func newChannel(h *Hub, name tv.ChannelName) *Channel {
	ch := &Channel{name: name, hub: h, audience: newAudience(), traffic: newTraffic()}
	ch.status.Store(&Status{Channel: name, State: Starting})
	for _, attach := range h.cfg.Outputs {
		ch.outputs = append(ch.outputs, attach(ch))
	}
	return ch
}

// Name returns the channel's name.
func (ch *Channel) Name() tv.ChannelName { return ch.name }

// Seen notes that the player session called id took media on path just now.
func (ch *Channel) Seen(path Path, id string) { ch.SeenBy(path, id, 1) }

// SeenBy is Seen for a session behind which people watch, as a relay says.
func (ch *Channel) SeenBy(path Path, id string, people int) {
	ch.audience.note(id, seat{time.Now(), path, people})
}

// Sent counts bytes of media that left on path. It takes two atomic additions.
func (ch *Channel) Sent(path Path, bytes int) {
	ch.traffic.sent[path].Add(uint64(bytes))
	ch.hub.traffic.sent[path].Add(uint64(bytes))
}

// Still returns the newest picture put aside, nil before the first.
func (ch *Channel) Still() *Still { return ch.still.Load() }

// Status returns a copy of the channel's status.
func (ch *Channel) Status() Status {
	s := *ch.status.Load()
	s.Viewers, s.ViewersBy = ch.audience.count(time.Now())
	t := ch.traffic
	s.Received, s.Chunks, s.SentBy, s.Rates = t.received(), t.chunks.Load(), t.sentBy(), *t.rates.Load()
	if p := ch.still.Load(); p != nil {
		s.Picture = p.Seq
	}
	return s
}

// publisher returns the session that feeds the channel.
func (ch *Channel) publisher() *Session {
	ch.write.Lock()
	defer ch.write.Unlock()
	return ch.session
}

// handOver makes s the only session that can write.
func (ch *Channel) handOver(s *Session) {
	ch.write.Lock()
	old := ch.session
	ch.session = s
	ch.clock.release(0)
	ch.tracks = nil
	ch.write.Unlock()
	if old != nil {
		old.cancel(ErrTakenOver)
	}
}

// release takes s off the channel and reports whether it was its publisher. The
// outputs stay: within resumeWithin the next publisher goes on in them.
func (ch *Channel) release(s *Session, state State) bool {
	ch.write.Lock()
	defer ch.write.Unlock()
	if ch.session != s {
		return false
	}
	ch.session = nil
	last := *ch.status.Load()
	last.Publishing = false
	if last.State, last.Bitrate = state, 0; state == Offline {
		last = Status{Channel: ch.name, State: Offline}
	}
	ch.status.Store(&last)
	return true
}

// shown reports whether anything was put on air.
func (ch *Channel) shown() bool {
	ch.write.Lock()
	defer ch.write.Unlock()
	return ch.seq > 0
}

// end lets the readers of every output go.
func (ch *Channel) end() {
	ch.write.Lock()
	defer ch.write.Unlock()
	for _, o := range ch.outputs {
		o.End()
	}
}

// The LIVE rule. A publisher that sends nothing for lostAfter has lost its
// signal. Whoever comes with a key of the channel within resumeWithin of its
// last media goes on in the same playlist, on the same sockets; then it ends.
const (
	lostAfter    = 3 * time.Second
	resumeWithin = 60 * time.Second
)

// tick looks at what changes without any frame, and reports whether the channel
// is over.
func (ch *Channel) tick(now time.Time) (over bool) {
	ch.write.Lock()
	defer ch.write.Unlock()
	silent := now.Sub(ch.clock.endAt)
	s := ch.session
	if s == nil {
		return silent > resumeWithin
	}
	if s.status.State == Live && silent > lostAfter {
		s.status.State, s.status.Bitrate = Lost, 0
		s.log.Info("signal lost", "silent", silent.Round(time.Second))
		s.show()
		ch.hub.change()
	}
	return false
}
