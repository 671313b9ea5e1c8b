package logs

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"
	"unicode/utf8"
)

// desk returns a log with its ring and what the handler behind it writes.
func desk(level slog.Level) (*slog.Logger, *Ring, *bytes.Buffer) {
	r, b := NewRing(), &bytes.Buffer{}
	return slog.New(r.Tee(slog.NewTextHandler(b, &slog.HandlerOptions{Level: level}))), r, b
}

func (r *Record) all() string { return fmt.Sprint(r.Part, " ", r.Message, r.Attrs) }

func TestTheNewestThousandAreKept(t *testing.T) {
	log, ring, _ := desk(slog.LevelError)
	for i := range Size + 500 {
		log.With("part", "live").Info("n", "i", i)
	}
	all, last := ring.Since(0)
	if len(all) != Size || all[Size-1].Seq != last || all[Size-1].Attrs[0] != (Attr{"i", "1499"}) || all[0].Part != "live" {
		t.Fatalf("%d from %+v", len(all), all[0])
	}
	for after, want := range map[uint64]int{last - 10: 10, last: 0, last + 1: 0, math.MaxUint64 - 1: 0, 3: Size} {
		if got, _ := ring.Since(after); len(got) != want {
			t.Errorf("after %d: %d, want %d", after, len(got), want)
		}
	}
	if none, next := NewRing().Since(last); len(none) != 0 || next == 0 {
		t.Error("a new ring is not empty")
	}
}

func kept(r *Ring) []*Record {
	all, _ := r.Since(0)
	return all
}

func TestTheHandlerBehindGetsWhatItWantsAndTheRingTheRest(t *testing.T) {
	log, ring, out := desk(slog.LevelWarn)
	log.Debug("too small for both")
	log.Info("for the ring")
	log.Warn("for both", "n", 3, "took", time.Second)
	if s := out.String(); strings.Contains(s, "ring") || !strings.Contains(s, `msg="for both" n=3 took=1s`) || len(kept(ring)) != 2 {
		t.Errorf("%d kept, written %q", len(kept(ring)), s)
	}
}

type angry struct{}

func (angry) String() string { panic("no") }

type key struct{ secret string }

func (k key) LogValue() slog.Value { return slog.StringValue("live_" + k.secret) }

const leaked = "abcdefgh234567abcdefgh234567abcd"

