package lan

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lookEvery leaves two seconds of the three in which a changed address must be
// right again on other machines.
const lookEvery = time.Second

// Watcher knows the network as of the last second. It is safe for concurrent use.
type Watcher struct {
	log       *slog.Logger
	look      func() (Network, error)
	ask       func(ctx context.Context, from netip.Addr) string // the name of this machine that resolves
	now       atomic.Pointer[Network]
	recovered atomic.Uint64

	mu      sync.Mutex
	name    string        // guarded by mu
	changed chan struct{} // guarded by mu; closed and replaced at each change
}

// New takes a first look, so that Now works before Run. Adapters called also
// count as real ones, whatever they look like: some people bridge their house
// through a virtual machine.
func New(log *slog.Logger, also ...string) *Watcher {
	w := watch(log, func() (Network, error) { return look(also) })
	w.ask = ownName
	return w
}

func watch(log *slog.Logger, look func() (Network, error)) *Watcher {
	w := &Watcher{log: log, look: look, changed: make(chan struct{})}
	w.ask = func(context.Context, netip.Addr) string { return "" }
	first, _ := look() // Run says why when it fails
	w.now.Store(&first)
	return w
}

// Now returns the newest look. The caller must not write to it.
func (w *Watcher) Now() Network { return *w.now.Load() }

// Changed returns a channel that is closed at the next change of addresses,
// adapters, routes or the name. Take it before Now, so that no change is missed.
func (w *Watcher) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// Recovered counts the panics over what others answered; each is our fault.
func (w *Watcher) Recovered() uint64 { return w.recovered.Load() }

// Run looks once a second until ctx ends, and returns nil.
func (w *Watcher) Run(ctx context.Context) error {
	var naming sync.WaitGroup
	naming.Go(func() { w.keepName(ctx) })
	defer naming.Wait()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for failing := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := w.lookAgain()
		if err != nil && !failing { // the last look stays; say it once
			w.log.Warn("cannot list the network adapters", "err", err)
		}
		failing = err != nil
	}
}

// lookAgain publishes what it sees, and tells those who wait when it differs.
func (w *Watcher) lookAgain() error {
	seen, err := w.look()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	seen.Name = w.name
	before := w.now.Swap(&seen)
	if !slices.EqualFunc(before.Addresses, seen.Addresses, sameButSpeed) {
		best, _ := seen.Best()
		w.log.Info("network changed", "addresses", len(seen.Addresses), "best", best.IP, "adapter", best.Adapter)
		w.tell()
	}
	return nil
}

// sameButSpeed ignores the speed: that of Wi-Fi differs from second to second.
func sameButSpeed(a, b Address) bool {
	a.Mbit = b.Mbit
	return a == b
}

// tell wakes those who wait for a change. The caller holds mu.
func (w *Watcher) tell() {
	close(w.changed)
	w.changed = make(chan struct{})
}
