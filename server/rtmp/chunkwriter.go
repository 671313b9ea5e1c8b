package rtmp

import (
	"encoding/binary"
	"net"
)

// ownChunk is the size of the chunks we write, of which connect's answer tells.
const ownChunk = 64 << 10

// maxLength is what the length of a message can say, in 24 bits.
const maxLength = 1<<24 - 1

// appendMessage appends one message on message stream 1 to out, its body in two
// pieces of which head is the short one. Nothing is copied but head: a frame's
// payload is shared by all its players. Each message begins with a whole
// header, which costs eleven bytes and depends on none before it.
func appendMessage(out net.Buffers, stream, typ byte, ms int64, head, body []byte) net.Buffers {
	stamp := uint32(ms)
	var extended []byte
	first := append24(append(make([]byte, 0, 48), stream), int64(min(stamp, 0xffffff)))
	first = append(append24(first, int64(len(head)+len(body))), typ, 1, 0, 0, 0)
	if stamp >= 0xffffff {
		extended = binary.BigEndian.AppendUint32(nil, stamp)
	}
	first = append(append(first, extended...), head...)
	n := min(len(body), ownChunk-len(head))
	out = append(out, first, body[:n])
	next := append([]byte{3<<6 | stream}, extended...)
	for body = body[n:]; len(body) > 0; body = body[n:] {
		n = min(len(body), ownChunk)
		out = append(out, next, body[:n])
	}
	return out
}
