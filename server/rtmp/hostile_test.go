package rtmp

import (
	"bytes"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"echo.tv/server/tv"
)

// honest publishes all the while.
func (h *house) honest() {
	p := h.publish(h.keys.make("ann"), libH264, libAAC)
	h.t.Cleanup(func() { p.Client.Close() })
	go func() {
		for i := range 100_000 {
			track := p.Writer.Tracks[0]
			if p.WriteH264(track, picture(i), picture(i), [][]byte{h264Key}) != nil {
				return
			}
			time.Sleep(time.Second / 30)
		}
	}()
	h.frames("ann", 1)
}

func TestWhatStrangersSendEndsTheirConnectionAndNothingElse(t *testing.T) { assault(t, strangers) }

func TestWhatInsidersSendEndsTheirConnectionAndNothingElse(t *testing.T) { assault(t, insiders) }

func assault(t *testing.T, attacks map[string]attack) {
	h := open(t, quick)
	h.honest()
	base := heap()
	for name, a := range attacks {
		t.Run(name, func(t *testing.T) {
			outer := h.t
			h.t = t
			defer func() { h.t = outer }()
			before := h.log.String()
			p := a.do(h)
			p.hungUp(5 * time.Second)
			p.Close()
			h.gone("mallory")
			var lines []string
			h.eventually(func() string {
				lines = nil
				for line := range strings.Lines(strings.TrimPrefix(h.log.String(), before)) {
					if strings.Contains(line, "connection closed") {
						lines = append(lines, line)
					}
				}
				if len(lines) == 0 {
					return "nothing is logged about it"
				}
				return ""
			})
			if len(lines) != 1 || !strings.Contains(lines[0], a.want) || len(lines[0]) > 500 {
				t.Errorf("logged, looking for %q:\n%s", a.want, strings.Join(lines, ""))
			}
		})
	}
	h.frames("ann", 10)
	if got := h.tape("ann"); got.ended {
		t.Error("the honest publisher was cut")
	}
	if n := heap() - base; n > 16<<20 {
		t.Errorf("%d MiB more than before", n>>20)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestALookAtThePortIsNotWorthALine(t *testing.T) {
	h := open(t, quick)
	h.dial().Close()
	h.dial().hungUp(5 * time.Second) // silent until the start's time is over
	h.stop()
	if s := h.log.String(); s != "" {
		t.Errorf("logged: %s", s)
	}
}

func TestHugeAndNegativeCommandNumbersAreAnswered(t *testing.T) {
	h := open(t)
	for _, id := range []float64{-1, 1e300, math.Inf(-1), math.NaN(), 0.5} {
		p := h.greet().say(cmd(typCommand, "connect", id, amf0.Object{{Key: "app", Value: "live"}}))
		if m := p.until("_result"); m.code != "NetConnection.Connect.Success" {
			t.Errorf("number %v: %+v", id, m)
		}
		p.Close()
	}
}

func TestAPeerThatDoesNotReadCannotHoldUs(t *testing.T) {
	h := open(t, quick)
	p := h.onAir("mallory")
	p.Conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(4096)
	pings := bytes.Repeat(ping(1), 1000)
	for range 2000 {
		if _, err := p.Write(pings); err != nil {
			break
		}
	}
	h.logs("connection closed")
	h.gone("mallory")
}

// Only frames that reach the hub count as media.
func TestAPublisherThatGoesSilentOnAirIsCut(t *testing.T) {
	h := open(t, quick)
	var wg sync.WaitGroup
	for name, noise := range map[string][]byte{
		"nothing":     nil,
		"pings":       ping(1),
		"metadata":    msg(4, typData, 0, metadata()),
		"empty-sound": msg(4, typAudio, 0, nil),
		"broken":      msg(6, typVideo, 0, avcFrame(0)[:3]),
		"another":     msg(6, typVideo, 0, ex(0x96, "\x01avc1\x01", []byte{1})),
		"mp3":         msg(4, typAudio, 0, []byte{0x2f, 1, 2, 3}),
	} {
		p := h.onAir(name).start()
		h.frames(tv.ChannelName(name), 1)
		began := time.Now()
		wg.Go(func() {
			for range 90 { // below the hundred broken ones in a row that end it anyway
				if _, err := p.Write(noise); err != nil {
					return
				}
				time.Sleep(25 * time.Millisecond)
			}
		})
		wg.Go(func() {
			p.hungUp(8 * time.Second)
			if d := time.Since(began); d < h.times.lost-100*time.Millisecond {
				t.Errorf("%s: cut after %v, want %v", name, d, h.times.lost)
			}
		})
	}
	wg.Wait()
	for _, st := range h.hub.On() {
		h.gone(st.Channel)
	}
	if n := strings.Count(h.log.String(), "no media came"); n < 7 {
		t.Errorf("%d of 7 were cut for their silence", n)
	}
}

func TestAHeaderCostsNoMoreThanItsBytes(t *testing.T) {
	in := newChunkReader(bytes.NewReader(unfinished(8, 60000)))
	in.read()
	sum := 0
	for _, cs := range in.streams {
		sum += cap(cs.body)
	}
	if sum > 8*strangerLimits.upfront {
		t.Errorf("eight headers cost %d bytes", sum)
	}
}

func TestRTMPEIsToldFromAByteThatLooksLikeIt(t *testing.T) {
	c := append([]byte{3}, bytes.Repeat([]byte{6}, 10)...)
	p := &plainOnly{ReadWriter: bytes.NewBuffer(c)}
	for i := range c {
		if _, err := p.Read(make([]byte, 1)); err != nil {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}
