package push

import (
	"context"
	"errors"
	"net"
	"time"

	"echo.tv/server/live"
)

const (
	maxLag = 2 * time.Second // further behind than this, a viewer jumps

	// maxBatch is how many messages go in one write at most: a viewer that joins
	// is sent what led up to now, a second or two.
	maxBatch = 64
)

// reader is one channel on its way to a socket.
type reader struct {
	*socket
	ch    *channel
	watch *watch
	at    live.Cursor
	init  *initMessage  // the last one sent
	batch net.Buffers   // what is not written yet
	back  chan struct{} // its line hands it back

	// While it stands in a line these are the line's, and so are at and init.
	place int             // there
	done  <-chan struct{} // when nothing more may be written
	rest  []byte          // of what was taken only in part; the pen comes with it
}

// follow writes the channel's messages until ctx or the broadcast ends, or the
// socket takes no more.
func (s *socket) follow(ctx context.Context, ch *channel, w *watch) {
	r := reader{socket: s, ch: ch, watch: w, back: make(chan struct{}, 1)}
	if err := r.run(ctx); err != nil {
		s.conn.Close() // the reading side ends with it
	}
}

// run returns nil when there is nothing more to be sent, and the error of the
// socket when it takes no more.
func (r *reader) run(ctx context.Context) error {
	name := r.ch.live.Name()
	caughtUp := false // a join is first sent what led up to now
	for {
		stood, err := r.stand(ctx)
		if err != nil {
			return err
		}
		m, missed, err := r.ch.ring.Next(ctx, &r.at)
		if err != nil {
			if errors.Is(err, live.ErrEnded) {
				r.say(map[string]any{"off": name})
			}
			return nil
		}
		late := time.Since(m.at) > maxLag
		caughtUp = caughtUp || stood || !late
		if late && caughtUp {
			if n := r.ch.ring.Skip(&r.at); n > 0 {
				missed, m = missed+n+1, nil
			}
		}
		if missed > 0 {
			r.server.skipped.Add(missed)
			if err := r.write(); err != nil {
				return err
			}
			if err := r.say(map[string]any{"slow": name, "missed": missed}); err != nil {
				return err
			}
		}
		if m == nil {
			continue
		}
		r.add(m)
		if r.ch.ring.Ready(&r.at) && len(r.batch) < maxBatch {
			continue
		}
		if err := r.write(); err != nil {
			return err
		}
	}
}

// stand lets a line write, if r has got all there is, until it hands r back or
// all is over. Whoever was handed back takes the next message itself, or hears
// from the ring that there is none.
func (r *reader) stand(ctx context.Context) (stood bool, err error) {
	if r.init == nil || len(r.batch) > 0 || r.pen.quick == nil || r.ch.ring.Ready(&r.at) {
		return false, nil
	}
	r.done = ctx.Done()
	l := r.ch.lines.enlist(r)
	if l == nil {
		return false, nil
	}
	select {
	case <-r.back:
	case <-r.done:
		l.withdraw(r)
		<-r.back
	}
	r.ch.lines.leave(l)
	if len(r.rest) > 0 {
		var n int
		n, err = r.pen.finish(r.rest)
		r.sent(n)
		r.rest = nil
	}
	return true, err
}

// take writes p, in the line's goroutine, and reports whether r can stay there.
func (r *reader) take(p piece) bool {
	select {
	case <-r.done:
		return false
	default:
	}
	if !r.at.Before(p.to) {
		return true // it came with all of p
	}
	if r.at != p.from || r.init != p.init {
		return false
	}
	n := r.pen.try(p.bytes)
	if n > 0 {
		r.at, r.rest = p.to, p.bytes[n:]
		r.sent(n)
	}
	return n == len(p.bytes)
}

// add takes a message for the next write.
func (r *reader) add(m *message) {
	if m.init != r.init {
		r.init = m.init
		r.batch = append(r.batch, m.init.bytes)
	}
	r.batch = append(r.batch, m.bytes)
}

// write sends what there is, whole frames as they are.
func (r *reader) write() error {
	n, err := r.pen.write(r.batch...)
	r.batch = r.batch[:0]
	r.sent(n)
	return err
}

func (r *reader) sent(n int) { r.ch.live.Sent(r.watch.path(), n) }
