package rtmp

import (
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

const (
	ringLength = 4096        // frames: 10 s of 240 fps with sound, more of anything slower
	ringBytes  = 64 << 20    // of them, whatever their clock says: 8 s of 60 Mbit/s
	soundStart = live.Second // without a picture, a player may begin this often
)

// channel is the output of one channel on air: its newest chunks, for players
// to follow. WriteChunk and End belong to the publisher's goroutine.
type channel struct {
	server *Server
	live   *live.Channel
	ring   *live.Ring[live.Chunk]

	lastStart int64 // DTS
}

// Attach makes the output that players of ch read from.
func (s *Server) Attach(ch *live.Channel) live.Output {
	ring := live.NewRing[live.Chunk](ringLength).Within(ringBytes, func(c *live.Chunk) int { return len(c.Data) })
	c := &channel{server: s, live: ch, ring: ring, lastStart: -soundStart}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[ch.Name()] = c
	return c
}

// WriteChunk puts chunk within the players' reach.
func (c *channel) WriteChunk(chunk *live.Chunk) {
	f, tracks := &chunk.Frame, chunk.Init.Tracks
	start := f.Key && tracks[f.Track].Video()
	if !start && !pictured(tracks) && f.DTS-c.lastStart >= soundStart {
		start, c.lastStart = true, f.DTS
	}
	c.ring.Push(chunk, start)
}

func pictured(tracks []live.Track) bool {
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
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if name := c.live.Name(); c.server.channels[name] == c {
		delete(c.server.channels, name)
	}
}

// find returns the channel of that name, nil when it is not on air. One whose
// publisher said goodbye stays attached for a minute, with nothing to show.
func (s *Server) find(name tv.ChannelName) *channel {
	s.mu.Lock()
	c := s.channels[name]
	s.mu.Unlock()
	if c == nil || c.live.Status().State == live.Offline {
		return nil
	}
	return c
}
