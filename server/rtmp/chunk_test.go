package rtmp

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"
)

// readAll reads messages until the stream ends, as a publisher's.
func readAll(b []byte, size uint32) (out []rawMessage, err error) {
	c := newChunkReader(bytes.NewReader(b))
	c.limits = publisherLimits
	if err := c.setSize(size); err != nil {
		return nil, err
	}
	for {
		m, err := c.read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, m)
	}
}

func TestMessagesOfAnotherWriterAreReadBack(t *testing.T) {
	noise := random(200_000)
	for _, size := range []uint32{128, 4096, 60000, 65536, 8 << 20} {
		var buf bytes.Buffer
		w := rawmessage.NewWriter(&buf, bytecounter.NewWriter(&buf), false)
		w.SetChunkSize(size)
		var want []rawMessage
		for i := range 200 {
			m := rawMessage{typ: typVideo - uint8(i%2), time: uint32(1<<24-3000) + uint32(i)*33, body: noise[:i*i*3]}
			if i%50 == 7 {
				m.time -= 500 // back a little
			}
			want = append(want, m)
			err := w.Write(&rawmessage.Message{ChunkStreamID: byte(4 + i%2*2), Timestamp: time.Duration(m.time) * time.Millisecond,
				Type: m.typ, MessageStreamID: streamOne, Body: m.body})
			if err != nil {
				t.Fatal(err)
			}
		}
		got, err := readAll(buf.Bytes(), size)
		if err != nil || len(got) != len(want) {
			t.Fatalf("chunks of %d: %d messages, %v", size, len(got), err)
		}
		for i := range want {
			if got[i].typ != want[i].typ || got[i].time != want[i].time || !bytes.Equal(got[i].body, want[i].body) {
				t.Errorf("chunks of %d: message %d at %d, want %d", size, i, got[i].time, want[i].time)
			}
		}
	}
}

func TestTimesAreAddedUpAsTheirSendersMeanThem(t *testing.T) {
	one := []byte{0xaa}
	m := func(format byte, ms uint32) []byte { return append(header(format, 4, typAudio, ms, 1), one...) }
	for name, tc := range map[string]struct {
		chunks [][]byte
		want   []uint32
	}{
		"absolute":                       {[][]byte{m(0, 10), m(0, 33)}, []uint32{10, 33}},
		"deltas":                         {[][]byte{m(0, 10), m(1, 23), m(2, 24), m(3, 0)}, []uint32{10, 33, 57, 81}},
		"the same delta again and again": {[][]byte{m(0, 0), m(2, 23), m(3, 0), m(3, 0)}, []uint32{0, 23, 46, 69}},
		"the first time as delta":        {[][]byte{m(0, 23), m(3, 0), m(3, 0)}, []uint32{23, 46, 69}}, // ffmpeg, §5.3.1.2.4
		"backwards":                      {[][]byte{m(0, 100), m(0, 50)}, []uint32{100, 50}},
		"past 24 bits":                   {[][]byte{m(0, 0xfffffe), m(2, 23), m(0, 0xffffff), m(0, 0x01000000)}, []uint32{0xfffffe, 0x01000015, 0xffffff, 0x01000000}},
		"past 32 bits":                   {[][]byte{m(0, 0xfffffff0), m(2, 0x20)}, []uint32{0xfffffff0, 0x10}},
		"a long delta again":             {[][]byte{m(0, 0), m(2, 0x01000000), append(header(3, 4, 0, 0, 0), append(be(0x01000000), 0xaa)...)}, []uint32{0, 0x01000000, 0x02000000}},
	} {
		got, err := readAll(bytes.Join(tc.chunks, nil), usualChunk)
		var times []uint32
		for _, g := range got {
			times = append(times, g.time)
		}
		if err != nil || !reflect.DeepEqual(times, tc.want) {
			t.Errorf("%s: %d, %v, want %d", name, times, err, tc.want)
		}
	}
}

func be(n uint32) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }

func TestMessagesMayBeInterleavedAndAborted(t *testing.T) {
	a, b := random(300), random(200)
	stream := bytes.Join([][]byte{
		header(0, 4, typVideo, 5, 300), a[:128], header(0, 400, typAudio, 6, 200), b[:128], header(3, 4, 0, 0, 0), a[128:256],
		header(3, 400, 0, 0, 0), b[128:], header(3, 4, 0, 0, 0), a[256:],
	}, nil)
	got, err := readAll(stream, usualChunk)
	if err != nil || len(got) != 2 || !bytes.Equal(got[0].body, b) || !bytes.Equal(got[1].body, a) {
		t.Errorf("%d messages, %v", len(got), err)
	}

	c := newChunkReader(bytes.NewReader(append(header(0, 4, typVideo, 5, 300), a...)))
	c.readChunk()
	c.abort(4)
	c.abort(99)
	if c.partial != 0 || c.pending != 0 || c.streams[4].body != nil {
		t.Errorf("after an abort: %d partial, %d pending", c.partial, c.pending)
	}
}

func TestALongMessageGrowsAsItArrivesAndIsNotCutShort(t *testing.T) {
	body := bytes.Repeat(random(7777), 400)
	for _, size := range []int{4096, 65536, 8 << 20} {
		got, err := readAll(chunks(6, typVideo, 0, body, size), uint32(size))
		if err != nil || len(got) != 1 || !bytes.Equal(got[0].body, body) {
			t.Errorf("chunks of %d: %d messages, %v", size, len(got), err)
		}
	}
}

func TestTheBudgetRunsDryUntilItIsLifted(t *testing.T) {
	b := &budget{r: bytes.NewReader(make([]byte, 1000)), left: 100}
	n, err := io.ReadFull(b, make([]byte, 101))
	if n != 100 || !errors.Is(err, errProtocol) {
		t.Errorf("read %d, %v", n, err)
	}
	b.lift()
	if n, err := io.ReadFull(b, make([]byte, 900)); n != 900 || err != nil {
		t.Errorf("after it: %d, %v", n, err)
	}
}

func TestClocksThatWrapGoOn(t *testing.T) {
	const top31, top32 = 1<<31 - 1, 1<<32 - 1
	for name, tc := range map[string]struct {
		stamps []uint32
		want   []int64 // after the first
	}{
		"a plain clock":              {[]uint32{0, 33, 66}, []int64{33, 66}},
		"a step back":                {[]uint32{1000, 900, 1033}, []int64{-100, 33}},
		"32 bits":                    {[]uint32{top32 - 9, 23, 56}, []int64{33, 66}},
		"31 bits, as OBS does":       {[]uint32{top31 - 9, 23, 56}, []int64{33, 66}},
		"sound behind at 32 bits":    {[]uint32{top32 - 9, 10, top32 - 4, 20}, []int64{20, 5, 30}},
		"sound behind at 31 bits":    {[]uint32{top31 - 9, 10, top31 - 4, 20}, []int64{20, 5, 30}},
		"an hour ahead":              {[]uint32{0, 3600000}, []int64{3600000}},
		"an hour back":               {[]uint32{3600000, 0}, []int64{-3600000}},
		"from the middle, 31st bit":  {[]uint32{1<<31 + 5, 1<<31 + 38}, []int64{33}},
		"past the 31st bit, 32 long": {[]uint32{top31 - 9, 1<<31 + 23}, []int64{33}},
	} {
		var u unwrap
		first := u.next(tc.stamps[0])
		for i, ts := range tc.stamps[1:] {
			if got := u.next(ts) - first; got != tc.want[i] {
				t.Errorf("%s: stamp %d is %d after the first, want %d", name, i+1, got, tc.want[i])
			}
		}
	}
}
