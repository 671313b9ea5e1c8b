package hls

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// The limits of a lane are those of the front door, which it has passed.
const (
	headTime   = 5 * time.Second        // for a request, from its first byte
	idleTime   = 60 * time.Second       // between requests
	lookAround = 500 * time.Millisecond // how often who waits is looked after
	aboutNow   = time.Second            // deadlines and the audience may be this much out of date
	awayTime   = 5 * time.Second        // without a request, and another host's channel is fetched again
)

// lane is a connection on which a player asks for one plain thing after the
// other. It was taken out of net/http, whose two writes, headers and garbage are
// two thirds of what such a request costs, and is served by the goroutine that
// it had there. What is not plain goes back.
type lane struct {
	server *Server
	conn   net.Conn
	direct net.Conn // conn, out of whatever counts it: only a *net.TCPConn has writev
	in     *bufio.Reader
	host   string // as the front door took it
	remote string

	// Of the last request.
	g       *segmenter
	name    string    // of its channel
	headers []byte    // which hardly ever change
	viewer  player    // whom they name
	seen    time.Time // when that was last counted
	asked   time.Time

	timer   *time.Timer
	renewed time.Time // the deadlines
	gone    bool
}

// takeOver answers r with a and then whatever else comes on its connection. It
// reports false, having done nothing, where r or its connection is not for that.
func (s *Server) takeOver(w http.ResponseWriter, r *http.Request, a *reply, g *segmenter) bool {
	if s.cfg.GiveBack == nil || !plainRequest(r) || !s.enter() {
		return false
	}
	defer s.guests.Done()
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	l := &lane{server: s, conn: conn, direct: conn, host: r.Host, remote: r.RemoteAddr, g: g, name: string(g.ch.Name()), asked: time.Now()}
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok {
		l.direct = c.NetConn()
	}
	// What net/http has read already, and then without it: its reader keeps the
	// peace with a goroutine that there is none of here.
	read, _ := rw.Reader.Peek(rw.Reader.Buffered())
	l.in = bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(read)), l.direct))
	l.timer = time.NewTimer(lookAround)
	defer l.timer.Stop()
	leave := context.AfterFunc(s.life, func() { conn.Close() })
	if back := l.serve(a); back && leave() {
		unread, _ := l.in.Peek(l.in.Buffered())
		s.cfg.GiveBack(conn, bytes.Clone(unread))
		return true
	}
	leave()
	conn.Close()
	return true
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

// serve sends a and answers what follows. It reports whether the next request
// is another's; else the connection has ended.
func (l *lane) serve(a *reply) (back bool) {
	defer func() {
		if r := recover(); r != nil {
			l.server.recovered.Add(1)
			l.server.cfg.Log.Error("request failed", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			back = false
		}
	}()
	for l.send(a) {
		head, err := l.head()
		if err != nil {
			return err == errNotPlain
		}
		size := len(head)
		if a = l.answer(head); a == nil {
			return !l.gone
		}
		l.in.Discard(size)
	}
	return false
}

var errNotPlain = errors.New("not a plain request")

func (l *lane) send(a *reply) bool {
	l.renew(time.Now())
	n, err := a.sendRaw(l.direct)
	l.g.ch.Sent(live.ByHLS, n)
	runtime.Gosched() // until it is this viewer's turn again, its next request has come: 1.05 reads for each, not 2.04
	return err == nil && !l.gone
}

// head returns the bytes of the next request up to the empty line, when they are
// all there. They stay in the reader. Errors: errNotPlain when no more of them
// can make it plain, else the connection's.
func (l *lane) head() ([]byte, error) {
	for {
		b, _ := l.in.Peek(l.in.Buffered())
		if end := bytes.Index(b, []byte("\r\n\r\n")); end >= 0 {
			return b[:end+4], nil
		}
		if len(b) == l.in.Size() || bytes.Count(b, []byte("\n")) > bytes.Count(b, crlf) {
			return nil, errNotPlain
		}
		if len(b) > 0 && !l.renewed.IsZero() {
			l.conn.SetReadDeadline(time.Now().Add(headTime))
			l.renewed = time.Time{} // so that each byte does not bring more time, and the next request its own
		}
		if _, err := l.in.Peek(len(b) + 1); err != nil {
			return nil, err
		}
	}
}

// answer returns the answer to a request, nil when it is another's or nobody
// waits for it any more.
func (l *lane) answer(head []byte) *reply {
	line, headers, _ := bytes.Cut(head, crlf)
	target, ok := plainLine(line)
	if !ok || !l.read(headers) {
		return nil
	}
	path, query, _ := strings.Cut(target, "?")
	name, file, _ := strings.Cut(strings.TrimPrefix(path, "/hls/"), "/")
	now := time.Now()
	away := strings.Contains(name, "@") && now.Sub(l.asked) > awayTime
	l.asked = now
	g := l.channel(name)
	if g == nil || away {
		return nil
	}
	q, err := g.parse(file, query)
	if err != nil || q.kind == fileThumb {
		return nil
	}
	l.count(now, q)
	a, err := g.answer(l, q)
	if err != nil {
		return nil
	}
	return a
}

// channel finds the segmenter of a channel, without a lock while it is the same.
func (l *lane) channel(name string) *segmenter {
	if name != l.name || l.g.snap.Load().ended {
		g := l.server.find(tv.ChannelName(name))
		if g == nil {
			return nil
		}
		l.g, l.name = g, name
		l.seen = time.Time{}
	}
	return l.g
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
		l.conn.SetReadDeadline(now.Add(idleTime))
		l.conn.SetWriteDeadline(now.Add(writeTimeout))
		l.renewed = now
	}
}

// sleep is how a lane waits. A goroutine that waits does not see its viewer
// leave, so it looks.
func (l *lane) sleep(wake <-chan struct{}, until time.Time) bool {
	for {
		l.timer.Reset(lookAround)
		select {
		case <-wake:
			return true
		case <-l.server.life.Done():
			l.gone = true
			return false
		case <-l.timer.C:
		}
		if l.gone = l.left(); l.gone || !time.Now().Before(until) {
			return false
		}
	}
}

// left reports whether the other end has closed. Reading is the way to know; what
// it brings, if anything, is the next request.
func (l *lane) left() bool {
	l.renewed = time.Time{}
	l.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := l.in.Peek(l.in.Buffered() + 1)
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, bufio.ErrBufferFull)
}
