package hls

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

const (
	playlistType = "application/vnd.apple.mpegurl"
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
	h.Set("Cache-Control", "no-store")
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
	g.serve(w, r, file)
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
	send(w, r, cmaf.ContentType, b)
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

func (g *segmenter) serve(w http.ResponseWriter, r *http.Request, file string) {
	kind, n, id := parseFile(file)
	if id != "" && id != g.id {
		kind = fileUnknown // of an earlier broadcast
	}
	if kind != fileThumb && kind != fileUnknown {
		if id := viewer(r); id != preview {
			g.ch.Seen(live.ByHLS, id)
		}
	}
	switch kind {
	case fileMultivariant:
		if s := g.started(r.Context()); s != nil {
			send(w, r, playlistType, s.multivariant)
			return
		}
	case filePlaylist:
		g.servePlaylist(w, r)
		return
	case fileThumb:
		if b := g.thumb(); b != nil {
			send(w, r, cmaf.ContentType, b)
			return
		}
	case fileInit:
		if i := g.snap.Load().init(n); i != nil {
			w.Header().Set("Cache-Control", forEver)
			send(w, r, cmaf.ContentType, i.Data)
			return
		}
	case filePart:
		if p := g.awaitPart(r.Context(), n); p != nil {
			w.Header().Set("Cache-Control", forEver)
			send(w, r, cmaf.ContentType, p.chunks...)
			return
		}
	case fileSegment:
		if v, ok := g.snap.Load().segment(n); ok {
			w.Header().Set("Cache-Control", forEver)
			send(w, r, cmaf.ContentType, v.chunks()...)
			return
		}
	}
	fail(w, http.StatusNotFound, "there is nothing at this address (any more)")
}

func (v view) chunks() (all [][]byte) {
	for _, p := range v.parts {
		all = append(all, p.chunks...)
	}
	return all
}

func (g *segmenter) servePlaylist(w http.ResponseWriter, r *http.Request) {
	q, err := parseReload(r.URL.RawQuery)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	s := g.started(r.Context())
	if s == nil {
		fail(w, http.StatusNotFound, "no picture came yet; try again")
		return
	}
	if q.blocking {
		if s.tooFar(q.msn, q.part) && !s.ended {
			fail(w, http.StatusBadRequest, "_HLS_msn is too far ahead; reload the player")
			return
		}
		s = g.wait(r.Context(), s.hold(), func(s *snapshot) bool { return s.has(q.msn, q.part) })
	}
	if q.skip {
		send(w, r, playlistType, s.delta)
		return
	}
	send(w, r, playlistType, s.playlist)
}

// started waits for the first part; nil when none came.
func (g *segmenter) started(ctx context.Context) *snapshot {
	s := g.wait(ctx, startWait, func(s *snapshot) bool { return s.ready() || s.ended })
	if !s.ready() {
		return nil
	}
	return s
}

// awaitPart returns the part with the id. Only the one that was hinted at is
// waited for.
func (g *segmenter) awaitPart(ctx context.Context, id uint64) *part {
	s := g.snap.Load()
	if s.ready() && id == s.nextID && !s.ended {
		s = g.wait(ctx, s.hold(), func(s *snapshot) bool { return s.nextID > id || s.ended })
	}
	return s.part(id)
}

// wait returns the first snapshot that done likes, or the newest one when ctx
// or the time ends first. How many wait is bounded by the connections.
func (g *segmenter) wait(ctx context.Context, limit time.Duration, done func(*snapshot) bool) *snapshot {
	s := g.snap.Load()
	if done(s) {
		return s
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for !done(s) {
		select {
		case <-s.next:
			s = g.snap.Load()
		case <-ctx.Done():
			return s
		case <-timer.C:
			return s
		}
	}
	return s
}

// viewer names the player session behind a request: by the id our player sends,
// else by address and program.
func viewer(r *http.Request) string {
	if id := r.Header.Get(ViewerHeader); id == preview || (len(id) >= 16 && len(id) <= 64) {
		return id
	}
	host, _ := netip.ParseAddrPort(r.RemoteAddr)
	agent := r.UserAgent()
	return host.Addr().String() + " " + agent[:min(len(agent), 100)]
}

// bodies are buffers in which the chunks of one answer are put together: one
// write instead of one per chunk.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// send answers with the pieces, one after the other.
func send(w http.ResponseWriter, r *http.Request, kind string, pieces ...[]byte) {
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(size))
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	if r.Method == http.MethodHead {
		return
	}
	if len(pieces) == 1 {
		w.Write(pieces[0])
		return
	}
	const step = 256 << 10 // parts go in one write, segments in some
	buf := bodies.Get().(*[]byte)
	defer bodies.Put(buf)
	b := (*buf)[:0]
	for _, p := range pieces {
		if len(b) > 0 && len(b)+len(p) > step {
			if _, err := w.Write(b); err != nil {
				return
			}
			b = b[:0]
		}
		b = append(b, p...)
	}
	w.Write(b)
	*buf = b
}

// fail answers with one line a person can read.
func fail(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	w.Write([]byte(text + "\n"))
}

// still is a thumbnail as it is served.
type still struct {
	seq  uint64
	data []byte
}

// thumb returns the channel's picture as a little MP4, nil before the first. It
// is made once per picture; asking often makes no work.
func (g *segmenter) thumb() []byte {
	from := g.ch.Still()
	if from == nil {
		return nil
	}
	if s := g.still.Load(); s != nil && s.seq == from.Seq {
		return s.data
	}
	data, err := cmaf.Still(from)
	if err != nil {
		return nil
	}
	g.still.Store(&still{from.Seq, data})
	return data
}

var _ live.Output = (*segmenter)(nil)
