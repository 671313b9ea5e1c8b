package rtmp

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// publishTo opens a publish of our own client with a new key for the channel.
func (h *house) publishTo(channel tv.ChannelName) *Client {
	h.t.Helper()
	key, err := tv.ParseStreamKey(h.keys.make(channel))
	if err != nil {
		h.t.Fatal(err)
	}
	c, err := Dial(h.t.Context(), h.Addr().String(), key, "a test")
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func TestOurOwnClientPublishes(t *testing.T) {
	h := open(t)
	c := h.publishTo("ann")
	large := append(bytes.Clone(h264Key), make([]byte, 3*ownChunk)...) // in four chunks
	for _, m := range []struct {
		kind byte
		at   time.Duration
		body []byte
	}{
		{typAudio, 0, aacTag(0, aacConfig)}, {typVideo, 0, avcConfigTag(h264SPS, h264PPS)},
		{typVideo, 0, avcFrame(0, large)}, {typAudio, 21 * ms, aacTag(1, []byte{1, 2, 3})}, {typVideo, 40 * ms, avcFrame(0, h264B)},
	} {
		if err := c.Send(m.kind, m.at, m.body); err != nil {
			t.Fatal(err)
		}
	}
	got := h.frames("ann", 1)
	if !bytes.Contains(got[0].Data, large) {
		t.Error("the picture has changed on its way")
	}
	if s := h.hub.Status("ann"); s.Encoder != "a test" || s.State != live.Live {
		t.Errorf("ann is %s, from %q", s.State, s.Encoder)
	}
	c.Close()
	h.offAir("ann")
}

func TestOurOwnClientNoticesATakeover(t *testing.T) {
	h := open(t)
	c := h.publishTo("ann")
	defer c.Close()
	c.Send(typVideo, 0, avcConfigTag(h264SPS, h264PPS))
	h.onAir("ann")
	h.eventually(func() string {
		if err := c.Send(typVideo, 0, avcFrame(0, h264Key)); tv.CodeOf(err) != tv.Unavailable {
			return "the old client may still send"
		}
		return ""
	})
}

func TestOurOwnClientHearsWhyItIsRefused(t *testing.T) {
	h := open(t)
	_, err := Dial(t.Context(), h.Addr().String(), tv.NewStreamKey(), "a test")
	if tv.CodeOf(err) != tv.NotFound || !strings.Contains(err.Error(), "nobody here has that stream key") {
		t.Errorf("refused with %v", err)
	}
}

// A server that takes the connection and says nothing, or nonsense.
func TestOurOwnClientGivesUp(t *testing.T) {
	for name, says := range map[string][]byte{"nothing": nil, "nonsense": bytes.Repeat([]byte{0xff}, 8000)} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				if nc, err := l.Accept(); err == nil {
					nc.Write(says)
					t.Cleanup(func() { nc.Close() })
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 200*ms)
			defer cancel()
			if _, err := Dial(ctx, l.Addr().String(), tv.NewStreamKey(), "a test"); err == nil {
				t.Error("it was taken for a server")
			}
		})
	}
}
