package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"

	"echo.tv/server/crowd"
	"echo.tv/server/guide"
	"echo.tv/server/tv"
)

const (
	maxSockets      = 2000
	maxSocketsPerIP = 8                      // tabs of one person
	eventsEvery     = 250 * time.Millisecond // a list, not a stream: nobody reads faster
	pingEvery       = 20 * time.Second
	pongWithin      = 10 * time.Second // a phone that wakes its radio needs seconds
	writeWithin     = 5 * time.Second
	storeRetry      = 5 * time.Second // after an error of the disk
)

// Event is one message of the event socket.
type Event struct {
	Type      string        `json:"type" enum:"channels,addresses,ping"`
	Channels  []guide.Entry `json:"channels,omitzero" required:"false" nullable:"false" doc:"With type channels: the whole list"`
	Addresses *Addresses    `json:"addresses,omitempty" doc:"With type addresses: where the host is reached now"`
}

// frame is all that there is to tell, each part as one encoded Event or nil.
// Frames are immutable and form a chain: a reader that was busy waits on the
// frame it sent last, then takes the newest.
type frame struct {
	channels, addresses []byte
	stale               chan struct{} // closed when a newer frame exists
}

// since returns the parts of f that differ from old's.
func (f *frame) since(old *frame) (news [][]byte) {
	if !bytes.Equal(f.channels, old.channels) {
		news = append(news, f.channels)
	}
	if !bytes.Equal(f.addresses, old.addresses) {
		news = append(news, f.addresses)
	}
	return news
}

// feed encodes news once for all sockets.
type feed struct {
	newest atomic.Pointer[frame]
	making sync.Mutex      // held while a new frame follows the newest
	life   context.Context // ends with run; a socket's own context ends with its request
	end    context.CancelFunc
	crowd  *crowd.Crowd
}

func newFeed() *feed {
	f := &feed{crowd: crowd.New(maxSockets, maxSocketsPerIP)}
	f.life, f.end = context.WithCancel(context.Background())
	f.newest.Store(&frame{stale: make(chan struct{})})
	return f
}

// run publishes lists until ctx ends, then sends everybody home and waits.
func (f *feed) run(ctx context.Context, log *slog.Logger, g *guide.Guide) error {
	defer f.crowd.Close(f.end)
	for ctx.Err() == nil {
		mark := g.Mark()
		if err := f.publish(g); err != nil {
			log.Error("no list for the event sockets", "err", err)
			pause(ctx, storeRetry)
			continue
		}
		pause(ctx, eventsEvery)
		mark.Wait(ctx)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (f *feed) publish(g *guide.Guide) error {
	list, err := g.List()
	if err != nil {
		return err
	}
	data, err := json.Marshal(Event{Type: "channels", Channels: list})
	if err != nil {
		return err
	}
	f.put(func(f *frame) { f.channels = data })
	return nil
}

// put makes a frame that differs from the newest by change, if it does.
func (f *feed) put(change func(*frame)) {
	f.making.Lock()
	defer f.making.Unlock()
	old := f.newest.Load()
	next := *old
	next.stale = make(chan struct{})
	if change(&next); len(next.since(old)) != 0 {
		f.newest.Store(&next)
		close(old.stale)
	}
}

// enter takes a place for ip, which crowd.Leave gives back.
func (f *feed) enter(ip netip.Addr) error {
	switch f.crowd.Enter(ip) {
	case crowd.ErrClosed:
		return tv.Errorf(tv.Unavailable, "this host is shutting down")
	case crowd.ErrAddress:
		return tv.Errorf(tv.TooMany, "too many windows of this address listen already").Hint("close some of them").After(pingEvery)
	case crowd.ErrFull:
		return tv.Errorf(tv.TooMany, "too many listen already").After(pingEvery)
	}
	return nil
}

// events upgrades one listener. It is a WebSocket and not server-sent events
// because plain HTTP has six connections per host, and each tab would hold one.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	// A socket answers to whoever opens it, on any site, and browsers always say
	// who that is; so a missing Origin is not a browser of ours either.
	if !ownPage(r) {
		writeProblem(w, tv.Errorf(tv.Forbidden, "another site asked for this"))
		return
	}
	ip := visitorOf(r.Context()).addr
	if err := a.feed.enter(ip); err != nil {
		writeProblem(w, err)
		return
	}
	defer a.feed.crowd.Leave(ip)
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	a.attend(r.Context(), c)
}

// ownPage reports whether a page of this host asks; behind a proxy with TLS it
// has the same name and another scheme.
func ownPage(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return strings.EqualFold(origin, "http://"+r.Host) || strings.EqualFold(origin, "https://"+r.Host)
}

// attend serves a listener while it is there and silent. Reading is how its
// pongs and its leaving are heard; one that sends a message is hung up on, as
// nothing it could say is expected.
func (a *API) attend(ctx context.Context, c *websocket.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.feed.life, cancel)() // also in the middle of a write that stalls
	var reading sync.WaitGroup
	reading.Go(func() {
		defer cancel()
		defer a.door.survive("event socket")
		c.Reader(ctx)
	})
	a.feed.serve(ctx, c)
	c.CloseNow() // without the closing handshake, which waits 5 s for a stranger
	reading.Wait()
}

// serve writes until ctx ends or the listener does not take it.
func (f *feed) serve(ctx context.Context, c *websocket.Conn) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	last := new(frame)
	for {
		now := f.newest.Load()
		for _, event := range now.since(last) {
			if write(ctx, c, event) != nil {
				return
			}
		}
		last = now
		select {
		case <-last.stale:
		case <-ping.C:
			if write(ctx, c, []byte(`{"type":"ping"}`)) != nil || !alive(ctx, c) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func write(ctx context.Context, c *websocket.Conn, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	return c.Write(ctx, websocket.MessageText, data)
}

// alive asks below the page: a machine that lost its Wi-Fi takes writes for
// minutes, into the kernel's buffer.
func alive(ctx context.Context, c *websocket.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, pongWithin)
	defer cancel()
	return c.Ping(ctx) == nil
}

// describeEvents adds the socket to the description by hand: huma knows only
// request and answer.
func describeEvents(spec *huma.OpenAPI) {
	event := spec.Components.Schemas.Schema(reflect.TypeFor[Event](), true, "")
	spec.AddOperation(&huma.Operation{
		Method: "GET", Path: "/api/events", OperationID: "events", Summary: "WebSocket: the list of channels and the addresses, now and after each change",
		Description: "The server sends Events as text, a ping every 20 s, and the newest list at most four times a second. The client sends nothing.",
		Responses: map[string]*huma.Response{"101": {Description: "Each message is one Event",
			Content: map[string]*huma.MediaType{"application/json": {Schema: event}}}},
	})
}
