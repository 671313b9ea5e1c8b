package rtmp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"

	"echo.tv/server/live"
)

func track(t *testing.T, make func() (live.Track, error)) live.Track {
	t.Helper()
	tr, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// everyTrack is one of each codec.
func everyTrack(t *testing.T) []live.Track {
	return []live.Track{
		track(t, func() (live.Track, error) { return live.NewH264(h264SPS, h264PPS) }),
		track(t, func() (live.Track, error) { return live.NewH265(h265VPS, h265SPS, h265PPS) }),
		track(t, func() (live.Track, error) { return av1Config(av1c(av1Header)) }),
		track(t, func() (live.Track, error) { return live.NewAAC(aacConfig) }),
		track(t, func() (live.Track, error) { return live.NewOpus(2) }),
	}
}

func TestWhatIsMuxedIsDemuxedAsTheSame(t *testing.T) {
	for _, tr := range everyTrack(t) {
		t.Run(tr.Codec.Name(), func(t *testing.T) {
			parse := parseAudio
			if tr.Video() {
				parse = parseVideo
			}
			head, record, err := settings(tr)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parse(append(head, record...))
			if err != nil || got.kind != tagSequence {
				t.Fatalf("settings are read as %+v, %v", got, err)
			}
			if again, err := configuration(got); err != nil || !again.Same(tr) {
				t.Errorf("the settings became %+v, %v", again, err)
			}
			for _, key := range []bool{true, false} {
				for _, cts := range []int64{0, 66, -33} {
					got, err := parse(append(frameHead(tr, key, cts), 1, 2, 3))
					if err != nil || got.kind != tagFrame || !bytes.Equal(got.data, []byte{1, 2, 3}) {
						t.Errorf("a frame is read as %+v, %v", got, err)
					}
					if tr.Codec.Name() != "AV1" && tr.Video() && int64(got.cts) != cts {
						t.Errorf("offset %d is read as %d", cts, got.cts)
					}
				}
			}
		})
	}
}

// The bytes that profile and level are in are copied to where players look
// first; in the parameter set they have emulation prevention in between.
func TestTheHEVCRecordSaysTheProfileOfItsParameterSet(t *testing.T) {
	tr := everyTrack(t)[1]
	record, err := hevcRecord(tr.Codec.(live.H265))
	if err != nil {
		t.Fatal(err)
	}
	want := unhex("01" + "01" + "60000000" + "900000000000" + "1e" + "f000fcfdf8f80000")
	if !bytes.HasPrefix(record, want) {
		t.Errorf("% x does not begin with\n% x", record, want)
	}
	if n := record[21]; n != 1<<3|1<<2|3 && n != 1<<3|3 {
		t.Errorf("layers and length size %08b", n)
	}
}

func TestOpusWithMoreThanTwoChannelsIsRefusedInWords(t *testing.T) {
	tr := track(t, func() (live.Track, error) { return live.NewOpus(6) })
	if _, _, err := settings(tr); err == nil || !containsAll(err.Error(), []string{"Opus with 6 channels", "browser"}) {
		t.Error(err)
	}
}

func TestTheDescriptionNamesSizeRateAndCodecs(t *testing.T) {
	all := everyTrack(t)
	for _, tracks := range [][]live.Track{{all[0], all[3]}, {all[1], all[4]}, {all[2]}, {all[3]}, nil} {
		body, err := description(tracks)
		if err != nil {
			t.Fatal(err)
		}
		d, err := parseAMF(body)
		if err != nil || text(d, 0) != "onMetaData" {
			t.Fatalf("%v, %v", d, err)
		}
		said := object(d, 1)
		for _, tr := range tracks {
			id := "audiocodecid"
			if tr.Video() {
				id = "videocodecid"
				if w, _ := said.GetFloat64("width"); int(w) != tr.Width {
					t.Errorf("width %v", w)
				}
			}
			if v, _ := said.GetFloat64(id); v == 0 {
				t.Errorf("%s is not said", tr.Codec.Name())
			}
		}
	}
}

// Both our own reader and the library's read what we write, on either side of
// the timestamps and lengths where the form changes.
func TestMessagesOfAnyTimeAndLengthAreReadBack(t *testing.T) {
	type message struct {
		ms   int64
		body []byte
	}
	var sent []message
	var wire net.Buffers
	for i, ms := range []int64{0, 40, 0xfffffe, 0xffffff, 0x1000000, 1<<31 + 5, 1<<32 + 7} {
		for _, n := range []int{0, 1, ownChunk - 5, ownChunk - 4, ownChunk, 3*ownChunk + 1} {
			body := bytes.Repeat([]byte{byte(i + n)}, n)
			wire = appendMessage(wire, pictureStream, typVideo, ms, []byte{0x17, 1, 0, 0, 0}, body)
			sent = append(sent, message{ms, append([]byte{0x17, 1, 0, 0, 0}, body...)})
		}
	}
	raw := bytes.Join(wire, nil)
	ours := newChunkReader(bytes.NewReader(raw))
	ours.size, ours.limits = ownChunk, publisherLimits
	counted := bytecounter.NewReader(bytes.NewReader(raw))
	theirs := rawmessage.NewReader(counted, counted, func(uint32) error { return nil })
	theirs.SetChunkSize(ownChunk)
	for i, want := range sent {
		m, err := ours.read()
		if err != nil || m.typ != typVideo || m.time != uint32(want.ms) || !bytes.Equal(m.body, want.body) {
			t.Fatalf("message %d at %d of %d bytes: type %d at %d of %d, %v", i, want.ms, len(want.body), m.typ, m.time, len(m.body), err)
		}
		l, err := theirs.Read()
		if err != nil || l.Timestamp.Milliseconds() != want.ms&(1<<32-1) || !bytes.Equal(l.Body, want.body) {
			t.Fatalf("the library reads message %d of %d bytes as %s, %v", i, len(want.body), brief(l), err)
		}
	}
	if _, err := ours.read(); !errors.Is(err, io.EOF) {
		t.Errorf("and then %v", err)
	}
}

func brief(m *rawmessage.Message) string {
	if m == nil {
		return "nothing"
	}
	return fmt.Sprintf("%d bytes at %v", len(m.Body), m.Timestamp)
}

func TestTimesAreRoundedToTheNextMillisecond(t *testing.T) {
	for ticks, want := range map[int64]int64{0: 0, 44: 0, 45: 1, 90: 1, 135: 2, -44: 0, -45: -1, -90: -1, 90 * 1001: 1001} {
		if got := milliseconds(ticks); got != want {
			t.Errorf("%d ticks are %d ms, want %d", ticks, got, want)
		}
	}
}
