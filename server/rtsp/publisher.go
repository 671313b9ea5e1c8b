package rtsp

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// publisher is one session that has shown a key. Announce and record are called
// by the session's goroutine; packets come from the connection's, or over UDP
// from the two sockets'.
type publisher struct {
	server  *Server
	session *gortsplib.ServerSession
	guest   *guest
	key     tv.StreamKey
	channel tv.ChannelName
	encoder string
	log     *slog.Logger
	intakes []*intake // picture first

	live   *live.Session // nil before RECORD
	unhook func() bool
	begun  time.Time
	last   atomic.Int64 // when the last frame was put on air, Unix ns; 0 before the first
	missed atomic.Uint64
	fault  atomic.Pointer[error]

	mu     sync.Mutex // a UDP publisher's media and reports come at once
	onAir  time.Time  // guarded by mu; zero before the first key frame
	from   int64      // guarded by mu; DTS of the picture that began what is on air
	broken int        // guarded by mu; in a row
	unread int        // guarded by mu; in all
}

var (
	errGoodbye  = tv.Errorf(tv.NotFound, "the publisher stopped")
	errVanished = tv.Errorf(tv.Unavailable, "the publisher's connection ended")
	errSilent   = tv.Errorf(tv.Unavailable, "no media came for too long")
	errWrongKey = tv.Errorf(tv.Unauthenticated, "name or stream key is wrong").Hint("copy the key again from Studio")
	errPanic    = tv.Errorf(tv.Internal, "internal error")
)

// announce checks the key and what is to be published. Errors: errWho without
// credentials, Unauthenticated, Forbidden, TooMany, NotFound, Invalid.
func (s *Server) announce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) error {
	g := guestOf(ctx.Conn)
	log := s.cfg.Log.With("remote", g.from.String())
	user, password, found := basic(ctx.Request)
	if !found {
		return errWho
	}
	name, key, err := s.identify(g, ctx.Path, user, password)
	if err != nil {
		log.Info("publisher refused", "reason", err)
		return err
	}
	p := &publisher{server: s, session: ctx.Session, guest: g, key: key, channel: name,
		encoder: plain(ctx.Request.Header["User-Agent"]), log: log.With("channel", string(name))}
	if p.intakes, err = p.choose(ctx.Description.Medias); err != nil {
		log.Info("publisher refused", "reason", err)
		return err
	}
	ctx.Session.SetUserData(p)
	g.announced.Store(true)
	return nil
}

// identify returns the channel that the credentials open. A key that is no key
// is as wrong as an unknown one, but nobody guesses with those.
func (s *Server) identify(g *guest, path, user, password string) (tv.ChannelName, tv.StreamKey, error) {
	key, err := tv.ParseStreamKey(password)
	if err != nil {
		return "", key, errWrongKey
	}
	grant, err := s.grant(g, key)
	if err != nil {
		return "", key, err
	}
	name, err := channelOf(path)
	switch {
	case err != nil:
		return "", key, err
	case name != grant.Channel:
		return "", key, tv.Errorf(tv.Forbidden, "this key is not for %s but for another channel", name)
	case !strings.EqualFold(user, string(name)):
		return "", key, errWrongKey
	}
	return name, key, nil
}

func (s *Server) grant(g *guest, key tv.StreamKey) (Grant, error) {
	grant, err := s.cfg.Auth.Publisher(s.life, g.from, key)
	if tv.CodeOf(err) == tv.NotFound {
		err = errWrongKey
	}
	return grant, err
}

// record takes the channel. The key is asked about once more afterwards: it may
// have been revoked in between, and whoever revoked it looked for a publisher
// before there was one.
func (s *Server) record(session *gortsplib.ServerSession) error {
	p := session.UserData().(*publisher) // only ANNOUNCE leads here
	grant, err := s.grant(p.guest, p.key)
	if err != nil {
		return err
	}
	p.live, err = s.cfg.Publish(live.Publisher{Channel: grant.Channel, KeyID: grant.KeyID, KeyLabel: grant.KeyLabel, Remote: p.guest.from.String()})
	if err != nil {
		return err
	}
	p.unhook = context.AfterFunc(p.live.Context(), session.Close)
	if _, err := s.grant(p.guest, p.key); err != nil {
		p.live.Close(err)
		return err
	}
	p.live.SetEncoder(p.encoder)
	for _, in := range p.intakes {
		session.OnPacketRTP(in.media, in.format, func(pkt *rtp.Packet) { p.packet(in, pkt) })
		session.OnPacketRTCP(in.media, func(pkt rtcp.Packet) { p.report(in, pkt) })
	}
	p.begun = time.Now()
	s.mu.Lock()
	s.publishers[session] = p
	s.mu.Unlock()
	p.guest.welcome()
	return nil
}

