package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/handshake"
	"github.com/bluenviron/gortmplib/pkg/message"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// times is how long a peer is waited for.
type times struct {
	start time.Duration // connect to publish or play, however the bytes drip
	media time.Duration // publish to the first frame
	lost  time.Duration // silence while on air
	write time.Duration // for one message to it
	late  time.Duration // a frame that waited longer makes its player jump
	stall time.Duration // for one frame to a player
}

// patience returns the usual times. OBS needs 5 ms to publish on a LAN and sends
// its first frame within a second; lost is the LIVE rule's way to OFFLINE.
func patience() times {
	return times{start: 10 * time.Second, media: 10 * time.Second, lost: time.Minute, write: 5 * time.Second,
		late: 2 * time.Second, stall: 10 * time.Second}
}

// windowSize is how often each side acknowledges, in bytes; the usual figure.
const windowSize = 2_500_000

// conn is one peer's connection. One goroutine uses it; a player's has a second
// one that reads.
type conn struct {
	server  *Server
	nc      net.Conn
	visitor *visitor
	cfg     Config
	times   times
	log     *slog.Logger
	bytes   *bytecounter.ReadWriter
	budget  *budget
	in      *chunkReader
	out     *message.Writer

	ackEvery uint32 // bytes; 0 = the peer wants none
	acked    uint32
	app      string // what connect asked for, "" before it
}

func newConn(s *Server, nc net.Conn, v *visitor, log *slog.Logger) *conn {
	c := &conn{server: s, nc: nc, visitor: v, cfg: s.cfg, times: s.times, log: log}
	c.budget = &budget{r: promptly{nc, quickAck(nc)}, left: strangerBudget}
	c.bytes = bytecounter.NewReadWriter(struct {
		io.Reader
		io.Writer
	}{c.budget, deadlineWriter{nc, s.times.write}})
	return c
}

// serve takes one peer from its handshake to its last frame. The error says why
// the connection ended; nil is a clean goodbye.
func (c *conn) serve(ctx context.Context) error {
	c.nc.SetReadDeadline(time.Now().Add(c.times.start))
	wish, err := c.open()
	if err != nil {
		return c.early(err)
	}
	if wish.channel != nil {
		return c.play(ctx, wish.channel)
	}
	session, err := c.admit(ctx, wish.key)
	if err != nil {
		return c.refuse(err)
	}
	c.visitor.known()
	return c.publish(ctx, session)
}

// wish is what a peer came for: to publish with a key, or to play a channel.
type wish struct {
	key     tv.StreamKey
	channel *channel // nil: to publish
}

// open gets as far as the peer's wish.
func (c *conn) open() (wish, error) {
	if _, _, err := handshake.DoServer(&plainOnly{ReadWriter: c.bytes}, false); err != nil {
		return wish{}, fmt.Errorf("handshake: %w", err)
	}
	c.in = newChunkReader(c.bytes)
	c.out = message.NewWriter(c.bytes, c.bytes.Writer, false)
	return c.negotiate()
}

// early says what became of a peer that never published or played. One that only looked
// whether the port is open is nobody's business: nil.
func (c *conn) early(err error) error {
	switch {
	case c.bytes.Reader.Count() == 0:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return tv.Errorf(tv.Unavailable, "nothing was published within %v", c.times.start)
	case errors.Is(err, net.ErrClosed):
		return tv.Errorf(tv.TooMany, "the house is full: a stranger made room")
	case ended(err):
		return tv.Errorf(tv.Unavailable, "the peer left before it published")
	}
	return err
}

// admit asks who the key belongs to and takes the channel. The key is asked
// about again afterwards: it may have been revoked in between, and whoever
// revoked it looked for a publisher before there was one.
func (c *conn) admit(ctx context.Context, key tv.StreamKey) (*live.Session, error) {
	grant, err := c.cfg.Auth.Publisher(ctx, c.visitor.from, key)
	if err != nil {
		return nil, err
	}
	session, err := c.cfg.Publish(live.Publisher{
		Channel: grant.Channel, KeyID: grant.KeyID, KeyLabel: grant.KeyLabel, Remote: c.visitor.from.String(),
	})
	if err != nil {
		return nil, err
	}
	if _, err := c.cfg.Auth.Publisher(ctx, c.visitor.from, key); err != nil {
		session.Close(err)
		return nil, err
	}
	return session, nil
}

