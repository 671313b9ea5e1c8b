package rtmp

import (
	"bytes"
	"io"
	"log/slog"
	"testing"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
)

// A second of 5 Mbit/s at 30 pictures a second with AAC, from the socket's bytes
// to the chunks that viewers share.
func BenchmarkIngest(b *testing.B) {
	hub := live.NewHub(live.Config{Log: slog.New(slog.DiscardHandler), Packager: cmaf.Packager{},
		Outputs: []func(*live.Channel) live.Output{func(*live.Channel) live.Output { return nowhere{} }}})
	session, err := hub.Publish(live.Publisher{Channel: "ann"})
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close(errGoodbye)
	d := newDemux(session, slog.New(slog.DiscardHandler))
	second := oneSecond()
	opening := bytes.Join([][]byte{setChunkSize(4096),
		chunks(4, typAudio, 0, aacTag(0, aacConfig), 4096), chunks(6, typVideo, 0, avcConfigTag(h264SPS, h264PPS), 4096)}, nil)
	in := newChunkReader(io.MultiReader(bytes.NewReader(opening), &loop{second, 0}))
	in.limits = publisherLimits
	talk, at := &conn{in: in}, time.Unix(1000, 0)
	next := func() {
		m, err := in.read()
		switch {
		case err != nil:
		case m.typ == typSetChunkSize:
			err = talk.control(m)
		default:
			at = at.Add(13 * time.Millisecond)
			err = d.tag(m, at)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for range 3 {
		next()
	}
	b.SetBytes(int64(len(second)))
	b.ReportAllocs()
	for b.Loop() {
		for range 30 + 43 {
			next()
		}
	}
}

// oneSecond is 30 pictures and 43 sounds, each with the time since the one
// before, so that it can follow itself.
func oneSecond() (out []byte) {
	again := func(stream uint32, typ byte, delta uint32, body []byte) {
		whole := chunks(stream, typ, delta, body, 4096)
		first := header(1, stream, typ, delta, len(body))
		out = append(append(out, first...), whole[len(header(0, stream, typ, delta, len(body))):]...)
	}
	for i := range 43 {
		again(4, typAudio, 23, aacTag(1, make([]byte, 370)))
		if i >= 30 {
			continue
		}
		nalu := append(bytes.Clone(h264B), make([]byte, 20_000)...)
		if i == 0 {
			nalu = append(bytes.Clone(h264Key), make([]byte, 40_000)...)
		}
		again(6, typVideo, 33, avcFrame(66, nalu))
	}
	return out
}

// loop reads the same bytes for ever.
type loop struct {
	b  []byte
	at int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.b[l.at:])
	l.at = (l.at + n) % len(l.b)
	return n, nil
}

type nowhere struct{}

func (nowhere) WriteChunk(*live.Chunk) {}
func (nowhere) End()                   {}