// close ends the broadcast, if there was one: for good after a goodbye or when
// nobody could play it, else the publisher may come back.
func (p *publisher) close(goodbye bool) {
	if goodbye {
		p.guest.estrange()
	}
	if p.live == nil {
		return
	}
	s := p.server
	s.mu.Lock()
	delete(s.publishers, p.session)
	s.mu.Unlock()
	p.unhook()
	p.summary()
	fault := p.fault.Load()
	switch {
	case goodbye:
		p.live.Close(errGoodbye)
	case fault != nil && tv.CodeOf(*fault) == tv.Invalid:
		p.live.Close(*fault)
	case fault != nil:
		p.live.Lose(*fault)
	case s.life.Err() != nil:
		p.live.Lose(live.ErrStopped)
	default:
		p.live.Lose(errVanished)
	}
}

func (p *publisher) summary() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if lost := p.missed.Load(); lost > 0 || p.unread > 0 {
		p.log.Warn("not everything arrived whole", "lostPackets", lost, "unread", p.unread)
	}
}

// fail ends the session, for the first reason given.
func (p *publisher) fail(err error) {
	p.fault.CompareAndSwap(nil, &err)
	p.session.Close()
}

// watch cuts a publisher that is connected and sends nothing to show.
func (p *publisher) watch(now time.Time) {
	last, patience := p.begun, p.server.times.media
	if ns := p.last.Load(); ns > 0 {
		last, patience = time.Unix(0, ns), p.server.times.lost
	}
	if now.Sub(last) > patience {
		p.fail(errSilent)
	}
}

// packet takes one packet of a track.
func (p *publisher) packet(in *intake, pkt *rtp.Packet) {
	whole := false
	defer func() {
		if !whole {
			p.fail(errPanic)
		}
	}()
	defer p.server.rescue(nil, nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.take(in, pkt, time.Now())
	whole = true
}

func (p *publisher) take(in *intake, pkt *rtp.Packet, now time.Time) {
	pts, known := p.session.PacketPTS2(in.media, pkt)
	if !known {
		return
	}
	in.note(pkt.Timestamp, pts)
	frames, err := in.source.read(pkt, pts)
	if err != nil {
		p.tolerate(err)
		return
	}
	for _, f := range frames {
		p.broken = 0
		f.Arrival = now
		if err := p.deliver(in, f); err != nil {
			p.fail(err)
			return
		}
	}
}

// maxBroken is how many broken access units in a row are not a stream any more:
// lost packets can cost all until the next key frame.
const maxBroken = 1000

func (p *publisher) tolerate(err error) {
	p.unread++
	if p.broken++; p.broken == maxBroken {
		p.fail(tv.Errorf(tv.Invalid, "the stream cannot be read: %w", err))
	}
}

// deliver puts f on air. What comes before the first key frame, nobody could
// show; sound waits for its place beside the picture.
func (p *publisher) deliver(in *intake, f live.Frame) error {
	changed := in.source.changed()
	switch {
	case p.onAir.IsZero():
		if in != p.intakes[0] || !f.Key {
			return nil
		}
		p.onAir = f.Arrival
		changed = true
	case in != p.intakes[0] && !in.align(p.intakes[0], f.Arrival.Sub(p.onAir)):
		return nil
	}
	if changed {
		p.begin(f.DTS)
		if err := p.live.SetTracks(p.tracks()); err != nil {
			return err
		}
	}
	f.Track = in.index
	f.DTS += in.shift
	f.PTS += in.shift
	if !in.begun(f.DTS, p.from) {
		return nil
	}
	p.last.Store(f.Arrival.UnixNano())
	return p.live.WriteFrame(f)
}

// begin notes where what is on air from here on begins.
func (p *publisher) begin(dts int64) {
	p.from = dts
	for _, in := range p.intakes {
		in.heard = false
	}
}

func (p *publisher) tracks() (all []live.Track) {
	for _, in := range p.intakes {
		all = append(all, in.source.track())
	}
	return all
}

// report notes what wall time a track's clock stands for.
func (p *publisher) report(in *intake, pkt rtcp.Packet) {
	defer p.server.rescue(nil, nil)
	if r, ok := pkt.(*rtcp.SenderReport); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		in.told, in.toldNTP, in.toldRTP = true, r.NTPTime, r.RTPTime
	}
}

// plain keeps what a stranger calls itself short and printable.
func plain(h base.HeaderValue) string {
	if len(h) == 0 {
		return "RTSP"
	}
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, h[0])
	return clean[:min(len(clean), 64)]
}

var errBroken = errors.New("a broken access unit")
