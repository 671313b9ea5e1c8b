package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

const (
	silent     = 30 * time.Second // a viewer that neither acks nor asks is gone
	maxPerTick = 40               // texts within ten seconds; ours sends five
)

// socket is one viewer's connection. The library reads it; we write to the
// connection below.
type socket struct {
	server *Server
	ws     *websocket.Conn
	conn   net.Conn // below ws
	pen    *pen
	ip     netip.Addr

	mu       sync.Mutex
	watching map[tv.ChannelName]*watch // guarded by mu
	fetching int                       // guarded by mu
	viewer   string                    // guarded by mu
	relay    bool                      // guarded by mu; says that it watches for viewers of its own
	readers  sync.WaitGroup
}

// watch is one channel on a socket, from the wish to its end.
type watch struct {
	name   tv.ChannelName
	via    []tv.HostID
	people int                // behind a relay
	peer   atomic.Bool        // a known one
	cancel context.CancelFunc // ends it
}

func (w *watch) path() live.Path {
	if w.peer.Load() {
		return live.ByPeer
	}
	return live.ByPush
}

func newSocket(s *Server, ws *websocket.Conn, g *grab, ip netip.Addr) *socket {
	return &socket{server: s, ws: ws, conn: g.conn, pen: g.pen, ip: ip, watching: map[tv.ChannelName]*watch{}}
}

// serve does what the upgrade asked for and reads what the viewer says, until it
// leaves or the host ends.
func (s *socket) serve(ctx context.Context, first request) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.readers.Wait()
	defer s.ws.CloseNow() // without the closing handshake, which waits 5 s for a stranger
	defer cancel()
	defer context.AfterFunc(s.server.life, func() { cancel(); s.conn.Close() })()
	defer s.survive()
	if s.heed(ctx, first) != nil {
		return
	}
	texts, since := 0, time.Now()
	for {
		patience, done := context.WithTimeout(ctx, silent)
		kind, raw, err := s.ws.Read(patience)
		done()
		if err != nil {
			return
		}
		if time.Since(since) > 10*time.Second {
			texts, since = 0, time.Now()
		}
		if texts++; texts > maxPerTick || kind != websocket.MessageText || s.hear(ctx, raw) != nil {
			return
		}
	}
}

func (s *socket) survive() {
	if r := recover(); r != nil {
		s.server.recovered.Add(1)
		s.server.cfg.Log.Error("socket handler failed", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	}
}

// request is a text of the viewer; one of Watch, Stop, Ack and Ping is set.
type request struct {
	Watch   tv.ChannelName `json:"watch"`
	Viewer  string         `json:"viewer"`
	Relay   tv.HostID      `json:"relay"`
	Via     []tv.HostID    `json:"via"`
	Stop    tv.ChannelName `json:"stop"`
	Ack     tv.ChannelName `json:"ack"`
	Viewers int            `json:"viewers"`
	Ping    *float64       `json:"ping"`
}

// hear does what the viewer asks. The error closes the socket.
func (s *socket) hear(ctx context.Context, raw []byte) error {
	var q request
	if err := json.Unmarshal(raw, &q); err != nil {
		return err
	}
	return s.heed(ctx, q)
}

func (s *socket) heed(ctx context.Context, q request) error {
	switch {
	case q.Watch != "":
		return s.watch(ctx, q)
	case q.Stop != "":
		s.stop(q.Stop)
	case q.Ack != "":
		s.ack(q.Ack, q.Viewers)
	case q.Ping != nil:
		return s.say(map[string]any{"pong": *q.Ping, "now": float64(time.Now().UnixMicro()) / 1000})
	}
	return nil
}

func (s *socket) say(answer any) error {
	raw, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	if _, err = s.pen.write(append(frame(opText, len(raw)), raw...)); err != nil {
		s.conn.Close() // which may have taken a part
	}
	return err
}

var errTooMany = errors.New("too many channels on one socket")

// watch begins (again) with a channel.
func (s *socket) watch(ctx context.Context, q request) error {
	s.stop(q.Watch)
	_, host := q.Watch.Split()
	foreign := host != "" && s.server.cfg.Fetch != nil
	ch := s.server.find(q.Watch)
	if ch == nil && !foreign {
		return s.say(map[string]any{"off": q.Watch})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.watching) >= maxPerSocket {
		return errTooMany
	}
	s.introduce(q)
	w := &watch{name: q.Watch, via: q.Via, people: q.Viewers}
	ctx, w.cancel = context.WithCancel(ctx)
	s.watching[w.name] = w
	s.readers.Go(func() {
		defer s.forget(w)
		defer s.survive()
		if foreign { // also when it is here: its relay may have ended
			if ch = s.fetch(ctx, w); ch == nil {
				return
			}
		}
		s.seen(ch, w)
		s.follow(ctx, ch, w)
	})
	return nil
}

// introduce notes who watches. It is called with mu held.
func (s *socket) introduce(q request) {
	switch {
	case q.Viewer == preview, len(q.Viewer) >= 16 && len(q.Viewer) <= 64:
		s.viewer = q.Viewer
	case s.viewer == "":
		s.viewer = s.conn.RemoteAddr().String()
	}
	s.relay = s.relay || q.Relay != ""
}

func (s *socket) stop(name tv.ChannelName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.watching[name]; w != nil {
		w.cancel()
		delete(s.watching, name)
	}
}

// forget makes room for another channel when w has ended by itself.
func (s *socket) forget(w *watch) {
	w.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watching[w.name] == w {
		delete(s.watching, w.name)
	}
}

func (s *socket) ack(name tv.ChannelName, people int) {
	s.mu.Lock()
	w := s.watching[name]
	if w != nil {
		w.people = people
	}
	s.mu.Unlock()
	if ch := s.server.find(name); ch != nil && w != nil {
		s.seen(ch, w)
	}
}

// preview is what a streamer's look at the own picture calls itself; it is no
// viewer.
const preview = "preview"

func (s *socket) seen(ch *channel, w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.peer.Store(s.relay && s.server.cfg.IsPeer != nil && s.server.cfg.IsPeer(s.ip))
	people := 1
	if w.peer.Load() {
		people = min(max(0, w.people), maxPeople)
	}
	if s.viewer != preview {
		ch.live.SeenBy(w.path(), s.viewer, people)
	}
}
