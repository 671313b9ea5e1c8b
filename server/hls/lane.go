package hls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tcp"
)

// The limits of a lane are those of the front door, which it has passed.
const (
	maxHead    = 4 << 10                // bytes of a request; longer ones are net/http's
	headTime   = 5 * time.Second        // for a request, from its first byte
	idleTime   = 60 * time.Second       // between requests
	quietTime  = 2 * time.Second        // between requests, until it is looked whether the viewer has left
	lookAround = 500 * time.Millisecond // how often that is done while it waits for an answer
	aboutNow   = time.Second            // deadlines and the audience may be this much out of date
	awayTime   = 5 * time.Second        // without a request, and another host's channel is fetched again
)

// lane is a connection on which a player asks for one plain thing after the
// other. It was taken out of net/http, whose two writes, headers and garbage are
// two thirds of what such a request costs, and has a goroutine of its own: that
// of net/http keeps 14 kB of stack and buffers for each. What is not plain goes
// back.
type lane struct {
	server *Server
	conn   net.Conn
	direct net.Conn // conn, out of whatever counts it: only a *net.TCPConn has writev
	in     *tcp.Reader
	host   string // as the front door took it
	remote string

	// Of the last request.
	g       *segmenter
	name    string    // of its channel
	headers []byte    // which hardly ever change
	viewer  player    // whom they name
	seen    time.Time // when that was last counted
	asked   time.Time

	held    hold
	holding bool      // held is what was asked last
	renewed time.Time // the deadlines; zero while there is but a part of a request
	gone    bool
}

// takeOver answers r with a and then whatever else comes on its connection. It
// reports false, having done nothing, where r or its connection is not for that.
func (s *Server) takeOver(w http.ResponseWriter, r *http.Request, a *reply, g *segmenter) bool {
	if s.cfg.GiveBack == nil || !plainRequest(r) || !s.enter() {
		return false
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.guests.Done()
		return false
	}
	read, _ := rw.Reader.Peek(rw.Reader.Buffered())
	l := s.newLane(conn, read, r, g)
	go func() {
		defer s.guests.Done()
		l.run(a)
	}()
	return true
}

// newLane returns a lane for the connection of r, from which unread has been read.
func (s *Server) newLane(c net.Conn, unread []byte, r *http.Request, g *segmenter) *lane {
	l := &lane{server: s, conn: c, direct: c, host: r.Host, remote: r.RemoteAddr, g: g, name: string(g.ch.Name()), asked: time.Now()}
	if c, ok := c.(interface{ NetConn() net.Conn }); ok {
		l.direct = c.NetConn()
	}
	l.in = tcp.NewReader(l.direct, unread, maxHead)
	l.held.quick = tcp.NewWriter(l.direct)
	l.held.kick = func() { l.conn.SetReadDeadline(time.Now()) }
	return l
}

// run serves the connection to its end, or until net/http has it back.
func (l *lane) run(a *reply) {
	leave := context.AfterFunc(l.server.life, func() { l.conn.Close() })
	if back := l.serve(a); back && leave() {
		l.server.cfg.GiveBack(l.conn, l.in.Unread())
		return
	}
	leave()
	l.conn.Close()
}

// enter counts a goroutine that Run waits for, unless the server has ended.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil {
		return false
	}
	s.guests.Add(1)
	return true
}

