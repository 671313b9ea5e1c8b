package hls

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

const (
	playlistType = "application/vnd.apple.mpegurl"
	fresh        = "no-store"
	forEver      = "public, max-age=86400, immutable" // names hold the broadcast
	startWait    = 5 * time.Second                    // for a channel whose publisher has only just come
	writeTimeout = 15 * time.Second                   // for a reader that stops reading

	// ViewerHeader carries a player's session id, so that one player is one viewer.
	ViewerHeader = "X-Echotv-Viewer"

	preview = "preview" // what a streamer's look at the own picture calls itself; it is no viewer
)

// ServeHTTP answers GET, HEAD and OPTIONS below /hls/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*") // media is public; no cookie is read or set here
	h.Set("Cache-Control", fresh)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", ViewerHeader+", Range")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		fail(w, http.StatusMethodNotAllowed, "only GET is served here")
		return
	}
	// Blocking reloads outlive the API's read timeout.
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	name, file, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/hls/"), "/")
	if key, err := tv.ParseStreamKey(name); err == nil {
		s.redirect(w, r, key, file)
		return
	}
	if _, host := tv.ChannelName(name).Split(); host != "" && file == "thumb.mp4" && s.cfg.Still != nil {
		s.serveStill(w, r, tv.ChannelName(name))
		return
	}
	g := s.open(r.Context(), tv.ChannelName(name), file)
	if g == nil {
		fail(w, http.StatusNotFound, "this channel is off the air")
		return
	}
	if name, ok := strings.CutPrefix(file, tsDir); ok {
		s.serveTS(w, r, g, name)
		return
	}
	s.serve(w, r, g, file)
}

// open finds a channel that is on air, here or on another host. A playlist of
// the latter is asked for there also when it is still here: nobody may have
// watched it for a while.
func (s *Server) open(ctx context.Context, name tv.ChannelName, file string) *segmenter {
	_, host := name.Split()
	if host == "" || s.cfg.Fetch == nil || !strings.HasSuffix(file, ".m3u8") {
		return s.find(name)
	}
	if err := s.cfg.Fetch(ctx, name); err != nil {
		s.cfg.Log.Debug("no relay", "channel", fmt.Sprintf("%.50q", name), "err", err)
	}
	return s.find(name)
}

// serveStill answers with another host's picture: it looks at what that host
// announces, so it is as new here as there, relayed or not.
func (s *Server) serveStill(w http.ResponseWriter, r *http.Request, name tv.ChannelName) {
	b, err := s.cfg.Still(r.Context(), name)
	if err != nil {
		fail(w, http.StatusNotFound, "there is no picture of this channel")
		return
	}
	newReply(cmaf.ContentType, fresh, b).send(w, r)
}

// redirect sends whoever tries a stream key, as the nginx-rtmp guides teach, to
// the public address. A wrong key counts against the address it came from.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, key tv.StreamKey, file string) {
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	channel, err := s.cfg.Keys.Channel(r.Context(), remote.Addr().Unmap(), key)
	switch tv.CodeOf(err) {
	case "":
	case tv.TooMany:
		w.Header().Set("Retry-After", "60")
		fail(w, http.StatusTooManyRequests, "too many wrong keys came from this device")
		return
	case tv.NotFound:
		fail(w, http.StatusNotFound, "this channel is off the air")
		return
	default:
		s.cfg.Log.Error("stream key look-up failed", "key", key, "err", err)
		fail(w, http.StatusServiceUnavailable, "try again")
		return
	}
	if kind, _, _ := parseFile(file); kind == fileUnknown && file != tsDir+"index.m3u8" {
		file = "index.m3u8"
	}
	w.Header().Set("Location", "/hls/"+string(channel)+"/"+file)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// serve answers by net/http, or takes the connection out of it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, g *segmenter, file string) {
	q, err := g.parse(file, r.URL.RawQuery)
	if q.media() {
		g.seen(live.ByHLS, playerOf(r), q.piece())
	}
	var a *reply
	if err == nil {
		a, err = g.answer(patience{r.Context()}, q)
	}
	switch code := tv.CodeOf(err); {
	case code == tv.Invalid:
		fail(w, http.StatusBadRequest, err.Error())
	case err != nil:
		fail(w, http.StatusNotFound, err.Error())
	case q.repeats() && s.takeOver(w, r, a, g):
	case q.media():
		g.ch.Sent(live.ByHLS, a.send(w, r))
	default:
		a.send(w, r)
	}
}