// publish feeds the session until the publisher leaves or must go.
func (c *conn) publish(ctx context.Context, session *live.Session) (err error) {
	defer func() {
		switch cause := context.Cause(session.Context()); {
		case cause != nil:
			err = cause // cut from outside: the read error only follows from it
		case ctx.Err() != nil:
			err = live.ErrStopped
		}
		switch {
		case err == nil:
			session.Close(errGoodbye)
		case tv.CodeOf(err) == tv.Invalid:
			session.Close(err) // nobody could play it, and trying again changes nothing
		default:
			session.Lose(err)
		}
	}()
	defer context.AfterFunc(session.Context(), func() { c.nc.Close() })()
	if err := c.accept(); err != nil {
		return explain(err)
	}
	c.budget.lift()
	c.in.limits = publisherLimits
	d := newDemux(session, c.log)
	defer d.summary()
	return c.media(d)
}

var errGoodbye = tv.Errorf(tv.NotFound, "the publisher stopped")

// media reads messages until the publisher says goodbye. Only frames move the
// deadline: a peer that pings and sends nothing to show is cut.
func (c *conn) media(d *demux) error {
	c.nc.SetReadDeadline(time.Now().Add(c.times.media))
	for {
		m, err := c.in.read()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && d.frames == 0:
			return errNothing
		case err != nil:
			return explain(err)
		}
		switch m.typ {
		case typAudio, typVideo:
			before, now := d.frames, time.Now()
			if err := d.tag(m, now); err != nil {
				return err
			}
			if d.frames > before {
				c.nc.SetReadDeadline(now.Add(c.times.lost))
			}
		case typData:
			d.metadata(m.body)
		case typCommand, typCommandAMF3:
			if isGoodbye(m) {
				return nil
			}
		default:
			err = c.control(m)
		}
		if err == nil {
			err = c.acknowledge()
		}
		if err != nil {
			return explain(err)
		}
	}
}

var errNothing = tv.Errorf(tv.Unavailable, "no media came after the publish").
	Hint("is Enhanced Broadcasting still on from Twitch? Untick it in OBS, Settings, Stream")

// explain turns what the socket says into what happened.
func explain(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return tv.Errorf(tv.Unavailable, "no media came for too long")
	case ended(err):
		return tv.Errorf(tv.Unavailable, "the publisher's connection ended")
	}
	return err
}

// ended reports whether err is only the socket's end; its own text names ports
// that help nobody.
func ended(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// control handles protocol messages that may come at any time.
func (c *conn) control(m rawMessage) error {
	value, enough := uint32(0), len(m.body) >= 4
	if enough {
		value = uint32(m.body[0])<<24 | be24(m.body[1:])
	}
	switch {
	case m.typ == typSetChunkSize && enough:
		return c.in.setSize(value)
	case m.typ == typAbort && enough:
		c.in.abort(value)
	case m.typ == typWindowAck && enough:
		c.ackEvery = value
	case m.typ == typUserControl && len(m.body) >= 6 && m.body[0] == 0 && m.body[1] == 6:
		ts := uint32(m.body[2])<<24 | be24(m.body[3:])
		return c.out.Write(&message.UserControlPingResponse{ServerTime: ts})
	}
	return nil // what we do not know asks for nothing
}

// acknowledge tells the peer how much came, when it wants to know (§5.4.3).
func (c *conn) acknowledge() error {
	n := uint32(c.bytes.Reader.Count())
	if c.ackEvery == 0 || n-c.acked < c.ackEvery {
		return nil
	}
	c.acked = n
	return c.out.Write(&message.Acknowledge{Value: n})
}
