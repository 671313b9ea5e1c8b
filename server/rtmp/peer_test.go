package rtmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/handshake"
	"github.com/bluenviron/gortmplib/pkg/message"

	"echo.tv/server/tv"
)

// peer says on the wire exactly what a test wants.
type peer struct {
	net.Conn
	h  *house
	in *message.Reader
}

func (h *house) dial() *peer {
	h.t.Helper()
	nc, err := net.Dial("tcp", h.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	return &peer{Conn: nc, h: h}
}

// greet shakes hands.
func (h *house) greet() *peer {
	h.t.Helper()
	p := h.dial()
	if _, _, err := handshake.DoClient(p.Conn, false, true); err != nil {
		h.t.Fatal(err)
	}
	rw := bytecounter.NewReadWriter(p.Conn)
	p.in = message.NewReader(rw, rw.Reader, func(uint32) error { return nil })
	return p
}

// say writes; that the other side may have hung up is not the test's concern.
func (p *peer) say(parts ...[]byte) *peer {
	p.Write(bytes.Join(parts, nil))
	return p
}

// heard is one thing a server said: a command, or the type of another message.
type heard struct {
	name string // "_result", "onStatus", "SetChunkSize" …
	id   int
	args amf0.Data
	code string // of a status
}

// hear returns the next thing the server says.
func (p *peer) hear() (heard, error) {
	m, err := p.in.Read()
	if err != nil {
		return heard{}, err
	}
	switch m := m.(type) {
	case *message.CommandAMF0:
		out := heard{name: m.Name, id: m.CommandID, args: m.Arguments}
		for i := range m.Arguments {
			if code, ok := object(m.Arguments, i).GetString("code"); ok {
				out.code = code
			}
		}
		return out, nil
	case *message.SetWindowAckSize:
		return heard{name: "SetWindowAckSize"}, nil
	case *message.SetPeerBandwidth:
		return heard{name: "SetPeerBandwidth"}, nil
	case *message.SetChunkSize:
		return heard{name: "SetChunkSize"}, nil
	case *message.UserControlStreamBegin:
		return heard{name: "StreamBegin"}, nil
	case *message.UserControlPingResponse:
		return heard{name: "PingResponse"}, nil
	case *message.Acknowledge:
		return heard{name: "Acknowledge"}, nil
	}
	return heard{name: "something else"}, nil
}

// until hears on until a command of a name comes.
func (p *peer) until(name string) heard {
	p.h.t.Helper()
	for {
		m, err := p.hear()
		if err != nil {
			p.h.t.Fatalf("waiting for %s: %v", name, err)
		}
		if m.name == name {
			return m
		}
	}
}

// hungUp waits until the server closes the connection.
func (p *peer) hungUp(within time.Duration) {
	p.h.t.Helper()
	p.SetReadDeadline(time.Now().Add(within))
	if _, err := io.Copy(io.Discard, p.Conn); errors.Is(err, os.ErrDeadlineExceeded) {
		p.h.t.Errorf("the connection is still open after %v", within)
	}
}

// onAir publishes with a new key for a channel and returns after the answer.
func (h *house) onAir(channel string) *peer {
	h.t.Helper()
	p := h.greet()
	p.say(connect("live"))
	p.until("_result")
	p.say(cmd(typCommand, "createStream", 4, nil))
	p.until("_result")
	p.say(cmd(typCommand, "publish", 5, nil, h.keys.make(tv.ChannelName(channel)), "live"))
	if m := p.until("onStatus"); m.code != "NetStream.Publish.Start" {
		h.t.Fatalf("answered %+v", m)
	}
	return p
}

// picture and its kind are whole messages.
func (p *peer) video(ms uint32, tag []byte) *peer { return p.say(msg(6, typVideo, ms, tag)) }
func (p *peer) audio(ms uint32, tag []byte) *peer { return p.say(msg(4, typAudio, ms, tag)) }

// start sends both configurations and a key frame.
func (p *peer) start() *peer {
	return p.say(msg(4, typAudio, 0, aacTag(0, aacConfig)), msg(6, typVideo, 0, avcConfigTag(h264SPS, h264PPS)),
		msg(6, typVideo, 0, avcFrame(0, h264Key)))
}

const usualChunk = 128 // what both sides begin with

// msg is a message in chunks of the usual size, the first with a whole header.
func msg(stream uint32, typ byte, ms uint32, body []byte) []byte {
	return chunks(stream, typ, ms, body, usualChunk)
}

func chunks(stream uint32, typ byte, ms uint32, body []byte, size int) []byte {
	out := header(0, stream, typ, ms, len(body))
	for first := true; first || len(body) > 0; first = false {
		if !first {
			out = append(out, basic(3, stream)...)
			if ms >= 0xffffff {
				out = binary.BigEndian.AppendUint32(out, ms)
			}
		}
		n := min(size, len(body))
		out, body = append(out, body[:n]...), body[n:]
	}
	return out
}

// header is a chunk's basic and message header, as far as its format has one.
func header(format byte, stream uint32, typ byte, ms uint32, length int) []byte {
	out := basic(format, stream)
	short := min(ms, 0xffffff)
	fields := []byte{byte(short >> 16), byte(short >> 8), byte(short),
		byte(length >> 16), byte(length >> 8), byte(length), typ, 1, 0, 0, 0}
	out = append(out, fields[:[4]int{11, 7, 3, 0}[format]]...)
	if ms >= 0xffffff {
		out = binary.BigEndian.AppendUint32(out, ms)
	}
	return out
}

func basic(format byte, stream uint32) []byte {
	switch {
	case stream < 64:
		return []byte{format<<6 | byte(stream)}
	case stream < 64+256:
		return []byte{format << 6, byte(stream - 64)}
	}
	return []byte{format<<6 | 1, byte(stream - 64), byte((stream - 64) >> 8)}
}

// cmd is a whole command message; type 17 says it in AMF3 clothes.
func cmd(typ byte, name string, id float64, args ...any) []byte {
	body := spoken(name, id, args...)
	if typ == typCommandAMF3 {
		body = append([]byte{0}, body...)
	}
	return msg(3, typ, 0, body)
}

// spoken is a command in AMF0.
func spoken(name string, id float64, args ...any) []byte {
	body, err := append(amf0.Data{name, id}, args...).Marshal()
	if err != nil {
		panic(err)
	}
	return body
}

func connect(app string) []byte {
	return cmd(typCommand, "connect", 1, amf0.Object{{Key: "app", Value: app}, {Key: "type", Value: "nonprivate"}})
}

func metadata(values ...amf0.ObjectEntry) []byte {
	body, err := amf0.Data{"@setDataFrame", "onMetaData", amf0.ECMAArray(values)}.Marshal()
	if err != nil {
		panic(err)
	}
	return body
}

func setChunkSize(n uint32) []byte {
	return msg(2, typSetChunkSize, 0, binary.BigEndian.AppendUint32(nil, n))
}

func ping(ms uint32) []byte {
	return msg(2, typUserControl, 0, binary.BigEndian.AppendUint32([]byte{0, 6}, ms))
}

// repeat is n times b.
func repeat(n int, b ...byte) []byte { return []byte(strings.Repeat(string(b), n)) }
