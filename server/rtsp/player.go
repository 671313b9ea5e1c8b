package rtsp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/pion/rtcp"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

const (
	maxPlayersPerIP = 32 // a recorder or a wall of screens; loopback, where relays are, has no such limit
	tooOld          = 2 * time.Second
	reportEvery     = 5 * live.Second // of sender reports (RFC 3550 §6.2)
	farewell        = 100 * time.Millisecond

	// A player that begins gets all since the last key frame at once. TCP paces
	// that; over UDP it would overrun the player's socket buffer, 208 KiB by
	// default on Linux. 16 packets in 2 ms are 92 Mbit/s.
	burst      = 16
	burstPause = 2 * time.Millisecond
)

// player is one playing session. Its goroutine follows the channel's ring.
type player struct {
	server  *Server
	session *gortsplib.ServerSession
	guest   *guest
	stream  *stream
	id      string // in the audience
	udp     bool
	ctx     context.Context
	cancel  context.CancelCauseFunc
	outlets []*outlet // by track; nil for one it did not set up

	alone   bool          // guarded by server.mu; UDP, and its connection has ended
	reports atomic.Uint64 // it sent, by UDP
	counted uint64        // guarded by server.mu; of these, when it was last counted

	// The goroutine's own.
	zero     time.Time // wall time of channel time 0
	reported int64     // DTS of the last reports
	sent     int       // packets in this burst
	skipped  uint64    // frames it was too slow for
}

// outlet is one track on its way to one player.
type outlet struct {
	media           *description.Media
	rate            int64
	ssrc            uint32
	number          uint16
	packets, octets uint32
}

var (
	errLeft    = errors.New("it left")
	errChanged = errors.New("the stream's settings changed")
	errStalled = errors.New("it takes nothing")
)

// join makes a player of a session that asks to play. It is called before the
// session can be written to; the library keeps what comes until it can. Errors:
// NotFound, TooMany, Unavailable.
func (s *Server) join(session *gortsplib.ServerSession, g *guest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var st *stream
	for open := range s.streams {
		if open.lib == session.SetuppedStream() {
			st = open
		}
	}
	switch {
	case s.life.Err() != nil:
		return live.ErrStopped
	case st == nil:
		return tv.Errorf(tv.NotFound, "this broadcast is over")
	case !s.roomFor(g.from):
		return tv.Errorf(tv.TooMany, "too many are watching from this address")
	}
	p := &player{server: s, session: session, guest: g, stream: st, id: "rtsp " + rand.Text(),
		udp: *session.SetuppedTransport() == gortsplib.TransportUDP, outlets: make([]*outlet, len(st.ssrc))}
	p.ctx, p.cancel = context.WithCancelCause(s.life)
	for _, m := range session.SetuppedMedias() {
		for i, of := range st.lib.Desc.Medias {
			if m == of {
				p.outlets[i] = &outlet{media: m, rate: rateOf(st.init.Tracks[i]), ssrc: st.ssrc[i], number: random16()}
			}
		}
	}
	session.OnPacketRTCPAny(func(*description.Media, rtcp.Packet) { p.reports.Add(1) })
	s.players[session] = p
	s.perIP[g.from]++
	st.players++
	g.welcome()
	st.channel.live.Seen(live.ByRTSP, p.id)
	s.playing.Add(1)
	go p.run()
	return nil
}

// roomFor reports whether an address may have one more player. It is called with
// mu held.
func (s *Server) roomFor(ip netip.Addr) bool {
	return s.perIP[ip] < maxPlayersPerIP || ip.IsLoopback()
}

// part forgets a session that played, if it did.
func (s *Server) part(session *gortsplib.ServerSession, goodbye bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.players[session]
	if p == nil {
		return
	}
	delete(s.players, session)
	if s.perIP[p.guest.from]--; s.perIP[p.guest.from] == 0 {
		delete(s.perIP, p.guest.from)
	}
	p.stream.players--
	p.stream.asked = time.Now()
	p.cancel(errLeft)
	if goodbye {
		p.guest.estrange()
	}
}

// seen counts the player as a viewer while it takes what it is sent. By TCP the
// kernel knows. By UDP a session can outlive its player: one that has ever sent
// reports must go on, which players do every 5 to 8 s (RFC 3550 §6.2). It is
// called with server.mu held.
func (p *player) seen() {
	there := !p.alone
	if p.udp {
		n := p.reports.Load()
		there = there && (n == 0 || n > p.counted)
		p.counted = n
	} else {
		there = p.guest.progress.Moved()
	}
	if there {
		p.stream.channel.live.Seen(live.ByRTSP, p.id)
	}
}

