package push

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"echo.tv/server/live"
)

const (
	ringLength = 2048             // messages: 8.5 s of 240 fps, more of anything slower
	ringBytes  = 64 << 20         // of them, whatever their clock says: 8 s of 60 Mbit/s
	soundAlone = live.Second / 10 // sound waits this long for a picture
	soundSize  = 64 << 10         // and no longer if it is larger than any codec's
	headerSize = 16

	opText   = 0x81 // RFC 6455 §5.2, with FIN
	opBinary = 0x82

	kindInit  = 1
	kindMedia = 2

	flagKey           = 1
	flagDiscontinuity = 2
)

// message is one picture with the sound before it, ready to be written.
// Immutable, and shared by all viewers.
type message struct {
	bytes []byte // one WebSocket frame: a copy of the chunks, so that each viewer costs one write
	init  *initMessage
	at    time.Time // arrival of its last frame
}

// initMessage is what a viewer needs before the messages that refer to it.
type initMessage struct {
	bytes []byte // two WebSocket frames: the text that says what follows, and the segment
}

// channel turns one channel's chunks into messages. WriteChunk belongs to the
// publisher's goroutine.
type channel struct {
	live   *live.Channel
	tag    uint16
	codecs func([]live.Track) string
	ring   *live.Ring[message]
	lines  *lines

	init    *initMessage
	initID  uint64
	number  uint32
	pending []*live.Chunk // sound that waits for its picture
}

func newChannel(ch *live.Channel, tag uint16, s *Server) *channel {
	ring := live.NewRing[message](ringLength).Within(ringBytes, func(m *message) int { return len(m.bytes) })
	return &channel{live: ch, tag: tag, codecs: s.cfg.Codecs, ring: ring,
		lines: &lines{life: s.life, running: &s.lines, ring: ring}}
}

// WriteChunk makes a message of c, or keeps it for the next picture.
func (c *channel) WriteChunk(chunk *live.Chunk) {
	if chunk.Discontinuity {
		c.flush() // what waits belongs to the timeline before
	}
	c.pending = append(c.pending, chunk)
	first := c.pending[0]
	if chunk.Frame.Track == 0 || chunk.Frame.DTS-first.Frame.DTS > soundAlone || len(chunk.Data) > soundSize {
		c.flush()
	}
}

// flush pushes what waits as one message.
func (c *channel) flush() {
	if len(c.pending) == 0 {
		return
	}
	last := c.pending[len(c.pending)-1]
	if c.init == nil || c.initID != last.Init.ID {
		c.begin(last.Init)
	}
	var flags byte
	size := headerSize
	for _, chunk := range c.pending {
		if chunk.Discontinuity {
			flags |= flagDiscontinuity
		}
		size += len(chunk.Data)
	}
	key := last.Frame.Track == 0 && last.Frame.Key
	if key {
		flags |= flagKey
	}
	b := c.header(kindMedia, flags, size, last.Frame.Arrival)
	for _, chunk := range c.pending {
		b = append(b, chunk.Data...)
	}
	c.number++
	c.ring.Push(&message{bytes: b, init: c.init, at: last.Frame.Arrival}, key)
	c.pending = nil
}

func (c *channel) begin(init *live.Init) {
	on, err := json.Marshal(map[string]any{"on": c.live.Name(), "tag": c.tag, "codecs": c.codecs(init.Tracks),
		"keyInterval": float64(init.Tracks[0].KeyInterval) / live.Second})
	if err != nil {
		panic(err) // a name, two numbers and a text
	}
	b := append(frame(opText, len(on)), on...)
	b = append(b, c.header(kindInit, 0, headerSize+len(init.Data), time.Now())...)
	c.init = &initMessage{append(b, init.Data...)}
	c.initID = init.ID
}

// frame returns the header of a WebSocket frame that is a whole message, with
// room for the payload. Frames of a server are not masked (RFC 6455 §5.1), so
// one frame serves everybody.
func frame(op byte, size int) []byte {
	b := append(make([]byte, 0, 10+size), op)
	switch {
	case size < 126:
		return append(b, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
}

// header returns the WebSocket header of a message of size bytes and the
// message's own.
func (c *channel) header(kind, flags byte, size int, at time.Time) []byte {
	b := frame(opBinary, size)
	b = append(b, kind, flags)
	b = binary.BigEndian.AppendUint16(b, c.tag)
	b = binary.BigEndian.AppendUint32(b, c.number)
	return binary.BigEndian.AppendUint64(b, uint64(at.UnixMilli()))
}
