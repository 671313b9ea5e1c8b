// Package history writes down what was on air: when, for how many, how much,
// and how often it broke off. It owns the rows of past broadcasts and the rule
// of where one ends; what is on air is the live core's to say.
//
// A broadcast begins with its first key frame. It ends when its channel was off
// the air for a minute, and then it ended at the beginning of that minute; a
// streamer who is back sooner goes on in the same one, with one interruption
// more. Channels of other hosts that are relayed here are written down there.
//
// # Crashes and load
//
// Everything that is on air lies in the store, too, written anew every 45 s in
// one transaction for all channels (a commit is two syncs of the disk). Whatever
// a start finds unfinished is closed with what it knows, at most 45 s too early.
// Each channel keeps its newest 500. A disk that refuses costs rows and a line in
// the log, never a broadcast.
package history

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/store"
	"echo.tv/server/tv"
)

// Broadcast is one stretch on air. Immutable.
type Broadcast struct {
	Channel       tv.ChannelName `json:"channel"`
	Title         string         `json:"title"` // as it was last
	Start         time.Time      `json:"start"`
	End           time.Time      `json:"end"`      // as far as it is known, while it is open
	Open          bool           `json:"open"`     // it goes on, or may within a minute
	CutOff        bool           `json:"cutOff"`   // this host ended before it did
	Peak          int            `json:"peak"`     // viewers
	Watched       int            `json:"watched"`  // seconds, of all viewers together
	Measured      int            `json:"measured"` // seconds in which viewers were counted
	Received      uint64         `json:"received"` // bytes from the publisher
	Sent          uint64         `json:"sent"`     // bytes to viewers
	Interruptions int            `json:"interruptions"`
}

// Average returns how many watched on average.
func (b Broadcast) Average() float64 {
	if b.Measured == 0 {
		return 0
	}
	return float64(b.Watched) / float64(b.Measured)
}

const (
	most       = 500              // rows of one channel: a year of daily broadcasts, and more
	checkpoint = 45 * time.Second // what a crash may cost
	apart      = 60 * time.Second // a longer break makes two broadcasts; as in live
)

var rows = store.NewBucket[Broadcast]("broadcasts") // by channel and start

// key sorts the broadcasts of a channel by their start.
func key(b Broadcast) string {
	return fmt.Sprintf("%s/%016d", b.Channel, b.Start.UnixMilli())
}

// Config is what a History is made of.
type Config struct {
	Log   *slog.Logger
	Store *store.Store
	On    func() []live.Status        // what is on air
	Title func(tv.ChannelName) string // of a channel now
}

// History is safe for concurrent use.
type History struct {
	cfg Config

	mu   sync.Mutex
	open map[tv.ChannelName]*tally // guarded by mu
}

// Open closes what a crash left unfinished. Errors: the store's.
func Open(cfg Config) (*History, error) {
	h := &History{cfg: cfg, open: make(map[tv.ChannelName]*tally)}
	var left []Broadcast
	err := cfg.Store.View(func(tx *store.Tx) error {
		return rows.Each(tx, "", func(_ string, b Broadcast) error {
			if b.Open {
				b.Open, b.CutOff = false, true
				left = append(left, b)
			}
			return nil
		})
	})
	if err == nil && len(left) > 0 {
		err = h.write(left)
	}
	return h, err
}

// Run watches until ctx ends, and then ends what is on air.
func (h *History) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	kept := time.Now()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			h.keep(h.end())
			return nil
		}
		now := time.Now()
		changed := h.look(now, h.cfg.On())
		if now.Sub(kept) >= checkpoint {
			changed, kept = append(changed, h.running()...), now
		}
		h.keep(changed)
	}
}

// look takes one second into account and returns what began or ended in it.
func (h *History) look(now time.Time, on []live.Status) (changed []Broadcast) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range on {
		if _, far := s.Channel.Split(); far != "" || s.State != live.Live {
			continue
		}
		t := h.open[s.Channel]
		if t == nil {
			t = begin(s)
			h.open[s.Channel] = t
			changed = append(changed, t.Broadcast)
		}
		t.see(s, now)
	}
	for name, t := range h.open {
		if t.unseen(now) {
			delete(h.open, name)
			t.Open = false
			changed = append(changed, t.Broadcast)
		}
	}
	return changed
}

// running returns a copy of what is open.
func (h *History) running() (all []Broadcast) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.open {
		all = append(all, t.Broadcast)
	}
	return all
}

// end closes everything.
func (h *History) end() (all []Broadcast) {
	all = h.running()
	for i := range all {
		all[i].Open = false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.open)
	return all
}

// keep writes what changed, with the titles of now.
func (h *History) keep(changed []Broadcast) {
	for i := range changed {
		changed[i].Title = cmp.Or(h.cfg.Title(changed[i].Channel), changed[i].Title)
	}
	if err := h.write(changed); err != nil {
		h.cfg.Log.Error("a broadcast could not be written down", "count", len(changed), "err", err)
	}
}

func (h *History) write(all []Broadcast) error {
	if len(all) == 0 {
		return nil
	}
	return h.cfg.Store.Update(func(tx *store.Tx) error {
		for _, b := range all {
			if err := rows.Put(tx, key(b), b); err != nil {
				return err
			}
			if err := prune(tx, b.Channel); err != nil {
				return err
			}
		}
		return nil
	})
}

// prune forgets the oldest of a channel that has too many.
func prune(tx *store.Tx, name tv.ChannelName) error {
	var keys []string
	err := rows.Each(tx, string(name)+"/", func(key string, _ Broadcast) error {
		keys = append(keys, key)
		return nil
	})
	for i := 0; err == nil && i < len(keys)-most; i++ {
		err = rows.Delete(tx, keys[i])
	}
	return err
}

// Of returns the broadcasts of a channel, the newest first, the one on air
// included.
func (h *History) Of(name tv.ChannelName) (all []Broadcast, err error) {
	err = h.cfg.Store.View(func(tx *store.Tx) error {
		return rows.Each(tx, string(name)+"/", func(_ string, b Broadcast) error {
			all = append(all, b)
			return nil
		})
	})
	if now, open := h.now(name); open { // the store knows it as it was
		now.Title = h.cfg.Title(name)
		all = slices.DeleteFunc(all, func(b Broadcast) bool { return b.Start.Equal(now.Start) })
		all = append(all, now)
	}
	slices.Reverse(all)
	return all, err
}

// now returns the broadcast of a channel that is open.
func (h *History) now(name tv.ChannelName) (Broadcast, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.open[name]; t != nil {
		return t.Broadcast, true
	}
	return Broadcast{}, false
}

// Last returns the newest broadcast of a channel, and false when there is none.
func (h *History) Last(name tv.ChannelName) (Broadcast, bool, error) {
	all, err := h.Of(name)
	if err != nil || len(all) == 0 {
		return Broadcast{}, false, err
	}
	return all[0], true, nil
}