// recovering ends a panic, which costs its goroutine only.
func (s *Server) recovering(after func()) {
	if r := recover(); r != nil {
		s.recovered.Add(1)
		s.cfg.Log.Error("request failed", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		after()
	}
}

// serve sends a and answers what follows. It reports whether the next request
// is another's; else the connection has ended.
func (l *lane) serve(a *reply) (back bool) {
	defer l.server.recovering(func() { back = false })
	defer func() { l.g.holds.withdraw(&l.held) }()
	l.send(a)
	for !l.gone {
		err := l.in.Each(l.take)
		switch {
		case err == nil:
			return !l.gone
		case !errors.Is(err, os.ErrDeadlineExceeded):
			l.gone = true
		case l.holding:
			l.release()
		default:
			l.gone = !l.stays()
		}
	}
	return false
}

// stays reports whether a viewer that says nothing may go on to. A reader may not
// have noticed an end that came together with the last request.
func (l *lane) stays() bool {
	if l.renewed.IsZero() || time.Since(l.renewed) >= idleTime || l.in.Left() {
		return false
	}
	l.conn.SetReadDeadline(l.renewed.Add(idleTime))
	return true
}

// take answers the requests that b begins with. It wants no more when the next
// one is another's, or nobody waits any more.
func (l *lane) take(b []byte) (used int, more bool) {
	if l.holding {
		l.release()
	}
	for !l.gone && used < len(b) {
		rest := b[used:]
		size := l.size(rest)
		if size == 0 {
			return used, l.part(rest)
		}
		if !l.answer(rest[:size], size == len(rest)) {
			return used, false
		}
		used += size
	}
	return used, !l.gone
}

// size returns how long the request is that b begins with, 0 when it is not all
// there. With the headers of the last one, that needs no search for their end.
func (l *lane) size(b []byte) int {
	if line := bytes.IndexByte(b, '\n') + 1; line > 0 && l.headers != nil && bytes.HasPrefix(b[line:], l.headers) {
		return line + len(l.headers)
	}
	end := bytes.Index(b, endOfHead)
	if end < 0 {
		return 0
	}
	return end + len(endOfHead)
}

var endOfHead = []byte("\r\n\r\n")

// part reports whether more bytes can make b a plain request. They have to come
// soon: neither brings each byte more time, nor the next request its own.
func (l *lane) part(b []byte) bool {
	if len(b) >= maxHead || bytes.Count(b, []byte("\n")) > bytes.Count(b, crlf) {
		return false
	}
	if !l.renewed.IsZero() {
		l.conn.SetReadDeadline(time.Now().Add(headTime))
		l.renewed = time.Time{}
	}
	return true
}

func (l *lane) send(a *reply) {
	l.renew(time.Now())
	n, err := a.sendRaw(l.direct)
	l.g.ch.Sent(live.ByHLS, n)
	l.gone = l.gone || err != nil
}

// answer answers a request. It reports false, having said nothing, when it is
// another's or nobody waits for it any more.
func (l *lane) answer(head []byte, last bool) bool {
	line, headers, _ := bytes.Cut(head, crlf)
	now := time.Now()
	q, ok := l.question(line, now)
	if !ok || !l.read(headers) {
		return false
	}
	l.asked = now
	l.count(now, q)
	l.renew(now)
	if last && l.hold(q) {
		return true
	}
	a, err := l.g.answer(l, q)
	if err != nil || l.gone {
		return false
	}
	l.send(a)
	return true
}

// read takes the headers of a request, and reports whether they are plain.
func (l *lane) read(headers []byte) bool {
	if bytes.Equal(headers, l.headers) {
		return true
	}
	p, ok := plainHeaders(headers, l.host)
	if ok {
		l.headers = bytes.Clone(headers)
		l.viewer = player{p.viewer, p.agent, l.remote}
		l.seen = time.Time{}
	}
	return ok
}

// count notes the viewer: once in a while, or by each piece of media when only
// that tells it from others.
func (l *lane) count(now time.Time, q request) {
	piece := ""
	if l.viewer.stranger() {
		piece = q.piece()
	}
	if now.Sub(l.seen) > aboutNow || piece != "" {
		l.seen = now
		l.g.seen(live.ByHLS, l.viewer, piece)
	}
}

// renew moves the deadlines on.
func (l *lane) renew(now time.Time) {
	if now.Sub(l.renewed) > aboutNow {
		l.conn.SetReadDeadline(now.Add(quietTime))
		l.conn.SetWriteDeadline(now.Add(writeTimeout))
		l.renewed = now
	}
}

// sleep is how a lane waits. A goroutine that waits does not see its viewer
// leave, so it looks.
func (l *lane) sleep(wake <-chan struct{}, until time.Time) bool {
	timer := time.NewTimer(lookAround)
	defer timer.Stop()
	for {
		timer.Reset(min(lookAround, time.Until(until)))
		select {
		case <-wake:
			return true
		case <-l.server.life.Done():
			l.gone = true
			return false
		case <-timer.C:
		}
		l.renewed = time.Time{}
		if l.gone = l.in.Left(); l.gone || !time.Now().Before(until) {
			return false
		}
	}
}
