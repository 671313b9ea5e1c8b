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
	audience audience
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
	ch := &Channel{name: name, hub: h}
	ch.status.Store(&Status{Channel: name, State: Starting})
	for _, attach := range h.cfg.Outputs {
		ch.outputs = append(ch.outputs, attach(ch))
	}
	return ch
}

// Name returns the channel's name.
func (ch *Channel) Name() tv.ChannelName { return ch.name }

// Seen notes that the player session called id took media just now.
func (ch *Channel) Seen(id string) { ch.audience.note(id, time.Now()) }

// Still returns the newest picture put aside, nil before the first.
func (ch *Channel) Still() *Still { return ch.still.Load() }

// Status returns a copy of the channel's status.
func (ch *Channel) Status() Status {
	s := *ch.status.Load()
	s.Viewers = ch.audience.count(time.Now())
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

// release ends the outputs if s still feeds them, and reports whether it did.
func (ch *Channel) release(s *Session) bool {
	ch.write.Lock()
	defer ch.write.Unlock()
	if ch.session != s {
		return false
	}
	for _, o := range ch.outputs {
		o.End()
	}
	return true
}

// lostAfter is how long a publisher may send no media before viewers are told
// that its signal is lost; the picture stays.
const lostAfter = 3 * time.Second

// checkSilence marks a channel whose publisher has sent nothing for too long.
// The next frame marks it live again.
func (ch *Channel) checkSilence(now time.Time) {
	ch.write.Lock()
	defer ch.write.Unlock()
	if s := ch.session; s.status.State == Live && now.Sub(ch.clock.endAt) > lostAfter {
		s.status.State = Lost
		s.log.Info("signal lost", "silent", now.Sub(ch.clock.endAt).Round(time.Second))
		s.show()
		ch.hub.change()
	}
}
