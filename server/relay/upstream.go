package relay

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

const (
	dialTime   = 3 * time.Second  // until the socket stands
	silence    = 12 * time.Second // without one whole message, and the socket is dead
	ackEvery   = 5 * time.Second
	lostAfter  = 3 * time.Second // as the live core's
	maxMessage = 8 << 20         // bytes; a key frame of 100 Mbit/s is about 2 MiB
	maxText    = 4 << 10
)

var (
	errUnknown  = tv.Errorf(tv.NotFound, "that host is not on this network any more").Hint("look in the guide")
	errReach    = tv.Errorf(tv.Unavailable, "the other host cannot be reached from here").Hint("see whether its own page opens")
	errProtocol = tv.Errorf(tv.Unavailable, "what the other host sends cannot be played").Hint("use the same version of echo.tv on both")
)

// upstream is one connection to the host that has the channel.
type upstream struct {
	*relay
	ws   *websocket.Conn
	addr netip.AddrPort
	feed feed

	sent  atomic.Int64  // when the last ping left, µs since began; it is the ping's number
	ahead time.Duration // the host's clock before ours
}

// connect follows the channel over one connection, and returns why it ended.
func (f *relay) connect(ctx context.Context) error {
	host, known := f.relays.cfg.Hosts.Host(f.host)
	if !known {
		return errUnknown
	}
	ws, err := f.dial(ctx, host.Addr)
	if err != nil {
		f.log.Debug("relay found nobody", "address", host.Addr.String(), "err", err)
		return errReach
	}
	defer ws.CloseNow() // without the closing handshake, which waits 5 s for a stranger
	u := &upstream{relay: f, ws: ws, addr: host.Addr, feed: feed{budget: &f.budget}}
	ctx, cancel := context.WithCancelCause(ctx)
	var company sync.WaitGroup
	defer company.Wait()
	defer cancel(nil)
	company.Go(func() { cancel(u.talk(ctx)) })
	err = errProtocol // what a panic leaves
	func() {
		defer f.relays.survive()
		err = u.listen(ctx)
	}()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (f *relay) dial(ctx context.Context, addr netip.AddrPort) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+addr.String()+"/push", &websocket.DialOptions{
		HTTPClient: f.relays.client,
		HTTPHeader: http.Header{"Origin": {"http://" + addr.String()}},
	})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(maxMessage)
	return ws, nil
}

// listen takes what the host sends until one of them ends.
func (u *upstream) listen(ctx context.Context) error {
	for {
		wait, done := context.WithTimeout(ctx, silence)
		kind, raw, err := u.ws.Read(wait)
		done()
		switch {
		case errors.Is(err, websocket.ErrMessageTooBig):
			return errProtocol
		case err != nil:
			return errBroke
		case kind == websocket.MessageText:
			err = u.hear(raw)
		default:
			err = u.take(raw)
		}
		if err != nil {
			return err
		}
	}
}

// text is what the host says; one of On, Off and Pong is set, or nothing that
// concerns us.
type text struct {
	On          tv.ChannelName `json:"on"`
	Tag         uint16         `json:"tag"`
	KeyInterval float64        `json:"keyInterval"`
	Off         tv.ChannelName `json:"off"`
	Pong        *int64         `json:"pong"`
	Now         float64        `json:"now"`
}

func (u *upstream) hear(raw []byte) error {
	var t text
	if len(raw) > maxText || json.Unmarshal(raw, &t) != nil {
		return errProtocol
	}
	switch {
	case t.On == u.own:
		u.feed.announce(t.Tag, t.KeyInterval)
	case t.Off == u.own:
		return errEnded
	case t.Pong != nil && *t.Pong == u.sent.Load() && t.Now > 0 && t.Now < maxClock:
		now := time.Now()
		middle := now.Add(-(time.Since(u.began) - time.Duration(*t.Pong)*time.Microsecond) / 2)
		u.ahead = time.UnixMicro(int64(t.Now * 1000)).Sub(middle)
	}
	return nil
}

const maxClock = 1 << 43 // ms since 1970: the year 2248

// arrived returns when the host had what it stamped with ms, on our clock: so
// delays that viewers see include the relay. A stamp that cannot be is now.
func (u *upstream) arrived(ms uint64, now time.Time) time.Time {
	const oldest = 20 * time.Second // two of the longest key intervals
	if ms >= maxClock {
		return now
	}
	age := now.Round(0).Sub(time.UnixMilli(int64(ms)).Add(-u.ahead))
	return now.Add(-min(max(0, age), oldest))
}

// take puts one message of media on air.
func (u *upstream) take(raw []byte) error {
	frames, stamp, err := u.feed.read(raw)
	if err != nil || len(frames) == 0 {
		return err
	}
	session, fresh, err := u.air(u.addr.String())
	if err != nil {
		return err
	}
	if u.feed.cut || fresh {
		if err := session.SetTracks(u.feed.tracks); err != nil {
			return errProtocol
		}
		u.feed.cut = false
	}
	picture, now := false, time.Now()
	at := u.arrived(stamp, now)
	for _, f := range frames {
		f.Arrival = at
		if err := session.WriteFrame(f); err != nil {
			return u.ended(err)
		}
		picture = picture || (f.Track == 0 && f.Key)
	}
	u.note(picture)
	return nil
}

// ended takes the end of a session that look closed for none: the next frame
// begins another.
func (u *upstream) ended(err error) error {
	if errors.Is(err, errEnded) {
		u.feed.cut = true
		return nil
	}
	if errors.Is(err, live.ErrStopped) || errors.Is(err, live.ErrTakenOver) {
		return err
	}
	return errProtocol
}
