package relay

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

const (
	linger       = 10 * time.Second // after the last viewer
	resumeWithin = 60 * time.Second // of the last picture: then its playlist has ended (the LIVE rule)
	firstWait    = 250 * time.Millisecond
	longestWait  = 4 * time.Second
)

// relay is one channel of another host, from the first who wants to see it to
// ten seconds after the last. Its goroutine is the channel's publisher.
type relay struct {
	relays *Relays
	name   tv.ChannelName // here: ann@<id>
	own    tv.ChannelName // there: ann
	host   tv.HostID
	log    *slog.Logger

	wanted time.Time     // guarded by relays.mu; when somebody last asked or watched
	shown  chan struct{} // closed when the first picture is on air
	failed chan struct{} // closed at the end of one that showed nothing
	err    error         // why; read it after failed

	budget  budget                       // of all its connections
	session atomic.Pointer[live.Session] // nil before the first picture
	last    atomic.Int64                 // when media last came, ns since began
	began   time.Time
}

func newRelay(r *Relays, name tv.ChannelName) *relay {
	own, host := name.Split()
	return &relay{relays: r, name: name, own: own, host: host, began: time.Now(),
		log:   r.cfg.Log.With("channel", string(name)),
		shown: make(chan struct{}), failed: make(chan struct{})}
}

// Reasons for an end, as the live core's log tells them.
var (
	errNobody = errors.New("nobody watches it any more")
	errEnded  = tv.Errorf(tv.NotFound, "this channel is off the air").Hint("try again when its host has it in the guide")
	errBroke  = tv.Errorf(tv.Unavailable, "the other host broke off").Hint("try again in a few seconds")
	errMoved  = errors.New("the other host has a new address")
)

// run relays until nobody watches, the channel is over, or the host ends.
func (f *relay) run() {
	ctx, cancel := context.WithCancel(f.relays.life)
	defer cancel()
	err := f.follow(ctx)
	f.log.Info("relay ended", "reason", err)
	f.close(err)
	if !f.isShown() { // whoever asks meanwhile gets the same answer
		f.err = err
		close(f.failed)
		sleep(ctx, failedFor)
	}
	f.relays.drop(f)
}

// follow connects again and again, and returns why it is over.
func (f *relay) follow(ctx context.Context) error {
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		before := f.last.Load()
		err := f.connect(ctx)
		switch {
		case ctx.Err() != nil:
			return live.ErrStopped
		case errors.Is(err, errNobody):
			if f.relays.leave(f) {
				return f.nobody()
			}
			continue
		case errors.Is(err, errMoved):
			f.lose()
			continue
		case !f.isShown():
			return err
		case errors.Is(err, errEnded):
			f.close(errEnded)
		default:
			f.lose()
		}
		if f.last.Load() > before { // it worked for a while
			wait = firstWait
			f.log.Info("relay broke off", "reason", err)
		}
		if err := f.pause(ctx, wait); err != nil {
			return err
		}
	}
}

// pause waits before the next try; the error says that there shall be none.
func (f *relay) pause(ctx context.Context, wait time.Duration) error {
	if !sleep(ctx, wait) {
		return live.ErrStopped
	}
	if f.silent() > resumeWithin {
		return errEnded
	}
	if f.watched() == 0 && f.relays.leave(f) {
		return errNobody
	}
	return nil
}

// nobody is why a relay ends that nobody needs. Those who waited in vain are
// told another reason.
func (f *relay) nobody() error {
	if f.isShown() {
		return errNobody
	}
	return errSlow
}

// watched returns how many watch here, and notes that the relay is wanted
// while they do.
func (f *relay) watched() int {
	n := f.relays.cfg.Viewers(f.name)
	if n > 0 {
		f.relays.mu.Lock()
		f.wanted = time.Now()
		f.relays.mu.Unlock()
	}
	return n
}

// air returns the session of the channel, a new one when the last is over.
func (f *relay) air(remote string) (s *live.Session, fresh bool, err error) {
	if s = f.session.Load(); s != nil && s.Context().Err() == nil {
		return s, false, nil
	}
	s, err = f.relays.cfg.Publish(live.Publisher{Channel: f.name, Remote: remote})
	if err != nil {
		return nil, false, err
	}
	s.SetEncoder("echo.tv")
	f.session.Store(s)
	return s, true, nil
}

// lose leaves the viewers with the last picture: it may go on.
func (f *relay) lose() {
	if s := f.session.Load(); s != nil {
		s.Lose(errBroke)
	}
}

// close takes the channel off the air, also after lose.
func (f *relay) close(reason error) {
	s := f.session.Load()
	if s == nil {
		return
	}
	if errors.Is(reason, errEnded) && errors.Is(context.Cause(s.Context()), errBroke) && f.silent() < resumeWithin {
		s, _, _ = f.air("")
	}
	if s != nil {
		s.Close(reason)
	}
}

// note remembers that media came, and shown that a picture is on air.
func (f *relay) note(picture bool) {
	f.last.Store(int64(time.Since(f.began)))
	if picture && !f.isShown() {
		close(f.shown)
		f.log.Info("relay on air")
	}
}

// silent returns how long no media has come.
func (f *relay) silent() time.Duration { return time.Since(f.began) - time.Duration(f.last.Load()) }

func (f *relay) isShown() bool {
	select {
	case <-f.shown:
		return true
	default:
		return false
	}
}

// sleep waits, and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
