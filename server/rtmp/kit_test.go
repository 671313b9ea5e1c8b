package rtmp

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// house is a server on a free port, a hub whose outputs record, and a ring of
// keys. When the test ends everybody must have gone home, nothing may have
// panicked, and no key may stand in the log.
type house struct {
	*Server
	t    *testing.T
	hub  *live.Hub
	keys *keyring
	log  *book

	mu    sync.Mutex
	tapes map[tv.ChannelName]*tape // guarded by mu; of the newest broadcast

	stop func()
}

// open starts a house after change, if any, has set it up.
func open(t *testing.T, change ...func(*Server)) *house {
	t.Helper()
	h := &house{t: t, keys: &keyring{grants: map[string]Grant{}}, log: &book{}, tapes: map[tv.ChannelName]*tape{}}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	s, err := Listen(Config{Addr: "127.0.0.1:0", Log: log, Auth: h.keys,
		Publish: func(p live.Publisher) (*live.Session, error) { return h.hub.Publish(p) }})
	if err != nil {
		t.Fatal(err)
	}
	h.hub = live.NewHub(live.Config{Log: log, Packager: cmaf.Packager{}, Outputs: []func(*live.Channel) live.Output{h.record, s.Attach}})
	s.gate.crowd = crowd{all: 10_000, players: 10_000, perAddr: 10_000, fresh: 10_000} // the whole test comes from one address
	for _, f := range change {
		f(s)
	}
	h.Server = s
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("the server ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the server does not end")
		}
	})
	t.Cleanup(h.inspect)
	return h
}

// quick makes the waits of a server short enough for a test to sit them out.
func quick(s *Server) {
	s.times = times{start: 250 * time.Millisecond, media: 250 * time.Millisecond,
		lost: 600 * time.Millisecond, write: 250 * time.Millisecond,
		late: 100 * time.Millisecond, stall: 500 * time.Millisecond}
}

func (h *house) inspect() {
	h.t.Helper()
	h.stop()
	if n := h.Recovered(); n != 0 {
		h.t.Errorf("%d panics were recovered", n)
	}
	h.eventually(h.everybodyIsHome)
	for secret := range h.keys.all() {
		if strings.Contains(h.log.String(), secret) {
			h.t.Error("a stream key stands in the log")
		}
	}
	if h.t.Failed() {
		h.t.Logf("the log:\n%s", h.log.String())
	}
}

// everybodyIsHome looks for goroutines of this package's connections.
func (h *house) everybodyIsHome() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for g := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if bytes.Contains(g, []byte("rtmp.(*Server)")) || bytes.Contains(g, []byte("rtmp.(*conn)")) {
			return "still running:\n" + string(g)
		}
	}
	return ""
}

// eventually waits until what is "", which otherwise says what is still missing.
func (h *house) eventually(what func() string) {
	h.t.Helper()
	var missing string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if missing = what(); missing == "" {
			return
		}
	}
	h.t.Fatal(missing)
}

// logs waits for a line with all the given texts.
func (h *house) logs(texts ...string) {
	h.t.Helper()
	h.eventually(func() string {
		for line := range strings.Lines(h.log.String()) {
			if containsAll(line, texts) {
				return ""
			}
		}
		return "no line with " + strings.Join(texts, ", ")
	})
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// record is the hub's output.
func (h *house) record(ch *live.Channel) live.Output {
	r := &tape{}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tapes[ch.Name()] = r
	return r
}

// tape returns the recording of a channel's newest broadcast; an empty one when
// there was none.
func (h *house) tape(name tv.ChannelName) *tape {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tapes[name] == nil {
		return &tape{}
	}
	return h.tapes[name]
}

// frames waits until a channel has at least n chunks and returns them.
func (h *house) frames(name tv.ChannelName, n int) []*live.Chunk {
	h.t.Helper()
	var got []*live.Chunk
	h.eventually(func() string {
		if got = h.tape(name).all(); len(got) < n {
			return "too few frames reached the hub"
		}
		return ""
	})
	return got
}

// offAir waits until a channel is off the air, after a goodbye.
func (h *house) offAir(name tv.ChannelName) { h.t.Helper(); h.reaches(name, live.Offline) }

// gone waits until nobody publishes to a channel, for whatever reason.
func (h *house) gone(name tv.ChannelName) { h.t.Helper(); h.reaches(name, live.Offline, live.Lost) }

func (h *house) reaches(name tv.ChannelName, states ...live.State) {
	h.t.Helper()
	h.eventually(func() string {
		if st := h.hub.Status(name).State; !slices.Contains(states, st) {
			return string(name) + " is still " + string(st)
		}
		return ""
	})
}

// tape is an output that keeps what it is given.
type tape struct {
	mu     sync.Mutex
	chunks []*live.Chunk
	ended  bool
}

func (r *tape) WriteChunk(c *live.Chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chunks = append(r.chunks, c)
}

func (r *tape) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
}

func (r *tape) all() []*live.Chunk {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chunks[:len(r.chunks):len(r.chunks)]
}

// keyring is an Authorizer.
type keyring struct {
	mu     sync.Mutex
	grants map[string]Grant // by secret
	err    error            // when set, what everybody is told
	asked  int
	before func(nth int) // runs before the nth question is answered
}

func (k *keyring) Publisher(_ context.Context, _ netip.Addr, key tv.StreamKey) (Grant, error) {
	k.mu.Lock()
	k.asked++
	nth, before := k.asked, k.before
	k.mu.Unlock()
	if before != nil {
		before(nth)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	g, ok := k.grants[key.Reveal()]
	switch {
	case k.err != nil:
		return Grant{}, k.err
	case !ok:
		return Grant{}, tv.Errorf(tv.NotFound, "nobody here has that stream key")
	}
	return g, nil
}

// make returns a new key's secret that publishes to a channel; the key's id is
// the channel's name.
func (k *keyring) make(channel tv.ChannelName) string {
	key := tv.NewStreamKey()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.grants[key.Reveal()] = Grant{Channel: channel, KeyID: string(channel), KeyLabel: "main"}
	return key.Reveal()
}

func (k *keyring) revoke(secret string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.grants, secret)
}

func (k *keyring) refuse(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *keyring) all() map[string]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[string]bool{}
	for secret := range k.grants {
		out[secret] = true
	}
	return out
}

// book is a log that can be read while it is written.
type book struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