// run serves the player until it leaves or there is no more to play.
func (p *player) run() {
	defer p.server.playing.Done()
	defer p.session.Close()
	defer p.server.rescue(nil, nil)
	log := p.server.cfg.Log.With("channel", string(p.stream.channel.live.Name()), "remote", p.guest.from.String())
	log.Debug("player came", "udp", p.udp)
	err := p.follow()
	p.sayGoodbye(err)
	if errors.Is(err, errStalled) {
		log.Info("player closed", "reason", err, "skipped", p.skipped)
	} else {
		log.Debug("player gone", "reason", err, "skipped", p.skipped)
	}
}

// follow sends frames from the newest key frame on. The error says why it ended.
func (p *player) follow() error {
	var at live.Cursor
	ring := p.stream.channel.ring
	for {
		u, missed, err := ring.Next(p.ctx, &at)
		if err != nil {
			return err
		}
		if u.init != p.stream.init {
			return errChanged
		}
		jumped := false
		if time.Since(u.arrival) > tooOld {
			n := ring.Skip(&at)
			if jumped = n > 0; jumped {
				missed += n + 1
			}
		}
		p.skipped += missed
		p.server.skipped.Add(missed)
		if jumped {
			continue
		}
		if err := p.send(u); err != nil {
			return err
		}
	}
}

// send puts u into the queue, with reports before it when they are due.
func (p *player) send(u *unit) error {
	o := p.outlets[u.track]
	if o == nil {
		return nil
	}
	if p.zero.IsZero() || u.dts-p.reported >= reportEvery {
		p.report(u)
	}
	for _, shared := range u.packets() {
		pkt := *shared
		pkt.SequenceNumber = o.number
		if err := p.push(func() error { return p.session.WritePacketRTP(o.media, &pkt) }); err != nil {
			return err
		}
		o.number++
		o.packets++
		o.octets += uint32(len(pkt.Payload))
		p.stream.channel.live.Sent(live.ByRTSP, len(pkt.Payload))
		if p.sent++; p.udp && p.sent%burst == 0 && !pause(p.ctx, burstPause) {
			return context.Cause(p.ctx)
		}
	}
	return nil
}

// push waits for room in the queue.
func (p *player) push(write func() error) error {
	var since time.Time
	for {
		if _, full := errors.AsType[liberrors.ErrServerWriteQueueFull](write()); !full {
			return nil // or a packet that cannot be sent, which costs itself
		}
		now := time.Now()
		if since.IsZero() {
			since = now
		}
		if now.Sub(since) > p.server.times.stall {
			return errStalled
		}
		if !pause(p.ctx, 5*time.Millisecond) {
			return context.Cause(p.ctx)
		}
	}
}

// report tells the player which wall time each track's clock stands for, all at
// the same moment: from this it knows what sounds to which picture.
func (p *player) report(u *unit) {
	p.keepTime(u)
	p.reported = u.dts
	now := ntp(p.zero.Add(live.Span(u.dts)))
	for _, o := range p.outlets {
		if o != nil {
			p.session.WritePacketRTCP(o.media, &rtcp.SenderReport{SSRC: o.ssrc, NTPTime: now,
				RTPTime: uint32(rescale(u.dts, o.rate)), PacketCount: o.packets, OctetCount: o.octets})
		}
	}
}

// keepTime ties the channel's clock to the wall by when frames arrived. After
// the first, it moves a millisecond per report at most: ffmpeg makes timestamps
// of this, and a jump for every late frame would be heard.
func (p *player) keepTime(u *unit) {
	zero := u.arrival.Add(-live.Span(u.dts))
	if p.zero.IsZero() {
		p.zero = zero
		return
	}
	p.zero = p.zero.Add(min(max(zero.Sub(p.zero), -time.Millisecond), time.Millisecond))
}

// sayGoodbye ends the tracks for a player that is still there, and lets it read
// so before the connection closes.
func (p *player) sayGoodbye(reason error) {
	if errors.Is(reason, errLeft) || errors.Is(reason, errStalled) {
		return
	}
	for _, o := range p.outlets {
		if o != nil {
			p.session.WritePacketRTCP(o.media, &rtcp.Goodbye{Sources: []uint32{o.ssrc}})
		}
	}
	pause(context.Background(), farewell)
}

// ntp is a time in RTCP's format: seconds since 1900 in 32.32 bits.
func ntp(t time.Time) uint64 {
	return uint64(t.Unix()+2208988800)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// random16 is where packet numbers begin (RFC 3550 §5.1).
func random16() uint16 {
	var b [2]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint16(b[:])
}
