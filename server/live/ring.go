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
// can begin), within the ring's length and bytes. A reader that falls behind what
// is kept jumps to the newest start, or waits for the next when that is not kept
// either, and is told how much it missed.
type Ring[T any] struct {
	slots []atomic.Pointer[T]
	next  atomic.Uint64 // number of the value that comes next
	tail  atomic.Uint64 // number of the oldest one kept
	start atomic.Uint64 // number of the newest start, plus one; 0 while none is kept
	wake  atomic.Pointer[chan struct{}]
	ended atomic.Bool

	// The writer's own.
	before, newest uint64 // the last two starts
	cleared        uint64
	kept, most     int // bytes
	size           func(*T) int
}

// ErrEnded is what readers get after the last value of a ring that has ended.
var ErrEnded = errors.New("the broadcast has ended")

// NewRing returns an empty ring that keeps up to length values.
func NewRing[T any](length int) *Ring[T] {
	r := &Ring[T]{slots: make([]atomic.Pointer[T], length), size: func(*T) int { return 0 }}
	r.sleepers()
	return r
}

// Within bounds what an empty ring keeps by the size of its values, too. The
// newest is kept however large it is.
func (r *Ring[T]) Within(bytes int, size func(*T) int) *Ring[T] {
	r.most, r.size = bytes, size
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
	tail = r.afford(tail, n, r.size(v))
	r.tail.Store(tail) // before any slot changes: readers look at it after theirs
	if tail > r.newest {
		r.start.Store(0)
	}
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

// afford moves tail on until a value of size bytes, number n, has its place.
func (r *Ring[T]) afford(tail, n uint64, size int) uint64 {
	r.kept += size
	for i := r.cleared; i < tail || (r.kept > r.most && i < n); i++ {
		r.kept -= r.size(r.slots[i%uint64(len(r.slots))].Load())
		tail = max(tail, i+1)
	}
	return tail
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
func (r *Ring[T]) Ready(c *Cursor) bool {
	return c.begun && c.next < r.next.Load() && (c.next >= r.tail.Load() || r.start.Load() > 0)
}

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
			if r.start.Load() > 0 {
				continue
			}
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

// take reads at the cursor, or at the newest start where that is not kept any
// more. It fails when no start is kept, or the writer was faster again.
func (r *Ring[T]) take(c *Cursor) (v *T, missed uint64, ok bool) {
	at := c.next
	if v = r.at(at); v == nil {
		start := r.start.Load()
		if start == 0 {
			return nil, 0, false
		}
		at = start - 1
		if v = r.at(at); v == nil {
			return nil, 0, false
		}
	}
	missed = at - c.next
	c.next = at + 1
	return v, missed, true
}

// at returns the value with the number, nil when it is not kept any more.
func (r *Ring[T]) at(n uint64) *T {
	if n < r.tail.Load() {
		return nil
	}
	v := r.slots[n%uint64(len(r.slots))].Load()
	if n < r.tail.Load() { // overwritten in between
		return nil
	}
	return v
}
