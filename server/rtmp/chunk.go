package rtmp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// rawMessage is one RTMP message, put together from its chunks.
type rawMessage struct {
	typ  uint8
	time uint32 // ms, as sent
	body []byte // not reused: a media payload may alias it for ever
}

// Message types, RTMP 1.0 §5.4, §7.1.
const (
	typSetChunkSize = 1
	typAbort        = 2
	typAck          = 3
	typUserControl  = 4
	typWindowAck    = 5
	typPeerBW       = 6
	typAudio        = 8
	typVideo        = 9
	typCommandAMF3  = 17
	typData         = 18
	typCommand      = 20
)

// limits hold for everything one connection makes us keep.
type limits struct {
	message int // bytes of one message
	partial int // chunk streams with an unfinished message
	pending int // bytes of all unfinished messages
	upfront int // bytes a header may cost before its message arrives
}

// Before the key: nothing an honest publisher says is longer than 2 KiB. After
// it: 8 MiB holds a key frame of 200 Mbit/s video at one frame a second, and
// most frames fit their first buffer.
var (
	strangerLimits  = limits{message: 64 << 10, partial: 8, pending: 64 << 10, upfront: 2 << 10}
	publisherLimits = limits{message: 8 << 20, partial: 8, pending: 16 << 20, upfront: 64 << 10}
)

const (
	minChunkSize = 128     // the protocol's default; smaller ones only serve to make us copy
	maxChunkSize = 8 << 20 // never allocated for, so as large as a message
	maxStreams   = 64      // chunk streams one connection may use
)

// errProtocol is the root of everything a publisher got wrong on the wire.
var errProtocol = errors.New("not valid RTMP")

// chunkReader puts messages together, RTMP 1.0 §5.3. It allocates as bytes
// arrive, never because a header promised them, and refuses what is over its
// limits.
type chunkReader struct {
	r       *bufio.Reader
	size    int // chunk size the peer set
	limits  limits
	streams map[uint32]*chunkStream
	partial int
	pending int
}

type chunkStream struct {
	time, delta uint32
	extended    bool
	length      int
	typ         uint8
	known       bool
	busy        bool // body is unfinished
	body        []byte
}

func newChunkReader(r io.Reader) *chunkReader {
	return &chunkReader{
		r: bufio.NewReaderSize(r, 16<<10), size: minChunkSize,
		limits: strangerLimits, streams: make(map[uint32]*chunkStream),
	}
}

func (c *chunkReader) setSize(n uint32) error {
	if n < minChunkSize || n > maxChunkSize {
		return fmt.Errorf("%w: chunk size %d", errProtocol, n)
	}
	c.size = int(n)
	return nil
}

// read returns the next whole message.
func (c *chunkReader) read() (rawMessage, error) {
	for {
		cs, err := c.readChunk()
		if err != nil {
			return rawMessage{}, err
		}
		if len(cs.body) == cs.length {
			m := rawMessage{typ: cs.typ, time: cs.time, body: cs.body}
			c.drop(cs)
			return m, nil
		}
	}
}

// drop forgets a stream's unfinished message.
func (c *chunkReader) drop(cs *chunkStream) {
	if cs.busy {
		c.partial--
		c.pending -= len(cs.body)
	}
	cs.busy, cs.body = false, nil
}

func (c *chunkReader) abort(stream uint32) {
	if cs := c.streams[stream]; cs != nil {
		c.drop(cs)
	}
}

func (c *chunkReader) readChunk() (*chunkStream, error) {
	format, id, err := c.basicHeader()
	if err != nil {
		return nil, err
	}
	cs := c.streams[id]
	if cs == nil {
		if len(c.streams) >= maxStreams {
			return nil, fmt.Errorf("%w: more than %d chunk streams", errProtocol, maxStreams)
		}
		cs = &chunkStream{}
		c.streams[id] = cs
	}
	if err := c.messageHeader(cs, format); err != nil {
		return nil, err
	}
	if !cs.busy {
		if err := c.begin(cs); err != nil {
			return nil, err
		}
	}
	return cs, c.payload(cs)
}

// basicHeader, §5.3.1.1: two bits of format, then 6, 8 or 16 bits of stream id.
func (c *chunkReader) basicHeader() (format byte, id uint32, err error) {
	b, err := c.r.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	format, id = b>>6, uint32(b&0x3f)
	switch id {
	case 0:
		b, err = c.r.ReadByte()
		id = 64 + uint32(b)
	case 1:
		var w [2]byte
		_, err = io.ReadFull(c.r, w[:])
		id = 64 + uint32(w[0]) + uint32(w[1])<<8
	}
	return format, id, err
}

// messageHeader, §5.3.1.2: what a format leaves out is as in the chunk before.
func (c *chunkReader) messageHeader(cs *chunkStream, format byte) error {
	if format != 0 && !cs.known {
		return fmt.Errorf("%w: a chunk refers to one that never came", errProtocol)
	}
	if format != 3 && cs.busy {
		return fmt.Errorf("%w: a message begins inside another", errProtocol)
	}
	var h [11]byte
	n := [4]int{11, 7, 3, 0}[format]
	if _, err := io.ReadFull(c.r, h[:n]); err != nil {
		return err
	}
	stamp := be24(h[:])
	if n >= 7 {
		cs.length, cs.typ = int(be24(h[3:])), h[6]
	}
	if n > 0 {
		cs.extended = stamp == 0xffffff
	}
	if cs.extended {
		var e [4]byte
		if _, err := io.ReadFull(c.r, e[:]); err != nil {
			return err
		}
		stamp = binary.BigEndian.Uint32(e[:])
	}
	switch {
	case format == 0: // a format 3 message after it takes the time for its delta, as ffmpeg does
		cs.time, cs.delta, cs.known = stamp, stamp, true
	case format < 3:
		cs.delta = stamp
		cs.time += stamp
	case !cs.busy: // format 3 starts a message: same delta again
		cs.time += cs.delta
	}
	return nil
}

func be24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func (c *chunkReader) begin(cs *chunkStream) error {
	if cs.length > c.limits.message {
		return fmt.Errorf("%w: a message of %d bytes", errProtocol, cs.length)
	}
	if c.partial >= c.limits.partial {
		return fmt.Errorf("%w: more than %d unfinished messages", errProtocol, c.limits.partial)
	}
	cs.busy = true
	c.partial++
	return nil
}

// payload reads this chunk's share of the message. A message of a few chunks
// gets its buffer at once.
func (c *chunkReader) payload(cs *chunkStream) error {
	n := min(c.size, cs.length-len(cs.body))
	c.pending += n
	if c.pending > c.limits.pending {
		return fmt.Errorf("%w: too much unfinished", errProtocol)
	}
	if cs.body == nil {
		cs.body = make([]byte, 0, min(cs.length, c.limits.upfront))
	}
	for n > 0 { // a chunk may be as long as the message: grow as bytes arrive
		step := min(n, c.limits.upfront)
		at := len(cs.body)
		cs.body = grow(cs.body, step, cs.length)
		if _, err := io.ReadFull(c.r, cs.body[at:at+step]); err != nil {
			return err
		}
		n -= step
	}
	return nil
}

// grow extends b by n bytes; when it must move it doubles, up to the message.
func grow(b []byte, n, whole int) []byte {
	if len(b)+n <= cap(b) {
		return b[:len(b)+n]
	}
	g := make([]byte, len(b)+n, min(whole, max(2*cap(b), len(b)+n)))
	copy(g, b)
	return g
}
