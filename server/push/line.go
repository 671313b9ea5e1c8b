package push

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"echo.tv/server/live"
)

const (
	lineLength = 64 // viewers from which on another core is worth waking: half a millisecond of writes
	lineBatch  = 16 // messages that a line which is behind writes as one
	breath     = 32 // writes after which others may run: on one core a publisher must not wait for 1,000
)

// lines are where viewers of a channel stand who have got all there is.
type lines struct {
	life    context.Context // the server's
	running *sync.WaitGroup
	ring    *live.Ring[message]

	mu  sync.Mutex
	all []*line // guarded by mu
}

// line is a goroutine that writes each message to many viewers, whose own sleep
// meanwhile: a picture costs 10.5 µs of processor time per viewer then, 13.7 if
// each is woken for it (1,000 viewers). It waits for nobody. A viewer to whom it
// cannot write all at once, or that needs anything but the message, is handed
// back to its own goroutine.
type line struct {
	ring  *live.Ring[message]
	at    live.Cursor // the goroutine's
	end   context.CancelFunc
	taken int // places; guarded by lines.mu

	mu      sync.Mutex
	viewers []*reader // guarded by mu, and with it what these have for their line
	over    bool      // guarded by mu
}

// enlist puts r in a line, which r leaves when it was handed back. It returns nil
// when r has not got all there is, or the line has ended.
func (ls *lines) enlist(r *reader) *line {
	l := ls.shortest(r.at)
	if !l.add(r) {
		ls.leave(l)
		return nil
	}
	return l
}

// shortest takes a place. The line may be a new one, which begins at the cursor.
func (ls *lines) shortest(at live.Cursor) *line {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	var l *line
	for _, other := range ls.all {
		if l == nil || other.taken < l.taken {
			l = other
		}
	}
	if l == nil || l.taken >= lineLength && len(ls.all) < runtime.GOMAXPROCS(0) {
		l = &line{ring: ls.ring, at: at}
		ls.all = append(ls.all, l)
		var ctx context.Context
		ctx, l.end = context.WithCancel(ls.life)
		ls.running.Go(func() { l.run(ctx) })
	}
	l.taken++
	return l
}

// leave gives a place back. The last one ends the line.
func (ls *lines) leave(l *line) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.taken--; l.taken == 0 {
		l.end()
		ls.all = slices.DeleteFunc(ls.all, func(other *line) bool { return other == l })
	}
}

// add refuses who is not at the end of the ring: the line may have passed what
// it waits for. What comes after this look cannot pass, as writing needs mu.
func (l *line) add(r *reader) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || l.ring.Ready(&r.at) {
		return false
	}
	r.place = len(l.viewers)
	l.viewers = append(l.viewers, r)
	return true
}

// withdraw hands r back, if that has not happened. The line does not touch it
// any more.
func (l *line) withdraw(r *reader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.place < len(l.viewers) && l.viewers[r.place] == r {
		l.handBack(r)
	}
}

// handBack wakes r. It is called with mu held; the last viewer takes its place.
func (l *line) handBack(r *reader) {
	end := len(l.viewers) - 1
	last := l.viewers[end]
	l.viewers[r.place], last.place = last, r.place
	l.viewers[end] = nil
	l.viewers = l.viewers[:end]
	r.back <- struct{}{} // has room for the one there can be
}

func (l *line) run(ctx context.Context) {
	for {
		p, err := l.next(ctx)
		l.mu.Lock()
		l.over = err != nil
		for i := len(l.viewers) - 1; i >= 0; i-- { // backwards: handBack moves the last
			if r := l.viewers[i]; l.over || !r.take(p) {
				l.handBack(r)
			}
			if i%breath == breath-1 {
				runtime.Gosched()
			}
		}
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// piece is the next message of a line, or several that have piled up.
type piece struct {
	from, to live.Cursor
	bytes    []byte
	init     *initMessage // of all of it; nil when a line cannot write it
}

// next waits for a piece. Copying what has piled up, once for all viewers, is
// less work than a second round of writes.
func (l *line) next(ctx context.Context) (p piece, err error) {
	p.from = l.at
	var all [][]byte
	for len(all) == 0 || len(all) < lineBatch && l.ring.Ready(&l.at) {
		m, missed, err := l.ring.Next(ctx, &l.at)
		if err != nil {
			return p, err
		}
		if p.bytes == nil {
			p.bytes, p.init = m.bytes, m.init
		}
		if missed > 0 || m.init != p.init || time.Since(m.at) > maxLag {
			p.init = nil
		}
		all = append(all, m.bytes)
	}
	if len(all) > 1 {
		p.bytes = bytes.Join(all, nil)
	}
	p.to = l.at
	return p, nil
}
