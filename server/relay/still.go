package relay

import (
	"container/list"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// A card in the guide shows a still picture of a channel that nobody relays. It
// is fetched when a browser here asks for it, once for every picture that the
// host's directory announces: one every ten seconds. A host that does not
// answer, or sends something else, is left alone until it announces another.

const (
	maxStill   = 512 << 10 // bytes; a key frame of 5 Mbit/s is about 80 KiB
	maxStills  = 16 << 20  // bytes of all that are kept
	maxKept    = 256       // pictures and failures kept
	maxLoading = 8         // at one time
	stillTime  = 3 * time.Second
)

var errNoStill = tv.Errorf(tv.NotFound, "there is no picture of this channel")

// stills keeps the pictures that were asked for last. Safe for concurrent use.
type stills struct {
	mu      sync.Mutex
	kept    map[tv.ChannelName]*list.Element // guarded by mu; of *still
	order   list.List                        // guarded by mu; the latest asked for first
	size    int                              // guarded by mu; bytes
	loading int                              // guarded by mu
}

// still is one picture. Its data is there, or known not to be, once done is
// closed; it is immutable then.
type still struct {
	name    tv.ChannelName
	picture uint64
	done    chan struct{}
	data    []byte // nil when the host had none that is right
}

// Still returns the newest picture of the channel called name, ann@<id>, as a
// little MP4, whether it is relayed or not; it starts no relay. Errors: NotFound
// when there is none, or ctx's.
func (r *Relays) Still(ctx context.Context, name tv.ChannelName) ([]byte, error) {
	own, id := name.Split()
	host, known := r.cfg.Hosts.Host(id)
	at := slices.IndexFunc(host.Channels, func(c peer.Channel) bool { return c.Name == own })
	if !known || at < 0 || host.Channels[at].Picture == 0 {
		return nil, errNoStill
	}
	if host.Presence != peer.Here { // nobody to ask, but the guide still shows its cards
		return r.stills.last(name)
	}
	s := r.still(name, host.Addr, host.Channels[at].Picture)
	if s == nil {
		return nil, errNoStill
	}
	select {
	case <-s.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.data == nil {
		return nil, errNoStill
	}
	return s.data, nil
}

// still returns the picture of that number, perhaps still loading; nil when too
// many are.
func (r *Relays) still(name tv.ChannelName, addr netip.AddrPort, picture uint64) *still {
	r.mu.Lock() // before stills.mu: whoever is here has been counted, or sees the end
	defer r.mu.Unlock()
	k := &r.stills
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.kept[name]; e != nil {
		s := e.Value.(*still)
		if k.order.MoveToFront(e); s.picture == picture || !s.isDone() {
			return s
		}
		k.remove(e)
	}
	if k.loading >= maxLoading || r.life.Err() != nil {
		return nil
	}
	s := &still{name: name, picture: picture, done: make(chan struct{})}
	if k.kept == nil {
		k.kept = map[tv.ChannelName]*list.Element{}
	}
	k.kept[name] = k.order.PushFront(s)
	k.loading++
	r.running.Go(func() {
		defer k.loaded(s)
		defer r.survive()
		s.data, _ = r.load(addr, name)
	})
	return s
}

// last returns what is kept of name. Errors: NotFound.
func (k *stills) last(name tv.ChannelName) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.kept[name]; e != nil {
		if s := e.Value.(*still); s.isDone() && s.data != nil {
			return s.data, nil
		}
	}
	return nil, errNoStill
}

// isDone reports whether s is no longer loading.
func (s *still) isDone() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// loaded takes s into the account, and lets the oldest go.
func (k *stills) loaded(s *still) {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(s.done)
	k.loading--
	k.size += len(s.data)
	for e := k.order.Back(); e != nil && (k.size > maxStills || k.order.Len() > maxKept); {
		older := e.Prev()
		if e.Value.(*still).isDone() {
			k.remove(e)
		}
		e = older
	}
}

// remove is called with mu held.
func (k *stills) remove(e *list.Element) {
	s := k.order.Remove(e).(*still)
	k.size -= len(s.data)
	delete(k.kept, s.name)
}

var errStill = errors.New("what the host sent is not a picture")

// load asks the host, at an address that is made of nothing but what we checked.
func (r *Relays) load(addr netip.AddrPort, name tv.ChannelName) ([]byte, error) {
	ctx, cancel := context.WithTimeout(r.life, stillTime)
	defer cancel()
	own, _ := name.Split()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr.String()+"/hls/"+string(own)+"/thumb.mp4", nil)
	if err != nil {
		return nil, err
	}
	answer, err := r.client.Do(q)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errStill
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxStill+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxStill {
		return nil, errStill
	}
	if _, _, err = cmaf.ReadStill(data); err != nil {
		return nil, errStill
	}
	return data, nil
}
