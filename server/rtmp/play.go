package rtmp

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/bluenviron/gortmplib/pkg/message"

	"echo.tv/server/live"
	"echo.tv/server/tcp"
	"echo.tv/server/tv"
)

const (
	seenEvery = 2 * time.Second // a player is counted as a viewer
	fetchTime = 5 * time.Second // for a channel of another host, of the ten that a start may take

	// What the kernel takes on for a player is delay that nobody sees. Linux
	// doubles this: 0.7 s of 6 Mbit/s, and 200 Mbit/s over 20 ms of Wi-Fi.
	sendBuffer = 256 << 10
)

// Chunk streams of what a player gets. Commands have others, and another writer.
const (
	soundStream   = 4
	pictureStream = 6
)

var (
	errLeft    = errors.New("the player left")
	errStalled = tv.Errorf(tv.Unavailable, "the player takes nothing any more")
)

// playName finds the channel that a player named. A stream key is nobody's
// name: whoever has one and watches with it is told so, and it is not looked at
// any closer.
func (c *conn) playName(name string) (*channel, error) {
	parts := append(path(c.app)[1:], path(name)...)
	const code = "NetStream.Play.StreamNotFound"
	if len(parts) != 1 {
		return nil, c.refuseWith(code, tv.Errorf(tv.NotFound, "the name of one channel must follow /live").
			Hint("play rtmp://<this host>:1935/live/<channel>"))
	}
	if _, err := tv.ParseStreamKey(parts[0]); err == nil {
		return nil, c.refuseWith(code, tv.Errorf(tv.NotFound, "a stream key is for publishing only").
			Hint("play the name of the channel instead: rtmp://<this host>:1935/live/<channel>"))
	}
	if ch := c.server.seek(parts[0]); ch != nil {
		return ch, nil
	}
	return nil, c.refuseWith(code, tv.Errorf(tv.NotFound, "no channel of that name is on air").
		Hint("look in a browser at who is, or try again later"))
}

// seek returns the channel of that name, nil when it is not on air. One of
// another host is put on air here.
func (s *Server) seek(name string) *channel {
	parsed, err := tv.ParseAnyChannel(name)
	if err != nil {
		return nil
	}
	if _, host := parsed.Split(); host != "" && s.cfg.Fetch != nil {
		ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
		defer cancel()
		if err := s.cfg.Fetch(ctx, parsed); err != nil {
			s.cfg.Log.Debug("no relay", "channel", string(parsed), "err", err)
			return nil
		}
	}
	return s.find(parsed)
}

// play shows ch to the peer until one of them ends. The error says what was
// wrong with the player; nil is any usual end.
func (c *conn) play(ctx context.Context, ch *channel) error {
	if !c.visitor.watches() {
		return c.refuseWith("NetStream.Play.Failed", tv.Errorf(tv.TooMany, "too many are watching by RTMP").
			Hint("watch in a browser instead"))
	}
	if err := c.welcome(); err != nil {
		return explain(err)
	}
	log := c.log.With("channel", string(ch.live.Name()))
	log.Debug("player came")
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	c.budget.ration()
	c.nc.SetReadDeadline(time.Time{}) // a player has nothing to say for hours
	var listening sync.WaitGroup
	defer func() { c.nc.Close(); listening.Wait() }()
	listening.Go(func() {
		defer c.nc.Close() // whatever is being written ends with it
		defer leave(errLeft)
		defer c.server.survive(c.log)
		leave(c.listen())
	})
	p := &player{conn: c, channel: ch, id: "rtmp " + rand.Text(), progress: tcp.Watch(c.nc)}
	err := p.watch(ctx)
	log.Debug("player gone", "skipped", p.skipped)
	switch cause := context.Cause(ctx); {
	case errors.Is(err, live.ErrEnded):
		c.unpublished()
		listening.Wait()
		return nil
	case cause != nil && cause != errLeft && !ended(cause):
		return cause
	case cause != nil || ended(err):
		return nil
	}
	return err
}

// welcome says what players wait for before media: VLC and ffmpeg for the start,
// Flash's heirs for the reset as well.
func (c *conn) welcome() error {
	if t, ok := c.nc.(*net.TCPConn); ok {
		t.SetWriteBuffer(sendBuffer)
	}
	err := c.out.Write(&message.UserControlStreamBegin{StreamID: 1})
	if err == nil {
		err = c.onStatus("status", "NetStream.Play.Reset", "Playing.")
	}
	if err == nil {
		err = c.onStatus("status", "NetStream.Play.Start", "Playing.")
	}
	return err
}

