package hls

import (
	"context"
	"slices"
	"sync"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tcp"
)

const batch = 64 // answers from which on another core is worth waking: half a millisecond of writes

// hold is a blocking reload of a lane while it waits for news.
type hold struct {
	reload
	since time.Time
	quick *tcp.Writer // of the lane's connection, nil when there is none
	kick  func()      // ends the lane's read

	waits   bool       // guarded by the mu of holds
	writing sync.Mutex // from the moment that it waits no more until it is answered
	unsent  []byte     // guarded by writing; what the lane has to write of the answer
}

// holds are the reloads of a channel that wait for its next part. One goroutine
// answers them all, while the lanes sleep in the read that brings their next
// request: so a part wakes a lane once and not twice, and the lane sees at once
// when its viewer leaves. It waits for nobody.
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
			g.answerHolds(srv.life)
		}()
	}
	h.waits = true
	hs.all = append(hs.all, h)
	return true
}

// withdraw reports whether h still waited. It does no more.
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

// answerHolds runs until the broadcast or the server has ended.
func (g *segmenter) answerHolds(life context.Context) {
	late := time.NewTicker(lookAround)
	defer late.Stop()
	var due []*hold
	for {
		s := g.snap.Load()
		due = g.holds.take(due[:0], s)
		g.answerAll(due, s)
		if s.ended {
			return
		}
		select {
		case <-s.next:
		case <-late.C:
		case <-life.Done():
			return
		}
	}
}

// take moves to due what s has news for, or what has waited long enough. After
// the end nothing waits.
func (hs *holds) take(due []*hold, s *snapshot) []*hold {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	now := time.Now()
	hs.all = slices.DeleteFunc(hs.all, func(h *hold) bool {
		h.waits = !s.has(h.msn, h.part) && now.Sub(h.since) < s.hold()
		if !h.waits {
			h.writing.Lock()
			due = append(due, h)
		}
		return !h.waits
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
// first, and then the lane waits itself.
func (l *lane) release() {
	l.holding = false
	if l.g.holds.withdraw(&l.held) {
		if a, err := l.g.playlist(l, l.held.reload); err == nil && !l.gone {
			l.send(a)
		}
		return
	}
	l.held.writing.Lock()
	rest := l.held.unsent
	l.held.writing.Unlock()
	if len(rest) > 0 {
		l.renewed = time.Time{} // a kick moved the deadline
		l.renew(time.Now())
		n, err := l.direct.Write(rest)
		l.g.ch.Sent(live.ByHLS, n)
		l.gone = err != nil
	}
}
