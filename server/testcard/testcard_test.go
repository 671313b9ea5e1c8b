package testcard

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/tv"
)

// tape is a Line that writes down what comes, and breaks when told to.
type tape struct {
	mu     sync.Mutex
	sent   []tag
	broken atomic.Bool
	closed atomic.Int32
}

func (l *tape) Send(kind byte, at time.Duration, body []byte) error {
	if l.broken.Load() {
		return errors.New("the server hung up")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, tag{kind, at, body})
	return nil
}

func (l *tape) Close() error { l.closed.Add(1); return nil }

func (l *tape) frames(kind byte) (all []tag) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.sent {
		if t.kind == kind && t.body[1] == 1 {
			all = append(all, t)
		}
	}
	return all
}

func TestTheLoopHasNoSeam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, began := new(tape), time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*length)
		defer cancel()
		if err := Play(ctx, line); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 3*length {
			t.Errorf("three rounds took %v", took)
		}
		for kind, step := range map[byte]time.Duration{9: time.Second / 30, 8: 1024 * time.Second / 48000} {
			frames := line.frames(kind)
			if want := int(3 * length / step); len(frames) < want-2 || len(frames) > want+1 {
				t.Errorf("%d frames of kind %d in three rounds, want %d", len(frames), kind, want)
			}
			for i, f := range frames[1:] {
				if gap := f.at - frames[i].at; gap < step-time.Millisecond || gap > step+time.Millisecond {
					t.Fatalf("frame %d of kind %d comes %v after the last one, not %v", i+1, kind, gap, step)
				}
			}
		}
		for i, f := range line.frames(9) { // Studio asks streamers for the same
			if key := f.body[0]>>4 == 1; key != (i%30 == 0) {
				t.Fatalf("picture %d is a key frame: %v", i, key)
			}
			if f.body[2]|f.body[3]|f.body[4] != 0 {
				t.Fatalf("picture %d is shown out of order", i)
			}
		}
	})
}

func TestTheClipIsSmallAndForPages(t *testing.T) {
	if n := len(flv) + len(clip); n > 1<<20 {
		t.Errorf("the clip takes %d bytes", n)
	}
	for _, box := range []string{"ftyp", "moov", "mvex", "moof", "avc1", "mp4a"} {
		if !bytes.Contains(Clip(), []byte(box)) {
			t.Errorf("the MP4 has no %s", box)
		}
	}
}

// show returns Cards of a test's own lines; refuse makes dialling fail.
func show(t *testing.T) (cards *Cards, lines func() []*tape, refuse *atomic.Bool, stop func()) {
	var mu sync.Mutex
	var all []*tape
	refuse = new(atomic.Bool)
	cards = New(Config{Log: slog.New(slog.DiscardHandler), Dial: func(context.Context, tv.StreamKey) (Line, error) {
		if refuse.Load() {
			return nil, errors.New("refused")
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, new(tape))
		return all[len(all)-1], nil
	}})
	lines = func() []*tape { mu.Lock(); defer mu.Unlock(); return all }
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { cards.Run(ctx) })
	return cards, lines, refuse, func() { cancel(); running.Wait() }
}

func TestACardEndsByItselfAndOnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards, lines, _, stop := show(t)
		key := tv.NewStreamKey()
		start := func() {
			t.Helper()
			if err := cards.Start(t.Context(), "ann", key); err != nil || !cards.Running("ann") {
				t.Fatal("ann shows no card:", err)
			}
		}
		start()
		start()
		if n := len(lines()); n != 1 {
			t.Errorf("asked twice, ann has %d cards", n)
		}
		cards.Stop("ann")
		if cards.Running("ann") || lines()[0].closed.Load() != 1 {
			t.Error("stopped, and still there")
		}
		cards.Stop("ann")

		start()
		time.Sleep(longest - time.Second)
		if !cards.Running("ann") {
			t.Error("gone before its time")
		}
		time.Sleep(2 * time.Second)
		if cards.Running("ann") {
			t.Error("still there after its time")
		}

		start()
		lines()[2].broken.Store(true) // as when OBS takes the channel over
		time.Sleep(time.Minute)
		if cards.Running("ann") || len(lines()) != 3 || lines()[2].closed.Load() != 1 {
			t.Error("a card came back after its server hung up")
		}

		start()
		stop()
		if lines()[3].closed.Load() != 1 {
			t.Error("the end of the host left a card on air")
		}
		if err := cards.Start(t.Context(), "ann", key); tv.CodeOf(err) != tv.Unavailable {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestCardsAreLimitedAndARefusedOneLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cards, _, refuse, stop := show(t)
		defer stop()
		refuse.Store(true)
		for range 2 * most {
			if err := cards.Start(t.Context(), "ann", tv.NewStreamKey()); err == nil || cards.Running("ann") {
				t.Fatal("a refused card is on air")
			}
		}
		refuse.Store(false)
		for i := range most {
			if err := cards.Start(t.Context(), tv.ChannelName([]byte{'a' + byte(i), 'b'}), tv.NewStreamKey()); err != nil {
				t.Fatal(err)
			}
		}
		if err := cards.Start(t.Context(), "one-more", tv.NewStreamKey()); tv.CodeOf(err) != tv.TooMany {
			t.Errorf("one more: %v", err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(flv[:4000])
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00\x09\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := parse(file)
		if err == nil && len(c.heads)+len(c.frames) > len(file)/15 {
			t.Errorf("%d tags in %d bytes", len(c.heads)+len(c.frames), len(file))
		}
	})
}
