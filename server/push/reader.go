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
	init  *initMessage // the last one sent
	batch net.Buffers  // what is not written yet
}

// follow writes the channel's messages until ctx or the broadcast ends, or the
// socket takes no more.
func (s *socket) follow(ctx context.Context, ch *channel, w *watch) {
	r := reader{socket: s, ch: ch, watch: w}
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
		m, missed, err := r.ch.ring.Next(ctx, &r.at)
		if err != nil {
			if errors.Is(err, live.ErrEnded) {
				r.say(map[string]any{"off": name})
			}
			return nil
		}
		late := time.Since(m.at) > maxLag
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
		caughtUp = caughtUp || !late
		r.add(m)
		if r.ch.ring.Ready(&r.at) && len(r.batch) < maxBatch {
			continue
		}
		if err := r.write(); err != nil {
			return err
		}
	}
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
