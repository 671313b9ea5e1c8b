package history

import (
	"time"

	"echo.tv/server/live"
)

// tally is a broadcast that goes on. Its End is the second in which it was last
// seen on air.
type tally struct {
	Broadcast
	came           time.Time // when the publisher that was seen last was accepted
	received, sent uint64    // the channel's counts when they were last looked at
}

// begin takes a broadcast from its first picture on. Whole milliseconds are what
// the store keeps.
func begin(s live.Status) *tally {
	start := s.Since.UTC().Truncate(time.Millisecond)
	return &tally{Broadcast: Broadcast{Channel: s.Channel, Start: start, End: start, Open: true}, came: s.Came}
}

// see takes a second on air into account.
func (t *tally) see(s live.Status, now time.Time) {
	if now.Sub(t.End) > 2*time.Second && t.Measured > 0 || !s.Came.Equal(t.came) {
		t.Interruptions++
	}
	t.came = s.Came
	t.End = now.UTC().Truncate(time.Millisecond)
	t.Peak = max(t.Peak, s.Viewers)
	t.Watched += s.Viewers
	t.Measured++
	received, sent := s.Received.Bytes(), uint64(0)
	for _, n := range s.SentBy {
		sent += n
	}
	t.Received += since(&t.received, received)
	t.Sent += since(&t.sent, sent)
}

// since returns how much was added to a count that may have begun anew.
func since(last *uint64, now uint64) uint64 {
	was := *last
	if *last = now; now < was {
		return now
	}
	return now - was
}

// unseen reports whether the broadcast is over.
func (t *tally) unseen(now time.Time) bool { return now.Sub(t.End) > apart }
