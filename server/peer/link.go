package peer

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"echo.tv/server/tv"
)

const (
	maxLinks     = 256 // addresses that are followed or tried
	maxLinksIP   = 4   // of them at one IP: one machine, however many ports it announces
	maxDials     = 8   // at a time
	missedBeat   = 1500 * time.Millisecond
	giveUp       = 30 * time.Second // without a word
	longestPause = 60 * time.Second
	checkApart   = 5 * time.Second // between two doubts about a host that is heard
)

// link is one address that is followed, or tried. One goroutine keeps it; it
// ends when the host says goodbye, is followed elsewhere or was not reached for
// giveUp.
type link struct {
	at    netip.AddrPort
	began time.Time
	wake  chan struct{} // one place: try now
	stop  context.CancelFunc

	// Guarded by Peers.mu.
	host    tv.HostID          // who answers; "" until somebody did
	heard   time.Time          // the last line
	doubted time.Time          // the last doubt
	retry   context.CancelFunc // ends what is being followed, to ask anew; nil while nothing is
}

// fresh reports whether the host was heard so recently that no other address of
// it is of interest.
func (l *link) fresh() bool { return l != nil && time.Since(l.heard) < missedBeat }

// Errors that end a link.
var (
	errBye       = tv.Errorf(tv.Unavailable, "the other host said goodbye")
	errElsewhere = tv.Errorf(tv.Conflict, "this host is followed at another of its addresses")
	errSelf      = tv.Errorf(tv.Conflict, "that is this host itself").Hint("type the address that the other echo.tv shows")
	errFull      = tv.Errorf(tv.TooMany, "no more hosts can be followed").Hint("forget one first")
	errDoubt     = errors.New("asked anew") // ends one request, not the link
)

func final(err error) bool {
	for _, e := range []error{errBye, errElsewhere, errSelf, errFull} {
		if errors.Is(err, e) {
			return true
		}
	}
	return tv.CodeOf(err) == tv.Forbidden // the guard, or a forgery
}

// pursue follows l's host and keeps trying while it is away.
func (p *Peers) pursue(ctx context.Context, l *link) {
	defer p.unlink(l)
	pause := time.Second
	for last := time.Now(); time.Since(last) < giveUp; {
		tried := time.Now()
		heard, err := p.followWell(ctx, l)
		p.lost(l, err)
		switch {
		case ctx.Err() != nil || errors.Is(err, errBye):
			return
		case final(err):
			if errors.Is(err, errSelf) {
				p.twin.Do(func() {
					p.cfg.Log.Warn("another machine has the identity of this host: stop it, or delete "+identityName+" in its data folder", "address", l.at)
				})
			}
			sleep(ctx, checkApart) // as long as it has a link it gets no new one
			return
		}
		if heard {
			last, pause = time.Now(), time.Second
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
			pause = min(2*pause, longestPause)
		case <-l.wake:
			sleep(ctx, time.Until(tried.Add(time.Second))) // somebody may wake us all the time
		case <-ctx.Done():
		}
		wait.Stop()
	}
}

// followWell follows l until it breaks off and one re-dial fails as well. A host
// that takes every call and hangs up gets no second one.
func (p *Peers) followWell(ctx context.Context, l *link) (heard bool, err error) {
	for again := false; ; again = true {
		began := time.Now()
		var one bool
		one, err = p.attempt(ctx, l, again)
		heard = heard || one
		hungUp := time.Since(began) < time.Second && !errors.Is(err, errDoubt)
		if !one || hungUp || final(err) || ctx.Err() != nil {
			return heard, err
		}
	}
}

// attempt makes one request. Of those to addresses that were only hinted at, at
// most maxDials are without their first line; a host that was here a moment ago
// is asked again at once, whatever strangers make us try meanwhile.
func (p *Peers) attempt(ctx context.Context, l *link, again bool) (heard bool, err error) {
	patience, answered := dialPatience, func() {}
	if !again {
		select {
		case p.dials <- struct{}{}:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		patience, answered = startPatience, sync.OnceFunc(func() { <-p.dials })
	}
	defer answered()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.following(l, func() { cancel(errDoubt) })
	defer p.following(l, nil)
	err = errNotDirectory // of a panic
	p.survive("a directory", func() {
		err = p.follow(ctx, l.at, patience, func(n news) error {
			answered()
			if err := p.heard(l, n); err != nil {
				return err
			}
			heard = true
			return nil
		})
	})
	return heard, err
}
