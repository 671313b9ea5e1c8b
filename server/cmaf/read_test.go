package cmaf

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	"echo.tv/server/live"
)

var sets = map[string][]live.Track{
	"H.264 and AAC": {avc, aac44},
	"HEVC and Opus": {hevc, opus},
	"AV1 and AAC":   {av1, aac48},
	"picture alone": {avc},
	"sound alone":   {aac48},
	"Opus alone":    {opus},
}

// first returns a frame of a set's first track, and its payload is real.
func first(tracks []live.Track) live.Frame {
	f := live.Frame{DTS: 900000, PTS: 900000, Key: true, Payload: h264Key}
	switch tracks[0].Codec.(type) {
	case live.H265:
		f.Payload = h265Key
	case live.AV1:
		f.Payload = av1Key
	case live.AAC, live.Opus:
		f.Payload, f.Samples = []byte{1, 2, 3}, 1024
	}
	return f
}

func initOf(t testing.TB, tracks []live.Track) []byte {
	t.Helper()
	b, err := Packager{}.Init(tracks)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsWrittenReadsBack(t *testing.T) {
	for name, tracks := range sets {
		got, err := ReadInit(initOf(t, tracks))
		if err != nil || !reflect.DeepEqual(got, tracks) {
			t.Errorf("%s: %v %+v, want %+v", name, err, got, tracks)
			continue
		}
		frames := []live.Frame{first(tracks)}
		if tracks[0].Video() {
			later := first(tracks)
			later.DTS, later.PTS, later.Key = 903000, 909000, false
			frames = append(frames, later)
		}
		if len(tracks) > 1 {
			for i := range int64(3) { // on the grid that the live clock counts on
				at := ((442024+i*1024)*live.Second + int64(tracks[1].SampleRate)/2) / int64(tracks[1].SampleRate)
				frames = append(frames, live.Frame{Track: 1, DTS: at, PTS: at, Key: true, Samples: 1024, Payload: []byte{9, 9}})
			}
		}
		var b []byte
		for i, f := range frames {
			b = append(b, Packager{}.Chunk(uint32(i), tracks, f, 3000)...)
		}
		for i, want := range frames {
			var f live.Frame
			if f, b, err = ReadChunk(tracks, b); err != nil || !reflect.DeepEqual(f, want) {
				t.Errorf("%s: frame %d: %v %+v, want %+v", name, i, err, f, want)
			}
		}
		if len(b) > 0 {
			t.Errorf("%s: %d bytes are left", name, len(b))
		}
	}
}

func TestAStillReadsBack(t *testing.T) {
	for name, tracks := range sets {
		f := first(tracks)
		b, err := Still(&live.Still{Seq: 1, Track: tracks[0], Frame: f})
		if err != nil {
			t.Fatal(err)
		}
		track, got, err := ReadStill(b)
		if !tracks[0].Video() {
			if err == nil {
				t.Errorf("%s: sound is no picture", name)
			}
			continue
		}
		if err != nil || !track.Same(tracks[0]) || !bytes.Equal(got.Payload, f.Payload) {
			t.Errorf("%s: %v %+v", name, err, got)
		}
		for i := range b { // every cut, and something after the end
			if _, _, err := ReadStill(b[:i]); err == nil {
				t.Fatalf("%s: %d of %d bytes were taken for a picture", name, i, len(b))
			}
		}
		if _, _, err := ReadStill(append(b, 0)); err == nil {
			t.Errorf("%s: a byte too many was taken", name)
		}
	}
}

// change returns a copy of b with a 32-bit field set.
func change(b []byte, at int, v uint32) []byte {
	b = bytes.Clone(b)
	binary.BigEndian.PutUint32(b[at:], v)
	return b
}

func TestChunksOfStrangersAreRefused(t *testing.T) {
	tracks := []live.Track{avc, aac44}
	picture := Packager{}.Chunk(1, tracks, first(tracks), 3000)
	sound := Packager{}.Chunk(1, tracks, live.Frame{Track: 1, DTS: 900000, Key: true, Samples: 1024, Payload: []byte{9}}, 0)
	for name, b := range map[string][]byte{
		"nothing":                  nil,
		"garbage":                  bytes.Repeat([]byte("garbage!"), 100),
		"cut in the header":        picture[:50],
		"cut in the payload":       picture[:len(picture)-1],
		"mdat first":               picture[moofSize:],
		"a moof of another size":   change(picture, 0, 1<<31),
		"another box":              change(picture, 12, binary.BigEndian.Uint32([]byte("free"))),
		"track 0":                  change(picture, 44, 0),
		"track 3":                  change(picture, 44, 3),
		"track 2^32-1":             change(picture, 44, 1<<32-1),
		"the end of time":          change(picture, 60, 1<<31),
		"a million samples":        change(picture, 80, 1<<20),
		"data somewhere else":      change(picture, 84, 4),
		"a sample of 4 GB":         change(picture, 92, 1<<32-1),
		"a sample without bytes":   change(picture, 92, 0),
		"flags nobody writes":      change(picture, 96, 0xffffffff),
		"an mdat of 4 GB":          change(picture, moofSize, 1<<32-1),
		"a NAL unit of 4 GB":       change(picture, overhead, 1<<32-1),
		"an empty NAL unit":        change(picture, overhead, 0),
		"a forbidden bit":          change(picture, overhead+4, 0xffffffff),
		"sound that depends":       change(sound, 96, nonSyncSample),
		"sound of no length":       change(sound, 88, 0),
		"sound of a day":           change(sound, 88, 1<<31),
		"sound as picture":         change(sound, 44, 1),
		"a picture as AAC's track": change(change(picture, 44, 2), 88, 1<<31),
	} {
		if f, _, err := ReadChunk(tracks, b); err == nil {
			t.Errorf("%s was taken: %+v", name, f)
		}
	}
}

func TestInitsOfStrangersAreRefused(t *testing.T) {
	good := initOf(t, []live.Track{avc, aac44})
	find := func(kind string) int { return bytes.Index(good, []byte(kind)) - 4 }
	udta := append(bytes.Clone(good), "\x00\x00\x00\x18udta\x00\x00\x00\x10stsz\x00\x00\x00\x00\xff\xff\xff\xff"...)
	for name, b := range map[string][]byte{
		"nothing":                 nil,
		"garbage":                 bytes.Repeat([]byte("garbage!"), 100),
		"too long":                append(bytes.Clone(good), make([]byte, maxInit)...),
		"boxes without end":       bytes.Repeat([]byte("\x00\x00\x00\x08moov"), 100),
		"a box of 4 GB":           change(good, find("moov"), 1<<32-1),
		"a box of no size":        change(good, find("trak"), 0),
		"a box of 64 bit size":    change(good, find("trak"), 1),
		"a track that ends late":  change(good, find("trak"), 1<<16),
		"boxes we do not write":   udta,
		"no moov":                 good[:find("moov")],
		"moov twice":              append(bytes.Clone(good), good[find("moov"):]...),
		"two pictures":            initOf(t, []live.Track{avc, avc}),
		"sound first":             initOf(t, []live.Track{aac44, avc}),
		"three tracks":            initOf(t, []live.Track{avc, aac44, aac44}),
		"a clock of 0 Hz":         change(good, find("mdhd")+20, 0),
		"a clock of another pace": change(good, find("mdhd")+20, 1000),
	} {
		if tracks, err := ReadInit(b); err == nil {
			t.Errorf("%s was taken: %+v", name, tracks)
		}
	}
	for i := range good {
		if _, err := ReadInit(good[:i]); err == nil {
			t.Errorf("%d of %d bytes were taken", i, len(good))
		}
	}
}

func FuzzReadInit(f *testing.F) {
	for _, tracks := range sets {
		f.Add(initOf(f, tracks))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tracks, err := ReadInit(b)
		if err != nil {
			return
		}
		again, err := Packager{}.Init(tracks)
		if err != nil {
			return // readable, but not to be packaged: SetTracks refuses it
		}
		if same, err := ReadInit(again); err != nil || len(same) != len(tracks) {
			t.Errorf("%v: %+v became %+v", err, tracks, same)
		}
	})
}

func FuzzReadChunk(f *testing.F) {
	for _, tracks := range sets {
		f.Add(Packager{}.Chunk(7, tracks, first(tracks), 3000))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, tracks := range sets {
			rest := b
			for len(rest) > 0 {
				frame, after, err := ReadChunk(tracks, rest)
				if err != nil {
					break
				}
				if len(after) >= len(rest) || len(frame.Payload) > len(b) || frame.DTS < 0 {
					t.Fatalf("%+v of %d bytes, %d left", frame, len(rest), len(after))
				}
				rest = after
			}
		}
	})
}