func TestSecretsAreMaskedWhereverTheyStand(t *testing.T) {
	for name, write := range map[string]func(*slog.Logger){
		"in the message":    func(l *slog.Logger) { l.Info("publish /live/live_" + leaked + "?x=1 failed") },
		"in a value":        func(l *slog.Logger) { l.Info("m", "url", "rtmp://h/live/live_"+leaked) },
		"in upper case":     func(l *slog.Logger) { l.Info("m", "url", "LIVE_"+strings.ToUpper(leaked)) },
		"in an error":       func(l *slog.Logger) { l.Info("m", "err", fmt.Errorf("x: %w", errors.New("live_"+leaked))) },
		"in a list":         func(l *slog.Logger) { l.Info("m", "v", []string{"live_" + leaked}) },
		"in bytes' text":    func(l *slog.Logger) { l.Info("m", "v", fmt.Sprintf("%q", "live_"+leaked)) },
		"in a struct":       func(l *slog.Logger) { l.Info("m", "v", struct{ K string }{"live_" + leaked}) },
		"behind a LogValue": func(l *slog.Logger) { l.Info("m", "v", key{leaked}) },
		"in a group":        func(l *slog.Logger) { l.Info("m", slog.Group("g", slog.Group("h", "v", "live_"+leaked))) },
		"given beforehand":  func(l *slog.Logger) { l.With("v", "live_"+leaked).WithGroup("g").Info("m") },
		"a bearer token":    func(l *slog.Logger) { l.Info("Authorization: Bearer " + leaked) },
		"a cookie":          func(l *slog.Logger) { l.Info("m", "header", "a=b; echotv_abcd1234="+leaked+"; c=d") },
		"in a query":        func(l *slog.Logger) { l.Info("GET /x?token=" + leaked + "&y=1") },
		"in JSON":           func(l *slog.Logger) { l.Info(`{"password":"` + leaked + `"}`) },
		"by its name":       func(l *slog.Logger) { l.Info("m", "password", leaked) },
		"in a deep well": func(l *slog.Logger) {
			a := slog.String("v", "live_"+leaked)
			for range 50 {
				a = slog.Group("g", a)
			}
			l.Info("m", a)
		},
	} {
		log, ring, out := desk(slog.LevelInfo)
		write(log)
		first := kept(ring)[0].all()
		for where, s := range map[string]string{"ring": first, "handler": out.String()} {
			if low := strings.ToLower(s); strings.Contains(low, leaked) || strings.Contains(low, leaked[8:]) {
				t.Errorf("%s: the %s has %s", name, where, s)
			}
		}
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	log, ring, _ := desk(slog.LevelInfo)
	log.Info("live_streaming is on", "key", "live_ab…", "from", netip.MustParseAddr("10.0.0.7"), "label", "gaming PC", "tokens", 3)
	if got := kept(ring)[0].all(); got != ` live_streaming is on[{key live_ab…} {from 10.0.0.7} {label gaming PC} {tokens 3}]` {
		t.Error(got)
	}
}

func TestHostileValuesCostNothing(t *testing.T) {
	log, ring, out := desk(slog.LevelInfo)
	long := strings.Repeat("ä", 5000)
	var many []any
	for i := range 500 {
		many = append(many, fmt.Sprint("k", i), i)
	}
	log.Info(long, "v", long)
	log.Info("m", many...)
	log.Info("m", "v", angry{}, long, 1)
	log.Info("a\nlevel=ERROR msg=forged\x1b[2J", "v", "x\xff\xfe\r\n")
	log.Info("m", "v", nil, "w", (*key)(nil))
	log.Log(t.Context(), slog.Level(-100), "below everything")
	for _, r := range kept(ring) {
		size := len(r.Message) + len(r.Part)
		for _, a := range r.Attrs {
			size += len(a.Key) + len(a.Value)
		}
		if size > maxText+64 || len(r.Attrs) > maxAttrs || !utf8.ValidString(r.all()) {
			t.Errorf("%d bytes, %d attributes: %.80q", size, len(r.Attrs), r.all())
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 5 {
		t.Errorf("%d lines were written of 5", n)
	}
	if !strings.Contains(kept(ring)[2].all(), "PANIC") {
		t.Error(kept(ring)[2].all())
	}
}

func TestManyMayLogAndReadAtOnce(t *testing.T) {
	r := NewRing()
	log := slog.New(r.Tee(slog.DiscardHandler))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 2000 {
				log.Info("m", "i", i)
				if i%50 == 0 {
					for j, rec := range kept(r) {
						if rec == nil {
							t.Errorf("record %d is missing", j)
						}
					}
				}
			}
		})
	}
	all.Wait()
	if got := kept(r); len(got) != Size || got[Size-1].Seq-r.first != 16000 {
		t.Errorf("%d, the last %d", len(got), got[len(got)-1].Seq-r.first)
	}
}

// The rules that every slog.Handler keeps hold for what passes through.
func TestTheHandlerBehindSeesWhatItWouldWithoutUs(t *testing.T) {
	var out bytes.Buffer
	h := NewRing().Tee(slog.NewTextHandler(&out, nil))
	err := slogtest.TestHandler(h, func() (all []map[string]any) {
		for line := range strings.Lines(out.String()) {
			all = append(all, parsed(strings.TrimSpace(line)))
		}
		return all
	})
	if err != nil {
		t.Error(err)
	}
}

// parsed undoes slog's text form, as far as the test above needs it.
func parsed(line string) map[string]any {
	top := map[string]any{}
	for _, field := range strings.Fields(line) {
		path, value, _ := strings.Cut(field, "=")
		at, keys := top, strings.Split(path, ".")
		for _, k := range keys[:len(keys)-1] {
			if at[k] == nil {
				at[k] = map[string]any{}
			}
			at = at[k].(map[string]any)
		}
		at[keys[len(keys)-1]] = value
	}
	return top
}

func FuzzMask(f *testing.F) {
	f.Add("live_" + leaked)
	f.Add("Bearer x token: y")
	f.Fuzz(func(t *testing.T, s string) {
		once := mask(s + " live_" + leaked)
		if strings.Contains(once, "live_"+leaked) {
			t.Errorf("%q leaks", once)
		}
		w := writer{left: 100}
		if got := w.take(once); len(got) > 100+len("…") || !utf8.ValidString(got) {
			t.Errorf("%q", got)
		}
	})
}
