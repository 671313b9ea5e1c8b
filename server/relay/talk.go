package relay

import (
	"context"
	"encoding/json"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// hello asks for the clock first: the answer is there before any media.
func (u *upstream) hello(ctx context.Context) error {
	if err := u.ping(ctx); err != nil {
		return err
	}
	self := u.relays.cfg.Self
	return u.say(ctx, map[string]any{"watch": u.own, "viewer": "relay-" + string(self), "relay": self,
		"via": []tv.HostID{self}, "viewers": u.watched()})
}

func (u *upstream) ping(ctx context.Context) error {
	now := time.Since(u.began).Microseconds()
	u.sent.Store(now)
	return u.say(ctx, map[string]any{"ping": now})
}

func (u *upstream) say(ctx context.Context, what any) error {
	raw, err := json.Marshal(what)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return u.ws.Write(ctx, websocket.MessageText, raw)
}

// talk says what we want, and once in a while that somebody watches. It returns
// why nobody needs the connection any more.
func (u *upstream) talk(ctx context.Context) error {
	if u.hello(ctx) != nil {
		return errBroke
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	told, since := -1, time.Now()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		n := u.watched()
		if n == 0 && u.idle() {
			return errNobody
		}
		if err := u.look(); err != nil {
			return err
		}
		if n == told && time.Since(since) < ackEvery {
			continue
		}
		told, since = n, time.Now()
		if u.say(ctx, map[string]any{"ack": u.own, "viewers": n}) != nil || u.ping(ctx) != nil {
			return errBroke
		}
	}
}

func (f *relay) idle() bool {
	f.relays.mu.Lock()
	defer f.relays.mu.Unlock()
	return time.Since(f.wanted) >= linger
}

// look compares with what is known of the host by other ways: its address, and
// whether the channel is over. The socket stays then, as it may begin again.
func (u *upstream) look() error {
	host, known := u.relays.cfg.Hosts.Host(u.host)
	if !known {
		return nil
	}
	if host.Addr != u.addr {
		return errMoved
	}
	if s := u.session.Load(); s != nil && u.silent() > lostAfter && host.Presence == peer.Here && !lists(host, u.own) {
		s.Close(errEnded)
	}
	return nil
}

func lists(h peer.Host, name tv.ChannelName) bool {
	for _, c := range h.Channels {
		if c.Name == name {
			return true
		}
	}
	return false
}
