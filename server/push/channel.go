package push

import (
	"encoding/binary"
	"time"

	"echo.tv/server/live"
)

const (
	ringLength = 2048             // messages: 8.5 s of 240 fps, more of anything slower
	soundAlone = live.Second / 10 // sound waits this long for a picture
	headerSize = 16

	kindInit  = 1
	kindMedia = 2

	flagKey           = 1
	flagDiscontinuity = 2
)

// message is one picture with the sound before it, ready to be written.
// Immutable, and shared by all viewers.
type message struct {
	pieces [][]byte // WebSocket and message header, then chunks
	init   *initMessage
	at     time.Time // arrival of its last frame
}

// initMessage is what a viewer needs before the messages that refer to it.
type initMessage struct {
	bytes       []byte // one WebSocket frame
	codecs      string
	keyInterval float64 // seconds; 0 unknown
}

// channel turns one channel's chunks into messages. WriteChunk belongs to the
// publisher's goroutine.
type channel struct {
	live   *live.Channel
	tag    uint16
	codecs func([]live.Track) string
	ring   *live.Ring[message]

	init    *initMessage
	initID  uint64
	number  uint32
	pending []*live.Chunk // sound that waits for its picture
}

func newChannel(ch *live.Channel, tag uint16, codecs func([]live.Track) string) *channel {
	return &channel{live: ch, tag: tag, codecs: codecs, ring: live.NewRing[message](ringLength)}
}

// WriteChunk makes a message of c, or keeps it for the next picture.
func (c *channel) WriteChunk(chunk *live.Chunk) {
	if chunk.Discontinuity {
		c.flush() // what waits belongs to the timeline before
	}
	c.pending = append(c.pending, chunk)
	first := c.pending[0]
	if chunk.Frame.Track == 0 || chunk.Frame.DTS-first.Frame.DTS > soundAlone {
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
	pieces := make([][]byte, 1, 1+len(c.pending))
	for _, chunk := range c.pending {
		if chunk.Discontinuity {
			flags |= flagDiscontinuity
		}
		size += len(chunk.Data)
		pieces = append(pieces, chunk.Data)
	}
	key := last.Frame.Track == 0 && last.Frame.Key
	if key {
		flags |= flagKey
	}
	pieces[0] = c.header(kindMedia, flags, size, last.Frame.Arrival)
	c.number++
	c.ring.Push(&message{pieces: pieces, init: c.init, at: last.Frame.Arrival}, key)
	c.pending = nil
}

func (c *channel) begin(init *live.Init) {
	head := c.header(kindInit, 0, headerSize+len(init.Data), time.Now())
	c.init = &initMessage{bytes: append(head, init.Data...), codecs: c.codecs(init.Tracks),
		keyInterval: float64(init.Tracks[0].KeyInterval) / live.Second}
	c.initID = init.ID
}

// header returns the WebSocket header of a message of size bytes and the
// message's own. Frames of a server are not masked (RFC 6455 §5.1), so one
// header serves everybody.
func (c *channel) header(kind, flags byte, size int, at time.Time) []byte {
	b := make([]byte, 0, 10+headerSize)
	b = append(b, 0x82) // final, binary
	switch {
	case size < 126:
		b = append(b, byte(size))
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
	}
	b = append(b, kind, flags)
	b = binary.BigEndian.AppendUint16(b, c.tag)
	b = binary.BigEndian.AppendUint32(b, c.number)
	return binary.BigEndian.AppendUint64(b, uint64(at.UnixMilli()))
}
