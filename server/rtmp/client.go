package rtmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/handshake"
	"github.com/bluenviron/gortmplib/pkg/message"

	"echo.tv/server/tv"
)

// Client publishes to an RTMP server as OBS does. Send and Close belong to one
// goroutine.
type Client struct {
	nc      net.Conn
	out     *message.Writer
	frame   net.Buffers // reused for each message
	reading sync.WaitGroup
}

// Dial connects to addr, host:port of an echo.tv of our own, whose answers are
// trusted, and publishes with key. It returns when the server has accepted;
// Close must follow. encoder is what the stream is told to come from. Errors:
// NotFound when the server does not take the key.
func Dial(ctx context.Context, addr string, key tv.StreamKey, encoder string) (*Client, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	c := &Client{nc: nc}
	if err := c.open(addr, key, encoder); err != nil {
		nc.Close()
		return nil, err
	}
	// What the server says from here on is acknowledgements, and its goodbye.
	c.reading.Go(func() {
		defer nc.Close()
		for b := make([]byte, 512); ; {
			if _, err := nc.Read(b); err != nil {
				return
			}
		}
	})
	return c, nil
}

// open gets as far as an accepted publish.
func (c *Client) open(addr string, key tv.StreamKey, encoder string) error {
	wire := bytecounter.NewReadWriter(c.nc)
	if _, _, err := handshake.DoClient(wire, false, false); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	c.out = message.NewWriter(wire, wire.Writer, false)
	in := message.NewReader(wire, wire.Reader, func(uint32) error { return nil })
	if err := c.out.Write(&message.SetChunkSize{Value: ownChunk}); err != nil {
		return err
	}
	about := amf0.Object{{Key: "app", Value: "live"}, {Key: "type", Value: "nonprivate"},
		{Key: "flashVer", Value: encoder}, {Key: "tcUrl", Value: "rtmp://" + addr + "/live"}}
	for id, ask := range []*message.CommandAMF0{
		{ChunkStreamID: 3, Name: "connect", Arguments: amf0.Data{about}},
		{ChunkStreamID: 3, Name: "createStream", Arguments: amf0.Data{nil}},
		{ChunkStreamID: 4, MessageStreamID: streamOne, Name: "publish", Arguments: amf0.Data{nil, key.Reveal(), "live"}},
	} {
		ask.CommandID = id + 1
		if err := c.out.Write(ask); err != nil {
			return err
		}
		if err := accepted(in, ask); err != nil {
			return err
		}
	}
	return c.out.Write(&message.DataAMF0{ChunkStreamID: 4, MessageStreamID: streamOne,
		Payload: amf0.Data{"@setDataFrame", "onMetaData", amf0.Object{{Key: "encoder", Value: encoder}}}})
}

// accepted reads until the answer to ask. A refusal comes back in the server's
// own words.
func accepted(in *message.Reader, ask *message.CommandAMF0) error {
	for range maxOpening {
		m, err := in.Read()
		if err != nil {
			return err
		}
		answer, ok := m.(*message.CommandAMF0)
		if !ok {
			continue
		}
		said := object(answer.Arguments, 1)
		switch level, _ := said.GetString("level"); {
		case answer.Name == "_error" || level == "error":
			text, _ := said.GetString("description")
			return tv.Errorf(tv.NotFound, "the server refused: %.200s", text)
		case answer.Name == "_result" && answer.CommandID == ask.CommandID, answer.Name == "onStatus" && ask.Name == "publish":
			return nil
		}
	}
	return fmt.Errorf("%w: %d messages and no answer", errProtocol, maxOpening)
}

// Send publishes the body of one FLV tag; kind is its type, 8 for sound and 9
// for pictures, at its time from the beginning. It returns when the system has
// taken the bytes, and an error once the server has hung up.
func (c *Client) Send(kind byte, at time.Duration, body []byte) error {
	stream := byte(4) // sound and data
	if kind == typVideo {
		stream = 6
	}
	c.frame = appendMessage(c.frame[:0], stream, kind, at.Milliseconds(), nil, body)
	c.nc.SetWriteDeadline(time.Now().Add(patience().write))
	frame := c.frame // WriteTo eats its buffers
	if _, err := frame.WriteTo(c.nc); err != nil {
		return hungUp(err)
	}
	return nil
}

// hungUp gives the one usual reason its name.
func hungUp(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return tv.Errorf(tv.Unavailable, "the server takes no more")
	}
	return tv.Errorf(tv.Unavailable, "the server hung up")
}

// Close says goodbye and returns when the connection is gone.
func (c *Client) Close() error {
	c.nc.SetDeadline(time.Now().Add(time.Second))
	err := c.out.Write(&message.CommandAMF0{ChunkStreamID: 3, Name: "deleteStream", CommandID: 4, Arguments: amf0.Data{nil, float64(1)}})
	if half, ok := c.nc.(*net.TCPConn); ok && err == nil {
		half.CloseWrite() // and read on until the server closes too: a reset could overtake the goodbye
	} else {
		c.nc.Close()
	}
	c.reading.Wait()
	return nil
}