// unpublished tells the player that there is no more to come, and gives it a
// second to read so and go.
func (c *conn) unpublished() {
	c.out.Write(&message.UserControlStreamEOF{StreamID: 1})
	c.onStatus("status", "NetStream.Play.UnpublishNotify", "The broadcast has ended.")
	if t, ok := c.nc.(*net.TCPConn); ok {
		t.CloseWrite()
	}
	c.nc.SetReadDeadline(time.Now().Add(time.Second))
}

// listen reads what a player says: acknowledgements, pongs, buffer lengths, and
// that it leaves. Nothing of it is answered, so that only one goroutine writes.
func (c *conn) listen() error {
	for {
		m, err := c.in.read()
		if err != nil {
			return err
		}
		switch m.typ {
		case typSetChunkSize, typAbort:
			err = c.control(m)
		case typCommand, typCommandAMF3:
			if isGoodbye(m) {
				err = errLeft
			}
		}
		if err != nil {
			return err
		}
	}
}

// player follows a channel's ring; one goroutine uses it.
type player struct {
	conn    *conn
	channel *channel
	id      string // in the audience
	at      live.Cursor
	skipped uint64 // frames it was too slow for

	progress *tcp.Progress

	init   *live.Init // what its decoders were set up with
	begun  bool
	zero   int64 // channel time of its first frame
	pieces net.Buffers
}

// watch follows the channel, noting every few seconds that somebody does: one
// whose kernel acknowledges nothing is no viewer any more, long before its
// connection ends. The error says why it ended.
func (p *player) watch(ctx context.Context) error {
	for there := true; ; there = p.progress.Moved() {
		if there {
			p.channel.live.Seen(live.ByRTMP, p.id)
		}
		while, done := context.WithTimeout(ctx, seenEvery)
		err := p.follow(while)
		done()
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

// follow sends frames, from the newest key frame on, until ctx ends.
func (p *player) follow(ctx context.Context) error {
	ring := p.channel.ring
	for ctx.Err() == nil {
		chunk, missed, err := ring.Next(ctx, &p.at)
		if err != nil {
			return err
		}
		jumped := false
		if time.Since(chunk.Frame.Arrival) > p.conn.times.late {
			n := ring.Skip(&p.at)
			if jumped = n > 0; jumped {
				missed += n + 1
			}
		}
		p.skipped += missed
		p.channel.server.skipped.Add(missed)
		if jumped {
			continue
		}
		if err := p.send(chunk); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// send writes one frame, and before it what the decoders need to know when that
// has changed. A player's time begins with its first frame; sound from before
// that is left out.
func (p *player) send(chunk *live.Chunk) error {
	f := &chunk.Frame
	if !p.begun {
		p.begun, p.zero = true, f.DTS
	}
	dts, pts := milliseconds(f.DTS-p.zero), milliseconds(f.PTS-p.zero)
	if dts < 0 || len(f.Payload) > maxLength-16 {
		return nil
	}
	p.pieces = p.pieces[:0]
	if chunk.Init != p.init {
		if err := p.introduce(chunk.Init.Tracks, dts); err != nil {
			return p.conn.refuseWith("NetStream.Play.Failed", err)
		}
		p.init = chunk.Init
	}
	t := chunk.Init.Tracks[f.Track]
	stream, typ := lane(t)
	p.pieces = appendMessage(p.pieces, stream, typ, dts, frameHead(t, f.Key, pts-dts), f.Payload)
	if err := p.write(p.pieces); err != nil {
		return err
	}
	p.channel.live.Sent(live.ByRTMP, len(f.Payload))
	return nil
}

// introduce adds the description of tracks and their decoders' settings.
func (p *player) introduce(tracks []live.Track, ms int64) error {
	about, err := description(tracks)
	if err != nil {
		return err
	}
	p.pieces = appendMessage(p.pieces, soundStream, typData, ms, nil, about)
	for _, t := range tracks {
		head, record, err := settings(t)
		if err != nil {
			return err
		}
		stream, typ := lane(t)
		p.pieces = appendMessage(p.pieces, stream, typ, ms, head, record)
	}
	return nil
}

// lane is where t's messages go.
func lane(t live.Track) (stream, typ byte) {
	if t.Video() {
		return pictureStream, typVideo
	}
	return soundStream, typAudio
}

// write sends pieces as they are. WriteTo consumes its receiver's slices, never
// their bytes.
func (p *player) write(pieces net.Buffers) error {
	p.conn.nc.SetWriteDeadline(time.Now().Add(p.conn.times.stall))
	p.progress.Start()
	n, err := pieces.WriteTo(p.conn.nc)
	p.progress.Done(n)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errStalled
	}
	return err
}

// milliseconds rounds ticks of the channel's clock.
func milliseconds(ticks int64) int64 {
	const per = live.Second / 1000
	if ticks < 0 {
		return -((per/2 - ticks) / per)
	}
	return (ticks + per/2) / per
}
