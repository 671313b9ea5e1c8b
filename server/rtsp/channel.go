package rtsp

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

const (
	ringLength = 4096        // frames: 8 s of 240 fps with sound, more of anything slower
	ringBytes  = 64 << 20    // of them, whatever their clock says: 8 s of 60 Mbit/s
	soundStart = live.Second // without a picture, a player may begin this often
)

// channel is the output of one channel on air.
type channel struct {
	server *Server
	live   *live.Channel
	ring   *live.Ring[unit]
	init   atomic.Pointer[live.Init] // of the newest frame; nil before the first
	stream *stream                   // guarded by server.mu; the newest one

	lastStart int64 // the publisher's goroutine's own; DTS
}

func newChannel(s *Server, ch *live.Channel) *channel {
	ring := live.NewRing[unit](ringLength).Within(ringBytes, func(u *unit) int { return len(u.payload) })
	return &channel{server: s, live: ch, ring: ring, lastStart: -live.Second}
}

// WriteChunk puts c within the players' reach.
func (c *channel) WriteChunk(chunk *live.Chunk) {
	f := &chunk.Frame
	tracks := chunk.Init.Tracks
	start := f.Key && tracks[f.Track].Video()
	if !hasVideo(tracks) {
		start = f.DTS-c.lastStart >= soundStart
	}
	if start {
		c.lastStart = f.DTS
	}
	c.ring.Push(newUnit(chunk), start)
	c.init.Store(chunk.Init)
}

func hasVideo(tracks []live.Track) bool {
	for _, t := range tracks {
		if t.Video() {
			return true
		}
	}
	return false
}

// End sends the players home.
func (c *channel) End() {
	c.ring.End()
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := c.live.Name(); s.channels[name] == c {
		delete(s.channels, name)
	}
	c.stream = nil
}

// stream is one description of a channel in the library: its tracks, and the
// sessions that were set up by them.
type stream struct {
	channel *channel
	init    *live.Init
	lib     *gortsplib.ServerStream
	ssrc    []uint32 // of the tracks

	players int       // guarded by server.mu
	asked   time.Time // guarded by server.mu; last time somebody described, set up or stopped playing
}

// open returns the description of the channel at path; it waits for nobody.
// Errors: NotFound when it is not on air here, Invalid when it cannot be said in
// RTP.
func (s *Server) open(path string) (*stream, error) {
	name, err := tv.ParseAnyChannel(strings.Trim(path, "/"))
	if err != nil {
		return nil, errAddress
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[name]
	if c == nil || c.init.Load() == nil || c.live.Status().State == live.Offline {
		return nil, tv.Errorf(tv.NotFound, "%s is not on air", name)
	}
	if s.life.Err() != nil {
		return nil, live.ErrStopped
	}
	init := c.init.Load()
	if c.stream == nil || c.stream.init != init || !s.streams[c.stream] {
		st, err := s.describe(c, init)
		if err != nil {
			return nil, err
		}
		c.stream = st
		s.streams[st] = true
	}
	c.stream.asked = time.Now()
	return c.stream, nil
}

// fetchTime is how long a player waits for a channel of another host, of the
// ten seconds that a start may take.
const fetchTime = 5 * time.Second

// fetch puts a channel of another host on air here. Only DESCRIBE may wait for
// that: SETUP, which comes right after, is for one player at a time.
func (s *Server) fetch(path string) error {
	name, err := tv.ParseAnyChannel(strings.Trim(path, "/"))
	if _, host := name.Split(); err != nil || host == "" || s.cfg.Fetch == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.life, fetchTime)
	defer cancel()
	return s.cfg.Fetch(ctx, name)
}

// describe makes a stream for tracks.
func (s *Server) describe(c *channel, init *live.Init) (*stream, error) {
	desc := &description.Session{Title: string(c.live.Name())}
	for _, t := range init.Tracks {
		m, err := mediaOf(t)
		if err != nil {
			return nil, err
		}
		desc.Medias = append(desc.Medias, m)
	}
	st := &stream{channel: c, init: init, lib: &gortsplib.ServerStream{Server: s.lib, Desc: desc}}
	if err := st.lib.Initialize(); err != nil {
		return nil, err
	}
	stats := st.lib.Stats()
	for _, m := range desc.Medias {
		st.ssrc = append(st.ssrc, stats.Medias[m].Formats[m.Formats[0]].LocalSSRC)
	}
	return st, nil
}

// over reports whether nobody needs the stream any more. It is called with
// server.mu held.
func (st *stream) over(now time.Time, idle time.Duration) bool {
	return st.players == 0 && now.Sub(st.asked) > idle
}
