package hls

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"echo.tv/server/live"
)

// MPEG-TS is for televisions and players that know no fragmented MP4: one plain
// media playlist, whole segments, nothing to wait for. It is made while somebody
// asks for it, and costs nothing otherwise.

const (
	tsType = "video/mp2t"
	tsDir  = "ts/"

	tsIdle = 30 * time.Second // without a request, and the muxer goes
	tsWait = 12 * time.Second // for the first segment: OBS's default key interval is 8.3 s
)

// tsList is what requests see of a run. Immutable, but for next, which is closed
// when there is a newer one.
type tsList struct {
	playlist []byte // nil before the first segment
	segments []*segment
	ended    bool
	next     chan struct{}
}

// tsRun is MPEG-TS of one channel from a request to tsIdle after the last one,
// or to the end of the broadcast.
type tsRun struct {
	now  atomic.Pointer[tsList]
	seen time.Time // guarded by tsDoor.mu; when somebody last asked
}

// publish belongs to the run's feeder.
func (t *tsRun) publish(l *tsList) { close(t.now.Swap(l).next) }

// wait returns the first list with a segment, or what there is when ctx or the
// time ends first.
func (t *tsRun) wait(ctx context.Context, limit time.Duration) *tsList {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		l := t.now.Load()
		if l.playlist != nil || l.ended {
			return l
		}
		select {
		case <-l.next:
		case <-ctx.Done():
			return l
		case <-timer.C:
			return l
		}
	}
}

// tsDoor is where requests meet the run of a channel.
type tsDoor struct {
	mu  sync.Mutex
	run *tsRun // guarded by mu; nil when nobody asks
	msn uint64 // guarded by mu; where the next run begins to count: no name is used twice
}

// enter returns the run, having noted that somebody asks. Where there is none,
// start may make one.
func (d *tsDoor) enter(start func(t *tsRun, msn uint64) bool) *tsRun {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.run == nil {
		t := &tsRun{}
		t.now.Store(&tsList{next: make(chan struct{})})
		if !start(t, d.msn) {
			return nil
		}
		d.run = t
	}
	d.run.seen = time.Now()
	return d.run
}

// leave takes t away if nobody asked for long enough, else it returns how long
// that will take.
func (d *tsDoor) leave(t *tsRun, msn uint64) (left time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if left = tsIdle - time.Since(t.seen); left <= 0 {
		d.run, d.msn = nil, msn
	}
	return left
}

// serveTS answers below /hls/<channel>/ts/.
func (s *Server) serveTS(w http.ResponseWriter, r *http.Request, g *segmenter, file string) {
	if file == "index.m3u8" {
		g.seen(live.ByTS, playerOf(r), "")
		s.serveTSPlaylist(w, r, g)
		return
	}
	if msn, ok := parseTSName(file, g.id); ok {
		g.seen(live.ByTS, playerOf(r), file)
		if t := g.ts.enter(func(*tsRun, uint64) bool { return false }); t != nil {
			if seg := t.now.Load().segment(msn); seg != nil {
				g.ch.Sent(live.ByTS, makeReply(tsType, forEver, nil, seg.pieces).send(w, r))
				return
			}
		}
	}
	fail(w, http.StatusNotFound, "there is nothing at this address (any more)")
}

func (s *Server) serveTSPlaylist(w http.ResponseWriter, r *http.Request, g *segmenter) {
	other := "; play /hls/" + string(g.ch.Name()) + "/index.m3u8 instead"
	snap := g.started(patience{r.Context()})
	if snap == nil {
		fail(w, http.StatusNotFound, "no picture came yet; try again")
		return
	}
	if _, err := tsTracks(snap.last().init.Tracks); err != nil {
		fail(w, http.StatusNotFound, err.Error()+other)
		return
	}
	t := g.ts.enter(func(t *tsRun, msn uint64) bool { return s.startTS(g, t, msn) })
	if t == nil {
		fail(w, http.StatusServiceUnavailable, live.ErrStopped.Error())
		return
	}
	l := t.wait(r.Context(), tsWait)
	if l.playlist == nil {
		fail(w, http.StatusNotFound, "MPEG-TS begins when two key frames came; try again"+other)
		return
	}
	newReply(playlistType, fresh, l.playlist).send(w, r)
}

// startTS starts the goroutine of a run, and reports whether it could: not once
// the server ends.
func (s *Server) startTS(g *segmenter, t *tsRun, msn uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil {
		return false
	}
	log := s.cfg.Log.With(slog.String("channel", string(g.ch.Name())))
	f := &tsFeed{g: g, run: t, log: log, msn: msn}
	s.guests.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				s.recovered.Add(1)
				f.recovered(r)
			}
		}()
		f.follow(s.life)
	})
	return true
}

// segment returns the one with the number, nil when it is not there (any more).
func (l *tsList) segment(msn uint64) *segment {
	if len(l.segments) == 0 || msn < l.segments[0].msn {
		return nil
	}
	if n := msn - l.segments[0].msn; n < uint64(len(l.segments)) {
		return l.segments[n]
	}
	return nil
}

func tsName(msn uint64, id string) string { return fmt.Sprintf("s%d-%s.ts", msn, id) }

// parseTSName reads a segment's name. Only what tsName writes is one.
func parseTSName(name, id string) (msn uint64, ok bool) {
	number, _, _ := strings.Cut(strings.TrimPrefix(name, "s"), "-")
	msn, err := strconv.ParseUint(number, 10, 63)
	return msn, err == nil && name == tsName(msn, id)
}
