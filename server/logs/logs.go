// Package logs keeps the newest records of the log so that the owner can read
// them in the product. It owns a ring of 1,000 and the masking of secrets; where
// the log is written otherwise is the business of the handler it stands before.
//
// A record becomes text once, when it is made: at most 2 KiB of it, and never
// changed again. So the ring holds 2 MB at the very most, nothing in it points
// into the program, and a reader copies pointers under a short lock. Logging
// itself waits for nobody but the handler behind.
//
// # Secrets
//
// No part logs secrets; see [tv.StreamKey], which redacts itself. This is the
// second line: whatever looks like a stream key or a token is masked in
// messages and attributes, for the ring and for the handler behind it.
package logs

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Record is one line. Immutable.
type Record struct {
	Seq     uint64 // counts up, also over a restart of the program
	At      time.Time
	Level   slog.Level
	Part    string // of the program; empty when not said
	Message string
	Attrs   []Attr
}

// Attr is one fact of a record.
type Attr struct{ Key, Value string }

// Size is how many records are kept.
const Size = 1000

// Ring keeps the newest records. It is safe for concurrent use.
type Ring struct {
	mu    sync.Mutex
	ring  [Size]*Record // guarded by mu
	first uint64        // the Seq before the first
	last  uint64        // guarded by mu; the newest Seq
}

// NewRing returns an empty ring. It counts from the milliseconds since 1970, so
// that a page which outlives the program misses nothing and sees nothing twice.
func NewRing() *Ring {
	now := uint64(time.Now().UnixMilli())
	return &Ring{first: now, last: now}
}

func (r *Ring) add(rec *Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	rec.Seq = r.last
	r.ring[rec.Seq%Size] = rec
}

// Since returns the records newer than after, oldest first, and the number to
// ask with next.
func (r *Ring) Since(after uint64) (all []*Record, last uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := r.first + 1
	if r.last-r.first > Size {
		oldest = r.last - Size + 1
	}
	for seq := max(oldest, after+1); seq <= r.last; seq++ {
		all = append(all, r.ring[seq%Size])
	}
	return all, r.last
}

// Tee returns a handler that masks secrets, keeps what is worth Info or more and
// what next takes, and passes on what next takes.
func (r *Ring) Tee(next slog.Handler) slog.Handler { return &tee{ring: r, next: next} }

type tee struct {
	ring  *Ring
	next  slog.Handler
	attrs []Attr // of With, as text
	group string // prefix of keys
}

// Enabled implements slog.Handler.
func (t *tee) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo || t.next.Enabled(ctx, l)
}

// Handle implements slog.Handler.
func (t *tee) Handle(ctx context.Context, in slog.Record) error {
	out := slog.NewRecord(in.Time, in.Level, mask(in.Message), in.PC)
	w := writer{left: maxText, attrs: slices.Clip(t.attrs)}
	message := w.take(out.Message)
	in.Attrs(func(a slog.Attr) bool {
		a = masked(a, maxDepth)
		out.AddAttrs(a)
		w.add(t.group, a)
		return true
	})
	rec := &Record{At: in.Time, Level: in.Level, Message: message, Attrs: w.attrs}
	for i, a := range rec.Attrs {
		if a.Key == "part" {
			rec.Part, rec.Attrs = a.Value, slices.Concat(rec.Attrs[:i], rec.Attrs[i+1:])
			break
		}
	}
	t.ring.add(rec)
	if !t.next.Enabled(ctx, in.Level) {
		return nil
	}
	return t.next.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (t *tee) WithAttrs(attrs []slog.Attr) slog.Handler {
	c, w := *t, writer{left: maxText, attrs: slices.Clip(t.attrs)}
	safe := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		a = masked(a, maxDepth)
		safe = append(safe, a)
		w.add(t.group, a)
	}
	c.attrs, c.next = w.attrs, t.next.WithAttrs(safe)
	return &c
}

// WithGroup implements slog.Handler.
func (t *tee) WithGroup(name string) slog.Handler {
	if name == "" {
		return t
	}
	c := *t
	c.group, c.next = t.group+name+".", t.next.WithGroup(name)
	return &c
}
