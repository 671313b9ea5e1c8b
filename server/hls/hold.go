package hls

import (
	"context"
	"slices"
	"sync"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tcp"
)

const batch = 64 // answers that a goroutine writes: half a millisecond, for which another core is worth waking

// hold is a blocking reload of a lane while it waits for news.
type hold struct {
	reload
	since time.Time
	quick *tcp.Writer // of the lane's connection, nil when there is none
	kick  func()      // ends the lane's read

	waits   bool       // guarded by the mu of holds
	over    bool       // guarded by the mu of holds; there is news for it
	writing sync.Mutex // from the moment that it waits no more until it is answered
	unsent  []byte     // guarded by writing; what the lane has to write of the answer
}

// holds are the reloads of a channel that wait for its next part. One goroutine
// answers them all, while the lanes sleep in the read that brings their next
// request: so a part wakes a lane once and not twice. That goroutine waits for no
// viewer. A lane whose part is late comes back for its hold by itself.
type holds struct {
	mu      sync.Mutex
	all     []*hold // guarded by mu
	running bool    // guarded by mu
}

// enlist reports whether h waits now, to be answered or withdrawn. There has to
// be something to wait for.
func (g *segmenter) enlist(h *hold, srv *Server) bool {
	hs := &g.holds
	hs.mu.Lock()
	defer hs.mu.Unlock()
	s := g.snap.Load()
	if !s.ready() || s.has(h.msn, h.part) || s.tooFar(h.msn, h.part) {
		return false
	}
	if !hs.running {
		if !srv.enter() {
			return false
		}
		hs.running = true
		go func() {
			defer srv.guests.Done()
			defer srv.recovering(hs.abandon)
			g.answerHolds(srv.life)
		}()
	}
	h.waits = true
	hs.all = append(hs.all, h)
	return true
}

// withdraw reports whether h still waited, and makes it wait no more. Else it is
// answered, or about to be: see writing.
func (hs *holds) withdraw(h *hold) bool {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if !h.waits {
		return false
	}
	h.waits = false
	hs.all = slices.DeleteFunc(hs.all, func(other *hold) bool { return other == h })
	return true
}

// abandon tells the lanes to help themselves.
func (hs *holds) abandon() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.running = false
	for _, h := range hs.all {
		h.kick()
	}
}

// answerHolds runs until the broadcast or the server has ended.
func (g *segmenter) answerHolds(life context.Context) {
	var due []*hold
	for {
		s := g.snap.Load()
		due = g.holds.take(due[:0], s)
		g.answerAll(due, s)
		clear(due) // lanes that have left are kept by nobody
		if s.ended {
			return
		}
		select {
		case <-s.next:
		case <-life.Done():
			return
		}
	}
}

// take moves to due what s has news for. After the end nothing waits. It asks
// before it changes anything, so a panic leaves all as it was.
func (hs *holds) take(due []*hold, s *snapshot) []*hold {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, h := range hs.all {
		h.over = s.has(h.msn, h.part)
	}
	hs.all = slices.DeleteFunc(hs.all, func(h *hold) bool {
		if h.over {
			h.waits = false
			h.writing.Lock()
			due = append(due, h)
		}
		return h.over
	})
	hs.running = !s.ended
	return due
}

// answerAll sends the playlist as of s to all of due.
func (g *segmenter) answerAll(due []*hold, s *snapshot) {
	var writers sync.WaitGroup
	for some := range slices.Chunk(due, batch) {
		writers.Go(func() {
			sent := 0
			for _, h := range some {
				sent += h.answer(s.reload(h.reload))
			}
			g.ch.Sent(live.ByHLS, sent)
		})
	}
	writers.Wait()
}

// answer writes as much of a as can be written at once, and returns how much
// that was. The rest, or an error, is the lane's.
func (h *hold) answer(a *reply) int {
	defer h.writing.Unlock()
	n, _ := h.quick.TryWrite(a.raw)
	if h.unsent = a.raw[n:]; len(h.unsent) > 0 {
		h.kick()
	}
	return n
}

// hold leaves q to the channel's goroutine, if it is a reload that has to wait.
func (l *lane) hold(q request) bool {
	if l.held.quick == nil || q.kind != filePlaylist || !q.reload.blocking {
		return false
	}
	l.held.reload, l.held.since = q.reload, l.asked
	l.holding = l.g.enlist(&l.held, l.server)
	return l.holding
}

// release ends the hold: because it was answered; or because something else came
// first, and then the lane waits itself for the rest of the time.
func (l *lane) release() {
	l.holding = false
	h := &l.held
	if l.g.holds.withdraw(h) {
		left := l.g.snap.Load().holdTime() - time.Since(h.since)
		s := l.g.wait(l, left, func(s *snapshot) bool { return s.has(h.msn, h.part) })
		if !l.gone {
			l.send(s.reload(h.reload))
		}
		return
	}
	h.writing.Lock()
	rest := h.unsent
	h.writing.Unlock()
	if len(rest) > 0 {
		l.renewed = time.Time{} // a kick moved the deadline
		l.renew(time.Now())
		n, err := l.direct.Write(rest)
		l.g.ch.Sent(live.ByHLS, n)
		l.gone = err != nil
	}
}