var (
	errNothing   = tv.Errorf(tv.NotFound, "there is nothing at this address (any more)")
	errNoPicture = tv.Errorf(tv.NotFound, "no picture came yet; try again")
	errTooFar    = tv.Errorf(tv.Invalid, "_HLS_msn is too far ahead; reload the player")
)

// answer returns what q asks for, having waited with p where that is not there
// yet. Errors: NotFound, and Invalid for who is confused.
func (g *segmenter) answer(p waiter, q request) (*reply, error) {
	switch q.kind {
	case fileMultivariant:
		if s := g.started(p); s != nil {
			return s.multivariant, nil
		}
	case filePlaylist:
		return g.playlist(p, q.reload)
	case fileThumb:
		if a := g.thumb(); a != nil {
			return a, nil
		}
	case fileInit:
		if i := g.snap.Load().init(q.n); i != nil {
			return newReply(cmaf.ContentType, forEver, i.Data), nil
		}
	case filePart:
		if part := g.awaitPart(p, q.n); part != nil {
			return part.reply, nil
		}
	case fileSegment:
		if v, ok := g.snap.Load().segment(q.n); ok {
			return makeReply(cmaf.ContentType, forEver, nil, v.bodies()), nil
		}
	}
	return nil, errNothing
}

func (v view) bodies() (all [][]byte) {
	for _, p := range v.parts {
		all = append(all, p.reply.body())
	}
	return all
}

func (g *segmenter) playlist(p waiter, q reload) (*reply, error) {
	s := g.started(p)
	if s == nil {
		return nil, errNoPicture
	}
	if q.blocking {
		if s.tooFar(q.msn, q.part) && !s.ended {
			return nil, errTooFar
		}
		s = g.wait(p, s.holdTime(), func(s *snapshot) bool { return s.has(q.msn, q.part) })
	}
	return s.reload(q), nil
}

// started waits for the first part; nil when none came.
func (g *segmenter) started(p waiter) *snapshot {
	s := g.wait(p, startWait, func(s *snapshot) bool { return s.ready() || s.ended })
	if !s.ready() {
		return nil
	}
	return s
}

// awaitPart returns the part with the id. Only the one that was hinted at is
// waited for.
func (g *segmenter) awaitPart(p waiter, id uint64) *part {
	s := g.snap.Load()
	if s.ready() && id == s.nextID && !s.ended {
		s = g.wait(p, s.holdTime(), func(s *snapshot) bool { return s.nextID > id || s.ended })
	}
	return s.part(id)
}

// waiter is who waits, and knows when nobody does any more.
type waiter interface {
	// sleep reports whether wake was closed before the time was over and while
	// somebody still waited.
	sleep(wake <-chan struct{}, until time.Time) bool
}

// wait returns the first snapshot that done likes, or the newest one when p
// sleeps no more. How many wait is bounded by the connections.
func (g *segmenter) wait(p waiter, limit time.Duration, done func(*snapshot) bool) *snapshot {
	s := g.snap.Load()
	if done(s) {
		return s
	}
	for until := time.Now().Add(limit); !done(s) && p.sleep(s.next, until); {
		s = g.snap.Load()
	}
	return s
}

// patience waits for as long as a context lives.
type patience struct{ ctx context.Context }

func (p patience) sleep(wake <-chan struct{}, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-wake:
		return true
	case <-p.ctx.Done():
	case <-timer.C:
	}
	return false
}

// fail answers with one line a person can read.
func fail(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	w.Write([]byte(text + "\n"))
}

// still is a thumbnail as it is served.
type still struct {
	seq   uint64
	reply *reply
}

// thumb returns the channel's picture as a little MP4, nil before the first. It
// is made once per picture; asking often makes no work.
func (g *segmenter) thumb() *reply {
	from := g.ch.Still()
	if from == nil {
		return nil
	}
	if s := g.still.Load(); s != nil && s.seq == from.Seq {
		return s.reply
	}
	data, err := cmaf.Still(from)
	if err != nil {
		return nil
	}
	a := newReply(cmaf.ContentType, fresh, data)
	g.still.Store(&still{from.Seq, a})
	return a
}

var _ live.Output = (*segmenter)(nil)
