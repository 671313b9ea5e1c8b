package live

import (
	"context"
	"errors"
	"sync/atomic"
)

// Ring keeps the newest values of one writer for readers that follow it, each
// at a pace of its own. Push never waits, and readers share no lock: they load
// atomic pointers and sleep on a channel that the next Push closes.
//
// Values are kept from the last but one start on (a key frame, where reading
// can begin), within the ring's length. A reader that falls behind what is kept
// jumps to the newest start and is told how much it missed.
type Ring[T any] struct {
	slots []atomic.Pointer[T]
	next  atomic.Uint64 // number of the value that comes next
	tail  atomic.Uint64 // number of the oldest one kept
	start atomic.Uint64 // number of the newest start, plus one; 0 before the first
	wake  atomic.Pointer[chan struct{}]
	ended atomic.Bool

	// The writer's own.
	before, newest uint64 // the last two starts
	cleared        uint64
}

// ErrEnded is what readers get after the last value of a ring that has ended.
var ErrEnded = errors.New("the broadcast has ended")

// NewRing returns an empty ring that keeps up to length values.
func NewRing[T any](length int) *Ring[T] {
	r := &Ring[T]{slots: make([]atomic.Pointer[T], length)}
	r.sleepers()
	return r
}

func (r *Ring[T]) sleepers() *chan struct{} {
	c := make(chan struct{})
	return r.wake.Swap(&c)
}

// Push adds v. Only one goroutine at a time may call Push and End.
func (r *Ring[T]) Push(v *T, start bool) {
	n, length := r.next.Load(), uint64(len(r.slots))
	if start {
		r.before, r.newest = r.newest, n
	}
	tail := r.before
	if n >= length {
		tail = max(tail, n-length+1)
	}
	r.tail.Store(tail) // before any slot changes: readers look at it after theirs
	for ; r.cleared < tail; r.cleared++ {
		r.slots[r.cleared%length].Store(nil) // for the garbage collector
	}
	r.slots[n%length].Store(v)
	r.next.Store(n + 1)
	if start {
		r.start.Store(n + 1)
	}
	close(*r.sleepers())
}

// End lets readers go after the last value.
func (r *Ring[T]) End() {
	r.ended.Store(true)
	close(*r.sleepers())
}

// Cursor is one reader's place. The zero Cursor begins at the newest start.
type Cursor struct {
	next  uint64
	begun bool
}

// Before reports whether c has values to read that d has not. It is for readers
// that have begun.
func (c Cursor) Before(d Cursor) bool { return c.next < d.next }

// Skip moves c to the newest start if that is ahead of it, and returns how many
// values it leaves out.
func (r *Ring[T]) Skip(c *Cursor) (missed uint64) {
	if s := r.start.Load(); c.begun && s > c.next+1 {
		missed = s - 1 - c.next
		c.next = s - 1
	}
	return missed
}

// Ready reports whether Next will not wait. It is for readers that have begun.
func (r *Ring[T]) Ready(c *Cursor) bool { return c.begun && c.next < r.next.Load() }

// Next returns the value at the cursor, waiting for it until ctx ends, and how
// many values the reader missed because the ring no longer kept them. Errors:
// ErrEnded, or ctx's.
func (r *Ring[T]) Next(ctx context.Context, c *Cursor) (v *T, missed uint64, err error) {
	for {
		wake := *r.wake.Load() // before looking, so that no Push is slept through
		next := r.next.Load()
		if !c.begun {
			if s := r.start.Load(); s > 0 {
				c.next, c.begun = s-1, true
			}
		}
		if c.begun && c.next < next {
			if v, missed, ok := r.take(c); ok {
				return v, missed, nil
			}
			continue
		}
		if r.ended.Load() {
			return nil, 0, ErrEnded
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		}
	}
}

// take reads at the cursor; it fails when the writer was faster, and has then
// moved the cursor to the newest start.
func (r *Ring[T]) take(c *Cursor) (v *T, missed uint64, ok bool) {
	at := c.next
	if at >= r.tail.Load() {
		v = r.slots[at%uint64(len(r.slots))].Load()
		if v != nil && at >= r.tail.Load() { // not overwritten in between
			c.next++
			return v, 0, true
		}
	}
	c.next = max(r.start.Load()-1, r.tail.Load())
	v = r.slots[c.next%uint64(len(r.slots))].Load()
	if v == nil || c.next < r.tail.Load() {
		return nil, 0, false
	}
	missed = c.next - at
	c.next++
	return v, missed, true
}
