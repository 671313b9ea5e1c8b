package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/hls"
	"echo.tv/server/live"
	"echo.tv/server/push"
)

// BenchmarkFrame measures from a picture in the publisher's hand, parsed, to
// its whole message at a viewer behind a real socket, with the segmenter at
// work beside it.
func BenchmarkFrame(b *testing.B) {
	const pictures, pace = 1000, 10 * time.Millisecond
	media := hls.New(hls.Config{Log: slog.New(slog.DiscardHandler)})
	srv := push.New(push.Config{Log: slog.New(slog.DiscardHandler), Codecs: hls.Codecs})
	hub := live.NewHub(live.Config{Log: slog.New(slog.DiscardHandler), Packager: cmaf.Packager{},
		Outputs: []func(*live.Channel) live.Output{media.Attach, srv.Attach}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	web := &http.Server{Handler: srv}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, run := range []func(context.Context) error{srv.Run, hub.Run} {
		all.Go(func() { run(ctx) })
	}
	all.Go(func() { web.Serve(ln) })
	defer all.Wait()
	defer web.Close()
	defer cancel()

	s := publishHere(b, hub)
	s.send(b) // the key frame a viewer begins with
	for b.Loop() {
		c, in := dialPush(b, ln.Addr().String())
		came := make(chan map[uint32]time.Time)
		go func() { came <- arrivals(in) }()
		time.Sleep(100 * time.Millisecond)
		sent := map[uint32]time.Time{}
		for range pictures {
			sent[s.pictures] = time.Now()
			s.send(b)
			time.Sleep(pace)
		}
		c.SetReadDeadline(time.Now().Add(200 * time.Millisecond)) // then what was sent is here
		var took []time.Duration
		for n, at := range <-came {
			if from, ok := sent[n]; ok {
				took = append(took, at.Sub(from))
			}
		}
		c.Close()
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(pictures-len(took)), "lost")
		b.ReportMetric(ms(quantile(took, .5)), "ms-p50")
		b.ReportMetric(ms(quantile(took, .99)), "ms-p99")
	}
}

// arrivals returns when each message came, by its number, which counts pictures
// here, until the connection ends.
func arrivals(in *bufio.Reader) map[uint32]time.Time {
	all := map[uint32]time.Time{}
	for {
		m, err := readMessage(in)
		if err != nil {
			return all
		}
		if m != nil && m[0] == 2 {
			all[binary.BigEndian.Uint32(m[4:])] = time.Now()
		}
	}
}

// publishing writes pictures and sound as 3 Mbit/s of 30 fps would be.
type publishing struct {
	*live.Session
	pictures uint32
}

func publishHere(b *testing.B, hub *live.Hub) *publishing {
	unhex := func(s string) []byte {
		raw, err := hex.DecodeString(s)
		if err != nil {
			b.Fatal(err)
		}
		return raw
	}
	picture, err := live.NewH264(unhex("6764000aacd9447b0110000003001000000303c0f1225960"), unhex("68ef8fcb"))
	if err != nil {
		b.Fatal(err)
	}
	sound, err := live.NewAAC([]byte{0x11, 0x90})
	if err != nil {
		b.Fatal(err)
	}
	session, err := hub.Publish(live.Publisher{Channel: "ann"})
	if err == nil {
		err = session.SetTracks([]live.Track{picture, sound})
	}
	if err != nil {
		b.Fatal(err)
	}
	return &publishing{Session: session}
}

func (s *publishing) send(b *testing.B) {
	at := int64(s.pictures) * 3000
	key := s.pictures%30 == 0
	size := 11_000
	if key {
		size = 50_000
	}
	picture := make([]byte, size)
	binary.BigEndian.PutUint32(picture, uint32(size-4))
	picture[4] = 0x41
	if key {
		picture[4] = 0x65
	}
	s.write(b, live.Frame{DTS: at, PTS: at, Key: key, Payload: picture})
	s.write(b, live.Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1600, Payload: make([]byte, 500)})
	s.pictures++
}

func (s *publishing) write(b *testing.B, f live.Frame) {
	f.Arrival = time.Now()
	if err := s.WriteFrame(f); err != nil {
		b.Fatal(err)
	}
}
