package stat

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"echo.tv/server/live"
)

// onStage is a host with one channel of every state and the worst names that
// strangers could give themselves.
func onStage() *Stat {
	began := time.Now().Add(-time.Hour)
	ann := live.Status{
		Channel: "ann", State: live.Live, Publishing: true, Came: began, Since: began, Bitrate: 6_100_000,
		Rates:    live.Rates{Video: 6_000_000, Audio: 160_000, Sent: 30_000_000},
		Received: live.Received{VideoBytes: 2_700_000_000, AudioBytes: 72_000_000, Pictures: 216_000, Sounds: 168_750},
		Video: live.VideoInfo{Codec: "H.264", Profile: "High", Compat: 0, Level: 4.2, Width: 1920, Height: 1080,
			FPS: 59.94006, KeyInterval: 2 * time.Second},
		Audio:   live.AudioInfo{Codec: "AAC", Profile: "LC", SampleRate: 48000, Channels: 2},
		Viewers: 5, ViewersBy: map[live.Path]int{live.ByPush: 4, live.ByTS: 1}, Dropped: 7, Chunks: 1,
		SentBy: map[live.Path]uint64{live.ByPush: 1 << 40}, KeyID: "KEYID", KeyLabel: "KEYLABEL",
		Remote: "192.0.2.7:4000", Encoder: `</flashver><script>"OBS" & co`,
	}
	lost := live.Status{Channel: "bob", State: live.Lost, Since: began, Came: began, Audio: live.AudioInfo{Codec: "Opus"}}
	starting := live.Status{Channel: "cy", State: live.Starting, Publishing: true, Came: time.Now()}
	relayed := live.Status{Channel: "dan@abcdefghijklmnop", State: live.Live, Since: began, Came: began, Publishing: true,
		Video: live.VideoInfo{Codec: "HEVC", FPS: math.NaN()}, KeyLabel: "RELAYKEY"}
	return New(Config{
		Version:   "1.2.3",
		Channels:  func() []live.Status { return []live.Status{ann, lost, starting, relayed} },
		Traffic:   func() live.Traffic { return live.Traffic{Received: ann.Received, SentBy: ann.SentBy, Rates: ann.Rates} },
		Accepted:  func() uint64 { return 9 },
		Skipped:   func() map[live.Path]uint64 { return map[live.Path]uint64{live.ByPush: 3} },
		Recovered: func() uint64 { return 0 },
		StoreSize: func() int64 { return 65536 },
	})
}

func TestSumsAreThoseOfTheChannels(t *testing.T) {
	f := onStage().Figures(Reader{})
	if f.Host.Viewers != 5 || f.Host.ViewersBy.Push != 4 || f.Host.ViewersBy.TS != 1 || f.Host.BytesOut != 1<<40 || f.Host.BytesIn != 2_772_000_000 {
		t.Errorf("%+v", f.Host)
	}
	ann := f.Streams[0]
	if ann.BytesOut != 1<<40 || ann.BitsIn != 6_160_000 || ann.Seconds < 3600 || ann.Seconds > 3700 || ann.Picture.FPS != 59.94 {
		t.Errorf("%+v", ann)
	}
	if f.Streams[3].Host != "abcdefghijklmnop" {
		t.Errorf("%+v", f.Streams[3])
	}
}

func TestEveryNumberIsThereAlsoWhenItIsNothing(t *testing.T) {
	raw, err := json.Marshal(onStage().Figures(Reader{}).Streams[2])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"push":0`, `"hls":0`, `"ts":0`, `"rtsp":0`, `"rtmp":0`, `"peer":0`, `"bitsOut":0`, `"fps":0`, `"keyInterval":0`,
		`"dropped":0`, `"since":null`, `"address":""`, `"key":""`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s is missing in %s", want, raw)
		}
	}
}

func TestAReaderSeesWhatIsTheirs(t *testing.T) {
	for name, c := range map[string]struct {
		reader    Reader
		has, lack []string
	}{
		"a stranger":     {Reader{}, nil, []string{"192.0.2.7", "OBS", "KEYLABEL", "KEYID", "RELAYKEY"}},
		"ann":            {Reader{Name: "ann"}, []string{"KEYLABEL"}, []string{"192.0.2.7", "OBS", "KEYID", "RELAYKEY"}},
		"bob":            {Reader{Name: "bob"}, nil, []string{"192.0.2.7", "OBS", "KEYLABEL", "KEYID", "RELAYKEY"}},
		"dan, of here":   {Reader{Name: "dan"}, nil, []string{"KEYLABEL", "RELAYKEY"}},
		"who runs it":    {Reader{Name: "olga", Admin: true}, []string{"192.0.2.7", "OBS", "KEYLABEL"}, []string{"KEYID"}},
		"who has a name": {Reader{Name: "dan@abcdefghijklmnop"}, nil, []string{"RELAYKEY"}},
	} {
		raw, err := json.Marshal(onStage().Figures(c.reader))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.has {
			if !strings.Contains(string(raw), s) {
				t.Errorf("%s does not see %s", name, s)
			}
		}
		for _, s := range c.lack {
			if strings.Contains(string(raw), s) {
				t.Errorf("%s sees %s", name, s)
			}
		}
	}
}

func TestToolsGetXMLAndPeopleAPage(t *testing.T) {
	for accept, want := range map[string]Format{
		"":                                  XML,
		"*/*":                               XML,
		"text/xml":                          XML,
		"application/json":                  JSON,
		"application/json, text/plain, */*": JSON,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8": Page,
		"text/html;q=0.1, application/xml":                                           XML,
		"application/openmetrics-text;version=1.0.0,*/*;q=0.1":                       XML,
		"text/html;q=bogus":                  XML,
		"image/png":                          XML,
		"text/*":                             XML,
		",,;;,\x00":                          XML,
		strings.Repeat("text/html;q=0,", 99): XML,
	} {
		if got := Negotiate(accept); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add("text/html;q=0.5, */*")
	f.Add("text/html;q=NaN,application/json")
	f.Fuzz(func(t *testing.T, accept string) {
		if got := Negotiate(accept); got < XML || got > Page {
			t.Errorf("%q: %v", accept, got)
		}
	})
}
