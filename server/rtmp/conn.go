package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/handshake"
	"github.com/bluenviron/gortmplib/pkg/message"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// Times a publisher has. OBS needs 5 ms to publish on a LAN and sends its first
// frame within a second; the last one is the LIVE rule's way to OFFLINE.
const (
	startTimeout = 10 * time.Second // connect to publish, however the bytes drip
	mediaTimeout = 10 * time.Second // publish to the first frame
	lostTimeout  = 60 * time.Second // silence while on air
	writeTimeout = 5 * time.Second
)

// windowSize is how often each side acknowledges, in bytes; the usual figure.
const windowSize = 2_500_000

// conn is one publisher's connection; one goroutine uses it.
type conn struct {
	nc     net.Conn
	remote netip.Addr
	cfg    Config
	log    *slog.Logger
	bytes  *bytecounter.ReadWriter
	budget *budget
	in     *chunkReader
	out    *message.Writer

	ackEvery uint32 // bytes; 0 = the peer wants none
	acked    uint32
	app      string // what connect asked for
}

func newConn(nc net.Conn, remote netip.Addr, cfg Config, log *slog.Logger) *conn {
	c := &conn{nc: nc, remote: remote, cfg: cfg, log: log}
	c.budget = &budget{r: nc, left: strangerBudget}
	c.bytes = bytecounter.NewReadWriter(struct {
		io.Reader
		io.Writer
	}{c.budget, deadlineWriter{nc}})
	return c
}

// serve takes one publisher from its handshake to its last frame. The error
// says why the connection ended; nil is a clean goodbye.
func (c *conn) serve(ctx context.Context) error {
	c.nc.SetReadDeadline(time.Now().Add(startTimeout))
	if _, _, err := handshake.DoServer(plainOnly{c.bytes}, false); err != nil {
		return c.quiet(fmt.Errorf("handshake: %w", err))
	}
	c.in = newChunkReader(c.bytes)
	c.out = message.NewWriter(c.bytes, c.bytes.Writer, false)
	key, err := c.negotiate()
	if err != nil {
		return c.quiet(err)
	}
	session, err := c.admit(ctx, key)
	if err != nil {
		return c.refuse(err)
	}
	return c.publish(session)
}

// admit asks who the key belongs to and takes the channel. The key is asked
// about again afterwards: it may have been revoked in between, and whoever
// revoked it looked for a publisher before there was one.
func (c *conn) admit(ctx context.Context, key tv.StreamKey) (*live.Session, error) {
	grant, err := c.cfg.Auth.Publisher(ctx, c.remote, key)
	if err != nil {
		return nil, err
	}
	session, err := c.cfg.Hub.Publish(live.Publisher{
		Channel: grant.Channel, KeyID: grant.KeyID, KeyLabel: grant.KeyLabel, Remote: c.remote.String(),
	})
	if err != nil {
		return nil, err
	}
	if _, err := c.cfg.Auth.Publisher(ctx, c.remote, key); err != nil {
		session.Close(err)
		return nil, err
	}
	return session, nil
}

// publish feeds the session until the publisher leaves or must go.
func (c *conn) publish(session *live.Session) (err error) {
	defer func() {
		if cause := context.Cause(session.Context()); cause != nil {
			err = cause // cut from outside: the read error only follows from it
		}
		reason := err
		if reason == nil {
			reason = errGoodbye
		}
		session.Close(reason)
	}()
	defer context.AfterFunc(session.Context(), func() { c.nc.Close() })()
	if err := c.accept(); err != nil {
		return err
	}
	c.budget.lift()
	c.in.limits = publisherLimits
	return c.media(newDemux(session, c.log))
}

var errGoodbye = tv.Errorf(tv.NotFound, "the publisher stopped")

// media reads messages until the publisher says goodbye. Only media moves the
// deadline: a peer that pings and sends nothing to show is cut.
func (c *conn) media(d *demux) error {
	c.nc.SetReadDeadline(time.Now().Add(mediaTimeout))
	for {
		m, err := c.in.read()
		if err != nil {
			return explain(err)
		}
		switch m.typ {
		case typAudio, typVideo:
			now := time.Now()
			if err := d.tag(m, now); err != nil {
				return err
			}
			if d.onAir {
				c.nc.SetReadDeadline(now.Add(lostTimeout))
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
			return err
		}
	}
}

// explain turns what the socket says into what happened.
func explain(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return tv.Errorf(tv.Unavailable, "the publisher's connection ended")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return tv.Errorf(tv.Unavailable, "no media came for too long").
			Hint("is Enhanced Broadcasting still on from Twitch? Untick it in OBS, Settings, Stream")
	}
	return err
}

// quiet drops the error of a peer that only looked whether the port is open.
func (c *conn) quiet(err error) error {
	if c.bytes.Reader.Count() == 0 {
		return nil
	}
	return err
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

// strangerBudget bounds everything read before a key was accepted, handshake
// included. OBS needs 3.7 KiB.
const strangerBudget = 64 << 10

// budget is a reader that runs dry until it is lifted.
type budget struct {
	r    io.Reader
	left int
	free bool
}

func (b *budget) lift() { b.free = true }

func (b *budget) Read(p []byte) (int, error) {
	if b.free {
		return b.r.Read(p)
	}
	if b.left == 0 {
		return 0, fmt.Errorf("%w: more than %d bytes before a key", errProtocol, strangerBudget)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// deadlineWriter gives every write its time, so that a peer that stops reading
// cannot hold us.
type deadlineWriter struct{ nc net.Conn }

func (w deadlineWriter) Write(p []byte) (int, error) {
	w.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	return w.nc.Write(p)
}

// plainOnly refuses the encrypted handshake (RTMPE, version 6): broken since
// 2009, and no publisher of today asks for it.
type plainOnly struct{ io.ReadWriter }

func (p plainOnly) Read(b []byte) (int, error) {
	n, err := p.ReadWriter.Read(b)
	if len(b) == 1 && n == 1 && b[0] == 6 {
		return 0, fmt.Errorf("%w: RTMPE", errProtocol)
	}
	return n, err
}
